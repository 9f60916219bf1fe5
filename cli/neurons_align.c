/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons align: what neurons contribute to an encoder's scores. */
#include "cli/align_args.h"
#include "cli/fitted_data.h"
#include "cli/memory.h"
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
#include <unistd.h>

static const cli_option_t *const tables[] = {cli_align_rows, cli_align_concept_rows,
    cli_align_group_rows, cli_feature_rows, cli_response_rows, cli_nuisance_rows, NULL};

enum { MOST_OUTPUTS = 10 };

/* Files that are written; n of them. */
static size_t
list_outputs(const cli_call_t *call, cli_output_t outputs[MOST_OUTPUTS])
{
    const cli_align_args_t *args = call->args;
    const cli_output_t all[MOST_OUTPUTS] = {{"--output", call->common->output},
        {"--table", args->table}, {"--brain-ranking", args->ranking},
        {"--set-table", args->set_table}, {"--elimination", args->elimination},
        {"--figure", args->figure}, {"--map", args->map},
        {"--concept-table", args->concept_table},
        {"--dissociation-table", args->dissociation_table},
        {"--group-table", args->group_table}};

    memcpy(outputs, all, sizeof all);
    return MOST_OUTPUTS;
}

static int
check_outputs(const cli_call_t *call)
{
    const cli_align_args_t *args = call->args;
    cli_output_t outputs[MOST_OUTPUTS];
    size_t n = list_outputs(call, outputs);
    int has_sets = args->sets.n > 0 || args->by >= 0;
    const cli_data_t *data = &args->data;
    const char *const inputs[] = {args->fit, args->regions, args->subjects,
        data->responses, data->mask, data->runs, data->run_table, data->nuisance};
    const cli_list_t *const lists[] = {&args->encoders, &data->features, &args->sets,
        &args->rankings, &args->label_nulls};
    int status = BA_OK;

    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        if (inputs[i]) {
            BA_TRY(cli_outputs_check_list(outputs, n, &inputs[i], 1));
        }
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        BA_TRY(cli_outputs_check_list(outputs, n, lists[i]->items, lists[i]->n));
    }
    for (size_t i = 0; args->fit && i < n; i++) { /* before the fit, which may be long */
        if (outputs[i].file && !call->common->force &&
            access(outputs[i].file, F_OK) == 0) {
            BA_TRY(
                ba_fail(BA_EXISTS, "%s: exists, --force replaces it", outputs[i].file));
        }
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

/* Data of an encoder are named whole, or not at all. */
static int
check_data(const cli_align_args_t *args)
{
    const cli_data_t *data = &args->data;
    int is_given = data->features.n > 0 || data->run_table;
    const struct {
        const char *name, *value;
    } rest[] = {{"responses", data->responses}, {"mask", data->mask},
        {"runs", data->runs}, {"nuisance", data->nuisance},
        {"nuisance-columns", data->nuisance_columns}};

    for (size_t i = 0; !is_given && i < sizeof rest / sizeof *rest; i++) {
        if (rest[i].value) {
            return ba_fail(BA_VALUE,
                "--%s: found no --features, wanted all data of the fit or none (they "
                "are found by the encoder's arguments)",
                rest[i].name);
        }
    }
    if (args->encoders.n > 1 && (is_given || args->fit)) {
        return ba_fail(BA_VALUE, "--encoder: found %zu beside --%s, wanted one",
            args->encoders.n,
            args->fit              ? "fit"
            : data->features.n > 0 ? "features"
                                   : "run-table");
    }
    return BA_OK;
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
report_group(const ba_align_opts_t *opts, const ba_align_info_t *info)
{
    if (opts->n_moves > 0) {
        cli_message_note("%zu subjects, %zu moves: %zu of sets x regions with p < 0.05, "
                         "%zu with q < 0.05; t over subjects: %zu with p < 0.05",
            info->n_subjects, opts->n_moves, info->n_group[0], info->n_group[1],
            info->n_group[2]);
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
    report_group(opts, info);
    cli_message_note("wrote %s", opts->output);
}

static size_t
or_none(uint64_t value)
{
    return value == CLI_NOT_GIVEN ? 0 : (size_t) value;
}

static int
set_concepts(const cli_align_args_t *args, size_t **tops, ba_align_opts_t *opts)
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
check_encoder(const char *file)
{
    ba_bundle_t *bundle = NULL;
    int status = ba_bundle_open(file, BA_ENCODER_FORMAT, &bundle);

    ba_bundle_free(bundle);
    return status;
}

/* Data of the encoders: named by the options, or found by the arguments in their files. */
static int
open_data(const cli_call_t *call, ba_dataset_t **datasets, ba_align_other_t *others)
{
    const cli_align_args_t *args = call->args;
    const cli_list_t *encoders = &args->encoders;
    int is_given = args->data.features.n > 0 || args->data.run_table;
    cli_output_t outputs[MOST_OUTPUTS];
    int status = BA_OK;

    if (is_given) {
        BA_TRY(cli_data_open(call, CLI_RESPONSES_TO_FIT, &datasets[0]));
    }
    for (size_t e = 0; e < encoders->n; e++) {
        if (!is_given) {
            BA_TRY(check_encoder(encoders->items[e]));
            BA_TRY(cli_fit_data_open(call, encoders->items[e],
                "--features and --responses give", &datasets[e]));
        }
        BA_TRY(cli_outputs_check_data(outputs, list_outputs(call, outputs), datasets[e]));
        if (e > 0) {
            others[e - 1] = (ba_align_other_t){encoders->items[e], datasets[e]};
        }
    }
out:
    return status;
}

static int
run(const cli_call_t *call)
{
    const cli_align_args_t *args = call->args;
    size_t n_encoders = args->encoders.n;
    ba_dataset_t **datasets = cli_calloc(n_encoders, sizeof(ba_dataset_t *));
    ba_align_other_t *others = cli_calloc(n_encoders, sizeof *others);
    ba_align_opts_t opts = {.encoder = args->encoders.items[0],
        .others = others,
        .n_others = n_encoders - 1,
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
        .n_moves = or_none(args->n_moves),
        .subjects = args->subjects,
        .group_table = args->group_table,
        .force = call->common->force,
        .dry_run = call->common->dry_run,
        .argc = call->argc,
        .argv = call->argv};
    ba_align_info_t info;
    ba_figure_t *figure = NULL;
    size_t *tops = NULL;
    int status;

    BA_TRY(check_outputs(call));
    BA_TRY(check_data(args));
    BA_TRY(set_concepts(args, &tops, &opts));
    if (args->figure) {
        BA_TRY(ba_figure_create(args->figure, call->common->force, &figure));
    }
    if (args->fit) {
        BA_TRY(cli_fit_first(call, args->fit, opts.encoder));
        if (call->common->dry_run) {
            goto out;
        }
    }
    BA_TRY(open_data(call, datasets, others));
    opts.dataset = datasets[0];
    BA_TRY(ba_neurons_align(call->ctx, &opts, &info));
    BA_TRY(draw(call, figure));
    report(&opts, &info);
out:
    ba_figure_free(figure);
    free(tops);
    for (size_t e = 0; e < n_encoders; e++) {
        ba_dataset_free(datasets[e]);
    }
    free(datasets);
    free(others);
    return status;
}

static const char *const description[] = {
    "What does every neuron add to what an encoder predicts? The encoder is refitted in "
    "every outer fold at the penalties it chose there, and the held-out scores of the "
    "whole model are compared with those of the model refitted without one neuron and "
    "all its delays: exactly, by an identity, without a refit for each.",
    "With --group-moves: what sets and concepts add over subjects. Features that happen "
    "to "
    "go along with what subjects have in common pass a t test over subjects; the moves "
    "are the test against that.",
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
    {"neurons align --encoder sub-1.h5 --encoder sub-2.h5 --encoder sub-3.h5 "
     "--layer-size "
     "64 --by layer --group-moves 200 -o align.h5 --group-table group.tsv",
        "layers over subjects who heard the same story"},
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
    .args_size = sizeof(cli_align_args_t),
    .run = run,
};
