/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit: from an opened data set to a result file. */
#include "decode/decoder_impl.h"
#include "decode/decoder_reading.h"

#include "core/alloc.h"
#include "core/resource.h"
#include "datasets/fold_ids.h"
#include "fit/fit_file.h"

#include <math.h>
#include <string.h>

/* Seconds next to a held-out sample in which haemodynamic responses still overlap. */
#define HAEMODYNAMIC_SECONDS 16.0

ba_decode_fit_opts_t
ba_decode_fit_opts_default(void)
{
    return (ba_decode_fit_opts_t){
        .fit = ba_fit_opts_default(), .gap_inner = -1, .gap_outer = -1};
}

/* ---- the job ---- */

static int
read_folds(const ba_ctx_t *ctx, ba_cv_opts_t *cv, ba_decoder_job_t *job, int32_t **ids)
{
    int status = BA_OK;
    size_t n = job->opts->blocks ? job->blocks.n : job->dataset->train.n_samples;

    if ((cv->kind == BA_CV_ROWS && !cv->ids) || (cv->kind == BA_CV_SETS && !cv->held)) {
        BA_TRY(ba_input_files_add_spec(&job->files, cv->spec));
    }
    BA_TRY(ba_fold_ids_read(ctx, n, cv, ids));
    /* Numbers of alignment samples, which have no part in the splits, go. */
    for (size_t i = 0; *ids && n != job->blocks.n && i < job->blocks.n; i++) {
        (*ids)[i] = (*ids)[job->blocks.rows[i]];
    }
out:
    return status;
}

/* Samples whose responses do not exist are dropped like trimmed ones. */
static void
drop_ends(ba_decoder_job_t *job)
{
    for (size_t i = 0; i < job->inputs.n_lags && !job->opts->blocks; i++) {
        int lag = job->inputs.lags[i];
        size_t size = (size_t) (lag < 0 ? -lag : lag);
        size_t *end = lag < 0 ? &job->fit.trim_first : &job->fit.trim_last;

        *end = size > *end ? size : *end;
    }
}

static size_t
default_gap(const ba_decoder_job_t *job)
{
    size_t gap = 0, seconds;
    double tr = job->opts->tr;

    for (size_t i = 0; i < job->inputs.n_lags && !job->opts->blocks; i++) {
        int lag = job->inputs.lags[i];
        size_t size = (size_t) (lag < 0 ? -lag : lag);

        gap = size > gap ? size : gap;
    }
    seconds = gap > 0 && tr > 0.0 ? (size_t) ceil(HAEMODYNAMIC_SECONDS / tr - 1e-9) : 0;
    return seconds > gap ? seconds : gap;
}

static void
set_scaling(ba_decoder_job_t *job)
{
    const ba_decode_fit_opts_t *opts = job->opts;
    int by_run = ba_decoder_zscores_runs(opts, job->dataset->train.runs.n_runs);

    job->fit.scale_features = opts->scale_responses;
    if (by_run || opts->scale_responses == BA_SCALE_DEFAULT) {
        job->fit.scale_features = BA_SCALE_ZSCORE;
    }
    job->fit.scale_targets = opts->scale_features;
    if (opts->scale_features == BA_SCALE_DEFAULT) {
        job->fit.scale_targets = opts->labels ? BA_SCALE_CENTER : BA_SCALE_ZSCORE;
    }
}

static int
set_up_fit(const ba_ctx_t *ctx, ba_decoder_job_t *job)
{
    int status = BA_OK;
    const ba_decode_fit_opts_t *opts = job->opts;
    size_t gap = default_gap(job);

    BA_TRY(ba_study_set_splits(&job->study, &job->fit));
    drop_ends(job);
    set_scaling(job);
    job->fit.want_predictions = 1;
    job->fit.gap_inner = opts->gap_inner < 0 ? gap : (size_t) opts->gap_inner;
    job->fit.gap_outer = opts->gap_outer < 0 ? gap : (size_t) opts->gap_outer;
    BA_TRY(read_folds(ctx, &job->fit.cv, job, &job->cv_ids));
    BA_TRY(ba_fold_sets_read(ctx, job->blocks.n, &job->fit.cv, &job->cv_sets));
    BA_TRY(read_folds(ctx, &job->fit.outer_cv, job, &job->outer_ids));
out:
    return status;
}

/* Responses as they are, or in the common space of all subjects. */
static int
read_inputs(const ba_ctx_t *ctx, ba_decoder_job_t *job)
{
    int status = BA_OK;
    ba_dataset_part_t part = job->dataset->train;
    ba_decode_fit_opts_t own = *job->opts;
    ba_ctx_t rest;

    if (own.align != BA_ALIGNMENT_NONE) {
        BA_TRY(ba_common_make(ctx, &part, &own, &job->study, &job->common));
        part.responses = job->common.source;
        part.run_responses = NULL;
        part.nuisance = NULL;
        own.detrend = NULL;
    }
    rest = ba_decoder_context(ctx, ba_common_bytes(&job->common));
    BA_TRY(ba_decoder_regions_read(
        ctx, part.responses, job->dataset->image, &own, &job->regions));
    BA_TRY(ba_decoder_inputs_read(
        &rest, &part, &own, &job->blocks, &job->regions, &job->inputs));
    job->common.making = fmax(job->common.making,
        (double) ba_common_bytes(&job->common) +
            (double) ba_decoder_inputs_bytes(&job->inputs, job->blocks.n));
    ba_common_drop_values(&job->common);
out:
    return status;
}

static int
job_open(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_decode_fit_opts_t *opts, ba_decoder_job_t *job)
{
    int status;
    const ba_dataset_part_t *part = &dataset->train;
    const char *items = opts->voxel_items                          ? opts->voxel_items
                        : opts->voxel_score == BA_VOXELS_STABILITY ? opts->labels
                                                                   : NULL;

    *job = (ba_decoder_job_t){.dataset = dataset, .opts = opts, .fit = opts->fit};
    BA_TRY(ba_decoder_check_options(dataset, opts));
    BA_TRY(ba_input_files_add_spec(&job->files, opts->labels));
    BA_TRY(ba_input_files_add_spec(&job->files, opts->blocks));
    BA_TRY(ba_study_read(part, opts, &job->study));
    BA_TRY(ba_blocks_read(
        ctx, opts->blocks, &part->runs, job->study.is_aligning, &job->blocks));
    BA_TRY(ba_study_group(&part->runs, &job->blocks, &job->study));
    BA_TRY(
        ba_decoder_targets_read(ctx, dataset, opts->labels, &job->blocks, &job->targets));
    BA_TRY(ba_input_files_add_spec(&job->files, opts->voxel_items));
    if (items) {
        BA_TRY(ba_decoder_items_read(
            ctx, items, dataset->train.n_samples, &job->blocks, &job->items));
    }
    BA_TRY(ba_input_files_add_spec(&job->files, opts->voxel_positions));
    for (size_t i = 0; i < opts->n_rois; i++) {
        const char *equals = strchr(opts->rois[i], '=');

        BA_TRY(ba_input_files_add_spec(&job->files, equals ? equals + 1 : opts->rois[i]));
    }
    BA_TRY(read_inputs(ctx, job));
    BA_TRY(ba_source_from_memory(job->targets.values, job->targets.n_samples,
        job->targets.n_dims, job->targets.n_samples,
        opts->labels ? opts->labels : "features", &job->source));
    job->data = (ba_fit_data_t){
        .design = job->inputs.design, .runs = &job->blocks.runs, .targets = job->source};
    BA_TRY(set_up_fit(ctx, job));
out:
    return status;
}

static void
job_close(ba_decoder_job_t *job)
{
    ba_chosen_free(&job->chosen);
    ba_neighbourhoods_free(&job->neighbourhoods);
    ba_source_close(job->source);
    ba_decoder_inputs_free(&job->inputs);
    ba_decoder_regions_free(&job->regions);
    ba_decoder_targets_free(&job->targets);
    ba_decoder_targets_free(&job->items);
    ba_blocks_free(&job->blocks);
    ba_common_free(&job->common);
    ba_study_free(&job->study);
    ba_free(job->cv_ids);
    ba_free(job->outer_ids);
    ba_free(job->cv_sets);
    ba_input_files_free(&job->files);
}

/* ---- the fit ---- */

static void
sum_up_alignment(const ba_decoder_job_t *job, ba_decode_fit_info_t *info)
{
    const ba_alignment_t *fit = &job->common.fit;

    info->n_subjects = job->dataset->train.run_subjects ? job->study.n_subjects : 0;
    info->n_aligned = fit->n_samples;
    info->n_common = fit->n_features;
    for (size_t s = 0; s < fit->n_subjects; s++) {
        info->explained += fit->explained[s] / (double) fit->n_subjects;
    }
}

static int
plan(const ba_ctx_t *ctx, const ba_decoder_job_t *job, ba_decode_fit_info_t *info)
{
    int status = BA_OK;
    size_t *kept = NULL;
    ba_runs_t runs = {0};

    info->n_samples = job->blocks.n;
    info->n_columns = ba_design_n_columns(job->inputs.design);
    info->n_dims = job->targets.n_dims;
    info->n_voxels = job->inputs.n_voxels;
    info->n_chosen = ba_decoder_chooses(job->opts) ? ba_decoder_n_columns(job) : 0;
    info->n_regions = job->regions.list.n;
    info->n_best_rois = job->opts->n_best_rois;
    info->n_unusable = job->inputs.n_unusable + job->common.n_unusable;
    sum_up_alignment(job, info);
    info->n_classes = job->targets.category ? job->targets.n_dims : 0;
    BA_TRY_ALLOC(kept, ba_malloc(job->blocks.n, sizeof *kept));
    BA_TRY(ba_runs_trim(
        &job->blocks.runs, job->fit.trim_first, job->fit.trim_last, kept, &runs));
    info->n_used = runs.n_samples;
    BA_TRY(ba_fit_plan(ctx, &job->data, &job->fit, &info->fit));
    info->n_outer = info->fit.n_outer;
out:
    ba_runs_free(&runs);
    ba_free(kept);
    return status;
}

static void
sum_up(const ba_fit_result_t *result, const ba_decisions_t *decisions,
    ba_decode_fit_info_t *info)
{
    double r = 0.0, r2 = 0.0;
    size_t n = 0;

    for (size_t j = 0; j < result->n_targets; j++) {
        if (result->status[j] == BA_TARGET_SCORED && isfinite(result->r[j])) {
            r += result->r[j];
            r2 += result->r2[j];
            n++;
        }
    }
    info->n_scored = n;
    info->mean_r = r / (double) n;
    info->mean_r2 = r2 / (double) n;
    info->accuracy = decisions->predicted ? decisions->accuracy : (double) NAN;
    info->n_decided = decisions->n_decided;
}

static void
warn(const ba_ctx_t *ctx, ba_cv_kind_t kind, const ba_decode_fit_info_t *info)
{
    if (info->n_unusable > 0 && info->n_common > 0) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "%zu response columns of subjects hold values that are not finite and are "
            "left "
            "out",
            info->n_unusable);
    } else if (info->n_unusable > 0) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "%zu of %zu response columns hold values that are not finite and are left "
            "out",
            info->n_unusable, info->n_voxels);
    }
    if (kind == BA_CV_SUBJECTS) {
        ba_ctx_log(ctx, BA_LOG_WARNING,
            "outer subjects: stimuli that are tested were trained on in other subjects; "
            "crossed leaves both out");
    }
    if (info->n_outer > 0 && info->n_scored < info->n_dims) {
        ba_ctx_log(ctx, BA_LOG_WARNING, "%zu of %zu dimensions have no score (/status)",
            info->n_dims - info->n_scored, info->n_dims);
    }
}

static int
fit(const ba_ctx_t *ctx, ba_decoder_job_t *job, ba_decode_fit_info_t *info)
{
    int status;
    const ba_decode_fit_opts_t *opts = job->opts;
    ba_provenance_t provenance = ba_provenance_start(ctx, opts->argc, opts->argv);
    size_t held = ba_decoder_held(job);
    ba_ctx_t own = ba_decoder_context(ctx, held);
    ba_decoder_file_t file = {0};
    ba_fit_result_t result = {0};
    ba_decisions_t decisions = {0};
    ba_softmax_t softmax = {0};
    ba_fit_sink_t sink;

    if (ba_decoder_chooses(opts)) {
        BA_TRY(ba_decoder_check_choice(&own, job));
        held = ba_decoder_held(job);
        own = ba_decoder_context(ctx, held);
    }
    BA_TRY(plan(&own, job, info));
    BA_TRY(ba_decoder_plan_choice(&own, job));
    info->fit.bytes_planned = ba_decoder_peak(job, held, info->fit.bytes_planned);
    if (opts->dry_run) {
        return BA_OK;
    }
    if (opts->audit) {
        BA_TRY(ba_decoder_audit(&own, job, &info->audit));
        BA_TRY(ba_audit_judge(&info->audit));
    }
    BA_TRY(ba_decoder_file_create(job, info->n_outer, &file));
    sink = ba_decoder_file_sink(&file);
    BA_TRY(ba_decoder_run(&own, job, &job->fit, &sink, &result, &info->fit));
    info->fit.bytes_planned = ba_decoder_peak(job, held, info->fit.bytes_planned);
    if (job->targets.category && result.n_outer > 0) {
        BA_TRY(ba_decisions_make(
            &job->targets, file.predictions, file.fold, result.n_outer, &decisions));
    }
    if (opts->multinomial && result.n_outer > 0) {
        BA_TRY(ba_softmax_run(&own, job, &result, file.fold, &softmax));
        info->multinomial_accuracy = softmax.decisions.accuracy;
    }
    sum_up(&result, &decisions, info);
    warn(ctx, job->fit.outer_cv.kind, info);
    ba_decoder_warn_regions(ctx, job);
    BA_TRY(ba_decoder_file_write(&file, &result, &info->fit, &decisions, &softmax));
    BA_TRY(ba_provenance_write(
        &provenance, job->dataset, (const char *const *) job->files.names, file.bundle));
    BA_TRY(ba_bundle_commit(file.bundle));
    ba_fit_log(ctx, &info->fit);
out:
    ba_softmax_free(&softmax);
    ba_decisions_free(&decisions);
    ba_fit_result_free(&result);
    ba_decoder_file_free(&file);
    return status;
}

int
ba_decode_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_decode_fit_opts_t *opts, ba_decode_fit_info_t *info)
{
    int status;
    ba_decoder_job_t job;
    ba_decode_fit_info_t account = {0};
    double start = ba_seconds();

    BA_TRY(job_open(ctx, dataset, opts, &job));
    BA_TRY(fit(ctx, &job, &account));
    account.seconds = ba_seconds() - start;
    account.peak_bytes = ba_peak_bytes();
    if (info) {
        *info = account;
    }
out:
    job_close(&job);
    return status;
}
