/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "linalg/blas.h"

#include "core/alloc.h"
#include "core/error_keep.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

/* dstedc's workspace size, 1 + 4 n + n^2, passes the 32-bit integer from 46,340 on
 * without an error. */
#define LARGEST_DIVIDE_AND_CONQUER 46000

/* Columns that reflectors are applied to at a time. */
#define COLUMNS 256

static int
check_info(lapack_int info, const char *what)
{
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR) {
        return ba_fail(BA_NOMEM, "memory: no workspace for the %s", what);
    }
    if (info < 0) {
        return ba_fail(
            BA_NUMERIC, "%s: a value is not finite, wanted finite numbers", what);
    }
    if (info > 0) {
        return ba_fail(BA_NUMERIC, "%s: failed at step %d", what, (int) info);
    }
    return BA_OK;
}

/* Relatively robust representations: slower and one more n x n, but its workspace stays
 * small. */
static int
eigen_large(ba_dmat_t a, double *lambda)
{
    int status = BA_OK;
    lapack_int n = (lapack_int) a.n_rows, found = 0;
    double *vectors = NULL;
    lapack_int *support = NULL;

    BA_TRY_ALLOC(vectors, ba_malloc(a.n_rows, a.n_rows * sizeof *vectors));
    BA_TRY_ALLOC(support, ba_malloc(a.n_rows, 2 * sizeof *support));
    BA_TRY(check_info(
        LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'A', 'L', n, a.data, (lapack_int) a.ld, 0.0,
            0.0, 0, 0, 0.0, &found, lambda, vectors, n, support),
        "eigendecomposition"));
    for (size_t j = 0; j < a.n_rows; j++) {
        memcpy(a.data + j * a.ld, vectors + j * a.n_rows, a.n_rows * sizeof *vectors);
    }
out:
    ba_free(vectors);
    ba_free(support);
    return status;
}

/* z = Q z, the tridiagonal form's eigenvectors back in the matrix's own basis, a block of
 * columns a thread. */
static int
back_transform(const ba_ctx_t *ctx, ba_cdmat_t reflectors, const double *tau, ba_dmat_t z)
{
    size_t n = z.n_rows;
    ba_error_keep_t keep = {.status = BA_OK};

#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t j = 0; j < n; j += COLUMNS) {
        size_t width = n - j < COLUMNS ? n - j : COLUMNS;

        ba_error_keep(&keep, check_info(LAPACKE_dormtr(LAPACK_COL_MAJOR, 'L', 'L', 'N',
                                            (lapack_int) n, (lapack_int) width,
                                            reflectors.data, (lapack_int) reflectors.ld,
                                            tau, z.data + j * z.ld, (lapack_int) z.ld),
                                 "eigendecomposition"));
    }
    return ba_error_raise(&keep);
}

/* Tridiagonal form, divide and conquer on it, back transformation: dsyevd with its last
 * step on all threads. */
static int
eigen_divide_and_conquer(const ba_ctx_t *ctx, ba_dmat_t a, double *lambda)
{
    int status = BA_OK;
    size_t n = a.n_rows;
    lapack_int order = (lapack_int) n;
    double *e = NULL, *tau = NULL, *z = NULL;

    BA_TRY_ALLOC(e, ba_malloc(n, sizeof *e));
    BA_TRY_ALLOC(tau, ba_malloc(n, sizeof *tau));
    BA_TRY_ALLOC(z, ba_malloc(n, n * sizeof *z));
    BA_TRY(check_info(LAPACKE_dsytrd(LAPACK_COL_MAJOR, 'L', order, a.data,
                          (lapack_int) a.ld, lambda, e, tau),
        "eigendecomposition"));
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(lambda[i])) {
            BA_TRY(check_info(-1, "eigendecomposition"));
        }
    }
    BA_TRY(ba_ctx_check(ctx));
    BA_TRY(check_info(LAPACKE_dstedc(LAPACK_COL_MAJOR, 'I', order, lambda, e, z, order),
        "eigendecomposition"));
    BA_TRY(back_transform(ctx, ba_dmat_const(a), tau, ba_dmat(z, n, n, n)));
    for (size_t j = 0; j < n; j++) {
        memcpy(a.data + j * a.ld, z + j * n, n * sizeof *z);
    }
out:
    ba_free(e);
    ba_free(tau);
    ba_free(z);
    return status;
}

int
ba_eigen_symmetric(const ba_ctx_t *ctx, ba_dmat_t a, double *lambda)
{
    if (a.n_rows == 0) {
        return BA_OK;
    }
    if (a.n_rows > LARGEST_DIVIDE_AND_CONQUER) {
        return eigen_large(a, lambda);
    }
    return eigen_divide_and_conquer(ctx, a, lambda);
}

int
ba_svd(ba_dmat_t a, double *s, ba_dmat_t u, ba_dmat_t v)
{
    int status = BA_OK;
    double scale[7]; /* s comes divided by scale[0] / scale[1], against overflow */
    lapack_int counts[3];

    if (a.n_cols == 0) {
        return BA_OK;
    }
    /* Accurate under row and column scaling (F), both factors (U, V), nothing set to zero
     * but what would underflow (R), no transposition, no perturbation. */
    BA_TRY(check_info(
        LAPACKE_dgejsv(LAPACK_COL_MAJOR, 'F', 'U', 'V', 'R', 'N', 'N',
            (lapack_int) a.n_rows, (lapack_int) a.n_cols, a.data, (lapack_int) a.ld, s,
            u.data, (lapack_int) u.ld, v.data, (lapack_int) v.ld, scale, counts),
        "singular value decomposition"));
    for (size_t i = 0; i < a.n_cols; i++) {
        s[i] *= scale[0] / scale[1];
    }
out:
    return status;
}

int
ba_svd_quick(ba_dmat_t a, double *s, ba_dmat_t u, ba_dmat_t v)
{
    int status;
    size_t k = a.n_cols;

    if (k == 0) {
        return BA_OK;
    }
    BA_TRY(check_info(LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', (lapack_int) a.n_rows,
                          (lapack_int) k, a.data, (lapack_int) a.ld, s, u.data,
                          (lapack_int) u.ld, v.data, (lapack_int) v.ld),
        "singular value decomposition"));
    for (size_t j = 0; j < k; j++) {
        for (size_t i = 0; i < j; i++) {
            double kept = v.data[i + j * v.ld];

            v.data[i + j * v.ld] = v.data[j + i * v.ld];
            v.data[j + i * v.ld] = kept;
        }
    }
out:
    return status;
}

int
ba_cholesky(ba_dmat_t a)
{
    if (a.n_rows == 0) {
        return BA_OK;
    }
    return check_info(LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', (lapack_int) a.n_rows, a.data,
                          (lapack_int) a.ld),
        "Cholesky factorisation");
}

/* Rows from which on halves are worth products of their own; rows and columns that are
 * mirrored while they are at hand. */
#define HALVED 128
#define MIRRORED 64

/* Where a triangle is cut in two: the first rows, a whole number of small blocks. */
static size_t
half_of(size_t n)
{
    return (n / 2 + HALVED / 2 - 1) / (HALVED / 2) * (HALVED / 2);
}

/* W = L^-1 in place: W21 = -W22 L21 W11. Products of halves are faster than LAPACK's
 * panels. A factor without zeros on its diagonal, as Cholesky leaves it, has an inverse:
 * nothing can fail. */
void
ba_triangle_invert(ba_dmat_t l)
{
    size_t n = l.n_rows, h = half_of(n);
    ba_dmat_t first, low, last;

    if (n <= HALVED) {
        LAPACKE_dtrtri_work(
            LAPACK_COL_MAJOR, 'L', 'N', (lapack_int) n, l.data, (lapack_int) l.ld);
        return;
    }
    first = ba_dmat(l.data, h, h, l.ld);
    low = ba_dmat(l.data + h, n - h, h, l.ld);
    last = ba_dmat(l.data + h + h * l.ld, n - h, n - h, l.ld);
    ba_triangle_invert(first);
    ba_trmm_lower_f64(BA_RIGHT, BA_KEEP, -1.0, ba_dmat_const(first), low);
    ba_triangle_invert(last);
    ba_trmm_lower_f64(BA_LEFT, BA_KEEP, 1.0, ba_dmat_const(last), low);
}

/* The lower triangle of W'W in place. */
static void
square_triangle(ba_dmat_t w)
{
    size_t n = w.n_rows, h = half_of(n);
    ba_dmat_t first, low, last;

    if (n <= HALVED) {
        LAPACKE_dlauum_work(
            LAPACK_COL_MAJOR, 'L', (lapack_int) n, w.data, (lapack_int) w.ld);
        return;
    }
    first = ba_dmat(w.data, h, h, w.ld);
    low = ba_dmat(w.data + h, n - h, h, w.ld);
    last = ba_dmat(w.data + h + h * w.ld, n - h, n - h, w.ld);
    square_triangle(first);
    ba_syrk_f64(1.0, BA_TRANSPOSE, ba_dmat_const(low), 1.0, first);
    ba_trmm_lower_f64(BA_LEFT, BA_TRANSPOSE, 1.0, ba_dmat_const(last), low);
    square_triangle(last);
}

/* The upper triangle from the lower one, block by block. */
static void
mirror(ba_dmat_t a)
{
    size_t n = a.n_cols;

    for (size_t j0 = 0; j0 < n; j0 += MIRRORED) {
        for (size_t i0 = j0; i0 < n; i0 += MIRRORED) {
            size_t j1 = j0 + MIRRORED < n ? j0 + MIRRORED : n;
            size_t i1 = i0 + MIRRORED < n ? i0 + MIRRORED : n;

            for (size_t j = j0; j < j1; j++) {
                for (size_t i = i0 > j ? i0 : j + 1; i < i1; i++) {
                    a.data[j + i * a.ld] = a.data[i + j * a.ld];
                }
            }
        }
    }
}

void
ba_cholesky_invert(ba_dmat_t l)
{
    if (l.n_rows == 0) {
        return;
    }
    ba_triangle_invert(l);
    square_triangle(l);
    mirror(l);
}

void
ba_cholesky_solve(ba_cdmat_t l, ba_dmat_t b)
{
    if (l.n_rows == 0 || b.n_cols == 0) {
        return;
    }
    /* The arguments were checked when the factor was made: the call has nothing left to
     * fail at. */
    LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', (lapack_int) l.n_rows,
        (lapack_int) b.n_cols, l.data, (lapack_int) l.ld, b.data, (lapack_int) b.ld);
}

static int
reflect(ba_dmat_t a, double **tau)
{
    int status = BA_OK;

    BA_TRY_ALLOC(*tau, ba_malloc(a.n_cols, sizeof **tau));
    BA_TRY(check_info(LAPACKE_dgeqrf(LAPACK_COL_MAJOR, (lapack_int) a.n_rows,
                          (lapack_int) a.n_cols, a.data, (lapack_int) a.ld, *tau),
        "QR decomposition"));
out:
    return status;
}

static void
copy_triangle(ba_cdmat_t a, ba_dmat_t r)
{
    for (size_t j = 0; j < a.n_cols; j++) {
        for (size_t i = 0; i < a.n_cols; i++) {
            r.data[i + j * r.ld] = i <= j ? a.data[i + j * a.ld] : 0.0;
        }
    }
}

int
ba_qr(ba_dmat_t a, ba_dmat_t r)
{
    int status = BA_OK;
    double *tau = NULL;

    if (a.n_cols == 0) {
        return BA_OK;
    }
    BA_TRY(reflect(a, &tau));
    copy_triangle(ba_dmat_const(a), r);
    BA_TRY(check_info(
        LAPACKE_dorgqr(LAPACK_COL_MAJOR, (lapack_int) a.n_rows, (lapack_int) a.n_cols,
            (lapack_int) a.n_cols, a.data, (lapack_int) a.ld, tau),
        "QR decomposition"));
out:
    ba_free(tau);
    return status;
}

int
ba_qr_triangle(ba_dmat_t a)
{
    int status = BA_OK;
    double *tau = NULL;

    if (a.n_cols == 0) {
        return BA_OK;
    }
    BA_TRY(reflect(a, &tau));
    copy_triangle(ba_dmat_const(a), a);
out:
    ba_free(tau);
    return status;
}

int
ba_qr_compact(ba_dmat_t a, ba_dmat_t t)
{
    lapack_int m = (lapack_int) a.n_rows, n = (lapack_int) a.n_cols;

    if (t.n_rows == 0) {
        return BA_OK;
    }
    return check_info(LAPACKE_dgeqrt(LAPACK_COL_MAJOR, m, n, (lapack_int) t.n_rows,
                          a.data, (lapack_int) a.ld, t.data, (lapack_int) t.ld),
        "QR decomposition");
}
