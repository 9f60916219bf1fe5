/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores and splits of a result file, for comparing it with others; and its held-out
 * predictions beside the responses they are of. */
#ifndef BA_ENCODE_FITTED_H
#define BA_ENCODE_FITTED_H

#include "brainalign/bundle.h"
#include "brainalign/dataset.h"
#include "datasets/regions.h"
#include "fit/fit_impl.h"

/* An encoder file or a stack. */
typedef struct {
    char *path;
    char *name; /* of the file without folder and .h5 */
    ba_bundle_t *bundle;
    size_t n_samples, n_targets, target_start, n_total, n_outer;
    int is_test_set; /* the one fold is a fixed test set */
    int32_t *outer, *run, *status;
    double *r, *r2, *r_by_fold, *r2_by_fold; /* by fold: n_outer x n_targets */
    uint64_t *hash;                          /* n_samples, of the responses */
    char **names;                            /* n_targets labels, NULL = none */
} ba_fitted_t;

/* BA_FORMAT: no such file, or without scores. Call ba_fitted_close() in any case. */
int ba_fitted_open(const char *path, ba_fitted_t *out) BA_MUST_USE;
void ba_fitted_close(ba_fitted_t *fitted);

/* The targets of a file as places without voxels. */
ba_places_t ba_fitted_places(const ba_fitted_t *fitted);

/* Regions of a file's targets, which are voxels where its responses were images; as
 * ba_regions_read(). Call ba_regions_free() in any case. */
int ba_fitted_regions(const ba_ctx_t *ctx, const ba_fitted_t *fitted,
    const char *const *specs, size_t n_specs, ba_regions_t *out) BA_MUST_USE;

/* What two files must share; each includes those before. */
typedef enum { BA_SAME_SPLITS, BA_SAME_TARGETS, BA_SAME_RESPONSES } ba_same_t;

/* BA_SHAPE naming both files and what differs. */
int ba_fitted_same(
    const ba_fitted_t *a, const ba_fitted_t *b, ba_same_t what) BA_MUST_USE;

/* Rows that folds held out, fold after fold, and their responses as they were fitted. */
typedef struct {
    const ba_ctx_t *ctx;
    const ba_fitted_t *fitted;
    tiles_t *tiles;
    size_t *kept; /* sample of each kept row */
    ba_runs_t runs;
    int zscore_runs;
    ba_detrend_opts_t detrend;
    double *nuisance;
    size_t n_folds, n_held;
    size_t *start;    /* n_folds + 1 */
    size_t *position; /* n_held: among the kept rows */
    ba_runs_t *folds; /* uninterrupted stretches of each fold */
    int32_t *status;
    uint64_t *hash;
    double *responses; /* n_held x BA_TILE of the tile at hand */
    double *block;     /* n_samples x BA_TILE as in the file */
    size_t n_rows;     /* of /predictions */
    size_t column0;    /* of the first target in these responses */
} ba_held_t;

/* dataset: holds the responses (and nuisance regressors) of the fit. BA_SHAPE (other
 * numbers of samples or targets), BA_MISSING (no scores by fold). Call ba_held_close() in
 * any case. */
int ba_held_open(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_fitted_t *fitted, ba_held_t *out) BA_MUST_USE;
void ba_held_close(ba_held_t *held);

/* Has held->responses be those of tile t: targets first .. first + n - 1 of the file. */
int ba_held_load(ba_held_t *held, size_t t, size_t *first, size_t *n) BA_MUST_USE;

/* Predictions of a model for the same tile, n_held x n, in the units of held->responses.
 * BA_MISSING says how predictions are saved. */
int ba_held_predictions(ba_held_t *held, const ba_fitted_t *fitted, size_t t,
    double *predictions) BA_MUST_USE;

/* After the last tile: BA_SHAPE unless the responses are those of the fit, by
 * fingerprints. */
int ba_held_check(const ba_held_t *held) BA_MUST_USE;

#endif
