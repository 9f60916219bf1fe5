/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One outer fold: targets in groups that share the penalties of spaces (one factorisation
 * each), within them those that share alpha, in blocks. */
#include "neurons/aligning_split.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
ba_aligned_free(ba_aligned_t *aligned)
{
    for (size_t k = 0; k < BA_ALIGN_N; k++) {
        ba_free(aligned->values[k]);
    }
    ba_free(aligned->r2);
    *aligned = (ba_aligned_t){0};
}

void
ba_aligned_clear(const ba_aligning_t *a, ba_aligned_t *aligned)
{
    for (size_t i = 0; i < a->neurons.n_neurons * aligned->n; i++) {
        for (size_t k = 0; k < BA_ALIGN_N; k++) {
            aligned->values[k][i] = NAN;
        }
    }
    for (size_t t = 0; t < aligned->n; t++) {
        aligned->r2[t] = NAN;
    }
    aligned->n_alphas = 0;
}

int
ba_aligned_make(const ba_aligning_t *a, size_t first, size_t n, ba_aligned_t *out)
{
    int status = BA_OK;
    size_t size;

    *out = (ba_aligned_t){.first = first, .n = n};
    BA_TRY(ba_multiply(a->neurons.n_neurons, n, &size));
    for (size_t k = 0; k < BA_ALIGN_N; k++) {
        BA_TRY_ALLOC(out->values[k], ba_malloc(size, sizeof *out->values[k]));
    }
    BA_TRY_ALLOC(out->r2, ba_malloc(n, sizeof *out->r2));
    ba_aligned_clear(a, out);
out:
    return status;
}

/* A target with its penalties; ordered by those of spaces, then alpha, then place. */
typedef struct {
    size_t target, n_gammas;
    double alpha;
    double *gammas; /* n_gammas */
} penalised_t;

static int
compare_gammas(const penalised_t *a, const penalised_t *b)
{
    for (size_t k = 0; k < a->n_gammas; k++) {
        if (a->gammas[k] != b->gammas[k]) {
            return a->gammas[k] < b->gammas[k] ? -1 : 1;
        }
    }
    return 0;
}

static int
compare(const void *left, const void *right)
{
    const penalised_t *a = left, *b = right;
    int order = compare_gammas(a, b);

    if (order == 0 && a->alpha != b->alpha) {
        order = a->alpha < b->alpha ? -1 : 1;
    }
    return order != 0 ? order : (a->target > b->target) - (a->target < b->target);
}

size_t
ba_align_folds_of(const ba_aligning_t *a, size_t target)
{
    size_t n = 0;

    for (size_t f = 0; f < a->n_folds; f++) {
        n += !isnan(a->r2_by_fold[f * a->n_targets + target]) &&
             !isnan(a->alphas[f * a->n_targets + target]);
    }
    return n;
}

struct ba_align_fold {
    ba_align_split_t split;
    penalised_t *list;
    double *gammas;
    size_t n_listed, number;
};

typedef ba_align_fold_t fold_t;

static void
close_fold(fold_t *fold)
{
    ba_align_split_close(&fold->split);
    ba_free(fold->list);
    ba_free(fold->gammas);
}

static int
list_targets(fold_t *fold, size_t first, size_t n)
{
    int status = BA_OK;
    const ba_aligning_t *a = fold->split.aligning;
    size_t v = a->n_targets, k = fold->number;
    size_t n_spaces = a->gammas ? a->encoder->n_spaces : 0;

    BA_TRY_ALLOC(fold->list, ba_malloc(n, sizeof *fold->list));
    BA_TRY_ALLOC(fold->gammas, ba_malloc(n, (n_spaces + 1) * sizeof *fold->gammas));
    for (size_t i = 0; i < n; i++) {
        size_t t = first + i;
        double alpha = a->alphas[k * v + t], *gammas = fold->gammas + i * n_spaces;

        for (size_t s = 0; s < n_spaces; s++) {
            gammas[s] = a->gammas[(k * n_spaces + s) * v + t];
        }
        if (!isnan(alpha) && !isnan(a->r2_by_fold[k * v + t])) {
            fold->list[fold->n_listed++] = (penalised_t){t, n_spaces, alpha, gammas};
        }
    }
    qsort(fold->list, fold->n_listed, sizeof *fold->list, compare);
out:
    return status;
}

/* Norms of weights: as if all features had been scaled alike, of responses of deviation 1.
 */
static void
scale_norms(
    const ba_aligning_t *a, const penalised_t *target, double deviation, double *norms)
{
    for (size_t j = 0; j < a->neurons.n_neurons; j++) {
        double gamma =
            target->n_gammas > 0 ? target->gammas[a->neurons.component[j]] : 1.0;

        norms[j] *= sqrt(gamma) / (deviation > 0.0 ? deviation : (double) NAN);
    }
}

/* Results of a block's i-th target to their place. */
static void
keep_target(const fold_t *fold, const penalised_t *target, size_t i, double deviation,
    const double *block, const double *unique, ba_aligned_t *out)
{
    const ba_aligning_t *a = fold->split.aligning;
    size_t k = a->neurons.n_neurons, at = (target->target - out->first) * k;

    for (size_t s = 0; s < BA_ALIGN_UNIQUE; s++) {
        memcpy(out->values[s] + at, block + s * k * BA_ALIGN_BLOCK + i * k,
            k * sizeof *block);
    }
    memcpy(out->values[BA_ALIGN_UNIQUE] + at, unique, k * sizeof *unique);
    scale_norms(a, target, deviation, out->values[BA_ALIGN_WEIGHT] + at);
}

static int
do_block(
    const fold_t *fold, size_t first, size_t n, const double *unique, ba_aligned_t *out)
{
    int status = BA_OK;
    const ba_align_split_t *split = &fold->split;
    size_t size = split->aligning->neurons.n_neurons * BA_ALIGN_BLOCK;
    double *y = NULL, *y_test = NULL, *block = NULL, *r2, deviation[BA_ALIGN_BLOCK];
    ba_contributions_t found;

    BA_TRY_ALLOC(y, ba_calloc(split->n_train, BA_ALIGN_BLOCK * sizeof *y));
    BA_TRY_ALLOC(y_test, ba_calloc(split->n_test, BA_ALIGN_BLOCK * sizeof *y_test));
    BA_TRY_ALLOC(block, ba_malloc(BA_ALIGN_N * size + 2 * BA_ALIGN_BLOCK, sizeof *block));
    r2 = block + BA_ALIGN_N * size;
    found = (ba_contributions_t){.r2 = r2,
        .r = r2 + BA_ALIGN_BLOCK,
        .delta_r2 = block + BA_ALIGN_DELTA_R2 * size,
        .delta_r = block + BA_ALIGN_DELTA_R * size,
        .zero_out_r2 = block + BA_ALIGN_ZERO_OUT * size,
        .product_r2 = block + BA_ALIGN_PRODUCT * size,
        .alone_r = block + BA_ALIGN_ALONE_R * size,
        .weight_norm = block + BA_ALIGN_WEIGHT * size};
    for (size_t i = 0; i < n; i++) {
        deviation[i] = ba_align_split_gather(split, fold->list[first + i].target,
            y + i * split->n_train, y_test + i * split->n_test);
    }
    BA_TRY(ba_contribution_targets(split->contribution,
        ba_cdmat(y, split->n_train, BA_ALIGN_BLOCK, split->n_train),
        ba_cdmat(y_test, split->n_test, BA_ALIGN_BLOCK, split->n_test), &found));
    for (size_t i = 0; i < n; i++) {
        const penalised_t *target = &fold->list[first + i];

        out->r2[target->target - out->first] = found.r2[i];
        keep_target(fold, target, i, deviation[i], block, unique, out);
    }
out:
    ba_free(y);
    ba_free(y_test);
    ba_free(block);
    return status;
}

void
ba_align_fold_gather(
    const ba_align_fold_t *fold, size_t i, double *y, double *y_test, size_t *target)
{
    *target = fold->list[i].target;
    ba_align_split_gather(&fold->split, *target, y, y_test);
}

const ba_align_split_t *
ba_align_fold_split(const ba_align_fold_t *fold)
{
    return &fold->split;
}

size_t
ba_align_fold_target(const ba_align_fold_t *fold, size_t i)
{
    return fold->list[i].target;
}

void
ba_align_fold_rows(const ba_align_fold_t *fold, size_t *n_train, size_t *n_test)
{
    *n_train = fold->split.n_train;
    *n_test = fold->split.n_test;
}

/* Means over the delays of each neuron. */
static int
find_uniqueness(
    const ba_aligning_t *a, const ba_contribution_t *contribution, double **out)
{
    int status = BA_OK;
    size_t k = a->neurons.n_neurons;
    double *each = NULL;

    BA_TRY_ALLOC(each, ba_malloc(a->start[k], sizeof *each));
    BA_TRY_ALLOC(*out, ba_calloc(k, sizeof **out));
    ba_contribution_uniqueness(contribution, each);
    for (size_t j = 0; j < k; j++) {
        size_t d = a->start[j + 1] - a->start[j];

        for (size_t i = a->start[j]; i < a->start[j + 1]; i++) {
            (*out)[j] += each[i] / (double) d;
        }
    }
out:
    ba_free(each);
    return status;
}

/* Every neuron's contributions to the targets of a visit. */
static int
contribute(const ba_ctx_t *ctx, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t first, size_t stop, void *data)
{
    int status;
    ba_aligned_t *out = data;
    ba_error_keep_t keep = {0};
    size_t n_blocks = (stop - first + BA_ALIGN_BLOCK - 1) / BA_ALIGN_BLOCK;
    double *unique = NULL;

    BA_TRY(find_uniqueness(fold->split.aligning, contribution, &unique));
    out->n_alphas++;
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t b = 0; b < n_blocks; b++) {
        size_t at = first + b * BA_ALIGN_BLOCK;
        size_t n = stop - at < BA_ALIGN_BLOCK ? stop - at : BA_ALIGN_BLOCK;

        ba_error_keep(&keep, do_block(fold, at, n, unique, out));
    }
    BA_TRY(ba_error_raise(&keep));
out:
    ba_free(unique);
    return status;
}

/* Targets first .. stop - 1 of the list, which share the penalties of spaces. */
static int
visit_group(const ba_ctx_t *ctx, fold_t *fold, size_t first, size_t stop,
    ba_align_visit_t visit, void *data)
{
    int status;
    const penalised_t *list = fold->list;
    size_t next;

    BA_TRY(ba_align_split_factor(
        ctx, &fold->split, list[first].n_gammas > 0 ? list[first].gammas : NULL));
    for (; first < stop; first = next) {
        for (next = first + 1; next < stop && list[next].alpha == list[first].alpha;) {
            next++;
        }
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_contribution_at(ctx, fold->split.contribution, list[first].alpha));
        BA_TRY(visit(ctx, fold, fold->split.contribution, first, next, data));
    }
out:
    return status;
}

int
ba_align_visit_window(const ba_ctx_t *ctx, const ba_aligning_t *aligning, size_t k,
    size_t first, size_t n, ba_align_visit_t visit, void *data)
{
    int status;
    fold_t fold = {.number = k};
    size_t next;

    ba_blas_single_thread();
    BA_TRY(ba_align_split_open(ctx, aligning, k, BA_ALIGN_WHOLE, &fold.split));
    BA_TRY(list_targets(&fold, first, n));
    for (size_t i = 0; i < fold.n_listed; i = next) {
        for (next = i + 1; next < fold.n_listed &&
                           compare_gammas(&fold.list[next], &fold.list[i]) == 0;) {
            next++;
        }
        BA_TRY(visit_group(ctx, &fold, i, next, visit, data));
    }
out:
    close_fold(&fold);
    return status;
}

int
ba_align_visit(const ba_ctx_t *ctx, const ba_aligning_t *aligning, size_t k,
    ba_align_visit_t visit, void *data)
{
    return ba_align_visit_window(ctx, aligning, k, 0, aligning->n_targets, visit, data);
}

int
ba_align_fold(
    const ba_ctx_t *ctx, const ba_aligning_t *aligning, size_t k, ba_aligned_t *out)
{
    return ba_align_visit_window(ctx, aligning, k, out->first, out->n, contribute, out);
}
