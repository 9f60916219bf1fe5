/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which neurons of a ranking belong together. */
#ifndef BA_NEURONS_NEURON_CLUSTERS_H
#define BA_NEURONS_NEURON_CLUSTERS_H

#include "brainalign/ranking.h"

/* (*label)[i] of neuron i of the ranking: its cluster of average linkage at distance
 * 1 - |r| <= cut over all tokens, among the neurons with a score for any concept; of the
 * others UINT32_MAX. The caller frees with ba_free(). BA_TOO_LARGE: the columns or their
 * correlations do not fit the budget. */
int ba_neuron_clusters_find(const ba_ctx_t *ctx, const ba_ranking_t *ranking,
    ba_activations_t *activations, double cut, uint32_t **label) BA_MUST_USE;

#endif
