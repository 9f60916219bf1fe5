/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For item i with 32 items j the q_ji lie side by side in a column of i; the q_ij stand in
 * 32 columns. 32 rows of those are transposed at a time: in three rounds of interleaving
 * within 128 bits, and two that move 128 bits. */
#include "model/pair_lanes.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <stdatomic.h>

#define LANES BA_PAIR_LANES

/* Places of an area: as many rows of 1,000 columns are half a megabyte, and two areas are
 * at hand at a time. */
#define AREA (8 * (size_t) LANES)

#define FOR_BW __attribute__((target("avx512f,avx512bw,popcnt")))

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

/* out[r][l] = column of place j0 + l at row i0 + r. */
FOR_BW static void
transpose(const ba_pair_lanes_t *lanes, size_t i0, size_t j0, int16_t (*out)[LANES])
{
    __m512i rows[4][8], columns[8];

    for (size_t g = 0; g < 4; g++) {
        for (size_t c = 0; c < 8; c++) {
            columns[c] = _mm512_loadu_si512(
                lanes->q + i0 + lanes->ld * lanes->column[j0 + 8 * g + c]);
        }
        interleave(columns, rows[g]);
    }
    for (size_t r = 0; r < 8; r++) {
        __m512i a = _mm512_shuffle_i32x4(rows[0][r], rows[1][r], 0x44);
        __m512i b = _mm512_shuffle_i32x4(rows[2][r], rows[3][r], 0x44);
        __m512i c = _mm512_shuffle_i32x4(rows[0][r], rows[1][r], 0xee);
        __m512i d = _mm512_shuffle_i32x4(rows[2][r], rows[3][r], 0xee);

        _mm512_storeu_si512(out[r], _mm512_shuffle_i32x4(a, b, 0x88));
        _mm512_storeu_si512(out[8 + r], _mm512_shuffle_i32x4(a, b, 0xdd));
        _mm512_storeu_si512(out[16 + r], _mm512_shuffle_i32x4(c, d, 0x88));
        _mm512_storeu_si512(out[24 + r], _mm512_shuffle_i32x4(c, d, 0xdd));
    }
}

static void
report(const ba_pair_count_t *count, ba_pair_unsure_t unsure, size_t i, size_t j0,
    uint32_t open)
{
    while (open) {
        unsure(count->payload, i, j0 + (size_t) __builtin_ctz(open));
        open &= open - 1;
    }
}

/* Places i0 .. with the 32 from j0, of which `inside` are there; the same 32: pairs above
 * the diagonal. */
FOR_BW static void
add_block(ba_pair_count_t *count, ba_pair_unsure_t unsure, size_t i0, size_t j0,
    uint32_t inside)
{
    const ba_pair_lanes_t *lanes = &count->lanes;
    const __m512i one = _mm512_set1_epi16(1), two = _mm512_set1_epi16(2);
    const __m512i four = _mm512_set1_epi16(4);
    __m512i own_j = _mm512_loadu_si512(lanes->own + j0);
    int16_t crossed[LANES][LANES];
    uint64_t sum = 0, strict = 0;

    transpose(lanes, i0, j0, crossed);
    for (size_t r = 0; r < LANES; r++) {
        uint32_t here =
            i0 == j0 ? inside & (uint32_t) (UINT64_C(0xfffffffe) << r) : inside;
        const int16_t *back = lanes->q + j0 + lanes->ld * lanes->column[i0 + r];
        __m512i first = _mm512_sub_epi16(
            _mm512_set1_epi16(lanes->own[i0 + r]), _mm512_loadu_si512(crossed[r]));
        __m512i second = _mm512_sub_epi16(own_j, _mm512_loadu_si512(back));
        __m512i both = _mm512_adds_epi16(first, second);
        __m512i less = _mm512_min_epi16(first, second);
        uint32_t open = _mm512_cmple_epu16_mask(_mm512_add_epi16(both, two), four) |
                        _mm512_cmple_epu16_mask(_mm512_add_epi16(less, one), two);
        uint32_t sure = here & ~open;

        sum += (uint64_t) __builtin_popcount(sure & _mm512_cmpgt_epi16_mask(both, two));
        strict +=
            (uint64_t) __builtin_popcount(sure & _mm512_cmpgt_epi16_mask(less, one));
        open &= here;
        if (open) {
            report(count, unsure, i0 + r, j0, open);
        }
    }
    count->sum += sum;
    count->strict += strict;
}

/* Blocks of places first_i .. with those from first_j, AREA of either at most. */
static void
add_area(ba_pair_count_t *count, ba_pair_unsure_t unsure, size_t first_i, size_t first_j,
    size_t end)
{
    for (size_t j0 = first_j; j0 < end && j0 < first_j + AREA; j0 += LANES) {
        size_t left = end - j0;
        uint32_t inside =
            left >= LANES ? UINT32_MAX : (uint32_t) ((UINT64_C(1) << left) - 1);

        for (size_t i0 = first_i; i0 <= j0 && i0 < first_i + AREA; i0 += LANES) {
            add_block(count, unsure, i0, j0, inside);
        }
    }
}

void
ba_pair_lanes_count(ba_pair_count_t *counts, size_t n_counts, size_t start, size_t end,
    ba_pair_unsure_t unsure)
{
    for (size_t j = start; j < end; j += AREA) {
        for (size_t i = start; i <= j; i += AREA) {
            for (size_t k = 0; k < n_counts; k++) {
                add_area(&counts[k], unsure, i, j, end);
            }
        }
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
ba_pair_lanes_count(ba_pair_count_t *counts, size_t n_counts, size_t start, size_t end,
    ba_pair_unsure_t unsure)
{
    (void) counts;
    (void) n_counts;
    (void) start;
    (void) end;
    (void) unsure;
}

#endif
