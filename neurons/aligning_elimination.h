/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Minimal sets of neurons: the one that a region needs least goes, one after the other.
 *
 * Who chooses does not score: for outer fold k the order is found on the rows that k trains
 * on, by refits that hold out each of the other folds in turn, and what is left is scored
 * on fold k by refits on its training rows. A last order is found on all folds. Within a
 * region and fold there is one penalty: of each feature space the median of gamma / alpha
 * over the targets. */
#ifndef BA_NEURONS_ALIGNING_ELIMINATION_H
#define BA_NEURONS_ALIGNING_ELIMINATION_H

#include "brainalign/bundle.h"
#include "neurons/aligning.h"

/* NaN, and no order, where a region has no scored targets in a fold. K folds, N neurons;
 * curves by the number of neurons that are gone, 0 .. N. */
typedef struct {
    const ba_aligning_t *aligning;
    const ba_align_regions_t *regions;
    int64_t
        *order; /* n_regions x (K + 1) x N: as they go; the last of all folds; or -1 */
    double *chosen; /* n_regions x (K + 1) x (N + 1): mean r2 of the folds that chose */
    double *held;   /* n_regions x K x (N + 1): r2 on the fold that did not */
    int64_t
        *size; /* n_regions x (K + 1): neurons of the minimal set by those that chose */
} ba_align_elimination_t;

/* Does nothing where it is not asked for. BA_SHAPE: fewer than 3 folds. BA_TOO_LARGE: K x 4
 * (columns)^2 numbers do not fit. Free in any case. */
int ba_align_eliminate(const ba_ctx_t *ctx, const ba_aligning_t *aligning,
    const ba_align_regions_t *regions, ba_align_elimination_t *out) BA_MUST_USE;
void ba_align_elimination_free(ba_align_elimination_t *elimination);

/* The group /elimination, and a line for each region and number of neurons, finished but
 * not committed. share as in ba_fold_test(). */
int ba_align_elimination_write(
    const ba_align_elimination_t *elimination, ba_bundle_t *bundle) BA_MUST_USE;
int ba_align_elimination_write_table(const ba_align_elimination_t *elimination,
    double share, const char *file, int force, ba_table_writer_t **out) BA_MUST_USE;

/* Refused before the work. */
int ba_align_elimination_check(
    const ba_ctx_t *ctx, const ba_aligning_t *aligning) BA_MUST_USE;

#endif
