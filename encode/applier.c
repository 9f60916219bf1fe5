/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/applier.h"

#include "brainalign/fit.h"
#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>

/* Rows of the scaled design held at a time: 128 MiB of them. */
#define BLOCK_BYTES ((size_t) 128 << 20)

static int
read_predictors(const ba_dataset_t *dataset, ba_applier_t *out)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = out->encoder;
    size_t n = encoder->n_spaces;
    ba_layout_t *layouts = NULL;
    int *block = NULL;

    BA_TRY_ALLOC(layouts, ba_calloc(n, sizeof *layouts));
    BA_TRY_ALLOC(block, ba_calloc(n, encoder->n_delays * sizeof *block));
    for (size_t k = 0; k < n; k++) {
        int *list = block + k * encoder->n_delays;

        layouts[k] = (ba_layout_t){.delays = list,
            .n_components = encoder->pca[k].n_components,
            .zscore_runs = encoder->zscore_features};
        for (size_t d = 0; d < encoder->n_delays; d++) {
            if (encoder->space_delays[k * encoder->n_delays + d]) {
                list[layouts[k].n_delays++] = encoder->delays[d];
            }
        }
    }
    BA_TRY(ba_predictors_read_lists(out->ctx, dataset, &dataset->train, layouts,
        encoder->delay_across_runs, &out->predictors));
    out->columns = out->predictors.design;
    if (ba_pca_most(out->columns) > 0) {
        BA_TRY(ba_pca_design(
            out->ctx, encoder->pca, out->predictors.design, &out->own_columns));
        out->columns = out->own_columns;
    }
out:
    ba_free(layouts);
    ba_free(block);
    return status;
}

static int
allocate(ba_applier_t *out)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = out->encoder;
    const ba_design_t *design = out->columns;
    size_t p = ba_design_n_columns(design);
    size_t stored = encoder->n_delays * encoder->n_features * BA_TILE;

    out->n_columns = p;
    out->n_block = BLOCK_BYTES / (p * sizeof(double)) + 1;
    out->n_block = out->n_block > out->n_samples ? out->n_samples : out->n_block;
    BA_TRY_ALLOC(out->mean, ba_malloc(p, sizeof(double)));
    BA_TRY_ALLOC(out->scale, ba_malloc(p, sizeof(double)));
    BA_TRY_ALLOC(out->design, ba_malloc(out->n_block, p * sizeof(double)));
    BA_TRY_ALLOC(out->stored, ba_malloc(stored, sizeof(double)));
    BA_TRY_ALLOC(out->weights, ba_malloc(p, BA_TILE * sizeof(double)));
    for (size_t c = 0; c < p; c++) {
        ba_column_t column = ba_design_column(design, c);
        size_t at = column.delay_index * encoder->n_features + column.feature_index;

        out->mean[c] = encoder->feature_mean[at];
        out->scale[c] = encoder->feature_scale[at];
    }
out:
    return status;
}

int
ba_applier_open(const ba_ctx_t *ctx, const char *encoder, const ba_dataset_t *dataset,
    ba_applier_t *out)
{
    int status = BA_OK;

    *out = (ba_applier_t){.ctx = ctx, .n_samples = dataset->train.n_samples};
    ba_blas_single_thread();
    BA_TRY(ba_encoder_load(encoder, &out->encoder));
    BA_TRY(ba_encoder_check(out->encoder, dataset));
    BA_TRY(read_predictors(dataset, out));
    BA_TRY(allocate(out));
out:
    if (status != BA_OK) {
        ba_applier_close(out);
    }
    return status;
}

static int
read_weights(ba_applier_t *applier, size_t t0, size_t n)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = applier->encoder;
    size_t p = applier->n_columns;

    BA_TRY(ba_encoder_read_weights(encoder, t0, n, applier->stored));
    for (size_t c = 0; c < p; c++) {
        ba_column_t column = ba_design_column(applier->columns, c);
        size_t at = column.delay_index * encoder->n_features + column.feature_index;

        for (size_t j = 0; j < n; j++) {
            applier->weights[c + j * p] = applier->stored[at * n + j];
        }
    }
out:
    return status;
}

/* Scaled delayed features of samples i0 .. i0 + n - 1. */
static void
read_design(ba_applier_t *applier, size_t i0, size_t n, size_t *rows)
{
    for (size_t i = 0; i < n; i++) {
        rows[i] = i0 + i;
    }
#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(applier->ctx))
    for (size_t c = 0; c < applier->n_columns; c++) {
        double *x = applier->design + c * n;

        ba_design_read(applier->columns, rows, n, c, 1, x, n);
        for (size_t i = 0; i < n; i++) {
            x[i] = (x[i] - applier->mean[c]) / applier->scale[c];
        }
    }
}

static void
to_response_units(const ba_encoder_t *encoder, size_t t0, size_t n, size_t n_samples,
    double *predictions)
{
    for (size_t j = 0; j < n; j++) {
        size_t t = t0 + j;
        double scale = encoder->response_scale[t], mean = encoder->response_mean[t];
        int32_t status = encoder->status[t];

        if (status == BA_TARGET_NONFINITE || status == BA_TARGET_CONSTANT) {
            scale = NAN;
        }

        for (size_t i = 0; i < n_samples; i++) {
            double *value = predictions + i + j * n_samples;

            *value = (*value + encoder->intercept[t]) * scale + mean;
        }
    }
}

int
ba_applier_predict(ba_applier_t *applier, size_t t0, size_t n, double *predictions)
{
    int status = BA_OK;
    size_t p = applier->n_columns;
    size_t *rows = NULL;

    BA_TRY_ALLOC(rows, ba_malloc(applier->n_block, sizeof *rows));
    BA_TRY(read_weights(applier, t0, n));
    for (size_t i0 = 0; i0 < applier->n_samples; i0 += applier->n_block) {
        size_t left = applier->n_samples - i0;
        size_t block = left < applier->n_block ? left : applier->n_block;

        BA_TRY(ba_ctx_check(applier->ctx));
        if (t0 == 0 || applier->n_block < applier->n_samples) {
            read_design(applier, i0, block, rows);
        }
        ba_gemm_tiled(applier->ctx, 1.0, BA_KEEP,
            ba_cdmat(applier->design, block, p, block), BA_KEEP,
            ba_cdmat(applier->weights, p, n, p), 0.0,
            ba_dmat(predictions + i0, block, n, applier->n_samples));
    }
    to_response_units(applier->encoder, t0, n, applier->n_samples, predictions);
out:
    ba_free(rows);
    return status;
}

void
ba_applier_close(ba_applier_t *applier)
{
    ba_design_free(applier->own_columns);
    ba_predictors_free(&applier->predictors);
    ba_encoder_free(applier->encoder);
    ba_free(applier->mean);
    ba_free(applier->scale);
    ba_free(applier->design);
    ba_free(applier->stored);
    ba_free(applier->weights);
    *applier = (ba_applier_t){0};
}
