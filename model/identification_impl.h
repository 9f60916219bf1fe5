/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of identification share. */
#ifndef BA_MODEL_IDENTIFICATION_IMPL_H
#define BA_MODEL_IDENTIFICATION_IMPL_H

#include "brainalign/identification.h"

static inline size_t
ba_own_column(const ba_identification_t *problem, size_t item)
{
    return problem->own ? problem->own[item] : item;
}

/* Similarity of item i's prediction and item j's own candidate. */
static inline double
ba_similarity_of(const ba_identification_t *problem, size_t i, size_t j)
{
    return problem->similarity
        .data[i + ba_own_column(problem, j) * problem->similarity.ld];
}

/* Candidates above one, and tied with it, itself included. */
typedef struct {
    uint32_t better, tied;
} ba_place_t;

/* A value of a row, and whose it is. */
typedef struct {
    double value;
    size_t column;
} ba_ranked_t;

/* Places of n values, larger first, among themselves; spare: room for 2 n. Cost: n,
 * n log n where most are alike beside the range. */
void ba_places_of_row(
    const double *values, size_t n, double tie, ba_ranked_t *spare, ba_place_t *places);

/* Adds the scores of one pair of items to *counts. */
void ba_pair_add(
    const ba_identification_t *problem, size_t i, size_t j, ba_pair_counts_t *counts);

/* BA_SHAPE where the problem does not fit together. */
int ba_identification_check(const ba_identification_t *problem) BA_MUST_USE;

#endif
