/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reduced factor against the eigendecomposition of the same training design. */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "model/ridge_reduced.h"

enum { N = 60, P = 90, N_OUT = 17, N_PREDICT = 9 };

static const double alphas[] = {0.5, 20.0, 3000.0};
#define N_ALPHAS (sizeof alphas / sizeof *alphas)

static const ba_reducing_t reducing = {0.5, 3000.0, 1e-10};

static const int no_delay[] = {0};

typedef struct {
    double x[N * P], y[N];
    size_t rows[N], out[N_OUT], predict[N_PREDICT];
    ba_space_t space;
    ba_runs_t runs;
    ba_design_t *design;
    ba_ridge_factor_t *reduced, *whole;
    double *shifts;
} scene_t;

static scene_t *
make_scene(ba_intercept_t intercept)
{
    scene_t *scene = ba_calloc(1, sizeof *scene);
    ba_training_t training;

    assert_non_null(scene);
    test_fill_normal(scene->x, (size_t) N * P, 3);
    test_fill_normal(scene->y, N, 4);
    for (size_t i = 0; i < N; i++) {
        scene->rows[i] = i;
        scene->y[i] += 2.0;
        scene->x[i] += 1.0;
    }
    for (size_t i = 0; i < N_OUT; i++) {
        scene->out[i] = 3 * i + 2;
    }
    for (size_t i = 0; i < N_PREDICT; i++) {
        scene->predict[i] = i + 4;
    }
    scene->space = (ba_space_t){"x", NULL, scene->x, P, no_delay, 1, 0};
    assert_int_equal(ba_runs_one(N, &scene->runs), BA_OK);
    assert_int_equal(ba_design_new(&scene->space, 1, &scene->runs, BA_DELAY_WITHIN_RUNS,
                         &scene->design),
        BA_OK);
    training = (ba_training_t){scene->design, scene->rows, N, NULL, NULL};
    assert_int_equal(
        ba_ridge_factor(NULL, &training, BA_SOLVER_DUAL, intercept, &scene->whole),
        BA_OK);
    assert_int_equal(
        ba_ridge_factor_reduced(NULL, &training, intercept, &reducing, &scene->reduced),
        BA_OK);
    assert_int_equal(
        ba_ridge_factor_shifts(scene->reduced, alphas, N_ALPHAS, &scene->shifts), BA_OK);
    assert_null(ba_ridge_factor_band(scene->whole));
    assert_non_null(ba_ridge_factor_band(scene->reduced));
    return scene;
}

static void
free_scene(scene_t *scene)
{
    ba_free(scene->shifts);
    ba_ridge_factor_free(scene->reduced);
    ba_ridge_factor_free(scene->whole);
    ba_design_free(scene->design);
    ba_runs_free(&scene->runs);
    ba_free(scene);
}

/* M y over all rows. */
static void
residuals(const scene_t *scene, size_t a, const double *shift, double *r)
{
    ba_cdmat_t q = ba_ridge_factor_project(scene->reduced);
    double unit = ba_ridge_reduced_unit(scene->reduced, alphas[a]);
    double add = ba_ridge_reduced_add(scene->reduced, alphas[a]), z[N];

    ba_gemm_f64(1.0, BA_TRANSPOSE, q, BA_KEEP, ba_cdmat(scene->y, N, 1, N), 0.0,
        ba_dmat(z, N, 1, N));
    ba_reduced_solve(ba_ridge_factor_band(scene->reduced), shift, ba_dmat(z, N, 1, N));
    ba_gemm_f64(
        unit, BA_KEEP, q, BA_KEEP, ba_cdmat(z, N, 1, N), 0.0, ba_dmat(r, N, 1, N));
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < N; k++) {
            r[i] += add * scene->y[k];
        }
    }
}

/* What the closed form of the other factor predicts from the rows that stay. */
static void
expected_predictions(
    const scene_t *scene, double alpha, ba_intercept_t intercept, double *predicted)
{
    static double maker[N * N], work[N * N], p[N_PREDICT * (N - N_OUT)];
    double stay[N - N_OUT];
    size_t n_stay = 0;

    for (size_t i = 0, k = 0; i < N; i++) {
        if (k < N_OUT && scene->out[k] == i) {
            k++;
        } else {
            stay[n_stay++] = scene->y[i];
        }
    }
    ba_ridge_residual_maker(NULL, scene->whole, alpha, intercept, ba_dmat(work, N, N, N),
        ba_dmat(maker, N, N, N));
    assert_int_equal(ba_ridge_holdout(scene->whole, alpha, intercept,
                         ba_cdmat(maker, N, N, N), scene->out, N_OUT, scene->predict,
                         N_PREDICT, ba_dmat(p, N_PREDICT, N - N_OUT, N_PREDICT)),
        BA_OK);
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(p, N_PREDICT, N - N_OUT, N_PREDICT), BA_KEEP,
        ba_cdmat(stay, N - N_OUT, 1, N - N_OUT), 0.0,
        ba_dmat(predicted, N_PREDICT, 1, N_PREDICT));
}

static void
check(ba_intercept_t intercept)
{
    scene_t *scene = make_scene(intercept);
    size_t size = ba_reduced_factor_size(ba_ridge_factor_band(scene->reduced));

    for (size_t a = 0; a < N_ALPHAS; a++) {
        double p[N_PREDICT * N_OUT], r[N], expected[N_PREDICT], found[N_PREDICT];
        const double *shift = scene->shifts + a * size;

        assert_int_equal(
            ba_ridge_reduced_holdout(scene->reduced, alphas[a], shift, scene->out, N_OUT,
                scene->predict, N_PREDICT, ba_dmat(p, N_PREDICT, N_OUT, N_PREDICT)),
            BA_OK);
        residuals(scene, a, shift, r);
        for (size_t i = 0; i < N_PREDICT; i++) {
            found[i] = scene->y[scene->out[scene->predict[i]]];
            for (size_t k = 0; k < N_OUT; k++) {
                found[i] -= p[i + k * N_PREDICT] * r[scene->out[k]];
            }
        }
        expected_predictions(scene, alphas[a], intercept, expected);
        assert_all_close(found, expected, N_PREDICT, 1e-10);
    }
    free_scene(scene);
}

static void
test_held_out_predictions(void **state)
{
    (void) state;
    check(BA_INTERCEPT_NO);
    check(BA_INTERCEPT_YES);
}

/* An alpha that leaves the kernel indefinite is named. */
static void
test_alpha_too_small(void **state)
{
    scene_t *scene = make_scene(BA_INTERCEPT_NO);
    const double negative = -1e9;
    double *shifts = NULL;

    (void) state;
    assert_int_equal(
        ba_ridge_factor_shifts(scene->reduced, &negative, 1, &shifts), BA_NUMERIC);
    assert_non_null(strstr(ba_error_message(), "too small"));
    ba_free(shifts);
    free_scene(scene);
}

/* Two equal samples: only alpha is above 0 there. Below what rounding may move, or with
 * alphas beyond all of the kernel, eigenvalues are found, as they would be at once. */
static void
test_condition(void **state)
{
    static const ba_reducing_t limits[] = {
        {1e-2, 1.0, 1e-10}, {1e-7, 1.0, 1e-10}, {1e-7, 1.0, 1e-5}, {1e-2, 1e9, 1e-10}};
    static const int is_reduced[] = {1, 0, 1, 0};
    scene_t *scene = make_scene(BA_INTERCEPT_YES);
    ba_training_t training = {scene->design, scene->rows, N, NULL, NULL};
    ba_ridge_factor_t *whole = NULL;

    (void) state;
    scene->rows[7] = scene->rows[8];
    assert_int_equal(
        ba_ridge_factor(NULL, &training, BA_SOLVER_DUAL, BA_INTERCEPT_YES, &whole),
        BA_OK);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        ba_ridge_factor_t *factor = NULL;

        assert_int_equal(ba_ridge_factor_reduced(
                             NULL, &training, BA_INTERCEPT_YES, &limits[i], &factor),
            BA_OK);
        assert_int_equal(ba_ridge_factor_band(factor) != NULL, is_reduced[i]);
        if (is_reduced[i]) {
            assert_null(ba_ridge_factor_lambda(factor));
        } else {
            assert_memory_equal(ba_ridge_factor_lambda(factor),
                ba_ridge_factor_lambda(whole), N * sizeof(double));
            assert_memory_equal(ba_ridge_factor_project(factor).data,
                ba_ridge_factor_project(whole).data, sizeof(double) * N * N);
        }
        ba_ridge_factor_free(factor);
    }
    ba_ridge_factor_free(whole);
    free_scene(scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_out_predictions),
        cmocka_unit_test(test_alpha_too_small),
        cmocka_unit_test(test_condition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
