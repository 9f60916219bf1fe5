/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the calibrations of null distributions share: autoregressive noise, counting, the
 * lines of their tables. */
#ifndef BA_TESTS_LEVEL_H
#define BA_TESTS_LEVEL_H

#include "brainalign.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>

/* Tests are at 5 %; rates that are as they should be. */
static const double level = 0.05, lowest = 0.035, highest = 0.065;

/* n_columns series of n samples, first order, variance 1, that start anew in each of
 * n_runs recordings of the same length. */
static inline void
level_noise_runs(
    ba_rng_t *rng, double phi, double *x, size_t n, size_t n_columns, size_t n_runs)
{
    double keep = sqrt(1 - phi * phi);

    for (size_t j = 0; j < n_columns; j++) {
        for (size_t t = 0; t < n; t++) {
            int starts = t == 0 || t * n_runs / n != (t - 1) * n_runs / n;

            x[t + j * n] = starts ? ba_rng_normal(rng)
                                  : phi * x[t - 1 + j * n] + keep * ba_rng_normal(rng);
        }
    }
}

/* The same in one recording. */
static inline void
level_noise(ba_rng_t *rng, double phi, double *x, size_t n, size_t n_columns)
{
    level_noise_runs(rng, phi, x, n, n_columns, 1);
}

/* Adds the numbers of p (n) that are at most the level. */
static inline void
level_count(const double *p, size_t n, size_t *n_rejected)
{
    for (size_t j = 0; j < n; j++) {
        *n_rejected += p[j] <= level;
    }
}

/* The same of an array of a result file; room: n numbers. */
static inline int
level_count_file(const ba_bundle_t *bundle, const char *path, size_t n, double *room,
    size_t *n_rejected)
{
    size_t start = 0;
    int status = ba_bundle_read(bundle, path, BA_F64, &start, &n, room);

    if (status == BA_OK) {
        level_count(room, n, n_rejected);
    }
    return status;
}

/* A line of the table; rate: n numbers, written. */
static inline void
level_line(
    const char *name, const size_t *n_rejected, size_t n, size_t n_tested, double *rate)
{
    printf("| %s |", name);
    for (size_t k = 0; k < n; k++) {
        rate[k] = (double) n_rejected[k] / (double) n_tested;
        printf(" %.1f |", 100 * rate[k]);
    }
    printf("\n");
    fflush(stdout);
}

#endif
