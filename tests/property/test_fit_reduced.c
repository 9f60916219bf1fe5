/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels reduced to bands against the oracle that refits everything, where they may be
 * reduced and where they must not be, in both precisions; parts of the work change no bit.
 */
#define V 260 /* two tiles where bits are compared, the last one not full */
#include "tests/property/same_bits.h"

#define TOLERANCE 1e-9

/* Ten, and two that leave little of the targets in predictions. */
static double ten_alphas[] = {0.05, 0.3, 1, 3, 10, 30, 100, 300, 1000, 5000, 1e5, 1e7};

static study_t
reduced_study(pool_t *pool, size_t n_samples, size_t n_features, size_t n_targets)
{
    shape_t shape = {.n_samples = n_samples,
        .n_runs = 2,
        .n_features = n_features,
        .n_delays = 1,
        .n_targets = n_targets,
        .seed = 1400 + n_features};
    study_t study = study_make(pool, &shape);

    study.opts.solver = BA_SOLVER_DUAL;
    study.opts.scale_features = BA_SCALE_ZSCORE;
    study.opts.scale_targets = BA_SCALE_ZSCORE;
    study.opts.alphas = (ba_alphas_t){ten_alphas, 10};
    study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 5};
    study.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 2};
    return study;
}

/* Scalings, intercept, selection, inner scaling and folds by the digits of i. */
static void
set_modes(study_t *study, size_t i)
{
    static const ba_scale_t scales[] = {BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};
    ba_fit_opts_t *opts = &study->opts;

    opts->scale_features = scales[i % 3];
    opts->scale_targets = scales[i / 3 % 3];
    opts->intercept = (int) (i / 9 % 2);
    opts->select = (ba_score_t) (i / 18 % 3);
    opts->inner_scaling = i % 2 ? BA_INNER_OUTER : BA_INNER_CENTER;
    opts->gap_inner = i % 3;
    opts->gap_outer = i % 2;
    opts->want_fold_weights = i % 2;
    if (i % 5 == 4) {
        opts->cv.n_folds = 38; /* about one sample each */
        opts->gap_inner = 0;
        opts->select = BA_SCORE_MSE;
    }
}

static void
check(const study_t *study, size_t n_reduced, double tolerance)
{
    outcome_of_fit_t fit = study_fit(study, NULL);
    oracle_t oracle = oracle_fit(study);

    assert_int_equal(fit.info.n_reduced, n_reduced);
    compare(&oracle, &fit, tolerance);
    pool_free(&oracle.pool);
    fit_free(&fit);
}

static void
test_all_modes(void **state)
{
    size_t n_reduced = 0;

    (void) state;
    for (size_t i = 0; i < 54; i += 5) {
        pool_t pool = {0};
        study_t study = reduced_study(&pool, 84, 100 + i, 2);
        outcome_of_fit_t fit;

        set_modes(&study, i);
        fit = study_fit(&study, NULL);
        n_reduced += fit.info.n_reduced;
        check(&study, fit.info.n_reduced, TOLERANCE);
        fit_free(&fit);
        pool_free(&pool);
    }
    assert_true(n_reduced > 15); /* three each, but for one-sided centring */
}

/* Fits without inner folds have nothing to choose: one alpha. */
static void
test_no_inner_folds(void **state)
{
    pool_t pool = {0};
    study_t study = reduced_study(&pool, 84, 110, 2);

    (void) state;
    study.opts.alphas = (ba_alphas_t){ten_alphas + 5, 1};
    study.opts.cv.kind = BA_CV_NONE;
    check(&study, 3, TOLERANCE);
    pool_free(&pool);
}

static size_t
n_reduced_of(const study_t *study)
{
    outcome_of_fit_t fit = study_fit(study, NULL);
    size_t n = fit.info.n_reduced;

    fit_free(&fit);
    return n;
}

/* Fewer columns than samples leave directions that no column reaches, and some alphas ask
 * for more than a solution: those have eigenvalues. */
static void
test_what_is_not_reduced(void **state)
{
    static double with_zero[] = {0, 1, 10, 20, 30, 40, 50, 60, 70, 80};
    pool_t pool = {0};
    study_t study = reduced_study(&pool, 84, 110, 2);

    (void) state;
    study.opts.outer_cv.kind = BA_CV_NONE;
    assert_int_equal(n_reduced_of(&study), 1);
    study.opts.alphas_relative = 1;
    assert_int_equal(n_reduced_of(&study), 0);
    study.opts.alphas_relative = 0;
    study.opts.alphas = (ba_alphas_t){NULL, 0};
    assert_int_equal(n_reduced_of(&study), 0);
    study.opts.alphas = (ba_alphas_t){with_zero, 10};
    assert_int_equal(n_reduced_of(&study), 0);
    study = reduced_study(&pool, 84, 50, 2);
    study.opts.outer_cv.kind = BA_CV_NONE;
    assert_int_equal(n_reduced_of(&study), 0);
    pool_free(&pool);
}

/* Every other sample repeats the one before. */
static void
repeat_samples(study_t *study)
{
    size_t n = study->train.n;

    for (size_t j = 0; j < study->n_features; j++) {
        for (size_t i = 1; i < n; i += 2) {
            study->train.x[i + j * n] = study->train.x[i - 1 + j * n];
        }
    }
}

/* Repeated samples leave a kernel that only alpha makes definite: tiny ones are for
 * eigenvalues, which keep rounding in its direction. */
static void
test_kernels_in_bad_condition(void **state)
{
    static double tiny[] = {1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1};

    (void) state;
    for (int precision = 0; precision < 2; precision++) {
        pool_t pool = {0};
        study_t study = reduced_study(&pool, 84, 110, 2);
        outcome_of_fit_t fit;

        repeat_samples(&study);
        study.opts.precision = precision ? BA_SINGLE : BA_DOUBLE;
        assert_int_equal(n_reduced_of(&study), 3);
        study.opts.alphas = (ba_alphas_t){tiny, 10};
        fit = study_fit(&study, NULL);
        assert_non_null(strstr(fit.info.reason, "reduced"));
        assert_int_equal(fit.info.n_reduced, 0);
        fit_free(&fit);
        pool_free(&pool);
    }
}

/* Held-out predictions are what residuals leave of a target: nothing, where an alpha
 * dwarfs the kernel. */
static void
test_alphas_beyond_the_kernel(void **state)
{
    static double huge[] = {1, 10, 100, 1e3, 1e4, 1e8, 1e12, 1e16, 1e20, 1e30};
    pool_t pool = {0};
    study_t study = reduced_study(&pool, 84, 110, 2);

    (void) state;
    study.opts.alphas = (ba_alphas_t){huge, 10};
    check(&study, 0, TOLERANCE);
    study.opts.alphas.n = 6; /* the largest is 1e8 */
    check(&study, 3, TOLERANCE);
    pool_free(&pool);
}

/* Single precision against double, whether or not the kernel itself was good enough in
 * float32 (many columns), and with features whose variances fall steeply and samples that
 * repeat: solutions that lose the condition number in float32 would be off by far. */
static void
test_single_precision(void **state)
{
    (void) state;
    for (size_t i = 0; i < 6; i++) {
        pool_t pool = {0};
        study_t study = reduced_study(&pool, 110, i % 2 ? 400 : 130, 6);
        outcome_of_fit_t full, single;

        if (i >= 2) {
            repeat_samples(&study);
        }
        study.opts.scale_features = i >= 4 ? BA_SCALE_CENTER : BA_SCALE_ZSCORE;
        for (size_t j = 0; i >= 4 && j < study.n_features; j++) {
            for (size_t k = 0; k < study.train.n; k++) {
                study.train.x[k + j * study.train.n] *= 100 / (1.0 + (double) (j * j));
            }
        }
        study.opts.select = i % 4 < 2 ? BA_SCORE_R : BA_SCORE_R2;
        study.opts.alphas.n = 12;
        study.opts.want_cv = 1;
        full = study_fit(&study, NULL);
        study.opts.precision = BA_SINGLE;
        single = study_fit(&study, NULL);
        assert_int_equal(single.info.n_reduced, 3);
        assert_all_close(single.result.cv_scores, full.result.cv_scores, 12 * 6, 2e-5);
        assert_all_close(single.result.r_by_fold, full.result.r_by_fold, 2 * 6, 2e-5);
        fit_free(&full);
        fit_free(&single);
        pool_free(&pool);
    }
}

/* Threads, a budget that holds fewer alphas at a time, and parts of the targets that
 * begin and end inside tiles, where targets chose different alphas: the same bits. */
static void
same_in_parts(size_t n_samples, size_t n_features, ba_precision_t precision)
{
    static const size_t parts[][2] = {{77, 90}, {130, V}};
    pool_t pool = {0};
    study_t study = reduced_study(&pool, n_samples, n_features, V);
    ba_ctx_t two = context(2, 0), small;
    outcome_of_fit_t whole, other;
    size_t n_others = 0;

    study.opts.outer_cv.n_folds = 4;
    study.opts.alphas = (ba_alphas_t){ten_alphas + 4, 4};
    study.opts.precision = precision;
    study.opts.want_cv = study.opts.want_fold_weights = study.opts.want_predictions = 1;
    whole = study_fit(&study, &two);
    assert_int_equal(whole.info.n_reduced, 5);
    for (size_t j = 1; j < V; j++) {
        n_others += whole.result.best_alphas[j] != whole.result.best_alphas[0];
    }
    assert_true(n_others > 0);
    other = study_fit(&study, NULL);
    assert_same(&whole, &other);
    small = context(1, other.info.bytes_planned / 10 * 9);
    fit_free(&other);
    other = study_fit(&study, &small);
    assert_true(other.info.bytes_planned <= small.memory);
    assert_same(&whole, &other);
    fit_free(&other);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        study.opts.target_start = parts[i][0];
        study.opts.target_stop = parts[i][1];
        other = study_fit(&study, &two);
        assert_same(&whole, &other);
        fit_free(&other);
    }
    fit_free(&whole);
    pool_free(&pool);
}

static void
test_parts_change_no_bit(void **state)
{
    (void) state;
    same_in_parts(600, 680, BA_DOUBLE);
    same_in_parts(660, 1400, BA_SINGLE); /* 512 samples and more: wider bands */
}

/* What the first outer fold holds out, features and responses, is something else. */
static void
replace_first_fold(study_t *study)
{
    size_t n = study->train.n, held = (n + 1) / 2;
    uint64_t seed = 5;

    for (size_t i = 0; i < n * study->n_features; i++) {
        study->train.x[i] = i % n < held ? 100 * test_normal(&seed) : study->train.x[i];
    }
    for (size_t i = 0; i < n * study->v; i++) {
        study->train.y[i] = i % n < held ? 100 * test_normal(&seed) : study->train.y[i];
    }
}

static void
test_held_out_rows_change_no_bit(void **state)
{
    (void) state;
    for (int precision = 0; precision < 2; precision++) {
        pool_t pool = {0};
        study_t study = reduced_study(&pool, 120, 200, 2);
        outcome_of_fit_t fit, other;

        study.opts.precision = precision ? BA_SINGLE : BA_DOUBLE;
        study.opts.want_cv = study.opts.want_fold_weights = 1;
        study.opts.gap_outer = 3; /* delays reach no further */
        fit = study_fit(&study, NULL);
        replace_first_fold(&study);
        other = study_fit(&study, NULL);
        assert_int_equal(fit.info.n_reduced, 3);
        assert_memory_equal(
            fit.weights_by_fold, other.weights_by_fold, fit.p * 2 * sizeof(double));
        assert_memory_equal(fit.result.cv_scores_by_fold, other.result.cv_scores_by_fold,
            10 * 2 * sizeof(double));
        assert_memory_not_equal(
            fit.result.r_by_fold, other.result.r_by_fold, 2 * sizeof(double));
        fit_free(&fit);
        fit_free(&other);
        pool_free(&pool);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_modes),
        cmocka_unit_test(test_no_inner_folds),
        cmocka_unit_test(test_what_is_not_reduced),
        cmocka_unit_test(test_kernels_in_bad_condition),
        cmocka_unit_test(test_alphas_beyond_the_kernel),
        cmocka_unit_test(test_single_precision),
        cmocka_unit_test(test_parts_change_no_bit),
        cmocka_unit_test(test_held_out_rows_change_no_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
