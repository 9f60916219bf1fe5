/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of neurons align: arrays that fill up window by window, the rest at the end. */
#ifndef BA_NEURONS_ALIGNING_WRITE_H
#define BA_NEURONS_ALIGNING_WRITE_H

#include "brainalign/bundle.h"
#include "datasets/provenance.h"
#include "neurons/aligning_concepts.h"
#include "neurons/aligning_elimination.h"
#include "neurons/aligning_group.h"
#include "neurons/aligning_maps.h"
#include "neurons/aligning_profile.h"
#include "neurons/aligning_sets.h"

typedef struct {
    const ba_aligning_t *aligning;
    ba_provenance_t provenance;
    ba_bundle_t *bundle;
    ba_sink_t *sinks[BA_ALIGN_N_SAVED]; /* n_neurons x n_targets */
    ba_sink_t *fold_sinks[2];           /* n_folds in front, with save_folds */
    double *buffer;                     /* n_neurons x a window */
    double *r2;                         /* n_targets */
} ba_align_output_t;

/* Refuses outputs that exist, and reserves the large arrays. Free in any case. */
int ba_align_output_open(const ba_ctx_t *ctx, const ba_aligning_t *aligning,
    ba_align_output_t *out) BA_MUST_USE;
void ba_align_output_free(ba_align_output_t *output);

/* A window of targets, of a fold and of the means over folds. */
int ba_align_output_fold(
    ba_align_output_t *output, size_t fold, const ba_aligned_t *values) BA_MUST_USE;
int ba_align_output_mean(
    ba_align_output_t *output, const ba_aligned_t *values) BA_MUST_USE;

/* All that is no window; share as in ba_fold_test(). */
typedef struct {
    const ba_align_regions_t *regions;
    const ba_brain_scores_t *scores;
    const ba_align_profile_t *profile;
    const ba_align_sets_t *sets;
    ba_align_maps_t *maps; /* of the sets, named but not made */
    const ba_align_elimination_t *elimination;
    const ba_align_concepts_t *concepts; /* NULL = none */
    const ba_align_group_t *group;
    double share;
    const ba_align_info_t *info;
} ba_align_results_t;

/* Writes it, and commits the file, the tables and the ranking. */
int ba_align_output_finish(
    ba_align_output_t *output, const ba_align_results_t *results) BA_MUST_USE;

#endif
