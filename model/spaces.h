/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ridge of one design whose columns fall into spaces with penalties of their own. What
 * does not depend on the penalties is made once: a kernel for every space (dual), or the
 * Gram matrix of all columns (primal). A point is delta_k = gamma_k / alpha for every
 * space: the fit is ridge with penalty 1 of columns multiplied by sqrt(delta_k). */
#ifndef BA_MODEL_SPACES_H
#define BA_MODEL_SPACES_H

#include "brainalign/ridge.h"

/* Columns are counted by place here: those of a space stand together. */
typedef struct {
    ba_training_t training; /* as given, borrowed */
    ba_solver_t solver;
    ba_intercept_t intercept; /* columns are centred over the training rows */
    size_t n, p, n_spaces;
    size_t n_unknowns; /* n in the dual, p in the primal */
    size_t *order;     /* p: the design's column of each place */
    size_t *first;     /* n_spaces + 1: places of a space */
    double *center;    /* p by place: means of scaled columns; NULL without intercept */
    double *kernels;   /* dual: n_spaces matrices n x n, Z_k Z_k' */
    double *gram;      /* primal: p x p, Z'Z by place */
    ba_ridge_factor_t *columns; /* stands in for a factor: [Z, 1] for [Q, 1] in the
                                   primal, a size in the dual; has no eigenvalues */
} ba_spaces_t;

/* Cost: dual n^2 p, primal n p^2 flops. BA_NUMERIC, BA_NOMEM, BA_CANCELLED. */
int ba_spaces_make(const ba_ctx_t *ctx, const ba_training_t *training, size_t n_spaces,
    ba_solver_t solver, ba_intercept_t intercept, ba_spaces_t *out) BA_MUST_USE;
void ba_spaces_free(ba_spaces_t *spaces);

/* Eigenvalues of the mean of the kernels, n_unknowns of them, ascending. */
int ba_spaces_spectrum(
    const ba_ctx_t *ctx, const ba_spaces_t *spaces, double *lambda) BA_MUST_USE;

/* Lower triangle of the matrix to be solved at a point, n_unknowns^2 numbers: K + 1 with K
 * the weighted kernels, or 1 + S Z'Z S with S = diag(sqrt(delta)). */
void ba_spaces_system(const ba_spaces_t *spaces, const double *delta, double *a);

/* Dual: the residual maker (K + 1)^-1, n x n, less 1/n where fits that leave rows out have
 * an intercept. Cost: n^3. BA_NUMERIC. */
int ba_spaces_residual_maker(const ba_spaces_t *spaces, const double *delta,
    ba_intercept_t intercept, double *m) BA_MUST_USE;

/* Primal: coefficients of the fit that keeps the rows whose [Z, 1]'[Z, 1] is `gram` (m x
 * m; m = p without an intercept): S (1 + S gram S)^-1 S, and no penalty on the last.
 * Cost: m^3. BA_NUMERIC. */
int ba_spaces_coefficients(const ba_spaces_t *spaces, const double *delta,
    ba_cdmat_t gram, double *inverse) BA_MUST_USE;

/* Solves for right-hand sides in place (n_unknowns x n_columns): y in the dual gives a
 * with B_k = delta_k Z_k'a; Z'y in the primal gives B. l: Cholesky factor of the
 * system. */
void ba_spaces_solve(
    const ba_spaces_t *spaces, const double *delta, const double *l, ba_dmat_t b);

/* Writes scaled and centred columns at `rows` of a design: n_rows x n_places, places
 * place0 ... */
void ba_spaces_read(const ba_ctx_t *ctx, const ba_spaces_t *spaces,
    const ba_design_t *design, const size_t *rows, size_t n_rows, size_t place0,
    size_t n_places, double *dst);

/* What the unknowns of space k are multiplied with to predict rows of a design: Z_new,k
 * Z_k' (n_rows x n) in the dual, Z_new,k (n_rows x columns of k) in the primal. */
int ba_spaces_apply(const ba_ctx_t *ctx, const ba_spaces_t *spaces,
    const ba_design_t *design, const size_t *rows, size_t n_rows, size_t k,
    double *dst) BA_MUST_USE;

#endif
