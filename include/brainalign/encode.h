/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Encoding models: features predict responses, voxel by voxel. */
#ifndef BRAINALIGN_ENCODE_H
#define BRAINALIGN_ENCODE_H

#include "brainalign/audit.h"
#include "brainalign/dataset.h"
#include "brainalign/fit.h"
#include "brainalign/inference.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Settings of `encode fit` beyond those of the data set. */
typedef struct {
    ba_fit_opts_t fit;               /* gaps are set by gap_inner and gap_outer below */
    const char *delays;              /* "1,2,3,4"; needed */
    const char *const *space_delays; /* "NAME:LIST", overrides `delays` for one space */
    size_t n_space_delays;
    const char *const *pca; /* principal components in place of features, fitted on the
                               training rows of each fit: "K" for every space that has no
                               "NAME=K" of its own; K = 0: the features themselves */
    size_t n_pca;
    int delay_across_runs;
    double
        tr; /* seconds per sample, 0 = not given (then an image's own is NOT trusted) */
    const char *detrend; /* "none", "poly:D", "savgol:SECONDS"; NULL = none */
    long gap_inner,
        gap_outer; /* samples; -1 = default: 0 with delays of 0 only, else the larger of
                      the largest delay and 16 s where tr is given */
    const char
        *bands; /* penalties of feature spaces: a number of candidates, drawn by the
                          seed of the context; file:SPEC, n_candidates x n_spaces; deltas:SPEC,
                          the same as log(gamma / alpha); NULL = one penalty for all. Rounds
                          of refinement and sharing stand in fit.bands */
    const char *output; /* result file */
    const char *table;  /* scores.tsv, NULL = none */
    const char *map;    /* NIfTI map of r, NULL = none; needs image responses or a mask */
    int force;
    int dry_run; /* check and plan only; nothing is written */
    int audit;   /* 1 = the audit of ba_audit_t first, and nothing unless it finds the
                    pipeline clean (BA_NUMERIC) */
    int argc;    /* full argument list for the provenance */
    const char *const *argv;
    const char *preset; /* what a preset has set, for the provenance; NULL = nothing */
    /* Whole tiles of targets instead of fit.target_start and target_stop: shard number
     * `shard` of n_shards, from 1; with shard = 0 all n_shards of them one after the
     * other, each committed as OUTPUT.shards/K-of-N.h5, then joined. 0 of 0 = one piece. */
    size_t shard, n_shards;
    ba_inference_opts_t inference;
    int resume; /* 1 = what the same work has finished before is not done again; where
                   neither range nor shards are given, their number is chosen */
} ba_encode_fit_opts_t;

BA_API ba_encode_fit_opts_t ba_encode_fit_opts_default(void);

/* A short account for the person who ran it. */
typedef struct {
    ba_fit_info_t fit;
    size_t n_samples, n_used, n_columns, n_targets, n_outer, n_scored;
    size_t n_status[8];   /* targets by status code */
    double mean_r, max_r; /* over scored targets; NaN where there are no scores */
    size_t max_r_target;
    double mean_r2;
    double seconds;
    size_t peak_bytes;  /* resident memory at its peak */
    size_t n_shards;    /* that the work was, or would be, done in; 0 = one piece */
    size_t n_resumed;   /* of them finished before */
    double flops_shard; /* planned for the largest shard */
    int was_complete;   /* 1 = the result stood there already, of the same work */
    ba_inference_info_t inference;
    ba_audit_t audit; /* with audit */
} ba_encode_fit_info_t;

/* Fits and writes the result file, table and map; all or nothing appears under their
 * names, and with several shards finished ones stay for opts->resume. Errors: those of
 * opening, ba_fit_run(), writing; BA_SHAPE: with resume, a file of other work; BA_EXISTS:
 * an output, or without resume and force the folder of the shards. */
BA_API int ba_encode_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_encode_fit_info_t *info);

/* Targets of shard number `shard` of n_shards, from 1, half open: with T tiles of BA_TILE
 * targets the tiles T (shard - 1) / n_shards to T shard / n_shards. BA_VALUE: more shards
 * than tiles, or no such number. */
BA_API int ba_encode_shard(
    size_t n_targets, size_t shard, size_t n_shards, size_t *start, size_t *stop);

/* Settings of joining shards. */
typedef struct {
    const char *const *files; /* n_files encoder files, in any order */
    size_t n_files;
    const char *output;
    const char *table; /* scores.tsv, NULL = none */
    int force;
    int dry_run; /* check only; nothing is written */
    int argc;
    const char *const *argv;
} ba_encoder_merge_opts_t;

/* Joins shards of one job, made with whatever ranges, to the file that a fit of all
 * targets would have written, the same to the last bit outside /provenance. `info` (may
 * be NULL) receives the account of the scores. Errors: BA_FORMAT (no complete encoder
 * file), BA_SHAPE (other work; targets that are missing or stand in two files: named;
 * files that differ where they may not), BA_EXISTS, BA_IO. Takes little memory; cost: one
 * reading and one writing of all. */
BA_API int ba_encoder_merge(
    const ba_ctx_t *ctx, const ba_encoder_merge_opts_t *opts, ba_encode_fit_info_t *info);

/* A trim that is taken from the encoder file. */
#define BA_AS_IN_FIT SIZE_MAX

/* Settings shared by predict and score. */
typedef struct {
    const char *encoder; /* encoder file */
    const char *output;
    const char *table;   /* score: scores.tsv, NULL = none */
    const char *map;     /* score: NIfTI map of r */
    const char *detrend; /* score: NULL = as in the fit */
    double tr;
    size_t trim_first,
        trim_last;   /* score: trim_first BA_AS_IN_FIT = both as in the fit */
    int zscore_runs; /* score: z-score responses per run, 1 yes, 0 no, -1 as in the fit
                        (-1) */
    int in_sample; /* 1 = score rows even where the encoder was fitted on them; the output
                      says so */
    ba_null_opts_t null; /* score: test of r; n_permutations 0 = none */
    int force;
    int argc;
    const char *const *argv;
} ba_encode_apply_opts_t;

/* What came of scoring. */
typedef struct {
    double mean_r;                 /* over scored targets; NaN where there are none */
    ba_inference_info_t inference; /* the test of r */
} ba_encode_score_info_t;

/* Predicts responses for the data set's features (its responses may be absent) with the
 * final weights: /predictions, n_samples x n_targets, in the units of the fitted
 * responses. Errors: BA_SHAPE (spaces or features that do not match: both named). */
BA_API int ba_encode_predict(
    const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_encode_apply_opts_t *opts);

/* Scores predictions against the data set's responses (repeats averaged): /scores/r,
 * /scores/r2 as in encode fit. BA_SHAPE when rows are known by fingerprint to be rows the
 * encoder was fitted on, unless in_sample. With opts->null the predictions are permuted
 * within their runs, as those of a fixed test set in encode fit: the same p for the same
 * model, samples and seed. info may be NULL. */
BA_API int ba_encode_score(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_apply_opts_t *opts, ba_encode_score_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
