/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orthonormal regressors of one run. */
#ifndef BA_MODEL_BASIS_H
#define BA_MODEL_BASIS_H

#include "brainalign/error.h"

/* The constant, which is not stored, and `rank` unit columns q (n x rank, column-major),
 * orthogonal to it and to each other. */
typedef struct {
    double *q;
    size_t n, rank;
} ba_basis_t;

/* Spans the constant, the powers of time up to `degree` (at most n - 1), and n_columns
 * regressors (n x n_columns, column-major, overwritten; norm[j] = norm of column j as it
 * was given, before any filter). Regressors of which less than BA_NEGLIGIBLE of that norm
 * is left beside the others are dropped. */
int ba_basis_new(size_t n, size_t degree, double *columns, const double *norm,
    size_t n_columns, ba_basis_t *out);
void ba_basis_free(ba_basis_t *basis);

/* Replaces y (n) by its residual. */
void ba_basis_residual(const ba_basis_t *basis, double *y);

#endif
