/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a run with bands holds at a time, as budget.c has it for one factorisation.
 *
 * A problem holds its kernels (dual) or its scaled columns, their Gram matrix and that of
 * every inner fold (primal). On top of that:
 *
 * - automatic alphas: an eigendecomposition;
 * - selecting: the operators of a chunk of alphas, and either their making side by side or
 *   the scratch of all threads;
 * - refitting: what predicts and gives weights, the unknowns of some tiles, and either
 *   factors side by side or scratch. */
#include "fit/bands.h"
#include "fit/budget_impl.h"

/* Targets solved for at a time by one thread (band_refit.c). */
#define PACK 256.0

#define SHARE_SIDE 0.2
#define SHARE_UNKNOWNS 0.4

static double
larger(double a, double b)
{
    return a > b ? a : b;
}

typedef struct {
    double n, p, m, spaces, held, stay, test, number;
} sizes_t;

static sizes_t
sizes_of(const plan_t *plan)
{
    sizes_t sizes = {.p = (double) plan->n_columns,
        .spaces = (double) plan->opts->bands.n_spaces,
        .test = (double) plan->test_runs.n_samples,
        .number = (double) ba_number_size(plan->opts->precision)};

    for (size_t k = 0; k < plan->n_problems; k++) {
        const problem_t *problem = &plan->problems[k];

        sizes.n = larger(sizes.n, (double) problem->n_train);
        sizes.test = larger(sizes.test, (double) problem->n_test);
        for (size_t i = 0; i < problem->n_inner; i++) {
            sizes.held = larger(
                sizes.held, (double) (problem->n_train - problem->inner[i].n_stay));
            sizes.stay = larger(sizes.stay, (double) problem->inner[i].n_stay);
        }
    }
    sizes.m = plan->solver == BA_SOLVER_DUAL ? sizes.n : sizes.p + 1;
    return sizes;
}

static size_t
most_inner(const plan_t *plan)
{
    size_t most = 0;

    for (size_t k = 0; k < plan->n_problems; k++) {
        most = plan->problems[k].n_inner > most ? plan->problems[k].n_inner : most;
    }
    return most;
}

/* Kernels, or columns and Gram matrices. */
static double
held_bytes(const plan_t *plan, const sizes_t *s)
{
    double products = 0.0;

    if (plan->solver == BA_SOLVER_DUAL) {
        return 8 * s->spaces * s->n * s->n;
    }
    for (size_t k = 0; k < plan->n_problems; k++) {
        products = larger(products, ba_budget_products(plan, &plan->problems[k]));
    }
    return 8 * (s->n * s->p + s->p * s->p + (double) most_inner(plan) * s->m * s->m) +
           products;
}

/* One point in the making: operators, or the factor of a solve with its targets. */
static double
point_bytes(const plan_t *plan, const sizes_t *s)
{
    double solve = s->m * s->m + s->m * PACK;

    if (plan->solver == BA_SOLVER_DUAL) {
        return 8 * larger((s->n + 32) * (s->n + 32) + s->n * s->n +
                              2 * s->held * s->stay + 2 * s->held * s->held,
                       solve);
    }
    return 8 * larger(s->m * s->m + 2 * larger(s->held, s->m) * s->m, solve);
}

static double
unknown_bytes(const sizes_t *s)
{
    return BA_TILE * s->number * s->m;
}

static double
refit_bytes(const plan_t *plan, const sizes_t *s)
{
    int dual = plan->solver == BA_SOLVER_DUAL;
    int weights = plan->opts->want_weights || plan->opts->want_fold_weights;
    double apply = s->test * (dual ? s->n : s->p);
    double back = dual && weights ? s->p * s->n : 0.0;

    return s->number * ((dual ? s->spaces : 1.0) * apply + back) + 8 * s->n * PACK +
           8 * apply;
}

double
ba_band_bytes(const ba_ctx_t *ctx, const plan_t *plan, const band_holding_t *holding,
    double tiles, double scratch)
{
    sizes_t s = sizes_of(plan);
    double held = held_bytes(plan, &s), operators = 0.0, most;
    double work =
        ba_ctx_threads(ctx) * (scratch + BA_TILE * s.number * s.spaces * s.test);
    double side = (double) holding->n_side * point_bytes(plan, &s);

    for (size_t k = 0; k < plan->n_problems; k++) {
        operators = larger(operators,
            ba_budget_operators(plan, &plan->problems[k], (double) holding->n_points));
    }
    most = held + (plan->opts->alphas.n == 0 ? 24 * s.m * s.m : 0.0);
    most = larger(most, held + operators + tiles + larger(side, work));
    return larger(most, held + refit_bytes(plan, &s) + tiles +
                            (double) holding->n_tiles * unknown_bytes(&s) +
                            larger(side, work));
}

size_t
ba_band_side(const ba_ctx_t *ctx, const plan_t *plan)
{
    sizes_t s = sizes_of(plan);
    double more = SHARE_SIDE * ba_budget_spare(ctx, plan) / point_bytes(plan, &s);
    size_t most = (size_t) ba_ctx_threads(ctx);

    return 1.0 + more >= (double) most ? most : (size_t) (1.0 + more);
}

/* Whole blocks of tiles in flight. */
size_t
ba_band_tiles_of(const ba_ctx_t *ctx, const plan_t *plan, size_t flight)
{
    sizes_t s = sizes_of(plan);
    size_t all = ba_budget_n_tiles(plan);
    double more = SHARE_UNKNOWNS * ba_budget_spare(ctx, plan) / unknown_bytes(&s);
    size_t blocks;

    if ((double) flight + more >= (double) all) {
        return all;
    }
    blocks = (size_t) (((double) flight + more) / (double) flight);
    return blocks * flight;
}

size_t
ba_band_tiles(const ba_ctx_t *ctx, const plan_t *plan)
{
    return ba_band_tiles_of(ctx, plan, ba_budget_tiles_in_flight(ctx, plan));
}

double
ba_band_result_bytes(const plan_t *plan)
{
    const ba_bands_t *bands = &plan->opts->bands;
    double v = (double) plan->n_targets, folds = (double) plan->n_outer + 1;
    double spaces = (double) bands->n_spaces, curves = 0.0;
    double models = (double) ba_bands_n_models(bands);

    if (plan->opts->want_cv) {
        curves =
            (double) bands->n_candidates * (folds + 2) + (double) ba_plan_n_alphas(plan);
    }
    models = models > 1 ? 2 * models * folds : 0.0;
    return 8 * v * (4 * spaces * folds + curves + models + 3);
}
