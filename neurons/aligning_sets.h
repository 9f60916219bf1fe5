/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of neurons in neurons align: what they add together. */
#ifndef BA_NEURONS_ALIGNING_SETS_H
#define BA_NEURONS_ALIGNING_SETS_H

#include "brainalign/bundle.h"
#include "neurons/aligning.h"

/* Numbers of a set and a target. */
enum {
    BA_SET_DELTA_R2, /* whole model less the refit without the set */
    BA_SET_DELTA_R,
    BA_SET_ZERO_OUT, /* r2: whole model less the same weights with the set's at 0 */
    BA_SET_ONLY_R2,  /* the refit on the set alone, without controls */
    BA_SET_ONLY_R,
    BA_SET_SHAPLEY, /* of r2; NaN unless asked for */
    BA_SET_N
};

/* Sum of squares about the mean, NaN where that is 0. */
double ba_align_total(const double *y, size_t n);

/* values of target i but for Shapley's, from the scores of whole model, without, zeroed and
 * only (ba_contribution_set()). */
void ba_align_set_values(
    const ba_set_scores_t at[4], size_t i, double total, double values[BA_SET_SHAPLEY]);

typedef struct {
    const ba_aligning_t *aligning;
    const ba_align_regions_t *regions;
    size_t n;
    char **names;
    size_t *start,
        *neurons; /* neurons[start[s]] .. neurons[start[s + 1] - 1], ascending */
    /* BA_SET_N x n x n_targets, and n_targets for r2 without all sets (with Shapley values) */
    double *now;         /* of one fold, NaN where there is none */
    double *mean;        /* over the folds where defined */
    uint16_t *counts;    /* folds behind mean */
    double *by_fold;     /* n_folds x n_regions x BA_SET_N x n: means over targets */
    uint32_t *n_by_fold; /* targets behind by_fold */
} ba_align_sets_t;

/* Reads the lists; n = 0 where none is asked for. BA_SHAPE: a neuron that is not there, or is
 * in two sets of Shapley values; BA_VALUE, BA_TOO_LARGE. Free in any case. */
int ba_align_sets_open(const ba_ctx_t *ctx, const ba_aligning_t *aligning,
    const ba_align_regions_t *regions, ba_align_sets_t *out) BA_MUST_USE;
void ba_align_sets_free(ba_align_sets_t *sets);

/* All folds. */
int ba_align_sets_run(const ba_ctx_t *ctx, ba_align_sets_t *sets) BA_MUST_USE;

/* aligning_set_file.c: the group /sets, and a line for each set and region, finished but not
 * committed; share as in ba_fold_test(). */
int ba_align_sets_write(
    const ba_align_sets_t *sets, double share, ba_bundle_t *bundle) BA_MUST_USE;
int ba_align_sets_write_table(const ba_align_sets_t *sets, double share, const char *file,
    int force, ba_table_writer_t **out) BA_MUST_USE;

/* Where a set's number for the first target stands, and in by_fold that of the first set. */
static inline size_t
ba_align_sets_place(const ba_align_sets_t *sets, size_t kind, size_t set)
{
    return (kind * sets->n + set) * sets->aligning->n_targets;
}

static inline size_t
ba_align_sets_at(const ba_align_sets_t *sets, size_t fold, size_t region, size_t kind)
{
    return ((fold * sets->regions->n + region) * BA_SET_N + kind) * sets->n;
}

#endif
