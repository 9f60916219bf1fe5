/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons rank --method brain: a ranking out of a file of neurons align. */
#ifndef BA_CLI_RANK_BRAIN_H
#define BA_CLI_RANK_BRAIN_H

#include "cli/command.h"

typedef struct {
    const char *align; /* the file; NULL = not given */
    int by;            /* as ba_brain_by_t */
    size_t top;        /* neurons of each region in the table, 0 = all */
    const char *figure, *against, *region; /* a picture, see figure.h, or NULL */
    int has_tokens;                        /* activations or labels are given */
} cli_rank_brain_t;

/* Reads it, writes the table --output and draws its neurons against another ranking. */
int cli_rank_brain(const cli_call_t *call, const cli_rank_brain_t *args);

#endif
