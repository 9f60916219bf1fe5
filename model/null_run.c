/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All tiles of responses in memory. */
#include "core/alloc.h"
#include "core/error_keep.h"
#include "model/null_impl.h"

#include <math.h>
#include <omp.h>

#define TILE BA_NULL_TILE

/* What the threads share, and what each has of its own. */
typedef struct {
    const ba_null_t *null;
    ba_null_statistic_t statistic;
    const ba_null_fold_t *folds;
    ba_tail_t tail;
    size_t n_targets;
    const ba_null_result_t *result;
    int n_threads;
    ba_null_tile_t **tiles;
    double **maxima;
} work_t;

static ba_cdmat_t
columns(ba_cdmat_t m, size_t first, size_t n)
{
    return m.data ? (ba_cdmat_t){m.data + first * m.ld, m.n_rows, n, m.ld} : m;
}

static int
run_tile(const work_t *work, size_t first)
{
    int status = BA_OK, thread = omp_get_thread_num();
    ba_null_tile_t *tile = work->tiles[thread];
    size_t n = work->n_targets - first < TILE ? work->n_targets - first : TILE;
    ba_null_result_t part = {
        work->result->observed + first, work->result->p + first, work->maxima[thread]};

    BA_TRY(ba_null_tile_begin(tile, work->statistic, n));
    for (size_t f = 0; f < work->null->n_folds; f++) {
        ba_null_fold_t fold = {columns(work->folds[f].responses, first, n),
            columns(work->folds[f].predictions, first, n),
            columns(work->folds[f].baseline, first, n)};

        BA_TRY(ba_null_tile_add(tile, f, &fold));
    }
    ba_null_tile_finish(tile, work->tail, &part);
out:
    return status;
}

static int
run_tiles(const ba_ctx_t *ctx, const work_t *work)
{
    int status = BA_OK;
    size_t batch = 4 * TILE * (size_t) work->n_threads;

    for (size_t begin = 0; begin < work->n_targets; begin += batch) {
        size_t end = work->n_targets - begin < batch ? work->n_targets : begin + batch;
        ba_error_keep_t keep = {0};

        BA_TRY(ba_ctx_check(ctx));
        ba_ctx_progress(ctx, "permuting", (double) begin, (double) work->n_targets);
#pragma omp parallel for schedule(dynamic) num_threads(work->n_threads)
        for (size_t first = begin; first < end; first += TILE) {
            ba_error_keep(&keep, run_tile(work, first));
        }
        BA_TRY(ba_error_raise(&keep));
    }
    ba_ctx_progress(ctx, "permuting", (double) work->n_targets, (double) work->n_targets);
out:
    return status;
}

/* Folds must have the same targets; the rest is checked as they are added. */
static int
check_folds(const ba_null_t *null, const ba_null_fold_t *folds)
{
    for (size_t f = 1; f < null->n_folds; f++) {
        if (folds[f].responses.n_cols != folds[0].responses.n_cols) {
            return ba_fail(BA_SHAPE, "null: fold %zu has %zu targets, wanted %zu", f,
                folds[f].responses.n_cols, folds[0].responses.n_cols);
        }
    }
    for (size_t f = 0; f < null->n_folds; f++) {
        if (folds[f].predictions.n_cols != folds[f].responses.n_cols ||
            (folds[f].baseline.data &&
                folds[f].baseline.n_cols != folds[f].responses.n_cols)) {
            return ba_fail(BA_SHAPE,
                "null: fold %zu predicts %zu targets, wanted the %zu of the responses", f,
                folds[f].predictions.n_cols, folds[f].responses.n_cols);
        }
    }
    return BA_OK;
}

static int
make_threads(work_t *work)
{
    int status = BA_OK;
    size_t n = (size_t) work->n_threads;

    BA_TRY_ALLOC(work->tiles, ba_calloc(n, sizeof(ba_null_tile_t *)));
    BA_TRY_ALLOC(work->maxima, ba_calloc(n, sizeof(double *)));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(ba_null_tile_new(work->null, &work->tiles[i]));
        BA_TRY_ALLOC(
            work->maxima[i], ba_malloc(work->null->n_permutations, sizeof(double)));
        for (size_t b = 0; b < work->null->n_permutations; b++) {
            work->maxima[i][b] = -(double) INFINITY;
        }
    }
out:
    return status;
}

int
ba_null_test(const ba_ctx_t *ctx, const ba_null_t *null, ba_null_statistic_t statistic,
    const ba_null_fold_t *folds, ba_tail_t tail, const ba_null_result_t *result)
{
    int status = BA_OK;
    work_t work = {.null = null,
        .statistic = statistic,
        .folds = folds,
        .tail = tail,
        .n_targets = null->n_folds > 0 ? folds[0].responses.n_cols : 0,
        .result = result,
        .n_threads = ba_ctx_threads(ctx)};

    BA_TRY(check_folds(null, folds));
    BA_TRY(make_threads(&work));
    BA_TRY(run_tiles(ctx, &work));
    for (size_t b = 0; b < null->n_permutations; b++) {
        result->maxima[b] = -(double) INFINITY;
    }
    for (int i = 0; i < work.n_threads; i++) {
        ba_maxima_merge(result->maxima, work.maxima[i], null->n_permutations);
    }
out:
    for (int i = 0; i < work.n_threads; i++) {
        if (work.tiles) {
            ba_null_tile_free(work.tiles[i]);
        }
        if (work.maxima) {
            ba_free(work.maxima[i]);
        }
    }
    ba_free(work.tiles);
    ba_free(work.maxima);
    return status;
}
