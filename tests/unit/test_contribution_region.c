/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means over a region by traces against loops over targets and explicit refits. */
#include "tests/unit/small_bridge.h"

#include "model/contribution_region.h"

static double
mean_of(const double *values)
{
    double sum = 0.0;

    for (size_t t = 0; t < BRIDGE_TARGETS; t++) {
        sum += values[t] / BRIDGE_TARGETS;
    }
    return sum;
}

static double
refitted(const bridge_t *bridge, const unsigned char *out)
{
    double sse[BRIDGE_TARGETS], r2[BRIDGE_TARGETS];

    bridge_refit(bridge, out, sse, r2);
    return mean_of(r2);
}

/* Targets in two parts. */
static ba_contribution_region_t *
make_region(const bridge_t *bridge)
{
    ba_contribution_region_t *region;
    ba_cdmat_t y = bridge_y(bridge), y_test = bridge_y_test(bridge);

    assert_int_equal(ba_contribution_region_new(bridge->contribution, &region), BA_OK);
    assert_int_equal(
        ba_contribution_region_add(region, ba_cdmat(y.data, y.n_rows, 2, y.ld),
            ba_cdmat(y_test.data, y_test.n_rows, 2, y_test.ld)),
        BA_OK);
    assert_int_equal(ba_contribution_region_add(region,
                         ba_cdmat(y.data + 2 * y.ld, y.n_rows, BRIDGE_TARGETS - 2, y.ld),
                         ba_cdmat(y_test.data + 2 * y_test.ld, y_test.n_rows,
                             BRIDGE_TARGETS - 2, y_test.ld)),
        BA_OK);
    assert_int_equal(ba_contribution_region_finish(region), BA_OK);
    assert_int_equal(ba_contribution_region_n_targets(region), BRIDGE_TARGETS);
    return region;
}

static void
check_sets(const bridge_t *bridge, const ba_contribution_region_t *region)
{
    static const size_t set[] = {3, 0, 5};
    unsigned char none[BRIDGE_MOST] = {0}, out[BRIDGE_MOST] = {0};
    double whole = refitted(bridge, none), found, drops[BRIDGE_MOST];

    assert_close(ba_contribution_region_r2(region), whole, 1e-10);
    out[3] = out[0] = out[5] = 1;
    assert_int_equal(ba_contribution_region_set(region, set, 3, &found), BA_OK);
    assert_close(found, whole - refitted(bridge, out), 1e-10);
    assert_int_equal(ba_contribution_region_drops(region, drops), BA_OK);
    for (size_t j = 0; j < bridge->n_neurons; j += 3) {
        memset(out, 0, sizeof out);
        out[j] = 1;
        assert_close(drops[j], whole - refitted(bridge, out), 1e-10);
    }
}

/* The voxel loop: means of the contributions of every target. */
static void
check_targets(const bridge_t *bridge, const ba_contribution_region_t *region)
{
    size_t n = bridge->n_neurons * BRIDGE_TARGETS;
    double *block = calloc(4 * n + 2 * BRIDGE_TARGETS, sizeof *block);
    double drops[BRIDGE_MOST];
    ba_contributions_t found = {.r2 = block + 4 * n,
        .r = block + 4 * n + BRIDGE_TARGETS,
        .delta_r2 = block,
        .delta_r = block + n,
        .zero_out_r2 = block + 2 * n,
        .product_r2 = block + 3 * n};

    assert_non_null(block);
    assert_int_equal(ba_contribution_targets(bridge->contribution, bridge_y(bridge),
                         bridge_y_test(bridge), &found),
        BA_OK);
    assert_int_equal(ba_contribution_region_drops(region, drops), BA_OK);
    for (size_t j = 0; j < bridge->n_neurons; j++) {
        double sum = 0.0;

        for (size_t t = 0; t < BRIDGE_TARGETS; t++) {
            sum += block[t * bridge->n_neurons + j] / BRIDGE_TARGETS;
        }
        assert_close(drops[j], sum, 1e-12);
    }
    free(block);
}

static void
check_case(size_t n_neurons, ba_solver_t solver, double alpha)
{
    static bridge_t bridge;
    ba_contribution_region_t *region;

    bridge_make(&bridge, n_neurons, solver, alpha);
    region = make_region(&bridge);
    check_sets(&bridge, region);
    check_targets(&bridge, region);
    ba_contribution_region_free(region);
    bridge_free(&bridge);
}

static void
test_traces_are_refits(void **state)
{
    (void) state;
    check_case(8, BA_SOLVER_PRIMAL, 2.0);
    check_case(8, BA_SOLVER_DUAL, 2.0);
    check_case(40, BA_SOLVER_DUAL, 1.0);
    check_case(40, BA_SOLVER_PRIMAL, 50.0);
}

static void
test_removed_for_good(void **state)
{
    static bridge_t bridge;
    ba_contribution_region_t *region;
    unsigned char out[BRIDGE_MOST] = {0};
    double drops[BRIDGE_MOST];

    (void) state;
    bridge_make(&bridge, 40, BA_SOLVER_DUAL, 1.0);
    region = make_region(&bridge);
    for (size_t j = 0; j < 40; j += 1 + j % 2) {
        assert_int_equal(ba_contribution_region_remove(region, j), BA_OK);
        out[j] = 1;
        assert_close(ba_contribution_region_r2(region), refitted(&bridge, out), 1e-9);
    }
    assert_int_equal(ba_contribution_region_drops(region, drops), BA_OK);
    for (size_t j = 0; j < 40; j++) {
        assert_int_equal(isnan(drops[j]) != 0, out[j]);
    }
    ba_contribution_region_free(region);
    bridge_free(&bridge);
}

/* The long way: at every step all refits, the best of them stays. */
static void
test_elimination(void **state)
{
    static bridge_t bridge;
    ba_contribution_region_t *regions[2];
    unsigned char out[BRIDGE_MOST] = {0};
    size_t order[8];
    double r2[2 * 9];

    (void) state;
    bridge_make(&bridge, 8, BA_SOLVER_PRIMAL, 2.0);
    regions[0] = make_region(&bridge);
    regions[1] = make_region(&bridge);
    assert_int_equal(ba_contribution_eliminate(NULL, regions, 2, 1, order, r2), BA_OK);
    assert_close(r2[0], refitted(&bridge, out), 1e-10);
    for (size_t step = 0; step < 8; step++) {
        size_t best = SIZE_MAX;
        double most = -INFINITY;

        for (size_t j = 0; j < 8; j++) {
            double found;

            if (out[j]) {
                continue;
            }
            out[j] = 1;
            found = refitted(&bridge, out);
            out[j] = 0;
            if (found > most) {
                most = found;
                best = j;
            }
        }
        assert_int_equal(order[step], best);
        out[best] = 1;
        assert_close(r2[step + 1], most, 1e-9);
        assert_close(r2[9 + step + 1], most, 1e-9);
    }
    ba_contribution_region_free(regions[0]);
    ba_contribution_region_free(regions[1]);
    bridge_free(&bridge);
}

static void
test_without_variance(void **state)
{
    static bridge_t bridge;
    ba_contribution_region_t *region;
    double y[BRIDGE_TRAIN] = {0}, y_test[BRIDGE_TEST] = {0};

    (void) state;
    bridge_make(&bridge, 8, BA_SOLVER_PRIMAL, 2.0);
    assert_int_equal(ba_contribution_region_new(bridge.contribution, &region), BA_OK);
    assert_int_equal(
        ba_contribution_region_add(region, ba_cdmat(y, BRIDGE_TRAIN, 1, BRIDGE_TRAIN),
            ba_cdmat(y_test, BRIDGE_TEST, 1, BRIDGE_TEST)),
        BA_OK);
    assert_int_equal(ba_contribution_region_finish(region), BA_NUMERIC);
    ba_contribution_region_free(region);
    bridge_free(&bridge);
}

static void
test_allocations_fail(void **state)
{
    static bridge_t bridge;
    int status = BA_NOMEM;

    (void) state;
    bridge_make(&bridge, 8, BA_SOLVER_PRIMAL, 2.0);
    for (size_t k = 1; status != BA_OK && k < 100; k++) {
        ba_contribution_region_t *region;

        ba_alloc_fail_at(k);
        status = ba_contribution_region_new(bridge.contribution, &region);
        status = status ? status
                        : ba_contribution_region_add(
                              region, bridge_y(&bridge), bridge_y_test(&bridge));
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_contribution_region_free(region);
    }
    assert_int_equal(status, BA_OK);
    bridge_free(&bridge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces_are_refits),
        cmocka_unit_test(test_removed_for_good),
        cmocka_unit_test(test_elimination),
        cmocka_unit_test(test_without_variance),
        cmocka_unit_test(test_allocations_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
