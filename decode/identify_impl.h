/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Items, candidates and what was found of them. */
#ifndef BA_DECODE_IDENTIFY_IMPL_H
#define BA_DECODE_IDENTIFY_IMPL_H

#include "decode/invert_impl.h"

/* What a fold's items are compared with. Candidate c at the item's response number i is
 * row base[c] + i * step of `rows`. */
typedef struct {
    size_t n;     /* candidates */
    size_t step;  /* 0: one row serves all times */
    size_t *base; /* n */
    double *rows; /* n_rows x (n_delays n_features) of the fold's model */
    size_t n_rows;
} ba_gallery_t;

/* Candidates that were given, in memory; n = 0 without. */
typedef struct {
    size_t n, n_times; /* 1 = static */
    double *features;  /* (n n_times) x n_features, times of a candidate together */
    double *log_prior; /* n, zeros unless given */
    int64_t *truth;    /* n_truth items; NULL = unknown */
    size_t n_truth;
} ba_candidates_t;

int ba_candidates_read(const ba_decoding_t *decoding,
    const ba_decode_identify_opts_t *opts, ba_candidates_t *out) BA_MUST_USE;
void ba_candidates_free(ba_candidates_t *candidates);

/* The gallery of given candidates under a model: their delayed features. */
int ba_candidates_gallery(const ba_candidates_t *candidates, const ba_fold_model_t *model,
    ba_gallery_t *out) BA_MUST_USE;
void ba_gallery_free(ba_gallery_t *gallery);

/* One item: consecutive responses of a fold. */
typedef struct {
    int64_t fold, run, first;         /* first sample, before trimming */
    int64_t truth;                    /* candidate from 0, -1 = unknown */
    double rank, r_rank;              /* from 1, mid-rank of ties; NaN without truth */
    double log_likelihood, posterior; /* of the truth */
    size_t n_candidates;              /* that it was compared with */
} ba_item_t;

/* One fold's comparisons: n items x n candidates, item by item. */
typedef struct {
    size_t first_item, n_items, first_candidate, n_candidates;
    double *likelihood, *correlation;
    double *score;      /* likelihood + log prior, or correlation: what top goes by */
    double *cumulative; /* n_items x segment x n_candidates, NULL unless saved */
} ba_comparison_t;

typedef struct {
    size_t n_items, n_columns, segment, n_top, n_folds;
    ba_item_t *items;
    ba_comparison_t *folds;
    int64_t *top;                       /* n_items x n_top, -1 = none */
    double *top_posterior;              /* n_items x n_top */
    double *time_posterior, *time_rank; /* n_items x segment, of the truth */
    double *share, *share_scores;       /* n_folds, n_folds x n_shares */
    int64_t *n_voxels, *n_residuals;    /* n_folds */
    double rank_accuracy, top1, r_rank_accuracy, two_v_two;
} ba_identified_t;

/* identify_compare.c: fills out->likelihood (and cumulative) and out->correlation. row0:
 * first row of each item among the decoder's; length: responses of an item. */
int ba_compare_likelihood(const ba_decoding_t *decoding, size_t length,
    const ba_fold_decoder_t *decoder, const size_t *row0, const ba_gallery_t *gallery,
    ba_comparison_t *out) BA_MUST_USE;
int ba_compare_correlation(const ba_decoding_t *decoding, size_t length,
    const ba_fold_decoder_t *decoder, const size_t *row0, const ba_gallery_t *gallery,
    ba_comparison_t *out) BA_MUST_USE;

/* identify_score.c: accuracies, over items with a truth. is_own: items are each other's
 * candidates. */
void ba_identified_score(
    ba_identified_t *found, int is_own, ba_decode_identify_info_t *info);

/* identify_file.c: the result file, and the table where there is a name for one. */
int ba_identified_write(const ba_decoding_t *decoding,
    const ba_decode_identify_opts_t *opts, const ba_identified_t *found,
    ba_bundle_t *bundle) BA_MUST_USE;
int ba_identified_table(
    const ba_decode_identify_opts_t *opts, const ba_identified_t *found) BA_MUST_USE;

#endif
