/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a run holds at a time, and how the memory budget decides it. Nothing here changes
 * a bit of the result.
 *
 * Beside the features a run holds, all through: results, and once they were read tiles in
 * flight (raw, transformed, prepared), every prepared tile where they are kept, totals. On
 * top of that the most demanding moment of a problem counts:
 *
 * - factorising: batch x (factor with the workspace of its making);
 * - making operators: batch x factor, in the primal the blocks of the training rows, in
 *   the dual the residual maker and its root, operators of a chunk of alphas;
 * - selecting: the operators and every thread's scratch;
 * - making the refit: batch x factor, the blocks or project, back in float64, back and
 *   apply in the run's precision;
 * - refitting: the same without float64, and every thread's scratch. */
#include "fit/bands.h"
#include "fit/budget_impl.h"
#include "linalg/quadratic.h"

#include <math.h>
#include <stdio.h>

/* Columns of the design that a panel holds (model/ridge.c, linalg/gram.h). */
#define PANEL 512.0

/* Blocks that a tile's scratch has room for (fit/tile_kernels.h). */
#define KEPT_BLOCKS 17.0

/* Tiles in flight for each thread: enough to keep all of them busy. */
#define TILES_A_THREAD 2

/* Of what the smallest form leaves of the budget. */
#define SHARE_ALPHAS 0.6
#define SHARE_POINTS 0.2 /* the same with bands, whose refit holds more */

static double
larger(double a, double b)
{
    return a > b ? a : b;
}

static double
number_size(const plan_t *plan)
{
    return (double) ba_number_size(plan->opts->precision);
}

double
ba_budget_largest_train(const plan_t *plan)
{
    double largest = 0.0;

    for (size_t k = 0; k < plan->n_problems; k++) {
        largest = larger(largest, (double) plan->problems[k].n_train);
    }
    return largest;
}

static double
largest_test(const plan_t *plan)
{
    double largest = (double) plan->test_runs.n_samples;

    for (size_t k = 0; k < plan->n_problems; k++) {
        largest = larger(largest, (double) plan->problems[k].n_test);
    }
    return largest;
}

static double
largest_held(const plan_t *plan)
{
    double largest = 0.0;

    for (size_t k = 0; k < plan->n_problems; k++) {
        for (size_t i = 0; i < plan->problems[k].n_inner; i++) {
            largest = larger(largest, (double) plan->problems[k].inner[i].n_validate);
        }
    }
    return largest;
}

static int
is_dual(const plan_t *plan)
{
    return plan->solver == BA_SOLVER_DUAL;
}

static double
rank_of(const plan_t *plan)
{
    return is_dual(plan) ? ba_budget_largest_train(plan) : (double) plan->n_columns;
}

static int
wants_weights(const plan_t *plan)
{
    return plan->opts->want_weights || plan->opts->want_fold_weights;
}

static double
factor_bytes(const plan_t *plan)
{
    double n = ba_budget_largest_train(plan), p = (double) plan->n_columns;

    return is_dual(plan) ? 8 * n * n + ba_budget_shifts(plan) : 8 * (n * p + p * p);
}

/* The eigendecomposition holds two more matrices; the primal form the design beside its
 * scores, too; a single pass (model/ridge_pass.c) the products with test rows, and a panel
 * of all rows packed twice. */
static double
factoring_bytes(const plan_t *plan)
{
    double n = ba_budget_largest_train(plan), p = (double) plan->n_columns;
    double all = n + largest_test(plan);
    double products = larger(24 * n * n, 8 * n * n + 8 * all * all);

    products = larger(products, ba_budget_reducing(plan));
    return is_dual(plan) ? products + 8 * (all - n) * n + 12 * PANEL * all
                         : 16 * n * p + 24 * p * p;
}

double
ba_budget_n_products(const plan_t *plan)
{
    return is_dual(plan) ? 0.0 : (double) plan->n_columns + 1;
}

static int
is_projected(const plan_t *plan, const split_t *split)
{
    return !is_dual(plan) && !plan->strict &&
           ba_cost_is_projected(plan, split->n_validate);
}

/* Rows of a split's operators. */
double
ba_budget_predicted(const plan_t *plan, const split_t *split)
{
    return is_projected(plan, split) ? ba_budget_n_products(plan)
                                     : (double) split->n_validate;
}

/* Blocks of a primal problem, which its selection and refit share. */
double
ba_budget_products(const plan_t *plan, const problem_t *problem)
{
    double m = ba_budget_n_products(plan), mixes = 0.0;

    for (size_t k = 0; k < problem->n_inner; k++) {
        mixes += is_projected(plan, &problem->inner[k]) ? m * m : 0.0;
    }
    return number_size(plan) * ((double) problem->n_train * m + mixes) + 8 * mixes;
}

double
ba_budget_operators(const plan_t *plan, const problem_t *problem, double n_alphas)
{
    double numbers = 0.0, gaps = 0.0, m = ba_budget_n_products(plan);

    if (ba_cost_is_pooled(plan, problem)) {
        return n_alphas * (double) (plan->opts->precision == BA_DOUBLE
                                        ? ba_quadratic_bytes_f64(problem->n_train)
                                        : ba_quadratic_bytes_f32(problem->n_train));
    }
    for (size_t k = 0; k < problem->n_inner; k++) {
        const split_t *split = &problem->inner[k];

        numbers += ba_budget_predicted(plan, split) *
                   (is_dual(plan) ? (double) split->n_stay : m);
        gaps += m * (double) (problem->n_train - split->n_stay - split->n_validate);
    }
    /* a kernel that may not be reduced has eigenvalues */
    return larger(number_size(plan) * (numbers * n_alphas + gaps),
        ba_budget_reduced(plan, problem, n_alphas));
}

/* An inner fold's own factorisation has three matrices of its validation rows beside it. */
static double
strict_bytes(const plan_t *plan)
{
    return 24 * largest_held(plan) * rank_of(plan);
}

/* What a refit holds in float64 while it is made. */
static double
refit_making(const plan_t *plan)
{
    double back = wants_weights(plan) ? (double) plan->n_columns * rank_of(plan) : 0.0;

    return 8 * larger(back, largest_test(plan) * rank_of(plan));
}

static double
refit_bytes(const plan_t *plan)
{
    double n = ba_budget_largest_train(plan), p = (double) plan->n_columns,
           rank = rank_of(plan);
    double apply = largest_test(plan) * rank, back = wants_weights(plan) ? p * rank : 0.0;
    double project = is_dual(plan) && plan->opts->precision == BA_SINGLE ? n * rank : 0.0;
    double size = plan->reduces ? sizeof(double) : number_size(plan);

    if (plan->shared_outer) {
        apply += (double) ba_plan_n_alphas(plan) * largest_test(plan) *
                 (is_dual(plan) ? n : rank + 1);
    }
    return number_size(plan) * project + size * (back + apply) + refit_making(plan);
}

/* Raw and transformed columns of a fixed test set, and their sum over repeats. */
static double
test_flight_numbers(const plan_t *plan)
{
    const ba_fit_data_t *data = plan->data;
    double used = (double) plan->test_runs.n_samples;

    if (!data->test_design) {
        return 0.0;
    }
    return (double) data->test_runs->n_samples +
           used * (ba_source_n_slabs(data->test_targets) > 1 ? 2 : 1);
}

/* One tile in flight: raw and transformed columns, and what goes out. */
static double
flight_bytes(const plan_t *plan)
{
    double n = (double) plan->n_samples, used = (double) plan->n_used;
    double out = 12.0 * (double) ba_plan_n_alphas(plan) + 8 * test_flight_numbers(plan);

    out += wants_weights(plan) ? 8 * (double) plan->n_columns : 0.0;
    out += plan->opts->want_predictions ? 8 * largest_test(plan) : 0.0;
    return BA_TILE * (8 * n + 8 * used + out);
}

static double
base_bytes(const plan_t *plan)
{
    double runs = (double) (plan->runs.n_runs + plan->test_runs.n_runs);
    double statistics = plan->scale_targets == BA_SCALE_RUNS ? 16 * runs : 0.0;

    return BA_TILE *
           (statistics +
               number_size(plan) * (double) (plan->n_used + plan->test_runs.n_samples));
}

static double
scratch_bytes(const plan_t *plan)
{
    double n = (double) plan->n_used, m = ba_budget_n_products(plan);
    double rhs = is_dual(plan) ? n : m, parts = 0.0;
    double held = larger(m, larger(largest_test(plan), largest_held(plan)));
    double numbers = n + rhs + larger(rank_of(plan), m) + 2 * held;

    for (size_t k = 0; k < plan->n_problems; k++) {
        const problem_t *problem = &plan->problems[k];
        double blocks = (double) problem->n_inner + 1, each = 1.0;

        for (size_t i = 0; i < problem->n_inner; i++) {
            each = is_projected(plan, &problem->inner[i]) ? 2.0 : each;
        }
        parts = larger(parts, each * (blocks < KEPT_BLOCKS ? blocks : KEPT_BLOCKS));
    }
    numbers += m * parts + (wants_weights(plan) ? (double) plan->n_columns : 0.0);
    return BA_TILE * number_size(plan) * numbers + ba_budget_wide(plan, held);
}

static double
result_bytes(const plan_t *plan)
{
    double v = (double) plan->n_targets, a = (double) ba_plan_n_alphas(plan);
    double folds = (double) plan->n_outer + 1,
           curves = plan->opts->want_cv ? folds + 1 : 1.0;

    return 8 * v * (6 * folds + 4 + a * curves) + 32 * folds * (double) plan->n_columns;
}

/* Products of all training rows with every target, kept for the refit. */
static double
totals_bytes(const plan_t *plan)
{
    return is_dual(plan) ? 0.0
                         : (double) ba_budget_n_tiles(plan) * BA_TILE *
                               number_size(plan) * ((double) plan->n_columns + 1);
}

size_t
ba_budget_n_tiles(const plan_t *plan)
{
    size_t start = plan->opts->target_start, stop = start + plan->n_targets;

    return (stop + BA_TILE - 1) / BA_TILE - start / BA_TILE;
}

/* What is decided by the budget. */
typedef struct {
    size_t n_alphas, n_flight, n_batch;
    int is_cached, keeps_totals;
    band_holding_t bands;
} holding_t;

/* The most that a problem needs while `tiles` bytes of responses are there. Before the
 * first stage they are not yet, unless an earlier problem or chunk of alphas read them. */
static double
problem_bytes(
    const ba_ctx_t *ctx, const plan_t *plan, const holding_t *holding, double tiles)
{
    double n_alphas = (double) ba_plan_n_alphas(plan);
    double factors = (double) holding->n_batch * factor_bytes(plan), operators = 0.0;
    double making = ba_budget_making(ctx, plan), products = 0.0, most;
    double work = ba_ctx_threads(ctx) * scratch_bytes(plan);
    double factoring = (double) holding->n_batch *
                       larger(factoring_bytes(plan), ba_budget_making_pca(plan));
    int is_read = plan->n_problems > holding->n_batch;

    for (size_t k = 0; k < plan->n_problems; k++) {
        operators = larger(operators,
            ba_budget_operators(plan, &plan->problems[k], (double) holding->n_alphas));
        products = larger(products, ba_budget_products(plan, &plan->problems[k]));
    }
    if (plan->strict) {
        making = larger(
            making, factoring_bytes(plan) + strict_bytes(plan) + ba_budget_pca(plan));
        making = larger(making, ba_budget_making_pca(plan) + ba_budget_pca(plan));
    }
    most = factoring + (is_read ? tiles : 0.0);
    is_read |= plan->n_problems > 1 || (double) holding->n_alphas < n_alphas;
    factors += products;
    most = larger(
        most, factors + ba_budget_making_blocks(ctx, plan) + (is_read ? tiles : 0.0));
    most = larger(most, factors + operators + making + (is_read ? tiles : 0.0));
    most = larger(most, factors + operators + tiles + work);
    most = larger(most, factors + refit_bytes(plan) + tiles);
    return larger(most, factors + refit_bytes(plan) - refit_making(plan) + tiles + work);
}

static double
total_bytes(const ba_ctx_t *ctx, const plan_t *plan, const holding_t *holding)
{
    double n_base =
        (double) (holding->is_cached ? ba_budget_n_tiles(plan) : holding->n_flight);
    double tiles = (double) holding->n_flight * flight_bytes(plan) +
                   n_base * base_bytes(plan) +
                   (holding->keeps_totals ? totals_bytes(plan) : 0.0);
    double pca =
        (double) holding->n_batch * ba_budget_pca(plan) + ba_budget_kept_pca(plan);

    if (ba_plan_is_banded(plan)) {
        return result_bytes(plan) + pca + ba_budget_making_pca(plan) +
               ba_band_result_bytes(plan) +
               ba_band_bytes(ctx, plan, &holding->bands, tiles, scratch_bytes(plan));
    }
    return result_bytes(plan) + pca + problem_bytes(ctx, plan, holding, tiles);
}

static holding_t
smallest_holding(const ba_ctx_t *ctx, const plan_t *plan)
{
    size_t threads = (size_t) ba_ctx_threads(ctx), tiles = ba_budget_n_tiles(plan);

    threads = threads < tiles ? threads : tiles;
    return (holding_t){1, threads, 1, 0, 0, {1, 1, threads}};
}

double
ba_budget_spare(const ba_ctx_t *ctx, const plan_t *plan)
{
    holding_t smallest = smallest_holding(ctx, plan);

    return larger(0.0, (double) ba_ctx_memory(ctx) - total_bytes(ctx, plan, &smallest));
}

static int
fits(const ba_ctx_t *ctx, const plan_t *plan, const holding_t *holding)
{
    return total_bytes(ctx, plan, holding) <= (double) ba_ctx_memory(ctx);
}

/* As many alphas at a time as pass in their share of what the smallest form leaves, in
 * chunks of about the same size. */
static size_t
alpha_chunk(const ba_ctx_t *ctx, const plan_t *plan, holding_t holding)
{
    double least = total_bytes(ctx, plan, &holding);
    double share = ba_plan_is_banded(plan) ? SHARE_POINTS : SHARE_ALPHAS;
    double most = least + share * ((double) ba_ctx_memory(ctx) - least);
    size_t n_alphas = ba_plan_n_alphas(plan);

    holding.n_alphas = n_alphas;
    holding.bands.n_points = n_alphas;
    while (holding.n_alphas > 1 && total_bytes(ctx, plan, &holding) > most) {
        holding.bands.n_points = --holding.n_alphas;
    }
    return (n_alphas - 1) / ((n_alphas + holding.n_alphas - 1) / holding.n_alphas) + 1;
}

/* Takes what helps most first: alphas, tiles in flight, prepared tiles and totals that
 * are kept, problems side by side. */
static holding_t
choose(const ba_ctx_t *ctx, const plan_t *plan)
{
    holding_t holding = smallest_holding(ctx, plan);
    size_t threads = (size_t) ba_ctx_threads(ctx), least = holding.n_flight;
    size_t flight = TILES_A_THREAD * threads, batch = threads;

    holding.n_alphas = alpha_chunk(ctx, plan, holding);
    holding.bands.n_points = holding.n_alphas;
    flight = flight > ba_budget_n_tiles(plan) ? ba_budget_n_tiles(plan) : flight;
    for (holding.n_flight = flight; holding.n_flight > least; holding.n_flight--) {
        if (fits(ctx, plan, &holding)) {
            break;
        }
    }
    if (ba_plan_is_banded(plan)) {
        holding.bands.n_side = ba_band_side(ctx, plan);
        holding.bands.n_tiles = ba_band_tiles_of(ctx, plan, holding.n_flight);
        batch = 1;
    }
    holding.is_cached = 1;
    holding.is_cached = fits(ctx, plan, &holding);
    holding.keeps_totals = totals_bytes(plan) > 0.0;
    holding.keeps_totals = holding.keeps_totals && fits(ctx, plan, &holding);
    batch = batch > plan->n_problems ? plan->n_problems : batch;
    for (holding.n_batch = plan->shared_outer ? 1 : batch; holding.n_batch > 1;
         holding.n_batch--) {
        if (fits(ctx, plan, &holding)) {
            break;
        }
    }
    return holding;
}

size_t
ba_budget_alpha_chunk(const ba_ctx_t *ctx, const plan_t *plan)
{
    return choose(ctx, plan).n_alphas;
}

int
ba_budget_keeps_totals(const ba_ctx_t *ctx, const plan_t *plan)
{
    return choose(ctx, plan).keeps_totals;
}

int
ba_budget_is_cached(const ba_ctx_t *ctx, const plan_t *plan)
{
    return choose(ctx, plan).is_cached;
}

size_t
ba_budget_tiles_in_flight(const ba_ctx_t *ctx, const plan_t *plan)
{
    return choose(ctx, plan).n_flight;
}

size_t
ba_budget_factor_batch(const ba_ctx_t *ctx, const plan_t *plan)
{
    return choose(ctx, plan).n_batch;
}

int
ba_budget_check(const ba_ctx_t *ctx, const plan_t *plan, ba_fit_info_t *info)
{
    holding_t holding = smallest_holding(ctx, plan);
    double bytes = total_bytes(ctx, plan, &holding),
           allowed = (double) ba_ctx_memory(ctx);

    *info = (ba_fit_info_t){.solver = plan->solver, .shared_outer = plan->shared_outer};
    snprintf(info->reason, sizeof info->reason, "%s", plan->reason);
    info->flops_planned = ba_cost_flops(plan, &info->flops_tiles);
    ba_plan_count_splits(plan, info);
    if (bytes > allowed) {
        /* The need is rounded up and the budget down: they never look equal. */
        return ba_fail(BA_TOO_LARGE,
            "memory: the %s form needs at least %.2f MiB beside the features, allowed "
            "are %.2f MiB",
            is_dual(plan) ? "dual" : "primal", ceil(bytes / 1048576 * 100) / 100,
            floor(allowed / 1048576 * 100) / 100);
    }
    holding = choose(ctx, plan);
    info->bytes_planned = (size_t) total_bytes(ctx, plan, &holding);
    info->keeps_responses = holding.is_cached;
    info->n_in_flight = holding.n_flight;
    return BA_OK;
}
