/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Praat's TextGrid files. */
#ifndef BA_IO_TEXTGRID_H
#define BA_IO_TEXTGRID_H

#include "brainalign/error.h"

/* A tier: n intervals in the order of the file, or points whose start is their stop. */
typedef struct {
    char *name;
    int is_intervals;
    size_t n;
    double *start, *stop; /* n each, seconds */
    char **labels;        /* n, UTF-8 */
} ba_tier_t;

typedef struct {
    size_t n_tiers;
    ba_tier_t *tiers;
} ba_textgrid_t;

/* Non-zero when the file begins as a Praat text file does, or cannot be read but has the
 * name of one. */
int ba_textgrid_is(const char *file);

/* Reads the long, the short and any free form: only quoted strings, numbers and flags in
 * angle brackets that stand free are data. UTF-8, or UTF-16 with a byte order mark.
 * Errors: BA_IO; BA_FORMAT with the line; BA_UNSUPPORTED (chronological files). The
 * caller frees. */
int ba_textgrid_read(const char *file, ba_textgrid_t *out) BA_MUST_USE;
void ba_textgrid_free(ba_textgrid_t *grid);

#endif
