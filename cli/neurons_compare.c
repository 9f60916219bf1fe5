/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons compare: models, layers or seeds on the same tokens; or rankings of neurons. */
#include "cli/list.h"
#include "cli/memory.h"
#include "cli/message.h"
#include "cli/neuron_data.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/structure.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_neuron_data_t data;
    cli_list_t rankings;
    const char *concept, *measures, *table, *pairs, *as_ranking;
    int by, centre, dissimilarity;
    double variance, cut;
    uint64_t more, rsa_tokens, top, depth;
} compare_args_t;

static const cli_option_t rows[] = {
    {.section = "Models",
        .name = "by",
        .kind = CLI_CHOICE,
        .metavar = "component|layer",
        .otherwise = "component where there are several, else layer",
        .help = "What one model is: all neurons of a component (a file of its own NAME), "
                "or each layer of each component.",
        .offset = offsetof(compare_args_t, by)},
    {.name = "measures",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .value = "corr,linreg,svcca,pwcca,cka,rsa",
        .help = "What to compute: corr (MaxCorr and MinCorr), linreg, svcca, pwcca, cka "
                "(with the debiased form), rsa.",
        .offset = offsetof(compare_args_t, measures)},
    {.name = "centre",
        .kind = CLI_YESNO,
        .metavar = "yes|no",
        .value = "yes",
        .help = "Neurons about their means, for svcca, pwcca and cka.",
        .offset = offsetof(compare_args_t, centre)},
    {.name = "variance",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "0.99",
        .help = "SVCCA keeps the directions that together have less than this share of "
                "the variance.",
        .offset = offsetof(compare_args_t, variance)},
    {.name = "more-directions",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "0",
        .help = "So many directions more for SVCCA; 1 reaches the share.",
        .offset = offsetof(compare_args_t, more)},
    {.name = "rank-cut",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "1e-10",
        .help = "Singular values up to this times the largest are none.",
        .offset = offsetof(compare_args_t, cut)},
    {.name = "dissimilarity",
        .kind = CLI_CHOICE,
        .metavar = "correlation|cosine|euclidean",
        .value = "correlation",
        .help = "Of two tokens, for rsa.",
        .offset = offsetof(compare_args_t, dissimilarity)},
    {.name = "rsa-tokens",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "2000",
        .help = "Most tokens of rsa, evenly spaced among all.",
        .offset = offsetof(compare_args_t, rsa_tokens)},
    {.section = "Rankings",
        .name = "ranking",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]FILE.tsv",
        .help = "Instead of activations: tables of neurons rank, whose agreement is "
                "measured concept by concept.",
        .offset = offsetof(compare_args_t, rankings)},
    {.name = "concept",
        .kind = CLI_STRING,
        .metavar = "NAME",
        .otherwise = "all that every table has",
        .help = "This concept alone.",
        .offset = offsetof(compare_args_t, concept)},
    {.name = "top",
        .kind = CLI_UNSIGNED,
        .metavar = "K",
        .value = "50",
        .help = "First neurons of each ranking that are compared.",
        .offset = offsetof(compare_args_t, top)},
    {.name = "depth",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "100",
        .help = "First neurons of each ranking that get points in the vote.",
        .offset = offsetof(compare_args_t, depth)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Neurons as a table; of rankings, a line for each concept and ranking.",
        .offset = offsetof(compare_args_t, table)},
    {.name = "pairs",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Pairs of models as a table.",
        .offset = offsetof(compare_args_t, pairs)},
    {.name = "as-ranking",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Neurons ranked by maxcorr, mincorr and linreg, a table for neurons "
                "select.",
        .offset = offsetof(compare_args_t, as_ranking)},
    {0},
};

static const cli_option_t *const tables[] = {cli_activation_rows, rows, NULL};

static int
check_outputs(const cli_call_t *call)
{
    const compare_args_t *args = call->args;
    const cli_output_t outputs[] = {{"--output", call->common->output},
        {"--table", args->table}, {"--pairs", args->pairs},
        {"--as-ranking", args->as_ranking}};
    int status;

    BA_TRY(cli_outputs_check_list(
        outputs, 4, args->data.activations.items, args->data.activations.n));
    BA_TRY(cli_outputs_check_list(outputs, 4, args->rankings.items, args->rankings.n));
out:
    return status;
}

static int
compare_models(const cli_call_t *call)
{
    const compare_args_t *args = call->args;
    ba_crossmodel_opts_t opts = ba_crossmodel_opts_default();
    ba_activations_t *activations = NULL;
    ba_crossmodel_info_t info;
    int status;

    BA_TRY(cli_words_parse(
        "measures", "corr|linreg|svcca|pwcca|cka|rsa", args->measures, &opts.what));
    BA_TRY(cli_neuron_data_open(call, &activations, NULL));
    opts.activations = activations;
    opts.by = args->by < 0    ? BA_MODEL_DEFAULT
              : args->by == 0 ? BA_MODEL_COMPONENT
                              : BA_MODEL_LAYER;
    opts.similarity = (ba_similarity_opts_t){.cut = args->cut,
        .variance = args->variance,
        .more = (size_t) args->more,
        .centre = args->centre};
    opts.dissimilarity = (ba_dissimilarity_t) args->dissimilarity;
    opts.rsa_tokens = (size_t) args->rsa_tokens;
    opts.output = call->common->output;
    opts.table = args->table;
    opts.pairs = args->pairs;
    opts.ranking = args->as_ranking;
    opts.force = call->common->force;
    opts.dry_run = call->common->dry_run;
    opts.argc = call->argc;
    opts.argv = call->argv;
    BA_TRY(ba_neurons_compare(call->ctx, &opts, &info));
    cli_message_note("%zu models, %zu neurons, %zu tokens", info.n_models, info.n_neurons,
        info.n_tokens);
    if (!opts.dry_run && isfinite(info.most_cka)) {
        cli_message_note(
            "CKA of different models from %.4f to %.4f", info.least_cka, info.most_cka);
    }
    cli_message_note(
        opts.dry_run ? "nothing written: this was a dry run" : "wrote %s", opts.output);
out:
    ba_activations_free(activations);
    return status;
}

/* NAME=FILE apart; a file alone is its own name. The caller frees each name. */
static void
split_names(const cli_list_t *list, char **names, const char **files)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *equals = strchr(list->items[i], '=');
        size_t length = equals ? (size_t) (equals - list->items[i]) : 0;

        files[i] = length > 0 ? equals + 1 : list->items[i];
        length = length > 0 ? length : strlen(list->items[i]);
        names[i] = cli_calloc(length + 1, 1);
        memcpy(names[i], list->items[i], length);
    }
}

static int
compare_rankings(const cli_call_t *call)
{
    const compare_args_t *args = call->args;
    ba_agreement_opts_t opts = ba_agreement_opts_default();
    size_t n = args->rankings.n;
    char **names = cli_calloc(n, sizeof *names);
    const char **files = cli_calloc(n, sizeof *files);
    ba_agreement_info_t info;
    int status;

    split_names(&args->rankings, names, files);
    opts.files = files;
    opts.names = (const char *const *) names;
    opts.n_files = n;
    opts.concept = args->concept;
    opts.top = (size_t) args->top;
    opts.depth = (size_t) args->depth;
    opts.output = call->common->output;
    opts.table = args->table;
    opts.force = call->common->force;
    opts.dry_run = call->common->dry_run;
    opts.argc = call->argc;
    opts.argv = call->argv;
    BA_TRY(ba_neurons_agree(call->ctx, &opts, &info));
    cli_message_note("%zu rankings of %zu neurons, %zu concept%s", info.n_methods,
        info.n_neurons, info.n_concepts, cli_plural(info.n_concepts));
    cli_message_note("mean overlap of the first %zu %.4f, with the vote of the others "
                     "%.4f; mean Spearman %.4f",
        opts.top, info.overlap, info.vote, info.spearman);
    cli_message_note(
        opts.dry_run ? "nothing written: this was a dry run" : "wrote %s", opts.output);
out:
    for (size_t i = 0; i < n; i++) {
        free(names[i]);
    }
    free(names);
    free(files);
    return status;
}

static int
run(const cli_call_t *call)
{
    const compare_args_t *args = call->args;
    int status;

    if (args->rankings.n > 0 && args->data.activations.n > 0) {
        return ba_fail(
            BA_VALUE, "--ranking: found --activations as well, wanted one of them");
    }
    if (args->rankings.n > 0 && (args->pairs || args->as_ranking)) {
        return ba_fail(BA_VALUE,
            "--%s: found --ranking as well, wanted models to compare",
            args->pairs ? "pairs" : "as-ranking");
    }
    BA_TRY(check_outputs(call));
    BA_TRY(args->rankings.n > 0 ? compare_rankings(call) : compare_models(call));
out:
    return status;
}

static const char *const description[] = {
    "Compares models, layers or seeds that saw the same tokens. Each neuron: its best "
    "|r| "
    "with a neuron of another model (largest and smallest over models), and how well all "
    "neurons of another model predict it. Each pair of models: SVCCA, PWCCA, linear CKA, "
    "biased and debiased, and Spearman's correlation of dissimilarities between tokens.",
    "A model with as many directions as there are tokens predicts anything: a warning "
    "says where linreg and canonical correlations mean nothing for that reason.",
    "With --ranking tables of neurons rank are compared instead: overlap of the first "
    "neurons, overlap with the vote of the other tables, Spearman and Kendall.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons compare --activations act.h5:/residual --layer-size 64 -o layers.h5 "
     "--pairs "
     "layers.tsv",
        "the layers of one model"},
    {"neurons compare --activations one=seed1.h5:/h --activations two=seed2.h5:/h -o "
     "seeds.h5 --table seeds.tsv",
        "two seeds"},
    {"neurons compare --ranking lca.tsv --ranking probeless.tsv --ranking ap.tsv --top "
     "50 "
     "-o agree.h5 --table agree.tsv",
        "three ways of ranking the same neurons"},
    {0},
};

const cli_command_t cli_neurons_compare = {
    .group = "neurons",
    .verb = "compare",
    .summary = "compare models, layers or rankings",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(compare_args_t),
    .run = run,
};
