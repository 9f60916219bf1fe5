/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a score of few folds is above 0.
 *
 * Folds of a cross-validation share training rows, so that the variance of their mean is
 * more than s^2 / K. Nadeau and Bengio (2003, Machine Learning 52): s^2 (1 / K + n_test /
 * n_train), the score less 0 over its root as t with K - 1 degrees of freedom. */
#ifndef BA_MODEL_FOLD_TEST_H
#define BA_MODEL_FOLD_TEST_H

#include "brainalign/error.h"
#include "core/rng.h"

#include <stddef.h>

/* Fewer folds than this leave no test. */
enum { BA_FEWEST_FOLDS = 3 };

typedef struct {
    size_t n;        /* values that are no NaN */
    double mean, se; /* the root of that variance */
    double p;        /* of the mean being above 0, one-sided */
} ba_fold_test_t;

/* values: of each fold, NaN where it has none; share: n_test / n_train, mean over folds.
 * mean is NaN without a value, se and p are with fewer than BA_FEWEST_FOLDS; p also where
 * all values are the same. */
ba_fold_test_t ba_fold_test(const double *values, size_t n_folds, double share);

/* Percentiles 2.5 and 97.5 (linear) of the mean of as many folds drawn with replacement,
 * BA_FOLD_DRAWS times. Few folds draw few means: with K folds the interval is about
 * (K - 1) / K too narrow in variance, and folds that share training rows add to that. NaN
 * as se is above. BA_NOMEM. */
enum { BA_FOLD_DRAWS = 2000 };
int ba_fold_bootstrap(const double *values, size_t n_folds, ba_rng_t *rng, double *low,
    double *high) BA_MUST_USE;

#endif
