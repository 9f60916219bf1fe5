/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sizes that budget.c counts and band_budget.c needs. */
#ifndef BA_FIT_BUDGET_IMPL_H
#define BA_FIT_BUDGET_IMPL_H

#include "fit/fit_impl.h"

/* Bytes of a problem's operators for so many alphas, and of a primal one's blocks. */
double ba_budget_operators(const plan_t *plan, const problem_t *problem, double n_alphas);
double ba_budget_products(const plan_t *plan, const problem_t *problem);

/* What the smallest form leaves of the budget. */
double ba_budget_spare(const ba_ctx_t *ctx, const plan_t *plan);

/* Primal: products of a target, 0 in the dual; rows of a split's operators. */
double ba_budget_n_products(const plan_t *plan);
double ba_budget_predicted(const plan_t *plan, const split_t *split);

/* budget_making.c */
double ba_budget_making(const ba_ctx_t *ctx, const plan_t *plan);
double ba_budget_making_blocks(const ba_ctx_t *ctx, const plan_t *plan);

size_t ba_budget_n_tiles(const plan_t *plan);

/* Principal components (0 without them): what a problem holds of them, what making them
 * takes, and what the result keeps. */
double ba_budget_pca(const plan_t *plan);
double ba_budget_making_pca(const plan_t *plan);
double ba_budget_kept_pca(const plan_t *plan);

/* Training rows of the largest problem. */
double ba_budget_largest_train(const plan_t *plan);

/* Reduced kernels: factors of all alphas with the band; operators of a chunk of alphas and
 * lists of what is left out; what making them, or a tile, has in float64. */
double ba_budget_shifts(const plan_t *plan);
double ba_budget_reduced(const plan_t *plan, const problem_t *problem, double n_alphas);
double ba_budget_reducing(const plan_t *plan);
double ba_budget_wide(const plan_t *plan, double largest_held);

#endif
