/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orthogonal autocorrelated sequences (Feghhi et al. 2024): features that know nothing of
 * the stimulus but that samples of a run which are near in time are alike, and samples of
 * different runs are not. The identity matrix of the samples, smoothed in blocks:
 *
 *     x(t, s) = exp(-(t - s)^2 / (2 sigma^2)) / sum over s' of the run,  0 across runs.
 *
 * What such features predict is autocorrelation that the splits let through. */
#include "brainalign/resample.h"

#include <math.h>

/* Sigmas beyond which a value is 0: it would be below 1e-17 of the largest. */
static const double REACH = 9;

static double
bell(size_t t, size_t s, double sigma)
{
    double z = ((double) t - (double) s) / sigma;

    return fabs(z) <= REACH ? exp(-z * z / 2) : 0;
}

/* Sum of a row's values, over the samples first..stop-1 of its run, before it is scaled
 * to 1. */
static double
row_sum(size_t t, size_t first, size_t stop, double sigma)
{
    double reach = ceil(REACH * sigma), sum = 0;
    size_t from = (double) (t - first) > reach ? t - (size_t) reach : first;
    size_t to = (double) (stop - t) > reach + 1 ? t + (size_t) reach + 1 : stop;

    for (size_t s = from; s < to; s++) {
        sum += bell(t, s, sigma);
    }
    return sum;
}

void
ba_oasm_columns(const ba_runs_t *runs, double sigma, size_t col0, ba_dmat_t dst)
{
    for (size_t j = 0; j < dst.n_cols; j++) {
        for (size_t t = 0; t < dst.n_rows; t++) {
            dst.data[t + j * dst.ld] = 0;
        }
    }
    for (size_t k = 0; k < runs->n_runs; k++) {
        size_t first = runs->onset[k], stop = runs->onset[k + 1];
        size_t from = col0 > first ? col0 : first;
        size_t to = col0 + dst.n_cols < stop ? col0 + dst.n_cols : stop;

        for (size_t t = first; t < stop && from < to; t++) {
            double sum = row_sum(t, first, stop, sigma);

            for (size_t s = from; s < to; s++) {
                dst.data[t + (s - col0) * dst.ld] = bell(t, s, sigma) / sum;
            }
        }
    }
}
