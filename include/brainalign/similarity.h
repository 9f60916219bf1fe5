/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Similarity of representations: neurons and spaces of several models, layers or seeds on
 * the same tokens, and agreement of rankings of neurons. */
#ifndef BRAINALIGN_SIMILARITY_H
#define BRAINALIGN_SIMILARITY_H

#include "brainalign/ctx.h"
#include "brainalign/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A model is tokens x neurons, all of the same tokens. What stands per neuron has those of
 * the first model first. A neuron without variance correlates 0 with everything. */

/* Of each neuron: the best |r| with a neuron of another model, its largest and smallest
 * over the other models (MaxCorr, MinCorr; Bau et al. 2019); best (NULL = not asked for):
 * n_all x n_models, row by row, the best |r| in each model (NaN in its own), partner: the
 * neuron of that model it belongs to (lowest index on ties, UINT32_MAX in its own).
 * BA_SHAPE (tokens differ, fewer than 2 models), BA_NOMEM. Cost: tokens x pairs of neurons
 * of different models. */
BA_API int ba_similarity_correlation(const ba_ctx_t *ctx, const ba_cdmat_t *models,
    size_t n_models, double *most, double *least, double *best, uint32_t *partner);

/* How a model is taken to a basis. */
typedef struct {
    double cut;      /* singular values at most this times the largest are none (1e-10) */
    double variance; /* SVCCA: directions with less than this share of the sum of squared
                        singular values before and with them are kept (0.99) */
    size_t more;     /* SVCCA: so many directions more (0; 1 reaches the share) */
    int centre;      /* 1 = neurons about their means (1) */
} ba_similarity_opts_t;

BA_API ba_similarity_opts_t ba_similarity_opts_default(void);

/* LinReg: the correlation of each z-scored neuron with its least-squares prediction from
 * all neurons of another model, sqrt(R^2), the smallest over the other models; rank
 * (n_models): directions that count by opts->cut. A model whose rank reaches tokens - 1
 * predicts everything: read it beside the rank. BA_SHAPE, BA_NUMERIC, BA_NOMEM. Cost: one
 * singular value decomposition a model. */
BA_API int ba_similarity_linreg(const ba_ctx_t *ctx, const ba_cdmat_t *models,
    size_t n_models, const ba_similarity_opts_t *opts, double *least, size_t *rank);

/* Similarities of spaces, n_models x n_models, symmetric but for pwcca (row: the model
 * whose neurons weigh). Members that are NULL are not computed. */
typedef struct {
    double *svcca;        /* mean canonical correlation of the kept directions */
    double *svcca_kept;   /* directions that correlations were made of */
    double *pwcca;        /* mean over all directions, weighted by what they carry of the
                             neurons (Morcos et al. 2018) */
    double *cka;          /* linear CKA (Kornblith et al. 2019) */
    double *cka_debiased; /* the same from unbiased estimates (Song et al. 2012); centred
                             by itself */
} ba_similarity_spaces_t;

/* BA_SHAPE, BA_NUMERIC, BA_NOMEM. Debiased CKA of fewer than 4 tokens is NaN. Cost: one
 * singular value decomposition a model, and tokens x neurons x neurons a pair. */
BA_API int ba_similarity_spaces(const ba_ctx_t *ctx, const ba_cdmat_t *models,
    size_t n_models, const ba_similarity_opts_t *opts, ba_similarity_spaces_t *out);

/* Canonical correlations of two models under SVCCA, descending: *out (*n of them) is the
 * caller's to free(). */
BA_API int ba_similarity_svcca(const ba_ctx_t *ctx, ba_cdmat_t a, ba_cdmat_t b,
    const ba_similarity_opts_t *opts, double **out, size_t *n);

/* What the dissimilarity of two tokens is: 1 - r over neurons, 1 - cosine, or the squared
 * distance. */
typedef enum {
    BA_DISSIMILARITY_CORRELATION = 0,
    BA_DISSIMILARITY_COSINE,
    BA_DISSIMILARITY_EUCLIDEAN
} ba_dissimilarity_t;

/* Representational similarity (Kriegeskorte et al. 2008): Spearman's correlation of the
 * dissimilarities of all pairs of tokens between models, n_models x n_models. tokens: the
 * n_tokens rows to use, NULL = the first n_tokens. A token without variance (or norm) is 1
 * from every other. BA_SHAPE (fewer than 3 tokens), BA_NOMEM. Memory: 8 n_models
 * n_tokens^2 / 2 bytes. */
BA_API int ba_similarity_rsa(const ba_ctx_t *ctx, const ba_cdmat_t *models,
    size_t n_models, ba_dissimilarity_t kind, const size_t *tokens, size_t n_tokens,
    double *rho);

/* Spearman's correlation and Kendall's tau-b of two lists of numbers; ties take their mean
 * rank. A pair with a NaN is left out; NaN where a list is constant or shorter than 2.
 * BA_NOMEM. Cost: n log n. */
BA_API int ba_spearman(const double *a, const double *b, size_t n, double *rho);
BA_API int ba_kendall(const double *a, const double *b, size_t n, double *tau);

/* Agreement of n_methods rankings of n neurons; orders: of each, its neurons best first.
 * Of each method: overlap: mean Jaccard index of its first `top` with those of every other
 * method; vote: Jaccard index of its first `top` with the first `top` by the Borda sum of
 * the other methods, in which each gives its first neuron `depth` points, the next one
 * less, and so on to 1 (Fan et al. 2023: depth 100); ties to the lowest neuron. pairs: the
 * Jaccard indices, n_methods x n_methods. borda: n, the sum over all methods. Any may be
 * NULL. BA_VALUE (top of 0 or above n), BA_SHAPE (fewer than 2 methods), BA_NOMEM. */
BA_API int ba_ranking_agreement(const uint32_t *const *orders, size_t n_methods, size_t n,
    size_t top, size_t depth, double *overlap, double *vote, double *pairs,
    double *borda);

#ifdef __cplusplus
}
#endif

#endif
