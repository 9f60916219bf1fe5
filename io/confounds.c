/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/confounds.h"

#include "core/alloc.h"
#include "core/nearest.h"
#include "io/source_impl.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

/* A table's columns, in memory. */
typedef struct {
    size_t n_rows, n_cols;
    char **names;
    double *values; /* n_rows x n_cols, column-major */
} columns_t;

static void
close_columns(void *state)
{
    columns_t *columns = state;

    if (!columns) {
        return;
    }
    for (size_t j = 0; columns->names && j < columns->n_cols; j++) {
        ba_free(columns->names[j]);
    }
    ba_free(columns->names);
    ba_free(columns->values);
    ba_free(columns);
}

static int
read_columns(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    const columns_t *columns = state;

    (void) slab;
    for (size_t j = 0; j < n_cols; j++) {
        memcpy(dst + j * ld, columns->values + row0 + (col0 + j) * columns->n_rows,
            n_rows * sizeof *dst);
    }
    return BA_OK;
}

static const char *
name_of_column(const void *state, size_t column)
{
    const columns_t *columns = state;

    return columns->names[column];
}

static const ba_source_ops_t confound_ops = {.format = "csv",
    .read = read_columns,
    .column_name = name_of_column,
    .close = close_columns};

typedef struct {
    const ba_ctx_t *ctx;
    ba_source_t **tables;
    size_t n_tables;
    char **names; /* selected */
    size_t n_names;
} selection_t;

static int
is_pattern(const char *text)
{
    return strpbrk(text, "*?[") != NULL;
}

static size_t
find_column(const ba_source_t *table, const char *name)
{
    for (size_t j = 0; j < ba_source_n_cols(table); j++) {
        if (strcmp(ba_source_column_name(table, j), name) == 0) {
            return j;
        }
    }
    return SIZE_MAX;
}

static int
fail_column(const ba_source_t *table, const char *wanted)
{
    const char *nearest = ba_source_column_name(table, 0);

    for (size_t j = 1; j < ba_source_n_cols(table); j++) {
        const char *name = ba_source_column_name(table, j);

        if (ba_word_distance(wanted, name) < ba_word_distance(wanted, nearest)) {
            nearest = name;
        }
    }
    return ba_fail(BA_MISSING, "%s: no column '%s': nearest is '%s'",
        ba_source_name(table), wanted, nearest);
}

static int
add_name(selection_t *selection, const char *name)
{
    char **grown;
    int status = BA_OK;

    for (size_t i = 0; i < selection->n_names; i++) {
        if (strcmp(selection->names[i], name) == 0) {
            return BA_OK;
        }
    }
    BA_TRY_ALLOC(
        grown, ba_realloc(selection->names, selection->n_names + 1, sizeof *grown));
    selection->names = grown;
    BA_TRY_ALLOC(selection->names[selection->n_names], ba_strdup(name));
    selection->n_names++;
out:
    return status;
}

static int
select_name(selection_t *selection, const char *name)
{
    for (size_t i = 0; i < selection->n_tables; i++) {
        if (find_column(selection->tables[i], name) == SIZE_MAX) {
            return fail_column(selection->tables[i], name);
        }
    }
    return add_name(selection, name);
}

static int
select_matches(selection_t *selection, const char *pattern)
{
    int found = 0;
    int status = BA_OK;

    for (size_t i = 0; i < selection->n_tables; i++) {
        for (size_t j = 0; j < ba_source_n_cols(selection->tables[i]); j++) {
            const char *name = ba_source_column_name(selection->tables[i], j);

            if (fnmatch(pattern, name, 0) == 0) {
                BA_TRY(add_name(selection, name));
                found = 1;
            }
        }
    }
    if (!found) {
        BA_TRY(fail_column(selection->tables[0], pattern));
    }
out:
    return status;
}

/* Works through the list, which is cut up in place. */
static int
select_columns(selection_t *selection, const char *patterns)
{
    char *list, *at, *end;
    int status = BA_OK;

    BA_TRY_ALLOC(list, ba_strdup(patterns));
    for (at = list; at; at = end ? end + 1 : NULL) {
        end = strchr(at, ',');
        if (end) {
            *end = '\0';
        }
        if (*at == '\0') {
            BA_TRY(ba_fail(BA_VALUE,
                "nuisance columns: '%s' has an empty name, wanted names or patterns "
                "separated by commas",
                patterns));
        }
        BA_TRY(
            is_pattern(at) ? select_matches(selection, at) : select_name(selection, at));
    }
out:
    ba_free(list);
    return status;
}

static int
open_table(const ba_ctx_t *ctx, const char *spec, ba_source_t **out)
{
    int status;

    BA_TRY(ba_source_open(ctx, spec, NULL, out));
    if (!ba_source_column_name(*out, 0)) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s: no names of columns, wanted a table with a header to choose columns of",
            spec));
    }
out:
    return status;
}

/* Non-zero when a value was missing. */
static int
fill_first(double *value)
{
    if (!isnan(*value)) {
        return 0;
    }
    *value = 0;
    return 1;
}

static int
read_selected(const selection_t *selection, ba_source_t *table, columns_t *columns)
{
    size_t n_filled = 0, filled = 0, n = columns->n_rows;
    int status = BA_OK;

    for (size_t i = 0; i < selection->n_names; i++) {
        double *values = columns->values + i * n;
        size_t j = find_column(table, selection->names[i]);

        BA_TRY_ALLOC(columns->names[i], ba_strdup(selection->names[i]));
        if (j == SIZE_MAX) {
            continue;
        }
        BA_TRY(ba_source_read(table, 0, 0, n, j, 1, values, n));
        if (fill_first(values)) {
            filled = n_filled++ == 0 ? i : filled;
        }
    }
    if (n_filled > 0) {
        ba_ctx_log(selection->ctx, BA_LOG_INFO,
            "%s: n/a in the first row of %zu column%s (%s%s) is taken as 0",
            ba_source_name(table), n_filled, n_filled == 1 ? "" : "s",
            selection->names[filled], n_filled > 1 ? ", ..." : "");
    }
out:
    return status;
}

static int
make_source(const selection_t *selection, ba_source_t *table, ba_source_t **out)
{
    ba_source_shape_t shape = {.n_slabs = 1,
        .n_rows = ba_source_n_rows(table),
        .n_cols = selection->n_names,
        .rank = 2,
        .is_double = 1};
    columns_t *columns = NULL;
    char *name = NULL;
    size_t n;
    int status;

    BA_TRY(ba_multiply(shape.n_rows, shape.n_cols, &n));
    BA_TRY_ALLOC(columns, ba_calloc(1, sizeof *columns));
    columns->n_rows = shape.n_rows;
    columns->n_cols = shape.n_cols;
    BA_TRY_ALLOC(columns->names, ba_calloc(shape.n_cols, sizeof *columns->names));
    BA_TRY_ALLOC(columns->values, ba_calloc(n, sizeof *columns->values));
    BA_TRY(read_selected(selection, table, columns));
    BA_TRY_ALLOC(name, ba_strdup(ba_source_name(table)));
    status =
        ba_source_wrap(&confound_ops, columns, &shape, ba_source_file(table, 0), out);
    columns = NULL;
    BA_TRY(status);
    ba_free((*out)->name);
    (*out)->name = name;
    name = NULL;
out:
    ba_free(name);
    close_columns(columns);
    return status;
}

int
ba_confounds_open(const ba_ctx_t *ctx, const char *const *specs, size_t n,
    const char *patterns, ba_source_t **out)
{
    selection_t selection = {.ctx = ctx, .n_tables = n};
    int status = BA_OK;

    for (size_t i = 0; i < n; i++) {
        out[i] = NULL;
    }
    BA_TRY_ALLOC(selection.tables, ba_calloc(n, sizeof(ba_source_t *)));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(open_table(ctx, specs[i], &selection.tables[i]));
    }
    BA_TRY(select_columns(&selection, patterns));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(make_source(&selection, selection.tables[i], &out[i]));
    }
out:
    for (size_t i = 0; selection.tables && i < n; i++) {
        ba_source_close(selection.tables[i]);
    }
    for (size_t i = 0; i < selection.n_names; i++) {
        ba_free(selection.names[i]);
    }
    ba_free(selection.names);
    ba_free(selection.tables);
    for (size_t i = 0; status != BA_OK && i < n; i++) {
        ba_source_close(out[i]);
        out[i] = NULL;
    }
    return status;
}
