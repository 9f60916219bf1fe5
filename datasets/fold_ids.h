/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fold ids of `rows:SPEC`. */
#ifndef BA_DATASETS_FOLD_IDS_H
#define BA_DATASETS_FOLD_IDS_H

#include "brainalign/ctx.h"
#include "brainalign/cv.h"

/* Reads the ids of a BA_CV_ROWS splitter that has none yet into *ids (the caller frees
 * with ba_free()) and points cv->ids there; other splitters are left alone. BA_SHAPE: not
 * one id for each of n_samples; BA_FORMAT: an id that is no whole number. */
int ba_fold_ids_read(
    const ba_ctx_t *ctx, size_t n_samples, ba_cv_opts_t *cv, int32_t **ids) BA_MUST_USE;

/* The same for the sets of a BA_CV_SETS splitter: a matrix of samples x sets, 1 = held
 * out in the set. */
int ba_fold_sets_read(
    const ba_ctx_t *ctx, size_t n_samples, ba_cv_opts_t *cv, uint8_t **held) BA_MUST_USE;

#endif
