/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of single response columns by what they do over samples of known kind: which to
 * decode from. */
#ifndef BA_MODEL_VOXEL_SCORE_H
#define BA_MODEL_VOXEL_SCORE_H

#include <stddef.h>
#include <stdint.h>

/* One-way analysis of variance: F = (between / (k - 1)) / (within / (n - k)) over the k
 * groups that have members; samples with group < 0 are left out. NaN where fewer than two
 * groups, or no more samples than groups, are there, and where x is constant; infinite
 * where only the groups differ. work: n_groups numbers twice. */
double ba_f_statistic(
    const double *x, const int32_t *group, size_t n, size_t n_groups, double *work);

/* Mean correlation over items of the n_repeats (n_repeats - 1) / 2 pairs of repeats
 * (Mitchell et al. 2008): x is n_items x n_repeats, and comes back standardised. A repeat
 * that is constant correlates with none (0). NaN with fewer than two repeats or items. */
double ba_stability(double *x, size_t n_items, size_t n_repeats);

#endif
