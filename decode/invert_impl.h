/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What inverting and identifying share: an encoder with the data that it was fitted on,
 * the model of each fold in plain units, and its noise. */
#ifndef BA_DECODE_INVERT_IMPL_H
#define BA_DECODE_INVERT_IMPL_H

#include "brainalign/design.h"
#include "brainalign/encoder.h"
#include "brainalign/invert.h"
#include "datasets/provenance.h"

/* All matrices column-major. */
typedef struct {
    const ba_ctx_t *ctx;
    const ba_dataset_t *dataset;
    const ba_decode_model_opts_t *opts;
    ba_encoder_t *encoder;
    size_t n_samples;     /* before trimming */
    size_t n_features;    /* of all spaces, undelayed */
    double *features;     /* n_samples x n_features */
    ba_runs_t borders;    /* where delays stop */
    size_t *kept, n_kept; /* samples after trimming */
    size_t *run;          /* n_kept */
    int32_t *fold; /* n_kept: ordinal of the fold that held the row out, -1 = none */
    size_t n_folds;
    size_t gap;
    size_t *targets, n_targets; /* usable ones, numbered as in the file */
    double *responses;          /* n_kept x n_targets, prepared as for the fit */
    int *delays;                /* of the folds' models, whitened where asked for */
    size_t n_delays;
    ba_space_t *spaces; /* the columns of `features`, with their delays */
    int *space_delays;
    ba_design_t *design;
    double *shares;
    size_t n_shares;
    ba_input_files_t files; /* for the provenance: the encoder and what a verb adds */
    size_t bytes_held;      /* as planned: all but what is made of it: */
    size_t bytes_group;  /* what refits factorise for one group of targets; 0 = none, */
    size_t bytes_noise;  /* a covariance's matrices of rows, */
    size_t bytes_series; /* and the longest piece of responses inverted as one */
} ba_decoding_t;

/* Targets that a refit solves at a time. */
enum { BA_REFIT_TARGETS = 256 };

/* invert_memory.c: sets both, once the targets and rows are known. BA_TOO_LARGE. */
int ba_decoding_plan(ba_decoding_t *decoding) BA_MUST_USE;

/* Adds bytes that are held all through, of what with the rest. BA_TOO_LARGE. */
int ba_decoding_hold(ba_decoding_t *decoding, size_t bytes, const char *what) BA_MUST_USE;

/* How many of so many groups are solved at a time. */
size_t ba_decoding_groups(const ba_decoding_t *decoding, size_t n_groups);

/* Bytes of data, models and refits at the peak. */
size_t ba_decoding_bytes(const ba_decoding_t *decoding);

/* Reads data and residuals. Call ba_decoding_close() in any case. */
int ba_decoding_open(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_decode_model_opts_t *opts, ba_decoding_t *out) BA_MUST_USE;
void ba_decoding_close(ba_decoding_t *decoding);

/* invert_rows.c: features, checked by their fingerprints; kept rows with their runs and
 * folds, once the targets are known. */
int ba_decoding_features(ba_decoding_t *decoding) BA_MUST_USE;
int ba_decoding_rows(ba_decoding_t *decoding, ba_runs_t *runs) BA_MUST_USE;

/* The delayed design over the features, for refits. */
int ba_decoding_design(ba_decoding_t *decoding) BA_MUST_USE;

/* The model of a fold: y_t = offset + sum over delays d of W_d'x_(t - d), in units of the
 * features and the prepared responses. */
typedef struct {
    size_t n_delays, n_features; /* weights: n_delays x n_features rows, delay by delay */
    int *delays;
    size_t n_targets;
    double *weights; /* (n_delays n_features) x n_targets */
    double *offset;  /* n_targets */
} ba_fold_model_t;

/* fold: ordinal; SIZE_MAX = the final weights. All usable targets. */
int ba_fold_model_read(
    const ba_decoding_t *decoding, size_t fold, ba_fold_model_t *out) BA_MUST_USE;
void ba_fold_model_free(ba_fold_model_t *model);

/* Sets the delays of the folds' models. */
int ba_decoding_delays(ba_decoding_t *decoding) BA_MUST_USE;

/* Delayed features of kept rows, n x (n_delays n_features), zeros where a run has not
 * begun or is over. */
void ba_fold_model_design(const ba_decoding_t *decoding, const ba_fold_model_t *model,
    const size_t *rows, size_t n, double *out);

/* Keeps some targets only; voxels ascend. */
void ba_fold_model_select(ba_fold_model_t *model, const size_t *voxels, size_t n);

/* Folds that a fit leaves out with their gaps; the first says whose penalties hold. */
typedef struct {
    size_t fold[3], n;
} ba_left_out_t;

/* invert_refit.c: a ridge fit without some folds, of the usable targets `voxels`. */
int ba_fold_model_refit(const ba_decoding_t *decoding, const ba_left_out_t *left_out,
    const size_t *voxels, size_t n_voxels, ba_fold_model_t *out) BA_MUST_USE;

/* Non-zero when a row is within the gap of a row of the fold, in its run. */
int ba_decoding_is_near(const ba_decoding_t *decoding, size_t row, size_t fold);

/* What decodes some rows: some voxels, whitened in time where asked for. */
typedef struct {
    ba_left_out_t
        left_out; /* the fold of the rows, or that and one of its training folds */
    size_t *rows, n_rows;     /* kept rows that are decoded, ascending */
    size_t *train, n_train;   /* kept rows that noise and prior come from */
    size_t *voxels, n_voxels; /* places among the usable targets */
    double *ar;               /* n_voxels, NULL = no prewhitening */
    ba_fold_model_t model;    /* of these voxels, fitted on none of the rows */
    double *responses;        /* n_rows x n_voxels, less the offset */
    double *residuals;        /* n_residuals x n_voxels */
    int32_t *story;           /* n_residuals: fold of each */
    size_t n_residuals;
    double share, *share_scores; /* n_shares; NaN where none was chosen */
    ba_noise_t *noise;
    ba_inversion_t inversion;
} ba_fold_decoder_t;

/* Everything up to the sufficient statistics of the fold's responses. */
int ba_fold_decoder_make(
    const ba_decoding_t *decoding, size_t fold, ba_fold_decoder_t *out) BA_MUST_USE;
void ba_fold_decoder_free(ba_fold_decoder_t *decoder);

/* The same for one of its training folds, by the others and with its share: no row of
 * either fold has a part in it. Freed by a function of its own, whatever is returned. */
int ba_fold_decoder_part(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    size_t fold, ba_fold_decoder_t *out) BA_MUST_USE;
void ba_fold_decoder_part_free(ba_fold_decoder_t *part);

/* Residuals of the training rows, n_train x n_voxels, each of a fit without the folds
 * that are left out and its own. In sample: of the final weights. */
int ba_fold_residuals(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    double **out) BA_MUST_USE;

/* decoder->model is there: responses, and with decoder->ar the model too, are whitened,
 * and rows without a predecessor in their fold and run left out. */
int ba_fold_decoder_responses(
    const ba_decoding_t *decoding, ba_fold_decoder_t *decoder) BA_MUST_USE;

/* decoder->residuals and story from ba_fold_residuals(), which it takes over. */
int ba_fold_decoder_residuals(const ba_decoding_t *decoding, ba_fold_decoder_t *decoder,
    double *residuals) BA_MUST_USE;

/* decoder->ar from such residuals. */
int ba_fold_autocorrelation(const ba_decoding_t *decoding, ba_fold_decoder_t *decoder,
    const double *residuals) BA_MUST_USE;

/* Noise settings of this decoding with that share. story: of the residual rows, or
 * NULL. */
ba_noise_opts_t ba_decoding_noise(
    const ba_decoding_t *decoding, double share, const int32_t *story);

/* Rows that follow one another in one run: first, then the one after the last. */
size_t ba_decoding_stretch(
    const ba_decoding_t *decoding, const size_t *rows, size_t n, size_t first);

/* Time of a kept row in the run that its delays stop at, and that run's length. */
size_t ba_decoding_time(const ba_decoding_t *decoding, size_t row, size_t *run_length);

/* Adds the longest piece of responses that is made one system of, once the features are
 * known. BA_TOO_LARGE. */
int ba_decoding_plan_series(
    ba_decoding_t *decoding, const ba_decode_invert_opts_t *opts) BA_MUST_USE;

/* ---- what invert finds ---- */

/* A stretch of responses that was decoded in one piece. */
typedef struct {
    int64_t fold, run, first, n; /* first sample (before trimming) and number */
    double evidence;             /* NaN with a flat prior */
} ba_inverted_stretch_t;

/* C order, NaN where nothing was decoded. */
typedef struct {
    size_t n_samples, n_features, n_folds, n_shares;
    size_t *features;        /* n_features that are written, of all spaces' */
    int32_t *space;          /* of each */
    unsigned char *tells;    /* delays of the fold at hand: ba_inverted_delays() */
    double *mean, *variance; /* n_samples x n_features */
    int32_t *n_responses;    /* n_samples: held-out responses that tell of the sample */
    double *r_by_fold;       /* n_folds x n_features */
    ba_inverted_stretch_t *stretches;
    size_t n_stretches;
    double *share, *logdet, *prior_ar; /* n_folds */
    double *share_scores;              /* n_folds x n_shares */
    int64_t *n_residuals, *n_voxels, *prior_rank;
    size_t n_delayed;         /* delayed ones of the features, with BA_COMBINE_BLOCK */
    double *delayed_mean;     /* n_samples x n_delayed, NULL unless saved */
    double *delayed_variance; /* n_folds x n_delayed */
    double *evidence;         /* n_samples, with BA_COMBINE_BLOCK */
} ba_inverted_t;

/* invert_prior.c: the prior of a fold over features (BA_COMBINE_JOINT) or delayed ones,
 * and how it goes from one sample to the next. */
int ba_fold_prior(const ba_decoding_t *decoding, const ba_fold_decoder_t *decoder,
    const ba_decode_invert_opts_t *opts, ba_prior_t *out, double *ar) BA_MUST_USE;

/* What options say of the prior: BA_VALUE. What they say of spaces, and what is given in
 * files, which join those of the decoding: everything that ba_fold_prior() will read. */
int ba_inverted_check_prior(const ba_decode_invert_opts_t *opts) BA_MUST_USE;
int ba_decoding_check_prior(
    ba_decoding_t *decoding, const ba_decode_invert_opts_t *opts) BA_MUST_USE;

/* invert_spaces.c. Number of the space called so; BA_VALUE, naming the option. */
int ba_decoding_space(const ba_decoding_t *decoding, const char *option, const char *name,
    size_t *space) BA_MUST_USE;

/* found->n_features, features and space: those of the spaces that opts name. */
int ba_inverted_features(const ba_decoding_t *decoding,
    const ba_decode_invert_opts_t *opts, ba_inverted_t *found) BA_MUST_USE;

/* found->tells: 1 where a feature that is written has a weight at that delay. */
int ba_inverted_delays(ba_inverted_t *found, const ba_fold_model_t *model) BA_MUST_USE;

/* BA_VALUE where a space lacks a delay: without a prior nothing is known of it then. */
int ba_decoding_check_flat(const ba_decoding_t *decoding) BA_MUST_USE;

int ba_inverted_write_spaces(const ba_decoding_t *decoding, const ba_inverted_t *found,
    ba_bundle_t *bundle) BA_MUST_USE;

/* invert_file.c: found->r_by_fold of a fold. fold_of: of each sample. */
void ba_inverted_score(const ba_decoding_t *decoding, const int32_t *fold_of, size_t fold,
    ba_inverted_t *found);
int ba_inverted_write(const ba_decoding_t *decoding, const ba_decode_invert_opts_t *opts,
    const ba_inverted_t *found, ba_bundle_t *bundle) BA_MUST_USE;

/* Attributes and data sets that both results have: noise, targets, folds of rows. */
int ba_decoding_write(const ba_decoding_t *decoding, ba_bundle_t *bundle) BA_MUST_USE;

/* A whole matrix of numbers, column-major, for the caller to free. BA_NONFINITE. */
int ba_decoding_read_matrix(const ba_ctx_t *ctx, const char *spec, double **out,
    size_t *n_rows, size_t *n_cols) BA_MUST_USE;

#endif
