/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Savitzky-Golay trend of one run. */
#ifndef BA_MODEL_SAVGOL_H
#define BA_MODEL_SAVGOL_H

#include "brainalign/error.h"

/* Cubic filter over 2 half + 1 samples; half < 2: the trend is the mean. */
typedef struct {
    size_t half;
    double *basis;  /* (2 half + 1) x 4, column-major: orthonormal polynomials */
    double *kernel; /* half + 1: weight of a sample by its distance from the centre */
} ba_savgol_t;

/* Half width of a window of `seconds` at `tr` seconds per sample in a run of n: rounded,
 * made odd by adding one, at most the largest odd number of samples in the run. */
size_t ba_savgol_half(double seconds, double tr, size_t n);

int ba_savgol_new(size_t half, ba_savgol_t *out);
void ba_savgol_free(ba_savgol_t *filter);

/* Replaces y (n >= 2 half + 1) by y minus its trend. scratch has room for n. */
void ba_savgol_residual(const ba_savgol_t *filter, double *y, size_t n, double *scratch);

#endif
