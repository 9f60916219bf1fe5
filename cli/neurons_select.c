/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons select: a list of neurons out of a ranking. */
#include "cli/message.h"
#include "cli/neuron_data.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/neuron_select.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct {
    cli_neuron_data_t data;
    const char *ranking;
    int pick, by_absolute;
    uint64_t n_neurons, layer_quota;
    double fraction, mass, max_correlation, cluster_cut;
} select_args_t;

static const cli_option_t select_rows[] = {
    {.section = "Selection",
        .name = "ranking",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "RANKING.tsv",
        .help = "The table of neurons rank.",
        .offset = offsetof(select_args_t, ranking)},
    {.name = "concept",
        .kind = CLI_STRINGS,
        .metavar = "NAME",
        .otherwise = "'*' where the ranking has it, else all",
        .help = "Concepts whose neurons are chosen; the list holds those of any of them.",
        .offset = offsetof(select_args_t, data.concept)},
    {.name = "pick",
        .kind = CLI_CHOICE,
        .metavar = "top|bottom|random",
        .value = "top",
        .help = "Highest scores, lowest scores, or any neurons by --seed.",
        .offset = offsetof(select_args_t, pick)},
    {.name = "n-neurons",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .help = "So many for each concept.",
        .offset = offsetof(select_args_t, n_neurons)},
    {.name = "fraction",
        .kind = CLI_REAL,
        .metavar = "X",
        .help = "This share of the neurons with a defined score, at least one.",
        .offset = offsetof(select_args_t, fraction)},
    {.name = "mass",
        .kind = CLI_REAL,
        .metavar = "Q",
        .help = "The fewest that hold this share of the sum of |score|, the one that "
                "reaches it included.",
        .offset = offsetof(select_args_t, mass)},
    {.name = "absolute",
        .kind = CLI_FLAG,
        .help = "Order by |score|, as --mass always does.",
        .offset = offsetof(select_args_t, by_absolute)},
    {.name = "layer-quota",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "no limit",
        .help = "At most so many of one layer of a component for each concept.",
        .offset = offsetof(select_args_t, layer_quota)},
    {.name = "max-correlation",
        .kind = CLI_REAL,
        .metavar = "R",
        .otherwise = "none is left out",
        .help = "Leave a neuron out whose |r| with a better one is above R; needs "
                "--activations. With --n-neurons and --fraction the next ones follow.",
        .offset = offsetof(select_args_t, max_correlation)},
    {.name = "cluster-cut",
        .kind = CLI_REAL,
        .metavar = "D",
        .otherwise = "none is left out",
        .help = "Keep the best one of each cluster: average linkage, all that merges at "
                "distance 1 - |r| up to D; needs --activations.",
        .offset = offsetof(select_args_t, cluster_cut)},
    {0},
};

static const cli_option_t result_rows[] = {
    CLI_OUTPUT_ROW(
        "Output", "The list (TSV): neuron, layer, component, unit, in ascending order."),
    {0},
};

static const cli_option_t *const tables[] = {
    select_rows, cli_activation_rows, result_rows, NULL};

static ba_neuron_select_opts_t
options_of(const cli_call_t *call)
{
    const select_args_t *args = call->args;

    return (ba_neuron_select_opts_t){
        .pick = (ba_pick_t) args->pick,
        .by_absolute = args->by_absolute,
        .n = args->n_neurons == CLI_NOT_GIVEN ? 0 : (size_t) args->n_neurons,
        .fraction = args->fraction,
        .mass = args->mass,
        .layer_quota =
            args->layer_quota == CLI_NOT_GIVEN ? 0 : (size_t) args->layer_quota,
        .max_correlation = args->max_correlation,
        .cluster_cut = args->cluster_cut,
        .concepts = args->data.concept.items,
        .n_concepts = args->data.concept.n,
        .seed = call->ctx->seed,
    };
}

static int
check_options(const select_args_t *args)
{
    int n_rules =
        (args->n_neurons != CLI_NOT_GIVEN) + !isnan(args->fraction) + !isnan(args->mass);

    if (n_rules != 1) {
        return ba_fail(BA_VALUE,
            "--n-neurons, --fraction, --mass: %d of them given, wanted "
            "exactly one",
            n_rules);
    }
    if (args->n_neurons == 0) {
        return ba_fail(BA_VALUE, "--n-neurons: found 0, wanted at least 1");
    }
    if (!isnan(args->max_correlation) && args->data.activations.n == 0) {
        return ba_fail(
            BA_VALUE, "--max-correlation: needs --activations, which are not given");
    }
    if (!isnan(args->cluster_cut) && args->data.activations.n == 0) {
        return ba_fail(
            BA_VALUE, "--cluster-cut: needs --activations, which are not given");
    }
    return BA_OK;
}

static int
run(const cli_call_t *call)
{
    const select_args_t *args = call->args;
    const cli_common_t *common = &args->data.common;
    const cli_outputs_t outputs = {common->output, NULL, NULL};
    ba_neuron_select_opts_t opts = options_of(call);
    ba_activations_t *activations = NULL;
    ba_ranking_t *ranking = NULL;
    size_t *list = NULL, n = 0;
    int status;

    BA_TRY(check_options(args));
    BA_TRY(cli_outputs_check_files(&outputs, &args->ranking, 1));
    BA_TRY(cli_neuron_data_outputs(&args->data, &outputs));
    if (args->data.activations.n > 0) {
        BA_TRY(cli_neuron_data_open(call, &activations, NULL));
    }
    BA_TRY(ba_ranking_read(args->ranking, 0, &ranking));
    BA_TRY(ba_neurons_select(call->ctx, ranking, activations, &opts, &list, &n));
    if (!common->dry_run) {
        BA_TRY(ba_neuron_list_write(
            common->output, &ranking->neurons, list, n, common->force));
    }
    cli_message_note("%zu neuron%s of %zu", n, cli_plural(n), ranking->n_neurons);
out:
    free(list);
    ba_ranking_free(ranking);
    ba_activations_free(activations);
    return status;
}

static const char *const description[] = {
    "Writes a list of neurons that other commands take. How many is said for each "
    "concept, by number, by a share of all neurons or by a share of the weight; the list "
    "holds the neurons of all the concepts asked for.",
    "The fewest neurons that a probe needs are found by fitting probes: neurons probe "
    "--minimal X --minimal-list FILE.tsv writes such a list.",
    "Neurons without a defined score, as those that the ranking leaves out, are never "
    "chosen, not at random either: rank all of them. Ties go to the lowest number.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons select --ranking rank.tsv --concept NOUN --n-neurons 50 -o noun.tsv",
        "the best 50"},
    {"neurons select --ranking lca.tsv --mass 0.25 -o salient.tsv",
        "as few as hold a quarter of each probe's weight"},
    {"neurons select --ranking rank.tsv --pick random --n-neurons 50 --seed 1 -o any.tsv",
        "as many at random, to compare with"},
    {"neurons select --ranking rank.tsv --n-neurons 50 --max-correlation 0.7 "
     "--activations act.h5:/layer_6 -o distinct.tsv",
        "the best that differ"},
    {0},
};

const cli_command_t cli_neurons_select = {
    .group = "neurons",
    .verb = "select",
    .summary = "choose neurons out of a ranking",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(select_args_t),
    .run = run,
};
