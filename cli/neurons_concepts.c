/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons concepts: what the labels hold, before anything is ranked by them. */
#include "cli/memory.h"
#include "cli/neuron_data.h"
#include "cli/outputs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/table.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cli_option_t result_rows[] = {
    {.section = "Output",
        .name = "output",
        .letter = 'o',
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .otherwise = "printed alone",
        .help = "The table as a file as well.",
        .offset = offsetof(cli_common_t, output)},
    {0},
};

static const cli_option_t *const tables[] = {
    cli_concept_rows, cli_activation_rows, cli_token_split_rows, result_rows, NULL};

enum { N_COLUMNS = 7, CELL_BYTES = 32 };

static const char *const HEADER[N_COLUMNS] = {
    "concept", "tokens", "types", "share", "class", "train", "test"};

/* Everything that is printed. */
typedef struct {
    const ba_concepts_t *concepts;
    ba_token_split_t split;
    int is_split;
    size_t *train, *test; /* tokens of each concept in either part */
} table_t;

static void
count(const ba_concepts_t *concepts, const size_t *tokens, size_t n, size_t *counts)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = concepts->first[tokens[i]]; k < concepts->first[tokens[i] + 1];
             k++) {
            counts[concepts->concept[k]]++;
        }
    }
}

/* Tokens without parts, forms and sentences cannot be split. */
static int
split_tokens(const cli_call_t *call, table_t *table)
{
    const ba_concepts_t *concepts = table->concepts;
    int status = BA_OK;

    table->train = cli_calloc(concepts->n_concepts, sizeof *table->train);
    table->test = cli_calloc(concepts->n_concepts, sizeof *table->test);
    table->is_split = ((const cli_neuron_data_t *) call->args)->split >= 0 ||
                      concepts->part || concepts->type || concepts->sentence;
    if (table->is_split) {
        BA_TRY(cli_token_split(call, concepts, &table->split));
        count(concepts, table->split.train, table->split.n_train, table->train);
        count(concepts, table->split.test, table->split.n_test, table->test);
    }
out:
    return status;
}

static size_t
count_types(const ba_concepts_t *concepts, const size_t *tokens, size_t n)
{
    unsigned char *seen = cli_calloc(concepts->n_types, 1);
    size_t n_types = 0;

    for (size_t i = 0; i < n; i++) {
        n_types += !seen[concepts->type[tokens[i]]];
        seen[concepts->type[tokens[i]]] = 1;
    }
    free(seen);
    return n_types;
}

static void
put_count(char *cell, int is_known, size_t n)
{
    if (is_known) {
        snprintf(cell, CELL_BYTES, "%zu", n);
    } else {
        snprintf(cell, CELL_BYTES, "n/a");
    }
}

/* The cells of a concept but for its name. */
static int
fill_row(const table_t *table, size_t concept, char cells[N_COLUMNS][CELL_BYTES])
{
    static const char *const classes[] = {"n/a", "open", "closed"};
    const ba_concepts_t *concepts = table->concepts;
    size_t *tokens = NULL, n;
    int status;

    BA_TRY(ba_concepts_tokens(concepts, concept, &tokens, &n));
    put_count(cells[1], 1, n);
    put_count(cells[2], concepts->type != NULL,
        concepts->type ? count_types(concepts, tokens, n) : 0);
    snprintf(cells[3], CELL_BYTES, "%.6f", (double) n / (double) concepts->n_tokens);
    snprintf(cells[4], CELL_BYTES, "%s", classes[concepts->classes[concept]]);
    put_count(cells[5], table->is_split, table->train[concept]);
    put_count(cells[6], table->is_split, table->test[concept]);
out:
    free(tokens);
    return status;
}

static int
write_table(const table_t *table, const char *file, int force)
{
    char cells[N_COLUMNS][CELL_BYTES];
    ba_table_writer_t *writer = NULL;
    int status;

    BA_TRY(ba_table_create(file, force, &writer));
    for (size_t k = 0; k < N_COLUMNS; k++) {
        BA_TRY(ba_table_put_text(writer, HEADER[k]));
    }
    BA_TRY(ba_table_end_row(writer));
    for (size_t c = 0; c < table->concepts->n_concepts; c++) {
        BA_TRY(fill_row(table, c, cells));
        BA_TRY(ba_table_put_text(writer, table->concepts->names[c]));
        for (size_t k = 1; k < N_COLUMNS; k++) {
            BA_TRY(ba_table_put_text(writer, cells[k]));
        }
        BA_TRY(ba_table_end_row(writer));
    }
    BA_TRY(ba_table_commit(writer));
out:
    ba_table_writer_free(writer);
    return status;
}

static void
print_row(int width, const char *name, char cells[N_COLUMNS][CELL_BYTES])
{
    printf("%-*s", width, name);
    for (size_t k = 1; k < N_COLUMNS; k++) {
        printf("  %8s", cells[k]);
    }
    putchar('\n');
}

static int
print_table(const table_t *table)
{
    char cells[N_COLUMNS][CELL_BYTES];
    size_t width = strlen(HEADER[0]);
    int status = BA_OK;

    for (size_t c = 0; c < table->concepts->n_concepts; c++) {
        size_t length = strlen(table->concepts->names[c]);

        width = length > width ? length : width;
    }
    for (size_t k = 1; k < N_COLUMNS; k++) {
        snprintf(cells[k], CELL_BYTES, "%s", HEADER[k]);
    }
    print_row((int) width, HEADER[0], cells);
    for (size_t c = 0; c < table->concepts->n_concepts; c++) {
        BA_TRY(fill_row(table, c, cells));
        print_row((int) width, table->concepts->names[c], cells);
    }
out:
    return status;
}

static int
run(const cli_call_t *call)
{
    const cli_neuron_data_t *data = call->args;
    const char *output = data->common.output;
    ba_activations_t *activations = NULL;
    ba_concepts_t *concepts = NULL;
    table_t table = {0};
    int status;

    BA_TRY(cli_neuron_data_outputs(data, &(cli_outputs_t){output, NULL, NULL}));
    BA_TRY(cli_neuron_data_open(
        call, data->activations.n > 0 ? &activations : NULL, &concepts));
    table.concepts = concepts;
    BA_TRY(split_tokens(call, &table));
    if (output && !data->common.dry_run) {
        BA_TRY(write_table(&table, output, data->common.force));
    }
    BA_TRY(print_table(&table));
    cli_neuron_data_note(activations, concepts);
out:
    free(table.train);
    free(table.test);
    ba_token_split_free(&table.split);
    ba_concepts_free(concepts);
    ba_activations_free(activations);
    return status;
}

static const char *const description[] = {
    "Prints what the labels hold, one line a concept: its tokens, the word types among "
    "them, its share of all tokens, whether it is of an open or a closed class of words, "
    "and its tokens in the training and the test part. With --activations labels and "
    "rows are checked to be the same tokens, word by word where both tell words.",
    "Class: by the name where it is a tag of Universal Dependencies, of the Penn "
    "Treebank "
    "or a supersense; else by --closed-words; else n/a.",
    NULL,
};

static const cli_example_t examples[] = {
    {"neurons concepts --labels train.conllu:upos --labels ss=train.conllulex:ss",
        "parts of speech and supersenses"},
    {"neurons concepts --forms words.tsv:form --lemmas words.tsv:lemma --word-list "
     "concepts --activations act.h5:/layer_6 -o concepts.tsv",
        "a folder of word lists, and whether the activations are of the same tokens"},
    {0},
};

const cli_command_t cli_neurons_concepts = {
    .group = "neurons",
    .verb = "concepts",
    .summary = "list the concepts of labels and word lists",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(cli_neuron_data_t),
    .run = run,
};
