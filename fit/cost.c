/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cost model: which form is cheaper (docs/methods.md, "Cost model").
 *
 * Per problem with n training rows, K inner folds (s rows left out, f predicted), A alphas,
 * v targets; m = p columns in the primal, the rows that stay in the dual; sums over folds:
 *
 *   set-up, dual    n^2 p + 9 n^3 + A (n^3 + sum (s^3/3 + 2 s^2 f + 2 s f m))
 *   set-up, primal  3 n p^2 + 9 p^3 + A sum (p^3 + 2 p^2 f) + sum 2 s p^2,
 *                   or, where s <= p, A sum (2 s^2 p + s^3/3 + 2 s^2 f + 2 s f p)
 *   tiles           v (2 A m sum f + [primal: 4 n p] + 2 n r + 2 n_test r
 *                   + [weights: 2 p r]) with r = n or p
 *
 * Set-up flops are float64 and partly not matrix products: they weigh SETUP_WEIGHT. */
#include "fit/fit_impl.h"

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
            splits += p * p * p + 2 * p * p * f + 2 * s * p * p / alphas;
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

double
ba_cost_flops(const plan_t *plan, double *tiles)
{
    flops_t flops = all_flops(plan, plan->solver);

    *tiles = flops.tiles;
    return flops.setup + flops.tiles;
}
