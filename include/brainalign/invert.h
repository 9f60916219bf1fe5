/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fitted encoder turned round: features from responses, and which candidate a response
 * belongs to. Rows that an outer fold held out are decoded by the weights of that
 * fold. */
#ifndef BRAINALIGN_INVERT_H
#define BRAINALIGN_INVERT_H

#include "brainalign/ctx.h"
#include "brainalign/dataset.h"
#include "brainalign/inversion.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The model and its noise, the same for both calls. Pointers are borrowed. */
typedef struct {
    const char *encoder; /* of encode fit, with fold weights */
    ba_noise_kind_t noise;
    ba_shrink_t target;
    double share; /* NaN = chosen by identification within the training folds */
    int ledoit_wolf;
    int normalise_folds;  /* residuals of each fold divided by their mean variance */
    size_t noise_rank;    /* BA_NOISE_LOW_RANK */
    const double *shares; /* to choose from, descending; NULL = the default grid */
    size_t n_shares;
    int prewhiten;   /* AR(1) of each voxel taken out of responses and model */
    size_t n_voxels; /* the best scores in the other folds, 0 = all */
    ba_precision_t precision;
    int in_sample; /* all rows by the final weights; the output says so */
} ba_decode_model_opts_t;

typedef enum {
    BA_COMBINE_JOINT = 0, /* one posterior of the whole feature series of a stretch */
    BA_COMBINE_BLOCK /* a posterior of the delayed features for each response alone */
} ba_combine_t;

typedef struct {
    ba_decode_model_opts_t model;
    ba_combine_t combine;
    int flat_prior; /* BLUE, with BA_COMBINE_BLOCK */
    /* SPECs of a given prior, in units of the features: mean (n_features numbers), and
     * one of covariance and factor (n_features rows); NULL = from the training features.
     * Of delayed features with BA_COMBINE_BLOCK. */
    const char *prior_mean, *prior_covariance, *prior_factor;
    int prior_by_space; /* 1 = features of different spaces are independent a priori: the
                           covariance of each from its training features */
    /* n_prior_spaces "NAME=SPEC": the covariance of a space instead, with prior_by_space
     * implied; its mean is that of the training features unless prior_mean is given. */
    const char *const *prior_spaces;
    size_t n_prior_spaces;
    double prior_ridge; /* added to variances, as a share of their mean (of a space) */
    size_t prior_rank;  /* principal components kept (of each space), 0 = all */
    double prior_ar; /* from one sample to the next; NaN = from the training features */
    /* Names of spaces whose features are written; n_spaces 0 = all. All spaces of the
     * encoder are inverted together: what is written is the marginal posterior. */
    const char *const *spaces;
    size_t n_spaces;
    int save_delayed;
    const char *output;
    int force, dry_run;
    int argc; /* for the provenance */
    const char *const *argv;
} ba_decode_invert_opts_t;

typedef struct {
    size_t n_folds, n_voxels, n_decoded;
    size_t n_features, n_spaces; /* written; of the encoder */
    double mean_r; /* over features, of held-out means and the features themselves */
    double least_share, largest_share;
    size_t bytes_planned; /* of data, models and refits at the peak */
} ba_decode_invert_info_t;

/* Decodes and writes `opts->output`. dataset: features and responses of the fit. Errors:
 * BA_MISSING (no fold weights: says how they are saved), BA_SHAPE (data of another fit, a
 * prior of another size), BA_VALUE, BA_NUMERIC, BA_TOO_LARGE, BA_UNSUPPORTED (features by
 * components, or z-scored per run), those of reading. */
BA_API int ba_decode_invert(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_decode_invert_opts_t *opts, ba_decode_invert_info_t *info);

typedef struct {
    ba_decode_model_opts_t model;
    size_t segment;      /* responses of an item, at least 1 */
    const char *gallery; /* SPEC: candidates x features, or candidates x times x features;
                              NULL = the held-out items themselves */
    const char *truth;   /* SPEC: candidate from 0 of each item, with a gallery */
    const char *log_prior; /* SPEC: a number for each candidate of the gallery */
    int by_correlation;    /* ranks go by correlation instead of likelihood */
    size_t n_top;
    int save_evidence; /* the whole cumulative log likelihood */
    const char *output, *table;
    int force, dry_run;
    int argc;
    const char *const *argv;
} ba_decode_identify_opts_t;

typedef struct {
    size_t n_folds, n_items, n_candidates, n_voxels;
    double rank_accuracy, top1; /* NaN without a truth */
    double correlation_rank_accuracy, two_v_two;
    double least_share, largest_share;
    size_t bytes_planned; /* of data, models and refits at the peak */
} ba_decode_identify_info_t;

/* Identifies and writes `opts->output`. Errors as above; BA_SHAPE: fewer than two
 * candidates. */
BA_API int ba_decode_identify(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_decode_identify_opts_t *opts, ba_decode_identify_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
