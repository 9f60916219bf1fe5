/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Null distributions of scores between fixed predictions and responses that are both
 * autocorrelated, target by target, and their maxima over targets.
 *
 * All targets are permuted alike, so that dependence between targets stays as it is:
 * maxima of tiles and of shards can be joined (ba_maxima_merge()). Permutation b depends
 * on the seed, the folds and b alone. Bits depend on no number of threads, and on tiles
 * only through the place of a target in its tile: tiles start at multiples of
 * BA_NULL_TILE of the absolute target index. */
#ifndef BRAINALIGN_NULL_H
#define BRAINALIGN_NULL_H

#include "brainalign/ctx.h"
#include "brainalign/error.h"
#include "brainalign/matrix.h"
#include "brainalign/runs.h"
#include "brainalign/significance.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is done to the predictions of a fold, within each of its runs.
 *
 * COSINE: random signs of the coefficients of the discrete cosine transform (and of the
 *   differences between the means of runs). The amplitude spectrum stays exactly as it
 *   is, and no end is joined to a beginning. Holds its level at any autocorrelation that
 *   was tried: the default.
 * CIRCULAR: each run shifted in a circle by a number of samples of its own. Holds its
 *   level only with min_shift 0: without the small shifts the null lacks the values that
 *   resemble the observed one.
 * BLOCKS: blocks of `block` samples change places; what is left at the end of a run
 *   stays. Too liberal unless blocks are many times longer than the autocorrelation.
 * PHASE: random phases of the Fourier transform. Slightly liberal where slow changes do
 *   not fit the circle. */
typedef enum {
    BA_NULL_COSINE = 0,
    BA_NULL_CIRCULAR,
    BA_NULL_BLOCKS,
    BA_NULL_PHASE
} ba_null_kind_t;

typedef struct {
    ba_null_kind_t kind;
    size_t n_permutations;
    size_t min_shift; /* CIRCULAR: the smallest shift in either direction, in samples; 0 =
                         all shifts, none included */
    size_t block;     /* BLOCKS: samples */
    uint64_t seed;
    int is_crossed; /* 1 = the folds are those of one cross-validation. A fold's prediction
                       comes from the responses of the others, so that scores of folds are
                       correlated when nothing is predicted: permuted scores are widened
                       by sqrt(2), the most that takes. No change for one fold. */
} ba_null_opts_t;

/* COSINE, 1,000 permutations, all shifts, blocks of 20, seed 0. */
BA_API ba_null_opts_t ba_null_opts_default(void);

/* What a score of a target is: the mean over its folds, where defined, of
 *
 * R: Pearson's r of prediction and response;
 * R2: 1 - SSE / SST. Within one fold its p is that of r (a permutation keeps mean and
 *   deviation of the prediction); over several folds, and its maxima, are its own;
 * INCREMENT: the difference of r2 between a prediction and a baseline prediction. Its
 *   null exchanges the two. COSINE: random signs of the coefficients of prediction minus
 *   baseline; BLOCKS: random signs of the summed differences of squared errors of each
 *   block. Others: BA_UNSUPPORTED. For models that predict equally well; for one inside
 *   the other that adds nothing it is conservative, since noise costs r2. */
typedef enum { BA_NULL_R = 0, BA_NULL_R2, BA_NULL_INCREMENT } ba_null_statistic_t;

/* How fine a null distribution is. */
typedef struct {
    size_t n_permutations; /* asked for; all other shifts where there are fewer */
    double n_distinct;     /* different orders, the observed one included; INFINITY when
                              countless */
    double smallest_p;     /* that the test can give */
} ba_null_info_t;

typedef struct ba_null ba_null_t;

/* Draws the permutations of n_folds folds. folds[f]: the runs (uninterrupted stretches)
 * of the samples of fold f in the order in which predictions and responses are given;
 * copied. CIRCULAR takes every shift once where there are no more than asked for. Errors:
 * BA_VALUE for options; BA_SHAPE where a fold allows no other order (no run of twice the
 * smallest shift, fewer than 2 blocks); BA_TOO_LARGE beyond 1,024 blocks in a run;
 * BA_NOMEM. Memory: a byte per permutation and sample. */
BA_API int ba_null_new(
    const ba_null_opts_t *opts, const ba_runs_t *folds, size_t n_folds, ba_null_t **out);
BA_API void ba_null_free(ba_null_t *null);

BA_API ba_null_info_t ba_null_info(const ba_null_t *null, ba_null_statistic_t statistic);

/* Permutation `index` of the samples of a fold, explicitly, for refits and tests:
 * permuted[t], n_samples of the fold. BA_VALUE for an index or fold that is not there;
 * BA_NOMEM. */
BA_API int ba_null_permute(const ba_null_t *null, size_t fold, size_t index,
    const double *series, double *permuted);

/* The same for many series of a fold, whose transforms are made once: n_samples x
 * n_series. One thread at a time. permuted: the same shape. BA_VALUE, BA_SHAPE, BA_NOMEM. */
typedef struct ba_null_series ba_null_series_t;

BA_API int ba_null_series_new(
    const ba_null_t *null, size_t fold, ba_cdmat_t series, ba_null_series_t **out);
BA_API void ba_null_series_free(ba_null_series_t *series);
BA_API int ba_null_series_permute(
    ba_null_series_t *series, size_t index, ba_dmat_t permuted);

/* Targets of a tile. */
#define BA_NULL_TILE 256

/* One fold of some targets: n_samples x n_targets each. baseline: INCREMENT only. */
typedef struct {
    ba_cdmat_t responses, predictions, baseline;
} ba_null_fold_t;

/* observed, p: n_targets, NaN where the score is undefined in every fold. maxima:
 * n_permutations (of ba_null_info()). */
typedef struct {
    double *observed, *p, *maxima;
} ba_null_result_t;

/* Everything at once, for responses in memory: folds in the order of ba_null_new(). On
 * the threads of ctx. BA_SHAPE, BA_UNSUPPORTED, BA_CANCELLED, BA_NOMEM.
 * Cost per target and fold of n samples: about 2 n n_permutations flops, and 4 n^2 (or
 * n log n, for runs of more than 1,024 samples) for the transforms; BLOCKS: n / block
 * additions per permutation after 2 n^2 / block flops. */
BA_API int ba_null_test(const ba_ctx_t *ctx, const ba_null_t *null,
    ba_null_statistic_t statistic, const ba_null_fold_t *folds, ba_tail_t tail,
    const ba_null_result_t *result);

/* The same tile by tile: begin, add every fold, finish; then begin the next. A tile
 * belongs to one thread. */
typedef struct ba_null_tile ba_null_tile_t;

/* BA_NOMEM. Memory: 2 kB for each permutation and 12 kB for each sample of the longest
 * fold. */
BA_API int ba_null_tile_new(const ba_null_t *null, ba_null_tile_t **out);
BA_API void ba_null_tile_free(ba_null_tile_t *tile);

/* BA_UNSUPPORTED; BA_VALUE for more targets than a tile has. */
BA_API int ba_null_tile_begin(
    ba_null_tile_t *tile, ba_null_statistic_t statistic, size_t n_targets);

/* BA_SHAPE when the matrices do not fit the fold. Allocates nothing. */
BA_API int ba_null_tile_add(
    ba_null_tile_t *tile, size_t fold, const ba_null_fold_t *data);

/* Writes observed and p of the tile's targets and raises maxima, which start from
 * -INFINITY. */
BA_API void ba_null_tile_finish(
    ba_null_tile_t *tile, ba_tail_t tail, const ba_null_result_t *result);

/* The null distribution of one target of a tile that was finished, n_permutations (of
 * ba_null_info()) scores, until the tile begins again; NULL where the score is undefined.
 * Means of these over targets are the null distribution of the mean: all targets are
 * permuted alike. Borrowed. */
BA_API const double *ba_null_tile_values(const ba_null_tile_t *tile, size_t target);

#ifdef __cplusplus
}
#endif

#endif
