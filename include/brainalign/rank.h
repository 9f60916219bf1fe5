/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which neurons tell of which concept: every method that needs activations and labels
 * only. */
#ifndef BRAINALIGN_RANK_H
#define BRAINALIGN_RANK_H

#include "brainalign/probing.h"
#include "brainalign/ranking.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which end of a neuron's activations counts. */
typedef enum {
    BA_RANK_POSITIVE, /* high where the concept is */
    BA_RANK_NEGATIVE, /* low where the concept is */
    BA_RANK_EITHER    /* the better of the two */
} ba_rank_direction_t;

/* Three programs that are in use differ in two details of the Gaussian probe; in all of
 * them the prior counts every neuron, whatever the set. */
typedef enum {
    BA_GAUSSIAN_MARGINAL, /* prior scatter over N, prior of the set alone, scored on the
                             test tokens */
    BA_GAUSSIAN_AUTHORS,  /* over N, scored on the test tokens */
    BA_GAUSSIAN_PITFALLS, /* over N - 1, scored on the test tokens */
    BA_GAUSSIAN_NEUROX    /* over N - 1, scored on the training tokens */
} ba_gaussian_variant_t;

typedef enum { BA_HALVES_TYPES, BA_HALVES_SENTENCES } ba_halves_by_t;

typedef struct {
    const char *method;
    int zscore; /* of every neuron on the training tokens; 0 = as they are */
    ba_rank_direction_t direction;
    const double *quantiles; /* iou: n_quantiles of 0 <= q < 1; the score is the best */
    size_t n_quantiles;
    size_t n_bins;       /* mi: quantile bins */
    size_t n_neighbours; /* mi: by nearest neighbours instead, 0 = by bins */
    ba_gaussian_variant_t gaussian;
    size_t n_picks; /* gaussian: neurons to pick */
    const ba_probing_opts_t
        *probe;            /* lca: how the probe is made; output, table and inputs
                                       are not looked at, NULL = its defaults */
    size_t n_bootstrap;    /* lca: draws of word types, else sentences, for stability: the
                           share of them in which a neuron has a weight (0 = none) */
    size_t n_permutations; /* of labels over word types, 0 = no test */
    size_t min_stratum;    /* least word types in a stratum of frequency */
    int token_p;           /* p that takes tokens for independent, where there is one */
    size_t n_halves;       /* random halvings of the training tokens, 0 = none */
    ba_halves_by_t halves_by;
    int sorted_scores; /* methods that sort: keep average precision and AUROC besides */
    double mass;       /* share of the score's mass whose neurons are counted */
    size_t null_top;   /* neurons to keep of the order under every permutation (0 = none):
                        what ba_rank_null_save() writes */
} ba_rank_opts_t;

/* ap, z-scored, positive, best IoU at .5, .9, .99 and .995, 10 bins, marginal,
 * 50 picks, no permutations, strata of 4 types, 1 halving by types, mass .5. */
BA_API ba_rank_opts_t ba_rank_opts_default(void);

/* Name of method i and what it ranks by, in words; NULL past the last. */
BA_API const char *ba_rank_method_name(size_t i);
BA_API const char *ba_rank_method_words(size_t i);

typedef struct {
    ba_activations_t *activations;
    const ba_concepts_t *concepts;
    const ba_token_split_t *split; /* scores are of the training tokens */
} ba_rank_data_t;

/* Thresholds at which expert units are counted: .5, .501, .. 1. */
#define BA_EXPERT_STEPS 501

/* What is found besides the ranking. Matrices are n_concepts x n_neurons, row by row,
 * like the ranking's, "*" included; NULL where there is no such thing. */
typedef struct {
    size_t n_neurons, n_concepts, n_train, n_test, n_dropped;
    size_t *n_positive;      /* n_concepts: training tokens that carry it */
    size_t *n_positive_test; /* n_concepts: test tokens */
    ba_word_class_t *classes;
    double *chance;      /* n_concepts: score of a neuron that tells nothing */
    size_t *n_undefined; /* n_concepts: neurons without a score */
    double *test;        /* the same score on the test tokens */
    double *p_fwe;       /* family-wise over neurons, from the maxima of permutations */
    double *token_p;     /* tokens taken for independent */
    double *ap, *auroc;  /* with sorted_scores */
    double *halves;      /* n_concepts: Spearman correlation over neurons of the scores in
                            the two halves, mean over halvings */
    int halves_by_tokens; /* 1 = neither types nor sentences were known */
    size_t n_permutations, n_types, n_strata;
    size_t n_fixed; /* word types that are alone in their stratum: never exchanged */
    double *on_p50, *on_p90, *off_mean; /* expert: raw activation on tokens of the concept
                                           (percentiles) and off (mean) */
    size_t *n_experts; /* expert: n_concepts x BA_EXPERT_STEPS neurons whose average
                          precision is above the threshold */
    size_t n_picks;    /* gaussian */
    size_t *pick;      /* n_picks neurons in the order of picking */
    double *bits;   /* n_picks: mutual information of the first 1 .. n_picks, in bits */
    double *nmi;    /* the same over the entropy of the labels */
    double entropy; /* of the labels that were scored, in bits */
    size_t n_layers;
    size_t n_top;       /* neurons at the top that are counted by layer */
    size_t *layer_top;  /* n_concepts x n_layers: of the n_top best */
    double *layer_mass; /* n_concepts x n_layers: share of the excess over chance */
    size_t *n_holding;  /* n_concepts: fewest neurons that hold `mass` of the excess */
    double mass;
    size_t null_top;
    uint32_t
        *null_order; /* n_concepts x n_permutations x null_top: the best neurons under
                             each permutation, UINT32_MAX where fewer have a score */
} ba_rank_report_t;

/* Ranks neurons for concepts by one of the methods of docs/methods.md. Neurons are read in
 * blocks under the budget of ctx (all at once for gaussian), every one is sorted once for
 * all concepts and labellings; the same bits for any number of threads. opts NULL = the
 * defaults; report may be NULL. The caller frees both. Errors: those of
 * ba_activations_read(); BA_VALUE (unknown method: the nearest; an option that the method
 * has no use for), BA_SHAPE (labels with one class, no word types to permute over, no
 * tokens to score), BA_TOO_LARGE. Cost per neuron: a sort of n tokens, and a pass over
 * them for every labelling (permutations, halves, test). */
BA_API int ba_neurons_rank(const ba_ctx_t *ctx, const ba_rank_data_t *data,
    const ba_rank_opts_t *opts, ba_ranking_t **out, ba_rank_report_t **report);

/* Checks all that can be checked before activations are read, and computes nothing. */
BA_API int ba_neurons_rank_check(
    const ba_ctx_t *ctx, const ba_rank_data_t *data, const ba_rank_opts_t *opts);
BA_API void ba_rank_report_free(ba_rank_report_t *report);

/* Where a ranking goes, and what stands in its provenance. */
typedef struct {
    const char *file;
    int force;
    int argc;
    const char *const *argv;
    const char *const *inputs; /* files that were read, ends with NULL */
} ba_rank_save_t;

/* The ranking and its report as HDF5 (docs/formats.md). BA_EXISTS, BA_IO. */
BA_API int ba_rank_save(const ba_ctx_t *ctx, const ba_ranking_t *ranking,
    const ba_rank_report_t *report, const ba_rank_save_t *save);

/* The neurons that every permutation of the labels puts first, for neurons align
 * (docs/formats.md). BA_VALUE without null_top; BA_EXISTS, BA_IO. */
BA_API int ba_rank_null_save(const ba_ctx_t *ctx, const ba_ranking_t *ranking,
    const ba_rank_report_t *report, const ba_rank_save_t *save);

#ifdef __cplusplus
}
#endif

#endif
