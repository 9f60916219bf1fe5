/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stacking: one prediction out of those of several models of the same responses. */
#ifndef BA_FIT_STACK_H
#define BA_FIT_STACK_H

#include "brainalign/fit.h"

/* A model: what it was fitted on, and the alphas that were chosen. Borrowed. data of all
 * have the same responses, runs, preparation and test set. */
typedef struct {
    const ba_fit_data_t *data;
    const double *best_alphas;         /* n_targets */
    const double *best_alphas_by_fold; /* n_outer x n_targets, NULL with a fixed test set
                                          or without outer folds */
} ba_stack_model_t;

/* NaN where undefined. */
typedef struct {
    size_t n_models, n_targets, n_samples, n_used, target_start, n_outer;
    double *weights;         /* n_models x n_targets, of all rows */
    double *weights_by_fold; /* n_outer x n_models x n_targets: those that score; with a
                                fixed test set the ones above */
    double *r, *r2;          /* n_targets: mean over the folds where defined */
    double *r_by_fold, *r2_by_fold;
    int32_t *n_folds, *status;
    double certificate; /* largest of all solutions (model/simplex.h) */
} ba_stack_result_t;

/* For every outer fold, and for all rows: each inner fold is predicted by a ridge fitted
 * on the others at the alpha chosen for the outer fold (scaled anew on the rows that
 * stay); the inner products of the residuals of all models, summed over inner folds, give
 * the weights; the outer fold's predictions weighed with them give the scores. predictions
 * (may be NULL): as that of ba_fit_sink_t. BA_TOO_LARGE. Memory:
 * the operators of one inner fold of all models, n_models (n_models + 1) / 2 numbers per
 * target. Cost: a factorisation per model and inner fold of every outer fold. */
int ba_stack_fit(const ba_ctx_t *ctx, const ba_stack_model_t *models, size_t n_models,
    const ba_fit_opts_t *opts, const ba_fit_sink_t *sink,
    ba_stack_result_t *result) BA_MUST_USE;
void ba_stack_result_free(ba_stack_result_t *result);

#endif
