/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Penalties of a probe, and the certificate. With S(g, l1) = soft threshold and groups of
 * weights that share a norm (all classes of a softmax; every class of probes that stand by
 * themselves):
 *
 *   neurox    l1 |W|_1 + l2 ||W||_F       conjugate 0 where ||S(G, l1)||_F <= l2, else inf
 *   squared   l1 |W|_1 + l2/2 ||W||_F^2   conjugate ||S(G, l1)||_F^2 / (2 l2)
 *
 * Duality: with residuals R at the point, for any s in [0, 1] that keeps the conjugate
 * finite, D(s) = -loss*(s R) - penalty*(-s X'R) bounds the least objective from below,
 * because the bias is balanced (the columns of R sum to 0; what rounding leaves of them
 * is added to the gap with the size of the bias). Scaling R towards 0 keeps it in the
 * domain of loss*. Reference: Ndiaye, Fercoq, Gramfort, Salmon 2017, JMLR 18:128. */
#include "model/probe_impl.h"

#include <math.h>
#include <string.h>

/* Halvings that leave no bit of s. */
#define HALVINGS 60

size_t
ba_probe_n_groups(const ba_probe_problem_t *problem)
{
    return problem->kind == BA_PROBE_SOFTMAX ? 1 : problem->n_classes;
}

static double
norm_of(const double *x, size_t n)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++) {
        sum += x[k] * x[k];
    }
    return sqrt(sum);
}

static double
soft(double x, double threshold)
{
    return x > threshold ? x - threshold : x < -threshold ? x + threshold : 0;
}

/* ||S(s g, l1)||. */
static double
soft_norm(const double *g, size_t n, double s, double l1)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++) {
        double x = s * fabs(g[k]) - l1;

        sum += x > 0 ? x * x : 0;
    }
    return sqrt(sum);
}

double
ba_probe_penalty(const ba_probe_problem_t *problem, const double *w, size_t a)
{
    size_t n_groups = ba_probe_n_groups(problem);
    size_t size = a * problem->n_classes / n_groups;
    double sum = 0;

    for (size_t group = 0; group < n_groups; group++) {
        double norm = norm_of(w + group * size, size);

        sum += problem->l2 *
               (problem->penalty == BA_PENALTY_NEUROX ? norm : norm * norm / 2);
    }
    for (size_t k = 0; k < a * problem->n_classes; k++) {
        sum += problem->l1 * fabs(w[k]);
    }
    return sum;
}

void
ba_probe_prox(
    const ba_probe_problem_t *problem, const double *v, size_t a, double step, double *w)
{
    size_t n_groups = ba_probe_n_groups(problem);
    size_t size = a * problem->n_classes / n_groups;

    for (size_t group = 0; group < n_groups; group++) {
        double *to = w + group * size, factor, norm;

        for (size_t k = 0; k < size; k++) {
            to[k] = soft(v[group * size + k], step * problem->l1);
        }
        norm = norm_of(to, size);
        if (problem->penalty == BA_PENALTY_SQUARED) {
            factor = 1 / (1 + step * problem->l2);
        } else {
            factor = norm > step * problem->l2 ? 1 - step * problem->l2 / norm : 0;
        }
        for (size_t k = 0; k < size; k++) {
            to[k] *= factor;
        }
    }
}

double
ba_probe_subgradient(const ba_probe_problem_t *problem, const double *w, const double *g,
    size_t a, double *v)
{
    size_t n_groups = ba_probe_n_groups(problem);
    size_t size = a * problem->n_classes / n_groups;
    int is_root = problem->penalty == BA_PENALTY_NEUROX && problem->l2 > 0;
    double largest = 0;

    for (size_t group = 0; group < n_groups; group++) {
        const double *wg = w + group * size, *gg = g + group * size;
        double *vg = v + group * size, norm = is_root ? norm_of(wg, size) : 1;

        if (is_root && norm <= 0) {
            memset(vg, 0, size * sizeof *vg);
            largest = fmax(largest, soft_norm(gg, size, 1, problem->l1) - problem->l2);
            continue;
        }
        for (size_t k = 0; k < size; k++) {
            double t = gg[k] + problem->l2 * wg[k] / norm;

            vg[k] = wg[k] > 0   ? t + problem->l1
                    : wg[k] < 0 ? t - problem->l1
                                : soft(t, problem->l1);
            largest = fmax(largest, fabs(vg[k]));
        }
    }
    return largest;
}

/* The largest s in [0, 1] that keeps the conjugate of the group at 0. */
static double
feasible_scale(const ba_probe_problem_t *problem, const double *g, size_t size)
{
    double low = 0, high = 1, l2 = problem->l2, most = 0;

    if (problem->penalty == BA_PENALTY_SQUARED || l2 <= 0) {
        for (size_t k = 0; k < size; k++) {
            most = fmax(most, fabs(g[k]));
        }
        return most > problem->l1 ? problem->l1 / most : 1;
    }
    if (soft_norm(g, size, 1, problem->l1) <= l2) {
        return 1;
    }
    for (size_t i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;

        if (soft_norm(g, size, middle, problem->l1) <= l2) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* What rounding left of the balance of the bias. */
static double
imbalance(const ba_probe_problem_t *problem, const ba_probe_point_t *point)
{
    double sum = 0;

    for (size_t c = 0; c < problem->n_classes; c++) {
        const double *r = point->r + c * problem->n;
        double delta = 0;

        for (size_t i = 0; i < problem->n; i++) {
            delta += r[i];
        }
        sum += fabs(delta) * (1 + fabs(point->b[c]));
    }
    return sum;
}

double
ba_probe_gap(const ba_probe_problem_t *problem, const ba_probe_point_t *point)
{
    size_t n_groups = ba_probe_n_groups(problem), n_classes = problem->n_classes;
    size_t size = point->a * n_classes / n_groups;
    double primal = ba_probe_objective(problem, point), best = (double) INFINITY;
    double conjugate = 0, *s = point->s;

    if (problem->l1 <= 0 && problem->l2 <= 0) {
        return best;
    }
    for (size_t c = 0; c < n_classes; c++) {
        size_t group = n_groups == 1 ? 0 : c;

        s[c] = feasible_scale(problem, point->g + group * size, size);
    }
    if (problem->penalty == BA_PENALTY_NEUROX || problem->l1 > 0 || problem->l2 <= 0) {
        best = primal + ba_probe_conjugate(problem, point, s);
    }
    if (problem->penalty == BA_PENALTY_SQUARED && problem->l2 > 0) {
        for (size_t c = 0; c < n_classes; c++) {
            s[c] = 1;
        }
        for (size_t group = 0; group < n_groups; group++) {
            double norm = soft_norm(point->g + group * size, size, 1, problem->l1);

            conjugate += norm * norm / (2 * problem->l2);
        }
        best = fmin(best, primal + ba_probe_conjugate(problem, point, s) + conjugate);
    }
    return fmax(best, 0) + imbalance(problem, point);
}
