/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/each.h"
#include "cli/info.h"
#include "cli/memory.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/summary.h"
#include "cli/text.h"

#include "brainalign/compare.h"
#include "brainalign/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const cli_option_t cli_each_rows[] = {
    {.section = "Layers",
        .name = "layers",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "All layers of a model: layers x samples x features, or a matrix of "
                "layers side by side (with --layer-size). They become the feature spaces "
                "layer_0, layer_1, ...",
        .offset = offsetof(cli_data_t, layers)},
    {.name = "layer-size",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .help = "Columns of a layer. Without --layers the one feature space, also of a "
                "run table, is taken apart.",
        .offset = offsetof(cli_data_t, layer_size)},
    {.name = "each",
        .kind = CLI_FLAG,
        .help = "Fit every feature space by itself, over one reading of the responses: "
                "-o names a folder, NAME.h5 in it is the result of space NAME; --table "
                "scores.tsv writes scores.NAME.tsv, and --map likewise.",
        .offset = offsetof(cli_data_t, each)},
    {.name = "stack",
        .kind = CLI_FLAG,
        .help = "With --each: weigh the spaces as well, one non-negative weight for each "
                "space and target with sum 1, fitted on the inner splits alone and "
                "scored by the outer ones: stacked.h5.",
        .offset = offsetof(cli_data_t, stack)},
    {0},
};

int
cli_each_check(const cli_data_t *data)
{
    if (data->stack && !data->each) {
        return ba_fail(BA_VALUE, "--stack: found without --each, wanted both");
    }
    if (data->layer_size == 0) {
        return ba_fail(BA_VALUE, "--layer-size: found 0, wanted at least 1");
    }
    if (data->layers && data->run_table) {
        return ba_fail(BA_VALUE,
            "--layers: found --run-table as well, wanted --layer-size "
            "alone, which takes its features apart");
    }
    return BA_OK;
}

/* The outputs of one space, or of the stack, against all that is read. */
static int
check_outputs(const cli_call_t *call, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const char *word)
{
    int status;
    char *table = NULL, *map = NULL;

    BA_TRY(ba_output_name(opts->table, word, &table));
    BA_TRY(ba_output_name(opts->map, word, &map));
    BA_TRY(
        cli_outputs_check(&(cli_outputs_t){NULL, table, map}, call->args, dataset, NULL));
out:
    free(table);
    free(map);
    return status;
}

static int
check_all_outputs(
    const cli_call_t *call, const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts)
{
    int status = BA_OK;
    const cli_data_t *data = call->args;

    for (size_t k = 0; k < dataset->n_spaces; k++) {
        BA_TRY(check_outputs(call, dataset, opts, dataset->space_names[k]));
    }
    if (data->stack) {
        BA_TRY(check_outputs(call, dataset, opts, "stacked"));
    }
out:
    return status;
}

static int
check_options(const ba_encode_fit_opts_t *opts, int emits)
{
    if (emits || (opts->n_shards > 1 && opts->shard == 0)) {
        return ba_fail(BA_VALUE, "%s: found --each as well, wanted one of them",
            emits ? "--emit" : "--shards");
    }
    return BA_OK;
}

static void
print_plan(const cli_call_t *call, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_encode_fit_info_t *spaces,
    const ba_encode_each_info_t *info)
{
    double flops = 0.0;
    char text[32];

    for (size_t k = 0; k < dataset->n_spaces; k++) {
        const ba_encode_fit_info_t *space = &spaces[k];

        cli_info_key(dataset->space_names[k]);
        if (space->was_complete) {
            puts("complete");
            continue;
        }
        printf("%zu columns, %zu targets, %zu outer folds; %s\n", space->n_columns,
            space->n_targets, space->n_outer, space->fit.reason);
        flops += space->fit.flops_planned;
    }
    cli_info_key("responses");
    puts(info->is_shared
             ? "read once, kept for all feature spaces"
             : "read for each feature space: they do not fit beside the fits");
    cli_info_key("work");
    printf("%.2g floating-point operations, about %s on %d threads, reading and stacking "
           "aside\n",
        flops,
        cli_seconds_text(cli_plan_seconds(opts, flops, ba_ctx_threads(call->ctx)), text),
        ba_ctx_threads(call->ctx));
    cli_info_key("written");
    puts("nothing: this was a dry run");
}

static void
note(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    const ba_encode_fit_info_t *spaces, const ba_encode_each_info_t *info)
{
    char seconds[32];

    for (size_t k = 0; k < dataset->n_spaces; k++) {
        const ba_encode_fit_info_t *space = &spaces[k];

        if (space->n_outer > 0 && space->n_scored > 0) {
            cli_message_note("%s: r: mean %.4f, largest %.4f at target %zu; r2: mean "
                             "%.4f%s",
                dataset->space_names[k], space->mean_r, space->max_r, space->max_r_target,
                space->mean_r2, space->was_complete ? " (was complete)" : "");
        }
    }
    if (isfinite(info->stack_r)) {
        cli_message_note("stacked: r: mean %.4f", info->stack_r);
    }
    cli_message_note("responses read %zu time%s for %zu feature space%s; wrote %s in %s",
        info->n_passes, cli_plural(info->n_passes), dataset->n_spaces,
        cli_plural(dataset->n_spaces), opts->output,
        cli_seconds_text(info->seconds, seconds));
}

int
cli_each_run(const cli_call_t *call, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, int emits)
{
    const cli_data_t *data = call->args;
    ba_encode_fit_info_t *spaces = cli_calloc(dataset->n_spaces, sizeof *spaces);
    ba_encode_each_info_t info;
    int status;

    BA_TRY(check_options(opts, emits));
    BA_TRY(check_all_outputs(call, dataset, opts));
    BA_TRY(ba_encode_each(call->ctx, dataset, opts, data->stack, spaces, &info));
    if (opts->dry_run) {
        print_plan(call, dataset, opts, spaces, &info);
    } else {
        note(dataset, opts, spaces, &info);
    }
out:
    free(spaces);
    return status;
}
