/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons cluster: groups of neurons that say the same. */
#include "cli/message.h"
#include "cli/neuron_choice.h"
#include "cli/neuron_data.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/structure.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct {
    cli_neuron_data_t data;
    const char *only, *table, *representatives;
    int method, distance;
    double cut, tolerance;
    uint64_t clusters, n_bootstrap, block, factors, rounds, starts;
} cluster_args_t;

static const cli_option_t rows[] = {
    {.section = "Groups",
        .name = "only",
        .kind = CLI_STRING,
        .metavar = "LIST|FILE",
        .otherwise = "all",
        .help = "These neurons alone: numbers such as 3,19,200:210, or a file as neurons "
                "select writes it.",
        .offset = offsetof(cluster_args_t, only)},
    {.name = "method",
        .kind = CLI_CHOICE,
        .metavar = "correlation|nmf",
        .value = "correlation",
        .help = "Average linkage of correlated neurons, or nonnegative factors of the "
                "activations above 0.",
        .offset = offsetof(cluster_args_t, method)},
    {.name = "distance",
        .kind = CLI_CHOICE,
        .metavar = "abs|signed",
        .value = "abs",
        .help = "1 - |r|, or 1 - r.",
        .offset = offsetof(cluster_args_t, distance)},
    {.name = "cut",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "0.5",
        .help = "Clusters are what merges at this distance or below.",
        .offset = offsetof(cluster_args_t, cut)},
    {.name = "clusters",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "by --cut",
        .help = "So many clusters.",
        .offset = offsetof(cluster_args_t, clusters)},
    {.name = "bootstrap",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "50",
        .help = "Draws of tokens behind the stability of each cluster; 0 for none.",
        .offset = offsetof(cluster_args_t, n_bootstrap)},
    {.name = "block",
        .kind = CLI_UNSIGNED,
        .metavar = "TOKENS",
        .value = "20",
        .help = "Tokens in a row that are drawn together.",
        .offset = offsetof(cluster_args_t, block)},
    {.name = "factors",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help = "Factors of nmf.",
        .offset = offsetof(cluster_args_t, factors)},
    {.name = "rounds",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "200",
        .help = "Most rounds of nmf.",
        .offset = offsetof(cluster_args_t, rounds)},
    {.name = "tolerance",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "1e-5",
        .help = "nmf ends where a round gains less than this share of the first error.",
        .offset = offsetof(cluster_args_t, tolerance)},
    {.name = "starts",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "5",
        .help = "Random starts of nmf: the best is kept, the others tell how stable it "
                "is.",
        .offset = offsetof(cluster_args_t, starts)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Neurons with their cluster or factor as a table.",
        .offset = offsetof(cluster_args_t, table)},
    {.name = "representatives",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "A list of neurons, one for each cluster, for other commands to take.",
        .offset = offsetof(cluster_args_t, representatives)},
    {0},
};

static const cli_option_t *const tables[] = {cli_activation_rows, rows, NULL};

static int
check_outputs(const cli_call_t *call)
{
    const cluster_args_t *args = call->args;
    const cli_output_t outputs[] = {{"--output", call->common->output},
        {"--table", args->table}, {"--representatives", args->representatives}};
    int status;

    if (args->method == 1 && args->representatives) {
        return ba_fail(BA_VALUE,
            "--representatives: found --method nmf as well, wanted correlation");
    }
    if (args->clusters == 0) {
        return ba_fail(BA_VALUE, "--clusters: found 0, wanted at least 1");
    }
    BA_TRY(cli_outputs_check_list(
        outputs, 3, args->data.activations.items, args->data.activations.n));
    BA_TRY(cli_outputs_check_list(outputs, 3, &args->only, 1));
out:
    return status;
}

static void
set_options(const cli_call_t *call, ba_grouping_opts_t *opts)
{
    const cluster_args_t *args = call->args;

    *opts = (ba_grouping_opts_t){.factors = args->method,
        .cluster = {.is_signed = args->distance,
            .cut = args->cut,
            .n_clusters = args->clusters == CLI_NOT_GIVEN ? 0 : (size_t) args->clusters,
            .n_bootstrap = (size_t) args->n_bootstrap,
            .block = (size_t) args->block,
            .seed = call->ctx->seed},
        .nmf = {.rank = (size_t) args->factors,
            .n_rounds = (size_t) args->rounds,
            .tolerance = args->tolerance,
            .n_seeds = (size_t) args->starts,
            .seed = call->ctx->seed},
        .output = call->common->output,
        .table = args->table,
        .representatives = args->representatives,
        .force = call->common->force,
        .dry_run = call->common->dry_run,
        .argc = call->argc,
        .argv = call->argv};
}

static void
report(const ba_grouping_opts_t *opts, const ba_grouping_info_t *info)
{
    cli_message_note("%zu tokens, %zu neurons", info->n_tokens, info->n_neurons);
    if (opts->dry_run) {
        cli_message_note("nothing written: this was a dry run");
        return;
    }
    if (info->n_constant > 0) {
        cli_message_note("%zu neuron%s constant", info->n_constant,
            info->n_constant == 1 ? " is" : "s are");
    }
    if (opts->factors) {
        cli_message_note(
            "%zu factors, error %.4f of the activations", info->n_groups, info->error);
    } else {
        cli_message_note("%zu clusters, %zu of one neuron, the largest of %zu",
            info->n_groups, info->n_alone, info->largest);
    }
    if (isfinite(info->stability)) {
        cli_message_note("mean stability %.4f", info->stability);
    }
    cli_message_note("wrote %s", opts->output);
}

static int
run(const cli_call_t *call)
{
    const cluster_args_t *args = call->args;
    ba_activations_t *activations = NULL;
    size_t *only = NULL, n_only = 0;
    ba_grouping_opts_t opts;
    ba_grouping_info_t info;
    int status;

    set_options(call, &opts);
    BA_TRY(check_outputs(call));
    BA_TRY(cli_neuron_data_open(call, &activations, NULL));
    BA_TRY(
        cli_neuron_choice("--only", args->only, &activations->neurons, &only, &n_only));
    opts.activations = activations;
    opts.only = only;
    opts.n_only = n_only;
    BA_TRY(ba_neurons_group(call->ctx, &opts, &info));
    report(&opts, &info);
out:
    free(only);
    ba_activations_free(activations);
    return status;
}

static const char *const description[] = {
    "Groups neurons that say the same: average linkage on correlations, cut at a "
    "distance "
    "or into a number of clusters. Each cluster has one representative, the neuron that "
    "correlates most with the others of its cluster, and a stability, the mean over "
    "draws of the tokens of the best Jaccard index with a cluster of the draw.",
    "With --method nmf the activations above 0 become a product of nonnegative factors; "
    "the stability of a factor is the mean cosine of its loadings with the matching "
    "factor from other random starts.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons cluster --activations act.h5:/residual --layer-size 64 -o clusters.h5 "
     "--table clusters.tsv --representatives one_each.tsv",
        "one neuron for each cluster"},
    {"neurons cluster --activations act.h5:/ffn --method nmf --factors 20 -o factors.h5",
        "twenty factors"},
    {0},
};

const cli_command_t cli_neurons_cluster = {
    .group = "neurons",
    .verb = "cluster",
    .summary = "group neurons that say the same",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(cluster_args_t),
    .run = run,
};
