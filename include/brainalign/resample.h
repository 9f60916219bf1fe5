/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From items with times (words) to volumes: Lanczos, bins, haemodynamic responses. */
#ifndef BRAINALIGN_RESAMPLE_H
#define BRAINALIGN_RESAMPLE_H

#include "brainalign/ctx.h"
#include "brainalign/matrix.h"
#include "brainalign/runs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A matrix n_rows x n_items, rows volumes, whose row t is zero but for the items first[t]
 * .. first[t] + start[t + 1] - start[t] - 1, with the weights from weights[start[t]] on.
 */
typedef struct {
    size_t n_rows, n_items;
    size_t *first; /* n_rows */
    size_t *start; /* n_rows + 1 */
    double *weights;
} ba_resampler_t;

/* What becomes of the items of one bin. */
typedef enum { BA_BIN_MEAN, BA_BIN_SUM, BA_BIN_LAST } ba_bin_t;

/* Double gamma functions: SPM's canonical one, and Glover's as nilearn has it. */
typedef enum { BA_HRF_SPM, BA_HRF_GLOVER } ba_hrf_t;

/* The function itself, its derivative by time, and minus its derivative by the dispersion
 * of the peak (SPM's signs). */
typedef enum { BA_HRF_CANONICAL, BA_HRF_TIME, BA_HRF_DISPERSION } ba_hrf_basis_t;

/* Seconds after which a response counts as over. */
#define BA_HRF_SECONDS 32.0

/* Weight of an item `seconds` away from a volume at cutoff frequency `cutoff` (Hz): w
 * sin(pi u) sin(pi u / w) / (pi u)^2, u = seconds * cutoff; 1 at 0, 0 beyond |u| = w. */
BA_API double ba_lanczos_weight(double seconds, double cutoff, double window);

/* Lanczos resampling as the Huth lab's: cutoff = cutoff_mult / mean(diff(times)), weights
 * not normalised. Item times in any order (n_items), volume times ascending (n_times).
 * BA_SHAPE: fewer than two volumes, times that do not ascend; BA_VALUE: window or
 * cutoff_mult not positive. Cost: n_times x items within the window. */
BA_API int ba_resampler_lanczos(const double *item_times, size_t n_items,
    const double *times, size_t n_times, double window, double cutoff_mult,
    ba_resampler_t *out);

/* Bin t holds the items with edges[t] <= time < edges[t + 1]; edges (n_bins + 1) ascend.
 * LAST takes the last item in the order given. An empty bin gives a row of zeros.
 * BA_SHAPE: edges that do not ascend. */
BA_API int ba_resampler_bins(ba_bin_t how, const double *item_times, size_t n_items,
    const double *edges, size_t n_bins, ba_resampler_t *out);

/* The response to items at onset seconds, sampled at the volumes' times: of items without
 * durations (NULL) h(t - onset), impulses; else the integral of h(t - u) over the item's
 * duration. BA_SHAPE: times that do not ascend. */
BA_API int ba_resampler_hrf(ba_hrf_t model, ba_hrf_basis_t basis, const double *onsets,
    const double *durations, size_t n_items, const double *times, size_t n_times,
    ba_resampler_t *out);

BA_API void ba_resampler_free(ba_resampler_t *resampler);

/* y = W x: x n_items x n_cols, y n_rows x n_cols. Columns are shared among the threads of
 * ctx; bits do not depend on their number. */
BA_API void ba_resampler_apply(
    const ba_ctx_t *ctx, const ba_resampler_t *resampler, ba_cdmat_t x, ba_dmat_t y);

/* h(seconds) per second, exact; the canonical function has an integral of 1. 0 before 0
 * and after BA_HRF_SECONDS. */
BA_API double ba_hrf_value(ba_hrf_t model, ba_hrf_basis_t basis, double seconds);

/* Columns col0.. of the autocorrelation control: the identity matrix of the samples,
 * smoothed along time within each run by a Gaussian of `sigma` samples (> 0), rows
 * summing to 1. dst: n_samples x n_cols, column-major. */
BA_API void ba_oasm_columns(
    const ba_runs_t *runs, double sigma, size_t col0, ba_dmat_t dst);

#ifdef __cplusplus
}
#endif

#endif
