/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/ridge.h"
#include "linalg/blas.h"
#include "tests/property/oracle.h"

#define TARGETS 3

typedef struct {
    pool_t pool;
    size_t n, p;
    double *x, *y; /* n x p, n x TARGETS */
} problem_t;

/* Features and targets with means and scales of their own; with `duplicates` every other
 * column repeats its neighbour. */
static problem_t
make_problem(size_t n, size_t p, int duplicates, uint64_t seed)
{
    problem_t problem = {.n = n, .p = p};

    problem.x = pool_doubles(&problem.pool, n * p);
    problem.y = pool_doubles(&problem.pool, n * TARGETS);
    test_fill_normal(problem.x, n * p, seed);
    test_fill_normal(problem.y, n * TARGETS, seed + 1);
    for (size_t i = 0; i < n * p; i++) {
        problem.x[i] = problem.x[i] * (1.0 + 0.1 * (double) (i / n)) + 0.5;
    }
    for (size_t j = 1; duplicates && j < p; j += 2) {
        memcpy(problem.x + j * n, problem.x + (j - 1) * n, n * sizeof(double));
    }
    for (size_t i = 0; i < n * TARGETS; i++) {
        problem.y[i] += 2.0 + problem.x[i % n];
    }
    return problem;
}

static void
solve(const problem_t *problem, ba_solver_t solver, ba_intercept_t intercept,
    const double *alphas, size_t n_alphas, double *w, double *b)
{
    ba_ridge_opts_t opts = {solver, intercept};
    size_t n = problem->n, p = problem->p;

    assert_int_equal(ba_ridge_solve(NULL, ba_cdmat(problem->x, n, p, n),
                         ba_cdmat(problem->y, n, TARGETS, n), alphas, n_alphas, &opts,
                         ba_dmat(w, p, TARGETS, p), b),
        BA_OK);
}

/* Both forms against the oracle. */
static void
check_solutions(problem_t *problem, double alpha, ba_intercept_t intercept, double tol)
{
    size_t p = problem->p, mark = problem->pool.n_blocks;
    double *truth = pool_doubles(&problem->pool, p * TARGETS), truth_b[TARGETS];
    double *w = pool_doubles(&problem->pool, p * TARGETS), b[TARGETS];

    oracle_ridge(&problem->pool, problem->x, problem->n, p, problem->y, TARGETS, alpha,
        intercept == BA_INTERCEPT_YES, truth, truth_b);
    for (int solver = BA_SOLVER_AUTO; solver <= BA_SOLVER_DUAL; solver++) {
        solve(problem, (ba_solver_t) solver, intercept, &alpha, 1, w, b);
        assert_all_close(w, truth, p * TARGETS, tol);
        assert_all_close(b, truth_b, TARGETS, tol);
    }
    pool_shrink(&problem->pool, mark);
}

static const size_t shapes[][2] = {
    {30, 7}, {12, 40}, {20, 20}, {25, 1}, {2, 5}, {2, 1}, {60, 59}, {1, 3}};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

/* Both Gram matrices lose about eps * |X|^2 / alpha of a weight. */
static void
test_dual_primal_and_normal_equations_agree(void **state)
{
    static const double alphas[] = {0.05, 1.0, 30.0, 1e6};

    (void) state;
    for (size_t s = 0; s < N_SHAPES; s++) {
        problem_t problem = make_problem(shapes[s][0], shapes[s][1], 0, 10 + s);

        for (size_t a = 0; a < 4; a++) {
            check_solutions(&problem, alphas[a], BA_INTERCEPT_NO, 1e-10);
            check_solutions(&problem, alphas[a], BA_INTERCEPT_YES, 1e-10);
        }
        pool_free(&problem.pool);
    }
}

/* alpha 0: least squares where there is one, the smallest of all solutions otherwise; at
 * the edge of full rank (20 x 20, 60 x 59) the condition is too bad for a fixed
 * tolerance. */
static void
test_zero_alpha_is_minimum_norm(void **state)
{
    static const size_t well[][2] = {{30, 7}, {12, 40}, {25, 1}, {2, 5}, {40, 12}};

    (void) state;
    for (size_t s = 0; s < 5; s++) {
        for (int duplicates = 0; duplicates < 2; duplicates++) {
            problem_t problem = make_problem(well[s][0], well[s][1], duplicates, 40 + s);

            check_solutions(&problem, 0.0, BA_INTERCEPT_NO, 1e-8);
            check_solutions(&problem, 0.0, BA_INTERCEPT_YES, 1e-8);
            pool_free(&problem.pool);
        }
    }
}

/* A small alpha comes close to the minimum norm, without a jump: about alpha over the
 * smallest eigenvalue that counts (some 5) away from it. */
static void
test_zero_alpha_is_the_limit(void **state)
{
    problem_t problem = make_problem(30, 8, 1, 50);
    double *limit = pool_doubles(&problem.pool, 8 * TARGETS), b[TARGETS];
    double *w = pool_doubles(&problem.pool, 8 * TARGETS), zero = 0.0, tiny = 1e-5;

    (void) state;
    solve(&problem, BA_SOLVER_PRIMAL, BA_INTERCEPT_YES, &zero, 1, limit, b);
    solve(&problem, BA_SOLVER_PRIMAL, BA_INTERCEPT_YES, &tiny, 1, w, b);
    assert_all_close(w, limit, 8 * TARGETS, 1e-5);
    for (size_t j = 1; j < 8; j += 2) {
        assert_close(limit[j], limit[j - 1], 1e-9);
    }
    pool_free(&problem.pool);
}

/* One alpha each is the same as one solve each, to rounding. */
static void
test_alpha_of_each_target(void **state)
{
    static const double alphas[TARGETS] = {0.3, 20.0, 1e4};

    (void) state;
    for (size_t s = 0; s < 2; s++) {
        problem_t problem = make_problem(shapes[s][0], shapes[s][1], 0, 60 + s);
        size_t p = problem.p;
        double *w = pool_doubles(&problem.pool, p * TARGETS), b[TARGETS];
        double *one = pool_doubles(&problem.pool, p * TARGETS), b_one[TARGETS];

        for (int solver = BA_SOLVER_PRIMAL; solver <= BA_SOLVER_DUAL; solver++) {
            solve(
                &problem, (ba_solver_t) solver, BA_INTERCEPT_YES, alphas, TARGETS, w, b);
            for (size_t k = 0; k < TARGETS; k++) {
                solve(&problem, (ba_solver_t) solver, BA_INTERCEPT_YES, &alphas[k], 1,
                    one, b_one);
                assert_all_close(w + k * p, one + k * p, p, 1e-13);
                assert_close(b[k], b_one[k], 1e-13);
            }
        }
        pool_free(&problem.pool);
    }
}

/* Scaling Y by a power of two scales weights to the bit; scaling X by c and alpha by c^2
 * divides them by c; permuting columns permutes them; shifting X or Y moves only the
 * intercept. */
static void
test_equivariance(void **state)
{
    problem_t problem = make_problem(25, 9, 0, 70);
    size_t n = 25, p = 9;
    double w[27], b[TARGETS], v[27], c[TARGETS], alpha = 3.0, other = 12.0;
    problem_t changed = make_problem(25, 9, 0, 70);

    (void) state;
    for (int solver = BA_SOLVER_PRIMAL; solver <= BA_SOLVER_DUAL; solver++) {
        ba_solver_t form = (ba_solver_t) solver;

        solve(&problem, form, BA_INTERCEPT_YES, &alpha, 1, w, b);
        for (size_t i = 0; i < n * TARGETS; i++) {
            changed.y[i] = 4.0 * problem.y[i];
        }
        solve(&changed, form, BA_INTERCEPT_YES, &alpha, 1, v, c);
        for (size_t i = 0; i < p * TARGETS; i++) {
            assert_true(v[i] == 4.0 * w[i]);
        }
        for (size_t i = 0; i < n * TARGETS; i++) {
            changed.y[i] = problem.y[i] - 7.0;
        }
        for (size_t i = 0; i < n * p; i++) {
            changed.x[i] = 2.0 * problem.x[(i % n) + (p - 1 - i / n) * n] + 3.0;
        }
        solve(&changed, form, BA_INTERCEPT_YES, &other, 1, v, c);
        for (size_t k = 0; k < TARGETS; k++) {
            double shift = -7.0;

            for (size_t j = 0; j < p; j++) {
                assert_close(v[p - 1 - j + k * p], w[j + k * p] / 2.0, 1e-12);
                shift -= 1.5 * w[j + k * p];
            }
            assert_close(c[k], b[k] + shift, 1e-11);
        }
        memcpy(changed.x, problem.x, n * p * sizeof(double));
    }
    pool_free(&problem.pool);
    pool_free(&changed.pool);
}

/* ---- the factor itself ---- */

enum { N_ALL = 40, N_TRAIN = 25, N_OTHER = 9 };

typedef struct {
    pool_t pool;
    ba_runs_t runs, other_runs;
    ba_space_t space, other_space;
    ba_design_t *design, *other;
    size_t train[N_TRAIN], rows[N_ALL];
    double *mean, *scale;
} scene_t;

static const int delays[] = {0, 2};

static void
make_scene(scene_t *scene, size_t n_features)
{
    double *x, *x_other;
    size_t p = 2 * n_features;

    *scene = (scene_t){0};
    x = pool_doubles(&scene->pool, N_ALL * n_features);
    x_other = pool_doubles(&scene->pool, N_OTHER * n_features);
    scene->mean = pool_doubles(&scene->pool, p);
    scene->scale = pool_doubles(&scene->pool, p);
    test_fill_normal(x, N_ALL * n_features, 80);
    test_fill_normal(x_other, N_OTHER * n_features, 81);
    for (size_t j = 0; j < p; j++) {
        scene->mean[j] = 0.3 * (double) j;
        scene->scale[j] = 1.0 + 0.1 * (double) j;
    }
    for (size_t i = 0; i < N_ALL; i++) {
        scene->rows[i] = i;
    }
    for (size_t i = 0; i < N_TRAIN; i++) {
        scene->train[i] = i + i / 5 * 3; /* in groups of five, three left out */
    }
    assert_int_equal(
        ba_runs_from_onsets((size_t[]){0, 22}, 2, N_ALL, &scene->runs), BA_OK);
    assert_int_equal(ba_runs_one(N_OTHER, &scene->other_runs), BA_OK);
    scene->space = (ba_space_t){"x", NULL, x, n_features, delays, 2, 0};
    scene->other_space = (ba_space_t){"x", NULL, x_other, n_features, delays, 2, 0};
    assert_int_equal(ba_design_new(&scene->space, 1, &scene->runs, BA_DELAY_WITHIN_RUNS,
                         &scene->design),
        BA_OK);
    assert_int_equal(ba_design_new(&scene->other_space, 1, &scene->other_runs,
                         BA_DELAY_WITHIN_RUNS, &scene->other),
        BA_OK);
}

static void
free_scene(scene_t *scene)
{
    ba_design_free(scene->design);
    ba_design_free(scene->other);
    ba_runs_free(&scene->runs);
    ba_runs_free(&scene->other_runs);
    pool_free(&scene->pool);
}

/* The scaled design at some rows, n x p. */
static double *
scaled_rows(scene_t *scene, const ba_design_t *design, const size_t *rows, size_t n)
{
    size_t p = ba_design_n_columns(design);
    double *x = pool_doubles(&scene->pool, n * p);

    ba_design_read(design, rows, n, 0, p, x, n);
    for (size_t i = 0; i < n * p; i++) {
        x[i] = (x[i] - scene->mean[i / n]) / scene->scale[i / n];
    }
    return x;
}

/* (X_new back) D project' Y + what an intercept adds, against the oracle's prediction. */
static void
check_apply(scene_t *scene, const ba_ridge_factor_t *factor, ba_intercept_t intercept,
    const ba_design_t *design, const size_t *rows, size_t n_new)
{
    pool_t *pool = &scene->pool;
    size_t p = ba_design_n_columns(design), rank = ba_ridge_factor_rank(factor);
    double *x = scaled_rows(scene, scene->design, scene->train, N_TRAIN);
    double *x_new = scaled_rows(scene, design, rows, n_new);
    double *y = pool_doubles(pool, N_TRAIN), *w = pool_doubles(pool, p), b, mean;
    double *truth = pool_doubles(pool, n_new), *apply = pool_doubles(pool, n_new * rank);
    double *d = pool_doubles(pool, rank);
    ba_cdmat_t project = ba_ridge_factor_project(factor);

    test_fill_normal(y, N_TRAIN, 82);
    oracle_ridge(pool, x, N_TRAIN, p, y, 1, 2.5, intercept == BA_INTERCEPT_YES, w, &b);
    oracle_predict(x_new, n_new, p, w, &b, 1, truth);
    assert_int_equal(ba_ridge_factor_apply(NULL, factor, design, rows, n_new,
                         ba_dmat(apply, n_new, rank, n_new)),
        BA_OK);
    ba_ridge_factor_filter(factor, 2.5, d);
    mean = intercept == BA_INTERCEPT_YES ? oracle_mean(y, N_TRAIN) : 0.0;
    for (size_t i = 0; i < n_new; i++) {
        double sum = mean;

        for (size_t k = 0; k < rank; k++) {
            double z = 0.0;

            for (size_t t = 0; t < N_TRAIN; t++) {
                z += project.data[t + k * project.ld] * (y[t] - mean);
            }
            sum += apply[i + k * n_new] * d[k] * z;
        }
        assert_close(sum, truth[i], 1e-10);
    }
}

static void
check_factor(size_t n_features, ba_solver_t solver, ba_intercept_t intercept)
{
    ba_ridge_factor_t *factor = NULL;
    scene_t scene;
    ba_training_t training;

    make_scene(&scene, n_features);
    training =
        (ba_training_t){scene.design, scene.train, N_TRAIN, scene.mean, scene.scale};
    assert_int_equal(ba_ridge_factor(NULL, &training, solver, intercept, &factor), BA_OK);
    check_apply(&scene, factor, intercept, scene.design, scene.rows, N_ALL);
    check_apply(&scene, factor, intercept, scene.other, scene.rows, N_OTHER);
    ba_ridge_factor_free(factor);
    free_scene(&scene);
}

/* Some rows of a design with delays and runs, scaled; rows that it was not made of, and
 * another recording; narrow, and wide: 600 columns, more than one panel of 512. */
static void
test_factor_applies_to_other_rows(void **state)
{
    static const size_t n_features[] = {4, 300};

    (void) state;
    for (size_t f = 0; f < 2; f++) {
        for (int s = BA_SOLVER_PRIMAL; s <= BA_SOLVER_DUAL; s++) {
            check_factor(n_features[f], (ba_solver_t) s, BA_INTERCEPT_NO);
            check_factor(n_features[f], (ba_solver_t) s, BA_INTERCEPT_YES);
        }
    }
}

/* back D project' Y are the weights; the filter's rule for alpha = 0. */
static void
test_factor_parts(void **state)
{
    scene_t scene;
    ba_ridge_factor_t *factor = NULL;
    ba_training_t training;
    double back[8 * 40], d[40];

    (void) state;
    make_scene(&scene, 4);
    training = (ba_training_t){scene.design, scene.train, N_TRAIN, NULL, NULL};
    for (int s = BA_SOLVER_PRIMAL; s <= BA_SOLVER_DUAL; s++) {
        size_t rank;
        const double *lambda;

        assert_int_equal(
            ba_ridge_factor(NULL, &training, (ba_solver_t) s, BA_INTERCEPT_NO, &factor),
            BA_OK);
        rank = ba_ridge_factor_rank(factor);
        lambda = ba_ridge_factor_lambda(factor);
        assert_int_equal(ba_ridge_factor_solver(factor), s);
        assert_int_equal(rank, s == BA_SOLVER_PRIMAL ? 8 : N_TRAIN);
        assert_null(ba_ridge_factor_center(factor));
        assert_int_equal(
            ba_ridge_factor_back(NULL, factor, ba_dmat(back, 8, rank, 8)), BA_OK);
        ba_ridge_factor_filter(factor, 0.0, d);
        for (size_t k = 0; k < rank; k++) {
            double square = 0.0;

            for (size_t j = 0; j < 8; j++) {
                square += back[j + k * 8] * back[j + k * 8];
            }
            /* columns of V, or of X'U, whose squares are the eigenvalues */
            assert_close(square, s == BA_SOLVER_PRIMAL ? 1.0 : lambda[k], 1e-10);
            assert_true(lambda[k] >= 0.0);
            if (lambda[k] <= ba_ridge_factor_tolerance(factor)) {
                assert_true(d[k] == 0.0);
            } else {
                assert_close(d[k] * lambda[k], 1.0, 1e-14);
            }
        }
        ba_ridge_factor_free(factor);
    }
    free_scene(&scene);
}

/* No bit may depend on the number of threads. */
static void
test_threads_change_no_bit(void **state)
{
    problem_t problem = make_problem(130, 90, 0, 90);
    double *first = pool_doubles(&problem.pool, 90 * TARGETS), b[TARGETS], alpha = 2.0;
    double *w = pool_doubles(&problem.pool, 90 * TARGETS), c[TARGETS];

    (void) state;
    for (int s = BA_SOLVER_PRIMAL; s <= BA_SOLVER_DUAL; s++) {
        for (int t = 1; t <= 3; t++) {
            ba_ctx_t ctx = ba_ctx_default();
            ba_ridge_opts_t opts = {(ba_solver_t) s, BA_INTERCEPT_YES};

            ctx.n_threads = t;
            assert_int_equal(
                ba_ridge_solve(&ctx, ba_cdmat(problem.x, 130, 90, 130),
                    ba_cdmat(problem.y, 130, TARGETS, 130), &alpha, 1, &opts,
                    ba_dmat(t == 1 ? first : w, 90, TARGETS, 90), t == 1 ? b : c),
                BA_OK);
            if (t > 1) {
                assert_memory_equal(w, first, 90 * TARGETS * sizeof *w);
                assert_memory_equal(c, b, sizeof b);
            }
        }
    }
    pool_free(&problem.pool);
}

static int
solve_status(const double *x, size_t n_x, const double *y, size_t n_y, size_t v,
    const double *alphas, size_t n_alphas)
{
    double w[4], b[2];

    return ba_ridge_solve(NULL, ba_cdmat(x, n_x, 2, n_x), ba_cdmat(y, n_y, v, n_y),
        alphas, n_alphas, NULL, ba_dmat(w, 2, v, 2), b);
}

static void
test_bad_arguments(void **state)
{
    static const double x[6] = {1, 2, 3, 4, 5, 7}, y[6] = {1, 0, 2, 5, 3, 1};
    static const double good[2] = {1, 2}, negative[2] = {1, -2}, nan[2] = {NAN, 1};
    double x_nan[6] = {1, 2, NAN, 4, 5, 7};

    (void) state;
    assert_int_equal(solve_status(x, 3, y, 3, 2, good, 2), BA_OK);
    assert_int_equal(solve_status(x, 3, y, 2, 2, good, 2), BA_SHAPE);
    assert_contains(ba_error_message(), "3 samples");
    assert_int_equal(solve_status(x, 3, y, 3, 1, good, 2), BA_SHAPE);
    assert_int_equal(solve_status(x, 3, y, 3, 2, negative, 2), BA_VALUE);
    assert_int_equal(solve_status(x, 3, y, 3, 2, nan, 1), BA_VALUE);
    assert_int_equal(solve_status(x_nan, 3, y, 3, 2, good, 2), BA_NONFINITE);
    assert_contains(ba_error_message(), "X[2, 0]");
    assert_int_equal(solve_status(x, 3, x_nan, 3, 2, good, 2), BA_NONFINITE);
    assert_contains(ba_error_message(), "Y[2, 0]");
}

/* Finite features whose Gram matrix is not. */
static void
test_overflowing_gram(void **state)
{
    static const double y[3] = {1, 0, 2}, alpha = 1.0;
    static const double x[6] = {1e200, 2, 3, 4, -1e200, 7};
    double w[2];

    (void) state;
    for (int s = BA_SOLVER_PRIMAL; s <= BA_SOLVER_DUAL; s++) {
        ba_ridge_opts_t opts = {(ba_solver_t) s, BA_INTERCEPT_NO};

        assert_int_equal(ba_ridge_solve(NULL, ba_cdmat(x, 3, 2, 3), ba_cdmat(y, 3, 1, 3),
                             &alpha, 1, &opts, ba_dmat(w, 2, 1, 2), NULL),
            BA_NUMERIC);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dual_primal_and_normal_equations_agree),
        cmocka_unit_test(test_zero_alpha_is_minimum_norm),
        cmocka_unit_test(test_zero_alpha_is_the_limit),
        cmocka_unit_test(test_alpha_of_each_target),
        cmocka_unit_test(test_equivariance),
        cmocka_unit_test(test_factor_applies_to_other_rows),
        cmocka_unit_test(test_factor_parts),
        cmocka_unit_test(test_threads_change_no_bit),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_overflowing_gram),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
