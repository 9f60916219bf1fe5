/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* strtod_l() */

#include "io/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int
is_word(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && strncasecmp(text, word, n) == 0;
}

static const char *
skip_digits(const char *c, const char *end, int *any)
{
    while (c < end && *c >= '0' && *c <= '9') {
        c++;
        *any = 1;
    }
    return c;
}

/* strtod() alone would also take hexadecimal numbers and "nan(...)". */
static int
is_decimal(const char *text, const char *end)
{
    const char *c = text;
    int any = 0;

    c += c < end && (*c == '+' || *c == '-');
    if (is_word(c, (size_t) (end - c), "inf") ||
        is_word(c, (size_t) (end - c), "infinity")) {
        return 1;
    }
    c = skip_digits(c, end, &any);
    if (c < end && *c == '.') {
        c = skip_digits(c + 1, end, &any);
    }
    if (any && c < end && (*c == 'e' || *c == 'E')) {
        c++;
        any = 0;
        c += c < end && (*c == '+' || *c == '-');
        c = skip_digits(c, end, &any);
    }
    return any && c == end;
}

int
ba_number_parse(const char *text, double *value)
{
    const char *end;
    size_t n;
    locale_t c_locale;

    while (is_space(*text)) {
        text++;
    }
    end = text + strlen(text);
    while (end > text && is_space(end[-1])) {
        end--;
    }
    n = (size_t) (end - text);
    if (n == 0 || is_word(text, n, "n/a") || is_word(text, n, "nan") ||
        is_word(text, n, "-nan")) {
        *value = (double) NAN;
        return 1;
    }
    if (!is_decimal(text, end)) {
        return 0;
    }
    /* For "C" this hands out a constant of the C library: it costs nothing and cannot
     * fail. */
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
    *value = strtod_l(text, NULL, c_locale);
    freelocale(c_locale);
    return 1;
}

int
ba_number_print(double value, int digits, char *text, size_t size)
{
    locale_t c_locale, before;
    int n;

    if (isnan(value)) {
        return snprintf(text, size, "n/a");
    }
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
    before = uselocale(c_locale);
    n = snprintf(text, size, "%.*g", digits, value);
    uselocale(before);
    freelocale(c_locale);
    return n;
}
