/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/conll.h"

#include "core/alloc.h"
#include "core/nearest.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MOST_COLUMNS = 64, U_COLUMNS = 10 };

static const char *const U_NAMES[] = {"id", "form", "lemma", "upos", "xpos", "feats",
    "head", "deprel", "deps", "misc", "smwe", "lexcat", "lexlemma", "ss", "ss2", "wmwe",
    "wcat", "wlemma", "lextag"};
static const char *const NAMES_2000[] = {"form", "pos", "chunk", "ner"};

/* A file on the way. */
typedef struct {
    ba_conll_t kind;
    const char *file, *wanted;
    size_t line;
    size_t n_columns; /* cells of a line, 0 before the first */
    size_t column, form;
    char *global;  /* what follows "# global.columns =", NULL without */
    size_t number; /* of the last word of the sentence, 0 before the first */
    size_t sentence;
    ba_label_column_t *out;
} reader_t;

/* Cuts the line that `text` starts with off; returns the next one, NULL at the end. */
static char *
cut_line(char *text)
{
    char *end = strchr(text, '\n');
    size_t n = end ? (size_t) (end - text) : strlen(text);

    text[n] = '\0';
    if (n > 0 && text[n - 1] == '\r') {
        text[n - 1] = '\0';
    }
    return end && end[1] ? end + 1 : NULL;
}

static size_t
count(const char *line, const char *end, char separator)
{
    size_t n = 1;

    for (const char *c = line; c < end; c++) {
        n += *c == separator;
    }
    return n;
}

ba_conll_t
ba_conll_kind(const char *text)
{
    const char *end;
    size_t n;

    for (;; text = end + 1) {
        end = text + strcspn(text, "\r\n");
        if (text[0] != '#' && end > text) {
            break;
        }
        if (!*end) {
            return BA_CONLL_NONE;
        }
    }
    if (memchr(text, '\t', (size_t) (end - text))) {
        n = count(text, end, '\t');
        return n >= U_COLUMNS && *text >= '0' && *text <= '9' ? BA_CONLL_U
                                                              : BA_CONLL_NONE;
    }
    n = count(text, end, ' ');
    return n >= 2 && n <= 4 ? BA_CONLL_2000 : BA_CONLL_NONE;
}

/* Name of column `i` from 0, "" where it has none. `buffer` holds one of the header's. */
static const char *
column_name(const reader_t *reader, size_t i, char buffer[64])
{
    const char *const *names = reader->kind == BA_CONLL_U ? U_NAMES : NAMES_2000;
    size_t n = reader->kind == BA_CONLL_U ? sizeof U_NAMES / sizeof *U_NAMES
                                          : sizeof NAMES_2000 / sizeof *NAMES_2000;
    const char *word = reader->global;

    if (!word) {
        return i < n ? names[i] : "";
    }
    word += strspn(word, " ");
    for (size_t k = 0; *word; k++) {
        size_t length = strcspn(word, " ");

        if (k == i) {
            snprintf(buffer, 64, "%.*s", (int) length, word);
            return buffer;
        }
        word += length;
        word += strspn(word, " ");
    }
    return "";
}

static int
parse_number(const char *text, size_t *number)
{
    size_t n = 0;

    if (!*text) {
        return 0;
    }
    for (; *text >= '0' && *text <= '9' && n < 1000000000; text++) {
        n = 10 * n + (size_t) (*text - '0');
    }
    *number = n;
    return *text == '\0';
}

static int
find_column(const reader_t *reader, const char *wanted, size_t *column)
{
    char nearest[64] = "", buffer[64];

    if (parse_number(wanted, column) && *column >= 1 && *column <= reader->n_columns) {
        (*column)--;
        return BA_OK;
    }
    for (size_t i = 0; i < reader->n_columns; i++) {
        const char *name = column_name(reader, i, buffer);

        if (strcasecmp(name, wanted) == 0) {
            *column = i;
            return BA_OK;
        }
        if (i == 0 ||
            ba_word_distance(wanted, name) < ba_word_distance(wanted, nearest)) {
            snprintf(nearest, sizeof nearest, "%s", name);
        }
    }
    return ba_fail(BA_MISSING,
        "%s: no column '%s': nearest is '%s' (or a number from 1 to %zu)", reader->file,
        wanted, nearest, reader->n_columns);
}

/* What the first line of words tells. */
static int
start(reader_t *reader, size_t n_cells)
{
    char buffer[64];
    int status;

    reader->n_columns = n_cells;
    BA_TRY(find_column(reader, "form", &reader->form));
    BA_TRY(find_column(reader, reader->wanted, &reader->column));
    BA_TRY_ALLOC(
        reader->out->name, ba_strdup(column_name(reader, reader->column, buffer)));
out:
    return status;
}

/* Cuts a line at its separators. */
static size_t
split(char *line, char separator, char *cells[MOST_COLUMNS])
{
    size_t n = 0;

    while (n < MOST_COLUMNS) {
        char *end = strchr(line, separator);

        cells[n++] = line;
        if (!end) {
            return n;
        }
        *end = '\0';
        line = end + 1;
    }
    return MOST_COLUMNS + 1;
}

/* Words count from 1 in every sentence. *is_word = 0 for ranges and empty nodes. */
static int
check_id(reader_t *reader, const char *id, int *is_word)
{
    size_t number = 0;

    *is_word = 0;
    if (parse_number(id, &number)) {
        if (number != reader->number + 1) {
            return ba_fail(BA_FORMAT, "%s: line %zu: word %.20s, wanted word %zu",
                reader->file, reader->line, id, reader->number + 1);
        }
        reader->number = number;
        *is_word = 1;
        return BA_OK;
    }
    if (id[0] < '0' || id[0] > '9' || id[strspn(id, "0123456789.-")] != '\0') {
        return ba_fail(BA_FORMAT,
            "%s: line %zu: '%.40s' in the first column, wanted the number of a word",
            reader->file, reader->line, id);
    }
    return BA_OK;
}

static int
take_word(reader_t *reader, char *line)
{
    char separator = reader->kind == BA_CONLL_U || strchr(line, '\t') ? '\t' : ' ';
    char *cells[MOST_COLUMNS];
    size_t n = split(line, separator, cells);
    const char *form;
    int is_word = 1, status = BA_OK;

    if (reader->n_columns == 0 && n <= MOST_COLUMNS) {
        BA_TRY(start(reader, n));
    }
    if (n != reader->n_columns) {
        return ba_fail(BA_FORMAT, "%s: line %zu: %s%zu cells, expected %zu", reader->file,
            reader->line, n > MOST_COLUMNS ? "at least " : "", n, reader->n_columns);
    }
    if (reader->kind == BA_CONLL_U) {
        BA_TRY(check_id(reader, cells[0], &is_word));
    }
    form = cells[reader->form];
    if (!is_word || (reader->kind == BA_CONLL_2000 && strcmp(form, "-DOCSTART-") == 0)) {
        return BA_OK;
    }
    reader->number += reader->kind == BA_CONLL_2000;
    BA_TRY(ba_texts_add(&reader->out->forms, form, strlen(form)));
    BA_TRY(ba_texts_add(
        &reader->out->cells, cells[reader->column], strlen(cells[reader->column])));
    BA_TRY(ba_label_column_sentence(reader->out, reader->sentence));
out:
    return status;
}

static int
take_line(reader_t *reader, char *line)
{
    static const char columns[] = "# global.columns =";

    if (line[0] == '\0') {
        reader->sentence += reader->number > 0;
        reader->number = 0;
        return BA_OK;
    }
    if (reader->kind == BA_CONLL_U && line[0] == '#') {
        if (strncmp(line, columns, sizeof columns - 1) == 0 && reader->n_columns == 0) {
            reader->global = line + sizeof columns - 1;
        }
        return BA_OK;
    }
    return take_word(reader, line);
}

int
ba_conll_read(ba_conll_t kind, const char *file, char *text, const char *name,
    ba_label_column_t *out)
{
    reader_t reader = {.kind = kind, .file = file, .wanted = name, .out = out};
    int status = BA_OK;

    while (text) {
        char *next = cut_line(text);

        reader.line++;
        BA_TRY(take_line(&reader, text));
        text = next;
    }
    if (out->cells.n == 0) {
        status = ba_fail(BA_FORMAT, "%s: no words", file);
    }
out:
    return status;
}
