/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/detrend.h"

#define N 40
#define V 6
#define R 4

static const size_t onsets[R] = {0, 20, 21, 24};

static ba_runs_t
four_runs(void)
{
    ba_runs_t runs;

    assert_int_equal(ba_runs_from_onsets(onsets, R, N, &runs), BA_OK);
    return runs;
}

static void
check_ddof(size_t ddof)
{
    static double y[(N + 2) * V], x[(N + 2) * V];
    double mean[R * V], scale[R * V];
    ba_runs_t runs = four_runs();
    const double offset[V] = {0, 1e4, -3, 0, 1e8, 0};

    test_fill_normal(x, (N + 2) * V, 1);
    for (size_t i = 0; i < (N + 2) * V; i++) {
        x[i] += offset[i / (N + 2)];
    }
    memcpy(y, x, sizeof x);
    ba_zscore_runs(&runs, (ba_dmat_t){y, N, V, N + 2}, ddof, NULL, mean, scale);
    for (size_t j = 0; j < V; j++) {
        for (size_t k = 0; k < R; k++) {
            size_t n = runs.onset[k + 1] - runs.onset[k];
            const double *series = x + j * (N + 2) + runs.onset[k];
            const double *found = y + j * (N + 2) + runs.onset[k];
            double sum = 0, square = 0;
            double deviation, tolerance = 1e-14 * fmax(1, fabs(offset[j]));

            for (size_t i = 0; i < n; i++) {
                sum += series[i] - series[0];
            }
            sum = series[0] + sum / (double) n;
            for (size_t i = 0; i < n; i++) {
                square += (series[i] - sum) * (series[i] - sum);
            }
            deviation = n > 1 ? sqrt(square / (double) (n - ddof)) : 1;
            assert_close(mean[k + j * R], sum, tolerance / 10);
            assert_close(scale[k + j * R], deviation, tolerance);
            for (size_t i = 0; i < n; i++) {
                assert_close(found[i], (series[i] - sum) / deviation, tolerance);
                assert_close(
                    found[i] * scale[k + j * R] + mean[k + j * R], series[i], tolerance);
            }
        }
        assert_true(y[N + j * (N + 2)] == x[N + j * (N + 2)]); /* beyond the matrix */
    }
    ba_runs_free(&runs);
}

static void
test_zscore(void **state)
{
    (void) state;
    check_ddof(0);
    check_ddof(1);
}

static void
test_nan_stays_in_its_run(void **state)
{
    double y[N * 2], x[N * 2], mean[R * 2], scale[R * 2];
    ba_runs_t runs = four_runs();

    (void) state;
    test_fill_normal(y, N * 2, 2);
    memcpy(x, y, sizeof y);
    ba_zscore_runs(&runs, (ba_dmat_t){x, N, 2, N}, 0, NULL, NULL, NULL);
    y[5] = (double) NAN;
    y[N + 22] = -(double) INFINITY;
    ba_zscore_runs(&runs, (ba_dmat_t){y, N, 2, N}, 0, NULL, mean, scale);
    for (size_t t = 0; t < N; t++) {
        assert_true(t < 20 ? isnan(y[t]) : y[t] == x[t]);
        assert_true(t >= 21 && t < 24 ? isnan(y[N + t]) : y[N + t] == x[N + t]);
    }
    assert_true(isnan(mean[0]) && isnan(scale[0]) && !isnan(mean[1]));
    assert_true(isnan(mean[R + 2]) && isnan(scale[R + 2]));
    ba_runs_free(&runs);
}

/* Constants of any size, and noise 1e-11 of the offset, are centred only. */
static void
test_constant(void **state)
{
    static const double offset[V] = {7.25, 1e4, -1e9, 0, 1e300, 1e5};
    double y[N * V], scale[R * V];
    uint64_t seed = 3;
    ba_runs_t runs = four_runs();

    (void) state;
    for (size_t i = 0; i < N * V; i++) {
        y[i] = offset[i / N];
        y[i] += i / N == 5 ? 1e-6 * (test_uniform(&seed) - 0.5) : 0;
    }
    ba_zscore_runs(&runs, (ba_dmat_t){y, N, V, N}, 0, NULL, NULL, scale);
    for (size_t i = 0; i < N * V; i++) {
        assert_close(y[i], 0, i / N == 5 ? 1e-6 : 0);
    }
    for (size_t i = 0; i < R * V; i++) {
        assert_true(scale[i] == 1);
    }
    ba_runs_free(&runs);
}

/* The size before detrending decides: the same noise counts beside 1e-3, and does not
 * beside 1e9. */
static void
test_size(void **state)
{
    double y[N * 2], size[R * 2], scale[R * 2];
    ba_runs_t runs = four_runs();

    (void) state;
    test_fill_normal(y, N, 4);
    for (size_t i = 0; i < N; i++) {
        y[i] *= 1e-3;
        y[N + i] = y[i];
    }
    for (size_t k = 0; k < R; k++) {
        size[k] = 1e-3;
        size[R + k] = 1e9;
    }
    ba_zscore_runs(&runs, (ba_dmat_t){y, N, 2, N}, 0, size, NULL, scale);
    assert_true(scale[0] < 1e-2 && scale[R] == 1);
    assert_true(fabs(y[0]) > 1e-2 && fabs(y[N]) < 1e-2);
    ba_runs_free(&runs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zscore),
        cmocka_unit_test(test_nan_stays_in_its_run),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
