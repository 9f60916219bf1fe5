/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BA_MODEL_RANK_CORRELATION_H
#define BA_MODEL_RANK_CORRELATION_H

#include "brainalign/error.h"

/* Replaces n numbers (none NaN) by their ranks from 0, ties by the mean of theirs. */
int ba_mean_ranks(double *x, size_t n) BA_MUST_USE;

/* Pearson's correlation; NaN where a list is constant. n > 0. */
double ba_pearson(const double *a, const double *b, size_t n);

#endif
