/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/detrend.h"
#include "model/series.h"

#include <math.h>

/* One column of one run. Returns the scale; a negative size means to take the column's
 * own. One rounded mean is subtracted, so that y * scale + mean gives the column back. */
static double
zscore_series(double *y, size_t n, size_t ddof, double size, double *mean)
{
    double deviation = 0;

    if (size < 0) {
        size = ba_series_max_abs(y, n);
    }
    *mean = ba_series_mean(y, n);
    for (size_t i = 0; i < n; i++) {
        y[i] -= *mean;
    }
    if (n > ddof) {
        deviation = sqrt(ba_series_square(y, n) / (double) (n - ddof));
    }
    if (deviation <= BA_NEGLIGIBLE * size) {
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        y[i] /= deviation;
    }
    return deviation;
}

void
ba_zscore_runs(const ba_runs_t *runs, ba_dmat_t y, size_t ddof, const double *size,
    double *mean, double *scale)
{
    for (size_t j = 0; j < y.n_cols; j++) {
        for (size_t k = 0; k < runs->n_runs; k++) {
            size_t at = k + j * runs->n_runs, first = runs->onset[k];
            size_t n = runs->onset[k + 1] - first;
            double *series = y.data + first + j * y.ld;
            double centre, deviation;

            if (!ba_series_is_finite(series, n)) {
                ba_series_fill(series, n, (double) NAN);
                centre = deviation = (double) NAN;
            } else {
                deviation = zscore_series(series, n, ddof, size ? size[at] : -1, &centre);
            }
            if (mean) {
                mean[at] = centre;
            }
            if (scale) {
                scale[at] = deviation;
            }
        }
    }
}
