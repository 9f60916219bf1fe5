/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons explain: formulas of concepts, words and contexts that neurons answer to. */
#include "cli/info.h"
#include "cli/message.h"
#include "cli/neuron_choice.h"
#include "cli/neuron_inputs.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/explain.h"
#include "brainalign/figure.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct {
    cli_neuron_data_t data;
    const char *only, *vectors, *vocabulary, *table, *words, *contexts, *figure;
    int score, leaf_filter, merge, exact, null;
    double quantile, threshold, penalty;
    uint64_t length, beam, min_on, n_permutations, n_neighbours, neighbour_tokens;
    uint64_t n_words, n_contexts, window, n_cards;
} explain_args_t;

static const cli_option_t rows[] = {
    {.section = "Formulas",
        .name = "only",
        .kind = CLI_STRING,
        .metavar = "LIST|FILE",
        .otherwise = "all",
        .help = "These neurons alone: numbers such as 3,19,200:210, or a file as neurons "
                "select writes it.",
        .offset = offsetof(explain_args_t, only)},
    {.name = "quantile",
        .kind = CLI_REAL,
        .metavar = "Q",
        .value = "0.98",
        .help = "A neuron is on above this quantile of its training tokens.",
        .offset = offsetof(explain_args_t, quantile)},
    {.name = "threshold",
        .kind = CLI_REAL,
        .metavar = "X",
        .otherwise = "by the quantile",
        .help = "All neurons are on above this activation.",
        .offset = offsetof(explain_args_t, threshold)},
    {.name = "min-on",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help = "Neurons that are on for fewer training tokens get no formula.",
        .offset = offsetof(explain_args_t, min_on)},
    {.name = "length",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "5",
        .help = "Most concepts in a formula, 1 to 5.",
        .offset = offsetof(explain_args_t, length)},
    {.name = "beam",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help = "Formulas kept from one length to the next.",
        .offset = offsetof(explain_args_t, beam)},
    {.name = "score",
        .kind = CLI_CHOICE,
        .metavar = "iou|precision|recall",
        .value = "iou",
        .help = "What formulas are chosen by.",
        .offset = offsetof(explain_args_t, score)},
    {.name = "length-penalty",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "1",
        .help = "The score is multiplied by this for every concept after the first.",
        .offset = offsetof(explain_args_t, penalty)},
    {.name = "leaf-filter",
        .kind = CLI_CHOICE,
        .metavar = "none|overlap",
        .value = "none",
        .help = "overlap: longer formulas use only concepts that overlap the neuron, and "
                "equal formulas are kept apart, as compexp does. It misses AND NOT of "
                "concepts that do not overlap.",
        .offset = offsetof(explain_args_t, leaf_filter)},
    {.name = "merge",
        .kind = CLI_YESNO,
        .metavar = "yes|no",
        .otherwise = "yes, with --leaf-filter overlap no",
        .help = "Formulas that differ by the order of operands alone take one place.",
        .offset = offsetof(explain_args_t, merge)},
    {.name = "exact",
        .kind = CLI_FLAG,
        .help = "Prove that no formula of up to three concepts has a higher IoU, by "
                "branch and bound after the beam.",
        .offset = offsetof(explain_args_t, exact)},
    {.name = "permutations",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "100",
        .help = "Searches for permuted neurons behind each p; 0 for no p.",
        .offset = offsetof(explain_args_t, n_permutations)},
    {.name = "null",
        .kind = CLI_CHOICE,
        .metavar = "circular|types",
        .otherwise = "types where the forms are known, else circular",
        .help = "How a neuron's tokens are permuted: moved on by a random number of "
                "tokens, or handed from word type to word type of about the same "
                "frequency.",
        .offset = offsetof(explain_args_t, null)},
    {.section = "Neighbours",
        .name = "word-vectors",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "Vectors of words, n_words x n_dimensions: adds NEIGHBORS(word), a word "
                "and the words nearest to it by cosine, to the concepts.",
        .offset = offsetof(explain_args_t, vectors)},
    {.name = "vocabulary",
        .kind = CLI_STRING,
        .metavar = "FILE[:COLUMN]",
        .help = "The words of --word-vectors, one for each row.",
        .offset = offsetof(explain_args_t, vocabulary)},
    {.name = "neighbours",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "5",
        .help = "Words that NEIGHBORS takes in beside the word itself.",
        .offset = offsetof(explain_args_t, n_neighbours)},
    {.name = "neighbour-tokens",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "20",
        .help = "NEIGHBORS is made of words with so many training tokens.",
        .offset = offsetof(explain_args_t, neighbour_tokens)},
    CLI_OUTPUT_ROW("Output", "The result file (HDF5)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Formulas as a table: a line for each neuron and length.",
        .offset = offsetof(explain_args_t, table)},
    {.name = "words",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "A table of the word types that each neuron answers to most.",
        .offset = offsetof(explain_args_t, words)},
    {.name = "top-words",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "20",
        .help = "Most words of a neuron in --words.",
        .offset = offsetof(explain_args_t, n_words)},
    {.name = "contexts",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "A table of the tokens of the highest activation in their context.",
        .offset = offsetof(explain_args_t, contexts)},
    {.name = "top-contexts",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10",
        .help = "Contexts of a neuron in --contexts.",
        .offset = offsetof(explain_args_t, n_contexts)},
    {.name = "window",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "8",
        .help = "Tokens on either side of a context, within the sentence where known.",
        .offset = offsetof(explain_args_t, window)},
    {.name = "figure",
        .kind = CLI_STRING,
        .metavar = "FILE.svg",
        .help =
            "A picture: a card for each neuron with its first and its longest formula "
            "and ten words of --words, which it needs.",
        .offset = offsetof(explain_args_t, figure)},
    {.name = "cards",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "24",
        .help =
            "Neurons in --figure, those with the best formulas (IoU of the longest, on "
            "test tokens where there are some).",
        .offset = offsetof(explain_args_t, n_cards)},
    {0},
};

static const cli_option_t *const tables[] = {
    cli_activation_rows, cli_concept_rows, cli_token_split_rows, rows, NULL};

static void
set_formula(const explain_args_t *args, ba_formula_opts_t *opts)
{
    *opts = (ba_formula_opts_t){.score = (ba_fit_by_t) args->score,
        .penalty = args->penalty,
        .n_leaves = (size_t) args->length,
        .beam = (size_t) args->beam,
        .overlap_only = args->leaf_filter,
        .keep_equal = args->merge < 0 ? args->leaf_filter : !args->merge,
        .exact = args->exact};
}

static int
set_options(const cli_call_t *call, ba_explain_opts_t *opts)
{
    const explain_args_t *args = call->args;

    *opts = (ba_explain_opts_t){.quantile = args->quantile,
        .threshold = args->threshold,
        .min_on = (size_t) args->min_on,
        .n_permutations = (size_t) args->n_permutations,
        .null = args->null < 0 ? BA_EXPLAIN_NULL_DEFAULT
                : args->null   ? BA_EXPLAIN_NULL_TYPES
                               : BA_EXPLAIN_NULL_CIRCULAR,
        .vectors = args->vectors,
        .vocabulary = args->vocabulary,
        .n_neighbours = (size_t) args->n_neighbours,
        .neighbour_tokens = (size_t) args->neighbour_tokens,
        .n_words = (size_t) args->n_words,
        .n_contexts = (size_t) args->n_contexts,
        .window = (size_t) args->window,
        .output = call->common->output,
        .table = args->table,
        .words = args->words,
        .contexts = args->contexts,
        .force = call->common->force,
        .dry_run = call->common->dry_run,
        .seed = call->ctx->seed,
        .argc = call->argc,
        .argv = call->argv};
    set_formula(args, &opts->formula);
    if (!args->vectors != !args->vocabulary) {
        return ba_fail(BA_VALUE, "--%s: not given, wanted with --%s",
            args->vectors ? "vocabulary" : "word-vectors",
            args->vectors ? "word-vectors" : "vocabulary");
    }
    if (args->figure && (!args->words || args->n_words == 0)) {
        return ba_fail(BA_VALUE, "--figure: found without --words, whose words it shows");
    }
    if (args->n_cards == 0) {
        return ba_fail(BA_VALUE, "--cards: found 0, wanted at least 1");
    }
    return BA_OK;
}

static int
check_outputs(const cli_call_t *call)
{
    const explain_args_t *args = call->args;
    const cli_output_t outputs[] = {{"--output", call->common->output},
        {"--table", args->table}, {"--words", args->words},
        {"--contexts", args->contexts}, {"--figure", args->figure}};
    size_t n = sizeof outputs / sizeof outputs[0];
    const char *more[] = {args->only, args->vectors, args->vocabulary, args->data.forms,
        args->data.lemmas, args->data.sentences, args->data.parts};
    int status;

    BA_TRY(cli_outputs_check_list(
        outputs, n, args->data.activations.items, args->data.activations.n));
    BA_TRY(
        cli_outputs_check_list(outputs, n, args->data.labels.items, args->data.labels.n));
    BA_TRY(cli_outputs_check_list(outputs, n, more, sizeof more / sizeof more[0]));
out:
    return status;
}

static void
report(const ba_explain_opts_t *opts, const ba_explain_info_t *info)
{
    size_t longest = opts->formula.n_leaves - 1;

    cli_message_note("%zu concepts and NEIGHBORS of %zu words; %zu training and %zu test "
                     "tokens",
        info->n_leaves - info->n_neighbours, info->n_neighbours, info->n_train,
        info->n_test);
    if (opts->dry_run) {
        cli_message_note("nothing written: this was a dry run");
        return;
    }
    cli_message_note("%zu neuron%s explained, %zu on for fewer than %zu tokens",
        info->n_explained, cli_plural(info->n_explained), info->n_few, opts->min_on);
    cli_message_note("mean score %.4f of 1 concept, %.4f of up to %zu", info->score[0],
        info->score[longest], longest + 1);
    if (info->n_test > 0) {
        cli_message_note("mean IoU on test tokens %.4f and %.4f", info->iou_test[0],
            info->iou_test[longest]);
    }
    if (opts->n_permutations > 0) {
        cli_message_note("%zu neuron%s with q < 0.05 (%zu permutations, smallest p %.2g)",
            info->n_significant, cli_plural(info->n_significant), opts->n_permutations,
            info->smallest_p);
    }
    if (opts->formula.exact) {
        cli_message_note("%zu neuron%s with proven formulas", info->n_proven,
            cli_plural(info->n_proven));
    }
    cli_message_note("wrote %s", opts->output);
}

/* The figure was created before the work: one that exists is refused then. */
static int
draw(const cli_call_t *call, ba_figure_t *figure)
{
    const explain_args_t *args = call->args;
    int status = BA_OK;

    if (figure && !call->common->dry_run) {
        BA_TRY(ba_figure_words(
            figure, call->common->output, args->words, (size_t) args->n_cards));
        BA_TRY(ba_figure_commit(figure));
    }
out:
    return status;
}

static int
run(const cli_call_t *call)
{
    const explain_args_t *args = call->args;
    ba_activations_t *activations = NULL;
    ba_concepts_t *concepts = NULL;
    ba_token_split_t split = {0};
    ba_figure_t *figure = NULL;
    size_t *only = NULL, n_only = 0;
    cli_inputs_t inputs = {0};
    ba_explain_opts_t opts;
    ba_explain_info_t info;
    int status;

    BA_TRY(set_options(call, &opts));
    BA_TRY(check_outputs(call));
    BA_TRY(cli_neuron_data_open(call, &activations, &concepts));
    BA_TRY(cli_token_split(call, concepts, &split));
    BA_TRY(
        cli_neuron_choice("--only", args->only, &activations->neurons, &only, &n_only));
    BA_TRY(cli_neuron_inputs(&args->data, activations, &inputs));
    BA_TRY(cli_neuron_input(args->vectors, &inputs));
    BA_TRY(cli_neuron_input(args->vocabulary, &inputs));
    BA_TRY(cli_neuron_input(args->only, &inputs));
    opts.inputs = (const char *const *) inputs.names;
    opts.split = &split;
    opts.only = only;
    opts.n_only = n_only;
    if (args->figure) {
        BA_TRY(ba_figure_create(args->figure, call->common->force, &figure));
    }
    BA_TRY(ba_neurons_explain(call->ctx, activations, concepts, &opts, &info));
    BA_TRY(draw(call, figure));
    cli_neuron_data_note(activations, concepts);
    report(&opts, &info);
out:
    ba_figure_free(figure);
    cli_inputs_free(&inputs);
    free(only);
    ba_token_split_free(&split);
    ba_concepts_free(concepts);
    ba_activations_free(activations);
    return status;
}

static const char *const description[] = {
    "Looks for the formula of concepts, joined by OR, AND and AND NOT, that covers the "
    "tokens that a neuron is on for best (intersection over union), for each length up "
    "to --length. A beam search over sets of bits; --exact proves what has up to three "
    "concepts.",
    "Formulas are found on training tokens and scored again on test tokens, which share "
    "no word type with them where the forms are known. p counts how often the same "
    "search for a permuted neuron finds as good a formula of that length; q is over "
    "neurons.",
    "--words: word types by the mean of |z| over their tokens, relative to the first "
    "one, down to 0.1. --contexts: the tokens of the highest activation.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons explain --activations act.h5:/residual --layer-size 64 --labels "
     "upos=words.h5:/upos --labels ss=words.h5:/supersense --forms words.h5:/form "
     "--min-tokens 20 -o explain.h5 --table explain.tsv --words words.tsv "
     "--figure explain.svg",
        "parts of speech and supersenses"},
    {0},
};

const cli_command_t cli_neurons_explain = {
    .group = "neurons",
    .verb = "explain",
    .summary = "find formulas of concepts, words and contexts for neurons",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(explain_args_t),
    .run = run,
};
