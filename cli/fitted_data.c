/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/fitted_data.h"
#include "cli/argfile.h"
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

/* The arguments of the fit after its verb. */
static int
read_arguments(const char *file, size_t *n, char ***arguments)
{
    ba_bundle_t *bundle = NULL;
    int status;

    BA_TRY(ba_bundle_open(file, NULL, &bundle));
    if (!ba_bundle_has(bundle, "/provenance/arguments")) {
        BA_TRY(ba_fail(BA_MISSING,
            "%s: no arguments in its provenance, wanted --responses (with --runs, "
            "--mask, --nuisance as in the fit)",
            file));
    }
    BA_TRY(ba_bundle_read_strings(bundle, "/provenance/arguments", n, arguments));
    if (*n < 3 || strcmp((*arguments)[1], "encode") != 0 ||
        strcmp((*arguments)[2], "fit") != 0) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s: not written by encode fit, wanted --responses (with --runs, --mask, "
            "--nuisance as in the fit)",
            file));
    }
out:
    ba_bundle_free(bundle);
    return status;
}

int
cli_refit_open(
    const cli_call_t *call, const char *file, const char *how, cli_refit_t *refit)
{
    const cli_common_t *common;
    cli_call_t fit;
    size_t n;
    int status;

    *refit = (cli_refit_t){.ctx = *call->ctx};
    BA_TRY(read_arguments(file, &n, &refit->arguments));
    refit->rows = cli_command_rows(&cli_encode_fit);
    refit->args = cli_calloc(1, cli_encode_fit.args_size);
    BA_TRY(cli_options_parse(
        &refit->rows, n - 3, (const char *const *) refit->arguments + 3, refit->args));
    common = refit->args;
    refit->ctx.seed = common->seed;
    fit = (cli_call_t){.command = &cli_encode_fit,
        .ctx = &refit->ctx,
        .common = common,
        .args = refit->args};
    BA_TRY(cli_fit_settings(&fit, &refit->named, &refit->opts));
    BA_TRY(cli_data_open(&fit, CLI_RESPONSES_TO_FIT, &refit->dataset));
out:
    if (status != BA_OK && refit->args) {
        ba_fail_within(status, "%s: data of the fit%s%s%s", file, how ? " (" : "",
            how ? how : "", how ? " them anew)" : "");
    }
    return status;
}

void
cli_refit_close(cli_refit_t *refit)
{
    ba_dataset_free(refit->dataset);
    ba_alphas_free(&refit->opts.fit.alphas);
    if (refit->args) {
        cli_options_free(&refit->rows, refit->args);
    }
    free(refit->args);
    free(refit->named);
    free(refit->arguments);
    *refit = (cli_refit_t){.args = NULL};
}

int
cli_fit_data_open(
    const cli_call_t *call, const char *file, const char *how, ba_dataset_t **dataset)
{
    cli_refit_t refit;
    int status = cli_refit_open(call, file, how, &refit);

    *dataset = refit.dataset;
    refit.dataset = NULL;
    cli_refit_close(&refit);
    return status;
}

int
cli_fitted_data_open(const cli_call_t *call, const char *file, ba_dataset_t **dataset)
{
    const cli_data_t *data = call->args;

    *dataset = NULL;
    if (data->responses || data->run_table || data->mask || data->runs ||
        data->nuisance) {
        return open_given(call, data, dataset);
    }
    return cli_fit_data_open(call, file, "--responses gives", dataset);
}

int
cli_fit_first(const cli_call_t *call, const char *file, const char *encoder)
{
    char *at = cli_calloc(strlen(file) + 2, 1);
    char group[] = "encode", verb[] = "fit", output[] = "--output";
    char *to = cli_calloc(strlen(encoder) + 1, 1),
         *given[] = {group, verb, at, output, to};
    cli_arguments_t arguments = {0};
    cli_rows_t rows = cli_command_rows(&cli_encode_fit);
    void *args = cli_calloc(1, cli_encode_fit.args_size);
    cli_common_t *common = args;
    ba_ctx_t own = *call->ctx;
    cli_call_t fit = {
        .command = &cli_encode_fit, .ctx = &own, .common = common, .args = args};
    int status;

    at[0] = '@';
    memcpy(at + 1, file, strlen(file));
    memcpy(to, encoder, strlen(encoder));
    BA_TRY(cli_arguments_expand(5, given, &arguments));
    fit.argc = (int) arguments.n;
    fit.argv = (const char *const *) arguments.items;
    BA_TRY(cli_options_parse(&rows, arguments.n - 3, fit.argv + 3, args));
    common->force = call->common->force;
    common->dry_run = call->common->dry_run;
    own.seed = common->seed;
    BA_TRY(cli_encode_fit.run(&fit));
out:
    cli_options_free(&rows, args);
    free(args);
    cli_arguments_free(&arguments);
    free(at);
    free(to);
    return status;
}
