/* SPDX-License-Identifier: GPL-3.0-or-later */
/* |Y - sum_k Z_k B_k|^2 + sum_k |B_k|^2 / delta_k.
 *
 * Dual: B_k = delta_k Z_k' (K + 1)^-1 Y with K = sum_k delta_k Z_k Z_k'. The kernels are
 * made once, a point costs their weighted sum. M = (K + 1)^-1 is the residual maker, and
 * serves every left-out set (holdout.c). Columns are centred where there is an intercept,
 * so that the constant vector is an eigenvector of M with eigenvalue 1, which the fit
 * with intercept takes out: M - 11'/n.
 *
 * Primal: B = S (1 + S Z'Z S)^-1 S Z'Y, S = diag(sqrt(delta)), which is sound where a
 * delta is 0, too. */
#include "model/spaces.h"

#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/ridge_impl.h"

#include <math.h>
#include <string.h>

/* Columns read at a time. */
#define PANEL 512

static size_t
min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Places of the columns, space after space, in the order of the design within each. */
static int
sort_columns(ba_spaces_t *spaces)
{
    int status = BA_OK;
    size_t n = 0;

    BA_TRY_ALLOC(spaces->order, ba_malloc(spaces->p, sizeof *spaces->order));
    BA_TRY_ALLOC(spaces->first, ba_calloc(spaces->n_spaces + 1, sizeof *spaces->first));
    for (size_t k = 0; k < spaces->n_spaces; k++) {
        spaces->first[k] = n;
        for (size_t j = 0; j < spaces->p; j++) {
            if (ba_design_column(spaces->training.design, j).space == k) {
                spaces->order[n++] = j;
            }
        }
    }
    spaces->first[spaces->n_spaces] = n;
out:
    return status;
}

void
ba_spaces_read(const ba_ctx_t *ctx, const ba_spaces_t *spaces, const ba_design_t *design,
    const size_t *rows, size_t n_rows, size_t place0, size_t n_places, double *dst)
{
    const ba_training_t *training = &spaces->training;

#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t j = 0; j < n_places; j++) {
        size_t column = spaces->order[place0 + j];
        double mean = training->mean ? training->mean[column] : 0.0;
        double scale = training->scale ? training->scale[column] : 1.0;
        double center = spaces->center ? spaces->center[place0 + j] : 0.0;
        double *x = dst + j * n_rows;

        ba_design_read(design, rows, n_rows, column, 1, x, n_rows);
        for (size_t i = 0; i < n_rows; i++) {
            x[i] = (x[i] - mean) / scale - center;
        }
    }
}

static void
read_training(const ba_ctx_t *ctx, const ba_spaces_t *spaces, size_t place0,
    size_t n_places, double *dst)
{
    ba_spaces_read(ctx, spaces, spaces->training.design, spaces->training.rows, spaces->n,
        place0, n_places, dst);
}

static int
find_center(const ba_ctx_t *ctx, ba_spaces_t *spaces)
{
    int status = BA_OK;
    size_t n = spaces->n;
    double *panel = NULL, *center = NULL;

    BA_TRY_ALLOC(center, ba_malloc(spaces->p, sizeof *center));
    BA_TRY_ALLOC(panel, ba_malloc(n, PANEL * sizeof *panel));
    for (size_t j0 = 0; j0 < spaces->p; j0 += PANEL) {
        size_t width = min_size(PANEL, spaces->p - j0);

        read_training(ctx, spaces, j0, width, panel);
        for (size_t j = 0; j < width; j++) {
            double sum = 0.0;

            for (size_t i = 0; i < n; i++) {
                sum += panel[i + j * n];
            }
            center[j0 + j] = sum / (double) n;
        }
    }
    spaces->center = center;
    center = NULL;
out:
    ba_free(panel);
    ba_free(center);
    return status;
}

static int
check_finite(const double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(a[i + i * n])) {
            return ba_fail(BA_NUMERIC,
                "ridge: the Gram matrix of the design is not finite, wanted features of "
                "moderate size");
        }
    }
    return BA_OK;
}

static int
make_kernels(const ba_ctx_t *ctx, ba_spaces_t *spaces)
{
    int status = BA_OK;
    size_t n = spaces->n;
    double *panel = NULL;

    BA_TRY_ALLOC(
        spaces->kernels, ba_calloc(spaces->n_spaces, n * n * sizeof *spaces->kernels));
    BA_TRY_ALLOC(panel, ba_malloc(n, PANEL * sizeof *panel));
    for (size_t k = 0; k < spaces->n_spaces; k++) {
        double *kernel = spaces->kernels + k * n * n;

        for (size_t j0 = spaces->first[k]; j0 < spaces->first[k + 1]; j0 += PANEL) {
            size_t width = min_size(PANEL, spaces->first[k + 1] - j0);

            BA_TRY(ba_ctx_check(ctx));
            read_training(ctx, spaces, j0, width, panel);
            ba_syrk_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(panel, n, width, n),
                j0 == spaces->first[k] ? 0.0 : 1.0, ba_dmat(kernel, n, n, n));
        }
        BA_TRY(check_finite(kernel, n));
    }
out:
    ba_free(panel);
    return status;
}

static int
make_gram(const ba_ctx_t *ctx, ba_spaces_t *spaces)
{
    int status = BA_OK;
    size_t n = spaces->n, p = spaces->p;
    double *z = NULL;

    BA_TRY_ALLOC(spaces->gram, ba_malloc(p, p * sizeof *spaces->gram));
    BA_TRY_ALLOC(z, ba_malloc(n, p * sizeof *z));
    spaces->columns->scores = z;
    read_training(ctx, spaces, 0, p, z);
    ba_syrk_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(z, n, p, n), 0.0,
        ba_dmat(spaces->gram, p, p, p));
    BA_TRY(check_finite(spaces->gram, p));
out:
    return status;
}

/* A factor without eigenvalues: what asks for sizes, form and [Q, 1] alone can have it. */
static int
make_columns(ba_spaces_t *spaces)
{
    ba_ridge_factor_t *columns = ba_calloc(1, sizeof *columns);

    spaces->columns = columns;
    if (!columns) {
        return BA_NOMEM;
    }
    columns->training = spaces->training;
    columns->n = spaces->n;
    columns->p = spaces->p;
    columns->rank = spaces->n_unknowns;
    columns->solver = spaces->solver;
    columns->intercept = spaces->intercept;
    return BA_OK;
}

int
ba_spaces_make(const ba_ctx_t *ctx, const ba_training_t *training, size_t n_spaces,
    ba_solver_t solver, ba_intercept_t intercept, ba_spaces_t *out)
{
    int status = BA_OK;

    *out = (ba_spaces_t){.training = *training,
        .solver = solver,
        .intercept = intercept,
        .n = training->n_rows,
        .p = ba_design_n_columns(training->design),
        .n_spaces = n_spaces};
    out->n_unknowns = solver == BA_SOLVER_DUAL ? out->n : out->p;
    ba_blas_single_thread();
    BA_TRY(ba_blas_check(out->n));
    BA_TRY(ba_blas_check(out->p));
    BA_TRY(sort_columns(out));
    if (intercept == BA_INTERCEPT_YES) {
        BA_TRY(find_center(ctx, out));
    }
    BA_TRY(make_columns(out));
    BA_TRY(solver == BA_SOLVER_DUAL ? make_kernels(ctx, out) : make_gram(ctx, out));
out:
    if (status != BA_OK) {
        ba_spaces_free(out);
    }
    return status;
}

void
ba_spaces_free(ba_spaces_t *spaces)
{
    ba_ridge_factor_free(spaces->columns);
    ba_free(spaces->order);
    ba_free(spaces->first);
    ba_free(spaces->center);
    ba_free(spaces->kernels);
    ba_free(spaces->gram);
    *spaces = (ba_spaces_t){0};
}

int
ba_spaces_spectrum(const ba_ctx_t *ctx, const ba_spaces_t *spaces, double *lambda)
{
    int status = BA_OK;
    size_t m = spaces->n_unknowns;
    double share = 1.0 / (double) spaces->n_spaces, *a = NULL;

    BA_TRY_ALLOC(a, ba_malloc(m, m * sizeof *a));
    for (size_t i = 0; i < m * m; i++) {
        a[i] = spaces->gram ? share * spaces->gram[i] : 0.0;
        for (size_t k = 0; spaces->kernels && k < spaces->n_spaces; k++) {
            a[i] += share * spaces->kernels[i + k * m * m];
        }
    }
    BA_TRY(ba_eigen_symmetric(ctx, ba_dmat(a, m, m, m), lambda));
out:
    ba_free(a);
    return status;
}

static double
root_of(const ba_spaces_t *spaces, const double *delta, size_t place, size_t *space)
{
    while (place >= spaces->first[*space + 1]) {
        ++*space;
    }
    return sqrt(delta[*space]);
}

/* 1 + S gram S below the diagonal; what is beyond p has S = 1 and no penalty. */
static void
scaled_gram(const ba_spaces_t *spaces, const double *delta, ba_cdmat_t gram, double *a)
{
    size_t m = gram.n_rows, p = spaces->p, of_column = 0;

    for (size_t j = 0; j < m; j++) {
        double right = j < p ? root_of(spaces, delta, j, &of_column) : 1.0;
        size_t of_row = j < p ? of_column : 0;

        for (size_t i = j; i < m; i++) {
            double left = i < p ? root_of(spaces, delta, i, &of_row) : 1.0;

            a[i + j * m] = left * right * gram.data[i + j * gram.ld];
        }
        a[j + j * m] += j < p ? 1.0 : 0.0;
    }
}

void
ba_spaces_system(const ba_spaces_t *spaces, const double *delta, double *a)
{
    size_t m = spaces->n_unknowns;

    if (spaces->gram) {
        scaled_gram(spaces, delta, ba_cdmat(spaces->gram, m, m, m), a);
        return;
    }
    for (size_t j = 0; j < m; j++) {
        double *column = a + j * m;

        memset(column + j, 0, (m - j) * sizeof *column);
        for (size_t k = 0; k < spaces->n_spaces; k++) {
            const double *kernel = spaces->kernels + k * m * m + j * m;

            for (size_t i = j; delta[k] > 0.0 && i < m; i++) {
                column[i] += delta[k] * kernel[i];
            }
        }
        column[j] += 1.0;
    }
}

static int
too_small(const double *delta, size_t n_spaces)
{
    double largest = 0.0;

    for (size_t k = 0; k < n_spaces; k++) {
        largest = fmax(largest, delta[k]);
    }
    return ba_fail(BA_NUMERIC,
        "ridge: a penalty of %g is too small for held-out predictions of this design in "
        "float64",
        1.0 / largest);
}

int
ba_spaces_residual_maker(
    const ba_spaces_t *spaces, const double *delta, ba_intercept_t intercept, double *m)
{
    size_t n = spaces->n;

    ba_spaces_system(spaces, delta, m);
    if (ba_cholesky(ba_dmat(m, n, n, n)) != BA_OK) {
        return too_small(delta, spaces->n_spaces);
    }
    ba_cholesky_invert(ba_dmat(m, n, n, n));
    for (size_t i = 0; intercept == BA_INTERCEPT_YES && i < n * n; i++) {
        m[i] -= 1.0 / (double) n;
    }
    return BA_OK;
}

int
ba_spaces_coefficients(
    const ba_spaces_t *spaces, const double *delta, ba_cdmat_t gram, double *inverse)
{
    size_t m = gram.n_rows, p = spaces->p, of_column = 0;

    scaled_gram(spaces, delta, gram, inverse);
    if (ba_cholesky(ba_dmat(inverse, m, m, m)) != BA_OK) {
        return too_small(delta, spaces->n_spaces);
    }
    ba_cholesky_invert(ba_dmat(inverse, m, m, m));
    for (size_t j = 0; j < m; j++) {
        double right = j < p ? root_of(spaces, delta, j, &of_column) : 1.0;
        size_t of_row = 0;

        for (size_t i = 0; i < m; i++) {
            inverse[i + j * m] *=
                right * (i < p ? root_of(spaces, delta, i, &of_row) : 1.0);
        }
    }
    return BA_OK;
}

static void
scale_rows(const ba_spaces_t *spaces, const double *delta, ba_dmat_t b)
{
    for (size_t j = 0; j < b.n_cols; j++) {
        size_t space = 0;

        for (size_t i = 0; i < b.n_rows; i++) {
            b.data[i + j * b.ld] *= root_of(spaces, delta, i, &space);
        }
    }
}

void
ba_spaces_solve(
    const ba_spaces_t *spaces, const double *delta, const double *l, ba_dmat_t b)
{
    size_t m = spaces->n_unknowns;

    if (spaces->gram) {
        scale_rows(spaces, delta, b);
    }
    ba_cholesky_solve(ba_cdmat(l, m, m, m), b);
    if (spaces->gram) {
        scale_rows(spaces, delta, b);
    }
}

/* Dual: new kernels, panel by panel. */
static int
apply_dual(const ba_ctx_t *ctx, const ba_spaces_t *spaces, const ba_design_t *design,
    const size_t *rows, size_t n_rows, size_t k, double *dst)
{
    int status = BA_OK;
    size_t n = spaces->n;
    double *own = NULL, *new = NULL;

    BA_TRY_ALLOC(own, ba_malloc(n, PANEL * sizeof *own));
    BA_TRY_ALLOC(new, ba_malloc(n_rows, PANEL * sizeof *new));
    for (size_t j0 = spaces->first[k]; j0 < spaces->first[k + 1]; j0 += PANEL) {
        size_t width = min_size(PANEL, spaces->first[k + 1] - j0);

        BA_TRY(ba_ctx_check(ctx));
        read_training(ctx, spaces, j0, width, own);
        ba_spaces_read(ctx, spaces, design, rows, n_rows, j0, width, new);
        ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(new, n_rows, width, n_rows),
            BA_TRANSPOSE, ba_cdmat(own, n, width, n), j0 == spaces->first[k] ? 0.0 : 1.0,
            ba_dmat(dst, n_rows, n, n_rows));
    }
out:
    ba_free(own);
    ba_free(new);
    return status;
}

int
ba_spaces_apply(const ba_ctx_t *ctx, const ba_spaces_t *spaces, const ba_design_t *design,
    const size_t *rows, size_t n_rows, size_t k, double *dst)
{
    if (spaces->solver == BA_SOLVER_DUAL) {
        return apply_dual(ctx, spaces, design, rows, n_rows, k, dst);
    }
    ba_spaces_read(ctx, spaces, design, rows, n_rows, spaces->first[k],
        spaces->first[k + 1] - spaces->first[k], dst);
    return BA_OK;
}
