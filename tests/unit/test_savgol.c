/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "model/savgol.h"

#define N 120

static void
test_half(void **state)
{
    (void) state;
    assert_int_equal(ba_savgol_half(120, 1.5, 1000), 40); /* 80, so 81 */
    assert_int_equal(ba_savgol_half(121.5, 1.5, 1000), 40);
    assert_int_equal(ba_savgol_half(119, 1.5, 1000), 39); /* 79.3, so 79 */
    assert_int_equal(ba_savgol_half(120, 1.5, 81), 40);
    assert_int_equal(ba_savgol_half(120, 1.5, 80), 39); /* 79 is the largest odd */
    assert_int_equal(ba_savgol_half(120, 1.5, 10), 4);
    assert_int_equal(ba_savgol_half(120, 1.5, 2), 0);
    assert_int_equal(ba_savgol_half(120, 1.5, 1), 0);
    assert_int_equal(ba_savgol_half(0.1, 2, 100), 0);
    assert_int_equal(ba_savgol_half(6, 2, 100), 1);
    assert_int_equal(ba_savgol_half(1e300, 1e-300, 9), 4);
}

/* The cubic over y[0 .. window - 1] at sample `at`: normal equations in powers of time
 * from the window's centre, eliminated with pivots. */
static double
cubic_at(const double *y, size_t window, size_t at)
{
    double a[4][5] = {{0}}, t, value = 0;

    for (size_t i = 0; i < window; i++) {
        double power[7] = {1};

        t = 2 * (double) i / (double) (window - 1) - 1;
        for (size_t m = 1; m < 7; m++) {
            power[m] = power[m - 1] * t;
        }
        for (size_t r = 0; r < 4; r++) {
            for (size_t c = 0; c < 4; c++) {
                a[r][c] += power[r + c];
            }
            a[r][4] += power[r] * y[i];
        }
    }
    for (size_t p = 0; p < 4; p++) {
        for (size_t r = 0; r < 4; r++) {
            double factor = a[r][p] / a[p][p];

            for (size_t c = 0; r != p && c < 5; c++) {
                a[r][c] -= factor * a[p][c];
            }
        }
    }
    t = 2 * (double) at / (double) (window - 1) - 1;
    for (size_t m = 4; m-- > 0;) {
        value = value * t + a[m][4] / a[m][m];
    }
    return value;
}

static void
check_residual(size_t n, size_t half, double offset)
{
    double y[N] = {0}, noise[N], found[N], scratch[N];
    size_t window = 2 * half + 1;
    ba_savgol_t filter;

    test_fill_normal(y, n, n + 1000 * half);
    for (size_t i = 0; i < n; i++) {
        y[i] += offset;
        noise[i] = y[i] - offset;
    }
    memcpy(found, y, sizeof y);
    assert_int_equal(ba_savgol_new(half, &filter), BA_OK);
    ba_savgol_residual(&filter, found, n, scratch);
    for (size_t i = 0; i < n; i++) {
        size_t first = i < half ? 0 : i - half;

        first = first + window > n ? n - window : first;
        assert_close(found[i], y[i] - offset - cubic_at(noise + first, window, i - first),
            1e-13 + 1e-15 * offset);
    }
    ba_savgol_free(&filter);
}

static void
test_against_fits(void **state)
{
    (void) state;
    for (size_t half = 2; half < 40; half += 3) {
        for (size_t n = 2 * half + 1; n <= N; n += 11) {
            check_residual(n, half, 0);
            check_residual(n, half, 1e4);
        }
    }
}

static void
test_cubic_is_removed(void **state)
{
    double y[N], scratch[N];
    ba_savgol_t filter;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        double t = (double) i / N;

        y[i] = 5 + 2 * t - 30 * t * t + 11 * t * t * t;
    }
    assert_int_equal(ba_savgol_new(15, &filter), BA_OK);
    ba_savgol_residual(&filter, y, N, scratch);
    for (size_t i = 0; i < N; i++) {
        assert_close(y[i], 0, 2e-14);
    }
    ba_savgol_free(&filter);
}

static void
test_short_window_removes_the_mean(void **state)
{
    (void) state;
    for (size_t half = 0; half < 2; half++) {
        double y[] = {1, 2, 3, 6, 8};
        const double wanted[] = {-3, -2, -1, 2, 4};
        ba_savgol_t filter;

        assert_int_equal(ba_savgol_new(half, &filter), BA_OK);
        ba_savgol_residual(&filter, y, 5, NULL);
        assert_all_close(y, wanted, 5, 1e-15);
        ba_savgol_free(&filter);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half),
        cmocka_unit_test(test_against_fits),
        cmocka_unit_test(test_cubic_is_removed),
        cmocka_unit_test(test_short_window_removes_the_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
