/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the two ways of naming a data set, SPECs and a run table, fill its parts. */
#ifndef BA_DATASETS_DATASET_IMPL_H
#define BA_DATASETS_DATASET_IMPL_H

#include "brainalign/dataset.h"
#include "brainalign/error.h"

/* Both fill an empty data set except for its image, and leave what they made to
 * ba_dataset_free() on failure. Sources of a part are not yet known to fit together,
 * except that n_samples rows and the runs are those of its features. */
int ba_dataset_from_specs(const ba_ctx_t *ctx, const ba_dataset_opts_t *opts,
    ba_dataset_t *dataset) BA_MUST_USE;
int ba_dataset_from_table(const ba_ctx_t *ctx, const ba_dataset_opts_t *opts,
    ba_dataset_t *dataset) BA_MUST_USE;

/* dataset_layers.c: the last feature space becomes its layers, in both parts. */
int ba_dataset_split_layers(
    const ba_dataset_opts_t *opts, ba_dataset_t *dataset) BA_MUST_USE;

/* Length of NAME in [NAME=]SPEC, 0 = there is none. A file whose own name has a '=' is
 * not taken apart. */
size_t ba_dataset_name_length(const char *text);

/* BA_SHAPE naming both unless `source` (NULL is fine) has the rows of `wanted`. */
int ba_dataset_same_rows(
    const ba_source_t *source, const ba_source_t *wanted) BA_MUST_USE;

/* Runs from "onsets:0,N,...". BA_VALUE. */
int ba_dataset_parse_onsets(
    const char *text, size_t n_samples, ba_runs_t *runs) BA_MUST_USE;

/* Rows of a source to read at a time, whole: a fixed share of the memory budget. */
size_t ba_dataset_block_rows(const ba_ctx_t *ctx, const ba_source_t *source);

#endif
