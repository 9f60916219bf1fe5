/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/aligning_split.h"

#include "brainalign/cv.h"
#include "core/alloc.h"
#include "model/scale.h"

#include <math.h>
#include <string.h>

void
ba_align_split_close(ba_align_split_t *split)
{
    ba_contribution_free(split->contribution);
    ba_ridge_factor_free(split->factor);
    ba_free(split->train);
    ba_free(split->test);
    ba_free(split->train_rows);
    ba_free(split->test_rows);
    ba_free(split->mean);
    ba_free(split->scale);
    ba_free(split->own_scale);
    *split = (ba_align_split_t){0};
}

static int
allocate(ba_align_split_t *split)
{
    int status = BA_OK;
    const ba_aligning_t *a = split->aligning;
    size_t n = a->n_used, p = ba_design_n_columns(a->design);

    BA_TRY_ALLOC(split->train, ba_malloc(n, sizeof *split->train));
    BA_TRY_ALLOC(split->test, ba_malloc(n, sizeof *split->test));
    BA_TRY_ALLOC(split->train_rows, ba_malloc(n, sizeof *split->train_rows));
    BA_TRY_ALLOC(split->test_rows, ba_malloc(n, sizeof *split->test_rows));
    BA_TRY_ALLOC(split->mean, ba_calloc(p, sizeof *split->mean));
    BA_TRY_ALLOC(split->scale, ba_malloc(p, sizeof *split->scale));
    BA_TRY_ALLOC(split->own_scale, ba_malloc(p, sizeof *split->own_scale));
out:
    return status;
}

/* Keeps of an ascending list what stands in another one. */
static size_t
intersect(size_t *list, size_t n, const size_t *other, size_t n_other)
{
    size_t kept = 0;

    for (size_t i = 0, j = 0; i < n; i++) {
        while (j < n_other && other[j] < list[i]) {
            j++;
        }
        if (j < n_other && other[j] == list[i]) {
            list[kept++] = list[i];
        }
    }
    return kept;
}

/* Rows of fold `inner` held out, all of them and the training rows among those that
 * `fold` trains on. */
static int
keep_to(ba_align_split_t *split, size_t fold)
{
    int status = BA_OK;
    const ba_aligning_t *a = split->aligning;
    size_t *train = NULL, *test = NULL, n_train, n_test;

    BA_TRY_ALLOC(train, ba_malloc(a->n_used, sizeof *train));
    BA_TRY_ALLOC(test, ba_malloc(a->n_used, sizeof *test));
    BA_TRY(ba_cv_split(&a->runs, a->kept, a->n_used, a->fold, (int32_t) fold, a->gap,
        train, &n_train, test, &n_test));
    split->n_train = intersect(split->train, split->n_train, train, n_train);
    split->n_test = intersect(split->test, split->n_test, train, n_train);
    if (split->n_train < 2 || split->n_test < 2) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: fold %zu leaves %zu rows to train on and %zu to score, wanted at least "
            "2",
            a->opts->encoder, fold, split->n_train, split->n_test));
    }
out:
    ba_free(train);
    ba_free(test);
    return status;
}

int
ba_align_split_share(const ba_aligning_t *a, double *share)
{
    int status = BA_OK;
    size_t *train = NULL, *test = NULL, n_train, n_test;

    *share = 0.0;
    BA_TRY_ALLOC(train, ba_malloc(a->n_used, sizeof *train));
    BA_TRY_ALLOC(test, ba_malloc(a->n_used, sizeof *test));
    for (size_t k = 0; k < a->n_folds; k++) {
        BA_TRY(ba_cv_split(&a->runs, a->kept, a->n_used, a->fold, (int32_t) k, a->gap,
            train, &n_train, test, &n_test));
        *share += (double) n_test / (double) n_train / (double) a->n_folds;
    }
out:
    ba_free(train);
    ba_free(test);
    return status;
}

int
ba_align_split_open(const ba_ctx_t *ctx, const ba_aligning_t *a, size_t fold,
    size_t inner, ba_align_split_t *split)
{
    int status;
    size_t p = ba_design_n_columns(a->design);
    size_t held = inner == BA_ALIGN_WHOLE ? fold : inner;

    *split = (ba_align_split_t){.aligning = a};
    BA_TRY(allocate(split));
    BA_TRY(ba_cv_split(&a->runs, a->kept, a->n_used, a->fold, (int32_t) held, a->gap,
        split->train, &split->n_train, split->test, &split->n_test));
    if (inner != BA_ALIGN_WHOLE) {
        BA_TRY(keep_to(split, fold));
    }
    for (size_t i = 0; i < split->n_train; i++) {
        split->train_rows[i] = a->kept[split->train[i]];
    }
    for (size_t i = 0; i < split->n_test; i++) {
        split->test_rows[i] = a->kept[split->test[i]];
    }
    if (a->scale_features > 0) {
        BA_TRY(ba_design_scale(ctx, a->design, split->train_rows, split->n_train,
            split->mean, split->scale));
    }
    for (size_t c = 0; a->scale_features < 2 && c < p; c++) {
        split->scale[c] = 1.0;
    }
out:
    return status;
}

int
ba_align_split_factor(const ba_ctx_t *ctx, ba_align_split_t *split, const double *gammas)
{
    int status;
    const ba_aligning_t *a = split->aligning;
    size_t p = ba_design_n_columns(a->design);
    ba_neuron_columns_t neurons = {a->neurons.n_neurons, a->start, a->columns};
    ba_training_t training = {
        a->design, split->train_rows, split->n_train, split->mean, split->own_scale};

    ba_contribution_free(split->contribution);
    split->contribution = NULL;
    ba_ridge_factor_free(split->factor);
    split->factor = NULL;
    for (size_t c = 0; c < p; c++) {
        size_t space = ba_design_column(a->design, c).space;

        split->own_scale[c] =
            gammas ? split->scale[c] / sqrt(gammas[space]) : split->scale[c];
    }
    BA_TRY(ba_ridge_factor(ctx, &training, BA_SOLVER_AUTO, a->intercept, &split->factor));
    BA_TRY(ba_contribution_new(ctx, split->factor, &training, a->design, split->test_rows,
        split->n_test, &neurons, &split->contribution));
out:
    return status;
}

double
ba_align_split_take(
    const ba_align_split_t *split, const double *all, double *y, double *y_test)
{
    double mean = 0.0, squares = 0.0, off;

    for (size_t i = 0; i < split->n_train; i++) {
        mean += all[split->train[i]] / (double) split->n_train;
    }
    off = split->aligning->centre_responses ? mean : 0.0;
    for (size_t i = 0; i < split->n_train; i++) {
        double value = all[split->train[i]];

        squares += (value - mean) * (value - mean);
        y[i] = value - off;
    }
    for (size_t i = 0; i < split->n_test; i++) {
        y_test[i] = all[split->test[i]] - off;
    }
    return sqrt(squares / (double) split->n_train);
}

double
ba_align_split_gather(
    const ba_align_split_t *split, size_t target, double *y, double *y_test)
{
    const ba_aligning_t *a = split->aligning;

    return ba_align_split_take(split, a->responses + target * a->n_used, y, y_test);
}
