/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode partition: which variance belongs to which feature space. */
#include "cli/fit_args.h"
#include "cli/fitted_data.h"
#include "cli/info.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/summary.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/partition.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static const cli_option_t band_rows[] = {
    {.section = "Model",
        .name = "bands",
        .kind = CLI_STRING,
        .metavar = "N|file:SPEC|deltas:SPEC",
        .value = "20",
        .help =
            "Candidates of banded ridge, as in encode fit. A combination of spaces has "
            "those of all spaces without the absent ones.",
        .offset = offsetof(cli_fit_args_t, bands)},
    {0},
};

static const cli_option_t test_rows[] = {
    {.section = "Significance",
        .name = "permutations",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "no tests",
        .help =
            "Test the unique variance of every space against N random exchanges of the "
            "held-out predictions with and without it: p with (1 + b) / (1 + N), q "
            "(Benjamini-Hochberg) and family-wise p.",
        .offset = offsetof(cli_fit_args_t, significance.null.permutations)},
    {.name = "null",
        .kind = CLI_STRING,
        .metavar = "cosine|blocks:L",
        .otherwise = "cosine",
        .help =
            "Random signs of the cosine transform of the two predictions' difference, "
            "or of the differences of squared errors in blocks of L samples.",
        .offset = offsetof(cli_fit_args_t, significance.null.kind)},
    {0},
};

static const cli_option_t result_rows[] = {
    CLI_OUTPUT_ROW("Output",
        "The result file (HDF5): scores of every combination, total, "
        "unique and shared variance of every space, and the regions "
        "of the Venn diagram of up to four."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "The parts as a table as well, one line a target.",
        .offset = offsetof(cli_fit_args_t, table)},
    {.name = "target-range",
        .kind = CLI_STRING,
        .metavar = "A:B",
        .otherwise = "all",
        .help = "These targets alone.",
        .offset = offsetof(cli_fit_args_t, shards.target_range)},
    {0},
};

static const cli_option_t *const tables[] = {cli_feature_rows, cli_response_rows,
    cli_delay_rows, cli_trim_rows, cli_detrend_rows, cli_nuisance_rows, cli_scale_rows,
    cli_model_rows, band_rows, cli_selection_rows, cli_test_rows, test_rows, result_rows,
    NULL};

/* Options of a fit that a partition does not have, as if they were not given. */
static cli_fit_args_t
without_options(const cli_fit_args_t *given)
{
    cli_fit_args_t args = *given;

    args.significance.null.min_shift = CLI_NOT_GIVEN;
    args.significance.ceiling = CLI_CEILING_NONE;
    args.significance.ceiling_floor = NAN;
    args.shards.n_shards = CLI_NOT_GIVEN;
    args.shards.emit = -1;
    return args;
}

static void
print_plan(const ba_partition_info_t *info)
{
    char text[32];

    cli_info_key("samples");
    printf("%zu, %zu used\n", info->n_samples, info->n_used);
    cli_info_key("targets");
    printf("%zu\n", info->n_targets);
    cli_info_key("models");
    printf("%zu combinations of %zu feature spaces\n", info->n_models, info->n_spaces);
    cli_info_key("solver");
    puts(info->fit.reason);
    cli_info_key("memory");
    printf("%s at the peak, beside the program\n",
        cli_bytes_text((double) info->fit.bytes_planned, text));
    cli_info_key("written");
    puts("nothing: this was a dry run");
}

static void
report(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    const ba_partition_info_t *info)
{
    char seconds[32], bytes[32];

    cli_message_note("%zu targets, %zu scored; %zu combinations of %zu feature spaces",
        info->n_targets, info->n_scored, info->n_models, info->n_spaces);
    cli_message_note("r2 of all spaces: mean %.4f", info->mean_r2);
    for (size_t k = 0; k < info->n_spaces; k++) {
        cli_message_note("%s: total %.4f, unique %.4f, shared %.4f",
            dataset->space_names[k], info->total[k], info->unique[k], info->shared[k]);
    }
    for (size_t k = 0; info->null.n_permutations > 0 && k < info->n_spaces; k++) {
        cli_message_note("unique variance of %s: %zu targets with q below 0.05, %zu "
                         "family-wise; smallest p %.2g",
            dataset->space_names[k], info->n_q[k], info->n_fwe[k], info->null.smallest_p);
    }
    cli_message_note("wrote %s in %s, at most %s of memory", opts->output,
        cli_seconds_text(info->seconds, seconds),
        cli_bytes_text((double) info->peak_bytes, bytes));
}

static int
run(const cli_call_t *call)
{
    cli_fit_args_t args = without_options(call->args);
    cli_call_t own = *call;
    const char **named = NULL;
    ba_dataset_t *dataset = NULL;
    ba_encode_fit_opts_t opts;
    ba_partition_info_t info;
    int status;

    own.args = &args;
    BA_TRY(cli_fit_settings(&own, &named, &opts));
    BA_TRY(cli_data_open(&own, CLI_RESPONSES_TO_FIT, &dataset));
    BA_TRY(cli_outputs_check(&(cli_outputs_t){opts.output, opts.table, NULL},
        &args.shards.data, dataset, NULL));
    BA_TRY(ba_encode_partition(call->ctx, dataset, &opts, &info));
    if (opts.dry_run) {
        print_plan(&info);
    } else {
        report(dataset, &opts, &info);
    }
out:
    ba_alphas_free(&opts.fit.alphas);
    ba_dataset_free(dataset);
    free(named);
    return status;
}

static const char *const description[] = {
    "Partitions the cross-validated r2 between feature spaces: what each explains alone "
    "(total), what the others cannot explain in its place (unique), and the rest of its "
    "total (shared). With two to four spaces every combination is fitted by banded ridge "
    "and the regions of their Venn diagram are written, with more each space alone, all "
    "without each, and all.",
    "The order of preparation is that of encode fit. Scores are of held-out samples, so "
    "that parts may be negative: a space that adds only noise costs r2, and what two "
    "spaces share is negative where they help one another.",
    NULL,
};

static const cli_example_t examples[] = {
    {"encode partition --features sem=feats.h5:/sem --features ac=feats.h5:/ac "
     "--responses "
     "bold.h5:/responses --runs bold.h5:/run --delays 1,2,3,4 --tr 2 --permutations 1000 "
     "--table parts.tsv -o parts.h5",
        "two spaces, with a test of what each adds"},
    {0},
};

const cli_command_t cli_encode_partition = {
    .group = "encode",
    .verb = "partition",
    .summary = "partition explained variance between feature spaces",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(cli_fit_args_t),
    .run = run,
};
