/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups of neurons: clusters of correlation, and nonnegative factors. */
#ifndef BRAINALIGN_CLUSTER_H
#define BRAINALIGN_CLUSTER_H

#include "brainalign/ctx.h"
#include "brainalign/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int is_signed;      /* distance 1 - r instead of 1 - |r| (0) */
    double cut;         /* clusters are what merges at this distance or below (0.5); not
                           looked at where n_clusters is given */
    size_t n_clusters;  /* 0 = by the cut */
    size_t n_bootstrap; /* draws of tokens for the stability (0) */
    size_t block;       /* tokens in a row that are drawn together (20) */
    uint64_t seed;
} ba_cluster_opts_t;

BA_API ba_cluster_opts_t ba_cluster_opts_default(void);

typedef struct {
    size_t n_neurons, n_clusters;
    uint32_t *label;          /* n_neurons: clusters are numbered by their first member */
    size_t *size;             /* n_clusters */
    uint32_t *representative; /* n_clusters: the member with the highest mean |r| (r where
                                 signed) with the others, lowest index on ties */
    double *mean_r;           /* n_clusters: that mean; NaN of a neuron alone */
    double *stability;        /* n_clusters: mean over the draws of the best Jaccard index
                                 with a cluster of the draw (Hennig 2007); NULL without */
    double *height;           /* n_neurons - 1: distances of the merges, ascending */
    uint32_t *merge; /* 2 (n_neurons - 1): what each joined; n_neurons + i = merge i */
} ba_clusters_t;

/* Average linkage of neurons (columns of x, tokens x neurons) by nearest-neighbour chains.
 * A neuron without variance correlates 0 with everything. The caller frees. BA_VALUE (more
 * clusters than neurons, cut below 0), BA_SHAPE (fewer than 2 tokens, no neurons),
 * BA_NONFINITE (names the neuron), BA_TOO_LARGE (the correlations do not fit the budget of
 * ctx). Cost: tokens x neurons^2 for the correlations, neurons^2 for the tree, for each
 * draw again. Memory: 8 neurons^2 + 8 tokens x neurons. */
BA_API int ba_neurons_cluster(const ba_ctx_t *ctx, ba_cdmat_t x,
    const ba_cluster_opts_t *opts, ba_clusters_t **out);
BA_API void ba_clusters_free(ba_clusters_t *clusters);

/* x (n x p, not negative) ~ w h: multiplicative updates (Lee and Seung 2001) of w, then h,
 * from what stands in w (n x rank) and h (rank x p), all column-major. objective
 * (n_rounds, may be NULL): half the squared error after each round. Ends early where a
 * round lowers it by less than tolerance times that of the first (0 = never); *n_done
 * rounds were run. A zero denominator becomes 2^-23. BA_VALUE (a negative number), BA_SHAPE,
 * BA_NOMEM. Cost: 4 n p rank a round. */
BA_API int ba_nmf_run(const ba_ctx_t *ctx, ba_cdmat_t x, size_t rank, size_t n_rounds,
    double tolerance, double *w, double *h, double *objective, size_t *n_done);

typedef struct {
    size_t rank;      /* factors (10) */
    size_t n_rounds;  /* 200 */
    double tolerance; /* 1e-5 */
    size_t n_seeds;   /* starts (5): the best is kept, the others tell its stability */
    uint64_t seed;
} ba_nmf_opts_t;

BA_API ba_nmf_opts_t ba_nmf_opts_default(void);

typedef struct {
    size_t n_rows, n_cols, rank, n_seeds, best, *n_rounds; /* n_seeds */
    double *w, *h;     /* of the best start; columns of w have norm 1 */
    double *error;     /* n_seeds: |x - wh| / |x| */
    double *stability; /* rank: mean over the other starts of the cosine of h's row with
                          the row it is matched with; NULL with one start */
} ba_nmf_t;

/* From random starts |N(0, 1)| sqrt(mean / rank). Factors are in order of the sum of
 * squares that they make. Rows are matched greedily by their cosine. */
BA_API int ba_nmf(
    const ba_ctx_t *ctx, ba_cdmat_t x, const ba_nmf_opts_t *opts, ba_nmf_t **out);
BA_API void ba_nmf_free(ba_nmf_t *nmf);

#ifdef __cplusplus
}
#endif

#endif
