/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop: for every problem factorise once, stream the tiles for inner scores, choose
 * alphas, stream them again for the refit. */
#include "fit/bands.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "core/resource.h"
#include "linalg/blas.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* ---- selection ---- */

static void
select_work(const run_t *run, const tile_job_t *job, void *scratch)
{
    if (run->is_double) {
        ba_tile_select_f64(job, scratch);
    } else {
        ba_tile_select_f32(job, scratch);
    }
}

static int
select_collect(run_t *run, const stage_t *stage, const slot_t *slot, size_t t)
{
    size_t first, n, column, v = run->plan.n_targets;

    ba_tiles_range(run->tiles, t, &first, &n, &column);
    memcpy(run->baseline + first, slot->baseline + column, n * sizeof *run->baseline);
    for (size_t j = 0; j < n; j++) {
        run->usable[first + j] = run->result->status[first + j] == BA_TARGET_SCORED &&
                                 !slot->constant[column + j];
    }
    for (size_t a = 0; a < stage->job.operators->n_alphas; a++) {
        memcpy(run->cv + (stage->a0 + a) * v + first, slot->scores + a * BA_TILE + column,
            n * sizeof *run->cv);
    }
    return BA_OK;
}

int
ba_run_select(
    run_t *run, const prepared_t *prepared, const operators_t *operators, size_t a0)
{
    int status = BA_OK;
    stage_t stage = {.work = select_work, .collect = select_collect, .a0 = a0};

    stage.job.plan = &run->plan;
    stage.job.prepared = prepared;
    stage.job.operators = operators;
    BA_TRY(ba_stage_run(run, &stage));
    run->has_totals = !run->plan.strict;
out:
    return status;
}

static int
select_problem(run_t *run, prepared_t *prepared)
{
    int status = BA_OK;
    size_t n_alphas = prepared->n_alphas;
    size_t chunk = ba_budget_alpha_chunk(run->ctx, &run->plan);
    operators_t operators = {0};

    for (size_t a0 = 0; a0 < n_alphas && prepared->problem->n_inner > 0; a0 += chunk) {
        size_t n = n_alphas - a0 < chunk ? n_alphas - a0 : chunk;
        double start = ba_seconds();

        BA_TRY(ba_operators_make(run->ctx, prepared, a0, n, &operators));
        ba_alloc_trim();
        run->info->seconds_operators += ba_seconds() - start;
        BA_TRY(ba_run_select(run, prepared, &operators, a0));
        ba_operators_free(&operators);
    }
    BA_TRY(ba_select_alphas(
        prepared, run->cv, run->usable, run->best_alphas, run->best_scores));
out:
    ba_operators_free(&operators);
    return status;
}

/* ---- refit ---- */

static void
refit_work(const run_t *run, const tile_job_t *job, void *scratch)
{
    if (run->is_double) {
        ba_tile_refit_f64(job, scratch);
    } else {
        ba_tile_refit_f32(job, scratch);
    }
}

/* Scaling as the result states it: the mean that an intercept takes off belongs to the
 * intercept. */
static void
collect_scaling(
    run_t *run, int fold, const slot_t *slot, size_t first, size_t n, size_t column)
{
    ba_fit_result_t *result = run->result;
    const plan_t *plan = &run->plan;
    size_t at = first + (fold < 0 ? 0 : (size_t) fold * plan->n_targets);
    double *mean = fold < 0 ? result->target_mean : result->target_mean_by_fold;
    double *scale = fold < 0 ? result->target_scale : result->target_scale_by_fold;
    double *intercept = fold < 0 ? result->intercept : result->intercept_by_fold;
    int stated =
        plan->scale_targets == BA_SCALE_ZSCORE || plan->scale_targets == BA_SCALE_CENTER;

    for (size_t j = 0; j < n; j++) {
        double taken = slot->mean[column + j], divisor = slot->scale[column + j];

        mean[at + j] = stated ? taken : 0.0;
        scale[at + j] = divisor;
        if (intercept) {
            intercept[at + j] =
                plan->intercept == BA_INTERCEPT_YES
                    ? (taken - mean[at + j]) / divisor - slot->intercept[column + j]
                    : 0.0;
        }
    }
}

/* A target with a value that is not finite has no model, and one without variance no
 * predictions: the zeros that stood in for them mean nothing. */
static void
hide_unusable(const run_t *run, double *numbers, size_t n_rows, size_t first, size_t n,
    int of_model)
{
    for (size_t j = 0; j < n; j++) {
        int32_t status = run->result->status[first + j];
        int hidden =
            status == BA_TARGET_NONFINITE || (status == BA_TARGET_CONSTANT && !of_model);

        for (size_t i = 0; hidden && i < n_rows; i++) {
            numbers[i + j * n_rows] = NAN;
        }
    }
}

static int
send_large(run_t *run, const prepared_t *prepared, int has_weights, const slot_t *slot,
    size_t first, size_t n, size_t column)
{
    int status = BA_OK;
    const ba_fit_sink_t *sink = run->sink;
    int fold = prepared->problem->fold;
    int to_test_set = run->test_tiles && fold < 0;
    size_t n_test =
        to_test_set ? run->plan.test_runs.n_samples : prepared->problem->n_test;
    const size_t *rows = to_test_set ? run->plan.test_rows : prepared->test_rows;
    size_t target = run->plan.opts->target_start + first;

    if (sink && sink->weights && has_weights) {
        size_t p = run->plan.n_columns;

        hide_unusable(run, slot->weights + column * p, p, first, n, 1);
        BA_TRY(sink->weights(sink->payload, fold, target, n,
            slot->weights + column * run->plan.n_columns));
    }
    if (sink && sink->predictions && n_test > 0) {
        hide_unusable(run, slot->predictions + column * n_test, n_test, first, n, 0);
        BA_TRY(sink->predictions(sink->payload, fold, rows, n_test, target, n,
            slot->predictions + column * n_test));
    }
out:
    return status;
}

int
ba_run_collect(
    run_t *run, const prepared_t *prepared, const slot_t *slot, size_t t, int has_weights)
{
    ba_fit_result_t *result = run->result;
    int fold = prepared->problem->fold;
    size_t first, n, column, v = run->plan.n_targets;
    size_t k = fold < 0 ? 0 : (size_t) fold;

    ba_tiles_range(run->tiles, t, &first, &n, &column);
    collect_scaling(run, fold, slot, first, n, column);
    if (fold >= 0 || run->test_tiles) {
        memcpy(result->r_by_fold + k * v + first, slot->r + column, n * sizeof *slot->r);
        memcpy(
            result->r2_by_fold + k * v + first, slot->r2 + column, n * sizeof *slot->r2);
    }
    return send_large(run, prepared, has_weights, slot, first, n, column);
}

static int
refit_collect(run_t *run, const stage_t *stage, const slot_t *slot, size_t t)
{
    return ba_run_collect(
        run, stage->job.prepared, slot, t, stage->job.refit->back != NULL);
}

static int
refit_problem(run_t *run, prepared_t *prepared)
{
    int status = BA_OK;
    const ba_fit_opts_t *opts = run->plan.opts;
    int want = prepared->problem->fold < 0 ? opts->want_weights : opts->want_fold_weights;
    refit_t refit = {0};
    stage_t stage = {.work = refit_work, .collect = refit_collect};
    double start = ba_seconds();

    BA_TRY(ba_refit_make(run->ctx, prepared, want, &refit));
    ba_alloc_trim();
    run->info->seconds_operators += ba_seconds() - start;
    stage.job.plan = &run->plan;
    stage.job.prepared = prepared;
    stage.job.refit = &refit;
    BA_TRY(ba_stage_run(run, &stage));
out:
    ba_refit_free(&refit);
    return status;
}

/* ---- problems ---- */

static void
keep_choice(run_t *run, const prepared_t *prepared)
{
    ba_fit_result_t *result = run->result;
    size_t v = run->plan.n_targets, n = v * prepared->n_alphas;
    int fold = prepared->problem->fold;

    ba_result_keep_problem(prepared, result);
    if (fold < 0) {
        memcpy(result->best_alphas, run->best_alphas, v * sizeof *run->best_alphas);
        for (size_t t = 0; t < v; t++) {
            if (prepared->problem->n_inner > 0 && result->status[t] == BA_TARGET_SCORED &&
                isnan(run->best_scores[t])) {
                run->no_inner[t] = 1;
            }
        }
        ba_select_edges(
            prepared, run->best_alphas, run->best_scores, run->baseline, run->info);
        if (result->cv_scores && prepared->problem->n_inner > 0) {
            memcpy(result->cv_scores, run->cv, n * sizeof *run->cv);
        }
        return;
    }
    memcpy(result->best_alphas_by_fold + (size_t) fold * v, run->best_alphas,
        v * sizeof *run->best_alphas);
    if (result->cv_scores_by_fold && prepared->problem->n_inner > 0) {
        memcpy(
            result->cv_scores_by_fold + (size_t) fold * n, run->cv, n * sizeof *run->cv);
    }
}

static int
name_fold(int status, int fold)
{
    if (status != BA_OK && status != BA_CANCELLED && fold >= 0) {
        ba_fail_within(status, "outer fold %d", fold);
    }
    return status;
}

/* Every model of a problem with bands. The last one is what the result states. */
static int
run_models(run_t *run, prepared_t *prepared)
{
    int status = BA_OK;
    size_t n_models = ba_bands_n_models(&run->plan.opts->bands);
    const ba_fit_sink_t *sink = run->sink;

    BA_TRY(ba_band_removals(run->ctx, prepared));
    for (size_t model = 0; model < n_models; model++) {
        BA_TRY(ba_search_model(run, prepared, model));
        keep_choice(run, prepared);
        BA_TRY(ba_result_keep_search(run, prepared));
        if (n_models > 1 && sink && sink->model) {
            BA_TRY(sink->model(sink->payload, prepared->problem->fold, model));
        }
        BA_TRY(ba_band_refit(run, prepared));
        ba_result_keep_model(run, prepared, model);
    }
out:
    return status;
}

/* Everything of a problem after its factorisation. */
static int
run_prepared(run_t *run, prepared_t *prepared)
{
    int status = BA_OK;
    int fold = prepared->problem->fold;

    run->has_totals = 0;
    BA_TRY(ba_result_keep_pca(prepared, run->result));
    BA_TRY(ba_products_make(run->ctx, prepared));
    if (prepared->band) {
        BA_TRY(run_models(run, prepared));
        goto out;
    }
    BA_TRY(select_problem(run, prepared));
    keep_choice(run, prepared);
    BA_TRY(refit_problem(run, prepared));
out:
    ba_products_free(&prepared->products);
    run->info->n_factorisations += prepared->n_factorisations;
    run->info->n_reduced += prepared->shifts != NULL;
    return name_fold(status, fold);
}

/* Factorises several problems, one a thread: much of an eigendecomposition runs on one
 * thread however many there are. */
static int
prepare_batch(run_t *run, const problem_t *problems, size_t n, prepared_t *prepared)
{
    int status = BA_OK;
    ba_error_keep_t keep = {.status = BA_OK};
    ba_ctx_t alone = run->ctx ? *run->ctx : ba_ctx_default();
    double start = ba_seconds();

    BA_TRY(ba_ctx_check(run->ctx));
    if (n == 1) {
        BA_TRY(name_fold(ba_prepared_make(run->ctx, &run->plan, problems, NULL, prepared),
            problems->fold));
        goto out;
    }
    alone.n_threads = 1;
    alone.log = NULL;
    alone.progress = NULL;
    alone.cancelled = NULL;
#pragma omp parallel for schedule(dynamic) num_threads((int) n)
    for (size_t k = 0; k < n; k++) {
        ba_error_keep(&keep,
            ba_prepared_make(&alone, &run->plan, problems + k, NULL, prepared + k));
    }
    BA_TRY(ba_error_raise(&keep));
out:
    run->info->seconds_factor += ba_seconds() - start;
    return status;
}

/* Every problem with its own factorisation. */
static int
run_separately(run_t *run)
{
    int status = BA_OK;
    size_t n_problems = run->plan.n_problems;
    size_t batch = ba_budget_factor_batch(run->ctx, &run->plan);
    prepared_t *prepared = NULL;

    BA_TRY_ALLOC(prepared, ba_calloc(batch, sizeof *prepared));
    for (size_t k0 = 0; k0 < n_problems; k0 += batch) {
        size_t n = n_problems - k0 < batch ? n_problems - k0 : batch;

        BA_TRY(prepare_batch(run, run->plan.problems + k0, n, prepared));
        for (size_t k = 0; k < n; k++) {
            BA_TRY(run_prepared(run, &prepared[k]));
            ba_prepared_free(&prepared[k]);
        }
    }
out:
    for (size_t k = 0; prepared && k < batch; k++) {
        ba_prepared_free(&prepared[k]);
    }
    ba_free(prepared);
    return status;
}

/* The final fit goes first: its factorisation serves the outer folds. */
static int
run_shared(run_t *run)
{
    int status = BA_OK;
    size_t last = run->plan.n_problems - 1;
    prepared_t final = {0}, prepared = {0};

    BA_TRY(prepare_batch(run, run->plan.problems + last, 1, &final));
    BA_TRY(run_prepared(run, &final));
    for (size_t k = 0; k < last; k++) {
        BA_TRY(ba_prepared_make(
            run->ctx, &run->plan, &run->plan.problems[k], &final, &prepared));
        BA_TRY(run_prepared(run, &prepared));
        ba_prepared_free(&prepared);
    }
out:
    ba_prepared_free(&final);
    ba_prepared_free(&prepared);
    return status;
}

int
ba_fit_plan(const ba_ctx_t *ctx, const ba_fit_data_t *data, const ba_fit_opts_t *opts,
    ba_fit_info_t *info)
{
    int status = BA_OK;
    plan_t plan = {0};

    BA_TRY(ba_plan_make(ctx, data, opts, &plan));
    BA_TRY(ba_budget_check(ctx, &plan, info));
out:
    ba_plan_free(&plan);
    return status;
}

int
ba_fit_n_outer(const ba_fit_data_t *data, const ba_fit_opts_t *opts, size_t *n_outer)
{
    int status = BA_OK;
    plan_t plan = {0};

    BA_TRY(ba_plan_make(NULL, data, opts, &plan));
    *n_outer = plan.n_outer;
out:
    ba_plan_free(&plan);
    return status;
}

int
ba_fit_run(const ba_ctx_t *ctx, const ba_fit_data_t *data, const ba_fit_opts_t *opts,
    const ba_fit_sink_t *sink, ba_fit_result_t *result, ba_fit_info_t *info)
{
    int status = BA_OK;
    ba_fit_info_t unwanted;
    run_t run = {.ctx = ctx, .sink = sink, .result = result};

    info = info ? info : &unwanted;
    run.info = info;

    *result = (ba_fit_result_t){0};
    ba_blas_single_thread();
    BA_TRY(ba_plan_make(ctx, data, opts, &run.plan));
    BA_TRY(ba_budget_check(ctx, &run.plan, info));
    BA_TRY(ba_blas_check_room(ba_ctx_threads(ctx)));
    BA_TRY(ba_result_make(&run.plan, result));
    BA_TRY(ba_run_make(&run));
    BA_TRY(run.plan.shared_outer ? run_shared(&run) : run_separately(&run));
    info->n_passes = ba_tiles_n_passes(run.tiles) - run.passes_before;
    info->seconds_read = ba_tiles_seconds(run.tiles) - run.seconds_before;
    BA_TRY(ba_responses_keep(&run));
    ba_result_finish(&run.plan, run.test_status, run.no_inner, result);
out:
    ba_run_free(&run);
    if (status != BA_OK) {
        ba_fit_result_free(result);
    }
    return status;
}
