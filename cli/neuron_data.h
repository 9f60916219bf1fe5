/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options that name activations and labels, shared by the neurons commands. */
#ifndef BA_CLI_NEURON_DATA_H
#define BA_CLI_NEURON_DATA_H

#include "cli/command.h"
#include "cli/outputs.h"

#include "brainalign/concepts.h"

/* Argument structs of such commands start with this one. */
typedef struct {
    cli_common_t common;
    cli_list_t activations, layer_size;
    const char *neurons, *layers, *subwords;
    int subword;
    cli_list_t labels, word_lists, concept;
    const char *wordnet, *forms, *lemmas, *sentences, *parts, *closed_words;
    int case_matters;
    uint64_t min_tokens;
    int split; /* --split parts|types|sentences */
    double test_fraction;
    int disjoint_types; /* --disjoint-types yes|no, -1 = where concepts are words */
} cli_neuron_data_t;

/* --activations --neurons --layer-size --layers --subwords --subword. */
extern const cli_option_t cli_activation_rows[];

/* --labels --word-list --wordnet --concept --forms --lemmas --sentences --closed-words
 * --case --min-tokens. */
extern const cli_option_t cli_concept_rows[];

/* --parts --split --test-fraction --disjoint-types. */
extern const cli_option_t cli_token_split_rows[];

/* Opens what the options name. `concepts` NULL = activations alone; activations NULL =
 * labels alone. BA_VALUE names the option that is missing. */
int cli_neuron_data_open(
    const cli_call_t *call, ba_activations_t **activations, ba_concepts_t **concepts);

/* Refuses outputs that would replace one another or a file that the options name, as
 * cli_outputs_check() does. */
int cli_neuron_data_outputs(const cli_neuron_data_t *data, const cli_outputs_t *outputs);

/* The split that the options ask for: by parts where they are given, else by types where
 * forms are known, else by sentences; test_fraction 0 = all tokens to fit on. */
int cli_token_split(
    const cli_call_t *call, const ba_concepts_t *concepts, ba_token_split_t *out);

/* "10,777 tokens x 1,244 neurons (6 layers), 17 concepts" and the like, to stderr. */
void cli_neuron_data_note(
    const ba_activations_t *activations, const ba_concepts_t *concepts);

#endif
