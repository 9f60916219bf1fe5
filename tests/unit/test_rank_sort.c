/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "neurons/rank_impl.h"

enum { N = 3000 };

/* Ascending, ties by row, a mark where the value differs from the one before. */
static void
check(const float *x, size_t n)
{
    static uint64_t keys[2 * N];
    static uint32_t order[N];

    ba_rank_sort_rows(x, n, keys, order);
    for (size_t i = 0; i < n; i++) {
        uint32_t row = order[i] & RANK_NUMBER,
                 before = i > 0 ? order[i - 1] & RANK_NUMBER : 0;
        int starts = i == 0 || x[before] != x[row];

        assert_true(row < n);
        assert_int_equal((order[i] & RANK_STARTS) != 0, starts);
        if (i > 0) {
            assert_true(x[before] <= x[row]);
            assert_true(x[before] < x[row] || before < row);
        }
    }
}

static void
test_values(void **state)
{
    static float x[N];
    uint64_t random = 1;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        x[i] = (float) (test_normal(&random) * pow(10, 60 * test_uniform(&random) - 30));
    }
    check(x, N);
    check(x, 1);
    check(x, 0);
}

/* As half precision: the low digits are all the same and their pass is left out. */
static void
test_ties(void **state)
{
    static float x[N];
    uint64_t random = 2;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        x[i] = (float) rint(test_normal(&random) * 8) / 8;
    }
    check(x, N);
    for (size_t i = 0; i < N; i++) {
        x[i] = -7.25F;
    }
    check(x, N);
}

static void
test_zeros_and_ends(void **state)
{
    const float x[] = {0.0F, -0.0F, 1e-45F, -1e-45F, INFINITY, -INFINITY, -0.0F, 0.0F,
        3.4e38F, -3.4e38F};

    (void) state;
    check(x, sizeof x / sizeof *x);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_zeros_and_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
