/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the similarities of models share. */
#ifndef BA_MODEL_SIMILARITY_IMPL_H
#define BA_MODEL_SIMILARITY_IMPL_H

#include "brainalign/similarity.h"

/* BA_SHAPE unless there are two models and more of the same tokens. */
int ba_similarity_check(const ba_cdmat_t *models, size_t n_models) BA_MUST_USE;

typedef enum { BA_TAKE_RAW = 0, BA_TAKE_CENTRED, BA_TAKE_ZSCORED } ba_take_t;

/* A copy of a model, centred or z-scored by population deviations (a deviation below 1e-10
 * of the largest absolute value is none: zeros). *out is the caller's to ba_free(). */
int ba_similarity_take(ba_cdmat_t model, ba_take_t take, double **out) BA_MUST_USE;

/* Thin singular value decomposition x = u diag(s) v' of any shape, cut off where s is at
 * most `cut` times the largest: rank columns. */
typedef struct {
    size_t n_rows, n_cols, rank;
    double *u, *s, *v;
    double total; /* sum of all s^2 */
} ba_basis_svd_t;

/* x is destroyed. BA_NUMERIC, BA_NOMEM. */
int ba_basis_svd(
    double *x, size_t n_rows, size_t n_cols, double cut, ba_basis_svd_t *out) BA_MUST_USE;
void ba_basis_svd_free(ba_basis_svd_t *svd);

#endif
