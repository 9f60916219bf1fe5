/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every feature space fitted by itself, over one reading of the responses. */
#include "brainalign/compare.h"

#include "core/alloc.h"
#include "core/resource.h"
#include "encode/each.h"
#include "encode/encoder_job.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- one space of a data set ---- */

/* Items of a list of options that are about this space, or about no single one. */
static int
keep_items(const char *name, char mark, const char *const *items, size_t n_items,
    const char ***kept, size_t *n_kept)
{
    size_t length = strlen(name);

    *n_kept = 0;
    *kept = ba_calloc(n_items + 1, sizeof **kept);
    if (!*kept) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n_items; i++) {
        if (!strchr(items[i], mark) ||
            (strncmp(items[i], name, length) == 0 && items[i][length] == mark)) {
            (*kept)[(*n_kept)++] = items[i];
        }
    }
    return BA_OK;
}

int
ba_each_space_open(const ba_each_t *each, size_t k, ba_each_space_t *out)
{
    int status = BA_OK;
    const ba_dataset_t *all = each->dataset;
    const ba_encode_fit_opts_t *opts = each->opts;
    const char *name = all->space_names[k];

    *out = (ba_each_space_t){.dataset = *all, .opts = *opts};
    out->dataset.n_spaces = 1;
    out->dataset.space_names = all->space_names + k;
    out->dataset.train.features = all->train.features + k;
    if (all->test.features) {
        out->dataset.test.features = all->test.features + k;
    }
    BA_TRY(keep_items(name, ':', opts->space_delays, opts->n_space_delays, &out->delays,
        &out->opts.n_space_delays));
    BA_TRY(keep_items(name, '=', opts->pca, opts->n_pca, &out->pca, &out->opts.n_pca));
    out->opts.space_delays = out->delays;
    out->opts.pca = out->pca;
    BA_TRY_ALLOC(out->file, ba_asprintf("%s/%s.h5", opts->output, name));
    out->opts.output = out->file;
    BA_TRY(ba_output_name(opts->table, name, &out->table));
    BA_TRY(ba_output_name(opts->map, name, &out->map));
    out->opts.table = out->table;
    out->opts.map = out->map;
    if (opts->resume && opts->shard == 0) {
        out->opts.n_shards = opts->fit.target_stop ? 0 : 1;
    }
out:
    return status;
}

void
ba_each_space_close(ba_each_space_t *space)
{
    ba_free(space->delays);
    ba_free(space->pca);
    ba_free(space->file);
    ba_free(space->table);
    ba_free(space->map);
}

/* ---- messages of one space ---- */

static void
relay_log(ba_log_level_t level, const char *line, void *payload)
{
    const ba_each_t *each = payload;

    if (!each->is_quiet) {
        ba_ctx_log(
            each->ctx, level, "%s: %s", each->dataset->space_names[each->at], line);
    }
}

static void
relay_progress(const char *stage, double done, double total, void *payload)
{
    const ba_each_t *each = payload;
    double n = (double) each->dataset->n_spaces;

    /* In hundredths of a space: fits of different spaces differ in steps. */
    ba_ctx_progress(each->ctx, stage,
        floor(100.0 * ((double) each->at + (total > 0 ? done / total : 0.0))), 100.0 * n);
}

static int
relay_cancelled(void *payload)
{
    const ba_each_t *each = payload;

    return each->ctx && each->ctx->cancelled && each->ctx->cancelled(each->ctx->payload);
}

static ba_ctx_t
relay(ba_each_t *each)
{
    ba_ctx_t ctx = each->ctx ? *each->ctx : ba_ctx_default();

    ctx.payload = each;
    ctx.log = relay_log;
    ctx.progress = relay_progress;
    ctx.cancelled = relay_cancelled;
    return ctx;
}

/* ---- checks ---- */

static int
check_options(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts, int stack)
{
    int status = BA_OK;

    if (!opts->output) {
        return ba_fail(BA_VALUE, "output: none given, wanted the name of a folder");
    }
    if (opts->n_shards > 1 && opts->shard == 0) {
        return ba_fail(BA_VALUE,
            "shards: %zu one after the other, wanted one shard or range at a time where "
            "each feature space is fitted",
            opts->n_shards);
    }
    if (stack && opts->fit.cv.kind == BA_CV_NONE) {
        return ba_fail(BA_VALUE, "stack: no inner splits, wanted some: weights are "
                                 "fitted on what they hold out");
    }
    BA_TRY(ba_predictors_check_names(
        dataset, "delays", ':', opts->space_delays, opts->n_space_delays));
    BA_TRY(ba_predictors_check_names(dataset, "pca", '=', opts->pca, opts->n_pca));
    for (size_t k = 0; stack && k < dataset->n_spaces; k++) {
        if (strcmp(dataset->space_names[k], "stacked") == 0) {
            BA_TRY(ba_fail(BA_VALUE,
                "stacked: a feature space is called so, and the stack's file, wanted "
                "another name"));
        }
    }
out:
    return status;
}

/* *made: whether it was not there. A dry run makes none. */
static int
make_folder(const char *folder, int is_dry_run, int *made)
{
    struct stat at;

    if (stat(folder, &at) == 0) {
        return S_ISDIR(at.st_mode)
                   ? BA_OK
                   : ba_fail(BA_EXISTS,
                         "%s: a file, wanted a folder: each feature space gets a file "
                         "in it",
                         folder);
    }
    if (!is_dry_run && mkdir(folder, 0777) != 0) {
        return ba_fail(BA_IO, "%s: cannot make the folder: %s", folder, strerror(errno));
    }
    *made = !is_dry_run;
    return BA_OK;
}

/* ---- the work ---- */

/* Plans every fit, which checks features, options and outputs of all before the first one
 * begins. */
static int
plan_all(ba_each_t *each, ba_encode_fit_info_t *spaces)
{
    int status = BA_OK;
    ba_ctx_t ctx = relay(each);
    int is_dry_run = each->opts->dry_run;

    each->is_quiet = !is_dry_run;
    ctx.progress = NULL;
    each->can_share = 1;
    each->n_in_flight = SIZE_MAX;
    for (each->at = 0; each->at < each->dataset->n_spaces; each->at++) {
        ba_each_space_t space;

        status = ba_each_space_open(each, each->at, &space);
        space.opts.dry_run = 1;
        if (status == BA_OK) {
            status = ba_encode_fit_sharing(
                &ctx, &space.dataset, &space.opts, NULL, &spaces[each->at]);
        }
        ba_each_space_close(&space);
        if (status != BA_OK) {
            break;
        }
        if (!spaces[each->at].was_complete) {
            const ba_fit_info_t *fit = &spaces[each->at].fit;

            each->can_share &= fit->keeps_responses;
            each->n_in_flight = fit->n_in_flight < each->n_in_flight ? fit->n_in_flight
                                                                     : each->n_in_flight;
        }
    }
    each->is_quiet = 0;
    return status;
}

static int
fit_all(ba_each_t *each, ba_encode_fit_info_t *spaces, size_t *n_passes)
{
    int status = BA_OK;
    ba_ctx_t ctx = relay(each);

    for (each->at = 0; each->at < each->dataset->n_spaces; each->at++) {
        ba_encode_fit_info_t *account = &spaces[each->at];
        ba_each_space_t space;

        if (account->was_complete) {
            continue;
        }
        status = ba_each_space_open(each, each->at, &space);
        if (status == BA_OK) {
            status = ba_encode_fit_sharing(
                &ctx, &space.dataset, &space.opts, each->responses, account);
        }
        ba_each_space_close(&space);
        if (status != BA_OK) {
            break;
        }
        *n_passes += account->fit.n_passes;
    }
    return status;
}

/* Said before the fits: models of a stack meet at the same rows. */
static int
check_gaps(const ba_each_t *each, const ba_encode_fit_info_t *spaces)
{
    const ba_fit_info_t *first = NULL;

    for (size_t k = 0; k < each->dataset->n_spaces; k++) {
        const ba_fit_info_t *fit = &spaces[k].fit;

        if (spaces[k].was_complete) {
            continue;
        }
        first = first ? first : fit;
        if (fit->gap_inner != first->gap_inner || fit->gap_outer != first->gap_outer) {
            return ba_fail(BA_VALUE,
                "stack: gaps of %zu and %zu samples by the delays of the spaces, wanted "
                "one (--cv-gap)",
                first->gap_inner, fit->gap_inner);
        }
    }
    return BA_OK;
}

static int
work(
    ba_each_t *each, int stack, ba_encode_fit_info_t *spaces, ba_encode_each_info_t *info)
{
    int status = BA_OK;

    BA_TRY(plan_all(each, spaces));
    info->is_shared = each->can_share;
    if (stack) {
        BA_TRY(check_gaps(each, spaces));
    }
    if (each->opts->dry_run) {
        goto out;
    }
    if (each->can_share) {
        BA_TRY(ba_fit_responses_new(each->n_in_flight, &each->responses));
    } else {
        ba_ctx_log(each->ctx, BA_LOG_WARNING,
            "responses: prepared ones do not fit beside the fits into the memory "
            "allowed: each of %zu feature spaces reads them for itself",
            each->dataset->n_spaces);
    }
    BA_TRY(fit_all(each, spaces, &info->n_passes));
    if (stack) {
        BA_TRY(ba_each_stack(each, info));
    }
out:
    return status;
}

int
ba_encode_each(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, int stack, ba_encode_fit_info_t *spaces,
    ba_encode_each_info_t *info)
{
    int status = BA_OK, made = 0;
    ba_each_t each = {.ctx = ctx, .dataset = dataset, .opts = opts};
    ba_encode_each_info_t account = {.stack_r = NAN};
    ba_encode_fit_info_t *accounts = NULL;
    double start = ba_seconds();

    BA_TRY(check_options(dataset, opts, stack));
    BA_TRY(make_folder(opts->output, opts->dry_run, &made));
    BA_TRY_ALLOC(accounts, ba_calloc(dataset->n_spaces, sizeof *accounts));
    if (stack) {
        BA_TRY(ba_each_stack_check(&each));
    }
    BA_TRY(work(&each, stack, accounts, &account));
    account.seconds = ba_seconds() - start;
    if (info) {
        *info = account;
    }
    if (spaces) {
        memcpy(spaces, accounts, dataset->n_spaces * sizeof *spaces);
    }
out:
    if (made && status != BA_OK) {
        (void) rmdir(opts->output); /* stays where a file stands in it */
    }
    ba_fit_responses_free(each.responses);
    ba_free(accounts);
    return status;
}
