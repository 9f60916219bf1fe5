/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Closed forms against identities and against simulated similarities. */
#include "tests/testlib.h"

#include "brainalign/identification.h"

static void
test_round_trips(void **state)
{
    (void) state;
    for (double d = -3; d < 3.1; d += 0.5) {
        assert_close(ba_dprime_of_rank(ba_rank_of_dprime(d)), d, 1e-12);
        assert_close(ba_dprime_of_sum(ba_sum_of_dprime(d)), d, 1e-12);
        assert_close(ba_dprime_of_top1(ba_top1_of_dprime(d, 50), 50), d, 1e-9);
        /* A gallery of two is one comparison. */
        assert_close(ba_top1_of_dprime(d, 2), ba_rank_of_dprime(d), 1e-12);
    }
    assert_close(ba_top1_of_dprime(0, 200), 1.0 / 200, 1e-14);
    assert_close(ba_top1_of_dprime(1, 1), 1, 1e-14);
    assert_true(isinf(ba_dprime_of_rank(1)) && isinf(ba_dprime_of_top1(0, 3)));
    assert_true(isnan(ba_dprime_of_top1(1.5, 3)) && isnan(ba_top1_of_dprime(NAN, 3)));
    assert_true(ba_top1_of_dprime(INFINITY, 9) == 1);
}

static void
test_chance(void **state)
{
    (void) state;
    assert_close(ba_chance_reciprocal(4), (1 + 0.5 + 1.0 / 3 + 0.25) / 4, 1e-16);
    assert_true(ba_chance_rank(9) == 5 && ba_chance_top(5, 20) == 0.25);
    assert_true(ba_chance_top(5, 3) == 1);
    assert_close(ba_null_sd_sum(1), 0.4011, 1e-4);
    assert_close(ba_null_sd_single(3), 1.0 / 6, 1e-15);
}

/* Independent similarities of 60 items, 400 times: the deviation of the sum form and of
 * rank accuracy is estimated to 3.5 %, four times that is allowed. With d' = 1 the means
 * must be those of the conversion. */
static void
test_simulated(void **state)
{
    enum { N = 60, TIMES = 400 };
    static double s[N * N];
    uint64_t seed = 3;
    ba_identification_t problem = {{s, N, N, N}, NULL, 1e-12};
    ba_pair_counts_t pairs;

    (void) state;
    for (int d = 0; d < 2; d++) {
        double mean[2] = {0}, square[2] = {0};

        for (int t = 0; t < TIMES; t++) {
            for (size_t i = 0; i < N * N; i++) {
                s[i] = test_normal(&seed) + (i % (N + 1) == 0 ? d : 0);
            }
            assert_int_equal(ba_identification_pairs(&problem, NULL, &pairs), BA_OK);
            for (int k = 0; k < 2; k++) {
                double x = k ? ba_pairs_single(&pairs) : ba_pairs_sum(&pairs);

                mean[k] += x / TIMES;
                square[k] += x * x / TIMES;
            }
        }
        assert_close(mean[0], ba_sum_of_dprime(d), 0.011);
        assert_close(mean[1], ba_rank_of_dprime(d), 0.008);
        if (d == 0) {
            assert_close(
                sqrt(square[0] - mean[0] * mean[0]) / ba_null_sd_sum(N), 1, 0.14);
            assert_close(
                sqrt(square[1] - mean[1] * mean[1]) / ba_null_sd_single(N), 1, 0.14);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_chance),
        cmocka_unit_test(test_simulated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
