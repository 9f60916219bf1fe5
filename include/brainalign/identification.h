/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identification: how well do predictions tell items apart? Every figure comes from one
 * matrix of similarities between predictions (rows) and candidates (columns).
 *
 * Two similarities, or sums of two, that differ by at most `tie` are tied. */
#ifndef BRAINALIGN_IDENTIFICATION_H
#define BRAINALIGN_IDENTIFICATION_H

#include "brainalign/ctx.h"
#include "brainalign/error.h"
#include "brainalign/exchange.h"
#include "brainalign/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Similarity of two rows; larger is more alike. COSINE: of the angle. CORRELATION: the
 * same after the mean of each row is subtracted. EUCLIDEAN, SQUARED_EUCLIDEAN: minus the
 * distance, minus its square. */
typedef enum {
    BA_SIMILARITY_COSINE = 0,
    BA_SIMILARITY_CORRELATION,
    BA_SIMILARITY_EUCLIDEAN,
    BA_SIMILARITY_SQUARED_EUCLIDEAN
} ba_similarity_t;

/* similarity (n_items x n_candidates) of the rows of predicted (n_items x n_dims) and
 * candidates (n_candidates x n_dims). COSINE and CORRELATION: a row without norm
 * (deviation) has similarity 0 to everything. On the threads of ctx. BA_SHAPE, BA_NOMEM.
 * Cost: 2 n_items n_candidates n_dims flops. */
BA_API int ba_similarity(const ba_ctx_t *ctx, ba_similarity_t kind, ba_cdmat_t predicted,
    ba_cdmat_t candidates, ba_dmat_t similarity);

/* Number of rows that have no norm (COSINE), or whose deviation is below 1e-10 of their
 * largest absolute value (CORRELATION); 0 for distances. is_undefined: n_rows flags, or
 * NULL. */
BA_API size_t ba_similarity_undefined(
    ba_similarity_t kind, ba_cdmat_t rows, uint8_t *is_undefined);

/* The largest difference that rounding makes between equal similarities: 1e-12, for
 * distances times the largest of the matrix where that is over 1. */
BA_API double ba_similarity_tie(ba_similarity_t kind, ba_cdmat_t similarity);

/* Pearson's r of each prediction and its target over dimensions, by row (n_rows), and of
 * each dimension over items, by column (n_cols). NaN where one of the two is constant. */
BA_API int ba_pattern_r(ba_cdmat_t predicted, ba_cdmat_t targets, double *r);
BA_API int ba_profile_r(ba_cdmat_t predicted, ba_cdmat_t targets, double *r);

/* What is to be identified; borrowed. */
typedef struct {
    ba_cdmat_t similarity; /* n_items x n_candidates; ld at least n_items */
    const size_t *own;     /* column of each item's own candidate; NULL = item i has i */
    double tie;
} ba_identification_t;

/* Candidates that are more similar than the own one, and that are tied with it, itself
 * included: n_items each. BA_SHAPE (fewer than 2 candidates or no items, an own column
 * that is not there). */
BA_API int ba_identification_ranks(
    const ba_identification_t *problem, size_t *better, size_t *tied);

/* Figures of one item whose own candidate has `better` above it and `tied` beside it:
 * the mean over the places that it could take. rank: 1 is best. top: 1 where it is among
 * the k best. */
BA_API double ba_rank_middle(size_t better, size_t tied);
BA_API double ba_rank_reciprocal(size_t better, size_t tied);
BA_API double ba_rank_top(size_t better, size_t tied, size_t k);

/* Probability that the own candidate is among the k best of a random gallery of `size`,
 * itself included, out of n_candidates: hypergeometric. size 1 .. n_candidates. */
BA_API double ba_rank_gallery(
    size_t better, size_t tied, size_t n_candidates, size_t size, size_t k);

/* Which pairs of items count. */
typedef enum { BA_PAIRS_ALL = 0, BA_PAIRS_WITHIN, BA_PAIRS_BETWEEN } ba_pairs_t;

typedef struct {
    ba_pairs_t pairs;
    const size_t *groups; /* label of each item, for WITHIN and BETWEEN */
    size_t min_distance;  /* pairs nearer than so many items do not count; 0 or 1 = all */
} ba_pair_opts_t;

/* Pairs i < j, their own similarities S_ii and S_jj against the crossed S_ij and S_ji.
 * sum: S_ii + S_jj > S_ij + S_ji. single: S_ii > S_ij, and S_jj > S_ji, two comparisons.
 * strict: both of them; a tie in either fails. */
typedef struct {
    size_t n_pairs;
    size_t sum_won, sum_tied;
    size_t single_won, single_tied; /* out of 2 n_pairs */
    size_t strict_won;
    size_t any_tied; /* pairs with a tie in either single comparison */
} ba_pair_counts_t;

/* opts NULL = all pairs. BA_SHAPE, BA_VALUE (no groups). */
BA_API int ba_identification_pairs(const ba_identification_t *problem,
    const ba_pair_opts_t *opts, ba_pair_counts_t *counts);

/* Shares, a tie being half a success (strict: none). NaN without pairs. */
BA_API double ba_pairs_sum(const ba_pair_counts_t *counts);
BA_API double ba_pairs_single(const ba_pair_counts_t *counts);
BA_API double ba_pairs_strict(const ba_pair_counts_t *counts);

/* Skewness over candidates of how many items have them among their k most similar (ties
 * share a place). Large: a few candidates are near to everything (hubs). NaN where all
 * are chosen alike. BA_NOMEM. */
BA_API int ba_hubness(const ba_identification_t *problem, size_t k, double *skewness);

/* Levels of pure guessing among n_candidates. */
BA_API double ba_chance_top(size_t k, size_t n_candidates);
BA_API double ba_chance_reciprocal(size_t n_candidates);
BA_API double ba_chance_rank(size_t n_candidates);

/* Standard deviations of scores of n items without any relation: of the sum form sqrt(4
 * asin(1/4) / (2 pi) / n), of rank accuracy (the single form) 1 / sqrt(12 n). Many times
 * those of as many independent trials as there are pairs. */
BA_API double ba_null_sd_sum(size_t n_items);
BA_API double ba_null_sd_single(size_t n_items);

/* Where own similarities are normal with the variance of others and a mean larger by d'
 * deviations, every figure follows from another: rank accuracy = Phi(d'/sqrt 2), the sum
 * form = Phi(d'), top-1 among G = integral of phi(z - d') Phi(z)^(G-1). */
BA_API double ba_dprime_of_rank(double rank_accuracy);
BA_API double ba_dprime_of_sum(double pairwise_sum);
BA_API double ba_dprime_of_top1(double top1, size_t n_candidates);
BA_API double ba_rank_of_dprime(double dprime);
BA_API double ba_sum_of_dprime(double dprime);
BA_API double ba_top1_of_dprime(double dprime, size_t n_candidates);

/* A score against its null distribution. chance: the level of guessing; of the strict
 * form the mean of the null distribution, NaN without one. p, null_mean, null_sd: NaN
 * without a test. */
typedef struct {
    double value, chance, p;
    double null_mean, null_sd;
    size_t n;          /* items, pairs or dimensions that the value is of */
    size_t n_distinct; /* different values of the null distribution */
} ba_statistic_t;

/* A score that is the mean over items of matrix (n_items x n_items), row i at the column
 * of the item that i is compared with; NaN cells are left out. */
typedef struct {
    ba_cdmat_t matrix;
    size_t n; /* for ba_statistic_t */
} ba_trace_t;

typedef struct {
    const size_t *top; /* k of top-k */
    size_t n_top;
    const size_t *gallery; /* sizes of the curve, 1 .. n_candidates */
    size_t n_gallery;
    const size_t *groups; /* NULL = no scores within and between */
    size_t min_distance;  /* of pairs, in items */
    const ba_trace_t *traces;
    size_t n_traces;
    ba_exchange_t *exchange; /* NULL = no test; its orders are taken */
} ba_identify_opts_t;

typedef struct {
    ba_pair_counts_t pairs, within, between;
    ba_statistic_t sum, single, strict;     /* over pairs */
    ba_statistic_t within_sum, between_sum; /* the sum form; n = 0 without groups */
    ba_statistic_t rank_accuracy, mrr,
        d_prime;                   /* p of d_prime is that of rank_accuracy */
    double mean_rank, median_rank; /* of mid-ranks */
    size_t n_tied;                 /* items whose own candidate is tied with another */
    ba_statistic_t *top;           /* n_top */
    ba_statistic_t *curve;         /* n_gallery x n_top: [g * n_top + k] */
    ba_statistic_t *traces;        /* n_traces */
} ba_identified_t;

/* All scores of a similarity matrix, and a permutation test of each: item i is compared
 * with the candidate of item order[i], by looking up what was counted once. p = (1 +
 * #{null >= value}) / (1 + N). The same bits for any number of threads. Errors: BA_SHAPE;
 * BA_VALUE (k or a size of 0, a size over the number of candidates); BA_TOO_LARGE over the
 * memory of ctx; BA_CANCELLED; BA_NOMEM. The caller frees with ba_identified_free().
 * Cost: n_items n_candidates, about; with a test N n_items^2 / 2 pairs, up to 32 at a time.
 * Memory of a test: 11 bytes n_items^2, 8 more where candidates are not the items. */
BA_API int ba_identify(const ba_ctx_t *ctx, const ba_identification_t *problem,
    const ba_identify_opts_t *opts, ba_identified_t *out);
BA_API void ba_identified_free(ba_identified_t *identified);

/* What repeats of a measurement are compared with: each other one, or the mean of all
 * others. */
typedef enum { BA_AGAINST_ONE = 0, BA_AGAINST_OTHERS } ba_against_t;

/* Means over (ordered pairs of) repeats. */
typedef struct {
    size_t n_comparisons;
    double sum, single, strict, rank_accuracy, mrr, d_prime;
    double *top; /* n_top */
} ba_repeat_identification_t;

/* Identification of items from one repeat of a measurement in another: repeats[r] is
 * n_items x n_dims, item i of one belongs to item i of the other. What another
 * measurement with the same noise would reach in place of a prediction. It bounds nothing
 * strictly: noise is on both sides, so that predictions of the noise-free pattern may pass
 * it, and dimensions are weighed alike. BA_SHAPE, BA_NOMEM. The caller frees out->top with
 * ba_repeat_identification_free(). */
BA_API int ba_repeat_identification(const ba_ctx_t *ctx, ba_similarity_t kind,
    const ba_cdmat_t *repeats, size_t n_repeats, ba_against_t against,
    const ba_identify_opts_t *opts, ba_repeat_identification_t *out);
BA_API void ba_repeat_identification_free(ba_repeat_identification_t *out);

#ifdef __cplusplus
}
#endif

#endif
