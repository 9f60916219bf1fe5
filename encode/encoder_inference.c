/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests, ceilings and increments around a fit: options, plan, order of the work. */
#include "encode/inference.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

ba_inference_opts_t
ba_inference_opts_default(void)
{
    ba_inference_opts_t opts = {.null = ba_null_opts_default(), .ceiling_floor = 0.05};

    opts.null.n_permutations = 0;
    return opts;
}

int
ba_null_parse(const char *text, ba_null_opts_t *null)
{
    static const struct {
        const char *word;
        ba_null_kind_t kind;
    } words[] = {{"cosine", BA_NULL_COSINE}, {"circular", BA_NULL_CIRCULAR},
        {"phase", BA_NULL_PHASE}};
    static const char blocks[] = "blocks:";
    const char *digits = text + sizeof blocks - 1;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i].word) == 0) {
            null->kind = words[i].kind;
            return BA_OK;
        }
    }
    if (strncmp(text, blocks, sizeof blocks - 1) == 0) {
        size_t n = strspn(digits, "0123456789");

        if (n > 0 && n < 10 && digits[n] == '\0' && strtoul(digits, NULL, 10) > 0) {
            null->kind = BA_NULL_BLOCKS;
            null->block = strtoul(digits, NULL, 10);
            return BA_OK;
        }
    }
    return ba_fail(BA_VALUE,
        "null: found '%s', wanted cosine, circular, phase or blocks:L with L samples",
        text);
}

const char *
ba_refit_parse(const char *text, ba_refit_t *refit)
{
    static const char word[] = "refit";
    size_t n = sizeof word - 1;

    *refit = BA_REFIT_NEVER;
    if (!text || strcmp(text, "auto") == 0) {
        *refit = BA_REFIT_AFFORDABLE;
        return NULL;
    }
    if (strncmp(text, word, n) == 0 && (text[n] == '\0' || text[n] == ':')) {
        *refit = BA_REFIT_ALWAYS;
        return text[n] == ':' ? text + n + 1 : NULL;
    }
    return text;
}

/* ---- options ---- */

static int
check_controls(const ba_dataset_t *dataset, const ba_inference_opts_t *opts)
{
    for (size_t i = 0; i < opts->n_controls; i++) {
        int known = 0;

        for (size_t k = 0; k < dataset->n_spaces; k++) {
            known |= strcmp(opts->controls[i], dataset->space_names[k]) == 0;
        }
        if (!known) {
            return ba_fail(BA_VALUE,
                "control: '%s' names no feature space of this data "
                "set",
                opts->controls[i]);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(opts->controls[i], opts->controls[k]) == 0) {
                return ba_fail(
                    BA_VALUE, "control: '%s' is named twice", opts->controls[i]);
            }
        }
    }
    if (opts->n_controls > 0 && opts->n_controls == dataset->n_spaces) {
        return ba_fail(BA_VALUE,
            "control: all %zu feature spaces, wanted at least one that is no control",
            dataset->n_spaces);
    }
    if (opts->n_controls > 0 && opts->null.n_permutations > 0 &&
        opts->refit != BA_REFIT_ALWAYS && opts->null.kind != BA_NULL_COSINE &&
        opts->null.kind != BA_NULL_BLOCKS) {
        return ba_fail(BA_VALUE,
            "null: %s with controls, wanted cosine or blocks:L, which test increments",
            opts->null.kind == BA_NULL_PHASE ? "phase" : "circular");
    }
    return BA_OK;
}

static int
check_ceiling(const ba_dataset_t *dataset, const ba_inference_opts_t *opts)
{
    if (!opts->has_ceiling) {
        return BA_OK;
    }
    if (!(opts->ceiling_floor > 0.0 && opts->ceiling_floor <= 1.0)) {
        return ba_fail(BA_VALUE, "ceiling floor: %g, wanted above 0 and at most 1",
            opts->ceiling_floor);
    }
    if (dataset->test.n_samples == 0) {
        return ba_fail(BA_VALUE,
            "ceiling: no fixed test set, wanted one whose responses are repeated "
            "(repeats x samples x targets)");
    }
    if (dataset->test.n_repeats < 2) {
        return ba_fail(BA_SHAPE,
            "%s: responses of %zu repeat, wanted 2 or more (repeats x samples x targets) "
            "for a ceiling",
            ba_source_name(dataset->test.responses), dataset->test.n_repeats);
    }
    return BA_OK;
}

int
ba_inference_check(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts)
{
    int status;
    const ba_inference_opts_t *inference = &opts->inference;
    int has_scores = opts->fit.outer_cv.kind != BA_CV_NONE || dataset->test.n_samples > 0;

    if (!has_scores && inference->null.n_permutations > 0) {
        return ba_fail(BA_VALUE, "permutations: there are no scores to test with "
                                 "outer-cv none");
    }
    if (!has_scores && inference->n_controls > 0) {
        return ba_fail(BA_VALUE, "control: there are no scores to compare with outer-cv "
                                 "none");
    }
    if (inference->refit == BA_REFIT_ALWAYS && dataset->test.n_samples > 0) {
        return ba_fail(BA_VALUE, "null: refit with a fixed test set, wanted another one: "
                                 "its predictions do not depend on its responses");
    }
    BA_TRY(check_controls(dataset, inference));
    BA_TRY(check_ceiling(dataset, inference));
out:
    return status;
}

/* ---- what is held at a time ---- */

static int
keeps_predictions(const ba_inference_opts_t *opts)
{
    return opts->null.n_permutations > 0 ||
           (opts->has_ceiling && opts->ceiling == BA_CEILING_ISC);
}

static ba_fit_data_t
control_data(const ba_encode_job_t *job)
{
    ba_fit_data_t data = job->data;

    data.design = job->control.design;
    data.test_design = job->control.test_design;
    return data;
}

/* Whether both fits get along with the memory of ctx: BA_TOO_LARGE. */
static int
plan_fits(const ba_ctx_t *ctx, const ba_encode_job_t *job, const ba_fit_opts_t *fit)
{
    int status;
    ba_fit_info_t info;
    ba_fit_data_t data = control_data(job);
    ba_fit_opts_t control = ba_encode_control_opts(job);

    BA_TRY(ba_fit_plan(ctx, &job->data, fit, &info));
    if (job->control.design) {
        BA_TRY(ba_fit_plan(ctx, &data, &control, &info));
    }
out:
    return status;
}

/* In memory where that is a small part of the budget. */
static int
settle_predictions(ba_inferring_t *out)
{
    int status;
    const ba_encode_job_t *job = out->job;
    double budget = (double) ba_ctx_memory(&out->ctx);
    double bytes =
        ba_kept_bytes(&out->plan) * (job->inference.n_controls > 0 ? 2.0 : 1.0);
    ba_ctx_t less = out->ctx;

    if (bytes > budget / 4.0) {
        return BA_OK;
    }
    less.memory = (size_t) (budget - bytes);
    status = plan_fits(&less, job, &out->fit);
    if (status == BA_OK) {
        out->ctx = less;
        out->in_memory = 1;
    }
    return status == BA_TOO_LARGE ? BA_OK : status;
}

static int
settle_threads(const ba_ctx_t *ctx, ba_inferring_t *out)
{
    const ba_inference_opts_t *opts = &out->job->inference;
    double allowed = (double) ba_ctx_memory(&out->ctx), least;

    out->n_threads = (size_t) ba_ctx_threads(ctx);
    while (out->n_threads > 1 &&
           ba_encode_null_bytes(&out->plan, opts, out->n_threads) > allowed) {
        out->n_threads--;
    }
    least = ba_encode_null_bytes(&out->plan, opts, out->n_threads);
    if (least > allowed) {
        return ba_fail(BA_TOO_LARGE,
            "memory: %zu permutations need at least %.2f MiB, allowed are %.2f MiB",
            opts->null.n_permutations, ceil(least / 1048576 * 100) / 100,
            floor(allowed / 1048576 * 100) / 100);
    }
    return BA_OK;
}

/* Flops of all refits; shards decide as the whole would. */
static int
refit_flops(const ba_ctx_t *ctx, const ba_inferring_t *inferring, double *flops)
{
    int status;
    const ba_encode_job_t *job = inferring->job;
    double n_all = (double) ba_source_n_cols(job->data.targets);
    double share = n_all / (double) inferring->plan.n_targets;
    ba_fit_data_t data = control_data(job);
    ba_fit_opts_t control = ba_encode_control_opts(job);
    ba_fit_info_t info;

    BA_TRY(ba_fit_plan(ctx, &job->data, &job->fit, &info));
    *flops = share * info.flops_tiles;
    if (job->control.design) {
        double once = *flops;

        BA_TRY(ba_fit_plan(ctx, &data, &control, &info));
        *flops += once + share * info.flops_tiles;
    }
    *flops *= (double) job->inference.null.n_permutations;
out:
    return status;
}

/* Whether to refit, and then the memory of the fits of surrogates. */
static int
settle_refits(const ba_ctx_t *ctx, ba_inferring_t *out)
{
    int status = BA_OK;
    const ba_inference_opts_t *opts = &out->job->inference;
    double flops, bytes, budget = (double) ba_ctx_memory(&out->ctx);

    if (opts->refit == BA_REFIT_NEVER || out->job->data.test_design ||
        out->plan.n_outer == 0) {
        return BA_OK;
    }
    BA_TRY(refit_flops(ctx, out, &flops));
    if (opts->refit == BA_REFIT_AFFORDABLE && flops > BA_REFIT_FLOPS) {
        return BA_OK;
    }
    bytes = ba_encode_refit_bytes(&out->plan, opts->null.n_permutations);
    if (bytes > budget / 2.0) {
        return opts->refit == BA_REFIT_AFFORDABLE
                   ? BA_OK
                   : ba_fail(BA_TOO_LARGE,
                         "memory: refits need %.2f MiB beside the fits, allowed are %.2f "
                         "MiB",
                         bytes / 1048576, budget / 2.0 / 1048576);
    }
    out->refits = 1;
out:
    return status;
}

static int
settle(const ba_ctx_t *ctx, const ba_encode_job_t *job, ba_inferring_t *out)
{
    int status = BA_OK;
    const ba_inference_opts_t *opts = &job->inference;

    *out = (ba_inferring_t){.job = job, .fit = job->fit};
    out->ctx = ctx ? *ctx : ba_ctx_default();
    if (!keeps_predictions(opts) && !opts->has_ceiling && opts->n_controls == 0) {
        return BA_OK;
    }
    BA_TRY(ba_plan_make(ctx, &job->data, &job->fit, &out->plan));
    if (keeps_predictions(opts)) {
        out->fit.want_predictions = 1;
        BA_TRY(settle_predictions(out));
    }
    if (opts->null.n_permutations > 0) {
        BA_TRY(settle_refits(ctx, out));
    }
    if (out->refits) {
        BA_TRY(ba_encode_refit_make(&out->plan, opts, &out->null));
    } else if (opts->null.n_permutations > 0) {
        BA_TRY(settle_threads(ctx, out));
        BA_TRY(ba_encode_null_make(&out->plan, opts, &out->null));
    }
out:
    return status;
}

static size_t
larger(size_t a, double b)
{
    return (double) a > b ? a : (size_t) b;
}

int
ba_inference_plan(
    const ba_ctx_t *ctx, const ba_encode_job_t *job, ba_encode_fit_info_t *info)
{
    int status;
    const ba_inference_opts_t *opts = &job->inference;
    ba_inferring_t inferring = {0};
    ba_fit_opts_t control = ba_encode_control_opts(job);
    ba_fit_data_t data = control_data(job);
    ba_fit_info_t of_control = {0};
    double held = 0.0;

    BA_TRY(settle(ctx, job, &inferring));
    if (inferring.in_memory) {
        held = ba_kept_bytes(&inferring.plan) * (opts->n_controls > 0 ? 2.0 : 1.0);
    }
    if (keeps_predictions(opts)) {
        BA_TRY(ba_fit_plan(&inferring.ctx, &job->data, &inferring.fit, &info->fit));
    }
    if (opts->n_controls > 0) {
        BA_TRY(ba_fit_plan(&inferring.ctx, &data, &control, &of_control));
        info->fit.flops_planned += of_control.flops_planned;
        info->fit.flops_tiles += of_control.flops_tiles;
        info->fit.bytes_planned =
            larger(info->fit.bytes_planned, (double) of_control.bytes_planned);
    }
    if (inferring.refits) {
        double flops;

        BA_TRY(refit_flops(ctx, &inferring, &flops));
        info->fit.flops_planned += flops;
        info->fit.flops_tiles += flops;
        info->fit.bytes_planned +=
            (size_t) ba_encode_refit_bytes(&inferring.plan, opts->null.n_permutations);
    } else if (inferring.null) {
        info->fit.bytes_planned = larger(info->fit.bytes_planned,
            ba_encode_null_bytes(&inferring.plan, opts, inferring.n_threads));
    }
    if (inferring.null) {
        info->inference.r.null = ba_null_info(inferring.null, BA_NULL_R);
    }
    if (opts->has_ceiling) {
        info->fit.bytes_planned =
            larger(info->fit.bytes_planned, ba_encode_ceiling_bytes(&inferring.plan));
    }
    info->fit.bytes_planned += (size_t) held;
out:
    ba_inferring_free(&inferring);
    return status;
}

/* ---- the work ---- */

int
ba_inferring_start(const ba_ctx_t *ctx, const ba_encode_job_t *job, ba_inferring_t *out)
{
    int status;

    BA_TRY(settle(ctx, job, out));
    if (out->fit.want_predictions && keeps_predictions(&job->inference)) {
        BA_TRY(ba_kept_new(&out->ctx, &out->plan, out->in_memory, &out->full));
    }
out:
    return status;
}

ba_fit_sink_t
ba_inferring_sink(ba_inferring_t *inferring, ba_fit_sink_t behind)
{
    return inferring->full.spools ? ba_kept_sink(&inferring->full, behind) : behind;
}

int
ba_inferring_finish(const ba_ctx_t *ctx, ba_inferring_t *inferring,
    const ba_fit_result_t *result, ba_inference_t *out)
{
    int status = BA_OK;
    const ba_inference_opts_t *opts = &inferring->job->inference;

    *out = (ba_inference_t){.n_targets = result->n_targets};
    if (inferring->full.spools) {
        BA_TRY(ba_kept_finish(&inferring->full));
    }
    if (opts->n_controls > 0) {
        BA_TRY(ba_encode_increment(inferring, result, out));
    }
    ba_alloc_trim();
    if (inferring->refits) {
        BA_TRY(ba_encode_refit(ctx, inferring, result, out));
    } else if (inferring->null) {
        BA_TRY(ba_encode_null(ctx, inferring, result, &out->r,
            opts->n_controls > 0 ? &out->increment : NULL));
    }
    if (inferring->null) {
        ba_inference_null_words(&opts->null, inferring->refits, out->null_words);
    }
    if (opts->has_ceiling) {
        BA_TRY(ba_encode_ceiling(ctx, inferring, result, out));
    }
out:
    return status;
}

void
ba_inferring_free(ba_inferring_t *inferring)
{
    ba_kept_free(&inferring->full);
    ba_kept_free(&inferring->control);
    ba_null_free(inferring->null);
    ba_plan_free(&inferring->plan);
    inferring->null = NULL;
}

/* q and family-wise p. An observed maximum is a tie with itself in the order that repeats
 * the observed one, whatever the rounding. */
int
ba_test_correct(size_t n_targets, ba_test_t *test)
{
    int status = BA_OK;

    BA_TRY_ALLOC(test->q, ba_malloc(n_targets, sizeof *test->q));
    BA_TRY_ALLOC(test->p_fwe, ba_malloc(n_targets, sizeof *test->p_fwe));
    BA_TRY(ba_fdr_bh(test->p, n_targets, test->q));
    for (size_t t = 0; t < n_targets; t++) {
        test->p_fwe[t] =
            test->observed[t] - BA_TEST_TIE * (1.0 + fabs(test->observed[t]));
    }
    BA_TRY(ba_p_of_maxima(test->p_fwe, n_targets, test->maxima, test->info.n_permutations,
        BA_TAIL_GREATER, test->p_fwe));
out:
    return status;
}

void
ba_test_free(ba_test_t *test)
{
    ba_free(test->observed);
    ba_free(test->p);
    ba_free(test->q);
    ba_free(test->p_fwe);
    ba_free(test->maxima);
    *test = (ba_test_t){0};
}

void
ba_inference_free(ba_inference_t *inference)
{
    ba_test_free(&inference->r);
    ba_test_free(&inference->increment);
    ba_free(inference->control_r);
    ba_free(inference->control_r2);
    ba_free(inference->increment_r2);
    ba_free(inference->ceiling);
    ba_free(inference->r_normalized);
    ba_free(inference->r_one_repeat);
    ba_free(inference->reason);
    *inference = (ba_inference_t){0};
}
