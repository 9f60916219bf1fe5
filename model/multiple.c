/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sorted, p_(1) <= .. <= p_(m) of m tests: q_(k) = min over j >= k of min(1, c p_(j) m /
 * j), c = 1 (Benjamini and Hochberg 1995) or sum of 1/i, i = 1 .. m (Benjamini and
 * Yekutieli 2001). */
#include "brainalign/significance.h"
#include "brainalign/error.h"
#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double value;
    size_t target;
} ranked_t;

/* Ascending; equal values by target, so that the order is one. */
static int
compare_ranked(const void *a, const void *b)
{
    const ranked_t *left = a, *right = b;

    if (left->value != right->value) {
        return left->value < right->value ? -1 : 1;
    }
    return (left->target > right->target) - (left->target < right->target);
}

static int
compare_numbers(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static double
extent(double x, ba_tail_t tail)
{
    return tail == BA_TAIL_TWO_SIDED ? fabs(x) : x;
}

/* The values that are numbers, times `sign`, ascending. */
static int
rank(const double *values, size_t n, double sign, ranked_t **out, size_t *n_ranked)
{
    ranked_t *ranked = ba_malloc(n, sizeof *ranked);
    size_t m = 0;

    if (!ranked) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isnan(values[i])) {
            ranked[m++] = (ranked_t){sign * values[i], i};
        }
    }
    qsort(ranked, m, sizeof *ranked, compare_ranked);
    *out = ranked;
    *n_ranked = m;
    return BA_OK;
}

static int
false_discovery(const double *p, size_t n, int any_dependence, double *q)
{
    int status = BA_OK;
    ranked_t *ranked = NULL;
    size_t m = 0;
    double penalty = 1, smallest = 1;

    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0 || p[i] > 1) {
            return ba_fail(
                BA_VALUE, "p value %zu (from 0): %g, wanted 0 to 1 or NaN", i, p[i]);
        }
    }
    BA_TRY(rank(p, n, 1, &ranked, &m));
    for (size_t i = 2; any_dependence && i <= m; i++) {
        penalty += 1 / (double) i;
    }
    for (size_t i = 0; i < n; i++) {
        q[i] = (double) NAN;
    }
    for (size_t k = m; k-- > 0;) {
        double bound = ranked[k].value * (double) m * penalty / (double) (k + 1);

        smallest = bound < smallest ? bound : smallest;
        q[ranked[k].target] = smallest;
    }
out:
    ba_free(ranked);
    return status;
}

int
ba_fdr_bh(const double *p, size_t n, double *q)
{
    return false_discovery(p, n, 0, q);
}

int
ba_fdr_by(const double *p, size_t n, double *q)
{
    return false_discovery(p, n, 1, q);
}

size_t
ba_count_below(const double *p, size_t n, double level)
{
    size_t count = 0;

    for (size_t i = 0; p && i < n; i++) {
        count += p[i] < level;
    }
    return count;
}

double
ba_permutation_p(size_t n_extreme, size_t n_permutations)
{
    return (1 + (double) n_extreme) / (1 + (double) n_permutations);
}

void
ba_p_of_null(const double *observed, ba_cdmat_t null, ba_tail_t tail, double *p)
{
    for (size_t j = 0; j < null.n_cols; j++) {
        const double *values = null.data + j * null.ld;
        double x = extent(observed[j], tail);
        size_t n_extreme = 0;

        for (size_t b = 0; b < null.n_rows; b++) {
            n_extreme += !(extent(values[b], tail) < x);
        }
        p[j] = isnan(x) ? (double) NAN : ba_permutation_p(n_extreme, null.n_rows);
    }
}

void
ba_maxima_of_null(ba_cdmat_t null, ba_tail_t tail, double *maxima)
{
    for (size_t b = 0; b < null.n_rows; b++) {
        maxima[b] = -(double) INFINITY;
    }
    for (size_t j = 0; j < null.n_cols; j++) {
        for (size_t b = 0; b < null.n_rows; b++) {
            double x = extent(null.data[b + j * null.ld], tail);

            maxima[b] = x > maxima[b] ? x : maxima[b];
        }
    }
}

void
ba_maxima_merge(double *maxima, const double *other, size_t n_permutations)
{
    for (size_t b = 0; b < n_permutations; b++) {
        maxima[b] = other[b] > maxima[b] ? other[b] : maxima[b];
    }
}

/* How many of the ascending numbers are at least x. */
static size_t
count_at_least(const double *sorted, size_t n, double x)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sorted[middle] < x) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return n - low;
}

int
ba_p_of_maxima(const double *observed, size_t n_targets, const double *maxima,
    size_t n_permutations, ba_tail_t tail, double *p)
{
    double *sorted = ba_malloc(n_permutations, sizeof *sorted);

    if (!sorted) {
        return BA_NOMEM;
    }
    memcpy(sorted, maxima, n_permutations * sizeof *sorted);
    qsort(sorted, n_permutations, sizeof *sorted, compare_numbers);
    for (size_t j = 0; j < n_targets; j++) {
        double x = extent(observed[j], tail);

        p[j] = isnan(x) ? (double) NAN
                        : ba_permutation_p(
                              count_at_least(sorted, n_permutations, x), n_permutations);
    }
    ba_free(sorted);
    return BA_OK;
}

/* Mean and deviation of the observed value and the null ones together. */
static void
find_moments(
    double observed, const double *null, size_t n, double *mean, double *deviation)
{
    double sum = observed, squares;

    for (size_t b = 0; b < n; b++) {
        sum += null[b];
    }
    *mean = sum / (1 + (double) n);
    squares = (observed - *mean) * (observed - *mean);
    for (size_t b = 0; b < n; b++) {
        squares += (null[b] - *mean) * (null[b] - *mean);
    }
    *deviation = sqrt(squares / (1 + (double) n));
}

int
ba_p_of_scaled_maxima(const double *observed, const double *const *null, size_t n,
    size_t n_permutations, double *p)
{
    int status = BA_OK;
    double *maxima = NULL, mean, deviation;

    BA_TRY_ALLOC(maxima, ba_malloc(n_permutations, sizeof *maxima));
    for (size_t b = 0; b < n_permutations; b++) {
        maxima[b] = -(double) INFINITY;
    }
    for (size_t j = 0; j < n; j++) {
        find_moments(observed[j], null[j], n_permutations, &mean, &deviation);
        p[j] = isnan(observed[j]) ? (double) NAN : -(double) INFINITY;
        for (size_t b = 0; b < n_permutations && !isnan(observed[j]); b++) {
            double z = (null[j][b] - mean) / deviation;

            maxima[b] = deviation > 0.0 && z > maxima[b] ? z : maxima[b];
        }
        if (deviation > 0.0) {
            p[j] = (observed[j] - mean) / deviation;
        }
    }
    BA_TRY(ba_p_of_maxima(p, n, maxima, n_permutations, BA_TAIL_GREATER, p));
out:
    ba_free(maxima);
    return status;
}

/* From the least extreme target up: the maxima grow, and the counts are kept in p. */
static void
count_step_down(const ranked_t *ranked, size_t m, ba_cdmat_t null, ba_tail_t tail,
    double *maxima, double *p)
{
    for (size_t b = 0; b < null.n_rows; b++) {
        maxima[b] = -(double) INFINITY;
    }
    for (size_t k = m; k-- > 0;) {
        size_t j = ranked[k].target, n_extreme = 0;

        for (size_t b = 0; b < null.n_rows; b++) {
            double x = extent(null.data[b + j * null.ld], tail);

            maxima[b] = x > maxima[b] ? x : maxima[b];
            n_extreme += maxima[b] >= -ranked[k].value;
        }
        p[j] = ba_permutation_p(n_extreme, null.n_rows);
    }
}

int
ba_p_step_down(const double *observed, ba_cdmat_t null, ba_tail_t tail, double *p)
{
    int status = BA_OK;
    size_t n = null.n_cols, m = 0;
    double *extents = NULL, *maxima = NULL, largest = 0;
    ranked_t *ranked = NULL;

    BA_TRY_ALLOC(extents, ba_malloc(n, sizeof *extents));
    BA_TRY_ALLOC(maxima, ba_malloc(null.n_rows, sizeof *maxima));
    for (size_t j = 0; j < n; j++) {
        extents[j] = extent(observed[j], tail);
        p[j] = (double) NAN;
    }
    BA_TRY(rank(extents, n, -1, &ranked, &m));
    count_step_down(ranked, m, null, tail, maxima, p);
    for (size_t k = 0; k < m; k++) {
        double *at = &p[ranked[k].target];

        largest = *at > largest ? *at : largest;
        *at = largest;
    }
out:
    ba_free(extents);
    ba_free(maxima);
    ba_free(ranked);
    return status;
}
