/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The run table: which files each run of a study is made of. */
#ifndef BA_DATASETS_RUN_TABLE_H
#define BA_DATASETS_RUN_TABLE_H

#include "brainalign/error.h"
#include "brainalign/table.h"

/* One row of the table. Cells are borrowed from it, NULL where missing (empty or n/a). */
typedef struct {
    const char *run, *subject, *repeat;
    const char *responses, *nuisance;
    int is_test;
} ba_run_row_t;

typedef struct {
    ba_table_t *cells;
    char *file, *folder; /* as given; what file names are relative to, "" = here */
    size_t n_spaces;
    char **space_names;
    size_t *space_columns; /* columns of the table */
    size_t n_rows;
    ba_run_row_t *rows;
    int many_subjects; /* a run is then known by subject and run */
} ba_run_table_t;

/* Rows that are one recording each, as slabs: row `rows[run + repeat * n_runs]` of the
 * table. Runs in file order; training runs have one repeat. */
typedef struct {
    size_t n_runs, n_repeats;
    size_t *rows;
} ba_run_plan_t;

/* Reads and checks a run table. Errors: those of ba_table_read(); BA_FORMAT (unknown,
 * missing or repeated column, missing cell, unknown role); BA_SHAPE (a run label that
 * comes back later, test runs that differ in their number of repeats).
 * The caller frees. */
int ba_run_table_read(const char *file, ba_run_table_t **out) BA_MUST_USE;
void ba_run_table_free(ba_run_table_t *table);

/* Groups the training rows (is_test = 0) or the test rows; n_runs = 0 when there are
 * none. The caller frees plan->rows with ba_free(). */
int ba_run_table_plan(
    const ba_run_table_t *table, int is_test, ba_run_plan_t *plan) BA_MUST_USE;

/* Features of a row, NULL where missing. Borrowed. */
const char *ba_run_table_features(const ba_run_table_t *table, size_t row, size_t space);

/* A cell as a SPEC that can be opened from here; the caller frees with ba_free(). NULL =
 * BA_NOMEM. */
char *ba_run_table_spec(const ba_run_table_t *table, const char *cell) BA_MUST_USE;

/* Label of a row's run: `run`, or `subject/run` where there is more than one subject. The
 * caller frees with ba_free(). NULL = BA_NOMEM. */
char *ba_run_table_label(const ba_run_table_t *table, size_t row) BA_MUST_USE;

#endif
