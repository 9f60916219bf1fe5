/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From inner scores to alphas: a grid's best, or the spline's maximum between automatic
 * nodes; per target or shared. */
#include "fit/fit_impl.h"

#include "core/alloc.h"

#include <math.h>

/* Best alpha of one curve (n_alphas scores, `stride` apart); *index is its grid index or
 * SIZE_MAX between nodes. NaN when no score is finite. */
static double
best_of_curve(
    const prepared_t *prepared, const double *scores, size_t stride, double *best)
{
    size_t n = prepared->n_alphas, index = ba_alphas_argmax(scores, n, stride);
    double curve[BA_AUTO_NODES];

    *best = NAN;
    if (index == n) {
        return NAN;
    }
    *best = scores[index * stride];
    if (prepared->plan->opts->alphas.n > 0) {
        return prepared->alphas[index];
    }
    for (size_t a = 0; a < n; a++) {
        curve[a] = scores[a * stride];
        if (!isfinite(curve[a])) {
            return prepared->alphas[index];
        }
    }
    return ba_alphas_spline_max(prepared->alphas, curve, n, best);
}

/* Mean score over the targets that have one, for every alpha. */
static void
mean_curve(
    const prepared_t *prepared, const double *cv, const int32_t *usable, double *curve)
{
    size_t v = prepared->plan->n_targets;

    for (size_t a = 0; a < prepared->n_alphas; a++) {
        double sum = 0.0;
        size_t n = 0;

        for (size_t t = 0; t < v; t++) {
            if (usable[t] && isfinite(cv[a * v + t])) {
                sum += cv[a * v + t];
                n++;
            }
        }
        curve[a] = n > 0 ? sum / (double) n : (double) NAN;
    }
}

static int
choose_shared(const prepared_t *prepared, const double *cv, const int32_t *usable,
    double *best_alphas)
{
    int code = BA_OK;
    double *curve = ba_malloc(prepared->n_alphas, sizeof *curve);
    double alpha, best;

    if (!curve) {
        return BA_NOMEM;
    }
    mean_curve(prepared, cv, usable, curve);
    alpha = best_of_curve(prepared, curve, 1, &best);
    if (isnan(alpha)) {
        code = ba_fail(
            BA_NUMERIC, "alphas: no target has an inner score to share an alpha by");
    }
    for (size_t t = 0; t < prepared->plan->n_targets; t++) {
        best_alphas[t] = alpha;
    }
    ba_free(curve);
    return code;
}

int
ba_select_alphas(const prepared_t *prepared, const double *cv, const int32_t *usable,
    double *best_alphas, double *best_scores)
{
    size_t v = prepared->plan->n_targets, n = prepared->n_alphas;
    double largest = prepared->alphas[n - 1];
    int shared = prepared->plan->opts->shared_alpha && prepared->problem->n_inner > 0;

    for (size_t t = 0; t < v; t++) {
        best_scores[t] = NAN;
        if (prepared->problem->n_inner == 0 || !usable[t]) {
            best_alphas[t] = largest;
            continue;
        }
        best_alphas[t] = best_of_curve(prepared, cv + t, v, &best_scores[t]);
        if (isnan(best_alphas[t])) {
            best_alphas[t] = largest;
        }
    }
    return shared ? choose_shared(prepared, cv, usable, best_alphas) : BA_OK;
}

void
ba_select_edges(const prepared_t *prepared, const double *best_alphas,
    const double *best_scores, const double *baseline, ba_fit_info_t *info)
{
    size_t n_positive = 0, n_low = 0, n_high = 0;
    double low = prepared->alphas[0], high = prepared->alphas[prepared->n_alphas - 1];

    info->edge_low = info->edge_high = 0.0;
    if (prepared->n_alphas < 2) {
        return;
    }
    for (size_t t = 0; t < prepared->plan->n_targets; t++) {
        if (best_scores[t] > baseline[t]) {
            n_positive++;
            n_low += best_alphas[t] == low;
            n_high += best_alphas[t] == high;
        }
    }
    if (n_positive > 0) {
        info->edge_low = (double) n_low / (double) n_positive;
        info->edge_high = (double) n_high / (double) n_positive;
    }
}
