/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode fit: from an opened data set to a result file. */
#include "encode/encoder_audit.h"
#include "encode/encoder_bands.h"
#include "encode/encoder_file.h"
#include "encode/encoder_job.h"
#include "encode/encoder_scores.h"
#include "encode/encoder_shards.h"
#include "encode/inference.h"

#include "core/resource.h"
#include "datasets/provenance.h"
#include "fit/audit.h"
#include "fit/fit_file.h"

ba_encode_fit_opts_t
ba_encode_fit_opts_default(void)
{
    return (ba_encode_fit_opts_t){.fit = ba_fit_opts_default(),
        .gap_inner = -1,
        .gap_outer = -1,
        .inference = ba_inference_opts_default()};
}

static int
write_outputs(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    const ba_encode_job_t *job, const ba_provenance_t *provenance,
    const ba_fit_result_t *result, const ba_inference_t *inference,
    const ba_fit_info_t *info, ba_encoder_file_t *file)
{
    int status = BA_OK;
    ba_score_outputs_t outputs = {NULL, NULL};
    ba_score_columns_t columns = ba_encoder_scores_columns(result, inference);

    BA_TRY(ba_score_outputs_make(
        dataset, &columns, opts->table, opts->map, opts->force, &outputs));
    BA_TRY(
        ba_encoder_file_write(file, dataset, opts, &job->fit, &job->train, result, info));
    BA_TRY(ba_inference_write(job, inference, file->bundle));
    BA_TRY(ba_provenance_write(
        provenance, dataset, (const char *const *) job->id_files, file->bundle));
    BA_TRY(ba_bundle_attr_string(file->bundle, "/provenance", "work", job->work.text));
    if (opts->preset) {
        BA_TRY(
            ba_bundle_attr_string(file->bundle, "/provenance", "preset", opts->preset));
    }
    BA_TRY(ba_bundle_commit(file->bundle));
    BA_TRY(ba_score_outputs_commit(&outputs));
out:
    ba_score_outputs_free(&outputs);
    return status;
}

int
ba_encode_job_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_encode_job_t *job, ba_fit_result_t *result,
    ba_encode_fit_info_t *info)
{
    int status = BA_OK;
    ba_provenance_t provenance = ba_provenance_start(ctx, opts->argc, opts->argv);
    ba_encoder_file_t file = {0};
    ba_fit_sink_t sink;
    size_t features = ba_predictors_bytes(&job->train, job->data.runs->n_samples);
    size_t n_rows =
        dataset->test.n_samples ? dataset->test.n_samples : dataset->train.n_samples;
    size_t n_folds = 0;
    ba_inferring_t inferring = {0};
    ba_inference_t inference = {0};

    *result = (ba_fit_result_t){0};
    BA_TRY(ba_inferring_start(ctx, job, &inferring));
    if (job->fit.want_fold_weights && !job->data.test_design) {
        BA_TRY(ba_fit_n_outer(&job->data, &job->fit, &n_folds));
    }
    BA_TRY(ba_encoder_file_create(
        opts, job->train.design, n_rows, info->n_targets, n_folds, &file));
    sink = ba_inferring_sink(&inferring, ba_encoder_file_sink(&file));
    BA_TRY(ba_fit_run(
        &inferring.ctx, &job->data, &inferring.fit, &sink, result, &info->fit));
    info->fit.bytes_planned += features;
    BA_TRY(ba_encode_check_test(job, result));
    ba_fit_log(ctx, &info->fit);
    if (!job->is_part) {
        ba_encode_bands_note(ctx, dataset, result);
        BA_TRY(ba_encode_warn_after(ctx, result, &info->fit, opts->fit.alphas.n == 0));
    }
    BA_TRY(ba_inferring_finish(ctx, &inferring, result, &inference));
    BA_TRY(ba_inference_sum_up(&inference, &info->inference));
    BA_TRY(write_outputs(
        dataset, opts, job, &provenance, result, &inference, &info->fit, &file));
out:
    ba_inference_free(&inference);
    ba_inferring_free(&inferring);
    ba_encoder_file_close(&file);
    ba_bundle_free(file.bundle);
    return status;
}

static int
fit_in_one(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_encode_job_t *job,
    ba_encode_fit_info_t *info)
{
    int status = BA_OK;
    ba_fit_result_t result = {0};

    BA_TRY(ba_encode_job_plan(ctx, job, info));
    BA_TRY(ba_encode_warn_before(ctx, dataset, job));
    if (opts->dry_run) {
        return BA_OK;
    }
    BA_TRY(ba_encode_job_fit(ctx, dataset, opts, job, &result, info));
    ba_encode_sum_up(&result, info);
out:
    ba_fit_result_free(&result);
    return status;
}

static int
check_options(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts)
{
    if (!opts->output && !opts->dry_run) {
        return ba_fail(
            BA_VALUE, "output: none given, wanted the name of the result file");
    }
    if (opts->map && opts->fit.outer_cv.kind == BA_CV_NONE &&
        dataset->test.n_samples == 0) {
        return ba_fail(BA_VALUE, "map: there are no scores to map with outer-cv none");
    }
    return ba_inference_check(dataset, opts);
}

/* With everything settled but the number of shards. */
static int
fit_job(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_encode_job_t *job, ba_encode_fit_info_t *info)
{
    int status = BA_OK;
    size_t n_shards = 1;

    BA_TRY(ba_encode_resume(ctx, dataset, opts, job, info));
    if (info->was_complete) {
        return BA_OK;
    }
    if (ba_encode_wants_shards(opts)) {
        BA_TRY(ba_encode_shards_number(ctx, dataset, opts, job, &n_shards));
    }
    BA_TRY(n_shards > 1 ? ba_encode_shards_fit(ctx, dataset, opts, job, n_shards, info)
                        : fit_in_one(ctx, dataset, opts, job, info));
out:
    return status;
}

int
ba_encode_fit_sharing(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *given, ba_fit_responses_t *responses,
    ba_encode_fit_info_t *info)
{
    int status = BA_OK;
    ba_encode_job_t job = {0};
    ba_encode_fit_opts_t opts = *given;
    ba_encode_fit_info_t account = {0};
    double start = ba_seconds();

    BA_TRY(check_options(dataset, &opts));
    BA_TRY(ba_encode_shards_check(dataset, &opts));
    BA_TRY(ba_encode_job_open(ctx, dataset, &opts, &job));
    job.data.responses = responses;
    if (opts.audit && !opts.dry_run) {
        BA_TRY(ba_encode_audit(ctx, &job, &account.audit));
        BA_TRY(ba_audit_judge(&account.audit));
    }
    BA_TRY(fit_job(ctx, dataset, &opts, &job, &account));
    account.seconds = ba_seconds() - start;
    account.peak_bytes = ba_peak_bytes();
    if (info) {
        *info = account;
    }
out:
    ba_encode_job_close(&job);
    return status;
}

int
ba_encode_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_encode_fit_info_t *info)
{
    return ba_encode_fit_sharing(ctx, dataset, opts, NULL, info);
}
