/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels, residual makers and solves of spaces against plain loops. */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/spaces.h"

enum { N = 14, FEATURES = 5, P = 9 };

/* Two spaces: three features at delays 0 and 1, two at delay 1, with the third column of
 * nothing but the delays in between. */
static double x[N * FEATURES], mean[P], scale[P];
static int both[] = {0, 1}, late[] = {1};
static const size_t rows[] = {0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 13};
enum { N_ROWS = sizeof rows / sizeof *rows };

typedef struct {
    ba_runs_t runs;
    ba_space_t spaces[2];
    ba_design_t *design;
    ba_spaces_t made;
    double z[N_ROWS * P]; /* by place */
} fixture_t;

static void
set_up(fixture_t *f, ba_solver_t solver, ba_intercept_t intercept)
{
    ba_training_t training;

    test_fill_normal(x, N * FEATURES, 3);
    for (size_t j = 0; j < P; j++) {
        mean[j] = 0.1 * (double) j;
        scale[j] = 1.0 + 0.2 * (double) j;
    }
    assert_int_equal(ba_runs_one(N, &f->runs), BA_OK);
    f->spaces[0] = (ba_space_t){"a", NULL, x, 3, both, 2, 0};
    f->spaces[1] = (ba_space_t){"b", NULL, x + 3 * N, 2, late, 1, 0};
    assert_int_equal(
        ba_design_new(f->spaces, 2, &f->runs, BA_DELAY_WITHIN_RUNS, &f->design), BA_OK);
    assert_int_equal(ba_design_n_columns(f->design), P - 1);
    training = (ba_training_t){f->design, rows, N_ROWS, mean, scale};
    assert_int_equal(
        ba_spaces_make(NULL, &training, 2, solver, intercept, &f->made), BA_OK);
    assert_int_equal(f->made.first[1], 6);
    assert_int_equal(f->made.first[2], 8);
    for (size_t j = 0; j < 8; j++) {
        size_t column = f->made.order[j];
        double middle = 0.0;

        assert_int_equal(ba_design_column(f->design, column).space, j < 6 ? 0 : 1);
        ba_design_read(f->design, rows, N_ROWS, column, 1, f->z + j * N_ROWS, N_ROWS);
        for (size_t i = 0; i < N_ROWS; i++) {
            double *value = &f->z[i + j * N_ROWS];

            *value = (*value - mean[column]) / scale[column];
            middle += *value / N_ROWS;
        }
        for (size_t i = 0; intercept == BA_INTERCEPT_YES && i < N_ROWS; i++) {
            f->z[i + j * N_ROWS] -= middle;
        }
    }
}

static void
tear_down(fixture_t *f)
{
    ba_spaces_free(&f->made);
    ba_design_free(f->design);
    ba_runs_free(&f->runs);
}

/* Weighted kernel of the rows plus 1. */
static void
wanted_system(const fixture_t *f, const double *delta, double *a)
{
    for (size_t i = 0; i < N_ROWS * N_ROWS; i++) {
        a[i] = i % (N_ROWS + 1) == 0 ? 1.0 : 0.0;
        for (size_t j = 0; j < 8; j++) {
            a[i] += delta[j < 6 ? 0 : 1] * f->z[i % N_ROWS + j * N_ROWS] *
                    f->z[i / N_ROWS + j * N_ROWS];
        }
    }
}

static void
test_residual_maker(void **state)
{
    static const double deltas[][2] = {{2.0, 0.3}, {0, 5.0}, {1e-6, 0}};

    (void) state;
    for (size_t d = 0; d < 6; d++) {
        fixture_t f = {0};
        ba_intercept_t intercept = d % 2 ? BA_INTERCEPT_YES : BA_INTERCEPT_NO;
        double a[N_ROWS * N_ROWS], m[N_ROWS * N_ROWS];

        set_up(&f, BA_SOLVER_DUAL, intercept);
        wanted_system(&f, deltas[d / 2], a);
        assert_int_equal(
            ba_spaces_residual_maker(&f.made, deltas[d / 2], BA_INTERCEPT_NO, m), BA_OK);
        for (size_t i = 0; i < N_ROWS; i++) {
            for (size_t j = 0; j < N_ROWS; j++) {
                double sum = 0.0;

                for (size_t k = 0; k < N_ROWS; k++) {
                    sum += m[i + k * N_ROWS] * a[k + j * N_ROWS];
                }
                assert_true(test_is_close(sum, i == j, 1e-12));
            }
        }
        if (intercept == BA_INTERCEPT_YES) {
            assert_int_equal(
                ba_spaces_residual_maker(&f.made, deltas[d / 2], BA_INTERCEPT_YES, m),
                BA_OK);
            for (size_t i = 0; i < N_ROWS; i++) {
                double sum = 0.0;

                for (size_t k = 0; k < N_ROWS; k++) {
                    sum += m[i + k * N_ROWS];
                }
                assert_true(test_is_close(sum, 0, 1e-13));
            }
        }
        tear_down(&f);
    }
}

/* Both forms give the same weights, with a space switched off and without. */
static void
test_solve(void **state)
{
    static const double deltas[][2] = {{2.0, 0.3}, {0, 5.0}, {40.0, 0.01}};
    double y[N_ROWS], a[P * P], l[N_ROWS * N_ROWS], b[P], u[N_ROWS];

    (void) state;
    test_fill_normal(y, N_ROWS, 8);
    for (size_t d = 0; d < 3; d++) {
        fixture_t dual = {0}, primal = {0};

        set_up(&dual, BA_SOLVER_DUAL, BA_INTERCEPT_NO);
        set_up(&primal, BA_SOLVER_PRIMAL, BA_INTERCEPT_NO);
        ba_spaces_system(&dual.made, deltas[d], l);
        assert_int_equal(ba_cholesky(ba_dmat(l, N_ROWS, N_ROWS, N_ROWS)), BA_OK);
        memcpy(u, y, sizeof u);
        ba_spaces_solve(&dual.made, deltas[d], l, ba_dmat(u, N_ROWS, 1, N_ROWS));
        ba_spaces_system(&primal.made, deltas[d], a);
        assert_int_equal(ba_cholesky(ba_dmat(a, 8, 8, 8)), BA_OK);
        for (size_t j = 0; j < 8; j++) {
            b[j] = 0.0;
            for (size_t i = 0; i < N_ROWS; i++) {
                b[j] += primal.z[i + j * N_ROWS] * y[i];
            }
        }
        ba_spaces_solve(&primal.made, deltas[d], a, ba_dmat(b, 8, 1, 8));
        for (size_t j = 0; j < 8; j++) {
            double weight = 0.0;

            for (size_t i = 0; i < N_ROWS; i++) {
                weight += deltas[d][j < 6 ? 0 : 1] * dual.z[i + j * N_ROWS] * u[i];
            }
            assert_true(test_is_close(b[j], weight, 1e-12));
        }
        tear_down(&dual);
        tear_down(&primal);
    }
}

/* S (1 + S G S)^-1 S times (G + 1 / delta) is 1, and the intercept has no penalty. */
static void
test_coefficients(void **state)
{
    static const double delta[] = {2.0, 0.3};
    fixture_t f = {0};
    double gram[P * P], inverse[P * P];

    (void) state;
    set_up(&f, BA_SOLVER_PRIMAL, BA_INTERCEPT_YES);
    for (size_t i = 0; i < P * P; i++) {
        size_t a = i % P, b = i / P;

        gram[i] = 0.0;
        for (size_t t = 0; t < N_ROWS; t++) {
            gram[i] +=
                (a < 8 ? f.z[t + a * N_ROWS] : 1.0) * (b < 8 ? f.z[t + b * N_ROWS] : 1.0);
        }
        if (a < 8 && b < 8) {
            assert_true(test_is_close(gram[i], f.made.gram[a + b * 8], 1e-12));
        }
    }
    assert_int_equal(
        ba_spaces_coefficients(&f.made, delta, ba_cdmat(gram, P, P, P), inverse), BA_OK);
    for (size_t i = 0; i < P; i++) {
        for (size_t j = 0; j < P; j++) {
            double sum = 0.0;

            for (size_t k = 0; k < P; k++) {
                double penalty = k == j && k < 8 ? 1.0 / delta[k < 6 ? 0 : 1] : 0.0;

                sum += inverse[i + k * P] * (gram[k + j * P] + penalty);
            }
            assert_true(test_is_close(sum, i == j, 1e-11));
        }
    }
    tear_down(&f);
}

static void
test_apply(void **state)
{
    static const size_t held[] = {4, 8};
    fixture_t f = {0}, primal = {0};
    double kernel[2 * N_ROWS], columns[2 * P];

    (void) state;
    set_up(&f, BA_SOLVER_DUAL, BA_INTERCEPT_YES);
    set_up(&primal, BA_SOLVER_PRIMAL, BA_INTERCEPT_YES);
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(
            ba_spaces_apply(NULL, &primal.made, f.design, held, 2, k, columns), BA_OK);
        assert_int_equal(
            ba_spaces_apply(NULL, &f.made, f.design, held, 2, k, kernel), BA_OK);
        for (size_t i = 0; i < 2; i++) {
            for (size_t t = 0; t < N_ROWS; t++) {
                double sum = 0.0;

                for (size_t j = f.made.first[k]; j < f.made.first[k + 1]; j++) {
                    sum += columns[i + (j - f.made.first[k]) * 2] * f.z[t + j * N_ROWS];
                }
                assert_true(test_is_close(kernel[i + t * 2], sum, 1e-12));
            }
        }
    }
    tear_down(&f);
    tear_down(&primal);
}

static void
test_memory(void **state)
{
    fixture_t f = {0};
    ba_spaces_t made;
    ba_training_t training;

    (void) state;
    set_up(&f, BA_SOLVER_DUAL, BA_INTERCEPT_YES);
    training = f.made.training;
    for (int form = 0; form < 2; form++) {
        ba_solver_t solver = form ? BA_SOLVER_PRIMAL : BA_SOLVER_DUAL;
        size_t n = 1;
        int status;

        do {
            ba_alloc_fail_at(n++);
            status = ba_spaces_make(NULL, &training, 2, solver, BA_INTERCEPT_YES, &made);
            ba_alloc_fail_at(0);
            assert_true(status == BA_OK || status == BA_NOMEM);
        } while (status == BA_NOMEM);
        assert_true(n > 6);
        ba_spaces_free(&made);
    }
    x[0] = 1e200;
    assert_int_equal(
        ba_spaces_make(NULL, &training, 2, BA_SOLVER_DUAL, BA_INTERCEPT_NO, &made),
        BA_NUMERIC);
    tear_down(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_residual_maker),
        cmocka_unit_test(test_solve),
        cmocka_unit_test(test_coefficients),
        cmocka_unit_test(test_apply),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
