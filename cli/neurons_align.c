/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons align: what neurons contribute to an encoder's scores. */
#include "cli/fitted_data.h"
#include "cli/list.h"
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
        *map, *fit;
    double tolerance;
    cli_list_t controls, sets;
    uint64_t layer_size;
    /* concepts */
    cli_list_t rankings, concepts, label_nulls;
    const char *tops, *concept_table, *dissociation_table;
    uint64_t top, n_bins, n_matched, n_exchanges;
    int strata, naive_overlap, save_folds, by, shapley;
} align_args_t;

static const cli_option_t rows[] = {
    {.section = "Encoder",
        .name = "encoder",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "FILE.h5",
        .help = "Encoder file of encode fit with outer folds, best a grid of --alphas. "
                "Its data are found by its arguments unless --features are given.",
        .offset = offsetof(align_args_t, encoder)},
    {.name = "fit",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .help = "Fit the encoder first, by options of encode fit in FILE, one a line "
                "(--output is --encoder's).",
        .offset = offsetof(align_args_t, fit)},
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
        .help = "What each set, and the neurons of each concept, add, as images in the "
                "grid of the responses: FILE with the name, as in FILE-nouns.nii.gz.",
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

static const cli_option_t concept_rows[] = {
    {.section = "Concepts",
        .name = "ranking",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]FILE.tsv",
        .help =
            "A ranking of the same neurons for concepts, made on other text. What the "
            "best neurons of each concept add together is tested, and their overlap "
            "with the neurons that add most. NAME goes in front of the concepts.",
        .offset = offsetof(align_args_t, rankings)},
    {.name = "concept",
        .kind = CLI_STRINGS,
        .metavar = "NAME",
        .otherwise = "all but *",
        .help = "A concept of the rankings to look at.",
        .offset = offsetof(align_args_t, concepts)},
    {.name = "top",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "a twentieth of the neurons, at least 5",
        .help = "Neurons of a concept, and of a region in overlaps.",
        .offset = offsetof(align_args_t, top)},
    {.name = "strata",
        .kind = CLI_CHOICE,
        .metavar = "layer-variance|layer|none",
        .value = "layer-variance",
        .help = "Random sets have as many neurons of every layer and decile of variance, "
                "or of every layer, and overlaps are expected within these.",
        .offset = offsetof(align_args_t, strata)},
    {.name = "variance-bins",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help = "Bins of variance, as many neurons in each: more where variance matters "
                "much.",
        .offset = offsetof(align_args_t, n_bins)},
    {.name = "matched",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "1000",
        .help =
            "Random sets for each concept, like it in strata and joint redundancy. 0 = "
            "none.",
        .offset = offsetof(align_args_t, n_matched)},
    {.name = "label-null",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]FILE.h5",
        .help = "The neurons that permuted labels choose, from neurons rank --save-null "
                "for the ranking of the same NAME: the primary test.",
        .offset = offsetof(align_args_t, label_nulls)},
    {.name = "dissociation",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "none",
        .help = "Test double dissociations of all pairs of concepts and regions by N "
                "exchanges of neurons between the concepts.",
        .offset = offsetof(align_args_t, n_exchanges)},
    {.name = "sweep",
        .kind = CLI_STRING,
        .metavar = "K[,K...]",
        .otherwise = "a quarter to four times --top",
        .help = "Overlaps at several numbers of neurons, with a p of the best of them.",
        .offset = offsetof(align_args_t, tops)},
    {.name = "naive-overlap",
        .kind = CLI_FLAG,
        .help = "p of overlaps without strata as well, which is wrong where layer or "
                "variance matter.",
        .offset = offsetof(align_args_t, naive_overlap)},
    {.name = "concept-table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Concepts by regions: drop, tests, overlap.",
        .offset = offsetof(align_args_t, concept_table)},
    {.name = "dissociation-table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Double dissociations: both concepts and regions, simple effects.",
        .offset = offsetof(align_args_t, dissociation_table)},
    {0},
};

static const cli_option_t *const tables[] = {
    rows, concept_rows, cli_feature_rows, cli_response_rows, cli_nuisance_rows, NULL};

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
        {"--figure", args->figure}, {"--map", args->map},
        {"--concept-table", args->concept_table},
        {"--dissociation-table", args->dissociation_table}};
    size_t n = sizeof outputs / sizeof *outputs;
    int has_sets = args->sets.n > 0 || args->by >= 0;
    const cli_data_t *data = &args->data;
    const char *const inputs[] = {args->encoder, args->fit, args->regions,
        data->responses, data->mask, data->runs, data->run_table, data->nuisance};
    const cli_list_t *const lists[] = {
        &data->features, &args->sets, &args->rankings, &args->label_nulls};
    int status = BA_OK;

    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        if (inputs[i]) {
            BA_TRY(cli_outputs_check_list(outputs, n, &inputs[i], 1));
        }
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        BA_TRY(cli_outputs_check_list(outputs, n, lists[i]->items, lists[i]->n));
    }
    if (args->set_table && !has_sets) {
        BA_TRY(ba_fail(BA_VALUE, "--set-table: found no --set and no --by, wanted sets"));
    }
    if (args->map && !has_sets && args->rankings.n == 0) {
        BA_TRY(
            ba_fail(BA_VALUE, "--map: found no --set, --by or --ranking, wanted sets"));
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

/* What was chosen where, and what was found. */
static void
report_concepts(const ba_align_opts_t *opts, const ba_align_info_t *info)
{
    if (info->n_concepts == 0) {
        return;
    }
    cli_message_note(
        "%zu concepts of %zu neurons each, chosen on other text by the rankings; drops "
        "on "
        "held-out rows; neurons of regions chosen on the folds that do not score them",
        info->n_concepts, info->top);
    if (opts->n_label_nulls > 0) {
        cli_message_note(
            "permuted labels: %zu of concepts x regions with q < 0.05", info->n_found[1]);
    } else {
        cli_message_note("permuted labels: not tested, see --label-null");
    }
    if (opts->n_matched > 0) {
        cli_message_note("%zu matched sets: %zu of concepts x regions with q < 0.05",
            opts->n_matched, info->n_found[0]);
    }
    cli_message_note(
        "overlap: %zu of concepts x regions with q < 0.05", info->n_found[2]);
    if (opts->n_exchanges > 0) {
        cli_message_note(
            "double dissociations: %zu with q < 0.05", info->n_dissociations);
    }
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
    report_concepts(opts, info);
    cli_message_note("wrote %s", opts->output);
}

static size_t
or_none(uint64_t value)
{
    return value == CLI_NOT_GIVEN ? 0 : (size_t) value;
}

static int
set_concepts(const align_args_t *args, size_t **tops, ba_align_opts_t *opts)
{
    int status = BA_OK;

    opts->rankings = args->rankings.items;
    opts->n_rankings = args->rankings.n;
    opts->concepts = args->concepts.items;
    opts->n_concepts = args->concepts.n;
    opts->label_nulls = args->label_nulls.items;
    opts->n_label_nulls = args->label_nulls.n;
    opts->top = or_none(args->top);
    opts->strata = (ba_strata_t) args->strata;
    opts->n_bins = (size_t) args->n_bins;
    opts->n_matched = or_none(args->n_matched);
    opts->n_exchanges = or_none(args->n_exchanges);
    opts->naive_overlap = args->naive_overlap;
    opts->concept_table = args->concept_table;
    opts->dissociation_table = args->dissociation_table;
    if (args->tops) {
        BA_TRY(cli_counts_parse("sweep", args->tops, tops, &opts->n_tops));
        opts->tops = *tops;
    }
out:
    return status;
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
    size_t *tops = NULL;
    int status;

    BA_TRY(check_outputs(call));
    BA_TRY(set_concepts(args, &tops, &opts));
    if (args->figure) {
        BA_TRY(ba_figure_create(args->figure, call->common->force, &figure));
    }
    if (args->fit) {
        BA_TRY(cli_fit_first(call, args->fit, args->encoder));
        if (call->common->dry_run) {
            goto out;
        }
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
    free(tops);
    ba_dataset_free(dataset);
    return status;
}

static const char *const description[] = {
    "What does every neuron add to what an encoder predicts? The encoder is refitted in "
    "every outer fold at the penalties it chose there, and the held-out scores of the "
    "whole model are compared with those of the model refitted without one neuron and "
    "all its delays: exactly, by an identity, without a refit for each.",
    "With --ranking: what a concept's best neurons add together, against random sets "
    "like them (--matched) and those that permuted labels choose (--label-null).",
    "The scores of the refits must be those of the encoder file: other features, "
    "responses or nuisance regressors are an error.",
    "Means over all targets and each region are tested over the outer folds: does the "
    "encoder predict better with the neuron than without it? Sets of neurons are taken "
    "out together; their Shapley values add up to what r2 loses without all of them. A "
    "backward elimination finds few neurons that do what all do, and scores them on "
    "folds that did not choose them.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons align --encoder enc.h5 --control rate --layer-size 64 -o align.h5 --table "
     "neurons.tsv --brain-ranking brain.tsv",
        "contributions over and above word rate"},
    {"neurons align --encoder enc.h5 --control rate --layer-size 64 --ranking rank.tsv "
     "--label-null null.h5 --regions regions.txt --concept-table concepts.tsv -o "
     "align.h5",
        "which concepts' neurons matter to which regions"},
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
