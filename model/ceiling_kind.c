/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One ceiling for what was scored: the reliability of the mean of so many repeats by any
 * estimator, which bounds r2, or its square root, which bounds r. */
#include "brainalign/ceiling.h"
#include "core/alloc.h"
#include "model/repeats.h"

#include <math.h>
#include <stdio.h>

#define DEFAULT_SPLITS 100

/* Fisher mean over the splits of the halves' r, one number a target. */
static int
split_half(const ba_repeats_t *repeats, const ba_ceiling_opts_t *opts, double *half,
    uint8_t *reason)
{
    int status = BA_OK;
    size_t n_splits = opts->n_splits > 0 ? opts->n_splits : DEFAULT_SPLITS, n_found;
    size_t n_targets, size = repeats->n_repeats, *orders = NULL;
    double *r = NULL;

    BA_TRY(ba_repeats_check(repeats));
    n_targets = repeats->repeat[0].n_cols;
    BA_TRY_ALLOC(orders, ba_malloc(n_splits, size * sizeof *orders));
    BA_TRY(ba_split_halves(size, n_splits, opts->seed, orders, &n_found));
    BA_TRY_ALLOC(r, ba_malloc(n_targets, n_found * sizeof *r));
    BA_TRY(ba_split_half(repeats, orders, n_found, r, reason));
    for (size_t j = 0; j < n_targets; j++) {
        half[j] = ba_fisher_mean(r + j * n_found, n_found);
    }
out:
    ba_free(orders);
    ba_free(r);
    return status;
}

static int
signal_power(const ba_repeats_t *repeats, double *reliability, uint8_t *reason)
{
    double *cc_max = NULL;
    int status = BA_OK;

    BA_TRY(ba_repeats_check(repeats));
    BA_TRY_ALLOC(cc_max, ba_malloc(repeats->repeat[0].n_cols, sizeof *cc_max));
    BA_TRY(ba_signal_power(repeats, reliability, cc_max, reason));
    for (size_t j = 0; j < repeats->repeat[0].n_cols; j++) {
        reliability[j] = cc_max[j] * cc_max[j];
    }
out:
    ba_free(cc_max);
    return status;
}

/* The square of the mean ISC stands where the others have a reliability; below 0 there is
 * none. */
static int
isc(const ba_repeats_t *subjects, double *square, uint8_t *reason)
{
    double *r = NULL;
    int status = BA_OK;
    size_t n = subjects->n_repeats;

    BA_TRY(ba_repeats_check(subjects));
    BA_TRY_ALLOC(r, ba_malloc(subjects->repeat[0].n_cols, n * sizeof *r));
    BA_TRY(ba_isc(subjects, BA_REPEATS_ZSCORED, BA_ISC_OTHERS, r, reason));
    for (size_t j = 0; j < subjects->repeat[0].n_cols; j++) {
        double mean = ba_fisher_mean(r + j * n, n);

        square[j] = mean < 0 ? 0 : mean * mean;
    }
out:
    ba_free(r);
    return status;
}

/* A reliability, and of the mean of how many repeats it is. */
static int
estimate(const ba_repeats_t *repeats, const ba_ceiling_opts_t *opts, double *reliability,
    double *n_repeats, uint8_t *reason)
{
    *n_repeats = 1;
    switch (opts->kind) {
    case BA_CEILING_SPLIT_HALF:
        *n_repeats = (double) (repeats->n_repeats / 2);
        return split_half(repeats, opts, reliability, reason);
    case BA_CEILING_CCNORM:
        *n_repeats = (double) repeats->n_repeats;
        return signal_power(repeats, reliability, reason);
    case BA_CEILING_ISC:
        if (opts->n_averaged != 1) {
            return ba_fail(BA_UNSUPPORTED,
                "noise ceiling: ISC for the mean of %zu subjects, wanted 1",
                opts->n_averaged);
        }
        return isc(repeats, reliability, reason);
    case BA_CEILING_EV:
        break;
    }
    return ba_explainable_variance(
        repeats, BA_REPEATS_ZSCORED, BA_EV_CORRECTED, reliability, reason);
}

int
ba_ceiling(const ba_repeats_t *repeats, const ba_ceiling_opts_t *opts, double *ceiling,
    uint8_t *reason)
{
    int status = BA_OK;
    double n_repeats;

    if (opts->n_averaged == 0) {
        return ba_fail(
            BA_VALUE, "noise ceiling: the mean of 0 repeats, wanted 1 or more");
    }
    BA_TRY(estimate(repeats, opts, ceiling, &n_repeats, reason));
    for (size_t j = 0; j < repeats->repeat[0].n_cols; j++) {
        double r2 = (double) NAN;

        if (ceiling[j] > 0) {
            r2 = ba_spearman_brown(ceiling[j], (double) opts->n_averaged / n_repeats);
            ba_repeats_reason(reason, j, BA_CEILING_OK);
        } else if (ceiling[j] <= 0) {
            ba_repeats_reason(reason, j, BA_CEILING_NO_SIGNAL);
        }
        ceiling[j] = opts->bounds == BA_BOUNDS_R ? sqrt(r2) : r2;
    }
out:
    return status;
}

void
ba_ceiling_describe(const ba_ceiling_opts_t *opts, char *text, size_t size)
{
    static const char *const names[] = {"explainable variance", "split half",
        "signal power", "inter-subject correlation"};
    const char *score = opts->bounds == BA_BOUNDS_R ? "r" : "r2";

    if (opts->kind == BA_CEILING_ISC) {
        snprintf(text, size, "%s: bounds %s of one subject from below", names[opts->kind],
            score);
    } else if (opts->n_averaged == 1) {
        snprintf(text, size, "%s: bounds %s of one repeat", names[opts->kind], score);
    } else {
        snprintf(text, size, "%s: bounds %s of the mean of %zu repeats",
            names[opts->kind], score, opts->n_averaged);
    }
}

void
ba_ceiling_normalize(const double *scores, const double *ceiling, size_t n_targets,
    double floor, double *normalized)
{
    for (size_t j = 0; j < n_targets; j++) {
        normalized[j] = ceiling[j] >= floor ? scores[j] / ceiling[j] : (double) NAN;
    }
}
