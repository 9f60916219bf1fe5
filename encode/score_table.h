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
} ba_score_columns_t;

/* Writes scores.tsv: target, name (where known), r, r2, alpha, p, q, ceiling, r_norm, n,
 * status. Not committed. */
int ba_score_table_write(ba_table_writer_t *writer, const ba_dataset_t *dataset,
    const ba_score_columns_t *columns) BA_MUST_USE;

/* Fails early where table or map could not be written: BA_EXISTS, BA_VALUE (no grid to
 * map into). */
int ba_score_outputs_check(const ba_dataset_t *dataset, const char *output,
    const char *table, const char *map, int force) BA_MUST_USE;

/* A map of r over all voxels of the grid; targets outside the range are NaN. */
int ba_score_map_write(const ba_dataset_t *dataset, const ba_score_columns_t *columns,
    const char *map, int force) BA_MUST_USE;

#endif
