/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The null of a cross-validated score by refits: every target gets surrogate responses,
 * and for each of them alphas are chosen, models fitted and scores made as for the
 * observed ones. Predictions of folds then depend on one another under the null as they
 * do in the observed score, which permuting fixed predictions cannot imitate.
 *
 * r = 0: a surrogate is the prepared response, permuted within runs (model/null.c).
 * Increments: what the controls predict stays, and what is left of the response after
 * their held-out predictions is permuted (Freedman & Lane 1983); both models are fitted
 * anew. Features, their correlations with the controls included, stay as they are.
 *
 * A tile of surrogates is a tile of targets under one permutation, so that the
 * factorisations serve all permutations, and a shard changes no bit. */
#include "encode/inference.h"

#include "core/alloc.h"
#include "io/source_impl.h"

#include <math.h>
#include <string.h>

/* Permutations whose surrogates are one fit. */
enum { AT_A_TIME = 512 };

/* Numbers that a fit keeps for each target, beside those of its folds. */
enum { RESULT_NUMBERS = 24, RESULT_NUMBERS_BY_FOLD = 8 };

int
ba_encode_refit_make(const plan_t *plan, const ba_inference_opts_t *opts, ba_null_t **out)
{
    return ba_null_new(&opts->null, &plan->runs, 1, out);
}

double
ba_encode_refit_bytes(const plan_t *plan, size_t n_permutations)
{
    double n = n_permutations < AT_A_TIME ? (double) n_permutations : (double) AT_A_TIME;
    double by_fold = (double) (RESULT_NUMBERS_BY_FOLD * plan->n_outer);
    double samples = (double) plan->n_used;

    return (double) BA_TILE * sizeof(double) *
               (n * (RESULT_NUMBERS + by_fold) + 6.0 * samples) +
           (double) n_permutations * samples;
}

/* ---- surrogates as a source ---- */

/* n_slots targets for each permutation from `first` on: column b * n_slots + j. */
typedef struct {
    const plan_t *plan;
    ba_null_series_t *series;
    size_t first, n_slots;
    const double *fitted; /* n_used x n_slots that stay as they are, NULL = nothing */
    double *block;        /* n_used x n_slots: permutation `at` */
    size_t at;            /* SIZE_MAX = none */
} surrogates_t;

static int
make_block(surrogates_t *surrogates, size_t index)
{
    int status;
    size_t n = surrogates->plan->n_used, size = n * surrogates->n_slots;

    surrogates->at = SIZE_MAX;
    BA_TRY(ba_null_series_permute(surrogates->series, surrogates->first + index,
        (ba_dmat_t){surrogates->block, n, surrogates->n_slots, n}));
    for (size_t i = 0; surrogates->fitted && i < size; i++) {
        surrogates->block[i] += surrogates->fitted[i];
    }
    surrogates->at = index;
out:
    return status;
}

/* Samples that are trimmed are 0: nobody looks at them. */
static int
read_surrogates(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    int status = BA_OK;
    surrogates_t *surrogates = state;
    const plan_t *plan = surrogates->plan;

    (void) slab;
    for (size_t j = 0; j < n_cols; j++) {
        size_t index = (col0 + j) / surrogates->n_slots;
        const double *column =
            surrogates->block + (col0 + j) % surrogates->n_slots * plan->n_used;

        if (surrogates->at != index) {
            BA_TRY(make_block(surrogates, index));
        }
        memset(dst + j * ld, 0, n_rows * sizeof *dst);
        for (size_t i = 0; i < plan->n_used; i++) {
            if (plan->rows[i] >= row0 && plan->rows[i] < row0 + n_rows) {
                dst[plan->rows[i] - row0 + j * ld] = column[i];
            }
        }
    }
out:
    return status;
}

static void
close_surrogates(void *state)
{
    (void) state;
}

static const ba_source_ops_t surrogate_ops = {
    .format = "memory", .read = read_surrogates, .close = close_surrogates};

/* ---- one tile ---- */

typedef struct {
    ba_ctx_t ctx; /* of fits: silent */
    const ba_inferring_t *inferring;
    const plan_t *plan;
    tiles_t *tiles;
    int32_t *status;
    size_t n_slots;       /* targets of the tile at hand, those out of range included */
    double *residual;     /* n_used x BA_TILE */
    double *fitted;       /* the same, of the controls */
    double *block, *held; /* the same; predictions of the longest fold */
    size_t *n_above;      /* BA_TILE */
    ba_fit_result_t full, control;
    ba_test_t *test;
    const double *observed;
    int is_increment;
} refits_t;

static void
free_refits(refits_t *refits)
{
    ba_fit_result_free(&refits->full);
    ba_fit_result_free(&refits->control);
    ba_tiles_close(refits->tiles);
    ba_free(refits->status);
    ba_free(refits->residual);
    ba_free(refits->fitted);
    ba_free(refits->block);
    ba_free(refits->held);
    ba_free(refits->n_above);
}

static int
make_refits(const ba_ctx_t *ctx, refits_t *refits)
{
    int status = BA_OK;
    const plan_t *plan = refits->plan;
    size_t tile = plan->n_used * BA_TILE;
    tiles_opts_t settings;

    refits->ctx = refits->inferring->ctx;
    refits->ctx.log = NULL;
    refits->ctx.progress = NULL;
    BA_TRY_ALLOC(refits->status, ba_calloc(plan->n_targets, sizeof *refits->status));
    BA_TRY_ALLOC(refits->residual, ba_malloc(tile, sizeof *refits->residual));
    BA_TRY_ALLOC(refits->fitted, ba_malloc(tile, sizeof *refits->fitted));
    BA_TRY_ALLOC(refits->block, ba_malloc(tile, sizeof *refits->block));
    BA_TRY_ALLOC(refits->held, ba_malloc(tile, sizeof *refits->held));
    BA_TRY_ALLOC(refits->n_above, ba_calloc(BA_TILE, sizeof *refits->n_above));
    settings = ba_encode_scored_tiles(plan, 1, 0, refits->status);
    BA_TRY(ba_tiles_open(ctx, &settings, &refits->tiles));
out:
    return status;
}

/* Predictions of one fold and target, in the units of the prepared responses. */
static void
place_fitted(refits_t *refits, const tile_t *tile, const problem_t *problem,
    size_t column, const double *held)
{
    const ba_runs_t *runs = &refits->plan->runs;
    size_t n = refits->plan->n_used;

    for (size_t i = 0; i < problem->n_test; i++) {
        size_t at = problem->test[i], run = ba_runs_of(runs, at) + column * runs->n_runs;
        double value = held[i];

        if (tile->run_mean) {
            value = (value - tile->run_mean[run]) / tile->run_scale[run];
        }
        if (isfinite(value)) {
            refits->fitted[at + column * n] = value;
        }
    }
}

/* What the controls predict of the held-out samples, which are all but those of no fold:
 * these keep their mean. */
static int
take_fitted(refits_t *refits, size_t t, const tile_t *tile)
{
    int status = BA_OK;
    const plan_t *plan = refits->plan;
    const ba_kept_t *kept = &refits->inferring->control;
    size_t n = plan->n_used, first, n_targets, column;

    ba_tiles_range(refits->tiles, t, &first, &n_targets, &column);
    for (size_t j = 0; j < refits->n_slots; j++) {
        double mean = 0.0;

        for (size_t i = 0; i < n; i++) {
            mean += refits->residual[i + j * n] / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            refits->fitted[i + j * n] = mean;
        }
    }
    for (size_t f = 0; f < kept->n_folds; f++) {
        const problem_t *problem = &plan->problems[f];

        BA_TRY(ba_kept_read(kept, f, first, n_targets, refits->held));
        for (size_t j = 0; j < n_targets; j++) {
            place_fitted(
                refits, tile, problem, column + j, refits->held + j * problem->n_test);
        }
    }
    for (size_t i = 0; i < n * refits->n_slots; i++) {
        refits->residual[i] -= refits->fitted[i];
    }
out:
    return status;
}

static int
fit_surrogates(const refits_t *refits, ba_source_t *source, const ba_design_t *design,
    const ba_fit_opts_t *settings, ba_fit_result_t *result)
{
    ba_fit_opts_t opts = *settings;
    ba_fit_data_t data = refits->inferring->job->data;

    ba_fit_result_free(result);
    data.targets = source;
    data.design = design;
    data.responses = NULL;
    opts.target_start = opts.target_stop = 0;
    opts.want_weights = opts.want_fold_weights = 0;
    opts.want_predictions = opts.want_cv = 0;
    opts.scores_only = opts.bands.gammas != NULL;
    return ba_fit_run(&refits->ctx, &data, &opts, NULL, result, NULL);
}

/* Scores of permutations first .. first + n - 1. */
static int
fit_permutations(refits_t *refits, ba_null_series_t *series, size_t first, size_t n)
{
    int status;
    const ba_encode_job_t *job = refits->inferring->job;
    ba_fit_opts_t control = ba_encode_control_opts(job);
    surrogates_t surrogates = {.plan = refits->plan,
        .series = series,
        .first = first,
        .n_slots = refits->n_slots,
        .fitted = refits->is_increment ? refits->fitted : NULL,
        .block = refits->block,
        .at = SIZE_MAX};
    ba_source_shape_t shape = {1, refits->plan->n_samples, n * refits->n_slots, 2,
        refits->plan->opts->precision == BA_DOUBLE};
    ba_source_t *source = NULL;

    BA_TRY(ba_source_wrap(&surrogate_ops, &surrogates, &shape, "surrogates", &source));
    BA_TRY(fit_surrogates(refits, source, job->data.design, &job->fit, &refits->full));
    if (refits->is_increment) {
        BA_TRY(fit_surrogates(
            refits, source, job->control.design, &control, &refits->control));
        ba_encode_mean_increment(&refits->full, &refits->control, refits->full.r2);
    }
out:
    ba_source_close(source);
    return status;
}

/* A surrogate without a score counts as one that is as good. */
static void
count(refits_t *refits, size_t t, size_t first_permutation, size_t n)
{
    const double *null = refits->is_increment ? refits->full.r2 : refits->full.r;
    size_t first, n_targets, column;

    ba_tiles_range(refits->tiles, t, &first, &n_targets, &column);
    for (size_t b = 0; b < n; b++) {
        double *most = &refits->test->maxima[first_permutation + b];

        for (size_t j = 0; j < n_targets; j++) {
            double value = null[b * refits->n_slots + column + j];
            double observed = refits->observed[first + j];

            if (isnan(observed)) {
                continue;
            }
            refits->n_above[j] +=
                !(value < observed - BA_TEST_TIE * (1.0 + fabs(observed)));
            *most = value > *most ? value : *most;
        }
    }
}

static int
test_tile(refits_t *refits, size_t t, double done, double total, const ba_ctx_t *ctx)
{
    int status = BA_OK;
    const plan_t *plan = refits->plan;
    tile_t tile = ba_tiles_get(refits->tiles, t);
    size_t n_permutations = refits->test->info.n_permutations, first, n_targets, column;
    size_t before = 0, all = ba_source_n_cols(plan->data->targets);
    ba_null_series_t *series = NULL;

    ba_tiles_range(refits->tiles, t, &first, &n_targets, &column);
    before = plan->opts->target_start + first - column;
    refits->n_slots = all - before < BA_TILE ? all - before : BA_TILE;
    memcpy(refits->residual, tile.base,
        plan->n_used * refits->n_slots * sizeof *refits->residual);
    memset(refits->n_above, 0, BA_TILE * sizeof *refits->n_above);
    if (refits->is_increment) {
        BA_TRY(take_fitted(refits, t, &tile));
    }
    BA_TRY(ba_null_series_new(refits->inferring->null, 0,
        (ba_cdmat_t){refits->residual, plan->n_used, refits->n_slots, plan->n_used},
        &series));
    for (size_t b = 0; b < n_permutations; b += AT_A_TIME) {
        size_t n = n_permutations - b < AT_A_TIME ? n_permutations - b : AT_A_TIME;

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(fit_permutations(refits, series, b, n));
        count(refits, t, b, n);
        ba_ctx_progress(
            ctx, "refits", done + (double) (b + n) / (double) n_permutations, total);
    }
    for (size_t j = 0; j < n_targets; j++) {
        refits->test->p[first + j] =
            isnan(refits->observed[first + j])
                ? (double) NAN
                : (1.0 + (double) refits->n_above[j]) / (1.0 + (double) n_permutations);
    }
out:
    ba_null_series_free(series);
    return status;
}

/* ---- all tiles ---- */

static int
run_test(const ba_ctx_t *ctx, const ba_inferring_t *inferring, const double *observed,
    ba_test_t *test, int is_increment)
{
    int status;
    refits_t refits = {.inferring = inferring,
        .plan = &inferring->plan,
        .observed = observed,
        .test = test,
        .is_increment = is_increment};
    size_t n_tiles, n;

    BA_TRY(make_refits(ctx, &refits));
    n_tiles = ba_tiles_count(refits.tiles);
    for (size_t t = 0; t < n_tiles; t += n) {
        BA_TRY(ba_tiles_load(ctx, refits.tiles, t, &n));
        for (size_t i = 0; i < n; i++) {
            BA_TRY(test_tile(&refits, t + i, (double) (t + i), (double) n_tiles, ctx));
        }
    }
    memcpy(test->observed, observed, inferring->plan.n_targets * sizeof *observed);
    BA_TRY(ba_test_correct(inferring->plan.n_targets, test));
out:
    free_refits(&refits);
    return status;
}

int
ba_encode_refit(const ba_ctx_t *ctx, const ba_inferring_t *inferring,
    const ba_fit_result_t *result, ba_inference_t *out)
{
    int status;

    BA_TRY(ba_test_make(inferring, BA_NULL_R, &out->r));
    BA_TRY(run_test(ctx, inferring, result->r, &out->r, 0));
    if (out->increment_r2) {
        BA_TRY(ba_test_make(inferring, BA_NULL_R, &out->increment));
        BA_TRY(run_test(ctx, inferring, out->increment_r2, &out->increment, 1));
    }
out:
    return status;
}
