/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dual factorisations without eigenvalues (linalg/reduced.h): K = Q B Q' with B banded
 * serves any alpha, and held-out predictions through residuals need no n x n matrix for
 * an alpha. lambda, spectrum and filter of such a factor are not there; project is Q, back
 * and apply have its columns, and ba_ridge_residual_maker() must not be asked. */
#ifndef BA_MODEL_RIDGE_REDUCED_H
#define BA_MODEL_RIDGE_REDUCED_H

#include "brainalign/ridge.h"
#include "linalg/reduced.h"

/* Like ba_ridge_factor() for the dual form. Wants at least one column more than rows:
 * directions that no column reaches are not told apart. Cost: n^2 p + 8/3 n^3. */
int ba_ridge_factor_reduced(const ba_ctx_t *ctx, const ba_training_t *training,
    ba_intercept_t intercept, ba_ridge_factor_t **out) BA_MUST_USE;

/* B; NULL where the factor has eigenvalues. Borrowed. */
const ba_reduced_t *ba_ridge_factor_band(const ba_ridge_factor_t *factor);

/* B + alpha I factorised, at positive alphas: n_alphas times ba_reduced_factor_size()
 * numbers, which the caller frees. BA_NUMERIC: alpha too small for float64. */
int ba_ridge_factor_shifts(const ba_ridge_factor_t *factor, const double *alphas,
    size_t n_alphas, double **out) BA_MUST_USE;

/* What is added to every number of Q (B + alpha I)^-1 Q' so that it is the residual maker
 * over alpha of the fit with or without an intercept. */
double ba_ridge_reduced_add(
    const ba_ridge_factor_t *factor, double alpha, ba_intercept_t intercept);

/* Rows `predict` of M_SS^-1 for the left-out rows S (as in ba_ridge_holdout()), M as
 * above: n_predict x n_left_out. Held-out residuals are these times (M y)_S. shift: of
 * this alpha. Cost: s^2 n + s^3 + 3 n s width. BA_NUMERIC, BA_NOMEM. Thread-safe. */
int ba_ridge_reduced_holdout(const ba_ridge_factor_t *factor, double alpha,
    const double *shift, ba_intercept_t intercept, const size_t *left_out,
    size_t n_left_out, const size_t *predict, size_t n_predict, ba_dmat_t p) BA_MUST_USE;

#endif
