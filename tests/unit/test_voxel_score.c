/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of columns against their definitions, and against an independent program. */
#include "tests/golden/golden.h"

#include "model/voxel_score.h"

enum { N = 23, GROUPS = 5, ITEMS = 9, REPEATS = 4 };

/* Sums of squares about the group's and the grand mean, each from scratch. */
static double
f_by_hand(const double *x, const int32_t *group)
{
    double total = 0, all = 0, within = 0;
    size_t n = 0, k = 0;

    for (size_t i = 0; i < N; i++) {
        total += group[i] >= 0 ? x[i] : 0;
        n += group[i] >= 0;
    }
    for (size_t i = 0; i < N; i++) {
        double d = x[i] - total / (double) n;

        all += group[i] >= 0 ? d * d : 0;
    }
    for (int32_t g = 0; g < GROUPS; g++) {
        double sum = 0, square = 0;
        size_t m = 0;

        for (size_t i = 0; i < N; i++) {
            sum += group[i] == g ? x[i] : 0;
            square += group[i] == g ? x[i] * x[i] : 0;
            m += group[i] == g;
        }
        within += m > 0 ? square - sum * sum / (double) m : 0;
        k += m > 0;
    }
    return (all - within) / (double) (k - 1) / (within / (double) (n - k));
}

static void
test_f(void **state)
{
    double x[N], work[2 * GROUPS];
    int32_t group[N];
    uint64_t seed = 3;

    (void) state;
    for (int repeat = 0; repeat < 20; repeat++) {
        test_fill_normal(x, N, 50 + (uint64_t) repeat);
        for (size_t i = 0; i < N; i++) {
            group[i] =
                (int32_t) test_below(&seed, GROUPS) - 1; /* the last one is empty */
            x[i] += group[i] == 2 ? 2 : 0;
        }
        assert_close(
            ba_f_statistic(x, group, N, GROUPS, work), f_by_hand(x, group), 1e-9);
    }
}

static void
test_f_without_a_value(void **state)
{
    double x[6] = {1, 2, 3, 4, 5, 6}, same[6] = {7, 7, 7, 7, 7, 7}, work[6];
    double apart[6] = {1, 1, 1, 2, 2, 2};
    int32_t one[6] = {0, 0, 0, 0, 0, 0}, each[3] = {0, 1, 2};
    int32_t two[6] = {0, 0, 0, 1, 1, 1};

    (void) state;
    assert_true(isnan(ba_f_statistic(x, one, 6, 3, work)));
    assert_true(isnan(ba_f_statistic(x, each, 3, 3, work)));
    assert_true(isnan(ba_f_statistic(same, two, 6, 3, work)));
    assert_true(isinf(ba_f_statistic(apart, two, 6, 3, work)));
    assert_close(ba_f_statistic(x, two, 6, 3, work), 13.5, 1e-12);
}

static double
correlation(const double *a, const double *b)
{
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < ITEMS; i++) {
        ma += a[i] / ITEMS;
        mb += b[i] / ITEMS;
    }
    for (size_t i = 0; i < ITEMS; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static void
test_stability(void **state)
{
    double x[ITEMS * REPEATS], expected = 0;

    (void) state;
    test_fill_normal(x, ITEMS * REPEATS, 4);
    for (size_t i = 0; i < ITEMS * REPEATS; i++) {
        x[i] = i / ITEMS == 2 ? 3.25 : 100 + x[i] + (double) (i % ITEMS);
    }
    for (size_t r = 0; r < REPEATS; r++) {
        for (size_t s = r + 1; s < REPEATS; s++) {
            expected += correlation(x + r * ITEMS, x + s * ITEMS);
        }
    }
    assert_close(ba_stability(x, ITEMS, REPEATS), expected / 6, 1e-12);
    assert_true(isnan(ba_stability(x, ITEMS, 1)));
    assert_true(isnan(ba_stability(x, 1, REPEATS)));
}

/* 6 repeats x 58 words x 40 voxels. */
static void
test_golden(void **state)
{
    char file[TEST_PATH_SIZE];
    golden_t repeats, stability, f;
    double x[6 * 58], work[2 * 58];
    int32_t group[6 * 58];

    (void) state;
    test_need_data(file, "golden/decode/d4_selection.h5");
    repeats = golden_read(file, "/stability/repeats");
    stability = golden_read(file, "/stability/score");
    f = golden_read(file, "/stability/f_statistic_words_from_8");
    for (size_t v = 0; v < 40; v++) {
        for (size_t i = 0; i < 6 * 58; i++) {
            x[i] = repeats.data[i * 40 + v];
            group[i] = (int32_t) (i % 58) - 8;
        }
        assert_close(ba_f_statistic(x, group, 6 * 58, 58, work), f.data[v], 1e-9);
        assert_close(ba_stability(x, 58, 6), stability.data[v], 1e-12);
    }
    golden_free(&repeats);
    golden_free(&stability);
    golden_free(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f),
        cmocka_unit_test(test_f_without_a_value), cmocka_unit_test(test_stability),
        cmocka_unit_test(test_golden)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
