/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places of all candidates of a row: values are dealt to as many parts of their range as
 * there are values, and sorted within these; ties are found by two marks that move up with
 * them. */
#include "model/identification_impl.h"

#include <stdlib.h>

/* Values in one part that are still sorted by insertion. */
enum { FEW = 32 };

static int
compare_values(const void *a, const void *b)
{
    double x = ((const ba_ranked_t *) a)->value, y = ((const ba_ranked_t *) b)->value;

    return x < y ? -1 : x > y;
}

typedef struct {
    double low, scale;
} parts_t;

static inline size_t
part_of(parts_t parts, double value)
{
    double part = (value - parts.low) * parts.scale;

    return part > 0 ? (size_t) part : 0;
}

static parts_t
make_parts(const double *values, size_t n)
{
    double low = values[0], high = values[0], scale;

    for (size_t c = 1; c < n; c++) {
        low = values[c] < low ? values[c] : low;
        high = values[c] > high ? values[c] : high;
    }
    scale = ((double) n - 1) / (high - low);
    return (parts_t){low, high > low && scale < 1e300 ? scale : 0};
}

/* Deals the values to their parts, one part after another; returns the most in one. onset:
 * where the next value of each part goes, in `column`. */
static size_t
deal(const double *values, size_t n, ba_ranked_t *onset, ba_ranked_t *out)
{
    parts_t parts = make_parts(values, n);
    size_t n_before = 0, n_most = 0;

    for (size_t p = 0; p < n; p++) {
        onset[p].column = 0;
    }
    for (size_t c = 0; c < n; c++) {
        onset[part_of(parts, values[c])].column++;
    }
    for (size_t p = 0; p < n; p++) {
        size_t count = onset[p].column;

        n_most = count > n_most ? count : n_most;
        onset[p].column = n_before;
        n_before += count;
    }
    for (size_t c = 0; c < n; c++) {
        out[onset[part_of(parts, values[c])].column++] = (ba_ranked_t){values[c], c};
    }
    return n_most;
}

static void
sort_by_insertion(ba_ranked_t *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        ba_ranked_t item = items[i];
        size_t k = i;

        for (; k > 0 && items[k - 1].value > item.value; k--) {
            items[k] = items[k - 1];
        }
        items[k] = item;
    }
}

void
ba_places_of_row(
    const double *values, size_t n, double tie, ba_ranked_t *spare, ba_place_t *places)
{
    ba_ranked_t *sorted = spare;
    size_t n_below = 0, n_up_to = 0;

    if (deal(values, n, spare + n, sorted) <= FEW) {
        sort_by_insertion(sorted, n);
    } else {
        qsort(sorted, n, sizeof *sorted, compare_values);
    }
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
