/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BA_FIT_TRAINING_ROWS_H
#define BA_FIT_TRAINING_ROWS_H

#include "brainalign/fit.h"

/* Which samples every outer fold trains on, and after them the final fit: *out is n_sets x
 * n_samples, 1 where it does, for the caller to free with ba_free(); *n_sets = outer folds
 * + 1. Errors: those of ba_fit_plan(). */
int ba_fit_training_rows(const ba_fit_data_t *data, const ba_fit_opts_t *opts,
    unsigned char **out, size_t *n_sets) BA_MUST_USE;

#endif
