/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What makers of operators share. */
#ifndef BA_FIT_OPERATORS_H
#define BA_FIT_OPERATORS_H

#include "fit/fit_impl.h"

/* Rows that have to be left out of the factor's so that only a split's training rows
 * stay. */
typedef struct {
    size_t *left_out, n_left_out; /* indices into the factor's rows */
    size_t *predict;              /* of the validation rows, into left_out */
    double *gram; /* primal: of the left-out rows, where they outnumber the columns; with
                     bands: of the rows that stay */
} removal_t;

int ba_removal_make(
    const prepared_t *prepared, const split_t *split, removal_t *removal) BA_MUST_USE;
void ba_removal_free(removal_t *removal);

/* Room for the operators of n_holdouts splits. */
int ba_operators_allocate(const prepared_t *prepared, size_t n_holdouts, size_t n_alphas,
    operators_t *out) BA_MUST_USE;

/* Sizes of the k-th split's operators, and room for them; gap rows of primal problems. */
int ba_operators_start(const prepared_t *prepared, ba_intercept_t intercept,
    const split_t *splits, size_t k, operators_t *operators) BA_MUST_USE;

/* The block of the k-th split, where held-out predictions are compared in its basis. */
const block_t *ba_operators_block(
    const prepared_t *prepared, const split_t *splits, size_t k);

/* P = mix A for coefficients A (m x m) of a fit that left the block's rows out. */
void ba_operators_mix(const block_t *block, ba_cdmat_t coefficients, ba_dmat_t p);

/* residuals.c: those of the inner folds of a reduced kernel, for alphas a0 ... */
int ba_operators_reduced(const ba_ctx_t *ctx, const prepared_t *prepared, size_t a0,
    operators_t *operators) BA_MUST_USE;

/* alone.c: the operators of a split with a factorisation of its own. */
int ba_operators_alone(const ba_ctx_t *ctx, prepared_t *prepared, const split_t *split,
    size_t a0, const operators_t *operators, holdout_t *holdout) BA_MUST_USE;

#endif
