/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What neighbourhoods of response columns say of targets, by ridge regression inside a
 * training set: which columns to decode from. */
#ifndef BA_MODEL_SEARCHLIGHT_H
#define BA_MODEL_SEARCHLIGHT_H

#include "brainalign/ctx.h"
#include "brainalign/matrix.h"
#include "model/neighbourhoods.h"

/* One inner split: ascending rows of the training set. What stays and what validates do
 * not meet; rows of neither are in the gap. */
typedef struct {
    const size_t *stay, *validate;
    size_t n_stay, n_validate;
} ba_inner_rows_t;

/* Borrowed throughout. */
typedef struct {
    size_t n, n_columns; /* rows of the training set, response columns */
    /* The rows of column j, into x: n numbers; called by several threads. */
    void (*column)(const void *payload, size_t j, double *x);
    const void *payload;
    ba_cdmat_t y;                              /* n x n_dims */
    const ba_neighbourhoods_t *neighbourhoods; /* of the columns */
    const ba_inner_rows_t *inner;              /* n_inner */
    size_t n_inner;
    const double *alphas; /* n_alphas, positive */
    size_t n_alphas;
} ba_searchlight_t;

/* scores[j], n_columns: the columns of the neighbourhood of j, z-scored over the training
 * rows, predict every dimension by ridge, with an intercept, without each inner split's
 * rows; a dimension's score is the largest over alphas of the mean over splits, where
 * defined, of Pearson's r over the validation rows, and that of the neighbourhood the
 * largest over dimensions (Pereira et al. 2018). NaN where column j is constant or has no
 * neighbourhood, and where no dimension has a score.
 *
 * Cost, for neighbourhoods of k columns, F splits, A alphas: 4 n v d F / (F - 1) flops for
 * all products with the targets, and for each column 2 n k^2 + F (15 k^3 + (4 + 2 A) k^2
 * d). Memory: 2 F v x 64 numbers at least, the neighbourhoods' own of a thread beside it;
 * BA_TOO_LARGE where that is over the memory of ctx. The same bits for any threads and
 * memory. */
int ba_searchlight_scores(
    const ba_ctx_t *ctx, const ba_searchlight_t *light, double *scores) BA_MUST_USE;

/* What that holds beside what it borrows: bytes, and tiles of dimensions at a time. No
 * value is looked at. BA_TOO_LARGE as above. */
typedef struct {
    size_t bytes, n_held;
} ba_searchlight_plan_t;

int ba_searchlight_plan(const ba_ctx_t *ctx, const ba_searchlight_t *light,
    ba_searchlight_plan_t *out) BA_MUST_USE;

#endif
