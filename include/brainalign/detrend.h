/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unsupervised transforms of responses within runs: detrending, nuisance regression,
 * z-scoring. */
#ifndef BRAINALIGN_DETREND_H
#define BRAINALIGN_DETREND_H

#include "brainalign/matrix.h"
#include "brainalign/runs.h"
#include "brainalign/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    BA_DETREND_NONE = 0,
    BA_DETREND_POLY,
    BA_DETREND_SAVGOL
} ba_detrend_kind_t;

typedef struct {
    ba_detrend_kind_t kind;
    size_t degree;  /* BA_DETREND_POLY: highest power, mean included */
    double seconds; /* BA_DETREND_SAVGOL: window of a third-order Savitzky-Golay filter */
    double tr;      /* seconds per sample, needed by savgol */
} ba_detrend_opts_t;

/* Parses none | poly:D | savgol:SECONDS. BA_VALUE. */
BA_API int ba_detrend_parse(const char *text, ba_detrend_opts_t *out);

/* Opaque: the run-wise residual maker of trends and nuisance regressors, built once,
 * applied to many targets. */
typedef struct ba_detrend ba_detrend_t;

/* Polynomials (degree at most run length - 1) and nuisance columns (n_samples x
 * n_nuisance, may be empty) go into ONE orthonormal basis per run, with a constant where
 * there is any regressor; rank-deficient columns are dropped. Savitzky-Golay (window =
 * round(seconds / tr), made odd, at most the largest odd number of the run's samples;
 * edges by the polynomial of the last full window; windows of 3 or less remove the mean)
 * filters responses and nuisance alike, then the filtered nuisance is projected out.
 * Errors: BA_VALUE (savgol without tr), BA_SHAPE, BA_NONFINITE (nuisance: row and column
 * named). */
BA_API int ba_detrend_new(const ba_detrend_opts_t *opts, const ba_runs_t *runs,
    ba_cdmat_t nuisance, ba_detrend_t **out);
BA_API void ba_detrend_free(ba_detrend_t *detrend);

/* Replaces every column of y (n_samples x n_targets) by its residual. A NaN makes its
 * column NaN in that run. Thread-safe. */
BA_API int ba_detrend_apply(const ba_detrend_t *detrend, ba_dmat_t y);

/* Z-scores every column of y within each run: mean 0, population standard deviation 1 (n
 * - ddof in the divisor). `size` (n_runs x n_targets, or NULL) holds each column's
 * largest absolute value before any detrending: a deviation below 1e-10 of it counts as
 * none and the column is only centred. mean and scale (n_runs x n_targets, or NULL)
 * receive what was subtracted and divided by. */
BA_API void ba_zscore_runs(const ba_runs_t *runs, ba_dmat_t y, size_t ddof,
    const double *size, double *mean, double *scale);

#ifdef __cplusplus
}
#endif

#endif
