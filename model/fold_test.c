/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/fold_test.h"

#include <gsl/gsl_cdf.h>
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
