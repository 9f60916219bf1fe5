/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/probe_args.h"
#include "cli/list.h"
#include "cli/memory.h"

#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

const cli_option_t cli_probe_rows[] = {
    {.section = "Probe",
        .name = "kind",
        .kind = CLI_CHOICE,
        .metavar = "softmax|one-vs-rest|regression",
        .otherwise = "softmax where no token has two concepts, else one-vs-rest, which "
                     "one concept alone is too",
        .help = "One softmax over all concepts, or a logistic probe or a regression for "
                "each.",
        .offset = offsetof(cli_probe_args_t, kind)},
    {.name = "penalty",
        .kind = CLI_CHOICE,
        .metavar = "neurox|squared",
        .value = "neurox",
        .help = "l1 sum|W| + l2 ||W||, the root and not its square as in NeuroX; or l1 "
                "sum|W| + l2/2 ||W||^2.",
        .offset = offsetof(cli_probe_args_t, penalty)},
    {.name = "l1",
        .kind = CLI_STRING,
        .metavar = "X[,X...]",
        .value = "0.001",
        .help =
            "Weight of the sum of absolute weights; of several the one with the least "
            "loss on part of the training tokens is taken. Large ones first: each fit "
            "starts from the one before.",
        .offset = offsetof(cli_probe_args_t, l1)},
    {.name = "l2",
        .kind = CLI_STRING,
        .metavar = "X[,X...]",
        .otherwise = "as --l1",
        .help = "Weight of the norm: one, or one for each of --l1.",
        .offset = offsetof(cli_probe_args_t, l2)},
    {.name = "validation",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "0.1",
        .help = "Share of the training tokens to choose penalties by: whole word types "
                "where they are known, else sentences.",
        .offset = offsetof(cli_probe_args_t, validation)},
    {.name = "gap",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "1e-6",
        .help = "Stop where the duality gap, which bounds how far the objective is from "
                "its least value, is at most this share of it.",
        .offset = offsetof(cli_probe_args_t, gap)},
    {0},
};

const cli_option_t cli_probe_scale_rows[] = {
    {.name = "scale",
        .kind = CLI_CHOICE,
        .metavar = "zscore|none",
        .value = "zscore",
        .help = "Scaling of each neuron on the training tokens.",
        .offset = offsetof(cli_probe_args_t, scale)},
    {0},
};

const cli_option_t cli_neurox_rows[] = {
    {.section = "NeuroX's training",
        .name = "neurox",
        .kind = CLI_FLAG,
        .help = "Train as NeuroX does, by Adam on batches in row order, in float64, "
                "instead of solving: to repeat its results. Nothing is certified and no "
                "weight is exactly 0.",
        .offset = offsetof(cli_probe_args_t, neurox)},
    {.name = "epochs",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help = "Passes over the training tokens.",
        .offset = offsetof(cli_probe_args_t, epochs)},
    {.name = "batch",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "32",
        .help = "Tokens in a batch.",
        .offset = offsetof(cli_probe_args_t, batch)},
    {.name = "rate",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "0.001",
        .help = "Adam's learning rate.",
        .offset = offsetof(cli_probe_args_t, rate)},
    {.name = "start-weights",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "drawn by --seed",
        .help = "Initial weights, n_classes x n_neurons.",
        .offset = offsetof(cli_probe_args_t, start_weights)},
    {.name = "start-bias",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "drawn by --seed; 0 with --start-weights",
        .help = "Initial biases, one for each class.",
        .offset = offsetof(cli_probe_args_t, start_bias)},
    {.name = "order",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "as they stand",
        .help = "Order of the training tokens, epochs x tokens: positions among those "
                "fitted on, from 0.",
        .offset = offsetof(cli_probe_args_t, order)},
    {0},
};

static int
set_penalties(
    const cli_probe_args_t *args, cli_probing_t *probing, ba_probing_opts_t *opts)
{
    size_t n_l2 = 0;
    int status;

    BA_TRY(cli_reals_parse("l1", args->l1, &probing->l1, &opts->n_penalties));
    if (args->l2) {
        BA_TRY(cli_reals_parse("l2", args->l2, &probing->l2, &n_l2));
    }
    if (n_l2 > 1 && n_l2 != opts->n_penalties) {
        BA_TRY(ba_fail(BA_VALUE,
            "--l2: found %zu values, wanted one or as many as --l1, "
            "%zu",
            n_l2, opts->n_penalties));
    }
    if (n_l2 <= 1) {
        double one = n_l2 == 1 ? probing->l2[0] : 0;

        free(probing->l2);
        probing->l2 = cli_calloc(opts->n_penalties, sizeof *probing->l2);
        for (size_t i = 0; i < opts->n_penalties; i++) {
            probing->l2[i] = n_l2 == 1 ? one : probing->l1[i];
        }
    }
    for (size_t i = 0; i < opts->n_penalties; i++) {
        if (probing->l1[i] < 0 || probing->l2[i] < 0) {
            BA_TRY(ba_fail(BA_VALUE, "--%s: found %g, wanted 0 or more",
                probing->l1[i] < 0 ? "l1" : "l2",
                probing->l1[i] < 0 ? probing->l1[i] : probing->l2[i]));
        }
    }
    opts->l1 = probing->l1;
    opts->l2 = probing->l2;
out:
    return status;
}

static int
check_ranges(const cli_probe_args_t *args)
{
    if (!(args->validation > 0 && args->validation < 1)) {
        return ba_fail(BA_VALUE, "--validation: found %g, wanted above 0 and below 1",
            args->validation);
    }
    if (!(args->gap > 0)) {
        return ba_fail(BA_VALUE, "--gap: found %g, wanted above 0", args->gap);
    }
    if (args->epochs == 0 || args->batch == 0 || !(args->rate > 0)) {
        return ba_fail(BA_VALUE, "--%s: found 0, wanted above 0",
            args->epochs == 0  ? "epochs"
            : args->batch == 0 ? "batch"
                               : "rate");
    }
    if (!args->neurox && (args->start_weights || args->start_bias || args->order)) {
        return ba_fail(BA_VALUE, "--%s: found without --neurox, which it is for",
            args->start_weights ? "start-weights"
            : args->start_bias  ? "start-bias"
                                : "order");
    }
    if (args->start_bias && !args->start_weights) {
        return ba_fail(
            BA_VALUE, "--start-bias: found without --start-weights, wanted both");
    }
    return BA_OK;
}

int
cli_probing_set(const cli_call_t *call, cli_probing_t *probing, ba_probing_opts_t *opts)
{
    const cli_probe_args_t *args = call->args;
    int status;

    *opts = ba_probing_opts_default();
    opts->kind = args->kind < 0    ? BA_PROBING_AUTO
                 : args->kind == 0 ? BA_PROBING_SOFTMAX
                 : args->kind == 1 ? BA_PROBING_ONE_VS_REST
                                   : BA_PROBING_REGRESSION;
    opts->trainer.is_neurox = args->neurox;
    opts->trainer.fit.penalty =
        args->penalty == 0 ? BA_PENALTY_NEUROX : BA_PENALTY_SQUARED;
    opts->trainer.fit.gap = args->gap;
    opts->trainer.adam.epochs = (size_t) args->epochs;
    opts->trainer.adam.batch = (size_t) args->batch;
    opts->trainer.adam.rate = args->rate;
    opts->zscore = args->scale == 0;
    opts->validation = args->validation;
    opts->start_weights = args->start_weights;
    opts->start_bias = args->start_bias;
    opts->order = args->order;
    opts->output = call->common->output;
    opts->table = args->table;
    opts->list = args->list;
    opts->force = call->common->force;
    opts->dry_run = call->common->dry_run;
    opts->argc = call->argc;
    opts->argv = call->argv;
    BA_TRY(check_ranges(args));
    if (args->neurox && args->penalty != 0) {
        BA_TRY(ba_fail(
            BA_VALUE, "--penalty: found squared with --neurox, whose form is neurox"));
    }
    BA_TRY(set_penalties(args, probing, opts));
out:
    return status;
}

/* The files behind options, and `more`. */
static void
list_files(cli_probing_t *probing, const char *const *more, size_t n_more)
{
    size_t n = probing->inputs.n;

    probing->files = cli_calloc(n + n_more + 1, sizeof *probing->files);
    for (size_t i = 0; i < n; i++) {
        probing->files[i] = probing->inputs.names[i];
    }
    for (size_t i = 0; i < n_more; i++) {
        if (more[i]) {
            probing->files[n++] = more[i];
        }
    }
}

int
cli_probing_open(const cli_call_t *call, const char *const *more, size_t n_more,
    cli_probing_t *probing, ba_probing_opts_t *opts)
{
    const cli_probe_args_t *args = call->args;
    const cli_output_t outputs[] = {{"--output", call->common->output},
        {"--table", args->table}, {"--figure", args->figure},
        {"--minimal-list", args->list}};
    size_t n_files = 0;
    int status;

    *probing = (cli_probing_t){.activations = NULL};
    BA_TRY(cli_probing_set(call, probing, opts));
    BA_TRY(cli_neuron_data_open(call, &probing->activations, &probing->concepts));
    BA_TRY(cli_token_split(call, probing->concepts, &probing->split));
    BA_TRY(cli_neuron_inputs(&args->data, probing->activations, &probing->inputs));
    list_files(probing, more, n_more);
    while (probing->files[n_files]) {
        n_files++;
    }
    BA_TRY(cli_outputs_check_list(outputs, 4, probing->files, n_files));
    opts->inputs = probing->files;
    probing->data =
        (ba_probing_data_t){probing->activations, probing->concepts, &probing->split};
    cli_neuron_data_note(probing->activations, probing->concepts);
out:
    return status;
}

void
cli_probing_close(cli_probing_t *probing)
{
    cli_inputs_free(&probing->inputs);
    ba_token_split_free(&probing->split);
    ba_concepts_free(probing->concepts);
    ba_activations_free(probing->activations);
    free(probing->files);
    free(probing->l1);
    free(probing->l2);
}
