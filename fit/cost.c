/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cost model: which form is cheaper, what it takes, how much is held at a time.
 * docs/methods.md has the derivation.
 *
 * Per problem with n training rows, m = p columns in the primal and m = n_stay rows in
 * the dual, K inner folds, A alphas, v targets: set-up  dual    n^2 p + 9 n^3 + A (n^3 +
 * sum over folds of s^3 / 3 + 2 s^2 f + 2 s f m) primal  n p^2 + 9 p^3 + 2 n p^2 + A (sum
 * over folds of s^2 p + s^3 / 3 + 2 s^2 f + 2 s f p) tiles   v (2 A (sum over folds of f)
 * m + [primal: 4 n p] + 2 n r + 2 n_test r + 2 p r), r = n or p, the last term with
 * weights. Set-up flops are float64 and partly not matrix products: they weigh
 * SETUP_WEIGHT. */
#include "fit/fit_impl.h"

#include <math.h>
#include <stdio.h>

/* Relative cost of a set-up flop to one of a float32 tile product (measured: 3.5 to 5).
 */
#define SETUP_WEIGHT 4.0

typedef struct {
    double setup, tiles;
} flops_t;

static flops_t
problem_flops(const plan_t *plan, const problem_t *problem, ba_solver_t solver)
{
    const ba_fit_opts_t *opts = plan->opts;
    double n = (double) problem->n_train, p = (double) plan->n_columns;
    double rank = solver == BA_SOLVER_DUAL ? n : p,
           alphas = (double) ba_plan_n_alphas(plan);
    double v = (double) plan->n_targets;
    double splits = 0.0, held = 0.0;
    int weights = problem->fold < 0 ? opts->want_weights : opts->want_fold_weights;
    flops_t flops;

    for (size_t k = 0; k < problem->n_inner; k++) {
        double f = (double) problem->inner[k].n_validate;
        double stay = (double) problem->inner[k].n_stay, s = n - stay;
        double m = solver == BA_SOLVER_DUAL ? stay : p;

        if (solver == BA_SOLVER_DUAL || s <= p) {
            splits += s * s * s / 3 + 2 * s * s * f + 2 * s * f * m;
            splits += solver == BA_SOLVER_PRIMAL ? 2 * s * s * p : 0.0;
        } else {
            splits += p * p * p / 3 + 2 * p * p * f + 2 * s * p * p / alphas;
        }
        held += f * m;
    }
    flops.setup =
        (solver == BA_SOLVER_DUAL ? n * n * p : 3 * n * p * p) + 9 * rank * rank * rank +
        alphas * splits +
        (solver == BA_SOLVER_DUAL && problem->n_inner > 0 ? alphas * n * n * n : 0.0);
    flops.tiles =
        v * (2 * alphas * held + 2 * n * rank + 2 * (double) problem->n_test * rank +
                (weights ? 2 * p * rank : 0.0));
    flops.tiles +=
        solver == BA_SOLVER_PRIMAL && problem->n_inner > 0 ? v * 4 * n * p : 0.0;
    return flops;
}

static flops_t
all_flops(const plan_t *plan, ba_solver_t solver)
{
    flops_t sum = {0.0, 0.0};

    for (size_t k = 0; k < plan->n_problems; k++) {
        flops_t flops = problem_flops(plan, &plan->problems[k], solver);

        sum.setup += flops.setup;
        sum.tiles += flops.tiles;
    }
    return sum;
}

/* The number of targets that the form is chosen for is that of the whole source, so that
 * shards agree. */
static double
weighted(const plan_t *plan, ba_solver_t solver)
{
    flops_t flops = all_flops(plan, solver);
    double whole =
        (double) ba_source_n_cols(plan->data->targets) / (double) plan->n_targets;

    return SETUP_WEIGHT * flops.setup + whole * flops.tiles;
}

void
ba_cost_choose_solver(plan_t *plan)
{
    ba_solver_t asked = plan->opts->solver;
    double primal = weighted(plan, BA_SOLVER_PRIMAL),
           dual = weighted(plan, BA_SOLVER_DUAL);

    if (asked != BA_SOLVER_AUTO) {
        plan->solver = asked;
        snprintf(plan->reason, sizeof plan->reason, "%s form, as asked",
            asked == BA_SOLVER_PRIMAL ? "primal" : "dual");
        return;
    }
    plan->solver = primal < dual ? BA_SOLVER_PRIMAL : BA_SOLVER_DUAL;
    snprintf(plan->reason, sizeof plan->reason,
        "%s form: %zu columns, %zu samples; %.2g weighted flops, the %s form %.2g",
        primal < dual ? "primal" : "dual", plan->n_columns, plan->n_used,
        primal < dual ? primal : dual, primal < dual ? "dual" : "primal",
        primal < dual ? dual : primal);
}

/* ---- memory ---- */

static size_t
largest_train(const plan_t *plan)
{
    size_t largest = 0;

    for (size_t k = 0; k < plan->n_problems; k++) {
        size_t n = plan->problems[k].n_train;

        largest = n > largest ? n : largest;
    }
    return largest;
}

/* Factorisation with the workspace of its making, in bytes. */
static double
factor_bytes(const plan_t *plan)
{
    double n = (double) largest_train(plan), p = (double) plan->n_columns;
    double factors = plan->strict ? 2.0 : 1.0;

    if (plan->solver == BA_SOLVER_DUAL) {
        return 8.0 * (factors * n * n + 2.5 * n * n + 2.0 * 512.0 * n);
    }
    return 8.0 * (factors * (n * p + p * p) + 2.0 * p * p + n * p);
}

static double
refit_bytes(const plan_t *plan)
{
    double n = (double) largest_train(plan), p = (double) plan->n_columns;
    double rank = plan->solver == BA_SOLVER_DUAL ? n : p;
    double size = (double) ba_number_size(plan->opts->precision);
    double numbers = n * rank;

    if (plan->opts->want_weights || plan->opts->want_fold_weights) {
        numbers += p * rank;
    }
    return size * numbers + (numbers > n * rank ? 8.0 * p * rank : 0.0);
}

static double
operator_bytes_per_alpha(const plan_t *plan, const problem_t *problem)
{
    double numbers = 0.0;

    for (size_t k = 0; k < problem->n_inner; k++) {
        numbers += (double) problem->inner[k].n_validate *
                   (plan->solver == BA_SOLVER_DUAL ? (double) problem->inner[k].n_stay
                                                   : (double) plan->n_columns + 1);
    }
    return numbers * (double) ba_number_size(plan->opts->precision);
}

/* One tile in flight: raw and transformed columns, the prepared base, a thread's scratch.
 */
static double
tile_bytes(const plan_t *plan)
{
    double n = (double) plan->n_samples, p = (double) plan->n_columns;
    double size = (double) ba_number_size(plan->opts->precision);
    double rank = plan->solver == BA_SOLVER_DUAL ? (double) largest_train(plan) : p;
    double scratch = size * (2.5 * n + 2.0 * rank) + 8.0 * n;

    if (plan->opts->want_weights || plan->opts->want_fold_weights) {
        scratch += (size + 8.0) * p;
    }
    return BA_TILE * (16.0 * n + size * n + scratch);
}

static double
result_bytes(const plan_t *plan)
{
    double v = (double) plan->n_targets, a = (double) ba_plan_n_alphas(plan);
    double folds = (double) plan->n_outer + 1;

    return 8.0 * v * (6 * folds + a * (plan->opts->want_cv ? folds : 1.0)) +
           32.0 * folds * (double) plan->n_columns;
}

/* What must be there whatever the number of tiles in flight. */
static double
fixed_bytes(const plan_t *plan)
{
    double most = 0.0;

    for (size_t k = 0; k < plan->n_problems; k++) {
        double bytes = operator_bytes_per_alpha(plan, &plan->problems[k]);

        most = bytes > most ? bytes : most;
    }
    return factor_bytes(plan) + (most > refit_bytes(plan) ? most : refit_bytes(plan)) +
           result_bytes(plan);
}

static size_t
n_tiles(const plan_t *plan)
{
    size_t start = plan->opts->target_start, stop = start + plan->n_targets;

    return (stop + BA_TILE - 1) / BA_TILE - start / BA_TILE;
}

static double
spare_bytes(const ba_ctx_t *ctx, const plan_t *plan)
{
    double spare = (double) ba_ctx_memory(ctx) - fixed_bytes(plan) -
                   tile_bytes(plan) * (double) ba_ctx_threads(ctx);

    return spare > 0.0 ? spare : 0.0;
}

size_t
ba_cost_factor_batch(const ba_ctx_t *ctx, const plan_t *plan)
{
    size_t most = (size_t) ba_ctx_threads(ctx);
    size_t fit = 1 + (size_t) (spare_bytes(ctx, plan) / 4 / factor_bytes(plan));

    if (plan->shared_outer) {
        return 1;
    }
    most = most > plan->n_problems ? plan->n_problems : most;
    return fit < most ? fit : most;
}

/* Half of what is spare goes to operators, half to tiles. */
size_t
ba_cost_alpha_chunk(const ba_ctx_t *ctx, const plan_t *plan, const problem_t *problem)
{
    size_t n_alphas = ba_plan_n_alphas(plan);
    double each = operator_bytes_per_alpha(plan, problem);
    double chunk =
        each > 0.0 ? 1.0 + spare_bytes(ctx, plan) / 2 / each : (double) n_alphas;

    return chunk >= (double) n_alphas ? n_alphas : (size_t) chunk;
}

static double
cache_bytes(const plan_t *plan)
{
    return (double) n_tiles(plan) * BA_TILE * (double) plan->n_used *
           (double) ba_number_size(plan->opts->precision);
}

/* Prepared responses stay in memory where they fit a quarter of what is spare. */
int
ba_cost_is_cached(const ba_ctx_t *ctx, const plan_t *plan)
{
    return cache_bytes(plan) <= spare_bytes(ctx, plan) / 4;
}

size_t
ba_cost_tiles_in_flight(const ba_ctx_t *ctx, const plan_t *plan)
{
    size_t threads = (size_t) ba_ctx_threads(ctx), most = 4 * threads;
    size_t fit = threads + (size_t) (spare_bytes(ctx, plan) / 4 / tile_bytes(plan));

    most = fit < most ? fit : most;
    return most > n_tiles(plan) ? n_tiles(plan) : most;
}

int
ba_cost_check(const ba_ctx_t *ctx, const plan_t *plan, ba_fit_info_t *info)
{
    flops_t flops = all_flops(plan, plan->solver);
    double bytes = fixed_bytes(plan) + tile_bytes(plan);
    double most = 0.0, allowed = (double) ba_ctx_memory(ctx);

    *info = (ba_fit_info_t){.solver = plan->solver, .shared_outer = plan->shared_outer};
    snprintf(info->reason, sizeof info->reason, "%s", plan->reason);
    info->flops_planned = flops.setup + flops.tiles;
    info->flops_tiles = flops.tiles;
    if (bytes > allowed) {
        /* The need is rounded up and the budget down: they never look equal. */
        return ba_fail(BA_TOO_LARGE,
            "memory: the %s form needs at least %.2f MiB beside the features, allowed "
            "are %.2f MiB",
            plan->solver == BA_SOLVER_DUAL ? "dual" : "primal",
            ceil(bytes / 1048576 * 100) / 100, floor(allowed / 1048576 * 100) / 100);
    }
    for (size_t k = 0; k < plan->n_problems; k++) {
        const problem_t *problem = &plan->problems[k];
        double each = operator_bytes_per_alpha(plan, problem) *
                      (double) ba_cost_alpha_chunk(ctx, plan, problem);

        most = each > most ? each : most;
    }
    bytes = factor_bytes(plan) * (double) ba_cost_factor_batch(ctx, plan) +
            (most > refit_bytes(plan) ? most : refit_bytes(plan)) + result_bytes(plan);
    bytes += tile_bytes(plan) * (double) ba_cost_tiles_in_flight(ctx, plan);
    bytes += ba_cost_is_cached(ctx, plan) ? cache_bytes(plan) : 0.0;
    info->bytes_planned = (size_t) bytes;
    return BA_OK;
}
