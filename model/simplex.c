/* SPDX-License-Identifier: GPL-3.0-or-later */
/* min w'Gw over the simplex {w >= 0, sum w = 1}: the point of smallest norm in the convex
 * hull of the residuals e_1 .. e_n, G = E'E. P. Wolfe's method (Finding the nearest point
 * in a polytope, Mathematical Programming 11, 1976) in Gram form: a set S of active
 * models carries the weights; within its affine hull the smallest point solves
 *
 *     [ 0  1' ] [ -m ]   [ 1 ]
 *     [ 1  G_S] [  w ] = [ 0 ];
 *
 * where it leaves the simplex the weights move towards it until one is 0, and that model
 * leaves. At the end of such a round the model with the smallest (Gw)_j joins, unless
 * (Gw)_j >= w'Gw for all: then w is optimal (the Karush-Kuhn-Tucker conditions). A model
 * that joins has (Gw)_j < w'Gw, so that it is no affine combination of those in S, and the
 * system stays regular; sets never come back because w'Gw falls. */
#include "model/simplex.h"

#include <math.h>
#include <string.h>

/* A model that would lower w'Gw by less, as a share of the largest G_ii, stays out. */
#define TOLERANCE 1e-12

typedef struct {
    const double *gram;
    size_t n, n_active;
    double *weights;
    double *product; /* n: Gw */
    double *system;  /* (n + 1) x (n + 2), by rows */
    size_t *active;  /* n, ascending order of joining */
} simplex_t;

size_t
ba_simplex_work(size_t n)
{
    return n + (n + 1) * (n + 2) + n;
}

/* Gaussian elimination with row pivoting of m equations; the last column becomes the
 * solution. 0 where the system is singular. */
static int
eliminate(double *a, size_t m)
{
    size_t ld = m + 1;

    for (size_t k = 0; k < m; k++) {
        size_t best = k;

        for (size_t i = k + 1; i < m; i++) {
            best = fabs(a[i * ld + k]) > fabs(a[best * ld + k]) ? i : best;
        }
        if (!(fabs(a[best * ld + k]) > 1e-14)) {
            return 0;
        }
        for (size_t j = k; best != k && j < ld; j++) {
            double held = a[k * ld + j];

            a[k * ld + j] = a[best * ld + j];
            a[best * ld + j] = held;
        }
        for (size_t i = 0; i < m; i++) {
            double factor = i == k ? 0.0 : a[i * ld + k] / a[k * ld + k];

            for (size_t j = k; factor != 0.0 && j < ld; j++) {
                a[i * ld + j] -= factor * a[k * ld + j];
            }
        }
    }
    for (size_t k = 0; k < m; k++) {
        a[k * ld + m] /= a[k * ld + k];
    }
    return 1;
}

/* The smallest point of the affine hull of the active models: its weights end up in the
 * last column of rows 1 .. n_active. Numbers are in units of the largest G_ii. */
static int
solve_hull(simplex_t *s, double unit)
{
    size_t m = s->n_active + 1, ld = m + 1;

    memset(s->system, 0, m * ld * sizeof *s->system);
    s->system[m] = 1.0;
    for (size_t i = 1; i < m; i++) {
        s->system[i] = s->system[i * ld] = 1.0;
        for (size_t j = 1; j < m; j++) {
            s->system[i * ld + j] =
                s->gram[s->active[i - 1] * s->n + s->active[j - 1]] / unit;
        }
    }
    return eliminate(s->system, m);
}

static void
drop(simplex_t *s, size_t place)
{
    s->weights[s->active[place]] = 0.0;
    memmove(s->active + place, s->active + place + 1,
        (s->n_active - place - 1) * sizeof *s->active);
    s->n_active--;
}

/* Moves the weights to the smallest point of the hull, models leaving on the way. 0 where
 * rounding leaves nothing to solve: the weights stand as they are. */
static int
descend(simplex_t *s, double unit)
{
    while (s->n_active > 0) {
        size_t ld = s->n_active + 2, leaves = SIZE_MAX;
        double step = 1.0;

        if (!solve_hull(s, unit)) {
            return 0;
        }
        for (size_t i = 0; i < s->n_active; i++) {
            double now = s->weights[s->active[i]];
            double then = s->system[(i + 1) * ld + ld - 1];

            if (then <= 0.0 && now / (now - then) < step) {
                step = now / (now - then);
                leaves = i;
            } else if (then <= 0.0 && now <= 0.0) {
                step = 0.0;
                leaves = i;
            }
        }
        for (size_t i = 0; i < s->n_active; i++) {
            double *weight = &s->weights[s->active[i]];

            *weight += step * (s->system[(i + 1) * ld + ld - 1] - *weight);
        }
        if (leaves == SIZE_MAX) {
            return 1;
        }
        drop(s, leaves);
    }
    return 0;
}

/* Gw, w'Gw, and the model of the smallest (Gw)_j. */
static double
gradient(simplex_t *s, size_t *smallest)
{
    double value = 0.0;

    *smallest = 0;
    for (size_t j = 0; j < s->n; j++) {
        s->product[j] = 0.0;
        for (size_t i = 0; i < s->n; i++) {
            s->product[j] += s->gram[j * s->n + i] * s->weights[i];
        }
        value += s->weights[j] * s->product[j];
        *smallest = s->product[j] < s->product[*smallest] ? j : *smallest;
    }
    return value;
}

static int
is_active(const simplex_t *s, size_t j)
{
    for (size_t i = 0; i < s->n_active; i++) {
        if (s->active[i] == j) {
            return 1;
        }
    }
    return 0;
}

/* Rounding is taken off: no weight below 0, their sum 1. */
static void
normalise(double *weights, size_t n)
{
    double sum = 0.0;

    for (size_t j = 0; j < n; j++) {
        weights[j] = weights[j] > 0.0 ? weights[j] : 0.0;
        sum += weights[j];
    }
    for (size_t j = 0; j < n; j++) {
        weights[j] /= sum;
    }
}

double
ba_simplex_weights(const double *gram, size_t n, double *weights, double *work)
{
    simplex_t s = {gram, n, 1, weights, work, work + n,
        (size_t *) (void *) (work + n + (n + 1) * (n + 2))};
    size_t start = 0, joins;
    double unit = 0.0, value;

    for (size_t j = 0; j < n; j++) {
        unit = gram[j * n + j] > unit ? gram[j * n + j] : unit;
        start = gram[j * n + j] < gram[start * n + start] ? j : start;
        weights[j] = 0.0;
    }
    if (!(unit > 0.0) || !isfinite(unit)) {
        for (size_t j = 0; j < n; j++) {
            weights[j] = NAN;
        }
        return NAN;
    }
    weights[start] = 1.0;
    s.active[0] = start;
    for (size_t round = 0; round < 64 * n; round++) {
        value = gradient(&s, &joins);
        if (value - s.product[joins] <= TOLERANCE * unit || is_active(&s, joins)) {
            break;
        }
        s.active[s.n_active++] = joins;
        if (!descend(&s, unit)) {
            break;
        }
    }
    normalise(weights, n);
    value = gradient(&s, &joins);
    return (value - s.product[joins]) / unit;
}
