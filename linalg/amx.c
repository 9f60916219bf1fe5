/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layout. Rows go in blocks of 32. A block of the form, rows i of T and columns k, is two
 * pieces (the two terms of the split) of two tiles of 16 rows each; the unit wants its
 * right operand as pairs of neighbours in k. Columns are packed in groups of 32, block
 * after block of their rows, as two pieces of two tiles of 16 columns, which are rows of
 * the left operand. A product of the two gives 32 columns x 32 rows of (T y)', which are
 * multiplied with the rows of y and added up at once: T y is never held. */
#define _DEFAULT_SOURCE /* syscall() */
#include "linalg/amx_impl.h"

#include <string.h>

/* Blocks of the form that all columns are multiplied with while they are at hand. */
#define PANEL 24

size_t
ba_amx_form_bytes(size_t n)
{
    size_t blocks = n_blocks(n);

    return blocks * (blocks + 1) / 2 * PIECES * sizeof(uint16_t);
}

size_t
ba_amx_columns_bytes(size_t n, size_t n_cols)
{
    return n_blocks(n) * (n_cols / BLOCK) * PIECES * sizeof(uint16_t);
}

/* Block (i, k) of the form, k >= i: rows of blocks follow one another. */
static size_t
block_of(size_t i, size_t k, size_t blocks)
{
    return i * blocks - i * (i + 1) / 2 + k;
}

size_t
ba_amx_square_room(size_t n)
{
    return 2 * n_blocks(n) * n_blocks(n) * PIECES * sizeof(uint16_t);
}

void
ba_amx_pack_columns(const float *y, size_t n, size_t n_cols, void *packed)
{
    size_t blocks = n_blocks(n);

    for (size_t t = 0; t < n_cols; t++) {
        uint16_t *group = (uint16_t *) packed + t / BLOCK * blocks * PIECES;

        for (size_t k = 0; k < blocks * BLOCK; k++) {
            uint16_t *at = group + k / BLOCK * PIECES + left_place(k % BLOCK, t % BLOCK);

            split(k < n ? y[k + t * n] : 0.0f, at, at + 2 * TILE);
        }
    }
}

#ifdef BA_HAS_AMX

#include <cpuid.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/* arch_prctl(2): leave to use the tiles' registers, for all threads of the process. */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define TILE_DATA 18

static int
has_tiles(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;

    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (d >> 22 & 1) && (d >> 24 & 1) &&
           syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
}

static atomic_int known; /* 0 = not asked, 1 = no, 2 = yes */

void
ba_amx_allow(int is_allowed)
{
    atomic_store_explicit(&known, is_allowed ? 0 : 1, memory_order_relaxed);
}

int
ba_amx_is_usable(void)
{
    int now = atomic_load_explicit(&known, memory_order_relaxed);

    if (now == 0) {
        now = has_tiles() ? 2 : 1;
        atomic_store_explicit(&known, now, memory_order_relaxed);
    }
    return now == 2;
}

/* sums (8 a column) += rows i0 .. of y times those of `product`. */
FOR_AMX static void
add_up(const float *product, const float *y, size_t n, size_t i0, double *sums)
{
    size_t left = n - i0;
    __mmask16 low = (__mmask16) (left >= HALF ? 0xffff : (1u << left) - 1);
    __mmask16 high = (__mmask16) (left >= BLOCK  ? 0xffff
                                  : left <= HALF ? 0
                                                 : (1u << (left - HALF)) - 1);

    for (size_t t = 0; t < BLOCK; t++) {
        const float *at = product + t / HALF * 2 * HALF * HALF + t % HALF * HALF;
        const float *column = y + t * n + i0;
        __m512 x = _mm512_mul_ps(_mm512_load_ps(at), _mm512_maskz_loadu_ps(low, column));
        __m512d sum = _mm512_loadu_pd(sums + 8 * t);

        x = _mm512_fmadd_ps(_mm512_load_ps(at + HALF * HALF),
            _mm512_maskz_loadu_ps(high, column + (high ? HALF : 0)), x);
        sum = _mm512_add_pd(sum, _mm512_cvtps_pd(_mm512_castps512_ps256(x)));
        sum = _mm512_add_pd(sum, _mm512_cvtps_pd(_mm256_castpd_ps(
                                     _mm512_extractf64x4_pd(_mm512_castps_pd(x), 1))));
        _mm512_storeu_pd(sums + 8 * t, sum);
    }
}

/* One group of 32 columns against blocks k0 .. k1 of row i of the form. */
FOR_AMX static void
one_group(const uint16_t *columns, const uint16_t *form, size_t blocks, const float *y,
    size_t n, size_t i, double *sums)
{
    _Alignas(64) float product[4 * HALF * HALF];

    multiply(columns, form, blocks, 1, 0, product);
    add_up(product, y, n, i * BLOCK, sums);
}

/* All groups against all of the form: sums. */
FOR_AMX static void
some_groups(const uint16_t *form, const float *y, size_t n, size_t n_groups,
    const uint16_t *packed, double *sums)
{
    size_t blocks = n_blocks(n);

    for (size_t k0 = 0; k0 < blocks; k0 += PANEL) {
        size_t k1 = k0 + PANEL < blocks ? k0 + PANEL : blocks;

        for (size_t i = 0; i < k1; i++) {
            size_t k = i > k0 ? i : k0;
            const uint16_t *row = form + block_of(i, k, blocks) * PIECES;

            for (size_t g = 0; g < n_groups; g++) {
                one_group(packed + (g * blocks + k) * PIECES, row, k1 - k,
                    y + g * BLOCK * n, n, i, sums + g * BLOCK * 8);
            }
        }
    }
}

/* ---- the form of a square ---- */

/* e'e. The diagonal of e is taken by itself in full precision: where its numbers are all
 * the same, so would be their errors, and none would average out. */
typedef struct {
    const double *e;
    size_t ld, n;
    const uint16_t *left, *right; /* the rest of it, packed */
} square_t;

/* Groups of columns whose products are made together, and blocks of rows that are passed
 * at a time. */
#define SUPER 6
#define DEPTH 16

/* A block of a column in two terms; rows from n on, and the diagonal, are 0. */
static inline void
split_block(const double *column, size_t k0, size_t n, size_t diagonal,
    uint16_t first[BLOCK], uint16_t second[BLOCK])
{
    size_t inside = n > k0 ? n - k0 : 0;
    float x[BLOCK] = {0.0f};

    inside = inside < BLOCK ? inside : BLOCK;
    for (size_t k = 0; k < inside; k++) {
        x[k] = (float) column[k0 + k];
    }
    if (diagonal - k0 < inside) {
        x[diagonal - k0] = 0.0f;
    }
    for (size_t k = 0; k < BLOCK; k++) {
        split(x[k], &first[k], &second[k]);
    }
}

/* Group g of the columns of e, as left and as right operand, without the diagonal. */
static void
pack_group(
    const double *e, size_t ld, size_t n, size_t g, uint16_t *left, uint16_t *right)
{
    size_t blocks = n_blocks(n);

    left += g * blocks * PIECES;
    right += g * blocks * PIECES;
    for (size_t block = 0; block < blocks; block++) {
        for (size_t t = 0; t < BLOCK; t++) {
            size_t column = g * BLOCK + t;
            uint16_t *a = left + block * PIECES + left_place(0, t);
            uint16_t *b = right + block * PIECES + right_place(0, t);

            split_block(e + (column < n ? column : 0) * ld, block * BLOCK,
                column < n ? n : 0, column, a, a + 2 * TILE);
            for (size_t k = 0; k < BLOCK; k += 2) {
                memcpy(b + k / 2 * BLOCK, a + k, 2 * sizeof *b);
                memcpy(b + 2 * TILE + k / 2 * BLOCK, a + 2 * TILE + k, 2 * sizeof *b);
            }
        }
    }
}

/* What the diagonal of e contributes to row i, column k >= i of its square. */
static inline float
diagonal_part(const square_t *square, size_t i, size_t k)
{
    const double *e = square->e;
    size_t ld = square->ld;

    if (k >= square->n) {
        return 0.0f;
    }
    return (float) (i == k
                        ? e[i + i * ld] * e[i + i * ld]
                        : e[i + i * ld] * e[i + k * ld] + e[k + k * ld] * e[k + i * ld]);
}

/* Block (i0, k0) of the form from the product of groups k0 and i0. */
static void
pack_product(
    const square_t *square, const float *product, size_t i0, size_t k0, uint16_t *block)
{
    int is_diagonal = i0 == k0;

    for (size_t t = 0; t < BLOCK; t++) {
        for (size_t i = 0; i < BLOCK; i++) {
            float x = product[(t / HALF * 2 + i / HALF) * HALF * HALF + t % HALF * HALF +
                              i % HALF];
            uint16_t *at = block + right_place(t, i);

            if (is_diagonal && t < i) {
                x = 0.0f;
            } else {
                x += diagonal_part(square, i0 * BLOCK + i, k0 * BLOCK + t);
                x *= is_diagonal && t == i ? 0.5f : 1.0f;
            }
            split(x, at, at + 2 * TILE);
        }
    }
}

/* Blocks (i, k) of SUPER x SUPER from (i0, k0) on, those of the form. */
FOR_AMX static void
square_part(const square_t *square, size_t i0, size_t k0, uint16_t *form)
{
    const uint16_t *left = square->left, *right = square->right;
    size_t blocks = n_blocks(square->n);
    _Alignas(64) float products[SUPER * SUPER][4 * HALF * HALF];
    size_t i1 = i0 + SUPER < blocks ? i0 + SUPER : blocks;
    size_t k1 = k0 + SUPER < blocks ? k0 + SUPER : blocks;

    for (size_t r = 0; r < blocks; r += DEPTH) {
        size_t depth = r + DEPTH < blocks ? DEPTH : blocks - r;

        for (size_t i = i0; i < i1; i++) {
            for (size_t k = k0 > i ? k0 : i; k < k1; k++) {
                multiply(left + (k * blocks + r) * PIECES,
                    right + (i * blocks + r) * PIECES, depth, r == 0, 1,
                    products[(i - i0) * SUPER + k - k0]);
            }
        }
    }
    for (size_t i = i0; i < i1; i++) {
        for (size_t k = k0 > i ? k0 : i; k < k1; k++) {
            pack_product(square, products[(i - i0) * SUPER + k - k0], i, k,
                form + block_of(i, k, blocks) * PIECES);
        }
    }
}

FOR_AMX static void
square_with_tiles(const square_t *square, size_t i0, size_t k0, uint16_t *form)
{
    start_tiles();
    square_part(square, i0, k0, form);
    _tile_release();
}

void
ba_amx_square(
    const ba_ctx_t *ctx, const double *e, size_t ld, size_t n, void *room, void *form)
{
    size_t blocks = n_blocks(n), supers = (blocks + SUPER - 1) / SUPER;
    uint16_t *left = room, *right = left + blocks * blocks * PIECES;
    square_t square = {e, ld, n, left, right};

#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t g = 0; g < blocks; g++) {
        pack_group(e, ld, n, g, left, right);
    }
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t t = 0; t < supers * supers; t++) {
        size_t i = t / supers * SUPER, k = t % supers * SUPER;

        if (i <= k) {
            square_with_tiles(&square, i, k, form);
        }
    }
}

/* ---- the form of columns ---- */

/* Groups that share a pass over the form. */
#define GROUPS 8

FOR_AMX void
ba_amx_quadratic(const void *form, const float *y, size_t n, size_t n_cols,
    const void *packed, double *values)
{
    const uint16_t *columns = packed;
    double sums[GROUPS * BLOCK * 8];

    start_tiles();
    for (size_t t0 = 0; t0 < n_cols; t0 += GROUPS * BLOCK) {
        size_t width = n_cols - t0 < GROUPS * BLOCK ? n_cols - t0 : GROUPS * BLOCK;

        memset(sums, 0, sizeof sums);
        some_groups(form, y + t0 * n, n, width / BLOCK,
            columns + t0 / BLOCK * n_blocks(n) * PIECES, sums);
        for (size_t t = 0; t < width; t++) {
            const double *s = sums + 8 * t;
            double sum =
                ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));

            values[t0 + t] = sum > 0.0 ? 2 * sum : 0.0;
        }
    }
    _tile_release();
}

#else

void
ba_amx_allow(int is_allowed)
{
    (void) is_allowed;
}

int
ba_amx_is_usable(void)
{
    return 0;
}

void
ba_amx_quadratic(const void *form, const float *y, size_t n, size_t n_cols,
    const void *packed, double *values)
{
    (void) form;
    (void) y;
    (void) n;
    (void) packed;
    memset(values, 0, n_cols * sizeof *values);
}

void
ba_amx_square(
    const ba_ctx_t *ctx, const double *e, size_t ld, size_t n, void *room, void *form)
{
    (void) ctx;
    (void) e;
    (void) ld;
    (void) room;
    memset(form, 0, ba_amx_form_bytes(n));
}

#endif
