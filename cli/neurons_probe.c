/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons probe: how well neurons tell concepts. */
#include "cli/list.h"
#include "cli/message.h"
#include "cli/probe_args.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>

typedef struct {
    cli_probe_args_t probe;
    const char *keep, *zero, *mean, *retrain, *control;
    uint64_t n_draws, n_bootstrap;
    int code_length, by_layer;
    double minimal;
} probe_args_t;

static const cli_option_t rows[] = {
    {.section = "Sets of neurons",
        .name = "keep",
        .kind = CLI_STRING,
        .metavar = "LIST.tsv",
        .help = "Score the probe with all but these neurons at 0 (after scaling). A list "
                "of neurons select, or one number a line.",
        .offset = offsetof(probe_args_t, keep)},
    {.name = "zero",
        .kind = CLI_STRING,
        .metavar = "LIST.tsv",
        .help = "And with these at 0.",
        .offset = offsetof(probe_args_t, zero)},
    {.name = "mean",
        .kind = CLI_STRING,
        .metavar = "LIST.tsv",
        .help = "And with these at their mean over the training tokens; after z-scoring "
                "that is 0.",
        .offset = offsetof(probe_args_t, mean)},
    {.name = "retrain",
        .kind = CLI_STRING,
        .metavar = "LIST.tsv",
        .help = "And a probe fitted on these neurons alone.",
        .offset = offsetof(probe_args_t, retrain)},
    {.name = "by-layer",
        .kind = CLI_FLAG,
        .help = "And one for every layer of every component.",
        .offset = offsetof(probe_args_t, by_layer)},
    {.name = "minimal",
        .kind = CLI_REAL,
        .metavar = "X",
        .help =
            "Fewest neurons, first of the probe's own order, whose retrained probe is "
            "right on more than 1 - X times as many test tokens as all neurons' (0.01 "
            "is usual).",
        .offset = offsetof(probe_args_t, minimal)},
    {.name = "minimal-list",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Write them as a list that other commands take, as neurons select does.",
        .offset = offsetof(probe_args_t, probe.list)},
    {.section = "What the accuracy is worth",
        .name = "control",
        .kind = CLI_STRING,
        .metavar = "same,uniform",
        .help =
            "Control tasks: every word type carries a random class, drawn from the "
            "classes of the training tokens or all alike. Selectivity is the accuracy "
            "on the task minus that on the control.",
        .offset = offsetof(probe_args_t, control)},
    {.name = "control-draws",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "1",
        .help = "Draws of each control task.",
        .offset = offsetof(probe_args_t, n_draws)},
    {.name = "code-length",
        .kind = CLI_FLAG,
        .help = "Online code length of the training labels in bits.",
        .offset = offsetof(probe_args_t, code_length)},
    {.name = "stability",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .help = "Share of N bootstrap draws of word types (else sentences) in which each "
                "weight is not 0.",
        .offset = offsetof(probe_args_t, n_bootstrap)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Scores as a table, a line for each probe.",
        .offset = offsetof(probe_args_t, probe.table)},
    {0},
};

static const cli_option_t *const tables[] = {cli_activation_rows, cli_concept_rows,
    cli_token_split_rows, cli_probe_rows, cli_probe_scale_rows, cli_neurox_rows, rows,
    NULL};

static int
set_options(const cli_call_t *call, ba_neurons_probe_opts_t *opts)
{
    const probe_args_t *args = call->args;
    int status = BA_OK;

    opts->keep = args->keep;
    opts->zero = args->zero;
    opts->mean = args->mean;
    opts->retrain = args->retrain;
    opts->by_layer = args->by_layer;
    opts->code_length = args->code_length;
    opts->n_draws = (size_t) args->n_draws;
    opts->n_bootstrap =
        args->n_bootstrap == CLI_NOT_GIVEN ? 0 : (size_t) args->n_bootstrap;
    opts->minimal = isnan(args->minimal) ? -1 : args->minimal;
    if (args->n_draws == 0) {
        BA_TRY(ba_fail(BA_VALUE, "--control-draws: found 0, wanted at least 1"));
    }
    if (args->minimal < 0 || args->minimal >= 1) {
        BA_TRY(ba_fail(
            BA_VALUE, "--minimal: found %g, wanted from 0 to below 1", args->minimal));
    }
    if (args->probe.list && !(args->minimal > 0)) {
        BA_TRY(ba_fail(BA_VALUE,
            "--minimal-list: needs --minimal above 0, the share that may be lost"));
    }
    if (args->control) {
        BA_TRY(cli_words_parse("control", "same|uniform", args->control, &opts->control));
    }
out:
    return status;
}

static void
report_worth(const ba_neurons_probe_opts_t *opts, const ba_neurons_probe_info_t *info)
{
    static const char *const names[2] = {"same", "uniform"};

    for (size_t k = 0; k < 2; k++) {
        if (opts->control & (1u << k)) {
            cli_message_note("selectivity against %s: %.4f (accuracy minus that of the "
                             "control task)",
                names[k], info->selectivity[k]);
        }
    }
    if (opts->code_length) {
        cli_message_note("code length: %.0f bits, %.2f times shorter than uniform",
            info->bits, info->uniform_bits / info->bits);
    }
    if (opts->minimal >= 0) {
        cli_message_note("fewest neurons within %g: %zu", opts->minimal, info->n_minimal);
    }
}

static void
report(const ba_neurons_probe_opts_t *opts, const ba_neurons_probe_info_t *info)
{
    cli_message_note("%zu tokens to fit on, %zu to test on, %zu class%s", info->n_train,
        info->n_test, info->n_classes, info->n_classes == 1 ? "" : "es");
    if (opts->probing.dry_run) {
        cli_message_note("nothing written: this was a dry run");
        return;
    }
    if (info->n_constant > 0) {
        cli_message_note("%zu neuron%s constant over the tokens to fit on",
            info->n_constant, info->n_constant == 1 ? " is" : "s are");
    }
    if (opts->probing.trainer.is_neurox) {
        cli_message_note(
            "trained as NeuroX does: objective %.8g, not an optimum", info->objective);
    } else {
        cli_message_note("l1 %g, l2 %g: objective %.8g, gap %.1e%s; %zu weights of %zu "
                         "neurons",
            info->l1, info->l2, info->objective, info->gap,
            info->is_converged ? "" : " (not converged)", info->n_nonzero,
            info->n_neurons_used);
    }
    cli_message_note("accuracy %.4f (most frequent class %.4f), F1 %.4f (macro)",
        info->accuracy, info->majority, info->f1_macro);
    if (info->n_undefined > 0) {
        cli_message_note("%zu class%s without a token to test on", info->n_undefined,
            info->n_undefined == 1 ? "" : "es");
    }
    report_worth(opts, info);
    cli_message_note("wrote %s (%.1f s)", opts->probing.output, info->seconds);
}

static int
run(const cli_call_t *call)
{
    const probe_args_t *args = call->args;
    const char *const more[] = {args->keep, args->zero, args->mean, args->retrain};
    ba_neurons_probe_opts_t opts = ba_neurons_probe_opts_default();
    ba_neurons_probe_info_t info;
    cli_probing_t probing = {.activations = NULL};
    int status;

    BA_TRY(set_options(call, &opts));
    BA_TRY(cli_probing_open(call, more, 4, &probing, &opts.probing));
    BA_TRY(ba_neurons_probe(call->ctx, &probing.data, &opts, &info));
    report(&opts, &info);
out:
    cli_probing_close(&probing);
    return status;
}

static const char *const description[] = {
    "Fits a linear probe from neurons to concepts on the training tokens and scores it "
    "on "
    "the test tokens: with all neurons, with some kept or at 0, and fitted anew on some. "
    "The elastic net is solved to its optimum and the duality gap stored with it, so "
    "that "
    "the same data give the same weights and exact zeros.",
    "A high accuracy alone says little: a probe can learn words by heart. Type-disjoint "
    "test tokens (the default where words are known), --control and --code-length tell.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons probe --activations act.h5:/residual --layer-size 64 --labels "
     "corpus.conllu:upos --l1 0.01,0.003,0.001 --control same --by-layer -o probe.h5 "
     "--table probe.tsv",
        "tags from all layers and from each, with selectivity"},
    {"neurons probe --activations act.h5:/residual --labels tokens.tsv:tag --concept "
     "NOUN "
     "--keep top.tsv --zero top.tsv --retrain top.tsv -o noun.h5",
        "one concept against the rest, by a chosen set of neurons"},
    {0},
};

const cli_command_t cli_neurons_probe = {
    .group = "neurons",
    .verb = "probe",
    .summary = "fit linear probes from neurons to concepts, and score them",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_OUTPUT | CLI_SHARE_COMPUTE | CLI_SHARE_MEMORY | CLI_SHARE_MESSAGES,
    .args_size = sizeof(probe_args_t),
    .run = run,
};
