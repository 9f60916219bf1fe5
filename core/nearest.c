/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/nearest.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 63 };

static size_t
length_of(const char *word)
{
    size_t n = strlen(word);

    return n < LONGEST ? n : LONGEST;
}

static size_t
smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Levenshtein's distance, one row of the table at a time. */
size_t
ba_word_distance(const char *a, const char *b)
{
    size_t n_a = length_of(a), n_b = length_of(b), row[LONGEST + 1];

    for (size_t j = 0; j <= n_b; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            int differs =
                tolower((unsigned char) a[i - 1]) != tolower((unsigned char) b[j - 1]);
            size_t above = row[j];

            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (size_t) differs);
            diagonal = above;
        }
    }
    return row[n_b];
}
