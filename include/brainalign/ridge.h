/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ridge regression of one design on many targets: one factorisation, then any alpha, any
 * held-out set. */
#ifndef BRAINALIGN_RIDGE_H
#define BRAINALIGN_RIDGE_H

#include "brainalign/ctx.h"
#include "brainalign/design.h"
#include "brainalign/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BA_SOLVER_AUTO = 0, BA_SOLVER_PRIMAL, BA_SOLVER_DUAL } ba_solver_t;

/* An unpenalised intercept in the fit (and in every fit that leaves samples out). */
typedef enum { BA_INTERCEPT_NO = 0, BA_INTERCEPT_YES = 1 } ba_intercept_t;

/* The rows of a design that a fit trains on, and the affine map of its columns: (x -
 * mean) / scale. NULL mean = 0, NULL scale = 1. All borrowed. */
typedef struct {
    const ba_design_t *design;
    const size_t *rows; /* n_rows sample indices */
    size_t n_rows;
    const double *mean, *scale; /* n_columns each */
} ba_training_t;

/* Opaque: eigendecomposition of the training design's Gram matrix, samples x samples
 * (dual) or columns x columns (primal). With an intercept the design is centred on its
 * training rows first.
 *
 * Let X be that design, n x p, and lambda_i, i = 1..rank its eigenvalues. `project` is n
 * x rank, and for any alpha weights   = back diag(1 / (lambda + alpha)) project' Y back =
 * V (primal) or X'U (dual) new rows  = (X_new back) diag(1 / (lambda + alpha)) project' Y
 * project = XV (primal) or U (dual) in float64; at alpha = 0 eigenvalues below rank
 * tolerance count as absent (minimum-norm solution). */
typedef struct ba_ridge_factor ba_ridge_factor_t;

/* Factorises. Cost: primal n p^2 + 9 p^3, dual n^2 p + 9 n^3 flops; memory 2 x 8 bytes x
 * min(n, p)^2 + project. No n x p or p x p matrix beyond those. BA_SOLVER_AUTO takes
 * primal when p < n. Errors: BA_NUMERIC (non-finite Gram matrix, no convergence),
 * BA_NOMEM, BA_CANCELLED. */
BA_API int ba_ridge_factor(const ba_ctx_t *ctx, const ba_training_t *training,
    ba_solver_t solver, ba_intercept_t intercept, ba_ridge_factor_t **out);
BA_API void ba_ridge_factor_free(ba_ridge_factor_t *factor);

BA_API ba_solver_t ba_ridge_factor_solver(const ba_ridge_factor_t *factor);
BA_API size_t ba_ridge_factor_rank(
    const ba_ridge_factor_t *factor); /* columns of project and back */

/* The eigenvalues, `rank` of them, of a factor that ba_ridge_factor() made. Borrowed. Directions that carry only the intercept are
 * not marked: their weights are 0 for centred targets. */
BA_API const double *ba_ridge_factor_lambda(const ba_ridge_factor_t *factor);

/* The eigenvalues of the (centred) design's Gram matrix alone, without the direction that
 * a dual factor with an intercept adds for the constant: copied to `spectrum` (room for
 * rank), returns how many. The same for both forms but for zeros. */
BA_API size_t ba_ridge_factor_spectrum(const ba_ridge_factor_t *factor, double *spectrum);

/* Eigenvalues at or below count as 0 when alpha is 0. */
BA_API double ba_ridge_factor_tolerance(const ba_ridge_factor_t *factor);

/* n x rank, see above. Borrowed. */
BA_API ba_cdmat_t ba_ridge_factor_project(const ba_ridge_factor_t *factor);

/* d[i] = 1 / (lambda_i + alpha), with the rule for alpha = 0. */
BA_API void ba_ridge_factor_filter(
    const ba_ridge_factor_t *factor, double alpha, double *d);

/* Writes back, n_columns x rank. Cost: dual 2 n p rank flops. */
BA_API int ba_ridge_factor_back(
    const ba_ctx_t *ctx, const ba_ridge_factor_t *factor, ba_dmat_t back);

/* Means of the scaled training columns that an intercept takes out, n_columns; NULL
 * without one. Borrowed. */
BA_API const double *ba_ridge_factor_center(const ba_ridge_factor_t *factor);

/* Writes X_new back, n_new x rank, for rows of `design` (the training design, or another
 * with the same columns) under the same scaling and centring. */
BA_API int ba_ridge_factor_apply(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor,
    const ba_design_t *design, const size_t *rows, size_t n_new, ba_dmat_t dst);

/* ---- leave-set-out, exactly, without another factorisation ---- */

/* Predictions for left-out rows are  P R  with R the right-hand side of the rows that
 * stay: dual:   R = Y_stay                         n_stay x n_targets primal: R =
 * [project_stay' Y_stay; 1'Y_stay]  (rank + 1) x n_targets, the last row only with an
 * intercept P does not depend on the left-out responses. */
BA_API size_t ba_ridge_holdout_n_rhs(
    const ba_ridge_factor_t *factor, ba_intercept_t intercept, size_t n_stay);

/* Fits without the training rows `left_out` (positions into training->rows, ascending;
 * validation and gap rows together) and writes P for `predict` (n_predict ascending
 * positions INTO left_out). intercept: of the smaller fits; it may be BA_INTERCEPT_NO for
 * a factor made with BA_INTERCEPT_YES (columns then keep the centring of all training
 * rows), not the other way round. alpha > 0. `prepared`: dual: from
 * ba_ridge_residual_maker() for this alpha; primal: from ba_ridge_holdout_gram() for this
 * set, or an empty view (better where fewer rows are left out than there are columns).
 * Closed form: yhat_S = -M_SS^-1 M_S,stay y_stay with M = I - hat matrix (Allen 1974 for
 * one row; any set by the block inverse). Cost for s left-out and f predicted rows: s^3/3
 * + 2 s^2 f + 2 s f n_rhs flops (primal with an empty view: 2 s^2 rank more), or rank^3/3
 * + 2 rank^2 f with a Gram matrix. Errors: BA_NUMERIC (alpha too small for float64),
 * BA_NOMEM. Thread-safe. */
BA_API int ba_ridge_holdout(const ba_ridge_factor_t *factor, double alpha,
    ba_intercept_t intercept, ba_cdmat_t prepared, const size_t *left_out,
    size_t n_left_out, const size_t *predict, size_t n_predict, ba_dmat_t p);

/* Inner products of the left-out rows' columns of a primal factor, n_rhs x n_rhs: once
 * for all alphas. */
BA_API int ba_ridge_holdout_gram(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor,
    ba_intercept_t intercept, const size_t *left_out, size_t n_left_out, ba_dmat_t gram);

/* Rows of [Q, 1], Q = project, of a primal factor: columns->n_rows positions into the
 * training rows, as many columns as the view has (at most rank + 1). */
BA_API void ba_ridge_holdout_columns(
    const ba_ridge_factor_t *factor, const size_t *rows, ba_dmat_t columns);

/* The coefficients alone of the fit that left rows out: inverse = (D^-1 - gram)^-1, n_rhs
 * x n_rhs, gram from ba_ridge_holdout_gram(); predictions of any row are its [Q, 1] times
 * inverse R. Cost: n_rhs^3. BA_NUMERIC as ba_ridge_holdout(). Thread-safe. */
BA_API int ba_ridge_holdout_inverse(
    const ba_ridge_factor_t *factor, double alpha, ba_cdmat_t gram, ba_dmat_t inverse);

/* M up to a factor, n x n, for ba_ridge_holdout() of a dual factor: alpha (K + alpha
 * I)^-1, less the intercept's direction. A primal factor needs none (pass an empty view).
 * work: n x n, overwritten. Cost: n^3, on the threads of ctx; the same bits for any
 * number of them. */
BA_API void ba_ridge_residual_maker(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor,
    double alpha, ba_intercept_t intercept, ba_dmat_t work, ba_dmat_t m);

/* ---- whole fits of small problems in one call ---- */

/* BA_SOLVER_AUTO decomposes X itself by a one-sided Jacobi SVD: slower than a Gram matrix
 * (about 8 times at 1000 x 1000), and right at any alpha on badly scaled designs, where
 * the Gram forms lose the directions below 1e-16 of the largest eigenvalue. */
typedef struct {
    ba_solver_t solver;
    ba_intercept_t intercept;
} ba_ridge_opts_t;

/* Weights (p x n_targets) of X (n x p) on Y (n x n_targets) as they are: no scaling.
 * alphas: one per target, or one for all (n_alphas = 1). intercepts: n_targets or NULL.
 * Errors: BA_SHAPE, BA_VALUE (alpha), BA_NONFINITE. */
BA_API int ba_ridge_solve(const ba_ctx_t *ctx, ba_cdmat_t x, ba_cdmat_t y,
    const double *alphas, size_t n_alphas, const ba_ridge_opts_t *opts, ba_dmat_t weights,
    double *intercepts);

#ifdef __cplusplus
}
#endif

#endif
