/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of textual explanations of neurons. U counts pairs: U of control = number of
 * (control, explanation) pairs with control above, ties half; auc = 1 - U / (n0 n1). */
#include "brainalign/cosy.h"
#include "core/alloc.h"
#include "model/cosy_impl.h"

#include <math.h>
#include <stdlib.h>
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

static int
by_value(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static double
cube_less(size_t t)
{
    double x = (double) t;

    return x * x * x - x;
}

/* Equal values from place i on. */
static size_t
run_from(const double *sorted, size_t n, size_t i)
{
    size_t end = i;

    while (end < n && sorted[end] == sorted[i]) {
        end++;
    }
    return end - i;
}

/* Values below x. */
static size_t
count_below(const double *sorted, size_t n, double x)
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
    return low;
}

void
ba_cosy_control_free(ba_cosy_control_t *control)
{
    ba_free(control->sorted);
    memset(control, 0, sizeof *control);
}

int
ba_cosy_control(const double *x, size_t n, ba_cosy_control_t *out)
{
    double square = 0.0;
    int status = BA_OK;

    memset(out, 0, sizeof *out);
    if (n < 2) {
        return ba_fail(BA_SHAPE, "control: found %zu sample(s), wanted at least 2", n);
    }
    BA_TRY(check_finite(x, n, "control"));
    BA_TRY_ALLOC(out->sorted, ba_malloc(n, sizeof *out->sorted));
    memcpy(out->sorted, x, n * sizeof *x);
    qsort(out->sorted, n, sizeof *x, by_value);
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        out->mean += x[i] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        square += (x[i] - out->mean) * (x[i] - out->mean);
    }
    if (out->sorted[0] < out->sorted[n - 1]) {
        out->deviation = sqrt(square / ((double) n - 1.0));
    }
    for (size_t i = 0; i < n;) {
        size_t t = run_from(out->sorted, n, i);

        out->ties += cube_less(t);
        i += t;
    }
out:
    return status;
}

/* U of control and the ties of both, from the explanation's values in order: each distinct
 * one is looked up among those of control. */
static void
count_pairs(const ba_cosy_control_t *control, const double *sorted, size_t n, double *u,
    double *ties)
{
    double below = 0.0;

    *ties = control->ties;
    for (size_t i = 0; i < n;) {
        size_t t = run_from(sorted, n, i);
        size_t place = count_below(control->sorted, control->n, sorted[i]), same = 0;

        if (place < control->n && control->sorted[place] == sorted[i]) {
            same = run_from(control->sorted, control->n, place);
        }
        below += (double) t * ((double) place + 0.5 * (double) same);
        *ties += cube_less(t + same) - cube_less(same);
        i += t;
    }
    *u = (double) control->n * (double) n - below;
}

int
ba_cosy_score(
    const ba_cosy_control_t *control, const double *explanation, size_t n, ba_cosy_t *out)
{
    double *sorted = NULL, mean = 0.0, ties, tail, n0 = (double) control->n;
    double top = n0 * (double) n;
    size_t few = control->n < n ? control->n : n, many = control->n + n - few;
    int status = BA_OK;

    *out = (ba_cosy_t){0};
    if (n < 1) {
        return ba_fail(BA_SHAPE, "explanation: found no sample, wanted at least 1");
    }
    BA_TRY(check_finite(explanation, n, "explanation"));
    BA_TRY_ALLOC(sorted, ba_malloc(n, sizeof *sorted));
    memcpy(sorted, explanation, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0; i < n; i++) {
        mean += explanation[i] / (double) n;
    }
    out->mad =
        control->deviation > 0.0 ? (mean - control->mean) / control->deviation : 0.0;
    count_pairs(control, sorted, n, &out->u, &ties);
    out->auc = 1.0 - out->u / top;
    out->exact = few <= EXACT_UP_TO && ties == 0.0;
    out->p = normal_p(out->u, n0, (double) n, ties);
    if (out->exact) {
        BA_TRY(exact_tail(few, many, (size_t) fmax(out->u, top - out->u), &tail));
        out->p = fmin(1.0, 2.0 * tail);
    }
out:
    ba_free(sorted);
    return status;
}

int
ba_cosy(const double *control, size_t n_control, const double *explanation,
    size_t n_explanation, ba_cosy_t *out)
{
    ba_cosy_control_t prepared = {0};
    int status;

    BA_TRY(ba_cosy_control(control, n_control, &prepared));
    BA_TRY(ba_cosy_score(&prepared, explanation, n_explanation, out));
out:
    ba_cosy_control_free(&prepared);
    return status;
}
