/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contributions: shares that add up, the last neuron, penalties, failing allocations. */
#include "tests/unit/neuron_case.h"

#include "core/alloc.h"

/* Shares of all columns add to r2 and to r, with the level that the held-out rows have. */
static void
check_product_measure(ba_intercept_t intercept)
{
    static case_t made;
    double r2[TARGETS], r[TARGETS], *block;
    size_t size;
    ba_contributions_t found;
    ba_neuron_columns_t each;
    ba_contribution_t *all;

    make_case(&made, 6, BA_SOLVER_PRIMAL, intercept, 1.0);
    for (size_t c = 0; c <= made.p; c++) {
        made.start[c] = made.columns[c] = c;
    }
    each = (ba_neuron_columns_t){made.p, made.start, made.columns};
    assert_int_equal(ba_contribution_new(NULL, made.factor, &made.training, made.design,
                         made.test_rows, TEST, &each, &all),
        BA_OK);
    assert_int_equal(ba_contribution_at(NULL, all, 2.0), BA_OK);
    size = made.p * TARGETS;
    block = numbers(5 * size);
    found = (ba_contributions_t){r2, r, block, block + size, block + 2 * size,
        block + 3 * size, block + 4 * size, NULL, NULL};
    assert_int_equal(ba_contribution_targets(all, ba_cdmat(made.y, TRAIN, TARGETS, TRAIN),
                         ba_cdmat(made.y_test, TEST, TARGETS, TEST), &found),
        BA_OK);
    for (size_t t = 0; t < TARGETS; t++) {
        double sum = 0, sum_r = 0;

        for (size_t c = 0; c < made.p; c++) {
            sum += found.product_r2[t * made.p + c];
            sum_r += found.product_r[t * made.p + c];
        }
        assert_close(sum, r2[t], 1e-12);
        assert_close(sum_r, r[t], 1e-12);
    }
    free(block);
    ba_contribution_free(all);
    free_case(&made);
}

static void
test_product_measure_adds_up(void **state)
{
    (void) state;
    check_product_measure(BA_INTERCEPT_NO);
    check_product_measure(BA_INTERCEPT_YES);
}

static void
test_penalty_must_be_positive(void **state)
{
    static case_t made;

    (void) state;
    make_case(&made, 5, BA_SOLVER_PRIMAL, BA_INTERCEPT_NO, 1.0);
    assert_int_equal(ba_contribution_at(NULL, made.contribution, 0.0), BA_VALUE);
    assert_int_equal(ba_contribution_at(NULL, made.contribution, NAN), BA_VALUE);
    free_case(&made);
}

/* Alone in a model, a neuron leaves nothing to predict with: r without it is undefined. */
static void
test_last_neuron(void **state)
{
    static case_t made;
    double values[9];
    size_t columns[512], start[2] = {0, 0};
    ba_neuron_columns_t one = {1, start, columns};
    ba_contributions_t found = {values, values + 1, values + 2, values + 3, values + 4,
        values + 5, values + 6, values + 7, values + 8};
    ba_contribution_t *all;

    (void) state;
    make_case(&made, 5, BA_SOLVER_PRIMAL, BA_INTERCEPT_YES, 1.0);
    for (size_t c = 0; c < made.p; c++) {
        columns[c] = c;
    }
    start[1] = made.p;
    assert_int_equal(ba_contribution_new(NULL, made.factor, &made.training, made.design,
                         made.test_rows, TEST, &one, &all),
        BA_OK);
    assert_int_equal(ba_contribution_at(NULL, all, 2.0), BA_OK);
    assert_int_equal(ba_contribution_targets(all, ba_cdmat(made.y, TRAIN, 1, TRAIN),
                         ba_cdmat(made.y_test, TEST, 1, TEST), &found),
        BA_OK);
    assert_true(isfinite(values[2]));
    assert_true(isnan(values[3]));
    assert_close(values[7], values[1], 1e-12);
    ba_contribution_free(all);
    free_case(&made);
}

static void
test_allocations_fail(void **state)
{
    static case_t made;
    ba_neuron_columns_t neurons;
    int status = BA_NOMEM;

    (void) state;
    make_case(&made, 5, BA_SOLVER_PRIMAL, BA_INTERCEPT_NO, 1.0);
    neurons = (ba_neuron_columns_t){made.n_neurons, made.start, made.columns};
    for (size_t k = 1; status != BA_OK && k < 100; k++) {
        ba_contribution_t *other;

        ba_alloc_fail_at(k);
        status = ba_contribution_new(NULL, made.factor, &made.training, made.design,
            made.test_rows, TEST, &neurons, &other);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_contribution_free(other);
    }
    assert_int_equal(status, BA_OK);
    free_case(&made);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product_measure_adds_up),
        cmocka_unit_test(test_penalty_must_be_positive),
        cmocka_unit_test(test_last_neuron),
        cmocka_unit_test(test_allocations_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
