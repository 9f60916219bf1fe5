/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The penalty's axis: grids, a grid from the spectrum, and the continuous optimum between
 * nodes. */
#ifndef BRAINALIGN_ALPHAS_H
#define BRAINALIGN_ALPHAS_H

#include "brainalign/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Nodes of the automatic grid. */
#define BA_AUTO_NODES 10

/* alpha as in |Y - XB|^2 + alpha |B|^2, ascending, or automatic (n = 0, values NULL). */
typedef struct {
    double *values;
    size_t n;
} ba_alphas_t;

/* Parses auto | log:LO,HI,N (exponents of ten, both ends included) | a comma-separated
 * list. Sorted ascending, doubles removed. 0 is allowed. BA_VALUE: negative, NaN,
 * infinite, empty. The caller frees with ba_alphas_free(). */
BA_API int ba_alphas_parse(const char *text, ba_alphas_t *out);
BA_API void ba_alphas_free(ba_alphas_t *alphas);

/* BA_AUTO_NODES nodes, evenly spaced in log alpha, for a design whose Gram matrix has the
 * n eigenvalues `lambda`: from a tenth of the smallest that counts (but at most 5.4
 * decades) up to ten times the largest. A function of the eigenvalues alone, and
 * equivariant to their scale. BA_NUMERIC when there is no positive eigenvalue. */
BA_API int ba_alphas_auto(const double *lambda, size_t n, double nodes[BA_AUTO_NODES]);

/* Index of the largest score, the last of equal ones (the larger alpha); n when every
 * score is NaN. `stride` between scores. */
BA_API size_t ba_alphas_argmax(const double *scores, size_t n, size_t stride);

/* Maximum over continuous log alpha of the not-a-knot cubic spline through the scores at
 * the nodes (ascending, positive, n >= 4, all scores finite). Returns the maximiser alpha
 * (the end node where the curve still rises there) and its interpolated score. */
BA_API double ba_alphas_spline_max(
    const double *alphas, const double *scores, size_t n, double *best_score);

/* The same spline at one alpha between the ends (n >= 4). Linear in the scores. NaN when
 * memory runs out (n > 32). */
BA_API double ba_alphas_spline_at(
    const double *alphas, const double *scores, size_t n, double alpha);

#ifdef __cplusplus
}
#endif

#endif
