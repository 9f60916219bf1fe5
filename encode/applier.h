/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A loaded encoder joined with new features: predictions tile by tile. */
#ifndef BA_ENCODE_APPLIER_H
#define BA_ENCODE_APPLIER_H

#include "brainalign/encoder.h"
#include "encode/predictors.h"

typedef struct {
    const ba_ctx_t *ctx;
    ba_encoder_t *encoder;
    ba_predictors_t predictors;
    const ba_design_t *columns; /* of the predictors, or their components */
    ba_design_t *own_columns;   /* NULL without components */
    size_t n_samples, n_columns;
    double *mean, *scale; /* n_columns */
    double *design;       /* a block of scaled rows, n_block x n_columns */
    size_t n_block;
    double *stored;  /* n_delays x n_features x BA_TILE weights as in the file */
    double *weights; /* n_columns x BA_TILE */
} ba_applier_t;

/* Loads the encoder and the data set's features. BA_SHAPE when spaces or feature counts
 * differ (both named). */
int ba_applier_open(const ba_ctx_t *ctx, const char *encoder, const ba_dataset_t *dataset,
    ba_applier_t *out) BA_MUST_USE;

/* Predictions of targets t0 .. t0 + n - 1 (n <= BA_TILE) for all samples, n_samples x n
 * column-major, in the units of the fitted responses. NaN for targets without a model. */
int ba_applier_predict(
    ba_applier_t *applier, size_t t0, size_t n, double *predictions) BA_MUST_USE;

void ba_applier_close(ba_applier_t *applier);

#endif
