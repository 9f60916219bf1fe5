/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/exchange.h"

enum { N = 6, MOST = 800 };

static ba_exchange_t *
make(const ba_exchange_opts_t *opts, size_t n)
{
    ba_exchange_t *exchange = NULL;

    if (ba_exchange_new(opts, n, &exchange) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return exchange;
}

/* All orders of an exact exchange: each a permutation, none the observed one, none twice. */
static void
check_exact(const ba_exchange_opts_t *opts, size_t n, size_t n_distinct)
{
    ba_exchange_t *exchange = make(opts, n);
    ba_exchange_info_t info = ba_exchange_info(exchange);
    static uint32_t orders[MOST][16];

    assert_true(info.is_exact);
    assert_true(info.n_distinct == (double) n_distinct);
    assert_int_equal(info.n_permutations, n_distinct - 1);
    assert_true(info.smallest_p == 1.0 / (double) n_distinct);
    for (size_t b = 0; b < info.n_permutations; b++) {
        unsigned seen = 0;
        int is_observed = 1;

        ba_exchange_next(exchange, orders[b]);
        for (size_t i = 0; i < n; i++) {
            seen |= 1u << orders[b][i];
            is_observed = is_observed && orders[b][i] == i;
        }
        assert_int_equal(seen, (1u << n) - 1);
        assert_false(is_observed);
        for (size_t other = 0; other < b; other++) {
            assert_memory_not_equal(orders[b], orders[other], n * sizeof **orders);
        }
    }
    ba_exchange_free(exchange);
}

static void
test_exact(void **state)
{
    static const size_t groups[] = {3, 3, 1, 1, 7, 7}, uneven[] = {3, 1, 1, 1, 7, 7};
    size_t onsets[] = {0, 2, 6};
    ba_runs_t runs = {6, 2, onsets};
    ba_exchange_opts_t opts = {.n_permutations = 719};

    (void) state;
    check_exact(&opts, N, 720);
    opts.n_permutations = 10000;
    check_exact(&opts, 2, 2);
    opts.groups = groups;
    opts.kind = BA_EXCHANGE_GROUPS;
    check_exact(&opts, N, 6);
    opts.kind = BA_EXCHANGE_WITHIN_GROUPS;
    check_exact(&opts, N, 8);
    opts.groups = uneven;
    check_exact(&opts, N, 12);
    opts.kind = BA_EXCHANGE_CIRCULAR;
    check_exact(&opts, N, 6);
    opts.runs = &runs;
    check_exact(&opts, N, 8);
    opts.kind = BA_EXCHANGE_BLOCKS;
    opts.block = 1;
    check_exact(&opts, N, 48);
    opts.block = 2;
    check_exact(&opts, N, 2);
}

/* What each kind leaves as it is. */
static void
test_structure(void **state)
{
    static const size_t groups[] = {5, 2, 5, 2, 9, 9, 4};
    ba_exchange_opts_t opts = {
        .kind = BA_EXCHANGE_GROUPS, .n_permutations = 3, .groups = groups, .seed = 4};
    ba_exchange_t *exchange = make(&opts, 7);
    uint32_t order[7];

    (void) state;
    for (size_t b = 0; b < 3; b++) {
        ba_exchange_next(exchange, order);
        assert_int_equal(order[6], 6);
        assert_int_equal(groups[order[0]], groups[order[2]]);
        assert_int_equal(groups[order[1]], groups[order[3]]);
        assert_true(order[0] < order[2] && order[4] < order[5]);
    }
    ba_exchange_free(exchange);
    opts.kind = BA_EXCHANGE_BLOCKS;
    opts.block = 3;
    exchange = make(&opts, 7);
    ba_exchange_next(exchange, order);
    assert_int_equal(order[0], 3);
    assert_int_equal(order[2], 5);
    assert_int_equal(order[5], 2);
    assert_int_equal(order[6], 6);
    ba_exchange_free(exchange);
}

/* Every order of four items is as frequent as every other (chi-square with 23 degrees of
 * freedom, passed by 1 in 1e4 by chance), and the seed decides. */
static void
test_uniform_orders(void **state)
{
    enum { DRAWS = 22, LARGE = 12000 };
    ba_exchange_opts_t opts = {.n_permutations = DRAWS, .seed = 1};
    size_t counts[256] = {0}, n = 0;
    double chi_square = 0;
    uint32_t order[4], first[4], again[4];
    ba_exchange_t *exchange;

    (void) state;
    for (uint64_t seed = 0; n < LARGE; seed++) {
        opts.seed = seed;
        exchange = make(&opts, 4);
        assert_false(ba_exchange_info(exchange).is_exact);
        for (size_t b = 0; b < DRAWS && n < LARGE; b++, n++) {
            ba_exchange_next(exchange, order);
            counts[order[0] + 4 * order[1] + 16 * order[2] + 64 * order[3]]++;
        }
        ba_exchange_free(exchange);
    }
    for (size_t i = 0; i < 256; i++) {
        double expected = LARGE / 24.0, d = (double) counts[i] - expected;

        chi_square += counts[i] > 0 ? d * d / expected : 0;
    }
    assert_true(chi_square < 53);
    assert_true(chi_square > 5);
    exchange = make(&opts, 4);
    ba_exchange_next(exchange, first);
    ba_exchange_free(exchange);
    exchange = make(&opts, 4);
    ba_exchange_next(exchange, again);
    ba_exchange_free(exchange);
    assert_memory_equal(first, again, sizeof first);
}

static void
check_fails(const ba_exchange_opts_t *opts, size_t n, int code, const char *words)
{
    ba_exchange_t *exchange;

    assert_int_equal(ba_exchange_new(opts, n, &exchange), code);
    assert_null(exchange);
    assert_contains(ba_error_message(), words);
}

static void
test_errors(void **state)
{
    static const size_t groups[] = {1, 2, 2, 3, 3, 3};
    size_t onsets[] = {0, 5};
    ba_runs_t runs = {5, 1, onsets};
    ba_exchange_opts_t opts = {.n_permutations = 0};

    (void) state;
    check_fails(&opts, N, BA_VALUE, "permutations: found 0");
    opts.n_permutations = 10;
    check_fails(&opts, 1, BA_SHAPE, "there is one item");
    opts.kind = BA_EXCHANGE_GROUPS;
    check_fails(&opts, N, BA_SHAPE, "found none, wanted one an item");
    opts.groups = groups;
    check_fails(&opts, N, BA_SHAPE, "no two groups have the same number");
    opts.kind = BA_EXCHANGE_BLOCKS;
    check_fails(&opts, N, BA_VALUE, "found 0 items");
    opts.block = 4;
    check_fails(&opts, N, BA_SHAPE, "no run has two blocks");
    opts.runs = &runs;
    check_fails(&opts, N, BA_SHAPE, "5 items, wanted 6");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_uniform_orders),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
