/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders in which items may change places when nothing is predicted: what a permutation
 * test of identification exchanges. */
#ifndef BRAINALIGN_EXCHANGE_H
#define BRAINALIGN_EXCHANGE_H

#include "brainalign/error.h"
#include "brainalign/runs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ITEMS: all items alike. For items that could have come in any order.
 * WITHIN_GROUPS: items of one group among themselves; what differs between groups stays.
 * GROUPS: whole groups, those of the same number of items among themselves, the items of
 *   each in their order. For items of one passage, topic or run that resemble one another.
 * BLOCKS: blocks of `block` consecutive items within their run; what is left at the end of
 *   a run stays. Items stand in the order of time.
 * CIRCULAR: the items of each run shifted in a circle, by 0 .. length - 1.
 * GIVEN: the orders of `given`. */
typedef enum {
    BA_EXCHANGE_ITEMS = 0,
    BA_EXCHANGE_WITHIN_GROUPS,
    BA_EXCHANGE_GROUPS,
    BA_EXCHANGE_BLOCKS,
    BA_EXCHANGE_CIRCULAR,
    BA_EXCHANGE_GIVEN
} ba_exchange_kind_t;

typedef struct {
    ba_exchange_kind_t kind;
    size_t n_permutations;
    const size_t *groups;  /* WITHIN_GROUPS, GROUPS: label of each item */
    const ba_runs_t *runs; /* BLOCKS, CIRCULAR: runs of the items; NULL = one run */
    size_t block;          /* BLOCKS: items */
    const uint32_t *given; /* GIVEN: n_permutations x n_items, borrowed until the end */
    uint64_t seed;
} ba_exchange_opts_t;

typedef struct {
    size_t n_permutations; /* other orders that are compared with the observed one */
    double n_distinct;     /* different orders, the observed one included */
    int is_exact;          /* every other order once: there are no more than asked for */
    double smallest_p;     /* that the test can give */
} ba_exchange_info_t;

typedef struct ba_exchange ba_exchange_t;

/* Sets up the orders of n_items items. Random orders depend on the seed and on how many
 * were taken before, and may repeat or be the observed one; where there are no more
 * different orders than n_permutations + 1, the observed one included, each of the others
 * comes once. Errors: BA_VALUE (no permutations, a block of 0); BA_SHAPE where only one
 * order is allowed (said why), groups missing, or runs of another number of items;
 * BA_NOMEM. */
BA_API int ba_exchange_new(
    const ba_exchange_opts_t *opts, size_t n_items, ba_exchange_t **out);
BA_API void ba_exchange_free(ba_exchange_t *exchange);

BA_API ba_exchange_info_t ba_exchange_info(const ba_exchange_t *exchange);

/* The next order: item i is compared with what belongs to item order[i]. To be called
 * n_permutations (of ba_exchange_info()) times. */
BA_API void ba_exchange_next(ba_exchange_t *exchange, uint32_t *order);

#ifdef __cplusplus
}
#endif

#endif
