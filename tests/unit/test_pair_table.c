/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pairs of a permutation against loops over the same pairs in double precision. */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "core/alloc.h"
#include "model/pair_lanes.h"
#include "model/pair_table.h"

enum { MOST = 520 }; /* more than two areas of 256 */

/* By hand: what ba_pair_table_count() must give. */
static void
count_slowly(const ba_identification_t *problem, const size_t *groups,
    size_t min_distance, const uint32_t *order, ba_pair_wins_t *all,
    ba_pair_wins_t *within)
{
    const double *s = problem->similarity.data;
    size_t n = problem->similarity.n_rows, ld = problem->similarity.ld;

    *all = *within = (ba_pair_wins_t){0};
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            size_t to_i = problem->own ? problem->own[order[i]] : order[i];
            size_t to_j = problem->own ? problem->own[order[j]] : order[j];
            double ii = s[i + ld * to_i], jj = s[j + ld * to_j];
            double ij = s[i + ld * to_j], ji = s[j + ld * to_i];
            double sum = (ii + jj) - (ij + ji);
            uint64_t halves = sum > problem->tie ? 2 : fabs(sum) <= problem->tie;
            int strict = ii - ij > problem->tie && jj - ji > problem->tie;

            if (min_distance > j - i) {
                continue;
            }
            all->sum_halves += halves;
            all->strict += (uint64_t) strict;
            if (groups && groups[i] == groups[j]) {
                within->sum_halves += halves;
                within->strict += (uint64_t) strict;
            }
        }
    }
}

static void
shuffle(uint32_t *order, size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t) i;
    }
    for (size_t i = n; i > 1; i--) {
        size_t j = test_below(state, i);
        uint32_t kept = order[j];

        order[j] = order[i - 1];
        order[i - 1] = kept;
    }
}

/* One order in a call, all that fit, or some. */
static void
check_orders(const ba_identification_t *problem, const size_t *groups,
    size_t min_distance, size_t n_orders, uint64_t seed)
{
    size_t n = problem->similarity.n_rows;
    uint32_t *orders = malloc(n_orders * n * sizeof *orders);
    void *scratch;
    ba_pair_table_t *table;
    ba_pair_wins_t all[BA_PAIR_ORDERS], within[BA_PAIR_ORDERS], want_all, want_within;

    assert_int_equal(ba_pair_table_new(problem, groups, min_distance, &table), BA_OK);
    scratch = malloc(ba_pair_table_scratch(table));
    assert_true(scratch && orders);
    for (size_t b = 0; b < n_orders; b++) {
        shuffle(orders + b * n, n, &seed);
    }
    ba_pair_table_count(table, orders, n_orders, scratch, all, within);
    for (size_t b = 0; b < n_orders; b++) {
        count_slowly(
            problem, groups, min_distance, orders + b * n, &want_all, &want_within);
        assert_int_equal(all[b].sum_halves, want_all.sum_halves);
        assert_int_equal(all[b].strict, want_all.strict);
        assert_int_equal(within[b].sum_halves, want_within.sum_halves);
        assert_int_equal(within[b].strict, want_within.strict);
    }
    free(orders);
    free(scratch);
    ba_pair_table_free(table);
}

static void
check(const ba_identification_t *problem, const size_t *groups, size_t min_distance,
    uint64_t seed)
{
    if (problem->similarity.n_rows < 100) {
        check_orders(problem, groups, min_distance, 1, seed);
        check_orders(problem, groups, min_distance, BA_PAIR_ORDERS, seed);
    }
    check_orders(problem, groups, min_distance, 2, seed);
}

/* Numbers of all sorts: normal; a few levels, so that many are tied; nearly tied ones; one
 * far outlier, which leaves little of the 16 bits to the others, or nothing of 24; what
 * overflowed, with a tie that did too or not; all equal. */
static double
draw(int sort, uint64_t *state)
{
    switch (sort) {
    case 0:
        return test_normal(state);
    case 1:
        return (double) test_below(state, 4) / 16;
    case 2:
        return (double) test_below(state, 3) + 3e-13 * (double) test_below(state, 7);
    case 3:
        return test_below(state, 500) == 0 ? 1e6 : test_normal(state);
    case 4:
        return 1e-15 * test_normal(state);
    case 5:
        return test_below(state, 500) == 0 ? 1e9 : test_normal(state);
    case 6:
    case 7:
        return test_below(state, 50) == 0 ? (double) -INFINITY : test_normal(state);
    default:
        return 0.25;
    }
}

static void
check_all(void)
{
    static const size_t sizes[] = {
        2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 95, 129, 257, MOST};
    uint64_t seed = 5;
    double *s = malloc(MOST * (MOST + 7) * sizeof *s);
    size_t groups[MOST], own[MOST];

    assert_non_null(s);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t n = sizes[k];

        for (int sort = 0; sort < 9; sort++) {
            double tie = sort == 7 ? (double) INFINITY : 1e-12;
            ba_identification_t problem = {{s, n, n + 7, n}, NULL, tie};

            for (size_t i = 0; i < n * (n + 7); i++) {
                s[i] = draw(sort, &seed);
            }
            for (size_t i = 0; i < n; i++) {
                groups[i] = test_below(&seed, 4);
                own[i] = n + 6 - i;
            }
            check(&problem, NULL, 0, seed);
            check(&problem, groups, 0, seed);
            check(&problem, groups, 5, seed);
            problem.own = own;
            check(&problem, groups, 1, seed);
        }
    }
    free(s);
}

static void
check_bits(int n_bits)
{
    ba_pair_lanes_allow(n_bits);
    if (ba_pair_lanes_bits() < n_bits) {
        test_skip("no vectors of so many bits");
    }
    check_all();
    ba_pair_lanes_allow(512);
}

static void
test_any_processor(void **state)
{
    (void) state;
    check_bits(0);
}

static void
test_256_bits(void **state)
{
    (void) state;
    check_bits(256);
}

static void
test_512_bits(void **state)
{
    (void) state;
    check_bits(512);
}

static void
test_no_memory(void **state)
{
    double s[] = {1, 2, 3, 4};
    ba_identification_t problem = {{s, 2, 2, 2}, NULL, 1e-12};
    ba_pair_table_t *table;
    int n_failed = 0;

    (void) state;
    for (size_t k = 1; k < 20; k++) {
        ba_alloc_fail_at(k);
        if (ba_pair_table_new(&problem, NULL, 0, &table) == BA_NOMEM) {
            n_failed++;
            assert_null(table);
        }
        ba_pair_table_free(table);
    }
    ba_alloc_fail_at(0);
    assert_int_equal(n_failed, 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_processor),
        cmocka_unit_test(test_256_bits),
        cmocka_unit_test(test_512_bits),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
