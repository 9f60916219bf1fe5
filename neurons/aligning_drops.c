/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What sets of neurons add in every fold: those of concepts, their random and permuted
 * likes, exchanges between two concepts, and the neurons that other folds choose. */
#include "neurons/aligning_concepts.h"

#include "core/alloc.h"
#include "core/error_keep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Targets of a block: fixed, so that threads change no bit. */
#define BLOCK 256

/* A fold being done. */
typedef struct {
    ba_align_concepts_t *concepts;
    size_t fold;
    /* sets that this fold does not choose: those of regions, then concepts x regions */
    size_t n_chosen, *chosen_neurons;
    ba_align_set_t *chosen;
    /* by target: 1 over its folds with a score; by region: 1 over its scored targets */
    double *target_share, *region_share;
} pass_t;

/* One block: targets first .. first + n - 1 of the list. */
typedef struct {
    size_t n, target[BLOCK];
    ba_cdmat_t y, y_test;
    double *values;
    ba_drops_t *drops;
} block_t;

static void
close_block(block_t *block)
{
    ba_drops_free(block->drops);
    ba_free(block->values);
}

static int
open_block(const ba_ctx_t *ctx, const ba_align_fold_t *fold, const ba_inverse_t *inverse,
    size_t first, block_t *block)
{
    int status = BA_OK;
    size_t n_train, n_test;
    double *y_test;

    ba_align_fold_rows(fold, &n_train, &n_test);
    BA_TRY_ALLOC(
        block->values, ba_malloc(n_train + n_test, block->n * sizeof *block->values));
    y_test = block->values + n_train * block->n;
    for (size_t i = 0; i < block->n; i++) {
        ba_align_fold_gather(fold, first + i, block->values + i * n_train,
            y_test + i * n_test, &block->target[i]);
    }
    block->y = (ba_cdmat_t){block->values, n_train, block->n, n_train};
    block->y_test = (ba_cdmat_t){y_test, n_test, block->n, n_test};
    BA_TRY(ba_drops_new(ctx, inverse, block->y, block->y_test, &block->drops));
out:
    return status;
}

/* Adds the drops of a block to what a set has by region. */
static void
add_to_regions(
    const pass_t *pass, const block_t *block, const double *drop, double *by_region)
{
    const size_t *region = pass->concepts->regions->region;

    for (size_t i = 0; i < block->n; i++) {
        size_t t = block->target[i], r = region[t];
        double value = isnan(drop[i]) ? 0.0 : drop[i] * pass->target_share[t];

        by_region[0] += value * pass->region_share[0];
        if (r > 0) {
            by_region[r] += value * pass->region_share[r];
        }
    }
}

/* Set `s` of those that all folds share. */
static int
drop_shared(const pass_t *pass, const block_t *block, size_t s, double *drop)
{
    int status;
    const ba_align_drops_t *all = &pass->concepts->drops;
    double *kept = all->by_target + s * pass->concepts->aligning->n_targets;

    BA_TRY(ba_drops_set(block->drops, all->sets[s].neurons, all->sets[s].n, drop));
    add_to_regions(pass, block, drop, all->by_region + s * pass->concepts->regions->n);
    for (size_t i = 0; s < all->n_kept && i < block->n; i++) {
        size_t t = block->target[i];
        double value = drop[i] * pass->target_share[t];

        kept[t] = isnan(kept[t]) ? value : kept[t] + value;
    }
out:
    return status;
}

/* A set that this fold's rows did not choose counts in its own region alone. */
static int
drop_chosen(const pass_t *pass, const block_t *block, size_t s, double *drop)
{
    int status = BA_OK;
    const ba_align_concepts_t *concepts = pass->concepts;
    size_t n_regions = concepts->regions->n, r = s % n_regions;
    double *out =
        s < n_regions ? concepts->brain_drop + s : concepts->shared_drop + s - n_regions;

    BA_TRY(ba_drops_set(block->drops, pass->chosen[s].neurons, pass->chosen[s].n, drop));
    for (size_t i = 0; i < block->n; i++) {
        size_t t = block->target[i];

        if ((r == 0 || concepts->regions->region[t] == r) && !isnan(drop[i])) {
            *out += drop[i] * pass->target_share[t] * pass->region_share[r];
        }
    }
out:
    return status;
}

/* Scores of a concept beside its drop: without, with zeros, alone. */
static int
score_concept(const pass_t *pass, const ba_contribution_t *contribution,
    const block_t *block, size_t c)
{
    int status = BA_OK;
    const ba_align_concepts_t *concepts = pass->concepts;
    size_t n = block->n, m = block->y_test.n_rows, v = concepts->aligning->n_targets;
    double *found = NULL;
    ba_set_scores_t at[4];

    BA_TRY_ALLOC(found, ba_malloc(8 * n, sizeof *found));
    for (size_t k = 0; k < 4; k++) {
        at[k] = (ba_set_scores_t){.sse = found + 2 * k * n, .r = found + (2 * k + 1) * n};
    }
    BA_TRY(ba_contribution_set(contribution, block->y, block->y_test,
        concepts->neurons + c * concepts->top, concepts->top, &at[0], &at[1], &at[2],
        &at[3]));
    for (size_t i = 0; i < n; i++) {
        size_t t = block->target[i];
        double values[BA_SET_SHAPLEY];

        ba_align_set_values(at, i, ba_align_total(block->y_test.data + i * m, m), values);
        for (size_t s = BA_SET_DELTA_R; s < BA_SET_SHAPLEY; s++) {
            double *out = concepts->own[s] + c * v + t;
            double value = values[s] * pass->target_share[t];

            *out = isnan(*out) ? value : *out + value;
        }
    }
out:
    ba_free(found);
    return status;
}

/* All sets and concepts on a block; every one writes to places of its own. */
static int
do_block(const pass_t *pass, const ba_contribution_t *contribution, const block_t *block)
{
    const ba_align_concepts_t *concepts = pass->concepts;
    size_t n_sets = concepts->drops.n_sets, n_all = n_sets + pass->n_chosen;
    ba_error_keep_t keep = {0};

#pragma omp parallel for schedule(dynamic, 4) num_threads(ba_ctx_threads(concepts->ctx))
    for (size_t s = 0; s < n_all + concepts->n; s++) {
        double drop[BLOCK];
        int status = s < n_sets  ? drop_shared(pass, block, s, drop)
                     : s < n_all ? drop_chosen(pass, block, s - n_sets, drop)
                                 : score_concept(pass, contribution, block, s - n_all);

        ba_error_keep(&keep, status);
    }
    return ba_error_raise(&keep);
}

static int
take_out(const ba_ctx_t *ctx, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t first, size_t stop, void *data)
{
    int status;
    ba_inverse_t *inverse = NULL;
    block_t block = {0};

    BA_TRY(ba_inverse_new(ctx, contribution, ba_ctx_memory(ctx) / 4, &inverse));
    for (; first < stop; first += block.n) {
        close_block(&block);
        block = (block_t){.n = stop - first < BLOCK ? stop - first : BLOCK};
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(open_block(ctx, fold, inverse, first, &block));
        BA_TRY(do_block(data, contribution, &block));
    }
out:
    close_block(&block);
    ba_inverse_free(inverse);
    return status;
}

/* ---- the lists of sets ---- */

static int
compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return (x > y) - (x < y);
}

/* The best neurons of regions on all folds but this one, and which of them concepts
 * have. */
static int
choose(pass_t *pass)
{
    int status = BA_OK;
    const ba_align_concepts_t *concepts = pass->concepts;
    size_t n_regions = concepts->regions->n, top = concepts->top;
    uint32_t *order = NULL;
    size_t k = concepts->aligning->neurons.n_neurons;

    BA_TRY_ALLOC(order, ba_malloc(k, sizeof *order));
    for (size_t r = 0; r < n_regions; r++) {
        size_t *best = pass->chosen_neurons + r * top;

        BA_TRY(ba_align_brain_without(concepts, r, pass->fold, order));
        for (size_t i = 0; i < top; i++) {
            best[i] = order[i];
        }
        qsort(best, top, sizeof *best, compare_sizes);
        pass->chosen[r] = (ba_align_set_t){best, top};
        for (size_t c = 0; c < concepts->n; c++) {
            size_t s = n_regions + c * n_regions + r, n = 0;
            size_t *both = pass->chosen_neurons + s * top;

            for (size_t i = 0; i < top; i++) {
                if (bsearch(&best[i], concepts->neurons + c * top, top, sizeof *best,
                        compare_sizes)) {
                    both[n++] = best[i];
                }
            }
            pass->chosen[s] = (ba_align_set_t){both, n};
        }
    }
out:
    ba_free(order);
    return status;
}

/* Concept by concept: its own neurons, matched sets, permuted labels; then exchanges. */
static int
list_sets(ba_align_concepts_t *concepts)
{
    int status = BA_OK;
    const ba_align_opts_t *opts = concepts->aligning->opts;
    size_t top = concepts->top, n = 0, each = 1 + opts->n_matched + concepts->n_label;
    size_t n_exchanged = 2 * concepts->n_pairs * opts->n_exchanges;
    ba_align_drops_t *drops = &concepts->drops;

    drops->n_kept = concepts->n * each;
    drops->n_sets = drops->n_kept + n_exchanged;
    BA_TRY_ALLOC(concepts->sets, ba_malloc(drops->n_sets, sizeof *concepts->sets));
    for (size_t c = 0; c < concepts->n; c++) {
        concepts->sets[n++] = (ba_align_set_t){concepts->neurons + c * top, top};
        for (size_t b = 0; b < opts->n_matched; b++) {
            concepts->sets[n++] = (ba_align_set_t){
                concepts->matched_sets + (c * opts->n_matched + b) * top, top};
        }
        for (size_t b = 0; b < concepts->n_label; b++) {
            concepts->sets[n++] = (ba_align_set_t){
                concepts->label_sets + (c * concepts->n_label + b) * top, top};
        }
    }
    for (size_t i = 0; i < n_exchanged; i++) {
        concepts->sets[n++] = (ba_align_set_t){concepts->pair_sets + i * top, top};
    }
    drops->sets = concepts->sets;
out:
    return status;
}

int
ba_align_drops_check(const ba_align_concepts_t *concepts)
{
    const ba_align_opts_t *opts = concepts->aligning->opts;
    double n_sets =
        (double) concepts->n * (double) (1 + opts->n_matched + concepts->n_label);
    double bytes = sizeof(double) * n_sets *
                   (double) (concepts->aligning->n_targets + concepts->regions->n);

    if (bytes > (double) ba_ctx_memory(concepts->ctx)) {
        return ba_fail(BA_TOO_LARGE,
            "%.0f sets of neurons x %zu targets need %.3g GiB, wanted at most %.3g: "
            "fewer matched sets or concepts",
            n_sets, concepts->aligning->n_targets, bytes * 0x1p-30,
            (double) ba_ctx_memory(concepts->ctx) * 0x1p-30);
    }
    return BA_OK;
}

static int
fill_nan(size_t n_rows, size_t n_columns, double **out)
{
    int status;
    size_t n;

    BA_TRY(ba_multiply(n_rows, n_columns, &n));
    BA_TRY_ALLOC(*out, ba_malloc(n, sizeof **out));
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = NAN;
    }
out:
    return status;
}

static int
make_results(ba_align_concepts_t *concepts)
{
    int status;
    ba_align_drops_t *drops = &concepts->drops;
    size_t n_regions = concepts->regions->n, v = concepts->aligning->n_targets;

    BA_TRY(list_sets(concepts));
    BA_TRY_ALLOC(
        drops->by_region, ba_calloc(drops->n_sets, n_regions * sizeof *drops->by_region));
    BA_TRY(fill_nan(drops->n_kept, v, &drops->by_target));
    for (size_t s = BA_SET_DELTA_R; s < BA_SET_SHAPLEY; s++) {
        BA_TRY(fill_nan(concepts->n, v, &concepts->own[s]));
    }
    BA_TRY_ALLOC(
        concepts->brain_drop, ba_calloc(n_regions, sizeof *concepts->brain_drop));
    BA_TRY_ALLOC(concepts->shared_drop,
        ba_calloc(concepts->n * n_regions, sizeof *concepts->shared_drop));
out:
    return status;
}

/* Shares by which means over folds and targets are made as sums. */
static void
fill_shares(pass_t *pass)
{
    const ba_aligning_t *a = pass->concepts->aligning;
    const ba_align_regions_t *regions = pass->concepts->regions;

    for (size_t t = 0; t < a->n_targets; t++) {
        size_t n = ba_align_folds_of(a, t);

        pass->target_share[t] = n > 0 ? 1.0 / (double) n : 0.0;
        pass->region_share[0] += n > 0;
        pass->region_share[regions->region[t]] += n > 0 && regions->region[t] > 0;
    }
    for (size_t r = 0; r < regions->n; r++) {
        pass->region_share[r] =
            pass->region_share[r] > 0.0 ? 1.0 / pass->region_share[r] : 0.0;
    }
}

int
ba_align_drops_run(ba_align_concepts_t *concepts)
{
    int status = BA_OK;
    const ba_aligning_t *a = concepts->aligning;
    size_t n_regions = concepts->regions->n;
    pass_t pass = {.concepts = concepts, .n_chosen = n_regions * (1 + concepts->n)};

    BA_TRY(make_results(concepts));
    BA_TRY_ALLOC(pass.target_share, ba_malloc(a->n_targets, sizeof *pass.target_share));
    BA_TRY_ALLOC(pass.region_share, ba_calloc(n_regions, sizeof *pass.region_share));
    BA_TRY_ALLOC(pass.chosen, ba_calloc(pass.n_chosen, sizeof *pass.chosen));
    BA_TRY_ALLOC(pass.chosen_neurons,
        ba_malloc(pass.n_chosen, concepts->top * sizeof *pass.chosen_neurons));
    fill_shares(&pass);
    for (size_t f = 0; f < a->n_folds; f++) {
        pass.fold = f;
        BA_TRY(choose(&pass));
        BA_TRY(ba_align_visit(concepts->ctx, a, f, take_out, &pass));
        ba_ctx_progress(
            concepts->ctx, "sets of neurons", (double) (f + 1), (double) a->n_folds);
    }
out:
    ba_free(pass.target_share);
    ba_free(pass.region_share);
    ba_free(pass.chosen);
    ba_free(pass.chosen_neurons);
    return status;
}
