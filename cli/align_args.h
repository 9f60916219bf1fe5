/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of neurons align. */
#ifndef BA_CLI_ALIGN_ARGS_H
#define BA_CLI_ALIGN_ARGS_H

#include "cli/data.h"
#include "cli/list.h"

typedef struct {
    cli_data_t data;
    const char *regions, *table, *ranking, *set_table, *elimination, *figure, *map, *fit;
    double tolerance;
    cli_list_t encoders, controls, sets;
    const char *subjects, *group_table;
    uint64_t n_moves;
    uint64_t layer_size;
    /* concepts */
    cli_list_t rankings, concepts, label_nulls;
    const char *tops, *concept_table, *dissociation_table;
    uint64_t top, n_bins, n_matched, n_exchanges;
    int strata, naive_overlap, save_folds, by, shapley;
} cli_align_args_t;

extern const cli_option_t cli_align_rows[], cli_align_concept_rows[],
    cli_align_group_rows[];

#endif
