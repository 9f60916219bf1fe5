/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Activations of tokens: files side by side, and what each column is. */
#include "brainalign/activations.h"

#include "core/alloc.h"
#include "core/texts.h"
#include "datasets/dataset_impl.h"
#include "datasets/neuron_table.h"
#include "datasets/pooled_tokens.h"
#include "io/neurox.h"
#include "io/source_impl.h"

#include <stdlib.h>
#include <string.h>

/* Columns of one file. */
typedef struct {
    size_t n_cols, layer_size;
    size_t component;
} part_t;

typedef struct {
    const ba_ctx_t *ctx;
    const ba_activations_opts_t *opts;
    ba_source_t **sources;
    part_t *parts;
    ba_text_set_t components;
    ba_texts_t words; /* where a file tells */
    size_t *sentence;
} opening_t;

/* Layers x tokens x units become layers side by side. */
static int
flatten(ba_source_t **source, size_t *layer_size)
{
    ba_source_t **layers = NULL;
    size_t n_layers = 0;
    int status = BA_OK;

    if (ba_source_n_slabs(*source) == 1) {
        return BA_OK;
    }
    *layer_size = ba_source_n_cols(*source);
    BA_TRY(ba_source_layers(*source, 0, &layers, &n_layers));
    *source = NULL;
    BA_TRY(ba_source_beside(layers, n_layers, source));
    n_layers = 0;
out:
    for (size_t i = 0; i < n_layers; i++) {
        ba_source_close(layers[i]);
    }
    ba_free(layers);
    return status;
}

/* The words of a file, compared with those of the file before. */
static int
take_words(opening_t *opening, size_t i)
{
    size_t *sentence = NULL;
    ba_texts_t words = {0};
    int status = BA_OK;

    if (!ba_neurox_tells(opening->sources[i])) {
        return BA_OK;
    }
    BA_TRY(ba_neurox_words(opening->sources[i], &words, &sentence));
    for (size_t t = 0; t < words.n && t < opening->words.n; t++) {
        if (strcmp(ba_texts_get(&words, t), ba_texts_get(&opening->words, t)) != 0) {
            BA_TRY(ba_fail(BA_SHAPE,
                "%s: token %zu (from 0): '%.60s', but '%.60s' in a "
                "file before",
                ba_source_name(opening->sources[i]), t, ba_texts_get(&words, t),
                ba_texts_get(&opening->words, t)));
        }
    }
    if (opening->words.n == 0) {
        opening->words = words;
        opening->sentence = sentence;
        words = (ba_texts_t){0};
        sentence = NULL;
    }
out:
    ba_texts_free(&words);
    ba_free(sentence);
    return status;
}

static int
open_part(opening_t *opening, size_t i)
{
    const char *text = opening->opts->files[i];
    size_t length = ba_dataset_name_length(text);
    part_t *part = &opening->parts[i];
    char *name = NULL;
    int status;

    BA_TRY_ALLOC(
        name, ba_asprintf("%.*s", length ? (int) length : 7, length ? text : "neurons"));
    BA_TRY(ba_text_set_add(&opening->components, name, &part->component));
    BA_TRY(ba_source_open(opening->ctx, text + (length ? length + 1 : 0),
        &(ba_source_opts_t){.max_rank = 3}, &opening->sources[i]));
    part->layer_size = ba_neurox_layer_size(opening->sources[i]);
    BA_TRY(take_words(opening, i));
    BA_TRY(flatten(&opening->sources[i], &part->layer_size));
    part->n_cols = ba_source_n_cols(opening->sources[i]);
out:
    ba_free(name);
    return status;
}

/* "[NAME=]N" to every file of that name, or to all that have none yet. */
static int
apply_size(opening_t *opening, const char *text)
{
    size_t length = ba_dataset_name_length(text), n_files = 0;
    const char *digits = text + (length ? length + 1 : 0);
    char *end;
    unsigned long long size = strtoull(digits, &end, 10);

    if (*digits < '0' || *digits > '9' || *end || size == 0 || size > SIZE_MAX / 2) {
        return ba_fail(
            BA_VALUE, "layer size: '%.60s', wanted [NAME=]N, N at least 1", text);
    }
    for (size_t i = 0; i < opening->opts->n_files; i++) {
        part_t *part = &opening->parts[i];
        const char *name = ba_texts_get(&opening->components.texts, part->component);

        if (length == 0 || (strncmp(name, text, length) == 0 && name[length] == '\0')) {
            part->layer_size = (size_t) size;
            n_files++;
        }
        if (part->layer_size > 0 && part->n_cols % part->layer_size != 0) {
            return ba_fail(BA_SHAPE, "%s: %zu columns, no multiple of the layer size %zu",
                ba_source_name(opening->sources[i]), part->n_cols, part->layer_size);
        }
    }
    if (n_files == 0) {
        return ba_fail(
            BA_VALUE, "layer size: '%.60s', but no activations have that name", text);
    }
    return BA_OK;
}

/* A size for one file overrules the one for all, whichever comes first. */
static int
apply_sizes(opening_t *opening)
{
    const ba_activations_opts_t *opts = opening->opts;
    int status = BA_OK;

    if (opts->neurons && opts->n_layer_sizes > 0) {
        return ba_fail(BA_VALUE,
            "%s: a table of neurons and a layer size, wanted one of them", opts->neurons);
    }
    for (int named = 0; named < 2; named++) {
        for (size_t i = 0; i < opts->n_layer_sizes; i++) {
            if ((ba_dataset_name_length(opts->layer_sizes[i]) > 0) == named) {
                BA_TRY(apply_size(opening, opts->layer_sizes[i]));
            }
        }
    }
out:
    return status;
}

/* Layer-major: unit j of layer l is column l * size + j of its file. Files of one name go
 * on counting layers. */
static int
number_columns(opening_t *opening, ba_neuron_table_t *table)
{
    size_t n_parts = opening->opts->n_files, n = 0, n_all = 0;
    size_t *next = NULL; /* layer of each component */
    char **names = NULL;
    int status;

    for (size_t i = 0; i < n_parts; i++) {
        n_all += opening->parts[i].n_cols;
    }
    BA_TRY(ba_texts_list(&opening->components.texts, &names));
    BA_TRY(ba_neuron_table_make(
        n_all, (const char *const *) names, opening->components.texts.n, table));
    BA_TRY_ALLOC(next, ba_calloc(opening->components.texts.n, sizeof *next));
    for (size_t i = 0; i < n_parts; i++) {
        const part_t *part = &opening->parts[i];
        size_t size = part->layer_size ? part->layer_size : part->n_cols;

        for (size_t j = 0; j < part->n_cols; j++, n++) {
            table->layer[n] = next[part->component] + j / size;
            table->unit[n] = j % size;
            table->component[n] = part->component;
        }
        next[part->component] += part->n_cols / size;
    }
out:
    ba_free(next);
    ba_free(names);
    return status;
}

static int
make_table(opening_t *opening, ba_activations_t *activations)
{
    const ba_activations_opts_t *opts = opening->opts;
    int status;

    if (opts->neurons) {
        BA_TRY(ba_neuron_table_read(
            opts->neurons, ba_source_n_cols(activations->source), &activations->neurons));
    } else {
        BA_TRY(number_columns(opening, &activations->neurons));
    }
    BA_TRY(ba_neuron_table_layers(
        &activations->neurons, opts->layers, &activations->file_column));
out:
    return status;
}

static int
join_parts(opening_t *opening, ba_activations_t *activations)
{
    const ba_activations_opts_t *opts = opening->opts;
    int status;

    BA_TRY(ba_source_beside(opening->sources, opts->n_files, &activations->source));
    memset(opening->sources, 0, opts->n_files * sizeof(ba_source_t *));
    if (opts->subwords) {
        BA_TRY(ba_pooled_tokens_wrap(
            opening->ctx, opts->subwords, opts->subword, &activations->source));
    }
    activations->n_tokens = ba_source_n_rows(activations->source);
    if (opening->words.n > 0 && !opts->subwords) {
        BA_TRY(ba_texts_list(&opening->words, &activations->words));
        activations->sentence = opening->sentence;
        opening->sentence = NULL;
    }
out:
    return status;
}

static void
opening_free(opening_t *opening)
{
    for (size_t i = 0; opening->sources && i < opening->opts->n_files; i++) {
        ba_source_close(opening->sources[i]);
    }
    ba_free(opening->sources);
    ba_free(opening->parts);
    ba_text_set_free(&opening->components);
    ba_texts_free(&opening->words);
    ba_free(opening->sentence);
}

int
ba_activations_open(
    const ba_ctx_t *ctx, const ba_activations_opts_t *opts, ba_activations_t **out)
{
    opening_t opening = {.ctx = ctx, .opts = opts};
    ba_activations_t *activations = NULL;
    int status = BA_OK;

    *out = NULL;
    if (opts->n_files == 0) {
        return ba_fail(BA_VALUE, "activations: none given, wanted [NAME=]SPEC");
    }
    BA_TRY_ALLOC(opening.sources, ba_calloc(opts->n_files, sizeof(ba_source_t *)));
    BA_TRY_ALLOC(opening.parts, ba_calloc(opts->n_files, sizeof *opening.parts));
    for (size_t i = 0; i < opts->n_files; i++) {
        BA_TRY(open_part(&opening, i));
    }
    BA_TRY(apply_sizes(&opening));
    BA_TRY_ALLOC(activations, ba_calloc(1, sizeof *activations));
    BA_TRY(join_parts(&opening, activations));
    BA_TRY(make_table(&opening, activations));
    *out = activations;
    activations = NULL;
out:
    opening_free(&opening);
    ba_activations_free(activations);
    return status;
}

void
ba_activations_free(ba_activations_t *activations)
{
    if (activations) {
        ba_source_close(activations->source);
        ba_neuron_table_free(&activations->neurons);
        ba_free(activations->file_column);
        ba_free(activations->words);
        ba_free(activations->sentence);
        ba_free(activations);
    }
}
