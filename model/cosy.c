/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of textual explanations of neurons. U counts pairs: U of control = number of
 * (control, explanation) pairs with control above, ties half; auc = 1 - U / (n0 n1). */
#include "brainalign/cosy.h"
#include "core/alloc.h"
#include "model/rank_correlation.h"

#include <math.h>
#include <string.h>

enum { EXACT_UP_TO = 8 };

static int
check_finite(const double *x, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) {
            return ba_fail(BA_NONFINITE, "%s: sample %zu is %g, wanted a finite number",
                what, i + 1, x[i]);
        }
    }
    return BA_OK;
}

/* Sum over ties of t^3 - t from mean ranks: values of a tie share one. */
static double
tie_sum(const double *ranks, size_t n, size_t *room)
{
    double sum = 0.0;

    memset(room, 0, 2 * n * sizeof *room);
    for (size_t i = 0; i < n; i++) {
        room[(size_t) (2.0 * ranks[i])]++;
    }
    for (size_t k = 0; k < 2 * n; k++) {
        double t = (double) room[k];

        sum += t * t * t - t;
    }
    return sum;
}

/* P(U >= u) where all orders are as likely. count[k] = probability that U = k: the
 * generating function of m and n samples is the product over i = 1 .. m of
 * (1 - q^(n+i)) / (1 - q^i), times i / (n + i) for it to sum to 1. */
static int
exact_tail(size_t m, size_t n, size_t u, double *tail)
{
    size_t top = m * n;
    double *count = ba_calloc(top + 1, sizeof *count);

    if (!count) {
        return BA_NOMEM;
    }
    count[0] = 1.0;
    for (size_t i = 1; i <= m; i++) {
        for (size_t k = top; k >= n + i; k--) {
            count[k] -= count[k - n - i];
        }
        for (size_t k = i; k <= top; k++) {
            count[k] += count[k - i];
        }
        for (size_t k = 0; k <= top; k++) {
            count[k] *= (double) i / (double) (n + i);
        }
    }
    /* By symmetry the same as P(U <= top - u), whose terms are the first ones. */
    *tail = 0.0;
    for (size_t k = 0; k + u <= top; k++) {
        *tail += count[k];
    }
    ba_free(count);
    return BA_OK;
}

static double
normal_p(double u, double n0, double n1, double ties)
{
    double n = n0 + n1, high = fmax(u, n0 * n1 - u);
    double variance = n0 * n1 / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)));

    if (!(variance > 0.0)) {
        return 1.0;
    }
    return fmin(1.0, erfc((high - n0 * n1 / 2.0 - 0.5) / sqrt(2.0 * variance)));
}

/* U and its p from both samples one after another. */
static int
mann_whitney(double *both, size_t n0, size_t n1, ba_cosy_t *out)
{
    double sum = 0.0, ties, tail, top = (double) n0 * (double) n1;
    size_t *room = NULL, few = n0 < n1 ? n0 : n1, many = n0 < n1 ? n1 : n0;
    int status = BA_OK;

    BA_TRY(ba_mean_ranks(both, n0 + n1));
    BA_TRY_ALLOC(room, ba_malloc(n0 + n1, 2 * sizeof *room));
    ties = tie_sum(both, n0 + n1, room);
    for (size_t i = 0; i < n0; i++) {
        sum += both[i] + 1.0;
    }
    out->u = sum - 0.5 * (double) n0 * ((double) n0 + 1.0);
    out->auc = 1.0 - out->u / top;
    out->exact = few <= EXACT_UP_TO && ties == 0.0;
    out->p = normal_p(out->u, (double) n0, (double) n1, ties);
    if (out->exact) {
        BA_TRY(exact_tail(few, many, (size_t) fmax(out->u, top - out->u), &tail));
        out->p = fmin(1.0, 2.0 * tail);
    }
out:
    ba_free(room);
    return status;
}

static double
deviation_score(const double *control, size_t n0, const double *explanation, size_t n1)
{
    double mean0 = 0.0, mean1 = 0.0, square = 0.0, deviation;
    int constant = 1;

    for (size_t i = 0; i < n0; i++) {
        mean0 += control[i] / (double) n0;
        constant = constant && control[i] == control[0];
    }
    for (size_t i = 0; i < n1; i++) {
        mean1 += explanation[i] / (double) n1;
    }
    for (size_t i = 0; i < n0; i++) {
        square += (control[i] - mean0) * (control[i] - mean0);
    }
    deviation = sqrt(square / ((double) n0 - 1.0));
    return constant || deviation == 0.0 ? 0.0 : (mean1 - mean0) / deviation;
}

int
ba_cosy(const double *control, size_t n_control, const double *explanation,
    size_t n_explanation, ba_cosy_t *out)
{
    double *both = NULL;
    int status = BA_OK;

    if (n_control < 2 || n_explanation < 1) {
        return ba_fail(BA_SHAPE,
            "samples: found %zu of control and %zu of the explanation, wanted at least 2 "
            "and 1",
            n_control, n_explanation);
    }
    BA_TRY(check_finite(control, n_control, "control"));
    BA_TRY(check_finite(explanation, n_explanation, "explanation"));
    BA_TRY_ALLOC(both, ba_malloc(n_control + n_explanation, sizeof *both));
    memcpy(both, control, n_control * sizeof *both);
    memcpy(both + n_control, explanation, n_explanation * sizeof *both);
    *out = (ba_cosy_t){
        .mad = deviation_score(control, n_control, explanation, n_explanation)};
    BA_TRY(mann_whitney(both, n_control, n_explanation, out));
out:
    ba_free(both);
    return status;
}
