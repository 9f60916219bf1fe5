/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Symmetric matrices brought to a narrow band: A = Q B Q' with Q orthogonal.
 *
 * For any shift, B + alpha I is factorised and solved with in O(n) work a right-hand side,
 * so that one reduction serves as many shifts as an eigendecomposition does, at a third of
 * its flops, nearly all of them matrix products. Eigenvalues stay unknown. */
#ifndef BA_LINALG_REDUCED_H
#define BA_LINALG_REDUCED_H

#include "linalg/blas.h"

/* B in blocks of width x width numbers: block i of the diagonal (its lower triangle) at
 * diagonal + i width^2, the one below it at below + i width^2, both with leading dimension
 * width; the last block of rows may be smaller. */
typedef struct {
    size_t n, width;
    double *diagonal, *below;
} ba_reduced_t;

/* The width of the band of n rows. */
size_t ba_reduced_width(size_t n);

/* Reduces a (lower triangle read, destroyed) and writes Q to q (n x n). Cost: 8/3 n^3
 * flops. On the threads of ctx; the same bits for any number of them. BA_NOMEM,
 * BA_NUMERIC: not finite. Call ba_reduced_free() afterwards in any case. */
int ba_reduce_symmetric(
    const ba_ctx_t *ctx, ba_dmat_t a, ba_dmat_t q, ba_reduced_t *out) BA_MUST_USE;
void ba_reduced_free(ba_reduced_t *reduced);

/* Numbers of a factor, and the factor L L' = B + alpha I. BA_NUMERIC where that is not
 * positive definite. Cost: about 3 n width^2. */
size_t ba_reduced_factor_size(const ba_reduced_t *reduced);
int ba_reduced_factor(
    const ba_reduced_t *reduced, double alpha, double *factor) BA_MUST_USE;

/* b = L^-1 b and b = (L L')^-1 b, on the calling thread. Cost: 3 and 6 n width a column. */
void ba_reduced_solve_lower(
    const ba_reduced_t *reduced, const double *factor, ba_dmat_t b);
void ba_reduced_solve(const ba_reduced_t *reduced, const double *factor, ba_dmat_t b);

#endif
