/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One pass in float32 against the factorisation in float64. */
#include "tests/testlib.h"

#include "model/ridge_pass.h"

#include "core/alloc.h"
#include "linalg/amx.h"
#include "linalg/blas.h"
#include "model/scale.h"

#define TRAIN 40
#define OTHER 9
#define COLUMNS 700
#define ALL (TRAIN + OTHER)

typedef struct {
    double *x;
    ba_space_t space;
    ba_runs_t runs;
    ba_design_t *design;
    size_t rows[ALL];
    double mean[COLUMNS], scale[COLUMNS], own_mean[COLUMNS], own_scale[COLUMNS];
} problem_t;

static const int no_delay[] = {0};

/* Columns with means and scales of their own, the third constant; the first rows are left
 * out of the training. with_twins: two training rows are the same. */
static void
problem_make(problem_t *problem, int with_twins)
{
    problem->x = ba_malloc(ALL, COLUMNS * sizeof(double));
    test_fill_normal(problem->x, (size_t) ALL * COLUMNS, 3);
    for (size_t j = 0; j < COLUMNS; j++) {
        for (size_t i = 0; i < ALL; i++) {
            double *at = problem->x + i + j * ALL;

            *at = j == 2 ? 4.0 : *at * (1 + 0.001 * (double) j) + 0.5;
        }
        if (with_twins) {
            problem->x[OTHER + j * ALL] = problem->x[OTHER + 1 + j * ALL];
        }
    }
    for (size_t i = 0; i < ALL; i++) {
        problem->rows[i] = (i + OTHER) % ALL;
    }
    problem->space = (ba_space_t){.name = "x",
        .full = problem->x,
        .n_features = COLUMNS,
        .delays = no_delay,
        .n_delays = 1};
    assert_int_equal(ba_runs_one(ALL, &problem->runs), BA_OK);
    assert_int_equal(ba_design_new(&problem->space, 1, &problem->runs,
                         BA_DELAY_WITHIN_RUNS, &problem->design),
        BA_OK);
}

static void
problem_free(problem_t *problem)
{
    ba_design_free(problem->design);
    ba_runs_free(&problem->runs);
    ba_free(problem->x);
}

static ba_ridge_pass_t
pass_of(problem_t *problem, ba_intercept_t intercept, int is_scaled, double alpha)
{
    return (ba_ridge_pass_t){.design = problem->design,
        .rows = problem->rows,
        .n_rows = TRAIN,
        .n_other = OTHER,
        .intercept = intercept,
        .smallest_alpha = alpha,
        .mean = is_scaled ? problem->mean : NULL,
        .scale = is_scaled ? problem->scale : NULL};
}

/* solved = (K + alpha)^-1 in the basis of the factor, of project'. */
static void
solve_units(const ba_ridge_factor_t *factor, double alpha, double *solved)
{
    ba_cdmat_t project = ba_ridge_factor_project(factor);
    double filter[TRAIN], *shift = NULL;

    for (size_t j = 0; j < TRAIN; j++) {
        for (size_t i = 0; i < TRAIN; i++) {
            solved[i + j * TRAIN] = project.data[j + i * TRAIN];
        }
    }
    if (ba_ridge_factor_band(factor)) {
        assert_int_equal(ba_ridge_factor_shifts(factor, &alpha, 1, &shift), BA_OK);
        ba_reduced_solve(
            ba_ridge_factor_band(factor), shift, ba_dmat(solved, TRAIN, TRAIN, TRAIN));
        ba_free(shift);
        return;
    }
    ba_ridge_factor_filter(factor, alpha, filter);
    for (size_t i = 0; i < TRAIN * TRAIN; i++) {
        solved[i] *= filter[i % TRAIN];
    }
}

/* Predictions of the other rows from unit targets: what a smoother is. */
static void
smoother(const ba_ridge_factor_t *factor, problem_t *problem, double alpha, double *out)
{
    double *apply = ba_malloc(OTHER, TRAIN * sizeof *apply);
    double *solved = ba_malloc(TRAIN, TRAIN * sizeof *solved);

    assert_int_equal(
        ba_ridge_factor_apply(NULL, factor, problem->design, problem->rows + TRAIN, OTHER,
            ba_dmat(apply, OTHER, TRAIN, OTHER)),
        BA_OK);
    solve_units(factor, alpha, solved);
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(apply, OTHER, TRAIN, OTHER), BA_KEEP,
        ba_cdmat(solved, TRAIN, TRAIN, TRAIN), 0.0, ba_dmat(out, OTHER, TRAIN, OTHER));
    ba_free(apply);
    ba_free(solved);
}

static void
check(problem_t *problem, ba_intercept_t intercept, int is_scaled,
    const ba_reducing_t *reducing)
{
    ba_ridge_pass_t pass = pass_of(problem, intercept, is_scaled, 1.0);
    ba_training_t training = {problem->design, problem->rows, TRAIN,
        is_scaled ? problem->own_mean : NULL, is_scaled ? problem->own_scale : NULL};
    ba_ridge_factor_t *fast = NULL, *exact = NULL;
    double found[OTHER * TRAIN], expected[OTHER * TRAIN];

    assert_int_equal(ba_design_scale(NULL, problem->design, problem->rows, TRAIN,
                         problem->own_mean, problem->own_scale),
        BA_OK);
    pass.reducing = reducing;
    assert_int_equal(ba_ridge_factor_pass(NULL, &pass, &fast), BA_OK);
    assert_non_null(fast);
    assert_int_equal(ba_ridge_factor_band(fast) != NULL, reducing != NULL);
    if (is_scaled) {
        assert_memory_equal(problem->mean, problem->own_mean, sizeof problem->mean);
        assert_memory_equal(problem->scale, problem->own_scale, sizeof problem->scale);
    }
    assert_int_equal(
        ba_ridge_factor(NULL, &training, BA_SOLVER_DUAL, intercept, &exact), BA_OK);
    for (double alpha = 1; alpha < 1e5; alpha *= 30) {
        smoother(fast, problem, alpha, found);
        smoother(exact, problem, alpha, expected);
        assert_all_close(found, expected, OTHER * TRAIN, 2e-6);
    }
    ba_ridge_factor_free(fast);
    ba_ridge_factor_free(exact);
}

static void
test_agrees_with_float64(void **state)
{
    static const ba_reducing_t reducing = {1.0, 1e5, 1e-7};
    problem_t problem;

    (void) state;
    problem_make(&problem, 0);
    for (int i = 0; i < 4; i++) {
        const ba_reducing_t *allowed = i / 2 ? &reducing : NULL;

        ba_amx_allow(i % 2);
        check(&problem, BA_INTERCEPT_NO, 0, allowed);
        check(&problem, BA_INTERCEPT_YES, 0, allowed);
        check(&problem, BA_INTERCEPT_YES, 1, allowed);
    }
    problem_free(&problem);
}

/* Two equal rows leave a direction without variance: only alpha bounds what rounding does
 * there. */
static void
test_refuses_what_rounding_would_bend(void **state)
{
    problem_t problem;
    static const ba_reducing_t reducing = {1e-3, 1e5, 1e-7};
    ba_ridge_factor_t *factor = NULL;
    ba_ridge_pass_t pass;

    (void) state;
    problem_make(&problem, 1);
    for (int i = 0; i < 2; i++) {
        pass = pass_of(&problem, BA_INTERCEPT_YES, 1, 1e-3);
        pass.reducing = i ? &reducing : NULL;
        assert_int_equal(ba_ridge_factor_pass(NULL, &pass, &factor), BA_OK);
        assert_null(factor);
        assert_true(problem.scale[0] > 0.5 && problem.scale[0] < 2);
        pass.smallest_alpha = 1000;
        assert_int_equal(ba_ridge_factor_pass(NULL, &pass, &factor), BA_OK);
        assert_non_null(factor);
        ba_ridge_factor_free(factor);
    }
    problem_free(&problem);
}

/* What float32 cannot hold is for float64 to judge. */
static void
test_not_finite(void **state)
{
    problem_t problem;
    ba_ridge_factor_t *factor = NULL;
    ba_ridge_pass_t pass;

    (void) state;
    problem_make(&problem, 0);
    for (int power = 20; power <= 300; power += 280) {
        problem.x[OTHER + 3] = pow(10, power);
        pass = pass_of(&problem, BA_INTERCEPT_NO, 0, 1.0);
        assert_int_equal(ba_ridge_factor_pass(NULL, &pass, &factor), BA_OK);
        assert_null(factor);
    }
    problem_free(&problem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_agrees_with_float64),
        cmocka_unit_test(test_refuses_what_rounding_would_bend),
        cmocka_unit_test(test_not_finite)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
