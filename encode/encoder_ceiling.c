/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The noise ceiling of r of what was scored: the mean over the repeats of the test set,
 * each prepared like a run. ISC takes the repeats for subjects and bounds r of one of
 * them, so that r with one subject is what it normalises. */
#include "encode/inference.h"

#include "core/alloc.h"
#include "core/error_keep.h"

#include <math.h>
#include <string.h>

/* Targets that are estimated together; whatever it is, no bit depends on it. */
#define SLICE 16

typedef struct {
    const ba_inferring_t *inferring;
    ba_ceiling_opts_t opts;
    size_t n_rows, n_repeats;
    tiles_t *tiles;
    int32_t *status;
    double *predictions; /* ISC: n_rows x BA_TILE */
    ba_inference_t *out;
} estimate_t;

double
ba_encode_ceiling_bytes(const plan_t *plan)
{
    const ba_source_t *source = plan->data->test_targets;
    double n = (double) plan->test_runs.n_samples;
    double repeats = (double) ba_source_n_slabs(source);

    return (double) BA_TILE * sizeof(double) *
           ((double) ba_source_n_rows(source) + n * (2.0 * repeats + 5.0));
}

/* Kept predictions of a tile, z-scored per run as the mean of the repeats was. */
static int
read_predictions(
    estimate_t *estimate, const tile_t *tile, size_t first, size_t n, size_t column)
{
    int status;
    const ba_runs_t *runs = &estimate->inferring->plan.test_runs;
    double *columns = estimate->predictions;

    BA_TRY(ba_kept_read(&estimate->inferring->full, 0, first, n, columns));
    for (size_t j = 0; tile->run_mean && j < n; j++) {
        for (size_t i = 0; i < estimate->n_rows; i++) {
            size_t at = ba_runs_of(runs, i) + (column + j) * runs->n_runs;
            double *value = columns + i + j * estimate->n_rows;

            *value = (*value - tile->run_mean[at]) / tile->run_scale[at];
        }
    }
out:
    return status;
}

/* r with each repeat, Fisher mean over them. */
static int
score_repeats(const estimate_t *estimate, const ba_cdmat_t *repeats, size_t from,
    double *r_one_repeat)
{
    int status = BA_OK;
    size_t n = estimate->n_rows, n_targets = repeats[0].n_cols;
    const double *predictions = estimate->predictions + from * n;
    double *r = NULL;

    BA_TRY_ALLOC(r, ba_malloc(estimate->n_repeats, sizeof *r));
    for (size_t j = 0; j < n_targets; j++) {
        for (size_t k = 0; k < estimate->n_repeats; k++) {
            ba_score_f64(BA_SCORE_R, repeats[k].data + j * n, n, predictions + j * n, n,
                n, 1, &r[k]);
        }
        r_one_repeat[j] = ba_fisher_mean(r, estimate->n_repeats);
    }
out:
    ba_free(r);
    return status;
}

/* Targets from .. from + n - 1 of a tile whose own first is `first` of the range. */
static int
estimate_slice(const estimate_t *estimate, const double *slabs, size_t column,
    size_t first, size_t from, size_t n)
{
    int status = BA_OK;
    size_t n_rows = estimate->n_rows;
    ba_inference_t *out = estimate->out;
    ba_cdmat_t *repeats = NULL;
    ba_repeats_t all = {NULL, estimate->n_repeats};

    BA_TRY_ALLOC(repeats, ba_malloc(estimate->n_repeats, sizeof *repeats));
    for (size_t k = 0; k < estimate->n_repeats; k++) {
        const double *slab = slabs + k * n_rows * BA_TILE;

        repeats[k] = (ba_cdmat_t){slab + (column + from) * n_rows, n_rows, n, n_rows};
    }
    all.repeat = repeats;
    BA_TRY(ba_ceiling(
        &all, &estimate->opts, out->ceiling + first + from, out->reason + first + from));
    if (out->r_one_repeat) {
        BA_TRY(score_repeats(estimate, repeats, from, out->r_one_repeat + first + from));
    }
out:
    ba_free(repeats);
    return status;
}

static int
estimate_tile(const ba_ctx_t *ctx, estimate_t *estimate, size_t t)
{
    int status = BA_OK;
    ba_error_keep_t keep = {.status = BA_OK};
    tile_t tile = ba_tiles_get(estimate->tiles, t);
    size_t first, n, column;

    ba_tiles_range(estimate->tiles, t, &first, &n, &column);
    if (estimate->out->r_one_repeat) {
        BA_TRY(read_predictions(estimate, &tile, first, n, column));
    }
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t from = 0; from < n; from += SLICE) {
        size_t length = n - from < SLICE ? n - from : SLICE;

        ba_error_keep(
            &keep, estimate_slice(estimate, tile.slabs, column, first, from, length));
    }
    BA_TRY(ba_error_raise(&keep));
out:
    return status;
}

static int
estimate_tiles(const ba_ctx_t *ctx, estimate_t *estimate)
{
    int status = BA_OK;
    size_t n_tiles = ba_tiles_count(estimate->tiles), n;

    for (size_t t = 0; t < n_tiles; t++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_tiles_load(ctx, estimate->tiles, t, &n));
        BA_TRY(estimate_tile(ctx, estimate, t));
        ba_ctx_progress(ctx, "ceiling", (double) (t + 1), (double) n_tiles);
    }
out:
    return status;
}

static int
make_results(const estimate_t *estimate, size_t v, ba_inference_t *out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(out->ceiling, ba_malloc(v, sizeof *out->ceiling));
    BA_TRY_ALLOC(out->r_normalized, ba_malloc(v, sizeof *out->r_normalized));
    BA_TRY_ALLOC(out->reason, ba_calloc(v, sizeof *out->reason));
    if (estimate->opts.kind == BA_CEILING_ISC) {
        BA_TRY_ALLOC(out->r_one_repeat, ba_malloc(v, sizeof *out->r_one_repeat));
    }
    ba_ceiling_describe(&estimate->opts, out->ceiling_words, sizeof out->ceiling_words);
out:
    return status;
}

static int
open_estimate(const ba_ctx_t *ctx, estimate_t *estimate)
{
    int status = BA_OK;
    const plan_t *plan = &estimate->inferring->plan;
    tiles_opts_t settings;

    BA_TRY_ALLOC(estimate->status, ba_calloc(plan->n_targets, sizeof *estimate->status));
    if (estimate->opts.kind == BA_CEILING_ISC) {
        BA_TRY_ALLOC(estimate->predictions,
            ba_malloc(estimate->n_rows, BA_TILE * sizeof *estimate->predictions));
    }
    settings = ba_encode_scored_tiles(plan, 1, 1, estimate->status);
    BA_TRY(ba_tiles_open(ctx, &settings, &estimate->tiles));
    BA_TRY(make_results(estimate, plan->n_targets, estimate->out));
out:
    return status;
}

int
ba_encode_ceiling(const ba_ctx_t *ctx, const ba_inferring_t *inferring,
    const ba_fit_result_t *result, ba_inference_t *out)
{
    int status;
    const ba_inference_opts_t *opts = &inferring->job->inference;
    const plan_t *plan = &inferring->plan;
    size_t n_repeats = ba_source_n_slabs(plan->data->test_targets);
    estimate_t estimate = {.inferring = inferring,
        .opts = {opts->ceiling, BA_BOUNDS_R,
            opts->ceiling == BA_CEILING_ISC ? 1 : n_repeats, 0, opts->ceiling_seed},
        .n_rows = plan->test_runs.n_samples,
        .n_repeats = n_repeats,
        .out = out};

    BA_TRY(open_estimate(ctx, &estimate));
    BA_TRY(estimate_tiles(ctx, &estimate));
    /* Responses that could not be scored have no score to normalise. */
    ba_ceiling_normalize(out->r_one_repeat ? out->r_one_repeat : result->r, out->ceiling,
        plan->n_targets, sqrt(opts->ceiling_floor), out->r_normalized);
    for (size_t t = 0; t < plan->n_targets; t++) {
        if (isnan(result->r[t])) {
            out->r_normalized[t] = (double) NAN;
            if (out->r_one_repeat) {
                out->r_one_repeat[t] = (double) NAN;
            }
        }
    }
out:
    ba_tiles_close(estimate.tiles);
    ba_free(estimate.status);
    ba_free(estimate.predictions);
    return status;
}
