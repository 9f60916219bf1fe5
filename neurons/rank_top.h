/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The best neurons of many lists of scores, of which each neuron's come at a time:
 * highest first, ties to the lowest neuron, whatever the order in which they came. */
#ifndef BA_NEURONS_RANK_TOP_H
#define BA_NEURONS_RANK_TOP_H

#include "brainalign/error.h"

typedef struct {
    double score;
    uint32_t neuron;
} ba_rank_entry_t;

typedef struct {
    size_t n_lists, top;
    uint32_t *n;              /* n_lists: entries so far, at most top */
    ba_rank_entry_t *entries; /* n_lists x top: heaps, the worst first */
} ba_rank_tops_t;

/* Free in any case. Memory: 16 bytes an entry. */
int ba_rank_tops_make(size_t n_lists, size_t top, ba_rank_tops_t *out) BA_MUST_USE;
void ba_rank_tops_free(ba_rank_tops_t *tops);

/* A score that is NaN is no entry. Cost: log top. */
void ba_rank_tops_add(ba_rank_tops_t *tops, size_t list, double score, size_t neuron);

/* Adds all entries of other lists. */
void ba_rank_tops_merge(ba_rank_tops_t *tops, const ba_rank_tops_t *other);

/* Neurons of a list, best first, into out (top); UINT32_MAX where there are fewer. The
 * list is a heap no more. */
void ba_rank_tops_take(ba_rank_tops_t *tops, size_t list, uint32_t *out);

#endif
