/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of predictions, target by target. */
#ifndef BRAINALIGN_SCORE_H
#define BRAINALIGN_SCORE_H

#include "brainalign/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BA_SCORE_MSE = 0, BA_SCORE_R2, BA_SCORE_R } ba_score_t;

/* Column by column over y and p (n x n_targets, column-major), in float64 sums:
 * BA_SCORE_MSE: minus the mean squared error; BA_SCORE_R2: 1 - SSE / SST with SST about
 * the mean of y; BA_SCORE_R: Pearson correlation. NaN where undefined: y constant (r2,
 * r), p constant (r), fewer than 2 samples (r2, r). A deviation below 1e-10 of a column's
 * largest absolute value is none. */
BA_API void ba_score_f64(ba_score_t kind, const double *y, size_t ld_y, const double *p,
    size_t ld_p, size_t n, size_t n_targets, double *scores);
BA_API void ba_score_f32(ba_score_t kind, const float *y, size_t ld_y, const float *p,
    size_t ld_p, size_t n, size_t n_targets, double *scores);

#ifdef __cplusplus
}
#endif

#endif
