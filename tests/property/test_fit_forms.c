/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The forms that the cost model picks by size, against the oracle that refits everything:
 * inner folds in bases of their own, all inner folds as one quadratic form, more folds
 * than a tile keeps. */
#include "tests/property/study.h"

#define TOLERANCE 1e-9

static void
check(const study_t *study, const char *form)
{
    outcome_of_fit_t fit = study_fit(study, NULL);
    oracle_t oracle = oracle_fit(study);

    if (form) {
        assert_non_null(strstr(fit.info.reason, form));
    }
    compare(&oracle, &fit, TOLERANCE);
    pool_free(&oracle.pool);
    fit_free(&fit);
}

static const ba_scale_t scales[] = {BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};

/* Scalings, intercept, selection, inner scaling by the digits of i. */
static void
set_modes(ba_fit_opts_t *opts, size_t i)
{
    opts->scale_features = scales[i % 3];
    opts->scale_targets = scales[i / 3 % 3];
    opts->intercept = (int) (i / 9 % 2);
    opts->select = (ba_score_t) (i / 18 % 3);
    opts->inner_scaling = i % 2 ? BA_INNER_OUTER : BA_INNER_CENTER;
}

/* Whether every inner fold is factorised by itself, as where one side alone is centred. */
static int
is_strict(const outcome_of_fit_t *fit)
{
    return fit->info.n_factorisations > 4;
}

static void
test_folds_in_bases_of_their_own(void **state)
{
    size_t n_projected = 0;

    (void) state;
    for (size_t i = 0; i < 54; i++) {
        pool_t pool = {0};
        shape_t shape = {
            .n_samples = 66, .n_features = 1 + i % 2, .n_targets = 3, .seed = 900 + i};
        study_t study = study_make(&pool, &shape);
        outcome_of_fit_t fit;

        set_modes(&study.opts, i);
        study.opts.solver = BA_SOLVER_PRIMAL;
        study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 3};
        study.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_RUNS};
        study.opts.gap_inner = i % 4;
        study.opts.gap_outer = i % 3;
        study.opts.want_fold_weights = i % 2;
        fit = study_fit(&study, NULL);
        n_projected += !is_strict(&fit);
        check(&study, is_strict(&fit) ? NULL : "bases of their own");
        fit_free(&fit);
        pool_free(&pool);
    }
    assert_true(n_projected > 20);
}

static void
test_one_quadratic_form(void **state)
{
    (void) state;
    for (size_t i = 0; i < 18; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_samples = 28,
            .n_runs = 2,
            .n_features = 18,
            .n_targets = 700,
            .seed = 1000 + i};
        study_t study = study_make(&pool, &shape);

        study.opts.solver = BA_SOLVER_DUAL;
        study.opts.scale_features = scales[i % 3];
        study.opts.scale_targets = scales[i % 3];
        study.opts.intercept = (int) (i / 3 % 2);
        study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 5};
        study.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 2};
        study.opts.gap_inner = i / 6;
        check(&study, "one quadratic form");
        pool_free(&pool);
    }
}

/* The form is mean squared error's alone, and needs every row in a fold. */
static void
test_quadratic_form_where_it_holds(void **state)
{
    pool_t pool = {0};
    shape_t shape = {.n_samples = 28, .n_features = 18, .n_targets = 520, .seed = 1100};
    study_t study = study_make(&pool, &shape);
    int32_t ids[64];
    outcome_of_fit_t fit;

    (void) state;
    for (size_t t = 0; t < study.train.n; t++) {
        ids[t] = t == 5 ? -1 : (int32_t) (t % 3);
    }
    study.opts.solver = BA_SOLVER_DUAL;
    study.opts.outer_cv.kind = BA_CV_NONE;
    study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_ROWS, .ids = ids};
    fit = study_fit(&study, NULL);
    assert_null(strstr(fit.info.reason, "quadratic"));
    fit_free(&fit);
    ids[5] = 0;
    fit = study_fit(&study, NULL);
    assert_non_null(strstr(fit.info.reason, "quadratic"));
    fit_free(&fit);
    study.opts.select = BA_SCORE_R;
    fit = study_fit(&study, NULL);
    assert_null(strstr(fit.info.reason, "quadratic"));
    fit_free(&fit);
    pool_free(&pool);
}

/* 17 folds and more than a tile has places for. */
static void
test_many_folds(void **state)
{
    static const size_t n_folds[] = {16, 17, 18, 40};

    (void) state;
    for (size_t i = 0; i < 8; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_samples = 62, .n_features = 2, .seed = 1200 + i};
        study_t study = study_make(&pool, &shape);

        study.opts.solver = BA_SOLVER_PRIMAL;
        study.opts.scale_targets = BA_SCALE_ZSCORE;
        study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = n_folds[i % 4]};
        study.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_RUNS};
        study.opts.gap_inner = i / 4;
        study.opts.select = BA_SCORE_MSE;
        check(&study, NULL);
        pool_free(&pool);
    }
}

/* Products of all rows that are kept for the refit, or made again under a small budget:
 * the same bits. */
static void
test_kept_products_change_nothing(void **state)
{
    pool_t pool = {0};
    shape_t shape = {.n_samples = 90, .n_features = 3, .n_targets = 6000, .seed = 1300};
    study_t study = study_make(&pool, &shape);
    ba_ctx_t small = ba_ctx_default();
    outcome_of_fit_t large, tight;

    (void) state;
    study.opts.solver = BA_SOLVER_PRIMAL;
    study.opts.precision = BA_SINGLE;
    large = study_fit(&study, NULL);
    small.memory = large.info.bytes_planned / 10 * 7;
    tight = study_fit(&study, &small);
    assert_int_equal(tight.status, BA_OK);
    assert_true(tight.info.bytes_planned < large.info.bytes_planned);
    assert_memory_equal(large.weights, tight.weights,
        study.v * study.n_features * study.n_delays * sizeof(double));
    assert_memory_equal(
        large.result.r_by_fold, tight.result.r_by_fold, 3 * study.v * sizeof(double));
    fit_free(&large);
    fit_free(&tight);
    pool_free(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folds_in_bases_of_their_own),
        cmocka_unit_test(test_one_quadratic_form),
        cmocka_unit_test(test_quadratic_form_where_it_holds),
        cmocka_unit_test(test_many_folds),
        cmocka_unit_test(test_kept_products_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
