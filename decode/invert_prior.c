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

/* Training features, n x p: those of a sample, or all delayed ones of a response. */
static int
training_features(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    int joint, size_t p, double **out)
{
    int status = BA_OK;
    size_t n = decoder->n_train;

    BA_TRY_ALLOC(*out, ba_malloc(n, p * sizeof **out));
    if (!joint) {
        ba_fold_model_design(decoding, &decoder->model, decoder->train, n, *out);
        return BA_OK;
    }
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < n; i++) {
            (*out)[i + j * n] = decoding->features[decoding->kept[decoder->train[i]] +
                                                   j * decoding->n_samples];
        }
    }
out:
    return status;
}

static int
prior_trained(const ba_ctx_t *ctx, const ba_decode_invert_opts_t *opts, ba_cdmat_t x,
    ba_prior_t *out)
{
    size_t n = x.n_rows, p = x.n_cols;
    double variance = 0.0;

    for (size_t j = 0; j < p; j++) {
        const double *column = x.data + j * x.ld;
        double mean = 0.0, square = 0.0;

        for (size_t i = 0; i < n; i++) {
            mean += column[i] / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            square += (column[i] - mean) * (column[i] - mean) / (double) n;
        }
        variance += square / (double) p;
    }
    return ba_prior_from_features(
        ctx, x, opts->prior_ridge * variance, opts->prior_rank, out);
}

/* ---- spaces that are independent ---- */

/* SPEC of the covariance that is given for a space, NULL = none. */
static const char *
given_for(const ba_decode_invert_opts_t *opts, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < opts->n_prior_spaces; i++) {
        const char *text = opts->prior_spaces[i];

        if (strncmp(text, name, length) == 0 && text[length] == '=') {
            return text + length + 1;
        }
    }
    return NULL;
}

/* Means of the columns. */
static void
set_means(ba_cdmat_t x, double *mean)
{
    for (size_t j = 0; j < x.n_cols; j++) {
        mean[j] = 0.0;
        for (size_t i = 0; i < x.n_rows; i++) {
            mean[j] += x.data[i + j * x.ld] / (double) x.n_rows;
        }
    }
}

/* A covariance of p features in a file. */
static int
space_given(
    const ba_ctx_t *ctx, const char *spec, const double *mean, size_t p, ba_prior_t *out)
{
    int status = BA_OK;
    size_t n_rows, n_cols;
    double *matrix = NULL;

    BA_TRY(ba_decoding_read_matrix(ctx, spec, &matrix, &n_rows, &n_cols));
    BA_TRY(check_size(spec, n_rows, p, "covariance"));
    BA_TRY(check_size(spec, n_cols, p, "covariance"));
    BA_TRY(ba_prior_from_covariance(ctx, mean, (ba_cdmat_t){matrix, p, p, p}, out));
out:
    ba_free(matrix);
    return status;
}

/* The prior of the columns of one space. */
static int
prior_of_space(const ba_ctx_t *ctx, const ba_decode_invert_opts_t *opts, const char *spec,
    ba_cdmat_t x, ba_prior_t *out)
{
    int status = BA_OK;
    double *mean = NULL;

    if (!spec) {
        return prior_trained(ctx, opts, x, out);
    }
    BA_TRY_ALLOC(mean, ba_malloc(x.n_cols, sizeof *mean));
    set_means(x, mean);
    BA_TRY(space_given(ctx, spec, mean, x.n_cols, out));
out:
    ba_free(mean);
    return status;
}

/* Puts the columns `place` of the whole prior after those that are there. */
static int
append(ba_prior_t *all, const ba_prior_t *part, const size_t *place)
{
    int status = BA_OK;
    size_t p = all->n_features, rank = all->rank + part->rank;
    double *factor = NULL;

    BA_TRY_ALLOC(factor, ba_calloc(p, rank * sizeof *factor));
    if (all->rank > 0) {
        memcpy(factor, all->factor, p * all->rank * sizeof *factor);
    }
    for (size_t j = 0; j < part->n_features; j++) {
        all->mean[place[j]] = part->mean[j];
        for (size_t k = 0; k < part->rank; k++) {
            factor[place[j] + (all->rank + k) * p] =
                part->factor[j + k * part->n_features];
        }
    }
    ba_free(all->factor);
    all->factor = factor;
    all->rank = rank;
out:
    return status;
}

/* x: n x p, features of all spaces for each of n_delays. */
static int
prior_by_space(const ba_decoding_t *decoding, const ba_decode_invert_opts_t *opts,
    size_t n_delays, ba_cdmat_t x, ba_prior_t *out)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t n = x.n_rows, first = 0, *place = NULL;
    double *own = NULL;
    ba_prior_t part = {.n_features = 0};

    *out = (ba_prior_t){.n_features = x.n_cols};
    BA_TRY_ALLOC(out->mean, ba_calloc(x.n_cols, sizeof *out->mean));
    BA_TRY_ALLOC(place, ba_malloc(x.n_cols, sizeof *place));
    BA_TRY_ALLOC(own, ba_malloc(n, x.n_cols * sizeof *own));
    for (size_t s = 0; s < encoder->n_spaces; s++) {
        size_t f = encoder->space_features[s], p = n_delays * f;

        for (size_t j = 0; j < p; j++) {
            place[j] = j / f * decoding->n_features + first + j % f;
            memcpy(own + j * n, x.data + place[j] * x.ld, n * sizeof *own);
        }
        BA_TRY(prior_of_space(decoding->ctx, opts,
            given_for(opts, encoder->space_names[s]), (ba_cdmat_t){own, n, p, n}, &part));
        BA_TRY(append(out, &part, place));
        ba_prior_free(&part);
        first += f;
    }
out:
    ba_prior_free(&part);
    ba_free(place);
    ba_free(own);
    return status;
}

int
ba_inverted_check_prior(const ba_decode_invert_opts_t *opts)
{
    int by_space = opts->prior_by_space || opts->n_prior_spaces > 0;
    int is_given = opts->prior_covariance || opts->prior_factor;

    if (opts->flat_prior && (opts->prior_mean || is_given || by_space)) {
        return ba_fail(BA_VALUE, "prior: flat and given as well, wanted one of both");
    }
    if (opts->combine == BA_COMBINE_BLOCK && opts->prior_ar != 0.0) {
        return ba_fail(BA_VALUE, "prior-ar: found with combine block, which takes each "
                                 "response alone, wanted combine joint");
    }
    if (opts->prior_covariance && opts->prior_factor) {
        return ba_fail(BA_VALUE, "prior: a covariance and a factor, wanted one of both");
    }
    if (is_given && by_space) {
        return ba_fail(BA_VALUE,
            "prior: a covariance of all features, and spaces that are "
            "independent, wanted one of both");
    }
    for (size_t i = 0; i < opts->n_prior_spaces; i++) {
        const char *text = opts->prior_spaces[i];

        if (!strchr(text, '=') || text[0] == '=') {
            return ba_fail(BA_VALUE, "prior-space: '%s', wanted NAME=SPEC", text);
        }
        for (size_t k = 0; k < i; k++) {
            if (strncmp(text, opts->prior_spaces[k],
                    (size_t) (strchr(text, '=') - text) + 1) == 0) {
                return ba_fail(
                    BA_VALUE, "prior-space: '%s', wanted one for a space", text);
            }
        }
    }
    return BA_OK;
}

/* The space called as the text up to `end`. */
static int
find_space(
    const ba_decoding_t *decoding, const char *text, const char *end, size_t *space)
{
    int status = BA_OK;
    char *name = NULL;

    BA_TRY_ALLOC(name, ba_asprintf("%.*s", (int) (end - text), text));
    BA_TRY(ba_decoding_space(decoding, "prior-space", name, space));
out:
    ba_free(name);
    return status;
}

/* The covariance of a space, as if the mean were 0. */
static int
check_space(const ba_decoding_t *decoding, const char *spec, size_t p)
{
    int status = BA_OK;
    ba_prior_t prior = {.n_features = 0};
    double *nothing = NULL;

    BA_TRY_ALLOC(nothing, ba_calloc(p, sizeof *nothing));
    BA_TRY(space_given(decoding->ctx, spec, nothing, p, &prior));
out:
    ba_prior_free(&prior);
    ba_free(nothing);
    return status;
}

/* Reads all that is given as every fold will. */
static int
check_files(ba_decoding_t *decoding, const ba_decode_invert_opts_t *opts)
{
    int status = BA_OK;
    size_t n_delays = opts->combine == BA_COMBINE_BLOCK ? decoding->n_delays : 1;
    double *mean = NULL;
    ba_prior_t prior = {.n_features = 0};

    BA_TRY(ba_input_files_add_spec(&decoding->files, opts->prior_mean));
    BA_TRY(ba_input_files_add_spec(&decoding->files, opts->prior_covariance));
    BA_TRY(ba_input_files_add_spec(&decoding->files, opts->prior_factor));
    if (opts->prior_covariance || opts->prior_factor) {
        BA_TRY(prior_given(decoding->ctx, opts, n_delays * decoding->n_features, &prior));
    } else {
        BA_TRY(read_mean(
            decoding->ctx, opts->prior_mean, n_delays * decoding->n_features, &mean));
    }
    for (size_t i = 0; i < opts->n_prior_spaces; i++) {
        const char *text = opts->prior_spaces[i], *equals = strchr(text, '=');
        size_t space;

        BA_TRY(find_space(decoding, text, equals, &space));
        BA_TRY(check_space(
            decoding, equals + 1, n_delays * decoding->encoder->space_features[space]));
        BA_TRY(ba_input_files_add_spec(&decoding->files, equals + 1));
    }
out:
    ba_prior_free(&prior);
    ba_free(mean);
    return status;
}

int
ba_decoding_check_prior(ba_decoding_t *decoding, const ba_decode_invert_opts_t *opts)
{
    int status = BA_OK;

    BA_TRY(check_files(decoding, opts));
    if (opts->n_prior_spaces == decoding->encoder->n_spaces &&
        (opts->prior_ridge > 0.0 || opts->prior_rank > 0)) {
        BA_TRY(ba_fail(BA_VALUE,
            "prior-%s: found with a covariance for each space, wanted one at least of "
            "training features",
            opts->prior_rank > 0 ? "rank" : "ridge"));
    }
    if (opts->flat_prior) {
        BA_TRY(ba_decoding_check_flat(decoding));
    }
out:
    return status;
}

int
ba_fold_prior(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    const ba_decode_invert_opts_t *opts, ba_prior_t *out, double *ar)
{
    int status = BA_OK, joint = opts->combine == BA_COMBINE_JOINT;
    size_t n = decoder->n_train, n_delays = joint ? 1 : decoder->model.n_delays;
    size_t p = decoding->n_features * n_delays;
    double *x = NULL;

    *ar = !joint                  ? 0.0
          : isnan(opts->prior_ar) ? autocorrelation(decoding, decoder)
                                  : opts->prior_ar;
    if (opts->prior_covariance || opts->prior_factor) {
        return prior_given(decoding->ctx, opts, p, out);
    }
    BA_TRY(training_features(decoding, decoder, joint, p, &x));
    BA_TRY(opts->prior_by_space || opts->n_prior_spaces > 0
               ? prior_by_space(decoding, opts, n_delays, (ba_cdmat_t){x, n, p, n}, out)
               : prior_trained(decoding->ctx, opts, (ba_cdmat_t){x, n, p, n}, out));
    if (opts->prior_mean) {
        ba_free(out->mean);
        out->mean = NULL;
        BA_TRY(read_mean(decoding->ctx, opts->prior_mean, p, &out->mean));
    }
out:
    ba_free(x);
    return status;
}
