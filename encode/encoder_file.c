/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/encoder_file.h"

#include "brainalign/encoder.h"
#include "core/alloc.h"
#include "fit/fit_file.h"
#include "encode/encoder_bands.h"
#include "encode/encoder_pca.h"

#include <math.h>
#include <string.h>

/* A vector, or with folds a folds x vector matrix; an absent array is left out. */
static int
write_vector(ba_bundle_t *bundle, const char *path, size_t n, const double *values)
{
    return values ? ba_bundle_write(bundle, path, BA_F64, 1, &n, values) : BA_OK;
}

static int
write_matrix(
    ba_bundle_t *bundle, const char *path, size_t n_rows, size_t n, const double *values)
{
    if (!values || n_rows == 0) {
        return BA_OK;
    }
    return ba_bundle_write(bundle, path, BA_F64, 2, (size_t[]){n_rows, n}, values);
}

static int
write_scores(ba_bundle_t *bundle, const ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t v = result->n_targets;

    BA_TRY(write_vector(bundle, "/scores/r", v, result->r));
    BA_TRY(write_vector(bundle, "/scores/r2", v, result->r2));
    BA_TRY(ba_bundle_write(bundle, "/scores/n_folds", BA_I32, 1, &v, result->n_folds));
    BA_TRY(
        write_matrix(bundle, "/scores/r_by_fold", result->n_outer, v, result->r_by_fold));
    BA_TRY(write_matrix(
        bundle, "/scores/r2_by_fold", result->n_outer, v, result->r2_by_fold));
out:
    return status;
}

/* Outer folds that were fitted: none with a fixed test set, whose one "fold" is the final
 * fit. */
static size_t
n_fitted_folds(const ba_fit_result_t *result)
{
    for (size_t i = 0; i < result->n_samples; i++) {
        if (result->outer_fold[i] >= 0) {
            return result->n_outer;
        }
    }
    return 0;
}

static int
write_alphas(ba_bundle_t *bundle, const ba_fit_result_t *result, int by_fold)
{
    int status = BA_OK;
    size_t v = result->n_targets, a = result->n_alphas, folds = n_fitted_folds(result);

    BA_TRY(write_vector(bundle, "/alphas", a, result->alphas));
    BA_TRY(write_vector(bundle, "/best_alphas", v, result->best_alphas));
    BA_TRY(write_matrix(
        bundle, "/best_alphas_by_fold", folds, v, result->best_alphas_by_fold));
    if (by_fold) {
        BA_TRY(write_matrix(bundle, "/alphas_by_fold", folds, a, result->alphas_by_fold));
    }
    BA_TRY(write_matrix(bundle, "/cv_scores", a, v, result->cv_scores));
    if (result->cv_scores_by_fold && folds > 0) {
        BA_TRY(ba_bundle_write(bundle, "/cv_scores_by_fold", BA_F64, 3,
            (size_t[]){folds, a, v}, result->cv_scores_by_fold));
    }
out:
    return status;
}

/* Column statistics as n_folds x n_delays x n_features (no first dimension for n_folds
 * 0). */
static int
write_columns(ba_bundle_t *bundle, const char *path, const ba_design_t *design,
    size_t n_folds, const double *values)
{
    int status = BA_OK;
    size_t p = ba_design_n_columns(design), n_features = ba_design_n_features(design);
    size_t n_delays, blocks = n_folds > 0 ? n_folds : 1, size;
    double *laid_out = NULL;

    ba_design_delays(design, &n_delays);
    size = n_delays * n_features;
    BA_TRY_ALLOC(laid_out, ba_malloc(blocks, size * sizeof *laid_out));
    for (size_t i = 0; i < blocks * size; i++) {
        laid_out[i] = NAN;
    }
    for (size_t k = 0; k < blocks; k++) {
        for (size_t c = 0; c < p; c++) {
            laid_out[k * size + ba_encoder_file_place(design, c)] = values[k * p + c];
        }
    }
    BA_TRY(n_folds > 0 ? ba_bundle_write(bundle, path, BA_F64, 3,
                             (size_t[]){n_folds, n_delays, n_features}, laid_out)
                       : ba_bundle_write(bundle, path, BA_F64, 2,
                             (size_t[]){n_delays, n_features}, laid_out));
out:
    ba_free(laid_out);
    return status;
}

static int
write_scaling(
    ba_bundle_t *bundle, const ba_design_t *design, const ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t v = result->n_targets, folds = n_fitted_folds(result);

    BA_TRY(
        write_columns(bundle, "/scaling/feature_mean", design, 0, result->feature_mean));
    BA_TRY(write_columns(
        bundle, "/scaling/feature_scale", design, 0, result->feature_scale));
    BA_TRY(write_vector(bundle, "/scaling/response_mean", v, result->target_mean));
    BA_TRY(write_vector(bundle, "/scaling/response_scale", v, result->target_scale));
    BA_TRY(write_vector(bundle, "/intercept", v, result->intercept));
    BA_TRY(
        write_matrix(bundle, "/intercept_by_fold", folds, v, result->intercept_by_fold));
    if (folds > 0) {
        BA_TRY(write_columns(bundle, "/scaling/feature_mean_by_fold", design, folds,
            result->feature_mean_by_fold));
        BA_TRY(write_columns(bundle, "/scaling/feature_scale_by_fold", design, folds,
            result->feature_scale_by_fold));
        BA_TRY(write_matrix(bundle, "/scaling/response_mean_by_fold", folds, v,
            result->target_mean_by_fold));
        BA_TRY(write_matrix(bundle, "/scaling/response_scale_by_fold", folds, v,
            result->target_scale_by_fold));
    }
out:
    return status;
}

static int
write_splits(ba_bundle_t *bundle, const ba_dataset_t *dataset,
    const ba_predictors_t *predictors, const ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t n = result->n_samples, folds = n_fitted_folds(result);
    int32_t *run = NULL;

    BA_TRY_ALLOC(run, ba_malloc(n, sizeof *run));
    for (size_t i = 0; i < n; i++) {
        run[i] = (int32_t) ba_runs_of(&dataset->train.runs, i);
    }
    BA_TRY(ba_bundle_write(bundle, "/splits/run", BA_I32, 1, &n, run));
    BA_TRY(ba_bundle_write(bundle, "/splits/outer", BA_I32, 1, &n, result->outer_fold));
    BA_TRY(ba_bundle_write(bundle, "/splits/inner", BA_I32, 1, &n, result->inner_fold));
    if (folds > 0) {
        BA_TRY(ba_bundle_write(bundle, "/splits/inner_by_fold", BA_I32, 2,
            (size_t[]){folds, n}, result->inner_fold_by_fold));
    }
    BA_TRY(ba_fit_write_inner_sets(bundle, result, folds));
    BA_TRY(ba_bundle_write(
        bundle, "/splits/feature_hash", BA_U64, 1, &n, predictors->row_hash));
    BA_TRY(ba_bundle_write(
        bundle, "/splits/response_hash", BA_U64, 1, &n, result->target_hash));
out:
    ba_free(run);
    return status;
}

static int
write_spaces(
    ba_bundle_t *bundle, const ba_dataset_t *dataset, const ba_predictors_t *predictors)
{
    int status = BA_OK;
    size_t n = predictors->n_spaces, n_delays;
    const int *delays = ba_design_delays(predictors->design, &n_delays);
    int64_t *sizes = NULL;
    uint8_t *has = NULL;

    BA_TRY_ALLOC(sizes, ba_malloc(n, sizeof *sizes));
    BA_TRY_ALLOC(has, ba_calloc(n, n_delays));
    for (size_t k = 0; k < n; k++) {
        const ba_space_t *space = &predictors->spaces[k];

        sizes[k] =
            (int64_t) (space->n_components > 0 ? space->n_components : space->n_features);
        for (size_t d = 0; d < n_delays; d++) {
            for (size_t i = 0; i < space->n_delays; i++) {
                has[k * n_delays + d] |= space->delays[i] == delays[d];
            }
        }
    }
    BA_TRY(ba_bundle_write_strings(
        bundle, "/features/space_names", n, (const char *const *) dataset->space_names));
    BA_TRY(ba_bundle_write(bundle, "/features/space_sizes", BA_I64, 1, &n, sizes));
    BA_TRY(ba_bundle_write(
        bundle, "/features/space_delays", BA_U8, 2, (size_t[]){n, n_delays}, has));
out:
    ba_free(sizes);
    ba_free(has);
    return status;
}

static int
write_voxels(ba_bundle_t *bundle, const ba_image_t *image, size_t start, size_t n)
{
    int status = BA_OK;
    int32_t *ijk = NULL;
    double *mm = NULL, affine[16];

    BA_TRY_ALLOC(ijk, ba_malloc(n, 3 * sizeof *ijk));
    BA_TRY_ALLOC(mm, ba_malloc(n, 3 * sizeof *mm));
    ba_image_affine(image, affine);
    for (size_t t = 0; t < n; t++) {
        ba_image_voxel(image, start + t, ijk + 3 * t);
        for (size_t d = 0; d < 3; d++) {
            mm[3 * t + d] = affine[4 * d] * ijk[3 * t] +
                            affine[4 * d + 1] * ijk[3 * t + 1] +
                            affine[4 * d + 2] * ijk[3 * t + 2] + affine[4 * d + 3];
        }
    }
    BA_TRY(ba_bundle_write(bundle, "/targets/ijk", BA_I32, 2, (size_t[]){n, 3}, ijk));
    BA_TRY(ba_bundle_write(bundle, "/targets/mm", BA_F64, 2, (size_t[]){n, 3}, mm));
out:
    ba_free(ijk);
    ba_free(mm);
    return status;
}

int
ba_encoder_file_targets(ba_bundle_t *bundle, const ba_dataset_t *dataset,
    size_t target_start, size_t n_targets)
{
    int status = BA_OK;
    char(*labels)[64] = NULL;
    const char **names = NULL;
    int known = 1;

    BA_TRY_ALLOC(labels, ba_malloc(n_targets, sizeof *labels));
    BA_TRY_ALLOC(names, ba_malloc(n_targets, sizeof *names));
    for (size_t t = 0; t < n_targets && known; t++) {
        names[t] = ba_dataset_target_label(dataset, target_start + t, labels[t]);
        known = names[t] != NULL;
    }
    if (known) {
        BA_TRY(ba_bundle_write_strings(bundle, "/targets/name", n_targets, names));
    }
    if (dataset->image) {
        BA_TRY(write_voxels(bundle, dataset->image, target_start, n_targets));
    }
out:
    ba_free(labels);
    ba_free(names);
    return status;
}

int
ba_encoder_file_status(ba_bundle_t *bundle, size_t n_targets, const int32_t *codes)
{
    int status = BA_OK;
    static const char *const names[] = {
#define STATUS_NAME(name, value, words) words,
        BA_TARGET_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    };

    BA_TRY(ba_bundle_write(bundle, "/status", BA_I32, 1, &n_targets, codes));
    BA_TRY(ba_bundle_attr_strings(
        bundle, "/status", "names", sizeof names / sizeof *names, names));
out:
    return status;
}

static int
write_attributes(ba_bundle_t *bundle, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_design_t *design,
    const ba_fit_result_t *result, const ba_fit_info_t *info)
{
    int status = BA_OK;
    static const char *const selections[] = {"mse", "r2", "r", "huth-r2"};
    size_t n_delays;
    const int *delays = ba_design_delays(design, &n_delays);
    int64_t version = BA_ENCODER_FORMAT_VERSION, *list = NULL;
    int64_t n_samples = (int64_t) result->n_samples, n_used = (int64_t) result->n_used;
    int64_t across = opts->delay_across_runs;
    int64_t n_total = (int64_t) ba_source_n_cols(dataset->train.responses);
    int64_t range[2] = {(int64_t) result->target_start,
        (int64_t) (result->target_start + result->n_targets)};

    BA_TRY_ALLOC(list, ba_malloc(n_delays, sizeof *list));
    for (size_t i = 0; i < n_delays; i++) {
        list[i] = delays[i];
    }
    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", BA_ENCODER_FORMAT));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, &version));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_samples", 1, &n_samples));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_samples_used", 1, &n_used));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "delays", n_delays, list));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "delay_across_runs", 1, &across));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "target_range", 2, range));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_targets_total", 1, &n_total));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "select", selections[opts->fit.select]));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "solver", info->solver == BA_SOLVER_PRIMAL ? "primal" : "dual"));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "solver_reason", info->reason));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "precision",
        opts->fit.precision == BA_DOUBLE ? "double" : "single"));
out:
    ba_free(list);
    return status;
}

static const char *
cv_word(const ba_cv_opts_t *cv)
{
    static const char *const words[] = {
        "default", "runs", "kfold", "chunks", "rows", "none", "bootstrap", "sets"};

    return words[cv->kind];
}

/* Settings that decide the result and that defaults may have filled in. */
static int
write_settings(ba_bundle_t *bundle, const ba_fit_opts_t *fit)
{
    int status = BA_OK;
    static const char *const scales[] = {"default", "runs", "zscore", "center", "none"};
    static const char *const inner[] = {"center", "outer", "strict"};
    int64_t gap[2] = {(int64_t) fit->gap_inner, (int64_t) fit->gap_outer};
    int64_t shared = fit->shared_alpha, relative = fit->alphas_relative;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "cv", cv_word(&fit->cv)));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "outer_cv", cv_word(&fit->outer_cv)));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "cv_gap", 2, gap));
    BA_TRY(
        ba_bundle_attr_string(bundle, "/", "inner_scaling", inner[fit->inner_scaling]));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "scale_features", scales[fit->scale_features]));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "scale_responses", scales[fit->scale_targets]));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "shared_alpha", 1, &shared));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "alphas", fit->alphas.n == 0 ? "auto" : "given"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "alphas_relative", 1, &relative));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "singular_cutoff", 1, &fit->singular_cutoff));
out:
    return status;
}

/* Run-wise transforms of the responses, so that scoring can repeat them. */
static int
write_transforms(
    ba_bundle_t *bundle, const ba_encode_fit_opts_t *opts, const ba_dataset_t *dataset)
{
    int status = BA_OK;
    ba_scale_t scale = opts->fit.scale_targets;
    int64_t zscore_runs = scale == BA_SCALE_RUNS ||
                          (scale == BA_SCALE_DEFAULT && dataset->train.runs.n_runs >= 2);
    int64_t trim[2] = {(int64_t) opts->fit.trim_first, (int64_t) opts->fit.trim_last};

    BA_TRY(ba_bundle_attr_i64(bundle, "/", "zscore_runs", 1, &zscore_runs));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "trim", 2, trim));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "tr", 1, &opts->tr));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "detrend", opts->detrend ? opts->detrend : "none"));
out:
    return status;
}

int
ba_encoder_file_write(ba_encoder_file_t *file, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_fit_opts_t *fit,
    const ba_predictors_t *predictors, const ba_fit_result_t *result,
    const ba_fit_info_t *info)
{
    int status = BA_OK;
    ba_bundle_t *bundle = file->bundle;

    BA_TRY(write_attributes(bundle, dataset, opts, file->design, result, info));
    BA_TRY(write_settings(bundle, fit));
    BA_TRY(write_transforms(bundle, opts, dataset));
    BA_TRY(write_scores(bundle, result));
    BA_TRY(write_alphas(
        bundle, result, opts->fit.alphas.n == 0 || opts->fit.alphas_relative));
    BA_TRY(write_scaling(bundle, file->design, result));
    BA_TRY(ba_encode_bands_write(bundle, fit, result, n_fitted_folds(result)));
    BA_TRY(write_splits(bundle, dataset, predictors, result));
    BA_TRY(write_spaces(bundle, dataset, predictors));
    BA_TRY(ba_encoder_pca_write(bundle, predictors, result));
    BA_TRY(ba_encoder_file_targets(
        bundle, dataset, result->target_start, result->n_targets));
    BA_TRY(ba_encoder_file_status(bundle, result->n_targets, result->status));
out:
    return status;
}
