/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "linalg/gram.h"

#include "linalg/amx.h"
#include "linalg/blas.h"

/* Rows of a block that one thread makes. */
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

/* A product for each block of rows. */
static size_t
plain_room(size_t n)
{
    return n_blocks(n) * BLOCK * BLOCK * sizeof(float);
}

size_t
ba_gram_room(size_t n)
{
    size_t tiles = ba_amx_is_usable() ? ba_amx_rows_bytes(n, BA_GRAM_WIDTH) : 0;

    return tiles > plain_room(n) ? tiles : plain_room(n);
}

static void
add_block(const float *product, size_t height, size_t width, int is_diagonal, size_t n,
    double *gram)
{
    for (size_t j = 0; j < width; j++) {
        for (size_t i = is_diagonal ? j : 0; i < height; i++) {
            gram[i + j * n] += (double) product[i + j * BLOCK];
        }
    }
}

/* The longest rows first: threads end together. */
static void
add_plain(const ba_ctx_t *ctx, const float *x, size_t n, size_t width, size_t n_left,
    float *products, double *gram)
{
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t t = 0; t < n_blocks(n); t++) {
        size_t b = n_blocks(n) - 1 - t, i0 = b * BLOCK, h = min_size(BLOCK, n - i0);
        float *product = products + b * BLOCK * BLOCK;

        for (size_t j0 = 0; j0 <= i0 && j0 < n_left; j0 += BLOCK) {
            size_t w = min_size(BLOCK, n_left - j0);

            ba_gemm_f32(1.0f, BA_KEEP, ba_cmat(x + i0, h, width, n), BA_TRANSPOSE,
                ba_cmat(x + j0, w, width, n), 0.0f, ba_mat(product, h, w, BLOCK));
            add_block(product, h, w, i0 == j0, n, gram + i0 + j0 * n);
        }
    }
}

void
ba_gram_add(const ba_ctx_t *ctx, ba_gram_kind_t kind, const float *x, size_t n,
    size_t width, size_t n_left, void *room, double *gram)
{
    if (kind == BA_GRAM_TILES && ba_amx_is_usable()) {
        ba_amx_gram(ctx, x, n, width, n_left, room, gram);
    } else {
        add_plain(ctx, x, n, width, n_left, room, gram);
    }
}
