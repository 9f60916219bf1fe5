/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons ablate: a probe without some of its neurons. */
#include "cli/list.h"
#include "cli/memory.h"
#include "cli/message.h"
#include "cli/probe_args.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/figure.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_probe_args_t probe;
    const char *ranking, *ranking_concept, *sizes, *modes;
    uint64_t n_random;
} ablate_args_t;

static const cli_option_t rows[] = {
    {.section = "Ablation",
        .name = "ranking",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "FILE.tsv",
        .help = "The table of neurons rank.",
        .offset = offsetof(ablate_args_t, ranking)},
    {.name = "ranking-concept",
        .kind = CLI_STRING,
        .metavar = "NAME",
        .otherwise = "'*', or the only one",
        .help = "Concept of the ranking whose order is followed.",
        .offset = offsetof(ablate_args_t, ranking_concept)},
    {.name = "sizes",
        .kind = CLI_STRING,
        .metavar = "N[,N...]|X%[,X%...]",
        .value = "1%,2%,5%,10%,20%,50%",
        .help = "Neurons in a set, ascending: numbers, or shares of all neurons.",
        .offset = offsetof(ablate_args_t, sizes)},
    {.name = "modes",
        .kind = CLI_STRING,
        .metavar = "keep,zero,mean,retrain",
        .value = "keep,zero,retrain",
        .help = "The rest at 0 (after scaling); these at 0; these at their mean; a probe "
                "on these alone.",
        .offset = offsetof(ablate_args_t, modes)},
    {.name = "random",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help =
            "Random sets of each size, for the mean and the interval from 2.5 to 97.5 "
            "%.",
        .offset = offsetof(ablate_args_t, n_random)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "The same as a table: a line for each set, mode and size.",
        .offset = offsetof(ablate_args_t, probe.table)},
    {.name = "figure",
        .kind = CLI_STRING,
        .metavar = "FILE.svg",
        .help = "A picture: accuracy by the number of neurons for each mode, random sets "
                "with their interval, beside all neurons and the most frequent class.",
        .offset = offsetof(ablate_args_t, probe.figure)},
    {0},
};

static const cli_option_t *const tables[] = {cli_activation_rows, cli_concept_rows,
    cli_token_split_rows, cli_probe_rows, cli_probe_scale_rows, cli_neurox_rows, rows,
    NULL};

/* Numbers with or without a per cent sign each: all or none. */
static int
parse_sizes(const char *text, double **sizes, ba_neurons_ablate_opts_t *opts)
{
    size_t length = strlen(text), n_signs = 0, k = 0;
    char *plain = cli_calloc(length + 1, 1);
    int status;

    *sizes = NULL;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '%') {
            n_signs++;
        } else {
            plain[k++] = text[i];
        }
    }
    BA_TRY(cli_reals_parse("sizes", plain, sizes, &opts->n_sizes));
    if (n_signs > 0 && n_signs != opts->n_sizes) {
        BA_TRY(
            ba_fail(BA_VALUE, "--sizes: found '%s', wanted all with %% or none", text));
    }
    for (size_t i = 0; i < opts->n_sizes; i++) {
        if (!((*sizes)[i] > 0) || (i > 0 && !((*sizes)[i] > (*sizes)[i - 1]))) {
            BA_TRY(ba_fail(
                BA_VALUE, "--sizes: found '%s', wanted ascending numbers above 0", text));
        }
        (*sizes)[i] /= n_signs > 0 ? 100 : 1;
    }
    opts->sizes = *sizes;
    opts->sizes_are_shares = n_signs > 0;
out:
    free(plain);
    return status;
}

static int
set_options(const cli_call_t *call, double **sizes, ba_neurons_ablate_opts_t *opts)
{
    const ablate_args_t *args = call->args;
    int status;

    opts->ranking = args->ranking;
    opts->concept = args->ranking_concept;
    opts->n_random = (size_t) args->n_random;
    BA_TRY(parse_sizes(args->sizes, sizes, opts));
    BA_TRY(cli_words_parse("modes", "keep|zero|mean|retrain", args->modes, &opts->modes));
out:
    return status;
}

static void
report(const ba_neurons_ablate_opts_t *opts, const ba_neurons_ablate_info_t *info)
{
    static const char *const modes[4] = {"keep", "zero", "mean", "retrain"};

    cli_message_note("%zu tokens to fit on, %zu to test on, %zu class%s", info->n_train,
        info->n_test, info->n_classes, info->n_classes == 1 ? "" : "es");
    if (opts->probing.dry_run) {
        cli_message_note("nothing written: this was a dry run");
        return;
    }
    cli_message_note("accuracy with all neurons %.4f (most frequent class %.4f)",
        info->accuracy, info->majority);
    for (size_t k = 0; k < 4; k++) {
        if (opts->modes & (1u << k)) {
            cli_message_note("%s: mean accuracy over the sizes %.4f top, %.4f bottom, "
                             "%.4f random",
                modes[k], info->area[0][k], info->area[1][k], info->area[2][k]);
        }
    }
    cli_message_note("wrote %s (%.1f s)", opts->probing.output, info->seconds);
}

/* The figure was created before the work: one that exists is refused then. */
static int
draw(const cli_call_t *call, ba_figure_t *figure)
{
    int status = BA_OK;

    if (figure && !call->common->dry_run) {
        BA_TRY(ba_figure_ablation(figure, call->common->output));
        BA_TRY(ba_figure_commit(figure));
    }
out:
    return status;
}

static int
run(const cli_call_t *call)
{
    const ablate_args_t *args = call->args;
    const char *const more[] = {args->ranking};
    ba_neurons_ablate_opts_t opts = ba_neurons_ablate_opts_default();
    ba_neurons_ablate_info_t info;
    cli_probing_t probing = {.activations = NULL};
    ba_figure_t *figure = NULL;
    double *sizes = NULL;
    int status;

    BA_TRY(set_options(call, &sizes, &opts));
    BA_TRY(cli_probing_open(call, more, 1, &probing, &opts.probing));
    if (args->probe.figure) {
        BA_TRY(ba_figure_create(args->probe.figure, call->common->force, &figure));
    }
    BA_TRY(ba_neurons_ablate(call->ctx, &probing.data, &opts, &info));
    BA_TRY(draw(call, figure));
    report(&opts, &info);
out:
    ba_figure_free(figure);
    cli_probing_close(&probing);
    free(sizes);
    return status;
}

static const char *const description[] = {
    "Does a ranking find the neurons that a probe uses? Sets of growing size from its "
    "top, its bottom and at random are kept, put to 0 or their mean, or given a probe of "
    "their own, and scored on the test tokens. This is ablation at the probe: the model "
    "itself is not run.",
    "After z-scoring 0 is the mean, so that zero and mean agree.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons ablate --activations act.h5:/residual --layer-size 64 --labels "
     "corpus.conllu:upos --ranking rank.tsv --random 20 -o ablation.h5 --table "
     "ablation.tsv --figure ablation.svg",
        "curves of a ranking against random sets"},
    {0},
};

const cli_command_t cli_neurons_ablate = {
    .group = "neurons",
    .verb = "ablate",
    .summary = "score a probe without the top, bottom or random neurons of a ranking",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_OUTPUT | CLI_SHARE_COMPUTE | CLI_SHARE_MEMORY | CLI_SHARE_MESSAGES,
    .args_size = sizeof(ablate_args_t),
    .run = run,
};
