/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/score_table.h"

#include "brainalign/fit.h"
#include "core/alloc.h"

#include <math.h>
#include <unistd.h>

static const char *
status_name(int32_t code)
{
    switch (code) {
#define STATUS_CASE(name, value, words)                                                  \
    case value:                                                                          \
        return words;
        BA_TARGET_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    default:
        return "unknown";
    }
}

static double
number_at(const double *column, size_t t)
{
    return column ? column[t] : (double) NAN;
}

static int
write_header(ba_table_writer_t *writer, int named, int with_controls)
{
    int status = BA_OK;
    static const char *const rest[] = {
        "r", "r2", "alpha", "p", "q", "ceiling", "r_norm", "n", "status"};
    static const char *const more[] = {
        "increment_r2", "p_increment", "q_increment", "control_r", "control_r2"};

    BA_TRY(ba_table_put_text(writer, "target"));
    if (named) {
        BA_TRY(ba_table_put_text(writer, "name"));
    }
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        BA_TRY(ba_table_put_text(writer, rest[i]));
    }
    for (size_t i = 0; with_controls && i < sizeof more / sizeof *more; i++) {
        BA_TRY(ba_table_put_text(writer, more[i]));
    }
    BA_TRY(ba_table_end_row(writer));
out:
    return status;
}

static int
write_row(ba_table_writer_t *writer, const char *name, const ba_score_columns_t *columns,
    size_t t)
{
    int status = BA_OK;
    const double *const tests[] = {
        columns->p, columns->q, columns->ceiling, columns->r_norm};
    const double *const controls[] = {columns->increment_r2, columns->p_increment,
        columns->q_increment, columns->control_r, columns->control_r2};

    BA_TRY(ba_table_put_integer(writer, (int64_t) (columns->target_start + t)));
    if (name) {
        BA_TRY(ba_table_put_text(writer, name));
    }
    BA_TRY(ba_table_put_number(writer, number_at(columns->r, t), 7));
    BA_TRY(ba_table_put_number(writer, number_at(columns->r2, t), 7));
    BA_TRY(ba_table_put_number(writer, number_at(columns->alpha, t), 7));
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        BA_TRY(ba_table_put_number(writer, number_at(tests[i], t), 7));
    }
    BA_TRY(ba_table_put_integer(writer, (int64_t) columns->n_samples));
    BA_TRY(ba_table_put_text(writer, status_name(columns->status[t])));
    for (size_t i = 0; columns->increment_r2 && i < sizeof controls / sizeof *controls;
         i++) {
        BA_TRY(ba_table_put_number(writer, number_at(controls[i], t), 7));
    }
    BA_TRY(ba_table_end_row(writer));
out:
    return status;
}

/* Label of target t of the columns; NULL = not known. */
static const char *
name_of(const ba_dataset_t *dataset, const ba_score_columns_t *columns, size_t t,
    char label[64])
{
    if (dataset) {
        return ba_dataset_target_label(dataset, columns->target_start + t, label);
    }
    return columns->names ? columns->names[t] : NULL;
}

/* scores.tsv: target, name (where known), r, r2, alpha, p, q, ceiling, r_norm, n, status;
 * increment_r2, p_increment, q_increment, control_r, control_r2 where there are
 * controls. */
static int
write_table(ba_table_writer_t *writer, const ba_dataset_t *dataset,
    const ba_score_columns_t *columns)
{
    int status = BA_OK;
    char label[64];
    int named = name_of(dataset, columns, 0, label) != NULL;

    BA_TRY(write_header(writer, named, columns->increment_r2 != NULL));
    for (size_t t = 0; t < columns->n_targets; t++) {
        const char *name = named ? name_of(dataset, columns, t, label) : NULL;

        BA_TRY(write_row(writer, named && !name ? "n/a" : name, columns, t));
    }
out:
    return status;
}

int
ba_score_outputs_check(const ba_dataset_t *dataset, const char *output, const char *table,
    const char *map, int force)
{
    const char *files[] = {output, table, map};

    if (map && (!dataset || !dataset->image)) {
        return ba_fail(BA_VALUE, "map: the responses are no image, wanted image "
                                 "responses or --mask with their grid");
    }
    for (size_t i = 0; i < 3; i++) {
        if (files[i] && !force && access(files[i], F_OK) == 0) {
            return ba_fail(BA_EXISTS, "%s: exists, --force replaces it", files[i]);
        }
    }
    return BA_OK;
}

static int
make_map(const ba_dataset_t *dataset, const ba_score_columns_t *columns, const char *file,
    int force, ba_map_t **out)
{
    int status = BA_OK;
    size_t n = ba_image_n_voxels(dataset->image);
    double *values = NULL;

    BA_TRY_ALLOC(values, ba_malloc(n, sizeof *values));
    for (size_t i = 0; i < n; i++) {
        size_t t = i - columns->target_start;

        values[i] = i >= columns->target_start && t < columns->n_targets ? columns->r[t]
                                                                         : (double) NAN;
    }
    BA_TRY(ba_map_create(dataset->image, values, "brainalign: r of held-out predictions",
        file, force, out));
out:
    ba_free(values);
    return status;
}

int
ba_score_outputs_make(const ba_dataset_t *dataset, const ba_score_columns_t *columns,
    const char *table, const char *map, int force, ba_score_outputs_t *out)
{
    int status = BA_OK;

    *out = (ba_score_outputs_t){NULL, NULL};
    if (table) {
        BA_TRY(ba_table_create(table, force, &out->table));
        BA_TRY(write_table(out->table, dataset, columns));
        BA_TRY(ba_table_finish(out->table));
    }
    if (map) {
        BA_TRY(make_map(dataset, columns, map, force, &out->map));
    }
out:
    if (status != BA_OK) {
        ba_score_outputs_free(out);
    }
    return status;
}

int
ba_score_outputs_commit(ba_score_outputs_t *outputs)
{
    int status = BA_OK;

    if (outputs->table) {
        BA_TRY(ba_table_commit(outputs->table));
    }
    if (outputs->map) {
        BA_TRY(ba_map_commit(outputs->map));
    }
out:
    return status;
}

void
ba_score_outputs_free(ba_score_outputs_t *outputs)
{
    ba_table_writer_free(outputs->table);
    ba_map_free(outputs->map);
    *outputs = (ba_score_outputs_t){NULL, NULL};
}
