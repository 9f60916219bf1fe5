/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a noise model holds, and products over its voxels. */
#include "model/inversion_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* Rows and columns of a result that one call multiplies. */
#define TILE 384
#define SOLVE_COLUMNS 256

size_t
ba_noise_n_voxels(const ba_noise_t *noise)
{
    return noise->n_voxels;
}

size_t
ba_noise_n_rows(const ba_noise_t *noise)
{
    return noise->n_rows;
}

double
ba_noise_share(const ba_noise_t *noise)
{
    return noise->share;
}

/* Entry (i, j) of F. */
static double
entry(const ba_noise_t *noise, size_t i, size_t j)
{
    double weight = noise->row_weight ? noise->row_weight[i] : 1.0;
    double mean = noise->mean ? noise->mean[j] : 0.0;

    return weight * (noise->rows[i + j * noise->ld] - mean);
}

static double
covariance(const ba_noise_t *noise, size_t j, size_t k)
{
    double sum = 0.0;

    for (size_t i = 0; i < noise->n_rows; i++) {
        sum += entry(noise, i, j) * entry(noise, i, k);
    }
    return noise->spread * sum + (j == k ? noise->share * noise->target[j] : 0.0);
}

void
ba_noise_row(const ba_noise_t *noise, size_t voxel, double *row)
{
    for (size_t j = 0; j < noise->n_voxels; j++) {
        row[j] = covariance(noise, voxel, j);
    }
}

double
ba_noise_trace(const ba_noise_t *noise)
{
    double sum = 0.0;

    for (size_t j = 0; j < noise->n_voxels; j++) {
        sum += covariance(noise, j, j);
    }
    return sum;
}

int
ba_noise_dense(const ba_ctx_t *ctx, const ba_noise_t *noise, ba_dmat_t sigma)
{
    int status = BA_OK;
    size_t n = noise->n_rows, v = noise->n_voxels;
    double *factor = NULL;

    BA_TRY_ALLOC(factor, ba_malloc(n, v * sizeof *factor));
    for (size_t j = 0; j < v; j++) {
        memset(sigma.data + j * sigma.ld, 0, v * sizeof *sigma.data);
    }
    if (n > 0) {
        ba_noise_read(noise, 0, v, factor, n);
        ba_syrk_tiled(
            ctx, noise->spread, BA_TRANSPOSE, ba_cdmat(factor, n, v, n), 0.0, sigma);
    }
    for (size_t j = 0; j < v; j++) {
        sigma.data[j + j * sigma.ld] += noise->share * noise->target[j];
    }
out:
    ba_free(factor);
    return status;
}

int
ba_matrix_check(ba_cdmat_t m, const char *what, const char *column)
{
    for (size_t j = 0; j < m.n_cols; j++) {
        for (size_t i = 0; i < m.n_rows; i++) {
            if (!isfinite(m.data[i + j * m.ld])) {
                return ba_fail(BA_NONFINITE,
                    "%s: row %zu, %s %zu (from 0) is %g, wanted finite numbers", what, i,
                    column, j, m.data[i + j * m.ld]);
            }
        }
    }
    return BA_OK;
}

void
ba_solve_columns(const ba_ctx_t *ctx, ba_cdmat_t l, ba_dmat_t b)
{
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t j = 0; j < b.n_cols; j += SOLVE_COLUMNS) {
        size_t n = b.n_cols - j < SOLVE_COLUMNS ? b.n_cols - j : SOLVE_COLUMNS;

        ba_cholesky_solve(l, ba_dmat(b.data + j * b.ld, b.n_rows, n, b.ld));
    }
}

double
ba_cholesky_logdet(ba_cdmat_t l)
{
    double sum = 0.0;

    for (size_t i = 0; i < l.n_rows; i++) {
        sum += log(l.data[i + i * l.ld]);
    }
    return 2.0 * sum;
}

/* ---- sums over voxels, a block of them at a time ---- */

/* A block of voxels: rows of F, of `more` and of `others` one below the other, in one of
 * the precisions. */
typedef struct {
    const ba_voxel_sums_t *sums;
    size_t m, n_others, n_all, tiles, n_tiles;
    ba_precision_t precision;
    double *full;   /* n_all x BA_VOXEL_BLOCK */
    float *single;  /* the same */
    float *scratch; /* TILE x TILE for each thread */
} block_t;

static void
fill_column(const block_t *block, size_t j, size_t at)
{
    const ba_voxel_sums_t *sums = block->sums;
    double *column = block->full + at * block->n_all;
    double scale = 1.0 / sqrt(sums->noise->target[j]);
    size_t n = sums->noise->n_rows, p = sums->more.n_rows;

    ba_noise_read(sums->noise, j, 1, column, block->n_all);
    for (size_t i = 0; i < p; i++) {
        column[n + i] = sums->more.data[i + j * sums->more.ld];
    }
    for (size_t i = 0; i < block->n_others; i++) {
        column[n + p + i] = sums->others.data[i + j * sums->others.ld];
    }
    for (size_t i = 0; i < block->n_all; i++) {
        column[i] *= scale;
    }
    if (block->precision == BA_SINGLE) {
        for (size_t i = 0; i < block->n_all; i++) {
            block->single[i + at * block->n_all] = (float) column[i];
        }
    }
}

static size_t
tile_size(size_t n, size_t tile)
{
    return n - tile * TILE < TILE ? n - tile * TILE : TILE;
}

/* dst += rows a0.. times rows b0.., over `width` voxels. */
static void
add_product(const block_t *block, size_t a0, size_t b0, size_t width, ba_dmat_t dst,
    float *scratch)
{
    size_t ld = block->n_all;

    if (block->precision == BA_DOUBLE) {
        ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(block->full + a0, dst.n_rows, width, ld),
            BA_TRANSPOSE, ba_cdmat(block->full + b0, dst.n_cols, width, ld), 1.0, dst);
        return;
    }
    ba_gemm_f32(1.0f, BA_KEEP, ba_cmat(block->single + a0, dst.n_rows, width, ld),
        BA_TRANSPOSE, ba_cmat(block->single + b0, dst.n_cols, width, ld), 0.0f,
        ba_mat(scratch, dst.n_rows, dst.n_cols, TILE));
    for (size_t j = 0; j < dst.n_cols; j++) {
        for (size_t i = 0; i < dst.n_rows; i++) {
            dst.data[i + j * dst.ld] += (double) scratch[i + j * TILE];
        }
    }
}

/* Tile number t: those on and below the diagonal of the products, then those of cross. */
static void
add_tile(const block_t *block, size_t t, size_t width, float *scratch)
{
    const ba_voxel_sums_t *sums = block->sums;
    size_t m = block->m, bi, bj = 0, triangle = block->tiles * (block->tiles + 1) / 2;

    if (t < triangle) {
        while (t >= block->tiles - bj) {
            t -= block->tiles - bj;
            bj++;
        }
        bi = bj + t;
        add_product(block, bi * TILE, bj * TILE, width,
            ba_dmat(sums->products + bi * TILE + bj * TILE * m, tile_size(m, bi),
                tile_size(m, bj), m),
            scratch);
        return;
    }
    t -= triangle;
    bi = t % block->tiles;
    bj = t / block->tiles;
    add_product(block, bi * TILE, m + bj * TILE, width,
        ba_dmat(sums->cross + bi * TILE + bj * TILE * m, tile_size(m, bi),
            tile_size(block->n_others, bj), m),
        scratch);
}

static void
add_block(const ba_ctx_t *ctx, const block_t *block, size_t j0, size_t width)
{
    int threads = ba_ctx_threads(ctx);

#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t j = 0; j < width; j++) {
        fill_column(block, j0 + j, j);
    }
#pragma omp parallel num_threads(threads)
    {
        int thread = omp_get_thread_num();

#pragma omp for schedule(dynamic)
        for (size_t t = 0; t < block->n_tiles; t++) {
            add_tile(block, t, width, block->scratch + (size_t) thread * TILE * TILE);
        }
    }
}

int
ba_voxel_sums(const ba_ctx_t *ctx, const ba_voxel_sums_t *sums)
{
    int status = BA_OK;
    size_t v = sums->noise->n_voxels, m = sums->noise->n_rows + sums->more.n_rows;
    size_t n = sums->others.n_rows, tiles = (m + TILE - 1) / TILE;
    block_t block = {.sums = sums,
        .m = m,
        .n_others = n,
        .n_all = m + n,
        .tiles = tiles,
        .n_tiles = tiles * (tiles + 1) / 2 + tiles * ((n + TILE - 1) / TILE),
        .precision = sums->noise->precision};

    BA_TRY_ALLOC(block.full, ba_malloc(block.n_all, BA_VOXEL_BLOCK * sizeof *block.full));
    if (block.precision == BA_SINGLE) {
        BA_TRY_ALLOC(
            block.single, ba_malloc(block.n_all, BA_VOXEL_BLOCK * sizeof *block.single));
    }
    BA_TRY_ALLOC(block.scratch,
        ba_malloc((size_t) ba_ctx_threads(ctx), TILE * TILE * sizeof *block.scratch));
    memset(sums->products, 0, m * m * sizeof *sums->products);
    if (n > 0) {
        memset(sums->cross, 0, m * n * sizeof *sums->cross);
    }
    for (size_t j0 = 0; j0 < v; j0 += BA_VOXEL_BLOCK) {
        BA_TRY(ba_ctx_check(ctx));
        add_block(ctx, &block, j0, v - j0 < BA_VOXEL_BLOCK ? v - j0 : BA_VOXEL_BLOCK);
    }
    for (size_t j = 0; j < m; j++) {
        for (size_t i = j + 1; i < m; i++) {
            sums->products[j + i * m] = sums->products[i + j * m];
        }
    }
out:
    ba_free(block.full);
    ba_free(block.single);
    ba_free(block.scratch);
    return status;
}
