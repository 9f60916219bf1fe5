/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prior of a fold: given, or the moments of its training features. */
#include "decode/invert_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

int
ba_decoding_read_matrix(
    const ba_ctx_t *ctx, const char *spec, double **out, size_t *n_rows, size_t *n_cols)
{
    int status = BA_OK;
    ba_source_t *source = NULL;

    *out = NULL;
    BA_TRY(ba_source_open(ctx, spec, NULL, &source));
    *n_rows = ba_source_n_rows(source);
    *n_cols = ba_source_n_cols(source);
    BA_TRY_ALLOC(*out, ba_malloc(*n_rows, *n_cols * sizeof **out));
    BA_TRY(ba_source_read(source, 0, 0, *n_rows, 0, *n_cols, *out, *n_rows));
    for (size_t i = 0; i < *n_rows * *n_cols; i++) {
        if (!isfinite((*out)[i])) {
            BA_TRY(ba_fail(BA_NONFINITE,
                "%s: row %zu, column %zu (from 0) is %g, wanted finite numbers", spec,
                i % *n_rows, i / *n_rows, (*out)[i]));
        }
    }
out:
    ba_source_close(source);
    if (status != BA_OK) {
        ba_free(*out);
        *out = NULL;
    }
    return status;
}

static int
check_size(const char *spec, size_t found, size_t wanted, const char *what)
{
    if (found != wanted) {
        return ba_fail(BA_SHAPE, "%s: a prior %s of %zu features, wanted %zu", spec, what,
            found, wanted);
    }
    return BA_OK;
}

static int
read_mean(const ba_ctx_t *ctx, const char *spec, size_t p, double **mean)
{
    int status = BA_OK;
    size_t n_rows, n_cols;

    *mean = NULL;
    if (!spec) {
        return BA_OK;
    }
    BA_TRY(ba_decoding_read_matrix(ctx, spec, mean, &n_rows, &n_cols));
    BA_TRY(check_size(spec, n_rows * n_cols, p, "mean"));
out:
    return status;
}

static int
prior_given(
    const ba_ctx_t *ctx, const ba_decode_invert_opts_t *opts, size_t p, ba_prior_t *out)
{
    int status = BA_OK;
    const char *spec =
        opts->prior_covariance ? opts->prior_covariance : opts->prior_factor;
    double *mean = NULL, *matrix = NULL;
    size_t n_rows, n_cols;

    BA_TRY(read_mean(ctx, opts->prior_mean, p, &mean));
    BA_TRY(ba_decoding_read_matrix(ctx, spec, &matrix, &n_rows, &n_cols));
    BA_TRY(check_size(spec, n_rows, p, opts->prior_covariance ? "covariance" : "factor"));
    if (opts->prior_covariance) {
        BA_TRY(check_size(spec, n_cols, p, "covariance"));
        BA_TRY(ba_prior_from_covariance(ctx, mean, (ba_cdmat_t){matrix, p, p, p}, out));
    } else {
        BA_TRY(ba_prior_from_factor(mean, (ba_cdmat_t){matrix, p, n_cols, p}, out));
    }
out:
    ba_free(mean);
    ba_free(matrix);
    return status;
}

/* Mean over features of the correlation of a sample's value with the last one's, by
 * training rows that follow one another. */
static double
autocorrelation(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder)
{
    size_t n = decoder->n_train, n_counted = 0;
    double sum = 0.0;

    for (size_t f = 0; f < decoding->n_features; f++) {
        const double *x = decoding->features + f * decoding->n_samples;
        double mean = 0.0, cross = 0.0, square = 0.0;

        for (size_t i = 0; i < n; i++) {
            mean += x[decoding->kept[decoder->train[i]]] / (double) n;
        }
        for (size_t i = 0; i + 1 < n; i++) {
            double a = x[decoding->kept[decoder->train[i]]] - mean;
            double b = x[decoding->kept[decoder->train[i + 1]]] - mean;

            if (ba_decoding_stretch(decoding, decoder->train + i, 2, 0) == 2) {
                cross += a * b;
                square += 0.5 * (a * a + b * b);
            }
        }
        if (square > 0.0) {
            sum += cross / square;
            n_counted++;
        }
    }
    sum = n_counted > 0 ? sum / (double) n_counted : 0.0;
    return fmin(fmax(sum, 0.0), 0.99);
}

int
ba_fold_prior(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    const ba_decode_invert_opts_t *opts, ba_prior_t *out, double *ar)
{
    int status = BA_OK, joint = opts->combine == BA_COMBINE_JOINT;
    size_t n = decoder->n_train, f = decoding->n_features;
    size_t p = joint ? f : f * decoder->model.n_delays;
    double *x = NULL, variance = 0.0;

    *ar = !joint                  ? 0.0
          : isnan(opts->prior_ar) ? autocorrelation(decoding, decoder)
                                  : opts->prior_ar;
    if (opts->prior_covariance || opts->prior_factor) {
        return prior_given(decoding->ctx, opts, p, out);
    }
    BA_TRY_ALLOC(x, ba_malloc(n, p * sizeof *x));
    if (joint) {
        for (size_t j = 0; j < f; j++) {
            for (size_t i = 0; i < n; i++) {
                x[i + j * n] = decoding->features[decoding->kept[decoder->train[i]] +
                                                  j * decoding->n_samples];
            }
        }
    } else {
        ba_fold_model_design(decoding, &decoder->model, decoder->train, n, x);
    }
    for (size_t j = 0; j < p; j++) {
        double mean = 0.0, square = 0.0;

        for (size_t i = 0; i < n; i++) {
            mean += x[i + j * n] / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            square += (x[i + j * n] - mean) * (x[i + j * n] - mean) / (double) n;
        }
        variance += square / (double) p;
    }
    BA_TRY(ba_prior_from_features(decoding->ctx, (ba_cdmat_t){x, n, p, n},
        opts->prior_ridge * variance, opts->prior_rank, out));
    if (opts->prior_mean) {
        ba_free(out->mean);
        out->mean = NULL;
        BA_TRY(read_mean(decoding->ctx, opts->prior_mean, p, &out->mean));
    }
out:
    ba_free(x);
    return status;
}
