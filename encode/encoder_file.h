/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing what `encode fit` found: the result file, piece by piece. */
#ifndef BA_ENCODE_ENCODER_FILE_H
#define BA_ENCODE_ENCODER_FILE_H

#include "brainalign/bundle.h"
#include "brainalign/encode.h"
#include "encode/predictors.h"

/* The large arrays of a result file, filled while the fit runs. */
typedef struct {
    ba_bundle_t *bundle;
    const ba_design_t *design;
    ba_precision_t precision;
    size_t target_start;
    ba_sink_t *weights, *fold_weights, *predictions; /* NULL = not wanted */
    void *buffer;
    size_t buffer_bytes;
} ba_encoder_file_t;

/* Starts opts->output and reserves the large arrays. n_rows: of the predictions (samples
 * before trimming, of the test set where there is a fixed one). */
int ba_encoder_file_create(const ba_encode_fit_opts_t *opts, const ba_design_t *design,
    size_t n_rows, size_t n_targets, size_t n_outer, ba_encoder_file_t *out) BA_MUST_USE;

/* The receiver of weights and predictions. */
ba_fit_sink_t ba_encoder_file_sink(ba_encoder_file_t *file);

/* Everything else (fit: the settings with their defaults filled in): scores, alphas,
 * scaling, splits, status, labels, attributes. */
int ba_encoder_file_write(ba_encoder_file_t *file, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_fit_opts_t *fit,
    const ba_predictors_t *predictors, const ba_fit_result_t *result,
    const ba_fit_info_t *info) BA_MUST_USE;

/* Place of a delayed column in an n_delays x n_features array. */
size_t ba_encoder_file_place(const ba_design_t *design, size_t column);

/* Frees the buffer; the bundle is the caller's to commit and free. */
void ba_encoder_file_close(ba_encoder_file_t *file);

/* /targets/name, and /targets/ijk with /targets/mm for voxels: targets target_start ..
 * target_start + n_targets - 1. */
int ba_encoder_file_targets(ba_bundle_t *bundle, const ba_dataset_t *dataset,
    size_t target_start, size_t n_targets) BA_MUST_USE;

/* /status with the names of its codes. */
int ba_encoder_file_status(
    ba_bundle_t *bundle, size_t n_targets, const int32_t *status) BA_MUST_USE;

#endif
