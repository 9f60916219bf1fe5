/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows x of a panel go in groups of 32, their columns in blocks of 32. A group is packed
 * twice, as left and as right operand, which are each other's transpose in pairs of
 * neighbouring columns. */
#include "linalg/amx_impl.h"

size_t
ba_amx_rows_bytes(size_t n, size_t width)
{
    return 2 * n_blocks(n) * n_blocks(width) * PIECES * sizeof(uint16_t);
}

#ifdef BA_HAS_AMX

/* Groups whose products one thread makes: their operands stay in its cache. */
#define SUPER 6

/* Two neighbouring columns of 16 rows, split: pairs of first terms, pairs of second. */
FOR_AMX static inline void
split_pair(__m512 even, __m512 odd, __m512i *first, __m512i *second)
{
    const __m512i half = _mm512_set1_epi32(0x7fff), one = _mm512_set1_epi32(1);
    const __m512i high = _mm512_set1_epi32((int) 0xffff0000u);
    __m512 x[2] = {even, odd};
    __m512i terms[2][2];

    for (size_t k = 0; k < 2; k++) {
        for (size_t piece = 0; piece < 2; piece++) {
            __m512i bits = _mm512_castps_si512(x[k]);
            __m512i even_bit = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);

            bits = _mm512_add_epi32(bits, _mm512_add_epi32(half, even_bit));
            terms[piece][k] = _mm512_and_si512(bits, high);
            x[k] = _mm512_sub_ps(x[k], _mm512_castsi512_ps(terms[piece][k]));
        }
    }
    *first = _mm512_or_si512(_mm512_srli_epi32(terms[0][0], 16), terms[0][1]);
    *second = _mm512_or_si512(_mm512_srli_epi32(terms[1][0], 16), terms[1][1]);
}

/* 16 x 16 pairs: interleaved in rounds of 32 and 64 bits within quarters of a row, then
 * quarters are exchanged. */
FOR_AMX static void
transpose(const uint16_t *from, uint16_t *to)
{
    __m512i x[HALF], y[HALF];

    for (size_t i = 0; i < HALF; i++) {
        x[i] = _mm512_loadu_si512(from + i * BLOCK);
    }
    for (size_t i = 0; i < HALF; i += 2) {
        y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
    for (size_t i = 0; i < HALF; i += 4) {
        x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
        x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
        x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
        x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
    }
    for (size_t i = 0; i < 4; i++) {
        __m512i a = _mm512_shuffle_i32x4(x[i], x[4 + i], 0x88);
        __m512i b = _mm512_shuffle_i32x4(x[i], x[4 + i], 0xdd);
        __m512i c = _mm512_shuffle_i32x4(x[8 + i], x[12 + i], 0x88);
        __m512i d = _mm512_shuffle_i32x4(x[8 + i], x[12 + i], 0xdd);

        _mm512_storeu_si512(to + i * BLOCK, _mm512_shuffle_i32x4(a, c, 0x88));
        _mm512_storeu_si512(to + (4 + i) * BLOCK, _mm512_shuffle_i32x4(b, d, 0x88));
        _mm512_storeu_si512(to + (8 + i) * BLOCK, _mm512_shuffle_i32x4(a, c, 0xdd));
        _mm512_storeu_si512(to + (12 + i) * BLOCK, _mm512_shuffle_i32x4(b, d, 0xdd));
    }
}

/* Rows 32 g .. of x, zeros beyond its rows and columns. */
FOR_AMX static void
pack_rows(
    const float *x, size_t n, size_t width, size_t g, uint16_t *left, uint16_t *right)
{
    size_t blocks = n_blocks(width);

    for (size_t half = 0; half < 2; half++) {
        size_t i0 = g * BLOCK + half * HALF;
        size_t n_rows = i0 >= n ? 0 : n - i0 < HALF ? n - i0 : HALF;
        __mmask16 rows = (__mmask16) ((1u << n_rows) - 1);

        for (size_t k = 0; k < blocks * BLOCK; k += 2) {
            const float *at = x + (n_rows > 0 ? i0 : 0) + k * n;
            uint16_t *to =
                right + k / BLOCK * PIECES + half * TILE + k % BLOCK / 2 * BLOCK;
            __m512 even = _mm512_maskz_loadu_ps(k < width ? rows : 0, k < width ? at : x);
            __m512 odd = _mm512_maskz_loadu_ps(
                k + 1 < width ? rows : 0, k + 1 < width ? at + n : x);
            __m512i first, second;

            split_pair(even, odd, &first, &second);
            _mm512_storeu_si512(to, first);
            _mm512_storeu_si512(to + 2 * TILE, second);
        }
    }
    for (size_t t = 0; t < 4 * blocks; t++) {
        transpose(right + t * TILE, left + t * TILE);
    }
}

/* Rows i0 .. (of `height`) and j0 .. (of `width`) of their product; out as multiply()
 * leaves it, groups of j to the left. */
FOR_AMX static void
add_product(const float *out, size_t i0, size_t height, size_t j0, size_t width, size_t n,
    double *gram)
{
    uint32_t inside = height < BLOCK ? (1u << height) - 1 : UINT32_MAX;

    for (size_t j = 0; j < width; j++) {
        const float *row = out + j / HALF * 2 * HALF * HALF + j % HALF * HALF;
        uint32_t rows = i0 == j0 ? inside & (UINT32_MAX << j) : inside;

        for (size_t i = 0; i < height; i += 8) {
            __mmask8 here = (__mmask8) (rows >> i);
            double *to = gram + i0 + i + (j0 + j) * n;
            __m256 more = _mm256_load_ps(row + i / HALF * HALF * HALF + i % HALF);
            __m512d sum = _mm512_maskz_loadu_pd(here, to);

            sum = _mm512_add_pd(sum, _mm512_cvtps_pd(more));
            _mm512_mask_storeu_pd(to, here, sum);
        }
    }
}

typedef struct {
    const uint16_t *left, *right;
    size_t n, n_left, blocks;
    double *gram;
} rows_t;

/* Groups i and j of SUPER x SUPER. */
FOR_AMX static void
make_super(const rows_t *rows, size_t i_super, size_t j_super)
{
    _Alignas(64) float out[4 * HALF * HALF];
    size_t groups = n_blocks(rows->n), step = rows->blocks * PIECES;

    start_tiles();
    for (size_t j = j_super * SUPER; j < (j_super + 1) * SUPER && j < groups; j++) {
        size_t j0 = j * BLOCK, first = i_super * SUPER;

        for (size_t i = first > j ? first : j; i < first + SUPER && i < groups; i++) {
            size_t i0 = i * BLOCK;

            if (j0 >= rows->n_left) {
                continue;
            }
            multiply(
                rows->left + j * step, rows->right + i * step, rows->blocks, 1, 1, out);
            add_product(out, i0, rows->n - i0 < BLOCK ? rows->n - i0 : BLOCK, j0,
                rows->n_left - j0 < BLOCK ? rows->n_left - j0 : BLOCK, rows->n,
                rows->gram);
        }
    }
    _tile_release();
}

void
ba_amx_gram(const ba_ctx_t *ctx, const float *x, size_t n, size_t width, size_t n_left,
    void *room, double *gram)
{
    size_t groups = n_blocks(n), blocks = n_blocks(width);
    size_t supers = (groups + SUPER - 1) / SUPER, step = blocks * PIECES;
    uint16_t *left = room, *right = left + groups * step;
    rows_t rows = {left, right, n, n_left, blocks, gram};

#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t g = 0; g < groups; g++) {
        pack_rows(x, n, width, g, left + g * step, right + g * step);
    }
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t t = 0; t < supers * supers; t++) {
        if (t / supers >= t % supers) {
            make_super(&rows, t / supers, t % supers);
        }
    }
}

#else

void
ba_amx_gram(const ba_ctx_t *ctx, const float *x, size_t n, size_t width, size_t n_left,
    void *room, double *gram)
{
    (void) ctx;
    (void) x;
    (void) n;
    (void) width;
    (void) n_left;
    (void) room;
    (void) gram;
}

#endif
