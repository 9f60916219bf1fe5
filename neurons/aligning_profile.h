/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers and regions: how much of what neurons add to a region stands in which layer. */
#ifndef BA_NEURONS_ALIGNING_PROFILE_H
#define BA_NEURONS_ALIGNING_PROFILE_H

#include "brainalign/bundle.h"
#include "neurons/aligning.h"

/* Of a layer in a region, means over its targets. */
enum {
    BA_PROFILE_POSITIVE, /* sum of the positive delta_r2 of the layer's neurons in a fold */
    BA_PROFILE_PRODUCT, /* sum of product_r2 */
    BA_PROFILE_DROP,    /* mean delta_r2 of a neuron */
    BA_PROFILE_N
};

typedef struct {
    const ba_aligning_t *aligning;
    const ba_align_regions_t *regions;
    size_t n_layers, *layer_of; /* n_neurons; layers of one component are not another's */
    size_t *first, *n_neurons;  /* n_layers: its first neuron, and how many */
    double *by_fold; /* BA_PROFILE_N x n_folds x n_regions x n_layers, means at the end */
    uint32_t *n_targets;       /* n_folds x n_regions */
    double *now;               /* BA_PROFILE_N x n_layers, of one target */
    double *mean, *low, *high; /* BA_PROFILE_N x n_regions x n_layers */
} ba_align_profile_t;

/* Everything 0. Free in any case. */
int ba_align_profile_make(const ba_aligning_t *aligning,
    const ba_align_regions_t *regions, ba_align_profile_t *out) BA_MUST_USE;
void ba_align_profile_free(ba_align_profile_t *profile);

/* Adds the targets of a fold. */
void ba_align_profile_add(
    ba_align_profile_t *profile, size_t fold, const ba_aligned_t *values);

/* Means over folds, and intervals by drawing folds (ba_fold_bootstrap()). */
int ba_align_profile_finish(const ba_ctx_t *ctx, ba_align_profile_t *profile) BA_MUST_USE;

/* The group /profile. */
int ba_align_profile_write(
    const ba_align_profile_t *profile, ba_bundle_t *bundle) BA_MUST_USE;

#endif
