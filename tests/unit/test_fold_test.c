/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "model/fold_test.h"

/* The upper tail of t in closed form with 2 and with 4 degrees of freedom. */
static double
tail(double t, int df)
{
    double x = t / sqrt((double) df + t * t);

    return df == 2 ? 0.5 - 0.5 * x : 0.5 - 0.5 * x * (1.0 + 0.5 * (1.0 - x * x));
}

static void
test_known_values(void **state)
{
    static const double five[] = {1, 2, 3, 4, 5}, holes[] = {NAN, -1.5, NAN, -0.5, 0.5};
    ba_fold_test_t test = ba_fold_test(five, 5, 0.25);

    (void) state;
    assert_int_equal(test.n, 5);
    assert_close(test.mean, 3.0, 1e-15);
    assert_close(test.se, sqrt(2.5 * 0.45), 1e-15);
    assert_close(test.p, tail(3.0 / sqrt(2.5 * 0.45), 4), 1e-14);
    test = ba_fold_test(holes, 5, 0.5);
    assert_int_equal(test.n, 3);
    assert_close(test.mean, -0.5, 1e-15);
    assert_close(test.p, tail(-0.5 / sqrt(1.0 / 3.0 + 0.5), 2), 1e-14);
}

static void
test_too_few_folds(void **state)
{
    static const double values[] = {1, 2, NAN, NAN}, same[] = {1, 1, 1};
    ba_fold_test_t test = ba_fold_test(values, 4, 0.3);

    (void) state;
    assert_close(test.mean, 1.5, 0);
    assert_true(isnan(test.se));
    assert_true(isnan(test.p));
    test = ba_fold_test(values + 2, 2, 0.3);
    assert_true(isnan(test.mean));
    test = ba_fold_test(same, 3, 0.3);
    assert_close(test.se, 0.0, 0);
    assert_true(isnan(test.p));
}

/* Three values: the 27 means and how often each is drawn are known. */
static void
test_bootstrap(void **state)
{
    static const double values[] = {0, NAN, 3, 9};
    double low, high, again[2];
    ba_rng_t *rng = ba_rng_new(1, 0);

    (void) state;
    assert_non_null(rng);
    /* Means 0 and 9 have 1 / 27 each, more than 2.5 %. */
    assert_int_equal(ba_fold_bootstrap(values, 4, rng, &low, &high), BA_OK);
    assert_close(low, 0.0, 1e-12);
    assert_close(high, 9.0, 1e-12);
    assert_int_equal(ba_fold_bootstrap(values, 3, rng, &low, &high), BA_OK);
    assert_true(isnan(low));
    assert_true(isnan(high));
    ba_rng_free(rng);
    for (size_t i = 0; i < 2; i++) {
        static const double more[] = {1, 2, 4, 8, 16, 32, 64};

        rng = ba_rng_new(3, 0);
        assert_int_equal(ba_fold_bootstrap(more, 7, rng, &low, &high), BA_OK);
        ba_rng_free(rng);
        assert_true(low > 1.0 && low < 127.0 / 7.0 && high > 127.0 / 7.0 && high < 64.0);
        assert_true(i == 0 || (again[0] == low && again[1] == high));
        again[0] = low;
        again[1] = high;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_too_few_folds),
        cmocka_unit_test(test_bootstrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
