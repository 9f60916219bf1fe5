/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/repeats.h"
#include "model/series.h"

#include "brainalign/score.h"

#include <math.h>
#include <string.h>

int
ba_repeats_check(const ba_repeats_t *repeats)
{
    const ba_cdmat_t *first = repeats->repeat;

    if (repeats->n_repeats < 2) {
        return ba_fail(BA_SHAPE, "noise ceiling: found %zu repeats, wanted 2 or more",
            repeats->n_repeats);
    }
    if (first->n_rows < 2) {
        return ba_fail(BA_SHAPE, "noise ceiling: found %zu samples, wanted 2 or more",
            first->n_rows);
    }
    for (size_t i = 1; i < repeats->n_repeats; i++) {
        const ba_cdmat_t *other = &repeats->repeat[i];

        if (other->n_rows != first->n_rows || other->n_cols != first->n_cols) {
            return ba_fail(BA_SHAPE,
                "noise ceiling: repeat %zu (from 0) has %zu samples x %zu targets, "
                "wanted %zu x %zu as the first",
                i, other->n_rows, other->n_cols, first->n_rows, first->n_cols);
        }
    }
    return BA_OK;
}

/* Centres a repeat and z-scores it where asked; 0 when it is constant. */
static int
prepare(double *x, size_t n, ba_gather_t how)
{
    double largest = ba_series_max_abs(x, n), deviation;

    ba_series_centre(x, n);
    deviation = sqrt(ba_series_square(x, n) / (double) n);
    if (deviation <= BA_NEGLIGIBLE * largest) {
        ba_series_fill(x, n, 0);
        return 0;
    }
    if (how == BA_GATHER_ZSCORED) {
        ba_series_scale(x, n, 1 / deviation);
    }
    return 1;
}

ba_ceiling_reason_t
ba_repeats_gather(const ba_repeats_t *repeats, size_t j, ba_gather_t how, double *x)
{
    ba_ceiling_reason_t reason = BA_CEILING_OK;

    for (size_t i = 0; i < repeats->n_repeats; i++) {
        const ba_cdmat_t *from = &repeats->repeat[i];
        size_t n = from->n_rows;

        memcpy(x + i * n, from->data + j * from->ld, n * sizeof *x);
        if (!ba_series_is_finite(x + i * n, n)) {
            return BA_CEILING_NONFINITE;
        }
        if (how != BA_GATHER_RAW && !prepare(x + i * n, n, how)) {
            reason = BA_CEILING_CONSTANT;
        }
    }
    return reason;
}

void
ba_repeats_mean(const double *x, size_t n, size_t n_repeats, double *mean)
{
    memcpy(mean, x, n * sizeof *mean);
    for (size_t i = 1; i < n_repeats; i++) {
        for (size_t t = 0; t < n; t++) {
            mean[t] += x[t + i * n];
        }
    }
    for (size_t t = 0; t < n; t++) {
        mean[t] /= (double) n_repeats;
    }
}

double
ba_repeats_variance(const double *x, size_t n)
{
    double mean = ba_series_mean(x, n), sum = 0;

    for (size_t t = 0; t < n; t++) {
        sum += (x[t] - mean) * (x[t] - mean);
    }
    return sum / (double) (n - 1);
}

double
ba_repeats_r(const double *x, const double *y, size_t n)
{
    double r;

    ba_score_f64(BA_SCORE_R, x, n, y, n, n, 1, &r);
    return r;
}

void
ba_repeats_reason(uint8_t *reason, size_t j, ba_ceiling_reason_t value)
{
    if (reason) {
        reason[j] = (uint8_t) value;
    }
}
