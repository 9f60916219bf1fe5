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

void
ba_fit_log(const ba_ctx_t *ctx, const ba_fit_info_t *info)
{
    ba_ctx_log(ctx, BA_LOG_DEBUG,
        "factorisations: %zu%s, %zu of them to bands; responses read %zu times; at most "
        "%.0f MiB planned",
        info->n_factorisations, info->shared_outer ? ", one for all outer folds" : "",
        info->n_reduced, info->n_passes, (double) info->bytes_planned / 1048576);
    ba_ctx_log(ctx, BA_LOG_DEBUG,
        "seconds: factorising %.2f, operators %.2f, tiles %.2f (waiting for responses "
        "%.2f); "
        "tiles at %.1f GFLOP/s",
        info->seconds_factor, info->seconds_operators, info->seconds_tiles,
        info->seconds_read, info->flops_tiles / info->seconds_tiles / 1e9);
}
