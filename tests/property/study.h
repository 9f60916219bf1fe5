/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random small studies, the library's fit of them with all that its sink receives, and
 * the comparison of that with the oracle. */
#ifndef BA_PROPERTY_STUDY_H
#define BA_PROPERTY_STUDY_H

#include "tests/property/oracle_run.h"

/* What a random study looks like; zero means the default in brackets. */
typedef struct {
    size_t n_samples;   /* about so many (48) */
    size_t n_features;  /* (4) */
    size_t n_delays;    /* 1 .. MAX_DELAYS (2) */
    size_t n_runs;      /* (3) */
    size_t n_targets;   /* (5) */
    size_t n_test_runs; /* runs of a fixed test set (none) */
    size_t n_slabs;     /* repeats of it (1) */
    uint64_t seed;
} shape_t;

static inline size_t
or_default(size_t value, size_t otherwise)
{
    return value > 0 ? value : otherwise;
}

/* Runs of unequal length. */
static inline void
lay_recording(recording_t *recording, size_t n, size_t n_runs, uint64_t *seed)
{
    *recording = (recording_t){.n_runs = n_runs, .n_slabs = 1};
    for (size_t k = 0; k < n_runs; k++) {
        recording->onset[k] = recording->n;
        recording->n += n / n_runs + test_below(seed, 4);
    }
    recording->onset[n_runs] = recording->n;
}

static inline void
fill_features(pool_t *pool, study_t *study, recording_t *recording, uint64_t *seed)
{
    size_t size = recording->n * study->n_features;

    recording->x = pool_doubles(pool, size);
    for (size_t i = 0; i < size; i++) {
        double scale = 0.5 + 0.3 * (double) (i / recording->n % 5);

        recording->x[i] = test_normal(seed) * scale + 0.4;
    }
}

/* Targets follow the delayed features with weights of their own, noise and an offset that
 * differs between runs. */
static inline void
fill_targets(pool_t *pool, study_t *study, recording_t *recording, const double *weights,
    uint64_t *seed)
{
    size_t p = study->n_features * study->n_delays, n = recording->n, v = study->v;

    recording->y = pool_doubles(pool, n * v * recording->n_slabs);
    for (size_t s = 0; s < recording->n_slabs; s++) {
        for (size_t k = 0; k < recording->n_runs; k++) {
            for (size_t t = recording->onset[k]; t < recording->onset[k + 1]; t++) {
                for (size_t j = 0; j < v; j++) {
                    double sum = 3.0 + 0.5 * (double) k + test_normal(seed) * 2.0;

                    for (size_t c = 0; c < p; c++) {
                        sum += weights[c + j * p] * delayed(study, recording, k, t, c);
                    }
                    recording->y[t + (j + s * v) * n] = sum * (1.0 + 0.3 * (double) j);
                }
            }
        }
    }
}

/* Fills a study with data and with settings: a grid of four alphas, all results wanted,
 * double precision. Memory belongs to the pool. */
static inline study_t
study_make(pool_t *pool, const shape_t *shape)
{
    static const int delays[MAX_DELAYS] = {1, 0, 3, -2};
    static const double grid[] = {0.5, 5.0, 50.0, 500.0};
    uint64_t seed = shape->seed + 1;
    study_t study = {.n_features = or_default(shape->n_features, 4),
        .v = or_default(shape->n_targets, 5),
        .n_delays = or_default(shape->n_delays, 2)};
    double *weights;

    memcpy(study.delays, delays, sizeof delays);
    study.opts = ba_fit_opts_default();
    study.opts.precision = BA_DOUBLE;
    study.opts.alphas.n = sizeof grid / sizeof *grid;
    study.opts.alphas.values = pool_doubles(pool, study.opts.alphas.n);
    memcpy(study.opts.alphas.values, grid, sizeof grid);
    study.opts.want_weights = study.opts.want_predictions = study.opts.want_cv = 1;
    lay_recording(&study.train, or_default(shape->n_samples, 48),
        or_default(shape->n_runs, 3), &seed);
    weights = pool_doubles(pool, study.n_features * study.n_delays * study.v);
    for (size_t i = 0; i < study.n_features * study.n_delays * study.v; i++) {
        weights[i] = test_normal(&seed) * 0.6;
    }
    fill_features(pool, &study, &study.train, &seed);
    fill_targets(pool, &study, &study.train, weights, &seed);
    if (shape->n_test_runs > 0) {
        lay_recording(&study.test, 20 * shape->n_test_runs, shape->n_test_runs, &seed);
        study.test.n_slabs = or_default(shape->n_slabs, 1);
        fill_features(pool, &study, &study.test, &seed);
        fill_targets(pool, &study, &study.test, weights, &seed);
    }
    return study;
}

/* ---- the library's side ---- */

/* What ba_fit_run() gave; arrays indexed by absolute targets are full-width. */
typedef struct {
    pool_t pool;
    const study_t *study;
    size_t p;
    double *weights, *weights_by_fold; /* p x v, n_outer x (p x v) */
    double *predictions;               /* samples x v */
    size_t n_predicted, next_target;   /* cells received; to check the order */
    ba_fit_result_t result;
    ba_fit_info_t info;
    int status;
} outcome_of_fit_t;

static inline int
take_weights(void *payload, int fold, size_t target0, size_t n, const double *weights)
{
    outcome_of_fit_t *fit = payload;
    size_t size = fit->p * fit->study->v;
    double *dst = fold < 0 ? fit->weights : fit->weights_by_fold + (size_t) fold * size;

    memcpy(dst + target0 * fit->p, weights, n * fit->p * sizeof *weights);
    return BA_OK;
}

static inline int
take_predictions(void *payload, int fold, const size_t *rows, size_t n_rows,
    size_t target0, size_t n, const double *predictions)
{
    outcome_of_fit_t *fit = payload;
    const study_t *study = fit->study;
    size_t n_samples = study->test.n > 0 ? study->test.n : study->train.n;

    assert_int_equal(fold<0, study->test.n> 0);
    for (size_t i = 0; i < n_rows * n; i++) {
        size_t at = rows[i % n_rows] + (target0 + i / n_rows) * n_samples;

        assert_true(isnan(fit->predictions[at])); /* every cell once */
        fit->predictions[at] = predictions[i];
    }
    fit->n_predicted += n_rows * n;
    return BA_OK;
}

/* Sources, designs and runs of the two recordings. */
typedef struct {
    ba_runs_t runs, test_runs;
    ba_space_t spaces[MAX_SPACES], test_spaces[MAX_SPACES];
    ba_design_t *design, *test_design;
    ba_source_t *source, *test_source;
    ba_fit_data_t data;
} inputs_t;

static inline void
open_recording(const study_t *study, const recording_t *recording, ba_runs_t *runs,
    ba_space_t *spaces, ba_design_t **design, ba_source_t **source)
{
    size_t n_spaces = study->n_spaces > 0 ? study->n_spaces : 1, feature = 0;
    ba_source_t *slabs[4];

    assert_int_equal(
        ba_runs_from_onsets(recording->onset, recording->n_runs, recording->n, runs),
        BA_OK);
    for (size_t k = 0; k < n_spaces; k++) {
        size_t n = study->n_spaces > 0 ? study->space_features[k] : study->n_features;

        spaces[k] = (ba_space_t){"features", NULL, recording->x + feature * recording->n,
            n, study->delays, study->n_delays, study->n_components};
        feature += n;
    }
    assert_int_equal(
        ba_design_new(spaces, n_spaces, runs, BA_DELAY_WITHIN_RUNS, design), BA_OK);
    for (size_t s = 0; s < recording->n_slabs; s++) {
        assert_int_equal(
            ba_source_from_memory(recording->y + s * recording->n * study->v,
                recording->n, study->v, recording->n, "responses", &slabs[s]),
            BA_OK);
    }
    *source = slabs[0];
    if (recording->n_slabs > 1) {
        assert_int_equal(ba_source_slabs(slabs, recording->n_slabs, source), BA_OK);
    }
}

static inline void
inputs_open(const study_t *study, inputs_t *inputs)
{
    *inputs = (inputs_t){0};
    open_recording(study, &study->train, &inputs->runs, inputs->spaces, &inputs->design,
        &inputs->source);
    inputs->data = (ba_fit_data_t){
        .design = inputs->design, .runs = &inputs->runs, .targets = inputs->source};
    if (study->test.n > 0) {
        open_recording(study, &study->test, &inputs->test_runs, inputs->test_spaces,
            &inputs->test_design, &inputs->test_source);
        inputs->data.test_design = inputs->test_design;
        inputs->data.test_runs = &inputs->test_runs;
        inputs->data.test_targets = inputs->test_source;
    }
}

static inline void
inputs_close(inputs_t *inputs)
{
    ba_source_close(inputs->source);
    ba_source_close(inputs->test_source);
    ba_design_free(inputs->design);
    ba_design_free(inputs->test_design);
    ba_runs_free(&inputs->runs);
    ba_runs_free(&inputs->test_runs);
}

/* Fits; a failure is in `status`. ctx NULL = on one thread, which suits small studies.
 * The caller frees with fit_free(). */
static inline outcome_of_fit_t
study_try(const study_t *study, const ba_ctx_t *ctx)
{
    ba_ctx_t alone = ba_ctx_default();
    outcome_of_fit_t fit = {.study = study};
    inputs_t inputs;
    ba_fit_sink_t sink = {
        .payload = &fit, .weights = take_weights, .predictions = take_predictions};
    size_t n_outer = 0, n_samples = study->test.n > 0 ? study->test.n : study->train.n;

    alone.n_threads = 1;
    ctx = ctx ? ctx : &alone;
    inputs_open(study, &inputs);
    fit.p = ba_design_n_columns(inputs.design);
    fit.status = ba_fit_n_outer(&inputs.data, &study->opts, &n_outer);
    fit.weights = pool_doubles(&fit.pool, fit.p * study->v);
    fit.weights_by_fold = pool_doubles(&fit.pool, n_outer * fit.p * study->v);
    fit.predictions = pool_doubles(&fit.pool, n_samples * study->v);
    for (size_t i = 0; i < n_samples * study->v; i++) {
        fit.predictions[i] = NAN;
    }
    if (!study->opts.want_predictions) {
        sink.predictions = NULL;
    }
    if (fit.status == BA_OK) {
        fit.status =
            ba_fit_run(ctx, &inputs.data, &study->opts, &sink, &fit.result, &fit.info);
    }
    inputs_close(&inputs);
    return fit;
}

static inline outcome_of_fit_t
study_fit(const study_t *study, const ba_ctx_t *ctx)
{
    outcome_of_fit_t fit = study_try(study, ctx);

    if (fit.status != BA_OK) {
        fail_msg("fit: %s", ba_error_message());
    }
    return fit;
}

static inline void
fit_free(outcome_of_fit_t *fit)
{
    ba_fit_result_free(&fit->result);
    pool_free(&fit->pool);
}

/* ---- the comparison ---- */

/* For the message of a failure: which settings. */
static inline void
study_print(const study_t *study)
{
    const ba_fit_opts_t *o = &study->opts;

    print_error("study: n %zu v %zu p %zu runs %zu test %zu; scale %d %d intercept %d "
                "inner %d select %d solver %d shared %d cv %d outer %d gaps %zu %zu trim "
                "%zu %zu alphas %zu from %g\n",
        study->train.n, study->v, study->n_features * study->n_delays,
        study->train.n_runs, study->test.n, (int) o->scale_features,
        (int) o->scale_targets, o->intercept, (int) o->inner_scaling, (int) o->select,
        (int) o->solver, o->shared_alpha, (int) o->cv.kind, (int) o->outer_cv.kind,
        o->gap_inner, o->gap_outer, o->trim_first, o->trim_last, o->alphas.n,
        o->alphas.n > 0 ? o->alphas.values[0] : -1.0);
}

/* 0 and a message where two arrays differ by more than the tolerance, relative to the
 * larger of 1 and the value. Targets that are not `usable` (index modulo v) are left out.
 */
static inline int
agree(const oracle_t *oracle, const char *what, const double *found, const double *wanted,
    size_t n, size_t per_target, double tolerance)
{
    for (size_t i = 0; i < n; i++) {
        size_t target = i / per_target % oracle->v;
        double allowed = tolerance * fmax(1.0, fabs(wanted[i]));

        if (oracle->usable[target] && !test_is_close(found[i], wanted[i], allowed)) {
            print_error(
                "%s[%zu] of %zu: %.17g, wanted %.17g\n", what, i, n, found[i], wanted[i]);
            return 0;
        }
    }
    return 1;
}

/* Everything that both computed. */
static inline void
compare(const oracle_t *oracle, const outcome_of_fit_t *fit, double tol)
{
    const ba_fit_result_t *result = &fit->result;
    const study_t *study = fit->study;
    size_t v = study->v, p = fit->p, k = oracle->n_outer, a = oracle->n_alphas;
    size_t n_samples = study->test.n > 0 ? study->test.n : study->train.n;
    size_t scored = study->test.n > 0 ? 1 : k;
    int same = result->n_outer == scored && result->n_alphas == a;

    same =
        same &&
        agree(oracle, "best_alphas", result->best_alphas, oracle->best, v, 1, 0.0) &&
        agree(oracle, "best_alphas_by_fold", result->best_alphas_by_fold,
            oracle->best_by_fold, k * v, 1, 0.0) &&
        agree(oracle, "cv_scores", result->cv_scores, oracle->cv, a * v, 1, tol) &&
        agree(oracle, "cv_scores_by_fold", result->cv_scores_by_fold, oracle->cv_by_fold,
            k * a * v, 1, tol) &&
        agree(oracle, "r_by_fold", result->r_by_fold, oracle->r_by_fold, scored * v, 1,
            tol) &&
        agree(oracle, "r2_by_fold", result->r2_by_fold, oracle->r2_by_fold, scored * v, 1,
            tol) &&
        agree(oracle, "weights", fit->weights, oracle->weights, p * v, p, tol) &&
        agree(oracle, "intercept", result->intercept, oracle->b, v, 1, tol) &&
        agree(oracle, "target_mean", result->target_mean, oracle->mean, v, 1, tol) &&
        agree(oracle, "target_scale", result->target_scale, oracle->scale, v, 1, tol) &&
        agree(oracle, "target_mean_by_fold", result->target_mean_by_fold,
            oracle->mean_by_fold, k * v, 1, tol) &&
        agree(oracle, "predictions", fit->predictions, oracle->predictions, n_samples * v,
            n_samples, tol);
    if (study->opts.want_fold_weights) {
        same = same &&
               agree(oracle, "fold weights", fit->weights_by_fold,
                   oracle->weights_by_fold, k * p * v, p, tol) &&
               agree(oracle, "intercept_by_fold", result->intercept_by_fold,
                   oracle->intercept_by_fold, k * v, 1, tol);
    }
    for (size_t t = 0; same && t < v; t++) {
        double sum = 0.0;
        int n = 0;

        for (size_t i = 0; i < scored && oracle->usable[t]; i++) {
            sum +=
                isnan(oracle->r_by_fold[i * v + t]) ? 0.0 : oracle->r_by_fold[i * v + t];
            n += !isnan(oracle->r_by_fold[i * v + t]);
        }
        same = result->n_folds[t] == n &&
               test_is_close(result->r[t], n > 0 ? sum / n : (double) NAN, tol);
    }
    if (!same) {
        study_print(study);
        fail_msg("the fit is not what the oracle found");
    }
}

#endif
