/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inner folds of a reduced kernel (model/ridge_reduced.h): their held-out residuals are
 * P (M y)_S, P the rows of M_SS^-1 that belong to a fold. Tiles make M y once an alpha for
 * all folds. All of it is in float64 whatever the precision of the run: residuals of small
 * alphas are quotients of small numbers. */
#include "fit/operators.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "model/ridge_reduced.h"

/* Alphas whose operators are made between two looks at whether to go on: enough for
 * threads to end together. */
#define BATCH 4

static int
start_holdout(const prepared_t *prepared, const split_t *split, size_t n_alphas,
    removal_t *removal, holdout_t *holdout)
{
    int status = BA_OK;

    BA_TRY(ba_removal_make(prepared, split, removal));
    holdout->split = split;
    holdout->n_rhs = removal->n_left_out;
    holdout->n_predicted = split->n_validate;
    holdout->left_out = removal->left_out; /* the holdout's from here */
    removal->left_out = NULL;
    BA_TRY_ALLOC(holdout->p, ba_calloc(n_alphas, sizeof *holdout->p));
out:
    return status;
}

/* The operator of the a-th alpha of the chunk. */
static int
make_holdout(const prepared_t *prepared, const removal_t *removal, size_t a,
    const operators_t *operators, holdout_t *holdout)
{
    int status = BA_OK;
    size_t f = holdout->n_predicted, s = holdout->n_rhs, i = operators->first_alpha + a;
    size_t size = ba_reduced_factor_size(ba_ridge_factor_band(prepared->used));
    double *p = NULL;

    BA_TRY_ALLOC(p, ba_malloc(f, s * sizeof *p));
    holdout->p[a] = p;
    BA_TRY(ba_ridge_reduced_holdout(prepared->used, prepared->alphas[i],
        prepared->shifts + i * size, holdout->left_out, s, removal->predict, f,
        ba_dmat(p, f, s, f)));
out:
    return status;
}

int
ba_operators_reduced(
    const ba_ctx_t *ctx, const prepared_t *prepared, size_t a0, operators_t *operators)
{
    int status = BA_OK;
    const problem_t *problem = prepared->problem;
    size_t n_splits = operators->n_holdouts, n_alphas = operators->n_alphas;
    removal_t *removals = NULL;
    ba_error_keep_t keep = {.status = BA_OK};

    operators->q = ba_ridge_factor_project(prepared->used).data;
    operators->first_alpha = a0;
    BA_TRY_ALLOC(removals, ba_calloc(n_splits, sizeof *removals));
    for (size_t k = 0; k < n_splits; k++) {
        BA_TRY(start_holdout(prepared, &problem->inner[k], n_alphas, &removals[k],
            &operators->holdouts[k]));
    }
    for (size_t a = 0; a < n_alphas; a += BATCH) {
        size_t n = n_alphas - a < BATCH ? n_alphas - a : BATCH;

        BA_TRY(ba_ctx_check(ctx));
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
        for (size_t t = 0; t < n * n_splits; t++) {
            size_t k = t % n_splits;

            ba_error_keep(&keep, make_holdout(prepared, &removals[k], a + t / n_splits,
                                     operators, &operators->holdouts[k]));
        }
        BA_TRY(ba_error_raise(&keep));
    }
out:
    for (size_t k = 0; removals && k < n_splits; k++) {
        ba_removal_free(&removals[k]);
    }
    ba_free(removals);
    return status;
}
