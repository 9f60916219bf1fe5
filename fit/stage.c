/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One stage of a problem over all tiles: loaded block by block, worked on in parallel,
 * collected in ascending order on the calling thread. */
#include "fit/bands.h"

#include "core/alloc.h"
#include "core/resource.h"

#include <omp.h>

/* The refit of the final fit scores a fixed test set. */
static int
reads_test_set(const run_t *run, const stage_t *stage)
{
    return run->test_tiles && (stage->job.refit || stage->job.bands) &&
           stage->job.prepared->problem->fold < 0;
}

/* The tile's own places in what bands need. */
static void
set_bands(const run_t *run, size_t t, slot_t *slot, tile_job_t *job)
{
    const search_t *search = run->search;
    size_t first, n, column, n_spaces = run->plan.opts->bands.n_spaces;
    double *delta = slot->r2_split; /* free until scores are made */

    ba_tiles_range(run->tiles, t, &first, &n, &column);
    for (size_t i = 0; i < n_spaces * BA_TILE; i++) {
        slot->delta[i] = 1.0;
    }
    for (size_t j = column; j < column + n; j++) {
        ba_search_delta(run, first + j - column, delta);
        for (size_t k = 0; k < n_spaces; k++) {
            slot->delta[k * BA_TILE + j] = delta[k];
        }
    }
    job->unknowns = search->unknowns + (t - search->tile0) * search->unknown_size;
    job->delta = slot->delta;
    job->r2_split = slot->r2_split;
    job->r_split = slot->r_split;
}

static tile_job_t
job_of(const run_t *run, const stage_t *stage, size_t t, slot_t *slot)
{
    tile_job_t job = stage->job;
    size_t first, n, column;

    job.tile = ba_tiles_get(run->tiles, t);
    if (reads_test_set(run, stage)) {
        job.test_tile = ba_tiles_get(run->test_tiles, t);
    }
    ba_tiles_range(run->tiles, t, &first, &n, &column);
    for (size_t j = 0; j < BA_TILE; j++) {
        size_t inside = j >= column && j < column + n;

        slot->alphas[j] = inside ? run->best_alphas[first + j - column] : 1.0;
    }
    job.total = run->totals ? run->totals + t * run->total_size : NULL;
    job.has_total = run->totals && run->has_totals;
    job.constant = slot->constant;
    job.mean = slot->mean;
    job.scale = slot->scale;
    job.scores = slot->scores;
    job.counts = slot->counts;
    job.baseline = slot->baseline;
    job.best_alphas = slot->alphas;
    job.r = slot->r;
    job.r2 = slot->r2;
    job.intercept = slot->intercept;
    job.weights = stage->job.refit && stage->job.refit->back ? slot->weights : NULL;
    if (stage->job.bands) {
        job.weights = stage->job.bands->want_weights ? slot->weights : NULL;
        set_bands(run, t, slot, &job);
    }
    job.predictions = run->sink && run->sink->predictions ? slot->predictions : NULL;
    return job;
}

static void
work_on_block(
    run_t *run, const stage_t *stage, size_t t0, size_t n, char *scratch, size_t n_bytes)
{
#pragma omp parallel for schedule(dynamic) num_threads((int) run->n_threads)
    for (size_t i = 0; i < n; i++) {
        tile_job_t job = job_of(run, stage, t0 + i, &run->slots[i]);
        char *own = scratch + (size_t) omp_get_thread_num() * n_bytes;

        if (run->is_double) {
            ba_tile_scale_f64(&job, own);
        } else {
            ba_tile_scale_f32(&job, own);
        }
        stage->work(run, &job, own);
    }
}

int
ba_stage_run(run_t *run, const stage_t *stage)
{
    int status = BA_OK;
    size_t n_tiles = stage->t1 > 0 ? stage->t1 : ba_tiles_count(run->tiles), n, n_test;
    size_t n_bytes = run->is_double ? ba_tile_scratch_bytes_f64(&stage->job)
                                    : ba_tile_scratch_bytes_f32(&stage->job);
    int has_test = reads_test_set(run, stage);
    char *scratch = NULL;
    double start = ba_seconds();

    BA_TRY_ALLOC(scratch, ba_malloc(run->n_threads, n_bytes));
    for (size_t t0 = stage->t0; t0 < n_tiles; t0 += n) {
        BA_TRY(ba_ctx_check(run->ctx));
        BA_TRY(ba_tiles_load(run->ctx, run->tiles, t0, &n));
        if (has_test) {
            BA_TRY(ba_tiles_load(run->ctx, run->test_tiles, t0, &n_test));
        }
        work_on_block(run, stage, t0, n, scratch, n_bytes);
        for (size_t i = 0; i < n; i++) {
            BA_TRY(stage->collect(run, stage, &run->slots[i], t0 + i));
        }
        run->done += (double) n;
        ba_ctx_progress(run->ctx, "fit", run->done, run->total);
    }
out:
    ba_free(scratch);
    run->info->seconds_tiles += ba_seconds() - start;
    return status;
}
