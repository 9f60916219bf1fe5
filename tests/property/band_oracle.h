/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Banded ridge by brute force: the oracle's whole fit once for every candidate, with
 * columns multiplied by the roots of its gammas, and of these fits for every target what
 * its best candidate has. */
#ifndef BA_PROPERTY_BAND_ORACLE_H
#define BA_PROPERTY_BAND_ORACLE_H

#include "tests/property/study.h"

#include <float.h>

#define MAX_CANDIDATES 12

typedef struct {
    pool_t pool;
    const study_t *study;
    oracle_t fits[MAX_CANDIDATES];
    double *factors[MAX_CANDIDATES]; /* n_features */
    size_t n, n_outer;
    int *chosen, *chosen_by_fold; /* v, n_outer x v: candidates */
} bands_t;

static inline size_t
space_of(const study_t *study, size_t column)
{
    size_t feature = column % study->n_features, space = 0;

    while (feature >= study->space_features[space]) {
        feature -= study->space_features[space++];
    }
    return space;
}

static inline int
better(double score, double best, int is_first)
{
    return !isnan(score) && (is_first || isnan(best) || score > best + DBL_EPSILON);
}

/* Best score of target t in cv (n_alphas x v) at the alpha chosen there. */
static inline double
score_chosen(const oracle_t *fit, const double *cv, const double *best, size_t t)
{
    size_t a = 0;

    while (fit->study->opts.alphas.values[a] != best[t]) {
        a++;
    }
    return cv[a * fit->v + t];
}

/* The candidate of every target from what fits found for fold k (n_outer = the final
 * fit). */
static inline void
choose_candidates(bands_t *bands, size_t k, int *chosen)
{
    size_t v = bands->study->v;
    double best_mean = -INFINITY;
    double *score = pool_doubles(&bands->pool, v), *best = pool_doubles(&bands->pool, v);

    memset(chosen, -1, v * sizeof *chosen);
    for (size_t c = 0; c < bands->n; c++) {
        oracle_t *fit = &bands->fits[c];
        int is_final = k == bands->n_outer;
        const double *cv = is_final ? fit->cv : fit->cv_by_fold + k * fit->n_alphas * v;
        const double *at = is_final ? fit->best : fit->best_by_fold + k * v;
        double mean = 0.0, n = 0.0;

        for (size_t t = 0; t < v; t++) {
            score[t] = score_chosen(fit, cv, at, t);
            if (fit->usable[t] && !isnan(score[t])) {
                mean += score[t];
                n += 1.0;
            }
        }
        for (size_t t = 0; t < v; t++) {
            int takes = bands->study->opts.bands.shared
                            ? better(mean / n, best_mean, c == 0)
                            : better(score[t], best[t], chosen[t] < 0);

            if (takes) {
                chosen[t] = (int) c;
                best[t] = score[t];
            }
        }
        best_mean = better(mean / n, best_mean, c == 0) ? mean / n : best_mean;
    }
    for (size_t t = 0; t < v; t++) {
        chosen[t] = chosen[t] < 0 ? 0 : chosen[t];
    }
}

static inline bands_t
bands_by_force(const study_t *study)
{
    const ba_bands_t *given = &study->opts.bands;
    bands_t bands = {.study = study, .n = given->n_candidates};
    study_t *each = pool_get(&bands.pool, bands.n, sizeof *each);

    for (size_t c = 0; c < bands.n; c++) {
        double *factor = pool_doubles(&bands.pool, study->n_features);

        for (size_t j = 0; j < study->n_features; j++) {
            factor[j] = sqrt(given->gammas[c * given->n_spaces + space_of(study, j)]);
        }
        bands.factors[c] = factor;
        each[c] = *study;
        each[c].factor = factor;
        bands.fits[c] = oracle_fit(&each[c]);
    }
    bands.n_outer = bands.fits[0].n_outer;
    bands.chosen = pool_get(&bands.pool, study->v, sizeof(int));
    bands.chosen_by_fold =
        pool_get(&bands.pool, (bands.n_outer + 1) * study->v, sizeof(int));
    choose_candidates(&bands, bands.n_outer, bands.chosen);
    for (size_t k = 0; k < bands.n_outer; k++) {
        choose_candidates(&bands, k, bands.chosen_by_fold + k * study->v);
    }
    return bands;
}

static inline void
bands_free(bands_t *bands)
{
    for (size_t c = 0; c < bands->n; c++) {
        pool_free(&bands->fits[c].pool);
    }
    pool_free(&bands->pool);
}

static inline void
close_to(const study_t *study, const char *what, size_t t, double found, double wanted,
    double tolerance)
{
    if (!test_is_close(found, wanted, tolerance * fmax(1.0, fabs(wanted)))) {
        study_print(study);
        fail_msg("%s, target %zu: %.17g, wanted %.17g", what, t, found, wanted);
    }
}

/* Weights are for columns without gamma. */
static inline void
compare_weights(const bands_t *bands, const char *what, const double *found,
    const double *wanted, size_t c, size_t t, double tolerance)
{
    const study_t *study = bands->study;
    size_t p = study->n_features * study->n_delays;

    for (size_t i = 0; i < p; i++) {
        close_to(study, what, t, found[i + t * p],
            wanted[i + t * p] * bands->factors[c][i % study->n_features], tolerance);
    }
}

static inline void
compare_gammas(const bands_t *bands, const double *gammas, const double *deltas,
    double alpha, size_t c, size_t t)
{
    const ba_bands_t *given = &bands->study->opts.bands;
    size_t v = bands->study->v;

    for (size_t k = 0; k < given->n_spaces; k++) {
        double gamma = given->gammas[c * given->n_spaces + k];

        assert_true(gammas[k * v + t] == gamma);
        assert_true(deltas[k * v + t] == log(gamma / alpha));
    }
}

/* Everything of target t in fold k. */
static inline void
compare_fold(const bands_t *bands, const outcome_of_fit_t *fit, size_t k, size_t t,
    double tolerance)
{
    const study_t *study = bands->study;
    const ba_fit_result_t *result = &fit->result;
    size_t v = study->v, p = fit->p, at = k * v + t;
    size_t c = (size_t) bands->chosen_by_fold[at], n = study->opts.bands.n_spaces;
    const oracle_t *wanted = &bands->fits[c];

    close_to(study, "best_alphas_by_fold", t, result->best_alphas_by_fold[at],
        wanted->best_by_fold[at], 0.0);
    compare_gammas(bands, result->gammas_by_fold + k * n * v,
        result->deltas_by_fold + k * n * v, wanted->best_by_fold[at], c, t);
    close_to(
        study, "r_by_fold", t, result->r_by_fold[at], wanted->r_by_fold[at], tolerance);
    close_to(study, "r2_by_fold", t, result->r2_by_fold[at], wanted->r2_by_fold[at],
        tolerance);
    if (study->opts.want_fold_weights) {
        compare_weights(bands, "fold weights", fit->weights_by_fold + k * p * v,
            wanted->weights_by_fold + k * p * v, c, t, tolerance);
        close_to(study, "intercept_by_fold", t, result->intercept_by_fold[at],
            wanted->intercept_by_fold[at], tolerance);
    }
    for (size_t i = 0; i < study->train.n; i++) {
        if (result->outer_fold[i] == (int32_t) k) {
            close_to(study, "predictions", t, fit->predictions[i + t * study->train.n],
                wanted->predictions[i + t * study->train.n], tolerance);
        }
    }
}

static inline void
compare_final(
    const bands_t *bands, const outcome_of_fit_t *fit, size_t t, double tolerance)
{
    const study_t *study = bands->study;
    const ba_fit_result_t *result = &fit->result;
    size_t v = study->v, c = (size_t) bands->chosen[t];
    const oracle_t *wanted = &bands->fits[c];

    close_to(study, "best_alphas", t, result->best_alphas[t], wanted->best[t], 0.0);
    compare_gammas(bands, result->gammas, result->deltas, wanted->best[t], c, t);
    for (size_t a = 0; a < result->n_alphas; a++) {
        close_to(study, "cv_scores", t, result->cv_scores[a * v + t],
            wanted->cv[a * v + t], tolerance);
    }
    for (size_t i = 0; i < bands->n && !study->opts.shared_alpha; i++) {
        const oracle_t *of = &bands->fits[i];

        close_to(study, "band_scores", t, result->band_scores[i * v + t],
            score_chosen(of, of->cv, of->best, t), tolerance);
    }
    compare_weights(bands, "weights", fit->weights, wanted->weights, c, t, tolerance);
    close_to(study, "intercept", t, result->intercept[t], wanted->b[t], tolerance);
    if (study->test.n > 0) {
        close_to(
            study, "test r", t, result->r_by_fold[t], wanted->r_by_fold[t], tolerance);
        for (size_t i = 0; i < study->test.n; i++) {
            close_to(study, "test predictions", t,
                fit->predictions[i + t * study->test.n],
                wanted->predictions[i + t * study->test.n], tolerance);
        }
    }
}

static inline void
compare_bands(const bands_t *bands, const outcome_of_fit_t *fit, double tolerance)
{
    assert_int_equal(fit->result.n_candidates, bands->n);
    for (size_t t = 0; t < bands->study->v; t++) {
        if (!bands->fits[0].usable[t]) {
            continue;
        }
        for (size_t k = 0; k < bands->n_outer; k++) {
            compare_fold(bands, fit, k, t, tolerance);
        }
        compare_final(bands, fit, t, tolerance);
    }
}

#endif
