/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cross-validated score of ridge regression is an analytic function of x = log alpha
 * (its filter alpha / (lambda + alpha) is a logistic curve in x), so that a cubic spline
 * through few exact nodes gives all of it. Not-a-knot ends: the third derivative is
 * continuous at the second and the last but one node (de Boor, A Practical Guide to
 * Splines, 2001, chapter IV).
 *
 * Unknowns are the second derivatives M. Inside, with h[i] = x[i + 1] - x[i],
 *   h[i-1] M[i-1] + 2 (h[i-1] + h[i]) M[i] + h[i] M[i+1] = 6 (slope[i] - slope[i-1]);
 * the ends M[0] and M[n-1] are eliminated: M[0] = (1 + r) M[1] - r M[2], r = h[0] / h[1],
 * and likewise at the other end. What is left is diagonally dominant. */
#include "brainalign/alphas.h"
#include "core/alloc.h"

#include <math.h>

#define SMALL_GRID 32 /* nodes that fit on the stack: no allocation per target */

/* Second derivatives at n nodes, spaced h, by elimination without pivots. upper is work,
 * n long. */
static void
solve(const double *h, const double *y, size_t n, double *upper, double *second)
{
    double r0 = h[0] / h[1], r1 = h[n - 2] / h[n - 3];

    for (size_t i = 1; i + 1 < n; i++) {
        double lower = h[i - 1], diagonal = 2 * (h[i - 1] + h[i]), above = h[i];
        double right = 6 * ((y[i + 1] - y[i]) / h[i] - (y[i] - y[i - 1]) / h[i - 1]);

        if (i == 1) {
            diagonal += h[0] * (1 + r0);
            above -= h[0] * r0;
            lower = 0;
        }
        if (i + 2 == n) {
            diagonal += h[n - 2] * (1 + r1);
            lower -= h[n - 2] * r1;
            above = 0;
        }
        if (i > 1) {
            diagonal -= lower * upper[i - 1];
            right -= lower * second[i - 1];
        }
        upper[i] = above / diagonal;
        second[i] = right / diagonal;
    }
    for (size_t i = n - 2; i-- > 1;) {
        second[i] -= upper[i] * second[i + 1];
    }
    second[0] = (1 + r0) * second[1] - r0 * second[2];
    second[n - 1] = (1 + r1) * second[n - 2] - r1 * second[n - 3];
}

/* The best point so far: node `interval` plus t. */
typedef struct {
    size_t interval;
    double t, score;
} peak_t;

/* Tries both critical points of one cubic piece y + b t + m/2 t^2 + d/6 t^3, 0 < t < h:
 * the roots of b + m t + d/2 t^2, without cancellation. A point that divides by zero is
 * not inside. */
static void
try_interval(
    const double *y, const double *second, double h, size_t interval, peak_t *best)
{
    double m = second[0], d = (second[1] - second[0]) / h;
    double b = (y[1] - y[0]) / h - h * (2 * second[0] + second[1]) / 6;
    double discriminant = m * m - 2 * d * b;
    double q, roots[2];

    if (!(discriminant >= 0)) {
        return;
    }
    q = -(m + copysign(sqrt(discriminant), m));
    roots[0] = q / d;
    roots[1] = 2 * b / q;
    for (int i = 0; i < 2; i++) {
        double t = roots[i];
        double score = y[0] + t * (b + t * (m / 2 + t * d / 6));

        if (t > 0 && t < h && score > best->score) {
            *best = (peak_t){.interval = interval, .t = t, .score = score};
        }
    }
}

/* work: 3 n numbers. */
static double
maximise(const double *alphas, const double *scores, size_t n, double *work, double *best)
{
    double *h = work, *upper = work + n, *second = work + 2 * n;
    size_t top = ba_alphas_argmax(scores, n, 1);
    peak_t peak = {.interval = top, .score = scores[top]};
    double alpha;

    for (size_t i = 0; i + 1 < n; i++) {
        h[i] = log(alphas[i + 1] / alphas[i]);
    }
    solve(h, scores, n, upper, second);
    for (size_t i = 0; i + 1 < n; i++) {
        try_interval(scores + i, second + i, h[i], i, &peak);
    }
    *best = peak.score;
    alpha = alphas[peak.interval] * exp(peak.t);
    return peak.t > 0 ? fmin(alpha, alphas[peak.interval + 1]) : alphas[peak.interval];
}

double
ba_alphas_spline_max(
    const double *alphas, const double *scores, size_t n, double *best_score)
{
    double small[3 * SMALL_GRID], *large, alpha;
    size_t top;

    if (n <= SMALL_GRID) {
        return maximise(alphas, scores, n, small, best_score);
    }
    large = ba_malloc(n, 3 * sizeof *large);
    if (large) {
        alpha = maximise(alphas, scores, n, large, best_score);
        ba_free(large);
        return alpha;
    }
    /* On a grid this fine the best node is next to the maximum. */
    top = ba_alphas_argmax(scores, n, 1);
    *best_score = scores[top];
    return alphas[top];
}

double
ba_alphas_spline_at(const double *alphas, const double *scores, size_t n, double alpha)
{
    double small[3 * SMALL_GRID], *large = NULL, *h = small, *second, value, t, b, d;
    size_t i = 0;

    if (n > SMALL_GRID) {
        large = ba_malloc(n, 3 * sizeof *large);
        if (!large) {
            return NAN;
        }
        h = large;
    }
    second = h + 2 * n;
    for (size_t k = 0; k + 1 < n; k++) {
        h[k] = log(alphas[k + 1] / alphas[k]);
    }
    solve(h, scores, n, h + n, second);
    while (i + 2 < n && alpha >= alphas[i + 1]) {
        i++;
    }
    t = log(alpha / alphas[i]);
    d = (second[i + 1] - second[i]) / h[i];
    b = (scores[i + 1] - scores[i]) / h[i] - h[i] * (2 * second[i] + second[i + 1]) / 6;
    value = scores[i] + t * (b + t * (second[i] / 2 + t * d / 6));
    ba_free(large);
    return value;
}
