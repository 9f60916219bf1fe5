/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A dual factorisation in single precision with one pass over the columns: their scaling
 * from the training rows, the Gram matrix, and the products that predict other rows. */
#ifndef BA_MODEL_RIDGE_PASS_H
#define BA_MODEL_RIDGE_PASS_H

#include "model/ridge_reduced.h"

typedef struct {
    const ba_design_t *design;
    const size_t *rows; /* n_rows training samples, then n_other that are predicted */
    size_t n_rows, n_other;
    ba_intercept_t intercept;
    int is_centred;                /* columns are centred only: scale becomes 1 */
    const ba_reducing_t *reducing; /* NULL = eigenvalues */
    double smallest_alpha;
    double *mean, *scale; /* n_columns, written; NULL = columns as they are */
} ba_ridge_pass_t;

/* *out: as ba_ridge_factor() with the rows as training and mean and scale as its map; NULL
 * where float32 is not good enough, so that float64 must do it (mean and scale are right
 * then, too): where the error of the Gram matrix, which is measured, could bend a solution
 * by 1e-4 of itself at the smallest alpha. It is some hundred times less where predictors
 * are many and noisy.
 *
 * `training` is what the factor keeps: its rows are pass->rows, its mean and scale those
 * of the pass. The products with the other rows are kept for ba_ridge_factor_apply() to
 * exactly pass->rows + pass->n_rows of the same design. Cost: (n_rows + n_other)^2 p flops
 * in float32, or in tiles (linalg/gram.h) and then, where that is refused, in float32; each
 * time what ba_ridge_factor() or ba_ridge_factor_reduced() add in float64. */
int ba_ridge_factor_pass(const ba_ctx_t *ctx, const ba_ridge_pass_t *pass,
    ba_ridge_factor_t **out) BA_MUST_USE;

#endif
