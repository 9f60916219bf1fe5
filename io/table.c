/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/table.h"

#include "core/alloc.h"
#include "io/csv.h"
#include "io/number.h"

#include <string.h>

struct ba_table {
    char *file;
    ba_table_header_t mode;
    size_t n_cols;  /* 0 before the first line */
    size_t n_rows;  /* without the header */
    char **columns; /* NULL without a header */
    char *text;     /* all cells, row by row, each with its NUL */
    size_t n_text, text_size;
    size_t *starts; /* n_rows x n_cols: where in text a cell starts */
    size_t *lines;  /* n_rows: line of the file */
    size_t rows_size;
};

static int
grow_rows(ba_table_t *table)
{
    size_t size = table->rows_size ? 2 * table->rows_size : 64;
    size_t n_starts;
    size_t *starts, *lines;
    int status;

    BA_TRY(ba_multiply(size, table->n_cols, &n_starts));
    BA_TRY_ALLOC(starts, ba_realloc(table->starts, n_starts, sizeof *starts));
    table->starts = starts;
    BA_TRY_ALLOC(lines, ba_realloc(table->lines, size, sizeof *lines));
    table->lines = lines;
    table->rows_size = size;
out:
    return status;
}

static int
add_text(ba_table_t *table, const char *cell)
{
    size_t n = strlen(cell) + 1;
    size_t size = table->text_size ? table->text_size : 4096;
    char *text;
    int status = BA_OK;

    while (size - table->n_text < n) {
        size *= 2;
    }
    if (size > table->text_size) {
        BA_TRY_ALLOC(text, ba_realloc(table->text, size, 1));
        table->text = text;
        table->text_size = size;
    }
    memcpy(table->text + table->n_text, cell, n);
    table->n_text += n;
out:
    return status;
}

static int
take_header(ba_table_t *table, const ba_csv_row_t *row)
{
    int status = BA_OK;

    BA_TRY_ALLOC(table->columns, ba_calloc(row->n_cells, sizeof *table->columns));
    for (size_t i = 0; i < row->n_cells; i++) {
        BA_TRY_ALLOC(table->columns[i], ba_csv_label(row->cells[i]));
    }
out:
    return status;
}

static int
take_row(void *payload, const ba_csv_row_t *row)
{
    ba_table_t *table = payload;
    int is_first = table->n_cols == 0;
    int status = BA_OK;

    table->n_cols = row->n_cells;
    if (is_first && (table->mode == BA_TABLE_HEADER ||
                        (table->mode == BA_TABLE_DETECT && ba_csv_is_header(row)))) {
        return take_header(table, row);
    }
    if (table->n_rows == table->rows_size) {
        BA_TRY(grow_rows(table));
    }
    for (size_t i = 0; i < row->n_cells; i++) {
        table->starts[table->n_rows * table->n_cols + i] = table->n_text;
        BA_TRY(add_text(table, row->cells[i]));
    }
    table->lines[table->n_rows++] = row->line;
out:
    return status;
}

int
ba_table_read(const char *file, ba_table_header_t header, ba_table_t **out)
{
    ba_table_t *table = NULL;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(table, ba_calloc(1, sizeof *table));
    BA_TRY_ALLOC(table->file, ba_strdup(file));
    table->mode = header;
    BA_TRY(ba_csv_read(file, take_row, table));
    if (table->n_rows == 0) {
        status = ba_fail(
            BA_FORMAT, "%s: no rows%s", file, table->columns ? " below the header" : "");
        goto out;
    }
    *out = table;
    table = NULL;
out:
    ba_table_free(table);
    return status;
}

void
ba_table_free(ba_table_t *table)
{
    if (!table) {
        return;
    }
    for (size_t i = 0; table->columns && i < table->n_cols; i++) {
        ba_free(table->columns[i]);
    }
    ba_free(table->columns);
    ba_free(table->text);
    ba_free(table->starts);
    ba_free(table->lines);
    ba_free(table->file);
    ba_free(table);
}

size_t
ba_table_n_rows(const ba_table_t *table)
{
    return table->n_rows;
}

size_t
ba_table_n_cols(const ba_table_t *table)
{
    return table->n_cols;
}

const char *
ba_table_column(const ba_table_t *table, size_t column)
{
    return table->columns && column < table->n_cols ? table->columns[column] : NULL;
}

size_t
ba_table_find(const ba_table_t *table, const char *name)
{
    for (size_t i = 0; table->columns && i < table->n_cols; i++) {
        if (strcmp(table->columns[i], name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

const char *
ba_table_cell(const ba_table_t *table, size_t row, size_t column)
{
    if (row >= table->n_rows || column >= table->n_cols) {
        return "";
    }
    return table->text + table->starts[row * table->n_cols + column];
}

int
ba_table_number(const ba_table_t *table, size_t row, size_t column, double *value)
{
    const char *label = ba_table_column(table, column);
    const char *cell = ba_table_cell(table, row, column);

    if (row >= table->n_rows || column >= table->n_cols) {
        return ba_fail(BA_VALUE, "%s: row %zu, column %zu asked, there are %zu x %zu",
            table->file, row, column, table->n_rows, table->n_cols);
    }
    if (!ba_number_parse(cell, value)) {
        return ba_fail(BA_FORMAT,
            "%s: line %zu, row %zu, column %zu%s%.60s%s: '%.60s', expected a number",
            table->file, table->lines[row], row + 1, column + 1, label ? " (" : "",
            label ? label : "", label ? ")" : "", cell);
    }
    return BA_OK;
}
