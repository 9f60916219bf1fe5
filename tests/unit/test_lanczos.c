/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/resample.h"

/* By the peer's formula with the division that is 0 / 0 at 0. */
static double
textbook(double seconds, double cutoff, double window)
{
    double pi = acos(-1.0), u = seconds * cutoff;

    if (fabs(u) > window) {
        return 0;
    }
    return u == 0.0 ? 1 : window * sin(pi * u) * sin(pi * u / window) / (pi * pi * u * u);
}

static void
test_weight(void **state)
{
    (void) state;
    assert_close(ba_lanczos_weight(0, 0.5, 3), 1, 0);
    assert_close(ba_lanczos_weight(1e-200, 0.5, 3), 1, 0);
    assert_close(ba_lanczos_weight(1e-10, 0.5, 3), 1, 0);
    assert_close(ba_lanczos_weight(2, 0.5, 3), 0, 1e-15); /* a zero of the sinc */
    assert_close(ba_lanczos_weight(6, 0.5, 3), 0, 1e-15); /* the edge */
    assert_true(ba_lanczos_weight(6.0001, 0.5, 3) == 0);
    for (double s = -7; s < 7; s += 0.173) {
        assert_close(ba_lanczos_weight(s, 0.5, 3), textbook(s, 0.5, 3), 1e-15);
        assert_close(ba_lanczos_weight(s, 0.3, 2), textbook(s, 0.3, 2), 1e-15);
    }
}

/* Dense products, for sorted and shuffled items alike. */
static void
test_rows(void **state)
{
    enum { N_ITEMS = 90, N_TIMES = 25, N_COLS = 3 };
    double items[N_ITEMS], times[N_TIMES], x[N_ITEMS * N_COLS], y[N_TIMES * N_COLS];
    uint64_t seed = 5;

    (void) state;
    test_fill_normal(x, N_ITEMS * N_COLS, 6);
    for (size_t t = 0; t < N_TIMES; t++) {
        times[t] = 0.7 + 1.9 * (double) t + 0.1 * test_uniform(&seed);
    }
    for (int shuffled = 0; shuffled < 2; shuffled++) {
        double mean = (times[N_TIMES - 1] - times[0]) / (N_TIMES - 1);
        ba_resampler_t r;

        for (size_t i = 0; i < N_ITEMS; i++) {
            items[i] = shuffled ? 60 * test_uniform(&seed) - 5 : 0.6 * (double) i - 3;
        }
        assert_int_equal(
            ba_resampler_lanczos(items, N_ITEMS, times, N_TIMES, 3, 1.2, &r), BA_OK);
        ba_resampler_apply(NULL, &r, (ba_cdmat_t){x, N_ITEMS, N_COLS, N_ITEMS},
            (ba_dmat_t){y, N_TIMES, N_COLS, N_TIMES});
        for (size_t j = 0; j < N_COLS; j++) {
            for (size_t t = 0; t < N_TIMES; t++) {
                double sum = 0;

                for (size_t i = 0; i < N_ITEMS; i++) {
                    sum +=
                        x[i + j * N_ITEMS] * textbook(times[t] - items[i], 1.2 / mean, 3);
                }
                assert_close(y[t + j * N_TIMES], sum, 1e-13);
            }
        }
        ba_resampler_free(&r);
    }
}

static void
test_errors(void **state)
{
    const double items[] = {1, 2}, times[] = {0, 2, 4}, turned[] = {0, 2, 2};
    ba_resampler_t r;

    (void) state;
    assert_int_equal(ba_resampler_lanczos(items, 2, times, 1, 3, 1, &r), BA_SHAPE);
    assert_contains(ba_error_message(), "1 volume, wanted two");
    assert_int_equal(ba_resampler_lanczos(items, 2, turned, 3, 3, 1, &r), BA_SHAPE);
    assert_contains(ba_error_message(), "number 2 (from 0) is 2 s after 2 s");
    assert_int_equal(ba_resampler_lanczos(items, 2, times, 3, 0, 1, &r), BA_VALUE);
    assert_int_equal(
        ba_resampler_lanczos(items, 2, times, 3, 3, (double) NAN, &r), BA_VALUE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_weight),
        cmocka_unit_test(test_rows), cmocka_unit_test(test_errors)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
