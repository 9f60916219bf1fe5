/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report merge: shards of a fit become one encoder file. */
#include "cli/info.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/significance.h"
#include "cli/summary.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/encode.h"
#include "brainalign/error.h"

#include <stddef.h>
#include <stdio.h>

typedef struct {
    cli_common_t common;
    cli_list_t shards;
    const char *table;
} merge_args_t;

static const cli_option_t rows[] = {
    {.section = "Data",
        .kind = CLI_STRINGS,
        .required = 1,
        .metavar = "SHARD.h5",
        .help = "A result file of encode fit with --target-range, --shard or --shards; "
                "all shards of the job, in any order.",
        .offset = offsetof(merge_args_t, shards)},
    CLI_OUTPUT_ROW(
        "Output", "The result file (HDF5), as encode fit of all targets writes it."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Scores as a table as well, one line a target.",
        .offset = offsetof(merge_args_t, table)},
    {0},
};

static const cli_option_t *const tables[] = {rows, NULL};

static void
report(const ba_encoder_merge_opts_t *opts, const ba_encode_fit_info_t *info)
{
    char seconds[32];

    if (opts->dry_run) {
        cli_info_key("shards");
        printf("%zu, all of one job\n", info->n_shards);
        cli_info_key("targets");
        printf("%zu, each once\n", info->n_targets);
        cli_info_key("written");
        puts("nothing: this was a dry run");
        return;
    }
    cli_message_note("%zu shard%s, %zu targets, %zu scored", info->n_shards,
        cli_plural(info->n_shards), info->n_targets, info->n_scored);
    if (info->n_scored > 0) {
        cli_message_note("r: mean %.4f, largest %.4f at target %zu; r2: mean %.4f",
            info->mean_r, info->max_r, info->max_r_target, info->mean_r2);
    }
    cli_significance_note(&info->inference);
    cli_message_note(
        "wrote %s in %s", opts->output, cli_seconds_text(info->seconds, seconds));
}

static int
run(const cli_call_t *call)
{
    const merge_args_t *args = call->args;
    ba_encode_fit_info_t info;
    ba_encoder_merge_opts_t opts = {
        .files = args->shards.items,
        .n_files = args->shards.n,
        .output = call->common->output,
        .table = args->table,
        .force = call->common->force,
        .dry_run = call->common->dry_run,
        .argc = call->argc,
        .argv = call->argv,
    };
    int status;

    BA_TRY(cli_outputs_check_files(
        &(cli_outputs_t){opts.output, opts.table, NULL}, opts.files, opts.n_files));
    BA_TRY(ba_encoder_merge(call->ctx, &opts, &info));
    report(&opts, &info);
out:
    return status;
}

static const char *const description[] = {
    "Joins the shards of one fit to the file that encode fit would have written for all "
    "targets at once: the same bytes in every data set and attribute, /provenance aside. "
    "Every file must be complete and of the same work (inputs, options, version), and "
    "each target must stand in exactly one; what is missing is named. Little memory is "
    "taken, whatever the sizes.",
    "A map needs the grid of the responses, which shards do not hold: encode fit with "
    "--shards N --resume --map finds the shards finished, joins them and writes it.",
    NULL,
};

static const cli_example_t examples[] = {
    {"report merge enc.h5.shards/*-of-20.h5 -o enc.h5 --table scores.tsv",
        "the tasks of a job array"},
    {0},
};

const cli_command_t cli_report_merge = {
    .group = "report",
    .verb = "merge",
    .summary = "join the shards of a fit to one result file",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_OUTPUT | CLI_SHARE_MESSAGES,
    .args_size = sizeof(merge_args_t),
    .run = run,
};
