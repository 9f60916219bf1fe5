/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places of all candidates of a row: values are sorted by their bytes, from the last one,
 * and ties found by two marks that move up with them. */
#include "model/identification_impl.h"

#include <string.h>

enum { N_DIGITS = 8, N_LEVELS = 256 };

/* Unsigned integers in the order of the numbers. */
static inline uint64_t
key_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits ^ (bits >> 63 ? UINT64_MAX : UINT64_C(1) << 63);
}

static void
count_digits(const ba_ranked_t *items, size_t n, size_t (*counts)[N_LEVELS])
{
    for (size_t i = 0; i < n; i++) {
        uint64_t key = key_of(items[i].value);

        for (size_t d = 0; d < N_DIGITS; d++) {
            counts[d][key >> 8 * d & 0xff]++;
        }
    }
}

/* Sorts by one digit, equal ones staying in order. */
static void
sort_by_digit(
    const ba_ranked_t *from, size_t n, size_t d, size_t *counts, ba_ranked_t *to)
{
    size_t n_before = 0;

    for (size_t level = 0; level < N_LEVELS; level++) {
        size_t count = counts[level];

        counts[level] = n_before;
        n_before += count;
    }
    for (size_t i = 0; i < n; i++) {
        to[counts[key_of(from[i].value) >> 8 * d & 0xff]++] = from[i];
    }
}

/* Ascending; returns where they are, in items or spare. */
static const ba_ranked_t *
sort_items(ba_ranked_t *items, size_t n, ba_ranked_t *spare)
{
    size_t counts[N_DIGITS][N_LEVELS] = {{0}};

    count_digits(items, n, counts);
    for (size_t d = 0; d < N_DIGITS; d++) {
        ba_ranked_t *kept = items;

        if (counts[d][key_of(items[0].value) >> 8 * d & 0xff] < n) {
            sort_by_digit(items, n, d, counts[d], spare);
            items = spare;
            spare = kept;
        }
    }
    return items;
}

void
ba_places_of_row(
    const double *values, size_t n, double tie, ba_ranked_t *spare, ba_place_t *places)
{
    const ba_ranked_t *sorted;
    size_t n_below = 0, n_up_to = 0;

    for (size_t c = 0; c < n; c++) {
        spare[c] = (ba_ranked_t){values[c], c};
    }
    sorted = sort_items(spare, n, spare + n);
    for (size_t k = 0; k < n; k++) {
        double value = sorted[k].value;

        while (n_up_to < n && !(sorted[n_up_to].value - value > tie)) {
            n_up_to++;
        }
        while (value - sorted[n_below].value > tie) {
            n_below++;
        }
        places[sorted[k].column] =
            (ba_place_t){(uint32_t) (n - n_up_to), (uint32_t) (n_up_to - n_below)};
    }
}
