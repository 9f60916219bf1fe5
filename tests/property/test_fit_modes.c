/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every combination of settings of the fit against the oracle that refits everything. */
#include "tests/property/study.h"

/* A grid with what lies beside it: how closely both agree in float64 (conditions up to
 * 1e4 here). */
#define TOLERANCE 1e-9

static void
check(const study_t *study)
{
    outcome_of_fit_t fit = study_fit(study, NULL);
    oracle_t oracle = oracle_fit(study);

    compare(&oracle, &fit, TOLERANCE);
    pool_free(&oracle.pool);
    fit_free(&fit);
}

static const ba_scale_t feature_scales[] = {
    BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};
static const ba_scale_t target_scales[] = {
    BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE, BA_SCALE_RUNS};

/* The i-th combination of scalings, intercept, inner scaling and selection: 324 of them.
 */
static void
set_modes(ba_fit_opts_t *opts, size_t i)
{
    opts->scale_features = feature_scales[i % 3];
    opts->scale_targets = target_scales[i / 3 % 4];
    opts->intercept = (int) (i / 12 % 3) - 1;
    opts->inner_scaling = (ba_inner_scaling_t) (i / 36 % 3);
    opts->select = (ba_score_t) (i / 108 % 3);
}

/* Splits and gaps that go with study i. Runs are of about 16 samples. */
static void
set_splits(study_t *study, size_t i, int32_t *ids)
{
    ba_fit_opts_t *opts = &study->opts;

    for (size_t t = 0; t < study->train.n; t++) {
        ids[t] = (int32_t) (t / 5 * 7 % 4) - (t % 17 == 3 ? 10 : 0);
    }
    switch (i % 4) {
    case 0: /* the defaults: runs outside, five contiguous folds of two runs inside */
        break;
    case 1:
        opts->cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 3};
        opts->outer_cv = (ba_cv_opts_t){.kind = BA_CV_RUNS};
        opts->gap_inner = 2;
        break;
    case 2:
        opts->cv = (ba_cv_opts_t){.kind = BA_CV_RUNS};
        opts->outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 4};
        opts->gap_outer = 3;
        opts->trim_first = 2;
        opts->trim_last = 1;
        break;
    default:
        opts->cv = (ba_cv_opts_t){.kind = BA_CV_ROWS, .ids = ids};
        opts->outer_cv = (ba_cv_opts_t){.kind = BA_CV_ROWS, .ids = ids};
        opts->gap_inner = opts->gap_outer = 1;
        opts->trim_first = 1;
        break;
    }
}

/* All 324 modes, in both forms, wide (p > n) and narrow by turns, with and without fold
 * weights, own and shared alphas, four kinds of splits. */
static void
check_modes(ba_solver_t solver, size_t offset)
{
    for (size_t i = 0; i < 324; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_features = (i + offset) % 7 == 0 ? 20 : 3,
            .n_delays = (i + offset) % 7 == 0 ? 3 : 2,
            .n_samples = 42,
            .n_targets = 3,
            .seed = i + 1000 * offset};
        study_t study = study_make(&pool, &shape);
        int32_t ids[80];

        set_modes(&study.opts, i);
        set_splits(&study, i + i / 12 + offset, ids);
        study.opts.solver = solver;
        study.opts.shared_alpha = (i / 5 + offset) % 3 == 0;
        study.opts.want_fold_weights = (i / 2 + offset) % 2 == 0;
        check(&study);
        pool_free(&pool);
    }
}

static void
test_modes_primal(void **state)
{
    (void) state;
    check_modes(BA_SOLVER_PRIMAL, 0);
}

static void
test_modes_dual(void **state)
{
    (void) state;
    check_modes(BA_SOLVER_DUAL, 1);
}

/* The defaults, on studies of many shapes: 40 to 90 samples, 3 to 60 columns, 1 to 5
 * runs. */
static void
test_defaults_of_many_shapes(void **state)
{
    (void) state;
    for (size_t i = 0; i < 24; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_samples = 40 + i * 2,
            .n_features = 1 + i * 5 % 15,
            .n_delays = 1 + i % MAX_DELAYS,
            .n_runs = 1 + i % 5,
            .seed = 500 + i};
        study_t study = study_make(&pool, &shape);

        if (study.n_features * study.n_delays < 3) {
            study.opts.scale_targets = BA_SCALE_NONE;
        }
        study.opts.gap_inner = study.opts.gap_outer = i % 3;
        study.opts.want_fold_weights = 1;
        check(&study);
        pool_free(&pool);
    }
}

/* Folds of random chunks: which they are is taken from the result, where the chunks
 * begin is checked elsewhere. */
static void
test_chunks(void **state)
{
    pool_t pool = {0};
    shape_t shape = {.n_samples = 80, .seed = 600};
    study_t study = study_make(&pool, &shape);
    outcome_of_fit_t fit;
    oracle_t oracle;

    (void) state;
    study.opts.cv =
        (ba_cv_opts_t){.kind = BA_CV_CHUNKS, .chunk_len = 4, .n_folds = 3, .seed = 5};
    study.opts.outer_cv =
        (ba_cv_opts_t){.kind = BA_CV_CHUNKS, .chunk_len = 7, .n_folds = 4, .seed = 6};
    study.opts.gap_inner = 1;
    study.opts.gap_outer = 2;
    study.opts.want_fold_weights = 1;
    fit = study_fit(&study, NULL);
    study.outer_ids = fit.result.outer_fold;
    study.inner_ids = fit.result.inner_fold;
    study.inner_ids_by_fold = fit.result.inner_fold_by_fold;
    oracle = oracle_fit(&study);
    compare(&oracle, &fit, TOLERANCE);
    pool_free(&oracle.pool);
    fit_free(&fit);
    pool_free(&pool);
}

/* alpha 0 stands in the grid: minimum norm in every fold, where a closed form would have
 * to divide by zero; also with columns that repeat one another, and with more columns
 * than samples. */
static void
test_grid_with_zero(void **state)
{
    (void) state;
    for (size_t i = 0; i < 36; i++) {
        pool_t pool = {0};
        shape_t shape = {.n_features = i % 3 == 0 ? 30 : 4,
            .n_delays = i % 3 == 0 ? 3 : 1,
            .seed = 700 + i};
        study_t study = study_make(&pool, &shape);

        study.opts.alphas.values[0] = 0.0;
        set_modes(&study.opts, i * 9 + i / 4);
        study.opts.select = (ba_score_t) (i % 3);
        study.opts.solver = i % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
        study.opts.want_fold_weights = 1;
        if (i % 3 == 1) {
            memcpy(study.train.x + 2 * study.train.n, study.train.x,
                study.train.n * sizeof(double));
        }
        check(&study);
        study.opts.alphas.n = 1; /* zero alone: no inner folds by default */
        check(&study);
        pool_free(&pool);
    }
}

/* One alpha with and without inner folds; no outer folds at all. */
static void
test_one_alpha_and_no_folds(void **state)
{
    pool_t pool = {0};
    shape_t shape = {.seed = 800};
    study_t study = study_make(&pool, &shape);
    outcome_of_fit_t fit;

    (void) state;
    study.opts.alphas.n = 1;
    check(&study);
    study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_NONE};
    check(&study);
    study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 3};
    check(&study);
    study.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_NONE};
    check(&study);
    fit = study_fit(&study, NULL);
    assert_int_equal(fit.result.n_outer, 0);
    assert_int_equal(fit.result.status[0], BA_TARGET_NO_TEST);
    assert_true(isnan(fit.result.r[0]) && isnan(fit.result.r2[0]));
    fit_free(&fit);
    pool_free(&pool);
}

/* A fixed test set with repeats: each repeat is treated like a run, then averaged. */
static void
test_fixed_test_set(void **state)
{
    (void) state;
    for (size_t i = 0; i < 48; i++) {
        pool_t pool = {0};
        shape_t shape = {
            .n_test_runs = 1 + i % 3, .n_slabs = 1 + i / 3 % 3, .seed = 900 + i};
        study_t study = study_make(&pool, &shape);

        set_modes(&study.opts, i * 7 + i / 5);
        study.opts.solver = i % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
        study.opts.trim_first = i % 4;
        study.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 3};
        check(&study);
        pool_free(&pool);
    }
}

/* Single precision: the same alphas (no two scores of these studies are closer than its
 * rounding), r within 1e-4; weights and predictions lose a digit more where columns
 * outnumber samples. */
static void
test_single_precision(void **state)
{
    (void) state;
    for (size_t i = 0; i < 24; i++) {
        pool_t pool = {0};
        shape_t shape = {.seed = 1100 + i, .n_features = i % 2 ? 25 : 4};
        study_t study = study_make(&pool, &shape);
        outcome_of_fit_t fit;
        oracle_t oracle;

        set_modes(&study.opts, i * 13 + i / 3);
        study.opts.precision = BA_SINGLE;
        study.opts.solver = i / 2 % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
        fit = study_fit(&study, NULL);
        oracle = oracle_fit(&study);
        compare(&oracle, &fit, 2e-3);
        assert_all_close(
            fit.result.r_by_fold, oracle.r_by_fold, oracle.n_outer * study.v, 1e-4);
        pool_free(&oracle.pool);
        fit_free(&fit);
        pool_free(&pool);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes_primal),
        cmocka_unit_test(test_modes_dual),
        cmocka_unit_test(test_defaults_of_many_shapes),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_grid_with_zero),
        cmocka_unit_test(test_one_alpha_and_no_folds),
        cmocka_unit_test(test_fixed_test_set),
        cmocka_unit_test(test_single_precision),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
