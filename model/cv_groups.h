/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BA_MODEL_CV_GROUPS_H
#define BA_MODEL_CV_GROUPS_H

#include "brainalign/cv.h"

/* ba_cv_folds() with groups, of a rule that holds out every sample at most once. */
int ba_cv_fold_groups(const ba_cv_opts_t *opts, const size_t *rows, size_t n_rows,
    int32_t *fold, size_t *n_folds) BA_MUST_USE;

#endif
