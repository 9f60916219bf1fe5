/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One factorisation of a training design X (n x p), any alpha.
 *
 * Ridge minimises |Y - XB|^2 + alpha |B|^2 (Hoerl & Kennard 1970). With X'X = V L V'
 * (primal) B = V (L + alpha)^-1 (XV)' Y, and with XX' = U L U' (dual; Saunders et al.
 * 1998) B = X'U (L + alpha)^-1 U' Y. The smaller Gram matrix is decomposed, in float64
 * always. An unpenalised intercept is the fit on columns centred over the training rows.
 * In the dual the constant vector 1 is then an eigenvector of the centred K with
 * eigenvalue 0, in a null space that a solver may rotate at will; adding shift 11'/n,
 * with shift the mean eigenvalue, moves it where it can be taken out again exactly
 * (holdout.c), at no loss of digits elsewhere. With p < n the dual has n - p directions
 * that X does not reach: their eigenvalues are 0, and what rounding leaves of X'u is set
 * to 0, since 1 / alpha would blow it up. */
#include "model/ridge_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Columns read at a time: a panel of n x 512 float64. */
#define PANEL 512

static size_t
min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void
scale_column(const ba_training_t *training, const double *center, size_t column,
    size_t n_rows, double *x)
{
    double mean = training->mean ? training->mean[column] : 0.0;
    double scale = training->scale ? training->scale[column] : 1.0;
    double middle = center ? center[column] : 0.0;

    for (size_t i = 0; i < n_rows; i++) {
        x[i] = (x[i] - mean) / scale - middle;
    }
}

void
ba_training_read(const ba_ctx_t *ctx, const ba_training_t *training, const double *center,
    size_t col0, size_t n_cols, double *dst)
{
    size_t n = training->n_rows;

#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t j = 0; j < n_cols; j++) {
        ba_design_read(training->design, training->rows, n, col0 + j, 1, dst + j * n, n);
        scale_column(training, center, col0 + j, n, dst + j * n);
    }
}

static int
find_center(const ba_ctx_t *ctx, ba_ridge_factor_t *factor)
{
    int status = BA_OK;
    size_t n = factor->n;
    double *panel = NULL;

    BA_TRY_ALLOC(factor->center, ba_malloc(factor->p, sizeof *factor->center));
    BA_TRY_ALLOC(panel, ba_malloc(n, PANEL * sizeof *panel));
    for (size_t j0 = 0; j0 < factor->p; j0 += PANEL) {
        size_t width = min_size(PANEL, factor->p - j0);

        ba_training_read(ctx, &factor->training, NULL, j0, width, panel);
        for (size_t j = 0; j < width; j++) {
            double sum = 0.0;

            for (size_t i = 0; i < n; i++) {
                sum += panel[i + j * n];
            }
            factor->center[j0 + j] = sum / (double) n;
        }
    }
out:
    ba_free(panel);
    return status;
}

/* dst = X_new X', n_new x n, for rows of `other`; other NULL = the training rows
 * themselves. */
static int
kernel_of(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor,
    const ba_training_t *other, ba_dmat_t dst)
{
    int status = BA_OK;
    size_t n = factor->n, n_new = dst.n_rows;
    double *own = NULL, *new = NULL;

    BA_TRY_ALLOC(own, ba_malloc(n, PANEL * sizeof *own));
    if (other) {
        BA_TRY_ALLOC(new, ba_malloc(n_new, PANEL * sizeof *new));
    }
    for (size_t j0 = 0; j0 < factor->p; j0 += PANEL) {
        size_t width = min_size(PANEL, factor->p - j0);
        double beta = j0 == 0 ? 0.0 : 1.0;
        ba_cdmat_t panel = ba_cdmat(own, n, width, n);

        BA_TRY(ba_ctx_check(ctx));
        ba_training_read(ctx, &factor->training, factor->center, j0, width, own);
        if (!other) {
            ba_syrk_tiled(ctx, 1.0, BA_KEEP, panel, beta, dst);
            continue;
        }
        ba_training_read(ctx, other, factor->center, j0, width, new);
        ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(new, n_new, width, n_new), BA_TRANSPOSE,
            panel, beta, dst);
    }
out:
    ba_free(own);
    ba_free(new);
    return status;
}

/* An infinite product shows on the diagonal, and so does a NaN. */
static int
check_gram(const double *gram, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(gram[i + i * n])) {
            return ba_fail(BA_NUMERIC,
                "ridge: the Gram matrix of the design is not finite, wanted features of "
                "moderate size");
        }
    }
    return BA_OK;
}

/* Rounding leaves eigenvalues of about -1e-16 of the largest where there should be 0. */
static void
finish_spectrum(ba_ridge_factor_t *factor)
{
    double largest = 0.0;

    for (size_t i = 0; i < factor->rank; i++) {
        int is_null = i < factor->n_null || !(factor->lambda[i] > 0.0);

        factor->lambda[i] = is_null ? 0.0 : factor->lambda[i];
        largest = fmax(largest, factor->lambda[i]);
    }
    factor->tolerance =
        largest * DBL_EPSILON * (double) (factor->n > factor->p ? factor->n : factor->p);
}

/* Moves the constant direction away from 0 where there is an intercept. */
static int
shift_gram(ba_ridge_factor_t *factor)
{
    size_t n = factor->n;
    double trace = 0.0;

    if (factor->intercept == BA_INTERCEPT_YES) {
        for (size_t i = 0; i < n; i++) {
            trace += factor->vectors[i + i * n];
        }
        factor->shift = trace > 0.0 ? trace / (double) n : 1.0;
        for (size_t i = 0; i < n * n; i++) {
            factor->vectors[i] += factor->shift / (double) n;
        }
    }
    return check_gram(factor->vectors, n);
}

static int
decompose(const ba_ctx_t *ctx, ba_ridge_factor_t *factor)
{
    int status = BA_OK;
    size_t n = factor->n, reached;

    BA_TRY_ALLOC(factor->lambda, ba_malloc(n, sizeof *factor->lambda));
    BA_TRY(ba_eigen_symmetric(ctx, ba_dmat(factor->vectors, n, n, n), factor->lambda));
    reached = factor->p + (factor->intercept == BA_INTERCEPT_YES ? 1 : 0);
    factor->n_null = n > reached ? n - reached : 0;
    finish_spectrum(factor);
out:
    return status;
}

int
ba_ridge_finish_dual(
    const ba_ctx_t *ctx, const ba_reducing_t *reducing, ba_ridge_factor_t *factor)
{
    int status = BA_OK;

    factor->rank = factor->n;
    BA_TRY(shift_gram(factor));
    BA_TRY(ba_ctx_check(ctx));
    if (reducing) {
        BA_TRY(ba_ridge_reduce(ctx, reducing, factor));
    }
    if (!ba_ridge_factor_band(factor)) {
        BA_TRY(decompose(ctx, factor));
    }
out:
    return status;
}

static int
factor_dual(const ba_ctx_t *ctx, const ba_reducing_t *reducing, ba_ridge_factor_t *factor)
{
    int status = BA_OK;
    size_t n = factor->n;

    BA_TRY_ALLOC(factor->vectors, ba_calloc(n, n * sizeof *factor->vectors));
    BA_TRY(kernel_of(ctx, factor, NULL, ba_dmat(factor->vectors, n, n, n)));
    BA_TRY(ba_ridge_finish_dual(ctx, reducing, factor));
out:
    return status;
}

static int
factor_primal(const ba_ctx_t *ctx, ba_ridge_factor_t *factor)
{
    int status = BA_OK;
    size_t n = factor->n, p = factor->p;
    double *x = NULL;

    factor->rank = p;
    BA_TRY_ALLOC(factor->lambda, ba_malloc(p, sizeof *factor->lambda));
    BA_TRY_ALLOC(factor->vectors, ba_malloc(p, p * sizeof *factor->vectors));
    BA_TRY_ALLOC(factor->scores, ba_malloc(n, p * sizeof *factor->scores));
    BA_TRY_ALLOC(x, ba_malloc(n, p * sizeof *x));
    ba_training_read(ctx, &factor->training, factor->center, 0, p, x);
    ba_syrk_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(x, n, p, n), 0.0,
        ba_dmat(factor->vectors, p, p, p));
    BA_TRY(check_gram(factor->vectors, p));
    BA_TRY(ba_ctx_check(ctx));
    BA_TRY(ba_eigen_symmetric(ctx, ba_dmat(factor->vectors, p, p, p), factor->lambda));
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(x, n, p, n), BA_KEEP,
        ba_cdmat(factor->vectors, p, p, p), 0.0, ba_dmat(factor->scores, n, p, n));
    finish_spectrum(factor);
out:
    ba_free(x);
    return status;
}

static int
make_factor(const ba_ctx_t *ctx, const ba_training_t *training, ba_solver_t solver,
    const ba_reducing_t *reducing, ba_intercept_t intercept, ba_ridge_factor_t **out)
{
    int status = BA_OK;
    ba_ridge_factor_t *factor = NULL;

    *out = NULL;
    ba_blas_single_thread();
    BA_TRY_ALLOC(factor, ba_calloc(1, sizeof *factor));
    factor->training = *training;
    factor->n = training->n_rows;
    factor->p = ba_design_n_columns(training->design);
    factor->intercept = intercept;
    BA_TRY(ba_blas_check(factor->n));
    BA_TRY(ba_blas_check(factor->p));
    if (factor->n == 0 || factor->p == 0) {
        BA_TRY(
            ba_fail(BA_SHAPE, "ridge: %zu samples x %zu features, wanted at least 1 x 1",
                factor->n, factor->p));
    }
    if (solver == BA_SOLVER_AUTO) {
        solver = factor->p < factor->n ? BA_SOLVER_PRIMAL : BA_SOLVER_DUAL;
    }
    factor->solver = solver;
    if (intercept == BA_INTERCEPT_YES) {
        BA_TRY(find_center(ctx, factor));
    }
    BA_TRY(solver == BA_SOLVER_PRIMAL ? factor_primal(ctx, factor)
                                      : factor_dual(ctx, reducing, factor));
    *out = factor;
    factor = NULL;
out:
    ba_ridge_factor_free(factor);
    return status;
}

int
ba_ridge_factor(const ba_ctx_t *ctx, const ba_training_t *training, ba_solver_t solver,
    ba_intercept_t intercept, ba_ridge_factor_t **out)
{
    return make_factor(ctx, training, solver, NULL, intercept, out);
}

int
ba_ridge_factor_reduced(const ba_ctx_t *ctx, const ba_training_t *training,
    ba_intercept_t intercept, const ba_reducing_t *reducing, ba_ridge_factor_t **out)
{
    return make_factor(ctx, training, BA_SOLVER_DUAL, reducing, intercept, out);
}

void
ba_ridge_factor_free(ba_ridge_factor_t *factor)
{
    if (factor) {
        ba_free(factor->center);
        ba_free(factor->lambda);
        ba_free(factor->vectors);
        ba_reduced_free(&factor->reduced);
        ba_free(factor->scores);
        ba_free(factor->known);
        ba_free(factor);
    }
}

ba_solver_t
ba_ridge_factor_solver(const ba_ridge_factor_t *factor)
{
    return factor->solver;
}

size_t
ba_ridge_factor_rank(const ba_ridge_factor_t *factor)
{
    return factor->rank;
}

const double *
ba_ridge_factor_lambda(const ba_ridge_factor_t *factor)
{
    return factor->lambda;
}

/* Dual with intercept: the eigenvector nearest to the constant vector. */
static size_t
constant_direction(const ba_ridge_factor_t *factor)
{
    size_t n = factor->n, best = 0;
    double largest = -1.0;

    for (size_t j = 0; j < n; j++) {
        double sum = 0.0;

        for (size_t i = 0; i < n; i++) {
            sum += factor->vectors[i + j * n];
        }
        if (fabs(sum) > largest) {
            largest = fabs(sum);
            best = j;
        }
    }
    return best;
}

size_t
ba_ridge_factor_spectrum(const ba_ridge_factor_t *factor, double *spectrum)
{
    int has_constant =
        factor->solver == BA_SOLVER_DUAL && factor->intercept == BA_INTERCEPT_YES;
    size_t constant = has_constant ? constant_direction(factor) : factor->rank, n = 0;

    for (size_t i = 0; i < factor->rank; i++) {
        if (i != constant) {
            spectrum[n++] = factor->lambda[i];
        }
    }
    return n;
}

double
ba_ridge_factor_tolerance(const ba_ridge_factor_t *factor)
{
    return factor->tolerance;
}

const double *
ba_ridge_factor_center(const ba_ridge_factor_t *factor)
{
    return factor->center;
}

ba_cdmat_t
ba_ridge_factor_project(const ba_ridge_factor_t *factor)
{
    const double *data =
        factor->solver == BA_SOLVER_PRIMAL ? factor->scores : factor->vectors;

    return ba_cdmat(data, factor->n, factor->rank, factor->n);
}

void
ba_ridge_factor_filter(const ba_ridge_factor_t *factor, double alpha, double *d)
{
    for (size_t i = 0; i < factor->rank; i++) {
        double lambda = factor->lambda[i];

        d[i] = alpha == 0.0 && lambda <= factor->tolerance ? 0.0 : 1.0 / (lambda + alpha);
    }
}

static void
clear_null(const ba_ridge_factor_t *factor, ba_dmat_t products)
{
    for (size_t j = 0; j < factor->n_null; j++) {
        memset(
            products.data + j * products.ld, 0, products.n_rows * sizeof *products.data);
    }
}

int
ba_ridge_factor_back(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor, ba_dmat_t back)
{
    int status = BA_OK;
    size_t n = factor->n, p = factor->p;
    double *panel = NULL;

    if (factor->solver == BA_SOLVER_PRIMAL) {
        for (size_t j = 0; j < p; j++) {
            memcpy(
                back.data + j * back.ld, factor->vectors + j * p, p * sizeof *back.data);
        }
        return BA_OK;
    }
    BA_TRY_ALLOC(panel, ba_malloc(n, PANEL * sizeof *panel));
    for (size_t j0 = 0; j0 < p; j0 += PANEL) {
        size_t width = min_size(PANEL, p - j0);

        BA_TRY(ba_ctx_check(ctx));
        ba_training_read(ctx, &factor->training, factor->center, j0, width, panel);
        ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(panel, n, width, n), BA_KEEP,
            ba_cdmat(factor->vectors, n, n, n), 0.0,
            ba_dmat(back.data + j0, width, n, back.ld));
    }
    clear_null(factor, back);
out:
    ba_free(panel);
    return status;
}

/* Primal: X_new V, read in panels so that no n_new x p copy is made at once. */
static int
apply_primal(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor,
    const ba_training_t *other, ba_dmat_t dst)
{
    int status = BA_OK;
    size_t p = factor->p, n_new = other->n_rows;
    double *panel = NULL;

    BA_TRY_ALLOC(panel, ba_malloc(n_new, PANEL * sizeof *panel));
    for (size_t j0 = 0; j0 < p; j0 += PANEL) {
        size_t width = min_size(PANEL, p - j0);

        ba_training_read(ctx, other, factor->center, j0, width, panel);
        ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(panel, n_new, width, n_new), BA_KEEP,
            ba_cdmat(factor->vectors + j0, width, p, p), j0 == 0 ? 0.0 : 1.0, dst);
    }
out:
    ba_free(panel);
    return status;
}

int
ba_ridge_factor_apply(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor,
    const ba_design_t *design, const size_t *rows, size_t n_new, ba_dmat_t dst)
{
    int status = BA_OK;
    size_t n = factor->n;
    double *kernel = NULL;
    const double *products = factor->known;
    ba_training_t other = factor->training;

    if (n_new == 0) {
        return BA_OK;
    }
    other.design = design;
    other.rows = rows;
    other.n_rows = n_new;
    if (factor->solver == BA_SOLVER_PRIMAL) {
        return apply_primal(ctx, factor, &other, dst);
    }
    if (!products || rows != factor->known_rows || design != factor->training.design) {
        BA_TRY_ALLOC(kernel, ba_malloc(n_new, n * sizeof *kernel));
        BA_TRY(kernel_of(ctx, factor, &other, ba_dmat(kernel, n_new, n, n_new)));
        products = kernel;
    }
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(products, n_new, n, n_new), BA_KEEP,
        ba_cdmat(factor->vectors, n, n, n), 0.0, dst);
    clear_null(factor, dst);
out:
    ba_free(kernel);
    return status;
}
