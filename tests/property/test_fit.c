/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fit's account of itself and its treatment of degenerate targets. */
#include "tests/property/study.h"

/* ---- number of factorisations ---- */

static size_t
count_factorisations(const study_t *study)
{
    outcome_of_fit_t fit = study_fit(study, NULL);
    size_t n = fit.info.n_factorisations;

    fit_free(&fit);
    return n;
}

/* Leave-three-runs-out with five inner folds each: 3 outer folds and the final fit. */
static void
test_number_of_factorisations(void **state)
{
    pool_t pool = {0};
    shape_t shape = {.seed = 1};
    study_t study = study_make(&pool, &shape), other;

    (void) state;
    study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 5};
    for (int solver = BA_SOLVER_PRIMAL; solver <= BA_SOLVER_DUAL; solver++) {
        study.opts.solver = (ba_solver_t) solver;
        /* one serves all where columns do not depend on the fold */
        study.opts.scale_features = BA_SCALE_NONE;
        for (int intercept = 0; intercept < 2; intercept++) {
            study.opts.intercept = intercept;
            assert_int_equal(count_factorisations(&study), 1);
        }
        study.opts.scale_features = BA_SCALE_CENTER;
        study.opts.intercept = 1;
        assert_int_equal(count_factorisations(&study), 1);
        /* automatic alphas, fold weights and scaling need one each */
        other = study;
        other.opts.want_fold_weights = 1;
        assert_int_equal(count_factorisations(&other), 4);
        other = study;
        other.opts.alphas = (ba_alphas_t){0};
        assert_int_equal(count_factorisations(&other), 4);
        other = study;
        other.opts.scale_features = BA_SCALE_ZSCORE;
        assert_int_equal(count_factorisations(&other), 4);
        /* strict scaling: every inner fold too */
        other.opts.inner_scaling = BA_INNER_STRICT;
        assert_int_equal(count_factorisations(&other), 4 + 4 * 5);
        other.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_NONE};
        assert_int_equal(count_factorisations(&other), 1 + 5);
    }
    pool_free(&pool);
}

/* The shared factorisation is told in the account, and gives what fold-wise ones give. */
static void
test_shared_outer_is_exact(void **state)
{
    (void) state;
    for (size_t i = 0; i < 8; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_features = i % 2 ? 30 : 5, .seed = 20 + i};
        study_t study = study_make(&pool, &shape);
        outcome_of_fit_t shared, own;

        study.opts.scale_features = i / 2 % 2 ? BA_SCALE_CENTER : BA_SCALE_NONE;
        study.opts.scale_targets = BA_SCALE_ZSCORE;
        study.opts.intercept = 1;
        study.opts.gap_outer = 2;
        study.opts.solver = i / 4 ? BA_SOLVER_PRIMAL : BA_SOLVER_DUAL;
        shared = study_fit(&study, NULL);
        study.opts.want_fold_weights = 1;
        own = study_fit(&study, NULL);
        assert_true(shared.info.shared_outer && !own.info.shared_outer);
        assert_all_close(
            shared.result.r_by_fold, own.result.r_by_fold, 3 * study.v, 1e-10);
        assert_all_close(shared.result.cv_scores_by_fold, own.result.cv_scores_by_fold,
            3 * 4 * study.v, 1e-9);
        assert_all_close(
            shared.predictions, own.predictions, study.train.n * study.v, 1e-9);
        assert_memory_equal(shared.result.best_alphas_by_fold,
            own.result.best_alphas_by_fold, 3 * study.v * sizeof(double));
        fit_free(&shared);
        fit_free(&own);
        pool_free(&pool);
    }
}

/* ---- degenerate targets ---- */

/* Target 0 of a fit of `changed` and that of `clean` differ, all others not in a bit. */
static void
assert_others_unchanged(const outcome_of_fit_t *clean, const outcome_of_fit_t *changed)
{
    const ba_fit_result_t *a = &clean->result, *b = &changed->result;
    size_t v = a->n_targets, p = clean->p, n = clean->study->train.n;

    for (size_t t = 1; t < v; t++) {
        for (size_t k = 0; k < a->n_outer; k++) {
            assert_memory_equal(
                &a->r_by_fold[k * v + t], &b->r_by_fold[k * v + t], sizeof(double));
            assert_memory_equal(&a->best_alphas_by_fold[k * v + t],
                &b->best_alphas_by_fold[k * v + t], sizeof(double));
        }
        for (size_t i = 0; i < a->n_alphas; i++) {
            assert_memory_equal(
                &a->cv_scores[i * v + t], &b->cv_scores[i * v + t], sizeof(double));
        }
        assert_memory_equal(&a->r[t], &b->r[t], sizeof(double));
        assert_memory_equal(&a->intercept[t], &b->intercept[t], sizeof(double));
        assert_int_equal(a->status[t], b->status[t]);
    }
    assert_memory_equal(
        clean->weights + p, changed->weights + p, (v - 1) * p * sizeof(double));
    assert_memory_equal(
        clean->predictions + n, changed->predictions + n, (v - 1) * n * sizeof(double));
}

typedef struct {
    ba_scale_t targets;
    int intercept;
} target_mode_t;

static const target_mode_t modes[] = {{BA_SCALE_RUNS, -1}, {BA_SCALE_ZSCORE, -1},
    {BA_SCALE_CENTER, 0}, {BA_SCALE_NONE, 1}, {BA_SCALE_NONE, 0}};
#define N_MODES (sizeof modes / sizeof *modes)

static study_t
degenerate_study(pool_t *pool, size_t mode)
{
    shape_t shape = {.n_samples = 60, .seed = 40};
    study_t study = study_make(pool, &shape);

    study.opts.scale_targets = modes[mode].targets;
    study.opts.intercept = modes[mode].intercept;
    study.opts.want_fold_weights = 1;
    study.opts.trim_first = 1;
    return study;
}

/* One value that is not finite: no score, no alpha, no model; but in a trimmed row it
 * does not matter. */
static void
test_nonfinite_target(void **state)
{
    static const double values[] = {NAN, INFINITY};

    (void) state;
    for (size_t m = 0; m < N_MODES; m++) {
        pool_t pool = {0};
        study_t study = degenerate_study(&pool, m);
        outcome_of_fit_t clean = study_fit(&study, NULL), fit;

        for (size_t i = 0; i < 2; i++) {
            study.train.y[30] = values[i];
            fit = study_fit(&study, NULL);
            assert_int_equal(fit.result.status[0], BA_TARGET_NONFINITE);
            assert_int_equal(fit.result.n_folds[0], 0);
            assert_true(isnan(fit.result.r[0]) && isnan(fit.result.r2[0]));
            assert_true(isnan(fit.result.best_alphas[0]));
            assert_true(isnan(fit.result.best_alphas_by_fold[study.v]));
            assert_true(isnan(fit.result.cv_scores[0]));
            assert_true(isnan(fit.weights[0]) && isnan(fit.result.intercept[0]));
            assert_true(isnan(fit.predictions[30]) && isnan(fit.predictions[5]));
            assert_others_unchanged(&clean, &fit);
            fit_free(&fit);
        }
        fit_free(&clean);
        pool_free(&pool);
    }
}

static void
test_nonfinite_value_in_a_trimmed_row(void **state)
{
    pool_t pool = {0};
    study_t study = degenerate_study(&pool, 0);
    outcome_of_fit_t clean = study_fit(&study, NULL), fit;

    (void) state;
    study.train.y[0] = NAN;
    fit = study_fit(&study, NULL);
    assert_int_equal(fit.result.status[0], BA_TARGET_SCORED);
    assert_memory_equal(
        fit.result.r_by_fold, clean.result.r_by_fold, 3 * study.v * sizeof(double));
    fit_free(&fit);
    fit_free(&clean);
    pool_free(&pool);
}

/* Constant over all kept rows: zero weights, the largest alpha, no predictions; a value
 * whose mean cannot be exact in binary, so that rounding is there. */
static void
test_constant_target(void **state)
{
    (void) state;
    for (size_t m = 0; m < N_MODES; m++) {
        pool_t pool = {0};
        study_t study = degenerate_study(&pool, m);
        outcome_of_fit_t clean = study_fit(&study, NULL), fit;

        for (size_t i = 0; i < study.train.n; i++) {
            study.train.y[i] = 1.1 / 3.0;
        }
        fit = study_fit(&study, NULL);
        assert_int_equal(fit.result.status[0], BA_TARGET_CONSTANT);
        assert_int_equal(fit.result.n_folds[0], 0);
        assert_true(isnan(fit.result.r[0]) && isnan(fit.result.r2[0]));
        assert_true(fit.result.best_alphas[0] == 500.0);
        assert_true(fit.result.best_alphas_by_fold[study.v] == 500.0);
        for (size_t j = 0; j < fit.p; j++) {
            assert_true(fit.weights[j] == 0.0);
        }
        assert_true(isnan(fit.predictions[30]));
        assert_others_unchanged(&clean, &fit);
        fit_free(&fit);
        fit_free(&clean);
        pool_free(&pool);
    }
}

/* Constant over the training rows of the fold that leaves run 1 out: no variance to learn
 * from there (largest alpha, zero weights, r undefined since predictions do not vary);
 * the other folds, whose test rows are flat then, as the oracle has them. */
static void
test_constant_in_one_training_set(void **state)
{
    (void) state;
    for (size_t m = 0; m < N_MODES; m++) {
        pool_t pool = {0};
        study_t study = degenerate_study(&pool, m);
        outcome_of_fit_t clean = study_fit(&study, NULL), fit;
        size_t v = study.v;
        oracle_t oracle;

        for (size_t i = 0; i < study.train.n; i++) {
            if (i < study.train.onset[1] || i >= study.train.onset[2]) {
                study.train.y[i] = 1.1 / 3.0;
            }
        }
        fit = study_fit(&study, NULL);
        oracle = oracle_fit(&study);
        assert_int_equal(fit.result.status[0], BA_TARGET_NO_TEST_VARIANCE);
        assert_true(fit.result.best_alphas_by_fold[v] == 500.0);
        for (size_t j = 0; j < fit.p; j++) {
            assert_true(fit.weights_by_fold[fit.p * v + j] == 0.0);
        }
        assert_true(isnan(fit.result.r_by_fold[v]));
        assert_all_close(fit.result.r2_by_fold, oracle.r2_by_fold, 3 * v, 1e-9);
        assert_all_close(fit.result.r_by_fold, oracle.r_by_fold, 3 * v, 1e-9);
        assert_all_close(fit.predictions, oracle.predictions, study.train.n, 1e-9);
        assert_others_unchanged(&clean, &fit);
        fit_free(&fit);
        fit_free(&clean);
        pool_free(&oracle.pool);
        pool_free(&pool);
    }
}

/* Constant in the test rows of one fold only (in one run, that is): that fold has no
 * score, the mean is over the others. With per-run z-scores the run is flat, at 0. */
static void
test_constant_in_one_test_set(void **state)
{
    (void) state;
    for (size_t m = 0; m < N_MODES; m++) {
        pool_t pool = {0};
        study_t study = degenerate_study(&pool, m);
        outcome_of_fit_t clean = study_fit(&study, NULL), fit;
        size_t v = study.v;
        oracle_t oracle;

        for (size_t i = study.train.onset[1]; i < study.train.onset[2]; i++) {
            study.train.y[i] = 1.1 / 3.0;
        }
        fit = study_fit(&study, NULL);
        oracle = oracle_fit(&study);
        assert_int_equal(fit.result.status[0], BA_TARGET_SCORED);
        assert_int_equal(fit.result.n_folds[0], 2);
        assert_true(isnan(fit.result.r_by_fold[v]) && isnan(fit.result.r2_by_fold[v]));
        assert_close(fit.result.r[0],
            (fit.result.r_by_fold[0] + fit.result.r_by_fold[2 * v]) / 2, 1e-15);
        compare(&oracle, &fit, 1e-9);
        assert_others_unchanged(&clean, &fit);
        fit_free(&fit);
        fit_free(&clean);
        pool_free(&oracle.pool);
        pool_free(&pool);
    }
}

/* Constant in every test run, though not over all: nothing can be scored. */
static void
test_no_variance_in_any_test_set(void **state)
{
    pool_t pool = {0};
    study_t study = degenerate_study(&pool, 1);
    outcome_of_fit_t fit;

    (void) state;
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = study.train.onset[k]; i < study.train.onset[k + 1]; i++) {
            study.train.y[i] = (double) k;
        }
    }
    fit = study_fit(&study, NULL);
    assert_int_equal(fit.result.status[0], BA_TARGET_NO_TEST_VARIANCE);
    assert_true(isnan(fit.result.r[0]) && isnan(fit.result.r2[0]));
    assert_int_equal(fit.result.n_folds[0], 0);
    assert_int_equal(fit.result.status[1], BA_TARGET_SCORED);
    fit_free(&fit);
    pool_free(&pool);
}

/* Inner scores by r are undefined where every validation part is flat. */
static void
test_no_inner_score(void **state)
{
    pool_t pool = {0};
    study_t study = degenerate_study(&pool, 1);
    outcome_of_fit_t fit;

    (void) state;
    study.opts.select = BA_SCORE_R;
    study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_RUNS};
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = study.train.onset[k]; i < study.train.onset[k + 1]; i++) {
            study.train.y[i] = (double) k;
        }
    }
    fit = study_fit(&study, NULL);
    assert_true(fit.result.best_alphas[0] == 500.0);
    assert_int_equal(fit.result.status[0], BA_TARGET_NO_INNER_SCORE);
    assert_true(isnan(fit.result.r[0]) && isnan(fit.result.cv_scores[0]));
    fit_free(&fit);
    pool_free(&pool);
}

/* A repeat of the test set that is flat counts in the average like any other. */
static void
test_constant_repeat(void **state)
{
    (void) state;
    for (size_t m = 0; m < N_MODES; m++) {
        pool_t pool = {0};
        shape_t shape = {.n_test_runs = 2, .n_slabs = 2, .seed = 60};
        study_t study = study_make(&pool, &shape);
        outcome_of_fit_t fit;
        oracle_t oracle;

        study.opts.scale_targets = modes[m].targets;
        study.opts.intercept = modes[m].intercept;
        for (size_t i = 0; i < study.test.n; i++) {
            study.test.y[i] = 10.0;
        }
        fit = study_fit(&study, NULL);
        oracle = oracle_fit(&study);
        compare(&oracle, &fit, 1e-9);
        assert_int_equal(fit.result.status[0], BA_TARGET_SCORED);
        fit_free(&fit);
        pool_free(&oracle.pool);
        pool_free(&pool);
    }
}

/* ---- bad settings ---- */

static void
assert_refused(const study_t *study, int status, const char *words)
{
    outcome_of_fit_t fit = study_try(study, NULL);

    assert_int_equal(fit.status, status);
    assert_contains(ba_error_message(), words);
    assert_null(fit.result.r);
    fit_free(&fit);
}

static void
test_refusals(void **state)
{
    pool_t pool = {0};
    shape_t shape = {.seed = 80};
    study_t study = study_make(&pool, &shape), other = study;
    double unordered[2] = {3.0, 2.0}, negative[1] = {-1.0};

    (void) state;
    other.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 500};
    assert_refused(&other, BA_SHAPE, "fewer samples than folds");
    other = study;
    other.opts.gap_outer = 100;
    other.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 2};
    other.opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 2};
    other.opts.gap_inner = 100;
    assert_refused(&other, BA_SHAPE, "outer fold 0");
    other = study;
    other.opts.trim_first = 17;
    assert_refused(&other, BA_SHAPE, "trim");
    other = study;
    other.opts.alphas = (ba_alphas_t){unordered, 2};
    assert_refused(&other, BA_VALUE, "ascending");
    other.opts.alphas = (ba_alphas_t){negative, 1};
    assert_refused(&other, BA_VALUE, "-1");
    other = study;
    other.opts.cv = (ba_cv_opts_t){.kind = BA_CV_NONE};
    assert_refused(&other, BA_VALUE, "one alpha");
    other = study;
    other.opts.target_start = 2;
    other.opts.target_stop = 9;
    assert_refused(&other, BA_VALUE, "2:9");
    other.opts.target_stop = 3;
    other.opts.shared_alpha = 1;
    assert_refused(&other, BA_VALUE, "shard");
    pool_free(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_of_factorisations),
        cmocka_unit_test(test_shared_outer_is_exact),
        cmocka_unit_test(test_nonfinite_target),
        cmocka_unit_test(test_nonfinite_value_in_a_trimmed_row),
        cmocka_unit_test(test_constant_target),
        cmocka_unit_test(test_constant_in_one_training_set),
        cmocka_unit_test(test_constant_in_one_test_set),
        cmocka_unit_test(test_no_variance_in_any_test_set),
        cmocka_unit_test(test_no_inner_score),
        cmocka_unit_test(test_constant_repeat),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
