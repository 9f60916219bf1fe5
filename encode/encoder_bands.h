/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Banded ridge in `encode fit`: candidates from what was asked for, and what the result
 * file holds of them. */
#ifndef BA_ENCODE_ENCODER_BANDS_H
#define BA_ENCODE_ENCODER_BANDS_H

#include "brainalign/bundle.h"
#include "brainalign/encode.h"

/* Sets fit->bands (and fit->alphas for given deltas) from opts->bands: N, file:SPEC or
 * deltas:SPEC. *gammas and *file (NULL = none read) are the caller's to free. BA_VALUE,
 * BA_SHAPE, and those of reading. */
int ba_encode_bands(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_fit_opts_t *fit, double **gammas,
    char **file) BA_MUST_USE;

/* /bands; nothing without bands. n_folds: outer folds that were fitted. */
int ba_encode_bands_write(ba_bundle_t *bundle, const ba_fit_opts_t *fit,
    const ba_fit_result_t *result, size_t n_folds) BA_MUST_USE;

/* Mean contributions of the spaces, to the log. */
void ba_encode_bands_note(
    const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_fit_result_t *result);

#endif
