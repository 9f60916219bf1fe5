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
copy_tiles(const ba_ctx_t *ctx, tiles_t *tiles, ba_aligning_t *a)
{
    int status = BA_OK;

    for (size_t t = 0; t < ba_tiles_count(tiles); t++) {
        size_t loaded, first, n, column;
        const double *base;

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_tiles_load(ctx, tiles, t, &loaded));
        ba_tiles_range(tiles, t, &first, &n, &column);
        base = ba_tiles_get(tiles, t).base;
        memcpy(a->responses + first * a->n_used, base + column * a->n_used,
            n * a->n_used * sizeof *base);
    }
out:
    return status;
}

static int
check_rows(const ba_aligning_t *a, const char *what, const uint64_t *hash,
    const uint64_t *wanted)
{
    for (size_t i = 0; a->encoder->n_rows == a->n_samples && i < a->n_samples; i++) {
        if (wanted && hash[i] != wanted[i]) {
            return ba_fail(BA_SHAPE,
                "%s: row %zu (from 0) is another than %s was fitted on, by its "
                "fingerprint, wanted the %s of the fit",
                what, i, a->opts->encoder, what);
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
    BA_TRY(check_rows(a, "features", hash, a->encoder->feature_hash));
out:
    ba_free(hash);
    return status;
}

int
ba_align_read_responses(const ba_ctx_t *ctx, ba_aligning_t *a)
{
    int status;
    const ba_bundle_t *bundle = a->encoder->bundle;
    const ba_dataset_part_t *part = &a->opts->dataset->train;
    size_t n_all = ba_source_n_cols(part->responses);
    int64_t range[2], zscore_runs;
    char *text = NULL;
    ba_detrend_opts_t detrend;
    double *nuisance = NULL;
    uint64_t *hash = NULL;
    tiles_t *tiles = NULL;
    tiles_opts_t opts;

    BA_TRY(ba_bundle_get_i64(bundle, "/", "target_range", 2, range, NULL));
    BA_TRY(ba_bundle_get_i64(bundle, "/", "zscore_runs", 1, &zscore_runs, NULL));
    BA_TRY(ba_bundle_get_string(bundle, "/", "detrend", &text));
    BA_TRY(ba_detrend_parse(text, &detrend));
    BA_TRY(ba_bundle_get_f64(bundle, "/", "tr", 1, &detrend.tr, NULL));
    if (range[0] < 0 || range[1] - range[0] != (int64_t) a->n_targets ||
        (size_t) range[1] > n_all) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu targets, but %s was fitted on targets %lld to %lld",
            ba_source_name(part->responses), n_all, a->opts->encoder,
            (long long) range[0], (long long) range[1]));
    }
    BA_TRY_ALLOC(a->status, ba_calloc(a->n_targets, sizeof *a->status));
    BA_TRY_ALLOC(a->responses, ba_malloc(a->n_used, a->n_targets * sizeof *a->responses));
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
        .status = a->status,
        .row_hash = hash,
        .n_in_flight = 1};
    BA_TRY(read_nuisance(part, &opts.nuisance, &nuisance));
    BA_TRY(ba_tiles_open(ctx, &opts, &tiles));
    BA_TRY(copy_tiles(ctx, tiles, a));
    BA_TRY(check_rows(a, "responses", hash, a->encoder->response_hash));
out:
    ba_tiles_close(tiles);
    ba_free(nuisance);
    ba_free(hash);
    free(text);
    return status;
}
