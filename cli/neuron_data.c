/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/neuron_data.h"
#include "cli/memory.h"
#include "cli/message.h"
#include "cli/text.h"

#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const cli_option_t cli_activation_rows[] = {
    {.section = "Activations",
        .name = "activations",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]SPEC",
        .help = "Activations, n_tokens x n_neurons; several files stand side by side, "
                "each a component called NAME (neurons). NeuroX files, HDF5 or JSON "
                "lines, are known by their content.",
        .offset = offsetof(cli_neuron_data_t, activations)},
    {.name = "neurons",
        .kind = CLI_STRING,
        .metavar = "TABLE.tsv",
        .help = "What each column is: columns neuron, layer, component and unit, or "
                "layer and unit alone.",
        .offset = offsetof(cli_neuron_data_t, neurons)},
    {.name = "layer-size",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]N",
        .otherwise = "each file is one layer",
        .help = "Columns of a layer, of the file called NAME or of all of them.",
        .offset = offsetof(cli_neuron_data_t, layer_size)},
    {.name = "layers",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .otherwise = "all",
        .help = "Layers to keep, such as 0,3:6 (half-open ranges). Neurons keep their "
                "numbers.",
        .offset = offsetof(cli_neuron_data_t, layers)},
    {.name = "subwords",
        .kind = CLI_STRING,
        .metavar = "SPEC|TABLE:COLUMN",
        .otherwise = "a row is a token",
        .help = "The token of each row, from 0, where rows are subwords; a negative "
                "number belongs to none.",
        .offset = offsetof(cli_neuron_data_t, subwords)},
    {.name = "subword",
        .kind = CLI_CHOICE,
        .metavar = "last|first|mean",
        .value = "last",
        .help = "How the subwords of a token become one row.",
        .offset = offsetof(cli_neuron_data_t, subword)},
    {0},
};

const cli_option_t cli_concept_rows[] = {
    {.section = "Concepts",
        .name = "labels",
        .kind = CLI_STRINGS,
        .metavar = "[PREFIX=]FILE[:COLUMN]",
        .help = "Labels of tokens, each a concept: a column of a table, a data set of an "
                "HDF5 file, a column of CoNLL-U (upos, xpos, feats, deprel, or a number "
                "from 1) or of CoNLL-2000 (pos, chunk), or a file of one label a line. "
                "PREFIX goes in front of the names.",
        .offset = offsetof(cli_neuron_data_t, labels)},
    {.name = "word-list",
        .kind = CLI_STRINGS,
        .metavar = "[NAME=]FILE",
        .help = "A concept as a list of words, one a line, called as the file; a folder "
                "stands for its files.",
        .offset = offsetof(cli_neuron_data_t, word_lists)},
    {.name = "wordnet",
        .kind = CLI_STRING,
        .metavar = "TABLE[:COLUMN]",
        .help = "Supersenses of lemmas as concepts: a table with the columns lemma and "
                "supersense.",
        .offset = offsetof(cli_neuron_data_t, wordnet)},
    {.name = "concept",
        .kind = CLI_STRINGS,
        .metavar = "NAME",
        .otherwise = "all of them",
        .help = "These concepts alone.",
        .offset = offsetof(cli_neuron_data_t, concept)},
    {.name = "forms",
        .kind = CLI_STRING,
        .metavar = "FILE[:COLUMN]",
        .otherwise = "what labels or activations tell",
        .help = "The words themselves, in a file as for --labels.",
        .offset = offsetof(cli_neuron_data_t, forms)},
    {.name = "lemmas",
        .kind = CLI_STRING,
        .metavar = "FILE[:COLUMN]",
        .otherwise = "the forms",
        .help = "What word lists and --wordnet are looked up by.",
        .offset = offsetof(cli_neuron_data_t, lemmas)},
    {.name = "sentences",
        .kind = CLI_STRING,
        .metavar = "FILE[:COLUMN]",
        .otherwise = "what labels or activations tell",
        .help = "The sentence of each token.",
        .offset = offsetof(cli_neuron_data_t, sentences)},
    {.name = "closed-words",
        .kind = CLI_STRING,
        .metavar = "TABLE",
        .help = "Words of closed classes, a table with the column form: decides between "
                "open and closed class where the name of a concept does not.",
        .offset = offsetof(cli_neuron_data_t, closed_words)},
    {.name = "case",
        .kind = CLI_FLAG,
        .help = "Upper and lower case differ, in word lists and word types.",
        .offset = offsetof(cli_neuron_data_t, case_matters)},
    {.name = "min-tokens",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "1",
        .help = "Concepts of fewer tokens are left out.",
        .offset = offsetof(cli_neuron_data_t, min_tokens)},
    {0},
};

const cli_option_t cli_token_split_rows[] = {
    {.section = "Training and test tokens",
        .name = "parts",
        .kind = CLI_STRING,
        .metavar = "FILE[:COLUMN]",
        .help = "The part of each token: 0 or train, 1 or test.",
        .offset = offsetof(cli_neuron_data_t, parts)},
    {.name = "split",
        .kind = CLI_CHOICE,
        .metavar = "parts|types|sentences",
        .otherwise = "parts where given, else types where the forms are known, else "
                     "sentences",
        .help = "Given parts; word types dealt at random within strata of frequency, no "
                "type on both sides; or whole sentences dealt at random.",
        .offset = offsetof(cli_neuron_data_t, split)},
    {.name = "test-fraction",
        .kind = CLI_REAL,
        .metavar = "X",
        .value = "0.2",
        .help = "Share of tokens to test on, of types and sentences; 0 = none.",
        .offset = offsetof(cli_neuron_data_t, test_fraction)},
    {.name = "disjoint-types",
        .kind = CLI_YESNO,
        .metavar = "yes|no",
        .otherwise = "yes where all concepts are sets of words",
        .help = "Drop test tokens whose word type the training part holds.",
        .offset = offsetof(cli_neuron_data_t, disjoint_types)},
    {0},
};

static int
open_activations(const cli_call_t *call, ba_activations_t **activations)
{
    const cli_neuron_data_t *data = call->args;
    ba_activations_opts_t opts = {
        .files = data->activations.items,
        .n_files = data->activations.n,
        .neurons = data->neurons,
        .layer_sizes = data->layer_size.items,
        .n_layer_sizes = data->layer_size.n,
        .layers = data->layers,
        .subwords = data->subwords,
        .subword = (ba_subword_t) data->subword,
    };

    if (opts.n_files == 0) {
        return ba_fail(BA_VALUE, "--activations: not given, wanted [NAME=]SPEC");
    }
    return ba_activations_open(call->ctx, &opts, activations);
}

static int
read_concepts(
    const cli_call_t *call, const ba_activations_t *activations, ba_concepts_t **concepts)
{
    const cli_neuron_data_t *data = call->args;
    ba_concepts_opts_t opts = {
        .labels = data->labels.items,
        .n_labels = data->labels.n,
        .word_lists = data->word_lists.items,
        .n_word_lists = data->word_lists.n,
        .wordnet = data->wordnet,
        .forms = data->forms,
        .lemmas = data->lemmas,
        .sentences = data->sentences,
        .parts = data->parts,
        .case_matters = data->case_matters,
        .closed_words = data->closed_words,
        .only = data->concept.items,
        .n_only = data->concept.n,
        .min_tokens = data->min_tokens == CLI_NOT_GIVEN ? 1 : (size_t) data->min_tokens,
    };

    if (opts.n_labels == 0 && opts.n_word_lists == 0 && !opts.wordnet) {
        return ba_fail(BA_VALUE, "--labels: not given, wanted FILE[:COLUMN] (or "
                                 "--word-list or --wordnet)");
    }
    return ba_concepts_read(call->ctx, &opts, activations, concepts);
}

int
cli_neuron_data_open(
    const cli_call_t *call, ba_activations_t **activations, ba_concepts_t **concepts)
{
    ba_activations_t *opened = NULL;
    int status = BA_OK;

    if (activations) {
        *activations = NULL;
        BA_TRY(open_activations(call, &opened));
    }
    if (concepts) {
        BA_TRY(read_concepts(call, opened, concepts));
    }
    if (activations) {
        *activations = opened;
        opened = NULL;
    }
out:
    ba_activations_free(opened);
    return status;
}

/* [NAME=]FILE[:PATH]: NAME goes where no file is called so. */
static int
check_against(const cli_outputs_t *outputs, const char *text)
{
    const char *equals = strchr(text, '=');
    ba_spec_t spec = {.file = NULL};
    int status;

    BA_TRY(ba_spec_parse(text, &spec));
    if (equals && equals > text && equals[1] && access(spec.file, F_OK) != 0) {
        ba_spec_free(&spec);
        BA_TRY(ba_spec_parse(equals + 1, &spec));
    }
    BA_TRY(cli_outputs_check_files(outputs, (const char *const *) &spec.file, 1));
out:
    ba_spec_free(&spec);
    return status;
}

int
cli_neuron_data_outputs(const cli_neuron_data_t *data, const cli_outputs_t *outputs)
{
    const cli_list_t *const lists[] = {
        &data->activations, &data->labels, &data->word_lists};
    const char *const files[] = {data->neurons, data->subwords, data->wordnet,
        data->forms, data->lemmas, data->sentences, data->parts, data->closed_words};
    int status = BA_OK;

    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        for (size_t i = 0; i < lists[k]->n; i++) {
            BA_TRY(check_against(outputs, lists[k]->items[i]));
        }
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (files[i]) {
            BA_TRY(check_against(outputs, files[i]));
        }
    }
out:
    return status;
}

int
cli_token_split(
    const cli_call_t *call, const ba_concepts_t *concepts, ba_token_split_t *out)
{
    const cli_neuron_data_t *data = call->args;
    int by = data->split, disjoint = data->disjoint_types;

    if (!(data->test_fraction >= 0 && data->test_fraction < 1)) {
        return ba_fail(BA_VALUE,
            "--test-fraction: found %g, wanted a number from 0 to "
            "below 1",
            data->test_fraction);
    }
    if (by < 0) {
        by = concepts->part   ? BA_SPLIT_PARTS
             : concepts->type ? BA_SPLIT_TYPES
                              : BA_SPLIT_SENTENCES;
        if (by == BA_SPLIT_SENTENCES && !concepts->sentence && data->test_fraction > 0) {
            return ba_fail(BA_VALUE,
                "--split: parts, words and sentences of the tokens are not known, wanted "
                "--parts, --forms or --sentences (or --test-fraction 0)");
        }
    }
    if (disjoint < 0) {
        disjoint = concepts->type != NULL;
        for (size_t k = 0; k < concepts->n_concepts; k++) {
            disjoint &= concepts->is_words[k];
        }
    }
    return ba_concepts_split(concepts, (ba_token_split_by_t) by, data->test_fraction,
        disjoint, call->ctx->seed, out);
}

/* Distinct layers, of all components together. */
static size_t
count_layers(const ba_neuron_table_t *neurons)
{
    size_t n = 0, n_layers = 0;
    unsigned char *seen;

    for (size_t i = 0; i < neurons->n_neurons; i++) {
        n_layers = neurons->layer[i] >= n_layers ? neurons->layer[i] + 1 : n_layers;
    }
    seen = cli_calloc(n_layers, 1);
    for (size_t i = 0; i < neurons->n_neurons; i++) {
        n += !seen[neurons->layer[i]];
        seen[neurons->layer[i]] = 1;
    }
    free(seen);
    return n;
}

void
cli_neuron_data_note(const ba_activations_t *activations, const ba_concepts_t *concepts)
{
    if (activations) {
        size_t n_layers = count_layers(&activations->neurons);

        cli_message_note("%zu tokens x %zu neurons (%zu layer%s, %zu component%s)",
            activations->n_tokens, activations->neurons.n_neurons, n_layers,
            cli_plural(n_layers), activations->neurons.n_components,
            cli_plural(activations->neurons.n_components));
    }
    if (concepts) {
        cli_message_note("%zu tokens, %zu concept%s", concepts->n_tokens,
            concepts->n_concepts, cli_plural(concepts->n_concepts));
    }
}
