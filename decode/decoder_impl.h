/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit between its options and the fit. */
#ifndef BA_DECODE_DECODER_IMPL_H
#define BA_DECODE_DECODER_IMPL_H

#include "brainalign/bundle.h"
#include "brainalign/decode.h"
#include "datasets/provenance.h"
#include "datasets/regions.h"
#include "decode/decoder_study.h"
#include "fit/audit.h"
#include "model/neighbourhoods.h"

/* decoder_options.c: BA_VALUE, BA_UNSUPPORTED. */
int ba_decoder_check_options(
    const ba_dataset_t *dataset, const ba_decode_fit_opts_t *opts) BA_MUST_USE;

/* Reads the numbers of `spec`; NULL = every recorded sample by itself. is_left_out: runs
 * whose samples are in no block, NULL = none. BA_SHAPE: another number of rows, a block
 * over two runs. */
int ba_blocks_read(const ba_ctx_t *ctx, const char *spec, const ba_runs_t *runs,
    const unsigned char *is_left_out, ba_blocks_t *out) BA_MUST_USE;
void ba_blocks_free(ba_blocks_t *blocks);

/* Regions of response columns, and the columns that are in any of them. */
typedef struct {
    ba_regions_t list; /* members: places in `columns` */
    size_t *columns;   /* n_columns, ascending; NULL = all responses, without regions */
    size_t n_columns;
} ba_decoder_regions_t;

/* Those that opts name; without SPECs all columns. image: the grid of the responses, NULL =
 * none. */
int ba_decoder_regions_read(const ba_ctx_t *ctx, const ba_source_t *responses,
    const ba_image_t *image, const ba_decode_fit_opts_t *opts,
    ba_decoder_regions_t *out) BA_MUST_USE;
void ba_decoder_regions_free(ba_decoder_regions_t *regions);

/* The responses in memory, prepared within runs, as a design. */
typedef struct {
    size_t n_voxels, n_unusable;
    const size_t *columns;  /* n_voxels: response column of each, borrowed; NULL = its
                               number */
    unsigned char *is_used; /* n_voxels: 0 = holds a value that is not finite */
    int *lags;              /* n_lags: response delays as given */
    size_t n_lags;
    int *delays; /* those of the design */
    float *single;
    double *full; /* samples x columns; one of the two */
    ba_space_t space;
    ba_design_t *design;
} ba_decoder_inputs_t;

/* BA_TOO_LARGE before reading where the responses are over the memory of ctx. */
int ba_decoder_inputs_read(const ba_ctx_t *ctx, const ba_dataset_part_t *part,
    const ba_decode_fit_opts_t *opts, const ba_blocks_t *blocks,
    const ba_decoder_regions_t *regions, ba_decoder_inputs_t *out) BA_MUST_USE;
void ba_decoder_inputs_free(ba_decoder_inputs_t *inputs);

/* Bytes of the responses in memory. */
size_t ba_decoder_inputs_bytes(const ba_decoder_inputs_t *inputs, size_t n_samples);

/* What is decoded: n_samples x n_dims, column-major. */
typedef struct {
    size_t n_samples, n_dims;
    double *values;
    char **names;      /* n_dims in one block, NULL where they have none */
    int32_t *category; /* n_samples, NULL without labels */
} ba_decoder_targets_t;

int ba_decoder_targets_read(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const char *labels, const ba_blocks_t *blocks, ba_decoder_targets_t *out) BA_MUST_USE;

/* The categories of `labels` alone, without values. */
int ba_decoder_items_read(const ba_ctx_t *ctx, const char *labels, size_t n_recorded,
    const ba_blocks_t *blocks, ba_decoder_targets_t *out) BA_MUST_USE;
void ba_decoder_targets_free(ba_decoder_targets_t *targets);

/* What was decided about categories. */
typedef struct {
    int32_t *predicted; /* n_samples: the largest prediction, the first of equal ones;
                           -1 where there is none */
    int64_t *confusion; /* true x predicted */
    double accuracy;
    double *accuracy_by_fold;
    size_t n_decided;
} ba_decisions_t;

/* predictions: n_samples x n_dims in C order, NaN where a sample has none; fold: the
 * number of each sample's outer fold, -1 = none. */
int ba_decisions_make(const ba_decoder_targets_t *targets, const double *predictions,
    const int32_t *fold, size_t n_outer, ba_decisions_t *out) BA_MUST_USE;
void ba_decisions_free(ba_decisions_t *decisions);

/* Response columns of each fold, best first: n_sets x n, the last of the final fit. */
typedef struct {
    size_t n, n_sets;
    int32_t *columns; /* -1 after the last, where a fold has fewer */
    size_t n_scores;
    double *scores; /* n_sets x n_scores: of all columns, or of all regions */
    size_t n_regions;
    int32_t *regions; /* n_sets x n_regions, best first */
    int32_t *status;  /* n_sets x n_scores, of regions: ba_target_status_t */
} ba_chosen_t;

/* A call on its way. */
typedef struct {
    const ba_dataset_t *dataset;
    const ba_decode_fit_opts_t *opts;
    ba_study_t study;
    ba_common_t common;
    ba_blocks_t blocks;
    ba_decoder_regions_t regions;
    ba_decoder_inputs_t inputs;
    ba_decoder_targets_t targets;
    ba_decoder_targets_t items; /* category alone: of the samples, for the choice */
    ba_source_t *source;        /* of the targets */
    ba_fit_data_t data;
    ba_fit_opts_t fit;
    int32_t *cv_ids, *outer_ids;
    uint8_t *cv_sets;
    ba_input_files_t files; /* of folds, labels, blocks, items, positions, regions */
    ba_neighbourhoods_t neighbourhoods; /* of the response columns, for a searchlight */
    ba_chosen_t chosen;                 /* n = 0: all response columns */
    size_t choosing;                    /* bytes that the choice of columns takes */
} ba_decoder_job_t;

/* decoder_memory.c: what `held` bytes leave of the memory. */
ba_ctx_t ba_decoder_context(const ba_ctx_t *ctx, size_t held);

/* Bytes that are there while models are fitted, beside those that fits plan. */
size_t ba_decoder_held(const ba_decoder_job_t *job);

/* Sets job->choosing. BA_TOO_LARGE. */
int ba_decoder_plan_choice(const ba_ctx_t *ctx, ba_decoder_job_t *job) BA_MUST_USE;

/* Bytes at the peak, of which a fit plans `fit`. */
size_t ba_decoder_peak(const ba_decoder_job_t *job, size_t held, size_t fit);

/* Whether columns can be chosen with these settings; before the first choice. */
int ba_decoder_check_choice(const ba_ctx_t *ctx, ba_decoder_job_t *job) BA_MUST_USE;

/* Whether every fold has columns of its own. */
int ba_decoder_chooses(const ba_decode_fit_opts_t *opts);

/* Chooses response columns from the training rows of every outer fold. */
int ba_decoder_choose(const ba_ctx_t *ctx, ba_decoder_job_t *job) BA_MUST_USE;

/* Scores of all response columns by the measure that opts ask for, n_sets x n_voxels, for
 * the caller to free; n_sets = outer folds + 1. */
int ba_decoder_measure(const ba_ctx_t *ctx, const ba_decoder_job_t *job, double **scores,
    size_t *n_sets) BA_MUST_USE;
int ba_decoder_searchlight(const ba_ctx_t *ctx, const ba_decoder_job_t *job,
    double **scores, size_t *n_sets) BA_MUST_USE;

/* Bytes that these choices take beside what is held. BA_TOO_LARGE. */
int ba_decoder_searchlight_bytes(
    const ba_ctx_t *ctx, const ba_decoder_job_t *job, size_t *bytes) BA_MUST_USE;
int ba_decoder_encoding_bytes(
    const ba_ctx_t *ctx, const ba_decoder_job_t *job, size_t *bytes) BA_MUST_USE;
int ba_decoder_rois_bytes(
    const ba_ctx_t *ctx, const ba_decoder_job_t *job, size_t *bytes) BA_MUST_USE;

/* Finds job->neighbourhoods. BA_VALUE, BA_SHAPE, BA_NONFINITE. */
int ba_decoder_place(const ba_ctx_t *ctx, ba_decoder_job_t *job) BA_MUST_USE;

/* Whole regions by their inner scores: ba_decoder_choose() where opts ask for them. */
int ba_decoder_choose_regions(const ba_ctx_t *ctx, ba_decoder_job_t *job) BA_MUST_USE;

/* A line for each region that has no score in a fit. */
void ba_decoder_warn_regions(const ba_ctx_t *ctx, const ba_decoder_job_t *job);

/* Most columns that the best regions can have together. */
size_t ba_decoder_most_columns(const ba_decoder_job_t *job);

/* Inner scores of a fit: the largest over alphas, folds and then the final fit x targets,
 * for the caller to free. */
int ba_decoder_largest(const ba_fit_result_t *result, double **out) BA_MUST_USE;

/* Places of the n largest scores, equal ones by place. BA_SHAPE, naming the option and
 * what has scores, where fewer than n are defined. */
int ba_decoder_best(const double *scores, size_t n_scores, size_t n, const char *option,
    const char *what, int32_t *out) BA_MUST_USE;

/* Mean response of sample i over its delays. */
double ba_decoder_response(const ba_decoder_job_t *job, size_t voxel, size_t i);
void ba_chosen_free(ba_chosen_t *chosen);

/* Choice and fit of one outer fold alone (fit->only_fold), or of all and the final one. */
int ba_decoder_run(const ba_ctx_t *ctx, ba_decoder_job_t *job, const ba_fit_opts_t *fit,
    const ba_fit_sink_t *sink, ba_fit_result_t *result, ba_fit_info_t *info) BA_MUST_USE;

/* Makes a fit that of one set alone: an outer fold, or the final fit, which is the last. */
void ba_decoder_set_fit(size_t set, size_t n_sets, ba_fit_opts_t *fit);

/* The audit of a job that is open. */
size_t ba_decoder_audit_bytes(const ba_decoder_job_t *job); /* of what it copies */
int ba_decoder_audit(
    const ba_ctx_t *ctx, ba_decoder_job_t *job, ba_audit_t *out) BA_MUST_USE;

/* Chosen columns of the responses as a design of their own. */
typedef struct {
    float *single;
    double *full;
    ba_space_t space;
    ba_design_t *design;
} ba_decoder_part_t;

/* Those of one set, ascending whatever their rank, then zeros up to chosen.n. The space
 * must stay where it is. */
int ba_decoder_part_make(
    const ba_decoder_job_t *job, size_t set, ba_decoder_part_t *out) BA_MUST_USE;

/* The same of n columns that ascend, `width` with the zeros. */
int ba_decoder_part_of(const ba_decoder_job_t *job, const int32_t *columns, size_t n,
    size_t width, ba_decoder_part_t *out) BA_MUST_USE;
void ba_decoder_part_free(ba_decoder_part_t *part);

/* Categories by multinomial logistic regression, beside those by ridge. */
typedef struct {
    double *probability; /* n_samples x n_dims, C order; NaN where no fold holds it out */
    double *alpha, *gap; /* n_outer: penalty; certified distance of the objective from the
                            least one, as a share of it */
    ba_decisions_t decisions;
} ba_softmax_t;

/* result: of the ridge fit, whose splits serve; outer: fold of each sample. BA_SHAPE where
 * a training set lacks a category. */
int ba_softmax_run(const ba_ctx_t *ctx, const ba_decoder_job_t *job,
    const ba_fit_result_t *result, const int32_t *outer, ba_softmax_t *out) BA_MUST_USE;
void ba_softmax_free(ba_softmax_t *softmax);

/* Response columns of a model. */
size_t ba_decoder_n_columns(const ba_decoder_job_t *job);

/* The result file on its way. */
typedef struct {
    ba_bundle_t *bundle;
    const ba_decoder_job_t *job;
    ba_sink_t *weights, *fold_weights;
    double *predictions; /* n_samples x n_dims, C order */
    int32_t *fold;       /* n_samples: number of the outer fold, -1 = none */
} ba_decoder_file_t;

int ba_decoder_file_create(
    const ba_decoder_job_t *job, size_t n_outer, ba_decoder_file_t *out) BA_MUST_USE;
ba_fit_sink_t ba_decoder_file_sink(ba_decoder_file_t *file);
int ba_decoder_file_write(ba_decoder_file_t *file, const ba_fit_result_t *result,
    const ba_fit_info_t *info, const ba_decisions_t *decisions,
    const ba_softmax_t *softmax) BA_MUST_USE;
void ba_decoder_file_free(ba_decoder_file_t *file);

/* Codes of ba_target_status_t with their words. */
int ba_decoder_write_status(ba_bundle_t *bundle, const char *path, int rank,
    const size_t *dims, const int32_t *codes) BA_MUST_USE;

/* decoder_voxels_file.c */
int ba_decoder_voxels_write(ba_bundle_t *bundle, const ba_decoder_job_t *job) BA_MUST_USE;

/* Subjects, scores by subject, alignment. */
int ba_decoder_write_study(const ba_decoder_file_t *file, const ba_fit_result_t *result,
    const ba_decisions_t *decisions, const ba_softmax_t *softmax) BA_MUST_USE;

#endif
