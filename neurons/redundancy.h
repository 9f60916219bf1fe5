/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which neurons say the same as better ones. */
#ifndef BA_NEURONS_REDUNDANCY_H
#define BA_NEURONS_REDUNDANCY_H

#include "brainalign/ranking.h"

typedef struct ba_redundancy ba_redundancy_t;

/* Reads the columns of `candidates` (numbers of neurons, best first), scaled so that the
 * product of two is their correlation; constant ones correlate with none. As many as fit
 * the budget: see ba_redundancy_check(). */
int ba_redundancy_open(const ba_ctx_t *ctx, ba_activations_t *activations,
    const size_t *candidates, size_t n_candidates, ba_redundancy_t **out) BA_MUST_USE;
void ba_redundancy_free(ba_redundancy_t *redundancy);

/* Is |r| of candidate i with every candidate of kept[0 .. n_kept - 1] at most `most`?
 * BA_TOO_LARGE past what was read. */
int ba_redundancy_check(const ba_redundancy_t *redundancy, size_t i, const size_t *kept,
    size_t n_kept, double most, int *is_new) BA_MUST_USE;

#endif
