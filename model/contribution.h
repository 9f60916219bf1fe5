/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What neurons contribute to held-out scores: refits without them, by identities instead
 * of refits, at the same penalty.
 *
 * Ridge minimises |Y - XB|^2 + sum_j d_j b_j^2. The penalties d_j = alpha / gamma_j of
 * spaces with penalties of their own are a scaling of the columns, as in bands.h, so that
 * A = X'X + alpha I throughout: contributions do not depend on the scale that columns have.
 * An intercept is taken out by centring on the training rows.
 *
 * A neuron is a set of columns (its delays). Columns of no neuron are controls: they stay
 * in every refit. */
#ifndef BA_MODEL_CONTRIBUTION_H
#define BA_MODEL_CONTRIBUTION_H

#include "brainalign/ridge.h"

/* Columns of each neuron: columns[start[j]] .. columns[start[j + 1] - 1]; no column
 * twice. */
typedef struct {
    size_t n_neurons;
    const size_t *start; /* n_neurons + 1 */
    const size_t *columns;
} ba_neuron_columns_t;

/* Opaque: one training set and one held-out set. */
typedef struct ba_contribution ba_contribution_t;

/* training, neurons and test_rows may go, `factor` must outlive it: that of training
 * (primal or dual, with or without intercept). Memory: (rank + 2 m) p numbers, m held-out
 * rows. Cost: that of ba_ridge_factor_back() and ba_ridge_factor_apply(). */
int ba_contribution_new(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor,
    const ba_training_t *training, const ba_design_t *test_design,
    const size_t *test_rows, size_t n_test, const ba_neuron_columns_t *neurons,
    ba_contribution_t **out) BA_MUST_USE;
void ba_contribution_free(ba_contribution_t *contribution);

/* Sets the penalty; what follows is at this alpha. BA_VALUE: alpha not above 0, where
 * columns may depend on one another and a neuron has no contribution of its own.
 * BA_NUMERIC. Cost: 2 m rank p + rank p d flops, d delays. */
int ba_contribution_at(
    const ba_ctx_t *ctx, ba_contribution_t *contribution, double alpha) BA_MUST_USE;

/* 1 / G_jj, G = A^-1, of the columns of the neurons in their order: what is left of a
 * column's squares, penalty included, once all others are regressed out. */
void ba_contribution_uniqueness(
    const ba_contribution_t *contribution, double *uniqueness);

/* Per target the scores of the whole model, and target after target n_neurons numbers.
 * SST is about the mean of the held-out rows; NaN where a score is not defined. */
typedef struct {
    double *r2, *r;
    double *delta_r2, *delta_r; /* whole model less the refit without the neuron */
    double *zero_out_r2; /* whole model less the same weights with the neuron's at 0 */
    double *product_r2;  /* sum x_j b_j (2 y - p) / SST, all centred on the held-out rows,
                            less an even part of what the level of the prediction costs:
                            over all columns they add to r2 */
    double *product_r;   /* share of r: over all columns they add to r */
    double *alone_r;     /* r of the refit on the neuron alone, without controls */
    double
        *weight_norm; /* root of the sum of its squared weights, of penalised columns */
} ba_contributions_t;

/* y: training rows as fitted (n x v), y_test: held-out rows in the same units (m x v).
 * product_r, alone_r and weight_norm may be NULL. Thread-safe. Cost: (2 n rank + 2 rank p +
 * 8 m p) v flops, and with alone_r 2 rank p v. */
int ba_contribution_targets(const ba_contribution_t *contribution, ba_cdmat_t y,
    ba_cdmat_t y_test, const ba_contributions_t *out) BA_MUST_USE;

/* Scores of a model: sums of squared errors in the units of y_test, and r. */
typedef struct {
    double *sse, *r;  /* one per target */
    double *residual; /* m x v: y_test less the prediction */
} ba_set_scores_t;

/* A set of neurons, listed once each: the whole model, the refit without the set, the same
 * weights with those of the set at 0, the refit on the set alone (any may have NULL
 * members). Cost: k^2 rank + k^3 for a set of k columns, and 4 m k a target. */
int ba_contribution_set(const ba_contribution_t *contribution, ba_cdmat_t y,
    ba_cdmat_t y_test, const size_t *neurons, size_t n_neurons,
    const ba_set_scores_t *whole, const ba_set_scores_t *without,
    const ba_set_scores_t *zeroed, const ba_set_scores_t *only) BA_MUST_USE;

#endif
