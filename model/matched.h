/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random sets of neurons like a given one: as many of every cell (layer, variance,
 * ..), and about as redundant together.
 *
 * log det G_SS, G = (X'X + alpha)^-1, says how much a set's columns hold that no
 * others do: a set that others stand in for costs little to drop, whatever it tells.
 * Null hypothesis: given its counts per cell and a window of log det, the set is any
 * such set, all equally likely. The window is half a standard deviation (of sets with
 * these counts) wide and lies at random about the set's own value, so that the set is
 * no special member of it. A Markov chain exchanges a neuron for another one of its
 * cell, and refuses what leaves the window: symmetric steps, so that the uniform
 * distribution is stationary. The given set stands at a random place of the chain (the
 * serial method of Besag and Clifford 1989): under the null hypothesis it is
 * exchangeable with the others, and p = (1 + b) / (1 + N) holds its level however
 * slowly the chain moves. */
#ifndef BA_MODEL_MATCHED_H
#define BA_MODEL_MATCHED_H

#include "model/contribution_drops.h"

typedef struct {
    double log_det;   /* of the set */
    double low, high; /* window */
    double deviation; /* of log det, over sets with the same counts */
    double accepted;  /* share of the steps that were taken: 0 = the chain stood still */
} ba_matched_info_t;

/* out: n_sets x n, ascending within a set. cell: one of each neuron, below n_neurons. One
 * neuron has as many columns as all others of its cell. (seed, stream) decide. BA_SHAPE:
 * the set holds all neurons of its cells, BA_NUMERIC. Cost for k columns: 2 n steps a set
 * of 2 to 6 k^2 d flops, d delays, and 50 k^3 / 3. */
int ba_matched_sets(const ba_inverse_t *inverse, const size_t *cell, size_t n_neurons,
    const size_t *set, size_t n, size_t n_sets, uint64_t seed, uint64_t stream,
    size_t *out, ba_matched_info_t *info) BA_MUST_USE;

#endif
