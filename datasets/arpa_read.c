/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ARPA files: "\data\" and "ngram N=COUNT" lines; for each order "\N-grams:" and lines of
 * log10 probability, N words and, where an n-gram is continued, log10 back-off weight;
 * "\end\". Whatever stands before "\data\" is no part of it. */
#include "brainalign/ngram_file.h"
#include "core/alloc.h"
#include "io/number.h"
#include "io/textfile.h"
#include "lm/ngram_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char SPACE[] = " \t\r";
static const double LN10 = 2.302585092994045684;

/* At or below it a log10 probability stands for 0. */
static const double NOTHING = -98.5;

/* Back-offs beyond this make sums that are no probabilities. */
static const double MOST_BACKOFF = 99.0;

typedef struct {
    const char *file;
    char *next; /* first byte that was not read, NULL = the end */
    char *text; /* the current line, without blanks around it */
    size_t line;
    size_t order, declared[BA_NGRAM_MAX_ORDER];
    ba_ngram_t *ngram;
    /* n-grams of the order being read */
    size_t n, size;
    uint32_t *words;
    double *log_p, *backoff;
    size_t *where;
} reader_t;

/* The next line that is not empty; 0 at the end. */
static int
next_line(reader_t *reader)
{
    while (reader->next) {
        char *at = reader->next, *end = strchr(at, '\n');
        size_t n;

        reader->next = end ? end + 1 : NULL;
        if (end) {
            *end = '\0';
        }
        reader->line++;
        at += strspn(at, SPACE);
        n = strlen(at);
        while (n > 0 && strchr(SPACE, at[n - 1])) {
            at[--n] = '\0';
        }
        reader->text = at;
        if (n > 0) {
            return 1;
        }
    }
    reader->text = NULL;
    return 0;
}

static int
fail_line(const reader_t *reader, const char *wanted)
{
    return reader->text ? ba_fail(BA_FORMAT, "%s: line %zu: found '%.60s', wanted %s",
                              reader->file, reader->line, reader->text, wanted)
                        : ba_fail(BA_FORMAT, "%s: found the end of the file, wanted %s",
                              reader->file, wanted);
}

static int
read_header(reader_t *reader)
{
    unsigned long long order, count;
    char rest;

    while (next_line(reader) && strcmp(reader->text, "\\data\\") != 0) {
    }
    if (!reader->text) {
        return fail_line(reader, "a line \\data\\, as in an ARPA file");
    }
    while (next_line(reader) && reader->text[0] != '\\') {
        if (sscanf(reader->text, "ngram %llu = %llu %c", &order, &count, &rest) != 2 ||
            order != reader->order + 1) {
            char wanted[64];

            snprintf(wanted, sizeof wanted,
                "'ngram %zu=COUNT' or \\1-grams:", reader->order + 1);
            return fail_line(reader, wanted);
        }
        if (order > BA_NGRAM_MAX_ORDER) {
            return ba_fail(BA_UNSUPPORTED, "%s: line %zu: order %llu, wanted at most %d",
                reader->file, reader->line, order, BA_NGRAM_MAX_ORDER);
        }
        reader->declared[reader->order++] = (size_t) count;
    }
    return reader->order > 0 ? BA_OK : fail_line(reader, "'ngram 1=COUNT'");
}

static int
make_room(reader_t *reader, size_t order)
{
    int status = BA_OK;
    size_t size = reader->size ? 2 * reader->size : 1024, n_words;
    uint32_t *words;
    double *numbers;
    size_t *where;

    if (reader->n < reader->size) {
        return BA_OK;
    }
    BA_TRY(ba_multiply(size, order, &n_words));
    BA_TRY_ALLOC(words, ba_realloc(reader->words, n_words, sizeof *words));
    reader->words = words;
    BA_TRY_ALLOC(numbers, ba_realloc(reader->log_p, size, sizeof *numbers));
    reader->log_p = numbers;
    BA_TRY_ALLOC(numbers, ba_realloc(reader->backoff, size, sizeof *numbers));
    reader->backoff = numbers;
    BA_TRY_ALLOC(where, ba_realloc(reader->where, size, sizeof *where));
    reader->where = where;
    reader->size = size;
out:
    return status;
}

/* The next field of a line, NULL at its end. */
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

static int
find_word(reader_t *reader, size_t order, const char *text, uint32_t *word)
{
    int status = BA_OK;
    size_t number;

    if (strcmp(text, "<UNK>") == 0) {
        text = "<unk>";
    }
    if (order == 1) {
        BA_TRY(ba_text_set_add(&reader->ngram->words, text, &number));
    } else {
        number = ba_text_set_find(&reader->ngram->words, text);
    }
    if (number == SIZE_MAX) {
        BA_TRY(
            ba_fail(BA_FORMAT, "%s: line %zu: '%.60s' is no 1-gram, wanted words listed",
                reader->file, reader->line, text));
    }
    *word = (uint32_t) number;
out:
    return status;
}

static int
fail_field(const reader_t *reader, size_t order, const char *found)
{
    return ba_fail(BA_FORMAT,
        "%s: line %zu: found %s, wanted a log10 probability, %zu word%s and perhaps a "
        "log10 back-off weight",
        reader->file, reader->line, found, order, order == 1 ? "" : "s");
}

static int
read_entry(reader_t *reader, size_t order)
{
    int status = BA_OK;
    char *at = reader->text, *field = next_field(&at);
    double log_p, backoff = 0.0;

    BA_TRY(make_room(reader, order));
    if (!ba_number_parse(field, &log_p) || !(log_p <= 1e-6)) {
        BA_TRY(fail_field(reader, order, "no log10 probability of 0 or below"));
    }
    for (size_t k = 0; k < order; k++) {
        field = next_field(&at);
        if (!field) {
            BA_TRY(fail_field(reader, order, "too few words"));
        }
        BA_TRY(find_word(reader, order, field, &reader->words[reader->n * order + k]));
    }
    field = next_field(&at);
    if (field &&
        (!ba_number_parse(field, &backoff) || !(fabs(backoff) <= MOST_BACKOFF))) {
        BA_TRY(fail_field(
            reader, order, "no log10 back-off within 99 of 0 behind the words"));
    }
    if (field && next_field(&at)) {
        BA_TRY(fail_field(reader, order, "too many fields"));
    }
    reader->log_p[reader->n] =
        log_p <= NOTHING ? -(double) INFINITY : fmin(log_p, 0.0) * LN10;
    reader->backoff[reader->n] = backoff * LN10;
    reader->where[reader->n++] = reader->line;
out:
    return status;
}

/* Words of the model that the file has not: they have no probability. */
static int
add_special(reader_t *reader)
{
    int status = BA_OK;

    for (uint32_t w = 0; w < BA_WORD_FIRST; w++) {
        int is_there = 0;

        for (size_t i = 0; i < reader->n; i++) {
            is_there |= reader->words[i] == w;
        }
        if (!is_there) {
            BA_TRY(make_room(reader, 1));
            reader->words[reader->n] = w;
            reader->log_p[reader->n] = -(double) INFINITY;
            reader->backoff[reader->n] = 0.0;
            reader->where[reader->n++] = reader->line;
        }
    }
    /* Nothing predicts the beginning of a sentence. */
    for (size_t i = 0; i < reader->n; i++) {
        if (reader->words[i] == BA_WORD_BEGIN) {
            reader->log_p[i] = -(double) INFINITY;
        }
    }
out:
    return status;
}

/* The current line is that of the section. */
static int
read_order(reader_t *reader, size_t order)
{
    int status = BA_OK;
    char wanted[32];
    ba_ngram_list_t list = {.name = reader->file};

    snprintf(wanted, sizeof wanted, "\\%zu-grams:", order);
    if (!reader->text || strcmp(reader->text, wanted) != 0) {
        BA_TRY(fail_line(reader, wanted));
    }
    reader->n = reader->size = 0;
    while (next_line(reader) && reader->text[0] != '\\') {
        BA_TRY(read_entry(reader, order));
    }
    if (reader->n != reader->declared[order - 1]) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: line %zu: %zu %zu-grams, but %zu were declared",
            reader->file, reader->line, reader->n, order, reader->declared[order - 1]));
    }
    if (order == 1) {
        BA_TRY(add_special(reader));
    }
    list.n = reader->n;
    list.words = reader->words;
    list.log_p = reader->log_p;
    list.backoff = reader->backoff;
    list.line = reader->where;
    BA_TRY(ba_ngram_build(reader->ngram, order, &list));
out:
    return status;
}

int
ba_ngram_read(const char *file, ba_ngram_t **out)
{
    int status = BA_OK;
    char *text = NULL;
    reader_t reader = {.file = file};

    *out = NULL;
    BA_TRY(ba_textfile_read(file, &text));
    reader.next = text;
    BA_TRY(read_header(&reader));
    BA_TRY(ba_ngram_new(reader.order, &reader.ngram));
    for (size_t order = 1; order <= reader.order; order++) {
        BA_TRY(read_order(&reader, order));
    }
    if (!reader.text || strcmp(reader.text, "\\end\\") != 0) {
        BA_TRY(fail_line(&reader, "\\end\\"));
    }
    *out = reader.ngram;
    reader.ngram = NULL;
out:
    ba_ngram_free(reader.ngram);
    ba_free(reader.words);
    ba_free(reader.log_p);
    ba_free(reader.backoff);
    ba_free(reader.where);
    ba_free(text);
    return status;
}
