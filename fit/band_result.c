/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a result has for feature spaces with penalties of their own. */
#include "fit/bands.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

int
ba_result_make_bands(const plan_t *plan, ba_fit_result_t *result)
{
    int status = BA_OK;
    const ba_bands_t *bands = &plan->opts->bands;
    size_t n = bands->n_spaces, v = result->n_targets, fitted = plan->n_outer * n * v;
    size_t scored = result->n_outer * n * v, n_models = ba_bands_n_models(bands);

    result->n_spaces = n;
    result->n_models = n_models;
    BA_TRY(ba_result_numbers(n * v, &result->gammas));
    BA_TRY(ba_result_numbers(n * v, &result->deltas));
    BA_TRY(ba_result_numbers(fitted, &result->gammas_by_fold));
    BA_TRY(ba_result_numbers(fitted, &result->deltas_by_fold));
    BA_TRY(ba_result_numbers(n * v, &result->r2_split));
    BA_TRY(ba_result_numbers(n * v, &result->r_split));
    BA_TRY(ba_result_numbers(scored, &result->r2_split_by_fold));
    BA_TRY(ba_result_numbers(scored, &result->r_split_by_fold));
    if (n_models > 1) {
        size_t all = n_models * result->n_outer * v;

        BA_TRY(ba_result_numbers(all, &result->model_r_by_fold));
        BA_TRY(ba_result_numbers(all, &result->model_r2_by_fold));
    } else if (plan->opts->want_cv) {
        BA_TRY(ba_result_numbers(
            plan->n_outer * bands->n_candidates * v, &result->band_scores_by_fold));
    }
out:
    return status;
}

/* Scores of every candidate of the only model. */
static int
keep_scores(const run_t *run, int fold)
{
    int status = BA_OK;
    const search_t *search = run->search;
    ba_fit_result_t *result = run->result;
    size_t v = result->n_targets, n_given = run->plan.opts->bands.n_candidates;

    if (fold >= 0) {
        memcpy(result->band_scores_by_fold + (size_t) fold * n_given * v, search->scores,
            n_given * v * sizeof *search->scores);
        return BA_OK;
    }
    BA_TRY(ba_result_numbers(search->n_candidates * v, &result->band_scores));
    memcpy(result->band_scores, search->scores,
        search->n_candidates * v * sizeof *search->scores);
out:
    return status;
}

/* The candidates of the final fit. */
static int
keep_candidates(const run_t *run)
{
    int status = BA_OK;
    const search_t *search = run->search;
    ba_fit_result_t *result = run->result;
    size_t n = search->n_candidates * result->n_spaces;

    run->info->n_candidates = result->n_candidates = search->n_candidates;
    if (result->n_models > 1) {
        return BA_OK;
    }
    BA_TRY(ba_result_numbers(n, &result->band_gammas));
    memcpy(result->band_gammas, search->gammas, n * sizeof *search->gammas);
out:
    return status;
}

int
ba_result_keep_search(run_t *run, const prepared_t *prepared)
{
    int status = BA_OK;
    const search_t *search = run->search;
    ba_fit_result_t *result = run->result;
    int fold = prepared->problem->fold;
    size_t v = result->n_targets, n = result->n_spaces;
    size_t at = fold < 0 ? 0 : (size_t) fold * n * v;
    double *gammas = fold < 0 ? result->gammas : result->gammas_by_fold + at;
    double *deltas = fold < 0 ? result->deltas : result->deltas_by_fold + at;

    for (size_t t = 0; t < v; t++) {
        const double *gamma = search->gammas + (size_t) search->candidate[t] * n;

        for (size_t k = 0; k < n; k++) {
            gammas[k * v + t] = gamma[k];
            deltas[k * v + t] = log(gamma[k] / search->alphas[search->alpha[t]]);
        }
    }
    if (fold < 0) {
        BA_TRY(keep_candidates(run));
    }
    if (search->scores && result->n_models == 1 && prepared->problem->n_inner > 0) {
        BA_TRY(keep_scores(run, fold));
    }
out:
    return status;
}

void
ba_result_keep_model(const run_t *run, const prepared_t *prepared, size_t model)
{
    ba_fit_result_t *result = run->result;
    int fold = prepared->problem->fold;
    size_t v = result->n_targets, k = fold < 0 ? 0 : (size_t) fold;
    size_t at = (model * result->n_outer + k) * v;

    if (result->n_models < 2 || (fold < 0 && !run->test_tiles)) {
        return;
    }
    memcpy(result->model_r_by_fold + at, result->r_by_fold + k * v,
        v * sizeof *result->r_by_fold);
    memcpy(result->model_r2_by_fold + at, result->r2_by_fold + k * v,
        v * sizeof *result->r2_by_fold);
}

/* Column t of an array of n_rows rows. */
static void
clear_column(double *values, size_t n_rows, size_t v, size_t t)
{
    for (size_t i = 0; values && i < n_rows; i++) {
        values[i * v + t] = NAN;
    }
}

void
ba_result_finish_bands(const plan_t *plan, ba_fit_result_t *result)
{
    size_t v = result->n_targets, n = result->n_spaces, folds = result->n_outer;

    for (size_t t = 0; t < v; t++) {
        int32_t status = result->status[t];

        if (status == BA_TARGET_NONFINITE || status == BA_TARGET_CONSTANT) {
            clear_column(result->r2_split_by_fold, folds * n, v, t);
            clear_column(result->r_split_by_fold, folds * n, v, t);
            clear_column(result->model_r_by_fold, result->n_models * folds, v, t);
            clear_column(result->model_r2_by_fold, result->n_models * folds, v, t);
        }
        if (status == BA_TARGET_NONFINITE) {
            clear_column(result->gammas, n, v, t);
            clear_column(result->deltas, n, v, t);
            clear_column(result->gammas_by_fold, plan->n_outer * n, v, t);
            clear_column(result->deltas_by_fold, plan->n_outer * n, v, t);
        }
    }
    for (size_t k = 0; k < n; k++) {
        ba_result_mean(result->r2_split_by_fold + k * v, folds, n * v, v,
            result->r2_split + k * v, NULL);
        ba_result_mean(result->r_split_by_fold + k * v, folds, n * v, v,
            result->r_split + k * v, NULL);
    }
}
