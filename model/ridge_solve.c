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

/* The decomposition in use: weights = right diag(filter(alpha)) left' Y. */
typedef struct {
    size_t rank;
    ba_ridge_factor_t *factor;   /* of the Gram matrix, or NULL */
    double *singular, tolerance; /* of X; those at or below count as 0 at alpha = 0 */
    double *left, *right;        /* n x rank (NULL with a factor), p x rank */
} form_t;

static int
check_arguments(
    ba_cdmat_t x, ba_cdmat_t y, const double *alphas, size_t n_alphas, ba_dmat_t weights)
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

/* Decomposes the smaller side: X' where X is wide. `x` is destroyed. */
static int
decompose(double *x, size_t n, size_t p, form_t *form)
{
    int status = BA_OK;
    int wide = n < p;
    size_t rank = wide ? n : p;
    double *turned = NULL;

    form->rank = rank;
    BA_TRY(ba_blas_check(n));
    BA_TRY(ba_blas_check(p));
    BA_TRY_ALLOC(form->singular, ba_malloc(rank, sizeof *form->singular));
    BA_TRY_ALLOC(form->left, ba_malloc(n, rank * sizeof *form->left));
    BA_TRY_ALLOC(form->right, ba_malloc(p, rank * sizeof *form->right));
    if (wide) {
        BA_TRY_ALLOC(turned, ba_malloc(n, p * sizeof *turned));
        for (size_t j = 0; j < p; j++) {
            for (size_t i = 0; i < n; i++) {
                turned[j + i * p] = x[i + j * n];
            }
        }
        BA_TRY(ba_svd(ba_dmat(turned, p, n, p), form->singular,
            ba_dmat(form->right, p, n, p), ba_dmat(form->left, n, n, n)));
    } else {
        BA_TRY(ba_svd(ba_dmat(x, n, p, n), form->singular, ba_dmat(form->left, n, p, n),
            ba_dmat(form->right, p, p, p)));
    }
    form->tolerance = form->singular[0] * DBL_EPSILON * (double) (wide ? p : n);
out:
    ba_free(turned);
    return status;
}

/* The same through ba_ridge_factor(), for a caller who chose its form. */
static int
factorise(const ba_ctx_t *ctx, const double *x, size_t n, size_t p, ba_solver_t solver,
    form_t *form)
{
    int status = BA_OK;
    static const int no_delay[] = {0};
    ba_space_t space = {"X", NULL, x, p, no_delay, 1, 0};
    ba_runs_t runs = {0};
    ba_design_t *design = NULL;
    size_t *rows = NULL;
    ba_training_t training = {0};

    BA_TRY_ALLOC(rows, ba_malloc(n, sizeof *rows));
    for (size_t i = 0; i < n; i++) {
        rows[i] = i;
    }
    BA_TRY(ba_runs_one(n, &runs));
    BA_TRY(ba_design_new(&space, 1, &runs, BA_DELAY_WITHIN_RUNS, &design));
    training = (ba_training_t){design, rows, n, NULL, NULL};
    BA_TRY(ba_ridge_factor(ctx, &training, solver, BA_INTERCEPT_NO, &form->factor));
    form->rank = ba_ridge_factor_rank(form->factor);
    BA_TRY_ALLOC(form->right, ba_malloc(p, form->rank * sizeof *form->right));
    BA_TRY(
        ba_ridge_factor_back(ctx, form->factor, ba_dmat(form->right, p, form->rank, p)));
out:
    ba_design_free(design);
    ba_runs_free(&runs);
    ba_free(rows);
    return status;
}

static void
fill_filter(const form_t *form, double alpha, double *filter)
{
    if (form->factor) {
        ba_ridge_factor_filter(form->factor, alpha, filter);
        return;
    }
    for (size_t i = 0; i < form->rank; i++) {
        double s = form->singular[i];

        filter[i] = alpha > 0.0           ? 1.0 / (s + alpha / s)
                    : s > form->tolerance ? 1.0 / s
                                          : 0.0;
    }
}

/* weights = right diag(filter) left' Y, every target with the filter of its alpha. */
static int
solve(const ba_ctx_t *ctx, const form_t *form, ba_cdmat_t y, const double *alphas,
    size_t n_alphas, ba_dmat_t weights)
{
    int status = BA_OK;
    size_t rank = form->rank;
    ba_cdmat_t left = form->factor ? ba_ridge_factor_project(form->factor)
                                   : ba_cdmat(form->left, y.n_rows, rank, y.n_rows);
    double *z = NULL, *filter = NULL;

    BA_TRY_ALLOC(z, ba_malloc(rank, y.n_cols * sizeof *z));
    BA_TRY_ALLOC(filter, ba_malloc(rank, sizeof *filter));
    ba_gemm_f64(
        1.0, BA_TRANSPOSE, left, BA_KEEP, y, 0.0, ba_dmat(z, rank, y.n_cols, rank));
    for (size_t j = 0; j < y.n_cols; j++) {
        if (j == 0 || n_alphas > 1) {
            fill_filter(form, alphas[n_alphas > 1 ? j : 0], filter);
        }
        for (size_t i = 0; i < rank; i++) {
            z[i + j * rank] *= filter[i];
        }
    }
    ba_gemm_tiled(ctx, 1.0, BA_KEEP,
        ba_cdmat(form->right, weights.n_rows, rank, weights.n_rows), BA_KEEP,
        ba_cdmat(z, rank, y.n_cols, rank), 0.0, weights);
out:
    ba_free(z);
    ba_free(filter);
    return status;
}

static void
find_intercepts(
    ba_dmat_t weights, const double *x_means, const double *y_means, double *intercepts)
{
    for (size_t j = 0; j < weights.n_cols; j++) {
        intercepts[j] = y_means[j];
        for (size_t i = 0; i < weights.n_rows; i++) {
            intercepts[j] -= x_means[i] * weights.data[i + j * weights.ld];
        }
    }
}

int
ba_ridge_solve(const ba_ctx_t *ctx, ba_cdmat_t x, ba_cdmat_t y, const double *alphas,
    size_t n_alphas, const ba_ridge_opts_t *opts, ba_dmat_t weights, double *intercepts)
{
    int status = BA_OK;
    ba_ridge_opts_t settings =
        opts ? *opts : (ba_ridge_opts_t){BA_SOLVER_AUTO, BA_INTERCEPT_NO};
    size_t n = x.n_rows, p = x.n_cols;
    double *own_x = NULL, *x_means = NULL, *own_y = NULL, *y_means = NULL;
    form_t form = {0};

    ba_blas_single_thread();
    BA_TRY(check_arguments(x, y, alphas, n_alphas, weights));
    BA_TRY(check_finite(x, "X"));
    BA_TRY(check_finite(y, "Y"));
    BA_TRY(centred_copy(x, settings.intercept, &own_x, &x_means));
    BA_TRY(centred_copy(y, settings.intercept, &own_y, &y_means));
    BA_TRY(settings.solver == BA_SOLVER_AUTO
               ? decompose(own_x, n, p, &form)
               : factorise(ctx, own_x, n, p, settings.solver, &form));
    BA_TRY(solve(ctx, &form, ba_cdmat(own_y, n, y.n_cols, n), alphas, n_alphas, weights));
    if (intercepts) {
        find_intercepts(weights, x_means, y_means, intercepts);
    }
out:
    ba_ridge_factor_free(form.factor);
    ba_free(form.singular);
    ba_free(form.left);
    ba_free(form.right);
    ba_free(own_x);
    ba_free(x_means);
    ba_free(own_y);
    ba_free(y_means);
    return status;
}
