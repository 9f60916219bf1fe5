/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drops of many sets against ba_contribution_set(), which test_contribution.c compares
 * with refits. */
#include "tests/unit/contribution_case.h"

static const size_t sets[3][5] = {
    {2, 3, 4, 9, 17}, {0, 5, 6, 7, 8}, {11, 12, 13, 14, 15}};

static double
sst_of(const double *y, size_t m)
{
    double mean = 0.0, sum = 0.0;

    for (size_t i = 0; i < m; i++) {
        mean += y[i] / (double) m;
    }
    for (size_t i = 0; i < m; i++) {
        sum += (y[i] - mean) * (y[i] - mean);
    }
    return sum;
}

static void
check_sets(ba_solver_t solver, size_t n_neurons, size_t max_bytes)
{
    contribution_case_t made;
    ba_inverse_t *inverse = NULL;
    ba_drops_t *drops = NULL;
    ba_cdmat_t y, y_test;
    double drop[CASE_TARGETS], whole[CASE_TARGETS], without[CASE_TARGETS];

    contribution_case_make(&made, n_neurons, solver, 3.0);
    y = ba_cdmat(made.y, CASE_TRAIN, CASE_TARGETS, CASE_TRAIN);
    y_test = ba_cdmat(made.y_test, CASE_TEST, CASE_TARGETS, CASE_TEST);
    assert_int_equal(ba_inverse_new(NULL, made.contribution, max_bytes, &inverse), BA_OK);
    assert_int_equal(ba_drops_new(NULL, inverse, y, y_test, &drops), BA_OK);
    for (size_t s = 0; s < 3; s++) {
        ba_set_scores_t one = {.sse = whole}, other = {.sse = without};

        assert_int_equal(ba_drops_set(drops, sets[s], 5, drop), BA_OK);
        assert_int_equal(ba_contribution_set(made.contribution, y, y_test, sets[s], 5,
                             &one, &other, NULL, NULL),
            BA_OK);
        for (size_t t = 0; t < CASE_TARGETS; t++) {
            double sst = sst_of(made.y_test + t * CASE_TEST, CASE_TEST);

            assert_close(drop[t], (without[t] - whole[t]) / sst, 1e-12);
        }
    }
    assert_int_equal(ba_drops_set(drops, NULL, 0, drop), BA_OK);
    assert_close(drop[0], 0.0, 0.0);
    ba_drops_free(drops);
    ba_inverse_free(inverse);
    contribution_case_free(&made);
}

static void
test_primal(void **state)
{
    (void) state;
    check_sets(BA_SOLVER_PRIMAL, 20, SIZE_MAX);
    check_sets(BA_SOLVER_PRIMAL, 20, 0);
}

static void
test_dual(void **state)
{
    (void) state;
    check_sets(BA_SOLVER_DUAL, 40, SIZE_MAX);
    check_sets(BA_SOLVER_DUAL, 40, 0);
}

/* A held-out response that does not vary has no score. */
static void
test_constant_response(void **state)
{
    contribution_case_t made;
    ba_inverse_t *inverse = NULL;
    ba_drops_t *drops = NULL;
    double drop[CASE_TARGETS];

    (void) state;
    contribution_case_make(&made, 20, BA_SOLVER_PRIMAL, 3.0);
    memset(made.y, 0, CASE_TRAIN * sizeof *made.y);
    memset(made.y_test, 0, CASE_TEST * sizeof *made.y_test);
    assert_int_equal(ba_inverse_new(NULL, made.contribution, SIZE_MAX, &inverse), BA_OK);
    assert_int_equal(
        ba_drops_new(NULL, inverse,
            ba_cdmat(made.y, CASE_TRAIN, CASE_TARGETS, CASE_TRAIN),
            ba_cdmat(made.y_test, CASE_TEST, CASE_TARGETS, CASE_TEST), &drops),
        BA_OK);
    assert_int_equal(ba_drops_set(drops, sets[0], 5, drop), BA_OK);
    assert_true(isnan(drop[0]));
    assert_true(isfinite(drop[1]));
    ba_drops_free(drops);
    ba_inverse_free(inverse);
    contribution_case_free(&made);
}

/* log det of both solvers and ways, and against the definition for one neuron. */
static void
test_log_det(void **state)
{
    contribution_case_t made[2];
    ba_inverse_t *inverse[2] = {NULL};
    double found[2], uniqueness[80], block[4];
    size_t columns[2];

    (void) state;
    for (size_t i = 0; i < 2; i++) {
        contribution_case_make(
            &made[i], 40, i == 0 ? BA_SOLVER_PRIMAL : BA_SOLVER_DUAL, 3.0);
        assert_int_equal(ba_inverse_new(NULL, made[i].contribution, i == 0 ? 0 : SIZE_MAX,
                             &inverse[i]),
            BA_OK);
        assert_int_equal(ba_inverse_log_det(inverse[i], sets[0], 5, &found[i]), BA_OK);
    }
    assert_close(found[0], found[1], 1e-10);
    assert_int_equal(ba_inverse_columns(inverse[0], sets[0], 1, columns), 2);
    assert_int_equal(ba_inverse_block(inverse[0], columns, 2, columns, 2, block), BA_OK);
    assert_int_equal(ba_inverse_log_det(inverse[0], sets[0], 1, &found[0]), BA_OK);
    assert_close(found[0], log(block[0] * block[3] - block[1] * block[2]), 1e-11);
    ba_contribution_uniqueness(made[0].contribution, uniqueness);
    assert_close(block[0] * uniqueness[columns[0]], 1.0, 1e-11);
    for (size_t i = 0; i < 2; i++) {
        ba_inverse_free(inverse[i]);
        contribution_case_free(&made[i]);
    }
}

/* Every allocation fails in turn: BA_NOMEM and no leak (asan). */
static void
test_allocations_fail(void **state)
{
    contribution_case_t made;
    int status = BA_NOMEM;

    (void) state;
    contribution_case_make(&made, 20, BA_SOLVER_PRIMAL, 3.0);
    for (size_t k = 1; status != BA_OK && k < 100; k++) {
        ba_inverse_t *inverse = NULL;
        ba_drops_t *drops = NULL;
        double drop[CASE_TARGETS];

        ba_alloc_fail_at(k);
        status = ba_inverse_new(NULL, made.contribution, SIZE_MAX, &inverse);
        if (status == BA_OK) {
            status = ba_drops_new(NULL, inverse,
                ba_cdmat(made.y, CASE_TRAIN, CASE_TARGETS, CASE_TRAIN),
                ba_cdmat(made.y_test, CASE_TEST, CASE_TARGETS, CASE_TEST), &drops);
        }
        if (status == BA_OK) {
            status = ba_drops_set(drops, sets[0], 5, drop);
        }
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_drops_free(drops);
        ba_inverse_free(inverse);
    }
    assert_int_equal(status, BA_OK);
    contribution_case_free(&made);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_primal),
        cmocka_unit_test(test_dual),
        cmocka_unit_test(test_constant_response),
        cmocka_unit_test(test_log_det),
        cmocka_unit_test(test_allocations_fail),
    };

    return cmocka_run_group_tests_name("contribution_drops", tests, NULL, NULL);
}
