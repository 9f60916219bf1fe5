/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stacking (Wolpert 1992, Breiman 1996): predictions of several models are weighed, target
 * by target, with weights >= 0 that sum to 1 and make the squared error of out-of-sample
 * predictions within the training rows as small as possible. Outer folds never meet the
 * weights that score them. */
#include "fit/stack_impl.h"

#include "core/alloc.h"
#include "fit/run.h"
#include "linalg/blas.h"
#include "model/simplex.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* ---- the members at a split ---- */

static void
member_clear(member_t *member)
{
    ba_refit_free(&member->refit);
    ba_prepared_free(&member->prepared);
}

/* Problem p of the plans, its inner fold k (SIZE_MAX: the problem itself). The fold number
 * of an inner fold only says that the test set is not meant. */
static int
member_make(stacking_t *stack, member_t *member, size_t p, size_t k)
{
    int status;
    problem_t *of = &member->plan.problems[p];

    member->problem = (problem_t){.fold = of->fold,
        .train = of->train,
        .n_train = of->n_train,
        .test = of->test,
        .n_test = of->n_test};
    if (k != SIZE_MAX) {
        const split_t *split = &of->inner[k];

        member->problem = (problem_t){.fold = 0,
            .train = split->stay,
            .n_train = split->n_stay,
            .test = split->validate,
            .n_test = split->n_validate};
    }
    BA_TRY(ba_prepared_make(
        stack->ctx, &member->plan, &member->problem, NULL, &member->prepared));
    BA_TRY(ba_products_make(stack->ctx, &member->prepared));
    BA_TRY(ba_refit_make(stack->ctx, &member->prepared, 0, &member->refit));
out:
    return status;
}

/* ---- loops over tiles ---- */

static void
free_scratch(stacking_t *stack)
{
    for (size_t i = 0; stack->scratch && i < stack->n_threads; i++) {
        ba_free(stack->scratch[i].kernel);
        ba_free(stack->scratch[i].predictions);
        ba_free(stack->scratch[i].response);
    }
    for (size_t i = 0; stack->combined && i < stack->n_slots; i++) {
        ba_free(stack->combined[i]);
    }
    ba_free(stack->scratch);
    ba_free(stack->combined);
    stack->scratch = NULL;
    stack->combined = NULL;
}

static int
make_scratch(stacking_t *stack)
{
    int status = BA_OK;
    size_t area = stack->n_held * BA_TILE, n_kernel = ba_stack_kernel_bytes(stack);

    BA_TRY_ALLOC(stack->scratch, ba_calloc(stack->n_threads, sizeof *stack->scratch));
    BA_TRY_ALLOC(stack->combined, ba_calloc(stack->n_slots, sizeof *stack->combined));
    for (size_t i = 0; i < stack->n_threads; i++) {
        stack_scratch_t *own = &stack->scratch[i];

        BA_TRY_ALLOC(own->kernel, ba_malloc(n_kernel, 1));
        BA_TRY_ALLOC(own->predictions,
            ba_malloc(area, stack->n_models * sizeof *own->predictions));
        BA_TRY_ALLOC(own->response, ba_malloc(stack->n_held, sizeof *own->response));
    }
    for (size_t i = 0; i < stack->n_slots; i++) {
        BA_TRY_ALLOC(stack->combined[i], ba_malloc(area, sizeof **stack->combined));
    }
out:
    return status;
}

static int
send(stacking_t *stack, size_t t, double *combined)
{
    const member_t *first_member = &stack->members[0];
    const size_t *rows = stack->of_test_set ? first_member->plan.test_rows
                                            : first_member->prepared.test_rows;
    size_t first, n, column, n_held = stack->n_held;

    ba_tiles_range(stack->tiles, t, &first, &n, &column);
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0;
             stack->result->status[first + j] != BA_TARGET_SCORED && i < n_held; i++) {
            combined[i + (column + j) * n_held] = NAN;
        }
    }
    return stack->sink->predictions(stack->sink->payload, first_member->problem.fold,
        rows, n_held, stack->opts->target_start + first, n, combined + column * n_held);
}

/* Over all tiles: adds up residuals, or with weights scores. */
static int
run_tiles(stacking_t *stack)
{
    int status = BA_OK;
    size_t n_tiles = ba_tiles_count(stack->tiles), n, n_test;

    BA_TRY(make_scratch(stack));
    for (size_t t0 = 0; t0 < n_tiles; t0 += n) {
        BA_TRY(ba_ctx_check(stack->ctx));
        BA_TRY(ba_tiles_load(stack->ctx, stack->tiles, t0, &n));
        if (stack->of_test_set) {
            BA_TRY(ba_tiles_load(stack->ctx, stack->test_tiles, t0, &n_test));
        }
#pragma omp parallel for schedule(dynamic) num_threads((int) stack->n_threads)
        for (size_t i = 0; i < n; i++) {
            stack_scratch_t *own = &stack->scratch[omp_get_thread_num()];

            if (stack->weights) {
                ba_stack_score(stack, t0 + i, own, stack->combined[i]);
            } else {
                ba_stack_add(stack, t0 + i, own);
            }
        }
        for (size_t i = 0; stack->weights && stack->sink && i < n; i++) {
            BA_TRY(send(stack, t0 + i, stack->combined[i]));
        }
    }
out:
    free_scratch(stack);
    return status;
}

/* All models at one split, then the tiles. */
static int
run_split(stacking_t *stack, size_t p, size_t k)
{
    int status = BA_OK;
    const plan_t *plan = &stack->members[0].plan;

    for (size_t m = 0; m < stack->n_models; m++) {
        BA_TRY(ba_ctx_check(stack->ctx));
        BA_TRY(member_make(stack, &stack->members[m], p, k));
    }
    stack->of_test_set =
        k == SIZE_MAX && plan->data->test_design && plan->problems[p].fold < 0;
    stack->rows = stack->members[0].problem.test;
    stack->n_held =
        stack->of_test_set ? plan->test_runs.n_samples : stack->members[0].problem.n_test;
    BA_TRY(run_tiles(stack));
out:
    for (size_t m = 0; m < stack->n_models; m++) {
        member_clear(&stack->members[m]);
    }
    return status;
}

/* ---- weights ---- */

/* Every target by itself: any thread, same bits. */
static int
solve(stacking_t *stack, double *weights)
{
    int status = BA_OK;
    size_t n = stack->n_models, each = n * n + n + ba_simplex_work(n);
    double *work = NULL, certificate = stack->result->certificate;

    BA_TRY_ALLOC(work, ba_malloc(stack->n_threads, each * sizeof *work));
#pragma omp parallel for schedule(static) num_threads((int) stack->n_threads)            \
    reduction(max                                                                        \
              : certificate)
    for (size_t t = 0; t < stack->n_targets; t++) {
        double *gram = work + (size_t) omp_get_thread_num() * each, *w = gram + n * n;
        const double *pairs = stack->gram + t * stack->n_pairs;
        double gap;

        for (size_t j = 0; j < n; j++) {
            for (size_t i = 0; i <= j; i++) {
                gram[i * n + j] = gram[j * n + i] = pairs[ba_stack_pair(i, j)];
            }
        }
        gap = ba_simplex_weights(gram, n, w, w + n);
        certificate = gap > certificate ? gap : certificate;
        for (size_t j = 0; j < n; j++) {
            weights[j * stack->n_targets + t] =
                stack->result->status[t] == BA_TARGET_SCORED ? w[j] : (double) NAN;
        }
    }
    stack->result->certificate = certificate;
out:
    ba_free(work);
    return status;
}

/* Weights of problem p from its inner folds, then the scores of its test part. */
static int
run_problem(stacking_t *stack, size_t p)
{
    int status = BA_OK;
    ba_stack_result_t *result = stack->result;
    const plan_t *plan = &stack->members[0].plan;
    const problem_t *problem = &plan->problems[p];
    size_t v = stack->n_targets, fold = problem->fold < 0 ? 0 : (size_t) problem->fold;
    double *weights = problem->fold < 0
                          ? result->weights
                          : result->weights_by_fold + fold * stack->n_models * v;
    int has_test = problem->fold >= 0 || plan->data->test_design;

    for (size_t m = 0; m < stack->n_models; m++) {
        stack->members[m].alphas += fold * v;
    }
    stack->weights = NULL;
    memset(stack->gram, 0, v * stack->n_pairs * sizeof *stack->gram);
    for (size_t k = 0; k < problem->n_inner; k++) {
        BA_TRY(run_split(stack, p, k));
    }
    BA_TRY(solve(stack, weights));
    if (has_test) {
        stack->weights = weights;
        stack->r = result->r_by_fold + fold * v;
        stack->r2 = result->r2_by_fold + fold * v;
        BA_TRY(run_split(stack, p, SIZE_MAX));
    }
    if (problem->fold < 0 && has_test) {
        memcpy(result->weights_by_fold, weights, stack->n_models * v * sizeof *weights);
    }
out:
    return status;
}

/* ---- set-up ---- */

static int
open_tiles(stacking_t *stack)
{
    int status = BA_OK;
    const plan_t *plan = &stack->members[0].plan;
    const ba_fit_data_t *data = plan->data;
    tiles_opts_t opts = {.source = data->targets,
        .rows = plan->rows,
        .n_rows = plan->n_used,
        .runs = &plan->runs,
        .detrend = data->detrend,
        .nuisance = data->nuisance,
        .zscore_runs = plan->scale_targets == BA_SCALE_RUNS,
        .precision = stack->opts->precision,
        .target_start = stack->opts->target_start,
        .target_stop = stack->opts->target_start + stack->n_targets,
        .status = stack->result->status,
        .cached = ba_budget_is_cached(stack->ctx, plan),
        .n_in_flight = stack->n_threads};

    stack->tiles = data->responses ? ba_responses_lend(data->responses, 0, &opts) : NULL;
    if (!stack->tiles) {
        BA_TRY(ba_tiles_open(stack->ctx, &opts, &stack->own_tiles));
        stack->tiles = stack->own_tiles;
    }
    stack->n_slots = ba_tiles_in_flight(stack->tiles);
    if (data->test_design) {
        BA_TRY_ALLOC(
            stack->test_status, ba_calloc(stack->n_targets, sizeof *stack->test_status));
        opts.source = data->test_targets;
        opts.rows = plan->test_rows;
        opts.n_rows = plan->test_runs.n_samples;
        opts.runs = &plan->test_runs;
        opts.nuisance = data->test_nuisance;
        opts.status = stack->test_status;
        stack->test_tiles =
            data->responses ? ba_responses_lend(data->responses, 1, &opts) : NULL;
        if (!stack->test_tiles) {
            BA_TRY(ba_tiles_open(stack->ctx, &opts, &stack->own_test_tiles));
            stack->test_tiles = stack->own_test_tiles;
        }
    }
out:
    return status;
}

/* What all models hold at one split, and the inner products. */
static int
check_memory(const stacking_t *stack)
{
    double bytes = 8.0 * (double) stack->n_targets * (double) stack->n_pairs;
    double allowed = (double) ba_ctx_memory(stack->ctx);

    for (size_t m = 0; m < stack->n_models; m++) {
        const plan_t *plan = &stack->members[m].plan;
        double n = (double) plan->n_used, p = (double) plan->n_columns;
        double side = plan->solver == BA_SOLVER_PRIMAL ? p : n;

        bytes += 8.0 * side * side +
                 (double) ba_number_size(stack->opts->precision) * n * (n < p ? n : p);
    }
    if (bytes > allowed) {
        return ba_fail(BA_TOO_LARGE,
            "memory: stacking %zu models needs about %.0f MiB beside features and "
            "responses, allowed are %.0f MiB",
            stack->n_models, ceil(bytes / 1048576), floor(allowed / 1048576));
    }
    return BA_OK;
}

static int
make_result(stacking_t *stack)
{
    int status = BA_OK;
    ba_stack_result_t *result = stack->result;
    const plan_t *plan = &stack->members[0].plan;
    size_t v = plan->n_targets, n = stack->n_models;
    size_t folds = plan->data->test_design ? 1 : plan->n_outer;
    double **numbers[] = {&result->weights, &result->weights_by_fold, &result->r,
        &result->r2, &result->r_by_fold, &result->r2_by_fold};
    size_t sizes[] = {n * v, folds * n * v, v, v, folds * v, folds * v};

    *result = (ba_stack_result_t){.n_models = n, .n_targets = v};
    result->n_samples = plan->n_samples;
    result->n_used = plan->n_used;
    result->n_outer = folds;
    result->target_start = plan->opts->target_start;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        BA_TRY_ALLOC(*numbers[i], ba_malloc(sizes[i], sizeof **numbers[i]));
        for (size_t k = 0; k < sizes[i]; k++) {
            (*numbers[i])[k] = NAN;
        }
    }
    BA_TRY_ALLOC(result->n_folds, ba_calloc(v, sizeof *result->n_folds));
    BA_TRY_ALLOC(result->status, ba_calloc(v, sizeof *result->status));
    BA_TRY_ALLOC(stack->gram, ba_malloc(v, stack->n_pairs * sizeof *stack->gram));
out:
    return status;
}

static void
finish(stacking_t *stack)
{
    ba_stack_result_t *result = stack->result;
    size_t v = result->n_targets;

    for (size_t t = 0; t < v; t++) {
        double r = 0.0, r2 = 0.0;

        if (stack->test_status && stack->test_status[t] == BA_TARGET_NONFINITE) {
            result->status[t] = BA_TARGET_NONFINITE;
        }
        for (size_t k = 0; k < result->n_outer; k++) {
            double *fold_r = &result->r_by_fold[k * v + t];
            double *fold_r2 = &result->r2_by_fold[k * v + t];

            if (result->status[t] != BA_TARGET_SCORED) {
                *fold_r = *fold_r2 = NAN;
            } else if (isfinite(*fold_r)) {
                r += *fold_r;
                r2 += *fold_r2;
                result->n_folds[t]++;
            }
        }
        if (result->n_folds[t] > 0) {
            result->r[t] = r / result->n_folds[t];
            result->r2[t] = r2 / result->n_folds[t];
        } else if (result->status[t] == BA_TARGET_SCORED) {
            result->status[t] =
                result->n_outer ? BA_TARGET_NO_TEST_VARIANCE : BA_TARGET_NO_TEST;
        }
    }
}

static int
set_up(stacking_t *stack, const ba_stack_model_t *models)
{
    int status = BA_OK;

    BA_TRY_ALLOC(stack->members, ba_calloc(stack->n_models, sizeof *stack->members));
    for (size_t m = 0; m < stack->n_models; m++) {
        BA_TRY(ba_plan_make(
            stack->ctx, models[m].data, stack->opts, &stack->members[m].plan));
    }
    stack->n_targets = stack->members[0].plan.n_targets;
    BA_TRY(check_memory(stack));
    BA_TRY(make_result(stack));
    BA_TRY(open_tiles(stack));
out:
    return status;
}

static void
tear_down(stacking_t *stack)
{
    ba_tiles_close(stack->own_tiles);
    ba_tiles_close(stack->own_test_tiles);
    for (size_t m = 0; stack->members && m < stack->n_models; m++) {
        member_clear(&stack->members[m]);
        ba_plan_free(&stack->members[m].plan);
    }
    ba_free(stack->members);
    ba_free(stack->test_status);
    ba_free(stack->gram);
}

int
ba_stack_fit(const ba_ctx_t *ctx, const ba_stack_model_t *models, size_t n_models,
    const ba_fit_opts_t *opts, const ba_fit_sink_t *sink, ba_stack_result_t *result)
{
    int status = BA_OK;
    stacking_t stack = {.ctx = ctx,
        .opts = opts,
        .sink = sink && sink->predictions ? sink : NULL,
        .result = result,
        .n_models = n_models,
        .n_pairs = n_models * (n_models + 1) / 2,
        .n_threads = (size_t) ba_ctx_threads(ctx)};

    *result = (ba_stack_result_t){0};
    ba_blas_single_thread();
    BA_TRY(set_up(&stack, models));
    for (size_t p = 0; p < stack.members[0].plan.n_problems; p++) {
        int fold = stack.members[0].plan.problems[p].fold;

        for (size_t m = 0; m < n_models; m++) {
            stack.members[m].alphas =
                fold < 0 ? models[m].best_alphas : models[m].best_alphas_by_fold;
        }
        BA_TRY(run_problem(&stack, p));
        ba_ctx_progress(
            ctx, "stack", (double) (p + 1), (double) stack.members[0].plan.n_problems);
    }
    finish(&stack);
out:
    tear_down(&stack);
    if (status != BA_OK) {
        ba_stack_result_free(result);
    }
    return status;
}

void
ba_stack_result_free(ba_stack_result_t *result)
{
    ba_free(result->weights);
    ba_free(result->weights_by_fold);
    ba_free(result->r);
    ba_free(result->r2);
    ba_free(result->r_by_fold);
    ba_free(result->r2_by_fold);
    ba_free(result->n_folds);
    ba_free(result->status);
    *result = (ba_stack_result_t){0};
}
