/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a decoding holds at a time: features and responses, residuals and models of all
 * targets; beside them what a refit factorises, once for each group of targets with the same
 * gammas that is solved at the same time, or what a posterior is made of. */
#include "decode/invert_impl.h"

#include "core/alloc.h"

#include <math.h>

/* Columns of the design that a panel holds (model/ridge.c). */
#define PANEL 512.0

static size_t
columns_of(const ba_decoding_t *decoding)
{
    return decoding->n_delays * decoding->encoder->n_features;
}

/* Numbers of one group's factorisation (model/ridge.c) and weights in the basis, for n rows
 * and p columns; fewer rows take no more. */
static double
factor_numbers(double n, double p)
{
    double buffers = BA_REFIT_TARGETS * (n + fmin(n, p) + p) + 2 * p;

    if (p < n) {
        /* Scores and the design beside them, Gram matrix with its eigenvectors and their
         * workspace; then scores, eigenvectors and weights. */
        return fmax(2 * n * p + 3 * p * p, n * p + 2 * p * p + buffers);
    }
    return PANEL * n + fmax(3 * n * n, n * n + p * n + buffers);
}

/* Numbers of a posterior: products of the model with itself and with responses, training
 * features, their covariance (or Gram matrix) with its eigenvectors and workspace, the
 * prior's factor. */
static double
posterior_numbers(double n, double p)
{
    double least = fmin(n, p);

    return p * p + 2 * n * p + 3 * least * least + p * least;
}

/* Three sets of residuals beside the responses, and four models. */
static int
count_held(const ba_decoding_t *decoding, size_t *bytes)
{
    int status = BA_OK;
    const ba_encoder_t *encoder = decoding->encoder;
    size_t rows = 4 * decoding->n_samples + 4 * columns_of(decoding), numbers, features;

    BA_TRY(ba_multiply(rows, decoding->n_targets, &numbers));
    BA_TRY(ba_multiply(decoding->n_samples, encoder->n_features, &features));
    BA_TRY(ba_multiply(numbers, sizeof(double), bytes));
    BA_TRY(ba_multiply(features, sizeof(double), &features));
    *bytes += features;
out:
    return status;
}

/* Rows that a fold has residuals of, at most. */
static size_t
residual_rows(const ba_decoding_t *decoding)
{
    size_t n = decoding->n_kept, fewest = n;

    for (size_t k = 0; k < decoding->n_folds && !decoding->opts->in_sample; k++) {
        size_t held = 0;

        for (size_t i = 0; i < n; i++) {
            held += decoding->fold[i] == (int32_t) k;
        }
        fewest = held < fewest ? held : fewest;
    }
    return decoding->opts->in_sample ? n : n - fewest;
}

int
ba_decoding_plan(ba_decoding_t *decoding)
{
    int status = BA_OK;
    size_t p = columns_of(decoding), n = decoding->n_kept;

    BA_TRY(count_held(decoding, &decoding->bytes_held));
    if (!decoding->opts->in_sample) {
        decoding->bytes_group =
            (size_t) (sizeof(double) * factor_numbers((double) n, (double) p));
    }
    if (decoding->opts->ledoit_wolf) { /* the residuals' Gram matrix */
        n = residual_rows(decoding);
        BA_TRY(ba_multiply(n, n * sizeof(double), &decoding->bytes_noise));
    }
    BA_TRY(ba_decoding_hold(decoding, 0, "responses and models"));
out:
    return status;
}

/* Bytes beside what is held, of refits of n groups at a time. */
static size_t
working_bytes(const ba_decoding_t *decoding, size_t n)
{
    size_t p = columns_of(decoding), most = n * decoding->bytes_group;
    double numbers = posterior_numbers((double) decoding->n_kept, (double) p);
    size_t posterior = (size_t) (sizeof(double) * numbers) + decoding->bytes_series;

    most = posterior > most ? posterior : most;
    return decoding->bytes_noise > most ? decoding->bytes_noise : most;
}

int
ba_decoding_hold(ba_decoding_t *decoding, size_t bytes, const char *what)
{
    size_t allowed = ba_ctx_memory(decoding->ctx), needed;

    decoding->bytes_held += bytes;
    needed = decoding->bytes_held + working_bytes(decoding, 1);
    if (needed > allowed) {
        return ba_fail(BA_TOO_LARGE,
            "memory: %zu KiB with %s of %zu targets, but --memory allows %zu KiB",
            (needed + 1023) >> 10, what, decoding->n_targets, allowed >> 10);
    }
    return BA_OK;
}

/* The rows that fold k held out; how many. */
static size_t
rows_of(const ba_decoding_t *decoding, size_t k, size_t *rows)
{
    size_t n = 0;

    for (size_t i = 0; i < decoding->n_kept; i++) {
        if (decoding->fold[i] == (int32_t) k) {
            rows[n++] = i;
        }
    }
    return n;
}

/* Most that the rank of a fold's prior can be. */
static size_t
largest_rank(const ba_decoding_t *decoding, const ba_decode_invert_opts_t *opts)
{
    int by_space = opts->prior_by_space || opts->n_prior_spaces > 0;
    size_t n_parts = by_space ? decoding->encoder->n_spaces : 1;
    size_t most = opts->prior_rank * n_parts;

    return most > 0 && most < decoding->n_features ? most : decoding->n_features;
}

int
ba_decoding_plan_series(ba_decoding_t *decoding, const ba_decode_invert_opts_t *opts)
{
    int status = BA_OK;
    size_t rank = largest_rank(decoding, opts), *rows = NULL;

    BA_TRY_ALLOC(rows, ba_malloc(decoding->n_kept, sizeof *rows));
    for (size_t k = 0; k < decoding->n_folds; k++) {
        size_t n = rows_of(decoding, k, rows), bytes;

        for (size_t first = 0, last; first < n; first = last) {
            ba_series_t series = {.delays = decoding->delays,
                .n_delays = decoding->n_delays,
                .n_features = decoding->n_features,
                .autoregression = isnan(opts->prior_ar) ? 0.5 : opts->prior_ar};

            last = ba_decoding_stretch(decoding, rows, n, first);
            series.n_times = last - first;
            series.first = ba_decoding_time(decoding, rows[first], &series.run_length);
            BA_TRY(ba_series_bytes(&series, rank, &bytes));
            decoding->bytes_series =
                bytes > decoding->bytes_series ? bytes : decoding->bytes_series;
        }
    }
    BA_TRY(ba_decoding_hold(
        decoding, 0, "responses in one piece (--prior-rank takes less)"));
out:
    ba_free(rows);
    return status;
}

size_t
ba_decoding_groups(const ba_decoding_t *decoding, size_t n_groups)
{
    size_t threads = (size_t) ba_ctx_threads(decoding->ctx);
    size_t left = ba_ctx_memory(decoding->ctx) - decoding->bytes_held;
    size_t n = decoding->bytes_group > 0 ? left / decoding->bytes_group : threads;

    n = n < threads ? n : threads;
    n = n < n_groups ? n : n_groups;
    return n > 0 ? n : 1;
}

size_t
ba_decoding_bytes(const ba_decoding_t *decoding)
{
    int has_groups = ba_bundle_has(decoding->encoder->bundle, "/bands/gammas_by_fold");
    size_t n = ba_decoding_groups(decoding, has_groups ? decoding->n_targets : 1);

    return decoding->bytes_held + working_bytes(decoding, n);
}
