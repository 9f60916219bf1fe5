/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From null distributions to p, and from p to what holds for many targets at once. */
#ifndef BRAINALIGN_SIGNIFICANCE_H
#define BRAINALIGN_SIGNIFICANCE_H

#include "brainalign/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What counts as at least as extreme: as large, or as far from 0. */
typedef enum { BA_TAIL_GREATER = 0, BA_TAIL_TWO_SIDED } ba_tail_t;

/* q value of each of n p values: the smallest rate of false discoveries at which it would
 * be rejected. bh: Benjamini and Hochberg 1995, for independent or positively dependent
 * tests; by: Benjamini and Yekutieli 2001, for any dependence. NaN stays NaN and does not
 * count as a test. BA_VALUE for a p outside 0 .. 1; BA_NOMEM. Cost: n log n. q may be p.
 */
BA_API int ba_fdr_bh(const double *p, size_t n, double *q);
BA_API int ba_fdr_by(const double *p, size_t n, double *q);

/* How many of n numbers (p or q) are below the level; NaN is not. p NULL: 0. */
BA_API size_t ba_count_below(const double *p, size_t n, double level);

/* (1 + n_extreme) / (1 + n_permutations): the observed order counts as one of them
 * (Phipson and Smyth 2010), so that p is never 0. */
BA_API double ba_permutation_p(size_t n_extreme, size_t n_permutations);

/* p of each target from its own null distribution, a column of null (n_permutations x
 * n_targets). Ties count against the target. NaN where the observed value is NaN; a NaN
 * in the null counts as extreme. */
BA_API void ba_p_of_null(
    const double *observed, ba_cdmat_t null, ba_tail_t tail, double *p);

/* Largest value (of |.| for two tails) over the targets for each permutation; NaN values
 * are passed over. -INFINITY where there is nothing else. */
BA_API void ba_maxima_of_null(ba_cdmat_t null, ba_tail_t tail, double *maxima);

/* maxima[b] = the larger of maxima[b] and other[b]: joins shards or tiles that were
 * permuted alike. Start from -INFINITY. Any order gives the same bits. */
BA_API void ba_maxima_merge(double *maxima, const double *other, size_t n_permutations);

/* Family-wise p of each target from the maxima over all targets (Westfall and Young 1993,
 * single step). NaN where the observed value is NaN. p may be observed. BA_NOMEM. Cost:
 * (n_permutations + n_targets) log n_permutations. */
BA_API int ba_p_of_maxima(const double *observed, size_t n_targets, const double *maxima,
    size_t n_permutations, ba_tail_t tail, double *p);

/* The same for units on scales of their own, one-sided: each is first brought to mean 0 and
 * deviation 1 over its N + 1 values, the observed one among them (moments of the null alone
 * would make the observed one stand out: 8 to 11 % at 5 % with 99 permutations). null: n
 * columns of n_permutations. A unit without deviation, or with a NaN in its null, has p 1 and
 * no part in the maxima. BA_NOMEM. Cost: n n_permutations. */
BA_API int ba_p_of_scaled_maxima(const double *observed, const double *const *null,
    size_t n, size_t n_permutations, double *p);

/* The step-down form, never larger: each target is compared with the maxima over the
 * targets that are not more extreme than it. Wants the whole null distribution. BA_NOMEM.
 * Cost: n_permutations x n_targets. */
BA_API int ba_p_step_down(
    const double *observed, ba_cdmat_t null, ba_tail_t tail, double *p);

#ifdef __cplusplus
}
#endif

#endif
