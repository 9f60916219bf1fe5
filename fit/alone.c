/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inner folds that are factorised by themselves: where their scaling is fitted anew
 * (strict), where leaving rows out may lower the rank (an alpha of 0), where alphas or a
 * cutoff are in units of their own singular values, and where held-out sets overlap. */
#include "fit/operators.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>

/* P = apply diag(1 / (lambda + alpha)) project' in the dual, apply diag(...) alone in the
 * primal. */
static int
strict_operator(const ba_ctx_t *ctx, const plan_t *plan, const ba_ridge_factor_t *factor,
    double alpha, const double *apply, holdout_t *holdout, size_t a)
{
    int status = BA_OK;
    size_t rank = ba_ridge_factor_rank(factor), n = holdout->split->n_validate;
    int dual = ba_ridge_factor_solver(factor) == BA_SOLVER_DUAL;
    double *d = NULL, *scaled = NULL, *p = NULL, cutoff = plan->opts->singular_cutoff;
    const double *lambda = ba_ridge_factor_lambda(factor);
    /* What rounding leaves of a direction without variance is below any cutoff. */
    double least = fmax(cutoff * cutoff, ba_ridge_factor_tolerance(factor));

    BA_TRY_ALLOC(d, ba_malloc(rank, sizeof *d));
    BA_TRY_ALLOC(scaled, ba_malloc(n, rank * sizeof *scaled));
    ba_ridge_factor_filter(factor, alpha, d);
    for (size_t j = 0; j < rank; j++) {
        d[j] = cutoff > 0.0 && lambda[j] <= least ? 0.0 : d[j];
    }
    for (size_t j = 0; j < rank; j++) {
        for (size_t i = 0; i < n; i++) {
            scaled[i + j * n] = apply[i + j * n] * d[j];
        }
    }
    if (dual) {
        BA_TRY_ALLOC(p, ba_malloc(n, holdout->n_rhs * sizeof *p));
        ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(scaled, n, rank, n), BA_TRANSPOSE,
            ba_ridge_factor_project(factor), 0.0, ba_dmat(p, n, holdout->n_rhs, n));
    }
    BA_TRY(ba_to_precision(
        plan->opts->precision, dual ? p : scaled, n * holdout->n_rhs, &holdout->p[a]));
out:
    ba_free(d);
    ba_free(scaled);
    ba_free(p);
    return status;
}

int
ba_operators_alone(const ba_ctx_t *ctx, prepared_t *prepared, const split_t *split,
    size_t a0, const operators_t *operators, holdout_t *holdout)
{
    int status = BA_OK;
    const plan_t *plan = prepared->plan;
    int refit_scaling = plan->opts->inner_scaling == BA_INNER_STRICT;
    ba_training_t training = prepared->training;
    ba_ridge_factor_t *factor = NULL;
    columns_t columns = {0};
    double *mean = NULL, *scale = NULL, *apply = NULL, unit;
    size_t *stay = NULL, *validate = NULL, rank;

    holdout->split = split;
    holdout->n_predicted = split->n_validate;
    holdout->own_scale = refit_scaling;
    holdout->is_refit = 1;
    BA_TRY_ALLOC(stay, ba_malloc(split->n_stay, sizeof *stay));
    BA_TRY_ALLOC(validate, ba_malloc(split->n_validate, sizeof *validate));
    BA_TRY_ALLOC(holdout->p, ba_calloc(operators->n_alphas, sizeof *holdout->p));
    for (size_t i = 0; i < split->n_stay; i++) {
        stay[i] = plan->rows[split->stay[i]];
    }
    for (size_t i = 0; i < split->n_validate; i++) {
        validate[i] = plan->rows[split->validate[i]];
    }
    training.rows = stay;
    training.n_rows = split->n_stay;
    if (refit_scaling) {
        BA_TRY(ba_prepare_design(ctx, plan, stay, split->n_stay, &columns));
        BA_TRY(ba_prepare_scaling(
            ctx, plan, columns.design, stay, split->n_stay, &mean, &scale));
        training.design = columns.design;
        training.mean = mean;
        training.scale = scale;
    }
    BA_TRY(ba_ridge_factor(ctx, &training, plan->solver, plan->inner_intercept, &factor));
    prepared->n_factorisations++;
    BA_TRY(ba_prepare_unit(plan, factor, &unit));
    rank = ba_ridge_factor_rank(factor);
    holdout->n_rhs = operators->solver == BA_SOLVER_DUAL ? split->n_stay : rank;
    BA_TRY_ALLOC(apply, ba_malloc(split->n_validate, rank * sizeof *apply));
    BA_TRY(ba_ridge_factor_apply(ctx, factor, training.design, validate,
        split->n_validate, ba_dmat(apply, split->n_validate, rank, split->n_validate)));
    for (size_t a = 0; a < operators->n_alphas; a++) {
        double alpha = plan->opts->alphas_relative
                           ? plan->opts->alphas.values[a0 + a] * unit
                           : prepared->alphas[a0 + a];

        BA_TRY(strict_operator(ctx, plan, factor, alpha, apply, holdout, a));
    }
    if (operators->solver == BA_SOLVER_PRIMAL) {
        BA_TRY(ba_to_precision(operators->precision, ba_ridge_factor_project(factor).data,
            split->n_stay * rank, &holdout->own_project));
    }
out:
    ba_ridge_factor_free(factor);
    ba_columns_free(&columns, ba_design_n_spaces(plan->data->design));
    ba_free(stay);
    ba_free(validate);
    ba_free(mean);
    ba_free(scale);
    ba_free(apply);
    return status;
}
