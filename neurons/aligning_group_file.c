/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The group of subjects, in files. */
#include "neurons/aligning_group.h"

#include <stdio.h>

enum { DIGITS = 9, N_COLUMNS = 12 };

static const char *const names[N_COLUMNS] = {"delta_r2", "t", "p_t", "p_wilcoxon",
    "p_flip", "p_flip_fwe", "null_mean", "null_sd", "z", "p", "q", "p_fwe"};

static void
list_columns(const ba_align_group_tests_t *tests, const double *columns[N_COLUMNS])
{
    const double *const all[N_COLUMNS] = {tests->mean, tests->t, tests->p_t,
        tests->p_wilcoxon, tests->p_flip, tests->p_flip_fwe, tests->null_mean,
        tests->null_deviation, tests->z, tests->p, tests->q, tests->p_fwe};

    for (size_t k = 0; k < N_COLUMNS; k++) {
        columns[k] = all[k];
    }
}

int
ba_align_group_write(const ba_align_group_t *group, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t dims[] = {group->n, group->regions->n, group->n_subjects};
    int64_t numbers[] = {(int64_t) group->n_moves, (int64_t) group->tests.n_flips,
        (int64_t) group->n_of_sets};
    const double *columns[N_COLUMNS];
    char path[64];

    if (group->n == 0) {
        return BA_OK;
    }
    list_columns(&group->tests, columns);
    BA_TRY(ba_bundle_write_strings(bundle, "/group/name", group->n, group->names));
    BA_TRY(ba_bundle_write_strings(bundle, "/group/region", group->regions->n,
        (const char *const *) group->regions->name));
    BA_TRY(ba_bundle_write_strings(bundle, "/group/subject", group->n_subjects,
        (const char *const *) group->subjects.name + 1));
    BA_TRY(ba_bundle_write(bundle, "/group/scores", BA_F64, 3, dims, group->scores));
    for (size_t k = 0; k < N_COLUMNS; k++) {
        snprintf(path, sizeof path, "/group/%s", names[k]);
        BA_TRY(ba_bundle_write(bundle, path, BA_F64, 2, dims, columns[k]));
    }
    BA_TRY(ba_bundle_attr_i64(bundle, "/group", "n_moves", 1, &numbers[0]));
    BA_TRY(ba_bundle_attr_i64(bundle, "/group", "n_flips", 1, &numbers[1]));
    BA_TRY(ba_bundle_attr_i64(bundle, "/group", "n_sets", 1, &numbers[2]));
out:
    return status;
}

static int
put_row(
    ba_table_writer_t *table, const ba_align_group_t *group, size_t set, size_t region)
{
    int status;
    size_t at = set * group->regions->n + region;
    const double *columns[N_COLUMNS];

    list_columns(&group->tests, columns);
    BA_TRY(ba_table_put_text(table, set < group->n_of_sets ? "set" : "concept"));
    BA_TRY(ba_table_put_text(table, group->names[set]));
    BA_TRY(ba_table_put_number(table, (double) group->sets[set].n, DIGITS));
    BA_TRY(ba_table_put_text(table, group->regions->name[region]));
    BA_TRY(ba_table_put_number(table, (double) group->n_used[region], DIGITS));
    for (size_t k = 0; k < N_COLUMNS; k++) {
        BA_TRY(ba_table_put_number(table, columns[k][at], DIGITS));
    }
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

int
ba_align_group_write_table(
    const ba_align_group_t *group, const char *file, int force, ba_table_writer_t **out)
{
    static const char *const header[] = {
        "kind", "name", "n_neurons", "region", "n_subjects"};
    int status;

    BA_TRY(ba_table_create(file, force, out));
    for (size_t i = 0; i < sizeof header / sizeof *header; i++) {
        BA_TRY(ba_table_put_text(*out, header[i]));
    }
    for (size_t k = 0; k < N_COLUMNS; k++) {
        BA_TRY(ba_table_put_text(*out, names[k]));
    }
    BA_TRY(ba_table_end_row(*out));
    for (size_t s = 0; s < group->n; s++) {
        for (size_t r = 0; r < group->regions->n; r++) {
            BA_TRY(put_row(*out, group, s, r));
        }
    }
    BA_TRY(ba_table_finish(*out));
out:
    return status;
}
