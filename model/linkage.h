/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BA_MODEL_LINKAGE_H
#define BA_MODEL_LINKAGE_H

#include "brainalign/error.h"

/* Average linkage of n points from their distances d (n x n, symmetric, destroyed): height
 * (n - 1) ascending, merge (2 (n - 1)): what each merge joined, n + i = merge i, the lower
 * number first. Cost: n^2. */
int ba_linkage_average(double *d, size_t n, double *height, uint32_t *merge) BA_MUST_USE;

/* Clusters left after the first n_merges merges, numbered by their first member; returns
 * how many. */
size_t ba_linkage_cut(
    const uint32_t *merge, size_t n, size_t n_merges, uint32_t *label, uint32_t *room);

#endif
