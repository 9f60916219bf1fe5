/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For place i with 32 places j the q_ji lie side by side in a column of i; the q_ij stand
 * in 32 columns, from which a tile is transposed: in three rounds of interleaving within
 * 128 bits, and two that move 128 or 256 bits.
 *
 * Port 5 of Intel's processors moves parts of vectors and makes masks, port 0 shifts,
 * compares and adds with saturation; what both can do is few. So the two numbers of a pair
 * are made bytes, which keep signs and what is near 0, and looked at together; masks are
 * made only where four rows have an open pair. */
#include "model/pair_lanes.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <stdatomic.h>

#define FOR_BW __attribute__((target("avx512f,avx512bw,popcnt")))

/* Rows whose 32 numbers come out of one step of the last two rounds. */
enum { STEP = 4 };

static atomic_int known = -1; /* bits; -1 = not asked */

/* What there is, of at most n_bits. */
static int
ask(int n_bits)
{
    __builtin_cpu_init();
    if (n_bits >= 512 && __builtin_cpu_supports("avx512bw")) {
        return 512;
    }
    return n_bits >= 256 && __builtin_cpu_supports("avx2") ? 256 : 0;
}

void
ba_pair_lanes_allow(int n_bits)
{
    atomic_store_explicit(&known, ask(n_bits), memory_order_relaxed);
}

int
ba_pair_lanes_bits(void)
{
    int now = atomic_load_explicit(&known, memory_order_relaxed);

    if (now < 0) {
        now = ask(512);
        atomic_store_explicit(&known, now, memory_order_relaxed);
    }
    return now;
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

/* own_i - q_ij of the columns 8 g ..: parts[r] has the rows r, 8 + r, 16 + r, 24 + r. */
FOR_BW static inline void
subtract_columns(const ba_pair_view_t *view, const ba_pair_tile_t *tile,
    const int16_t *strip_after, size_t g, __m512i *parts)
{
    const int16_t *strip = tile->strip_i;
    const uint32_t *column = view->column + tile->j0 + 8 * g;
    __m512i own = _mm512_loadu_si512(view->own + tile->i0), columns[8];

    for (size_t c = 0; c < 8; c++) {
        columns[c] = _mm512_sub_epi16(own, _mm512_loadu_si512(strip + column[c]));
        _mm_prefetch((const void *) (strip_after + column[c]), _MM_HINT_T0);
    }
    interleave(columns, parts);
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

/* Tells of the open pairs of the rows i, i + 8, .. There is mostly one: a loop over pairs is
 * foreseen better than one over rows. */
FOR_BW __attribute__((noinline, cold)) static void
report(const ba_pair_count_t *count, const rows_t *rows, size_t i, size_t j0)
{
    uint32_t sum[STEP], strict[STEP];
    uint64_t open[STEP / 2];

    for (size_t k = 0; k < STEP; k++) {
        sum[k] = _mm512_cmple_epu16_mask(rows->both[k], _mm512_set1_epi16(4));
        strict[k] = _mm512_cmple_epu16_mask(rows->less[k], _mm512_set1_epi16(2));
    }
    for (size_t k = 0; k < STEP / 2; k++) {
        open[k] = (sum[2 * k] | strict[2 * k]) |
                  (uint64_t) (sum[2 * k + 1] | strict[2 * k + 1]) << 32;
    }
    while (open[0] | open[1]) {
        size_t half = open[0] == 0;
        unsigned bit = (unsigned) __builtin_ctzll(open[half]), lane = bit % 32;
        size_t k = 2 * half + bit / 32;

        open[half] &= open[half] - 1;
        count->open(count->payload, i + 8 * k, j0 + lane, (int) (sum[k] >> lane & 1),
            (int) (strict[k] >> lane & 1));
    }
}

/* The rows r, 8 + r, 16 + r, 24 + r of a tile. */
FOR_BW __attribute__((always_inline)) static inline void
count_rows(const ba_pair_count_t *count, const ba_pair_tile_t *tile,
    const __m512i (*parts)[8], size_t r, int is_masked, __m512i *won)
{
    const int16_t *strip = tile->strip_j;
    const uint32_t *column = count->view.column + tile->i0 + r;
    __m512i own = _mm512_loadu_si512(count->view.own + tile->j0);
    const __m512i open =
        _mm512_set4_epi32(0x02020202, 0x02020202, 0x04040404, 0x04040404);
    __m512i first[STEP], both[STEP], less[STEP], near = _mm512_set1_epi8(-1);

    gather_rows(parts, r, first);
    for (size_t k = 0; k < STEP; k++) {
        __m512i second = _mm512_sub_epi16(own, _mm512_loadu_si512(strip + column[8 * k]));
        __m512i bytes;

        if (is_masked) {
            second = _mm512_mask_mov_epi16(_mm512_set1_epi16(BA_PAIR_LOST),
                ba_pair_tile_lanes(tile, 8 * k + r), second);
        }
        both[k] = _mm512_adds_epi16(first[k], second);
        less[k] = _mm512_min_epi16(first[k], second);
        bytes = _mm512_packs_epi16(both[k], less[k]);
        near = _mm512_min_epu8(near, bytes);
        *won = _mm512_add_epi8(*won, _mm512_shuffle_epi8(_mm512_set1_epi8(1), bytes));
        _mm_prefetch((const void *) (strip + column[BA_PAIR_TILE + 8 * k]), _MM_HINT_T0);
    }
    if (_mm512_cmple_epu8_mask(near, open)) {
        rows_t rows = {
            {both[0], both[1], both[2], both[3]}, {less[0], less[1], less[2], less[3]}};

        report(count, &rows, tile->i0 + r, tile->j0);
    }
}

/* What is at hand while tiles are counted one after another. */
typedef struct {
    const ba_pair_tile_t *tile, *next, *after; /* the last ones again at the end */
    __m512i parts[2][4][8]; /* of this tile and the next one, in turn */
    __m512i won;            /* or open: of the sum form and the strict form in turn */
} tiles_t;

/* A tile, and the columns of the next one: either keeps another port busy. */
FOR_BW __attribute__((always_inline)) static inline void
count_tile(const ba_pair_count_t *count, tiles_t *tiles, size_t is_odd, int is_masked)
{
    const ba_pair_tile_t *tile = tiles->tile, *next = tiles->next;
    const __m512i(*parts)[8] = (const __m512i(*)[8]) tiles->parts[is_odd];
    __m512i(*next_parts)[8] = tiles->parts[1 - is_odd];
    const int16_t *strip_after = tiles->after->strip_i;
    __m512i won = _mm512_setzero_si512();

    for (size_t g = 0; g < 4; g++) {
        subtract_columns(&count->view, next, strip_after, g, next_parts[g]);
        count_rows(count, tile, parts, 2 * g, is_masked, &won);
        count_rows(count, tile, parts, 2 * g + 1, is_masked, &won);
    }
    won = _mm512_sad_epu8(won, _mm512_setzero_si512());
    tiles->won = _mm512_add_epi64(tiles->won, won);
}

FOR_BW __attribute__((noinline)) static void
count_whole_tile(const ba_pair_count_t *count, tiles_t *tiles, size_t is_odd)
{
    count_tile(count, tiles, is_odd, 0);
}

FOR_BW __attribute__((noinline)) static void
count_masked_tile(const ba_pair_count_t *count, tiles_t *tiles, size_t is_odd)
{
    count_tile(count, tiles, is_odd, 1);
}

FOR_BW void
ba_pair_lanes_512(ba_pair_count_t *count, const ba_pair_tile_t *tile, size_t n_tiles)
{
    const ba_pair_tile_t *last = tile + n_tiles - 1;
    tiles_t tiles;

    tiles.won = _mm512_setzero_si512();
    for (size_t g = 0; g < 4; g++) {
        subtract_columns(&count->view, tile, tile->strip_i, g, tiles.parts[0][g]);
    }
    for (size_t t = 0; t < n_tiles; t++, tile++) {
        tiles.tile = tile;
        tiles.next = tile < last ? tile + 1 : last;
        tiles.after = tiles.next < last ? tiles.next + 1 : last;
        if (ba_pair_tile_is_masked(tile)) {
            count_masked_tile(count, &tiles, t & 1);
        } else {
            count_whole_tile(count, &tiles, t & 1);
        }
    }
    count->sum += (uint64_t) _mm512_mask_reduce_add_epi64(0x55, tiles.won);
    count->strict += (uint64_t) _mm512_mask_reduce_add_epi64(0xaa, tiles.won);
}

#else

void
ba_pair_lanes_allow(int n_bits)
{
    (void) n_bits;
}

int
ba_pair_lanes_bits(void)
{
    return 0;
}

void
ba_pair_lanes_512(ba_pair_count_t *count, const ba_pair_tile_t *tiles, size_t n_tiles)
{
    ba_pair_tiles_count(count, tiles, n_tiles);
}

#endif
