/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of tiles: reading (tiles.c) and per-run preparation (tiles_prepare.c). */
#ifndef BA_FIT_TILES_IMPL_H
#define BA_FIT_TILES_IMPL_H

#include "core/task.h"
#include "fit/fit_impl.h"

/* A piece of the source on its way into the raw block. */
typedef struct {
    tiles_t *tiles;
    size_t t0, n_tiles, slab;
} request_t;

struct tiles {
    tiles_opts_t opts;
    ba_detrend_t **detrend; /* one per slab, NULL = nothing to take out */
    size_t first_tile, n_tiles;
    size_t n_samples, n_slabs, number_size;
    double *raw;                  /* n_samples x (tiles in flight x BA_TILE), one slab */
    double *work;                 /* per tile in flight: n_rows x BA_TILE */
    double *slab_sum;             /* the same, only with repeats */
    double *slabs;                /* the same for each repeat; NULL unless kept */
    char *base;                   /* per held tile: n_rows x BA_TILE numbers */
    double *run_mean, *run_scale; /* per held tile: n_runs x BA_TILE */
    size_t n_held;                /* tiles that base has room for */
    size_t loaded0, n_loaded;
    size_t n_hashed;   /* tiles whose rows are fingerprinted */
    request_t request; /* what `ahead` reads */
    ba_task_t *ahead;  /* NULL = nothing on its way */
    size_t n_passes;
    double seconds; /* spent waiting for the source */
};

/* Residual makers of every slab, where anything is to be taken out. */
int ba_tiles_make_detrends(tiles_t *tiles) BA_MUST_USE;

/* Where a loaded tile is held. */
size_t ba_tiles_slot(const tiles_t *tiles, size_t t);

/* One slab of tile t from the raw block (from column `raw_column` of it) into its work
 * area, added up over slabs, stored after the last. Any thread. */
int ba_tiles_prepare(
    tiles_t *tiles, size_t t, size_t slab, size_t raw_column) BA_MUST_USE;

#endif
