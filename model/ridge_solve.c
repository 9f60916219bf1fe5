/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole ridge fits of matrices in memory.
 *
 * With X = U S V' the weights are V diag(s / (s^2 + alpha)) U' Y. A Gram matrix has the
 * squares of the condition number of X, and its eigenvalues lose all digits below 1e-16
 * of the largest; here problems are small enough to decompose X itself, by Jacobi
 * rotations (Drmac & Veselic 2008), which also bear features in different units. Where
 * the caller asks for the primal or the dual form, the Gram matrix is what he gets. */
#include "brainalign/ridge.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <float.h>
#include <math.h>

/* The problem, centred where there is an intercept, on the way to its weights. */
typedef struct {
    size_t n, p, v;
    double *x, *x_mean; /* n x p; p, all 0 without an intercept */
    double *y, *y_mean; /* n x v; v, all 0 without an intercept */
} problem_t;

static int
check_arguments(ba_cdmat_t x, ba_cdmat_t y, const double *alphas, size_t n_alphas,
    ba_dmat_t weights)
{
    if (x.n_rows != y.n_rows) {
        return ba_fail(
            BA_SHAPE, "ridge: X has %zu samples, Y has %zu", x.n_rows, y.n_rows);
    }
    if (x.n_rows == 0 || x.n_cols == 0) {
        return ba_fail(BA_SHAPE,
            "ridge: %zu samples x %zu features, wanted at least 1 x 1", x.n_rows,
            x.n_cols);
    }
    if (weights.n_rows != x.n_cols || weights.n_cols != y.n_cols) {
        return ba_fail(BA_SHAPE, "ridge: weights are %zu x %zu, wanted %zu x %zu",
            weights.n_rows, weights.n_cols, x.n_cols, y.n_cols);
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

/* The second pass takes out what rounding of a large mean left behind. */
static double
mean_of(const double *x, size_t n)
{
    double mean = 0.0, rest = 0.0;

    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        rest += x[i] - mean;
    }
    return mean + rest / (double) n;
}

/* A copy without gaps, less the column means where there is an intercept. */
static int
centred_copy(ba_cdmat_t m, ba_intercept_t intercept, double **copy, double **means)
{
    int status = BA_OK;
    size_t n = m.n_rows;

    BA_TRY_ALLOC(*copy, ba_malloc(n, m.n_cols * sizeof **copy));
    BA_TRY_ALLOC(*means, ba_malloc(m.n_cols, sizeof **means));
    for (size_t j = 0; j < m.n_cols; j++) {
        const double *column = m.data + j * m.ld;
        double mean = intercept == BA_INTERCEPT_YES ? mean_of(column, n) : 0.0;

        for (size_t i = 0; i < n; i++) {
            (*copy)[i + j * n] = column[i] - mean;
        }
        (*means)[j] = mean;
    }
out:
    return status;
}

/* z = left' Y, every row through its part of the filter of the target's alpha. */
static void
filtered_scores(const problem_t *problem, ba_cdmat_t left,
    void (*fill)(const void *spectrum, double alpha, double *filter),
    const void *spectrum, const double *alphas, size_t n_alphas, double *filter,
    ba_dmat_t z)
{
    ba_gemm_f64(1.0, BA_TRANSPOSE, left, BA_KEEP,
        ba_cdmat(problem->y, problem->n, problem->v, problem->n), 0.0, z);
    for (size_t j = 0; j < z.n_cols; j++) {
        if (j == 0 || n_alphas > 1) {
            fill(spectrum, alphas[n_alphas > 1 ? j : 0], filter);
        }
        for (size_t i = 0; i < z.n_rows; i++) {
            z.data[i + j * z.ld] *= filter[i];
        }
    }
}
