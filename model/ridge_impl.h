/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the ridge files share: the factor's inside and the reader of scaled training
 * columns. */
#ifndef BA_MODEL_RIDGE_IMPL_H
#define BA_MODEL_RIDGE_IMPL_H

#include "brainalign/ridge.h"
#include "model/ridge_reduced.h"

struct ba_ridge_factor {
    ba_training_t training; /* as given, borrowed */
    size_t n, p, rank;
    ba_solver_t solver;
    ba_intercept_t intercept;
    double
        *center; /* p means of the scaled training columns, NULL without an intercept */
    double *lambda;       /* rank; NULL where K is only reduced */
    double *vectors;      /* dual: U, or Q of a reduced K, n x n; primal: V, p x p */
    ba_reduced_t reduced; /* dual: B of K = Q B Q', empty with eigenvectors */
    double *scores;       /* primal: XV, n x p; NULL in the dual */
    double *known; /* n_known x n: products of rows known_rows with the training rows,
                        NULL where none were made */
    const size_t *known_rows; /* borrowed */
    double shift;  /* dual with intercept: eigenvalue given to the constant direction */
    size_t n_null; /* dual: first directions in which no column of X has a part */
    double tolerance; /* eigenvalues at or below count as 0 when alpha is 0 */
};

/* Writes columns col0.. of the scaled (and, with `center`, centred) design at
 * training->rows to dst, n_rows x n_cols without gaps, on the threads of ctx. */
void ba_training_read(const ba_ctx_t *ctx, const ba_training_t *training,
    const double *center, size_t col0, size_t n_cols, double *dst);

/* Finishes the dual factor whose vectors hold the whole Gram matrix: eigenvectors in its
 * place, lambda, shift, tolerance; or Q, reduced and shift where `reducing` (NULL: never)
 * allows. */
int ba_ridge_finish_dual(const ba_ctx_t *ctx, const ba_reducing_t *reducing,
    ba_ridge_factor_t *factor) BA_MUST_USE;

/* Reduces the Gram matrix in `vectors` and puts Q there, or leaves all as it is where
 * that is not allowed. */
int ba_ridge_reduce(const ba_ctx_t *ctx, const ba_reducing_t *reducing,
    ba_ridge_factor_t *factor) BA_MUST_USE;

/* Whether the lowest eigenvalue of a reduced kernel plus alpha is above the bound. */
int ba_ridge_reduced_is_above(const ba_ridge_factor_t *factor, double bound, double alpha,
    int *is_above) BA_MUST_USE;

/* The failure of held-out predictions at an alpha. */
int ba_ridge_too_small(double alpha) BA_MUST_USE;

#endif
