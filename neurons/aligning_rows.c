/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows that an encoder was fitted on: responses prepared as for its fit, and the
 * fingerprints that say that both sides are the same. */
#include "neurons/aligning.h"

#include "brainalign/hash.h"
#include "core/alloc.h"
#include "fit/fit_impl.h"

#include <stdlib.h>
#include <string.h>

static int
read_nuisance(const ba_dataset_part_t *part, ba_cdmat_t *view, double **out)
{
    int status = BA_OK;
    size_t n = part->n_samples, k;

    *view = (ba_cdmat_t){NULL, n, 0, n};
    if (!part->nuisance) {
        return BA_OK;
    }
    k = ba_source_n_cols(part->nuisance);
    BA_TRY_ALLOC(*out, ba_malloc(n, k * sizeof **out));
    BA_TRY(ba_source_read(part->nuisance, 0, 0, n, 0, k, *out, n));
    *view = (ba_cdmat_t){*out, n, k, n};
out:
    return status;
}

static int
copy_tiles(const ba_ctx_t *ctx, tiles_t *tiles, size_t n_used, double *out)
{
    int status = BA_OK;

    for (size_t t = 0; t < ba_tiles_count(tiles); t++) {
        size_t loaded, first, n, column;
        const double *base;

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_tiles_load(ctx, tiles, t, &loaded));
        ba_tiles_range(tiles, t, &first, &n, &column);
        base = ba_tiles_get(tiles, t).base;
        memcpy(out + first * n_used, base + column * n_used, n * n_used * sizeof *base);
    }
out:
    return status;
}

static int
check_rows(const ba_aligning_t *a, const ba_encoder_t *encoder, const char *what,
    const uint64_t *hash, const uint64_t *wanted)
{
    for (size_t i = 0; encoder->n_rows == a->n_samples && i < a->n_samples; i++) {
        if (wanted && hash[i] != wanted[i]) {
            return ba_fail(BA_SHAPE,
                "%s: row %zu (from 0) is another than %s was fitted on, by its "
                "fingerprint, wanted the %s of the fit",
                what, i, encoder->path, what);
        }
    }
    return BA_OK;
}

/* A row's fingerprint goes over all spaces in order (see ba_hash_number()). */
int
ba_align_check_features(const ba_aligning_t *a)
{
    int status = BA_OK;
    uint64_t *hash = NULL;

    BA_TRY_ALLOC(hash, ba_calloc(a->n_samples, sizeof *hash));
    for (size_t k = 0; k < a->encoder->n_spaces; k++) {
        const ba_space_t *space = &a->spaces[k];

        for (size_t i = 0; i < space->n_features * a->n_samples; i++) {
            double value = space->single ? (double) space->single[i] : space->full[i];
            size_t row = i % a->n_samples;

            hash[row] = ba_hash_number(hash[row], value);
        }
    }
    BA_TRY(check_rows(a, a->encoder, "features", hash, a->encoder->feature_hash));
out:
    ba_free(hash);
    return status;
}

/* Those of encoder e to their place. */
static int
read_responses(const ba_ctx_t *ctx, ba_aligning_t *a, size_t e)
{
    int status;
    const ba_encoder_t *encoder = a->encoders[e];
    const ba_dataset_t *dataset =
        e == 0 ? a->opts->dataset : a->opts->others[e - 1].dataset;
    const ba_dataset_part_t *part = &dataset->train;
    size_t n_all = ba_source_n_cols(part->responses);
    int64_t range[2], zscore_runs;
    char *text = NULL;
    ba_detrend_opts_t detrend;
    double *nuisance = NULL;
    uint64_t *hash = NULL;
    tiles_t *tiles = NULL;
    tiles_opts_t opts;

    BA_TRY(ba_bundle_get_i64(encoder->bundle, "/", "target_range", 2, range, NULL));
    BA_TRY(ba_bundle_get_i64(encoder->bundle, "/", "zscore_runs", 1, &zscore_runs, NULL));
    BA_TRY(ba_bundle_get_string(encoder->bundle, "/", "detrend", &text));
    BA_TRY(ba_detrend_parse(text, &detrend));
    BA_TRY(ba_bundle_get_f64(encoder->bundle, "/", "tr", 1, &detrend.tr, NULL));
    if (range[0] < 0 || range[1] - range[0] != (int64_t) encoder->n_targets ||
        (size_t) range[1] > n_all) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu targets, but %s was fitted on targets %lld to %lld",
            ba_source_name(part->responses), n_all, encoder->path, (long long) range[0],
            (long long) range[1]));
    }
    BA_TRY_ALLOC(hash, ba_calloc(a->n_samples, sizeof *hash));
    opts = (tiles_opts_t){.source = part->responses,
        .rows = a->kept,
        .n_rows = a->n_used,
        .runs = &a->runs,
        .detrend = &detrend,
        .zscore_runs = zscore_runs != 0,
        .precision = BA_DOUBLE,
        .target_start = (size_t) range[0],
        .target_stop = (size_t) range[1],
        .status = a->status + a->first_target[e],
        .row_hash = hash,
        .n_in_flight = 1};
    BA_TRY(read_nuisance(part, &opts.nuisance, &nuisance));
    BA_TRY(ba_tiles_open(ctx, &opts, &tiles));
    BA_TRY(
        copy_tiles(ctx, tiles, a->n_used, a->responses + a->first_target[e] * a->n_used));
    BA_TRY(check_rows(a, encoder, "responses", hash, encoder->response_hash));
out:
    ba_tiles_close(tiles);
    ba_free(nuisance);
    ba_free(hash);
    free(text);
    return status;
}

int
ba_align_read_responses(const ba_ctx_t *ctx, ba_aligning_t *a)
{
    int status = BA_OK;

    BA_TRY_ALLOC(a->status, ba_calloc(a->n_targets, sizeof *a->status));
    BA_TRY_ALLOC(a->responses, ba_malloc(a->n_used, a->n_targets * sizeof *a->responses));
    for (size_t e = 0; e < a->n_encoders; e++) {
        BA_TRY(read_responses(ctx, a, e));
    }
out:
    return status;
}
