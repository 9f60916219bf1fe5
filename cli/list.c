/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/list.h"
#include "cli/memory.h"
#include "cli/value.h"

#include "brainalign/error.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Reads digits at *text and moves past them; 0 when there are none or the number is
 * absurd. */
static int
read_number(const char **text, size_t *number)
{
    char *end;
    unsigned long value;

    if (strspn(*text, "0123456789") == 0) {
        return 0;
    }
    errno = 0;
    value = strtoul(*text, &end, 10);
    if (errno == ERANGE || value > LONG_MAX) {
        return 0;
    }
    *text = end;
    *number = value;
    return 1;
}

static int
skip(const char **text, const char *word)
{
    size_t length = strlen(word);

    if (strncmp(*text, word, length) != 0) {
        return 0;
    }
    *text += length;
    return 1;
}

int
cli_trim_parse(const char *text, size_t *first, size_t *last)
{
    const char *at = text;

    *last = 0;
    if (!read_number(&at, first) || (skip(&at, ",") && !read_number(&at, last)) || *at) {
        return ba_fail(BA_VALUE, "--trim: found '%s', wanted A or A,B in samples", text);
    }
    return BA_OK;
}

/* A side that was not given before is negative. */
static int
read_side(const char **at, long *inner, long *outer)
{
    long *side = skip(at, "inner:") ? inner : skip(at, "outer:") ? outer : NULL;
    size_t number;

    if (!side || *side >= 0 || !read_number(at, &number)) {
        return 0;
    }
    *side = (long) number;
    return 1;
}

int
cli_gap_parse(const char *text, long *inner, long *outer)
{
    const char *at = text;
    size_t number;

    if (read_number(&at, &number) && *at == '\0') {
        *inner = (long) number;
        *outer = (long) number;
        return BA_OK;
    }
    at = text;
    *inner = -1;
    *outer = -1;
    if (!read_side(&at, inner, outer) ||
        (skip(&at, ",") && !read_side(&at, inner, outer)) || *at) {
        return ba_fail(BA_VALUE,
            "--cv-gap: found '%s', wanted N or inner:N,outer:M in samples", text);
    }
    return BA_OK;
}

int
cli_range_parse(const char *text, size_t *start, size_t *stop)
{
    const char *at = text;
    int has_stop;

    *start = 0;
    *stop = 0;
    read_number(&at, start);
    if (!skip(&at, ":")) {
        return ba_fail(BA_VALUE, "--target-range: found '%s', wanted A:B", text);
    }
    has_stop = read_number(&at, stop);
    if (*at || (has_stop && *stop <= *start)) {
        return ba_fail(
            BA_VALUE, "--target-range: found '%s', wanted A:B with A less than B", text);
    }
    return BA_OK;
}

int
cli_grid_parse(const char *text, size_t *x, size_t *y, size_t *z)
{
    const char *at = text;

    if (!read_number(&at, x) || !skip(&at, ",") || !read_number(&at, y) ||
        !skip(&at, ",") || !read_number(&at, z) || *at || *x == 0 || *y == 0 || *z == 0) {
        return ba_fail(BA_VALUE, "--grid: found '%s', wanted X,Y,Z in voxels", text);
    }
    return BA_OK;
}

int
cli_words_parse(const char *option, const char *words, const char *text, unsigned *chosen)
{
    const cli_option_t row = {.name = option, .kind = CLI_CHOICE, .metavar = words};
    int status = BA_OK;

    *chosen = 0;
    do {
        size_t length = strcspn(text, ",");
        char word[64] = "";
        int index;

        memcpy(word, text, length < sizeof(word) ? length : sizeof(word) - 1);
        BA_TRY(cli_value_parse(&row, word, &index));
        *chosen |= 1U << index;
        text += length;
    } while (*text++ == ',');
out:
    return status;
}

/* Items of a list separated by commas. */
static size_t
count_items(const char *text)
{
    size_t n = 1;

    for (; *text; text++) {
        n += *text == ',';
    }
    return n;
}

int
cli_counts_parse(const char *option, const char *text, size_t **counts, size_t *n)
{
    const char *at = text;

    *n = count_items(text);
    *counts = cli_calloc(*n, sizeof(**counts));
    for (size_t i = 0; i < *n; i++) {
        if (!read_number(&at, &(*counts)[i]) || (*counts)[i] == 0 ||
            (i + 1 < *n ? !skip(&at, ",") : *at != '\0')) {
            free(*counts);
            *counts = NULL;
            return ba_fail(BA_VALUE,
                "--%s: found '%s', wanted positive whole numbers separated by commas",
                option, text);
        }
    }
    return BA_OK;
}

int
cli_reals_parse(const char *option, const char *text, double **reals, size_t *n)
{
    const char *at = text;

    *n = count_items(text);
    *reals = cli_calloc(*n, sizeof(**reals));
    for (size_t i = 0; i < *n; i++) {
        char *end;

        (*reals)[i] = strtod(at, &end);
        if (end == at || strspn(at, "+-.0123456789eE") != (size_t) (end - at) ||
            !isfinite((*reals)[i]) || (i + 1 < *n ? *end != ',' : *end != '\0')) {
            free(*reals);
            *reals = NULL;
            return ba_fail(BA_VALUE,
                "--%s: found '%s', wanted numbers separated by commas", option, text);
        }
        at = end + 1;
    }
    return BA_OK;
}
