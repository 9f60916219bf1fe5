/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For 8 places j and 32 places i the differences own_i - q_ij are made column by column and
 * transposed by three rounds of interleaving; own_j - q_ji are consecutive in a column of i. */
#include "model/pair_tile.h"

#include <string.h>

enum { LANES = 8, STEP = 8 };

/* Numbers in a register of 128 bits, which most machines have. */
typedef int16_t lanes_t __attribute__((vector_size(LANES * sizeof(int16_t))));

/* out = a[0] b[0] a[1] b[1] ... */
static inline void
interleave(
    const int16_t *restrict a, const int16_t *restrict b, size_t n, int16_t *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = a[i];
        out[2 * i + 1] = b[i];
    }
}

/* 8 columns of 32 rows, a row after another: out[8 r + l] = columns[32 l + r]. */
static inline void
transpose(const int16_t *columns, int16_t *spare, int16_t *out)
{
    size_t n = BA_PAIR_TILE;

    for (size_t c = 0; c < 4; c++) {
        interleave(columns + n * c, columns + n * (c + 4), n, out + 2 * n * c);
    }
    n *= 2;
    for (size_t c = 0; c < 2; c++) {
        interleave(out + n * c, out + n * (c + 2), n, spare + 2 * n * c);
    }
    n *= 2;
    interleave(spare, spare + n, n, out);
}

/* own_i - q_ij of 8 places from j0, a row after another. */
static inline void
subtract_columns(
    const ba_pair_view_t *view, const ba_pair_tile_t *tile, size_t j0, int16_t *first)
{
    const int16_t *strip = tile->strip_i;
    const int16_t *own = view->own + tile->i0;
    int16_t columns[LANES * BA_PAIR_TILE], spare[LANES * BA_PAIR_TILE],
        is_there[BA_PAIR_TILE];

    for (size_t r = 0; r < BA_PAIR_TILE; r++) {
        is_there[r] = (int16_t) - (int) (tile->rows >> r & 1);
    }
    for (size_t l = 0; l < LANES; l++) {
        const int16_t *column = strip + view->column[j0 + l];

        for (size_t r = 0; r < BA_PAIR_TILE; r++) {
            columns[BA_PAIR_TILE * l + r] =
                (int16_t) (((own[r] - column[r]) & is_there[r]) |
                           (BA_PAIR_LOST & ~is_there[r]));
        }
    }
    transpose(columns, spare, first);
}

/* Pairs that are lost, as sums of -1, and which are open in some rows. */
typedef struct {
    lanes_t sum, strict, open_sum[STEP], open_strict[STEP];
} counts_t;

/* first = own_i - q_ij, second = own_j - q_ji. Comparisons of lanes are 0 or -1. By
 * pointers, since how such values are handed on depends on the instruction set. */
static inline void
compare_row(
    counts_t *counts, size_t row, const lanes_t *first_row, const lanes_t *second_row)
{
    lanes_t zero = {0}, four = zero + 4, two = zero + 2;
    lanes_t first = *first_row, second = *second_row;
    lanes_t is_first = first < second;
    lanes_t less = (is_first & first) | (~is_first & second);
    lanes_t is_lost = first < -second;

    counts->sum += is_lost;
    counts->strict += less < zero;
    counts->open_sum[row] = ~(is_lost | (first > four - second));
    counts->open_strict[row] = ~((less < zero) | (less > two));
}

static inline int
is_any(const lanes_t *flags)
{
    uint64_t words[LANES / 4];

    memcpy(words, flags, sizeof words);
    return (words[0] | words[1]) != 0;
}

static void
report(const ba_pair_count_t *count, const counts_t *counts, size_t i, size_t j0)
{
    for (size_t r = 0; r < STEP; r++) {
        lanes_t open = counts->open_sum[r] | counts->open_strict[r];

        for (size_t l = 0; l < LANES && is_any(&open); l++) {
            if (open[l]) {
                count->open(count->payload, i + r, j0 + l, counts->open_sum[r][l] != 0,
                    counts->open_strict[r][l] != 0);
            }
        }
    }
}

/* Which of the places from j0 are there: -1. */
static inline void
set_inside(const ba_pair_tile_t *tile, size_t j0, lanes_t *inside)
{
    for (size_t l = 0; l < LANES; l++) {
        (*inside)[l] = (int16_t) - (int) (tile->lanes >> (j0 - tile->j0 + l) & 1);
    }
}

/* A quarter of a tile: its rows with the 8 places from j0. */
static void
count_quarter(ba_pair_count_t *count, const ba_pair_tile_t *tile, size_t j0)
{
    const ba_pair_view_t *view = &count->view;
    const int16_t *strip = tile->strip_j + (j0 - tile->j0);
    int16_t first_rows[LANES * BA_PAIR_TILE],
        above = tile->i0 == tile->j0 ? 0 : -BA_PAIR_TILE;
    lanes_t inside = {0}, place = {0}, own, first, back, second;
    counts_t counts = {{0}, {0}, {{0}}, {{0}}};

    for (size_t l = 0; l < LANES; l++) {
        place[l] = (int16_t) (j0 - tile->j0 + l);
    }
    set_inside(tile, j0, &inside);
    memcpy(&own, view->own + j0, sizeof own);
    subtract_columns(view, tile, j0, first_rows);
    for (size_t r = 0; r < BA_PAIR_TILE; r += STEP) {
        lanes_t any = {0};

        for (size_t s = 0; s < STEP; s++) {
            lanes_t is_there = inside & (place > (int16_t) (above + (int16_t) (r + s)));

            memcpy(&first, first_rows + LANES * (r + s), sizeof first);
            memcpy(&back, strip + view->column[tile->i0 + r + s], sizeof back);
            second = ((own - back) & is_there) | (BA_PAIR_LOST & ~is_there);
            compare_row(&counts, s, &first, &second);
            any |= counts.open_sum[s] | counts.open_strict[s];
        }
        if (is_any(&any)) {
            report(count, &counts, tile->i0 + r, j0);
        }
    }
    for (size_t l = 0; l < LANES; l++) {
        count->sum += (uint64_t) (BA_PAIR_TILE + counts.sum[l]);
        count->strict += (uint64_t) (BA_PAIR_TILE + counts.strict[l]);
    }
}

void
ba_pair_tiles_count(ba_pair_count_t *count, const ba_pair_tile_t *tiles, size_t n_tiles)
{
    for (size_t t = 0; t < n_tiles; t++) {
        for (size_t l = 0; l < BA_PAIR_TILE; l += LANES) {
            count_quarter(count, tiles + t, tiles[t].j0 + l);
        }
    }
}
