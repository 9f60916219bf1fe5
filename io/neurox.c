/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/neurox_impl.h"

#include "core/alloc.h"
#include "io/hdf5_read.h"
#include "io/hdf5_strings.h"
#include "io/hdf5_util.h"
#include "io/source_impl.h"

#include <string.h>

typedef struct {
    ba_neurox_words_t words; /* first */
    char *file;
    hid_t id;
    ba_texts_t names; /* of the data sets, one a sentence */
    double *buffer;   /* one layer of some tokens, row by row */
    size_t n_buffer;
} hdf5_state_t;

typedef struct {
    ba_neurox_words_t words; /* first */
    ba_spool_t *spool;
} json_state_t;

void
ba_neurox_words_free(ba_neurox_words_t *words)
{
    ba_texts_free(&words->words);
    ba_free(words->row0);
}

int
ba_neurox_words_border(ba_neurox_words_t *words)
{
    size_t n = words->n_sentences, *longer;
    int status = BA_OK;

    /* At every power of two the room doubles. */
    if ((n & (n - 1)) == 0 || !words->row0) {
        BA_TRY_ALLOC(longer, ba_realloc(words->row0, 2 * n + 2, sizeof *longer));
        words->row0 = longer;
    }
    words->row0[n] = words->words.n;
    words->n_tokens = words->words.n;
out:
    return status;
}

int
ba_neurox_words_split(ba_neurox_words_t *words, const char *sentence)
{
    static const char mark[] = " (Occurrence ";
    static const char blank[] = " \t\r\n";
    size_t n = strlen(sentence), end = n;
    int status = BA_OK;

    if (n > 0 && sentence[n - 1] == ')') {
        size_t at = n - 1;

        while (at > 0 && sentence[at - 1] >= '0' && sentence[at - 1] <= '9') {
            at--;
        }
        if (at < n - 1 && at >= sizeof mark - 1 &&
            memcmp(sentence + at - (sizeof mark - 1), mark, sizeof mark - 1) == 0) {
            end = at - (sizeof mark - 1);
        }
    }
    for (size_t i = strspn(sentence, blank); i < end;) {
        size_t length = strcspn(sentence + i, blank);

        length = length < end - i ? length : end - i;
        BA_TRY(ba_texts_add(&words->words, sentence + i, length));
        i += length;
        i += strspn(sentence + i, blank);
    }
out:
    return status;
}

static void
hdf5_close(void *state)
{
    hdf5_state_t *hdf5 = state;

    if (hdf5) {
        if (hdf5->id >= 0) {
            H5Fclose(hdf5->id);
        }
        ba_neurox_words_free(&hdf5->words);
        ba_texts_free(&hdf5->names);
        ba_free(hdf5->buffer);
        ba_free(hdf5->file);
        ba_free(hdf5);
    }
}

/* Tokens t0 .. of one layer, units unit0 .. , into dst. */
static int
read_layer(hdf5_state_t *hdf5, hid_t dataset, const char *name, const hsize_t start[3],
    const hsize_t count[3], double *dst, size_t ld)
{
    hid_t in_file = H5Dget_space(dataset), in_memory = H5Screate_simple(3, count, NULL);
    size_t n_rows = (size_t) count[1], n_cols = (size_t) count[2];
    int status = BA_OK;

    if (n_rows * n_cols > hdf5->n_buffer) {
        ba_free(hdf5->buffer);
        hdf5->n_buffer = 0;
        BA_TRY_ALLOC(hdf5->buffer, ba_malloc(n_rows * n_cols, sizeof *hdf5->buffer));
        hdf5->n_buffer = n_rows * n_cols;
    }
    if (in_file < 0 || in_memory < 0 ||
        H5Sselect_hyperslab(in_file, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        ba_hdf5_read_doubles(dataset, in_memory, in_file, n_rows * n_cols, hdf5->buffer) <
            0) {
        BA_TRY(ba_hdf5_fail(BA_FORMAT, "%s:%s: cannot read", hdf5->file, name));
    }
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; j < n_cols; j++) {
            dst[i + j * ld] = hdf5->buffer[i * n_cols + j];
        }
    }
out:
    if (in_file >= 0) {
        H5Sclose(in_file);
    }
    if (in_memory >= 0) {
        H5Sclose(in_memory);
    }
    return status;
}

/* Tokens t0 .. t0 + n - 1 of a sentence. */
static int
read_sentence(hdf5_state_t *hdf5, size_t sentence, size_t t0, size_t n, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    const char *name = ba_texts_get(&hdf5->names, sentence);
    size_t n_units = hdf5->words.n_units, done = 0;
    hid_t dataset;
    int status;

    BA_TRY(ba_hdf5_open_dataset(hdf5->id, hdf5->file, name, H5P_DEFAULT, &dataset));
    while (done < n_cols) {
        size_t unit = (col0 + done) % n_units;
        size_t k = n_units - unit < n_cols - done ? n_units - unit : n_cols - done;
        hsize_t start[3] = {(col0 + done) / n_units, t0, unit}, count[3] = {1, n, k};

        BA_TRY(read_layer(hdf5, dataset, name, start, count, dst + done * ld, ld));
        done += k;
    }
out:
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return status;
}

/* The sentence that holds a token. */
static size_t
sentence_of(const ba_neurox_words_t *words, size_t token)
{
    size_t low = 0, high = words->n_sentences;

    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if (words->row0[middle] <= token) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static int
hdf5_read(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    hdf5_state_t *hdf5 = state;
    size_t sentence = sentence_of(&hdf5->words, row0);
    int status = BA_OK;

    (void) slab;
    ba_hdf5_quiet();
    for (size_t done = 0; done < n_rows; sentence++) {
        size_t t0 = row0 + done - hdf5->words.row0[sentence];
        size_t left = hdf5->words.row0[sentence + 1] - row0 - done;
        size_t n = left < n_rows - done ? left : n_rows - done;

        if (n > 0) {
            BA_TRY(read_sentence(hdf5, sentence, t0, n, col0, n_cols, dst + done, ld));
        }
        done += n;
    }
out:
    return status;
}

static const ba_source_ops_t hdf5_ops = {
    .format = "hdf5", .read = hdf5_read, .close = hdf5_close};

static void
json_close(void *state)
{
    json_state_t *json = state;

    if (json) {
        ba_neurox_words_free(&json->words);
        ba_spool_free(json->spool);
        ba_free(json);
    }
}

static int
json_read(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    json_state_t *json = state;

    (void) slab;
    return ba_spool_read(json->spool, row0, n_rows, col0, n_cols, dst, ld);
}

static const ba_source_ops_t json_ops = {
    .format = "json", .read = json_read, .close = json_close};

int
ba_neurox_is_hdf5(const char *file)
{
    hid_t id;
    int is;

    if (ba_hdf5_open_file(file, &id) != BA_OK) {
        return 0;
    }
    is = H5Lexists(id, "sentence_to_index", H5P_DEFAULT) > 0;
    H5Eclear2(H5E_DEFAULT);
    H5Fclose(id);
    return is;
}

/* As many words as tokens, and layers and units as in the first sentence. */
static int
check_sentence(hdf5_state_t *hdf5, size_t sentence, const size_t dims[3])
{
    ba_neurox_words_t *words = &hdf5->words;
    size_t n_words = words->words.n - words->row0[sentence];

    if (sentence == 0) {
        words->n_layers = dims[0];
        words->n_units = dims[2];
    }
    if (dims[0] != words->n_layers || dims[2] != words->n_units) {
        return ba_fail(BA_SHAPE,
            "%s:%s: %zu layers of %zu units, expected %zu of %zu as in the first "
            "sentence",
            hdf5->file, ba_texts_get(&hdf5->names, sentence), dims[0], dims[2],
            words->n_layers, words->n_units);
    }
    if (dims[1] != n_words) {
        return ba_fail(BA_SHAPE,
            "%s:%s: sentence %zu (from 0) has %zu tokens, but %zu words: '%.60s ...'",
            hdf5->file, ba_texts_get(&hdf5->names, sentence), sentence, dims[1], n_words,
            n_words ? ba_texts_get(&words->words, words->row0[sentence]) : "");
    }
    return BA_OK;
}

static int
look_at_sentence(hdf5_state_t *hdf5, size_t sentence, const char *text)
{
    const char *name = ba_texts_get(&hdf5->names, sentence);
    hid_t dataset;
    size_t dims[3];
    int rank, status;

    BA_TRY(ba_hdf5_open_dataset(hdf5->id, hdf5->file, name, H5P_DEFAULT, &dataset));
    BA_TRY(ba_hdf5_shape(dataset, hdf5->file, name, 3, &rank, dims));
    if (rank != 3) {
        BA_TRY(
            ba_fail(BA_SHAPE, "%s:%s: %d dimensions, expected 3 (layers, tokens, units)",
                hdf5->file, name, rank));
    }
    BA_TRY(ba_neurox_words_border(&hdf5->words));
    BA_TRY(ba_neurox_words_split(&hdf5->words, text));
    BA_TRY(check_sentence(hdf5, sentence, dims));
    hdf5->words.n_sentences++;
out:
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return status;
}

/* Two sentences of one data set would be the same tokens twice. */
static int
check_names(const hdf5_state_t *hdf5)
{
    ba_text_set_t set = {0};
    int status = BA_OK;

    for (size_t i = 0; i < hdf5->names.n; i++) {
        const char *name = ba_texts_get(&hdf5->names, i);
        size_t number;

        BA_TRY(ba_text_set_add(&set, name, &number));
        if (number != i) {
            BA_TRY(ba_fail(BA_FORMAT,
                "%s:/sentence_to_index: sentences %zu and %zu (from "
                "0) are both data set '%.40s'",
                hdf5->file, number, i, name));
        }
    }
out:
    ba_text_set_free(&set);
    return status;
}

static int
look_at_sentences(hdf5_state_t *hdf5)
{
    ba_texts_t json = {0}, sentences = {0};
    int status;

    BA_TRY(ba_hdf5_strings_read(hdf5->file, "sentence_to_index", &json));
    if (json.n != 1) {
        BA_TRY(
            ba_fail(BA_FORMAT, "%s:/sentence_to_index: %zu strings, wanted one of JSON",
                hdf5->file, json.n));
    }
    BA_TRY(ba_neurox_index_parse(
        hdf5->file, ba_texts_get(&json, 0), &sentences, &hdf5->names));
    BA_TRY(check_names(hdf5));
    for (size_t i = 0; i < sentences.n; i++) {
        BA_TRY(look_at_sentence(hdf5, i, ba_texts_get(&sentences, i)));
    }
    BA_TRY(ba_neurox_words_border(&hdf5->words));
out:
    ba_texts_free(&json);
    ba_texts_free(&sentences);
    return status;
}

static int
wrap(const ba_source_ops_t *ops, void *state, const char *file, ba_source_t **out)
{
    const ba_neurox_words_t *words = state;
    ba_source_shape_t shape = {.n_slabs = 1, .n_rows = words->n_tokens, .rank = 2};
    int status = ba_multiply(words->n_layers, words->n_units, &shape.n_cols);

    if (status != BA_OK) {
        ops->close(state);
        return status;
    }
    return ba_source_wrap(ops, state, &shape, file, out);
}

int
ba_neurox_hdf5_open(const char *file, ba_source_t **out)
{
    hdf5_state_t *hdf5 = NULL;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(hdf5, ba_calloc(1, sizeof *hdf5));
    hdf5->id = H5I_INVALID_HID;
    BA_TRY_ALLOC(hdf5->file, ba_strdup(file));
    BA_TRY(ba_hdf5_open_file(file, &hdf5->id));
    BA_TRY(look_at_sentences(hdf5));
    status = wrap(&hdf5_ops, hdf5, file, out);
    hdf5 = NULL;
out:
    hdf5_close(hdf5);
    return status;
}

int
ba_neurox_json_open(const ba_ctx_t *ctx, const char *file, ba_source_t **out)
{
    json_state_t *json = NULL;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(json, ba_calloc(1, sizeof *json));
    BA_TRY(ba_neurox_lines_read(ctx, file, &json->words, &json->spool));
    status = wrap(&json_ops, json, file, out);
    json = NULL;
out:
    json_close(json);
    return status;
}

int
ba_neurox_tells(const ba_source_t *source)
{
    return source->ops == &hdf5_ops || source->ops == &json_ops;
}

size_t
ba_neurox_layer_size(const ba_source_t *source)
{
    const ba_neurox_words_t *words = source->state;

    if (!ba_neurox_tells(source) || source->col0 % words->n_units != 0 ||
        source->shape.n_cols % words->n_units != 0) {
        return 0;
    }
    return words->n_units;
}

int
ba_neurox_words(const ba_source_t *source, ba_texts_t *words, size_t **sentence)
{
    const ba_neurox_words_t *all = source->state;
    size_t at = sentence_of(all, source->row0);
    int status = BA_OK;

    *sentence = NULL;
    BA_TRY_ALLOC(*sentence, ba_malloc(source->shape.n_rows, sizeof **sentence));
    for (size_t i = 0; i < source->shape.n_rows; i++) {
        const char *word = ba_texts_get(&all->words, source->row0 + i);

        while (all->row0[at + 1] <= source->row0 + i) {
            at++;
        }
        (*sentence)[i] = at;
        BA_TRY(ba_texts_add(words, word, strlen(word)));
    }
out:
    if (status != BA_OK) {
        ba_free(*sentence);
        *sentence = NULL;
    }
    return status;
}
