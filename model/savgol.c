/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The trend at a sample is the least-squares cubic over the window around it, at its
 * centre; near an end of the run the window stays inside and the cubic is taken off its
 * centre (Savitzky and Golay 1964, Anal. Chem. 36:1627). With q_m the orthonormal
 * polynomials on t = -h .. h, the cubic is sum_m q_m (q_m'y), so that the weight at
 * distance t of the centre is sum_m q_m(0) q_m(t), where odd m vanish. */
#include "model/savgol.h"
#include "core/alloc.h"
#include "model/clones.h"
#include "model/series.h"

#include <math.h>

#define N_POLYNOMIALS 4

size_t
ba_savgol_half(double seconds, double tr, size_t n)
{
    size_t largest = n > 0 ? (n - 1) / 2 : 0;
    double window = round(seconds / tr);

    return window / 2 < (double) largest ? (size_t) (window / 2) : largest;
}

/* Integer multiples of the discrete Legendre polynomials on -h .. h, exact in float64 for
 * windows up to 10^5 samples, brought to unit norm. */
static void
fill_basis(size_t half, double *basis)
{
    size_t window = 2 * half + 1;
    double h = (double) half;

    for (size_t i = 0; i < window; i++) {
        double t = (double) i - h;

        basis[i] = 1;
        basis[i + window] = t;
        basis[i + 2 * window] = 3 * t * t - h * (h + 1);
        basis[i + 3 * window] = t * (5 * t * t - (3 * h * h + 3 * h - 1));
    }
    for (size_t m = 0; m < N_POLYNOMIALS; m++) {
        double *q = basis + m * window;

        ba_series_scale(q, window, 1 / sqrt(ba_series_square(q, window)));
    }
}

int
ba_savgol_new(size_t half, ba_savgol_t *out)
{
    ba_savgol_t filter = {.half = half};
    size_t window = 2 * half + 1;
    int status = BA_OK;

    if (half >= 2) {
        BA_TRY_ALLOC(
            filter.basis, ba_malloc(window, N_POLYNOMIALS * sizeof *filter.basis));
        BA_TRY_ALLOC(filter.kernel, ba_malloc(half + 1, sizeof *filter.kernel));
        fill_basis(half, filter.basis);
        for (size_t t = 0; t <= half; t++) {
            const double *q0 = filter.basis + half, *q2 = q0 + 2 * window;

            filter.kernel[t] = q0[0] * q0[t] + q2[0] * q2[t];
        }
    }
    *out = filter;
    return BA_OK;
out:
    ba_savgol_free(&filter);
    return status;
}

void
ba_savgol_free(ba_savgol_t *filter)
{
    ba_free(filter->basis);
    ba_free(filter->kernel);
    *filter = (ba_savgol_t){0};
}

/* trend[i] at samples that have a whole window around them. */
BA_CLONES static void
smooth(const ba_savgol_t *filter, const double *y, size_t n, double *trend)
{
    size_t half = filter->half;

    for (size_t i = half; i < n - half; i++) {
        trend[i] = filter->kernel[0] * y[i];
    }
    for (size_t t = 1; t <= half; t++) {
        double weight = filter->kernel[t];

        for (size_t i = half; i < n - half; i++) {
            trend[i] += weight * (y[i - t] + y[i + t]);
        }
    }
}

/* The cubic over the window y at its samples first .. first + half - 1. */
static void
fit_edge(const ba_savgol_t *filter, const double *y, size_t first, double *trend)
{
    size_t window = 2 * filter->half + 1;

    ba_series_fill(trend, filter->half, 0);
    for (size_t m = 0; m < N_POLYNOMIALS; m++) {
        const double *q = filter->basis + m * window;
        double coefficient = ba_series_dot(q, y, window);

        for (size_t i = 0; i < filter->half; i++) {
            trend[i] += coefficient * q[first + i];
        }
    }
}

void
ba_savgol_residual(const ba_savgol_t *filter, double *y, size_t n, double *scratch)
{
    size_t half = filter->half;

    ba_series_centre(y, n);
    if (half < 2) {
        return;
    }
    smooth(filter, y, n, scratch);
    fit_edge(filter, y, 0, scratch);
    fit_edge(filter, y + n - (2 * half + 1), half + 1, scratch + n - half);
    ba_series_subtract(y, n, scratch);
}
