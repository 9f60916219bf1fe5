/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons cosy: do neurons respond to what explanations say? */
#include "cli/memory.h"
#include "cli/message.h"
#include "cli/neuron_inputs.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/explain.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_neuron_data_t data;
    const char *control, *control_label, *table;
    cli_list_t explanations;
} cosy_args_t;

static const cli_option_t rows[] = {
    {.section = "Samples",
        .name = "control",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "Activations on control samples, n_samples x n_neurons; with "
                "--explanation, instead of --activations.",
        .offset = offsetof(cosy_args_t, control)},
    {.name = "explanation",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]SPEC",
        .help = "Activations on samples of an explanation; once for each.",
        .offset = offsetof(cosy_args_t, explanations)},
    {.name = "control-label",
        .kind = CLI_STRING,
        .metavar = "NAME",
        .otherwise = "samples of no label",
        .help = "With --activations and --labels: the label of control samples. Every "
                "other label is an explanation.",
        .offset = offsetof(cosy_args_t, control_label)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "A line for each neuron and explanation.",
        .offset = offsetof(cosy_args_t, table)},
    {0},
};

static const cli_option_t *const tables[] = {
    rows, cli_activation_rows, cli_concept_rows, NULL};

static int
check_args(const cosy_args_t *args)
{
    int from_files = args->control != NULL || args->explanations.n > 0;

    if (from_files && (args->data.activations.n > 0 || args->data.labels.n > 0)) {
        return ba_fail(BA_VALUE,
            "--%s: found --activations or --labels as well, wanted one of them",
            args->control ? "control" : "explanation");
    }
    if (from_files && (!args->control || args->explanations.n == 0)) {
        return ba_fail(BA_VALUE, "--%s: not given, wanted with --%s",
            args->control ? "explanation" : "control",
            args->control ? "control" : "explanation");
    }
    if (from_files && args->control_label) {
        return ba_fail(
            BA_VALUE, "--control-label: found --control as well, wanted --labels");
    }
    return BA_OK;
}

static int
check_outputs(const cli_call_t *call)
{
    const cosy_args_t *args = call->args;
    const cli_output_t outputs[] = {
        {"--output", call->common->output}, {"--table", args->table}};
    int status;

    BA_TRY(cli_outputs_check_list(outputs, 2, &args->control, 1));
    BA_TRY(cli_outputs_check_list(
        outputs, 2, args->explanations.items, args->explanations.n));
    BA_TRY(cli_outputs_check_list(
        outputs, 2, args->data.activations.items, args->data.activations.n));
    BA_TRY(
        cli_outputs_check_list(outputs, 2, args->data.labels.items, args->data.labels.n));
out:
    return status;
}

static int
open_samples(const cli_call_t *call, const char *spec, ba_activations_t **out)
{
    const cosy_args_t *args = call->args;
    ba_activations_opts_t opts = {.files = &spec,
        .n_files = 1,
        .neurons = args->data.neurons,
        .layer_sizes = args->data.layer_size.items,
        .n_layer_sizes = args->data.layer_size.n,
        .layers = args->data.layers};

    return ba_activations_open(call->ctx, &opts, out);
}

static void
report(const ba_cosy_opts_t *opts, const ba_cosy_info_t *info)
{
    cli_message_note("%zu neurons, %zu explanation%s, %zu control samples",
        info->n_neurons, info->n_explanations, cli_plural(info->n_explanations),
        info->n_control);
    if (opts->dry_run) {
        cli_message_note("nothing written: this was a dry run");
        return;
    }
    cli_message_note("%zu of %zu pairs with q < 0.05; highest AUC %.4f, neuron %zu",
        info->n_significant, info->n_neurons * info->n_explanations, info->best_auc,
        info->best_neuron);
    cli_message_note("wrote %s", opts->output);
}

/* Opens NAME=SPEC; *name is the caller's to free(). */
static int
open_named(
    const cli_call_t *call, const char *text, char **name, ba_activations_t **activations)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t) (equals - text) : strlen(text);

    *name = cli_calloc(length + 1, 1);
    memcpy(*name, text, length);
    return open_samples(call, equals ? equals + 1 : text, activations);
}

static int
score_files(const cli_call_t *call, ba_cosy_opts_t *opts)
{
    const cosy_args_t *args = call->args;
    size_t n = args->explanations.n;
    ba_activations_t *control = NULL;
    ba_activations_t **explanations = cli_calloc(n, sizeof(ba_activations_t *));
    char **names = cli_calloc(n, sizeof *names);
    ba_cosy_info_t info;
    int status;

    BA_TRY(open_samples(call, args->control, &control));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(
            open_named(call, args->explanations.items[i], &names[i], &explanations[i]));
    }
    opts->control = control;
    opts->explanations = explanations;
    opts->names = (const char *const *) names;
    opts->n_explanations = n;
    BA_TRY(ba_neurons_cosy(call->ctx, opts, &info));
    report(opts, &info);
out:
    for (size_t i = 0; i < n; i++) {
        ba_activations_free(explanations[i]);
        free(names[i]);
    }
    free(explanations);
    free(names);
    ba_activations_free(control);
    return status;
}

static int
score_groups(const cli_call_t *call, ba_cosy_opts_t *opts)
{
    const cosy_args_t *args = call->args;
    ba_activations_t *activations = NULL;
    ba_concepts_t *groups = NULL;
    cli_inputs_t inputs = {0};
    ba_cosy_info_t info;
    int status;

    BA_TRY(cli_neuron_data_open(call, &activations, &groups));
    BA_TRY(cli_neuron_inputs(&args->data, activations, &inputs));
    opts->inputs = (const char *const *) inputs.names;
    opts->activations = activations;
    opts->groups = groups;
    opts->control_name = args->control_label;
    BA_TRY(ba_neurons_cosy(call->ctx, opts, &info));
    report(opts, &info);
out:
    cli_inputs_free(&inputs);
    ba_concepts_free(groups);
    ba_activations_free(activations);
    return status;
}

static int
run(const cli_call_t *call)
{
    const cosy_args_t *args = call->args;
    ba_cosy_opts_t opts = {.output = call->common->output,
        .table = args->table,
        .force = call->common->force,
        .dry_run = call->common->dry_run,
        .argc = call->argc,
        .argv = call->argv};
    int status;

    BA_TRY(check_args(args));
    BA_TRY(check_outputs(call));
    BA_TRY(args->control ? score_files(call, &opts) : score_groups(call, &opts));
out:
    return status;
}

static const char *const description[] = {
    "Scores textual explanations of neurons by activations on samples that were made or "
    "found for each explanation, against control samples: AUC (ties half), MAD (the "
    "difference of the means over the deviation of control), and Mann and Whitney's U "
    "with its two-sided p, exact for few samples without ties. q is over all pairs of a "
    "neuron and an explanation.",
    "Samples must not be those that an explanation was made from.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons cosy --control act.h5:/random --explanation food=act.h5:/food "
     "--explanation "
     "number=act.h5:/number -o cosy.h5 --table cosy.tsv",
        "two explanations"},
    {"neurons cosy --activations act.h5:/all --labels samples.tsv:explanation "
     "--control-label control -o cosy.h5",
        "one file, its samples labelled by a table"},
    {0},
};

const cli_command_t cli_neurons_cosy = {
    .group = "neurons",
    .verb = "cosy",
    .summary = "score explanations of neurons",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(cosy_args_t),
    .run = run,
};
