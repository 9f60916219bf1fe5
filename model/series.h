/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels over one series: the samples of one run in one column. */
#ifndef BA_MODEL_SERIES_H
#define BA_MODEL_SERIES_H

#include <stddef.h>

/* A deviation below this part of a column's own size is rounding noise: such a column is
 * constant, such a regressor adds nothing. */
#define BA_NEGLIGIBLE 1e-10

int ba_series_is_finite(const double *y, size_t n);

void ba_series_fill(double *y, size_t n, double value);

double ba_series_max_abs(const double *y, size_t n);

/* Sum of squares. */
double ba_series_square(const double *y, size_t n);

/* The mean, as exact as float64 holds it even where it is large beside the deviations;
 * n >= 1. */
double ba_series_mean(const double *y, size_t n);

/* Subtracts the mean, and then the mean of what is left, which takes away the rounding
 * error of the first; n >= 1. */
void ba_series_centre(double *y, size_t n);

/* y *= factor. */
void ba_series_scale(double *y, size_t n, double factor);

/* y -= other. */
void ba_series_subtract(double *y, size_t n, const double *other);

double ba_series_dot(const double *q, const double *y, size_t n);

/* y -= q (q'y), with q of unit norm. */
void ba_series_project_out(const double *q, double *y, size_t n);

#endif
