/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 32 pairs at a time, on processors with 512-bit vectors of 16-bit numbers (AVX-512BW). */
#ifndef BA_MODEL_PAIR_LANES_H
#define BA_MODEL_PAIR_LANES_H

#include <stddef.h>
#include <stdint.h>

/* Places that are compared at a time: columns and lists need so many beyond the last. */
#define BA_PAIR_LANES 32

/* A permuted table of similarities as in pair_table.c: place i against place j has the
 * similarity q[i + ld column[j]], against itself own[i], in units of which a sum of four
 * is sure where it is beyond 2, a difference of two where it is beyond 1. */
typedef struct {
    const int16_t *q;
    size_t ld;
    const uint32_t *column;
    const int16_t *own;
} ba_pair_lanes_t;

/* Called for each pair that integers leave open. */
typedef void (*ba_pair_unsure_t)(void *payload, size_t i, size_t j);

int ba_pair_lanes_is_usable(void);

/* For tests: does without (0), or asks again (1). Not while others count. */
void ba_pair_lanes_allow(int is_allowed);

/* One permutation, and what is found: sure successes of the sum form and of the strict
 * form, added to what is there. */
typedef struct {
    ba_pair_lanes_t lanes;
    void *payload; /* handed to `unsure` */
    uint64_t sum, strict;
} ba_pair_count_t;

/* All pairs of places start .. end - 1 of some permutations of one table. They are counted
 * block by block in turn, so that what a block of the table has in the cache serves all. */
void ba_pair_lanes_count(ba_pair_count_t *counts, size_t n_counts, size_t start,
    size_t end, ba_pair_unsure_t unsure);

#endif
