/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dual factorisations without eigenvalues (linalg/reduced.h): K = Q B Q' with B banded
 * serves any alpha, and held-out predictions through residuals need no n x n matrix for
 * an alpha. lambda, spectrum and filter of such a factor are not there; project is Q, back
 * and apply have its columns, and ba_ridge_residual_maker() must not be asked.
 *
 * In the eigenbasis rounding of one direction stays in it; here solutions lose the
 * condition number of K + alpha. A factor is reduced only where that is known to be
 * small, and has eigenvalues otherwise: who asks for one must bear both. */
#ifndef BA_MODEL_RIDGE_REDUCED_H
#define BA_MODEL_RIDGE_REDUCED_H

#include "brainalign/ridge.h"
#include "linalg/reduced.h"

/* When a kernel may be reduced: alphas that will be asked for, > 0, and the most that
 * rounding may move, as a share of it, a solution, which loses |K + alpha| / (lowest
 * eigenvalue + alpha), and a held-out prediction, which as what residuals leave of a target
 * loses alpha / |K|. */
typedef struct {
    double smallest_alpha, largest_alpha, tolerance;
} ba_reducing_t;

/* Like ba_ridge_factor() for the dual form, reduced where `reducing` allows. Wants more
 * columns than rows: directions that no column reaches are not told apart. Cost: n^2 p +
 * 8/3 n^3, where it does not allow 9 n^3 more. */
int ba_ridge_factor_reduced(const ba_ctx_t *ctx, const ba_training_t *training,
    ba_intercept_t intercept, const ba_reducing_t *reducing,
    ba_ridge_factor_t **out) BA_MUST_USE;

/* B; NULL where the factor has eigenvalues. Borrowed. */
const ba_reduced_t *ba_ridge_factor_band(const ba_ridge_factor_t *factor);

/* B + alpha I factorised, at alphas that the factor was made for: n_alphas times
 * ba_reduced_factor_size() numbers, which the caller frees. BA_NUMERIC: alpha too small. */
int ba_ridge_factor_shifts(const ba_ridge_factor_t *factor, const double *alphas,
    size_t n_alphas, double **out) BA_MUST_USE;

/* Residual makers below are (K + alpha)^-1 times this: alpha plus the mean eigenvalue, so
 * that their numbers are about 1 whatever the alpha. */
double ba_ridge_reduced_unit(const ba_ridge_factor_t *factor, double alpha);

/* What is added to every number of unit Q (B + alpha I)^-1 Q' so that it is the residual
 * maker M of a fit with an intercept where the factor has one. */
double ba_ridge_reduced_add(const ba_ridge_factor_t *factor, double alpha);

/* Rows `predict` of M_SS^-1 for the left-out rows S (as in ba_ridge_holdout()): n_predict
 * x n_left_out. Held-out residuals are these times (M y)_S. shift: of this alpha. Cost:
 * s^2 n + s^3 + 3 n s width. BA_NUMERIC, BA_NOMEM. Thread-safe. */
int ba_ridge_reduced_holdout(const ba_ridge_factor_t *factor, double alpha,
    const double *shift, const size_t *left_out, size_t n_left_out, const size_t *predict,
    size_t n_predict, ba_dmat_t p) BA_MUST_USE;

#endif
