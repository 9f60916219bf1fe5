/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fit/fit_file.h"

int
ba_fit_write_inner_sets(
    ba_bundle_t *bundle, const ba_fit_result_t *result, size_t n_folds)
{
    int status = BA_OK;
    size_t n = result->n_samples, sets = result->n_sets;

    if (sets == 0) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_write(
        bundle, "/splits/inner_sets", BA_U8, 2, (size_t[]){sets, n}, result->inner_sets));
    if (n_folds > 0) {
        BA_TRY(ba_bundle_write(bundle, "/splits/inner_sets_by_fold", BA_U8, 3,
            (size_t[]){n_folds, sets, n}, result->inner_sets_by_fold));
    }
out:
    return status;
}
