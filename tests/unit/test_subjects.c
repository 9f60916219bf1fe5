/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "model/subjects.h"

/* Student's sleep data (differences of two drugs, ten people): t = 4.0621, two-sided p =
 * 0.002833, in any textbook. */
static const double sleep_gain[10] = {1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4};

static void
test_t(void **state)
{
    double p, with_nan[11];

    (void) state;
    assert_close(ba_subjects_t(sleep_gain, 10, &p), 4.062128, 1e-6);
    assert_close(p, 0.00283289 / 2, 1e-7);
    memcpy(with_nan, sleep_gain, sizeof sleep_gain);
    with_nan[10] = NAN;
    assert_close(ba_subjects_t(with_nan, 11, &p), 4.062128, 1e-6);
    assert_true(isnan(ba_subjects_t(with_nan, 1, &p)) && isnan(p));
}

/* p by all assignments of signs, one by one. */
static double
wilcoxon_by_hand(const double *x, size_t n)
{
    double rank[16], observed = 0.0;
    size_t n_extreme = 0;

    for (size_t i = 0; i < n; i++) {
        double below = 0.0, equal = 0.0;

        for (size_t j = 0; j < n; j++) {
            below += fabs(x[j]) < fabs(x[i]);
            equal += fabs(x[j]) == fabs(x[i]);
        }
        rank[i] = below + (equal + 1.0) / 2.0;
        observed += x[i] > 0 ? rank[i] : 0.0;
    }
    for (size_t set = 0; set < (size_t) 1 << n; set++) {
        double sum = 0.0;

        for (size_t i = 0; i < n; i++) {
            sum += set >> i & 1 ? rank[i] : 0.0;
        }
        n_extreme += sum >= observed;
    }
    return (double) n_extreme / (double) ((size_t) 1 << n);
}

static void
test_wilcoxon(void **state)
{
    uint64_t seed = 4;
    double p, x[12], nine[9];

    (void) state;
    for (int round = 0; round < 20; round++) {
        size_t n = 2 + (size_t) round % 10;

        for (size_t i = 0; i < n; i++) { /* ties on purpose */
            x[i] = round % 2 ? test_normal(&seed) : floor(3 * test_normal(&seed)) + 0.5;
        }
        assert_int_equal(ba_subjects_wilcoxon(x, n, &p), 0);
        assert_close(p, wilcoxon_by_hand(x, n), 1e-12);
    }
    for (size_t i = 0, k = 0; i < 10; i++) { /* its zero is left out */
        if (sleep_gain[i] != 0.0) {
            nine[k++] = sleep_gain[i];
        }
    }
    assert_int_equal(ba_subjects_wilcoxon(sleep_gain, 10, &p), 0);
    assert_close(p, wilcoxon_by_hand(nine, 9), 1e-12);
    assert_close(p, 1.0 / 512, 1e-12);
}

static double
t_by_hand(const double *x, size_t n, size_t set)
{
    double sum = 0.0, squares = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += set >> i & 1 ? -x[i] : x[i];
        squares += x[i] * x[i];
    }
    return sum / (double) n /
           sqrt((squares - sum * sum / (double) n) / (double) (n - 1) / (double) n);
}

static void
test_flips(void **state)
{
    enum { SUBJECTS = 8, UNITS = 3 };
    double x[SUBJECTS * UNITS], p[UNITS], p_fwe[UNITS], exact[UNITS];
    size_t n_used;

    (void) state;
    test_fill_normal(x, SUBJECTS * UNITS, 3);
    for (size_t i = 0; i < SUBJECTS; i++) {
        x[i] += 0.7;
    }
    assert_int_equal(ba_subjects_flip(x, SUBJECTS, UNITS, 1000, 1, p, p_fwe, &n_used), 0);
    assert_int_equal(n_used, 256);
    for (size_t u = 0; u < UNITS; u++) {
        size_t n_unit = 0, n_any = 0;
        double observed = t_by_hand(x + u * SUBJECTS, SUBJECTS, 0);

        for (size_t set = 0; set < 256; set++) {
            int any = 0;

            for (size_t k = 0; k < UNITS; k++) {
                any |= t_by_hand(x + k * SUBJECTS, SUBJECTS, set) >= observed - 1e-9;
            }
            n_unit += t_by_hand(x + u * SUBJECTS, SUBJECTS, set) >= observed - 1e-9;
            n_any += (size_t) any;
        }
        assert_close(p[u], (double) n_unit / 256, 1e-12);
        assert_close(p_fwe[u], (double) n_any / 256, 1e-12);
        exact[u] = p[u];
    }
    assert_int_equal(ba_subjects_flip(x, SUBJECTS, UNITS, 200, 1, p, p_fwe, &n_used), 0);
    assert_int_equal(n_used, 200);
    for (size_t u = 0; u < UNITS; u++) { /* 4 binomial deviations */
        assert_close(p[u], exact[u], 4 * sqrt(0.25 / 200) + 0.005);
        assert_true(p_fwe[u] >= p[u]);
    }
}

static void
test_median(void **state)
{
    double median, some[] = {3, NAN, 1, 2, 10};
    size_t n_used;

    (void) state;
    assert_int_equal(ba_subjects_median(some, 5, &median), 0);
    assert_close(median, 2.5, 0.0);
    assert_int_equal(ba_subjects_median(some, 4, &median), 0);
    assert_close(median, 2.0, 0.0);
    assert_close(ba_subjects_mean(some, 5, &n_used), 4.0, 0.0);
    assert_int_equal(n_used, 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_t),
        cmocka_unit_test(test_wilcoxon),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_median),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
