/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/nearest.h"

static void
test_distance(void **state)
{
    char a[200], b[200];

    (void) state;
    assert_int_equal(ba_word_distance("", ""), 0);
    assert_int_equal(ba_word_distance("onset", "onset"), 0);
    assert_int_equal(ba_word_distance("Onset", "onSET"), 0);
    assert_int_equal(ba_word_distance("onset", "offset"), 2);
    assert_int_equal(ba_word_distance("onset", "onsets"), 1);
    assert_int_equal(ba_word_distance("onset", ""), 5);
    assert_int_equal(ba_word_distance("kitten", "sitting"), 3);
    assert_int_equal(ba_word_distance("sitting", "kitten"), 3);
    memset(a, 'a', sizeof a);
    memset(b, 'a', sizeof b);
    a[199] = b[150] = '\0';
    assert_int_equal(ba_word_distance(a, b), 0); /* the first 63 bytes count */
    b[10] = 'b';
    assert_int_equal(ba_word_distance(a, b), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_distance)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
