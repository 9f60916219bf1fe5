/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/overlap.h"
#include "core/alloc.h"
#include "core/rng.h"

enum { N = 14, STRATA = 3 };

static const size_t stratum[N] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2};
static const unsigned char set_a[N] = {1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1};
static const unsigned char set_b[N] = {1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0};

/* Of all subsets with a's numbers in every stratum, the share that meets b as often. */
static double
enumerate(const size_t *strata, size_t wanted, double *mean)
{
    size_t counts[N] = {0}, n_all = 0, n_as_many = 0;
    double sum = 0.0;

    for (size_t j = 0; j < N; j++) {
        counts[strata[j]] += set_a[j];
    }
    for (unsigned set = 0; set < 1U << N; set++) {
        size_t found[N] = {0}, shared = 0, same = 1;

        for (size_t j = 0; j < N; j++) {
            found[strata[j]] += set >> j & 1U;
            shared += (set >> j & 1U) && set_b[j];
        }
        for (size_t s = 0; s < N; s++) {
            same &= found[s] == counts[s];
        }
        n_all += same;
        n_as_many += same && shared >= wanted;
        sum += same ? (double) shared : 0.0;
    }
    *mean = sum / (double) n_all;
    return (double) n_as_many / (double) n_all;
}

static void
test_all_subsets(void **state)
{
    static const size_t one[N] = {0};
    ba_overlap_t found;
    double mean, p;

    (void) state;
    assert_int_equal(ba_overlap_test(set_a, set_b, stratum, N, &found), BA_OK);
    assert_int_equal(found.observed, 5);
    p = enumerate(stratum, found.observed, &mean);
    assert_close(found.p_greater, p, 1e-14);
    assert_close(found.expected, mean, 1e-13);
    assert_close(found.ratio, 5.0 / mean, 1e-13);
    assert_int_equal(ba_overlap_test(set_a, set_b, NULL, N, &found), BA_OK);
    p = enumerate(one, found.observed, &mean);
    assert_close(found.p_greater, p, 1e-14);
    assert_close(found.expected, mean, 1e-13);
}

static void
test_edges(void **state)
{
    unsigned char none[N] = {0}, all[N];
    ba_overlap_t found;
    size_t bad[N] = {0};

    (void) state;
    memset(all, 1, N);
    assert_int_equal(ba_overlap_test(none, set_b, stratum, N, &found), BA_OK);
    assert_int_equal(found.observed, 0);
    assert_close(found.p_greater, 1.0, 0);
    assert_true(isnan(found.ratio));
    assert_int_equal(ba_overlap_test(all, set_b, stratum, N, &found), BA_OK);
    assert_close(found.p_greater, 1.0, 0);
    assert_close(found.expected, (double) found.observed, 1e-13);
    bad[3] = N;
    assert_int_equal(ba_overlap_test(all, set_b, bad, N, &found), BA_VALUE);
    assert_string_equal(
        ba_error_message(), "overlap: stratum 14 of neuron 3, wanted below 14");
    assert_int_equal(ba_overlap_test(all, set_b, NULL, 0, &found), BA_VALUE);
    assert_string_equal(ba_error_message(), "overlap: no neurons");
}

/* A tail of 1e-200 keeps its digits: two sets of 300 of 1,000 that are the same have 1 /
 * binomial(1000, 300). */
static void
test_small_tail(void **state)
{
    static unsigned char a[1000];
    ba_overlap_t found;
    double log_p = -(lgamma(1001.0) - lgamma(301.0) - lgamma(701.0));

    (void) state;
    memset(a, 1, 300);
    assert_int_equal(ba_overlap_test(a, a, NULL, 1000, &found), BA_OK);
    assert_true(found.p_greater > 0.0);
    assert_close(log(found.p_greater) / log_p, 1.0, 1e-12);
}

/* The exact tail is the share of random sets, and the sweep's p that of random orders. */
static void
test_random_draws(void **state)
{
    enum { DRAWS = 4000, NEURONS = 60 };
    uint32_t order_a[NEURONS], order_b[NEURONS];
    size_t strata[NEURONS], shuffled[NEURONS], tops[] = {6, 12, 24};
    unsigned char a[NEURONS] = {0}, b[NEURONS] = {0};
    ba_overlap_t found[3], one, other[3];
    ba_rng_t *rng = ba_rng_new(5, 1);
    double p, share = 0.0, again;

    (void) state;
    assert_non_null(rng);
    for (size_t j = 0; j < NEURONS; j++) {
        strata[j] = j % 4;
        order_a[j] = (uint32_t) (j * 7 % NEURONS);
        order_b[j] = (uint32_t) (j * 11 % NEURONS);
        shuffled[j] = j;
    }
    assert_int_equal(
        ba_overlap_sweep(order_a, order_b, strata, NEURONS, tops, 3, 1000, 1, found, &p),
        BA_OK);
    for (size_t i = 0; i < tops[1]; i++) {
        a[order_a[i]] = 1;
        b[order_b[i]] = 1;
    }
    assert_int_equal(ba_overlap_test(a, b, strata, NEURONS, &one), BA_OK);
    assert_int_equal(one.observed, found[1].observed);
    assert_close(one.p_greater, found[1].p_greater, 0);
    assert_close(one.expected, found[1].expected, 0);
    for (size_t d = 0; d < DRAWS; d++) {
        size_t shared = 0;

        for (size_t s = 0; s < 4; s++) {
            ba_rng_shuffle(rng, shuffled + 15 * s, 15);
        }
        for (size_t j = 0; j < NEURONS; j++) {
            shared +=
                a[shuffled[j] % 15 * 4 + shuffled[j] / 15] && b[j % 15 * 4 + j / 15];
        }
        share += shared >= one.observed ? 1.0 / DRAWS : 0.0;
    }
    assert_close(share, one.p_greater, 4.0 * sqrt(0.25 / DRAWS));
    assert_true(
        p >=
        fmin(fmin(found[0].p_greater, found[1].p_greater), found[2].p_greater) - 0.05);
    assert_int_equal(ba_overlap_sweep(order_a, order_a, strata, NEURONS, tops, 3, 999, 1,
                         other, &again),
        BA_OK);
    assert_close(again, 0.001, 1e-15);
    order_a[0] = order_a[1];
    assert_int_equal(
        ba_overlap_sweep(order_a, order_b, strata, NEURONS, tops, 3, 9, 1, found, &p),
        BA_VALUE);
    assert_string_equal(
        ba_error_message(), "overlap: neuron 7 at rank 1, wanted each of 60 once");
    ba_rng_free(rng);
}

/* Orders that have nothing to do with one another but their strata: p of the sweep is
 * below .1 in a tenth of the cases. */
static void
test_sweep_level(void **state)
{
    enum { CASES = 400, NEURONS = 80 };
    size_t tops[] = {4, 8, 16, 32}, strata[NEURONS], list[NEURONS], n_small = 0;
    uint32_t orders[2][NEURONS];
    ba_overlap_t found[4];
    ba_rng_t *rng = ba_rng_new(6, 1);
    double p;

    (void) state;
    assert_non_null(rng);
    for (size_t c = 0; c < CASES; c++) {
        for (size_t o = 0; o < 2; o++) {
            for (size_t j = 0; j < NEURONS; j++) {
                list[j] = j;
            }
            ba_rng_shuffle(rng, list, NEURONS / 2);
            ba_rng_shuffle(rng, list + NEURONS / 2, NEURONS / 2);
            for (size_t j = 0; j < NEURONS; j++) {
                orders[o][j] = (uint32_t) list[j];
                strata[j] = j < NEURONS / 2;
            }
        }
        assert_int_equal(ba_overlap_sweep(orders[0], orders[1], strata, NEURONS, tops, 4,
                             99, c, found, &p),
            BA_OK);
        n_small += p <= 0.1;
    }
    assert_in_range(n_small, CASES / 10 - 24, CASES / 10 + 24);
    ba_rng_free(rng);
}

/* Every allocation fails in turn: BA_NOMEM and no leak (asan). */
static void
test_allocations_fail(void **state)
{
    static const size_t tops[] = {2, 5};
    uint32_t order[N];
    ba_overlap_t found[2];
    double p;
    int status = BA_NOMEM;

    (void) state;
    for (size_t j = 0; j < N; j++) {
        order[j] = (uint32_t) j;
    }
    for (size_t k = 1; status != BA_OK && k < 100; k++) {
        ba_alloc_fail_at(k);
        status = ba_overlap_test(set_a, set_b, stratum, N, found);
        if (status == BA_OK) {
            status = ba_overlap_sweep(order, order, stratum, N, tops, 2, 3, 1, found, &p);
        }
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
    }
    assert_int_equal(status, BA_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_subsets),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_small_tail),
        cmocka_unit_test(test_random_draws),
        cmocka_unit_test(test_sweep_level),
        cmocka_unit_test(test_allocations_fail),
    };

    return cmocka_run_group_tests_name("overlap", tests, NULL, NULL);
}
