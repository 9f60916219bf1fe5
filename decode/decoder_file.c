/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The result file of decode fit. */
#include "decode/decoder_impl.h"
#include "decode/decoder_reading.h"

#include "core/alloc.h"
#include "fit/fit_file.h"

#include <math.h>
#include <string.h>

#define FORMAT "brainalign-decoder"
#define FORMAT_VERSION 1

static size_t
n_lags(const ba_decoder_job_t *job)
{
    return job->inputs.n_lags;
}

int
ba_decoder_file_create(
    const ba_decoder_job_t *job, size_t n_outer, ba_decoder_file_t *out)
{
    int status;
    const ba_fit_opts_t *fit = &job->fit;
    ba_dtype_t type = fit->precision == BA_DOUBLE ? BA_F64 : BA_F32;
    size_t l = n_lags(job), v = ba_decoder_n_columns(job), d = job->targets.n_dims;
    size_t n = 0;

    *out = (ba_decoder_file_t){.job = job};
    BA_TRY(ba_multiply(job->targets.n_samples, d, &n));
    BA_TRY_ALLOC(out->predictions, ba_malloc(n, sizeof *out->predictions));
    for (size_t i = 0; i < n; i++) {
        out->predictions[i] = NAN;
    }
    BA_TRY_ALLOC(out->fold, ba_malloc(job->targets.n_samples, sizeof *out->fold));
    for (size_t i = 0; i < job->targets.n_samples; i++) {
        out->fold[i] = -1;
    }
    BA_TRY(ba_bundle_create(job->opts->output, job->opts->force, &out->bundle));
    if (fit->want_weights) {
        BA_TRY(ba_bundle_reserve(
            out->bundle, "/weights", type, 3, (size_t[]){l, v, d}, &out->weights));
    }
    if (fit->want_fold_weights && n_outer > 0) {
        BA_TRY(ba_bundle_reserve(out->bundle, "/fold_weights", type, 4,
            (size_t[]){n_outer, l, v, d}, &out->fold_weights));
    }
out:
    return status;
}

void
ba_decoder_file_free(ba_decoder_file_t *file)
{
    ba_bundle_free(file->bundle);
    ba_free(file->predictions);
    ba_free(file->fold);
    *file = (ba_decoder_file_t){0};
}

/* Columns run delay by delay, so that a column is its place in delays x voxels. */
static int
send_weights(void *payload, int fold, size_t target0, size_t n, const double *weights)
{
    int status = BA_OK;
    ba_decoder_file_t *file = payload;
    const ba_decoder_job_t *job = file->job;
    ba_sink_t *sink = fold < 0 ? file->weights : file->fold_weights;
    size_t l = n_lags(job), v = ba_decoder_n_columns(job), p = l * v;
    int is_double = job->fit.precision == BA_DOUBLE;
    void *block = NULL;

    if (!sink) {
        return BA_OK;
    }
    BA_TRY_ALLOC(block, ba_malloc(p * n, is_double ? sizeof(double) : sizeof(float)));
    for (size_t c = 0; c < p; c++) {
        for (size_t j = 0; j < n; j++) {
            if (is_double) {
                ((double *) block)[c * n + j] = weights[c + j * p];
            } else {
                ((float *) block)[c * n + j] = (float) weights[c + j * p];
            }
        }
    }
    BA_TRY(fold < 0 ? ba_sink_write(
                          sink, (size_t[]){0, 0, target0}, (size_t[]){l, v, n}, block)
                    : ba_sink_write(sink, (size_t[]){(size_t) fold, 0, 0, target0},
                          (size_t[]){1, l, v, n}, block));
out:
    ba_free(block);
    return status;
}

static int
keep_predictions(void *payload, int fold, const size_t *rows, size_t n_rows,
    size_t target0, size_t n, const double *predictions)
{
    ba_decoder_file_t *file = payload;
    size_t d = file->job->targets.n_dims;

    for (size_t i = 0; i < n_rows; i++) {
        file->fold[rows[i]] = fold;
    }
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n_rows; i++) {
            file->predictions[rows[i] * d + target0 + j] = predictions[i + j * n_rows];
        }
    }
    return BA_OK;
}

ba_fit_sink_t
ba_decoder_file_sink(ba_decoder_file_t *file)
{
    return (ba_fit_sink_t){.payload = file,
        .weights = file->weights || file->fold_weights ? send_weights : NULL,
        .predictions = keep_predictions};
}

/* What is not there, or of no fold, is left out. */
static int
put(ba_bundle_t *bundle, const char *path, int rank, const size_t *dims,
    const double *values)
{
    return values && dims[0] > 0
               ? ba_bundle_write(bundle, path, BA_F64, rank, dims, values)
               : BA_OK;
}

/* Predictions and features in units of the training rows of each sample's fold: what is
 * compared across folds. */
static int
write_scaled(const ba_decoder_file_t *file, const ba_fit_result_t *result)
{
    int status = BA_OK;
    const ba_decoder_targets_t *targets = &file->job->targets;
    size_t n = targets->n_samples, d = targets->n_dims, dims[2] = {n, d};
    double *predictions = NULL, *features = NULL;

    BA_TRY_ALLOC(predictions, ba_malloc(n, d * sizeof *predictions));
    BA_TRY_ALLOC(features, ba_malloc(n, d * sizeof *features));
    for (size_t i = 0; i < n; i++) {
        const double *mean, *scale;
        size_t f = file->fold[i] < 0 ? 0 : (size_t) file->fold[i];

        mean = result->target_mean_by_fold + f * d;
        scale = result->target_scale_by_fold + f * d;
        for (size_t j = 0; j < d; j++) {
            double feature = (targets->values[i + j * n] - mean[j]) / scale[j];

            predictions[i * d + j] = (file->predictions[i * d + j] - mean[j]) / scale[j];
            features[i * d + j] = file->fold[i] < 0 ? (double) NAN : feature;
        }
    }
    BA_TRY(put(file->bundle, "/scaled/predictions", 2, dims, predictions));
    BA_TRY(put(file->bundle, "/scaled/features", 2, dims, features));
out:
    ba_free(predictions);
    ba_free(features);
    return status;
}

static int
write_scores(ba_bundle_t *bundle, const ba_fit_result_t *result)
{
    int status;
    size_t d = result->n_targets, by_fold[2] = {result->n_outer, d};

    BA_TRY(put(bundle, "/scores/r", 1, &d, result->r));
    BA_TRY(put(bundle, "/scores/r2", 1, &d, result->r2));
    BA_TRY(ba_bundle_write(bundle, "/scores/n_folds", BA_I32, 1, &d, result->n_folds));
    BA_TRY(put(bundle, "/scores/r_by_fold", 2, by_fold, result->r_by_fold));
    BA_TRY(put(bundle, "/scores/r2_by_fold", 2, by_fold, result->r2_by_fold));
out:
    return status;
}

static int
write_alphas(
    ba_bundle_t *bundle, const ba_decoder_job_t *job, const ba_fit_result_t *result)
{
    int status, differs = job->fit.alphas.n == 0 || job->fit.alphas_relative;
    size_t d = result->n_targets, a = result->n_alphas, folds = result->n_outer;

    BA_TRY(put(bundle, "/alphas", 1, &a, result->alphas));
    BA_TRY(put(bundle, "/best_alphas", 1, &d, result->best_alphas));
    BA_TRY(put(bundle, "/best_alphas_by_fold", 2, (size_t[]){folds, d},
        result->best_alphas_by_fold));
    if (differs) {
        BA_TRY(put(
            bundle, "/alphas_by_fold", 2, (size_t[]){folds, a}, result->alphas_by_fold));
    }
    BA_TRY(put(bundle, "/cv_scores", 2, (size_t[]){a, d}, result->cv_scores));
    BA_TRY(put(bundle, "/cv_scores_by_fold", 3, (size_t[]){folds, a, d},
        result->cv_scores_by_fold));
out:
    return status;
}

/* Scaling of the targets always, of the responses where weights need it. */
static int
write_scaling(
    ba_bundle_t *bundle, const ba_decoder_job_t *job, const ba_fit_result_t *result)
{
    int status;
    size_t d = result->n_targets, folds = result->n_outer;
    size_t columns[3] = {folds, n_lags(job), ba_decoder_n_columns(job)};

    BA_TRY(put(bundle, "/scaling/feature_mean", 1, &d, result->target_mean));
    BA_TRY(put(bundle, "/scaling/feature_scale", 1, &d, result->target_scale));
    BA_TRY(put(bundle, "/scaling/feature_mean_by_fold", 2, (size_t[]){folds, d},
        result->target_mean_by_fold));
    BA_TRY(put(bundle, "/scaling/feature_scale_by_fold", 2, (size_t[]){folds, d},
        result->target_scale_by_fold));
    BA_TRY(put(bundle, "/intercept", 1, &d, result->intercept));
    if (job->fit.want_weights) {
        BA_TRY(
            put(bundle, "/scaling/response_mean", 2, columns + 1, result->feature_mean));
        BA_TRY(put(
            bundle, "/scaling/response_scale", 2, columns + 1, result->feature_scale));
    }
    if (job->fit.want_fold_weights) {
        BA_TRY(put(bundle, "/intercept_by_fold", 2, (size_t[]){folds, d},
            result->intercept_by_fold));
        BA_TRY(put(bundle, "/scaling/response_mean_by_fold", 3, columns,
            result->feature_mean_by_fold));
        BA_TRY(put(bundle, "/scaling/response_scale_by_fold", 3, columns,
            result->feature_scale_by_fold));
    }
out:
    return status;
}

static int
write_splits(
    ba_bundle_t *bundle, const ba_decoder_job_t *job, const ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t n = result->n_samples, folds = result->n_outer;
    int32_t *run = NULL;

    BA_TRY_ALLOC(run, ba_malloc(n, sizeof *run));
    for (size_t i = 0; i < n; i++) {
        run[i] = (int32_t) ba_runs_of(&job->blocks.runs, i);
    }
    BA_TRY(ba_bundle_write(bundle, "/splits/run", BA_I32, 1, &n, run));
    BA_TRY(ba_bundle_write(bundle, "/splits/outer", BA_I32, 1, &n, result->outer_fold));
    BA_TRY(ba_bundle_write(bundle, "/splits/inner", BA_I32, 1, &n, result->inner_fold));
    if (folds > 0) {
        BA_TRY(ba_bundle_write(bundle, "/splits/inner_by_fold", BA_I32, 2,
            (size_t[]){folds, n}, result->inner_fold_by_fold));
    }
    BA_TRY(ba_fit_write_inner_sets(bundle, result, result->n_outer));
    BA_TRY(ba_bundle_write(
        bundle, "/splits/feature_hash", BA_U64, 1, &n, result->target_hash));
out:
    ba_free(run);
    return status;
}

static int
write_classes(ba_bundle_t *bundle, const ba_decoder_targets_t *targets,
    const ba_decisions_t *decisions, size_t n_outer)
{
    int status;
    size_t n = targets->n_samples, c = targets->n_dims;

    if (!targets->category) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_write_strings(
        bundle, "/classes/name", c, (const char *const *) targets->names));
    BA_TRY(ba_bundle_write(bundle, "/classes/true", BA_I32, 1, &n, targets->category));
    if (n_outer == 0) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_write(
        bundle, "/classes/predicted", BA_I32, 1, &n, decisions->predicted));
    BA_TRY(ba_bundle_write(
        bundle, "/classes/confusion", BA_I64, 2, (size_t[]){c, c}, decisions->confusion));
    BA_TRY(ba_bundle_write(
        bundle, "/classes/accuracy", BA_F64, 0, NULL, &decisions->accuracy));
    BA_TRY(ba_bundle_write(bundle, "/classes/accuracy_by_fold", BA_F64, 1, &n_outer,
        decisions->accuracy_by_fold));
out:
    return status;
}

static int
write_softmax(ba_bundle_t *bundle, const ba_decoder_targets_t *targets,
    const ba_softmax_t *softmax, size_t n_outer)
{
    int status = BA_OK;
    size_t n = targets->n_samples, c = targets->n_dims;
    const ba_decisions_t *decisions = &softmax->decisions;

    if (!softmax->probability) {
        return BA_OK;
    }
    BA_TRY(put(bundle, "/classes/multinomial/probability", 2, (size_t[]){n, c},
        softmax->probability));
    BA_TRY(ba_bundle_write(
        bundle, "/classes/multinomial/predicted", BA_I32, 1, &n, decisions->predicted));
    BA_TRY(ba_bundle_write(bundle, "/classes/multinomial/confusion", BA_I64, 2,
        (size_t[]){c, c}, decisions->confusion));
    BA_TRY(ba_bundle_write(
        bundle, "/classes/multinomial/accuracy", BA_F64, 0, NULL, &decisions->accuracy));
    BA_TRY(put(bundle, "/classes/multinomial/accuracy_by_fold", 1, &n_outer,
        decisions->accuracy_by_fold));
    BA_TRY(
        put(bundle, "/classes/multinomial/alpha_by_fold", 1, &n_outer, softmax->alpha));
    BA_TRY(put(bundle, "/classes/multinomial/gap_by_fold", 1, &n_outer, softmax->gap));
out:
    return status;
}

int
ba_decoder_write_status(ba_bundle_t *bundle, const char *path, int rank,
    const size_t *dims, const int32_t *codes)
{
    int status = BA_OK;
    static const char *const names[] = {
#define STATUS_NAME(name, value, words) words,
        BA_TARGET_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    };

    BA_TRY(ba_bundle_write(bundle, path, BA_I32, rank, dims, codes));
    BA_TRY(ba_bundle_attr_strings(
        bundle, path, "names", sizeof names / sizeof *names, names));
out:
    return status;
}

static int
write_dimensions(
    ba_bundle_t *bundle, const ba_decoder_job_t *job, const ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t d = result->n_targets;

    if (job->targets.names) {
        BA_TRY(ba_bundle_write_strings(
            bundle, "/dimensions/name", d, (const char *const *) job->targets.names));
    }
    BA_TRY(ba_decoder_write_status(bundle, "/status", 1, &d, result->status));
out:
    return status;
}

static const char *
scale_word(ba_scale_t scale)
{
    static const char *const words[] = {"default", "runs", "zscore", "center", "none"};

    return words[scale];
}

static int
write_words(ba_bundle_t *bundle, const ba_decoder_job_t *job, const ba_fit_info_t *info)
{
    int status = BA_OK;
    static const char *const selections[] = {"mse", "r2", "r", "huth-r2"};
    static const char *const inner[] = {"center", "outer", "strict"};
    static const char *const cv[] = {"default", "runs", "kfold", "chunks", "rows", "none",
        "bootstrap", "sets", "subjects", "crossed"};
    static const char *const measures[] = {
        "encoding", "f", "stability", "searchlight", "roi"};
    const ba_fit_opts_t *fit = &job->fit;
    const char *measure =
        ba_decoder_chooses(job->opts) ? measures[job->opts->voxel_score] : "none";
    int by_run = ba_decoder_zscores_runs(job->opts, job->dataset->train.runs.n_runs);
    const char *const words[][2] = {{"format", FORMAT},
        {"select", selections[fit->select]},
        {"solver", info->solver == BA_SOLVER_PRIMAL ? "primal" : "dual"},
        {"solver_reason", info->reason},
        {"precision", fit->precision == BA_DOUBLE ? "double" : "single"},
        {"cv", cv[fit->cv.kind]}, {"outer_cv", cv[fit->outer_cv.kind]},
        {"inner_scaling", inner[fit->inner_scaling]},
        {"scale_responses", by_run ? "runs" : scale_word(fit->scale_features)},
        {"scale_features", scale_word(fit->scale_targets)}, {"voxel_score", measure},
        {"alphas", fit->alphas.n == 0 ? "auto" : "given"},
        {"detrend", job->opts->detrend ? job->opts->detrend : "none"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        BA_TRY(ba_bundle_attr_string(bundle, "/", words[i][0], words[i][1]));
    }
out:
    return status;
}

static int
write_numbers(
    ba_bundle_t *bundle, const ba_decoder_job_t *job, const ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t n = n_lags(job);
    int64_t version = FORMAT_VERSION, *lags = NULL;
    int64_t n_samples = (int64_t) result->n_samples, n_used = (int64_t) result->n_used;
    int64_t gap[2] = {(int64_t) job->fit.gap_inner, (int64_t) job->fit.gap_outer};
    int64_t trim[2] = {(int64_t) job->fit.trim_first, (int64_t) job->fit.trim_last};
    int64_t shared = job->fit.shared_alpha, blocks = job->opts->blocks != NULL;

    BA_TRY_ALLOC(lags, ba_malloc(n, sizeof *lags));
    for (size_t i = 0; i < n; i++) {
        lags[i] = job->inputs.lags[i];
    }
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, &version));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_samples", 1, &n_samples));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_samples_used", 1, &n_used));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "response_delays", n, lags));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "cv_gap", 2, gap));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "trim", 2, trim));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "shared_alpha", 1, &shared));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "blocks", 1, &blocks));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "tr", 1, &job->opts->tr));
out:
    ba_free(lags);
    return status;
}

int
ba_decoder_file_write(ba_decoder_file_t *file, const ba_fit_result_t *result,
    const ba_fit_info_t *info, const ba_decisions_t *decisions,
    const ba_softmax_t *softmax)
{
    int status;
    const ba_decoder_job_t *job = file->job;
    ba_bundle_t *bundle = file->bundle;
    size_t dims[2] = {job->targets.n_samples, job->targets.n_dims};

    BA_TRY(write_words(bundle, job, info));
    BA_TRY(write_numbers(bundle, job, result));
    if (result->n_outer > 0) {
        BA_TRY(put(bundle, "/predictions", 2, dims, file->predictions));
        BA_TRY(write_scaled(file, result));
    }
    BA_TRY(write_scores(bundle, result));
    BA_TRY(write_alphas(bundle, job, result));
    BA_TRY(write_scaling(bundle, job, result));
    BA_TRY(write_splits(bundle, job, result));
    BA_TRY(write_dimensions(bundle, job, result));
    BA_TRY(write_classes(bundle, &job->targets, decisions, result->n_outer));
    BA_TRY(write_softmax(bundle, &job->targets, softmax, result->n_outer));
    BA_TRY(ba_decoder_voxels_write(bundle, job));
    BA_TRY(ba_decoder_write_study(file, result, decisions, softmax));
out:
    return status;
}
