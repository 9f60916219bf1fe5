/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Against numbers of scipy: mannwhitneyu (asymptotic, two-sided), ttest_ind with
 * unequal variances. */
#include "tests/testlib.h"

#include "model/two_samples.h"

static void
test_mann_whitney(void **state)
{
    (void) state;
    /* [1, 2, 2, 5, 7] and [2, 3, 3, 8, 9, 9, 10]: U 7, ties of 3, 2 and 2. */
    assert_close(ba_mann_whitney_p(7, 5, 7, 24 + 6 + 6), 0.1007344064286241, 1e-15);
    /* The same for the other sample. */
    assert_close(ba_mann_whitney_p(28, 5, 7, 24 + 6 + 6), 0.1007344064286241, 1e-15);
    /* U in the middle: continuity would give more than 1. */
    assert_close(ba_mann_whitney_p(10, 4, 5, 0), 1, 0);
    /* All values equal. */
    assert_close(ba_mann_whitney_p(6, 3, 4, 7 * 7 * 7 - 7), 1, 0);
    assert_true(isnan(ba_mann_whitney_p(0, 0, 4, 0)));
    assert_true(isnan(ba_mann_whitney_p(0, 4, 0, 0)));
    /* Far out the tail is not 0. */
    assert_true(ba_mann_whitney_p(10000, 100, 100, 0) > 0);
}

static void
test_welch(void **state)
{
    ba_welch_t welch;

    (void) state;
    /* [1, 2, 2, 5, 7] and [2, 3, 3, 8, 9, 9, 10] */
    welch = ba_welch((ba_sample_t){5, 3.4, 6.3},
        (ba_sample_t){7, 44.0 / 7, (348 - 44.0 * 44 / 7) / 6});
    assert_close(welch.t, -1.6770946537519849, 1e-14);
    assert_close(welch.df, 9.972814632322839, 1e-12);
    assert_close(ba_student_p(welch.t, welch.df), 0.12453853263409546, 1e-14);
    /* One that does not vary is fine, two are not, nor is one value. */
    assert_close(ba_welch((ba_sample_t){4, 1, 4}, (ba_sample_t){9, 2, 0}).t, -1, 1e-15);
    assert_true(isnan(ba_welch((ba_sample_t){4, 1, 0}, (ba_sample_t){9, 2, 0}).t));
    assert_true(isnan(ba_welch((ba_sample_t){1, 1, 0}, (ba_sample_t){9, 2, 1}).t));
    assert_true(isnan(ba_student_p((double) NAN, 3)));
    assert_close(ba_student_p(0, 3), 1, 1e-15);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mann_whitney),
        cmocka_unit_test(test_welch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
