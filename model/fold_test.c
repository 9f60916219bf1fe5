/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/fold_test.h"

#include "core/alloc.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>
#include <math.h>

ba_fold_test_t
ba_fold_test(const double *values, size_t n_folds, double share)
{
    ba_fold_test_t test = {0, 0.0, NAN, NAN};
    double squares = 0.0, n;

    for (size_t k = 0; k < n_folds; k++) {
        if (!isnan(values[k])) {
            test.mean += values[k];
            test.n++;
        }
    }
    n = (double) test.n;
    test.mean = test.n > 0 ? test.mean / n : (double) NAN;
    if (test.n < BA_FEWEST_FOLDS) {
        return test;
    }
    for (size_t k = 0; k < n_folds; k++) {
        if (!isnan(values[k])) {
            squares += (values[k] - test.mean) * (values[k] - test.mean);
        }
    }
    test.se = sqrt(squares / (n - 1.0) * (1.0 / n + share));
    if (test.se > 0.0) {
        test.p = gsl_cdf_tdist_Q(test.mean / test.se, n - 1.0);
    }
    return test;
}

int
ba_fold_bootstrap(
    const double *values, size_t n_folds, ba_rng_t *rng, double *low, double *high)
{
    int status = BA_OK;
    double *used = NULL, *means = NULL;
    size_t n = 0;

    *low = *high = NAN;
    BA_TRY_ALLOC(used, ba_malloc(n_folds, sizeof *used));
    for (size_t k = 0; k < n_folds; k++) {
        if (!isnan(values[k])) {
            used[n++] = values[k];
        }
    }
    if (n < BA_FEWEST_FOLDS) {
        goto out;
    }
    BA_TRY_ALLOC(means, ba_calloc(BA_FOLD_DRAWS, sizeof *means));
    for (size_t b = 0; b < BA_FOLD_DRAWS; b++) {
        for (size_t k = 0; k < n; k++) {
            means[b] += used[ba_rng_below(rng, n)] / (double) n;
        }
    }
    gsl_sort(means, 1, BA_FOLD_DRAWS);
    *low = gsl_stats_quantile_from_sorted_data(means, 1, BA_FOLD_DRAWS, 0.025);
    *high = gsl_stats_quantile_from_sorted_data(means, 1, BA_FOLD_DRAWS, 0.975);
out:
    ba_free(used);
    ba_free(means);
    return status;
}
