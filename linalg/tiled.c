/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matrix products on several threads with bits that do not depend on their number: the
 * result is cut into blocks of one fixed size, each made by one single-threaded call. */
#include "linalg/blas.h"

/* Wide enough for the kernels to run near their peak, small enough to share 1,000 x 1,000
 * among many threads. */
#define BLOCK 384

static size_t
min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t
n_blocks(size_t n)
{
    return (n + BLOCK - 1) / BLOCK;
}

/* Rows i0.. of op(m), as a view of m. */
static ba_cdmat_t
op_rows(ba_op_t op, ba_cdmat_t m, size_t i0, size_t n)
{
    if (op == BA_TRANSPOSE) {
        return ba_cdmat(m.data + i0 * m.ld, m.n_rows, n, m.ld);
    }
    return ba_cdmat(m.data + i0, n, m.n_cols, m.ld);
}

static ba_cdmat_t
op_cols(ba_op_t op, ba_cdmat_t m, size_t j0, size_t n)
{
    return op_rows(op == BA_TRANSPOSE ? BA_KEEP : BA_TRANSPOSE, m, j0, n);
}

static ba_dmat_t
block_of(ba_dmat_t c, size_t bi, size_t bj)
{
    size_t i0 = bi * BLOCK, j0 = bj * BLOCK;

    return ba_dmat(c.data + i0 + j0 * c.ld, min_size(BLOCK, c.n_rows - i0),
        min_size(BLOCK, c.n_cols - j0), c.ld);
}

void
ba_gemm_tiled(const ba_ctx_t *ctx, double alpha, ba_op_t op_a, ba_cdmat_t a, ba_op_t op_b,
    ba_cdmat_t b, double beta, ba_dmat_t c)
{
    size_t rows = n_blocks(c.n_rows), n = rows * n_blocks(c.n_cols);

#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t t = 0; t < n; t++) {
        size_t bi = t % rows, bj = t / rows;
        ba_dmat_t block = block_of(c, bi, bj);

        ba_gemm_f64(alpha, op_a, op_rows(op_a, a, bi * BLOCK, block.n_rows), op_b,
            op_cols(op_b, b, bj * BLOCK, block.n_cols), beta, block);
    }
}

static void
mirror(ba_dmat_t c, size_t bi, size_t bj)
{
    ba_dmat_t low = block_of(c, bi, bj);
    ba_dmat_t high = block_of(c, bj, bi);

    for (size_t j = 0; j < low.n_cols; j++) {
        size_t first = bi == bj ? j + 1 : 0;

        for (size_t i = first; i < low.n_rows; i++) {
            high.data[j + i * high.ld] = low.data[i + j * low.ld];
        }
    }
}

/* Block t of those on and below the diagonal, column after column. */
static void
low_block(size_t t, size_t rows, size_t *bi, size_t *bj)
{
    *bj = 0;
    while (t >= rows - *bj) {
        t -= rows - *bj;
        ++*bj;
    }
    *bi = *bj + t;
}

void
ba_syrk_tiled(
    const ba_ctx_t *ctx, double alpha, ba_op_t op, ba_cdmat_t a, double beta, ba_dmat_t c)
{
    size_t rows = n_blocks(c.n_rows), n = rows * (rows + 1) / 2;
    ba_op_t other = op == BA_TRANSPOSE ? BA_KEEP : BA_TRANSPOSE;

#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t t = 0; t < n; t++) {
        size_t bi, bj;
        ba_dmat_t block;

        low_block(t, rows, &bi, &bj);
        block = block_of(c, bi, bj);
        if (bi == bj) {
            ba_syrk_f64(alpha, op, op_rows(op, a, bj * BLOCK, block.n_rows), beta, block);
        } else {
            ba_gemm_f64(alpha, op, op_rows(op, a, bi * BLOCK, block.n_rows), other,
                op_cols(other, a, bj * BLOCK, block.n_cols), beta, block);
        }
        mirror(c, bi, bj);
    }
}

void
ba_lower_square_tiled_f32(const ba_ctx_t *ctx, ba_cmat_t a, ba_mat_t c)
{
    size_t rows = n_blocks(c.n_rows), n = rows * (rows + 1) / 2;

#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t t = 0; t < n; t++) {
        size_t bi, bj, i0, j0, height, width;

        low_block(t, rows, &bi, &bj);
        i0 = bi * BLOCK;
        j0 = bj * BLOCK;
        height = min_size(BLOCK, c.n_rows - i0);
        width = min_size(BLOCK, c.n_rows - j0);
        ba_gemm_f32(1.0f, BA_TRANSPOSE,
            ba_cmat(a.data + i0 * a.ld, a.n_rows, height, a.ld), BA_KEEP,
            ba_cmat(a.data + j0 * a.ld, a.n_rows, width, a.ld), 0.0f,
            ba_mat(c.data + i0 + j0 * c.ld, height, width, c.ld));
    }
}
