/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cost model: which form is cheaper (docs/methods.md, "Cost model").
 *
 * Per problem with n training rows, K inner folds (s rows left out, f predicted), A alphas,
 * v targets; m = p + 1 products in the primal, the rows that stay in the dual; q = f, or
 * m where the fold is projected (primal, f A > 1.2 m (A + 1)); sums over folds:
 *
 *   set-up, dual    n^2 p + 9 n^3 + A (n^3 + sum (s^3/3 + 2 s^2 f + 2 s f m))
 *   set-up, primal  3 n p^2 + 9 p^3 + sum of
 *                     projected          4 f m^2 + s m^2 + 2 A m^3
 *                     else, where s > m  s m^2 + A (m^3 + 2 f m^2)
 *                     else               A (2 s^2 m + s^3/3 + 2 s^2 f + 2 s f m)
 *   pooled, dual    A n^3 more set-up, in the precision of the run, and A n^2 a target
 *                   instead of 2 A sum f m: mean squared error, every row in a fold, and
 *                   cheaper by this count
 *   tiles, dual     v (2 A sum f m + 2 n^2 + 2 n_test n + [weights: 2 p n])
 *   tiles, primal   v (2 A sum q m + 2 n m + [projected: 2 m^2 each] + 2 n_test p +
 *                      [weights: 2 p^2])
 *
 * Dual kernels are reduced instead of decomposed (model/ridge_reduced.h, w the width of
 * the band) where explicit alphas are all that is asked for and this is less by a fifth:
 *
 *   set-up  n^2 p + 8/3 n^3 + A sum (s^2 n + s^3 + 3 w n s)
 *   tiles   v (4 n^2 + A (2 n^2 + 96 w n + sum 2 s f) + ...), in float64
 *
 * With bands, C candidates of k spaces, there is no eigendecomposition:
 *
 *   set-up, dual    n^2 p + C A (n^3 + folds and pooled as above) + 1/3 n^3 a used point
 *   set-up, primal  n p^2 + C A sum (m^3 + 2 q m^2) + 1/3 p^3 a used point
 *   tiles           v (C A (2 sum f m, or n^2 pooled) + 2 m^2 + 2 n_test (k n or p) + [weights:
 *                   2 p n in the dual])
 *
 * Set-up flops are float64 and partly not matrix products: they weigh SETUP_WEIGHT. */
#include "fit/fit_impl.h"
#include "linalg/reduced.h"
#include "model/design_impl.h"

#include <stdio.h>
#include <string.h>

/* Relative cost of a set-up flop to one of a tile product: it is in float64 and partly no
 * matrix product (measured beside float32 tiles: 3.5 to 5). */
#define SETUP_WEIGHT_SINGLE 4.0
#define SETUP_WEIGHT_DOUBLE 2.0

/* A triangular product runs slower than a general one, for each flop (where amx.c does
 * not make it faster, which the choice must not depend on). */
#define TRMM_SLOWER 1.15

/* E'E and what is made of it, times n^3, relative to the flops of tiles. */
#define POOLED_SETUP 1.5

/* Products in float64 beside float32. */
#define DOUBLE_SLOWER 2.0

/* Solving in a band is many small products, in float64. */
#define BAND_SLOWER 8.0

/* A reduced kernel must be worth that it may turn out not to be good enough, and tiles that
 * take longer, which few targets are too few of for all threads. */
#define REDUCING_GAIN 1.25

/* A basis for a block costs a QR decomposition and one more product a tile. */
#define PROJECTION_GAIN 1.2

typedef struct {
    double setup, tiles;
} flops_t;

/* The number of targets that forms are chosen for is that of the whole source, so that
 * shards agree. */
static double
whole_targets(const plan_t *plan)
{
    return (double) ba_source_n_cols(plan->data->targets);
}

static double
setup_weight(const plan_t *plan)
{
    return plan->opts->precision == BA_DOUBLE ? SETUP_WEIGHT_DOUBLE : SETUP_WEIGHT_SINGLE;
}

/* One inner fold: s rows left out, f predicted. */
static flops_t
dual_fold(double s, double f, double stay, double alphas)
{
    return (flops_t){alphas * (s * s * s / 3 + 2 * s * s * f + 2 * s * f * stay),
        2 * alphas * f * stay};
}

static flops_t
primal_fold(double s, double f, double m, double alphas, int is_projected)
{
    if (is_projected) {
        return (flops_t){4 * f * m * m + s * m * m + 2 * alphas * m * m * m,
            2 * alphas * m * m + 2 * m * m};
    }
    if (s > m) {
        return (flops_t){
            s * m * m + alphas * (m * m * m + 2 * f * m * m), 2 * alphas * f * m};
    }
    return (flops_t){
        alphas * (2 * s * s * m + s * s * s / 3 + 2 * s * s * f + 2 * s * f * m),
        2 * alphas * f * m};
}

/* What one quadratic form of all folds saves in a dual problem, weighted; 0 or less where
 * it does not apply. */
static double
pooled_gain(const plan_t *plan, const problem_t *problem)
{
    double n = (double) problem->n_train, residuals = 0.0, held = 0.0;
    double alphas = (double) ba_plan_n_alphas(plan);

    if (plan->strict || plan->opts->select != BA_SCORE_MSE) {
        return 0.0;
    }
    for (size_t k = 0; k < problem->n_inner; k++) {
        const split_t *split = &problem->inner[k];

        residuals += 2 * (double) split->n_validate * (double) split->n_stay;
        held += (double) split->n_validate;
    }
    if (held < n) {
        return 0.0;
    }
    return alphas * ((residuals - TRMM_SLOWER * n * n) * whole_targets(plan) -
                        POOLED_SETUP * n * n * n);
}

int
ba_cost_is_pooled(const plan_t *plan, const problem_t *problem)
{
    return plan->solver == BA_SOLVER_DUAL && pooled_gain(plan, problem) > 0.0;
}

/* Points that are solved for in the end: as if every target chose another, or all were
 * chosen. */
static double
used_points(const plan_t *plan, double points)
{
    double targets = whole_targets(plan);

    return points < targets ? points : targets;
}

static flops_t
band_flops(const plan_t *plan, const problem_t *problem, ba_solver_t solver)
{
    const ba_fit_opts_t *opts = plan->opts;
    int dual = solver == BA_SOLVER_DUAL;
    double n = (double) problem->n_train, p = (double) plan->n_columns, m = dual ? n : p;
    double points = (double) ba_plan_n_alphas(plan) * (double) opts->bands.n_candidates;
    double test =
        (double) problem->n_test * (dual ? (double) opts->bands.n_spaces * n : p);
    int weights = problem->fold < 0 ? opts->want_weights : opts->want_fold_weights;
    double target = 2 * m * m + 2 * test + (dual && weights ? 2 * p * n : 0.0);
    flops_t sum = {m * n * p + used_points(plan, points) * m * m * m / 3, 0.0};
    int is_pooled = dual && pooled_gain(plan, problem) > 0.0;

    for (size_t k = 0; k < problem->n_inner; k++) {
        const split_t *split = &problem->inner[k];
        double f = (double) split->n_validate, stay = (double) split->n_stay;
        int projected = !dual && ba_cost_is_projected(plan, split->n_validate);
        double q = projected ? p + 1 : f;

        sum.setup += dual ? points * dual_fold(n - stay, f, stay, 1.0).setup
                          : points * (p * p * p + 2 * q * p * p);
        target += is_pooled ? 0.0 : points * 2 * q * (dual ? stay : p);
    }
    if (problem->n_inner > 0 && dual) {
        sum.setup += points * n * n * n;
        sum.setup +=
            is_pooled ? points * POOLED_SETUP * n * n * n / setup_weight(plan) : 0.0;
        target += is_pooled ? points * n * n : 0.0;
    }
    sum.tiles = (double) plan->n_targets * target;
    return sum;
}

/* A dual problem whose kernel is reduced. */
static flops_t
reduced_flops(const plan_t *plan, const problem_t *problem)
{
    double n = (double) problem->n_train, p = (double) plan->n_columns;
    double alphas = (double) ba_plan_n_alphas(plan), target = 0.0;
    double w = (double) ba_reduced_width(problem->n_train);
    int weights =
        problem->fold < 0 ? plan->opts->want_weights : plan->opts->want_fold_weights;
    flops_t sum = {n * n * p + 8.0 / 3 * n * n * n, 0.0};

    for (size_t k = 0; k < problem->n_inner; k++) {
        const split_t *split = &problem->inner[k];
        double f = (double) split->n_validate, s = n - (double) split->n_stay;

        sum.setup += alphas * (s * s * n + s * s * s + 3 * w * n * s);
        target += alphas * 2 * s * f;
    }
    if (problem->n_inner > 0) {
        target += 2 * n * n + alphas * (2 * n * n + BAND_SLOWER * 6 * w * n);
    }
    /* the refit solves for a tile at every alpha that one of its targets chose */
    target += alphas * BAND_SLOWER * 6 * w * n;
    target += 2 * n * n + 2 * (double) problem->n_test * n + (weights ? 2 * p * n : 0.0);
    if (plan->opts->precision == BA_SINGLE) {
        target *= DOUBLE_SLOWER;
    }
    sum.tiles = (double) plan->n_targets * target;
    return sum;
}

static flops_t
problem_flops(const plan_t *plan, const problem_t *problem, ba_solver_t solver)
{
    const ba_fit_opts_t *opts = plan->opts;
    double n = (double) problem->n_train, p = (double) plan->n_columns, m = p + 1;
    double rank = solver == BA_SOLVER_DUAL ? n : p;
    double alphas = (double) ba_plan_n_alphas(plan), target = 0.0, residual_flops = 0.0;
    int weights = problem->fold < 0 ? opts->want_weights : opts->want_fold_weights;
    flops_t sum = {9 * rank * rank * rank, 0.0};

    if (plan->reduces) {
        return reduced_flops(plan, problem);
    }
    sum.setup += solver == BA_SOLVER_DUAL ? n * n * p : 3 * n * p * p;
    if (solver == BA_SOLVER_DUAL && problem->n_inner > 0) {
        sum.setup += alphas * n * n * n;
    }
    for (size_t k = 0; k < problem->n_inner; k++) {
        const split_t *split = &problem->inner[k];
        double f = (double) split->n_validate, stay = (double) split->n_stay;
        flops_t fold =
            solver == BA_SOLVER_DUAL
                ? dual_fold(n - stay, f, stay, alphas)
                : primal_fold(n - stay, f, m, alphas,
                      !plan->strict && ba_cost_is_projected(plan, split->n_validate));

        sum.setup += fold.setup;
        residual_flops += fold.tiles;
    }
    target += residual_flops;
    target += 2 * n * (solver == BA_SOLVER_DUAL ? n : m);
    target += 2 * (double) problem->n_test * rank + (weights ? 2 * p * rank : 0.0);
    if (solver == BA_SOLVER_DUAL && pooled_gain(plan, problem) > 0.0) {
        sum.setup += alphas * POOLED_SETUP * n * n * n / setup_weight(plan);
        target += alphas * n * n - residual_flops;
    }
    sum.tiles = (double) plan->n_targets * target;
    return sum;
}

/* Principal components of one problem: the Gram matrix of m = min(n, p) rows, its
 * eigendecomposition, and the components of all samples. */
static double
pca_flops(const plan_t *plan, const problem_t *problem)
{
    const ba_design_t *design = plan->data->design;
    double n = (double) problem->n_train, flops = 0.0;

    for (size_t s = 0; s < design->n_spaces; s++) {
        double p = (double) design->spaces[s].n_features, m = p < n ? p : n;
        double k = (double) design->spaces[s].n_components;

        flops += k > 0.0 ? n * p * m + 9 * m * m * m : 0.0;
        flops += 2 * k * p * (double) plan->n_samples;
    }
    return flops;
}

static flops_t
all_flops(const plan_t *plan, ba_solver_t solver)
{
    flops_t sum = {0.0, 0.0};

    for (size_t k = 0; k < plan->n_problems; k++) {
        flops_t flops = ba_plan_is_banded(plan)
                            ? band_flops(plan, &plan->problems[k], solver)
                            : problem_flops(plan, &plan->problems[k], solver);

        sum.setup += flops.setup + pca_flops(plan, &plan->problems[k]);
        sum.tiles += flops.tiles;
    }
    return sum;
}

static double
weighted(const plan_t *plan, ba_solver_t solver)
{
    flops_t flops = all_flops(plan, solver);
    double whole = whole_targets(plan) / (double) plan->n_targets;

    return setup_weight(plan) * flops.setup + whole * flops.tiles;
}

/* How the inner folds of the final fit are scored. */
static const char *
inner_form(const plan_t *plan)
{
    const problem_t *problem = &plan->problems[plan->n_problems - 1];

    if (plan->strict || problem->n_inner == 0) {
        return "";
    }
    if (plan->solver == BA_SOLVER_DUAL) {
        return ba_cost_is_pooled(plan, problem) ? "; inner folds as one quadratic form"
                                                : "";
    }
    return ba_cost_is_projected(plan, problem->inner[0].n_validate)
               ? "; inner folds in bases of their own"
               : "";
}

void
ba_cost_choose_solver(plan_t *plan)
{
    ba_solver_t asked = plan->opts->solver;
    double primal = weighted(plan, BA_SOLVER_PRIMAL),
           dual = weighted(plan, BA_SOLVER_DUAL);

    if (asked != BA_SOLVER_AUTO) {
        plan->solver = asked;
        snprintf(plan->reason, sizeof plan->reason, "%s form, as asked%s",
            asked == BA_SOLVER_PRIMAL ? "primal" : "dual", inner_form(plan));
        return;
    }
    plan->solver = primal < dual ? BA_SOLVER_PRIMAL : BA_SOLVER_DUAL;
    snprintf(plan->reason, sizeof plan->reason,
        "%s form: %zu columns, %zu samples; %.2g weighted flops, the %s form %.2g%s",
        primal < dual ? "primal" : "dual", plan->n_columns, plan->n_used,
        primal < dual ? primal : dual, primal < dual ? "dual" : "primal",
        primal < dual ? dual : primal, inner_form(plan));
}

/* Whether every alpha is known, inner folds need no more than the one factorisation gives,
 * and more columns than samples reach every direction. */
static int
may_reduce(const plan_t *plan)
{
    const ba_fit_opts_t *opts = plan->opts;
    int may = plan->solver == BA_SOLVER_DUAL && !ba_plan_is_banded(plan) &&
              !plan->strict && !plan->shared_outer && opts->alphas.n > 0 &&
              !opts->alphas_relative && plan->inner_intercept == plan->factor_intercept;

    for (size_t a = 0; a < opts->alphas.n; a++) {
        may = may && opts->alphas.values[a] > 0.0;
    }
    for (size_t k = 0; k < plan->n_problems; k++) {
        may = may && plan->n_columns > plan->problems[k].n_train &&
              !ba_cost_is_pooled(plan, &plan->problems[k]);
    }
    return may;
}

void
ba_cost_choose_reducing(plan_t *plan)
{
    double decomposed = weighted(plan, plan->solver);
    size_t n = strlen(plan->reason);

    if (!may_reduce(plan)) {
        return;
    }
    plan->reduces = 1;
    plan->reduces = REDUCING_GAIN * weighted(plan, plan->solver) < decomposed;
    if (plan->reduces) {
        snprintf(plan->reason + n, sizeof plan->reason - n, "; kernels reduced to bands");
    }
}

double
ba_cost_flops(const plan_t *plan, double *tiles)
{
    flops_t flops = all_flops(plan, plan->solver);

    *tiles = flops.tiles;
    return flops.setup + flops.tiles;
}

int
ba_cost_is_projected(const plan_t *plan, size_t n_rows)
{
    double m = (double) plan->n_columns + 1, alphas = (double) ba_plan_n_alphas(plan);

    return alphas >= 2 && (double) n_rows * alphas > PROJECTION_GAIN * m * (alphas + 1);
}
