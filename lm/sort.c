/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merge sort from the bottom up: qsort() knows nothing of what its numbers stand for. */
#include "lm/ngram_impl.h"

#include <string.h>

/* Merges from[a..b) and from[b..c) to to[a..c). */
static void
merge(const size_t *from, size_t a, size_t b, size_t c, ba_compare_t compare,
    const void *payload, size_t *to)
{
    size_t left = a, right = b;

    for (size_t i = a; i < c; i++) {
        int is_left =
            left < b && (right >= c || compare(from[left], from[right], payload) <= 0);

        to[i] = is_left ? from[left++] : from[right++];
    }
}

void
ba_sort_numbers(
    size_t *numbers, size_t *scratch, size_t n, ba_compare_t compare, const void *payload)
{
    size_t *from = numbers, *to = scratch;

    for (size_t width = 1; width < n; width *= 2) {
        size_t *swap = from;

        for (size_t a = 0; a < n; a += 2 * width) {
            size_t b = a + width < n ? a + width : n;
            size_t c = b + width < n ? b + width : n;

            merge(from, a, b, c, compare, payload, to);
        }
        from = to;
        to = swap;
    }
    if (from != numbers && n > 0) {
        memcpy(numbers, from, n * sizeof *numbers);
    }
}
