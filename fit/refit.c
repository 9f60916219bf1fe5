/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fit of a problem at any alpha, in the eigenbasis: weights and predictions of its
 * test part. */
#include "fit/fit_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

/* center' back: what the means of the columns contribute to every direction. */
static int
make_offset(const prepared_t *prepared, const double *back, refit_t *out)
{
    int status = BA_OK;
    const double *center = ba_ridge_factor_center(prepared->used);
    size_t p = out->n_columns;

    BA_TRY_ALLOC(out->offset, ba_calloc(out->rank, sizeof *out->offset));
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(back, p, out->rank, p), BA_KEEP,
        ba_cdmat(center, p, 1, p), 0.0, ba_dmat(out->offset, out->rank, 1, out->rank));
out:
    return status;
}

/* Columns that the scaling has centred need no offset: their means are 0 but for
 * rounding. */
static int
needs_offset(const prepared_t *prepared)
{
    return ba_ridge_factor_center(prepared->used) &&
           prepared->plan->scale_features == BA_SCALE_NONE;
}

static int
make_back(const ba_ctx_t *ctx, prepared_t *prepared, int want_weights, refit_t *out)
{
    int status = BA_OK;
    size_t n = out->n_columns;
    double *back = NULL;

    if (!want_weights && !needs_offset(prepared)) {
        return BA_OK;
    }
    BA_TRY_ALLOC(back, ba_malloc(n, out->rank * sizeof *back));
    BA_TRY(ba_ridge_factor_back(ctx, prepared->used, ba_dmat(back, n, out->rank, n)));
    if (needs_offset(prepared)) {
        BA_TRY(make_offset(prepared, back, out));
    }
    if (want_weights) {
        BA_TRY(ba_to_precision(out->precision, back, n * out->rank, &out->back));
    }
out:
    ba_free(back);
    return status;
}

static int
make_apply(const ba_ctx_t *ctx, prepared_t *prepared, refit_t *out)
{
    int status = BA_OK;
    const plan_t *plan = prepared->plan;
    int has_test_set = plan->data->test_design && prepared->problem->fold < 0;
    const size_t *rows = has_test_set ? plan->test_rows : prepared->test_rows;
    size_t n = has_test_set ? plan->test_runs.n_samples : prepared->problem->n_test;
    double *apply = NULL;

    if (n == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(apply, ba_malloc(n, out->rank * sizeof *apply));
    BA_TRY(ba_ridge_factor_apply(ctx, prepared->used, prepared->test_design, rows, n,
        ba_dmat(apply, n, out->rank, n)));
    BA_TRY(ba_to_precision(out->precision, apply, n * out->rank, &out->apply));
out:
    ba_free(apply);
    return status;
}

/* Test predictions of an outer fold from the factorisation of all rows, one operator per
 * alpha. */
static int
make_by_alpha(const ba_ctx_t *ctx, prepared_t *prepared, refit_t *out)
{
    int status = BA_OK;
    const problem_t *problem = prepared->problem;

    BA_TRY_ALLOC(out->test_split, ba_calloc(1, sizeof *out->test_split));
    *out->test_split =
        (split_t){problem->train, problem->n_train, problem->test, problem->n_test};
    BA_TRY_ALLOC(out->by_alpha, ba_calloc(1, sizeof *out->by_alpha));
    BA_TRY(ba_operators_test(ctx, prepared, out->test_split, out->by_alpha));
out:
    return status;
}

static int
take_project(const prepared_t *prepared, refit_t *out)
{
    int status = BA_OK;
    ba_cdmat_t project = ba_ridge_factor_project(prepared->used);

    out->project = project.data;
    if (out->precision == BA_SINGLE) {
        BA_TRY(ba_to_precision(
            BA_SINGLE, project.data, project.n_rows * project.n_cols, &out->own_project));
        out->project = out->own_project;
    }
out:
    return status;
}

int
ba_refit_make(const ba_ctx_t *ctx, prepared_t *prepared, int want_weights, refit_t *out)
{
    int status = BA_OK;

    *out = (refit_t){
        .precision = prepared->shifts ? BA_DOUBLE : prepared->plan->opts->precision};
    out->rank = ba_ridge_factor_rank(prepared->used);
    out->n_columns = prepared->plan->n_columns;
    out->lambda = ba_ridge_factor_lambda(prepared->used);
    out->tolerance_alpha0 = ba_ridge_factor_tolerance(prepared->used);
    if (!prepared->factor) {
        BA_TRY(make_by_alpha(ctx, prepared, out));
        goto out;
    }
    if (prepared->plan->solver == BA_SOLVER_DUAL) {
        BA_TRY(take_project(prepared, out));
    }
    BA_TRY(make_back(ctx, prepared, want_weights, out));
    BA_TRY(make_apply(ctx, prepared, out));
out:
    if (status != BA_OK) {
        ba_refit_free(out);
    }
    return status;
}

void
ba_refit_free(refit_t *refit)
{
    if (refit->by_alpha) {
        ba_operators_free(refit->by_alpha);
    }
    ba_free(refit->by_alpha);
    ba_free(refit->test_split);
    ba_free(refit->own_project);
    ba_free(refit->back);
    ba_free(refit->apply);
    ba_free(refit->offset);
    *refit = (refit_t){0};
}
