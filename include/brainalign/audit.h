/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an audit of a cross-validated pipeline found. */
#ifndef BRAINALIGN_AUDIT_H
#define BRAINALIGN_AUDIT_H

#include "brainalign/api.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Two things that a clean pipeline must show. Poison: every outer fold is fitted twice,
 * the second time with other numbers in every row that its training must not see (held
 * out, or in the gap); not a bit of what was fitted may change: alphas and their grid,
 * inner scores, scaling, chosen columns, the prediction of one held-out row, whose own
 * predictors stay. Chance: with targets exchanged over samples at random, held-out scores
 * must not be better than chance.
 *
 * What it cannot see: anything done to the data before they came (z-scoring or components
 * over all rows), and repeats of a stimulus in training and test rows. */
typedef struct {
    size_t n_folds;
    size_t n_poisoned;           /* rows, over folds */
    size_t n_numbers, n_changed; /* compared over folds; of them changed */
    size_t changed_fold;         /* the first that changed, from 0 */
    const char *changed;         /* what changed there first, in words; NULL = nothing */
    size_t n_permutations;
    double mean_r;             /* of all targets, held out, as they are */
    double null_mean, null_sd; /* of the same with targets exchanged */
    double null_limit; /* null_mean of a clean pipeline is above it about once in a
                          thousand times */
    int is_clean;
} ba_audit_t;

#ifdef __cplusplus
}
#endif

#endif
