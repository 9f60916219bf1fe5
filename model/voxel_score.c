/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With z_r the repeats centred and of unit length, the sum of z_r'z_s over all pairs is
 * (|sum z_r|^2 - sum |z_r|^2) / 2. */
#include "model/voxel_score.h"

#include "model/scale.h"

#include <math.h>
#include <string.h>

double
ba_f_statistic(
    const double *x, const int32_t *group, size_t n, size_t n_groups, double *work)
{
    double *sum = work, *count = work + n_groups;
    double total = 0.0, between = 0.0, within = 0.0, used = 0.0, k = 0.0, mean,
           largest = 0.0;

    memset(work, 0, 2 * n_groups * sizeof *work);
    for (size_t i = 0; i < n; i++) {
        if (group[i] >= 0) {
            sum[group[i]] += x[i];
            count[group[i]] += 1.0;
            total += x[i];
            used += 1.0;
            largest = fmax(largest, fabs(x[i]));
        }
    }
    mean = used > 0.0 ? total / used : 0.0;
    for (size_t g = 0; g < n_groups; g++) {
        if (count[g] > 0.0) {
            sum[g] /= count[g];
            between += count[g] * (sum[g] - mean) * (sum[g] - mean);
            k += 1.0;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (group[i] >= 0) {
            within += (x[i] - sum[group[i]]) * (x[i] - sum[group[i]]);
        }
    }
    if (k < 2.0 || used <= k ||
        !(sqrt((between + within) / used) > BA_CONSTANT * largest)) {
        return NAN;
    }
    return between / (k - 1.0) / (within / (used - k));
}

double
ba_stability(double *x, size_t n_items, size_t n_repeats)
{
    double squares = 0.0, own = 0.0;

    if (n_items < 2 || n_repeats < 2) {
        return NAN;
    }
    for (size_t r = 0; r < n_repeats; r++) {
        double *z = x + r * n_items, mean, scale;
        int varies = ba_mean_and_scale(z, n_items, &mean, &scale);
        double length = scale * sqrt((double) n_items);

        for (size_t i = 0; i < n_items; i++) {
            z[i] = varies ? (z[i] - mean) / length : 0.0;
        }
        own += varies ? 1.0 : 0.0;
    }
    for (size_t i = 0; i < n_items; i++) {
        double sum = 0.0;

        for (size_t r = 0; r < n_repeats; r++) {
            sum += x[i + r * n_items];
        }
        squares += sum * sum;
    }
    return (squares - own) / ((double) n_repeats * (double) (n_repeats - 1));
}
