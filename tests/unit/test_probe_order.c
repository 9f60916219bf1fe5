/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The order of neurons against NeuroX's rule taken word by word. */
#include "tests/probelib.h"

enum { P = 9, C = 3 };

static const double zero[P] = {0}, one[P] = {1, 1, 1, 1, 1, 1, 1, 1, 1};

static ba_probe_t
probe_of(double *weights, double *bias, double *center, double *scale)
{
    memcpy(center, zero, sizeof zero);
    memcpy(scale, one, sizeof one);
    return (ba_probe_t){.n_neurons = P,
        .n_classes = C,
        .weights = weights,
        .bias = bias,
        .center = center,
        .scale = scale};
}

/* Whether a neuron is in the shortest prefix of its class with that share of mass. */
static int
is_in_prefix(const double *w, size_t neuron, double share)
{
    size_t order[P];
    double total = 0, sum = 0;

    for (size_t j = 0; j < P; j++) {
        order[j] = j;
        total += fabs(w[j]);
    }
    for (size_t i = 0; i < P; i++) {
        for (size_t k = i + 1; k < P; k++) {
            if (fabs(w[order[k]]) > fabs(w[order[i]]) ||
                (fabs(w[order[k]]) >= fabs(w[order[i]]) && order[k] < order[i])) {
                size_t t = order[i];

                order[i] = order[k];
                order[k] = t;
            }
        }
    }
    for (size_t i = 0; i < P; i++) {
        sum += fabs(w[order[i]]);
        if (order[i] == neuron) {
            return 1;
        }
        if (sum >= share * total) {
            return 0;
        }
    }
    return 0;
}

static void
test_steps(void **state)
{
    double weights[P * C], bias[C] = {0}, center[P], scale[P];
    uint64_t seed = 3;
    ba_probe_t probe = probe_of(weights, bias, center, scale);

    (void) state;
    for (size_t trial = 0; trial < 50; trial++) {
        ba_probe_order_t *order;

        for (size_t k = 0; k < P * C; k++) {
            weights[k] = test_normal(&seed);
        }
        assert_int_equal(ba_probe_order(&probe, &order), BA_OK);
        for (size_t s = 0; s <= BA_PROBE_STEPS; s++) {
            size_t n = 0;

            for (size_t j = 0; j < P; j++) {
                int is_in = 0;

                for (size_t c = 0; c < C; c++) {
                    is_in |= is_in_prefix(weights + c * P, j, (double) s / 100);
                }
                n += (size_t) is_in;
                assert_int_equal(order->enter[j] <= s, is_in);
            }
            assert_int_equal(order->cutoffs[s], n);
        }
        for (size_t k = 1; k < P; k++) {
            assert_true(
                order->need[order->global[k - 1]] <= order->need[order->global[k]]);
        }
        ba_probe_order_free(order);
    }
}

/* Equal weights: the lower neuron first. Weights of 0 come in last. */
static void
test_ties(void **state)
{
    double weights[P * C] = {0, 1, -1, 0, 0, 1, 0, 0, 0}, bias[C] = {0}, center[P];
    double scale[P];
    ba_probe_t probe = probe_of(weights, bias, center, scale);
    ba_probe_order_t *order;
    static const uint32_t wanted[P] = {1, 2, 5, 0, 3, 4, 6, 7, 8};

    (void) state;
    assert_int_equal(ba_probe_order(&probe, &order), BA_OK);
    assert_memory_equal(order->global, wanted, sizeof wanted);
    assert_memory_equal(order->per_class, wanted, sizeof wanted);
    assert_close(order->need[1], 0, 0);
    assert_close(order->need[5], 2.0 / 3, 1e-15);
    assert_close(order->need[0], 1, 0);
    assert_int_equal(order->enter[5], 67);
    ba_probe_order_free(order);
}

static void
test_sets(void **state)
{
    double weights[P * C] = {4, 3, 2, 1, 0, 0, 0, 0, 0}, bias[C] = {0}, center[P];
    double scale[P];
    ba_probe_t probe = probe_of(weights, bias, center, scale);
    unsigned char flags[P];
    size_t n[C];

    (void) state;
    assert_int_equal(ba_probe_set(&probe, BA_BY_MASS, 0.7, flags, n), BA_OK);
    assert_int_equal(n[0], 2);
    assert_int_equal(ba_probe_set(&probe, BA_BY_MASS, 0.71, flags, n), BA_OK);
    assert_int_equal(n[0], 3);
    assert_true(flags[0] && flags[1] && flags[2] && !flags[3]);
    assert_int_equal(ba_probe_set(&probe, BA_BY_MASS, 0, flags, n), BA_OK);
    assert_int_equal(n[0], 1);
    assert_int_equal(ba_probe_set(&probe, BA_BY_BOTTOM, 0.1, flags, n), BA_OK);
    assert_int_equal(n[0], 6);
    assert_true(flags[3] && !flags[2]);
    assert_int_equal(ba_probe_set(&probe, BA_BY_DIVISOR, 2, flags, n), BA_OK);
    assert_int_equal(n[0], 2);
    assert_int_equal(ba_probe_set(&probe, BA_BY_MASS, 1.5, flags, n), BA_VALUE);
    assert_int_equal(ba_probe_set(&probe, BA_BY_DIVISOR, 0, flags, n), BA_VALUE);
    assert_contains(ba_error_message(), "divisor 0");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps),
        cmocka_unit_test(test_ties), cmocka_unit_test(test_sets)};

    return cmocka_run_group_tests_name("probe order", tests, NULL, NULL);
}
