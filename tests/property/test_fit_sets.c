/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inner sets that may overlap, alphas in units of singular values and the cutoff of
 * these: each against fits that do not have it. */
#include "tests/property/pca_oracle.h"

#define TOLERANCE 1e-9

static study_t
plain_study(pool_t *pool, size_t i)
{
    shape_t shape = {
        .n_samples = 54, .n_features = i % 3 == 2 ? 40 : 4, .seed = 6600 + i};
    study_t study = study_make(pool, &shape);

    study.opts.solver = i % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
    study.opts.select = (ba_score_t) (i % 4);
    return study;
}

static void
assert_same_fit(
    const outcome_of_fit_t *a, const outcome_of_fit_t *b, const study_t *study)
{
    size_t v = study->v, n = study->opts.alphas.n;

    assert_all_close(a->result.cv_scores, b->result.cv_scores, n * v, TOLERANCE);
    assert_all_close(
        a->result.best_alphas_by_fold, b->result.best_alphas_by_fold, 3 * v, 0.0);
    assert_all_close(a->weights, b->weights, a->p * v, TOLERANCE);
    assert_all_close(a->predictions, b->predictions, study->train.n * v, TOLERANCE);
}

/* Sets that happen to be folds are these folds, whatever the scaling and the gap. */
static void
test_folds_as_sets(void **state)
{
    (void) state;
    for (size_t i = 0; i < 12; i++) {
        pool_t pool = {0};
        study_t study = plain_study(&pool, i), sets;
        size_t n = study.train.n;
        int32_t *ids = pool_get(&pool, n, sizeof *ids);
        uint8_t *held = pool_get(&pool, 4 * n, 1);
        outcome_of_fit_t by_id, by_set;

        for (size_t t = 0; t < n; t++) {
            ids[t] = (int32_t) (t / 5 % 4);
            held[(size_t) ids[t] * n + t] = 1;
        }
        study.opts.inner_scaling = (ba_inner_scaling_t) (i % 3);
        study.opts.intercept = (int) (i / 2 % 3) - 1;
        study.opts.gap_inner = i % 2;
        study.opts.scale_targets = BA_SCALE_ZSCORE;
        sets = study;
        study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_ROWS, .ids = ids};
        sets.opts.cv = (ba_cv_opts_t){.kind = BA_CV_SETS, .n_folds = 4, .held = held};
        by_id = study_fit(&study, NULL);
        by_set = study_fit(&sets, NULL);
        assert_same_fit(&by_id, &by_set, &study);
        assert_int_equal(by_set.result.n_sets, 4);
        assert_memory_equal(by_set.result.inner_sets, held, 4 * n);
        fit_free(&by_id);
        fit_free(&by_set);
        pool_free(&pool);
    }
}

/* A set that stands twice counts twice. */
static void
test_mean_over_overlapping_sets(void **state)
{
    (void) state;
    for (size_t i = 0; i < 4; i++) {
        pool_t pool = {0};
        study_t study = plain_study(&pool, i);
        size_t n = study.train.n, v = study.v, a = study.opts.alphas.n;
        uint8_t *held = pool_get(&pool, 3 * n, 1);
        double *mean = pool_doubles(&pool, a * v);
        outcome_of_fit_t fit;

        for (size_t t = 0; t < n; t++) {
            held[t] = t % 11 < 4;
            held[n + t] = t % 13 < 5;
            held[2 * n + t] = t % 11 < 4;
        }
        study.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_NONE};
        for (size_t s = 0; s < 3; s++) {
            study.opts.cv =
                (ba_cv_opts_t){.kind = BA_CV_SETS, .n_folds = 1, .held = held + s * n};
            fit = study_fit(&study, NULL);
            for (size_t j = 0; j < a * v; j++) {
                mean[j] += fit.result.cv_scores[j] / 3;
            }
            fit_free(&fit);
        }
        study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_SETS, .n_folds = 3, .held = held};
        fit = study_fit(&study, NULL);
        assert_all_close(fit.result.cv_scores, mean, a * v, 1e-12);
        fit_free(&fit);
        pool_free(&pool);
    }
}

/* The largest eigenvalue of x'x over some rows. */
static double
largest_eigenvalue(pool_t *pool, const study_t *study, const uint8_t *held)
{
    size_t n = study->train.n, p = study->n_features;
    double *c = pool_doubles(pool, p * p), *v = pool_doubles(pool, p * p), largest = 0.0;

    for (size_t i = 0; i < p * p; i++) {
        for (size_t t = 0; t < n; t++) {
            if (!held || !held[t]) {
                c[i] += study->train.x[t + i % p * n] * study->train.x[t + i / p * n];
            }
        }
    }
    for (size_t sweep = 0; sweep < 15; sweep++) {
        for (size_t a = 0; a < p; a++) {
            for (size_t b = a + 1; b < p; b++) {
                rotate(c, v, p, a, b);
            }
        }
    }
    for (size_t j = 0; j < p; j++) {
        largest = fmax(largest, c[j + j * p]);
    }
    return largest;
}

/* A study whose columns enter as they are. */
static study_t
raw_study(pool_t *pool, size_t i)
{
    shape_t shape = {.n_delays = 1, .n_features = i % 3 == 2 ? 60 : 4, .seed = 6700 + i};
    study_t study = study_make(pool, &shape);

    study.delays[0] = 0;
    study.opts.solver = i % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
    study.opts.scale_features = study.opts.scale_targets = BA_SCALE_NONE;
    study.opts.intercept = 0;
    study.opts.inner_scaling = BA_INNER_OUTER;
    study.opts.outer_cv = (ba_cv_opts_t){.kind = BA_CV_NONE};
    return study;
}

/* Every set is fitted with the alphas times its own largest eigenvalue, the final fit
 * with those of all rows. */
static void
test_relative_alphas(void **state)
{
    (void) state;
    for (size_t i = 0; i < 6; i++) {
        pool_t pool = {0};
        study_t study = raw_study(&pool, i), single;
        size_t n = study.train.n, v = study.v, a = study.opts.alphas.n;
        uint8_t *held = pool_get(&pool, 2 * n, 1);
        double relative[] = {1e-3, 1e-2, 0.1, 1.0}, alphas[4];
        double *mean = pool_doubles(&pool, a * v), unit;
        outcome_of_fit_t fit, plain;

        assert_int_equal(a, 4);
        for (size_t t = 0; t < n; t++) {
            held[t] = t % 7 < 2;
            held[n + t] = t % 5 < 2;
        }
        study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_SETS, .n_folds = 2, .held = held};
        study.opts.alphas.values = relative;
        study.opts.alphas_relative = 1;
        fit = study_fit(&study, NULL);
        single = study;
        single.opts.alphas_relative = 0;
        single.opts.alphas.values = alphas;
        single.opts.cv.n_folds = 1;
        for (size_t s = 0; s < 2; s++) {
            unit = largest_eigenvalue(&pool, &study, held + s * n);
            for (size_t k = 0; k < a; k++) {
                alphas[k] = relative[k] * unit;
            }
            single.opts.cv.held = held + s * n;
            plain = study_fit(&single, NULL);
            for (size_t j = 0; j < a * v; j++) {
                mean[j] += plain.result.cv_scores[j] / 2;
            }
            fit_free(&plain);
        }
        assert_all_close(fit.result.cv_scores, mean, a * v, TOLERANCE);
        unit = largest_eigenvalue(&pool, &study, NULL);
        for (size_t k = 0; k < a; k++) {
            assert_close(fit.result.alphas[k] / (relative[k] * unit), 1.0, 1e-12);
        }
        fit_free(&fit);
        pool_free(&pool);
    }
}

/* A cutoff above all singular values predicts nothing in inner sets, one below all
 * changes nothing; neither touches the weights. */
static void
test_cutoff(void **state)
{
    (void) state;
    for (size_t i = 0; i < 6; i++) {
        pool_t pool = {0};
        study_t study = raw_study(&pool, i);
        size_t n = study.train.n, v = study.v, a = study.opts.alphas.n;
        outcome_of_fit_t plain, none, all;

        study.opts.select = BA_SCORE_MSE;
        study.opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 3};
        study.opts.alphas.n = 1;
        a = 1;
        plain = study_fit(&study, NULL);
        study.opts.singular_cutoff = 1e-9;
        none = study_fit(&study, NULL);
        study.opts.singular_cutoff = 1e6;
        all = study_fit(&study, NULL);
        assert_all_close(plain.result.cv_scores, none.result.cv_scores, a * v, TOLERANCE);
        assert_all_close(plain.weights, all.weights, plain.p * v, TOLERANCE);
        for (size_t t = 0; t < v; t++) {
            double sum = 0.0;
            size_t at = 0;

            for (size_t k = 0; k < 3; k++) {
                size_t size = n / 3 + (k < n % 3 ? 1 : 0);

                for (size_t j = 0; j < size; j++, at++) {
                    sum -= pow(study.train.y[at + t * n], 2) / (double) size / 3;
                }
            }
            assert_close(all.result.cv_scores[t], sum, TOLERANCE * fabs(sum));
        }
        fit_free(&plain);
        fit_free(&none);
        fit_free(&all);
        pool_free(&pool);
    }
}

/* Bootstrap sets hold out samples of the training rows only, in every outer fold. */
static void
test_bootstrap_within_folds(void **state)
{
    pool_t pool = {0};
    study_t study = plain_study(&pool, 0);
    size_t n = study.train.n;
    outcome_of_fit_t fit;

    (void) state;
    study.opts.cv = (ba_cv_opts_t){
        .kind = BA_CV_BOOTSTRAP, .n_folds = 5, .chunk_len = 4, .n_chunks = 3};
    fit = study_fit(&study, NULL);
    assert_int_equal(fit.result.n_sets, 5);
    for (size_t k = 0; k < fit.result.n_outer; k++) {
        for (size_t s = 0; s < 5; s++) {
            const uint8_t *set = fit.result.inner_sets_by_fold + (k * 5 + s) * n;
            size_t n_held = 0;

            for (size_t t = 0; t < n; t++) {
                n_held += set[t];
                assert_false(set[t] && fit.result.outer_fold[t] == (int32_t) k);
            }
            assert_int_equal(n_held, 12);
        }
    }
    fit_free(&fit);
    pool_free(&pool);
}

static void
test_refusals(void **state)
{
    static const double gammas[] = {1.0};
    pool_t pool = {0};
    study_t study = plain_study(&pool, 0), other = study;
    outcome_of_fit_t fit;

    (void) state;
    study.opts.cv = (ba_cv_opts_t){
        .kind = BA_CV_BOOTSTRAP, .n_folds = 5, .chunk_len = 4, .n_chunks = 3};
    study.opts.bands = (ba_bands_t){.gammas = gammas, .n_candidates = 1, .n_spaces = 1};
    fit = study_try(&study, NULL);
    assert_int_equal(fit.status, BA_UNSUPPORTED);
    assert_non_null(strstr(ba_error_message(), "overlap"));
    fit_free(&fit);
    other.opts.alphas_relative = 1;
    other.opts.alphas.n = 0;
    fit = study_try(&other, NULL);
    assert_int_equal(fit.status, BA_VALUE);
    assert_non_null(strstr(ba_error_message(), "automatic"));
    fit_free(&fit);
    pool_free(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folds_as_sets),
        cmocka_unit_test(test_mean_over_overlapping_sets),
        cmocka_unit_test(test_relative_alphas),
        cmocka_unit_test(test_cutoff),
        cmocka_unit_test(test_bootstrap_within_folds),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
