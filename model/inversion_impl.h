/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the inversion share. */
#ifndef BA_MODEL_INVERSION_IMPL_H
#define BA_MODEL_INVERSION_IMPL_H

#include "brainalign/inversion.h"

#include "linalg/blas.h"

/* Voxels that are multiplied at a time. */
#define BA_VOXEL_BLOCK 1024

/* Sigma = spread F'F + share diag(target), F[i, j] = weight[i] (rows[i, j] - mean[j]). */
struct ba_noise {
    size_t n_voxels, n_rows;
    const double *rows;
    size_t ld;
    double *owned;      /* `rows` where they are our own */
    double *row_weight; /* NULL = 1 */
    double *mean;       /* NULL = 0 */
    double *target;
    double spread, share;
    int is_shrunk; /* spread = 1 - share for any share */
    ba_precision_t precision;
};

/* Columns j0 .. j0 + n - 1 of F to dst (n_rows x n, leading dimension ld). */
void ba_noise_read(const ba_noise_t *noise, size_t j0, size_t n, double *dst, size_t ld);

/* Sigma itself, n_voxels x n_voxels: where voxels are few. */
int ba_noise_dense(
    const ba_ctx_t *ctx, const ba_noise_t *noise, ba_dmat_t sigma) BA_MUST_USE;

/* products = S S' with S = diag-weighted rows of F, then of `more` (m rows in all), each
 * column divided by the square root of the target's; cross = S others' (m x n_others),
 * which may be empty. products is m x m, the lower triangle filled and mirrored. */
typedef struct {
    const ba_noise_t *noise;
    ba_cdmat_t more, others;
    double *products, *cross;
} ba_voxel_sums_t;

int ba_voxel_sums(const ba_ctx_t *ctx, const ba_voxel_sums_t *sums) BA_MUST_USE;

/* b = (L L')^-1 b on the threads of ctx, the same bits for any number of them. */
void ba_solve_columns(const ba_ctx_t *ctx, ba_cdmat_t l, ba_dmat_t b);

/* log det of L L'. */
double ba_cholesky_logdet(ba_cdmat_t l);

/* BA_NONFINITE naming what, row and column of the first number that is not finite. */
int ba_matrix_check(ba_cdmat_t m, const char *what, const char *column) BA_MUST_USE;

#endif
