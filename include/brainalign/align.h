/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons and the brain: what every neuron contributes to an encoder's held-out scores. */
#ifndef BRAINALIGN_ALIGN_H
#define BRAINALIGN_ALIGN_H

#include "brainalign/dataset.h"
#include "brainalign/ranking.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sets of neurons that are made without a list. */
typedef enum { BA_SETS_NONE, BA_SETS_LAYERS, BA_SETS_COMPONENTS } ba_sets_by_t;
/* Neurons of a stratum have a component and a layer in common, and the bin (decile)
 * of their deviation over the encoder's samples. */
typedef enum { BA_STRATA_LAYER_VARIANCE, BA_STRATA_LAYER, BA_STRATA_NONE } ba_strata_t;

/* Encoder file of a further subject who heard the same stimulus, and its data set, whose
 * features are not looked at. */
typedef struct {
    const char *encoder;
    const ba_dataset_t *dataset;
} ba_align_other_t;

typedef struct {
    const char *encoder;            /* encoder file, fitted with outer folds */
    const ba_dataset_t *dataset;    /* what it was fitted on */
    const ba_align_other_t *others; /* n_others: their targets stand after its own */
    size_t n_others;
    const char *const
        *controls; /* n_controls feature spaces whose columns are no neurons:
                                    they stay in every refit */
    size_t n_controls;
    size_t layer_size;   /* columns of a layer within a feature space, 0 = one layer */
    const char *regions; /* table without header, one label a target; NULL = none */
    const char *output, *table,
        *ranking; /* align.h5; neurons.tsv and ranking, NULL = none */
    int save_folds;
    const char *const *sets; /* n_sets lists of neurons, "NAME=FILE" or "FILE" */
    size_t n_sets;
    ba_sets_by_t sets_by;    /* besides */
    int shapley;             /* values of the sets, which must be apart and at most 12 */
    const char *set_table;   /* NULL = none */
    const char *elimination; /* table of backward eliminations, NULL = none are done */
    const char *map; /* NIfTI maps of delta_r2, FILE-NAME.nii.gz for each set and concept;
                        needs image responses or a mask; NULL = none */
    double tolerance; /* share of r2 that a minimal set may lack */
    /* concepts: rankings of neurons on other text, "[NAME=]FILE"; NAME goes in front of the
     * concepts as NAME:CONCEPT */
    const char *const *rankings;
    size_t n_rankings;
    const char *const *concepts; /* n_concepts to look at, NULL = all but "*" */
    size_t n_concepts;
    const char *const *label_nulls; /* "[NAME=]FILE" of ba_rank_null_save() of rankings */
    size_t n_label_nulls;
    size_t top; /* neurons of a concept, and of a region; 0 = a twentieth, at least 5 */
    ba_strata_t strata; /* within which sets are matched and overlaps expected */
    size_t n_bins;      /* of variance, as many neurons in each; 0 = 10 */
    size_t n_matched;   /* random sets for each concept, 0 = none */
    size_t n_exchanges; /* of two concepts' neurons for double dissociations, 0 = none */
    const size_t *tops; /* n_tops of a sweep of the overlap, NULL = top / 4 to 4 top */
    size_t n_tops;
    int naive_overlap;                              /* p without strata beside */
    const char *concept_table, *dissociation_table; /* NULL = none */
    /* subjects who heard the same stimulus: moves of the responses for all alike, 0 = none;
     * a table without header, one label a target, NULL = each encoder is a subject */
    size_t n_moves;
    const char *subjects, *group_table; /* group_table: NULL = none */
    int force, dry_run;
    int argc; /* full argument list for the provenance */
    const char *const *argv;
} ba_align_opts_t;

typedef struct {
    size_t n_neurons, n_controls, n_targets, n_scored, n_folds, n_regions;
    size_t n_alphas;      /* penalties that were worked at, over all folds */
    double difference;    /* largest between r2 of the refits and of the encoder file */
    double mean_delta_r2; /* over neurons and scored targets */
    double stability;     /* mean rank correlation of two folds' scores, all targets */
    size_t n_significant; /* neurons with q < 0.05, all targets */
    size_t n_sets;
    size_t n_minimal; /* neurons of the minimal set of all targets */
    size_t n_concepts, top;
    size_t n_found[3]; /* concept x region with q < .05: drop against matched sets and
                          against permuted labels, overlap */
    size_t n_dissociations; /* with q < .05 */
    size_t n_subjects,
        n_group[3]; /* of a group: sets x regions with p < .05, q < .05, and
                                      p < .05 of t over subjects */
} ba_align_info_t;

/* Refits the encoder in every outer fold of its /splits at its /best_alphas_by_fold and
 * writes, as means over the folds where defined, n_neurons x n_targets each: /delta_r2 and
 * /delta_r (whole model less the refit without the neuron and all its delays, at the same
 * penalty), /zero_out_r2, /product_r2, /alone_r, and for all targets and each region what
 * neurons are worth and how far the folds agree: /brain, the table and the ranking. With
 * sets of neurons, what they add together: /sets. With an elimination, a minimal set of
 * neurons for each region: /elimination. With rankings, what the neurons of each concept add
 * together, against matched random sets and permuted labels, and their overlap with the
 * neurons that add most (docs/methods.md, Concepts and the brain). With moves, what sets and
 * concepts add over subjects, against the stimulus that these share: /group (docs/methods.md,
 * Groups of subjects). Neurons are the features
 * of all spaces that are no controls, side by side. Errors: BA_SHAPE (other features, targets
 * or scores than the encoder has, a neuron in two sets of Shapley values, rankings of other
 * neurons, sets without another that matches), BA_MISSING (no outer folds, no such concept),
 * BA_UNSUPPORTED (principal components, features z-scored per run), BA_VALUE, BA_EXISTS,
 * BA_TOO_LARGE. Memory: responses, a factorisation, results of as many targets at a time as
 * fit, and a number for every set of a concept and target; the same bits whatever their
 * number. */
BA_API int ba_neurons_align(
    const ba_ctx_t *ctx, const ba_align_opts_t *opts, ba_align_info_t *info);

/* What neurons are ranked by: mean delta_r2 (with its p and q; stability: share of folds
 * in which it is above 0), share of targets where it is above 0, r of the neuron alone,
 * norm of its weights, how many neurons went before it in a backward elimination. */
typedef enum {
    BA_BRAIN_DELTA_R2,
    BA_BRAIN_POSITIVE,
    BA_BRAIN_ALONE_R,
    BA_BRAIN_WEIGHT_NORM,
    BA_BRAIN_ELIMINATION
} ba_brain_by_t;

/* A ranking (method "brain") for all targets ("*") and each region out of a file of
 * ba_neurons_align(). Errors: those of ba_bundle_open(). The caller frees. */
BA_API int ba_align_ranking_read(const char *file, ba_brain_by_t by, ba_ranking_t **out);

#ifdef __cplusplus
}
#endif

#endif
