/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "model/series.h"

#define LONGEST 40

static void
test_sums(void **state)
{
    double y[LONGEST], q[LONGEST];

    (void) state;
    test_fill_normal(y, LONGEST, 1);
    test_fill_normal(q, LONGEST, 2);
    for (size_t n = 0; n <= LONGEST; n++) {
        double dot = 0, square = 0, sum = 0;
        double largest = 0;

        for (size_t i = 0; i < n; i++) {
            dot += y[i] * q[i];
            square += y[i] * y[i];
            sum += y[i];
            largest = fmax(largest, fabs(y[i]));
        }
        assert_close(ba_series_dot(q, y, n), dot, 1e-14);
        assert_close(ba_series_square(y, n), square, 1e-14);
        assert_true(ba_series_max_abs(y, n) == largest);
        if (n > 0) {
            assert_close(ba_series_mean(y, n), sum / (double) n, 1e-15);
        }
    }
}

/* The mean is right to the last bit where a plain sum is not. */
static void
test_mean_of_large_numbers(void **state)
{
    double y[LONGEST];

    (void) state;
    for (size_t n = 1; n <= LONGEST; n++) {
        for (size_t i = 0; i < n; i++) {
            y[i] = 7.1e9 + 0.1;
        }
        assert_true(ba_series_mean(y, n) == 7.1e9 + 0.1);
        ba_series_centre(y, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(y[i] == 0);
        }
    }
}

static void
test_changes(void **state)
{
    double y[LONGEST], q[LONGEST], found[LONGEST];

    (void) state;
    test_fill_normal(y, LONGEST, 3);
    test_fill_normal(q, LONGEST, 4);
    memcpy(found, y, sizeof y);
    ba_series_centre(found, 13);
    for (size_t i = 0; i < LONGEST; i++) {
        assert_close(found[i], i < 13 ? y[i] - ba_series_mean(y, 13) : y[i], 1e-15);
    }
    memcpy(found, y, sizeof y);
    ba_series_scale(found, 5, 2);
    ba_series_subtract(found + 5, 5, q);
    ba_series_fill(found + 10, 5, -1);
    for (size_t i = 0; i < LONGEST; i++) {
        double wanted = i < 5 ? 2 * y[i] : i < 10 ? y[i] - q[i - 5] : i < 15 ? -1 : y[i];

        assert_true(found[i] == wanted);
    }
    ba_series_scale(q, 21, 1 / sqrt(ba_series_square(q, 21)));
    memcpy(found, y, sizeof y);
    ba_series_project_out(q, found, 21);
    assert_close(ba_series_dot(q, found, 21), 0, 1e-14);
    for (size_t i = 0; i < LONGEST; i++) {
        double left = i < 21 ? y[i] - ba_series_dot(q, y, 21) * q[i] : y[i];

        assert_close(found[i], left, 1e-15);
    }
}

static void
test_finite(void **state)
{
    double y[LONGEST];

    (void) state;
    test_fill_normal(y, LONGEST, 5);
    y[3] = 1.7e308;
    y[4] = -1.7e308;
    assert_true(ba_series_is_finite(y, LONGEST));
    assert_true(ba_series_is_finite(y, 0));
    for (size_t i = 0; i < LONGEST; i++) {
        const double bad[] = {(double) NAN, (double) INFINITY, -(double) INFINITY};

        for (size_t k = 0; k < 3; k++) {
            double kept = y[i];

            y[i] = bad[k];
            assert_false(ba_series_is_finite(y, LONGEST));
            assert_true(ba_series_is_finite(y, i));
            y[i] = kept;
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_mean_of_large_numbers),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_finite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
