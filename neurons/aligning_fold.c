/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One outer fold: targets in groups that share the penalties of spaces (one factorisation
 * each), within them those that share alpha, in blocks. */
#include "neurons/aligning.h"

#include "brainalign/cv.h"
#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"
#include "model/scale.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Targets of a block: fixed, so that threads change no bit. */
#define BLOCK 32

void
ba_aligned_free(ba_aligned_t *aligned)
{
    for (size_t k = 0; k < BA_ALIGN_N; k++) {
        ba_free(aligned->values[k]);
    }
    ba_free(aligned->r2);
    *aligned = (ba_aligned_t){0};
}

int
ba_aligned_make(const ba_aligning_t *a, ba_aligned_t *out)
{
    int status = BA_OK;
    size_t n;

    *out = (ba_aligned_t){0};
    BA_TRY(ba_multiply(a->neurons.n_neurons, a->n_targets, &n));
    for (size_t k = 0; k < BA_ALIGN_N; k++) {
        BA_TRY_ALLOC(out->values[k], ba_malloc(n, sizeof *out->values[k]));
        for (size_t i = 0; i < n; i++) {
            out->values[k][i] = NAN;
        }
    }
    BA_TRY_ALLOC(out->r2, ba_malloc(a->n_targets, sizeof *out->r2));
    for (size_t t = 0; t < a->n_targets; t++) {
        out->r2[t] = NAN;
    }
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

struct ba_align_fold {
    const ba_aligning_t *aligning;
    size_t *train, *test, n_train, n_test; /* positions, then samples beside them */
    size_t *train_rows, *test_rows;
    double *mean, *scale, *own_scale;
    penalised_t *list;
    double *gammas;
    size_t n_listed;
};

typedef ba_align_fold_t fold_t;

static void
close_fold(fold_t *fold)
{
    ba_free(fold->train);
    ba_free(fold->test);
    ba_free(fold->train_rows);
    ba_free(fold->test_rows);
    ba_free(fold->mean);
    ba_free(fold->scale);
    ba_free(fold->own_scale);
    ba_free(fold->list);
    ba_free(fold->gammas);
}

static int
find_rows(const ba_ctx_t *ctx, fold_t *fold, size_t k)
{
    int status = BA_OK;
    const ba_aligning_t *a = fold->aligning;
    size_t n = a->n_used, p = ba_design_n_columns(a->design);

    BA_TRY_ALLOC(fold->train, ba_malloc(n, sizeof *fold->train));
    BA_TRY_ALLOC(fold->test, ba_malloc(n, sizeof *fold->test));
    BA_TRY_ALLOC(fold->train_rows, ba_malloc(n, sizeof *fold->train_rows));
    BA_TRY_ALLOC(fold->test_rows, ba_malloc(n, sizeof *fold->test_rows));
    BA_TRY_ALLOC(fold->mean, ba_calloc(p, sizeof *fold->mean));
    BA_TRY_ALLOC(fold->scale, ba_malloc(p, sizeof *fold->scale));
    BA_TRY_ALLOC(fold->own_scale, ba_malloc(p, sizeof *fold->own_scale));
    BA_TRY(ba_cv_split(&a->runs, a->kept, n, a->fold, (int32_t) k, a->gap, fold->train,
        &fold->n_train, fold->test, &fold->n_test));
    for (size_t i = 0; i < fold->n_train; i++) {
        fold->train_rows[i] = a->kept[fold->train[i]];
    }
    for (size_t i = 0; i < fold->n_test; i++) {
        fold->test_rows[i] = a->kept[fold->test[i]];
    }
    if (a->scale_features > 0) {
        BA_TRY(ba_design_scale(
            ctx, a->design, fold->train_rows, fold->n_train, fold->mean, fold->scale));
    }
    for (size_t c = 0; a->scale_features < 2 && c < p; c++) {
        fold->scale[c] = 1.0;
    }
out:
    return status;
}

static int
list_targets(fold_t *fold, size_t k)
{
    int status = BA_OK;
    const ba_aligning_t *a = fold->aligning;
    size_t v = a->n_targets, n_spaces = a->gammas ? a->encoder->n_spaces : 0;

    BA_TRY_ALLOC(fold->list, ba_malloc(v, sizeof *fold->list));
    BA_TRY_ALLOC(fold->gammas, ba_malloc(v, (n_spaces + 1) * sizeof *fold->gammas));
    for (size_t t = 0; t < v; t++) {
        double alpha = a->alphas[k * v + t], *gammas = fold->gammas + t * n_spaces;

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

/* A target's rows, from the training mean where the fit took it off. */
static void
gather(const fold_t *fold, size_t target, double *y, double *y_test)
{
    const ba_aligning_t *a = fold->aligning;
    const double *all = a->responses + target * a->n_used;
    double mean = 0.0;

    for (size_t i = 0; a->centre_responses && i < fold->n_train; i++) {
        mean += all[fold->train[i]] / (double) fold->n_train;
    }
    for (size_t i = 0; i < fold->n_train; i++) {
        y[i] = all[fold->train[i]] - mean;
    }
    for (size_t i = 0; i < fold->n_test; i++) {
        y_test[i] = all[fold->test[i]] - mean;
    }
}

void
ba_align_fold_gather(
    const ba_align_fold_t *fold, size_t i, double *y, double *y_test, size_t *target)
{
    *target = fold->list[i].target;
    gather(fold, *target, y, y_test);
}

void
ba_align_fold_rows(const ba_align_fold_t *fold, size_t *n_train, size_t *n_test)
{
    *n_train = fold->n_train;
    *n_test = fold->n_test;
}

static int
do_block(const fold_t *fold, const ba_contribution_t *contribution, size_t first,
    size_t n, ba_aligned_t *out)
{
    int status = BA_OK;
    size_t k = fold->aligning->neurons.n_neurons, size = k * BLOCK;
    double *y = NULL, *y_test = NULL, *block = NULL;
    ba_contributions_t found;

    BA_TRY_ALLOC(y, ba_malloc(fold->n_train, BLOCK * sizeof *y));
    BA_TRY_ALLOC(y_test, ba_malloc(fold->n_test, BLOCK * sizeof *y_test));
    BA_TRY_ALLOC(block, ba_malloc(5 * size + 2 * BLOCK, sizeof *block));
    found = (ba_contributions_t){block + 5 * size, block + 5 * size + BLOCK, block,
        block + size, block + 2 * size, block + 3 * size, block + 4 * size};
    for (size_t i = 0; i < n; i++) {
        gather(fold, fold->list[first + i].target, y + i * fold->n_train,
            y_test + i * fold->n_test);
    }
    BA_TRY(ba_contribution_targets(contribution,
        ba_cdmat(y, fold->n_train, n, fold->n_train),
        ba_cdmat(y_test, fold->n_test, n, fold->n_test), &found));
    for (size_t i = 0; i < n; i++) {
        size_t target = fold->list[first + i].target;

        out->r2[target] = found.r2[i];
        for (size_t s = 0; s < BA_ALIGN_N; s++) {
            memcpy(
                out->values[s] + target * k, block + s * size + i * k, k * sizeof *block);
        }
    }
out:
    ba_free(y);
    ba_free(y_test);
    ba_free(block);
    return status;
}

/* Every neuron's contributions to the targets of a visit. */
static int
contribute(const ba_ctx_t *ctx, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t first, size_t stop, void *data)
{
    ba_aligned_t *out = data;
    ba_error_keep_t keep = {0};
    size_t n_blocks = (stop - first + BLOCK - 1) / BLOCK;

    out->n_alphas++;
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t b = 0; b < n_blocks; b++) {
        size_t at = first + b * BLOCK, n = stop - at < BLOCK ? stop - at : BLOCK;

        ba_error_keep(&keep, do_block(fold, contribution, at, n, out));
    }
    return ba_error_raise(&keep);
}

/* Targets first .. stop - 1 of the list, which share the penalties of spaces. */
static int
do_group(const ba_ctx_t *ctx, const fold_t *fold, size_t first, size_t stop,
    ba_align_visit_t visit, void *data)
{
    int status;
    const ba_aligning_t *a = fold->aligning;
    size_t p = ba_design_n_columns(a->design), next;
    ba_neuron_columns_t neurons = {a->neurons.n_neurons, a->start, a->columns};
    ba_training_t training = {
        a->design, fold->train_rows, fold->n_train, fold->mean, fold->own_scale};
    ba_ridge_factor_t *factor = NULL;
    ba_contribution_t *contribution = NULL;

    for (size_t c = 0; c < p; c++) {
        size_t space = ba_design_column(a->design, c).space;

        fold->own_scale[c] = a->gammas
                                 ? fold->scale[c] / sqrt(fold->list[first].gammas[space])
                                 : fold->scale[c];
    }
    BA_TRY(ba_ridge_factor(ctx, &training, BA_SOLVER_AUTO, a->intercept, &factor));
    BA_TRY(ba_contribution_new(ctx, factor, &training, a->design, fold->test_rows,
        fold->n_test, &neurons, &contribution));
    for (; first < stop; first = next) {
        for (next = first + 1;
             next < stop && fold->list[next].alpha == fold->list[first].alpha;) {
            next++;
        }
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_contribution_at(ctx, contribution, fold->list[first].alpha));
        BA_TRY(visit(ctx, fold, contribution, first, next, data));
    }
out:
    ba_contribution_free(contribution);
    ba_ridge_factor_free(factor);
    return status;
}

int
ba_align_visit(const ba_ctx_t *ctx, const ba_aligning_t *aligning, size_t k,
    ba_align_visit_t visit, void *data)
{
    int status;
    fold_t fold = {.aligning = aligning};
    size_t next;

    ba_blas_single_thread();
    BA_TRY(find_rows(ctx, &fold, k));
    BA_TRY(list_targets(&fold, k));
    for (size_t i = 0; i < fold.n_listed; i = next) {
        for (next = i + 1; next < fold.n_listed &&
                           compare_gammas(&fold.list[next], &fold.list[i]) == 0;) {
            next++;
        }
        BA_TRY(do_group(ctx, &fold, i, next, visit, data));
    }
out:
    close_fold(&fold);
    return status;
}

int
ba_align_fold(
    const ba_ctx_t *ctx, const ba_aligning_t *aligning, size_t k, ba_aligned_t *out)
{
    return ba_align_visit(ctx, aligning, k, contribute, out);
}
