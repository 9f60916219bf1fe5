/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model of a fold in plain units, and with the autocorrelation of the noise taken
 * out.
 *
 * Stored weights are for scaled inputs and outputs; with feature mean m_d and scale s_d
 * of delay d, and response mean m and scale s,
 *
 *   W_d = diag(1 / s_d) stored_d diag(s),
 *   offset = m + intercept s - sum over d of W_d'm_d
 *
 * With noise e_t = rho e_(t-1) + n_t of a voxel, y_t - rho y_(t-1) has white noise and
 * delays d and d + 1: W'_d = W_d - rho W_(d-1), offset' = (1 - rho) offset. */
#include "decode/invert_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* Targets whose weights are read at a time. */
#define TARGETS 256

/* A vector of a fold, or of the final fit. */
static int
read_vector(
    const ba_decoding_t *decoding, const char *path, size_t fold, size_t n, double *out)
{
    int status = BA_OK, rank;
    size_t dims[BA_MAX_RANK], size = 1, start[3] = {fold, 0, 0}, count[3];
    const ba_encoder_t *encoder = decoding->encoder;

    BA_TRY(ba_bundle_shape(encoder->bundle, path, &rank, dims));
    for (int i = fold == SIZE_MAX ? 0 : 1; i < rank; i++) {
        size *= dims[i];
    }
    if (rank > 3 || size != n) {
        BA_TRY(ba_fail(
            BA_FORMAT, "%s:%s: %zu numbers, wanted %zu", encoder->path, path, size, n));
    }
    for (int i = 0; i < rank; i++) {
        count[i] = i == 0 ? 1 : dims[i];
    }
    if (fold == SIZE_MAX) {
        BA_TRY(ba_bundle_read(encoder->bundle, path, BA_F64, NULL, NULL, out));
    } else {
        BA_TRY(ba_bundle_read(encoder->bundle, path, BA_F64, start, count, out));
    }
out:
    return status;
}

/* What turns stored weights to plain ones. */
typedef struct {
    double *feature_mean, *feature_scale;               /* n_delays x n_features */
    double *response_mean, *response_scale, *intercept; /* targets of the file */
} scaling_t;

static int
read_scaling(const ba_decoding_t *decoding, size_t fold, scaling_t *out)
{
    int status = BA_OK, is_final = fold == SIZE_MAX;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t p = encoder->n_delays * encoder->n_features, v = encoder->n_targets;
    const struct {
        const char *name, *by_fold;
        size_t n;
        double **to;
    } list[] = {
        {"/scaling/feature_mean", "/scaling/feature_mean_by_fold", p, &out->feature_mean},
        {"/scaling/feature_scale", "/scaling/feature_scale_by_fold", p,
            &out->feature_scale},
        {"/scaling/response_mean", "/scaling/response_mean_by_fold", v,
            &out->response_mean},
        {"/scaling/response_scale", "/scaling/response_scale_by_fold", v,
            &out->response_scale},
        {"/intercept", "/intercept_by_fold", v, &out->intercept},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        BA_TRY_ALLOC(*list[i].to, ba_malloc(list[i].n, sizeof(double)));
        BA_TRY(read_vector(decoding, is_final ? list[i].name : list[i].by_fold, fold,
            list[i].n, *list[i].to));
    }
out:
    return status;
}

static void
free_scaling(scaling_t *scaling)
{
    ba_free(scaling->feature_mean);
    ba_free(scaling->feature_scale);
    ba_free(scaling->response_mean);
    ba_free(scaling->response_scale);
    ba_free(scaling->intercept);
}

/* Weights of one usable target, `at`-th, from the n_stored columns of a block. */
static void
put_target(const ba_decoding_t *decoding, const scaling_t *scaling, size_t at,
    const double *stored, size_t n_stored, ba_fold_model_t *out)
{
    size_t t = decoding->targets[at], p = out->n_delays * out->n_features;
    double scale = scaling->response_scale[t], *w = out->weights + at * p;
    double offset = scaling->response_mean[t] + scaling->intercept[t] * scale;

    for (size_t c = 0; c < p; c++) {
        double value = stored[c * n_stored];

        /* NaN: the feature's space lacks the delay. */
        w[c] = isnan(value) ? 0.0 : value * scale / scaling->feature_scale[c];
        offset -= isnan(value) ? 0.0 : w[c] * scaling->feature_mean[c];
    }
    out->offset[at] = offset;
}

static int
read_weights(const ba_decoding_t *decoding, size_t fold, const scaling_t *scaling,
    ba_fold_model_t *out)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t p = out->n_delays * out->n_features, v = encoder->n_targets, at = 0;
    double *stored = NULL;

    BA_TRY_ALLOC(stored, ba_malloc(p, TARGETS * sizeof *stored));
    for (size_t t0 = 0; t0 < v; t0 += TARGETS) {
        size_t n = v - t0 < TARGETS ? v - t0 : TARGETS;
        const size_t start[4] = {fold, 0, 0, t0};
        const size_t count[4] = {1, out->n_delays, out->n_features, n};

        if (fold == SIZE_MAX) {
            BA_TRY(ba_encoder_read_weights(encoder, t0, n, stored));
        } else {
            BA_TRY(ba_bundle_read(
                encoder->bundle, "/fold_weights", BA_F64, start, count, stored));
        }
        while (at < decoding->n_targets && decoding->targets[at] < t0 + n) {
            put_target(
                decoding, scaling, at, stored + decoding->targets[at] - t0, n, out);
            at++;
        }
    }
out:
    ba_free(stored);
    return status;
}

int
ba_fold_model_read(const ba_decoding_t *decoding, size_t fold, ba_fold_model_t *out)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t p = encoder->n_delays * encoder->n_features;
    scaling_t scaling = {.feature_mean = NULL};

    *out = (ba_fold_model_t){.n_delays = encoder->n_delays,
        .n_features = encoder->n_features,
        .n_targets = decoding->n_targets};
    BA_TRY_ALLOC(out->delays, ba_malloc(encoder->n_delays, sizeof *out->delays));
    memcpy(out->delays, encoder->delays, encoder->n_delays * sizeof *out->delays);
    BA_TRY_ALLOC(out->weights, ba_malloc(p, decoding->n_targets * sizeof *out->weights));
    BA_TRY_ALLOC(out->offset, ba_malloc(decoding->n_targets, sizeof *out->offset));
    BA_TRY(read_scaling(decoding, fold, &scaling));
    BA_TRY(read_weights(decoding, fold, &scaling, out));
out:
    free_scaling(&scaling);
    return status;
}

void
ba_fold_model_free(ba_fold_model_t *model)
{
    ba_free(model->delays);
    ba_free(model->weights);
    ba_free(model->offset);
    *model = (ba_fold_model_t){.n_delays = 0};
}

void
ba_fold_model_design(const ba_decoding_t *decoding, const ba_fold_model_t *model,
    const size_t *rows, size_t n, double *out)
{
    const ba_runs_t *borders = &decoding->borders;

    for (size_t i = 0; i < n; i++) {
        size_t length, time = ba_decoding_time(decoding, rows[i], &length);
        size_t start = decoding->kept[rows[i]] - time;

        for (size_t d = 0; d < model->n_delays; d++) {
            long long at = (long long) time - model->delays[d];
            int is_inside = at >= 0 && at < (long long) length;

            for (size_t f = 0; f < model->n_features; f++) {
                out[i + (d * model->n_features + f) * n] =
                    is_inside
                        ? decoding->features[start + (size_t) at + f * borders->n_samples]
                        : 0.0;
            }
        }
    }
}

/* ---- of one fold ---- */

void
ba_fold_model_select(ba_fold_model_t *model, const size_t *voxels, size_t n)
{
    size_t p = model->n_delays * model->n_features;

    for (size_t j = 0; j < n; j++) {
        memmove(model->weights + j * p, model->weights + voxels[j] * p,
            p * sizeof *model->weights);
        model->offset[j] = model->offset[voxels[j]];
    }
    model->n_targets = n;
}

static int
has_delay(const int *delays, size_t n, int delay, size_t *at)
{
    for (*at = 0; *at < n; ++*at) {
        if (delays[*at] == delay) {
            return 1;
        }
    }
    return 0;
}

/* Those of y_t - ar y_(t - 1): room for 2 n_delays. Returns how many. */
static size_t
whitened_delays(const int *delays, size_t n_delays, int *out)
{
    size_t n = 0, at;

    for (size_t i = 0; i < 2 * n_delays; i++) {
        int delay = delays[i / 2] + (int) (i % 2);

        if (!has_delay(out, n, delay, &at)) {
            out[n++] = delay;
        }
    }
    return n;
}

int
ba_decoding_delays(ba_decoding_t *decoding)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t n = encoder->n_delays;

    BA_TRY_ALLOC(decoding->delays, ba_malloc(2 * n, sizeof *decoding->delays));
    memcpy(decoding->delays, encoder->delays, n * sizeof *decoding->delays);
    decoding->n_delays = decoding->opts->prewhiten
                             ? whitened_delays(encoder->delays, n, decoding->delays)
                             : n;
out:
    return status;
}

/* The model of y_t - ar y_(t - 1). */
static int
whiten_model(ba_fold_model_t *model, const double *ar)
{
    int status = BA_OK;
    size_t n = 0, at, f = model->n_features, p = model->n_delays * f,
           v = model->n_targets;
    int *delays = NULL;
    double *weights = NULL;

    BA_TRY_ALLOC(delays, ba_malloc(2 * model->n_delays, sizeof *delays));
    n = whitened_delays(model->delays, model->n_delays, delays);
    BA_TRY_ALLOC(weights, ba_calloc(n * f, v * sizeof *weights));
    for (size_t j = 0; j < v; j++) {
        for (size_t i = 0; i < n; i++) {
            double *w = weights + i * f + j * n * f;

            for (size_t lag = 0; lag < 2; lag++) {
                if (has_delay(
                        model->delays, model->n_delays, delays[i] - (int) lag, &at)) {
                    const double *old = model->weights + at * f + j * p;

                    for (size_t k = 0; k < f; k++) {
                        w[k] += lag == 0 ? old[k] : -ar[j] * old[k];
                    }
                }
            }
        }
        model->offset[j] *= 1.0 - ar[j];
    }
    ba_free(model->weights);
    ba_free(model->delays);
    model->weights = weights;
    model->delays = delays;
    model->n_delays = n;
    weights = NULL;
    delays = NULL;
out:
    ba_free(delays);
    ba_free(weights);
    return status;
}

/* Non-zero when the row follows another of its fold in its run. */
static int
has_predecessor(const ba_decoding_t *decoding, size_t row)
{
    size_t pair[2] = {row - 1, row};

    return row > 0 && decoding->fold[row - 1] == decoding->fold[row] &&
           ba_decoding_stretch(decoding, pair, 2, 0) == 2;
}

/* x of a voxel at some rows, less ar times that of the row before. */
static void
take_column(
    const double *x, const size_t *rows, size_t n, double ar, int whitened, double *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = x[rows[i]] - (whitened ? ar * x[rows[i] - 1] : 0.0);
    }
}

int
ba_fold_decoder_responses(const ba_decoding_t *decoding, ba_fold_decoder_t *decoder)
{
    int status = BA_OK, whitened = decoder->ar != NULL;
    size_t n = 0;

    if (whitened) {
        BA_TRY(whiten_model(&decoder->model, decoder->ar));
    }
    for (size_t i = 0; i < decoder->n_rows; i++) {
        if (!whitened || has_predecessor(decoding, decoder->rows[i])) {
            decoder->rows[n++] = decoder->rows[i];
        }
    }
    decoder->n_rows = n;
    BA_TRY_ALLOC(
        decoder->responses, ba_malloc(n, decoder->n_voxels * sizeof *decoder->responses));
    for (size_t j = 0; j < decoder->n_voxels; j++) {
        double *column = decoder->responses + j * n;

        take_column(decoding->responses + decoder->voxels[j] * decoding->n_kept,
            decoder->rows, n, whitened ? decoder->ar[j] : 0.0, whitened, column);
        for (size_t i = 0; i < n; i++) {
            column[i] -= decoder->model.offset[j];
        }
    }
out:
    return status;
}

/* Places among the training rows of those whose predecessor is one too. */
static int
list_pairs(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder, size_t **out,
    size_t *n)
{
    int status = BA_OK;

    *n = 0;
    BA_TRY_ALLOC(*out, ba_malloc(decoder->n_train, sizeof **out));
    for (size_t i = 1; i < decoder->n_train; i++) {
        if (decoder->train[i - 1] + 1 == decoder->train[i] &&
            has_predecessor(decoding, decoder->train[i])) {
            (*out)[(*n)++] = i;
        }
    }
out:
    return status;
}

int
ba_fold_decoder_residuals(
    const ba_decoding_t *decoding, ba_fold_decoder_t *decoder, double *residuals)
{
    int status = BA_OK;
    size_t *used = NULL, n = decoder->n_train;
    double *whitened = NULL;

    decoder->residuals = residuals;
    if (decoder->ar) {
        BA_TRY(list_pairs(decoding, decoder, &used, &n));
    }
    if (n < 2) {
        BA_TRY(ba_fail(BA_SHAPE,
            "noise covariance: %zu residual rows outside of fold %zu and its gap, wanted "
            "2 or more",
            n, decoder->left_out.fold[0]));
    }
    BA_TRY_ALLOC(decoder->story, ba_malloc(n, sizeof *decoder->story));
    for (size_t i = 0; i < n; i++) {
        decoder->story[i] = decoding->fold[decoder->train[used ? used[i] : i]];
    }
    decoder->n_residuals = n;
    if (used) {
        BA_TRY_ALLOC(whitened, ba_malloc(n, decoder->n_voxels * sizeof *whitened));
        for (size_t j = 0; j < decoder->n_voxels; j++) {
            take_column(residuals + j * decoder->n_train, used, n, decoder->ar[j], 1,
                whitened + j * n);
        }
        ba_free(residuals);
        decoder->residuals = whitened;
    }
out:
    ba_free(used);
    return status;
}

int
ba_fold_autocorrelation(
    const ba_decoding_t *decoding, ba_fold_decoder_t *decoder, const double *residuals)
{
    int status = BA_OK;
    size_t *used = NULL, n;

    BA_TRY(list_pairs(decoding, decoder, &used, &n));
    BA_TRY_ALLOC(decoder->ar, ba_malloc(decoder->n_voxels, sizeof *decoder->ar));
    for (size_t j = 0; j < decoder->n_voxels; j++) {
        const double *e = residuals + j * decoder->n_train;
        double cross = 0.0, square = 0.0;

        for (size_t i = 0; i < n; i++) {
            double now = e[used[i]], before = e[used[i] - 1];

            cross += now * before;
            square += 0.5 * (now * now + before * before);
        }
        decoder->ar[j] = square > 0.0 ? fmin(fmax(cross / square, -0.95), 0.95) : 0.0;
    }
out:
    ba_free(used);
    return status;
}
