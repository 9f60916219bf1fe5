/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the tile matrix unit share: numbers split in two of 8 bits' precision,
 * blocks of them as the unit wants them, the product of two rows of blocks. */
#ifndef BA_LINALG_AMX_IMPL_H
#define BA_LINALG_AMX_IMPL_H

#include "linalg/amx.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__) &&                                         \
    ((defined(__clang__) && __clang_major__ >= 12) ||                                    \
        (!defined(__clang__) && __GNUC__ >= 11))
#define BA_HAS_AMX 1
#include <immintrin.h>
#endif

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

#ifdef BA_HAS_AMX

#define FOR_AMX __attribute__((target("amx-tile,amx-bf16,avx512f")))

/* Eight tiles of 16 rows of 64 bytes. */
FOR_AMX static inline void
start_tiles(void)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};

    for (size_t i = 0; i < 8; i++) {
        config.row_bytes[i] = 64;
        config.rows[i] = HALF;
    }
    /* gcc takes the load to read eight bytes alone. */
    __asm__ volatile("" : : "r"(&config) : "memory");
    _tile_loadconfig(&config);
}

/* out (4 tiles: column half x row half), or 0, plus left columns times right ones over
 * some blocks of rows. What second terms give with one another is left out, but of squares,
 * where it has one sign. */
FOR_AMX static inline void
multiply(const uint16_t *left, const uint16_t *right, size_t blocks, int starts,
    int is_square, float *out)
{
    if (starts) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, out, 64);
        _tile_loadd(1, out + HALF * HALF, 64);
        _tile_loadd(2, out + 2 * HALF * HALF, 64);
        _tile_loadd(3, out + 3 * HALF * HALF, 64);
    }
    for (size_t k = 0; k < blocks; k++) {
        const uint16_t *y = left + k * PIECES, *t = right + k * PIECES;

        _tile_loadd(4, y, 64);
        _tile_loadd(5, y + TILE, 64);
        _tile_loadd(6, t + 2 * TILE, 64);
        _tile_loadd(7, t + 3 * TILE, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        _tile_loadd(6, t, 64);
        _tile_loadd(7, t + TILE, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        _tile_loadd(4, y + 2 * TILE, 64);
        _tile_loadd(5, y + 3 * TILE, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        if (is_square) {
            _tile_loadd(6, t + 2 * TILE, 64);
            _tile_loadd(7, t + 3 * TILE, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, out, 64);
    _tile_stored(1, out + HALF * HALF, 64);
    _tile_stored(2, out + 2 * HALF * HALF, 64);
    _tile_stored(3, out + 3 * HALF * HALF, 64);
}

#endif

#endif
