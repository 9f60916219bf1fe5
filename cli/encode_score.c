/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode score: a fitted encoder against responses that it has not seen. */
#include "cli/apply.h"
#include "cli/list.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/significance.h"
#include "cli/verbs.h"

#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>

typedef struct {
    cli_apply_t apply;
    int scale_responses, in_sample;
    const char *table, *map;
    cli_null_t null;
} score_args_t;

#define AT_NULL(member) offsetof(score_args_t, null.member)

static const cli_option_t scale_rows[] = {
    {.section = "Preparation",
        .name = "trim",
        .kind = CLI_STRING,
        .metavar = "A[,B]",
        .otherwise = "as in the fit",
        .help =
            "Samples dropped at the start (A) and end (B) of every run, after delays.",
        .offset = offsetof(score_args_t, apply.data.trim)},
    {.name = "tr",
        .kind = CLI_REAL,
        .metavar = "SECONDS",
        .otherwise = "as in the fit",
        .help = "Sampling interval, for a --detrend in seconds.",
        .offset = offsetof(score_args_t, apply.data.tr)},
    {.name = "detrend",
        .kind = CLI_STRING,
        .metavar = "poly:D|savgol:SECONDS|none",
        .otherwise = "as in the fit",
        .help = "Trends taken out of the responses within each run.",
        .offset = offsetof(score_args_t, apply.data.detrend)},
    {.name = "scale-responses",
        .kind = CLI_CHOICE,
        .metavar = "none|runs",
        .otherwise = "as in the fit",
        .help = "Whether each run of the responses is z-scored by itself.",
        .offset = offsetof(score_args_t, scale_responses)},
    {0},
};

static const cli_option_t test_rows[] = {
    CLI_NULL_ROWS(AT_NULL, "cosine|circular|phase|blocks:L", "cosine", ""), {0}};

static const cli_option_t result_rows[] = {
    {.section = "Output",
        .name = "in-sample",
        .kind = CLI_FLAG,
        .help =
            "Score rows even where the encoder was fitted on them. The output says so.",
        .offset = offsetof(score_args_t, in_sample)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5): /scores/r, /scores/r2; with "
                             "--permutations p, q, p_fwe."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Scores as a table as well, one line a target.",
        .offset = offsetof(score_args_t, table)},
    {.name = "map",
        .kind = CLI_STRING,
        .metavar = "FILE.nii.gz",
        .help = "Scores (r) as an image in the grid of the responses or of --mask.",
        .offset = offsetof(score_args_t, map)},
    {0},
};

static const cli_option_t *const tables[] = {cli_encoder_rows, cli_feature_rows,
    cli_response_rows, cli_nuisance_rows, scale_rows, test_rows, result_rows, NULL};

static int
set_options(const cli_call_t *call, ba_encode_apply_opts_t *opts)
{
    const score_args_t *args = call->args;
    int status;

    cli_apply_options(call, opts);
    opts->table = args->table;
    opts->map = args->map;
    opts->detrend = args->apply.data.detrend;
    opts->zscore_runs = args->scale_responses;
    opts->in_sample = args->in_sample;
    opts->null = ba_inference_opts_default().null;
    BA_TRY(cli_null_set(&args->null, call->ctx->seed, &opts->null));
    BA_TRY(cli_tr_check(args->apply.data.tr, &opts->tr));
    if (args->apply.data.trim) {
        BA_TRY(
            cli_trim_parse(args->apply.data.trim, &opts->trim_first, &opts->trim_last));
    }
out:
    return status;
}

static int
run(const cli_call_t *call)
{
    ba_encode_apply_opts_t opts;
    ba_dataset_t *dataset = NULL;
    ba_encode_score_info_t info;
    int status;

    BA_TRY(set_options(call, &opts));
    BA_TRY(cli_data_open(call, CLI_RESPONSES_TO_SCORE, &dataset));
    BA_TRY(cli_outputs_check(&(cli_outputs_t){opts.output, opts.table, opts.map},
        call->args, dataset, opts.encoder));
    if (call->common->dry_run) {
        BA_TRY(cli_apply_dry_run(call, dataset));
    } else {
        BA_TRY(ba_encode_score(call->ctx, dataset, &opts, &info));
        cli_data_note(dataset);
        if (isfinite(info.mean_r)) {
            cli_message_note("r: mean %.4f%s", info.mean_r,
                opts.in_sample
                    ? " (in sample: rows that the encoder was fitted on may be "
                      "among them)"
                    : "");
        }
        cli_significance_note(&info.inference);
        cli_message_note("wrote %s", opts.output);
    }
out:
    ba_dataset_free(dataset);
    return status;
}

static const char *const description[] = {
    "Predicts with the final weights of an encoder and scores against responses, "
    "target by target: r and r2 as in encode fit. Responses are trimmed, detrended and "
    "z-scored per run as for the fit, unless told otherwise; --nuisance has to be given "
    "again. Of a run table the test runs are scored if it has any, else all; repeats "
    "are averaged.",
    "--permutations tests r as encode fit tests that of a fixed test set: the stored "
    "model is not fitted again.",
    "Rows that the encoder was fitted on are known by their fingerprints and refused, "
    "unless --in-sample marks the output.",
    NULL,
};

static const cli_example_t examples[] = {
    {"encode score --encoder enc.h5 --features test.h5:/layer_12 --responses "
     "test.h5:/responses -o score.h5 --table score.tsv",
        "a test set that was kept apart"},
    {0},
};

const cli_command_t cli_encode_score = {
    .group = "encode",
    .verb = "score",
    .summary = "score a fitted encoder on responses that it has not seen",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(score_args_t),
    .run = run,
};
