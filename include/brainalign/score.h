/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of predictions, target by target. */
#ifndef BRAINALIGN_SCORE_H
#define BRAINALIGN_SCORE_H

#include "brainalign/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    BA_SCORE_MSE = 0,
    BA_SCORE_R2,
    BA_SCORE_R,
    BA_SCORE_HUTH_R2 /* of inner selection alone */
} ba_score_t;

/* Column by column over y and p (n x n_targets, column-major), in float64 sums:
 * BA_SCORE_MSE: minus the mean squared error; BA_SCORE_R2: 1 - SSE / SST with SST about
 * the mean of y; BA_SCORE_R: Pearson correlation; BA_SCORE_HUTH_R2: sign(q) sqrt|q| of
 * q = 1 - 2 var(y - p) / (1 + var y), which the Huth laboratory's code selects by. NaN
 * where undefined: y constant (all but mse), p constant (r), fewer than 2 samples (all
 * but mse). A deviation below 1e-10 of a column's largest absolute value is none. */
BA_API void ba_score_f64(ba_score_t kind, const double *y, size_t ld_y, const double *p,
    size_t ld_p, size_t n, size_t n_targets, double *scores);
BA_API void ba_score_f32(ba_score_t kind, const float *y, size_t ld_y, const float *p,
    size_t ld_p, size_t n, size_t n_targets, double *scores);

/* The same scores from projections, where predictions lie in the span of fewer vectors
 * than there are samples. With an orthonormal basis O (n x m) whose first vector is the
 * constant one, o = O'y and s = O'p (m x n_targets):  SSE = |o - s|^2 + rest,  rest =
 * |y|^2 - |o|^2,  and correlations need the centred parts o[1..], s[1..] alone.
 * ba_score_rest writes rest and the sum of squares of y about its mean, NaN where y does
 * not vary. The same scores as from y and p but for rounding. */
BA_API void ba_score_rest_f64(const double *y, size_t ld_y, size_t n, const double *o,
    size_t ld_o, size_t m, size_t n_targets, double *square, double *rest);
BA_API void ba_score_rest_f32(const float *y, size_t ld_y, size_t n, const float *o,
    size_t ld_o, size_t m, size_t n_targets, double *square, double *rest);
BA_API void ba_score_projected_f64(ba_score_t kind, const double *o, size_t ld_o,
    const double *s, size_t ld_s, size_t m, size_t n, const double *square,
    const double *rest, size_t n_targets, double *scores);
BA_API void ba_score_projected_f32(ba_score_t kind, const float *o, size_t ld_o,
    const float *s, size_t ld_s, size_t m, size_t n, const double *square,
    const double *rest, size_t n_targets, double *scores);

/* What a part of a prediction contributes to its scores (product measure): p is the sum of
 * the parts, y taken about its own mean. r2: sum(2 y part - part p) / sum(y^2), r: mean(y
 * (part - mean)) / (sd(y) sd(p)). Parts add up to r and to the r2 of that y. NaN where
 * undefined: y constant, for r also p. All without gaps (n rows). */
BA_API void ba_score_split_f64(const double *y, const double *p, const double *part,
    size_t n, size_t n_targets, double *r2, double *r);
BA_API void ba_score_split_f32(const float *y, const float *p, const float *part,
    size_t n, size_t n_targets, double *r2, double *r);

/* Sums of squares of the columns of y. */
BA_API void ba_score_squares_f64(
    const double *y, size_t ld_y, size_t n, size_t n_targets, double *squares);
BA_API void ba_score_squares_f32(
    const float *y, size_t ld_y, size_t n, size_t n_targets, double *squares);

#ifdef __cplusplus
}
#endif

#endif
