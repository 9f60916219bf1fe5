/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The block bootstrap: which rows are drawn together, and the draws. */
#include "encode/compare_impl.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdlib.h>

/* Fewer runs than this say too little about how runs differ. */
#define ENOUGH_RUNS 6

/* Key of the random numbers: those of nothing else. */
#define STREAM 0x626f6f74

static size_t
count_runs(const ba_held_t *held)
{
    size_t n = 0;

    for (size_t k = 0; k < held->runs.n_runs; k++) {
        int has = 0;

        for (size_t i = 0; i < held->n_held; i++) {
            has |= ba_runs_of(&held->runs, held->position[i]) == k;
        }
        n += (size_t) has;
    }
    return n;
}

/* Runs are numbered anew: some may have no held row. */
static size_t
units_of_runs(const ba_held_t *held, size_t *unit)
{
    size_t n = 0;

    for (size_t k = 0; k < held->runs.n_runs; k++) {
        int has = 0;

        for (size_t i = 0; i < held->n_held; i++) {
            if (ba_runs_of(&held->runs, held->position[i]) == k) {
                unit[i] = n;
                has = 1;
            }
        }
        n += (size_t) has;
    }
    return n;
}

/* Every uninterrupted stretch of a fold in blocks of about that length: as many as fit,
 * at least one, equal but for one sample. */
static size_t
units_of_time(const ba_held_t *held, size_t block, size_t *unit)
{
    size_t n = 0;

    for (size_t f = 0; f < held->n_folds; f++) {
        const ba_runs_t *stretches = &held->folds[f];

        for (size_t s = 0; s < stretches->n_runs; s++) {
            size_t first = stretches->onset[s];
            size_t length = stretches->onset[s + 1] - first;
            size_t parts = length / block > 0 ? length / block : 1;

            for (size_t i = 0; i < length; i++) {
                unit[held->start[f] + first + i] = n + i * parts / length;
            }
            n += parts;
        }
    }
    return n;
}

int
ba_compare_units(
    const ba_held_t *held, size_t block, size_t **unit, size_t *n_units, int *is_run)
{
    int status = BA_OK;
    double tr = held->detrend.tr;

    if (block == 0) {
        block = tr > 0.0 && 20.0 / tr > 10.0 ? (size_t) ceil(20.0 / tr - 1e-9) : 10;
    }
    BA_TRY_ALLOC(*unit, ba_malloc(held->n_held, sizeof **unit));
    *is_run = count_runs(held) >= ENOUGH_RUNS;
    *n_units = *is_run ? units_of_runs(held, *unit) : units_of_time(held, block, *unit);
    if (*n_units < 2) {
        BA_TRY(ba_fail(BA_SHAPE,
            "bootstrap: %zu block of %zu samples in the held-out rows, wanted at least 2",
            *n_units, block));
    }
out:
    return status;
}

int
ba_compare_draws(uint64_t seed, size_t n_draws, size_t n_units, double **out)
{
    int status = BA_OK;
    ba_rng_t *rng = NULL;

    BA_TRY_ALLOC(*out, ba_calloc(n_draws, n_units * sizeof **out));
    BA_TRY_ALLOC(rng, ba_rng_new(seed, STREAM));
    for (size_t b = 0; b < n_draws; b++) {
        for (size_t u = 0; u < n_units; u++) {
            (*out)[b + ba_rng_below(rng, n_units) * n_draws] += 1.0;
        }
    }
out:
    ba_rng_free(rng);
    return status;
}

static int
ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double
quantile(const double *sorted, size_t n, double share)
{
    double at = share * (double) (n - 1);
    size_t below = (size_t) at, above = below + 1 < n ? below + 1 : below;

    return sorted[below] + (at - (double) below) * (sorted[above] - sorted[below]);
}

void
ba_compare_interval(double *draws, size_t n, double *low, double *high)
{
    *low = *high = NAN;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(draws[i])) {
            return;
        }
    }
    if (n > 0) {
        qsort(draws, n, sizeof *draws, ascending);
        *low = quantile(draws, n, 0.025);
        *high = quantile(draws, n, 0.975);
    }
}
