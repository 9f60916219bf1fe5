/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Principal components of feature spaces, fitted on some rows and applied to all. */
#ifndef BRAINALIGN_PCA_H
#define BRAINALIGN_PCA_H

#include "brainalign/ctx.h"
#include "brainalign/design.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Components of one space: component k of a row x is (x - mean)' components[:, k].
 * Variances are of the rows that it was fitted on, divided by their number. A component
 * without variance (below the rounding of the largest) is 0 throughout. */
typedef struct {
    size_t n_features, n_components; /* n_components 0 = the space has none; all NULL */
    double *mean;                    /* n_features */
    double *components; /* n_features x n_components, column-major, by falling variance;
                           the entry of largest size in each is positive */
    double *variance;   /* n_components */
    double total;       /* variance of all features */
} ba_pca_t;

/* Fits the components of every space of a design on some undelayed rows (samples before
 * trimming): *out has ba_design_n_spaces() of them; the caller frees with ba_pca_free().
 * BA_SHAPE: fewer than components + 1 rows. BA_NUMERIC, BA_NOMEM, BA_CANCELLED. Cost for
 * n rows, p features, m = min(n, p): 2 n p m + 9 m^3. */
BA_API int ba_pca_fit(const ba_ctx_t *ctx, const ba_design_t *design, const size_t *rows,
    size_t n_rows, ba_pca_t **out);

/* A design that can be read, whose spaces are those of `design` with components in place
 * of their features, over all of its samples. What it does not own (spaces without
 * components, runs) is borrowed from `design`. BA_SHAPE when the numbers of features
 * differ. The caller frees. */
BA_API int ba_pca_design(const ba_ctx_t *ctx, const ba_pca_t *pca,
    const ba_design_t *design, ba_design_t **out);

/* The largest number of components of any space of a design; 0 = none has any. */
BA_API size_t ba_pca_most(const ba_design_t *design);

/* A copy of n spaces' components. */
BA_API int ba_pca_copy(const ba_pca_t *pca, size_t n_spaces, ba_pca_t **out);

BA_API void ba_pca_free(ba_pca_t *pca, size_t n_spaces);

#ifdef __cplusplus
}
#endif

#endif
