/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means and deviations over training rows, of features and of targets: one rule for what
 * counts as constant. */
#ifndef BA_MODEL_SCALE_H
#define BA_MODEL_SCALE_H

#include "brainalign/ctx.h"
#include "brainalign/design.h"

/* A deviation below this share of a column's largest absolute value is rounding, not
 * signal. */
#define BA_CONSTANT 1e-10

/* Mean and population standard deviation (ddof 0) of n numbers, two passes; scale is 1
 * and the result 0 where they count as constant, else the result is 1. */
int ba_mean_and_scale(const double *x, size_t n, double *mean, double *scale);

/* The same for every column of a design at the given rows, on the threads of ctx.
 * BA_NOMEM. Returns the status. */
int ba_design_scale(const ba_ctx_t *ctx, const ba_design_t *design, const size_t *rows,
    size_t n_rows, double *mean, double *scale) BA_MUST_USE;

#endif
