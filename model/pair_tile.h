/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pairs of 32 places with 32 places of a permuted table of 16-bit similarities. */
#ifndef BA_MODEL_PAIR_TILE_H
#define BA_MODEL_PAIR_TILE_H

#include <stddef.h>
#include <stdint.h>

enum { BA_PAIR_TILE = 32 };

/* Sizes of a similarity are at most this: a difference of two, give or take 5, and the
 * negative of it fit 16 bits. */
#define BA_PAIR_LARGEST 16378

/* A difference that is lost whatever is added to it. */
#define BA_PAIR_LOST (-32762)

/* The table lies in strips of 32 rows, of `strip` numbers: row 32 s + r of a column that
 * begins at c is q[s strip + c + r]. Place i against place j has row i of the column at
 * column[j]; own[i] is 1 more than place i against itself. So a difference of two is 1 too
 * large, a sum of four 2 too large: they are sure below 0 and beyond 2, or 4. All have whole
 * tiles, and column one more. */
typedef struct {
    size_t strip;
    const uint32_t *column;
    const int16_t *own;
} ba_pair_view_t;

/* Told of a pair of places that integers leave open, in the sum form, the strict form or
 * both. */
typedef void (*ba_pair_open_t)(
    void *payload, size_t i, size_t j, int is_sum, int is_strict);

/* A permutation, and what is found: pairs that are won or open. */
typedef struct {
    ba_pair_view_t view;
    ba_pair_open_t open;
    void *payload;
    uint64_t sum, strict;
} ba_pair_count_t;

/* Places i0 .. i0 + 31 with j0 .. j0 + 31, multiples of 32, without those that have no bit
 * in rows or lanes. The same 32 twice: each pair once. */
typedef struct {
    size_t i0, j0;
    const int16_t *strip_i, *strip_j; /* of the table */
    uint32_t rows, lanes;
} ba_pair_tile_t;

/* Lanes that pair with a row. */
static inline uint32_t
ba_pair_tile_lanes(const ba_pair_tile_t *tile, size_t row)
{
    uint32_t lanes = tile->rows >> row & 1 ? tile->lanes : 0;

    return tile->i0 == tile->j0 ? lanes & (uint32_t) (UINT64_C(0xfffffffe) << row)
                                : lanes;
}

/* Whether some pairs of a tile do not count. */
static inline int
ba_pair_tile_is_masked(const ba_pair_tile_t *tile)
{
    return (tile->rows & tile->lanes) != UINT32_MAX || tile->i0 == tile->j0;
}

/* Adds the pairs of some tiles, one at least. */
typedef void ba_pair_counter_t(
    ba_pair_count_t *count, const ba_pair_tile_t *tiles, size_t n_tiles);

/* 8 pairs at a time, on any processor. */
ba_pair_counter_t ba_pair_tiles_count;

#endif
