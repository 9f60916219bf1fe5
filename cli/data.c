/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/data.h"
#include "cli/message.h"
#include "cli/text.h"

#include "brainalign/error.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

const cli_option_t cli_feature_rows[] = {
    {.section = "Data",
        .name = "features",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]SPEC",
        .help = "A feature space, n_samples x n_features.",
        .offset = offsetof(cli_data_t, features)},
    {.name = "runs",
        .kind = CLI_STRING,
        .metavar = "SPEC|onsets:LIST",
        .otherwise = "one run",
        .help = "Run of each sample before trimming: an id per sample, or "
                "onsets:0,291,... with the first sample of each run.",
        .offset = offsetof(cli_data_t, runs)},
    {.name = "run-table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "One line per run, instead of single SPECs: columns run, responses, "
                "features (or features:NAME for each space), and optionally subject, "
                "nuisance, role (train, test), repeat.",
        .offset = offsetof(cli_data_t, run_table)},
    {0},
};

const cli_option_t cli_response_rows[] = {
    {.section = "Data",
        .name = "responses",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "The responses, n_samples x n_targets, or a time series of images.",
        .offset = offsetof(cli_data_t, responses)},
    {.name = "mask",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .otherwise = "every voxel",
        .help = "NIfTI image whose voxels other than 0 are the targets, x fastest.",
        .offset = offsetof(cli_data_t, mask)},
    {0},
};

const cli_option_t cli_nuisance_rows[] = {
    {.section = "Preparation",
        .name = "nuisance",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "none",
        .help = "Regressors of no interest, n_samples x n_nuisance, projected out of "
                "the responses within each run.",
        .offset = offsetof(cli_data_t, nuisance)},
    {.name = "nuisance-columns",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .otherwise = "all of them",
        .help = "Columns of the nuisance tables, such as 'trans_*,rot_*,csf': names and "
                "shell patterns. A missing value in the first row becomes 0.",
        .offset = offsetof(cli_data_t, nuisance_columns)},
    {0},
};

const cli_option_t cli_test_rows[] = {
    {.section = "Fixed test set",
        .name = "test-features",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]SPEC",
        .help = "Features of a test set that replaces the outer splits, one for each "
                "feature space.",
        .offset = offsetof(cli_data_t, test_features)},
    {.name = "test-responses",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "Responses of the test set. Of repeats x samples x targets each "
                "repeat is prepared like a run, and scores are of the average.",
        .offset = offsetof(cli_data_t, test_responses)},
    {.name = "test-runs",
        .kind = CLI_STRING,
        .metavar = "SPEC|onsets:LIST",
        .otherwise = "one run",
        .help = "Run of each test sample.",
        .offset = offsetof(cli_data_t, test_runs)},
    {0},
};

const cli_option_t cli_trim_rows[] = {
    {.section = "Preparation",
        .name = "trim",
        .kind = CLI_STRING,
        .metavar = "A[,B]",
        .value = "0",
        .help =
            "Samples dropped at the start (A) and end (B) of every run, after delays.",
        .offset = offsetof(cli_data_t, trim)},
    {0},
};

const cli_option_t cli_detrend_rows[] = {
    {.section = "Preparation",
        .name = "tr",
        .kind = CLI_REAL,
        .metavar = "SECONDS",
        .help = "Sampling interval, for everything given in seconds.",
        .offset = offsetof(cli_data_t, tr)},
    {.name = "detrend",
        .kind = CLI_STRING,
        .metavar = "poly:D|savgol:SECONDS|none",
        .value = "none",
        .help = "Trends taken out of the responses within each run: polynomials up to "
                "degree D, or a Savitzky-Golay filter.",
        .offset = offsetof(cli_data_t, detrend)},
    {0},
};

int
cli_data_check_nuisance(const cli_data_t *data)
{
    if (data->nuisance_columns && !data->nuisance && !data->run_table) {
        return ba_fail(BA_VALUE,
            "--nuisance-columns: found '%s' without --nuisance (or a --run-table)",
            data->nuisance_columns);
    }
    return BA_OK;
}

int
cli_data_open(const cli_call_t *call, cli_responses_t responses, ba_dataset_t **dataset)
{
    const cli_data_t *data = call->args;
    ba_dataset_opts_t opts = {
        .features = data->features.items,
        .n_features = data->features.n,
        .responses = data->responses,
        .mask = data->mask,
        .runs = data->runs,
        .nuisance = data->nuisance,
        .nuisance_columns = data->nuisance_columns,
        .run_table = data->run_table,
        .test_features = data->test_features.items,
        .n_test_features = data->test_features.n,
        .test_responses = data->test_responses,
        .test_runs = data->test_runs,
        .layers = data->layers,
        .layer_size = data->layer_size == CLI_NOT_GIVEN ? 0 : (size_t) data->layer_size,
        .to_apply = responses != CLI_RESPONSES_TO_FIT,
    };
    int status;

    BA_TRY(cli_data_check_nuisance(data));
    if (!data->run_table && data->features.n == 0 && !data->layers) {
        return ba_fail(
            BA_VALUE, "--features: not given, wanted [NAME=]SPEC (or a --run-table)");
    }
    if (!data->run_table && !data->responses && responses != CLI_RESPONSES_UNUSED) {
        return ba_fail(
            BA_VALUE, "--responses: not given, wanted SPEC (or a --run-table)");
    }
    BA_TRY(ba_dataset_open(call->ctx, &opts, dataset));
out:
    return status;
}

int
cli_tr_check(double given, double *tr)
{
    *tr = isnan(given) ? 0 : given;
    if (given <= 0) {
        return ba_fail(
            BA_VALUE, "--tr: found %g, wanted a positive number of seconds", given);
    }
    return BA_OK;
}

void
cli_data_note(const ba_dataset_t *dataset)
{
    const ba_dataset_part_t *train = &dataset->train, *test = &dataset->test;

    cli_message_note("%zu samples in %zu run%s, %zu feature space%s", train->n_samples,
        train->runs.n_runs, cli_plural(train->runs.n_runs), dataset->n_spaces,
        cli_plural(dataset->n_spaces));
    if (test->n_samples > 0) {
        cli_message_note("test set: %zu samples in %zu run%s, %zu repeat%s",
            test->n_samples, test->runs.n_runs, cli_plural(test->runs.n_runs),
            test->n_repeats, cli_plural(test->n_repeats));
    }
}
