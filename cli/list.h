/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of options that consist of several parts. BA_VALUE with "--option: found,
 * wanted" where one is malformed. */
#ifndef BA_CLI_LIST_H
#define BA_CLI_LIST_H

#include <stddef.h>

/* A[,B]: samples dropped at the start and the end of a run; B is 0 where it is left out.
 */
int cli_trim_parse(const char *text, size_t *first, size_t *last);

/* N, or inner:N,outer:M in any order, or one of them; a side that is not given stays as
 * it is. */
int cli_gap_parse(const char *text, long *inner, long *outer);

/* A:B, half open; an empty A is 0, an empty B gives 0 = to the end. */
int cli_range_parse(const char *text, size_t *start, size_t *stop);

/* X,Y,Z, all positive. */
int cli_grid_parse(const char *text, size_t *x, size_t *y, size_t *z);

/* N[,N...], all positive; X[,X...], all finite. The caller frees the list with free();
 * NULL on failure. */
int cli_counts_parse(const char *option, const char *text, size_t **counts, size_t *n);
int cli_reals_parse(const char *option, const char *text, double **reals, size_t *n);

/* Comma-separated words out of "a|b|c": bit i of *chosen is word i. `option` is for the
 * message. */
int cli_words_parse(
    const char *option, const char *words, const char *text, unsigned *chosen);

#endif
