/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The repeats of one target. */
#ifndef BA_MODEL_REPEATS_H
#define BA_MODEL_REPEATS_H

#include "brainalign/ceiling.h"

typedef enum {
    BA_GATHER_RAW = 0, /* as it is */
    BA_GATHER_CENTRED, /* each repeat less its mean */
    BA_GATHER_ZSCORED  /* and divided by its population deviation */
} ba_gather_t;

/* At least two repeats and samples, all of one shape. BA_SHAPE. */
int ba_repeats_check(const ba_repeats_t *repeats);

/* Target j: x[t + i n_samples] of repeat i. A repeat without variance becomes 0 (unless
 * RAW), and the reason says so; a value that is not finite ends the work. */
ba_ceiling_reason_t ba_repeats_gather(
    const ba_repeats_t *repeats, size_t j, ba_gather_t how, double *x);

/* Mean over the n_repeats columns of x. */
void ba_repeats_mean(const double *x, size_t n, size_t n_repeats, double *mean);

/* Sum of squares about the mean / (n - 1). */
double ba_repeats_variance(const double *x, size_t n);

/* Pearson's r of two series; NaN where either is constant. */
double ba_repeats_r(const double *x, const double *y, size_t n);

/* reason[j] = value, where reasons are wanted. */
void ba_repeats_reason(uint8_t *reason, size_t j, ba_ceiling_reason_t value);

#endif
