/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second pass: kept predictions against the responses that they were scored on, in the
 * units in which they were scored, tile by tile. A target stands where it stands in its
 * tile of all targets, so that no shard changes a bit. */
#include "encode/inference.h"

#include "core/alloc.h"
#include "core/error_keep.h"

#include <math.h>
#include <omp.h>
#include <string.h>

_Static_assert(BA_NULL_TILE == BA_TILE, "tiles of responses are tiles of tests");

#define COLUMN_BYTES ((double) BA_TILE * sizeof(double))

/* ---- folds ---- */

/* Runs and kept samples that the held-out predictions are of. */
static const ba_runs_t *
scored_runs(const plan_t *plan)
{
    return plan->data->test_design ? &plan->test_runs : &plan->runs;
}

static size_t
position_of(const plan_t *plan, size_t fold, size_t i)
{
    return plan->data->test_design ? i : plan->problems[fold].test[i];
}

static size_t
sample_of(const plan_t *plan, size_t position)
{
    return plan->data->test_design ? plan->test_rows[position] : plan->rows[position];
}

/* Stretches of held-out samples that nothing interrupts. */
static int
make_stretches(const plan_t *plan, size_t fold, ba_runs_t *out)
{
    int status = BA_OK;
    const ba_runs_t *runs = scored_runs(plan);
    size_t n = ba_kept_n_rows(plan, fold), n_onsets = 0, *onsets = NULL;

    BA_TRY_ALLOC(onsets, ba_malloc(n, sizeof *onsets));
    for (size_t i = 0; i < n; i++) {
        size_t at = position_of(plan, fold, i), before = i > 0 ? at : 0;

        if (i > 0) {
            before = position_of(plan, fold, i - 1);
        }
        if (i == 0 || ba_runs_of(runs, at) != ba_runs_of(runs, before) ||
            sample_of(plan, at) != sample_of(plan, before) + 1) {
            onsets[n_onsets++] = i;
        }
    }
    BA_TRY(ba_runs_from_onsets(onsets, n_onsets, n, out));
out:
    ba_free(onsets);
    return status;
}

int
ba_encode_null_make(const plan_t *plan, const ba_inference_opts_t *opts, ba_null_t **out)
{
    int status = BA_OK;
    size_t n = ba_kept_n_folds(plan);
    ba_runs_t *folds = NULL;
    ba_null_opts_t null = opts->null;

    null.is_crossed = !plan->data->test_design;
    BA_TRY_ALLOC(folds, ba_calloc(n, sizeof *folds));
    for (size_t f = 0; f < n; f++) {
        BA_TRY(make_stretches(plan, f, &folds[f]));
    }
    BA_TRY(ba_null_new(&null, folds, n, out));
out:
    for (size_t f = 0; folds && f < n; f++) {
        ba_runs_free(&folds[f]);
    }
    ba_free(folds);
    return status;
}

/* ---- memory ---- */

static size_t
n_longest(const plan_t *plan)
{
    size_t longest = 0;

    for (size_t f = 0; f < ba_kept_n_folds(plan); f++) {
        size_t n = ba_kept_n_rows(plan, f);

        longest = n > longest ? n : longest;
    }
    return longest;
}

/* Draws, and for each thread a tile of tests and a tile of responses with its
 * predictions. */
double
ba_encode_null_bytes(
    const plan_t *plan, const ba_inference_opts_t *opts, size_t n_threads)
{
    const ba_source_t *source =
        plan->data->test_design ? plan->data->test_targets : plan->data->targets;
    double n_models = opts->n_controls > 0 ? 2.0 : 1.0,
           longest = (double) n_longest(plan);
    double n_permutations = (double) opts->null.n_permutations, n_held = 0.0;
    double n_used = (double) scored_runs(plan)->n_samples, blocks = 0.0, each;

    for (size_t f = 0; f < ba_kept_n_folds(plan); f++) {
        n_held += (double) ba_kept_n_rows(plan, f);
    }
    if (opts->null.kind == BA_NULL_BLOCKS && opts->null.block > 0) {
        blocks = longest / (double) opts->null.block;
        blocks = blocks > 1024.0 ? 1024.0 : blocks;
    }
    each = n_permutations + 8.0 * longest + n_models * n_held +
           (double) ba_source_n_rows(source) +
           n_used * (ba_source_n_slabs(source) > 1 ? 3.0 : 2.0);
    return n_permutations * n_held +
           (double) n_threads * (COLUMN_BYTES * each + 72.0 * blocks * blocks);
}

/* ---- the pass ---- */

typedef struct {
    ba_null_tile_t *tile;
    double *responses, *predictions, *baseline; /* longest fold x BA_TILE */
    double shift[BA_TILE];                      /* means of the responses */
    double *maxima[2];
} worker_t;

typedef struct {
    const ba_inferring_t *inferring;
    const plan_t *plan;
    const ba_fit_result_t *result;
    tiles_t *tiles;
    int32_t *status;
    size_t n_workers, n_folds, *offset; /* first row of each fold among all of a tile */
    size_t n_held;
    double *kept[2]; /* of the tiles in flight: n_held x BA_TILE, full and control */
    worker_t *workers;
    ba_test_t *tests[2];
} pass_t;

tiles_opts_t
ba_encode_scored_tiles(
    const plan_t *plan, size_t n_in_flight, int keep_slabs, int32_t *status)
{
    const ba_fit_data_t *data = plan->data;
    int is_test = data->test_design != NULL;

    return (tiles_opts_t){
        .source = is_test ? data->test_targets : data->targets,
        .rows = is_test ? plan->test_rows : plan->rows,
        .n_rows = scored_runs(plan)->n_samples,
        .runs = scored_runs(plan),
        .detrend = data->detrend,
        .nuisance = is_test ? data->test_nuisance : data->nuisance,
        .zscore_runs = plan->scale_targets == BA_SCALE_RUNS,
        .precision = BA_DOUBLE,
        .target_start = plan->opts->target_start,
        .target_stop = plan->opts->target_start + plan->n_targets,
        .status = status,
        .keep_slabs = keep_slabs,
        .n_in_flight = n_in_flight,
    };
}

static int
make_worker(const pass_t *pass, worker_t *worker)
{
    int status = BA_OK;
    size_t n = n_longest(pass->plan), size = BA_TILE * sizeof(double);
    const ba_null_t *null = pass->inferring->null;

    BA_TRY(ba_null_tile_new(null, &worker->tile));
    BA_TRY_ALLOC(worker->responses, ba_malloc(n, size));
    BA_TRY_ALLOC(worker->predictions, ba_malloc(n, size));
    if (pass->tests[1]) {
        BA_TRY_ALLOC(worker->baseline, ba_malloc(n, size));
    }
    for (size_t k = 0; k < 2 && pass->tests[k]; k++) {
        size_t n_maxima = pass->tests[k]->info.n_permutations;

        BA_TRY_ALLOC(worker->maxima[k], ba_malloc(n_maxima, sizeof(double)));
        for (size_t b = 0; b < n_maxima; b++) {
            worker->maxima[k][b] = -(double) INFINITY;
        }
    }
out:
    return status;
}

static int
make_pass(const ba_ctx_t *ctx, pass_t *pass)
{
    int status = BA_OK;
    const plan_t *plan = pass->plan;
    tiles_opts_t settings;

    pass->n_folds = ba_kept_n_folds(plan);
    BA_TRY_ALLOC(pass->offset, ba_calloc(pass->n_folds, sizeof *pass->offset));
    for (size_t f = 0; f < pass->n_folds; f++) {
        pass->offset[f] = pass->n_held;
        pass->n_held += ba_kept_n_rows(plan, f);
    }
    for (size_t k = 0; k < 2 && pass->tests[k]; k++) {
        BA_TRY_ALLOC(pass->kept[k],
            ba_malloc(pass->n_workers * pass->n_held, BA_TILE * sizeof(double)));
    }
    BA_TRY_ALLOC(pass->status, ba_calloc(plan->n_targets, sizeof *pass->status));
    settings = ba_encode_scored_tiles(plan, pass->n_workers, 0, pass->status);
    BA_TRY(ba_tiles_open(ctx, &settings, &pass->tiles));
    BA_TRY_ALLOC(pass->workers, ba_calloc(pass->n_workers, sizeof *pass->workers));
    for (size_t i = 0; i < pass->n_workers; i++) {
        BA_TRY(make_worker(pass, &pass->workers[i]));
    }
out:
    return status;
}

static void
free_pass(pass_t *pass)
{
    for (size_t i = 0; pass->workers && i < pass->n_workers; i++) {
        ba_null_tile_free(pass->workers[i].tile);
        ba_free(pass->workers[i].responses);
        ba_free(pass->workers[i].predictions);
        ba_free(pass->workers[i].baseline);
        ba_free(pass->workers[i].maxima[0]);
        ba_free(pass->workers[i].maxima[1]);
    }
    ba_free(pass->workers);
    ba_tiles_close(pass->tiles);
    ba_free(pass->status);
    ba_free(pass->offset);
    ba_free(pass->kept[0]);
    ba_free(pass->kept[1]);
}

/* Predictions of tile t, the i-th in flight, of all folds. */
static int
read_kept(pass_t *pass, size_t t, size_t i)
{
    int status = BA_OK;
    const ba_kept_t *kept[2] = {&pass->inferring->full, &pass->inferring->control};
    size_t first, n, column;

    ba_tiles_range(pass->tiles, t, &first, &n, &column);
    for (size_t k = 0; k < 2 && pass->tests[k]; k++) {
        double *area = pass->kept[k] + i * pass->n_held * BA_TILE;

        memset(area, 0, pass->n_held * BA_TILE * sizeof *area);
        for (size_t f = 0; f < pass->n_folds; f++) {
            size_t n_rows = kept[k]->n_rows[f];

            BA_TRY(ba_kept_read(kept[k], f, first, n,
                area + pass->offset[f] * BA_TILE + column * n_rows));
        }
    }
out:
    return status;
}

/* Held-out responses of a fold, about their means: what is far from 0 would lose digits.
 */
static void
gather_responses(const pass_t *pass, const tile_t *tile, size_t fold, worker_t *worker)
{
    const double *base = tile->base;
    size_t n_used = scored_runs(pass->plan)->n_samples;
    size_t n_rows = ba_kept_n_rows(pass->plan, fold);

    for (size_t j = 0; j < BA_TILE; j++) {
        double *column = worker->responses + j * n_rows, sum = 0.0;

        for (size_t i = 0; i < n_rows; i++) {
            column[i] = base[position_of(pass->plan, fold, i) + j * n_used];
            sum += column[i];
        }
        worker->shift[j] = sum / (double) n_rows;
        for (size_t i = 0; i < n_rows; i++) {
            column[i] -= worker->shift[j];
        }
    }
}

/* Predictions of a fold in the units of the responses that were scored: z-scoring per run
 * is done to them again. */
static void
to_scored_units(const pass_t *pass, const tile_t *tile, size_t fold, const double *kept,
    const worker_t *worker, double *dst)
{
    const ba_runs_t *runs = scored_runs(pass->plan);
    size_t n_rows = ba_kept_n_rows(pass->plan, fold);

    for (size_t i = 0; i < n_rows; i++) {
        size_t run = ba_runs_of(runs, position_of(pass->plan, fold, i));

        for (size_t j = 0; j < BA_TILE; j++) {
            size_t at = run + j * runs->n_runs;
            double value = kept[i + j * n_rows];

            if (tile->run_mean) {
                value = (value - tile->run_mean[at]) / tile->run_scale[at];
            }
            dst[i + j * n_rows] = value - worker->shift[j];
        }
    }
}

/* What has no score in a fold has no test in it. */
static void
hide_unscored(const pass_t *pass, size_t fold, size_t which, size_t first, size_t n,
    double *predictions)
{
    const ba_fit_result_t *result = pass->result;
    const double *scores = which == 0 ? result->r_by_fold : result->r2_by_fold;
    size_t n_rows = ba_kept_n_rows(pass->plan, fold);

    for (size_t j = 0; j < n; j++) {
        if (isnan(scores[fold * result->n_targets + first + j])) {
            predictions[j * n_rows] = (double) NAN;
        }
    }
}

/* One test of one tile over all folds. */
static int
test_tile(pass_t *pass, size_t t, size_t i, size_t which, worker_t *worker)
{
    int status;
    static const ba_null_statistic_t statistics[] = {BA_NULL_R, BA_NULL_INCREMENT};
    double observed[BA_TILE], p[BA_TILE];
    ba_null_result_t result = {observed, p, worker->maxima[which]};
    tile_t tile = ba_tiles_get(pass->tiles, t);
    size_t first, n, column;

    ba_tiles_range(pass->tiles, t, &first, &n, &column);
    BA_TRY(ba_null_tile_begin(worker->tile, statistics[which], BA_TILE));
    for (size_t f = 0; f < pass->n_folds; f++) {
        size_t n_rows = ba_kept_n_rows(pass->plan, f);
        size_t at = (i * pass->n_held + pass->offset[f]) * BA_TILE;
        ba_null_fold_t fold = {{worker->responses, n_rows, BA_TILE, n_rows},
            {worker->predictions, n_rows, BA_TILE, n_rows}, {0}};

        gather_responses(pass, &tile, f, worker);
        to_scored_units(pass, &tile, f, pass->kept[0] + at, worker, worker->predictions);
        hide_unscored(pass, f, which, first, n, worker->predictions + column * n_rows);
        if (which == 1) {
            to_scored_units(pass, &tile, f, pass->kept[1] + at, worker, worker->baseline);
            fold.baseline = (ba_cdmat_t){worker->baseline, n_rows, BA_TILE, n_rows};
        }
        BA_TRY(ba_null_tile_add(worker->tile, f, &fold));
    }
    ba_null_tile_finish(worker->tile, BA_TAIL_GREATER, &result);
    memcpy(pass->tests[which]->observed + first, observed + column, n * sizeof *observed);
    memcpy(pass->tests[which]->p + first, p + column, n * sizeof *p);
out:
    return status;
}

static int
run_pass(const ba_ctx_t *ctx, pass_t *pass)
{
    int status = BA_OK;
    size_t n_tiles = ba_tiles_count(pass->tiles), n;

    for (size_t t0 = 0; t0 < n_tiles; t0 += n) {
        ba_error_keep_t keep = {.status = BA_OK};

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_tiles_load(ctx, pass->tiles, t0, &n));
        for (size_t i = 0; i < n; i++) {
            BA_TRY(read_kept(pass, t0 + i, i));
        }
#pragma omp parallel for schedule(dynamic) num_threads((int) pass->n_workers)
        for (size_t i = 0; i < n; i++) {
            worker_t *worker = &pass->workers[omp_get_thread_num()];

            for (size_t k = 0; k < 2 && pass->tests[k]; k++) {
                ba_error_keep(&keep, test_tile(pass, t0 + i, i, k, worker));
            }
        }
        BA_TRY(ba_error_raise(&keep));
        ba_ctx_progress(ctx, "permute", (double) (t0 + n), (double) n_tiles);
    }
out:
    return status;
}

int
ba_test_make(
    const ba_inferring_t *inferring, ba_null_statistic_t statistic, ba_test_t *test)
{
    int status = BA_OK;
    const plan_t *plan = &inferring->plan;
    size_t n_targets = plan->n_targets;

    test->info = ba_null_info(inferring->null, statistic);
    test->widening =
        !inferring->refits && !plan->data->test_design && ba_kept_n_folds(plan) > 1
            ? sqrt(2.0)
            : 1.0;
    BA_TRY_ALLOC(test->observed, ba_malloc(n_targets, sizeof *test->observed));
    BA_TRY_ALLOC(test->p, ba_malloc(n_targets, sizeof *test->p));
    BA_TRY_ALLOC(
        test->maxima, ba_malloc(test->info.n_permutations, sizeof *test->maxima));
    for (size_t b = 0; b < test->info.n_permutations; b++) {
        test->maxima[b] = -(double) INFINITY;
    }
out:
    return status;
}

int
ba_encode_null(const ba_ctx_t *ctx, const ba_inferring_t *inferring,
    const ba_fit_result_t *result, ba_test_t *r, ba_test_t *increment)
{
    int status;
    const plan_t *plan = &inferring->plan;
    pass_t pass = {.inferring = inferring,
        .plan = plan,
        .result = result,
        .n_workers = inferring->n_threads,
        .tests = {r, increment}};

    BA_TRY(ba_test_make(inferring, BA_NULL_R, r));
    if (increment) {
        BA_TRY(ba_test_make(inferring, BA_NULL_INCREMENT, increment));
    }
    BA_TRY(make_pass(ctx, &pass));
    BA_TRY(run_pass(ctx, &pass));
    for (size_t k = 0; k < 2 && pass.tests[k]; k++) {
        for (size_t i = 0; i < pass.n_workers; i++) {
            ba_maxima_merge(pass.tests[k]->maxima, pass.workers[i].maxima[k],
                pass.tests[k]->info.n_permutations);
        }
        BA_TRY(ba_test_correct(plan->n_targets, pass.tests[k]));
    }
out:
    free_pass(&pass);
    return status;
}
