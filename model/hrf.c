/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Haemodynamic responses, differences of two gamma densities
 *
 *     h(t) = (g(t; a1 / d1, d1) - c g(t; a2 / d2, d2)) / (1 - c),
 *     g(t; k, d) = t^(k - 1) exp(-t / d) / (d^k Gamma(k)),
 *
 * with an integral of 1. SPM's canonical function: a = 6, 16, d = 1, 1, c = 1/6 (Friston
 * et al. 1998, NeuroImage 7:30). Glover's (1999, NeuroImage 9:416) as nilearn has it: a =
 * 6, 12, d = 0.9, 0.9, c = 0.48. The derivatives are exact, the limits of the finite
 * differences that SPM (1 s, 0.01) and nilearn (0.1 s, 0.01) take, and have their signs:
 * h(t) - h(t - step), and h(d1) - h(d1 + step).
 *
 * Items are not put on a grid: impulses are h at their own distance, items with a
 * duration are integrated by Simpson's rule. */
#include "model/resample_impl.h"

#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_psi.h>
#include <math.h>

/* Longest step of Simpson's rule, whose error is then below 1e-8 of the integral. */
static const double STEP_SECONDS = 0.05;

typedef struct {
    double delay, dispersion; /* seconds */
} gamma_t;

typedef struct {
    gamma_t peak, undershoot;
    double ratio;
} shape_t;

static const shape_t SHAPES[] = {
    [BA_HRF_SPM] = {{6, 1}, {16, 1}, 1.0 / 6},
    [BA_HRF_GLOVER] = {{6, 0.9}, {12, 0.9}, 0.48},
};

static double
density(gamma_t gamma, double t)
{
    double k = gamma.delay / gamma.dispersion, d = gamma.dispersion;

    return exp((k - 1) * log(t) - t / d - k * log(d) - gsl_sf_lngamma(k));
}

static double
density_by_time(gamma_t gamma, double t)
{
    double k = gamma.delay / gamma.dispersion;

    return density(gamma, t) * ((k - 1) / t - 1 / gamma.dispersion);
}

/* At a fixed delay, so that the shape k = delay / d changes too. */
static double
density_by_dispersion(gamma_t gamma, double t)
{
    double k = gamma.delay / gamma.dispersion, d = gamma.dispersion;
    double by_shape = log(t) - log(d) - gsl_sf_psi(k);

    return density(gamma, t) * (-k / d * by_shape + t / (d * d) - k / d);
}

double
ba_hrf_value(ba_hrf_t model, ba_hrf_basis_t basis, double seconds)
{
    const shape_t *shape = &SHAPES[model];
    double value = 0;

    if (!(seconds > 0) || seconds > BA_HRF_SECONDS) {
        return 0;
    }
    switch (basis) {
    case BA_HRF_CANONICAL:
        value = density(shape->peak, seconds) -
                shape->ratio * density(shape->undershoot, seconds);
        break;
    case BA_HRF_TIME:
        value = density_by_time(shape->peak, seconds) -
                shape->ratio * density_by_time(shape->undershoot, seconds);
        break;
    case BA_HRF_DISPERSION:
        value = -density_by_dispersion(shape->peak, seconds);
        break;
    }
    return value / (1 - shape->ratio);
}

typedef struct {
    ba_hrf_t model;
    ba_hrf_basis_t basis;
    const double *onsets, *durations, *times;
    double longest; /* duration */
} response_t;

static ba_item_side_t
side(const void *self, size_t row, size_t item)
{
    const response_t *response = self;
    double since = response->times[row] - response->onsets[item];

    if (since > BA_HRF_SECONDS + response->longest) {
        return BA_ITEM_BEFORE;
    }
    return since < 0 ? BA_ITEM_AFTER : BA_ITEM_WITHIN;
}

/* The integral of h over low..high seconds after which an item is over and began. */
static double
integral(const response_t *response, double low, double high)
{
    double step, sum;
    size_t n;

    low = low < 0 ? 0 : low;
    high = high > BA_HRF_SECONDS ? BA_HRF_SECONDS : high;
    if (!(high > low)) {
        return 0;
    }
    n = 2 * (size_t) ceil((high - low) / (2 * STEP_SECONDS));
    step = (high - low) / (double) n;
    sum = ba_hrf_value(response->model, response->basis, low) +
          ba_hrf_value(response->model, response->basis, high);
    for (size_t i = 1; i < n; i++) {
        sum += (i % 2 ? 4 : 2) *
               ba_hrf_value(response->model, response->basis, low + (double) i * step);
    }
    return sum * step / 3;
}

static double
weight(const void *self, size_t row, size_t item)
{
    const response_t *response = self;
    double since = response->times[row] - response->onsets[item];

    if (!response->durations) {
        return ba_hrf_value(response->model, response->basis, since);
    }
    return integral(response, since - response->durations[item], since);
}

int
ba_resampler_hrf(ba_hrf_t model, ba_hrf_basis_t basis, const double *onsets,
    const double *durations, size_t n_items, const double *times, size_t n_times,
    ba_resampler_t *out)
{
    response_t response = {.model = model,
        .basis = basis,
        .onsets = onsets,
        .durations = durations,
        .times = times};
    const ba_resample_rule_t rule = {.self = &response,
        .item_times = onsets,
        .n_items = n_items,
        .n_rows = n_times,
        .side = side,
        .weight = weight};
    int status;

    *out = (ba_resampler_t){0};
    for (size_t i = 0; durations && i < n_items; i++) {
        response.longest = fmax(response.longest, durations[i]);
    }
    BA_TRY(ba_times_check("times of volumes", times, n_times));
    BA_TRY(ba_resampler_build(&rule, out));
out:
    return status;
}
