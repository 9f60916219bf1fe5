/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How neurons of several models relate, and how those of one group together: results as
 * files. The mathematics is in similarity.h and cluster.h. */
#ifndef BRAINALIGN_STRUCTURE_H
#define BRAINALIGN_STRUCTURE_H

#include "brainalign/cluster.h"
#include "brainalign/ranking.h"
#include "brainalign/similarity.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is compared. Bits of ba_crossmodel_opts_t.what. */
enum {
    BA_COMPARE_CORR = 1,   /* MaxCorr and MinCorr of each neuron */
    BA_COMPARE_LINREG = 2, /* of each neuron */
    BA_COMPARE_SVCCA = 4,
    BA_COMPARE_PWCCA = 8,
    BA_COMPARE_CKA = 16, /* biased and debiased */
    BA_COMPARE_RSA = 32,
    BA_COMPARE_ALL = 63
};

/* What the neurons of one model are. */
typedef enum {
    BA_MODEL_DEFAULT = 0, /* components where there are several, else layers */
    BA_MODEL_COMPONENT,
    BA_MODEL_LAYER /* each layer of each component */
} ba_model_by_t;

typedef struct {
    ba_activations_t *activations; /* of all models, side by side */
    ba_model_by_t by;
    unsigned what; /* BA_COMPARE_ALL */
    ba_similarity_opts_t similarity;
    ba_dissimilarity_t dissimilarity;
    size_t rsa_tokens; /* most tokens of RSA, evenly spaced among all (2,000) */
    const char *output;
    const char *table, *pairs; /* TSV: neurons, pairs of models; NULL = none */
    const char *ranking;       /* ranking table whose concepts are maxcorr, mincorr and
                                  linreg, as far as asked for; NULL = none */
    int force, dry_run;
    int argc;
    const char *const *argv;
} ba_crossmodel_opts_t;

BA_API ba_crossmodel_opts_t ba_crossmodel_opts_default(void);

typedef struct {
    size_t n_models, n_tokens, n_neurons;
    size_t n_full; /* models whose rank leaves nothing to predict: LinReg is 1 */
    double least_cka, most_cka; /* of different models, NaN where not asked for */
} ba_crossmodel_info_t;

/* Errors: BA_SHAPE (fewer than two models or layers, tokens differ), BA_NONFINITE,
 * BA_TOO_LARGE (the activations twice do not fit the budget), those of writing. Cost:
 * that of what is asked for (similarity.h). */
BA_API int ba_neurons_compare(
    const ba_ctx_t *ctx, const ba_crossmodel_opts_t *opts, ba_crossmodel_info_t *info);

typedef struct {
    const char *const *files; /* n_files ranking tables */
    const char *const *names; /* n_files, what they are called; NULL = by their methods */
    size_t n_files;
    const char *concept; /* NULL = every concept that all tables have */
    size_t top;          /* neurons compared (50) */
    size_t depth;        /* neurons that get Borda points (100) */
    const char *output;
    const char *table; /* TSV; NULL = none */
    int force, dry_run;
    int argc;
    const char *const *argv;
} ba_agreement_opts_t;

BA_API ba_agreement_opts_t ba_agreement_opts_default(void);

typedef struct {
    size_t n_methods, n_concepts, n_neurons;
    double overlap, vote, spearman; /* means over concepts and methods or pairs */
} ba_agreement_info_t;

/* Agreement of ranking tables, concept by concept. Errors: BA_SHAPE (fewer than two
 * tables, tables of different neurons, no concept in common), BA_MISSING (no such
 * concept), BA_VALUE, those of ba_ranking_read(). */
BA_API int ba_neurons_agree(
    const ba_ctx_t *ctx, const ba_agreement_opts_t *opts, ba_agreement_info_t *info);

typedef struct {
    ba_activations_t *activations;
    const size_t *only; /* n_only neurons (their places, ascending); NULL = all */
    size_t n_only;
    ba_cluster_opts_t cluster;
    int factors; /* 1 = nonnegative factors of max(x, 0) instead of clusters */
    ba_nmf_opts_t nmf;
    const char *output;
    const char *table;           /* TSV of neurons; NULL = none */
    const char *representatives; /* list of neurons, one each; NULL = none */
    int force, dry_run;
    int argc;
    const char *const *argv;
} ba_grouping_opts_t;

BA_API ba_grouping_opts_t ba_grouping_opts_default(void);

typedef struct {
    size_t n_tokens, n_neurons, n_groups, n_alone, n_constant, largest;
    double stability; /* mean over clusters of more than one neuron, or over factors */
    double error;     /* of the factors: |x - wh| / |x| */
} ba_grouping_info_t;

/* Clusters or factors of the neurons on all tokens. Errors: those of ba_neurons_cluster(),
 * ba_nmf(), reading and writing; BA_SHAPE where all neurons are constant. */
BA_API int ba_neurons_group(
    const ba_ctx_t *ctx, const ba_grouping_opts_t *opts, ba_grouping_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
