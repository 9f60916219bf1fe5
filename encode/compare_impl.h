/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of a comparison share: scores and choices (compare.c), differences
 * (compare_pairs.c), what is written (compare_write.c). */
#ifndef BA_ENCODE_COMPARE_IMPL_H
#define BA_ENCODE_COMPARE_IMPL_H

#include "brainalign/compare.h"
#include "encode/fitted.h"

/* One list of units, targets or regions: n of each array, matrices by rows. */
typedef struct {
    size_t n;
    double *r, *r2;     /* n_models x n */
    int32_t *best;      /* by all folds, -1 = none */
    int32_t *best_fold; /* n_folds x n: chosen without that fold */
    double *chosen;     /* score of those */
    double *centre;     /* centre of mass, models counted from 0 */
    double *difference; /* n_pairs x n: of r2 */
    double *low, *high; /* 95 % interval */
    double *p, *q;
} comparison_t;

typedef struct {
    const ba_ctx_t *ctx;
    const ba_compare_opts_t *opts;
    size_t n_models, n_folds, n_targets, n_pairs;
    ba_fitted_t *models; /* n_models */
    ba_regions_t regions;
    comparison_t targets, rois;
    size_t *first, *second; /* n_pairs: models; difference = first - second */
    ba_tail_t tail;
    double *p_fwe; /* n_pairs x n_targets */
    size_t n_units, n_permutations;
    int unit_is_run;
    double smallest_p;
} compare_t;

/* compare_pairs.c: fills difference, low, high, p of targets and regions. */
int ba_compare_pairs(compare_t *compare, const ba_dataset_t *responses) BA_MUST_USE;

/* compare_units.c: what the bootstrap draws. unit[i] of every held row; the number of
 * units; whether they are runs. */
int ba_compare_units(const ba_held_t *held, size_t block, size_t **unit, size_t *n_units,
    int *is_run) BA_MUST_USE;

/* How often each unit stands in each draw: n_draws x n_units, column-major. */
int ba_compare_draws(
    uint64_t seed, size_t n_draws, size_t n_units, double **out) BA_MUST_USE;

/* The 2.5 and 97.5 % quantiles (linear between order statistics) of n numbers, which are
 * sorted; NaN where any is. */
void ba_compare_interval(double *draws, size_t n, double *low, double *high);

/* compare_write.c */
int ba_compare_write(const compare_t *compare, const ba_dataset_t *responses) BA_MUST_USE;

#endif
