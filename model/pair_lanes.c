/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For place i with 32 places j the q_ji lie side by side in a column of i; the q_ij stand
 * in 32 columns, from which a tile is transposed: in three rounds of interleaving within
 * 128 bits, and two that move 128 or 256 bits.
 *
 * Port 5 of Intel's processors moves parts of vectors and makes masks, port 0 shifts,
 * compares and adds with saturation. So signs are added up and the smallest differences
 * kept as vectors; masks are made where four rows together have an open pair. */
#include "model/pair_lanes.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <stdatomic.h>

#define FOR_BW __attribute__((target("avx512f,avx512bw,popcnt")))

/* Rows whose 32 numbers come out of one step of the last two rounds. */
enum { STEP = 4 };

static atomic_int known; /* 0 = not asked, 1 = no, 2 = yes */

void
ba_pair_lanes_allow(int is_allowed)
{
    atomic_store_explicit(&known, is_allowed ? 0 : 1, memory_order_relaxed);
}

int
ba_pair_lanes_is_usable(void)
{
    int now = atomic_load_explicit(&known, memory_order_relaxed);

    if (now == 0) {
        __builtin_cpu_init();
        now = __builtin_cpu_supports("avx512bw") ? 2 : 1;
        atomic_store_explicit(&known, now, memory_order_relaxed);
    }
    return now == 2;
}

/* Eight columns c: rows[r] = four times eight numbers, of row 8 k + r in quarter k. */
FOR_BW static inline void
interleave(const __m512i *c, __m512i *rows)
{
    __m512i pairs[8], fours[8];

    for (size_t k = 0; k < 4; k++) {
        pairs[2 * k] = _mm512_unpacklo_epi16(c[2 * k], c[2 * k + 1]);
        pairs[2 * k + 1] = _mm512_unpackhi_epi16(c[2 * k], c[2 * k + 1]);
    }
    for (size_t k = 0; k < 2; k++) {
        for (size_t h = 0; h < 2; h++) {
            __m512i a = pairs[4 * k + h], b = pairs[4 * k + 2 + h];

            fours[4 * k + 2 * h] = _mm512_unpacklo_epi32(a, b);
            fours[4 * k + 2 * h + 1] = _mm512_unpackhi_epi32(a, b);
        }
    }
    for (size_t h = 0; h < 4; h++) {
        rows[2 * h] = _mm512_unpacklo_epi64(fours[h], fours[4 + h]);
        rows[2 * h + 1] = _mm512_unpackhi_epi64(fours[h], fours[4 + h]);
    }
}

/* own_i - q_ij: parts[g][r] has the rows r, 8 + r, 16 + r, 24 + r of the columns 8 g .. */
FOR_BW static inline void
subtract_columns(
    const ba_pair_view_t *view, const ba_pair_tile_t *tile, __m512i (*parts)[8])
{
    const int16_t *strip = view->q + tile->i0 / BA_PAIR_TILE * view->strip;
    const uint32_t *column = view->column + tile->j0;
    __m512i own = _mm512_loadu_si512(view->own + tile->i0);
    __m512i lost = _mm512_set1_epi16(BA_PAIR_LOST);

    for (size_t g = 0; g < 4; g++) {
        __m512i columns[8];

        for (size_t c = 0; c < 8; c++) {
            columns[c] = _mm512_mask_sub_epi16(
                lost, tile->rows, own, _mm512_loadu_si512(strip + column[8 * g + c]));
        }
        interleave(columns, parts[g]);
    }
}

/* out[k] = row 8 k + r. */
FOR_BW static inline void
gather_rows(const __m512i (*parts)[8], size_t r, __m512i *out)
{
    __m512i halves[2][2];

    for (size_t h = 0; h < 2; h++) {
        const __m256i *a = (const void *) &parts[2 * h][r];
        const __m256i *b = (const void *) &parts[2 * h + 1][r];

        for (size_t k = 0; k < 2; k++) {
            halves[h][k] = _mm512_inserti64x4(
                _mm512_castsi256_si512(_mm256_load_si256(a + k)), b[k], 1);
        }
    }
    for (size_t k = 0; k < 2; k++) {
        out[2 * k] = _mm512_shuffle_i32x4(halves[0][k], halves[1][k], 0x88);
        out[2 * k + 1] = _mm512_shuffle_i32x4(halves[0][k], halves[1][k], 0xdd);
    }
}

/* Sums of four and the smaller differences of some rows. */
typedef struct {
    __m512i both[STEP], less[STEP];
} rows_t;

/* Tells of the open pairs of the rows i, i + 8, .. */
FOR_BW __attribute__((noinline, cold)) static void
report(const ba_pair_count_t *count, const rows_t *rows, size_t i, size_t j0)
{
    for (size_t k = 0; k < STEP; k++) {
        uint32_t sum = _mm512_cmple_epu16_mask(rows->both[k], _mm512_set1_epi16(4));
        uint32_t strict = _mm512_cmple_epu16_mask(rows->less[k], _mm512_set1_epi16(2));

        if (sum | strict) {
            count->open(count->payload, i + 8 * k, j0, sum, strict);
        }
    }
}

FOR_BW static inline void
add_lanes(uint16_t *total, __m512i n_lost)
{
    __m512i n = _mm512_sub_epi16(_mm512_set1_epi16(BA_PAIR_TILE), n_lost);

    _mm512_storeu_si512(total, _mm512_add_epi16(_mm512_loadu_si512(total), n));
}

FOR_BW __attribute__((always_inline)) static inline void
count_tile(ba_pair_count_t *count, const ba_pair_tile_t *tile, int is_diagonal)
{
    const ba_pair_view_t *view = &count->view;
    const int16_t *strip = view->q + tile->j0 / BA_PAIR_TILE * view->strip;
    const uint32_t *column = view->column + tile->i0;
    const __m512i lost = _mm512_set1_epi16(BA_PAIR_LOST);
    __m512i own = _mm512_loadu_si512(view->own + tile->j0);
    __m512i lost_sum = _mm512_setzero_si512(), lost_strict = lost_sum;
    __m512i parts[4][8];

    subtract_columns(view, tile, parts);
    for (size_t r = 0; r < 8; r++) {
        __m512i first[STEP], both[STEP], less[STEP];
        __m512i near_sum = _mm512_set1_epi16(-1), near_strict = near_sum;

        gather_rows((const __m512i(*)[8]) parts, r, first);
        for (size_t k = 0; k < STEP; k++) {
            size_t row = 8 * k + r;
            uint32_t lanes = is_diagonal
                                 ? tile->lanes & (uint32_t) (UINT64_C(0xfffffffe) << row)
                                 : tile->lanes;
            __m512i second = _mm512_mask_sub_epi16(
                lost, lanes, own, _mm512_loadu_si512(strip + column[row]));

            both[k] = _mm512_adds_epi16(first[k], second);
            less[k] = _mm512_min_epi16(first[k], second);
            lost_sum = _mm512_add_epi16(lost_sum, _mm512_srli_epi16(both[k], 15));
            lost_strict = _mm512_add_epi16(lost_strict, _mm512_srli_epi16(less[k], 15));
            near_sum = _mm512_min_epu16(near_sum, both[k]);
            near_strict = _mm512_min_epu16(near_strict, less[k]);
        }
        if (_mm512_cmple_epu16_mask(near_sum, _mm512_set1_epi16(4)) |
            _mm512_cmple_epu16_mask(near_strict, _mm512_set1_epi16(2))) {
            rows_t rows = {{both[0], both[1], both[2], both[3]},
                {less[0], less[1], less[2], less[3]}};

            report(count, &rows, tile->i0 + r, tile->j0);
        }
    }
    add_lanes(count->sum, lost_sum);
    add_lanes(count->strict, lost_strict);
}

FOR_BW void
ba_pair_lanes_count(ba_pair_count_t *count, const ba_pair_tile_t *tile)
{
    if (tile->i0 == tile->j0) {
        count_tile(count, tile, 1);
    } else {
        count_tile(count, tile, 0);
    }
}

#else

void
ba_pair_lanes_allow(int is_allowed)
{
    (void) is_allowed;
}

int
ba_pair_lanes_is_usable(void)
{
    return 0;
}

void
ba_pair_lanes_count(ba_pair_count_t *count, const ba_pair_tile_t *tile)
{
    ba_pair_tile_count(count, tile);
}

#endif
