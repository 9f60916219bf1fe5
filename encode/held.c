/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Held-out rows of a result file: responses prepared as they were for the fit, and stored
 * predictions in the same units. */
#include "encode/fitted.h"

#include "core/alloc.h"
#include "core/row_hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- which rows ---- */

static int
compare_codes(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Fold ids in ascending order, as rows of arrays by fold stand. */
static int
fold_ids(const ba_fitted_t *fitted, int32_t *ids, size_t *n)
{
    size_t n_all = 0;

    for (size_t i = 0; i < fitted->n_samples; i++) {
        if (fitted->outer[i] >= 0) {
            ids[n_all++] = fitted->outer[i];
        }
    }
    qsort(ids, n_all, sizeof *ids, compare_codes);
    *n = 0;
    for (size_t i = 0; i < n_all; i++) {
        if (i == 0 || ids[i] != ids[i - 1]) {
            ids[(*n)++] = ids[i];
        }
    }
    if (*n != fitted->n_outer) {
        return ba_fail(BA_FORMAT, "%s: %zu outer folds by their ids, wanted %zu",
            fitted->path, *n, fitted->n_outer);
    }
    return BA_OK;
}

/* Kept rows of fold `id` (all of a test set), and where they are interrupted. */
static int
list_fold(ba_held_t *held, size_t f, int32_t id, size_t *onsets)
{
    const ba_fitted_t *fitted = held->fitted;
    size_t n = 0, n_stretches = 0, *position = held->position + held->start[f];
    size_t last = 0, last_run = 0;

    for (size_t k = 0; k < held->runs.n_samples; k++) {
        size_t sample = held->kept[k], run = ba_runs_of(&held->runs, k);

        if (!fitted->is_test_set && fitted->outer[sample] != id) {
            continue;
        }
        if (n == 0 || sample != last + 1 || run != last_run) {
            onsets[n_stretches++] = n;
        }
        position[n++] = k;
        last = sample;
        last_run = run;
    }
    held->start[f + 1] = held->start[f] + n;
    return ba_runs_from_onsets(onsets, n_stretches, n, &held->folds[f]);
}

static int
list_folds(ba_held_t *held)
{
    int status = BA_OK;
    const ba_fitted_t *fitted = held->fitted;
    size_t n_kept = held->runs.n_samples, n = 1, *onsets = NULL;
    int32_t *ids = NULL;

    BA_TRY_ALLOC(ids, ba_calloc(fitted->n_samples + 1, sizeof *ids));
    if (!fitted->is_test_set) {
        BA_TRY(fold_ids(fitted, ids, &n));
    }
    held->n_folds = n;
    BA_TRY_ALLOC(held->start, ba_calloc(n + 1, sizeof *held->start));
    BA_TRY_ALLOC(held->folds, ba_calloc(n, sizeof *held->folds));
    BA_TRY_ALLOC(held->position, ba_malloc(n_kept, sizeof *held->position));
    BA_TRY_ALLOC(onsets, ba_malloc(n_kept, sizeof *onsets));
    for (size_t f = 0; f < n; f++) {
        BA_TRY(list_fold(held, f, ids[f], onsets));
    }
    held->n_held = held->start[n];
out:
    ba_free(ids);
    ba_free(onsets);
    return status;
}

/* ---- responses ---- */

/* As they were prepared for the fit. */
static int
find_transforms(ba_held_t *held, size_t trim[2])
{
    int status;
    const ba_bundle_t *bundle = held->fitted->bundle;
    int64_t zscore = 0, cut[2];
    char *detrend = NULL;

    BA_TRY(ba_bundle_get_i64(bundle, "/", "trim", 2, cut, NULL));
    trim[0] = (size_t) cut[0];
    trim[1] = (size_t) cut[1];
    BA_TRY(ba_bundle_get_i64(bundle, "/", "zscore_runs", 1, &zscore, NULL));
    held->zscore_runs = zscore != 0;
    BA_TRY(ba_bundle_get_string(bundle, "/", "detrend", &detrend));
    BA_TRY(ba_detrend_parse(detrend, &held->detrend));
    BA_TRY(ba_bundle_get_f64(bundle, "/", "tr", 1, &held->detrend.tr, NULL));
out:
    ba_free(detrend);
    return status;
}

static int
read_nuisance(const ba_dataset_part_t *part, ba_held_t *out, size_t *n_columns)
{
    int status = BA_OK;
    size_t n = part->n_samples, n_repeats = part->n_repeats ? part->n_repeats : 1, k;

    *n_columns = 0;
    if (!part->nuisance) {
        return BA_OK;
    }
    k = ba_source_n_cols(part->nuisance);
    *n_columns = k * n_repeats;
    BA_TRY_ALLOC(out->nuisance, ba_malloc(n, *n_columns * sizeof *out->nuisance));
    for (size_t slab = 0; slab < n_repeats; slab++) {
        size_t from = ba_source_n_slabs(part->nuisance) > 1 ? slab : 0;

        BA_TRY(ba_source_read(
            part->nuisance, from, 0, n, 0, k, out->nuisance + slab * k * n, n));
    }
out:
    return status;
}

/* Columns of the file's targets in these responses. */
static int
find_columns(const ba_fitted_t *fitted, const ba_source_t *responses, size_t *column0)
{
    size_t n = ba_source_n_cols(responses);

    *column0 = n == fitted->n_total ? fitted->target_start : 0;
    if (n != fitted->n_total && n != fitted->n_targets) {
        return ba_fail(BA_SHAPE, "%s: %zu targets, but %s has %zu",
            ba_source_name(responses), n, fitted->path, fitted->n_targets);
    }
    return BA_OK;
}

static int
open_tiles(ba_held_t *held, const ba_dataset_part_t *part)
{
    int status;
    const ba_fitted_t *fitted = held->fitted;
    size_t n_nuisance, column0;
    tiles_opts_t opts;

    BA_TRY(find_columns(fitted, part->responses, &held->column0));
    column0 = held->column0;
    BA_TRY(read_nuisance(part, held, &n_nuisance));
    BA_TRY_ALLOC(held->status, ba_calloc(fitted->n_targets, sizeof *held->status));
    BA_TRY_ALLOC(held->hash, ba_calloc(part->n_samples, sizeof *held->hash));
    opts = (tiles_opts_t){.source = part->responses,
        .rows = held->kept,
        .n_rows = held->runs.n_samples,
        .runs = &held->runs,
        .detrend = &held->detrend,
        .nuisance = {held->nuisance, part->n_samples, n_nuisance, part->n_samples},
        .zscore_runs = held->zscore_runs,
        .precision = BA_DOUBLE,
        .target_start = column0,
        .target_stop = column0 + fitted->n_targets,
        .status = held->status,
        .row_hash = held->hash,
        .n_in_flight = 1};
    BA_TRY(ba_tiles_open(held->ctx, &opts, &held->tiles));
out:
    return status;
}

int
ba_held_open(const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_fitted_t *fitted,
    ba_held_t *out)
{
    int status;
    const ba_dataset_part_t *part =
        fitted->is_test_set ? &dataset->test : &dataset->train;
    size_t trim[2];

    *out = (ba_held_t){.ctx = ctx, .fitted = fitted};
    if (fitted->n_outer == 0) {
        BA_TRY(ba_fail(BA_MISSING,
            "%s: no scores, wanted a fit with outer splits or a "
            "test set",
            fitted->path));
    }
    if (!part->responses) {
        BA_TRY(ba_fail(BA_VALUE, "%s: scored on a fixed test set, wanted its responses",
            fitted->path));
    }
    if (!fitted->is_test_set && part->n_samples != fitted->n_samples) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu samples, but %s has %zu",
            ba_source_name(part->responses), part->n_samples, fitted->path,
            fitted->n_samples));
    }
    out->n_rows = part->n_samples;
    BA_TRY(find_transforms(out, trim));
    BA_TRY_ALLOC(out->kept, ba_malloc(part->n_samples, sizeof *out->kept));
    BA_TRY(ba_runs_trim(&part->runs, trim[0], trim[1], out->kept, &out->runs));
    BA_TRY(list_folds(out));
    BA_TRY(open_tiles(out, part));
    BA_TRY_ALLOC(
        out->responses, ba_malloc(out->n_held, BA_TILE * sizeof *out->responses));
    BA_TRY_ALLOC(out->block, ba_malloc(part->n_samples, BA_TILE * sizeof *out->block));
out:
    return status;
}

void
ba_held_close(ba_held_t *held)
{
    ba_tiles_close(held->tiles);
    for (size_t f = 0; held->folds && f < held->n_folds; f++) {
        ba_runs_free(&held->folds[f]);
    }
    ba_free(held->folds);
    ba_free(held->start);
    ba_free(held->position);
    ba_free(held->kept);
    ba_runs_free(&held->runs);
    ba_free(held->nuisance);
    ba_free(held->status);
    ba_free(held->hash);
    ba_free(held->responses);
    ba_free(held->block);
    *held = (ba_held_t){0};
}

int
ba_held_load(ba_held_t *held, size_t t, size_t *first, size_t *n)
{
    int status;
    size_t loaded, column, n_kept = held->runs.n_samples;
    const double *base;

    BA_TRY(ba_ctx_check(held->ctx));
    BA_TRY(ba_tiles_load(held->ctx, held->tiles, t, &loaded));
    ba_tiles_range(held->tiles, t, first, n, &column);
    base = ba_tiles_get(held->tiles, t).base;
    for (size_t j = 0; j < *n; j++) {
        for (size_t i = 0; i < held->n_held; i++) {
            held->responses[i + j * held->n_held] =
                base[held->position[i] + (column + j) * n_kept];
        }
    }
out:
    return status;
}

int
ba_held_predictions(
    ba_held_t *held, const ba_fitted_t *fitted, size_t t, double *predictions)
{
    int status;
    size_t first, n, column, n_runs = held->runs.n_runs;
    tile_t tile = ba_tiles_get(held->tiles, t);

    if (!ba_bundle_has(fitted->bundle, "/predictions")) {
        return ba_fail(BA_MISSING,
            "%s: no /predictions, wanted a fit with --save weights,predictions",
            fitted->path);
    }
    ba_tiles_range(held->tiles, t, &first, &n, &column);
    BA_TRY(ba_bundle_read(fitted->bundle, "/predictions", BA_F64, (size_t[]){0, first},
        (size_t[]){held->n_rows, n}, held->block));
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < held->n_held; i++) {
            size_t k = held->position[i], run = ba_runs_of(&held->runs, k);
            double value = held->block[held->kept[k] * n + j];

            if (tile.run_mean) {
                value = (value - tile.run_mean[run + (column + j) * n_runs]) /
                        tile.run_scale[run + (column + j) * n_runs];
            }
            predictions[i + j * held->n_held] = value;
        }
    }
out:
    return status;
}

int
ba_held_check(const ba_held_t *held)
{
    const ba_fitted_t *fitted = held->fitted;
    /* The fit counted columns from its own first one. */
    uint64_t shift = ba_row_hash_weight(fitted->target_start - held->column0);

    for (size_t i = 0; !fitted->is_test_set && i < fitted->n_samples; i++) {
        if (held->hash[i] * shift != fitted->hash[i]) {
            return ba_fail(BA_SHAPE,
                "responses: row %zu (from 0) is another than %s was fitted on, by its "
                "fingerprint, wanted the responses of the fit",
                i, fitted->path);
        }
    }
    return BA_OK;
}
