/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layout. Rows go in blocks of 32. A block of the form, rows i of T and columns k, is two
 * pieces (the two terms of the split) of two tiles of 16 rows each; the unit wants its
 * right operand as pairs of neighbours in k. Columns are packed in groups of 32, block
 * after block of their rows, as two pieces of two tiles of 16 columns, which are rows of
 * the left operand. A product of the two gives 32 columns x 32 rows of (T y)', which are
 * multiplied with the rows of y and added up at once: T y is never held. */
#ifndef BA_LINALG_AMX_LAYOUT_H
#define BA_LINALG_AMX_LAYOUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 32
#define HALF 16

/* Numbers of one tile, and of a block in two pieces. */
#define TILE (HALF * BLOCK)
#define PIECES (4 * TILE)

static inline size_t
n_blocks(size_t n)
{
    return (n + BLOCK - 1) / BLOCK;
}

/* Block (i, k) of the form, k >= i: rows of blocks follow one another. */
static inline size_t
block_of(size_t i, size_t k, size_t blocks)
{
    return i * blocks - i * (i + 1) / 2 + k;
}

/* The nearest bfloat16, ties to even; finite numbers below its largest. */
static inline uint16_t
narrow(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return (uint16_t) ((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

static inline float
widen(uint16_t x)
{
    uint32_t bits = (uint32_t) x << 16;
    float out;

    memcpy(&out, &bits, sizeof out);
    return out;
}

static inline void
split(float x, uint16_t *first, uint16_t *second)
{
    *first = narrow(x);
    *second = narrow(x - widen(*first));
}

/* Places in a block: of row k of a left operand's column t, and of a right one's. */
static inline size_t
left_place(size_t k, size_t t)
{
    return t / HALF * TILE + t % HALF * BLOCK + k;
}

static inline size_t
right_place(size_t k, size_t i)
{
    return i / HALF * TILE + 2 * (i % HALF) + k / 2 * BLOCK + k % 2;
}

#endif
