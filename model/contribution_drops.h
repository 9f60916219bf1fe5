/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many sets of neurons taken out of one fit, each from a block of targets: what does
 * not depend on the set is made once. All at the penalty that ba_contribution_at() has
 * set. */
#ifndef BA_MODEL_CONTRIBUTION_DROPS_H
#define BA_MODEL_CONTRIBUTION_DROPS_H

#include "model/contribution.h"

/* G = (X'X + alpha)^-1 between columns of neurons. */
typedef struct ba_inverse ba_inverse_t;

/* contribution must outlive it. The q x q matrix is kept where max_bytes hold it, else
 * blocks are made when asked for: rank flops a number. Cost: rank q^2. */
int ba_inverse_new(const ba_ctx_t *ctx, const ba_contribution_t *contribution,
    size_t max_bytes, ba_inverse_t **out) BA_MUST_USE;
void ba_inverse_free(ba_inverse_t *inverse);

/* Columns of neurons, side by side; returns their number. columns may be NULL. */
size_t ba_inverse_columns(
    const ba_inverse_t *inverse, const size_t *neurons, size_t n, size_t *columns);

/* out (n_rows x n_cols, column-major) = G[rows, columns]. */
int ba_inverse_block(const ba_inverse_t *inverse, const size_t *rows, size_t n_rows,
    const size_t *columns, size_t n_cols, double *out) BA_MUST_USE;

/* *log_det of G between the columns of a set; BA_NUMERIC where that is not positive
 * definite. Cost: k^3 / 3. */
int ba_inverse_log_det(const ba_inverse_t *inverse, const size_t *neurons, size_t n,
    double *log_det) BA_MUST_USE;

/* A block of targets: y (training rows), y_test (held-out rows), see
 * ba_contribution_targets(). Memory: (q + m) v numbers. */
typedef struct ba_drops ba_drops_t;
int ba_drops_new(const ba_ctx_t *ctx, const ba_inverse_t *inverse, ba_cdmat_t y,
    ba_cdmat_t y_test, ba_drops_t **out) BA_MUST_USE;
void ba_drops_free(ba_drops_t *drops);

/* drop (one per target): r2 of the whole model less that of the refit without the set,
 * NaN where held-out responses do not vary; 0 for an empty set. Thread-safe. Cost: k^3
 * / 3 + 2 (k^2 + k m) v flops for k columns. */
int ba_drops_set(
    const ba_drops_t *drops, const size_t *neurons, size_t n, double *drop) BA_MUST_USE;

#endif
