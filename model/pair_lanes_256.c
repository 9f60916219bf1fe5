/* SPDX-License-Identifier: GPL-3.0-or-later */
/* As pair_lanes.c, in vectors of 256 bits (AVX2): a tile is four blocks of 16 x 16. */
#include "model/pair_lanes.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define FOR_AVX2 __attribute__((target("avx2,popcnt")))

/* Rows of a block, of which 4 at a time are looked at for open pairs. */
enum { SIDE = 16, STEP = 4 };

/* Eight columns c: rows[r] = eight numbers of row r, then of row 8 + r. */
FOR_AVX2 static inline void
interleave(const __m256i *c, __m256i *rows)
{
    __m256i pairs[8], fours[8];

    for (size_t k = 0; k < 4; k++) {
        pairs[2 * k] = _mm256_unpacklo_epi16(c[2 * k], c[2 * k + 1]);
        pairs[2 * k + 1] = _mm256_unpackhi_epi16(c[2 * k], c[2 * k + 1]);
    }
    for (size_t k = 0; k < 2; k++) {
        for (size_t h = 0; h < 2; h++) {
            __m256i a = pairs[4 * k + h], b = pairs[4 * k + 2 + h];

            fours[4 * k + 2 * h] = _mm256_unpacklo_epi32(a, b);
            fours[4 * k + 2 * h + 1] = _mm256_unpackhi_epi32(a, b);
        }
    }
    for (size_t h = 0; h < 4; h++) {
        rows[2 * h] = _mm256_unpacklo_epi64(fours[h], fours[4 + h]);
        rows[2 * h + 1] = _mm256_unpackhi_epi64(fours[h], fours[4 + h]);
    }
}

/* A block: rows from i, lanes from j, of a tile. */
typedef struct {
    const ba_pair_tile_t *tile;
    size_t i, j;
} block_t;

/* own_i - q_ij of eight columns. */
FOR_AVX2 static inline void
subtract_columns(
    const ba_pair_view_t *view, const block_t *block, size_t first, __m256i *rows)
{
    const int16_t *strip = block->tile->strip_i + block->i;
    const uint32_t *column = view->column + block->tile->j0 + block->j + first;
    __m256i own =
        _mm256_loadu_si256((const void *) (view->own + block->tile->i0 + block->i));
    __m256i columns[8];

    for (size_t c = 0; c < 8; c++) {
        columns[c] =
            _mm256_sub_epi16(own, _mm256_loadu_si256((const void *) (strip + column[c])));
    }
    interleave(columns, rows);
}

/* -1 in the lanes of a block that pair with a row. */
FOR_AVX2 static inline __m256i
lanes_of(const block_t *block, size_t row)
{
    const __m256i bits = _mm256_setr_epi16(
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, INT16_MIN);
    uint32_t lanes = ba_pair_tile_lanes(block->tile, block->i + row) >> block->j;

    return _mm256_cmpeq_epi16(
        _mm256_and_si256(_mm256_set1_epi16((int16_t) (lanes & 0xffff)), bits), bits);
}

/* Which of 16 numbers are 0 .. most. */
FOR_AVX2 static inline uint32_t
open_lanes(__m256i x, int16_t most)
{
    __m256i is_open = _mm256_cmpeq_epi16(_mm256_min_epu16(x, _mm256_set1_epi16(most)), x);
    __m128i bytes = _mm_packs_epi16(
        _mm256_castsi256_si128(is_open), _mm256_extracti128_si256(is_open, 1));

    return (uint32_t) _mm_movemask_epi8(bytes);
}

/* Sums of four and the smaller differences of the rows i, i + 8, i + 1, i + 9. */
typedef struct {
    __m256i both[STEP], less[STEP];
} rows_t;

FOR_AVX2 __attribute__((noinline, cold)) static void
report(const ba_pair_count_t *count, const rows_t *rows, size_t i, size_t j0)
{
    for (size_t k = 0; k < STEP; k++) {
        uint32_t sum = open_lanes(rows->both[k], 4);
        uint32_t strict = open_lanes(rows->less[k], 2);

        for (uint32_t open = sum | strict; open; open &= open - 1) {
            unsigned lane = (unsigned) __builtin_ctz(open);

            count->open(count->payload, i + 8 * (k % 2) + k / 2, j0 + lane,
                (int) (sum >> lane & 1), (int) (strict >> lane & 1));
        }
    }
}

/* Returns the pairs of a block that are won or open: sums of bytes, of the sum form and of
 * the strict form in turn. */
FOR_AVX2 __attribute__((always_inline)) static inline __m256i
count_block(const ba_pair_count_t *count, const block_t *block, int is_masked)
{
    const ba_pair_tile_t *tile = block->tile;
    const int16_t *strip = tile->strip_j + block->j;
    const uint32_t *column = count->view.column + tile->i0 + block->i;
    const __m256i most = _mm256_set_epi32(0x02020202, 0x02020202, 0x04040404, 0x04040404,
        0x02020202, 0x02020202, 0x04040404, 0x04040404);
    __m256i own =
        _mm256_loadu_si256((const void *) (count->view.own + tile->j0 + block->j));
    __m256i parts[2][8], won = _mm256_setzero_si256();

    subtract_columns(&count->view, block, 0, parts[0]);
    subtract_columns(&count->view, block, 8, parts[1]);
    for (size_t r = 0; r < 8; r += 2) {
        __m256i near = _mm256_set1_epi8(-1);
        rows_t rows;

        for (size_t k = 0; k < STEP; k++) {
            size_t part = r + k / 2, row = 8 * (k % 2) + part;
            const __m128i *a = (const __m128i *) &parts[0][part] + k % 2;
            const __m128i *b = (const __m128i *) &parts[1][part] + k % 2;
            __m256i first = _mm256_inserti128_si256(
                _mm256_castsi128_si256(_mm_load_si128(a)), _mm_load_si128(b), 1);
            __m256i second = _mm256_sub_epi16(
                own, _mm256_loadu_si256((const void *) (strip + column[row])));
            __m256i bytes;

            if (is_masked) {
                second = _mm256_blendv_epi8(
                    _mm256_set1_epi16(BA_PAIR_LOST), second, lanes_of(block, row));
            }
            rows.both[k] = _mm256_adds_epi16(first, second);
            rows.less[k] = _mm256_min_epi16(first, second);
            bytes = _mm256_packs_epi16(rows.both[k], rows.less[k]);
            near = _mm256_min_epu8(near, bytes);
            won = _mm256_add_epi8(won, _mm256_shuffle_epi8(_mm256_set1_epi8(1), bytes));
        }
        if (_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(near, most), near))) {
            report(count, &rows, tile->i0 + block->i + r, tile->j0 + block->j);
        }
    }
    return _mm256_sad_epu8(won, _mm256_setzero_si256());
}

FOR_AVX2 __attribute__((noinline)) static __m256i
count_whole_block(const ba_pair_count_t *count, const block_t *block)
{
    return count_block(count, block, 0);
}

FOR_AVX2 __attribute__((noinline)) static __m256i
count_masked_block(const ba_pair_count_t *count, const block_t *block)
{
    return count_block(count, block, 1);
}

FOR_AVX2 void
ba_pair_lanes_256(ba_pair_count_t *count, const ba_pair_tile_t *tiles, size_t n_tiles)
{
    __m256i won = _mm256_setzero_si256();
    uint64_t words[4];

    for (size_t t = 0; t < n_tiles; t++) {
        int is_masked = ba_pair_tile_is_masked(tiles + t);

        for (size_t b = 0; b < 4; b++) {
            block_t block = {tiles + t, SIDE * (b & 1), SIDE * (b >> 1)};

            won = _mm256_add_epi64(won, is_masked ? count_masked_block(count, &block)
                                                  : count_whole_block(count, &block));
        }
    }
    _mm256_storeu_si256((void *) words, won);
    count->sum += words[0] + words[2];
    count->strict += words[1] + words[3];
}

#else

void
ba_pair_lanes_256(ba_pair_count_t *count, const ba_pair_tile_t *tiles, size_t n_tiles)
{
    ba_pair_tiles_count(count, tiles, n_tiles);
}

#endif
