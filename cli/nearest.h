/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The valid word nearest to a mistyped one. */
#ifndef BA_CLI_NEAREST_H
#define BA_CLI_NEAREST_H

#include <stddef.h>

enum { CLI_LONGEST_WORD = 63 };

/* The best word so far, "" before the first offer; start with {0}. */
typedef struct {
    char word[CLI_LONGEST_WORD + 1];
    size_t distance;
} cli_nearest_t;

/* Offers one valid word; the first of equally near ones stays. */
void cli_nearest_offer(cli_nearest_t *nearest, const char *mistyped, const char *word);

#endif
