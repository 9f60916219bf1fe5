/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A call of encode fit on its way: everything between the options and the fit, which
 * shards of one job share; and what is said about it. */
#ifndef BA_ENCODE_ENCODER_JOB_H
#define BA_ENCODE_ENCODER_JOB_H

#include "brainalign/encode.h"
#include "encode/encoder_work.h"
#include "encode/predictors.h"

/* The control spaces alone; designs borrow their spaces. */
typedef struct {
    ba_space_t *spaces, *test_spaces;
    ba_design_t *design, *test_design;
    double *gammas; /* candidates of banded ridge for these spaces */
    size_t n_gammas, n_spaces;
} ba_control_t;

struct ba_encode_job {
    ba_predictors_t train, test;
    ba_control_t control;
    ba_inference_opts_t inference;
    ba_fit_data_t data;
    ba_fit_opts_t fit;
    ba_detrend_opts_t detrend;
    int32_t *cv_ids, *outer_ids;
    uint8_t *cv_sets;
    double *gammas;
    char *id_files[4]; /* of fold ids and candidates, ends with NULL */
    ba_work_t work;
    int is_part; /* 1 = of a fit in shards, which gives its warnings itself */
};

/* Reads the features and settles the options. Call ba_encode_job_close() afterwards in any
 * case. */
int ba_encode_job_open(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_encode_job_t *job) BA_MUST_USE;
void ba_encode_job_close(ba_encode_job_t *job);

/* ba_encode_fit() with prepared responses that other fits share (NULL = its own). */
int ba_encode_fit_sharing(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_fit_responses_t *responses,
    ba_encode_fit_info_t *info) BA_MUST_USE;

/* What fitting the targets of job->fit would take. */
int ba_encode_job_plan(const ba_ctx_t *ctx, const ba_encode_job_t *job,
    ba_encode_fit_info_t *info) BA_MUST_USE;

/* Fits the targets of job->fit, the same as those of opts->fit, and writes opts->output,
 * with table and map. The caller frees *result. */
int ba_encode_job_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_encode_job_t *job, ba_fit_result_t *result,
    ba_encode_fit_info_t *info) BA_MUST_USE;

/* ---- encoder_warn.c ---- */

/* What is known to be odd before the fit, and after it. */
int ba_encode_warn_before(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_job_t *job) BA_MUST_USE;
int ba_encode_warn_after(const ba_ctx_t *ctx, const ba_fit_result_t *result,
    const ba_fit_info_t *info, int is_auto) BA_MUST_USE;

/* BA_SHAPE when rows of the fixed test set are rows of the training responses. */
int ba_encode_check_test(
    const ba_encode_job_t *job, const ba_fit_result_t *result) BA_MUST_USE;

/* Counts by status, means and the largest r. */
void ba_encode_sum_up(const ba_fit_result_t *result, ba_encode_fit_info_t *info);

#endif
