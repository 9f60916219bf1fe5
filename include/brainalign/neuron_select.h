/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A few neurons out of a ranking. */
#ifndef BRAINALIGN_NEURON_SELECT_H
#define BRAINALIGN_NEURON_SELECT_H

#include "brainalign/ranking.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BA_PICK_TOP, BA_PICK_BOTTOM, BA_PICK_RANDOM } ba_pick_t;

/* How many, for each concept: exactly one of n, fraction and mass. */
typedef struct {
    ba_pick_t pick;
    int by_absolute; /* order by |score| instead of score; mass always does */
    size_t n;        /* 0 = not by number */
    double fraction; /* of the neurons with a defined score, the next lower whole number
                        but at least one; NaN = not by fraction */
    double mass; /* 0..1: the shortest prefix that holds this share of the sum of |score|,
                    the neuron that reaches it included, one at least; NaN = not by mass */
    size_t layer_quota;     /* most neurons of one layer of a component; 0 = no limit */
    double max_correlation; /* leaves out a neuron whose |r| over all tokens with a better
                               one is above this; NaN = none is left out */
    double cluster_cut;     /* leaves out all but the best of each cluster of average
                               linkage at distance 1 - |r| up to this; NaN = none */
    const char *const *concepts; /* n_concepts names; none = "*" where the ranking has it,
                                    else all */
    size_t n_concepts;
    uint64_t seed; /* of BA_PICK_RANDOM */
} ba_neuron_select_opts_t;

/* Everything off, top. */
BA_API ba_neuron_select_opts_t ba_neuron_select_default(void);

/* The neurons chosen for any of the concepts, ascending; *list is the caller's to free().
 * Neurons without a defined score, as those that a ranking leaves out, are never chosen. `activations` for
 * max_correlation and cluster_cut, else NULL. Errors: BA_MISSING (unknown concept: nearest one),
 * BA_SHAPE (more neurons asked for than there are, or than the rules leave),
 * BA_VALUE, BA_TOO_LARGE (columns that would have to be compared do not fit the budget).
 * Cost with max_correlation: one pass over the activations; with cluster_cut that, and
 * tokens x neurons^2. */
BA_API int ba_neurons_select(const ba_ctx_t *ctx, const ba_ranking_t *ranking,
    ba_activations_t *activations, const ba_neuron_select_opts_t *opts, size_t **list,
    size_t *n_listed);

#ifdef __cplusplus
}
#endif

#endif
