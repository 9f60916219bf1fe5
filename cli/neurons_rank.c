/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons rank: which neurons tell of which concept. */
#include "cli/list.h"
#include "cli/memory.h"
#include "cli/message.h"
#include "cli/neuron_inputs.h"
#include "cli/outputs.h"
#include "cli/probe_args.h"
#include "cli/rank_brain.h"
#include "cli/rank_note.h"
#include "cli/verbs.h"

#include "brainalign/bundle.h"
#include "brainalign/error.h"
#include "brainalign/figure.h"
#include "brainalign/rank.h"
#include "brainalign/table.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_probe_args_t probe;
    const char *method, *quantiles, *figure, *null_file;
    int direction, gaussian, token_p, halves_by;
    uint64_t n_bins, n_neighbours, n_picks, n_permutations, min_stratum, n_halves, top,
        n_bootstrap, null_top;
    double mass;
    const char *align, *against, *region;
    int by;
} rank_args_t;

static const cli_option_t method_rows[] = {
    {.section = "Method",
        .name = "method",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "NAME",
        .help = "What neurons are ranked by: lca, probeless, gaussian, ap, expert, "
                "auroc, iou, "
                "mean, concept-selectivity, welch, corr, spearman, mi or brain.",
        .offset = offsetof(rank_args_t, method)},
    {.name = "scale",
        .kind = CLI_CHOICE,
        .metavar = "zscore|none",
        .value = "zscore",
        .help = "Neurons are z-scored on the training tokens (methods that compare means "
                "rank neurons by their scale otherwise), or taken as they are. Methods "
                "that sort do not depend on it.",
        .offset = offsetof(rank_args_t, probe.scale)},
    {.name = "direction",
        .kind = CLI_CHOICE,
        .metavar = "positive|negative|either",
        .value = "positive",
        .help = "Neurons that are high where the concept is, or low, or whichever scores "
                "better.",
        .offset = offsetof(rank_args_t, direction)},
    {.name = "quantiles",
        .kind = CLI_STRING,
        .metavar = "Q[,Q...]",
        .otherwise = "0.5,0.9,0.99,0.995",
        .help = "iou: a neuron is on above this quantile of its values; of several the "
                "best counts.",
        .offset = offsetof(rank_args_t, quantiles)},
    {.name = "bins",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help = "mi: quantile bins.",
        .offset = offsetof(rank_args_t, n_bins)},
    {.name = "neighbours",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .otherwise = "by bins",
        .help = "mi: by the distance to the K-th nearest value of the same class.",
        .offset = offsetof(rank_args_t, n_neighbours)},
    {.name = "gaussian",
        .kind = CLI_CHOICE,
        .metavar = "marginal|authors|pitfalls|neurox",
        .value = "marginal",
        .help = "gaussian: prior of the set alone and test tokens scored; or as one of "
                "three programs, whose prior counts all neurons: scatter over N and test "
                "tokens, over N - 1 and test tokens, over N - 1 and training tokens.",
        .offset = offsetof(rank_args_t, gaussian)},
    {.name = "picks",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "50",
        .help = "gaussian: neurons to pick.",
        .offset = offsetof(rank_args_t, n_picks)},
    {.name = "align",
        .kind = CLI_STRING,
        .metavar = "FILE.h5",
        .help = "brain: file of neurons align, which takes the place of activations and "
                "labels; the concepts are its regions and '*', all targets.",
        .offset = offsetof(rank_args_t, align)},
    {.name = "by",
        .kind = CLI_CHOICE,
        .metavar = "delta_r2|positive|alone_r|weight_norm|elimination",
        .value = "delta_r2",
        .help =
            "brain: mean unique contribution, share of targets where it is positive, "
            "held-out r of the neuron alone, norm of its weights, or how many neurons "
            "a backward elimination gave up before it.",
        .offset = offsetof(rank_args_t, by)},
    {.name = "against",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "brain: with --figure, a ranking of the same neurons by concepts whose "
                "scores are drawn against those of the region.",
        .offset = offsetof(rank_args_t, against)},
    {.name = "region",
        .kind = CLI_STRING,
        .metavar = "NAME",
        .value = "*",
        .help = "brain: the region of that picture.",
        .offset = offsetof(rank_args_t, region)},
    {0},
};

static const cli_option_t test_rows[] = {
    {.section = "Significance and stability",
        .name = "permutations",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "no tests",
        .help = "Test every score against N exchanges of labels between word types of "
                "about the same frequency: p with (1 + b) / (1 + N), q "
                "(Benjamini-Hochberg, within a concept) and family-wise p over neurons.",
        .offset = offsetof(rank_args_t, n_permutations)},
    {.name = "save-null",
        .kind = CLI_STRING,
        .metavar = "FILE.h5",
        .help = "Keep the best neurons of each concept under every permutation: neurons "
                "align --label-null tests with them.",
        .offset = offsetof(rank_args_t, null_file)},
    {.name = "null-top",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "a tenth of the neurons, at least 5",
        .help = "How many of them.",
        .offset = offsetof(rank_args_t, null_top)},
    {.name = "min-stratum",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "4",
        .help = "Least word types that are exchanged with one another.",
        .offset = offsetof(rank_args_t, min_stratum)},
    {.name = "token-p",
        .kind = CLI_FLAG,
        .help = "p of ap, expert, auroc and spearman (Mann-Whitney) and welch that takes "
                "tokens for independent, which tokens of one word are not.",
        .offset = offsetof(rank_args_t, token_p)},
    {.name = "halves",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "1, of lca and gaussian none",
        .help = "Random halvings of the training tokens: the correlation over neurons of "
                "the scores in both halves is reported. 0 = none.",
        .offset = offsetof(rank_args_t, n_halves)},
    {.name = "halves-by",
        .kind = CLI_CHOICE,
        .metavar = "types|sentences",
        .value = "types",
        .help = "No word type in both halves, or no sentence.",
        .offset = offsetof(rank_args_t, halves_by)},
    {0},
};

static const cli_option_t result_rows[] = {
    CLI_OUTPUT_ROW("Output",
        "The ranking: a table, best neurons first within each concept, or with a name in "
        ".h5 or .hdf5 all scores with what else was found (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "The table, where --output is HDF5.",
        .offset = offsetof(rank_args_t, probe.table)},
    {.name = "figure",
        .kind = CLI_STRING,
        .metavar = "FILE.svg",
        .help =
            "A picture of the first 24 concepts: how few neurons hold the score above "
            "chance, its share by component and layer, and for each concept the "
            "scores of every layer, best units first. brain: see --against.",
        .offset = offsetof(rank_args_t, figure)},
    {.name = "top",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .otherwise = "all",
        .help = "Neurons of each concept in the table.",
        .offset = offsetof(rank_args_t, top)},
    {.name = "mass",
        .kind = CLI_REAL,
        .metavar = "Q",
        .value = "0.5",
        .help = "Report how few neurons hold this share of a concept's score above "
                "chance.",
        .offset = offsetof(rank_args_t, mass)},
    {0},
};

static const cli_option_t lca_rows[] = {
    {.name = "bootstrap",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "0",
        .help = "lca: draws of word types, else sentences, in which the share with a "
                "weight is the stability of a neuron.",
        .offset = offsetof(rank_args_t, n_bootstrap)},
    {0},
};

static const cli_option_t *const tables[] = {cli_activation_rows, cli_concept_rows,
    cli_token_split_rows, method_rows, cli_probe_rows, cli_neurox_rows, lca_rows,
    test_rows, result_rows, NULL};

static int
is_hdf5(const char *file)
{
    const char *dot = strrchr(file, '.');

    return dot && (strcmp(dot, ".h5") == 0 || strcmp(dot, ".hdf5") == 0);
}

/* Methods that see all neurons at once: each half costs another ranking. */
static int
is_of_all(const char *method)
{
    return strcmp(method, "lca") == 0 || strcmp(method, "gaussian") == 0;
}

static int
set_options(const cli_call_t *call, double **quantiles, const ba_probing_opts_t *probe,
    ba_rank_opts_t *opts)
{
    const rank_args_t *args = call->args;
    int status = BA_OK;

    *opts = ba_rank_opts_default();
    opts->method = args->method;
    opts->zscore = args->probe.scale == 0;
    opts->direction = (ba_rank_direction_t) args->direction;
    opts->n_bins = (size_t) args->n_bins;
    opts->n_neighbours =
        args->n_neighbours == CLI_NOT_GIVEN ? 0 : (size_t) args->n_neighbours;
    opts->gaussian = (ba_gaussian_variant_t) args->gaussian;
    opts->n_picks = (size_t) args->n_picks;
    opts->n_permutations =
        args->n_permutations == CLI_NOT_GIVEN ? 0 : (size_t) args->n_permutations;
    opts->min_stratum = (size_t) args->min_stratum;
    opts->token_p = args->token_p;
    opts->n_halves = args->n_halves != CLI_NOT_GIVEN ? (size_t) args->n_halves
                     : is_of_all(args->method)       ? 0
                                                     : 1;
    opts->halves_by = (ba_halves_by_t) args->halves_by;
    opts->sorted_scores = is_hdf5(call->common->output);
    opts->mass = args->mass;
    opts->n_bootstrap = (size_t) args->n_bootstrap;
    if (args->null_file && opts->n_permutations == 0) {
        BA_TRY(ba_fail(BA_VALUE, "--save-null: wanted --permutations as well"));
    }
    if (strcmp(args->method, "lca") == 0) {
        opts->probe = probe;
    }
    if (args->quantiles) {
        BA_TRY(
            cli_reals_parse("quantiles", args->quantiles, quantiles, &opts->n_quantiles));
        opts->quantiles = *quantiles;
    }
    if (args->probe.table && !is_hdf5(call->common->output)) {
        BA_TRY(ba_fail(BA_VALUE,
            "--table: given beside the table '%s', wanted a name in "
            ".h5 for --output",
            call->common->output));
    }
out:
    return status;
}

/* An output that exists, or cannot be made, is refused before the work starts. */
static int
check_outputs(const cli_call_t *call, const cli_inputs_t *inputs)
{
    const rank_args_t *args = call->args;
    const char *output = call->common->output;
    const char *table = is_hdf5(output) ? args->probe.table : output;
    int force = call->common->force, status = BA_OK;
    ba_table_writer_t *writer = NULL;
    ba_bundle_t *bundle = NULL;
    ba_figure_t *figure = NULL;
    const cli_output_t outputs[] = {{"--output", output}, {"--table", args->probe.table},
        {"--figure", args->figure}, {"--save-null", args->null_file}};

    BA_TRY(cli_outputs_check_list(
        outputs, 4, (const char *const *) inputs->names, inputs->n));
    if (table) {
        BA_TRY(ba_table_create(table, force, &writer));
    }
    if (is_hdf5(output)) {
        BA_TRY(ba_bundle_create(output, force, &bundle));
    }
    if (args->null_file) {
        ba_bundle_free(bundle);
        bundle = NULL;
        BA_TRY(ba_bundle_create(args->null_file, force, &bundle));
    }
    if (args->figure) {
        BA_TRY(ba_figure_create(args->figure, force, &figure));
    }
out:
    ba_table_writer_free(writer);
    ba_bundle_free(bundle);
    ba_figure_free(figure);
    return status;
}

static int
draw(const char *file, int force, const ba_ranking_t *ranking,
    const ba_rank_report_t *report)
{
    ba_figure_t *figure = NULL;
    int status;

    BA_TRY(ba_figure_create(file, force, &figure));
    BA_TRY(ba_figure_ranking(figure, ranking, report));
    BA_TRY(ba_figure_commit(figure));
out:
    ba_figure_free(figure);
    return status;
}

static int
write_outputs(const cli_call_t *call, const ba_ranking_t *ranking,
    const ba_rank_report_t *report, const cli_inputs_t *inputs)
{
    const rank_args_t *args = call->args;
    const char *output = call->common->output;
    const char *table = is_hdf5(output) ? args->probe.table : output;
    int force = call->common->force, status = BA_OK;
    ba_rank_save_t save = {.force = force,
        .argc = call->argc,
        .argv = call->argv,
        .inputs = (const char *const *) inputs->names};

    if (table) {
        BA_TRY(ba_ranking_write(
            ranking, table, args->top == CLI_NOT_GIVEN ? 0 : (size_t) args->top, force));
    }
    if (is_hdf5(output)) {
        save.file = output;
        BA_TRY(ba_rank_save(call->ctx, ranking, report, &save));
    }
    if (args->null_file) {
        save.file = args->null_file;
        BA_TRY(ba_rank_null_save(call->ctx, ranking, report, &save));
    }
    if (args->figure) {
        BA_TRY(draw(args->figure, force, ranking, report));
    }
    cli_message_note("wrote %s", output);
out:
    return status;
}

static int
rank(const cli_call_t *call, const ba_rank_data_t *data, const ba_rank_opts_t *opts,
    const cli_inputs_t *inputs)
{
    int status = BA_OK;
    ba_ranking_t *ranking = NULL;
    ba_rank_report_t *report = NULL;

    if (call->common->dry_run) {
        BA_TRY(ba_neurons_rank_check(call->ctx, data, opts));
        cli_message_note("%zu tokens to fit on, %zu to test on", data->split->n_train,
            data->split->n_test);
        cli_message_note("nothing written: this was a dry run");
        return BA_OK;
    }
    BA_TRY(ba_neurons_rank(call->ctx, data, opts, &ranking, &report));
    cli_rank_note(ranking, report, call->common->verbose);
    BA_TRY(write_outputs(call, ranking, report, inputs));
out:
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    return status;
}

static int
run(const cli_call_t *call)
{
    const rank_args_t *args = call->args;
    int status = BA_OK;
    double *quantiles = NULL;
    ba_activations_t *activations = NULL;
    ba_concepts_t *concepts = NULL;
    ba_token_split_t split = {0};
    cli_inputs_t inputs = {0};
    ba_rank_opts_t opts;
    ba_probing_opts_t probe;
    cli_probing_t probing = {.activations = NULL};

    if (strcmp(args->method, "brain") == 0) {
        return cli_rank_brain(call,
            &(cli_rank_brain_t){.align = args->align,
                .by = args->by,
                .top = args->top == CLI_NOT_GIVEN ? 0 : (size_t) args->top,
                .figure = args->figure,
                .against = args->against,
                .region = args->region,
                .has_tokens =
                    args->probe.data.activations.n > 0 || args->probe.data.labels.n > 0});
    }
    BA_TRY(cli_probing_set(call, &probing, &probe));
    BA_TRY(set_options(call, &quantiles, &probe, &opts));
    BA_TRY(cli_neuron_data_open(call, &activations, &concepts));
    BA_TRY(cli_token_split(call, concepts, &split));
    BA_TRY(cli_neuron_inputs(&args->probe.data, activations, &inputs));
    BA_TRY(check_outputs(call, &inputs));
    cli_neuron_data_note(activations, concepts);
    if (args->null_file) {
        size_t tenth = (activations->neurons.n_neurons + 9) / 10;

        opts.null_top = args->null_top != CLI_NOT_GIVEN ? (size_t) args->null_top
                        : tenth > 5                     ? tenth
                                                        : 5;
    }
    BA_TRY(rank(call, &(ba_rank_data_t){activations, concepts, &split}, &opts, &inputs));
out:
    cli_inputs_free(&inputs);
    ba_token_split_free(&split);
    ba_concepts_free(concepts);
    ba_activations_free(activations);
    cli_probing_close(&probing);
    free(quantiles);
    return status;
}

static const char *const description[] = {
    "Ranks neurons for every concept by what their activations tell of it on the "
    "training "
    "tokens; the same score on the test tokens is reported beside it. Methods that score "
    "all classes together add the concept '*'.",
    "ap, expert, auroc, iou, spearman and mi go by the order of a neuron's values: it is "
    "sorted once for all concepts, permutations and halves. mean, concept-selectivity, "
    "probeless, welch and corr go by means. gaussian picks neurons one by one for all "
    "classes together. expert is ap with the values that a neuron takes on tokens of the "
    "concept, in the HDF5 file.",
    "Tokens of one word have much in common, so that tests that count tokens find nearly "
    "every neuron significant. --permutations exchanges labels between words of about "
    "the "
    "same frequency instead.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons rank --activations act.h5:/ffn --layer-size 172 --labels "
     "corpus.conllu:upos "
     "--method ap --permutations 1000 -o rank.tsv",
        "average precision for every tag, with tests"},
    {"neurons rank --activations act.h5:/ffn --layer-size 172 --labels tokens.tsv:tag "
     "--forms tokens.tsv:form --method probeless --concept DET --concept VERB -o rank.h5 "
     "--table rank.tsv --top 50 --figure rank.svg",
        "class means of two tags; all scores as HDF5, the best 50 as a table, a picture"},
    {"neurons rank --method brain --align align.h5 -o brain.tsv",
        "neurons by what regions of the brain need them for"},
    {0},
};

const cli_command_t cli_neurons_rank = {
    .group = "neurons",
    .verb = "rank",
    .summary = "rank neurons by what they tell of concepts",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_OUTPUT | CLI_SHARE_COMPUTE | CLI_SHARE_MEMORY | CLI_SHARE_MESSAGES,
    .args_size = sizeof(rank_args_t),
    .run = run,
};
