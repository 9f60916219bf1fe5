/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is held in float64 while operators and blocks are made (budget.c). */
#include "fit/budget_impl.h"
#include "linalg/reduced.h"
#include "model/design_impl.h"

static double
larger(double a, double b)
{
    return a > b ? a : b;
}

/* While a problem's operators are made: what serves all of them, and one being made in
 * float64 by each thread. With a shared factorisation the rows of the outer fold are left
 * out, too. */
static double
problem_making(const ba_ctx_t *ctx, const plan_t *plan, const problem_t *problem)
{
    int dual = plan->solver == BA_SOLVER_DUAL;
    double m = ba_budget_n_products(plan), own = 0.0, grams = 0.0, pooled = 0.0;
    double n = plan->shared_outer ? (double) plan->problems[plan->n_problems - 1].n_train
                                  : (double) problem->n_train;

    for (size_t k = 0; k < problem->n_inner; k++) {
        double stay = (double) problem->inner[k].n_stay, s = n - stay;
        double f = ba_budget_predicted(plan, &problem->inner[k]);

        grams += s > m ? m * m : 0.0;
        if (dual) {
            own = larger(own, 2 * s * stay + 2 * s * s);
        } else {
            own =
                larger(own, s > m ? m * m + 2 * f * m : 2 * s * m + s * s + f * (s + m));
        }
    }
    if (dual) {
        pooled = ba_cost_is_pooled(plan, problem) ? n * n : 0.0;
        grams = n * n + (n + 32) * (n + 32);
    }
    return 8 * (grams + pooled + ba_ctx_threads(ctx) * own);
}

double
ba_budget_making(const ba_ctx_t *ctx, const plan_t *plan)
{
    double most = 0.0;

    for (size_t k = 0; k < plan->n_problems; k++) {
        most = larger(most, problem_making(ctx, plan, &plan->problems[k]));
    }
    return most;
}

/* While the blocks of a primal problem are made: columns and triangle in float64. */
double
ba_budget_making_blocks(const ba_ctx_t *ctx, const plan_t *plan)
{
    double m = ba_budget_n_products(plan), most = 0.0, threads = ba_ctx_threads(ctx);

    for (size_t k = 0; k < plan->n_problems; k++) {
        const problem_t *problem = &plan->problems[k];
        double rest = (double) problem->n_train, largest = 0.0;
        double blocks = (double) problem->n_inner + 1;

        for (size_t i = 0; i < problem->n_inner && !plan->strict; i++) {
            largest = larger(largest, (double) problem->inner[i].n_validate);
            rest -= (double) problem->inner[i].n_validate;
        }
        most = larger(most,
            (threads < blocks ? threads : blocks) * (larger(largest, rest) + m) * m);
    }
    return 8 * most;
}

/* ---- reduced kernels ---- */

/* Numbers of a factor in a band. */
static double
shift_numbers(const plan_t *plan)
{
    double n = ba_budget_largest_train(plan), w = (double) ba_reduced_width((size_t) n);

    return 2 * w * (n + w);
}

double
ba_budget_shifts(const plan_t *plan)
{
    double alphas = (double) ba_plan_n_alphas(plan);

    return plan->reduces ? 8 * shift_numbers(plan) * (alphas + 1) : 0.0;
}

double
ba_budget_reduced(const plan_t *plan, const problem_t *problem, double n_alphas)
{
    double n = (double) problem->n_train, numbers = 0.0, places = 0.0;

    for (size_t k = 0; plan->reduces && k < problem->n_inner; k++) {
        const split_t *split = &problem->inner[k];

        numbers += (double) split->n_validate * (n - (double) split->n_stay);
        places += 2 * n;
    }
    return 8 * (n_alphas * numbers + places);
}

/* The kernel, its copy and Q; panels with their triangles (linalg/reduced.c). */
double
ba_budget_reducing(const plan_t *plan)
{
    double n = ba_budget_largest_train(plan);

    return plan->reduces ? 8 * (3 * n * n + 5 * shift_numbers(plan)) : 0.0;
}

double
ba_budget_wide(const plan_t *plan, double largest_held)
{
    double numbers = 3 * ba_budget_largest_train(plan) + largest_held;

    return plan->reduces ? 8.0 * BA_TILE * numbers : 0.0;
}

/* ---- principal components ---- */

double
ba_budget_pca(const plan_t *plan)
{
    const ba_design_t *design = plan->data->design;
    double samples = (double) plan->n_samples, numbers = 0.0;

    if (plan->data->test_design) {
        samples += (double) plan->data->test_runs->n_samples;
    }
    for (size_t s = 0; s < design->n_spaces; s++) {
        numbers += (double) design->spaces[s].n_components *
                   (samples + (double) design->spaces[s].n_features);
    }
    return 8 * numbers;
}

double
ba_budget_kept_pca(const plan_t *plan)
{
    const ba_design_t *design = plan->data->design;
    double folds = plan->opts->want_fold_weights ? (double) plan->n_outer : 0.0;
    double numbers = 0.0;

    for (size_t s = 0; s < design->n_spaces; s++) {
        numbers += (double) design->spaces[s].n_components *
                   (double) design->spaces[s].n_features;
    }
    return 8 * numbers * (folds + 1);
}

/* A Gram matrix with two more beside its eigendecomposition, and a panel; then a panel of
 * all samples. */
double
ba_budget_making_pca(const plan_t *plan)
{
    const ba_design_t *design = plan->data->design;
    double n = ba_budget_largest_train(plan), most = 0.0;

    for (size_t s = 0; s < design->n_spaces; s++) {
        double p = (double) design->spaces[s].n_features, m = p < n ? p : n;
        double width = p <= n || p < BA_PCA_PANEL ? p : BA_PCA_PANEL;

        if (design->spaces[s].n_components > 0) {
            most = larger(most, 3 * m * m + n * width);
            most = larger(most, (double) plan->n_samples * BA_PCA_PANEL);
        }
    }
    return 8 * most;
}
