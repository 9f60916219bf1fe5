/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode compare: models of the same responses side by side. */
#include "cli/fitted_data.h"
#include "cli/info.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/compare.h"
#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

typedef struct {
    cli_data_t data;
    cli_list_t files, rois;
    const char *table, *baseline;
    int score, all_pairs, scores_only;
    uint64_t n_bootstrap, n_permutations, block;
} compare_args_t;

static const ba_score_t score_of[] = {BA_SCORE_R, BA_SCORE_R2};

static const cli_option_t rows[] = {
    {.section = "Data",
        .kind = CLI_STRINGS,
        .required = 1,
        .metavar = "FILE.h5",
        .help = "Results of encode fit, or stacks, of the same responses and splits, in "
                "the order of the layers.",
        .offset = offsetof(compare_args_t, files)},
    {.name = "rois",
        .kind = CLI_STRINGS,
        .metavar = "SPEC",
        .help = "Regions: a label image, NAME=MASK.nii.gz, a table FILE.tsv:COLUMN with "
                "a label for each target, or whole numbers FILE:PATH.",
        .offset = offsetof(compare_args_t, rois)},
    {.section = "Comparison",
        .name = "score",
        .kind = CLI_CHOICE,
        .metavar = "r|r2",
        .value = "r",
        .help = "Score that the best model and the centre of mass go by.",
        .offset = offsetof(compare_args_t, score)},
    {.name = "baseline",
        .kind = CLI_STRING,
        .metavar = "NAME|FILE",
        .otherwise = "the first file, two-sided",
        .help = "The model over which increments are tested, one-sided.",
        .offset = offsetof(compare_args_t, baseline)},
    {.name = "all-pairs",
        .kind = CLI_FLAG,
        .help = "Compare every model with every other one, two-sided.",
        .offset = offsetof(compare_args_t, all_pairs)},
    {.name = "bootstrap",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "1000",
        .help = "Draws of the block bootstrap; 0 for no intervals.",
        .offset = offsetof(compare_args_t, n_bootstrap)},
    {.name = "block",
        .kind = CLI_UNSIGNED,
        .metavar = "SAMPLES",
        .otherwise = "20 s, at least 10 samples",
        .help = "Length of the blocks of time that are drawn where there are fewer than "
                "6 runs.",
        .offset = offsetof(compare_args_t, block)},
    {.name = "permutations",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "1000",
        .help = "Permutations of the increment null; 0 for no p.",
        .offset = offsetof(compare_args_t, n_permutations)},
    {.name = "scores-only",
        .kind = CLI_FLAG,
        .help = "No differences between models: then no predictions or responses are "
                "needed.",
        .offset = offsetof(compare_args_t, scores_only)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "The same as a table: a line for each region and each target.",
        .offset = offsetof(compare_args_t, table)},
    {0},
};

static const cli_option_t *const tables[] = {rows, cli_fitted_rows, NULL};

static int
set_options(const cli_call_t *call, ba_compare_opts_t *opts)
{
    const compare_args_t *args = call->args;

    *opts = (ba_compare_opts_t){.files = args->files.items,
        .n_files = args->files.n,
        .score = score_of[args->score],
        .baseline = args->baseline,
        .all_pairs = args->all_pairs,
        .rois = args->rois.items,
        .n_rois = args->rois.n,
        .n_bootstrap = (size_t) args->n_bootstrap,
        .n_permutations = (size_t) args->n_permutations,
        .block = args->block == CLI_NOT_GIVEN ? 0 : (size_t) args->block,
        .output = call->common->output,
        .table = args->table,
        .force = call->common->force,
        .dry_run = call->common->dry_run,
        .seed = call->ctx->seed,
        .argc = call->argc,
        .argv = call->argv};
    if (args->baseline && args->all_pairs) {
        return ba_fail(
            BA_VALUE, "--baseline: found --all-pairs as well, wanted one of them");
    }
    if (args->block == 0) {
        return ba_fail(BA_VALUE, "--block: found 0, wanted at least 1");
    }
    return BA_OK;
}

static void
report(const ba_compare_opts_t *opts, const ba_compare_info_t *info, int has_pairs)
{
    cli_message_note("%zu models, %zu targets, %zu region%s, %zu fold%s", info->n_models,
        info->n_targets, info->n_rois, cli_plural(info->n_rois), info->n_folds,
        cli_plural(info->n_folds));
    for (size_t m = 0; m < info->n_models; m++) {
        cli_message_note("%s: mean %s %.4f, best of %zu targets", opts->files[m],
            opts->score == BA_SCORE_R ? "r" : "r2", info->mean[m], info->n_best[m]);
    }
    if (isfinite(info->chosen)) {
        cli_message_note(
            "chosen on other folds than those that score it: mean %.4f", info->chosen);
    } else {
        cli_message_note("one fold: a model chosen by it has no unbiased score");
    }
    if (opts->dry_run) {
        cli_message_note("nothing written: this was a dry run");
        return;
    }
    if (has_pairs) {
        cli_message_note("%zu difference%s of r2; intervals over %zu %s; smallest p %.2g",
            info->n_pairs, cli_plural(info->n_pairs), info->n_units,
            info->unit_is_run ? "runs" : "blocks of time", info->smallest_p);
    }
    cli_message_note("wrote %s", opts->output);
}

static int
run(const cli_call_t *call)
{
    const compare_args_t *args = call->args;
    ba_compare_opts_t opts;
    ba_compare_info_t info;
    ba_dataset_t *dataset = NULL;
    int status;

    BA_TRY(set_options(call, &opts));
    BA_TRY(cli_outputs_check_files(
        &(cli_outputs_t){opts.output, opts.table, NULL}, opts.files, opts.n_files));
    if (!args->scores_only) {
        BA_TRY(cli_fitted_data_open(call, opts.files[0], &dataset));
    }
    BA_TRY(ba_encode_compare(call->ctx, dataset, &opts, &info));
    report(&opts, &info, dataset != NULL);
out:
    ba_dataset_free(dataset);
    return status;
}

static const char *const description[] = {
    "Compares models that were fitted to the same responses with the same splits, target "
    "by target and region by region: scores, the best model, the centre of mass over the "
    "order given, and differences of r2.",
    "`best` is the model with the highest score over all folds. Its own score there is "
    "too high, because it was chosen by it: `chosen` is the score on each fold of the "
    "model that is best on the others.",
    "Differences need the predictions that encode fit keeps with --save "
    "weights,predictions. Intervals come from a block bootstrap over runs (6 or more of "
    "them) or blocks of time, p from random signs of the coefficients of the difference "
    "between the predictions (docs/methods.md), q by Benjamini-Hochberg over targets.",
    NULL,
};

static const cli_example_t examples[] = {
    {"encode compare layers/rate.h5 layers/layer_0.h5 layers/layer_1.h5 --baseline rate "
     "--rois atlas.nii.gz -o cmp.h5 --table cmp.tsv",
        "increments of two layers over the word rate"},
    {0},
};

const cli_command_t cli_encode_compare = {
    .group = "encode",
    .verb = "compare",
    .summary = "compare models of the same responses",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_OUTPUT | CLI_SHARE_COMPUTE | CLI_SHARE_MEMORY | CLI_SHARE_MESSAGES,
    .args_size = sizeof(compare_args_t),
    .run = run,
};
