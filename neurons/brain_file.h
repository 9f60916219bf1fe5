/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Brain scores of neurons in files. */
#ifndef BA_NEURONS_BRAIN_FILE_H
#define BA_NEURONS_BRAIN_FILE_H

#include "brainalign/bundle.h"
#include "brainalign/ranking.h"
#include "neurons/brain_score.h"

/* /unique and the group /brain. */
int ba_brain_write(ba_bundle_t *bundle, const ba_align_regions_t *regions,
    const ba_brain_scores_t *scores) BA_MUST_USE;

/* A line a neuron, finished but not committed. concepts: what stands in the column of that
 * name for each neuron (NULL = n/a); NULL = no such column. */
int ba_brain_write_table(const char *file, int force, const ba_neuron_table_t *neurons,
    const ba_align_regions_t *regions, const ba_brain_scores_t *scores,
    const char *const *concepts, ba_table_writer_t **out) BA_MUST_USE;

/* The ranking by delta_r2; the caller frees. */
int ba_brain_ranking(const ba_neuron_table_t *neurons, const ba_align_regions_t *regions,
    const ba_brain_scores_t *scores, ba_ranking_t **out) BA_MUST_USE;

#endif
