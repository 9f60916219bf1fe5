/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/fitted_data.h"
#include "cli/memory.h"
#include "cli/verbs.h"

#include "brainalign/bundle.h"
#include "brainalign/error.h"

#include <stdlib.h>
#include <string.h>

const cli_option_t cli_fitted_rows[] = {
    {.section = "Responses",
        .name = "responses",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "as in the arguments stored in the first file",
        .help = "The responses of the fits, where they stand elsewhere now.",
        .offset = offsetof(cli_data_t, responses)},
    {.name = "mask",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .help = "Their mask.",
        .offset = offsetof(cli_data_t, mask)},
    {.name = "runs",
        .kind = CLI_STRING,
        .metavar = "SPEC|onsets:LIST",
        .help = "Their runs.",
        .offset = offsetof(cli_data_t, runs)},
    {.name = "run-table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Or the run table of the fits.",
        .offset = offsetof(cli_data_t, run_table)},
    {.name = "nuisance",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "The nuisance regressors of the fits.",
        .offset = offsetof(cli_data_t, nuisance)},
    {.name = "nuisance-columns",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .help = "Columns of the nuisance tables.",
        .offset = offsetof(cli_data_t, nuisance_columns)},
    {0},
};

static int
open_given(const cli_call_t *call, const cli_data_t *data, ba_dataset_t **dataset)
{
    ba_dataset_opts_t opts = {.responses = data->responses,
        .mask = data->mask,
        .runs = data->runs,
        .nuisance = data->nuisance,
        .nuisance_columns = data->nuisance_columns,
        .run_table = data->run_table,
        .no_features = 1};

    if (!data->responses && !data->run_table) {
        return ba_fail(BA_VALUE,
            "--responses: not given beside other data options, wanted SPEC (or a "
            "--run-table)");
    }
    return ba_dataset_open(call->ctx, &opts, dataset);
}

/* Opens what `encode fit` with these arguments (after the verb) would open. */
static int
open_as_fitted(
    const cli_call_t *call, size_t n, const char *const *arguments, ba_dataset_t **dataset)
{
    cli_rows_t rows = cli_command_rows(&cli_encode_fit);
    void *args = cli_calloc(1, cli_encode_fit.args_size);
    cli_call_t fit = {.command = &cli_encode_fit,
        .ctx = call->ctx,
        .common = args,
        .args = args};
    int status;

    BA_TRY(cli_options_parse(&rows, n, arguments, args));
    BA_TRY(cli_data_open(&fit, CLI_RESPONSES_TO_FIT, dataset));
out:
    cli_options_free(&rows, args);
    free(args);
    return status;
}

int
cli_fitted_data_open(const cli_call_t *call, const char *file, ba_dataset_t **dataset)
{
    const cli_data_t *data = call->args;
    ba_bundle_t *bundle = NULL;
    char **arguments = NULL;
    size_t n = 0;
    int status;

    *dataset = NULL;
    if (data->responses || data->run_table || data->mask || data->runs ||
        data->nuisance) {
        return open_given(call, data, dataset);
    }
    BA_TRY(ba_bundle_open(file, NULL, &bundle));
    if (!ba_bundle_has(bundle, "/provenance/arguments")) {
        BA_TRY(ba_fail(BA_MISSING,
            "%s: no arguments in its provenance, wanted --responses (with --runs, "
            "--mask, --nuisance as in the fit)",
            file));
    }
    BA_TRY(ba_bundle_read_strings(bundle, "/provenance/arguments", &n, &arguments));
    if (n < 3 || strcmp(arguments[1], "encode") != 0 || strcmp(arguments[2], "fit") != 0) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s: not written by encode fit, wanted --responses (with --runs, --mask, "
            "--nuisance as in the fit)",
            file));
    }
    status =
        open_as_fitted(call, n - 3, (const char *const *) arguments + 3, dataset);
    if (status != BA_OK) {
        ba_fail_within(
            status, "%s: data of the fit (--responses gives them anew)", file);
    }
out:
    free(arguments);
    ba_bundle_free(bundle);
    return status;
}
