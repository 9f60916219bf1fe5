/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places, galleries and hubs of single items against counting and enumeration. */
#include "tests/testlib.h"

#include "brainalign/identification.h"
#include "core/alloc.h"
#include "model/identification_impl.h"

static void
test_places(void **state)
{
    /* Row 0: own 3, two above, tied with one. */
    const double s[] = {3, 9, 5, 0, 3 + 1e-13, 1, 4, 2, 1, 0};
    const size_t own[] = {0, 2};
    ba_identification_t problem = {{s, 2, 5, 2}, own, 1e-12};
    size_t better[2], tied[2];

    (void) state;
    assert_int_equal(ba_identification_ranks(&problem, better, tied), BA_OK);
    assert_int_equal(better[0], 2);
    assert_int_equal(tied[0], 2);
    assert_int_equal(better[1], 2);
    assert_int_equal(tied[1], 1);
    assert_true(ba_rank_middle(2, 2) == 3.5);
    assert_close(ba_rank_reciprocal(2, 2), (1.0 / 3 + 1.0 / 4) / 2, 1e-16);
    assert_true(ba_rank_top(2, 2, 2) == 0 && ba_rank_top(2, 2, 3) == 0.5);
    assert_true(ba_rank_top(2, 2, 4) == 1 && ba_rank_top(0, 1, 1) == 1);
}

/* Values that are tied in chains; most alike beside one that is far; all equal; none alike;
 * without bounds. */
static double
draw_value(int sort, size_t i, uint64_t *seed)
{
    switch (sort) {
    case 0:
        return (double) test_below(seed, 9) + 6e-13 * (double) test_below(seed, 4);
    case 1:
        return i == 7 ? -1e12 : test_normal(seed);
    case 2:
        return -3;
    case 3:
        return test_normal(seed);
    default:
        return i % 20 == 3 ? (double) INFINITY : test_normal(seed) * 1e308;
    }
}

/* All places at once agree with one at a time. */
static void
test_places_of_row(void **state)
{
    enum { N = 60 };
    double values[N];
    ba_ranked_t spare[2 * N];
    ba_place_t places[N];
    uint64_t seed = 1;

    (void) state;
    for (int k = 0; k < 50; k++) {
        size_t n = k % 2 ? N : 1 + (size_t) k;

        for (size_t i = 0; i < n; i++) {
            values[i] = draw_value(k % 5, i, &seed);
        }
        ba_places_of_row(values, n, 1e-12, spare, places);
        for (size_t c = 0; c < n; c++) {
            size_t better = 0, tied = 0;

            for (size_t i = 0; i < n; i++) {
                better += values[i] - values[c] > 1e-12;
                tied += !(fabs(values[i] - values[c]) > 1e-12);
            }
            assert_int_equal(places[c].better, better);
            assert_int_equal(places[c].tied, tied);
        }
    }
}

/* Share of the galleries of `size` out of 8, with the own candidate in each, in which it is
 * among the k best: all of them are made. */
static double
enumerate(size_t better, size_t size, size_t k)
{
    size_t n_galleries = 0, n_found = 0;

    for (unsigned set = 0; set < 128; set++) {
        size_t n_drawn = 0, n_better = 0;

        for (size_t i = 0; i < 7; i++) {
            n_drawn += set >> i & 1;
            n_better += (set >> i & 1) && i < better;
        }
        n_galleries += n_drawn == size - 1;
        n_found += n_drawn == size - 1 && n_better < k;
    }
    return (double) n_found / (double) n_galleries;
}

static void
test_gallery(void **state)
{
    (void) state;
    for (size_t better = 0; better < 8; better++) {
        for (size_t size = 1; size <= 8; size++) {
            for (size_t k = 1; k <= 9; k++) {
                assert_close(ba_rank_gallery(better, 1, 8, size, k),
                    enumerate(better, size, k), 1e-15);
            }
        }
    }
    assert_close(ba_rank_gallery(2, 3, 8, 4, 2),
        (enumerate(2, 4, 2) + enumerate(3, 4, 2) + enumerate(4, 4, 2)) / 3, 1e-15);
    /* Two candidates: rank accuracy. All: top-k. */
    assert_close(ba_rank_gallery(300, 1, 1000, 2, 1), 1 - 300.0 / 999, 1e-14);
    assert_true(ba_rank_gallery(9, 1, 1000, 1000, 10) == 1);
    assert_true(ba_rank_gallery(10, 1, 1000, 1000, 10) == 0);
}

static void
test_hubness(void **state)
{
    /* Candidate 0 is nearest to all four: choices 4 0 0 0. */
    const double hub[] = {9, 9, 9, 9, 1, 2, 3, 4, 2, 3, 4, 1, 3, 4, 1, 2};
    const double none[] = {9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9};
    ba_identification_t problem = {{hub, 4, 4, 4}, NULL, 1e-12};
    double skewness;

    (void) state;
    assert_int_equal(ba_hubness(&problem, 1, &skewness), BA_OK);
    /* Mean 1, squares 9 1 1 1, cubes 27 -1 -1 -1. */
    assert_close(skewness, 6 / pow(3, 1.5), 1e-14);
    problem.similarity.data = none;
    assert_int_equal(ba_hubness(&problem, 1, &skewness), BA_OK);
    assert_true(isnan(skewness));
}

static void
test_errors(void **state)
{
    const double s[] = {1, 2, 3, 4, 5, 6};
    const size_t own[] = {0, 3};
    size_t better[6], tied[6];
    ba_identification_t problem = {{s, 6, 1, 6}, NULL, 1e-12};

    (void) state;
    assert_int_equal(ba_identification_ranks(&problem, better, tied), BA_SHAPE);
    assert_contains(ba_error_message(), "candidates: found 1, wanted at least 2");
    problem.similarity = (ba_cdmat_t){s, 3, 2, 3};
    assert_int_equal(ba_identification_ranks(&problem, better, tied), BA_SHAPE);
    assert_contains(ba_error_message(), "one for each of 3 items");
    problem.similarity = (ba_cdmat_t){s, 2, 3, 2};
    problem.own = own;
    assert_int_equal(ba_identification_ranks(&problem, better, tied), BA_SHAPE);
    assert_contains(ba_error_message(), "item 1: found number 3, wanted below 3");
    problem.similarity.n_rows = 0;
    assert_int_equal(ba_identification_ranks(&problem, better, tied), BA_SHAPE);
    assert_contains(ba_error_message(), "items: found none");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_places_of_row),
        cmocka_unit_test(test_gallery),
        cmocka_unit_test(test_hubness),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
