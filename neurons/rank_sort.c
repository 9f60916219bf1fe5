/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Radix sort of float32 with their rows. The bits of a float, the sign bit turned (all
 * bits of a negative one), order as unsigned integers; three passes of 11 bits, a pass
 * over digits that are all the same left out, as the low ones of half precision are. */
#include "neurons/rank_impl.h"

#include <string.h>

enum { DIGIT = 11, SIZE = 1 << DIGIT, PASSES = 3 };

static uint32_t
key_of(float x)
{
    uint32_t bits;

    x += 0.0F; /* -0 becomes 0 */
    memcpy(&bits, &x, sizeof bits);
    return bits & UINT32_C(0x80000000) ? ~bits : bits | UINT32_C(0x80000000);
}

static size_t
digit_of(uint64_t packed, int pass)
{
    return (size_t) (packed >> (32 + pass * DIGIT)) & (SIZE - 1);
}

/* Counts become places. Returns 0 where all have the same digit. */
static int
place_digits(uint32_t *count, size_t n)
{
    uint32_t sum = 0;

    for (size_t d = 0; d < SIZE; d++) {
        uint32_t here = count[d];

        if (here == n) {
            return 0;
        }
        count[d] = sum;
        sum += here;
    }
    return 1;
}

void
ba_rank_sort_rows(const float *x, size_t n, uint64_t *keys, uint32_t *order)
{
    uint32_t count[PASSES][SIZE];
    uint64_t *from = keys, *to = keys + n;

    memset(count, 0, sizeof count);
    for (size_t i = 0; i < n; i++) {
        from[i] = (uint64_t) key_of(x[i]) << 32 | (uint64_t) i;
        for (int pass = 0; pass < PASSES; pass++) {
            count[pass][digit_of(from[i], pass)]++;
        }
    }
    for (int pass = 0; pass < PASSES; pass++) {
        uint64_t *spare = from;

        if (!place_digits(count[pass], n)) {
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            to[count[pass][digit_of(from[i], pass)]++] = from[i];
        }
        from = to;
        to = spare;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t starts = i == 0 || from[i] >> 32 != from[i - 1] >> 32 ? RANK_STARTS : 0;

        order[i] = (uint32_t) from[i] | starts;
    }
}
