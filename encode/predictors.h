/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The features of a data set, read into memory and laid out as a delayed design. */
#ifndef BA_ENCODE_PREDICTORS_H
#define BA_ENCODE_PREDICTORS_H

#include "brainalign/encode.h"

typedef struct {
    size_t n_spaces;
    ba_space_t *spaces;
    int **delays; /* one list per space, owned */
    ba_design_t *design;
    uint64_t *row_hash; /* n_samples fingerprints of the raw feature rows */
    double *nuisance; /* n_samples x n_nuisance (columns of every repeat), NULL without */
    size_t n_nuisance;
} ba_predictors_t;

/* What a feature space becomes. */
typedef struct {
    const int *delays;
    size_t n_delays, n_components; /* 0 components = the features themselves */
    int zscore_runs; /* in each run, after the fingerprints and before all else */
} ba_layout_t;

/* Reads part's features and nuisance regressors; delays and components are those of the
 * options. BA_VALUE (a delay list that is missing or malformed, an unknown space, more
 * components than features), BA_NONFINITE, BA_SHAPE. */
int ba_predictors_read(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_dataset_part_t *part, const ba_encode_fit_opts_t *opts,
    ba_predictors_t *out) BA_MUST_USE;

/* BA_VALUE where an item "NAME<mark>..." of a list of options names no space; `what` is
 * the option. Items without the mark name none. */
int ba_predictors_check_names(const ba_dataset_t *dataset, const char *what, char mark,
    const char *const *items, size_t n_items) BA_MUST_USE;

/* The same with the layout of every space. */
int ba_predictors_read_lists(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_dataset_part_t *part, const ba_layout_t *layouts, int across_runs,
    ba_predictors_t *out) BA_MUST_USE;

void ba_predictors_free(ba_predictors_t *predictors);

/* Bytes of the features in memory. */
size_t ba_predictors_bytes(const ba_predictors_t *predictors, size_t n_samples);

/* The largest and the smallest delay of any space. */
void ba_predictors_delay_range(
    const ba_predictors_t *predictors, int *smallest, int *largest);

#endif
