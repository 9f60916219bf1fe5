/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fit in shards, one after the other, so that what is finished stays finished. The
 * set-up is done again for each. */
#include "core/alloc.h"
#include "encode/encoder_join.h"
#include "encode/encoder_scores.h"
#include "encode/encoder_shards.h"
#include "encode/shard_folder.h"

#include <math.h>
#include <unistd.h>

typedef struct {
    const ba_ctx_t *ctx;
    const ba_dataset_t *dataset;
    const ba_encode_fit_opts_t *opts;
    ba_encode_job_t *job;
    size_t n_shards, n_targets;
    char **files;                /* n_shards */
    uint8_t *done;               /* n_shards */
    size_t n_done, before, part; /* targets finished, and those of the shard at hand */
} shards_t;

static void
relay_log(ba_log_level_t level, const char *line, void *payload)
{
    const shards_t *shards = payload;

    ba_ctx_log(shards->ctx, level, "%s", line);
}

/* The shard's own progress becomes targets of all. */
static void
relay_progress(const char *stage, double done, double total, void *payload)
{
    const shards_t *shards = payload;

    ba_ctx_progress(shards->ctx, stage,
        floor((double) shards->before + (double) shards->part * done / total),
        (double) shards->n_targets);
}

static int
relay_cancelled(void *payload)
{
    const shards_t *shards = payload;

    return shards->ctx && shards->ctx->cancelled &&
           shards->ctx->cancelled(shards->ctx->payload);
}

static ba_ctx_t
relay(shards_t *shards)
{
    ba_ctx_t ctx = shards->ctx ? *shards->ctx : ba_ctx_default();

    ctx.payload = shards;
    ctx.log = relay_log;
    ctx.progress = relay_progress;
    ctx.cancelled = relay_cancelled;
    return ctx;
}

static void
add_up(const ba_fit_info_t *one, size_t n_targets, size_t n_before, ba_fit_info_t *all)
{
    double share = (double) n_targets / (double) (n_targets + n_before);

    all->shared_outer = one->shared_outer;
    all->n_factorisations += one->n_factorisations;
    all->n_reduced += one->n_reduced;
    all->n_passes = one->n_passes > all->n_passes ? one->n_passes : all->n_passes;
    all->seconds_factor += one->seconds_factor;
    all->seconds_operators += one->seconds_operators;
    all->seconds_tiles += one->seconds_tiles;
    all->seconds_read += one->seconds_read;
    all->edge_low += share * (one->edge_low - all->edge_low);
    all->edge_high += share * (one->edge_high - all->edge_high);
}

static int
fit_shard(shards_t *shards, size_t k, size_t *n_fitted, ba_encode_fit_info_t *account)
{
    int status;
    ba_encode_fit_opts_t opts = *shards->opts;
    ba_fit_opts_t *fit = &shards->job->fit;
    ba_encode_fit_info_t info = {0};
    ba_fit_result_t result = {0};
    ba_ctx_t ctx = relay(shards);

    BA_TRY(ba_encode_shard(
        shards->n_targets, k, shards->n_shards, &fit->target_start, &fit->target_stop));
    opts.fit.target_start = fit->target_start;
    opts.fit.target_stop = fit->target_stop;
    opts.output = shards->files[k - 1];
    opts.table = opts.map = NULL;
    shards->part = fit->target_stop - fit->target_start;
    BA_TRY(ba_encode_job_plan(&ctx, shards->job, &info));
    BA_TRY(ba_encode_job_fit(&ctx, shards->dataset, &opts, shards->job, &result, &info));
    add_up(&info.fit, shards->part, *n_fitted, &account->fit);
    *n_fitted += shards->part;
    shards->done[k - 1] = 1;
    shards->n_done++;
    shards->before += shards->part;
out:
    fit->target_start = fit->target_stop = 0;
    ba_fit_result_free(&result);
    return status;
}

/* What can be wrong with a file of other work; anything else says nothing about it. */
static int
is_not_ours(int status)
{
    return status == BA_SHAPE || status == BA_FORMAT || status == BA_MISSING ||
           status == BA_UNSUPPORTED;
}

/* A shard file that is in the folder: one of this work is done, another one is in the
 * way. */
static int
take_finished(shards_t *shards, const ba_shard_name_t *name)
{
    int status = BA_OK;
    char *file;
    size_t start = 0, stop = 0;

    BA_TRY_ALLOC(file, ba_shard_file(shards->opts->output, name->k, name->n));
    if (name->n != shards->n_shards || name->k > name->n) {
        status = ba_fail(BA_SHAPE, "%s: a shard of %zu, wanted shards of %zu", file,
            name->n, shards->n_shards);
    } else {
        BA_TRY(ba_encode_shard(shards->n_targets, name->k, name->n, &start, &stop));
        status = ba_encode_check_file(file, &shards->job->work, start, stop);
    }
    if (status == BA_OK) {
        shards->done[name->k - 1] = 1;
        shards->n_done++;
        shards->before += stop - start;
    } else if (shards->opts->force && is_not_ours(status)) {
        ba_ctx_log(shards->ctx, BA_LOG_INFO, "%s; it is removed", ba_error_message());
        status = unlink(file) == 0 ? BA_OK : ba_fail(BA_IO, "%s: cannot remove", file);
    } else if (is_not_ours(status)) {
        status = ba_fail(status, "%s (remove it, or --force does)", ba_error_message());
    }
out:
    ba_free(file);
    return status;
}

static int
find_finished(shards_t *shards, ba_encode_fit_info_t *account)
{
    int status = BA_OK;
    ba_shard_name_t *names = NULL;
    size_t n = 0;

    if (!shards->opts->resume && shards->opts->force) {
        BA_TRY(ba_shard_folder_remove(shards->opts->output));
    }
    BA_TRY(ba_shard_folder_make(shards->opts->output));
    BA_TRY(ba_shard_folder_list(shards->opts->output, &names, &n));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(take_finished(shards, &names[i]));
    }
    account->n_resumed = shards->n_done;
    if (shards->n_done > 0) {
        ba_ctx_log(shards->ctx, BA_LOG_INFO, "%zu of %zu shards were finished before",
            shards->n_done, shards->n_shards);
    }
out:
    ba_free(names);
    return status;
}

/* The outputs, out of the shards. */
static int
join(const shards_t *shards, ba_encode_fit_info_t *account)
{
    int status;
    const ba_encode_fit_opts_t *opts = shards->opts;
    ba_encoder_merge_opts_t merge = {.files = (const char *const *) shards->files,
        .n_files = shards->n_shards,
        .output = opts->output,
        .force = opts->force};
    ba_bundle_t *bundle = NULL;
    ba_fit_result_t result = {0};
    ba_inference_t inference = {0};
    ba_score_columns_t columns;
    ba_score_outputs_t outputs = {NULL, NULL};

    BA_TRY(ba_encoder_join(shards->ctx, &merge, &bundle));
    BA_TRY(ba_encoder_scores_load(bundle, &result));
    BA_TRY(ba_encode_warn_after(
        shards->ctx, &result, &account->fit, opts->fit.alphas.n == 0));
    ba_encode_sum_up(&result, account);
    BA_TRY(ba_inference_load(bundle, result.n_targets, &inference));
    BA_TRY(ba_inference_sum_up(&inference, &account->inference));
    columns = ba_encoder_scores_columns(&result, &inference);
    BA_TRY(ba_score_outputs_make(
        shards->dataset, &columns, opts->table, opts->map, opts->force, &outputs));
    BA_TRY(ba_bundle_commit(bundle));
    BA_TRY(ba_score_outputs_commit(&outputs));
    /* The outputs are there: what is left of the shards is no failure any more. */
    if (ba_shard_folder_remove(opts->output) != BA_OK) {
        ba_ctx_log(shards->ctx, BA_LOG_WARNING, "%s", ba_error_message());
    }
out:
    ba_score_outputs_free(&outputs);
    ba_inference_free(&inference);
    ba_fit_result_free(&result);
    ba_bundle_free(bundle);
    return status;
}

static int
make_files(shards_t *shards)
{
    int status = BA_OK;

    BA_TRY_ALLOC(shards->done, ba_calloc(shards->n_shards, sizeof *shards->done));
    BA_TRY_ALLOC(shards->files, ba_calloc(shards->n_shards, sizeof *shards->files));
    for (size_t k = 0; k < shards->n_shards; k++) {
        BA_TRY_ALLOC(shards->files[k],
            ba_shard_file(shards->opts->output, k + 1, shards->n_shards));
    }
out:
    return status;
}

/* After a failure: what is finished stays, an empty folder does not. */
static int
leave(const shards_t *shards, int status)
{
    char *folder = ba_shard_folder(shards->opts->output);

    if (folder && shards->n_done == 0) {
        (void) rmdir(folder);
    } else if (folder && status == BA_CANCELLED) {
        status = ba_fail(status,
            "interrupted: %zu of %zu shards are finished and stay in %s, --resume goes "
            "on with them",
            shards->n_done, shards->n_shards, folder);
    } else if (folder) {
        ba_ctx_log(shards->ctx, BA_LOG_INFO,
            "%zu of %zu shards are finished and stay in %s: --resume goes on with them",
            shards->n_done, shards->n_shards, folder);
    }
    ba_free(folder);
    return status;
}

static int
work(shards_t *shards, ba_encode_fit_info_t *account)
{
    int status;
    size_t n_fitted = 0;

    BA_TRY(make_files(shards));
    BA_TRY(find_finished(shards, account));
    for (size_t k = 1; k <= shards->n_shards; k++) {
        if (!shards->done[k - 1]) {
            BA_TRY(fit_shard(shards, k, &n_fitted, account));
        }
    }
    BA_TRY(join(shards, account));
out:
    return status;
}

int
ba_encode_shards_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_encode_job_t *job, size_t n_shards,
    ba_encode_fit_info_t *info)
{
    int status;
    shards_t shards = {.ctx = ctx,
        .dataset = dataset,
        .opts = opts,
        .job = job,
        .n_shards = n_shards,
        .n_targets = ba_source_n_cols(dataset->train.responses)};

    BA_TRY(ba_encode_shards_plan(ctx, *job, shards.n_targets, n_shards, info));
    BA_TRY(ba_encode_warn_before(ctx, dataset, job));
    if (opts->dry_run) {
        return BA_OK;
    }
    job->is_part = 1;
    status = work(&shards, info);
    if (status != BA_OK) {
        status = leave(&shards, status);
    }
out:
    for (size_t k = 0; shards.files && k < n_shards; k++) {
        ba_free(shards.files[k]);
    }
    ba_free(shards.files);
    ba_free(shards.done);
    return status;
}
