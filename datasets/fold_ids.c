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

int
ba_fold_sets_read(const ba_ctx_t *ctx, size_t n_samples, ba_cv_opts_t *cv, uint8_t **held)
{
    int status = BA_OK;
    ba_source_t *source = NULL;
    double *numbers = NULL;
    size_t n_sets;

    if (cv->kind != BA_CV_SETS || cv->held) {
        return BA_OK;
    }
    BA_TRY(ba_source_open(ctx, cv->spec, NULL, &source));
    n_sets = ba_source_n_cols(source);
    if (ba_source_n_rows(source) != n_samples) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu rows, wanted one for each of %zu samples and a column for each set",
            cv->spec, ba_source_n_rows(source), n_samples));
    }
    BA_TRY_ALLOC(numbers, ba_malloc(n_samples, sizeof *numbers));
    BA_TRY_ALLOC(*held, ba_malloc(n_samples, n_sets));
    for (size_t s = 0; s < n_sets; s++) {
        BA_TRY(ba_source_read(source, 0, 0, n_samples, s, 1, numbers, n_samples));
        for (size_t i = 0; i < n_samples; i++) {
            if (numbers[i] != 0.0 && numbers[i] != 1.0) {
                BA_TRY(ba_fail(BA_FORMAT,
                    "%s: %g in row %zu, column %zu, wanted 1 for held out and 0 for not",
                    cv->spec, numbers[i], i, s));
            }
            (*held)[s * n_samples + i] = numbers[i] == 1.0;
        }
    }
    cv->held = *held;
    cv->n_folds = n_sets;
out:
    ba_source_close(source);
    ba_free(numbers);
    return status;
}
