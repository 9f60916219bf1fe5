/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fits of which every one has its own response columns, put together to one result. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
ba_decoder_part_free(ba_decoder_part_t *part)
{
    ba_design_free(part->design);
    ba_free(part->single);
    ba_free(part->full);
    *part = (ba_decoder_part_t){0};
}

static int
compare_columns(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int
ba_decoder_part_of(const ba_decoder_job_t *job, const int32_t *columns, size_t n_columns,
    size_t width, ba_decoder_part_t *out)
{
    int status = BA_OK;
    const ba_decoder_inputs_t *inputs = &job->inputs;
    size_t n = job->blocks.n;

    *out = (ba_decoder_part_t){.space = inputs->space};
    if (inputs->single) {
        BA_TRY_ALLOC(out->single, ba_calloc(width, n * sizeof *out->single));
    } else {
        BA_TRY_ALLOC(out->full, ba_calloc(width, n * sizeof *out->full));
    }
    for (size_t j = 0; j < n_columns; j++) {
        size_t from = (size_t) columns[j] * n;

        if (out->single) {
            memcpy(out->single + j * n, inputs->single + from, n * sizeof *out->single);
        } else {
            memcpy(out->full + j * n, inputs->full + from, n * sizeof *out->full);
        }
    }
    out->space.n_features = width;
    out->space.single = out->single;
    out->space.full = out->full;
    BA_TRY(ba_design_new(
        &out->space, 1, &job->blocks.runs, BA_DELAY_WITHIN_RUNS, &out->design));
out:
    return status;
}

int
ba_decoder_part_make(const ba_decoder_job_t *job, size_t set, ba_decoder_part_t *out)
{
    int status = BA_OK;
    size_t k = job->chosen.n, n = 0;
    int32_t *columns = NULL;

    *out = (ba_decoder_part_t){0};
    BA_TRY_ALLOC(columns, ba_malloc(k, sizeof *columns));
    for (size_t i = 0; i < k; i++) {
        int32_t column = job->chosen.columns[set * k + i];

        if (column >= 0) {
            columns[n++] = column;
        }
    }
    qsort(columns, n, sizeof *columns, compare_columns);
    BA_TRY(ba_decoder_part_of(job, columns, n, k, out));
out:
    ba_free(columns);
    return status;
}

static void
copy_row(double *to, const double *from, size_t fold, size_t n)
{
    if (to && from) {
        memcpy(to + fold * n, from + fold * n, n * sizeof *to);
    }
}

/* What belongs to one outer fold. */
static void
take_fold(ba_fit_result_t *to, const ba_fit_result_t *from, size_t k)
{
    size_t d = to->n_targets, a = to->n_alphas, p = to->n_columns, n = to->n_samples;

    copy_row(to->r_by_fold, from->r_by_fold, k, d);
    copy_row(to->r2_by_fold, from->r2_by_fold, k, d);
    copy_row(to->alphas_by_fold, from->alphas_by_fold, k, a);
    copy_row(to->best_alphas_by_fold, from->best_alphas_by_fold, k, d);
    copy_row(to->cv_scores_by_fold, from->cv_scores_by_fold, k, a * d);
    copy_row(to->intercept_by_fold, from->intercept_by_fold, k, d);
    copy_row(to->feature_mean_by_fold, from->feature_mean_by_fold, k, p);
    copy_row(to->feature_scale_by_fold, from->feature_scale_by_fold, k, p);
    copy_row(to->target_mean_by_fold, from->target_mean_by_fold, k, d);
    copy_row(to->target_scale_by_fold, from->target_scale_by_fold, k, d);
    memcpy(to->inner_fold_by_fold + k * n, from->inner_fold_by_fold + k * n,
        n * sizeof *to->inner_fold_by_fold);
    if (to->n_sets > 0) {
        memcpy(to->inner_sets_by_fold + k * to->n_sets * n,
            from->inner_sets_by_fold + k * to->n_sets * n, to->n_sets * n);
    }
}

static void
swap_numbers(double **a, double **b)
{
    double *kept = *a;

    *a = *b;
    *b = kept;
}

/* What belongs to the final fit; its status knows of no test rows yet. */
static void
take_final(ba_fit_result_t *to, ba_fit_result_t *from)
{
    int32_t *inner = to->inner_fold, *status = to->status;
    uint8_t *sets = to->inner_sets;

    swap_numbers(&to->alphas, &from->alphas);
    swap_numbers(&to->best_alphas, &from->best_alphas);
    swap_numbers(&to->cv_scores, &from->cv_scores);
    swap_numbers(&to->intercept, &from->intercept);
    swap_numbers(&to->feature_mean, &from->feature_mean);
    swap_numbers(&to->feature_scale, &from->feature_scale);
    swap_numbers(&to->target_mean, &from->target_mean);
    swap_numbers(&to->target_scale, &from->target_scale);
    to->inner_fold = from->inner_fold;
    from->inner_fold = inner;
    to->inner_sets = from->inner_sets;
    from->inner_sets = sets;
    to->status = from->status;
    from->status = status;
}

/* Means over the folds where scores are defined. */
static void
finish(ba_fit_result_t *result)
{
    size_t d = result->n_targets;

    for (size_t j = 0; j < d; j++) {
        double r = 0.0, r2 = 0.0;
        int32_t n = 0, n_r2 = 0;

        for (size_t k = 0; k < result->n_outer; k++) {
            if (isfinite(result->r_by_fold[k * d + j])) {
                r += result->r_by_fold[k * d + j];
                n++;
            }
            if (isfinite(result->r2_by_fold[k * d + j])) {
                r2 += result->r2_by_fold[k * d + j];
                n_r2++;
            }
        }
        result->r[j] = n > 0 ? r / n : (double) NAN;
        result->r2[j] = n_r2 > 0 ? r2 / n_r2 : (double) NAN;
        result->n_folds[j] = n;
        if (result->status[j] == BA_TARGET_NO_TEST) {
            result->status[j] = n > 0 ? BA_TARGET_SCORED : BA_TARGET_NO_TEST_VARIANCE;
        }
    }
}

void
ba_decoder_set_fit(size_t set, size_t n_sets, ba_fit_opts_t *fit)
{
    if (set + 1 < n_sets) {
        fit->only_fold = set + 1;
    } else {
        fit->outer_cv = (ba_cv_opts_t){.kind = BA_CV_NONE};
    }
}

static int
run_set(const ba_ctx_t *ctx, const ba_decoder_job_t *job, const ba_fit_opts_t *opts,
    size_t set, const ba_fit_sink_t *sink, ba_fit_result_t *result, ba_fit_info_t *info)
{
    int status;
    ba_decoder_part_t part = {0};
    ba_fit_data_t data = job->data;
    ba_fit_opts_t fit = *opts;

    BA_TRY(ba_decoder_part_make(job, set, &part));
    data.design = part.design;
    ba_decoder_set_fit(set, job->chosen.n_sets, &fit);
    BA_TRY(ba_fit_run(ctx, &data, &fit, sink, result, info));
out:
    ba_decoder_part_free(&part);
    return status;
}

static int
run_chosen(const ba_ctx_t *ctx, const ba_decoder_job_t *job, const ba_fit_opts_t *fit,
    const ba_fit_sink_t *sink, ba_fit_result_t *result, ba_fit_info_t *info)
{
    int status = BA_OK;
    size_t n_outer = job->chosen.n_sets - 1;
    ba_fit_result_t other = {0};
    ba_fit_info_t last;
    size_t least = info->train_least, most = info->train_most; /* of all, as planned */

    for (size_t k = 0; k < n_outer; k++) {
        BA_TRY(run_set(
            ctx, job, fit, k, sink, k == 0 ? result : &other, k == 0 ? info : &last));
        if (k > 0) {
            take_fold(result, &other, k);
            ba_fit_result_free(&other);
        }
    }
    if (n_outer == 0) {
        BA_TRY(run_set(ctx, job, fit, 0, sink, result, info));
        goto out;
    }
    BA_TRY(run_set(ctx, job, fit, n_outer, sink, &other, &last));
    take_final(result, &other);
    finish(result);
    info->train_least = least;
    info->train_most = most;
out:
    ba_fit_result_free(&other);
    return status;
}

int
ba_decoder_run(const ba_ctx_t *ctx, ba_decoder_job_t *job, const ba_fit_opts_t *fit,
    const ba_fit_sink_t *sink, ba_fit_result_t *result, ba_fit_info_t *info)
{
    int status;

    if (!ba_decoder_chooses(job->opts)) {
        return ba_fit_run(ctx, &job->data, fit, sink, result, info);
    }
    ba_chosen_free(&job->chosen);
    BA_TRY(ba_decoder_choose(ctx, job));
    BA_TRY(fit->only_fold > 0
               ? run_set(ctx, job, fit, fit->only_fold - 1, sink, result, info)
               : run_chosen(ctx, job, fit, sink, result, info));
out:
    return status;
}
