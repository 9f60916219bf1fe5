/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a fit has to say about its data and its result. */
#include "encode/encoder_job.h"
#include "encode/fingerprint.h"

#include "brainalign/version.h"

#include <math.h>

/* A test set that repeats the training stimulus misleads. */
static int
warn_repeated_stimulus(const ba_ctx_t *ctx, const ba_encode_job_t *job)
{
    int status = BA_OK;
    size_t n = 0, n_test;

    if (!job->data.test_design) {
        return BA_OK;
    }
    n_test = job->data.test_runs->n_samples;
    BA_TRY(ba_fingerprint_count(
        job->test.row_hash, n_test, job->train.row_hash, job->data.runs->n_samples, &n));
    if ((double) n > BA_COINCIDENCES * (double) n_test) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "%zu of %zu feature rows of the test set are training rows too: the scores "
            "are not "
            "of a new stimulus",
            n, n_test);
    }
out:
    return status;
}

int
ba_encode_warn_before(
    const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_encode_job_t *job)
{
    int status;
    double tr = job->detrend.tr;
    double header_tr = dataset->image ? ba_image_tr(dataset->image) : 0.0;

    if (dataset->n_spaces > 1 && !job->fit.bands.gammas) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "%zu feature spaces share one alpha; their scales decide between them",
            dataset->n_spaces);
    }
    if (tr > 30.0) {
        ba_ctx_log(
            ctx, BA_LOG_WARNING, "tr: %g seconds a sample; were milliseconds meant?", tr);
    }
    if (header_tr > 0.0 && tr > 0.0 && fabs(header_tr - tr) > 0.01 * header_tr) {
        ba_ctx_log(ctx, BA_LOG_WARNING, "tr: %g s given, the image header says %g s", tr,
            header_tr);
    }
    BA_TRY(warn_repeated_stimulus(ctx, job));
out:
    return status;
}

/* Response rows that stand in more than one outer fold: the same recording given twice.
 */
static int
warn_duplicates(const ba_ctx_t *ctx, const ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t n = 0;

    if (result->n_targets < 2 || result->n_outer < 2) {
        return BA_OK;
    }
    BA_TRY(ba_fingerprint_duplicates(
        result->target_hash, result->outer_fold, result->n_samples, &n));
    if (n > 0) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "%zu response rows stand in more than one outer fold: is a recording given "
            "twice?",
            n);
    }
out:
    return status;
}

int
ba_encode_warn_after(const ba_ctx_t *ctx, const ba_fit_result_t *result,
    const ba_fit_info_t *info, int is_auto)
{
    static const char *const why[] = {
#define STATUS_NAME(name, value, words) words,
        BA_TARGET_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    };
    int status;
    double edges = info->edge_low + info->edge_high;

    BA_TRY(warn_duplicates(ctx, result));
    if (ba_version_blas_is_pinned()) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "the BLAS runs its %s kernels, below what this CPU can do: same numbers, "
            "slower "
            "(is OPENBLAS_CORETYPE set?)",
            ba_version_blas_core());
    }
    if (edges > 0.05) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "alphas: of the targets with a positive inner score %.1f %% chose the "
            "smallest (%g) "
            "and %.1f %% the largest alpha (%g)%s",
            100 * info->edge_low, result->alphas[0], 100 * info->edge_high,
            result->alphas[result->n_alphas - 1],
            is_auto ? "" : "; a wider grid would serve them better");
    }
    for (int32_t code = 1; code < (int32_t) (sizeof why / sizeof *why); code++) {
        size_t n = 0;

        for (size_t t = 0; t < result->n_targets; t++) {
            n += result->status[t] == code;
        }
        if (n > 0 && code != BA_TARGET_NO_TEST) {
            ba_ctx_log(ctx, BA_LOG_WARNING, "%zu of %zu targets have no score: %s", n,
                result->n_targets, why[code]);
        }
    }
out:
    return status;
}

int
ba_encode_check_test(const ba_encode_job_t *job, const ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t n = 0;

    if (!job->data.test_design || result->n_targets < 2) {
        return BA_OK;
    }
    BA_TRY(ba_fingerprint_count(result->test_target_hash, job->data.test_runs->n_samples,
        result->target_hash, result->n_samples, &n));
    if (n > 0) {
        BA_TRY(ba_fail(BA_SHAPE,
            "%s: %zu rows of the test set are rows of the training responses, wanted new "
            "ones",
            ba_source_name(job->data.test_targets), n));
    }
out:
    return status;
}

void
ba_encode_sum_up(const ba_fit_result_t *result, ba_encode_fit_info_t *info)
{
    double sum_r = 0.0, sum_r2 = 0.0;

    info->n_outer = result->n_outer;
    info->max_r = NAN;
    for (size_t t = 0; t < result->n_targets; t++) {
        info->n_status[result->status[t]]++;
        if (result->status[t] != BA_TARGET_SCORED) {
            continue;
        }
        info->n_scored++;
        sum_r += result->r[t];
        sum_r2 += result->r2[t];
        if (!(result->r[t] <= info->max_r)) {
            info->max_r = result->r[t];
            info->max_r_target = result->target_start + t;
        }
    }
    info->mean_r = info->n_scored ? sum_r / (double) info->n_scored : (double) NAN;
    info->mean_r2 = info->n_scored ? sum_r2 / (double) info->n_scored : (double) NAN;
}
