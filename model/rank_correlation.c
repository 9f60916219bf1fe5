/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Correlations of ranks. Spearman's rho is Pearson's r of mean ranks; Kendall's tau-b =
 * (concordant - discordant) / sqrt((pairs - ties in a) (pairs - ties in b)), discordant
 * pairs counted by a merge sort (Knight 1966). */
#include "brainalign/similarity.h"
#include "core/alloc.h"
#include "model/rank_correlation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double a, b;
} pair_t;

typedef struct {
    double value;
    size_t index;
} item_t;

static int
by_value(const void *left, const void *right)
{
    const item_t *a = left, *b = right;

    return (a->value > b->value) - (a->value < b->value);
}

int
ba_mean_ranks(double *x, size_t n)
{
    item_t *items = ba_malloc(n, sizeof *items);

    if (!items) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        items[i] = (item_t){x[i], i};
    }
    qsort(items, n, sizeof *items, by_value);
    for (size_t i = 0; i < n;) {
        size_t end = i;

        while (end < n && items[end].value == items[i].value) {
            end++;
        }
        for (size_t k = i; k < end; k++) {
            x[items[k].index] = 0.5 * (double) (i + end - 1);
        }
        i = end;
    }
    ba_free(items);
    return BA_OK;
}

double
ba_pearson(const double *a, const double *b, size_t n)
{
    double mean_a = 0.0, mean_b = 0.0, ab = 0.0, aa = 0.0, bb = 0.0;

    for (size_t i = 0; i < n; i++) {
        mean_a += a[i];
        mean_b += b[i];
    }
    mean_a /= (double) n;
    mean_b /= (double) n;
    for (size_t i = 0; i < n; i++) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return aa > 0.0 && bb > 0.0 ? ab / sqrt(aa) / sqrt(bb) : (double) NAN;
}

int
ba_spearman(const double *a, const double *b, size_t n, double *rho)
{
    double *x = NULL, *y = NULL;
    size_t used = 0;
    int status = BA_OK;

    *rho = (double) NAN;
    BA_TRY_ALLOC(x, ba_malloc(n, sizeof *x));
    BA_TRY_ALLOC(y, ba_malloc(n, sizeof *y));
    for (size_t i = 0; i < n; i++) {
        if (!isnan(a[i]) && !isnan(b[i])) {
            x[used] = a[i];
            y[used++] = b[i];
        }
    }
    BA_TRY(ba_mean_ranks(x, used));
    BA_TRY(ba_mean_ranks(y, used));
    if (used > 1) {
        *rho = ba_pearson(x, y, used);
    }
out:
    ba_free(x);
    ba_free(y);
    return status;
}

static int
by_a_then_b(const void *left, const void *right)
{
    const pair_t *x = left, *y = right;
    int by_a = (x->a > y->a) - (x->a < y->a);

    return by_a ? by_a : (x->b > y->b) - (x->b < y->b);
}

/* Pairs of equal neighbours: of a, or of both a and b. */
static double
tied_pairs(const pair_t *x, size_t n, int both)
{
    double pairs = 0.0;

    for (size_t i = 0; i < n;) {
        size_t end = i;

        while (end < n && x[end].a == x[i].a && (!both || x[end].b == x[i].b)) {
            end++;
        }
        pairs += 0.5 * (double) (end - i) * (double) (end - i - 1);
        i = end;
    }
    return pairs;
}

/* Sorts b by merging; returns how many pairs stood the wrong way round. */
static double
merge_sort(pair_t *x, pair_t *room, size_t n)
{
    size_t half = n / 2, i = 0, j = half, k = 0;
    double swaps;

    if (n < 2) {
        return 0.0;
    }
    swaps = merge_sort(x, room, half) + merge_sort(x + half, room, n - half);
    while (i < half || j < n) {
        if (j == n || (i < half && x[i].b <= x[j].b)) {
            room[k++] = x[i++];
        } else {
            swaps += (double) (half - i);
            room[k++] = x[j++];
        }
    }
    memcpy(x, room, n * sizeof *x);
    return swaps;
}

static double
tau_of(pair_t *x, pair_t *room, size_t n)
{
    double all = 0.5 * (double) n * ((double) n - 1.0), tied_a, tied_b, tied_both, swaps;

    qsort(x, n, sizeof *x, by_a_then_b);
    tied_a = tied_pairs(x, n, 0);
    tied_both = tied_pairs(x, n, 1);
    swaps = merge_sort(x, room, n);
    for (size_t i = 0; i < n; i++) {
        x[i].a = x[i].b;
    }
    tied_b = tied_pairs(x, n, 0);
    return (all - tied_a - tied_b + tied_both - 2.0 * swaps) / sqrt(all - tied_a) /
           sqrt(all - tied_b);
}

int
ba_kendall(const double *a, const double *b, size_t n, double *tau)
{
    pair_t *x = NULL, *room = NULL;
    size_t used = 0;
    int status = BA_OK;

    *tau = (double) NAN;
    BA_TRY_ALLOC(x, ba_malloc(n, sizeof *x));
    BA_TRY_ALLOC(room, ba_malloc(n, sizeof *room));
    for (size_t i = 0; i < n; i++) {
        if (!isnan(a[i]) && !isnan(b[i])) {
            x[used++] = (pair_t){a[i], b[i]};
        }
    }
    if (used > 1) {
        *tau = tau_of(x, room, used);
        *tau = isfinite(*tau) ? *tau : (double) NAN;
    }
out:
    ba_free(x);
    ba_free(room);
    return status;
}
