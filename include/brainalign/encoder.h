/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fitted encoder as it stands in its result file: what prediction needs. */
#ifndef BRAINALIGN_ENCODER_H
#define BRAINALIGN_ENCODER_H

#include "brainalign/bundle.h"
#include "brainalign/ctx.h"
#include "brainalign/dataset.h"
#include "brainalign/design.h"
#include "brainalign/pca.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The `format` attribute of encoder files, and the version that this library writes. */
#define BA_ENCODER_FORMAT "brainalign-encoder"
#define BA_ENCODER_FORMAT_VERSION 1

/* Everything but the weights, which stay in the file. Predictions in units of the
 * responses that were fitted: y = ((x - feature_mean) / feature_scale) weights +
 * intercept) * response_scale + response_mean */
typedef struct {
    ba_bundle_t *bundle; /* open for reading */
    char *path;
    size_t n_features, n_delays, n_targets, n_spaces;
    int *delays;            /* n_delays */
    char **space_names;     /* n_spaces */
    size_t *space_features; /* features of each space, components where it has them */
    ba_pca_t *pca; /* n_spaces: components of the final fit, and what they are of */
    uint8_t *space_delays; /* n_spaces x n_delays: 1 where the space has the delay */
    int delay_across_runs;
    int zscore_features; /* 1 = features were z-scored per run */
    double *feature_mean,
        *feature_scale; /* n_delays x n_features; NaN where a space lacks the delay */
    double *response_mean, *response_scale, *intercept; /* n_targets */
    int32_t *status;                                    /* n_targets, 0 = scored */
    size_t n_rows;          /* rows whose fingerprints are known */
    uint64_t *feature_hash; /* of the raw feature rows that the model was fitted on */
    uint64_t *response_hash;
} ba_encoder_t;

/* Opens an encoder file. BA_FORMAT, BA_MISSING (no weights were saved), BA_IO. The caller
 * frees. */
BA_API int ba_encoder_load(const char *path, ba_encoder_t **out);
BA_API void ba_encoder_free(ba_encoder_t *encoder);

/* BA_OK when the training features of `dataset` are what the encoder wants: as many spaces, in
 * the same order, with the same numbers of features and, where there are several, the same
 * names. BA_SHAPE names both sides otherwise. */
BA_API int ba_encoder_check(const ba_encoder_t *encoder, const ba_dataset_t *dataset);

/* Weights of targets t0 .. t0 + n - 1 as float64, n_delays x n_features x n (C order). */
BA_API int ba_encoder_read_weights(
    const ba_encoder_t *encoder, size_t t0, size_t n, double *weights);

#ifdef __cplusplus
}
#endif

#endif
