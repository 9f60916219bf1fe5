/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A run of responses as a function of the words said in it. With w_i(s) what slot i puts
 * of its vector v_i into the features of time s, and delays d_a,
 *
 *   x_s = sum over i of w_i(s) v_i,   X_t = (x_(t - d_a)) over a,
 *   log L = sum over responses t of X_t'z_t - X_t'A X_t / 2 + constant,
 *
 * whose gradient by x_s is sum over a of (z_t - A X_t) in block a at t = s + d_a. */
#include "decode/beam_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <string.h>

/* ---- slots ---- */

/* Rows of the resampler that an item reaches, and its weights there. */
static int
make_slot(const ba_resampler_t *resampler, size_t item, ba_slot_t *out)
{
    int status = BA_OK;
    size_t last = 0;

    out->first = resampler->n_rows;
    for (size_t t = 0; t < resampler->n_rows; t++) {
        size_t first = resampler->first[t];
        size_t n = resampler->start[t + 1] - resampler->start[t];

        if (item >= first && item < first + n) {
            out->first = out->first < t ? out->first : t;
            last = t + 1;
        }
    }
    out->n = last > out->first ? last - out->first : 0;
    BA_TRY_ALLOC(out->weight, ba_calloc(out->n, sizeof *out->weight));
    for (size_t i = 0; i < out->n; i++) {
        size_t t = out->first + i, first = resampler->first[t];
        size_t n = resampler->start[t + 1] - resampler->start[t];

        if (item >= first && item < first + n) {
            out->weight[i] = resampler->weights[resampler->start[t] + item - first];
        }
    }
out:
    return status;
}

static int
make_slots(const ba_resampler_t *resampler, const size_t *items, size_t n_items,
    ba_passage_t *out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(out->slots, ba_calloc(n_items, sizeof *out->slots));
    for (size_t i = 0; i < n_items; i++) {
        BA_TRY(make_slot(resampler, items[i], &out->slots[i]));
        out->n_slots++;
    }
out:
    return status;
}

/* ---- likelihood and gradient ---- */

/* Delayed features of the times that have responses, p x n_responses by place; features
 * before the run and after it are 0. */
static void
delay_features(const ba_passage_t *passage, const double *features, double *out)
{
    size_t q = passage->n_features, p = q * passage->n_delays;

    memset(out, 0, p * passage->inversion->n_responses * sizeof *out);
    for (size_t t = 0; t < passage->n_times; t++) {
        for (size_t a = 0; passage->response[t] != SIZE_MAX && a < passage->n_delays;
             a++) {
            long long s = (long long) t - passage->delays[a];

            if (s >= 0 && s < (long long) passage->n_times) {
                memcpy(out + passage->response[t] * p + a * q, features + (size_t) s * q,
                    q * sizeof *out);
            }
        }
    }
}

/* z - A X, 0 where a place has no response of this run; the likelihood as well. */
static int
find_residual(const ba_ctx_t *ctx, const ba_passage_t *passage, const double *features,
    double *residual, double *likelihood)
{
    int status = BA_OK;
    const ba_inversion_t *inversion = passage->inversion;
    size_t p = inversion->n_features, n = inversion->n_responses;
    double *x = NULL;

    BA_TRY_ALLOC(x, ba_malloc(p, n * sizeof *x));
    delay_features(passage, features, x);
    ba_gemm_tiled(ctx, -1.0, BA_KEEP, ba_cdmat(inversion->a, p, p, p), BA_KEEP,
        ba_cdmat(x, p, n, p), 0.0, ba_dmat(residual, p, n, p));
    *likelihood = 0.0;
    for (size_t t = 0; t < passage->n_times; t++) {
        size_t at = passage->response[t];

        for (size_t i = 0; at != SIZE_MAX && i < p; i++) {
            double z = inversion->z[i + at * p];

            *likelihood += x[i + at * p] * (z + 0.5 * residual[i + at * p]);
            residual[i + at * p] += z;
        }
    }
out:
    ba_free(x);
    return status;
}

int
ba_passage_likelihood(
    const ba_ctx_t *ctx, const ba_passage_t *passage, const double *features, double *out)
{
    int status = BA_OK;
    const ba_inversion_t *inversion = passage->inversion;
    double *residual = NULL;

    BA_TRY_ALLOC(residual,
        ba_malloc(inversion->n_features, inversion->n_responses * sizeof *residual));
    BA_TRY(find_residual(ctx, passage, features, residual, out));
out:
    ba_free(residual);
    return status;
}

/* Gradient by the features of each time. */
static int
find_gradient(const ba_ctx_t *ctx, const double *features, ba_passage_t *passage)
{
    int status = BA_OK;
    const ba_inversion_t *inversion = passage->inversion;
    size_t p = inversion->n_features, q = passage->n_features;
    double *residual = NULL;

    BA_TRY_ALLOC(residual, ba_malloc(p, inversion->n_responses * sizeof *residual));
    BA_TRY(find_residual(ctx, passage, features, residual, &passage->likelihood));
    BA_TRY_ALLOC(
        passage->gradient, ba_calloc(passage->n_times, q * sizeof *passage->gradient));
    for (size_t t = 0; t < passage->n_times; t++) {
        for (size_t a = 0; passage->response[t] != SIZE_MAX && a < passage->n_delays;
             a++) {
            long long s = (long long) t - passage->delays[a];
            const double *block = residual + passage->response[t] * p + a * q;

            for (size_t f = 0; s >= 0 && s < (long long) passage->n_times && f < q; f++) {
                passage->gradient[(size_t) s * q + f] += block[f];
            }
        }
    }
out:
    ba_free(residual);
    return status;
}

int
ba_passage_make(const ba_ctx_t *ctx, const ba_inversion_t *inversion, const int *delays,
    size_t n_delays, const size_t *response, size_t n_times,
    const ba_resampler_t *resampler, const size_t *items, size_t n_items,
    const double *blank, ba_passage_t *out)
{
    int status = BA_OK;
    size_t q = inversion->n_features / n_delays;
    double *features = NULL;

    *out = (ba_passage_t){.inversion = inversion,
        .delays = delays,
        .n_delays = n_delays,
        .n_features = q,
        .n_times = n_times};
    BA_TRY_ALLOC(out->response, ba_malloc(n_times, sizeof *out->response));
    memcpy(out->response, response, n_times * sizeof *response);
    BA_TRY(make_slots(resampler, items, n_items, out));
    BA_TRY_ALLOC(features, ba_calloc(n_times, q * sizeof *features));
    for (size_t t = 0; t < n_times; t++) {
        double weight = 0.0;

        for (size_t i = resampler->start[t]; i < resampler->start[t + 1]; i++) {
            weight += resampler->weights[i];
        }
        for (size_t f = 0; f < q; f++) {
            features[t * q + f] = weight * blank[f];
        }
    }
    BA_TRY(find_gradient(ctx, features, out));
out:
    ba_free(features);
    return status;
}

void
ba_passage_free(ba_passage_t *passage)
{
    for (size_t i = 0; i < passage->n_slots; i++) {
        ba_free(passage->slots[i].weight);
    }
    ba_free(passage->slots);
    ba_free(passage->response);
    ba_free(passage->gradient);
    *passage = (ba_passage_t){.n_slots = 0};
}
