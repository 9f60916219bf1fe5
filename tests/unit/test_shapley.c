/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Coalitions against explicit refits, Shapley values against all orders. */
#include "tests/unit/small_bridge.h"

#include "model/shapley.h"

enum { GROUPS = 4, COALITIONS = 1 << GROUPS };

/* Groups of 1, 3, 2 and 2 neurons, in no order; the last neurons are in none. */
static const size_t start[] = {0, 1, 4, 6, 8};
static const size_t neurons[] = {4, 0, 7, 2, 1, 9, 3, 8};
static const ba_neuron_groups_t groups = {GROUPS, start, neurons};

static void
check_coalitions(size_t n_neurons, ba_solver_t solver, double alpha)
{
    static bridge_t bridge;
    double sse[COALITIONS * BRIDGE_TARGETS], wanted[BRIDGE_TARGETS], r2[BRIDGE_TARGETS];

    bridge_make(&bridge, n_neurons, solver, alpha);
    assert_int_equal(ba_contribution_coalitions(bridge.contribution, bridge_y(&bridge),
                         bridge_y_test(&bridge), &groups, sse),
        BA_OK);
    for (size_t s = 0; s < COALITIONS; s++) {
        unsigned char out[BRIDGE_MOST] = {0};

        for (size_t i = 0; i < start[GROUPS]; i++) {
            size_t group = 0;

            while (start[group + 1] <= i) {
                group++;
            }
            out[neurons[i]] = !(s >> group & 1);
        }
        bridge_refit(&bridge, out, wanted, r2);
        for (size_t t = 0; t < BRIDGE_TARGETS; t++) {
            assert_close(sse[s * BRIDGE_TARGETS + t], wanted[t], 1e-9);
        }
    }
    bridge_free(&bridge);
}

static void
test_coalitions_are_refits(void **state)
{
    (void) state;
    check_coalitions(10, BA_SOLVER_PRIMAL, 3.0);
    check_coalitions(10, BA_SOLVER_DUAL, 3.0);
    check_coalitions(40, BA_SOLVER_DUAL, 0.5);
    check_coalitions(40, BA_SOLVER_PRIMAL, 30.0);
}

/* Mean marginal values over the 24 orders of four groups. */
static void
test_values_are_means_over_orders(void **state)
{
    double values[COALITIONS * 2], found[GROUPS * 2], wanted[GROUPS * 2] = {0};

    (void) state;
    test_fill_normal(values, COALITIONS * 2, 5);
    ba_shapley_values(values, GROUPS, 2, found);
    for (size_t code = 0; code < 256; code++) {
        size_t order[GROUPS], seen = 0, coalition = 0;

        for (size_t i = 0; i < GROUPS; i++) {
            order[i] = code >> 2 * i & 3;
            seen |= (size_t) 1 << order[i];
        }
        for (size_t i = 0; seen == COALITIONS - 1 && i < GROUPS; i++) {
            size_t joined = coalition | (size_t) 1 << order[i];

            for (size_t t = 0; t < 2; t++) {
                wanted[order[i] * 2 + t] +=
                    (values[joined * 2 + t] - values[coalition * 2 + t]) / 24.0;
            }
            coalition = joined;
        }
    }
    for (size_t i = 0; i < GROUPS * 2; i++) {
        assert_close(found[i], wanted[i], 1e-13);
    }
    for (size_t t = 0; t < 2; t++) {
        assert_close(found[t] + found[2 + t] + found[4 + t] + found[6 + t],
            values[(COALITIONS - 1) * 2 + t] - values[t], 1e-13);
    }
}

static void
test_one_group(void **state)
{
    double values[] = {0.25, 1.0}, found;

    (void) state;
    ba_shapley_values(values, 1, 1, &found);
    assert_close(found, 0.75, 0.0);
}

static void
test_groups_are_checked(void **state)
{
    static bridge_t bridge;
    static const size_t many[14] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
    static const size_t none[] = {0, 1, 1};
    double sse[2 * BRIDGE_TARGETS];

    (void) state;
    bridge_make(&bridge, 20, BA_SOLVER_PRIMAL, 1.0);
    assert_int_equal(
        ba_contribution_coalitions(bridge.contribution, bridge_y(&bridge),
            bridge_y_test(&bridge), &(ba_neuron_groups_t){13, many, many}, sse),
        BA_VALUE);
    assert_int_equal(
        ba_contribution_coalitions(bridge.contribution, bridge_y(&bridge),
            bridge_y_test(&bridge), &(ba_neuron_groups_t){2, none, many}, sse),
        BA_VALUE);
    assert_int_equal(
        ba_contribution_coalitions(bridge.contribution, bridge_y(&bridge),
            bridge_y_test(&bridge), &(ba_neuron_groups_t){0, none, many}, sse),
        BA_VALUE);
    bridge_free(&bridge);
}

static void
test_allocations_fail(void **state)
{
    static bridge_t bridge;
    double sse[COALITIONS * BRIDGE_TARGETS];
    int status = BA_NOMEM;

    (void) state;
    bridge_make(&bridge, 10, BA_SOLVER_PRIMAL, 1.0);
    for (size_t k = 1; status != BA_OK && k < 100; k++) {
        ba_alloc_fail_at(k);
        status = ba_contribution_coalitions(
            bridge.contribution, bridge_y(&bridge), bridge_y_test(&bridge), &groups, sse);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
    }
    assert_int_equal(status, BA_OK);
    bridge_free(&bridge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coalitions_are_refits),
        cmocka_unit_test(test_values_are_means_over_orders),
        cmocka_unit_test(test_one_group),
        cmocka_unit_test(test_groups_are_checked),
        cmocka_unit_test(test_allocations_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
