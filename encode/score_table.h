/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores as people read them: one line a target, and a map. */
#ifndef BA_ENCODE_SCORE_TABLE_H
#define BA_ENCODE_SCORE_TABLE_H

#include "brainalign/dataset.h"
#include "brainalign/table.h"

/* Columns of a score table; n_targets each, NULL = n/a. */
typedef struct {
    size_t target_start, n_targets, n_samples;
    const double *r, *r2, *alpha;
    const int32_t *status;
    const char *const *names; /* labels where there is no data set, NULL = none */
    const double *p, *q, *ceiling, *r_norm;
    /* Further columns where there are controls. */
    const double *increment_r2, *p_increment, *q_increment, *control_r, *control_r2;
} ba_score_columns_t;

/* `dataset` may be NULL in all of these, where there is none: then there is no map.
 *
 * Fails early where table or map could not be written: BA_EXISTS, BA_VALUE (no grid to
 * map into). */
int ba_score_outputs_check(const ba_dataset_t *dataset, const char *output,
    const char *table, const char *map, int force) BA_MUST_USE;

/* Table and map of a result, written under temporary names: what can run out of room has
 * happened when this returns. `map`: r over all voxels of the grid; targets outside the
 * range are NaN. NULL names are not wanted. */
typedef struct {
    ba_table_writer_t *table;
    ba_map_t *map;
} ba_score_outputs_t;

int ba_score_outputs_make(const ba_dataset_t *dataset, const ba_score_columns_t *columns,
    const char *table, const char *map, int force, ba_score_outputs_t *out) BA_MUST_USE;

/* Renames both. */
int ba_score_outputs_commit(ba_score_outputs_t *outputs) BA_MUST_USE;
void ba_score_outputs_free(ba_score_outputs_t *outputs);

#endif
