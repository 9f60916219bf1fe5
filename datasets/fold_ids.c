/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/fold_ids.h"

#include "brainalign/source.h"
#include "core/alloc.h"

#include <math.h>

int
ba_fold_ids_read(const ba_ctx_t *ctx, size_t n_samples, ba_cv_opts_t *cv, int32_t **ids)
{
    int status = BA_OK;
    ba_source_t *source = NULL;
    double *numbers = NULL;

    if (cv->kind != BA_CV_ROWS || cv->ids) {
        return BA_OK;
    }
    BA_TRY(ba_source_open(ctx, cv->spec, NULL, &source));
    if (ba_source_n_rows(source) != n_samples || ba_source_n_cols(source) != 1) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu x %zu fold ids, wanted one for each of %zu samples", cv->spec,
            ba_source_n_rows(source), ba_source_n_cols(source), n_samples));
    }
    BA_TRY_ALLOC(numbers, ba_malloc(n_samples, sizeof *numbers));
    BA_TRY_ALLOC(*ids, ba_malloc(n_samples, sizeof **ids));
    BA_TRY(ba_source_read(source, 0, 0, n_samples, 0, 1, numbers, n_samples));
    for (size_t i = 0; i < n_samples; i++) {
        if (!(fabs(numbers[i]) < 1e9) || numbers[i] != floor(numbers[i])) {
            BA_TRY(ba_fail(BA_FORMAT, "%s: fold id %g in row %zu, wanted a whole number",
                cv->spec, numbers[i], i));
        }
        (*ids)[i] = (int32_t) numbers[i];
    }
    cv->ids = *ids;
out:
    ba_source_close(source);
    ba_free(numbers);
    return status;
}
