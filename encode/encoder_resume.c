/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Going on where a fit was stopped: what is there already, and whether it is of the same
 * work. */
#include "encode/encoder_scores.h"
#include "encode/encoder_shards.h"
#include "encode/shard_folder.h"

#include "brainalign/encoder.h"
#include "io/outfile.h"

#include <unistd.h>

/* Non-zero when something stands under that name. */
static int
exists(const char *file)
{
    return file && access(file, F_OK) == 0;
}

static int
check_bundle(const ba_bundle_t *bundle, const char *file, const ba_work_t *work,
    size_t start, size_t stop)
{
    int status;
    ba_work_t found;
    char difference[BA_WORK_BYTES];
    int64_t range[2];

    BA_TRY(ba_work_read(bundle, file, &found));
    if (!ba_work_is_same(&found, work, difference)) {
        return ba_fail(BA_SHAPE, "%s: a result of other work: %s", file, difference);
    }
    BA_TRY(ba_bundle_get_i64(bundle, "/", "target_range", 2, range, NULL));
    if (range[0] != (int64_t) start || range[1] != (int64_t) stop) {
        return ba_fail(BA_SHAPE,
            "%s: targets %lld to %lld of the same work, wanted %zu to %zu", file,
            (long long) range[0], (long long) range[1] - 1, start, stop - 1);
    }
out:
    return status;
}

int
ba_encode_check_file(const char *file, const ba_work_t *work, size_t start, size_t stop)
{
    int status;
    ba_bundle_t *bundle = NULL;

    BA_TRY(ba_bundle_open(file, BA_ENCODER_FORMAT, &bundle));
    BA_TRY(check_bundle(bundle, file, work, start, stop));
out:
    ba_bundle_free(bundle);
    return status;
}

/* Table and map were renamed after the result: a process that was killed in between leaves
 * them out. */
static int
complete_outputs(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    const ba_fit_result_t *result, const ba_inference_t *inference)
{
    int status = BA_OK;
    ba_score_columns_t columns = ba_encoder_scores_columns(result, inference);
    ba_score_outputs_t outputs = {NULL, NULL};
    const char *table = exists(opts->table) ? NULL : opts->table;
    const char *map = exists(opts->map) ? NULL : opts->map;

    BA_TRY(ba_score_outputs_check(dataset, NULL, table, map, 0));
    BA_TRY(ba_score_outputs_make(dataset, &columns, table, map, 0, &outputs));
    BA_TRY(ba_score_outputs_commit(&outputs));
out:
    ba_score_outputs_free(&outputs);
    return status;
}

static int
account(const char *file, ba_fit_result_t *result, ba_inference_t *inference,
    ba_encode_fit_info_t *info)
{
    int status;
    ba_bundle_t *bundle = NULL;

    BA_TRY(ba_bundle_open(file, BA_ENCODER_FORMAT, &bundle));
    BA_TRY(ba_encoder_scores_load(bundle, result));
    BA_TRY(ba_inference_load(bundle, result->n_targets, inference));
    BA_TRY(ba_inference_sum_up(inference, &info->inference));
    ba_encode_sum_up(result, info);
    info->n_samples = result->n_samples;
    info->n_used = result->n_used;
    info->n_targets = result->n_targets;
out:
    ba_bundle_free(bundle);
    return status;
}

static int
remove_stale(const ba_encode_fit_opts_t *opts)
{
    int status;

    BA_TRY(ba_outfile_remove_stale(opts->output));
    if (opts->table) {
        BA_TRY(ba_outfile_remove_stale(opts->table));
    }
    if (opts->map) {
        BA_TRY(ba_outfile_remove_stale(opts->map));
    }
out:
    return status;
}

/* The output is what was asked for. */
static int
finish(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    ba_encode_fit_info_t *info)
{
    int status;
    ba_fit_result_t result = {0};
    ba_inference_t inference = {0};

    BA_TRY(account(opts->output, &result, &inference, info));
    info->was_complete = 1;
    if (!opts->dry_run) {
        BA_TRY(complete_outputs(dataset, opts, &result, &inference));
        if (ba_encode_wants_shards(opts)) {
            BA_TRY(ba_shard_folder_remove(opts->output));
        }
    }
out:
    ba_inference_free(&inference);
    ba_fit_result_free(&result);
    return status;
}

int
ba_encode_resume(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_encode_job_t *job,
    ba_encode_fit_info_t *info)
{
    int status = BA_OK;
    size_t stop = opts->fit.target_stop ? opts->fit.target_stop
                                        : ba_source_n_cols(dataset->train.responses);

    if (!opts->resume) {
        return BA_OK;
    }
    if (!opts->dry_run) {
        BA_TRY(remove_stale(opts));
    }
    if (exists(opts->output)) {
        status =
            ba_encode_check_file(opts->output, &job->work, opts->fit.target_start, stop);
        if (status == BA_OK) {
            return finish(dataset, opts, info);
        }
        if (!opts->force || status == BA_NOMEM) {
            return status;
        }
        ba_ctx_log(ctx, BA_LOG_INFO, "%s; it will be replaced", ba_error_message());
    }
    status = ba_score_outputs_check(
        dataset, opts->output, opts->table, opts->map, opts->force);
out:
    return status;
}
