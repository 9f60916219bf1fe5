/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers at the head of an option's text. Both return non-zero, store the number and
 * move *text past it; on failure nothing changes. */
#ifndef BA_MODEL_NUMERAL_H
#define BA_MODEL_NUMERAL_H

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

/* Digits only, at most `largest`. */
static inline int
ba_numeral_size(const char **text, size_t largest, size_t *out)
{
    const char *at = *text;
    size_t value = 0;

    if (*at < '0' || *at > '9') {
        return 0;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        size_t digit = (size_t) (*at - '0');

        if (digit > largest || value > (largest - digit) / 10) {
            return 0;
        }
        value = 10 * value + digit;
    }
    *out = value;
    *text = at;
    return 1;
}

/* A finite decimal number. strtod() alone would also take blanks, hexadecimal, "nan" and
 * "inf". */
static inline int
ba_numeral_double(const char **text, double *out)
{
    const char *at = *text + (**text == '-' || **text == '+');
    char *end;
    double value;

    if (!((*at >= '0' && *at <= '9') || *at == '.') ||
        (at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))) {
        return 0;
    }
    value = strtod(*text, &end);
    if (end == *text || !isfinite(value)) {
        return 0;
    }
    *out = value;
    *text = end;
    return 1;
}

#endif
