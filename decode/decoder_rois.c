/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole regions chosen inside each training fold: the columns of each decode alone, on the
 * splits of the fit. A region's score in a fold is the mean over dimensions of the largest
 * over alphas of the mean r of the fold's inner splits, which hold its training rows; one
 * of which no column varies there has none. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"
#include "fit/training_rows.h"
#include "model/scale.h"

#include <math.h>

/* Regions may overlap, so that the sum of the largest need not be reached. */
size_t
ba_decoder_most_columns(const ba_decoder_job_t *job)
{
    const ba_regions_t *list = &job->regions.list;
    size_t most = 0;

    for (size_t i = 0; i < list->n; i++) {
        size_t n_larger = 0;

        for (size_t k = 0; k < list->n; k++) {
            n_larger += list->n_members[k] > list->n_members[i] ||
                        (k < i && list->n_members[k] == list->n_members[i]);
        }
        most += n_larger < job->opts->n_best_rois ? list->n_members[i] : 0;
    }
    return most < job->inputs.n_voxels ? most : job->inputs.n_voxels;
}

/* Whether a column of the region, at any delay, varies over the training rows; x has room
 * for all samples. */
static int
varies(const ba_decoder_job_t *job, size_t region, const unsigned char *is_training,
    double *x)
{
    const ba_decoder_inputs_t *inputs = &job->inputs;
    size_t n = job->blocks.n;

    for (size_t i = 0; i < job->regions.list.n_members[region]; i++) {
        size_t first = job->regions.list.members[region][i] * n;

        for (size_t d = 0; d < inputs->space.n_delays; d++) {
            size_t n_rows = 0;
            double mean, scale;

            for (size_t t = 0; t < n; t++) {
                size_t at = first + (size_t) ((ptrdiff_t) t - inputs->space.delays[d]);

                if (is_training[t]) {
                    x[n_rows++] =
                        inputs->single ? (double) inputs->single[at] : inputs->full[at];
                }
            }
            if (ba_mean_and_scale(x, n_rows, &mean, &scale)) {
                return 1;
            }
        }
    }
    return 0;
}

/* The mean over dimensions of the largest scores, NaN without any. */
static double
mean_score(const double *largest, size_t d)
{
    double sum = 0.0, n_scored = 0.0;

    for (size_t j = 0; j < d; j++) {
        sum += isnan(largest[j]) ? 0.0 : largest[j];
        n_scored += isnan(largest[j]) ? 0.0 : 1.0;
    }
    return n_scored > 0.0 ? sum / n_scored : (double) NAN;
}

/* The inner score of one set. Each set is a fit of its own, so that what other sets train
 * on changes no bit of it. */
static int
score_set(const ba_ctx_t *ctx, const ba_fit_data_t *data, const ba_fit_opts_t *opts,
    size_t set, size_t n_sets, double *score)
{
    int status;
    ba_fit_opts_t fit = *opts;
    ba_fit_result_t result = {0};
    double *largest = NULL;

    ba_decoder_set_fit(set, n_sets, &fit);
    BA_TRY(ba_fit_run(ctx, data, &fit, NULL, &result, NULL));
    BA_TRY(ba_decoder_largest(&result, &largest));
    *score = mean_score(
        largest + (fit.only_fold > 0 ? set : result.n_outer) * result.n_targets,
        result.n_targets);
out:
    ba_free(largest);
    ba_fit_result_free(&result);
    return status;
}

/* The columns of a region alone. */
static int
part_of_region(const ba_decoder_job_t *job, size_t region, ba_decoder_part_t *part)
{
    int status = BA_OK;
    size_t n = job->regions.list.n_members[region];
    int32_t *columns = NULL;

    BA_TRY_ALLOC(columns, ba_malloc(n, sizeof *columns));
    for (size_t i = 0; i < n; i++) {
        columns[i] = (int32_t) job->regions.list.members[region][i];
    }
    BA_TRY(ba_decoder_part_of(job, columns, n, n, part));
out:
    ba_free(columns);
    return status;
}

/* Column `region` of the scores of all sets, and why there is none. */
static int
score_region(const ba_ctx_t *ctx, const ba_decoder_job_t *job, const ba_fit_opts_t *fit,
    size_t region, const unsigned char *is_training, ba_chosen_t *chosen)
{
    int status = BA_OK;
    size_t n_regions = job->regions.list.n;
    ba_decoder_part_t part = {0};
    ba_fit_data_t data = job->data;
    double *x = NULL;

    BA_TRY_ALLOC(x, ba_malloc(job->blocks.n, sizeof *x));
    BA_TRY(part_of_region(job, region, &part));
    data.design = part.design;
    for (size_t set = 0; set < chosen->n_sets; set++) {
        size_t at = set * n_regions + region;
        double *score = chosen->scores + at;

        *score = NAN;
        chosen->status[at] = BA_TARGET_CONSTANT;
        if (!varies(job, region, is_training + set * job->blocks.n, x)) {
            continue;
        }
        status = score_set(ctx, &data, fit, set, chosen->n_sets, score);
        if (status != BA_OK) {
            ba_fail_within(status, "region '%s'", job->regions.list.names[region]);
            goto out;
        }
        chosen->status[at] = isnan(*score) ? BA_TARGET_NO_INNER_SCORE : BA_TARGET_SCORED;
    }
out:
    ba_decoder_part_free(&part);
    ba_free(x);
    return status;
}

/* The fit of a region: inner scores and nothing else. */
static ba_fit_opts_t
region_fit(const ba_decoder_job_t *job)
{
    ba_fit_opts_t fit = job->fit;

    fit.alphas = job->opts->voxel_alphas;
    fit.alphas_relative = fit.shared_alpha = fit.want_weights = 0;
    fit.singular_cutoff = 0.0;
    fit.want_fold_weights = fit.want_predictions = 0;
    fit.only_fold = 0;
    fit.want_cv = 1;
    fit.select = BA_SCORE_R;
    fit.solver = BA_SOLVER_AUTO;
    if (fit.cv.kind == BA_CV_DEFAULT && fit.alphas.n == 1) {
        fit.cv =
            (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 5, .groups = fit.cv.groups};
    }
    return fit;
}

int
ba_decoder_rois_bytes(const ba_ctx_t *ctx, const ba_decoder_job_t *job, size_t *bytes)
{
    int status = BA_OK;
    size_t n_outer;
    ba_decoder_part_t part = {0};
    ba_fit_data_t data = job->data;

    *bytes = 0;
    BA_TRY(ba_fit_n_outer(&job->data, &job->fit, &n_outer));
    for (size_t i = 0; i < job->regions.list.n; i++) {
        BA_TRY(part_of_region(job, i, &part));
        data.design = part.design;
        for (size_t set = 0; set <= n_outer; set++) {
            ba_fit_opts_t fit = region_fit(job);
            ba_fit_info_t info;

            ba_decoder_set_fit(set, n_outer + 1, &fit);
            BA_TRY(ba_fit_plan(ctx, &data, &fit, &info));
            *bytes = info.bytes_planned > *bytes ? info.bytes_planned : *bytes;
        }
        ba_decoder_part_free(&part);
    }
out:
    ba_decoder_part_free(&part);
    return status;
}

/* Columns of the regions of a set, those of the best first, each once. */
static int
list_columns(const ba_decoder_job_t *job, size_t set, ba_chosen_t *chosen)
{
    int status = BA_OK;
    const ba_regions_t *list = &job->regions.list;
    int32_t *to = chosen->columns + set * chosen->n;
    unsigned char *is_listed = NULL;
    size_t n = 0;

    BA_TRY_ALLOC(is_listed, ba_calloc(job->inputs.n_voxels, sizeof *is_listed));
    for (size_t i = 0; i < chosen->n_regions; i++) {
        size_t region = (size_t) chosen->regions[set * chosen->n_regions + i];

        for (size_t k = 0; k < list->n_members[region]; k++) {
            size_t column = list->members[region][k];

            if (!is_listed[column]) {
                is_listed[column] = 1;
                to[n++] = (int32_t) column;
            }
        }
    }
    while (n < chosen->n) {
        to[n++] = -1;
    }
out:
    ba_free(is_listed);
    return status;
}

int
ba_decoder_choose_regions(const ba_ctx_t *ctx, ba_decoder_job_t *job)
{
    int status = BA_OK;
    size_t n_sets, n_regions = job->regions.list.n, k = job->opts->n_best_rois;
    unsigned char *is_training = NULL;
    ba_chosen_t *chosen = &job->chosen;
    ba_fit_opts_t fit = region_fit(job);

    BA_TRY(ba_fit_training_rows(&job->data, &job->fit, &is_training, &n_sets));
    *chosen = (ba_chosen_t){.n = ba_decoder_n_columns(job),
        .n_sets = n_sets,
        .n_scores = n_regions,
        .n_regions = k};
    BA_TRY_ALLOC(
        chosen->columns, ba_malloc(chosen->n_sets, chosen->n * sizeof *chosen->columns));
    BA_TRY_ALLOC(
        chosen->scores, ba_malloc(chosen->n_sets, n_regions * sizeof *chosen->scores));
    BA_TRY_ALLOC(
        chosen->status, ba_malloc(chosen->n_sets, n_regions * sizeof *chosen->status));
    BA_TRY_ALLOC(chosen->regions, ba_malloc(chosen->n_sets, k * sizeof *chosen->regions));
    for (size_t i = 0; i < n_regions; i++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(score_region(ctx, job, &fit, i, is_training, chosen));
    }
    for (size_t set = 0; set < chosen->n_sets; set++) {
        BA_TRY(ba_decoder_best(chosen->scores + set * n_regions, n_regions, k, "n-rois",
            "regions", chosen->regions + set * k));
        BA_TRY(list_columns(job, set, chosen));
    }
out:
    ba_free(is_training);
    return status;
}

void
ba_decoder_warn_regions(const ba_ctx_t *ctx, const ba_decoder_job_t *job)
{
    const ba_chosen_t *chosen = &job->chosen;
    size_t n = chosen->n_regions > 0 ? chosen->n_scores : 0;

    for (size_t i = 0; i < n; i++) {
        size_t n_constant = 0, n_undefined = 0;

        for (size_t set = 0; set < chosen->n_sets; set++) {
            int32_t code = chosen->status[set * n + i];

            n_constant += code == BA_TARGET_CONSTANT;
            n_undefined += code != BA_TARGET_SCORED;
        }
        if (n_undefined > 0) {
            ba_ctx_log(ctx, BA_LOG_WARNING,
                "region '%s' has no score in %zu of %zu fits (%s), which leave it out",
                job->regions.list.names[i], n_undefined, chosen->n_sets,
                n_constant == n_undefined ? "its columns are constant"
                                          : "/regions/status tells why");
        }
    }
}
