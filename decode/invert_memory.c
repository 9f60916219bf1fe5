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
columns_of(const ba_encoder_t *encoder)
{
    return encoder->n_delays * encoder->n_features;
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
    size_t rows = 4 * decoding->n_samples + 4 * columns_of(encoder), numbers, features;

    BA_TRY(ba_multiply(rows, decoding->n_targets, &numbers));
    BA_TRY(ba_multiply(decoding->n_samples, encoder->n_features, &features));
    BA_TRY(ba_multiply(numbers, sizeof(double), bytes));
    BA_TRY(ba_multiply(features, sizeof(double), &features));
    *bytes += features;
out:
    return status;
}

int
ba_decoding_plan(ba_decoding_t *decoding)
{
    int status = BA_OK;
    size_t p = columns_of(decoding->encoder);

    BA_TRY(count_held(decoding, &decoding->bytes_held));
    if (!decoding->opts->in_sample) {
        decoding->bytes_group =
            (size_t) (sizeof(double) *
                      factor_numbers((double) decoding->n_kept, (double) p));
    }
    BA_TRY(ba_decoding_hold(decoding, 0, "responses and models"));
out:
    return status;
}

/* Bytes beside what is held, of refits of n groups at a time. */
static size_t
working_bytes(const ba_decoding_t *decoding, size_t n)
{
    size_t p = columns_of(decoding->encoder), refits = n * decoding->bytes_group;
    double numbers = posterior_numbers((double) decoding->n_kept, (double) p);
    size_t posterior = (size_t) (sizeof(double) * numbers);

    return refits > posterior ? refits : posterior;
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
