/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/ridge.h"
#include "linalg/blas.h"
#include "tests/property/oracle.h"

/* A factor of n x p random features, and targets. */
typedef struct {
    pool_t pool;
    size_t n, p;
    double *x, *y;
    size_t *rows;
    ba_runs_t runs;
    ba_space_t space;
    ba_design_t *design;
    ba_ridge_factor_t *factor;
    ba_intercept_t intercept; /* of the factor */
} scene_t;

static const int no_delay[] = {0};

static void
make_scene(
    scene_t *scene, size_t n, size_t p, ba_solver_t solver, ba_intercept_t intercept)
{
    ba_training_t training;

    *scene = (scene_t){.n = n, .p = p, .intercept = intercept};
    scene->x = pool_doubles(&scene->pool, n * p);
    scene->y = pool_doubles(&scene->pool, n);
    scene->rows = pool_get(&scene->pool, n, sizeof *scene->rows);
    test_fill_normal(scene->x, n * p, n * 1000 + p);
    test_fill_normal(scene->y, n, n * 1000 + p + 1);
    for (size_t i = 0; i < n; i++) {
        scene->rows[i] = i;
        scene->y[i] += 3.0;
        for (size_t j = 0; j < p; j++) {
            scene->x[i + j * n] += 0.2 * (double) (j % 3);
        }
    }
    assert_int_equal(ba_runs_one(n, &scene->runs), BA_OK);
    scene->space = (ba_space_t){"x", NULL, scene->x, p, no_delay, 1, 0};
    assert_int_equal(ba_design_new(&scene->space, 1, &scene->runs, BA_DELAY_WITHIN_RUNS,
                         &scene->design),
        BA_OK);
    training = (ba_training_t){scene->design, scene->rows, n, NULL, NULL};
    assert_int_equal(
        ba_ridge_factor(NULL, &training, solver, intercept, &scene->factor), BA_OK);
}

static void
free_scene(scene_t *scene)
{
    ba_ridge_factor_free(scene->factor);
    ba_design_free(scene->design);
    ba_runs_free(&scene->runs);
    pool_free(&scene->pool);
}

/* Rows of `x` (n x p) that are listed. */
static double *
pick(pool_t *pool, const double *x, size_t n, size_t p, const size_t *rows, size_t n_rows)
{
    double *picked = pool_doubles(pool, n_rows * p);

    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < n_rows; i++) {
            picked[i + j * n_rows] = x[rows[i] + j * n];
        }
    }
    return picked;
}

/* Which rows stay: those that are not in the ascending list. */
static size_t *
rows_that_stay(scene_t *scene, const size_t *out, size_t n_out)
{
    size_t *stay = pool_get(&scene->pool, scene->n, sizeof *stay), n_stay = 0;

    for (size_t i = 0, k = 0; i < scene->n; i++) {
        if (k < n_out && out[k] == i) {
            k++;
        } else {
            stay[n_stay++] = i;
        }
    }
    return stay;
}

/* A refit without the rows, by the oracle. Without an intercept on a factor with one the
 * columns keep the centring of all rows, and so may the targets: they are as they are. */
static void
refit(scene_t *scene, double alpha, ba_intercept_t intercept, const size_t *out,
    size_t n_out, const size_t *predict, size_t n_predict, double *predicted)
{
    pool_t *pool = &scene->pool;
    size_t n = scene->n, p = scene->p, n_stay = n - n_out;
    size_t *stay = rows_that_stay(scene, out, n_out);
    size_t *asked = pool_get(pool, n_predict, sizeof *asked);
    double *means = pool_doubles(pool, p), *w = pool_doubles(pool, p), b;
    double *x = scene->intercept == BA_INTERCEPT_YES
                    ? oracle_centred(pool, scene->x, n, p, means)
                    : scene->x;

    for (size_t i = 0; i < n_predict; i++) {
        asked[i] = out[predict[i]];
    }
    oracle_ridge(pool, pick(pool, x, n, p, stay, n_stay), n_stay, p,
        pick(pool, scene->y, n, 1, stay, n_stay), 1, alpha, intercept == BA_INTERCEPT_YES,
        w, &b);
    oracle_predict(
        pick(pool, x, n, p, asked, n_predict), n_predict, p, w, &b, 1, predicted);
}

/* The right-hand side by its definition, from the rows that stay alone. */
static double *
right_hand_side(scene_t *scene, ba_intercept_t intercept, const size_t *out, size_t n_out)
{
    size_t n_stay = scene->n - n_out, rank = ba_ridge_factor_rank(scene->factor);
    size_t *stay = rows_that_stay(scene, out, n_out);
    double *y = pick(&scene->pool, scene->y, scene->n, 1, stay, n_stay), *rhs;
    ba_cdmat_t project = ba_ridge_factor_project(scene->factor);

    if (ba_ridge_factor_solver(scene->factor) == BA_SOLVER_DUAL) {
        return y;
    }
    rhs = pool_doubles(&scene->pool, rank + 1);
    for (size_t i = 0; i < n_stay; i++) {
        for (size_t k = 0; k < rank; k++) {
            rhs[k] += project.data[stay[i] + k * project.ld] * y[i];
        }
        rhs[rank] += intercept == BA_INTERCEPT_YES ? y[i] : 0.0;
    }
    return rhs;
}

/* Both of the primal form's ways (with the Gram matrix of the left-out rows and without),
 * or the dual's one, against the refit. */
static void
check_set(scene_t *scene, double alpha, ba_intercept_t intercept, const size_t *out,
    size_t n_out, const size_t *predict, size_t n_predict)
{
    pool_t *pool = &scene->pool;
    size_t mark = pool->n_blocks, n = scene->n;
    size_t n_rhs = ba_ridge_holdout_n_rhs(scene->factor, intercept, n - n_out);
    int dual = ba_ridge_factor_solver(scene->factor) == BA_SOLVER_DUAL;
    size_t m = dual ? n : n_rhs;
    double *truth = pool_doubles(pool, n_predict);
    double *p = pool_doubles(pool, n_predict * n_rhs);
    double *prepared = pool_doubles(pool, m * m), *rhs;

    assert_int_equal(n_rhs, dual                            ? n - n_out
                            : intercept == BA_INTERCEPT_YES ? scene->p + 1
                                                            : scene->p);
    rhs = right_hand_side(scene, intercept, out, n_out);
    refit(scene, alpha, intercept, out, n_out, predict, n_predict, truth);
    if (dual) {
        ba_ridge_residual_maker(NULL, scene->factor, alpha, intercept,
            ba_dmat(pool_doubles(pool, n * n), n, n, n), ba_dmat(prepared, n, n, n));
    } else {
        assert_int_equal(ba_ridge_holdout_gram(NULL, scene->factor, intercept, out, n_out,
                             ba_dmat(prepared, m, m, m)),
            BA_OK);
    }
    for (int with = dual ? 1 : 0; with < 2; with++) {
        ba_cdmat_t view =
            with ? ba_cdmat(prepared, m, m, m) : (ba_cdmat_t){NULL, 0, 0, 1};

        assert_int_equal(
            ba_ridge_holdout(scene->factor, alpha, intercept, view, out, n_out, predict,
                n_predict, ba_dmat(p, n_predict, n_rhs, n_predict)),
            BA_OK);
        for (size_t i = 0; i < n_predict; i++) {
            double sum = 0.0;

            for (size_t k = 0; k < n_rhs; k++) {
                sum += p[i + k * n_predict] * rhs[k];
            }
            assert_close(sum, truth[i], 1e-10);
        }
    }
    pool_shrink(pool, mark);
}

enum { N_SETS = 6 };

/* One row; the first; a block; scattered rows; a block whose middle alone is predicted;
 * almost all rows. Rows of n. */
static size_t
make_set(size_t set, size_t n, size_t *out, size_t *predict, size_t *n_predict)
{
    size_t n_out = 0;

    for (size_t i = 0; i < n; i++) {
        int taken = (set == 0 && i == n / 2) || (set == 1 && i == 0) ||
                    (set == 2 && i >= n / 2 && i < n / 2 + n / 5) ||
                    (set == 3 && (i * 7) % 5 == 1) ||
                    (set == 4 && i >= n / 4 && i < 3 * n / 4) ||
                    (set == 5 && i != 1 && i != n - 2 && i != n / 2);

        if (taken) {
            out[n_out++] = i;
        }
    }
    *n_predict = 0;
    for (size_t i = 0; i < n_out; i++) {
        if (set != 4 || (i >= n_out / 3 && i < 2 * n_out / 3)) {
            predict[(*n_predict)++] = i;
        }
    }
    return n_out;
}

static void
check_all_sets(size_t n, size_t p, ba_solver_t solver, ba_intercept_t of_factor,
    ba_intercept_t of_fits)
{
    static const double alphas[] = {0.1, 5.0, 1e4};
    scene_t scene;
    size_t out[80], predict[80], n_predict;

    make_scene(&scene, n, p, solver, of_factor);
    for (size_t set = 0; set < N_SETS; set++) {
        size_t n_out = make_set(set, n, out, predict, &n_predict);

        for (size_t a = 0; a < 3; a++) {
            check_set(&scene, alphas[a], of_fits, out, n_out, predict, n_predict);
        }
    }
    free_scene(&scene);
}

static void
check_shapes(ba_intercept_t of_factor, ba_intercept_t of_fits)
{
    static const size_t shapes[][2] = {{40, 8}, {20, 45}, {25, 25}, {60, 1}, {13, 3}};

    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        check_all_sets(shapes[s][0], shapes[s][1], BA_SOLVER_PRIMAL, of_factor, of_fits);
        check_all_sets(shapes[s][0], shapes[s][1], BA_SOLVER_DUAL, of_factor, of_fits);
    }
}

static void
test_without_intercept(void **state)
{
    (void) state;
    check_shapes(BA_INTERCEPT_NO, BA_INTERCEPT_NO);
}

static void
test_with_intercept(void **state)
{
    (void) state;
    check_shapes(BA_INTERCEPT_YES, BA_INTERCEPT_YES);
}

/* The columns keep the centring of all rows, whose effect is not that of an intercept. */
static void
test_without_intercept_on_a_centred_factor(void **state)
{
    (void) state;
    check_shapes(BA_INTERCEPT_YES, BA_INTERCEPT_NO);
}

/* Leave-one-out: e_i = (y_i - yhat_i) / (1 - h_ii), as in every textbook. */
static void
check_leave_one_out(ba_solver_t solver, ba_intercept_t intercept)
{
    enum { N = 30, P = 6 };
    scene_t scene;
    double w[P], b, fitted[N], hat[N], e[N], wi[P], alpha = 2.0, fit_of_i[N];

    make_scene(&scene, N, P, solver, intercept);
    oracle_ridge(&scene.pool, scene.x, N, P, scene.y, 1, alpha,
        intercept == BA_INTERCEPT_YES, w, &b);
    oracle_predict(scene.x, N, P, w, &b, 1, fitted);
    for (size_t i = 0; i < N; i++) {
        memset(e, 0, sizeof e);
        e[i] = 1.0; /* column i of the hat matrix: the fit of a unit vector */
        oracle_ridge(&scene.pool, scene.x, N, P, e, 1, alpha,
            intercept == BA_INTERCEPT_YES, wi, &b);
        oracle_predict(scene.x, N, P, wi, &b, 1, fit_of_i);
        hat[i] = fit_of_i[i];
    }
    for (size_t i = 0; i < N; i++) {
        size_t zero = 0, n_rhs = ba_ridge_holdout_n_rhs(scene.factor, intercept, N - 1);
        double *rhs = right_hand_side(&scene, intercept, &i, 1);
        double *p = pool_doubles(&scene.pool, n_rhs), predicted = 0.0;
        double *maker = pool_doubles(&scene.pool, N * N);

        if (solver == BA_SOLVER_DUAL) {
            ba_ridge_residual_maker(NULL, scene.factor, alpha, intercept,
                ba_dmat(pool_doubles(&scene.pool, N * N), N, N, N),
                ba_dmat(maker, N, N, N));
        }
        assert_int_equal(ba_ridge_holdout(scene.factor, alpha, intercept,
                             solver == BA_SOLVER_DUAL ? ba_cdmat(maker, N, N, N)
                                                      : (ba_cdmat_t){NULL, 0, 0, 1},
                             &i, 1, &zero, 1, ba_dmat(p, 1, n_rhs, 1)),
            BA_OK);
        for (size_t k = 0; k < n_rhs; k++) {
            predicted += p[k] * rhs[k];
        }
        assert_close(
            scene.y[i] - predicted, (scene.y[i] - fitted[i]) / (1.0 - hat[i]), 1e-11);
    }
    free_scene(&scene);
}

static void
test_leave_one_out_formula(void **state)
{
    (void) state;
    check_leave_one_out(BA_SOLVER_PRIMAL, BA_INTERCEPT_NO);
    check_leave_one_out(BA_SOLVER_PRIMAL, BA_INTERCEPT_YES);
    check_leave_one_out(BA_SOLVER_DUAL, BA_INTERCEPT_NO);
    check_leave_one_out(BA_SOLVER_DUAL, BA_INTERCEPT_YES);
}

/* The residual maker of the dual, entry by entry (I - H, with factor 1 as it is made
 * now); the same bits on 1, 2, 3 threads. */
static void
check_residual_maker(ba_intercept_t of_factor, ba_intercept_t of_fits)
{
    enum { N = 24, P = 30 };
    scene_t scene;
    double m[N * N], first[N * N], e[N], w[P], b, fit[N], means[P], alpha = 3.0, *x;

    make_scene(&scene, N, P, BA_SOLVER_DUAL, of_factor);
    x = of_factor == BA_INTERCEPT_YES ? oracle_centred(&scene.pool, scene.x, N, P, means)
                                      : scene.x;
    for (int t = 1; t <= 3; t++) {
        ba_ctx_t ctx = ba_ctx_default();

        ctx.n_threads = t;
        ba_ridge_residual_maker(&ctx, scene.factor, alpha, of_fits,
            ba_dmat(pool_doubles(&scene.pool, N * N), N, N, N),
            ba_dmat(t == 1 ? first : m, N, N, N));
        assert_true(t == 1 || memcmp(m, first, sizeof m) == 0);
    }
    for (size_t j = 0; j < N; j++) {
        memset(e, 0, sizeof e);
        e[j] = 1.0;
        oracle_ridge(
            &scene.pool, x, N, P, e, 1, alpha, of_fits == BA_INTERCEPT_YES, w, &b);
        oracle_predict(x, N, P, w, &b, 1, fit);
        for (size_t i = 0; i < N; i++) {
            assert_close(first[i + j * N], e[i] - fit[i], 1e-12);
        }
    }
    free_scene(&scene);
}

static void
test_residual_maker(void **state)
{
    (void) state;
    check_residual_maker(BA_INTERCEPT_NO, BA_INTERCEPT_NO);
    check_residual_maker(BA_INTERCEPT_YES, BA_INTERCEPT_YES);
    check_residual_maker(BA_INTERCEPT_YES, BA_INTERCEPT_NO);
}

/* Where float64 cannot tell I - H from a singular matrix, an error that names alpha. */
static void
test_alpha_too_small(void **state)
{
    scene_t scene;
    size_t out[3] = {0, 1, 2}, n_rhs;
    double p[3 * 8];

    (void) state;
    make_scene(&scene, 9, 8, BA_SOLVER_PRIMAL, BA_INTERCEPT_NO);
    n_rhs = ba_ridge_holdout_n_rhs(scene.factor, BA_INTERCEPT_NO, 6);
    assert_int_equal(
        ba_ridge_holdout(scene.factor, 1e-16, BA_INTERCEPT_NO,
            (ba_cdmat_t){NULL, 0, 0, 1}, out, 3, out, 3, ba_dmat(p, 3, n_rhs, 3)),
        BA_NUMERIC);
    assert_contains(ba_error_message(), "1e-16");
    free_scene(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_intercept),
        cmocka_unit_test(test_with_intercept),
        cmocka_unit_test(test_without_intercept_on_a_centred_factor),
        cmocka_unit_test(test_leave_one_out_formula),
        cmocka_unit_test(test_residual_maker),
        cmocka_unit_test(test_alpha_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
