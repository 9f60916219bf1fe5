/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The linear algebra of the house on column-major views. Only this layer names cblas or
 * LAPACK. Every call runs on the calling thread alone (the bits of threaded BLAS depend
 * on the number of threads); the _tiled calls are our own parallel loops over blocks of
 * fixed size, the same bits for any number of threads. */
#ifndef BA_LINALG_BLAS_H
#define BA_LINALG_BLAS_H

#include "brainalign/ctx.h"
#include "brainalign/error.h"
#include "brainalign/matrix.h"

typedef enum { BA_KEEP = 0, BA_TRANSPOSE = 1 } ba_op_t;

/* Views of parts, and read-only views. */
static inline ba_dmat_t
ba_dmat(double *data, size_t n_rows, size_t n_cols, size_t ld)
{
    return (ba_dmat_t){data, n_rows, n_cols, ld};
}

static inline ba_cdmat_t
ba_cdmat(const double *data, size_t n_rows, size_t n_cols, size_t ld)
{
    return (ba_cdmat_t){data, n_rows, n_cols, ld};
}

static inline ba_cdmat_t
ba_dmat_const(ba_dmat_t m)
{
    return (ba_cdmat_t){m.data, m.n_rows, m.n_cols, m.ld};
}

static inline ba_cmat_t
ba_cmat(const float *data, size_t n_rows, size_t n_cols, size_t ld)
{
    return (ba_cmat_t){data, n_rows, n_cols, ld};
}

static inline ba_mat_t
ba_mat(float *data, size_t n_rows, size_t n_cols, size_t ld)
{
    return (ba_mat_t){data, n_rows, n_cols, ld};
}

/* BA_TOO_LARGE when a dimension does not fit the BLAS integer. Every other call here
 * relies on it having been asked. */
int ba_blas_check(size_t n) BA_MUST_USE;

/* Puts the BLAS on one thread. Cheap; called by whoever starts numerical work. */
void ba_blas_single_thread(void);

/* BA_NOMEM where a limit on the address space leaves no room for the buffers that the
 * BLAS takes for each thread: it would wait for them for ever. */
int ba_blas_check_room(int n_threads) BA_MUST_USE;

/* c = alpha op(a) op(b) + beta c. */
void ba_gemm_f64(double alpha, ba_op_t op_a, ba_cdmat_t a, ba_op_t op_b, ba_cdmat_t b,
    double beta, ba_dmat_t c);
void ba_gemm_f32(float alpha, ba_op_t op_a, ba_cmat_t a, ba_op_t op_b, ba_cmat_t b,
    float beta, ba_mat_t c);

/* The lower triangle of c = alpha a a' + beta c (op KEEP) or alpha a'a + beta c. */
void ba_syrk_f64(double alpha, ba_op_t op, ba_cdmat_t a, double beta, ba_dmat_t c);

/* b = u b with u upper triangular; what stands below its diagonal is not read. */
void ba_trmm_f64(ba_cdmat_t u, ba_dmat_t b);
void ba_trmm_f32(ba_cmat_t u, ba_mat_t b);

/* b = times op(l) b (left) or times b op(l) (right) with l lower triangular; what stands
 * above its diagonal is not read. */
typedef enum { BA_LEFT, BA_RIGHT } ba_side_t;

void ba_trmm_lower_f64(
    ba_side_t side, ba_op_t op, double times, ba_cdmat_t l, ba_dmat_t b);

/* The same as ba_gemm_f64() on the threads of ctx. */
void ba_gemm_tiled(const ba_ctx_t *ctx, double alpha, ba_op_t op_a, ba_cdmat_t a,
    ba_op_t op_b, ba_cdmat_t b, double beta, ba_dmat_t c);

/* c = alpha a a' + beta c (op KEEP) or alpha a'a + beta c (op TRANSPOSE), all of the
 * symmetric c, on the threads of ctx. */
void ba_syrk_tiled(const ba_ctx_t *ctx, double alpha, ba_op_t op, ba_cdmat_t a,
    double beta, ba_dmat_t c);

/* The blocks of c = a'a on and below its diagonal, on the threads of ctx. */
void ba_lower_square_tiled_f32(const ba_ctx_t *ctx, ba_cmat_t a, ba_mat_t c);

/* Replaces a symmetric matrix by its eigenvectors (columns), eigenvalues ascending in
 * lambda. BA_NUMERIC, BA_NOMEM. Cost: about 9 n^3 flops, 2 n^2 more numbers of memory. */
int ba_eigen_symmetric(const ba_ctx_t *ctx, ba_dmat_t a, double *lambda) BA_MUST_USE;

/* Thin singular value decomposition a = u diag(s) v' of a matrix with n_rows >= n_cols: u
 * n_rows x n_cols, v n_cols x n_cols, s descending; a is destroyed. One-sided Jacobi
 * rotations: where rows or columns of different size are all that is wrong with a, small
 * singular values keep their relative accuracy. Several times the cost of an
 * eigendecomposition of a'a. BA_NUMERIC, BA_NOMEM. */
int ba_svd(ba_dmat_t a, double *s, ba_dmat_t u, ba_dmat_t v) BA_MUST_USE;

/* The same by divide and conquer, several times faster; singular values are accurate
 * beside the largest one alone. */
int ba_svd_quick(ba_dmat_t a, double *s, ba_dmat_t u, ba_dmat_t v) BA_MUST_USE;

/* Thin QR decomposition by Householder reflections: a (n_rows >= n_cols) becomes the
 * orthonormal factor, r (n_cols x n_cols) the upper triangular one, zeros below. Cost: 4
 * n_rows n_cols^2. BA_NUMERIC, BA_NOMEM. */
int ba_qr(ba_dmat_t a, ba_dmat_t r) BA_MUST_USE;

/* Replaces a (n_rows >= n_cols) by the triangular factor of its QR decomposition in its
 * first n_cols rows, zeros below the diagonal there. Half the cost of ba_qr(). */
int ba_qr_triangle(ba_dmat_t a) BA_MUST_USE;

/* QR decomposition with its reflections in compact form, a = (I - V T V') R: R on and
 * above the diagonal of a, V (unit lower trapezoidal) below it, t (k x k, k = the smaller
 * side of a, zeros below its diagonal beforehand) becomes T. BA_NUMERIC, BA_NOMEM. */
int ba_qr_compact(ba_dmat_t a, ba_dmat_t t) BA_MUST_USE;

/* Cholesky factor L of a symmetric positive definite matrix in its lower triangle.
 * BA_NUMERIC when it is not. */
int ba_cholesky(ba_dmat_t a) BA_MUST_USE;

/* Replaces a Cholesky factor by its own inverse, a lower triangle. Cost: n^3 / 3. */
void ba_triangle_invert(ba_dmat_t l);

/* Replaces a Cholesky factor by the whole symmetric inverse (L L')^-1. Cost: 2/3 n^3. */
void ba_cholesky_invert(ba_dmat_t l);

/* b = (L L')^-1 b. */
void ba_cholesky_solve(ba_cdmat_t l, ba_dmat_t b);

#endif
