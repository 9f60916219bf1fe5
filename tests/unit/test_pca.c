/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/pca.h"

#include "tests/property/pca_oracle.h"

enum { N = 40, P = 7, K = 3 };

typedef struct {
    double *x;
    ba_space_t space;
    ba_runs_t runs;
    ba_design_t *design;
    size_t rows[N], n_rows;
} scene_t;

static const int delays[] = {0, 2};

/* Rows 3, 4, 6, 7, 9, ... are those that components are fitted on. */
static void
scene_make(pool_t *pool, size_t p, size_t k, size_t n_rows, scene_t *scene)
{
    *scene = (scene_t){.n_rows = n_rows};
    scene->x = pool_doubles(pool, N * p);
    test_fill_normal(scene->x, N * p, 11);
    for (size_t i = 0; i < N * p; i++) {
        scene->x[i] = scene->x[i] * (1.0 + 0.5 * (double) (i / N % 5)) + 3.0;
    }
    for (size_t i = 0; i < n_rows; i++) {
        scene->rows[i] = 3 + i + i / 2;
    }
    scene->space = (ba_space_t){"x", NULL, scene->x, p, delays, 2, k};
    assert_int_equal(
        ba_runs_from_onsets((const size_t[]){0, 20}, 2, N, &scene->runs), BA_OK);
    assert_int_equal(ba_design_new(&scene->space, 1, &scene->runs, BA_DELAY_WITHIN_RUNS,
                         &scene->design),
        BA_OK);
}

static void
scene_free(scene_t *scene)
{
    ba_design_free(scene->design);
    ba_runs_free(&scene->runs);
}

/* Against the covariance matrix rotated to a diagonal one, for more rows than features
 * and fewer. */
static void
test_components(void **state)
{
    (void) state;
    for (size_t p = P; p <= 31; p += 24) {
        pool_t pool = {0};
        scene_t scene;
        ba_pca_t *pca;
        double *mean = pool_doubles(&pool, p), *components = pool_doubles(&pool, p * K);
        double total = 0.0;

        scene_make(&pool, p, K, 24, &scene);
        assert_int_equal(
            ba_pca_fit(NULL, scene.design, scene.rows, scene.n_rows, &pca), BA_OK);
        oracle_pca(&pool, scene.x, N, p, scene.rows, scene.n_rows, K, mean, components);
        assert_all_close(pca->mean, mean, p, 1e-13);
        assert_all_close(pca->components, components, p * K, 1e-11);
        for (size_t j = 0; j < p; j++) {
            for (size_t i = 0; i < scene.n_rows; i++) {
                double d = scene.x[scene.rows[i] + j * N] - mean[j];

                total += d * d / (double) scene.n_rows;
            }
        }
        assert_close(pca->total, total, 1e-11);
        ba_pca_free(pca, 1);
        scene_free(&scene);
        pool_free(&pool);
    }
}

/* The design of components: every sample projected, then delayed with zeros at run
 * starts; variances are those of the columns. */
static void
test_design(void **state)
{
    pool_t pool = {0};
    scene_t scene;
    ba_pca_t *pca;
    ba_design_t *design;
    size_t all[N];
    double read[N * 2 * K], wanted[N * K];

    (void) state;
    scene_make(&pool, P, K, 24, &scene);
    assert_int_equal(ba_design_n_columns(scene.design), 2 * K);
    assert_int_equal(ba_design_n_features(scene.design), K);
    assert_int_equal(
        ba_pca_fit(NULL, scene.design, scene.rows, scene.n_rows, &pca), BA_OK);
    assert_int_equal(ba_pca_design(NULL, pca, scene.design, &design), BA_OK);
    assert_int_equal(ba_design_n_columns(design), 2 * K);
    for (size_t i = 0; i < N; i++) {
        all[i] = i;
        for (size_t k = 0; k < K; k++) {
            wanted[i + k * N] = 0.0;
            for (size_t j = 0; j < P; j++) {
                wanted[i + k * N] +=
                    (scene.x[i + j * N] - pca->mean[j]) * pca->components[j + k * P];
            }
        }
    }
    ba_design_read(design, all, N, 0, 2 * K, read, N);
    assert_all_close(read, wanted, N * K, 1e-12);
    for (size_t i = 0; i < N * K; i++) {
        double delayed = i % 20 < 2 ? 0.0 : wanted[i - 2];

        assert_close(read[N * K + i], delayed, 1e-12);
    }
    for (size_t k = 0; k < K; k++) {
        double squares = 0.0;

        for (size_t i = 0; i < scene.n_rows; i++) {
            squares += pow(wanted[scene.rows[i] + k * N], 2) / (double) scene.n_rows;
        }
        assert_close(pca->variance[k], squares, 1e-11);
    }
    ba_design_free(design);
    ba_pca_free(pca, 1);
    scene_free(&scene);
    pool_free(&pool);
}

/* A direction that the rows do not reach is 0 and not noise. */
static void
test_directions_without_variance(void **state)
{
    pool_t pool = {0};
    scene_t scene;
    ba_pca_t *pca;

    (void) state;
    scene_make(&pool, P, 5, 24, &scene);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 3; j < P; j++) {
            scene.x[i + j * N] = scene.x[i + j % 3 * N] * (double) j;
        }
    }
    assert_int_equal(
        ba_pca_fit(NULL, scene.design, scene.rows, scene.n_rows, &pca), BA_OK);
    for (size_t i = 0; i < 2 * P; i++) {
        assert_true(pca->components[3 * P + i] == 0.0);
    }
    assert_true(pca->variance[2] > 0.0 && pca->variance[3] == 0.0);
    ba_pca_free(pca, 1);
    scene_free(&scene);
    pool_free(&pool);
}

static void
test_refusals(void **state)
{
    pool_t pool = {0};
    scene_t scene;
    ba_pca_t *pca = NULL;
    ba_design_t *design = NULL;

    (void) state;
    scene_make(&pool, P, K, 3, &scene);
    assert_int_equal(ba_pca_fit(NULL, scene.design, scene.rows, 3, &pca), BA_SHAPE);
    assert_null(pca);
    assert_non_null(strstr(ba_error_message(), "3 training samples"));
    scene.space.n_components = P + 1;
    assert_int_equal(
        ba_design_new(&scene.space, 1, &scene.runs, BA_DELAY_WITHIN_RUNS, &design),
        BA_VALUE);
    assert_non_null(strstr(ba_error_message(), "at most its 7 features"));
    scene_free(&scene);
    pool_free(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_components),
        cmocka_unit_test(test_design),
        cmocka_unit_test(test_directions_without_variance),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
