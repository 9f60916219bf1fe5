/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inner folds of a reduced kernel (model/ridge_reduced.h): their held-out residuals are
 * P (M y)_S, P the rows of M_SS^-1 that belong to a fold. Tiles make M y once an alpha for
 * all folds, in float64 unless the kernel itself was good enough in float32. */
#include "fit/operators.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "model/ridge_reduced.h"

static int
start_holdout(
    const split_t *split, const removal_t *removal, size_t n_alphas, holdout_t *holdout)
{
    int status = BA_OK;

    holdout->split = split;
    holdout->n_rhs = removal->n_left_out;
    holdout->n_predicted = split->n_validate;
    holdout->left_out = removal->left_out;
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
    BA_TRY(ba_ridge_reduced_holdout(prepared->used, prepared->alphas[i],
        prepared->shifts + i * size, prepared->plan->inner_intercept, removal->left_out,
        s, removal->predict, f, ba_dmat(p, f, s, f)));
    if (operators->own_q) {
        BA_TRY(ba_to_precision(operators->precision, p, f * s, &holdout->p[a]));
    } else {
        holdout->p[a] = p;
        p = NULL;
    }
out:
    ba_free(p);
    return status;
}

/* Q as tiles read it. */
static int
take_vectors(const prepared_t *prepared, operators_t *operators)
{
    int status = BA_OK;
    ba_cdmat_t q = ba_ridge_factor_project(prepared->used);

    operators->is_wide = operators->precision == BA_SINGLE && !prepared->is_single;
    operators->q = q.data;
    if (operators->precision == BA_SINGLE && prepared->is_single) {
        BA_TRY(
            ba_to_precision(BA_SINGLE, q.data, q.n_rows * q.n_cols, &operators->own_q));
        operators->q = operators->own_q;
    }
out:
    return status;
}

int
ba_operators_reduced(
    const ba_ctx_t *ctx, const prepared_t *prepared, size_t a0, operators_t *operators)
{
    int status = BA_OK;
    const problem_t *problem = prepared->problem;
    size_t n_splits = operators->n_holdouts;
    removal_t *removals = NULL;
    ba_error_keep_t keep = {.status = BA_OK};

    operators->is_reduced = 1;
    operators->first_alpha = a0;
    BA_TRY(take_vectors(prepared, operators));
    BA_TRY_ALLOC(removals, ba_calloc(n_splits, sizeof *removals));
    for (size_t k = 0; k < n_splits; k++) {
        BA_TRY(ba_removal_make(prepared, &problem->inner[k], &removals[k]));
        BA_TRY(start_holdout(&problem->inner[k], &removals[k], operators->n_alphas,
            &operators->holdouts[k]));
    }
    BA_TRY(ba_ctx_check(ctx));
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t t = 0; t < operators->n_alphas * n_splits; t++) {
        size_t k = t % n_splits;

        ba_error_keep(&keep, make_holdout(prepared, &removals[k], t / n_splits, operators,
                                 &operators->holdouts[k]));
    }
    BA_TRY(ba_error_raise(&keep));
out:
    for (size_t k = 0; removals && k < n_splits; k++) {
        if (operators->holdouts[k].left_out) {
            removals[k].left_out = NULL; /* the holdout's by now */
        }
        ba_removal_free(&removals[k]);
    }
    ba_free(removals);
    return status;
}
