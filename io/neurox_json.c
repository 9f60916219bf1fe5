/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The JSON of NeuroX: the only file here that names jansson. */
#include "io/neurox_impl.h"

#include "core/alloc.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sentences between two looks at whether the caller wants to stop. */
#define SENTENCES_PER_CHECK 64

static int
add_index(const char *file, const char *sentence, const json_t *index,
    ba_texts_t *sentences, ba_texts_t *names)
{
    char text[32];
    int status;

    if (json_is_integer(index)) {
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(index));
    } else if (!json_is_string(index)) {
        return ba_fail(BA_FORMAT,
            "%s:/sentence_to_index: sentence %zu (from 0): no name "
            "of a data set",
            file, sentences->n);
    }
    BA_TRY(ba_texts_add(sentences, sentence, strlen(sentence)));
    if (json_is_string(index)) {
        const char *name = json_string_value(index);

        BA_TRY(ba_texts_add(names, name, strlen(name)));
    } else {
        BA_TRY(ba_texts_add(names, text, strlen(text)));
    }
out:
    return status;
}

int
ba_neurox_index_parse(
    const char *file, const char *json, ba_texts_t *sentences, ba_texts_t *names)
{
    json_error_t error;
    json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &error), *index;
    const char *sentence;
    int status = BA_OK;

    if (!json_is_object(object) || json_object_size(object) == 0) {
        status = ba_fail(BA_FORMAT,
            "%s:/sentence_to_index: %s, wanted a JSON object from "
            "sentences to data sets",
            file, object ? "no object, or an empty one" : error.text);
        goto out;
    }
    json_object_foreach(object, sentence, index)
    {
        BA_TRY(add_index(file, sentence, index, sentences, names));
    }
out:
    json_decref(object);
    return status;
}

/* JSON lines on the way. */
typedef struct {
    const ba_ctx_t *ctx;
    const char *file;
    ba_neurox_words_t *words;
    ba_spool_t *spool;
    double *row;
} lines_t;

static int
fail_line(const lines_t *lines, const char *what)
{
    return ba_fail(BA_FORMAT, "%s: sentence %zu, token %zu (both from 0): %s",
        lines->file, lines->words->n_sentences,
        lines->words->words.n - lines->words->row0[lines->words->n_sentences], what);
}

/* The first token says how many layers and units there are. */
static int
start(lines_t *lines, const json_t *layers)
{
    size_t n;
    int status;

    lines->words->n_layers = json_array_size(layers);
    lines->words->n_units =
        json_array_size(json_object_get(json_array_get(layers, 0), "values"));
    BA_TRY(ba_multiply(lines->words->n_layers, lines->words->n_units, &n));
    if (n == 0) {
        return fail_line(lines, "no features[].layers[].values");
    }
    BA_TRY_ALLOC(lines->row, ba_malloc(n, sizeof *lines->row));
    BA_TRY(ba_spool_by_rows(lines->ctx, lines->file, n, BA_SINGLE, &lines->spool));
out:
    return status;
}

static int
take_token(lines_t *lines, const json_t *feature)
{
    const char *token = json_string_value(json_object_get(feature, "token"));
    const json_t *layers = json_object_get(feature, "layers");
    size_t n_units;
    int status;

    if (!token || !json_is_array(layers)) {
        return fail_line(lines, "no token, or no layers");
    }
    if (!lines->spool) {
        BA_TRY(start(lines, layers));
    }
    n_units = lines->words->n_units;
    for (size_t l = 0; l < lines->words->n_layers; l++) {
        const json_t *values = json_object_get(json_array_get(layers, l), "values");

        if (json_array_size(layers) != lines->words->n_layers ||
            json_array_size(values) != n_units) {
            return fail_line(lines, "not as many layers and values as the first token");
        }
        for (size_t j = 0; j < n_units; j++) {
            const json_t *value = json_array_get(values, j);

            if (!json_is_number(value)) {
                return fail_line(lines, "a value that is no number");
            }
            lines->row[l * n_units + j] = json_number_value(value);
        }
    }
    BA_TRY(ba_spool_append(lines->spool, lines->row));
    BA_TRY(ba_texts_add(&lines->words->words, token, strlen(token)));
out:
    return status;
}

static int
take_line(lines_t *lines, const char *line, size_t n_bytes)
{
    json_error_t error;
    json_t *object = json_loadb(line, n_bytes, JSON_REJECT_DUPLICATES, &error);
    const json_t *features = json_object_get(object, "features");
    int status = BA_OK;

    BA_TRY(ba_neurox_words_border(lines->words));
    if (!object) {
        BA_TRY(fail_line(lines, error.text));
    }
    if (!json_is_array(features)) {
        BA_TRY(fail_line(lines, "no list of features"));
    }
    for (size_t t = 0; t < json_array_size(features); t++) {
        BA_TRY(take_token(lines, json_array_get(features, t)));
    }
    lines->words->n_sentences++;
    if (lines->words->n_sentences % SENTENCES_PER_CHECK == 0) {
        BA_TRY(ba_ctx_check(lines->ctx));
    }
out:
    json_decref(object);
    return status;
}

static int
read_lines(lines_t *lines, FILE *stream)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    int status = BA_OK;

    while ((n = getline(&line, &size, stream)) > 0) {
        if (line[strspn(line, " \t\r\n")] != '\0') {
            BA_TRY(take_line(lines, line, (size_t) n));
        }
    }
    if (ferror(stream)) {
        status = ba_fail(BA_IO, "%s: cannot read: %s", lines->file, strerror(errno));
    }
out:
    free(line);
    return status;
}

int
ba_neurox_lines_read(
    const ba_ctx_t *ctx, const char *file, ba_neurox_words_t *words, ba_spool_t **spool)
{
    lines_t lines = {.ctx = ctx, .file = file, .words = words};
    FILE *stream = fopen(file, "re");
    int status = BA_OK;

    if (!stream) {
        return ba_fail(BA_IO, "%s: cannot open: %s", file, strerror(errno));
    }
    BA_TRY(read_lines(&lines, stream));
    if (!lines.spool) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: no tokens", file));
    }
    BA_TRY(ba_neurox_words_border(words));
    BA_TRY(ba_spool_finish(lines.spool));
    *spool = lines.spool;
    lines.spool = NULL;
out:
    ba_spool_free(lines.spool);
    ba_free(lines.row);
    fclose(stream);
    return status;
}
