/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Responses as tiles: read in blocks, averaged over repeats, trimmed, detrended and
 * z-scored per run, cast to the run's precision. A tile covers BA_TILE absolute target
 * indices from a multiple of BA_TILE; what lies outside the range stays 0. */
#include "fit/tiles_impl.h"

#include "core/alloc.h"
#include "core/resource.h"
#include "core/task.h"
#include "core/error_keep.h"
#include "core/row_hash.h"
#include "model/scale.h"

#include <math.h>
#include <string.h>

/* A tile works on a multiple of so many columns: what quadratic forms take, and wide enough
 * for products. */
#define COLUMN_STEP 32

/* Parts that rows are cut into for threads. */
#define HASH_PARTS 16

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
    if (opts->keep_slabs) {
        BA_TRY_ALLOC(
            tiles->slabs, ba_malloc(tile, flight * tiles->n_slabs * sizeof(double)));
    }
    BA_TRY_ALLOC(tiles->base, ba_malloc(tile, tiles->n_held * tiles->number_size));
    if (opts->zscore_runs) {
        BA_TRY_ALLOC(tiles->run_mean, ba_calloc(runs, tiles->n_held * sizeof(double)));
        BA_TRY_ALLOC(tiles->run_scale, ba_calloc(runs, tiles->n_held * sizeof(double)));
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
    BA_TRY(ba_tiles_make_detrends(tiles));
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
        ba_task_drop(tiles->ahead);
        for (size_t k = 0; tiles->detrend && k < tiles->n_slabs; k++) {
            ba_detrend_free(tiles->detrend[k]);
        }
        ba_free(tiles->detrend);
        ba_free(tiles->raw);
        ba_free(tiles->work);
        ba_free(tiles->slab_sum);
        ba_free(tiles->slabs);
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

/* Fingerprints of the raw rows of the block, whose first column is `first` of the range;
 * columns count as in the source, so that shards add up. */
static void
hash_rows(const ba_ctx_t *ctx, tiles_t *tiles, size_t first, size_t n_columns)
{
    size_t n_samples = tiles->n_samples;
    uint64_t *hash = tiles->opts.row_hash;
    uint64_t weight0 = ba_row_hash_weight(tiles->opts.target_start + first);

#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t part = 0; part < HASH_PARTS; part++) {
        size_t start = part * n_samples / HASH_PARTS;
        size_t stop = (part + 1) * n_samples / HASH_PARTS;
        uint64_t weight = weight0;

        for (size_t j = 0; j < n_columns; j++) {
            const double *column = tiles->raw + j * n_samples;

            for (size_t i = start; i < stop; i++) {
                hash[i] += ba_row_hash_term(column[i], weight);
            }
            weight *= BA_ROW_HASH_BASE;
        }
    }
}

static int
wants_hash(const tiles_t *tiles, size_t t0, size_t slab)
{
    return tiles->opts.row_hash && t0 >= tiles->n_hashed && slab == 0;
}

/* Targets of tiles t0 .. t0 + n_tiles - 1: the first of the range, and how many. */
static void
block_range(const tiles_t *tiles, size_t t0, size_t n_tiles, size_t *first, size_t *n)
{
    size_t last_first, last_n, column;

    ba_tiles_range(tiles, t0, first, n, &column);
    ba_tiles_range(tiles, t0 + n_tiles - 1, &last_first, &last_n, &column);
    *n = last_first + last_n - *first;
}

static int
read_request(void *payload)
{
    const request_t *request = payload;
    tiles_t *tiles = request->tiles;
    size_t first, n;

    block_range(tiles, request->t0, request->n_tiles, &first, &n);
    return ba_source_read(tiles->opts.source, request->slab, 0, tiles->n_samples,
        tiles->opts.target_start + first, n, tiles->raw, tiles->n_samples);
}

/* Starts reading while the tiles before are worked on; the raw block must be free. */
static int
read_ahead(tiles_t *tiles, size_t t0, size_t n_tiles, size_t slab)
{
    if (!ba_source_can_read_ahead(tiles->opts.source)) {
        return BA_OK;
    }
    tiles->request = (request_t){tiles, t0, n_tiles, slab};
    tiles->ahead = ba_task_start(read_request, &tiles->request);
    return tiles->ahead ? BA_OK : BA_NOMEM;
}

/* Has the raw block hold the piece: from the read-ahead where that is what it fetched. */
static int
fetch(tiles_t *tiles, size_t t0, size_t n_tiles, size_t slab)
{
    request_t wanted = {tiles, t0, n_tiles, slab};
    const request_t *had = &tiles->request;
    int status, is_there = tiles->ahead && had->t0 == t0 && had->n_tiles == n_tiles &&
                           had->slab == slab;
    double start = ba_seconds();

    if (is_there) {
        status = ba_task_join(tiles->ahead);
    } else {
        ba_task_drop(tiles->ahead);
        status = read_request(&wanted);
    }
    tiles->ahead = NULL;
    tiles->seconds += ba_seconds() - start;
    return status;
}

static int
load_slab(const ba_ctx_t *ctx, tiles_t *tiles, size_t t0, size_t n_tiles, size_t slab)
{
    int status = BA_OK;
    size_t first, n_columns;
    ba_error_keep_t keep = {.status = BA_OK};

    block_range(tiles, t0, n_tiles, &first, &n_columns);
    BA_TRY(fetch(tiles, t0, n_tiles, slab));
    if (wants_hash(tiles, t0, slab)) {
        hash_rows(ctx, tiles, first, n_columns);
        tiles->n_hashed = t0 + n_tiles;
    }
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t t = t0; t < t0 + n_tiles; t++) {
        size_t tile_first, tile_n, tile_column;

        ba_tiles_range(tiles, t, &tile_first, &tile_n, &tile_column);
        ba_error_keep(&keep, ba_tiles_prepare(tiles, t, slab, tile_first - first));
    }
    BA_TRY(ba_error_raise(&keep));
out:
    return status;
}

static size_t
block_length(const tiles_t *tiles, size_t t0)
{
    size_t left = tiles->n_tiles - t0;

    return left < tiles->opts.n_in_flight ? left : tiles->opts.n_in_flight;
}

/* The next block of the pass; whether there will be another pass is not known here. */
static int
start_next(tiles_t *tiles, size_t t0, size_t n)
{
    if (t0 + n >= tiles->n_tiles) {
        return BA_OK;
    }
    return read_ahead(tiles, t0 + n, block_length(tiles, t0 + n), 0);
}

int
ba_tiles_load(const ba_ctx_t *ctx, tiles_t *tiles, size_t t0, size_t *n_loaded)
{
    int status = BA_OK;
    size_t n = block_length(tiles, t0);
    int is_held = tiles->opts.cached ? t0 + n <= tiles->n_loaded
                                     : tiles->n_passes > 0 && tiles->loaded0 == t0 &&
                                           tiles->n_loaded == t0 + n;

    *n_loaded = n;
    if (is_held) {
        return BA_OK;
    }
    tiles->n_passes += t0 == 0;
    tiles->loaded0 = t0;
    for (size_t slab = 0; slab < tiles->n_slabs; slab++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(load_slab(ctx, tiles, t0, n, slab));
    }
    tiles->n_loaded = t0 + n;
    BA_TRY(start_next(tiles, t0, n));
out:
    return status;
}

/* Of the data, whatever the range: products of another width may round differently. */
static size_t
columns_at_work(const tiles_t *tiles, size_t t)
{
    size_t left =
        ba_source_n_cols(tiles->opts.source) - (tiles->first_tile + t) * BA_TILE;
    size_t whole = (left + COLUMN_STEP - 1) / COLUMN_STEP * COLUMN_STEP;

    return whole < BA_TILE ? whole : BA_TILE;
}

tile_t
ba_tiles_get(const tiles_t *tiles, size_t t)
{
    size_t slot = ba_tiles_slot(tiles, t), runs = tiles->opts.runs->n_runs * BA_TILE;
    size_t repeats = (t - tiles->loaded0) * tiles->n_slabs;

    return (tile_t){
        .n_columns = columns_at_work(tiles, t),
        .base = tiles->base + slot * tiles->opts.n_rows * BA_TILE * tiles->number_size,
        .run_mean = tiles->run_mean ? tiles->run_mean + slot * runs : NULL,
        .run_scale = tiles->run_scale ? tiles->run_scale + slot * runs : NULL,
        .slabs =
            tiles->slabs ? tiles->slabs + repeats * tiles->opts.n_rows * BA_TILE : NULL,
    };
}

void
ba_tiles_lend(tiles_t *tiles, const tiles_opts_t *opts)
{
    tiles->opts.rows = opts->rows;
    tiles->opts.runs = opts->runs;
    tiles->opts.status = opts->status;
    tiles->opts.row_hash = opts->row_hash;
}

size_t
ba_tiles_in_flight(const tiles_t *tiles)
{
    return tiles->opts.n_in_flight;
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
