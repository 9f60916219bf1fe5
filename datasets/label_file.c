/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/label_file.h"
#include "datasets/conll.h"

#include "core/alloc.h"
#include "core/nearest.h"
#include "io/hdf5_strings.h"
#include "io/number.h"
#include "io/textfile.h"
#include "brainalign/source.h"
#include "brainalign/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int
ba_label_is_missing(const char *cell)
{
    return cell[0] == '\0' || strcmp(cell, "_") == 0 || strcasecmp(cell, "n/a") == 0;
}

void
ba_label_column_free(ba_label_column_t *column)
{
    ba_free(column->name);
    ba_texts_free(&column->cells);
    ba_texts_free(&column->forms);
    ba_free(column->sentence);
    *column = (ba_label_column_t){0};
}

int
ba_label_column_sentence(ba_label_column_t *column, size_t sentence)
{
    size_t *longer;
    int status = BA_OK;

    if (column->cells.n > column->n_sentence) {
        size_t n = column->n_sentence ? 2 * column->n_sentence : 256;

        BA_TRY_ALLOC(longer, ba_realloc(column->sentence, n, sizeof *longer));
        column->sentence = longer;
        column->n_sentence = n;
    }
    column->sentence[column->cells.n - 1] = sentence;
out:
    return status;
}

/* Numbers become labels as they would be typed: 3, 0.5. */
static int
read_numbers(const ba_ctx_t *ctx, const char *file, const char *path, ba_texts_t *cells)
{
    ba_source_t *source = NULL;
    double *values = NULL;
    char *spec = NULL, text[40];
    size_t n;
    int status = BA_OK;

    BA_TRY_ALLOC(spec, ba_asprintf("%s:%s", file, path));
    BA_TRY(ba_source_open(ctx, spec, NULL, &source));
    if (ba_source_n_cols(source) != 1) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu columns, wanted one, the label of each token",
            spec, ba_source_n_cols(source)));
    }
    n = ba_source_n_rows(source);
    BA_TRY_ALLOC(values, ba_malloc(n, sizeof *values));
    BA_TRY(ba_source_read(source, 0, 0, n, 0, 1, values, n));
    for (size_t i = 0; i < n; i++) {
        ba_number_print(values[i], 17, text, sizeof text);
        BA_TRY(ba_texts_add(cells, text, strlen(text)));
    }
out:
    ba_source_close(source);
    ba_free(values);
    ba_free(spec);
    return status;
}

static int
read_hdf5(const ba_ctx_t *ctx, const char *file, const char *path, ba_label_column_t *out)
{
    const char *slash;
    int status = BA_OK;

    if (!path) {
        return ba_fail(
            BA_VALUE, "%s: an HDF5 file, wanted FILE:PATH of its labels", file);
    }
    slash = strrchr(path, '/');
    BA_TRY_ALLOC(out->name, ba_strdup(slash ? slash + 1 : path));
    if (ba_hdf5_holds_strings(file, path)) {
        return ba_hdf5_strings_read(file, path, &out->cells);
    }
    BA_TRY(read_numbers(ctx, file, path, &out->cells));
out:
    return status;
}

static int
find_column(const char *file, const ba_table_t *table, const char *wanted, size_t *column)
{
    size_t n = ba_table_n_cols(table), nearest = 0;
    char *end;
    unsigned long number;

    *column = wanted ? ba_table_find(table, wanted) : n == 1 ? 0 : SIZE_MAX;
    if (*column != SIZE_MAX) {
        return BA_OK;
    }
    if (!wanted) {
        return ba_fail(
            BA_VALUE, "%s: a table of %zu columns, wanted FILE:COLUMN", file, n);
    }
    number = strtoul(wanted, &end, 10);
    if (*wanted >= '0' && *wanted <= '9' && !*end && number >= 1 && number <= n) {
        *column = number - 1;
        return BA_OK;
    }
    for (size_t i = 1; i < n; i++) {
        if (ba_word_distance(wanted, ba_table_column(table, i)) <
            ba_word_distance(wanted, ba_table_column(table, nearest))) {
            nearest = i;
        }
    }
    return ba_fail(BA_MISSING,
        "%s: no column '%s': nearest is '%s' (or a number from 1 to %zu)", file, wanted,
        ba_table_column(table, nearest), n);
}

static int
read_table(const char *file, const char *wanted, ba_label_column_t *out)
{
    ba_table_t *table = NULL;
    size_t column;
    int status;

    BA_TRY(ba_table_read(file, BA_TABLE_HEADER, &table));
    BA_TRY(find_column(file, table, wanted, &column));
    BA_TRY_ALLOC(out->name, ba_strdup(ba_table_column(table, column)));
    for (size_t i = 0; i < ba_table_n_rows(table); i++) {
        const char *cell = ba_table_cell(table, i, column);

        BA_TRY(ba_texts_add(&out->cells, cell, strlen(cell)));
    }
out:
    ba_table_free(table);
    return status;
}

static int
take_line(const char *file, const char *line, size_t length, size_t number,
    size_t *sentence, ba_label_column_t *out)
{
    int status = BA_OK;

    if (length == 0) {
        *sentence += out->cells.n > 0 && out->sentence[out->cells.n - 1] == *sentence;
        return BA_OK;
    }
    if (memchr(line, ' ', length) || memchr(line, '\t', length)) {
        return ba_fail(BA_FORMAT, "%s: line %zu: '%.*s', wanted one label a line", file,
            number, length < 60 ? (int) length : 60, line);
    }
    BA_TRY(ba_texts_add(&out->cells, line, length));
    BA_TRY(ba_label_column_sentence(out, *sentence));
out:
    return status;
}

/* An empty line ends a sentence. A file without empty lines tells nothing of them. */
static int
read_lines(const char *file, const char *text, const char *wanted, ba_label_column_t *out)
{
    size_t sentence = 0, number = 0;
    int status = BA_OK;

    if (wanted) {
        return ba_fail(
            BA_VALUE, "%s:%s: a column, but the file has one label a line", file, wanted);
    }
    BA_TRY_ALLOC(out->name, ba_strdup(""));
    while (*text) {
        size_t length = strcspn(text, "\r\n");

        BA_TRY(take_line(file, text, length, ++number, &sentence, out));
        text += length;
        text += *text == '\r';
        text += *text == '\n';
    }
    if (sentence == 0) {
        ba_free(out->sentence);
        out->sentence = NULL;
    }
out:
    return status;
}

static int
is_table_name(const char *file)
{
    size_t n = strlen(file);

    return n > 4 && (strcasecmp(file + n - 4, ".csv") == 0 ||
                        strcasecmp(file + n - 4, ".tsv") == 0);
}

static int
read_text(const char *file, const char *wanted, ba_label_column_t *out)
{
    char *text = NULL;
    const char *tab;
    ba_conll_t kind;
    int status;

    if (is_table_name(file)) {
        return read_table(file, wanted, out);
    }
    BA_TRY(ba_textfile_read(file, &text));
    kind = ba_conll_kind(text);
    tab = memchr(text, '\t', strcspn(text, "\r\n"));
    if (kind != BA_CONLL_NONE) {
        BA_TRY(ba_conll_read(kind, file, text,
            wanted               ? wanted
            : kind == BA_CONLL_U ? "upos"
                                 : "chunk",
            out));
    } else if (tab) {
        BA_TRY(read_table(file, wanted, out));
    } else {
        BA_TRY(read_lines(file, text, wanted, out));
    }
out:
    ba_free(text);
    return status;
}

static void
keep(ba_texts_t *texts, size_t start, size_t n)
{
    if (texts->n > 0) {
        memmove(texts->start, texts->start + start, n * sizeof *texts->start);
        texts->n = n;
    }
}

static int
slice(const char *text, const ba_spec_t *spec, ba_label_column_t *out)
{
    size_t n = out->cells.n;
    size_t stop = spec->row_stop == SIZE_MAX ? n : spec->row_stop;

    if (n == 0) {
        return ba_fail(BA_FORMAT, "%s: no labels", text);
    }
    if (stop > n || spec->row_start >= stop) {
        return ba_fail(BA_VALUE, "%s: rows %zu:%zu, but there are %zu", text,
            spec->row_start, stop, n);
    }
    keep(&out->cells, spec->row_start, stop - spec->row_start);
    keep(&out->forms, spec->row_start, stop - spec->row_start);
    if (out->sentence) {
        memmove(out->sentence, out->sentence + spec->row_start,
            (stop - spec->row_start) * sizeof *out->sentence);
    }
    return BA_OK;
}

int
ba_label_column_read(const ba_ctx_t *ctx, const char *spec, ba_label_column_t *out)
{
    ba_spec_t parsed = {.file = NULL};
    int status;

    *out = (ba_label_column_t){0};
    BA_TRY(ba_spec_parse(spec, &parsed));
    if (ba_hdf5_is(parsed.file)) {
        BA_TRY(read_hdf5(ctx, parsed.file, parsed.path, out));
    } else {
        BA_TRY(read_text(parsed.file, parsed.path, out));
    }
    BA_TRY(slice(spec, &parsed, out));
out:
    ba_spec_free(&parsed);
    if (status != BA_OK) {
        ba_label_column_free(out);
    }
    return status;
}
