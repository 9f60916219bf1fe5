/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Optimal string alignment distance: insertions, deletions, substitutions and exchanges
 * of neighbours cost 1 each. A change of case, or of `_` into `-`, costs nothing, and a
 * word that was only not finished counts as one step, because that is how options are
 * mistyped. */
#include "cli/nearest.h"

#include <ctype.h>
#include <string.h>

static int
fold(char c)
{
    return c == '_' ? '-' : tolower((unsigned char) c);
}

static size_t
smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

static size_t
alignment(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t rows[3][CLI_LONGEST_WORD + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];

    for (size_t j = 0; j <= n_b; j++) {
        last[j] = j;
        before[j] = j;
    }
    for (size_t i = 1; i <= n_a; i++) {
        size_t *spare = before;

        now[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t differs = fold(a[i - 1]) != fold(b[j - 1]);

            now[j] = smallest(last[j] + 1, now[j - 1] + 1, last[j - 1] + differs);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]) && before[j - 2] + 1 < now[j]) {
                now[j] = before[j - 2] + 1;
            }
        }
        before = last;
        last = now;
        now = spare;
    }
    return last[n_b];
}

static int
is_unfinished(const char *mistyped, const char *word)
{
    size_t letters = strspn(mistyped, "-");
    size_t length = strlen(mistyped);

    return length >= letters + 2 && strncmp(mistyped, word, length) == 0;
}

static size_t
shorter(const char *word)
{
    size_t length = strlen(word);

    return length < CLI_LONGEST_WORD ? length : CLI_LONGEST_WORD;
}

void
cli_nearest_offer(cli_nearest_t *nearest, const char *mistyped, const char *word)
{
    size_t n = shorter(word);
    size_t distance = 1;

    if (!is_unfinished(mistyped, word)) {
        distance = alignment(mistyped, shorter(mistyped), word, n);
    }
    if (nearest->word[0] == '\0' || distance < nearest->distance) {
        memcpy(nearest->word, word, n);
        nearest->word[n] = '\0';
        nearest->distance = distance;
    }
}
