/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode identify: which of some candidates a stretch of responses belongs to. */
#include "cli/decode_model.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>

typedef struct {
    cli_decode_t decode;
    const char *gallery, *truth, *log_prior, *table;
    uint64_t segment, n_top;
    int by, save_evidence;
} identify_args_t;

static const cli_option_t rows[] = {
    {.section = "Candidates",
        .name = "segment",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "1",
        .help = "Consecutive responses that make an item. What is left at the end of a "
                "stretch is dropped.",
        .offset = offsetof(identify_args_t, segment)},
    {.name = "gallery",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "the features of the items of the same fold",
        .help =
            "Candidates: candidates x features, each there at all delays and times of "
            "an item; or candidates x times x features, series of --segment samples.",
        .offset = offsetof(identify_args_t, gallery)},
    {.name = "true",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "The candidate of the gallery, from 0, that each item belongs to; -1 for "
                "none. Items are counted fold by fold.",
        .offset = offsetof(identify_args_t, truth)},
    {.name = "log-prior",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "all candidates alike",
        .help = "Log probability of each candidate of the gallery, up to a constant.",
        .offset = offsetof(identify_args_t, log_prior)},
    {.name = "by",
        .kind = CLI_CHOICE,
        .metavar = "likelihood|correlation",
        .value = "likelihood",
        .help = "What the best candidates go by: log likelihood with the noise model, or "
                "the correlation of responses and predictions.",
        .offset = offsetof(identify_args_t, by)},
    {.name = "top",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .value = "5",
        .help = "Best candidates that are listed.",
        .offset = offsetof(identify_args_t, n_top)},
    CLI_OUTPUT_ROW(
        "Output", "The result file (HDF5): /items/rank, /log_likelihood, /correlation."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "The items as a table as well.",
        .offset = offsetof(identify_args_t, table)},
    {.name = "save-evidence",
        .kind = CLI_FLAG,
        .help = "Keep the log likelihood of every candidate after every response of an "
                "item.",
        .offset = offsetof(identify_args_t, save_evidence)},
    {0},
};

static const cli_option_t *const tables[] = {
    cli_decode_data_rows, cli_decode_noise_rows, rows, NULL};

static int
set_options(const cli_call_t *call, ba_decode_identify_opts_t *opts)
{
    const identify_args_t *args = call->args;
    int status;

    *opts = (ba_decode_identify_opts_t){.segment = (size_t) args->segment,
        .gallery = args->gallery,
        .truth = args->truth,
        .log_prior = args->log_prior,
        .by_correlation = args->by == 1,
        .n_top = (size_t) args->n_top,
        .save_evidence = args->save_evidence,
        .output = call->common->output,
        .table = args->table,
        .force = call->common->force,
        .dry_run = call->common->dry_run,
        .argc = call->argc,
        .argv = call->argv};
    if (args->segment == 0 || args->n_top == 0) {
        return ba_fail(BA_VALUE, "--%s: found 0, wanted at least 1",
            args->segment == 0 ? "segment" : "top");
    }
    if (!args->gallery && (args->truth || args->log_prior)) {
        return ba_fail(BA_VALUE, "--%s: found without --gallery",
            args->truth ? "true" : "log-prior");
    }
    BA_TRY(cli_decode_options(call, &opts->model));
out:
    return status;
}

static void
report(const ba_decode_identify_opts_t *opts, const ba_decode_identify_info_t *info)
{
    cli_message_note("%zu item%s of %zu fold%s, %zu voxels", info->n_items,
        cli_plural(info->n_items), info->n_folds, cli_plural(info->n_folds),
        info->n_voxels);
    cli_decode_share_note(&opts->model, info->least_share, info->largest_share);
    if (isfinite(info->rank_accuracy)) {
        cli_message_note("rank accuracy %.4f by likelihood, %.4f by correlation (chance "
                         "0.5)%s",
            info->rank_accuracy, info->correlation_rank_accuracy,
            opts->model.in_sample ? "; in sample: the model was fitted on these rows"
                                  : "");
        cli_message_note("first place: %.4f", info->top1);
    }
    if (isfinite(info->two_v_two)) {
        cli_message_note("2v2 within folds: %.4f (chance 0.5)", info->two_v_two);
    }
    cli_message_note("wrote %s", opts->output);
}

static int
run(const cli_call_t *call)
{
    const identify_args_t *args = call->args;
    ba_decode_identify_opts_t opts;
    ba_decode_identify_info_t info;
    ba_dataset_t *dataset = NULL;
    const char *const inputs[] = {args->gallery, args->truth, args->log_prior};
    int status;

    BA_TRY(set_options(call, &opts));
    BA_TRY(cli_decode_data_open(call, &dataset));
    BA_TRY(cli_outputs_check(&(cli_outputs_t){opts.output, opts.table, NULL},
        &args->decode.data, dataset, args->decode.encoder));
    BA_TRY(cli_outputs_check_list(
        (const cli_output_t[]){{"--output", opts.output}, {"--table", opts.table}}, 2,
        inputs, sizeof inputs / sizeof *inputs));
    BA_TRY(ba_decode_identify(call->ctx, dataset, &opts, &info));
    cli_data_note(dataset);
    if (opts.dry_run) {
        cli_message_note("%zu fold%s, %zu voxels", info.n_folds, cli_plural(info.n_folds),
            info.n_voxels);
        cli_decode_dry_note(info.bytes_planned);
    } else {
        report(&opts, &info);
    }
out:
    ba_dataset_free(dataset);
    return status;
}

static const char *const description[] = {
    "Ranks candidates for stretches of held-out responses by what a fitted encoder "
    "predicts for them: by log likelihood under the noise model, and by correlation. "
    "Rows "
    "are identified by the weights of the fold that held them out; the noise comes from "
    "the other folds.",
    "Without --gallery the items of a fold are each other's candidates: single samples, "
    "or "
    "segments with --segment. With one, a word list, sentences, stimuli or segments can "
    "be "
    "the candidates. Ties count one half.",
    "Responses are taken as independent in time, given the model; --prewhiten takes "
    "their "
    "first-order autocorrelation into account.",
    NULL,
};

static const cli_example_t examples[] = {
    {"decode identify --encoder enc.h5 --segment 20 -o ident.h5 --table ident.tsv",
        "segments of 20 samples among those of their fold"},
    {"decode identify --encoder enc.h5 --gallery words.npy --log-prior freq.csv --top 10 "
     "-o words.h5",
        "words by likelihood and frequency"},
    {0},
};

const cli_command_t cli_decode_identify = {
    .group = "decode",
    .verb = "identify",
    .summary = "identify stimuli among candidates by a fitted encoder",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(identify_args_t),
    .run = run,
};
