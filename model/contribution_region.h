/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means over the targets of a region without a loop over targets. With columns of B and E
 * divided by the root of each target's SST, M1 = B E'H, M2 = B B', M3 = H'H (columns x
 * columns, sums over targets or held-out rows) and v targets, the mean of what r2 loses
 * without S is
 *
 *     [2 tr(G_SS^-1 M1_SS) + tr(G_SS^-1 M2_SS G_SS^-1 M3_SS)] / v
 *
 * and removing S for good turns G, M1, M2, M3 into those of the smaller model: O(k^3) for a
 * set of k columns, O(q^2 d) for a neuron of d columns among q, whatever v is. */
#ifndef BA_MODEL_CONTRIBUTION_REGION_H
#define BA_MODEL_CONTRIBUTION_REGION_H

#include "model/contribution.h"

typedef struct ba_contribution_region ba_contribution_region_t;

/* All neurons at the penalty that is set in `contribution`, which must outlive it and keep
 * that penalty while targets are added. Memory: 4 q^2 + 2 m q numbers. BA_TOO_LARGE, BA_NOMEM. Cost: 2 rank q (q + m) + 2 m q^2. */
int ba_contribution_region_new(
    const ba_contribution_t *contribution, ba_contribution_region_t **out) BA_MUST_USE;
void ba_contribution_region_free(ba_contribution_region_t *region);

/* Adds targets (as for ba_contribution_targets()); those without variance are left out.
 * Cost: (2 rank q + 2 m q + 2 q^2) v. */
int ba_contribution_region_add(
    ba_contribution_region_t *region, ba_cdmat_t y, ba_cdmat_t y_test) BA_MUST_USE;

/* Makes means of sums; asked once, before what follows. Cost: 2 m q^2. */
int ba_contribution_region_finish(ba_contribution_region_t *region) BA_MUST_USE;

/* Targets added, and the mean r2 of the model without the neurons that are removed. */
size_t ba_contribution_region_n_targets(const ba_contribution_region_t *region);
double ba_contribution_region_r2(const ba_contribution_region_t *region);

/* Mean of r2 less that of the refit without a set, of neurons that are all there. BA_NUMERIC. */
int ba_contribution_region_set(const ba_contribution_region_t *region,
    const size_t *neurons, size_t n_neurons, double *drop) BA_MUST_USE;

/* The same for every neuron alone, NaN for those removed. BA_NUMERIC. */
int ba_contribution_region_drops(
    const ba_contribution_region_t *region, double *drops) BA_MUST_USE;

/* Removes a neuron for good. BA_NUMERIC. */
int ba_contribution_region_remove(
    ba_contribution_region_t *region, size_t neuron) BA_MUST_USE;

/* Backward elimination: the neuron goes whose removal leaves the highest sum of r2 over the
 * first n_voters regions (of the same neurons: other folds), the lowest on ties; the other
 * regions lose the same. order: n_neurons, as they go; r2: n_regions x (n_neurons + 1),
 * that of all neurons first. Cost: n_neurons removals. */
int ba_contribution_eliminate(const ba_ctx_t *ctx,
    ba_contribution_region_t *const *regions, size_t n_regions, size_t n_voters,
    size_t *order, double *r2) BA_MUST_USE;

#endif
