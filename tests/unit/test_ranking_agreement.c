/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/similarity.h"
#include "core/alloc.h"

static const uint32_t first[] = {0, 1, 2, 3, 4}, second[] = {1, 0, 3, 2, 4};
static const uint32_t third[] = {4, 3, 2, 1, 0};
static const uint32_t *const orders[] = {first, second, third};

/* By hand: top 2 are {0 1}, {1 0}, {4 3}; points 2 and 1. */
static void
test_by_hand(void **state)
{
    double overlap[3], vote[3], pairs[9], borda[5];
    const double wanted_borda[] = {3, 3, 0, 1, 2};

    (void) state;
    assert_int_equal(
        ba_ranking_agreement(orders, 3, 5, 2, 2, overlap, vote, pairs, borda), BA_OK);
    assert_close(overlap[0], 0.5, 0.0);
    assert_close(overlap[1], 0.5, 0.0);
    assert_close(overlap[2], 0.0, 0.0);
    assert_close(pairs[1], 1.0, 0.0);
    assert_close(pairs[2], 0.0, 0.0);
    assert_close(pairs[8], 1.0, 0.0);
    assert_all_close(borda, wanted_borda, 5, 0.0);
    /* Votes of the others: for the first 1: 2, 0: 1, 4: 2, 3: 1 -> {1 4}, one of its
     * two. */
    assert_close(vote[0], 1.0 / 3.0, 1e-16);
    /* 0: 2, 1: 1, 4: 2, 3: 1 -> {0 4}. */
    assert_close(vote[1], 1.0 / 3.0, 1e-16);
    /* 0: 3, 1: 3 -> {0 1}. */
    assert_close(vote[2], 0.0, 0.0);
}

static void
test_bad(void **state)
{
    double overlap[3], vote[3];

    (void) state;
    assert_int_equal(
        ba_ranking_agreement(orders, 3, 5, 6, 2, overlap, vote, NULL, NULL), BA_VALUE);
    assert_contains(ba_error_message(), "top: found 6 of 5");
    assert_int_equal(
        ba_ranking_agreement(orders, 3, 5, 0, 2, overlap, vote, NULL, NULL), BA_VALUE);
    assert_int_equal(
        ba_ranking_agreement(orders, 1, 5, 1, 2, overlap, vote, NULL, NULL), BA_SHAPE);
    ba_alloc_fail_at(2);
    assert_int_equal(
        ba_ranking_agreement(orders, 3, 5, 2, 2, overlap, vote, NULL, NULL), BA_NOMEM);
    ba_alloc_fail_at(0);
    assert_int_equal(
        ba_ranking_agreement(orders, 3, 5, 5, 100, NULL, vote, NULL, NULL), BA_OK);
    assert_close(vote[2], 1.0, 0.0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests_name("ranking_agreement", tests, NULL, NULL);
}
