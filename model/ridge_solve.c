/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole ridge fits of matrices in memory. */
#include "brainalign/ridge.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>

static int
check_arguments(ba_cdmat_t x, ba_cdmat_t y, const double *alphas, size_t n_alphas)
{
    if (x.n_rows != y.n_rows) {
        return ba_fail(
            BA_SHAPE, "ridge: X has %zu samples, Y has %zu", x.n_rows, y.n_rows);
    }
    if (n_alphas != 1 && n_alphas != y.n_cols) {
        return ba_fail(BA_SHAPE, "ridge: %zu alphas for %zu targets, wanted 1 or as many",
            n_alphas, y.n_cols);
    }
    for (size_t i = 0; i < n_alphas; i++) {
        if (!(alphas[i] >= 0.0) || isinf(alphas[i])) {
            return ba_fail(BA_VALUE,
                "ridge: alpha %g, wanted a finite number of at least 0", alphas[i]);
        }
    }
    return BA_OK;
}

static int
check_finite(ba_cdmat_t m, const char *name)
{
    for (size_t j = 0; j < m.n_cols; j++) {
        for (size_t i = 0; i < m.n_rows; i++) {
            if (!isfinite(m.data[i + j * m.ld])) {
                return ba_fail(BA_NONFINITE,
                    "ridge: %s[%zu, %zu] is %g, wanted finite numbers", name, i, j,
                    m.data[i + j * m.ld]);
            }
        }
    }
    return BA_OK;
}

/* z = project' (Y - mean), then every column through its filter. */
static void
filtered_scores(const ba_ridge_factor_t *factor, ba_cdmat_t y, const double *alphas,
    size_t n_alphas, double *filter, ba_dmat_t z)
{
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_ridge_factor_project(factor), BA_KEEP, y, 0.0, z);
    for (size_t j = 0; j < z.n_cols; j++) {
        if (j == 0 || n_alphas > 1) {
            ba_ridge_factor_filter(factor, alphas[n_alphas > 1 ? j : 0], filter);
        }
        for (size_t i = 0; i < z.n_rows; i++) {
            z.data[i + j * z.ld] *= filter[i];
        }
    }
}

/* Copies Y, takes the means out where there is an intercept, and keeps them. */
static void
centre_targets(ba_cdmat_t y, ba_intercept_t intercept, ba_dmat_t centred, double *means)
{
    for (size_t j = 0; j < y.n_cols; j++) {
        double mean = 0.0;

        for (size_t i = 0; intercept == BA_INTERCEPT_YES && i < y.n_rows; i++) {
            mean += y.data[i + j * y.ld] / (double) y.n_rows;
        }
        for (size_t i = 0; i < y.n_rows; i++) {
            centred.data[i + j * centred.ld] = y.data[i + j * y.ld] - mean;
        }
        means[j] = mean;
    }
}

static void
find_intercepts(const ba_ridge_factor_t *factor, ba_cdmat_t weights, const double *means,
    double *intercepts)
{
    const double *center = ba_ridge_factor_center(factor);

    for (size_t j = 0; j < weights.n_cols; j++) {
        intercepts[j] = means[j];
        for (size_t i = 0; center && i < weights.n_rows; i++) {
            intercepts[j] -= center[i] * weights.data[i + j * weights.ld];
        }
    }
}

static int
solve(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor, ba_cdmat_t y,
    const double *alphas, size_t n_alphas, ba_intercept_t intercept, ba_dmat_t weights,
    double *intercepts)
{
    int status = BA_OK;
    size_t rank = ba_ridge_factor_rank(factor), n = y.n_rows, v = y.n_cols;
    double *centred = NULL, *means = NULL, *z = NULL, *back = NULL, *filter = NULL;

    BA_TRY_ALLOC(centred, ba_malloc(n, v * sizeof *centred));
    BA_TRY_ALLOC(means, ba_malloc(v, sizeof *means));
    BA_TRY_ALLOC(z, ba_malloc(rank, v * sizeof *z));
    BA_TRY_ALLOC(back, ba_malloc(weights.n_rows, rank * sizeof *back));
    BA_TRY_ALLOC(filter, ba_malloc(rank, sizeof *filter));
    centre_targets(y, intercept, ba_dmat(centred, n, v, n), means);
    filtered_scores(factor, ba_cdmat(centred, n, v, n), alphas, n_alphas, filter,
        ba_dmat(z, rank, v, rank));
    BA_TRY(ba_ridge_factor_back(
        ctx, factor, ba_dmat(back, weights.n_rows, rank, weights.n_rows)));
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(back, weights.n_rows, rank, weights.n_rows),
        BA_KEEP, ba_cdmat(z, rank, v, rank), 0.0, weights);
    if (intercepts) {
        find_intercepts(factor, ba_dmat_const(weights), means, intercepts);
    }
out:
    ba_free(centred);
    ba_free(means);
    ba_free(z);
    ba_free(back);
    ba_free(filter);
    return status;
}

int
ba_ridge_solve(const ba_ctx_t *ctx, ba_cdmat_t x, ba_cdmat_t y, const double *alphas,
    size_t n_alphas, const ba_ridge_opts_t *opts, ba_dmat_t weights, double *intercepts)
{
    int status = BA_OK;
    static const int no_delay[] = {0};
    ba_ridge_opts_t settings =
        opts ? *opts : (ba_ridge_opts_t){BA_SOLVER_AUTO, BA_INTERCEPT_NO};
    ba_space_t space = {"X", NULL, x.data, x.n_cols, no_delay, 1};
    ba_runs_t runs = {0};
    ba_design_t *design = NULL;
    ba_ridge_factor_t *factor = NULL;
    size_t *rows = NULL;
    ba_training_t training = {0};

    BA_TRY(check_arguments(x, y, alphas, n_alphas));
    BA_TRY(check_finite(x, "X"));
    BA_TRY(check_finite(y, "Y"));
    if (x.ld != x.n_rows || weights.n_rows != x.n_cols || weights.n_cols != y.n_cols) {
        BA_TRY(ba_fail(BA_SHAPE, "ridge: X must be contiguous and the weights %zu x %zu",
            x.n_cols, y.n_cols));
    }
    BA_TRY_ALLOC(rows, ba_malloc(x.n_rows, sizeof *rows));
    for (size_t i = 0; i < x.n_rows; i++) {
        rows[i] = i;
    }
    BA_TRY(ba_runs_one(x.n_rows, &runs));
    BA_TRY(ba_design_new(&space, 1, &runs, BA_DELAY_WITHIN_RUNS, &design));
    training = (ba_training_t){design, rows, x.n_rows, NULL, NULL};
    BA_TRY(ba_ridge_factor(ctx, &training, settings.solver, settings.intercept, &factor));
    BA_TRY(
        solve(ctx, factor, y, alphas, n_alphas, settings.intercept, weights, intercepts));
out:
    ba_ridge_factor_free(factor);
    ba_design_free(design);
    ba_runs_free(&runs);
    ba_free(rows);
    return status;
}
