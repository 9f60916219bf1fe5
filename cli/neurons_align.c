/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons align: what neurons contribute to an encoder's scores. */
#include "cli/data.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/align.h"
#include "brainalign/bundle.h"
#include "brainalign/encoder.h"
#include "brainalign/error.h"
#include "brainalign/figure.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_data_t data;
    const char *encoder, *regions, *table, *ranking, *set_table, *elimination, *figure,
        *map;
    double tolerance;
    cli_list_t controls, sets;
    uint64_t layer_size;
    int save_folds, by, shapley;
} align_args_t;

static const cli_option_t rows[] = {
    {.section = "Encoder",
        .name = "encoder",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "FILE.h5",
        .help = "Encoder file of encode fit, with outer folds. Its data are found by the "
                "arguments it was fitted with unless --features are given.",
        .offset = offsetof(align_args_t, encoder)},
    {.name = "control",
        .kind = CLI_STRINGS,
        .metavar = "NAME",
        .help =
            "A feature space of the encoder that is no neurons: contributions are over "
            "and above it.",
        .offset = offsetof(align_args_t, controls)},
    {.name = "layer-size",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "one layer",
        .help = "Columns of a layer within a feature space.",
        .offset = offsetof(align_args_t, layer_size)},
    {.name = "regions",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .help = "Region of each target, one label a line: scores of neurons for each.",
        .offset = offsetof(align_args_t, regions)},
    {.section = "Sets of neurons",
        .name = "set",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]FILE",
        .help = "A list of neurons (neurons select) whose contribution together is "
                "wanted, by their numbers in --table.",
        .offset = offsetof(align_args_t, sets)},
    {.name = "by",
        .kind = CLI_CHOICE,
        .metavar = "layer|component",
        .otherwise = "lists alone",
        .help = "Every layer, or every feature space, is a set too.",
        .offset = offsetof(align_args_t, by)},
    {.name = "shapley",
        .kind = CLI_FLAG,
        .help = "Exact Shapley values of the sets, at most 12 and none with a neuron of "
                "another: shares of what r2 loses without all of them.",
        .offset = offsetof(align_args_t, shapley)},
    {.name = "set-table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "A line for each set and region.",
        .offset = offsetof(align_args_t, set_table)},
    {.section = "Minimal sets",
        .name = "elimination",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Backward elimination for all targets and each region: the neuron whose "
                "removal costs least goes, by refits within the training rows of an "
                "outer fold; what is left is scored on that fold. A line for each region "
                "and number of neurons.",
        .offset = offsetof(align_args_t, elimination)},
    {.name = "tolerance",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "0.01",
        .help = "Share of the r2 of all neurons that a minimal set may lack.",
        .offset = offsetof(align_args_t, tolerance)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help =
            "Neurons: mean contribution, its standard error over folds, p and q, for all "
            "targets and each region; r of the neuron alone, its weights, what only it "
            "has.",
        .offset = offsetof(align_args_t, table)},
    {.name = "brain-ranking",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "A ranking of neurons for all targets (*) and each region, for neurons "
                "select, compare and ablate to take.",
        .offset = offsetof(align_args_t, ranking)},
    {.name = "map",
        .kind = CLI_STRING,
        .metavar = "FILE.nii.gz",
        .help = "What each set adds, as images in the grid of the responses: FILE with "
                "the name of the set, as in FILE-nouns.nii.gz.",
        .offset = offsetof(align_args_t, map)},
    {.name = "figure",
        .kind = CLI_STRING,
        .metavar = "FILE.svg",
        .help = "A picture: neurons, layers and regions, sets, minimal sets.",
        .offset = offsetof(align_args_t, figure)},
    {.name = "save-folds",
        .kind = CLI_FLAG,
        .help = "Keep the contributions of every outer fold.",
        .offset = offsetof(align_args_t, save_folds)},
    {0},
};

static const cli_option_t *const tables[] = {
    rows, cli_feature_rows, cli_response_rows, cli_nuisance_rows, NULL};

/* Opens what the encoder was fitted on, by the arguments in its file. */
static int
open_fitted(const cli_call_t *call, const char *encoder, ba_dataset_t **dataset)
{
    cli_rows_t fit_rows = cli_command_rows(&cli_encode_fit);
    cli_call_t fit = *call;
    ba_bundle_t *bundle = NULL;
    char **arguments = NULL;
    size_t n = 0;
    int status;

    fit.args = calloc(1, cli_encode_fit.args_size);
    if (!fit.args) {
        return ba_fail(BA_NOMEM, "out of memory");
    }
    BA_TRY(ba_bundle_open(encoder, BA_ENCODER_FORMAT, &bundle));
    BA_TRY(ba_bundle_read_strings(bundle, "/provenance/arguments", &n, &arguments));
    if (n < 3 || strcmp(arguments[1], "encode") != 0 ||
        strcmp(arguments[2], "fit") != 0) {
        BA_TRY(ba_fail(BA_VALUE,
            "--features: not given, and %s tells no arguments of encode fit", encoder));
    }
    BA_TRY(cli_options_parse(
        &fit_rows, n - 3, (const char *const *) arguments + 3, fit.args));
    BA_TRY(cli_data_open(&fit, CLI_RESPONSES_TO_FIT, dataset));
out:
    cli_options_free(&fit_rows, fit.args);
    free(fit.args);
    free(arguments);
    ba_bundle_free(bundle);
    return status;
}

static int
check_outputs(const cli_call_t *call)
{
    const align_args_t *args = call->args;
    const cli_output_t outputs[] = {{"--output", call->common->output},
        {"--table", args->table}, {"--brain-ranking", args->ranking},
        {"--set-table", args->set_table}, {"--elimination", args->elimination},
        {"--figure", args->figure}, {"--map", args->map}};
    size_t n = sizeof outputs / sizeof *outputs;
    const char *const inputs[] = {args->encoder, args->data.responses, args->regions};
    int status;

    for (size_t i = 0; i < 3; i++) {
        if (inputs[i]) {
            BA_TRY(cli_outputs_check_list(outputs, n, &inputs[i], 1));
        }
    }
    BA_TRY(cli_outputs_check_list(
        outputs, n, args->data.features.items, args->data.features.n));
    BA_TRY(cli_outputs_check_list(outputs, n, args->sets.items, args->sets.n));
    if ((args->set_table || args->map) && args->sets.n == 0 && args->by < 0) {
        BA_TRY(ba_fail(BA_VALUE, "--%s: found no --set and no --by, wanted sets",
            args->set_table ? "set-table" : "map"));
    }
out:
    return status;
}

static int
draw(const cli_call_t *call, ba_figure_t *figure)
{
    int status = BA_OK;

    if (figure && !call->common->dry_run) {
        BA_TRY(ba_figure_align(figure, call->common->output));
        BA_TRY(ba_figure_commit(figure));
    }
out:
    return status;
}

static void
report(const ba_align_opts_t *opts, const ba_align_info_t *info)
{
    cli_message_note("%zu neurons, %zu control features, %zu targets, %zu folds",
        info->n_neurons, info->n_controls, info->n_targets, info->n_folds);
    if (opts->dry_run) {
        cli_message_note("nothing written: this was a dry run");
        return;
    }
    cli_message_note("%zu targets scored; r2 as in the encoder within %.1e",
        info->n_scored, info->difference);
    cli_message_note("mean contribution of a neuron to r2 %.6f; rank correlation of "
                     "folds %.3f; %zu neuron%s with q < 0.05",
        info->mean_delta_r2, info->stability, info->n_significant,
        cli_plural(info->n_significant));
    if (info->n_sets > 0) {
        cli_message_note("%zu set%s of neurons%s", info->n_sets, cli_plural(info->n_sets),
            opts->shapley ? ", with Shapley values" : "");
    }
    if (opts->elimination) {
        cli_message_note("the minimal set of all targets has %zu neuron%s",
            info->n_minimal, cli_plural(info->n_minimal));
    }
    cli_message_note("wrote %s", opts->output);
}

static int
run(const cli_call_t *call)
{
    const align_args_t *args = call->args;
    ba_dataset_t *dataset = NULL;
    ba_align_opts_t opts = {.encoder = args->encoder,
        .controls = args->controls.items,
        .n_controls = args->controls.n,
        .layer_size = args->layer_size == CLI_NOT_GIVEN ? 0 : (size_t) args->layer_size,
        .regions = args->regions,
        .output = call->common->output,
        .table = args->table,
        .ranking = args->ranking,
        .save_folds = args->save_folds,
        .sets = args->sets.items,
        .n_sets = args->sets.n,
        .sets_by = args->by < 0    ? BA_SETS_NONE
                   : args->by == 0 ? BA_SETS_LAYERS
                                   : BA_SETS_COMPONENTS,
        .shapley = args->shapley,
        .set_table = args->set_table,
        .elimination = args->elimination,
        .tolerance = args->tolerance,
        .map = args->map,
        .force = call->common->force,
        .dry_run = call->common->dry_run,
        .argc = call->argc,
        .argv = call->argv};
    ba_align_info_t info;
    ba_figure_t *figure = NULL;
    int status;

    BA_TRY(check_outputs(call));
    if (args->figure) {
        BA_TRY(ba_figure_create(args->figure, call->common->force, &figure));
    }
    if (args->data.features.n > 0 || args->data.run_table) {
        BA_TRY(cli_data_open(call, CLI_RESPONSES_TO_FIT, &dataset));
    } else {
        BA_TRY(open_fitted(call, args->encoder, &dataset));
    }
    opts.dataset = dataset;
    BA_TRY(ba_neurons_align(call->ctx, &opts, &info));
    BA_TRY(draw(call, figure));
    report(&opts, &info);
out:
    ba_figure_free(figure);
    ba_dataset_free(dataset);
    return status;
}

static const char *const description[] = {
    "What does every neuron add to what an encoder predicts? The encoder is refitted in "
    "every outer fold at the penalties it chose there, and the held-out scores of the "
    "whole model are compared with those of the model refitted without one neuron and "
    "all "
    "its delays: exactly, by an identity, without a refit for each.",
    "The scores of the refits must be those of the encoder file: other features, "
    "responses or nuisance regressors are an error.",
    "Means over all targets and each region are tested over the outer folds: does the "
    "encoder predict better with the neuron than without it? Sets of neurons are taken "
    "out together; their Shapley values add up to what r2 loses without all of them. A "
    "backward elimination finds few neurons that do what all do, and scores them on "
    "folds "
    "that did not choose them.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons align --encoder enc.h5 --control rate --layer-size 64 -o align.h5 --table "
     "neurons.tsv --brain-ranking brain.tsv",
        "contributions over and above word rate"},
    {"neurons align --encoder enc.h5 --layer-size 64 --by layer --shapley --regions "
     "rois.txt -o align.h5 --set-table layers.tsv --figure align.svg",
        "what each layer is worth in each region"},
    {"neurons align --encoder enc.h5 --set nouns=nouns.tsv --map adds.nii.gz "
     "--elimination minimal.tsv -o align.h5",
        "a list of neurons, as an image; minimal sets"},
    {0},
};

const cli_command_t cli_neurons_align = {
    .group = "neurons",
    .verb = "align",
    .summary = "what each neuron contributes to brain prediction",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(align_args_t),
    .run = run,
};
