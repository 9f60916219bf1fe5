/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/similarity.h"
#include "core/alloc.h"
#include "model/rank_correlation.h"

/* tau-b from all pairs. */
static double
tau_by_pairs(const double *a, const double *b, size_t n)
{
    double both = 0.0, tied_a = 0.0, tied_b = 0.0, all = 0.5 * (double) (n * (n - 1));

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            both += ((a[i] > a[j]) - (a[i] < a[j])) * ((b[i] > b[j]) - (b[i] < b[j]));
            tied_a += a[i] == a[j];
            tied_b += b[i] == b[j];
        }
    }
    return both / sqrt((all - tied_a) * (all - tied_b));
}

/* Rank as the number below and half of those equal. */
static double
rank_by_pairs(const double *x, size_t n, size_t i)
{
    double rank = -0.5;

    for (size_t j = 0; j < n; j++) {
        rank += x[j] < x[i] ? 1.0 : x[j] == x[i] ? 0.5 : 0.0;
    }
    return rank;
}

static void
make_lists(double *a, double *b, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1103515245u + 12345u;
        a[i] = (double) (seed >> 16 & 31);
        seed = seed * 1103515245u + 12345u;
        b[i] = a[i] / 4.0 + (double) (seed >> 16 & 7);
    }
}

static void
test_against_pairs(void **state)
{
    enum { N = 97 };
    double a[N], b[N], found, x[N], y[N];

    (void) state;
    for (unsigned seed = 1; seed < 20; seed++) {
        make_lists(a, b, N, seed);
        assert_int_equal(ba_kendall(a, b, N, &found), BA_OK);
        assert_close(found, tau_by_pairs(a, b, N), 1e-14);
        for (size_t i = 0; i < N; i++) {
            x[i] = rank_by_pairs(a, N, i);
            y[i] = rank_by_pairs(b, N, i);
        }
        assert_int_equal(ba_spearman(a, b, N, &found), BA_OK);
        assert_close(found, ba_pearson(x, y, N), 1e-14);
        assert_int_equal(ba_mean_ranks(a, N), BA_OK);
        assert_all_close(a, x, N, 0.0);
    }
}

static void
test_edges(void **state)
{
    const double up[] = {1, 2, 3, 4}, down[] = {4, 3, 2, 1}, same[] = {7, 7, 7, 7};
    const double gap[] = {1, NAN, 3, 2};
    double found;

    (void) state;
    assert_int_equal(ba_kendall(up, down, 4, &found), BA_OK);
    assert_close(found, -1.0, 1e-15);
    assert_int_equal(ba_spearman(up, down, 4, &found), BA_OK);
    assert_close(found, -1.0, 1e-15);
    assert_int_equal(ba_kendall(up, same, 4, &found), BA_OK);
    assert_true(isnan(found));
    assert_int_equal(ba_spearman(up, same, 4, &found), BA_OK);
    assert_true(isnan(found));
    /* The pair with a NaN is left out: 1 3 4 against 1 3 2. */
    assert_int_equal(ba_spearman(up, gap, 4, &found), BA_OK);
    assert_close(found, 0.5, 1e-15);
    assert_int_equal(ba_kendall(up, gap, 4, &found), BA_OK);
    assert_close(found, 1.0 / 3.0, 1e-15);
    assert_int_equal(ba_kendall(up, up, 1, &found), BA_OK);
    assert_true(isnan(found));
    ba_alloc_fail_at(1);
    assert_int_equal(ba_kendall(up, down, 4, &found), BA_NOMEM);
    ba_alloc_fail_at(2);
    assert_int_equal(ba_spearman(up, down, 4, &found), BA_NOMEM);
    ba_alloc_fail_at(0);
}

static void
test_pairs_by_hand(void **state)
{
    const double a[] = {1, 2, 2, (double) NAN, 9, 4}, b[] = {3, 1, 1, 7, 8, (double) NAN};
    const double constant[] = {1, 1, 1, 1, 1, 1};
    double r;

    (void) state;
    /* Ranks 1, 2.5, 2.5, 4 and 3, 1.5, 1.5, 4. */
    assert_int_equal(ba_spearman(a, b, 6, &r), 0);
    assert_close(r, 1.5 / 4.5, 1e-15);
    assert_int_equal(ba_spearman(a, constant, 6, &r), 0);
    assert_true(isnan(r));
    assert_int_equal(ba_spearman(a, b, 1, &r), 0);
    assert_true(isnan(r));
    assert_int_equal(ba_spearman(a, a, 6, &r), 0);
    assert_close(r, 1, 1e-15);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_by_hand),
        cmocka_unit_test(test_against_pairs),
        cmocka_unit_test(test_edges),
    };

    return cmocka_run_group_tests_name("rank_correlation", tests, NULL, NULL);
}
