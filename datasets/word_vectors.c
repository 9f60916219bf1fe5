/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/word_vectors.h"

#include "core/alloc.h"
#include "io/number.h"
#include "io/textfile.h"

#include <math.h>
#include <string.h>

static const char SPACE[] = " \t\r";

typedef struct {
    const char *file;
    ba_word_vectors_t *out;
    size_t line, n_lines, n_bytes, memory;
} reader_t;

static char *
next_field(char **at)
{
    char *field = *at + strspn(*at, SPACE);

    if (*field == '\0') {
        return NULL;
    }
    *at = field + strcspn(field, SPACE);
    if (**at) {
        *(*at)++ = '\0';
    }
    return field;
}

static size_t
count_fields(const char *text)
{
    size_t n = 0;

    for (text += strspn(text, SPACE); *text; text += strspn(text, SPACE)) {
        text += strcspn(text, SPACE);
        n++;
    }
    return n;
}

/* "400000 300", or a line whose second field is no number. */
static int
is_header(const char *text)
{
    char field[64];
    double value;
    const char *second = text + strspn(text, SPACE);
    size_t n;

    second += strcspn(second, SPACE);
    second += strspn(second, SPACE);
    n = strcspn(second, SPACE);
    if (n == 0 || n >= sizeof field) {
        return 0;
    }
    memcpy(field, second, n);
    field[n] = '\0';
    if (!ba_number_parse(field, &value)) {
        return 1;
    }
    return count_fields(text) == 2 && text[strspn(text, "0123456789 \t\r")] == '\0';
}

static size_t
count_lines(const char *text)
{
    size_t n = 0;

    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        at += strspn(at, SPACE);
        n += *at != '\0' && *at != '\n';
    }
    return n;
}

/* For as many words as there are lines, each of which takes 2 bytes for a number. */
static int
make_room(const reader_t *reader)
{
    int status = BA_OK;
    ba_word_vectors_t *out = reader->out;
    size_t most = reader->n_bytes / (2 * out->n_features) + 1, n;
    size_t left = reader->memory > reader->n_bytes ? reader->memory - reader->n_bytes : 0;

    most = reader->n_lines < most ? reader->n_lines : most;
    BA_TRY(ba_multiply(most, out->n_features, &n));
    if (n > left / sizeof *out->values) {
        BA_TRY(ba_fail(BA_TOO_LARGE,
            "%s: %.2f MiB of text and of %zu vectors, allowed are %.2f MiB", reader->file,
            ceil(((double) reader->n_bytes + (double) n * sizeof *out->values) / 10486) /
                100,
            most, floor((double) reader->memory / 10486) / 100));
    }
    BA_TRY_ALLOC(out->values, ba_malloc(n, sizeof *out->values));
out:
    return status;
}

static int
read_line(reader_t *reader, char *text)
{
    int status = BA_OK;
    ba_word_vectors_t *out = reader->out;
    size_t n = count_fields(text) - 1, number, before = out->words.texts.n;
    char *word = next_field(&text);
    double *to;

    if (out->n_features == 0) {
        out->n_features = n;
    }
    if (n != out->n_features || n == 0) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: line %zu: %zu numbers behind '%.60s', wanted %zu",
            reader->file, reader->line, n, word, n == 0 ? 1 : out->n_features));
    }
    BA_TRY(out->values ? BA_OK : make_room(reader));
    BA_TRY(ba_text_set_add(&out->words, word, &number));
    if (number < before) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: line %zu: '%.60s' again, wanted each word once",
            reader->file, reader->line, word));
    }
    to = out->values + number * n;
    for (size_t i = 0; i < n; i++) {
        char *field = next_field(&text);

        if (!ba_number_parse(field, &to[i]) || !isfinite(to[i])) {
            BA_TRY(ba_fail(BA_FORMAT,
                "%s: line %zu: '%.60s' behind '%.60s', wanted finite numbers",
                reader->file, reader->line, field, word));
        }
    }
out:
    return status;
}

int
ba_word_vectors_read(const char *file, size_t memory, ba_word_vectors_t *out)
{
    int status = BA_OK;
    char *text = NULL, *next;
    reader_t reader = {.file = file, .out = out, .memory = memory};

    *out = (ba_word_vectors_t){.n_features = 0};
    BA_TRY(ba_textfile_read(file, &text));
    reader.n_lines = count_lines(text);
    reader.n_bytes = strlen(text);
    for (char *at = text; at; at = next) {
        reader.line++;
        next = strchr(at, '\n');
        if (next) {
            *next++ = '\0';
        }
        if (at[strspn(at, SPACE)] && !(reader.line == 1 && is_header(at))) {
            BA_TRY(read_line(&reader, at));
        }
    }
    if (out->words.texts.n == 0) {
        BA_TRY(ba_fail(
            BA_FORMAT, "%s: found no words, wanted a word and its numbers a line", file));
    }
out:
    ba_free(text);
    if (status != BA_OK) {
        ba_word_vectors_free(out);
    }
    return status;
}

void
ba_word_vectors_free(ba_word_vectors_t *vectors)
{
    ba_text_set_free(&vectors->words);
    ba_free(vectors->values);
    *vectors = (ba_word_vectors_t){.n_features = 0};
}
