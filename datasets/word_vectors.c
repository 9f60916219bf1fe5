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
    size_t line, size; /* words that there is room for */
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

static int
make_room(reader_t *reader)
{
    int status = BA_OK;
    ba_word_vectors_t *out = reader->out;
    size_t size = reader->size ? 2 * reader->size : 1024, n;
    double *values;

    if (out->words.texts.n < reader->size) {
        return BA_OK;
    }
    BA_TRY(ba_multiply(size, out->n_features, &n));
    BA_TRY_ALLOC(values, ba_realloc(out->values, n, sizeof *values));
    out->values = values;
    reader->size = size;
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
    BA_TRY(make_room(reader));
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
ba_word_vectors_read(const char *file, ba_word_vectors_t *out)
{
    int status = BA_OK;
    char *text = NULL, *next;
    reader_t reader = {.file = file, .out = out};

    *out = (ba_word_vectors_t){.n_features = 0};
    BA_TRY(ba_textfile_read(file, &text));
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
