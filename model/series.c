/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/series.h"
#include "model/clones.h"

#include <float.h>
#include <math.h>

int
ba_series_is_finite(const double *y, size_t n)
{
    int finite = 1;

    for (size_t i = 0; i < n; i++) {
        finite &= fabs(y[i]) <= DBL_MAX;
    }
    return finite;
}

void
ba_series_fill(double *y, size_t n, double value)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = value;
    }
}

double
ba_series_max_abs(const double *y, size_t n)
{
    double largest = 0;

    for (size_t i = 0; i < n; i++) {
        largest = fabs(y[i]) > largest ? fabs(y[i]) : largest;
    }
    return largest;
}

/* Mean of y - shift. */
static double
mean_beside(const double *y, size_t n, double shift)
{
    double lanes[BA_LANES] = {0};
    size_t i = 0;

    for (; i + BA_LANES <= n; i += BA_LANES) {
        for (size_t j = 0; j < BA_LANES; j++) {
            lanes[j] += y[i + j] - shift;
        }
    }
    for (size_t j = 0; i + j < n; j++) {
        lanes[j] += y[i + j] - shift;
    }
    return ba_lanes_sum(lanes) / (double) n;
}

double
ba_series_mean(const double *y, size_t n)
{
    double mean = mean_beside(y, n, 0);

    return mean + mean_beside(y, n, mean);
}

/* Static, because gcc would export the symbol of a cloned function from the shared
 * library, hidden or not. */
BA_CLONES static double
dot(const double *q, const double *y, size_t n)
{
    double lanes[BA_LANES] = {0};
    size_t i = 0;

    for (; i + BA_LANES <= n; i += BA_LANES) {
        for (size_t j = 0; j < BA_LANES; j++) {
            lanes[j] += q[i + j] * y[i + j];
        }
    }
    for (size_t j = 0; i + j < n; j++) {
        lanes[j] += q[i + j] * y[i + j];
    }
    return ba_lanes_sum(lanes);
}

double
ba_series_dot(const double *q, const double *y, size_t n)
{
    return dot(q, y, n);
}

double
ba_series_square(const double *y, size_t n)
{
    return dot(y, y, n);
}

void
ba_series_centre(double *y, size_t n)
{
    for (int pass = 0; pass < 2; pass++) {
        double mean = mean_beside(y, n, 0);

        for (size_t i = 0; i < n; i++) {
            y[i] -= mean;
        }
    }
}

void
ba_series_scale(double *y, size_t n, double factor)
{
    for (size_t i = 0; i < n; i++) {
        y[i] *= factor;
    }
}

void
ba_series_subtract(double *y, size_t n, const double *other)
{
    for (size_t i = 0; i < n; i++) {
        y[i] -= other[i];
    }
}

BA_CLONES static void
subtract_multiple(double *y, size_t n, double factor, const double *q)
{
    for (size_t i = 0; i < n; i++) {
        y[i] -= factor * q[i];
    }
}

void
ba_series_project_out(const double *q, double *y, size_t n)
{
    subtract_multiple(y, n, dot(q, y, n), q);
}
