/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shards of one job: whether they make up the whole, and the whole with its table. */
#include "brainalign/encoder.h"
#include "core/alloc.h"
#include "core/resource.h"
#include "encode/encoder_join.h"
#include "encode/encoder_scores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
read_part(const char *file, ba_part_t *part, size_t *n_total)
{
    int status;
    ba_bundle_t *bundle = NULL;
    int64_t range[2] = {0, 0}, total = 0;

    BA_TRY(ba_bundle_open(file, BA_ENCODER_FORMAT, &bundle));
    BA_TRY(ba_work_read(bundle, file, &part->work));
    BA_TRY(ba_bundle_get_i64(bundle, "/", "target_range", 2, range, NULL));
    BA_TRY(ba_bundle_get_i64(bundle, "/", "n_targets_total", 1, &total, NULL));
    if (range[0] < 0 || range[1] <= range[0] || range[1] > total) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: targets %lld to %lld, wanted some of %lld", file,
            (long long) range[0], (long long) range[1] - 1, (long long) total));
    }
    part->file = file;
    part->start = (size_t) range[0];
    part->stop = (size_t) range[1];
    *n_total = (size_t) total;
out:
    ba_bundle_free(bundle);
    return status;
}

static int
compare_parts(const void *a, const void *b)
{
    const ba_part_t *x = a, *y = b;

    return x->start != y->start ? (x->start > y->start) - (x->start < y->start)
                                : (x->stop > y->stop) - (x->stop < y->stop);
}

/* Adds "targets 256 to 511" to a list of gaps, which says no more once it is full. */
static void
add_gap(char *text, size_t size, size_t start, size_t stop)
{
    size_t length = strlen(text);

    if (start < stop && length + 64 < size) {
        snprintf(text + length, size - length, "%s%zu to %zu", length > 0 ? ", " : "",
            start, stop - 1);
    } else if (start < stop && length + 8 < size) {
        snprintf(text + length, size - length, ", ...");
    }
}

static int
check_whole(const ba_part_t *parts, size_t n, size_t n_total)
{
    char missing[256] = "";
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        if (parts[i].start < at) {
            return ba_fail(BA_SHAPE, "%s: targets %zu to %zu stand in %s too",
                parts[i].file, parts[i].start,
                (parts[i].stop < at ? parts[i].stop : at) - 1, parts[i - 1].file);
        }
        add_gap(missing, sizeof missing, at, parts[i].start);
        at = parts[i].stop;
    }
    add_gap(missing, sizeof missing, at, n_total);
    if (missing[0]) {
        return ba_fail(
            BA_SHAPE, "shards: targets %s are missing, of %zu", missing, n_total);
    }
    return BA_OK;
}

int
ba_encoder_parts(const ba_encoder_merge_opts_t *opts, ba_part_t **out)
{
    int status = BA_OK;
    size_t n = opts->n_files, n_total = 0, n_here = 0;
    char difference[BA_WORK_BYTES];
    ba_part_t *parts = NULL;

    if (n == 0) {
        BA_TRY(ba_fail(BA_VALUE, "shards: none given, wanted the files of all"));
    }
    BA_TRY_ALLOC(parts, ba_calloc(n, sizeof *parts));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(read_part(opts->files[i], &parts[i], &n_here));
        n_total = i == 0 ? n_here : n_total;
        if (!ba_work_is_same(&parts[0].work, &parts[i].work, difference)) {
            BA_TRY(ba_fail(BA_SHAPE, "%s: a shard of other work than %s: %s",
                opts->files[i], opts->files[0], difference));
        }
        if (n_here != n_total) {
            BA_TRY(ba_fail(BA_SHAPE, "%s: of %zu targets, %s of %zu", opts->files[i],
                n_here, opts->files[0], n_total));
        }
    }
    qsort(parts, n, sizeof *parts, compare_parts);
    BA_TRY(check_whole(parts, n, n_total));
    *out = parts;
    parts = NULL;
out:
    ba_free(parts);
    return status;
}

static int
write_outputs(const ba_encoder_merge_opts_t *opts, const ba_fit_result_t *result,
    const ba_inference_t *inference, ba_bundle_t *bundle)
{
    int status = BA_OK;
    ba_score_columns_t columns = ba_encoder_scores_columns(result, inference);
    ba_score_outputs_t outputs = {NULL, NULL};
    char **names = NULL;
    size_t n_names;

    if (opts->table && ba_bundle_has(bundle, "/targets/name")) {
        BA_TRY(ba_bundle_read_strings(bundle, "/targets/name", &n_names, &names));
        columns.names = (const char *const *) names;
    }
    BA_TRY(
        ba_score_outputs_make(NULL, &columns, opts->table, NULL, opts->force, &outputs));
    BA_TRY(ba_bundle_commit(bundle));
    BA_TRY(ba_score_outputs_commit(&outputs));
out:
    ba_score_outputs_free(&outputs);
    ba_free(names);
    return status;
}

static int
merge(
    const ba_ctx_t *ctx, const ba_encoder_merge_opts_t *opts, ba_encode_fit_info_t *info)
{
    int status;
    ba_bundle_t *bundle = NULL;
    ba_fit_result_t result = {0};
    ba_inference_t inference = {0};

    BA_TRY(ba_encoder_join(ctx, opts, &bundle));
    BA_TRY(ba_encoder_scores_load(bundle, &result));
    BA_TRY(ba_inference_load(bundle, result.n_targets, &inference));
    BA_TRY(ba_inference_sum_up(&inference, &info->inference));
    BA_TRY(write_outputs(opts, &result, &inference, bundle));
    ba_encode_sum_up(&result, info);
    info->n_samples = result.n_samples;
    info->n_used = result.n_used;
out:
    ba_inference_free(&inference);
    ba_fit_result_free(&result);
    ba_bundle_free(bundle);
    return status;
}

int
ba_encoder_merge(
    const ba_ctx_t *ctx, const ba_encoder_merge_opts_t *opts, ba_encode_fit_info_t *info)
{
    int status;
    double start = ba_seconds();
    ba_encode_fit_info_t account = {0};
    ba_part_t *parts = NULL;

    BA_TRY(ba_score_outputs_check(NULL, opts->output, opts->table, NULL, opts->force));
    BA_TRY(ba_encoder_parts(opts, &parts));
    account.n_shards = opts->n_files;
    account.n_targets = parts[opts->n_files - 1].stop;
    if (!opts->dry_run) {
        BA_TRY(merge(ctx, opts, &account));
    }
    account.seconds = ba_seconds() - start;
    account.peak_bytes = ba_peak_bytes();
    if (info) {
        *info = account;
    }
out:
    ba_free(parts);
    return status;
}
