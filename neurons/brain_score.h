/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons in order of what regions of the brain need them for: means over targets, and
 * how far the outer folds agree. */
#ifndef BA_NEURONS_BRAIN_SCORE_H
#define BA_NEURONS_BRAIN_SCORE_H

#include "neurons/aligning.h"

/* n_regions x n_neurons each unless said otherwise, region 0 being all targets. */
typedef struct {
    size_t n_regions, n_neurons, n_folds;
    double *delta_r2; /* mean over scored targets of the mean over folds */
    double *positive; /* share of scored targets where that is above 0 */
    double *alone_r, *weight_norm, *unique; /* means over targets where defined */
    double *by_fold;    /* n_folds x n_regions x n_neurons: mean delta_r2 over targets */
    double *se, *p, *q; /* over folds; q within a region */
    double *positive_folds; /* share of folds with a mean above 0 */
    double *stability;      /* n_regions: mean rank correlation of two folds' scores */
    uint32_t *n_alone;      /* targets behind alone_r */
    uint32_t *n_targets;    /* n_regions: scored */
    uint32_t *n_in_fold;    /* n_folds x n_regions */
} ba_brain_scores_t;

/* Everything 0. Free in any case. */
int ba_brain_scores_make(size_t n_regions, size_t n_neurons, size_t n_folds,
    ba_brain_scores_t *out) BA_MUST_USE;
void ba_brain_scores_free(ba_brain_scores_t *scores);

/* Adds the targets of a fold, and those of the means over folds. */
void ba_brain_add_fold(ba_brain_scores_t *scores, const ba_align_regions_t *regions,
    size_t fold, const ba_aligned_t *values);
void ba_brain_add_mean(ba_brain_scores_t *scores, const ba_align_regions_t *regions,
    const ba_aligned_t *values);

/* Sums become means, then what folds say of them; share as in ba_fold_test(). */
int ba_brain_finish(ba_brain_scores_t *scores, double share) BA_MUST_USE;

#endif
