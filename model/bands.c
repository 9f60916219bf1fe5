/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Candidates of banded ridge: samples of the simplex.
 *
 * A Dirichlet deviate is a vector of gamma deviates over their sum. Concentration 1 is
 * uniform on the simplex, 0.1 puts most of the weight on few spaces; the two in turn, with
 * all equal first, is the search of Dupre la Tour et al. (2022, NeuroImage 264:119728).
 * The corners are added because a model of one space alone is what the others are held
 * to. */
#include "brainalign/bands.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>

/* Streams of the generator, one a candidate. */
static const uint64_t stream_of_bands = UINT64_C(0x62616e64) << 32;

static int
sample(uint64_t seed, size_t i, size_t n_spaces, double *gamma)
{
    double concentration = i % 2 ? 1.0 : 0.1, sum = 0.0;
    ba_rng_t *rng = ba_rng_new(seed, stream_of_bands + i);

    if (!rng) {
        return BA_NOMEM;
    }
    /* All of them may underflow where the concentration is small. */
    while (!(sum > 0.0)) {
        sum = 0.0;
        for (size_t k = 0; k < n_spaces; k++) {
            gamma[k] = ba_rng_gamma(rng, concentration);
            sum += gamma[k];
        }
    }
    for (size_t k = 0; k < n_spaces; k++) {
        gamma[k] /= sum;
    }
    ba_rng_free(rng);
    return BA_OK;
}

int
ba_bands_sample(size_t n_candidates, size_t n_spaces, uint64_t seed, double *gammas)
{
    int status = BA_OK;
    size_t n_fixed = n_spaces > 1 ? n_spaces + 1 : 1;

    if (n_candidates == 0 || n_spaces == 0) {
        return ba_fail(BA_VALUE, "bands: %zu candidates of %zu spaces, wanted both",
            n_candidates, n_spaces);
    }
    for (size_t i = 0; i < n_candidates; i++) {
        double *gamma = gammas + i * n_spaces;

        if (i >= n_fixed) {
            BA_TRY(sample(seed, i - n_fixed, n_spaces, gamma));
            continue;
        }
        for (size_t k = 0; k < n_spaces; k++) {
            gamma[k] = i == 0 ? 1.0 / (double) n_spaces : (double) (k + 1 == i);
        }
    }
out:
    return status;
}

int
ba_bands_check(const ba_bands_t *bands)
{
    for (size_t i = 0; i < bands->n_candidates; i++) {
        double largest = 0.0;

        for (size_t k = 0; k < bands->n_spaces; k++) {
            double gamma = bands->gammas[i * bands->n_spaces + k];

            if (!(gamma >= 0.0) || isinf(gamma)) {
                return ba_fail(BA_VALUE,
                    "bands: %g for space %zu in row %zu, wanted finite numbers of at "
                    "least 0",
                    gamma, k, i);
            }
            largest = fmax(largest, gamma);
        }
        if (largest == 0.0) {
            return ba_fail(
                BA_VALUE, "bands: all spaces are 0 in row %zu, wanted one at least", i);
        }
    }
    return BA_OK;
}

/* Numbers that add up to 1 but for rounding. */
static int
is_on_simplex(double sum)
{
    return fabs(sum - 1.0) < 1e-9;
}

static int
repeats(const double *gammas, size_t n, const double *gamma, size_t n_spaces)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        while (k < n_spaces && fabs(gammas[i * n_spaces + k] - gamma[k]) <=
                                   1e-12 * fmax(gamma[k], gammas[i * n_spaces + k])) {
            k++;
        }
        if (k == n_spaces) {
            return 1;
        }
    }
    return 0;
}

size_t
ba_bands_part(const ba_bands_t *bands, const uint8_t *wanted, double *gammas)
{
    size_t n = 0, n_spaces = bands->n_spaces;

    for (size_t i = 0; i < bands->n_candidates; i++) {
        const double *from = bands->gammas + i * n_spaces;
        double *gamma = gammas + n * n_spaces, whole = 0.0, sum = 0.0;

        for (size_t k = 0; k < n_spaces; k++) {
            gamma[k] = wanted[k] ? from[k] : 0.0;
            whole += from[k];
            sum += gamma[k];
        }
        for (size_t k = 0; sum > 0.0 && is_on_simplex(whole) && k < n_spaces; k++) {
            gamma[k] /= sum;
        }
        n += sum > 0.0 && !repeats(gammas, n, gamma, n_spaces);
    }
    return n;
}

size_t
ba_bands_n_models(const ba_bands_t *bands)
{
    return bands->models ? bands->n_models : 1;
}

void
ba_bands_model(const ba_bands_t *bands, size_t model, size_t *start, size_t *stop)
{
    *start = 0;
    *stop = bands->n_candidates;
    if (!bands->models) {
        return;
    }
    while (*start < *stop && bands->models[*start] != (int32_t) model) {
        ++*start;
    }
    *stop = *start;
    while (*stop < bands->n_candidates && bands->models[*stop] == (int32_t) model) {
        ++*stop;
    }
}
