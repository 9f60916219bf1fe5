/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options that name a data set, shared by the commands that read one. */
#ifndef BA_CLI_DATA_H
#define BA_CLI_DATA_H

#include "cli/command.h"

#include "brainalign/dataset.h"

/* Argument structs of such commands start with this one. */
typedef struct {
    cli_common_t common;
    cli_list_t features;
    const char *responses, *mask, *runs, *run_table, *nuisance, *nuisance_columns;
    cli_list_t test_features;
    const char *test_responses, *test_runs;
    const char *trim, *detrend;
    double tr;
    const char *layers; /* encode fit: see cli/each.h */
    uint64_t layer_size;
    int each, stack;
} cli_data_t;

/* --features --runs --run-table; --responses --mask; --nuisance; --test-...; --trim; --tr
 * --detrend. */
extern const cli_option_t cli_feature_rows[];
extern const cli_option_t cli_response_rows[];
extern const cli_option_t cli_nuisance_rows[];
extern const cli_option_t cli_test_rows[];
extern const cli_option_t cli_trim_rows[];
extern const cli_option_t cli_detrend_rows[];

/* What a command does with responses. Predicting does without them. */
typedef enum {
    CLI_RESPONSES_TO_FIT,
    CLI_RESPONSES_TO_SCORE,
    CLI_RESPONSES_UNUSED
} cli_responses_t;

/* BA_VALUE: columns of nuisance without any. */
int cli_data_check_nuisance(const cli_data_t *data);

/* Opens the data set that the options name. BA_VALUE names the option that is missing. */
int cli_data_open(
    const cli_call_t *call, cli_responses_t responses, ba_dataset_t **dataset);

/* Seconds per sample, 0 where not given. BA_VALUE unless positive. */
int cli_tr_check(double given, double *tr);

/* "538 samples in 5 runs" and the like. */
void cli_data_note(const ba_dataset_t *dataset);

#endif
