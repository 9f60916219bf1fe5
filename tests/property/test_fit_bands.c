/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Banded ridge against brute force: every candidate fitted by itself, with nothing shared
 * between candidates, alphas, folds or targets. */
#include "tests/property/band_oracle.h"

#define TOLERANCE 1e-8

/* Candidates of up to three spaces: all equal, a space alone, sparse ones. */
static const double gammas3[] = {0.4, 0.3, 0.3, 1, 0, 0, 0, 0.7, 0.3, 0.05, 0.9, 0.05,
    0.001, 0.099, 0.9, 0.3, 0.3, 0.4};
static const double gammas2[] = {0.5, 0.5, 1, 0, 0, 1, 0.9, 0.1, 0.02, 0.98};

static study_t
banded_study(pool_t *pool, size_t i, size_t n_features)
{
    shape_t shape = {.n_samples = 60,
        .n_features = n_features,
        .n_targets = 4,
        .n_delays = 1 + i % 2,
        .seed = 7000 + i,
        .n_test_runs = i % 5 == 4 ? 2 : 0,
        .n_slabs = 1 + i % 2};
    study_t study = study_make(pool, &shape);

    study.n_spaces = i % 3 == 2 ? 2 : 3;
    study.space_features[0] = 1 + i % 2;
    study.space_features[1] =
        study.n_spaces == 2 ? n_features - study.space_features[0] : 1;
    study.space_features[2] = n_features - study.space_features[0] - 1;
    study.opts.bands = (ba_bands_t){.gammas = study.n_spaces == 2 ? gammas2 : gammas3,
        .n_candidates = study.n_spaces == 2 ? 5 : 6,
        .n_spaces = study.n_spaces};
    return study;
}

static const ba_scale_t scales[] = {BA_SCALE_ZSCORE, BA_SCALE_CENTER, BA_SCALE_NONE};

static void
set_modes(ba_fit_opts_t *opts, size_t i)
{
    opts->scale_features = scales[i % 3];
    opts->scale_targets = i / 2 % 2 ? BA_SCALE_RUNS : scales[i / 3 % 3];
    opts->intercept = opts->scale_targets == BA_SCALE_RUNS ||
                              opts->scale_features != opts->scale_targets
                          ? 1
                          : (int) (i / 4 % 2);
    opts->select = (ba_score_t) (i / 5 % 3);
    opts->inner_scaling = i % 2 ? BA_INNER_OUTER : BA_INNER_CENTER;
    opts->gap_inner = i % 4;
    opts->gap_outer = i % 3;
    opts->want_fold_weights = i % 2;
    opts->cv = i % 7 == 3 ? (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 3}
                          : (ba_cv_opts_t){0};
}

static void
check(const study_t *study)
{
    outcome_of_fit_t fit = study_fit(study, NULL);
    bands_t bands = bands_by_force(study);

    compare_bands(&bands, &fit, TOLERANCE);
    bands_free(&bands);
    fit_free(&fit);
}

static void
test_both_forms(void **state)
{
    (void) state;
    for (size_t i = 0; i < 24; i++) {
        pool_t pool = {0};
        study_t study = banded_study(&pool, i, i % 4 == 3 ? 40 : 3 + i % 3);

        set_modes(&study.opts, i);
        /* The correlation of what a single column predicts is the same at every alpha. */
        if (study.n_delays == 1 && study.opts.select == BA_SCORE_R) {
            study.opts.select = BA_SCORE_R2;
        }
        study.opts.solver = i / 2 % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
        study.opts.solver = i % 4 == 3 && i % 8 == 3 ? BA_SOLVER_AUTO : study.opts.solver;
        check(&study);
        pool_free(&pool);
    }
}

/* Enough targets for one quadratic form of all folds. */
static void
test_pooled(void **state)
{
    (void) state;
    for (size_t i = 0; i < 3; i++) {
        pool_t pool = {0};
        shape_t shape = {
            .n_samples = 40, .n_features = 24, .n_targets = 120, .seed = 7100 + i};
        study_t study = study_make(&pool, &shape);

        study.n_spaces = 2;
        study.space_features[0] = 12;
        study.space_features[1] = 12;
        study.opts.bands =
            (ba_bands_t){.gammas = gammas2, .n_candidates = 5, .n_spaces = 2};
        study.opts.solver = BA_SOLVER_DUAL;
        study.opts.scale_features = scales[i % 3];
        study.opts.gap_inner = i;
        check(&study);
        pool_free(&pool);
    }
}

static void
test_shared(void **state)
{
    (void) state;
    for (size_t i = 0; i < 12; i++) {
        pool_t pool = {0};
        study_t study = banded_study(&pool, i, 5);

        study.opts.shared_alpha = i % 3 != 2;
        study.opts.bands.shared = i % 3 != 0;
        study.opts.solver = i % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
        check(&study);
        pool_free(&pool);
    }
}

/* What each space contributes, from the weights of the folds. */
static void
check_split(const study_t *study, const outcome_of_fit_t *fit, size_t k, size_t t)
{
    const ba_fit_result_t *result = &fit->result;
    size_t v = study->v, p = fit->p, n = 0, n_spaces = study->n_spaces;
    double y[200], part[MAX_SPACES][200], whole[200], sums[2] = {0};

    for (size_t i = 0; i < study->train.n; i++) {
        if (result->outer_fold[i] != (int32_t) k) {
            continue;
        }
        y[n] = (study->train.y[i + t * study->train.n] -
                   result->target_mean_by_fold[k * v + t]) /
               result->target_scale_by_fold[k * v + t];
        whole[n] = 0.0;
        for (size_t s = 0; s < n_spaces; s++) {
            part[s][n] = 0.0;
        }
        for (size_t c = 0; c < p; c++) {
            double x =
                (delayed(study, &study->train, (size_t) result->outer_fold[i], i, c) -
                    result->feature_mean_by_fold[k * p + c]) /
                result->feature_scale_by_fold[k * p + c];
            double term = x * fit->weights_by_fold[(k * v + t) * p + c];

            part[space_of(study, c)][n] += term;
            whole[n] += term;
        }
        n++;
    }
    for (size_t s = 0; s < n_spaces; s++) {
        double my = oracle_mean(y, n), mp = oracle_mean(part[s], n), r2 = 0, yy = 0,
               r = 0;
        size_t at = (k * n_spaces + s) * v + t;

        for (size_t i = 0; i < n; i++) {
            yy += (y[i] - my) * (y[i] - my);
            r2 += 2 * (y[i] - my) * part[s][i] - part[s][i] * whole[i];
            r += (y[i] - my) * (part[s][i] - mp);
        }
        r /= (double) n * oracle_deviation(y, n, 0) * oracle_deviation(whole, n, 0);
        close_to(study, "r2_split", t, result->r2_split_by_fold[at], r2 / yy, 1e-9);
        close_to(study, "r_split", t, result->r_split_by_fold[at], r, 1e-9);
        sums[0] += result->r_split_by_fold[at];
        sums[1] += result->r2_split_by_fold[at];
    }
    close_to(study, "sum of r_split", t, sums[0], result->r_by_fold[k * v + t], 1e-9);
    assert_true(sums[1] >= result->r2_by_fold[k * v + t] - 10.0 && sums[1] <= 1.0);
}

static void
test_splits(void **state)
{
    (void) state;
    for (size_t i = 0; i < 6; i++) {
        pool_t pool = {0};
        study_t study = banded_study(&pool, i == 4 ? 5 : i, 5);
        outcome_of_fit_t fit;

        study.opts.want_fold_weights = 1;
        study.opts.scale_targets = BA_SCALE_ZSCORE;
        study.opts.outer_cv.kind = BA_CV_RUNS;
        study.opts.solver = i % 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
        fit = study_fit(&study, NULL);
        for (size_t k = 0; k < fit.result.n_outer; k++) {
            for (size_t t = 0; t < study.v; t++) {
                check_split(&study, &fit, k, t);
            }
        }
        fit_free(&fit);
        pool_free(&pool);
    }
}

/* A given delta for every space, without anything to choose. */
static void
test_fixed(void **state)
{
    static const double gamma[] = {0.02, 0.7, 0.005};

    (void) state;
    for (size_t i = 0; i < 4; i++) {
        pool_t pool = {0};
        study_t study = banded_study(&pool, 0, 5);
        outcome_of_fit_t fit;
        bands_t bands;

        study.opts.bands.gammas = gamma;
        study.opts.bands.n_candidates = 1;
        study.opts.alphas.n = 1;
        study.opts.alphas.values[0] = 1.0;
        study.opts.cv.kind = i % 2 ? BA_CV_NONE : BA_CV_DEFAULT;
        study.opts.solver = i / 2 ? BA_SOLVER_DUAL : BA_SOLVER_PRIMAL;
        study.opts.want_cv = 0;
        fit = study_fit(&study, NULL);
        study.opts.cv.kind = BA_CV_DEFAULT;
        bands = bands_by_force(&study);
        for (size_t t = 0; t < study.v; t++) {
            for (size_t k = 0; k < bands.n_outer; k++) {
                compare_fold(&bands, &fit, k, t, TOLERANCE);
            }
            compare_weights(
                &bands, "weights", fit.weights, bands.fits[0].weights, 0, t, TOLERANCE);
        }
        bands_free(&bands);
        fit_free(&fit);
        pool_free(&pool);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_pooled),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_fixed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
