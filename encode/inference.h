/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests, noise ceilings and increments of one fit: from its held-out predictions to what
 * stands in the result file. */
#ifndef BA_ENCODE_INFERENCE_H
#define BA_ENCODE_INFERENCE_H

#include "brainalign/bundle.h"
#include "encode/encoder_job.h"
#include "encode/kept.h"

/* A test of every target; n_targets each. maxima: info.n_permutations. */
typedef struct {
    ba_null_info_t info; /* n_permutations 0 = there was none */
    double widening;     /* of permuted scores, for folds of a cross-validation */
    double *observed, *p, *q, *p_fwe, *maxima;
} ba_test_t;

void ba_test_free(ba_test_t *test);

/* What was found. Arrays of n_targets, NULL where they were not asked for. */
typedef struct {
    size_t n_targets;
    ba_test_t r, increment;
    double *control_r, *control_r2, *increment_r2;
    double *ceiling, *r_normalized;
    double *r_one_repeat; /* ISC only: what is normalised */
    uint8_t *reason;
    char null_words[BA_INFERENCE_WORDS], ceiling_words[BA_INFERENCE_WORDS];
    char control_words[BA_INFERENCE_WORDS];
} ba_inference_t;

void ba_inference_free(ba_inference_t *inference);

/* ---- before the fit ---- */

/* Contradictions between the options, and with the data set: BA_VALUE, BA_SHAPE. */
int ba_inference_check(
    const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts) BA_MUST_USE;

/* The design of the control spaces alone, into job->control, where controls are named. */
int ba_inference_controls(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    ba_encode_job_t *job) BA_MUST_USE;

/* Adds work and memory to the plan of the fit, and says how fine the tests are. Errors:
 * those of ba_null_new(), BA_TOO_LARGE. */
int ba_inference_plan(const ba_ctx_t *ctx, const ba_encode_job_t *job,
    ba_encode_fit_info_t *info) BA_MUST_USE;

/* ---- the work ---- */

/* Between the start of a fit and the end of the inference. */
typedef struct {
    const ba_encode_job_t *job;
    ba_ctx_t ctx;      /* of fits: less what the kept predictions take */
    ba_fit_opts_t fit; /* of the fit at hand */
    plan_t plan;
    ba_null_t *null;
    int refits; /* 1 = the null is that of encoder_refit.c */
    ba_kept_t full, control;
    int in_memory;
    size_t n_threads; /* of the tests */
} ba_inferring_t;

/* Call ba_inferring_free() afterwards in any case. */
int ba_inferring_start(
    const ba_ctx_t *ctx, const ba_encode_job_t *job, ba_inferring_t *out) BA_MUST_USE;

/* What the fit is to send its weights and predictions to. */
ba_fit_sink_t ba_inferring_sink(ba_inferring_t *inferring, ba_fit_sink_t behind);

/* After the fit: fits the controls, tests, finds ceilings. */
int ba_inferring_finish(const ba_ctx_t *ctx, ba_inferring_t *inferring,
    const ba_fit_result_t *result, ba_inference_t *out) BA_MUST_USE;
void ba_inferring_free(ba_inferring_t *inferring);

/* ---- its parts ---- */

/* encoder_null.c: permutes the held-out predictions of all targets. `increment` NULL =
 * none. */
int ba_encode_null_make(
    const plan_t *plan, const ba_inference_opts_t *opts, ba_null_t **out) BA_MUST_USE;
double ba_encode_null_bytes(
    const plan_t *plan, const ba_inference_opts_t *opts, size_t n_threads);
int ba_encode_null(const ba_ctx_t *ctx, const ba_inferring_t *inferring,
    const ba_fit_result_t *result, ba_test_t *r, ba_test_t *increment) BA_MUST_USE;

/* Arrays for the results of a test. */
int ba_test_make(const ba_inferring_t *inferring, ba_null_statistic_t statistic,
    ba_test_t *test) BA_MUST_USE;

/* encoder_refit.c: fits surrogate responses anew. */
int ba_encode_refit_make(
    const plan_t *plan, const ba_inference_opts_t *opts, ba_null_t **out) BA_MUST_USE;
double ba_encode_refit_bytes(const plan_t *plan, size_t n_permutations);
int ba_encode_refit(const ba_ctx_t *ctx, const ba_inferring_t *inferring,
    const ba_fit_result_t *result, ba_inference_t *out) BA_MUST_USE;

/* encoder_ceiling.c: from the repeats of the test set, prepared like those that were
 * scored. */
double ba_encode_ceiling_bytes(const plan_t *plan);
int ba_encode_ceiling(const ba_ctx_t *ctx, const ba_inferring_t *inferring,
    const ba_fit_result_t *result, ba_inference_t *out) BA_MUST_USE;

/* encoder_increment.c: fits the controls with the same splits and keeps their predictions
 * where there are tests. */
int ba_encode_increment(ba_inferring_t *inferring, const ba_fit_result_t *result,
    ba_inference_t *out) BA_MUST_USE;

/* Mean difference of r2 over the folds in which both have one; n_targets. */
void ba_encode_mean_increment(
    const ba_fit_result_t *full, const ba_fit_result_t *control, double *out);

/* Options of the fit of the controls. */
ba_fit_opts_t ba_encode_control_opts(const ba_encode_job_t *job);

/* Reader of the responses that were scored, in double precision, `n_in_flight` tiles at a
 * time; with slabs, every repeat as well. status: n_targets zeros that stay until the tiles
 * are closed. */
tiles_opts_t ba_encode_scored_tiles(
    const plan_t *plan, size_t n_in_flight, int keep_slabs, int32_t *status);

/* ---- q and family-wise p ---- */

/* Values that differ by rounding alone are ties, as in the null distributions. */
#define BA_TEST_TIE 1e-11

int ba_test_correct(size_t n_targets, ba_test_t *test) BA_MUST_USE;

/* ---- the file ---- */

/* "cosine", "blocks:20", "refit:cosine". */
void ba_inference_null_words(
    const ba_null_opts_t *null, int refits, char words[BA_INFERENCE_WORDS]);

int ba_inference_write(const ba_encode_job_t *job, const ba_inference_t *inference,
    ba_bundle_t *bundle) BA_MUST_USE;

/* The test of r alone. */
int ba_inference_write_r(const ba_null_opts_t *null, const ba_inference_t *inference,
    ba_bundle_t *bundle) BA_MUST_USE;

/* What stands in a file; the caller frees. */
int ba_inference_load(
    const ba_bundle_t *bundle, size_t n_targets, ba_inference_t *out) BA_MUST_USE;

/* BA_NOMEM. */
int ba_inference_sum_up(
    const ba_inference_t *inference, ba_inference_info_t *info) BA_MUST_USE;

/* ---- joining shards ---- */

/* How the data sets of tests are joined: maxima by the larger, corrections by
 * recomputing. */
int ba_inference_is_maxima(const char *path);
int ba_inference_is_recomputed(const char *path);

/* Takes the maxima of a shard into `joined`, which starts as {0}. */
typedef struct {
    double *values[2];
    size_t n[2];
} ba_joined_maxima_t;
int ba_inference_join_maxima(const ba_bundle_t *shard, const char *path, size_t n,
    ba_joined_maxima_t *joined) BA_MUST_USE;

/* Writes maxima and corrections to the joined file, whose p values stand there. */
int ba_inference_join_finish(
    ba_bundle_t *out, size_t n_targets, ba_joined_maxima_t *joined) BA_MUST_USE;
void ba_joined_maxima_free(ba_joined_maxima_t *joined);

#endif
