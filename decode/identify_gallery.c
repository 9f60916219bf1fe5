/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Candidates that are given: rows of features, or series of them. */
#include "decode/identify_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* Slabs of a source one below the other: a matrix is one row for each candidate. */
static int
read_features(const ba_decoding_t *decoding, const char *spec, ba_candidates_t *out)
{
    int status = BA_OK;
    size_t f = decoding->n_features, slabs, rows;
    ba_source_t *source = NULL;

    BA_TRY(
        ba_source_open(decoding->ctx, spec, &(ba_source_opts_t){.max_rank = 3}, &source));
    slabs = ba_source_rank(source) == 3 ? ba_source_n_slabs(source) : 1;
    rows = ba_source_n_rows(source);
    out->n = ba_source_rank(source) == 3 ? slabs : rows;
    out->n_times = ba_source_rank(source) == 3 ? rows : 1;
    if (ba_source_n_cols(source) != f || out->n < 2) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu candidates of %zu features, wanted 2 or more of %zu as in the "
            "encoder",
            spec, out->n, ba_source_n_cols(source), f));
    }
    BA_TRY_ALLOC(out->features, ba_malloc(slabs * rows, f * sizeof *out->features));
    for (size_t s = 0; s < slabs; s++) {
        BA_TRY(ba_source_read(
            source, s, 0, rows, 0, f, out->features + s * rows, slabs * rows));
    }
    for (size_t i = 0; i < slabs * rows * f; i++) {
        if (!isfinite(out->features[i])) {
            BA_TRY(ba_fail(BA_NONFINITE,
                "%s: candidate %zu, feature %zu (from 0) is %g, wanted finite numbers",
                spec, i % (slabs * rows) / out->n_times, i / (slabs * rows),
                out->features[i]));
        }
    }
out:
    ba_source_close(source);
    return status;
}

static int
read_log_prior(const ba_ctx_t *ctx, const char *spec, ba_candidates_t *out)
{
    int status = BA_OK;
    size_t n_rows, n_cols;

    BA_TRY(ba_decoding_read_matrix(ctx, spec, &out->log_prior, &n_rows, &n_cols));
    if (n_rows * n_cols != out->n) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu log priors, wanted one for each of %zu "
            "candidates",
            spec, n_rows * n_cols, out->n));
    }
out:
    return status;
}

static int
read_truth(const ba_ctx_t *ctx, const char *spec, ba_candidates_t *out)
{
    int status = BA_OK;
    size_t n_rows, n_cols;
    double *numbers = NULL;

    BA_TRY(ba_decoding_read_matrix(ctx, spec, &numbers, &n_rows, &n_cols));
    out->n_truth = n_rows * n_cols;
    BA_TRY_ALLOC(out->truth, ba_malloc(out->n_truth, sizeof *out->truth));
    for (size_t i = 0; i < out->n_truth; i++) {
        if (!(numbers[i] >= -1.0 && numbers[i] < (double) out->n) ||
            numbers[i] != floor(numbers[i])) {
            BA_TRY(ba_fail(BA_VALUE,
                "%s: item %zu belongs to candidate %g, wanted 0 to %zu, or -1 for none",
                spec, i, numbers[i], out->n - 1));
        }
        out->truth[i] = (int64_t) numbers[i];
    }
out:
    ba_free(numbers);
    return status;
}

int
ba_candidates_read(const ba_decoding_t *decoding, const ba_decode_identify_opts_t *opts,
    ba_candidates_t *out)
{
    int status = BA_OK;

    *out = (ba_candidates_t){.n = 0};
    if (!opts->gallery) {
        if (opts->truth || opts->log_prior) {
            return ba_fail(BA_VALUE,
                "gallery: none, wanted one where the true candidates "
                "or their log prior are given");
        }
        return BA_OK;
    }
    BA_TRY(read_features(decoding, opts->gallery, out));
    if (out->n_times > 1 && out->n_times != opts->segment) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: series of %zu samples, wanted %zu as in --segment",
            opts->gallery, out->n_times, opts->segment));
    }
    if (opts->log_prior) {
        BA_TRY(read_log_prior(decoding->ctx, opts->log_prior, out));
    } else {
        BA_TRY_ALLOC(out->log_prior, ba_calloc(out->n, sizeof *out->log_prior));
    }
    if (opts->truth) {
        BA_TRY(read_truth(decoding->ctx, opts->truth, out));
    }
out:
    return status;
}

void
ba_candidates_free(ba_candidates_t *candidates)
{
    ba_free(candidates->features);
    ba_free(candidates->log_prior);
    ba_free(candidates->truth);
    *candidates = (ba_candidates_t){.n = 0};
}

int
ba_candidates_gallery(
    const ba_candidates_t *candidates, const ba_fold_model_t *model, ba_gallery_t *out)
{
    int status = BA_OK;
    size_t n = candidates->n * candidates->n_times, f = model->n_features;
    size_t p = f * model->n_delays, length = candidates->n_times;

    *out = (ba_gallery_t){.n = candidates->n, .step = length > 1 ? 1 : 0, .n_rows = n};
    BA_TRY_ALLOC(out->base, ba_malloc(candidates->n, sizeof *out->base));
    BA_TRY_ALLOC(out->rows, ba_calloc(n, p * sizeof *out->rows));
    for (size_t c = 0; c < candidates->n; c++) {
        out->base[c] = c * length;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < model->n_delays; d++) {
            /* A static candidate is there at every delay. */
            long long delay = length > 1 ? model->delays[d] : 0;
            long long t = (long long) (i % length) - delay;

            for (size_t j = 0; t >= 0 && t < (long long) length && j < f; j++) {
                out->rows[i + (d * f + j) * n] =
                    candidates->features[i - i % length + (size_t) t + j * n];
            }
        }
    }
out:
    return status;
}

void
ba_gallery_free(ba_gallery_t *gallery)
{
    ba_free(gallery->base);
    ba_free(gallery->rows);
    *gallery = (ba_gallery_t){.n = 0};
}
