/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stacking, one tile of targets: predictions of all models by the tile kernels, then
 * inner products of their residuals, or their weighed sum and its scores. */
#include "fit/stack_impl.h"

#include <math.h>
#include <string.h>

/* What a kernel writes beside the predictions. */
typedef struct {
    double mean[BA_TILE], scale[BA_TILE], alphas[BA_TILE];
    double r[BA_TILE], r2[BA_TILE], intercept[BA_TILE];
    int32_t constant[BA_TILE];
} aside_t;

/* Tiles as if responses were not z-scored per run: predictions stay in their units. */
static tile_t
base_tile(const tiles_t *tiles, size_t t)
{
    tile_t tile = ba_tiles_get(tiles, t);

    return (tile_t){.n_columns = tile.n_columns, .base = tile.base};
}

static tile_job_t
job_of(const member_t *member)
{
    return (tile_job_t){
        .plan = &member->plan, .prepared = &member->prepared, .refit = &member->refit};
}

size_t
ba_stack_kernel_bytes(const stacking_t *stack)
{
    size_t most = 0;

    for (size_t m = 0; m < stack->n_models; m++) {
        tile_job_t job = job_of(&stack->members[m]);
        size_t n = stack->opts->precision == BA_DOUBLE ? ba_tile_scratch_bytes_f64(&job)
                                                       : ba_tile_scratch_bytes_f32(&job);

        most = n > most ? n : most;
    }
    return most;
}

static void
predict(const stacking_t *stack, size_t m, size_t t, const stack_scratch_t *scratch,
    aside_t *aside)
{
    const member_t *member = &stack->members[m];
    tile_job_t job = job_of(member);
    size_t first, n, column;

    ba_tiles_range(stack->tiles, t, &first, &n, &column);
    for (size_t j = 0; j < BA_TILE; j++) {
        int inside = j >= column && j < column + n;
        double alpha = inside ? member->alphas[first + j - column] : 1.0;

        aside->alphas[j] = isfinite(alpha) ? alpha : 1.0;
    }
    job.tile = base_tile(stack->tiles, t);
    if (stack->of_test_set) {
        job.test_tile = base_tile(stack->test_tiles, t);
    }
    job.mean = aside->mean;
    job.scale = aside->scale;
    job.constant = aside->constant;
    job.best_alphas = aside->alphas;
    job.r = aside->r;
    job.r2 = aside->r2;
    job.intercept = aside->intercept;
    job.predictions = scratch->predictions + m * stack->n_held * BA_TILE;
    if (stack->opts->precision == BA_DOUBLE) {
        ba_tile_scale_f64(&job, scratch->kernel);
        ba_tile_refit_f64(&job, scratch->kernel);
    } else {
        ba_tile_scale_f32(&job, scratch->kernel);
        ba_tile_refit_f32(&job, scratch->kernel);
    }
}

/* Responses of column j of tile t at the rows at hand. */
static void
gather(const stacking_t *stack, size_t t, size_t j, double *y)
{
    const tiles_t *tiles = stack->of_test_set ? stack->test_tiles : stack->tiles;
    const plan_t *plan = &stack->members[0].plan;
    size_t n_base = stack->of_test_set ? plan->test_runs.n_samples : plan->n_used;
    const void *base = ba_tiles_get(tiles, t).base;

    for (size_t i = 0; i < stack->n_held; i++) {
        size_t at = (stack->of_test_set ? i : stack->rows[i]) + j * n_base;

        y[i] = stack->opts->precision == BA_DOUBLE ? ((const double *) base)[at]
                                                   : (double) ((const float *) base)[at];
    }
}

void
ba_stack_add(stacking_t *stack, size_t t, stack_scratch_t *scratch)
{
    size_t first, n, column, n_held = stack->n_held, area = n_held * BA_TILE;
    aside_t aside;

    for (size_t m = 0; m < stack->n_models; m++) {
        predict(stack, m, t, scratch, &aside);
    }
    ba_tiles_range(stack->tiles, t, &first, &n, &column);
    for (size_t j = 0; j < n; j++) {
        double *gram = stack->gram + (first + j) * stack->n_pairs;
        double *residual = scratch->predictions + (column + j) * n_held;

        gather(stack, t, column + j, scratch->response);
        for (size_t m = 0; m < stack->n_models; m++) {
            for (size_t i = 0; i < n_held; i++) {
                residual[i + m * area] = scratch->response[i] - residual[i + m * area];
            }
        }
        for (size_t b = 0; b < stack->n_models; b++) {
            for (size_t a = 0; a <= b; a++) {
                double sum = 0.0;

                for (size_t i = 0; i < n_held; i++) {
                    sum += residual[i + a * area] * residual[i + b * area];
                }
                gram[ba_stack_pair(a, b)] += sum;
            }
        }
    }
}

/* In units of the responses: z-scoring per run undone. */
static void
to_own_units(const stacking_t *stack, size_t t, size_t j, double *predictions)
{
    const plan_t *plan = &stack->members[0].plan;
    const ba_runs_t *runs = stack->of_test_set ? &plan->test_runs : &plan->runs;
    tile_t tile = ba_tiles_get(stack->of_test_set ? stack->test_tiles : stack->tiles, t);

    for (size_t i = 0; tile.run_mean && i < stack->n_held; i++) {
        size_t run = ba_runs_of(runs, stack->of_test_set ? i : stack->rows[i]);
        size_t at = run + j * runs->n_runs;

        predictions[i] = predictions[i] * tile.run_scale[at] + tile.run_mean[at];
    }
}

void
ba_stack_score(stacking_t *stack, size_t t, stack_scratch_t *scratch, double *combined)
{
    size_t first, n, column, n_held = stack->n_held, area = n_held * BA_TILE;
    aside_t aside;

    for (size_t m = 0; m < stack->n_models; m++) {
        predict(stack, m, t, scratch, &aside);
    }
    ba_tiles_range(stack->tiles, t, &first, &n, &column);
    for (size_t j = 0; j < n; j++) {
        const double *each = scratch->predictions + (column + j) * n_held;
        double *sum = combined + (column + j) * n_held;

        memset(sum, 0, n_held * sizeof *sum);
        for (size_t m = 0; m < stack->n_models; m++) {
            double weight = stack->weights[m * stack->n_targets + first + j];

            for (size_t i = 0; i < n_held; i++) {
                sum[i] += weight * each[i + m * area];
            }
        }
        gather(stack, t, column + j, scratch->response);
        ba_score_f64(BA_SCORE_R, scratch->response, n_held, sum, n_held, n_held, 1,
            stack->r + first + j);
        ba_score_f64(BA_SCORE_R2, scratch->response, n_held, sum, n_held, n_held, 1,
            stack->r2 + first + j);
        to_own_units(stack, t, column + j, sum);
    }
}
