/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "linalg/amx.h"
#include "linalg/quadratic.h"

#include "core/alloc.h"

#include <math.h>

/* Around the least that goes by tiles (512), their blocks of 32 rows, and the blocks of
 * the product (384). */
static const size_t sizes[] = {1, 33, 400, 511, 512, 533, 545, 700};
#define N_SIZES (sizeof sizes / sizeof *sizes)
#define N_COLS 288

typedef struct {
    size_t n;
    double *e, *work, *y, *expected, *values, *size;
    float *narrow;
} problem_t;

/* E near the identity, as held-out residual makers are; by brute force |E y|^2. */
static problem_t
problem_make(size_t n)
{
    problem_t problem = {.n = n};

    problem.e = ba_malloc(n, n * sizeof(double));
    problem.work = ba_malloc(1, ba_quadratic_work(n));
    problem.y = ba_malloc(n, N_COLS * sizeof(double));
    problem.narrow = ba_malloc(n, N_COLS * sizeof(float));
    problem.expected = ba_calloc(N_COLS, sizeof(double));
    problem.values = ba_calloc(N_COLS, sizeof(double));
    problem.size = ba_calloc(N_COLS, sizeof(double));
    test_fill_normal(problem.e, n * n, 10 + n);
    test_fill_normal(problem.y, n * N_COLS, 20 + n);
    for (size_t i = 0; i < n * n; i++) {
        problem.e[i] =
            0.5 * problem.e[i] / sqrt((double) n) + (i % (n + 1) == 0 ? 1.0 : 0.0);
    }
    for (size_t i = 0; i < n * N_COLS; i++) {
        problem.narrow[i] = (float) problem.y[i];
        problem.y[i] = (double) problem.narrow[i];
    }
    for (size_t t = 0; t < N_COLS; t++) {
        for (size_t i = 0; i < n; i++) {
            double sum = 0.0;

            for (size_t k = 0; k < n; k++) {
                sum += problem.e[i + k * n] * problem.y[k + t * n];
            }
            problem.expected[t] += sum * sum;
            problem.size[t] += problem.y[i + t * n] * problem.y[i + t * n];
        }
    }
    return problem;
}

static void
problem_free(problem_t *problem)
{
    ba_free(problem->e);
    ba_free(problem->work);
    ba_free(problem->y);
    ba_free(problem->narrow);
    ba_free(problem->expected);
    ba_free(problem->values);
    ba_free(problem->size);
}

static void
compare(const problem_t *problem, double tolerance)
{
    for (size_t t = 0; t < N_COLS; t++) {
        double apart = fabs(problem->values[t] - problem->expected[t]);

        if (!(apart <= tolerance * problem->size[t])) {
            fail_msg("n %zu, column %zu: %.9g, wanted %.9g within %g of |y|^2 %g",
                problem->n, t, problem->values[t], problem->expected[t], tolerance,
                problem->size[t]);
        }
    }
}

static void
single(problem_t *problem, int n_threads)
{
    ba_ctx_t ctx = ba_ctx_default();
    size_t n = problem->n;
    void *form = NULL, *room = ba_malloc(1, ba_quadratic_room_f32(n, N_COLS));

    ctx.n_threads = n_threads;
    assert_int_equal(
        ba_quadratic_make_f32(&ctx, ba_cdmat(problem->e, n, n, n), problem->work, &form),
        BA_OK);
    ba_quadratic_load_f32(problem->narrow, n, N_COLS, room);
    ba_quadratic_f32(form, problem->narrow, n, N_COLS, room, problem->values);
    ba_free(form);
    ba_free(room);
}

static void
test_single(void **state)
{
    (void) state;
    for (size_t i = 0; i < 2 * N_SIZES; i++) {
        problem_t problem;

        ba_amx_allow((int) (i % 2));
        problem = problem_make(sizes[i / 2]);
        single(&problem, 1 + (int) (i % 2));
        /* Roundings of 2^-24 a product, or 2^-17, that average out. */
        compare(&problem, ba_amx_is_usable() ? 4e-6 : 1e-6);
        problem_free(&problem);
    }
    ba_amx_allow(1);
}

static void
test_double(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_SIZES; i++) {
        problem_t problem = problem_make(sizes[i]);
        size_t n = problem.n;
        void *form = NULL, *room = ba_malloc(1, ba_quadratic_room_f64(n, N_COLS));

        assert_int_equal(ba_quadratic_make_f64(
                             NULL, ba_cdmat(problem.e, n, n, n), problem.work, &form),
            BA_OK);
        ba_quadratic_load_f64(problem.y, n, N_COLS, room);
        ba_quadratic_f64(form, problem.y, n, N_COLS, room, problem.values);
        compare(&problem, 1e-14);
        ba_free(form);
        ba_free(room);
        problem_free(&problem);
    }
}

/* A diagonal of one number that two terms do not hold: its error must not be that of all
 * values. */
static void
test_bias(void **state)
{
    (void) state;
    for (size_t i = 0; i < 2; i++) {
        problem_t problem;
        size_t n = 600;
        double sum = 0.0;

        ba_amx_allow((int) i);
        problem = problem_make(n);
        for (size_t k = 0; k < n * n; k++) {
            problem.e[k] = k % (n + 1) == 0 ? 1.0 + 0x1p-8 + 0x1.fp-18 : 0.0;
        }
        single(&problem, 1);
        for (size_t t = 0; t < N_COLS; t++) {
            sum += problem.values[t] / (problem.size[t] * problem.e[0] * problem.e[0]);
        }
        /* Of values that may each be off by some 1e-6, the mean. */
        assert_close(sum / N_COLS, 1.0, 2e-7);
        problem_free(&problem);
    }
    ba_amx_allow(1);
}

/* Every column is by itself: the same bits whatever its place and its neighbours, and for
 * any number of threads. */
static void
test_bits(void **state)
{
    (void) state;
    for (size_t i = 0; i < 2; i++) {
        problem_t problem;
        size_t n = 600;
        double values[N_COLS];

        ba_amx_allow((int) i);
        problem = problem_make(n);
        single(&problem, 1);
        memcpy(values, problem.values, sizeof values);
        single(&problem, 2);
        assert_memory_equal(values, problem.values, sizeof values);
        memmove(
            problem.narrow + 32 * n, problem.narrow, n * (N_COLS - 32) * sizeof(float));
        single(&problem, 2);
        assert_memory_equal(values, problem.values + 32, (N_COLS - 32) * sizeof *values);
        problem_free(&problem);
    }
    ba_amx_allow(1);
}

/* An exact fit: never below 0. */
static void
test_nothing_left(void **state)
{
    (void) state;
    for (size_t i = 0; i < 2; i++) {
        problem_t problem;
        size_t n = 512;

        ba_amx_allow((int) i);
        problem = problem_make(n);

        memset(problem.e, 0, n * n * sizeof(double));
        for (size_t k = 0; k + 1 < n; k++) {
            problem.e[k + k * n] = 1;
            problem.e[k + (k + 1) * n] = -1;
        }
        for (size_t k = 0; k < n * N_COLS; k++) {
            problem.narrow[k] = 1.1f * (float) (1 + k / n);
        }
        single(&problem, 1);
        for (size_t t = 0; t < N_COLS; t++) {
            assert_true(problem.values[t] >= 0.0);
            assert_true(problem.values[t] < 1e-3 * (double) ((1 + t) * (1 + t)));
        }
        problem_free(&problem);
    }
    ba_amx_allow(1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_double),
        cmocka_unit_test(test_bias),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_nothing_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
