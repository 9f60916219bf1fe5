/* SPDX-License-Identifier: GPL-3.0-or-later */
/* U: mean n m / 2, variance n m / 12 (N + 1 - T / (N (N - 1))), N = n + m, T = sum of t^3 -
 * t (Mann and Whitney 1947; ties: Lehmann 1975). Welch 1947: t = (a - b) / sqrt(s), s =
 * va / n + vb / m, df = s^2 / ((va / n)^2 / (n - 1) + (vb / m)^2 / (m - 1)). */
#include "model/two_samples.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

double
ba_mann_whitney_p(double u, double n_first, double n_second, double ties)
{
    double n = n_first + n_second, pairs = n_first * n_second, variance, z;

    if (n_first <= 0 || n_second <= 0) {
        return (double) NAN;
    }
    variance = pairs / 12 * (n + 1 - ties / (n * (n - 1)));
    if (variance <= 0) {
        return 1;
    }
    z = (fabs(u - pairs / 2) - 0.5) / sqrt(variance);
    return fmin(1, erfc(z / sqrt(2)));
}

ba_welch_t
ba_welch(ba_sample_t first, ba_sample_t second)
{
    double a = first.variance / first.n, b = second.variance / second.n, s = a + b;
    ba_welch_t welch = {(double) NAN, (double) NAN};

    if (first.n >= 2 && second.n >= 2 && s > 0) {
        welch.t = (first.mean - second.mean) / sqrt(s);
        welch.df = s * s / (a * a / (first.n - 1) + b * b / (second.n - 1));
    }
    return welch;
}

double
ba_student_p(double t, double df)
{
    return isfinite(t) && df > 0 ? 2 * gsl_cdf_tdist_Q(fabs(t), df) : (double) NAN;
}
