/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens to responses within runs: trimmed, detrended, z-scored, averaged over
 * repeats, cast. */
#include "fit/tiles_impl.h"

#include "core/alloc.h"
#include "model/disturb.h"
#include "model/scale.h"

#include <math.h>
#include <string.h>

/* The detrending of one slab sees the kept rows: nuisance regressors are cut to them. */
static int
make_detrend(tiles_t *tiles, const ba_detrend_opts_t *detrend, size_t slab)
{
    int status = BA_OK;
    const tiles_opts_t *opts = &tiles->opts;
    size_t n = opts->n_rows, n_nuisance = opts->nuisance.n_cols / tiles->n_slabs;
    const double *all = opts->nuisance.data + slab * n_nuisance * opts->nuisance.ld;
    double *kept = NULL;

    BA_TRY_ALLOC(kept, ba_malloc(n, (n_nuisance + 1) * sizeof *kept));
    for (size_t j = 0; j < n_nuisance; j++) {
        for (size_t i = 0; i < n; i++) {
            kept[i + j * n] = all[opts->rows[i] + j * opts->nuisance.ld];
        }
    }
    BA_TRY(ba_detrend_new(detrend, opts->runs, (ba_cdmat_t){kept, n, n_nuisance, n},
        &tiles->detrend[slab]));
out:
    ba_free(kept);
    return status;
}

int
ba_tiles_make_detrends(tiles_t *tiles)
{
    int status = BA_OK;
    static const ba_detrend_opts_t none = {.kind = BA_DETREND_NONE};
    const ba_detrend_opts_t *detrend = tiles->opts.detrend ? tiles->opts.detrend : &none;

    if (detrend->kind == BA_DETREND_NONE && tiles->opts.nuisance.n_cols == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(tiles->detrend, ba_calloc(tiles->n_slabs, sizeof *tiles->detrend));
    for (size_t slab = 0; slab < tiles->n_slabs; slab++) {
        BA_TRY(make_detrend(tiles, detrend, slab));
    }
out:
    return status;
}

size_t
ba_tiles_slot(const tiles_t *tiles, size_t t)
{
    return tiles->opts.cached ? t : t - tiles->loaded0;
}

static int
is_finite(const tiles_opts_t *opts, const double *raw)
{
    for (size_t i = 0; i < opts->n_rows; i++) {
        if (!isfinite(raw[opts->rows[i]])) {
            return 0;
        }
    }
    return 1;
}

/* Targets with a value that is not finite in any repeat, or without variance in the
 * average, become 0 and get their status. */
static void
mark_unusable(tiles_t *tiles, size_t first, size_t n, double *columns)
{
    size_t n_rows = tiles->opts.n_rows;

    for (size_t j = 0; j < n; j++) {
        int32_t *status = tiles->opts.status + first + j;
        double mean, scale;

        if (*status == BA_TARGET_SCORED &&
            !ba_mean_and_scale(columns + j * n_rows, n_rows, &mean, &scale)) {
            *status = BA_TARGET_CONSTANT;
        }
        if (*status != BA_TARGET_SCORED) {
            memset(columns + j * n_rows, 0, n_rows * sizeof *columns);
        }
    }
}

/* What is left of a constant run is rounding (at most 1e-16 of its offset): it becomes
 * exactly 0. */
static void
flatten_rounding(const ba_runs_t *runs, size_t k, double size, double *column)
{
    size_t start = runs->onset[k], n = runs->onset[k + 1] - start;
    double largest = 0.0;

    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(column[start + i]));
    }
    if (largest <= BA_CONSTANT * size) {
        memset(column + start, 0, n * sizeof *column);
    }
}

static void
largest_by_run(const ba_runs_t *runs, const double *column, double *size)
{
    for (size_t k = 0; k < runs->n_runs; k++) {
        size[k] = 0.0;
        for (size_t i = runs->onset[k]; i < runs->onset[k + 1]; i++) {
            size[k] = fmax(size[k], fabs(column[i]));
        }
    }
}

/* Detrended, z-scored: columns of one slab of one tile in place. size, mean, scale:
 * n_runs x n. */
static int
transform_columns(const tiles_t *tiles, size_t slab, ba_dmat_t part, double *size,
    double *mean, double *scale)
{
    int status = BA_OK;
    const ba_runs_t *runs = tiles->opts.runs;
    size_t n_runs = runs->n_runs;

    for (size_t j = 0; j < part.n_cols; j++) {
        largest_by_run(runs, part.data + j * part.ld, size + j * n_runs);
    }
    if (tiles->detrend) {
        BA_TRY(ba_detrend_apply(tiles->detrend[slab], part));
        for (size_t c = 0; c < part.n_cols * n_runs; c++) {
            flatten_rounding(
                runs, c % n_runs, size[c], part.data + (c / n_runs) * part.ld);
        }
    }
    if (tiles->opts.zscore_runs) {
        ba_zscore_runs(runs, part, 0, size, mean, scale);
        for (size_t c = 0; c < part.n_cols * n_runs; c++) {
            if (scale[c] == 1.0) {
                flatten_rounding(
                    runs, c % n_runs, size[c], part.data + (c / n_runs) * part.ld);
            }
        }
    }
out:
    return status;
}

/* One slab of one tile: work = transformed columns; run_mean and run_scale collect the
 * mean over slabs of what z-scoring took off. */
static int
transform(tiles_t *tiles, size_t slab, const double *raw, size_t n, size_t column0,
    double *work, double *run_mean, double *run_scale)
{
    int status = BA_OK;
    const tiles_opts_t *opts = &tiles->opts;
    size_t n_rows = opts->n_rows, n_runs = opts->runs->n_runs;
    double *statistics = NULL, *size, *mean, *scale;
    ba_dmat_t part = {work + column0 * n_rows, n_rows, n, n_rows};

    BA_TRY_ALLOC(statistics, ba_malloc(n_runs, 3 * n * sizeof *statistics));
    size = statistics;
    mean = size + n_runs * n;
    scale = mean + n_runs * n;
    memset(work, 0, n_rows * BA_TILE * sizeof *work);
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n_rows; i++) {
            part.data[i + j * n_rows] = raw[opts->rows[i] + j * tiles->n_samples];
        }
    }
    BA_TRY(transform_columns(tiles, slab, part, size, mean, scale));
    for (size_t c = 0; run_mean && c < n_runs * n; c++) {
        size_t at = column0 * n_runs + c;
        double share = 1.0 / (double) tiles->n_slabs;

        run_mean[at] = (slab == 0 ? 0.0 : run_mean[at]) + share * mean[c];
        run_scale[at] = (slab == 0 ? 0.0 : run_scale[at]) + share * scale[c];
    }
out:
    ba_free(statistics);
    return status;
}

/* Other numbers for the targets of some samples. */
static void
disturb(const tiles_t *tiles, size_t first, size_t n, double *columns)
{
    const tiles_opts_t *opts = &tiles->opts;

    if (!opts->disturb || !opts->disturb->targets) {
        return;
    }
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0;
             opts->status[first + j] == BA_TARGET_SCORED && i < opts->n_rows; i++) {
            double *y = columns + i + j * opts->n_rows;

            if (opts->disturb->targets[opts->rows[i]]) {
                *y = ba_disturb_value(opts->rows[i], first + j, *y);
            }
        }
    }
}

static void
store(const tiles_t *tiles, const double *work, size_t slot)
{
    size_t n = tiles->opts.n_rows * BA_TILE;

    if (tiles->opts.precision == BA_DOUBLE) {
        memcpy((double *) (void *) tiles->base + slot * n, work, n * sizeof(double));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        ((float *) (void *) tiles->base)[slot * n + i] = (float) work[i];
    }
}

/* One slab of tile t from the raw block into its work area, added up over slabs, stored
 * after the last. */
int
ba_tiles_prepare(tiles_t *tiles, size_t t, size_t slab, size_t raw_column)
{
    int status = BA_OK;
    size_t n_rows = tiles->opts.n_rows, area = n_rows * BA_TILE;
    size_t in_flight = t - tiles->loaded0, slot = ba_tiles_slot(tiles, t);
    size_t runs = tiles->opts.runs->n_runs * BA_TILE;
    double *work = tiles->work + in_flight * area;
    double *sum = tiles->slab_sum ? tiles->slab_sum + in_flight * area : NULL;
    const double *raw = tiles->raw + raw_column * tiles->n_samples;
    size_t first, n, column;

    ba_tiles_range(tiles, t, &first, &n, &column);
    BA_TRY(transform(tiles, slab, raw, n, column, work,
        tiles->run_mean ? tiles->run_mean + slot * runs : NULL,
        tiles->run_scale ? tiles->run_scale + slot * runs : NULL));
    for (size_t j = 0; j < n; j++) {
        if (!is_finite(&tiles->opts, raw + j * tiles->n_samples)) {
            tiles->opts.status[first + j] = BA_TARGET_NONFINITE;
        }
    }
    if (tiles->slabs) {
        memcpy(tiles->slabs + (in_flight * tiles->n_slabs + slab) * area, work,
            area * sizeof *work);
    }
    for (size_t i = 0; sum && i < area; i++) {
        sum[i] = (slab == 0 ? 0.0 : sum[i]) + work[i] / (double) tiles->n_slabs;
    }
    if (slab + 1 == tiles->n_slabs) {
        mark_unusable(tiles, first, n, (sum ? sum : work) + column * n_rows);
        disturb(tiles, first, n, (sum ? sum : work) + column * n_rows);
        store(tiles, sum ? sum : work, slot);
    }
out:
    return status;
}
