/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What groups of neurons are worth together: the score of every coalition, by refits
 * without the others, and the Shapley value of each group (Shapley 1953): its mean marginal
 * score over all orders in which groups can join. The values add up to the score of all
 * groups less that of none, which still has every column that is in no group. */
#ifndef BA_MODEL_SHAPLEY_H
#define BA_MODEL_SHAPLEY_H

#include "model/contribution.h"

/* 2^n coalitions are computed one by one. */
enum { BA_MOST_GROUPS = 12 };

/* Neurons of group i: neurons[start[i]] .. neurons[start[i + 1] - 1]; none in two. */
typedef struct {
    size_t n_groups;
    const size_t *start; /* n_groups + 1 */
    const size_t *neurons;
} ba_neuron_groups_t;

/* sse: 2^n_groups x v, row by row: held-out squared errors of the refit whose groups are
 * the bits of the row number, at the penalty that is set. y and y_test as for
 * ba_contribution_targets(). BA_VALUE: more than BA_MOST_GROUPS, none, an empty one.
 * Thread-safe. A group leaves G, B, H and the residuals by the block inverse, so that what
 * coalitions share is computed once. Cost: about 2^n_groups (k^3 + 2 k^2 v + 2 m k (k + v))
 * for groups of k columns. */
int ba_contribution_coalitions(const ba_contribution_t *contribution, ba_cdmat_t y,
    ba_cdmat_t y_test, const ba_neuron_groups_t *groups, double *sse) BA_MUST_USE;

/* values: 2^n_groups x v scores, rows as above; shapley: n_groups x v. */
void ba_shapley_values(const double *values, size_t n_groups, size_t v, double *shapley);

#endif
