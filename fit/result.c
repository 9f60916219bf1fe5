/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arrays of a result: made full of NaN, filled by the loop, summed up at its end. */
#include "fit/fit_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

int
ba_result_numbers(size_t n, double **out)
{
    *out = ba_malloc(n, sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = NAN;
    }
    return BA_OK;
}

static int
new_folds(size_t n, int32_t **out)
{
    *out = ba_malloc(n, sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    memset(*out, -1, n * sizeof **out);
    return BA_OK;
}

static int
new_targets(const plan_t *plan, ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t v = result->n_targets, folds = result->n_outer;

    BA_TRY(ba_result_numbers(v, &result->r));
    BA_TRY(ba_result_numbers(v, &result->r2));
    BA_TRY(ba_result_numbers(folds * v, &result->r_by_fold));
    BA_TRY(ba_result_numbers(folds * v, &result->r2_by_fold));
    BA_TRY(ba_result_numbers(v, &result->best_alphas));
    BA_TRY(ba_result_numbers(plan->n_outer * v, &result->best_alphas_by_fold));
    BA_TRY(ba_result_numbers(v, &result->intercept));
    BA_TRY(ba_result_numbers(v, &result->target_mean));
    BA_TRY(ba_result_numbers(v, &result->target_scale));
    BA_TRY(ba_result_numbers(plan->n_outer * v, &result->target_mean_by_fold));
    BA_TRY(ba_result_numbers(plan->n_outer * v, &result->target_scale_by_fold));
    if (plan->opts->want_fold_weights) {
        BA_TRY(ba_result_numbers(plan->n_outer * v, &result->intercept_by_fold));
    }
    if (plan->opts->want_cv) {
        BA_TRY(ba_result_numbers(result->n_alphas * v, &result->cv_scores));
        BA_TRY(ba_result_numbers(
            plan->n_outer * result->n_alphas * v, &result->cv_scores_by_fold));
    }
    BA_TRY_ALLOC(result->n_folds, ba_calloc(v, sizeof *result->n_folds));
    BA_TRY_ALLOC(result->status, ba_calloc(v, sizeof *result->status));
out:
    return status;
}

/* The id that the user gave a fold; its ordinal where splits have no ids. */
static int32_t
fold_id(const ba_cv_opts_t *cv, int32_t ordinal, size_t sample)
{
    return cv->kind == BA_CV_ROWS && ordinal >= 0 ? cv->ids[sample] : ordinal;
}

int
ba_result_make(const plan_t *plan, ba_fit_result_t *result)
{
    int status = BA_OK;
    size_t p = plan->n_columns;

    *result = (ba_fit_result_t){.n_samples = plan->n_samples, .n_used = plan->n_used};
    result->n_columns = p;
    result->n_features = ba_design_n_features(plan->data->design);
    ba_design_delays(plan->data->design, &result->n_delays);
    result->n_targets = plan->n_targets;
    result->target_start = plan->opts->target_start;
    result->n_outer = plan->data->test_design ? 1 : plan->n_outer;
    result->n_alphas = ba_plan_n_alphas(plan);
    BA_TRY(new_targets(plan, result));
    BA_TRY(ba_result_numbers(result->n_alphas, &result->alphas));
    BA_TRY(ba_result_numbers(plan->n_outer * result->n_alphas, &result->alphas_by_fold));
    BA_TRY(ba_result_numbers(p, &result->feature_mean));
    BA_TRY(ba_result_numbers(p, &result->feature_scale));
    BA_TRY(ba_result_numbers(plan->n_outer * p, &result->feature_mean_by_fold));
    BA_TRY(ba_result_numbers(plan->n_outer * p, &result->feature_scale_by_fold));
    BA_TRY(new_folds(plan->n_samples, &result->outer_fold));
    BA_TRY(new_folds(plan->n_samples, &result->inner_fold));
    BA_TRY(new_folds(plan->n_outer * plan->n_samples, &result->inner_fold_by_fold));
    BA_TRY_ALLOC(
        result->target_hash, ba_calloc(plan->n_samples, sizeof *result->target_hash));
    if (ba_plan_is_banded(plan)) {
        BA_TRY(ba_result_make_bands(plan, result));
    }
    if (ba_cv_is_overlapping(&plan->opts->cv)) {
        size_t n = plan->opts->cv.n_folds * plan->n_samples;

        result->n_sets = plan->opts->cv.n_folds;
        BA_TRY_ALLOC(result->inner_sets, ba_calloc(n, 1));
        BA_TRY_ALLOC(result->inner_sets_by_fold, ba_calloc(plan->n_outer, n));
    }
    if (ba_pca_most(plan->data->design) > 0) {
        result->n_pca = ba_design_n_spaces(plan->data->design);
    }
    if (result->n_pca > 0 && plan->opts->want_fold_weights && plan->n_outer > 0) {
        BA_TRY_ALLOC(result->pca_by_fold,
            ba_calloc(plan->n_outer, result->n_pca * sizeof *result->pca_by_fold));
    }
    if (plan->data->test_design) {
        BA_TRY_ALLOC(result->test_target_hash, ba_calloc(plan->data->test_runs->n_samples,
                                                   sizeof *result->test_target_hash));
    }
    for (size_t i = 0; i < plan->n_used; i++) {
        result->outer_fold[plan->rows[i]] =
            fold_id(&plan->opts->outer_cv, plan->outer_fold[i], plan->rows[i]);
    }
out:
    return status;
}

int
ba_result_keep_pca(const prepared_t *prepared, ba_fit_result_t *result)
{
    int status = BA_OK, fold = prepared->problem->fold;
    size_t n = result->n_pca;
    ba_pca_t *copy = NULL;

    if (n == 0 || (fold < 0 && result->pca) || (fold >= 0 && !result->pca_by_fold)) {
        return BA_OK;
    }
    BA_TRY(ba_pca_copy(prepared->columns.pca, n, &copy));
    if (fold < 0) {
        result->pca = copy;
        return BA_OK;
    }
    memcpy(result->pca_by_fold + (size_t) fold * n, copy, n * sizeof *copy);
    ba_free(copy);
out:
    return status;
}

/* Which samples each of the inner sets validates. */
static void
keep_sets(const prepared_t *prepared, ba_fit_result_t *result)
{
    const problem_t *problem = prepared->problem;
    const plan_t *plan = prepared->plan;
    size_t n = plan->n_samples;
    uint8_t *sets = problem->fold < 0 ? result->inner_sets
                                      : result->inner_sets_by_fold +
                                            (size_t) problem->fold * result->n_sets * n;

    for (size_t s = 0; s < result->n_sets && s < problem->n_inner; s++) {
        const split_t *split = &problem->inner[s];

        for (size_t i = 0; i < split->n_validate; i++) {
            sets[s * n + plan->rows[split->validate[i]]] = 1;
        }
    }
}

void
ba_result_keep_problem(const prepared_t *prepared, ba_fit_result_t *result)
{
    const problem_t *problem = prepared->problem;
    const plan_t *plan = prepared->plan;
    size_t p = plan->n_columns, k = problem->fold < 0 ? 0 : (size_t) problem->fold;
    double *mean =
        problem->fold < 0 ? result->feature_mean : result->feature_mean_by_fold + k * p;
    double *scale =
        problem->fold < 0 ? result->feature_scale : result->feature_scale_by_fold + k * p;
    double *alphas = problem->fold < 0 ? result->alphas
                                       : result->alphas_by_fold + k * result->n_alphas;
    int32_t *inner = problem->fold < 0 ? result->inner_fold
                                       : result->inner_fold_by_fold + k * plan->n_samples;

    for (size_t j = 0; j < p; j++) {
        mean[j] = prepared->feature_mean ? prepared->feature_mean[j] : 0.0;
        scale[j] = prepared->feature_scale ? prepared->feature_scale[j] : 1.0;
    }
    memcpy(alphas, prepared->alphas, result->n_alphas * sizeof *alphas);
    keep_sets(prepared, result);
    for (size_t i = 0; problem->inner_fold && i < problem->n_train; i++) {
        size_t sample = plan->rows[problem->train[i]];

        inner[sample] = fold_id(&plan->opts->cv, problem->inner_fold[i], sample);
    }
}

void
ba_result_mean(const double *by_fold, size_t n_folds, size_t stride, size_t v,
    double *mean, int32_t *n)
{
    for (size_t t = 0; t < v; t++) {
        double sum = 0.0;
        int32_t defined = 0;

        for (size_t k = 0; k < n_folds; k++) {
            if (isfinite(by_fold[k * stride + t])) {
                sum += by_fold[k * stride + t];
                defined++;
            }
        }
        mean[t] = defined > 0 ? sum / defined : (double) NAN;
        if (n) {
            n[t] = defined;
        }
    }
}

static void
clear_scores(ba_fit_result_t *result, size_t t)
{
    for (size_t k = 0; k < result->n_outer; k++) {
        result->r_by_fold[k * result->n_targets + t] = NAN;
        result->r2_by_fold[k * result->n_targets + t] = NAN;
    }
}

/* A target that could not be used has no scores at all, whatever its zeros gave. */
static void
clear_unusable(const plan_t *plan, ba_fit_result_t *result, size_t t)
{
    size_t v = result->n_targets;

    clear_scores(result, t);
    for (size_t a = 0; result->cv_scores && a < result->n_alphas; a++) {
        result->cv_scores[a * v + t] = NAN;
    }
    for (size_t a = 0; result->cv_scores_by_fold && a < plan->n_outer * result->n_alphas;
         a++) {
        result->cv_scores_by_fold[a * v + t] = NAN;
    }
    if (result->status[t] != BA_TARGET_NONFINITE) {
        return;
    }
    result->best_alphas[t] = NAN;
    result->intercept[t] = NAN;
    result->target_mean[t] = NAN;
    result->target_scale[t] = NAN;
    for (size_t k = 0; k < plan->n_outer; k++) {
        result->best_alphas_by_fold[k * v + t] = NAN;
        result->target_mean_by_fold[k * v + t] = NAN;
        result->target_scale_by_fold[k * v + t] = NAN;
        if (result->intercept_by_fold) {
            result->intercept_by_fold[k * v + t] = NAN;
        }
    }
}

void
ba_result_finish(const plan_t *plan, const int32_t *test_status, const int32_t *no_inner,
    ba_fit_result_t *result)
{
    size_t v = result->n_targets;

    for (size_t t = 0; t < v; t++) {
        if (result->status[t] == BA_TARGET_SCORED && no_inner[t]) {
            result->status[t] = BA_TARGET_NO_INNER_SCORE;
        }
        if (result->status[t] == BA_TARGET_NONFINITE ||
            result->status[t] == BA_TARGET_CONSTANT) {
            clear_unusable(plan, result, t);
        } else if (test_status && test_status[t] == BA_TARGET_NONFINITE) {
            result->status[t] = BA_TARGET_NONFINITE;
            clear_scores(result, t);
        }
    }
    ba_result_mean(
        result->r2_by_fold, result->n_outer, v, v, result->r2, result->n_folds);
    ba_result_mean(result->r_by_fold, result->n_outer, v, v, result->r, result->n_folds);
    if (ba_plan_is_banded(plan)) {
        ba_result_finish_bands(plan, result);
    }
    for (size_t t = 0; t < v; t++) {
        if (result->status[t] == BA_TARGET_SCORED && result->n_outer == 0) {
            result->status[t] = BA_TARGET_NO_TEST;
        } else if (result->status[t] == BA_TARGET_SCORED && result->n_folds[t] == 0) {
            result->status[t] = BA_TARGET_NO_TEST_VARIANCE;
        }
    }
}

void
ba_fit_result_free(ba_fit_result_t *result)
{
    double **numbers[] = {&result->r, &result->r2, &result->r_by_fold,
        &result->r2_by_fold, &result->alphas, &result->alphas_by_fold,
        &result->best_alphas, &result->best_alphas_by_fold, &result->cv_scores,
        &result->cv_scores_by_fold, &result->intercept, &result->intercept_by_fold,
        &result->feature_mean, &result->feature_scale, &result->feature_mean_by_fold,
        &result->feature_scale_by_fold, &result->target_mean, &result->target_scale,
        &result->target_mean_by_fold, &result->target_scale_by_fold, &result->gammas,
        &result->deltas, &result->gammas_by_fold, &result->deltas_by_fold,
        &result->r2_split, &result->r_split, &result->r2_split_by_fold,
        &result->r_split_by_fold, &result->band_scores, &result->band_gammas,
        &result->band_scores_by_fold, &result->model_r_by_fold,
        &result->model_r2_by_fold};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ba_free(*numbers[i]);
    }
    ba_free(result->n_folds);
    ba_free(result->status);
    ba_free(result->outer_fold);
    ba_pca_free(result->pca, result->n_pca);
    ba_pca_free(result->pca_by_fold, result->n_outer * result->n_pca);
    ba_free(result->inner_sets);
    ba_free(result->inner_sets_by_fold);
    ba_free(result->inner_fold);
    ba_free(result->inner_fold_by_fold);
    ba_free(result->target_hash);
    ba_free(result->test_target_hash);
    *result = (ba_fit_result_t){0};
}
