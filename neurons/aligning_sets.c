/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/aligning_sets.h"

#include "brainalign/ranking.h"
#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"
#include "model/shapley.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Targets that are done together: what depends on a set alone is made once for them. */
enum { SET_BLOCK = 256 };

void
ba_align_sets_free(ba_align_sets_t *sets)
{
    for (size_t s = 0; sets->names && s < sets->n; s++) {
        ba_free(sets->names[s]);
    }
    ba_free(sets->names);
    ba_free(sets->start);
    ba_free(sets->neurons);
    ba_free(sets->now);
    ba_free(sets->mean);
    ba_free(sets->counts);
    ba_free(sets->by_fold);
    ba_free(sets->n_by_fold);
    *sets = (ba_align_sets_t){0};
}

/* ---- what the sets are ---- */

/* Takes over the name; NULL = out of memory. */
static int
add_set(ba_align_sets_t *sets, char *name, const size_t *neurons, size_t n)
{
    int status = BA_OK;
    size_t at = sets->start[sets->n];

    BA_TRY_ALLOC(sets->names[sets->n], name);
    sets->n++;
    BA_TRY_ALLOC(sets->neurons, ba_realloc(sets->neurons, at + n, sizeof *sets->neurons));
    memcpy(sets->neurons + at, neurons, n * sizeof *neurons);
    sets->start[sets->n] = at + n;
out:
    return status;
}

static int
read_list(ba_align_sets_t *sets, const char *text)
{
    int status;
    const char *equals = strchr(text, '=');
    const char *file = equals && equals != text ? equals + 1 : text;
    const ba_neuron_table_t *neurons = &sets->aligning->neurons;
    size_t *list = NULL, n = 0;

    BA_TRY(ba_neuron_list_read(file, neurons->n_neurons, &list, &n));
    BA_TRY(ba_neuron_list_places(neurons, list, n));
    if (n == 0) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: no neuron, wanted at least 1", file));
    }
    BA_TRY(add_set(sets,
        file == text ? ba_strdup(text) : ba_asprintf("%.*s", (int) (equals - text), text),
        list, n));
out:
    free(list);
    return status;
}

/* Neurons of a component stand together, those of a layer within it. */
static int
add_parts(ba_align_sets_t *sets, int by_layer)
{
    int status = BA_OK;
    const ba_neuron_table_t *neurons = &sets->aligning->neurons;
    size_t n = neurons->n_neurons, *list = NULL, next;

    BA_TRY_ALLOC(list, ba_malloc(n, sizeof *list));
    for (size_t j = 0; j < n; j++) {
        list[j] = j;
    }
    for (size_t j = 0; j < n; j = next) {
        const char *component = neurons->component_names[neurons->component[j]];

        for (next = j + 1; next < n &&
                           neurons->component[next] == neurons->component[j] &&
                           (!by_layer || neurons->layer[next] == neurons->layer[j]);) {
            next++;
        }
        BA_TRY(add_set(sets,
            by_layer ? ba_asprintf("%s:%zu", component, neurons->layer[j])
                     : ba_strdup(component),
            list + j, next - j));
    }
out:
    ba_free(list);
    return status;
}

static int
check_shapley(const ba_align_sets_t *sets)
{
    int status = BA_OK;
    size_t *of = NULL;

    if (sets->n == 0 || sets->n > BA_MOST_GROUPS) {
        return ba_fail(BA_VALUE, "Shapley values: found %zu sets, wanted 1 to %d",
            sets->n, BA_MOST_GROUPS);
    }
    BA_TRY_ALLOC(of, ba_calloc(sets->aligning->neurons.n_neurons, sizeof *of));
    for (size_t s = 0; s < sets->n; s++) {
        for (size_t i = sets->start[s]; i < sets->start[s + 1]; i++) {
            size_t neuron = sets->neurons[i];

            if (of[neuron] > 0) {
                BA_TRY(ba_fail(BA_SHAPE,
                    "sets '%s' and '%s': both have neuron %zu, wanted sets apart for "
                    "Shapley values",
                    sets->names[of[neuron] - 1], sets->names[s], neuron));
            }
            of[neuron] = s + 1;
        }
    }
out:
    ba_free(of);
    return status;
}

static int
allocate(const ba_ctx_t *ctx, ba_align_sets_t *sets)
{
    int status;
    size_t n;
    double bytes = (double) (BA_SET_N * sets->n + 1) *
                   (double) sets->aligning->n_targets *
                   (2.0 * sizeof(double) + sizeof(uint16_t));

    if (bytes > (double) ba_ctx_memory(ctx)) {
        return ba_fail(BA_TOO_LARGE,
            "%zu sets, %zu targets need %.3g GiB, wanted at most %.3g", sets->n,
            sets->aligning->n_targets, bytes * 0x1p-30,
            (double) ba_ctx_memory(ctx) * 0x1p-30);
    }
    BA_TRY(ba_multiply(BA_SET_N * sets->n + 1, sets->aligning->n_targets, &n));
    BA_TRY_ALLOC(sets->now, ba_malloc(n, sizeof *sets->now));
    BA_TRY_ALLOC(sets->mean, ba_calloc(n, sizeof *sets->mean));
    BA_TRY_ALLOC(sets->counts, ba_calloc(n, sizeof *sets->counts));
    BA_TRY(
        ba_multiply(sets->aligning->n_folds * sets->regions->n, BA_SET_N * sets->n, &n));
    BA_TRY_ALLOC(sets->by_fold, ba_calloc(n, sizeof *sets->by_fold));
    BA_TRY_ALLOC(sets->n_by_fold, ba_calloc(n, sizeof *sets->n_by_fold));
out:
    return status;
}

int
ba_align_sets_open(const ba_ctx_t *ctx, const ba_aligning_t *a,
    const ba_align_regions_t *regions, ba_align_sets_t *out)
{
    int status = BA_OK;
    const ba_align_opts_t *opts = a->opts;
    size_t most = opts->n_sets + (opts->sets_by ? a->neurons.n_neurons : 0);

    *out = (ba_align_sets_t){.aligning = a, .regions = regions};
    if (most == 0 && !opts->shapley) {
        return BA_OK;
    }
    BA_TRY_ALLOC(out->names, ba_calloc(most + 1, sizeof *out->names));
    BA_TRY_ALLOC(out->start, ba_calloc(most + 1, sizeof *out->start));
    for (size_t i = 0; i < opts->n_sets; i++) {
        BA_TRY(read_list(out, opts->sets[i]));
    }
    if (opts->sets_by != BA_SETS_NONE) {
        BA_TRY(add_parts(out, opts->sets_by == BA_SETS_LAYERS));
    }
    if (opts->shapley) {
        BA_TRY(check_shapley(out));
    }
    BA_TRY(allocate(ctx, out));
out:
    return status;
}

/* ---- one block of targets ---- */

typedef struct {
    size_t n, n_train, n_test;
    size_t targets[SET_BLOCK];
    double *y, *y_test;
    double total[SET_BLOCK]; /* SST, NaN where there is none */
    double *sse[4], *r[4];   /* whole, without, zeroed, only */
    double *scores;          /* BA_SET_N x n */
    double *coalitions, *shapley;
} block_t;

static void
close_block(block_t *block)
{
    ba_free(block->y);
    ba_free(block->y_test);
    ba_free(block->scores);
    ba_free(block->coalitions);
    ba_free(block->shapley);
}

double
ba_align_total(const double *y, size_t n)
{
    double mean = 0.0, total = 0.0;

    for (size_t i = 0; i < n; i++) {
        mean += y[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        total += (y[i] - mean) * (y[i] - mean);
    }
    return total > 0.0 ? total : (double) NAN;
}

void
ba_align_set_values(
    const ba_set_scores_t at[4], size_t i, double total, double values[BA_SET_SHAPLEY])
{
    double whole = at[0].sse[i];

    values[BA_SET_DELTA_R2] = (at[1].sse[i] - whole) / total;
    values[BA_SET_DELTA_R] = at[0].r[i] - at[1].r[i];
    values[BA_SET_ZERO_OUT] = (at[2].sse[i] - whole) / total;
    values[BA_SET_ONLY_R2] = 1.0 - at[3].sse[i] / total;
    values[BA_SET_ONLY_R] = at[3].r[i];
}

static int
open_block(const ba_align_fold_t *fold, size_t first, size_t n, block_t *block)
{
    int status = BA_OK;

    *block = (block_t){.n = n};
    ba_align_fold_rows(fold, &block->n_train, &block->n_test);
    BA_TRY_ALLOC(block->y, ba_malloc(block->n_train, n * sizeof *block->y));
    BA_TRY_ALLOC(block->y_test, ba_malloc(block->n_test, n * sizeof *block->y_test));
    BA_TRY_ALLOC(block->scores, ba_malloc((BA_SET_N + 8) * n, sizeof *block->scores));
    for (size_t k = 0; k < 4; k++) {
        block->sse[k] = block->scores + (BA_SET_N + 2 * k) * n;
        block->r[k] = block->sse[k] + n;
    }
    for (size_t i = 0; i < n; i++) {
        double *y_test = block->y_test + i * block->n_test;

        ba_align_fold_gather(
            fold, first + i, block->y + i * block->n_train, y_test, &block->targets[i]);
        block->total[i] = ba_align_total(y_test, block->n_test);
    }
out:
    return status;
}

/* Scores of a block to the places of their targets. */
static void
keep_scores(ba_align_sets_t *sets, size_t set, size_t kind, const block_t *block,
    const double *scores)
{
    double *out = sets->now + ba_align_sets_place(sets, kind, set);

    for (size_t i = 0; i < block->n; i++) {
        out[block->targets[i]] = scores[i];
    }
}

static int
do_set(ba_align_sets_t *sets, const ba_contribution_t *contribution, size_t s,
    block_t *block)
{
    int status;
    ba_set_scores_t scores[4];
    double *out = block->scores;
    size_t n = block->n;

    for (size_t k = 0; k < 4; k++) {
        scores[k] = (ba_set_scores_t){.sse = block->sse[k], .r = block->r[k]};
    }
    BA_TRY(ba_contribution_set(contribution,
        ba_cdmat(block->y, block->n_train, n, block->n_train),
        ba_cdmat(block->y_test, block->n_test, n, block->n_test),
        sets->neurons + sets->start[s], sets->start[s + 1] - sets->start[s], &scores[0],
        &scores[1], &scores[2], &scores[3]));
    for (size_t i = 0; i < n; i++) {
        double values[BA_SET_SHAPLEY];

        ba_align_set_values(scores, i, block->total[i], values);
        for (size_t kind = 0; kind < BA_SET_SHAPLEY; kind++) {
            out[kind * n + i] = values[kind];
        }
    }
    for (size_t kind = 0; kind < BA_SET_SHAPLEY; kind++) {
        keep_scores(sets, s, kind, block, out + kind * n);
    }
out:
    return status;
}

static int
do_shapley(ba_align_sets_t *sets, const ba_contribution_t *contribution, block_t *block)
{
    int status;
    size_t n = block->n, n_coalitions = (size_t) 1 << sets->n;
    ba_neuron_groups_t groups = {sets->n, sets->start, sets->neurons};

    BA_TRY_ALLOC(
        block->coalitions, ba_malloc(n_coalitions, n * sizeof *block->coalitions));
    BA_TRY_ALLOC(block->shapley, ba_malloc(sets->n, n * sizeof *block->shapley));
    BA_TRY(ba_contribution_coalitions(contribution,
        ba_cdmat(block->y, block->n_train, n, block->n_train),
        ba_cdmat(block->y_test, block->n_test, n, block->n_test), &groups,
        block->coalitions));
    for (size_t i = 0; i < n_coalitions * n; i++) {
        block->coalitions[i] = 1.0 - block->coalitions[i] / block->total[i % n];
    }
    ba_shapley_values(block->coalitions, sets->n, n, block->shapley);
    for (size_t s = 0; s < sets->n; s++) {
        keep_scores(sets, s, BA_SET_SHAPLEY, block, block->shapley + s * n);
    }
    keep_scores(sets, 0, BA_SET_N, block, block->coalitions);
out:
    return status;
}

static int
do_block(ba_align_sets_t *sets, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t first, size_t n)
{
    int status;
    block_t block;

    BA_TRY(open_block(fold, first, n, &block));
    for (size_t s = 0; s < sets->n; s++) {
        BA_TRY(do_set(sets, contribution, s, &block));
    }
    if (sets->aligning->opts->shapley) {
        BA_TRY(do_shapley(sets, contribution, &block));
    }
out:
    close_block(&block);
    return status;
}

/* ---- all of it ---- */

static int
visit(const ba_ctx_t *ctx, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t first, size_t stop, void *data)
{
    ba_align_sets_t *sets = data;
    ba_error_keep_t keep = {0};
    size_t n_blocks = (stop - first + SET_BLOCK - 1) / SET_BLOCK;

#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t b = 0; b < n_blocks; b++) {
        size_t at = first + b * SET_BLOCK;
        size_t n = stop - at < SET_BLOCK ? stop - at : SET_BLOCK;

        ba_error_keep(&keep, do_block(sets, fold, contribution, at, n));
    }
    return ba_error_raise(&keep);
}

/* A fold's numbers into its means over targets and the sums over folds. */
static void
add_fold(ba_align_sets_t *sets, size_t fold)
{
    size_t v = sets->aligning->n_targets, n = BA_SET_N * sets->n * v;

    for (size_t i = 0; i < n + v; i++) {
        size_t kind = i / v / sets->n, set = i / v % sets->n;
        size_t list[] = {0, sets->regions->region[i % v]};

        if (isnan(sets->now[i])) {
            continue;
        }
        sets->mean[i] += sets->now[i];
        sets->counts[i]++;
        for (size_t r = 0; i < n && r < (list[1] > 0 ? 2 : 1); r++) {
            size_t at = ba_align_sets_at(sets, fold, list[r], kind) + set;

            sets->by_fold[at] += sets->now[i];
            sets->n_by_fold[at]++;
        }
    }
}

static void
divide(ba_align_sets_t *sets)
{
    size_t v = sets->aligning->n_targets, n = (BA_SET_N * sets->n + 1) * v;

    for (size_t i = 0; i < n; i++) {
        sets->mean[i] /= sets->counts[i] > 0 ? sets->counts[i] : (double) NAN;
    }
    n = sets->aligning->n_folds * sets->regions->n * BA_SET_N * sets->n;
    for (size_t i = 0; i < n; i++) {
        sets->by_fold[i] /= sets->n_by_fold[i] > 0 ? sets->n_by_fold[i] : (double) NAN;
    }
}

int
ba_align_sets_run(const ba_ctx_t *ctx, ba_align_sets_t *sets)
{
    int status = BA_OK;
    const ba_aligning_t *a = sets->aligning;

    if (sets->n == 0) {
        return BA_OK;
    }
    for (size_t k = 0; k < a->n_folds; k++) {
        for (size_t i = 0; i < (BA_SET_N * sets->n + 1) * a->n_targets; i++) {
            sets->now[i] = NAN;
        }
        BA_TRY(ba_align_visit(ctx, a, k, visit, sets));
        add_fold(sets, k);
        ba_ctx_progress(ctx, "folds of sets", (double) (k + 1), (double) a->n_folds);
    }
    divide(sets);
out:
    return status;
}
