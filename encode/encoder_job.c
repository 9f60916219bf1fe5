/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/encoder_job.h"
#include "encode/encoder_bands.h"
#include "encode/inference.h"

#include "core/alloc.h"
#include "datasets/fold_ids.h"

#include <math.h>

/* Seconds next to a held-out sample in which haemodynamic responses still overlap. */
#define HAEMODYNAMIC_SECONDS 16.0

/* The file of a SPEC of fold ids joins the list of inputs. */
static int
note_id_file(ba_encode_job_t *job, const char *text)
{
    int status = BA_OK;
    ba_spec_t spec;
    size_t n = job->id_files[0] ? 1 : 0;

    BA_TRY(ba_spec_parse(text, &spec));
    job->id_files[n] = ba_strdup(spec.file);
    ba_spec_free(&spec);
    status = job->id_files[n] ? BA_OK : BA_NOMEM;
out:
    return status;
}

static int
read_fold_ids(const ba_ctx_t *ctx, size_t n_samples, ba_cv_opts_t *cv,
    ba_encode_job_t *job, int32_t **ids)
{
    int status = BA_OK;

    if ((cv->kind == BA_CV_ROWS && !cv->ids) || (cv->kind == BA_CV_SETS && !cv->held)) {
        BA_TRY(note_id_file(job, cv->spec));
    }
    BA_TRY(ba_fold_ids_read(ctx, n_samples, cv, ids));
out:
    return status;
}

static size_t
default_gap(const ba_encode_job_t *job, double tr)
{
    int smallest, largest;
    size_t gap, seconds;

    ba_predictors_delay_range(&job->train, &smallest, &largest);
    if (smallest == 0 && largest == 0) {
        return 0;
    }
    gap = (size_t) (largest > -smallest ? largest : -smallest);
    seconds = tr > 0.0 ? (size_t) ceil(HAEMODYNAMIC_SECONDS / tr - 1e-9) : 0;
    return seconds > gap ? seconds : gap;
}

static int
set_up_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_encode_job_t *job)
{
    int status = BA_OK;
    size_t gap = default_gap(job, opts->tr), n = 0;

    job->fit = opts->fit;
    job->fit.gap_inner = opts->gap_inner < 0 ? gap : (size_t) opts->gap_inner;
    job->fit.gap_outer = opts->gap_outer < 0 ? gap : (size_t) opts->gap_outer;
    BA_TRY(read_fold_ids(ctx, dataset->train.n_samples, &job->fit.cv, job, &job->cv_ids));
    BA_TRY(ba_fold_sets_read(ctx, dataset->train.n_samples, &job->fit.cv, &job->cv_sets));
    BA_TRY(read_fold_ids(
        ctx, dataset->train.n_samples, &job->fit.outer_cv, job, &job->outer_ids));
    BA_TRY(ba_detrend_parse(opts->detrend ? opts->detrend : "none", &job->detrend));
    job->detrend.tr = opts->tr;
    while (n < 3 && job->id_files[n]) {
        n++;
    }
    BA_TRY(
        ba_encode_bands(ctx, dataset, opts, &job->fit, &job->gammas, &job->id_files[n]));
    job->inference = opts->inference;
    BA_TRY(ba_inference_controls(dataset, opts, job));
out:
    return status;
}

static ba_cdmat_t
nuisance_of(const ba_predictors_t *predictors, size_t n_samples)
{
    return (ba_cdmat_t){
        predictors->nuisance, n_samples, predictors->n_nuisance, n_samples};
}

static int
set_up(const ba_ctx_t *ctx, const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    ba_encode_job_t *job)
{
    int status = BA_OK;
    const ba_dataset_part_t *train = &dataset->train, *test = &dataset->test;

    if (!train->responses) {
        BA_TRY(ba_fail(
            BA_VALUE, "responses: none given, wanted --responses or a run table"));
    }
    BA_TRY(ba_predictors_read(ctx, dataset, train, opts, &job->train));
    job->data = (ba_fit_data_t){.design = job->train.design,
        .runs = &train->runs,
        .targets = train->responses,
        .detrend = &job->detrend,
        .nuisance = nuisance_of(&job->train, train->n_samples)};
    if (test->n_samples > 0 && train->nuisance && !test->nuisance) {
        BA_TRY(ba_fail(BA_VALUE, "nuisance: given for training but not for the test set, "
                                 "wanted both (a run table "
                                 "holds both)"));
    }
    if (test->n_samples > 0) {
        BA_TRY(ba_predictors_read(ctx, dataset, test, opts, &job->test));
        job->data.test_design = job->test.design;
        job->data.test_runs = &test->runs;
        job->data.test_targets = test->responses;
        job->data.test_nuisance = nuisance_of(&job->test, test->n_samples);
    }
    BA_TRY(set_up_fit(ctx, dataset, opts, job));
out:
    return status;
}

int
ba_encode_job_open(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_encode_job_t *job)
{
    int status;

    *job = (ba_encode_job_t){0};
    BA_TRY(set_up(ctx, dataset, opts, job));
    BA_TRY(ba_work_make(dataset, opts, job, &job->work));
out:
    return status;
}

void
ba_encode_job_close(ba_encode_job_t *job)
{
    ba_design_free(job->control.design);
    ba_design_free(job->control.test_design);
    ba_free(job->control.spaces);
    ba_free(job->control.gammas);
    ba_free(job->control.test_spaces);
    ba_predictors_free(&job->train);
    ba_predictors_free(&job->test);
    ba_free(job->id_files[0]);
    ba_free(job->id_files[1]);
    ba_free(job->id_files[2]);
    ba_free(job->gammas);
    ba_free(job->cv_sets);
    ba_free(job->cv_ids);
    ba_free(job->outer_ids);
}

int
ba_encode_job_plan(
    const ba_ctx_t *ctx, const ba_encode_job_t *job, ba_encode_fit_info_t *info)
{
    int status = BA_OK;
    size_t features = ba_predictors_bytes(&job->train, job->data.runs->n_samples);
    size_t *kept = NULL;
    ba_runs_t runs = {0};

    info->n_samples = job->data.runs->n_samples;
    info->n_columns = ba_design_n_columns(job->data.design);
    info->n_targets = (job->fit.target_stop ? job->fit.target_stop
                                            : ba_source_n_cols(job->data.targets)) -
                      job->fit.target_start;
    BA_TRY_ALLOC(kept, ba_malloc(info->n_samples, sizeof *kept));
    BA_TRY(ba_runs_trim(
        job->data.runs, job->fit.trim_first, job->fit.trim_last, kept, &runs));
    info->n_used = runs.n_samples;
    BA_TRY(ba_fit_plan(ctx, &job->data, &job->fit, &info->fit));
    BA_TRY(ba_inference_plan(ctx, job, info));
    info->fit.bytes_planned += features;
    info->n_outer = info->fit.n_outer;
out:
    ba_runs_free(&runs);
    ba_free(kept);
    return status;
}
