/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Principal components of feature spaces in the result file. */
#ifndef BA_ENCODE_ENCODER_PCA_H
#define BA_ENCODE_ENCODER_PCA_H

#include "brainalign/bundle.h"
#include "encode/predictors.h"

/* /pca/NAME/... of every space that has components; nothing without. */
int ba_encoder_pca_write(ba_bundle_t *bundle, const ba_predictors_t *predictors,
    const ba_fit_result_t *result) BA_MUST_USE;

#endif
