/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fits on principal components are fits on features that were projected by hand: for
 * every outer fold with what its training rows give. */
#include "tests/property/pca_oracle.h"

#include "fit/fit_impl.h"

#define TOLERANCE 1e-9

/* Training samples (before trimming) of every problem of a study; the last is the final
 * fit's. */
typedef struct {
    size_t *rows[16], n_rows[16], n;
} training_t;

static training_t
find_training(pool_t *pool, const study_t *study)
{
    training_t training = {.n = 0};
    inputs_t inputs;
    plan_t plan;

    inputs_open(study, &inputs);
    assert_int_equal(ba_plan_make(NULL, &inputs.data, &study->opts, &plan), BA_OK);
    for (size_t k = 0; k < plan.n_problems; k++) {
        const problem_t *problem = &plan.problems[k];

        training.rows[k] = pool_get(pool, problem->n_train, sizeof(size_t));
        training.n_rows[k] = problem->n_train;
        for (size_t i = 0; i < problem->n_train; i++) {
            training.rows[k][i] = plan.rows[problem->train[i]];
        }
    }
    training.n = plan.n_problems;
    ba_plan_free(&plan);
    inputs_close(&inputs);
    return training;
}

/* Parts of the result that belong to one outer fold. */
static void
compare_fold(const oracle_t *oracle, const outcome_of_fit_t *fit, size_t k)
{
    const ba_fit_result_t *result = &fit->result;
    size_t v = oracle->v, p = oracle->p, a = oracle->n_alphas;
    int same = agree(oracle, "best alphas", result->best_alphas_by_fold + k * v,
                   oracle->best_by_fold + k * v, v, 1, 0.0) &&
               agree(oracle, "cv scores", result->cv_scores_by_fold + k * a * v,
                   oracle->cv_by_fold + k * a * v, a * v, 1, TOLERANCE) &&
               agree(oracle, "r", result->r_by_fold + k * v, oracle->r_by_fold + k * v, v,
                   1, TOLERANCE) &&
               agree(oracle, "r2", result->r2_by_fold + k * v, oracle->r2_by_fold + k * v,
                   v, 1, TOLERANCE) &&
               agree(oracle, "weights", fit->weights_by_fold + k * p * v,
                   oracle->weights_by_fold + k * p * v, p * v, p, TOLERANCE) &&
               agree(oracle, "intercept", result->intercept_by_fold + k * v,
                   oracle->intercept_by_fold + k * v, v, 1, TOLERANCE);

    if (!same) {
        study_print(fit->study);
        fail_msg("fold %zu is not what projecting by hand gives", k);
    }
}

static void
compare_final(const oracle_t *oracle, const outcome_of_fit_t *fit)
{
    const ba_fit_result_t *result = &fit->result;
    size_t v = oracle->v, p = oracle->p, a = oracle->n_alphas;
    int is_test = fit->study->test.n > 0;
    int same =
        agree(oracle, "best alphas", result->best_alphas, oracle->best, v, 1, 0.0) &&
        agree(oracle, "cv scores", result->cv_scores, oracle->cv, a * v, 1, TOLERANCE) &&
        agree(oracle, "weights", fit->weights, oracle->weights, p * v, p, TOLERANCE) &&
        agree(oracle, "intercept", result->intercept, oracle->b, v, 1, TOLERANCE);

    if (same && is_test) {
        same = agree(oracle, "test r", result->r_by_fold, oracle->r_by_fold, v, 1,
                   TOLERANCE) &&
               agree(oracle, "predictions", fit->predictions, oracle->predictions,
                   fit->study->test.n * v, fit->study->test.n, TOLERANCE);
    }
    if (!same) {
        study_print(fit->study);
        fail_msg("the final fit is not what projecting by hand gives");
    }
}

static void
check(const study_t *study)
{
    pool_t pool = {0};
    training_t training = find_training(&pool, study);
    outcome_of_fit_t fit = study_fit(study, NULL);

    assert_int_equal(fit.result.n_outer, study->test.n > 0 ? 1 : training.n - 1);
    for (size_t k = 0; k < training.n; k++) {
        study_t by_hand =
            study_by_hand(&pool, study, training.rows[k], training.n_rows[k]);
        oracle_t oracle = oracle_fit(&by_hand);

        if (k + 1 < training.n) {
            compare_fold(&oracle, &fit, k);
        } else {
            compare_final(&oracle, &fit);
        }
        pool_free(&oracle.pool);
    }
    fit_free(&fit);
    pool_free(&pool);
}

static study_t
study_of(pool_t *pool, size_t i)
{
    static const ba_scale_t scales[] = {BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};
    /* More features than samples in every fourth. */
    shape_t shape = {.n_samples = 48,
        .n_features = i % 4 == 3 ? 60 : 6,
        .n_delays = 1 + i % 2,
        .n_targets = 3,
        .n_test_runs = i % 5 == 4 ? 2 : 0,
        .seed = 8800 + i};
    study_t study = study_make(pool, &shape);

    study.n_components = 2 + i % 2;
    if (i % 3 == 1) {
        study.n_spaces = 2;
        study.space_features[0] = shape.n_features - 3;
        study.space_features[1] = 3;
    }
    study.opts.scale_features = scales[i % 3];
    study.opts.scale_targets = i % 2 ? BA_SCALE_RUNS : scales[i / 2 % 3];
    study.opts.inner_scaling = i / 2 % 2 ? BA_INNER_OUTER : BA_INNER_CENTER;
    study.opts.solver = i / 3 % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
    study.opts.intercept = (int) (i % 3) - 1;
    study.opts.gap_inner = i % 3;
    study.opts.gap_outer = i % 4;
    study.opts.trim_first = i % 2;
    study.opts.want_fold_weights = 1;
    return study;
}

static void
test_as_by_hand(void **state)
{
    (void) state;
    for (size_t i = 0; i < 20; i++) {
        pool_t pool = {0};
        study_t study = study_of(&pool, i);

        check(&study);
        pool_free(&pool);
    }
}

/* Strict: an inner fold has components of its own, as an outer fold of the same rows
 * has. */
static void
test_strict(void **state)
{
    (void) state;
    for (size_t i = 0; i < 6; i++) {
        pool_t pool = {0};
        study_t study = study_of(&pool, i % 5 == 4 ? 5 : i), single;
        outcome_of_fit_t strict, fit;
        double alphas[8];
        size_t n = study.opts.alphas.n, v = study.v;

        memcpy(alphas, study.opts.alphas.values, n * sizeof *alphas);
        study.opts.inner_scaling = BA_INNER_STRICT;
        study.opts.select = BA_SCORE_R2;
        study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 3};
        study.opts.gap_outer = study.opts.gap_inner;
        study.opts.scale_targets = BA_SCALE_ZSCORE;
        strict = study_fit(&study, NULL);
        single = study;
        single.opts.outer_cv = study.opts.cv;
        single.opts.cv = (ba_cv_opts_t){.kind = BA_CV_NONE};
        single.opts.want_cv = 0;
        for (size_t a = 0; a < n; a++) {
            single.opts.alphas = (ba_alphas_t){&alphas[a], 1};
            fit = study_fit(&single, NULL);
            assert_all_close(
                strict.result.cv_scores + a * v, fit.result.r2, v, TOLERANCE);
            fit_free(&fit);
        }
        fit_free(&strict);
        pool_free(&pool);
    }
}

/* Every space with all of its components is the same model where columns are only
 * centred: a rotation. */
static void
test_all_components_are_a_rotation(void **state)
{
    (void) state;
    for (size_t i = 0; i < 4; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_features = 4, .n_delays = 1, .seed = 8900 + i};
        study_t study = study_make(&pool, &shape), raw;
        outcome_of_fit_t fit, plain;

        study.opts.scale_features = BA_SCALE_CENTER;
        study.delays[0] = 0; /* zeros at run starts are not the same in both */
        raw = study;
        study.n_components = 4;
        fit = study_fit(&study, NULL);
        plain = study_fit(&raw, NULL);
        assert_all_close(fit.result.r, plain.result.r, study.v, TOLERANCE);
        assert_all_close(
            fit.predictions, plain.predictions, study.train.n * study.v, TOLERANCE);
        fit_free(&fit);
        fit_free(&plain);
        pool_free(&pool);
    }
}

/* Bands over components are bands over features projected by hand. */
static void
test_bands(void **state)
{
    static const double gammas[] = {0.5, 0.5, 1, 0, 0, 1, 0.9, 0.1};

    (void) state;
    for (size_t i = 0; i < 4; i++) {
        pool_t pool = {0};
        study_t study = study_of(&pool, i == 1 ? 7 : 1), by_hand;
        training_t training;
        outcome_of_fit_t fit, plain;
        size_t v = study.v;

        study.opts.bands =
            (ba_bands_t){.gammas = gammas, .n_candidates = 4, .n_spaces = 2};
        study.opts.intercept = 1;
        study.opts.solver = i % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
        training = find_training(&pool, &study);
        fit = study_fit(&study, NULL);
        for (size_t k = 0; k + 1 < training.n; k++) {
            by_hand = study_by_hand(&pool, &study, training.rows[k], training.n_rows[k]);
            plain = study_fit(&by_hand, NULL);
            assert_all_close(fit.result.r2_by_fold + k * v,
                plain.result.r2_by_fold + k * v, v, TOLERANCE);
            assert_all_close(fit.result.deltas_by_fold + k * 2 * v,
                plain.result.deltas_by_fold + k * 2 * v, 2 * v, TOLERANCE);
            fit_free(&plain);
        }
        fit_free(&fit);
        pool_free(&pool);
    }
}

/* One bit of what is fitted must not depend on threads. */
static void
test_threads_change_no_bit(void **state)
{
    pool_t pool = {0};
    study_t study = study_of(&pool, 3);
    ba_ctx_t ctx = ba_ctx_default();
    outcome_of_fit_t one, two;
    size_t size = 60 * study.n_components * sizeof(double);

    (void) state;
    one = study_fit(&study, NULL);
    ctx.n_threads = 3;
    two = study_fit(&study, &ctx);
    assert_memory_equal(one.result.pca[0].components, two.result.pca[0].components, size);
    assert_memory_equal(one.weights, two.weights, one.p * study.v * sizeof(double));
    assert_memory_equal(one.predictions, two.predictions, study.train.n * study.v * 8);
    fit_free(&one);
    fit_free(&two);
    pool_free(&pool);
}

static void
test_too_many(void **state)
{
    pool_t pool = {0};
    study_t study = study_of(&pool, 3);
    outcome_of_fit_t fit;

    (void) state;
    study.n_components = 40; /* of 60 features; about 32 training samples in a fold */
    fit = study_try(&study, NULL);
    assert_int_equal(fit.status, BA_SHAPE);
    assert_non_null(strstr(ba_error_message(), "pca: 40 components, a fit has"));
    fit_free(&fit);
    pool_free(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_by_hand),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_all_components_are_a_rotation),
        cmocka_unit_test(test_bands),
        cmocka_unit_test(test_threads_change_no_bit),
        cmocka_unit_test(test_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
