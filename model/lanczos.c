/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lanczos resampling (Duchon 1979, J. Appl. Meteorol. 18:1016) as in the Huth lab's
 * encoding models (Huth et al. 2016, Nature 532:453): a sinc low-pass filter at half the
 * sampling rate of the volumes, tapered by the central lobe of a wider one,
 *
 *     y(t) = sum_i L((t - t_i) fc) x_i,  L(u) = w sin(pi u) sin(pi u / w) / (pi u)^2,
 *
 * fc = cutoff_mult / mean(diff(t)). The weights are not normalised: where words are
 * dense, rows are large, so such features carry the word rate. */
#include "model/resample_impl.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* Below this |u| the weight is 1 to rounding, and u squared may be 0. */
static const double TINY = 1e-9;

typedef struct {
    const double *item_times, *times;
    double cutoff, window;
} lanczos_t;

double
ba_lanczos_weight(double seconds, double cutoff, double window)
{
    double u = seconds * cutoff;

    if (fabs(u) < TINY) {
        return 1;
    }
    if (fabs(u) > window) {
        return 0;
    }
    return window * sin(PI * u) * sin(PI * u / window) / (PI * PI * (u * u));
}

static ba_item_side_t
side(const void *self, size_t row, size_t item)
{
    const lanczos_t *lanczos = self;
    double u = (lanczos->times[row] - lanczos->item_times[item]) * lanczos->cutoff;

    if (u > lanczos->window) {
        return BA_ITEM_BEFORE;
    }
    return u < -lanczos->window ? BA_ITEM_AFTER : BA_ITEM_WITHIN;
}

static double
weight(const void *self, size_t row, size_t item)
{
    const lanczos_t *lanczos = self;

    return ba_lanczos_weight(lanczos->times[row] - lanczos->item_times[item],
        lanczos->cutoff, lanczos->window);
}

/* The mean of the differences is summed, not telescoped: it then has the peers' bits. */
static double
mean_step(const double *times, size_t n)
{
    double sum = 0;

    for (size_t i = 1; i < n; i++) {
        sum += times[i] - times[i - 1];
    }
    return sum / (double) (n - 1);
}

int
ba_resampler_lanczos(const double *item_times, size_t n_items, const double *times,
    size_t n_times, double window, double cutoff_mult, ba_resampler_t *out)
{
    lanczos_t lanczos = {.item_times = item_times, .times = times, .window = window};
    const ba_resample_rule_t rule = {.self = &lanczos,
        .item_times = item_times,
        .n_items = n_items,
        .n_rows = n_times,
        .side = side,
        .weight = weight};
    int status;

    *out = (ba_resampler_t){0};
    if (!(window > 0) || !(cutoff_mult > 0)) {
        return ba_fail(BA_VALUE,
            "Lanczos: window %g and cutoff %g, wanted positive numbers", window,
            cutoff_mult);
    }
    if (n_times < 2) {
        return ba_fail(BA_SHAPE,
            "Lanczos: %zu volume, wanted two or more, whose distance sets the filter",
            n_times);
    }
    BA_TRY(ba_times_check("times of volumes", times, n_times));
    lanczos.cutoff = cutoff_mult / mean_step(times, n_times);
    BA_TRY(ba_resampler_build(&rule, out));
out:
    return status;
}
