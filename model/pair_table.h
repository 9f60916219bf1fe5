/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pairs of items counted over again for every permutation. */
#ifndef BA_MODEL_PAIR_TABLE_H
#define BA_MODEL_PAIR_TABLE_H

#include "model/identification_impl.h"

typedef struct ba_pair_table ba_pair_table_t;

/* Successes over pairs: of the sum form in halves, a tie being one; of the strict form. */
typedef struct {
    uint64_t sum_halves, strict;
} ba_pair_wins_t;

/* Bytes of a table. */
size_t ba_pair_table_bytes(size_t n_items);

/* groups: NULL = none. `problem` and `groups` must outlive the table. BA_NOMEM. */
int ba_pair_table_new(const ba_identification_t *problem, const size_t *groups,
    size_t min_distance, ba_pair_table_t **out) BA_MUST_USE;
void ba_pair_table_free(ba_pair_table_t *table);

/* Most permutations that are counted in one call. */
#define BA_PAIR_ORDERS 16

/* Bytes that ba_pair_table_count() needs room for, aligned for doubles. */
size_t ba_pair_table_scratch(const ba_pair_table_t *table);

/* All pairs, and those within groups (0 without groups), where item i is compared with the
 * candidate of item order[i], for every order: n_orders of n_items one after another, one
 * value of all and within each. Allocates nothing; any thread. */
void ba_pair_table_count(const ba_pair_table_t *table, const uint32_t *orders,
    size_t n_orders, void *scratch, ba_pair_wins_t *all, ba_pair_wins_t *within);

#endif
