/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of neurons align. */
#ifndef BA_NEURONS_ALIGNING_H
#define BA_NEURONS_ALIGNING_H

#include "brainalign/align.h"
#include "brainalign/encoder.h"
#include "brainalign/table.h"
#include "datasets/neuron_table.h"
#include "model/contribution.h"

/* An encoder with its data, as it was fitted. */
typedef struct {
    const ba_align_opts_t *opts;
    size_t n_encoders, *first_target; /* n_encoders + 1: whose targets are which */
    ba_encoder_t **encoders;
    ba_encoder_t *encoder; /* the first: others differ from it in their targets alone */
    size_t n_samples, n_used, n_targets, n_folds, gap;
    size_t window; /* targets whose results are in memory at a time */
    /* features */
    ba_space_t *spaces;
    int **delays;
    ba_design_t *design;
    int scale_features; /* 2 = z-score, 1 = centre, 0 = neither */
    int centre_responses;
    ba_intercept_t intercept;
    /* rows */
    size_t *kept;
    ba_runs_t runs;        /* of the kept rows */
    int32_t *outer, *fold; /* n_samples ids; n_used ordinals */
    double *responses;     /* n_used x n_targets, column-major */
    /* penalties, n_folds x n_targets; gammas n_folds x n_spaces x n_targets or NULL */
    double *alphas, *gammas, *r2_by_fold;
    int32_t *status;
    /* neurons */
    ba_neuron_table_t neurons;
    size_t *start, *columns;
} ba_aligning_t;

/* Reads all of it. Call ba_aligning_close() in any case. */
int ba_aligning_open(
    const ba_ctx_t *ctx, const ba_align_opts_t *opts, ba_aligning_t *out) BA_MUST_USE;
void ba_aligning_close(ba_aligning_t *aligning);

/* File of an encoder. */
static inline const char *
ba_align_encoder(const ba_aligning_t *aligning, size_t e)
{
    const ba_align_opts_t *opts = aligning->opts;

    return e == 0 ? opts->encoder : opts->others[e - 1].encoder;
}

/* Targets that are worked on together, padded to a whole block. A multiple of the columns
 * that BLAS kernels do at a time (2 to 24), so that the place of a target in a block, and
 * with it threads and memory, change no bit. */
enum { BA_ALIGN_BLOCK = 48 };

/* aligning_rows.c: parts of ba_aligning_open(). BA_SHAPE: other rows than the encoder was
 * fitted on. */
int ba_align_check_features(const ba_aligning_t *aligning) BA_MUST_USE;
int ba_align_read_responses(const ba_ctx_t *ctx, ba_aligning_t *aligning) BA_MUST_USE;

/* aligning_targets.c: loads the encoders, of which the others must have the stimulus,
 * design and splits of the first (BA_SHAPE); and reads their penalties and scores. */
int ba_align_encoders_load(ba_aligning_t *aligning) BA_MUST_USE;
int ba_align_read_targets(ba_aligning_t *aligning) BA_MUST_USE;

/* Outer folds in which a target has a score. */
size_t ba_align_folds_of(const ba_aligning_t *aligning, size_t target);

/* What is known of every neuron and target; the first BA_ALIGN_N_SAVED are written whole,
 * the others as means over regions. */
enum {
    BA_ALIGN_DELTA_R2,
    BA_ALIGN_DELTA_R,
    BA_ALIGN_ZERO_OUT,
    BA_ALIGN_PRODUCT,
    BA_ALIGN_ALONE_R,
    BA_ALIGN_N_SAVED,
    BA_ALIGN_WEIGHT = BA_ALIGN_N_SAVED, /* norm, for features as scaled and a deviation of
                                           the responses */
    BA_ALIGN_UNIQUE,                    /* 1 / G_jj, mean over delays */
    BA_ALIGN_N
};

/* Of targets first .. first + n - 1, target after target n_neurons numbers, NaN where a
 * target has no score. */
typedef struct {
    size_t first, n;
    double *values[BA_ALIGN_N];
    double *r2; /* n */
    size_t n_alphas;
} ba_aligned_t;

/* Room for n targets, all NaN; free in any case. */
int ba_aligned_make(
    const ba_aligning_t *aligning, size_t first, size_t n, ba_aligned_t *out) BA_MUST_USE;
void ba_aligned_clear(const ba_aligning_t *aligning, ba_aligned_t *aligned);
void ba_aligned_free(ba_aligned_t *aligned);

/* One outer fold of the targets of *out. */
int ba_align_fold(const ba_ctx_t *ctx, const ba_aligning_t *aligning, size_t fold,
    ba_aligned_t *out) BA_MUST_USE;

/* A fold refitted, group by group of targets (first .. stop - 1 of its list) that share all
 * penalties: visit takes neurons out at them. The window: of n targets from `first` on. */
typedef struct ba_align_fold ba_align_fold_t;
typedef int (*ba_align_visit_t)(const ba_ctx_t *ctx, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t first, size_t stop, void *data);
int ba_align_visit(const ba_ctx_t *ctx, const ba_aligning_t *aligning, size_t fold,
    ba_align_visit_t visit, void *data) BA_MUST_USE;
int ba_align_visit_window(const ba_ctx_t *ctx, const ba_aligning_t *aligning, size_t fold,
    size_t first, size_t n, ba_align_visit_t visit, void *data) BA_MUST_USE;

/* Target i of the list, and its training and held-out rows as the fit had them. */
size_t ba_align_fold_target(const ba_align_fold_t *fold, size_t i);
void ba_align_fold_gather(
    const ba_align_fold_t *fold, size_t i, double *y, double *y_test, size_t *target);
void ba_align_fold_rows(const ba_align_fold_t *fold, size_t *n_train, size_t *n_test);

/* Regions of targets: "*" = all, then labels in the order in which they come up. */
typedef struct {
    size_t n, n_targets;
    char **name;
    size_t *region; /* n_targets, from 1; 0 = none */
    ba_table_t *table;
} ba_align_regions_t;

/* file NULL = none. BA_SHAPE: not one label a target. Free in any case. */
int ba_align_regions_read(
    const char *file, size_t n_targets, ba_align_regions_t *out) BA_MUST_USE;
void ba_align_regions_free(ba_align_regions_t *regions);

#endif
