/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Responses as tiles: read in blocks, averaged over repeats, trimmed, detrended and
 * z-scored per run, cast to the run's precision. A tile covers BA_TILE absolute target
 * indices from a multiple of BA_TILE; what lies outside the range stays 0. */
#include "fit/fit_impl.h"

#include "core/alloc.h"
#include "core/resource.h"
#include "core/error_keep.h"
#include "brainalign/hash.h"
#include "model/scale.h"

#include <math.h>
#include <string.h>

/* Parts that rows are cut into for threads. */
#define HASH_PARTS 16

struct tiles {
    tiles_opts_t opts;
    ba_detrend_t **detrend; /* one per slab, NULL = nothing to take out */
    size_t first_tile, n_tiles;
    size_t n_samples, n_slabs, number_size;
    double *raw;                  /* n_samples x (tiles in flight x BA_TILE), one slab */
    double *work;                 /* per tile in flight: n_rows x BA_TILE */
    double *slab_sum;             /* the same, only with repeats */
    char *base;                   /* per held tile: n_rows x BA_TILE numbers */
    double *run_mean, *run_scale; /* per held tile: n_runs x BA_TILE */
    size_t n_held;                /* tiles that base has room for */
    size_t loaded0, n_loaded;
    size_t n_passes;
    double seconds;
};

static int
allocate(tiles_t *tiles)
{
    int status = BA_OK;
    const tiles_opts_t *opts = &tiles->opts;
    size_t tile = opts->n_rows * BA_TILE, runs = opts->runs->n_runs * BA_TILE;
    size_t flight = opts->n_in_flight;

    tiles->n_held = opts->cached ? tiles->n_tiles : flight;
    BA_TRY_ALLOC(
        tiles->raw, ba_malloc(tiles->n_samples, flight * BA_TILE * sizeof(double)));
    BA_TRY_ALLOC(tiles->work, ba_malloc(tile, flight * sizeof(double)));
    if (tiles->n_slabs > 1) {
        BA_TRY_ALLOC(tiles->slab_sum, ba_malloc(tile, flight * sizeof(double)));
    }
    BA_TRY_ALLOC(tiles->base, ba_malloc(tile, tiles->n_held * tiles->number_size));
    if (opts->zscore_runs) {
        BA_TRY_ALLOC(tiles->run_mean, ba_calloc(runs, tiles->n_held * sizeof(double)));
        BA_TRY_ALLOC(tiles->run_scale, ba_calloc(runs, tiles->n_held * sizeof(double)));
    }
out:
    return status;
}

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

static int
make_detrends(tiles_t *tiles)
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

int
ba_tiles_open(const ba_ctx_t *ctx, const tiles_opts_t *opts, tiles_t **out)
{
    int status = BA_OK;
    tiles_t *tiles = NULL;

    *out = NULL;
    BA_TRY(ba_ctx_check(ctx));
    BA_TRY_ALLOC(tiles, ba_calloc(1, sizeof *tiles));
    tiles->opts = *opts;
    tiles->first_tile = opts->target_start / BA_TILE;
    tiles->n_tiles = (opts->target_stop + BA_TILE - 1) / BA_TILE - tiles->first_tile;
    tiles->n_samples = ba_source_n_rows(opts->source);
    tiles->n_slabs = ba_source_n_slabs(opts->source);
    tiles->number_size = opts->precision == BA_DOUBLE ? sizeof(double) : sizeof(float);
    if (tiles->opts.n_in_flight > tiles->n_tiles) {
        tiles->opts.n_in_flight = tiles->n_tiles;
    }
    BA_TRY(make_detrends(tiles));
    BA_TRY(allocate(tiles));
    *out = tiles;
    tiles = NULL;
out:
    ba_tiles_close(tiles);
    return status;
}

void
ba_tiles_close(tiles_t *tiles)
{
    if (tiles) {
        for (size_t k = 0; tiles->detrend && k < tiles->n_slabs; k++) {
            ba_detrend_free(tiles->detrend[k]);
        }
        ba_free(tiles->detrend);
        ba_free(tiles->raw);
        ba_free(tiles->work);
        ba_free(tiles->slab_sum);
        ba_free(tiles->base);
        ba_free(tiles->run_mean);
        ba_free(tiles->run_scale);
        ba_free(tiles);
    }
}

size_t
ba_tiles_count(const tiles_t *tiles)
{
    return tiles->n_tiles;
}

void
ba_tiles_range(const tiles_t *tiles, size_t t, size_t *first, size_t *n, size_t *column)
{
    size_t start = (tiles->first_tile + t) * BA_TILE, stop = start + BA_TILE;

    *column = start < tiles->opts.target_start ? tiles->opts.target_start - start : 0;
    stop = stop > tiles->opts.target_stop ? tiles->opts.target_stop : stop;
    *first = start + *column - tiles->opts.target_start;
    *n = stop - (start + *column);
}

static size_t
slot_of(const tiles_t *tiles, size_t t)
{
    return tiles->opts.cached ? t : t - tiles->loaded0;
}

/* Targets with a value that is not finite, or without variance, become 0 and get their
 * status. */
static void
mark_unusable(tiles_t *tiles, size_t target, const double *raw, double *column)
{
    const tiles_opts_t *opts = &tiles->opts;
    int32_t found = BA_TARGET_SCORED;
    double mean, scale;

    for (size_t i = 0; i < opts->n_rows; i++) {
        if (!isfinite(raw[opts->rows[i]])) {
            found = BA_TARGET_NONFINITE;
            break;
        }
    }
    if (found == BA_TARGET_SCORED &&
        !ba_mean_and_scale(column, opts->n_rows, &mean, &scale)) {
        found = BA_TARGET_CONSTANT;
    }
    if (found != BA_TARGET_SCORED) {
        opts->status[target] = opts->status[target] ? opts->status[target] : found;
        memset(column, 0, opts->n_rows * sizeof *column);
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
static int
prepare_tile(tiles_t *tiles, size_t t, size_t slab, size_t raw_column)
{
    int status = BA_OK;
    size_t n_rows = tiles->opts.n_rows, area = n_rows * BA_TILE;
    size_t in_flight = t - tiles->loaded0, slot = slot_of(tiles, t);
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
        mark_unusable(
            tiles, first + j, raw + j * tiles->n_samples, work + (column + j) * n_rows);
    }
    for (size_t i = 0; sum && i < area; i++) {
        sum[i] = (slab == 0 ? 0.0 : sum[i]) + work[i] / (double) tiles->n_slabs;
    }
    if (slab + 1 == tiles->n_slabs) {
        store(tiles, sum ? sum : work, slot);
    }
out:
    return status;
}

/* Fingerprints of the raw rows of the block, column after column. */
static void
hash_rows(const ba_ctx_t *ctx, tiles_t *tiles, size_t n_columns)
{
    size_t n_samples = tiles->n_samples;
    uint64_t *hash = tiles->opts.row_hash;

#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t part = 0; part < HASH_PARTS; part++) {
        size_t start = part * n_samples / HASH_PARTS;
        size_t stop = (part + 1) * n_samples / HASH_PARTS;

        for (size_t j = 0; j < n_columns; j++) {
            const double *column = tiles->raw + j * n_samples;

            for (size_t i = start; i < stop; i++) {
                hash[i] = ba_hash_number(hash[i], column[i]);
            }
        }
    }
}

static int
wants_hash(const tiles_t *tiles, size_t slab)
{
    return tiles->opts.row_hash && tiles->n_passes == 1 && slab == 0;
}

static int
read_slab(const ba_ctx_t *ctx, tiles_t *tiles, size_t t0, size_t n_tiles, size_t slab)
{
    int status = BA_OK;
    size_t first, n, column, last_first, last_n, target, n_columns;
    double start = ba_seconds();
    ba_error_keep_t keep = {.status = BA_OK};

    ba_tiles_range(tiles, t0, &first, &n, &column);
    ba_tiles_range(tiles, t0 + n_tiles - 1, &last_first, &last_n, &column);
    target = tiles->opts.target_start + first;
    n_columns = last_first + last_n - first;
    BA_TRY(ba_source_read(tiles->opts.source, slab, 0, tiles->n_samples, target,
        n_columns, tiles->raw, tiles->n_samples));
    tiles->seconds += ba_seconds() - start;
    if (wants_hash(tiles, slab)) {
        hash_rows(ctx, tiles, n_columns);
    }
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t t = t0; t < t0 + n_tiles; t++) {
        size_t tile_first, tile_n, tile_column;

        ba_tiles_range(tiles, t, &tile_first, &tile_n, &tile_column);
        ba_error_keep(&keep, prepare_tile(tiles, t, slab, tile_first - first));
    }
    BA_TRY(ba_error_raise(&keep));
out:
    return status;
}

int
ba_tiles_load(const ba_ctx_t *ctx, tiles_t *tiles, size_t t0, size_t *n_loaded)
{
    int status = BA_OK;
    size_t n = tiles->opts.n_in_flight;

    n = n > tiles->n_tiles - t0 ? tiles->n_tiles - t0 : n;
    *n_loaded = n;
    if (t0 == 0 && !(tiles->opts.cached && tiles->n_passes > 0)) {
        tiles->n_passes++;
    }
    if (tiles->opts.cached && t0 + n <= tiles->n_loaded) {
        return BA_OK;
    }
    tiles->loaded0 = t0;
    for (size_t slab = 0; slab < tiles->n_slabs; slab++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(read_slab(ctx, tiles, t0, n, slab));
    }
    tiles->n_loaded = t0 + n;
out:
    return status;
}

tile_t
ba_tiles_get(const tiles_t *tiles, size_t t)
{
    size_t slot = slot_of(tiles, t), runs = tiles->opts.runs->n_runs * BA_TILE;

    return (tile_t){
        .base = tiles->base + slot * tiles->opts.n_rows * BA_TILE * tiles->number_size,
        .run_mean = tiles->run_mean ? tiles->run_mean + slot * runs : NULL,
        .run_scale = tiles->run_scale ? tiles->run_scale + slot * runs : NULL,
    };
}

size_t
ba_tiles_n_passes(const tiles_t *tiles)
{
    return tiles->n_passes;
}

double
ba_tiles_seconds(const tiles_t *tiles)
{
    return tiles->seconds;
}
