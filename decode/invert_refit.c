/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Held-out residuals that know nothing of the rows to be decoded.
 *
 * The stored model of a training fold j was fitted on the rows of the test fold k. Its
 * residuals hold what those rows said of the weights, and a noise covariance made of them
 * finds test rows again: on pure noise, with the share chosen by such residuals, rank
 * accuracy is 0.6 instead of 0.5. So the residuals of fold j are those of a fit without k
 * and j, and where fold j is identified to choose the share, the noise is of fits without
 * k, j and the fold that they leave out. Penalties are those that fold k chose. */
#include "decode/invert_impl.h"

#include "brainalign/ridge.h"
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/scale.h"

#include <math.h>
#include <string.h>

/* Targets that are solved at a time. */
#define TARGETS 256

int
ba_decoding_is_near(const ba_decoding_t *decoding, size_t row, size_t fold)
{
    for (size_t i = row; i-- > 0;) {
        if (decoding->run[i] != decoding->run[row] ||
            decoding->kept[row] - decoding->kept[i] > decoding->gap) {
            break;
        }
        if (decoding->fold[i] == (int32_t) fold) {
            return 1;
        }
    }
    for (size_t i = row + 1; i < decoding->n_kept; i++) {
        if (decoding->run[i] != decoding->run[row] ||
            decoding->kept[i] - decoding->kept[row] > decoding->gap) {
            break;
        }
        if (decoding->fold[i] == (int32_t) fold) {
            return 1;
        }
    }
    return 0;
}

/* Neither in one of the folds nor in its gap. */
static int
is_clear(const ba_decoding_t *decoding, size_t row, const ba_left_out_t *left_out)
{
    for (size_t i = 0; i < left_out->n; i++) {
        if (decoding->fold[row] == (int32_t) left_out->fold[i] ||
            ba_decoding_is_near(decoding, row, left_out->fold[i])) {
            return 0;
        }
    }
    return 1;
}

/* The fit's rows and their scaled, centred design. */
typedef struct {
    size_t *rows, *samples, n; /* kept rows and their samples */
    double *mean, *scale;      /* of the columns */
    ba_ridge_factor_t *factor;
    double *alphas; /* of the usable targets */
    double *back;   /* n_columns x rank */
} refit_t;

static void
release(refit_t *refit)
{
    ba_free(refit->rows);
    ba_free(refit->samples);
    ba_free(refit->mean);
    ba_free(refit->scale);
    ba_ridge_factor_free(refit->factor);
    ba_free(refit->alphas);
    ba_free(refit->back);
}

/* Penalties that fold left_out->fold[0] chose. */
static int
read_alphas(const ba_decoding_t *decoding, size_t fold, double **out)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t v = encoder->n_targets;

    BA_TRY_ALLOC(*out, ba_malloc(v, sizeof **out));
    BA_TRY(ba_bundle_read(encoder->bundle, "/best_alphas_by_fold", BA_F64,
        (size_t[]){fold, 0}, (size_t[]){1, v}, *out));
    for (size_t j = 0; j < decoding->n_targets; j++) {
        (*out)[j] = (*out)[decoding->targets[j]];
        if (!((*out)[j] >= 0.0) || !isfinite((*out)[j])) {
            BA_TRY(ba_fail(BA_FORMAT,
                "%s:/best_alphas_by_fold: %g for target %zu, wanted a penalty",
                encoder->path, (*out)[j], decoding->targets[j]));
        }
    }
out:
    return status;
}

static int
scale_columns(const ba_decoding_t *decoding, size_t p, refit_t *refit)
{
    int status = BA_OK;
    char *word = NULL;

    BA_TRY(ba_bundle_get_string(decoding->encoder->bundle, "/", "scale_features", &word));
    BA_TRY_ALLOC(refit->mean, ba_calloc(p, sizeof *refit->mean));
    BA_TRY_ALLOC(refit->scale, ba_malloc(p, sizeof *refit->scale));
    BA_TRY(ba_design_scale(decoding->ctx, decoding->design, refit->samples, refit->n,
        refit->mean, refit->scale));
    if (strcmp(word, "center") == 0 || strcmp(word, "none") == 0) {
        for (size_t c = 0; c < p; c++) {
            refit->scale[c] = 1.0;
        }
    }
out:
    ba_free(word);
    return status;
}

static int
factorise(const ba_decoding_t *decoding, const ba_left_out_t *left_out, refit_t *refit)
{
    int status = BA_OK;
    size_t n = decoding->n_kept, p = ba_design_n_columns(decoding->design), rank;
    ba_training_t training;

    BA_TRY_ALLOC(refit->rows, ba_malloc(n, sizeof *refit->rows));
    BA_TRY_ALLOC(refit->samples, ba_malloc(n, sizeof *refit->samples));
    for (size_t i = 0; i < n; i++) {
        if (is_clear(decoding, i, left_out)) {
            refit->rows[refit->n] = i;
            refit->samples[refit->n++] = decoding->kept[i];
        }
    }
    if (refit->n < 2) {
        BA_TRY(ba_fail(BA_SHAPE,
            "folds: %zu rows outside of %zu folds and their gaps, wanted 2 or more to "
            "fit "
            "(a given --share leaves out fewer)",
            refit->n, left_out->n));
    }
    BA_TRY(read_alphas(decoding, left_out->fold[0], &refit->alphas));
    BA_TRY(scale_columns(decoding, p, refit));
    training = (ba_training_t){
        decoding->design, refit->samples, refit->n, refit->mean, refit->scale};
    BA_TRY(ba_ridge_factor(
        decoding->ctx, &training, BA_SOLVER_AUTO, BA_INTERCEPT_YES, &refit->factor));
    rank = ba_ridge_factor_rank(refit->factor);
    BA_TRY_ALLOC(refit->back, ba_malloc(p, rank * sizeof *refit->back));
    BA_TRY(ba_ridge_factor_back(
        decoding->ctx, refit->factor, (ba_dmat_t){refit->back, p, rank, p}));
out:
    return status;
}

/* Scaled weights p x n to plain ones of the model's targets t0.. . */
static void
put_weights(const ba_decoding_t *decoding, const refit_t *refit, const double *scaled,
    const double *means, size_t t0, size_t n, ba_fold_model_t *out)
{
    size_t columns = ba_design_n_columns(decoding->design);
    size_t p = out->n_delays * out->n_features;
    const double *centre = ba_ridge_factor_center(refit->factor);

    for (size_t j = 0; j < n; j++) {
        double *w = out->weights + (t0 + j) * p, offset = means[j];

        for (size_t c = 0; c < columns; c++) {
            ba_column_t place = ba_design_column(decoding->design, c);
            double plain = scaled[c + j * columns] / refit->scale[c];

            w[place.delay_index * out->n_features + place.feature_index] = plain;
            offset -= plain * (refit->mean[c] + centre[c] * refit->scale[c]);
        }
        out->offset[t0 + j] = offset;
    }
}

/* Buffers of a block of targets: y n_rows, inner rank, scaled columns long each; d of the
 * rank. */
typedef struct {
    double *y, *inner, *scaled, *d, means[TARGETS];
} block_t;

static void
fit_block(const ba_decoding_t *decoding, const refit_t *refit, const size_t *voxels,
    size_t t0, size_t n, block_t *block)
{
    size_t rows = refit->n, rank = ba_ridge_factor_rank(refit->factor);
    size_t columns = ba_design_n_columns(decoding->design);
    ba_cdmat_t project = ba_ridge_factor_project(refit->factor);

    for (size_t j = 0; j < n; j++) {
        const double *y = decoding->responses + voxels[t0 + j] * decoding->n_kept;
        double *column = block->y + j * rows, mean = 0.0;

        for (size_t i = 0; i < rows; i++) {
            mean += y[refit->rows[i]] / (double) rows;
        }
        for (size_t i = 0; i < rows; i++) {
            column[i] = y[refit->rows[i]] - mean;
        }
        block->means[j] = mean;
    }
    ba_gemm_tiled(decoding->ctx, 1.0, BA_TRANSPOSE, project, BA_KEEP,
        ba_cdmat(block->y, rows, n, rows), 0.0, ba_dmat(block->inner, rank, n, rank));
    for (size_t j = 0; j < n; j++) {
        ba_ridge_factor_filter(refit->factor, refit->alphas[voxels[t0 + j]], block->d);
        for (size_t i = 0; i < rank; i++) {
            block->inner[i + j * rank] *= block->d[i];
        }
    }
    ba_gemm_tiled(decoding->ctx, 1.0, BA_KEEP,
        ba_cdmat(refit->back, columns, rank, columns), BA_KEEP,
        ba_cdmat(block->inner, rank, n, rank), 0.0,
        ba_dmat(block->scaled, columns, n, columns));
}

int
ba_fold_model_refit(const ba_decoding_t *decoding, const ba_left_out_t *left_out,
    const size_t *voxels, size_t n_voxels, ba_fold_model_t *out)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t p = encoder->n_delays * encoder->n_features, rank;
    size_t columns = ba_design_n_columns(decoding->design);
    refit_t refit = {.n = 0};
    block_t block = {.y = NULL};

    *out = (ba_fold_model_t){.n_delays = encoder->n_delays,
        .n_features = encoder->n_features,
        .n_targets = n_voxels};
    BA_TRY(factorise(decoding, left_out, &refit));
    rank = ba_ridge_factor_rank(refit.factor);
    BA_TRY_ALLOC(out->delays, ba_malloc(encoder->n_delays, sizeof *out->delays));
    memcpy(out->delays, encoder->delays, encoder->n_delays * sizeof *out->delays);
    BA_TRY_ALLOC(out->weights, ba_calloc(p, n_voxels * sizeof *out->weights));
    BA_TRY_ALLOC(out->offset, ba_malloc(n_voxels, sizeof *out->offset));
    BA_TRY_ALLOC(block.y, ba_malloc(refit.n, TARGETS * sizeof(double)));
    BA_TRY_ALLOC(block.inner, ba_malloc(rank, TARGETS * sizeof(double)));
    BA_TRY_ALLOC(block.scaled, ba_malloc(columns, TARGETS * sizeof(double)));
    BA_TRY_ALLOC(block.d, ba_malloc(rank, sizeof(double)));
    for (size_t t0 = 0; t0 < n_voxels; t0 += TARGETS) {
        size_t n = n_voxels - t0 < TARGETS ? n_voxels - t0 : TARGETS;

        BA_TRY(ba_ctx_check(decoding->ctx));
        fit_block(decoding, &refit, voxels, t0, n, &block);
        put_weights(decoding, &refit, block.scaled, block.means, t0, n, out);
    }
out:
    release(&refit);
    ba_free(block.y);
    ba_free(block.inner);
    ba_free(block.scaled);
    ba_free(block.d);
    return status;
}

/* y less what a model predicts at some kept rows, n x n_targets of the model, to rows
 * at[i] of out. */
static int
subtract(const ba_decoding_t *decoding, const ba_fold_model_t *model,
    const size_t *voxels, const size_t *rows, const size_t *at, size_t n, ba_dmat_t out)
{
    int status = BA_OK;
    size_t p = model->n_delays * model->n_features, v = model->n_targets;
    double *design = NULL, *predicted = NULL;

    BA_TRY_ALLOC(design, ba_malloc(n, p * sizeof *design));
    BA_TRY_ALLOC(predicted, ba_malloc(n, v * sizeof *predicted));
    ba_fold_model_design(decoding, model, rows, n, design);
    ba_gemm_tiled(decoding->ctx, 1.0, BA_KEEP, ba_cdmat(design, n, p, n), BA_KEEP,
        ba_cdmat(model->weights, p, v, p), 0.0, ba_dmat(predicted, n, v, n));
    for (size_t j = 0; j < v; j++) {
        const double *y = decoding->responses + voxels[j] * decoding->n_kept;

        for (size_t i = 0; i < n; i++) {
            out.data[at[i] + j * out.ld] =
                y[rows[i]] - model->offset[j] - predicted[i + j * n];
        }
    }
out:
    ba_free(design);
    ba_free(predicted);
    return status;
}

int
ba_fold_residuals(
    const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder, double **out)
{
    int status = BA_OK, in_sample = decoding->opts->in_sample;
    size_t n_train = decoder->n_train, n, *rows = NULL, *at = NULL;
    ba_fold_model_t model = {.n_delays = 0};

    BA_TRY_ALLOC(*out, ba_malloc(n_train, decoder->n_voxels * sizeof **out));
    BA_TRY_ALLOC(rows, ba_malloc(n_train, sizeof *rows));
    BA_TRY_ALLOC(at, ba_malloc(n_train, sizeof *at));
    for (size_t k = 0; k < decoding->n_folds; k++) {
        ba_left_out_t left_out = decoder->left_out;

        n = 0;
        for (size_t i = 0; i < n_train; i++) {
            if (decoding->fold[decoder->train[i]] == (int32_t) k) {
                at[n] = i;
                rows[n++] = decoder->train[i];
            }
        }
        if (n == 0) {
            continue;
        }
        left_out.fold[left_out.n++] = k;
        if (in_sample) {
            BA_TRY(ba_fold_model_read(decoding, SIZE_MAX, &model));
            ba_fold_model_select(&model, decoder->voxels, decoder->n_voxels);
        } else {
            BA_TRY(ba_fold_model_refit(
                decoding, &left_out, decoder->voxels, decoder->n_voxels, &model));
        }
        BA_TRY(subtract(decoding, &model, decoder->voxels, rows, at, n,
            ba_dmat(*out, n_train, decoder->n_voxels, n_train)));
        ba_fold_model_free(&model);
    }
out:
    ba_fold_model_free(&model);
    ba_free(rows);
    ba_free(at);
    return status;
}
