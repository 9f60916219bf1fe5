/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers in CSV and TSV files. Text cannot be read by column: the whole file goes
 * through a spool. */
#include "io/csv.h"
#include "io/number.h"
#include "io/source_impl.h"
#include "io/spool.h"

#include "core/alloc.h"

/* Rows between two looks at whether the caller wants to stop. */
#define ROWS_PER_CHECK 1024

typedef struct {
    const ba_ctx_t *ctx; /* while opening */
    const char *file;    /* while opening */
    size_t n_cols;
    char **labels; /* NULL without a header */
    double *values;
    ba_spool_t *spool; /* NULL before the first row */
} csv_state_t;

static void
close_csv(void *state)
{
    csv_state_t *csv = state;

    if (!csv) {
        return;
    }
    for (size_t i = 0; csv->labels && i < csv->n_cols; i++) {
        ba_free(csv->labels[i]);
    }
    ba_free(csv->labels);
    ba_free(csv->values);
    ba_spool_free(csv->spool);
    ba_free(csv);
}

static int
read_csv(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0, size_t n_cols,
    double *dst, size_t ld)
{
    csv_state_t *csv = state;

    (void) slab;
    return ba_spool_read(csv->spool, row0, n_rows, col0, n_cols, dst, ld);
}

static const char *
csv_column_name(const void *state, size_t column)
{
    const csv_state_t *csv = state;

    return csv->labels ? csv->labels[column] : NULL;
}

static const ba_source_ops_t csv_ops = {.format = "csv",
    .read = read_csv,
    .column_name = csv_column_name,
    .close = close_csv};

static int
take_labels(csv_state_t *csv, const ba_csv_row_t *row)
{
    int status = BA_OK;

    BA_TRY_ALLOC(csv->labels, ba_calloc(row->n_cells, sizeof *csv->labels));
    for (size_t i = 0; i < row->n_cells; i++) {
        BA_TRY_ALLOC(csv->labels[i], ba_csv_label(row->cells[i]));
    }
out:
    return status;
}

static int
take_numbers(csv_state_t *csv, const ba_csv_row_t *row)
{
    int status = BA_OK;

    for (size_t i = 0; i < row->n_cells; i++) {
        if (!ba_number_parse(row->cells[i], &csv->values[i])) {
            return ba_fail(BA_FORMAT,
                "%s: line %zu, column %zu%s%.60s%s: '%.60s', expected a number",
                csv->file, row->line, i + 1, csv->labels ? " (" : "",
                csv->labels ? csv->labels[i] : "", csv->labels ? ")" : "", row->cells[i]);
        }
    }
    BA_TRY(ba_spool_append(csv->spool, csv->values));
    if (ba_spool_n_rows(csv->spool) % ROWS_PER_CHECK == 0) {
        BA_TRY(ba_ctx_check(csv->ctx));
    }
out:
    return status;
}

static int
take_row(void *payload, const ba_csv_row_t *row)
{
    csv_state_t *csv = payload;
    int status = BA_OK;

    if (csv->spool) {
        return take_numbers(csv, row);
    }
    csv->n_cols = row->n_cells;
    BA_TRY_ALLOC(csv->values, ba_calloc(row->n_cells, sizeof *csv->values));
    BA_TRY(ba_spool_by_rows(csv->ctx, csv->file, row->n_cells, BA_DOUBLE, &csv->spool));
    if (ba_csv_is_header(row)) {
        BA_TRY(take_labels(csv, row));
    } else {
        BA_TRY(take_numbers(csv, row));
    }
out:
    return status;
}

int
ba_csv_source_open(const ba_ctx_t *ctx, const char *file, const ba_source_opts_t *opts,
    ba_source_t **out)
{
    ba_source_shape_t shape = {.n_slabs = 1, .is_double = 1};
    csv_state_t *csv = NULL;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(csv, ba_calloc(1, sizeof *csv));
    csv->ctx = ctx;
    csv->file = file;
    BA_TRY(ba_csv_read(file, take_row, csv));
    if (!csv->spool || ba_spool_n_rows(csv->spool) == 0) {
        status = ba_fail(BA_FORMAT, "%s: no rows of numbers", file);
        goto out;
    }
    BA_TRY(ba_spool_finish(csv->spool));
    shape.rank = csv->n_cols == 1 ? 1 : 2;
    if (shape.rank > opts->max_rank) {
        status = ba_fail(
            BA_SHAPE, "%s: %zu columns, expected 1 (a vector)", file, csv->n_cols);
        goto out;
    }
    shape.n_rows = ba_spool_n_rows(csv->spool);
    shape.n_cols = csv->n_cols;
    csv->ctx = NULL;
    csv->file = NULL;
    status = ba_source_wrap(&csv_ops, csv, &shape, file, out);
    csv = NULL;
out:
    close_csv(csv);
    return status;
}
