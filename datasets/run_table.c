/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/run_table.h"

#include <string.h>
#include <strings.h>

#include "core/alloc.h"

static const char SPACE_PREFIX[] = "features:";

/* Columns beside those of features. */
enum { RUN, SUBJECT, ROLE, REPEAT, RESPONSES, NUISANCE, N_COLUMNS };

static const char *const COLUMNS[N_COLUMNS] = {
    "run", "subject", "role", "repeat", "responses", "nuisance"};

static const char *
cell_or_null(const ba_run_table_t *table, size_t row, size_t column)
{
    const char *cell;

    if (column == SIZE_MAX) {
        return NULL;
    }
    cell = ba_table_cell(table->cells, row, column);
    return *cell == '\0' || strcasecmp(cell, "n/a") == 0 ? NULL : cell;
}

/* NAME of a column `features:NAME`, "features" of one without; NULL = another column. */
static const char *
space_of(const char *column)
{
    size_t n = strlen(SPACE_PREFIX);

    if (strcmp(column, "features") == 0) {
        return column;
    }
    return strncmp(column, SPACE_PREFIX, n) == 0 ? column + n : NULL;
}

static int
check_column(const ba_run_table_t *table, size_t column)
{
    const char *name = ba_table_column(table->cells, column);
    const char *space = space_of(name);

    if (ba_table_find(table->cells, name) != column) {
        return ba_fail(
            BA_FORMAT, "%s: column '%s' stands there twice", table->file, name);
    }
    if (space && *space == '\0') {
        return ba_fail(BA_FORMAT, "%s: column '%s', wanted a name after the colon",
            table->file, name);
    }
    for (size_t i = 0; !space && i < N_COLUMNS; i++) {
        if (strcmp(name, COLUMNS[i]) == 0) {
            space = name;
        }
    }
    if (!space) {
        return ba_fail(BA_FORMAT,
            "%s: unknown column '%s', wanted run, responses, features or features:NAME, "
            "subject, nuisance, role, repeat",
            table->file, name);
    }
    return BA_OK;
}

static int
find_spaces(ba_run_table_t *table)
{
    size_t n = ba_table_n_cols(table->cells);
    int status = BA_OK;

    BA_TRY_ALLOC(table->space_names, ba_calloc(n, sizeof *table->space_names));
    BA_TRY_ALLOC(table->space_columns, ba_calloc(n, sizeof *table->space_columns));
    for (size_t i = 0; i < n; i++) {
        const char *space;

        BA_TRY(check_column(table, i));
        space = space_of(ba_table_column(table->cells, i));
        if (space) {
            BA_TRY_ALLOC(table->space_names[table->n_spaces], ba_strdup(space));
            table->space_columns[table->n_spaces++] = i;
        }
    }
    if (table->n_spaces > 1 && ba_table_find(table->cells, "features") != SIZE_MAX) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s: columns 'features' and 'features:NAME', wanted one kind only",
            table->file));
    }
out:
    return status;
}

static int
take_row(ba_run_table_t *table, size_t i, const size_t columns[N_COLUMNS])
{
    ba_run_row_t *row = &table->rows[i];
    const char *role = cell_or_null(table, i, columns[ROLE]);

    row->run = cell_or_null(table, i, columns[RUN]);
    row->subject = cell_or_null(table, i, columns[SUBJECT]);
    row->repeat = cell_or_null(table, i, columns[REPEAT]);
    row->responses = cell_or_null(table, i, columns[RESPONSES]);
    row->nuisance = cell_or_null(table, i, columns[NUISANCE]);
    row->is_test = role && strcmp(role, "test") == 0;
    if (!row->run) {
        return ba_fail(BA_FORMAT, "%s: row %zu: no run label", table->file, i + 1);
    }
    if (role && !row->is_test && strcmp(role, "train") != 0) {
        return ba_fail(BA_FORMAT, "%s: row %zu: role '%s', wanted train or test",
            table->file, i + 1, role);
    }
    if (row->subject && table->rows[0].subject &&
        strcmp(row->subject, table->rows[0].subject) != 0) {
        table->many_subjects = 1;
    }
    if (!row->subject != !table->rows[0].subject) {
        return ba_fail(BA_FORMAT, "%s: row %zu: subject in some rows only", table->file,
            (row->subject ? 0 : i) + 1);
    }
    return BA_OK;
}

static int
take_rows(ba_run_table_t *table)
{
    size_t columns[N_COLUMNS];
    int status = BA_OK;

    for (size_t i = 0; i < N_COLUMNS; i++) {
        columns[i] = ba_table_find(table->cells, COLUMNS[i]);
        if (columns[i] == SIZE_MAX && (i == RUN || i == RESPONSES)) {
            return ba_fail(BA_FORMAT, "%s: no column '%s'", table->file, COLUMNS[i]);
        }
    }
    table->n_rows = ba_table_n_rows(table->cells);
    BA_TRY_ALLOC(table->rows, ba_calloc(table->n_rows, sizeof *table->rows));
    for (size_t i = 0; i < table->n_rows; i++) {
        BA_TRY(take_row(table, i, columns));
    }
out:
    return status;
}

static int
same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int
same_run(const ba_run_table_t *table, size_t a, size_t b)
{
    return same_text(table->rows[a].run, table->rows[b].run) &&
           same_text(table->rows[a].subject, table->rows[b].subject);
}

/* Two rows of one run: fine only for repeats of a test run. */
static int
check_pair(const ba_run_table_t *table, size_t a, size_t b)
{
    const ba_run_row_t *row = &table->rows[b];

    if (!row->is_test) {
        return ba_fail(BA_SHAPE,
            "%s: run '%s' of row %zu comes back in row %zu, wanted one row for each "
            "training run",
            table->file, row->run, a + 1, b + 1);
    }
    if (!row->repeat || same_text(table->rows[a].repeat, row->repeat)) {
        return ba_fail(BA_SHAPE,
            "%s: test run '%s' stands in rows %zu and %zu without different repeats",
            table->file, row->run, a + 1, b + 1);
    }
    return BA_OK;
}

static int
check_rows(const ba_run_table_t *table)
{
    int status = BA_OK;

    for (size_t b = 0; b < table->n_rows; b++) {
        for (size_t a = 0; a < b; a++) {
            if (table->rows[a].is_test == table->rows[b].is_test &&
                same_run(table, a, b)) {
                BA_TRY(check_pair(table, a, b));
            }
        }
    }
out:
    return status;
}

static char *
folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return ba_asprintf("%.*s", slash ? (int) (slash - file) + 1 : 0, file);
}

int
ba_run_table_read(const char *file, ba_run_table_t **out)
{
    ba_run_table_t *table;
    int status;

    *out = NULL;
    BA_TRY_ALLOC(table, ba_calloc(1, sizeof *table));
    BA_TRY_ALLOC(table->file, ba_strdup(file));
    BA_TRY_ALLOC(table->folder, folder_of(file));
    BA_TRY(ba_table_read(file, BA_TABLE_HEADER, &table->cells));
    BA_TRY(find_spaces(table));
    BA_TRY(take_rows(table));
    BA_TRY(check_rows(table));
    *out = table;
    table = NULL;
out:
    ba_run_table_free(table);
    return status;
}

void
ba_run_table_free(ba_run_table_t *table)
{
    if (!table) {
        return;
    }
    for (size_t i = 0; i < table->n_spaces; i++) {
        ba_free(table->space_names[i]);
    }
    ba_free(table->space_names);
    ba_free(table->space_columns);
    ba_free(table->rows);
    ba_free(table->file);
    ba_free(table->folder);
    ba_table_free(table->cells);
    ba_free(table);
}

/* Lists the rows that open a run, in file order. */
static size_t
list_runs(const ba_run_table_t *table, int is_test, size_t *first)
{
    size_t n = 0;

    for (size_t i = 0; i < table->n_rows; i++) {
        size_t k = 0;

        while (k < n && !same_run(table, first[k], i)) {
            k++;
        }
        if (table->rows[i].is_test == is_test && k == n) {
            first[n++] = i;
        }
    }
    return n;
}

/* Lists the rows of run k into its column of the plan; returns how many there are. */
static size_t
list_repeats(const ba_run_table_t *table, int is_test, size_t first, size_t k,
    const ba_run_plan_t *plan)
{
    size_t n = 0;

    for (size_t i = first; i < table->n_rows; i++) {
        if (table->rows[i].is_test == is_test && same_run(table, first, i)) {
            if (n < plan->n_repeats) {
                plan->rows[k + n * plan->n_runs] = i;
            }
            n++;
        }
    }
    return n;
}

int
ba_run_table_plan(const ba_run_table_t *table, int is_test, ba_run_plan_t *plan)
{
    size_t *first = NULL;
    int status = BA_OK;

    *plan = (ba_run_plan_t){.n_repeats = 1};
    BA_TRY_ALLOC(first, ba_malloc(table->n_rows, sizeof *first));
    plan->n_runs = list_runs(table, is_test, first);
    if (plan->n_runs > 0) {
        plan->n_repeats = 0;
        plan->n_repeats = list_repeats(table, is_test, first[0], 0, plan);
    }
    BA_TRY_ALLOC(
        plan->rows, ba_calloc(plan->n_runs * plan->n_repeats, sizeof *plan->rows));
    for (size_t k = 0; k < plan->n_runs; k++) {
        size_t n = list_repeats(table, is_test, first[k], k, plan);

        if (n != plan->n_repeats) {
            BA_TRY(ba_fail(BA_SHAPE,
                "%s: test run '%s' has %zu repeats, wanted %zu as run '%s' has",
                table->file, table->rows[first[k]].run, n, plan->n_repeats,
                table->rows[first[0]].run));
        }
    }
out:
    ba_free(first);
    if (status != BA_OK) {
        ba_free(plan->rows);
        plan->rows = NULL;
    }
    return status;
}

const char *
ba_run_table_features(const ba_run_table_t *table, size_t row, size_t space)
{
    return cell_or_null(table, row, table->space_columns[space]);
}

char *
ba_run_table_spec(const ba_run_table_t *table, const char *cell)
{
    return cell[0] == '/' ? ba_strdup(cell) : ba_asprintf("%s%s", table->folder, cell);
}

char *
ba_run_table_label(const ba_run_table_t *table, size_t row)
{
    const ba_run_row_t *found = &table->rows[row];

    return table->many_subjects ? ba_asprintf("%s/%s", found->subject, found->run)
                                : ba_strdup(found->run);
}
