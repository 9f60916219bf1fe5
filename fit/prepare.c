/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A problem's column scaling, factorisation and alphas: the part of a fit that sees
 * features of training rows only. */
#include "fit/bands.h"

#include "core/alloc.h"
#include "model/ridge_pass.h"
#include "model/ridge_reduced.h"
#include "model/scale.h"

#include <math.h>

/* Columns for each training row from where on one pass in single precision is tried: with
 * fewer the Gram matrix is hardly ever well enough conditioned. */
#define LEAST_COLUMNS 2

/* Most that rounding may move what a reduced kernel gives, as a share of it. */
#define REDUCED_SINGLE 1e-7
#define REDUCED_DOUBLE 1e-10

/* Samples of the training rows, and behind them those of the test part, where it is not a
 * set of its own. */
static int
sample_rows(const plan_t *plan, const problem_t *problem, prepared_t *out)
{
    int status = BA_OK;
    int has_test_set = plan->data->test_design && problem->fold < 0;
    size_t n = problem->n_train;

    BA_TRY_ALLOC(
        out->train_rows, ba_malloc(n + problem->n_test, sizeof *out->train_rows));
    for (size_t i = 0; i < n; i++) {
        out->train_rows[i] = plan->rows[problem->train[i]];
    }
    if (has_test_set) {
        goto out;
    }
    out->test_rows = out->train_rows + n;
    for (size_t i = 0; i < problem->n_test; i++) {
        out->test_rows[i] = plan->rows[problem->test[i]];
    }
out:
    return status;
}

int
ba_prepare_design(const ba_ctx_t *ctx, const plan_t *plan, const size_t *rows,
    size_t n_rows, columns_t *out)
{
    int status = BA_OK;

    *out = (columns_t){.design = plan->data->design};
    if (ba_pca_most(plan->data->design) == 0) {
        return BA_OK;
    }
    BA_TRY(ba_pca_fit(ctx, plan->data->design, rows, n_rows, &out->pca));
    BA_TRY(ba_pca_design(ctx, out->pca, plan->data->design, &out->own));
    out->design = out->own;
out:
    return status;
}

void
ba_columns_free(columns_t *columns, size_t n_spaces)
{
    ba_design_free(columns->own);
    ba_pca_free(columns->pca, n_spaces);
    *columns = (columns_t){0};
}

static int
make_scaling(const plan_t *plan, double **mean, double **scale)
{
    int status = BA_OK;
    size_t p = plan->n_columns;

    *mean = NULL;
    *scale = NULL;
    if (plan->scale_features != BA_SCALE_NONE) {
        BA_TRY_ALLOC(*mean, ba_malloc(p, sizeof **mean));
        BA_TRY_ALLOC(*scale, ba_malloc(p, sizeof **scale));
    }
out:
    return status;
}

static int
fill_scaling(const ba_ctx_t *ctx, const plan_t *plan, const ba_design_t *design,
    const size_t *rows, size_t n_rows, double *mean, double *scale)
{
    int status = BA_OK;

    if (!mean) {
        return BA_OK;
    }
    BA_TRY(ba_design_scale(ctx, design, rows, n_rows, mean, scale));
    for (size_t j = 0; plan->scale_features == BA_SCALE_CENTER && j < plan->n_columns;
         j++) {
        scale[j] = 1.0;
    }
out:
    return status;
}

int
ba_prepare_scaling(const ba_ctx_t *ctx, const plan_t *plan, const ba_design_t *design,
    const size_t *rows, size_t n_rows, double **mean, double **scale)
{
    int status;

    BA_TRY(make_scaling(plan, mean, scale));
    BA_TRY(fill_scaling(ctx, plan, design, rows, n_rows, *mean, *scale));
out:
    return status;
}

int
ba_prepare_unit(const plan_t *plan, const ba_ridge_factor_t *factor, double *unit)
{
    int status = BA_OK;
    double *spectrum = NULL;
    size_t n;

    *unit = 1.0;
    if (!plan->opts->alphas_relative) {
        return BA_OK;
    }
    BA_TRY_ALLOC(spectrum, ba_malloc(ba_ridge_factor_rank(factor), sizeof *spectrum));
    n = ba_ridge_factor_spectrum(factor, spectrum);
    *unit = 0.0;
    for (size_t i = 0; i < n; i++) {
        *unit = spectrum[i] > *unit ? spectrum[i] : *unit;
    }
out:
    ba_free(spectrum);
    return status;
}

static int
find_alphas(prepared_t *prepared)
{
    int status = BA_OK;
    const ba_alphas_t *given = &prepared->plan->opts->alphas;
    double *spectrum = NULL;

    prepared->n_alphas = ba_plan_n_alphas(prepared->plan);
    BA_TRY_ALLOC(
        prepared->alphas, ba_malloc(prepared->n_alphas, sizeof *prepared->alphas));
    if (given->n > 0) {
        double unit;

        BA_TRY(ba_prepare_unit(prepared->plan, prepared->used, &unit));
        for (size_t a = 0; a < given->n; a++) {
            prepared->alphas[a] = given->values[a] * unit;
        }
        goto out;
    }
    BA_TRY_ALLOC(
        spectrum, ba_malloc(ba_ridge_factor_rank(prepared->used), sizeof *spectrum));
    BA_TRY(ba_alphas_auto(
        spectrum, ba_ridge_factor_spectrum(prepared->used, spectrum), prepared->alphas));
out:
    ba_free(spectrum);
    return status;
}

/* What the test part is read from: the samples of the problem, or a fixed test set, in
 * the components of the problem. */
static int
find_test_design(const ba_ctx_t *ctx, prepared_t *out)
{
    int status = BA_OK;
    const ba_fit_data_t *data = out->plan->data;

    out->test_design = out->columns.design;
    if (!data->test_design || out->problem->fold >= 0) {
        return BA_OK;
    }
    out->test_design = data->test_design;
    if (out->columns.pca) {
        BA_TRY(ba_pca_design(
            ctx, out->columns.pca, data->test_design, &out->own_test_design));
        out->test_design = out->own_test_design;
    }
out:
    return status;
}

/* Alphas where they are given, not relative or found; 0 else. */
static ba_reducing_t
reducing_of(const plan_t *plan)
{
    const ba_alphas_t *alphas = &plan->opts->alphas;
    ba_reducing_t reducing = {
        0.0, 0.0, plan->opts->precision == BA_DOUBLE ? REDUCED_DOUBLE : REDUCED_SINGLE};

    if (plan->opts->alphas_relative || alphas->n == 0) {
        return reducing;
    }
    reducing.smallest_alpha = alphas->values[0];
    for (size_t a = 0; a < alphas->n; a++) {
        reducing.smallest_alpha = fmin(reducing.smallest_alpha, alphas->values[a]);
        reducing.largest_alpha = fmax(reducing.largest_alpha, alphas->values[a]);
    }
    return reducing;
}

/* Columns are read more than once unless one pass will do. */
static int
prepare_factor(const ba_ctx_t *ctx, const plan_t *plan, prepared_t *out)
{
    int status = BA_OK;
    size_t n = out->problem->n_train;
    ba_reducing_t reducing = reducing_of(plan);
    ba_ridge_pass_t pass = {.design = out->columns.design,
        .rows = out->train_rows,
        .n_rows = n,
        .n_other = out->test_rows ? out->problem->n_test : 0,
        .intercept = plan->factor_intercept,
        .is_centred = plan->scale_features == BA_SCALE_CENTER,
        .reducing = plan->reduces ? &reducing : NULL,
        .smallest_alpha = reducing.smallest_alpha,
        .mean = out->feature_mean,
        .scale = out->feature_scale};

    if (plan->solver == BA_SOLVER_DUAL && plan->opts->precision == BA_SINGLE &&
        plan->n_columns >= LEAST_COLUMNS * n) {
        BA_TRY(ba_ridge_factor_pass(ctx, &pass, &out->factor));
    }
    if (!out->factor) {
        BA_TRY(fill_scaling(
            ctx, plan, pass.design, out->train_rows, n, pass.mean, pass.scale));
        BA_TRY(plan->reduces ? ba_ridge_factor_reduced(ctx, &out->training,
                                   plan->factor_intercept, &reducing, &out->factor)
                             : ba_ridge_factor(ctx, &out->training, plan->solver,
                                   plan->factor_intercept, &out->factor));
    }
    out->n_factorisations = 1;
    out->used = out->factor;
    out->factor_positions = out->problem->train;
    out->n_factor = n;
out:
    return status;
}

int
ba_prepared_make(const ba_ctx_t *ctx, const plan_t *plan, const problem_t *problem,
    const prepared_t *shared, prepared_t *out)
{
    int status = BA_OK;
    int is_banded = ba_plan_is_banded(plan);

    *out = (prepared_t){.plan = plan, .problem = problem};
    BA_TRY(sample_rows(plan, problem, out));
    BA_TRY(
        ba_prepare_design(ctx, plan, out->train_rows, problem->n_train, &out->columns));
    BA_TRY(find_test_design(ctx, out));
    BA_TRY(make_scaling(plan, &out->feature_mean, &out->feature_scale));
    out->training = (ba_training_t){out->columns.design, out->train_rows,
        problem->n_train, out->feature_mean, out->feature_scale};
    if (!is_banded && !shared) {
        BA_TRY(prepare_factor(ctx, plan, out));
    } else {
        BA_TRY(fill_scaling(ctx, plan, out->columns.design, out->train_rows,
            problem->n_train, out->feature_mean, out->feature_scale));
    }
    if (is_banded) {
        BA_TRY(ba_band_make(ctx, out));
        goto out;
    }
    if (shared) {
        out->used = shared->used;
        out->factor_positions = shared->factor_positions;
        out->n_factor = shared->n_factor;
    }
    BA_TRY(find_alphas(out));
    if (out->factor && ba_ridge_factor_band(out->factor)) {
        BA_TRY(
            ba_ridge_factor_shifts(out->used, out->alphas, out->n_alphas, &out->shifts));
    }
out:
    if (status != BA_OK) {
        ba_prepared_free(out);
    }
    return status;
}

void
ba_prepared_free(prepared_t *prepared)
{
    ba_products_free(&prepared->products);
    ba_band_free(prepared->band);
    ba_ridge_factor_free(prepared->factor);
    ba_design_free(prepared->own_test_design);
    if (prepared->plan) {
        ba_columns_free(
            &prepared->columns, ba_design_n_spaces(prepared->plan->data->design));
    }
    ba_free(prepared->train_rows);
    ba_free(prepared->feature_mean);
    ba_free(prepared->feature_scale);
    ba_free(prepared->alphas);
    ba_free(prepared->shifts);
    *prepared = (prepared_t){0};
}
