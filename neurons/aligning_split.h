/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows to train on and rows held out, and what refits on them need. */
#ifndef BA_NEURONS_ALIGNING_SPLIT_H
#define BA_NEURONS_ALIGNING_SPLIT_H

#include "neurons/aligning.h"

typedef struct {
    const ba_aligning_t *aligning;
    size_t *train, *test, n_train, n_test; /* positions among the kept rows */
    size_t *train_rows, *test_rows;        /* samples */
    double *mean, *scale;                  /* of the design's columns */
    double *own_scale;                     /* with the penalties of spaces, see below */
    ba_ridge_factor_t *factor;
    ba_contribution_t *contribution;
} ba_align_split_t;

/* BA_ALIGN_WHOLE, or a fold that is held out within the training rows of the other one: all
 * rows are then training rows of `fold`. */
#define BA_ALIGN_WHOLE SIZE_MAX

/* Mean over the outer folds of test rows over training rows. */
int ba_align_split_share(const ba_aligning_t *aligning, double *share) BA_MUST_USE;

/* Finds rows and scaling. BA_SHAPE: no rows left. Close in any case. */
int ba_align_split_open(const ba_ctx_t *ctx, const ba_aligning_t *aligning, size_t fold,
    size_t inner, ba_align_split_t *split) BA_MUST_USE;
void ba_align_split_close(ba_align_split_t *split);

/* Factorises under the penalties of spaces (NULL = all 1); again = instead. */
int ba_align_split_factor(
    const ba_ctx_t *ctx, ba_align_split_t *split, const double *gammas) BA_MUST_USE;

/* A target's rows, from the training mean where the fit took it off; returns its
 * deviation on the training rows. */
double ba_align_split_gather(
    const ba_align_split_t *split, size_t target, double *y, double *y_test);

/* The same of any numbers of the kept rows (n_used). */
double ba_align_split_take(
    const ba_align_split_t *split, const double *series, double *y, double *y_test);

/* The rows of a fold on a visit (aligning.h). */
const ba_align_split_t *ba_align_fold_split(const ba_align_fold_t *fold);

#endif
