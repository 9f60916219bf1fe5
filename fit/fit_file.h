/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What commands that fit have in common: in their files, and to say. */
#ifndef BA_FIT_FIT_FILE_H
#define BA_FIT_FIT_FILE_H

#include "brainalign/bundle.h"
#include "brainalign/fit.h"

/* /splits/inner_sets and, with outer folds, /splits/inner_sets_by_fold: inner sets that may
 * overlap, which no fold id can tell. Nothing where there are none. */
int ba_fit_write_inner_sets(
    ba_bundle_t *bundle, const ba_fit_result_t *result, size_t n_folds) BA_MUST_USE;

/* Debug messages: what was factorised, how often responses were read, memory, seconds. */
void ba_fit_log(const ba_ctx_t *ctx, const ba_fit_info_t *info);

#endif
