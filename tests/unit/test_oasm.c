/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/resample.h"

enum { N = 17 };

static void
fill(double sigma, size_t step, double *x)
{
    const size_t onsets[] = {0, 5, 6};
    ba_runs_t runs;

    assert_int_equal(ba_runs_from_onsets(onsets, 3, N, &runs), BA_OK);
    for (size_t col0 = 0; col0 < N; col0 += step) {
        size_t n_cols = N - col0 < step ? N - col0 : step;

        ba_oasm_columns(&runs, sigma, col0, (ba_dmat_t){x + col0 * N, N, n_cols, N});
    }
    ba_runs_free(&runs);
}

static size_t
run_of(size_t t)
{
    return t < 5 ? 0 : t < 6 ? 1 : 2;
}

static void
test_definition(void **state)
{
    double x[N * N];

    (void) state;
    fill(1.3, N, x);
    for (size_t t = 0; t < N; t++) {
        double sum = 0, row = 0;

        for (size_t s = 0; s < N; s++) {
            double d = (double) t - (double) s;

            sum += run_of(s) == run_of(t) ? exp(-d * d / (2 * 1.3 * 1.3)) : 0;
        }
        for (size_t s = 0; s < N; s++) {
            double d = (double) t - (double) s;
            double wanted =
                run_of(s) == run_of(t) ? exp(-d * d / (2 * 1.3 * 1.3)) / sum : 0;

            assert_close(x[t + s * N], wanted, 1e-15);
            row += x[t + s * N];
        }
        assert_close(row, 1, 1e-14);
    }
}

static void
test_blocks(void **state)
{
    double whole[N * N], blocks[N * N];

    (void) state;
    fill(0.8, N, whole);
    for (size_t step = 1; step < N; step++) {
        fill(0.8, step, blocks);
        assert_memory_equal(whole, blocks, sizeof whole);
    }
}

/* A narrow one is the identity. */
static void
test_narrow(void **state)
{
    double x[N * N];

    (void) state;
    fill(0.01, N, x);
    for (size_t i = 0; i < N * N; i++) {
        assert_close(x[i], i % N == i / N, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_definition),
        cmocka_unit_test(test_blocks), cmocka_unit_test(test_narrow)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
