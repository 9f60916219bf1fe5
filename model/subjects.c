/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Group statistics over subjects (Wilcoxon 1945; sign flips with the maximum statistic:
 * Nichols and Holmes 2002). */
#include "model/subjects.h"

#include "brainalign/significance.h"
#include "core/alloc.h"
#include "core/rng.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Key of the random numbers. */
#define STREAM 0x666c6970

double
ba_subjects_mean(const double *x, size_t n, size_t *n_used)
{
    double sum = 0.0;

    *n_used = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(x[i])) {
            sum += x[i];
            (*n_used)++;
        }
    }
    return *n_used > 0 ? sum / (double) *n_used : (double) NAN;
}

static int
ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The finite ones. */
static int
take_finite(const double *x, size_t n, double **out, size_t *n_used)
{
    *n_used = 0;
    *out = ba_malloc(n, sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (isfinite(x[i])) {
            (*out)[(*n_used)++] = x[i];
        }
    }
    return BA_OK;
}

int
ba_subjects_median(const double *x, size_t n, double *median)
{
    int status;
    double *sorted = NULL;
    size_t used;

    *median = NAN;
    BA_TRY(take_finite(x, n, &sorted, &used));
    qsort(sorted, used, sizeof *sorted, ascending);
    if (used > 0) {
        *median = 0.5 * (sorted[(used - 1) / 2] + sorted[used / 2]);
    }
out:
    ba_free(sorted);
    return status;
}

/* With signs (NULL = as they are). */
static double
t_of(const double *x, const int8_t *signs, size_t n, size_t *n_used)
{
    double sum = 0.0, squares = 0.0, mean;

    *n_used = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(x[i])) {
            sum += signs ? signs[i] * x[i] : x[i];
            (*n_used)++;
        }
    }
    mean = sum / (double) *n_used;
    for (size_t i = 0; i < n; i++) {
        double value = signs ? signs[i] * x[i] : x[i];

        squares += isfinite(x[i]) ? (value - mean) * (value - mean) : 0.0;
    }
    if (*n_used < 2 || squares <= 0.0) {
        return NAN;
    }
    return mean / sqrt(squares / (double) (*n_used - 1) / (double) *n_used);
}

double
ba_subjects_t(const double *x, size_t n, double *p)
{
    size_t used;
    double t = t_of(x, NULL, n, &used);

    *p = isfinite(t) ? gsl_cdf_tdist_Q(t, (double) used - 1.0) : (double) NAN;
    return t;
}

static int
by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (fabs(*x) > fabs(*y)) - (fabs(*x) < fabs(*y));
}

/* Twice the mean ranks of |x|, which is sorted by size. */
static void
double_ranks(const double *x, size_t n, size_t *rank)
{
    for (size_t i = 0; i < n;) {
        size_t j = i;

        while (j < n && fabs(x[j]) == fabs(x[i])) {
            j++;
        }
        for (size_t k = i; k < j; k++) {
            rank[k] = i + 1 + j;
        }
        i = j;
    }
}

int
ba_subjects_wilcoxon(const double *x, size_t n, double *p)
{
    int status;
    double *values = NULL, *share = NULL;
    size_t *rank = NULL, used, kept = 0, most = 0, sum = 0;

    *p = NAN;
    BA_TRY(take_finite(x, n, &values, &used));
    for (size_t i = 0; i < used; i++) {
        if (values[i] != 0.0) {
            values[kept++] = values[i];
        }
    }
    if (kept < 2) {
        goto out;
    }
    qsort(values, kept, sizeof *values, by_size);
    BA_TRY_ALLOC(rank, ba_malloc(kept, sizeof *rank));
    double_ranks(values, kept, rank);
    for (size_t i = 0; i < kept; i++) {
        most += rank[i];
        sum += values[i] > 0.0 ? rank[i] : 0;
    }
    /* share[s]: part of all assignments whose positive ranks sum to s. */
    BA_TRY_ALLOC(share, ba_calloc(most + 1, sizeof *share));
    share[0] = 1.0;
    for (size_t i = 0; i < kept; i++) {
        for (size_t s = most + 1; s-- > 0;) {
            share[s] = 0.5 * (share[s] + (s >= rank[i] ? share[s - rank[i]] : 0.0));
        }
    }
    *p = 0.0;
    for (size_t s = sum; s <= most; s++) {
        *p += share[s];
    }
out:
    ba_free(values);
    ba_free(share);
    ba_free(rank);
    return status;
}

/* ---- sign flips ---- */

typedef struct {
    const double *x;
    size_t n, n_units, n_flips;
    double *observed, *maxima; /* t of units; n_flips */
    size_t *n_extreme;
    int8_t *signs; /* n */
} flips_t;

static void
apply_flip(flips_t *flips, size_t b)
{
    flips->maxima[b] = -INFINITY;
    for (size_t u = 0; u < flips->n_units; u++) {
        size_t used;
        double t = t_of(flips->x + u * flips->n, flips->signs, flips->n, &used);

        /* The same subjects in another order of summation are a tie. */
        flips->n_extreme[u] +=
            t >= flips->observed[u] - 1e-10 * (1.0 + fabs(flips->observed[u]));
        flips->maxima[b] = t > flips->maxima[b] ? t : flips->maxima[b];
    }
}

static int
run_flips(flips_t *flips, int is_exact, uint64_t seed)
{
    int status = BA_OK;
    ba_rng_t *rng = NULL;

    BA_TRY_ALLOC(rng, ba_rng_new(seed, STREAM));
    for (size_t b = 0; b < flips->n_flips; b++) {
        for (size_t i = 0; i < flips->n; i++) {
            flips->signs[i] =
                (is_exact ? (b >> i & 1) : ba_rng_uniform(rng) < 0.5) ? -1 : 1;
        }
        apply_flip(flips, b);
    }
out:
    ba_rng_free(rng);
    return status;
}

int
ba_subjects_flip(const double *x, size_t n, size_t n_units, size_t n_flips, uint64_t seed,
    double *p, double *p_fwe, size_t *n_used)
{
    int status = BA_OK;
    int is_exact = n < 30 && ((size_t) 1 << n) <= n_flips;
    flips_t flips = {
        x, n, n_units, is_exact ? (size_t) 1 << n : n_flips, NULL, NULL, NULL, NULL};

    BA_TRY_ALLOC(flips.observed, ba_malloc(n_units, sizeof *flips.observed));
    BA_TRY_ALLOC(flips.maxima, ba_malloc(flips.n_flips, sizeof *flips.maxima));
    BA_TRY_ALLOC(flips.n_extreme, ba_calloc(n_units, sizeof *flips.n_extreme));
    BA_TRY_ALLOC(flips.signs, ba_malloc(n, sizeof *flips.signs));
    for (size_t u = 0; u < n_units; u++) {
        size_t used;

        flips.observed[u] = t_of(x + u * n, NULL, n, &used);
    }
    BA_TRY(run_flips(&flips, is_exact, seed));
    /* Exact: the observed order is one of those that were counted. */
    BA_TRY(ba_p_of_maxima(
        flips.observed, n_units, flips.maxima, flips.n_flips, BA_TAIL_GREATER, p_fwe));
    for (size_t u = 0; u < n_units; u++) {
        double all = (double) flips.n_flips;

        p[u] = !isfinite(flips.observed[u]) ? (double) NAN
               : is_exact                   ? (double) flips.n_extreme[u] / all
                          : ba_permutation_p(flips.n_extreme[u], flips.n_flips);
        if (is_exact && isfinite(p_fwe[u])) {
            p_fwe[u] = (p_fwe[u] * (all + 1.0) - 1.0) / all;
        }
    }
    *n_used = flips.n_flips;
out:
    ba_free(flips.observed);
    ba_free(flips.maxima);
    ba_free(flips.n_extreme);
    ba_free(flips.signs);
    return status;
}
