/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "neurons/rank_top.h"

enum { LISTS = 3, NEURONS = 50, TOP = 7 };

/* Sorting all of it. */
static void
sort_all(const double *score, uint32_t *out)
{
    unsigned char taken[NEURONS] = {0};

    for (size_t i = 0; i < TOP; i++) {
        size_t best = NEURONS;

        for (size_t j = 0; j < NEURONS; j++) {
            if (!taken[j] && !isnan(score[j]) &&
                (best == NEURONS || score[j] > score[best])) {
                best = j;
            }
        }
        out[i] = best < NEURONS ? (uint32_t) best : UINT32_MAX;
        if (best < NEURONS) {
            taken[best] = 1;
        }
    }
}

/* Whatever the order of neurons, and however they are dealt to two threads; many ties. */
static void
test_any_order(void **state)
{
    double score[LISTS][NEURONS];
    uint64_t seed = 4;

    (void) state;
    for (size_t i = 0; i < LISTS * NEURONS; i++) {
        uint64_t draw = test_random(&seed) % 12;

        score[i / NEURONS][i % NEURONS] = draw == 0 ? (double) NAN : (double) draw;
    }
    for (size_t trial = 0; trial < 20; trial++) {
        ba_rank_tops_t tops[2];
        uint32_t wanted[TOP], found[TOP];

        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(ba_rank_tops_make(LISTS, TOP, &tops[k]), 0);
        }
        for (size_t i = 0; i < NEURONS; i++) {
            size_t j = (i * 7 + trial * 13) % NEURONS;

            for (size_t l = 0; l < LISTS; l++) {
                ba_rank_tops_add(&tops[test_random(&seed) % 2], l, score[l][j], j);
            }
        }
        ba_rank_tops_merge(&tops[0], &tops[1]);
        for (size_t l = 0; l < LISTS; l++) {
            sort_all(score[l], wanted);
            ba_rank_tops_take(&tops[0], l, found);
            assert_memory_equal(found, wanted, sizeof wanted);
        }
        ba_rank_tops_free(&tops[0]);
        ba_rank_tops_free(&tops[1]);
    }
}

static void
test_fewer_than_top(void **state)
{
    ba_rank_tops_t tops;
    uint32_t found[TOP];

    (void) state;
    assert_int_equal(ba_rank_tops_make(1, TOP, &tops), 0);
    ba_rank_tops_add(&tops, 0, 0.5, 3);
    ba_rank_tops_add(&tops, 0, (double) NAN, 4);
    ba_rank_tops_add(&tops, 0, 0.5, 2);
    ba_rank_tops_take(&tops, 0, found);
    assert_int_equal(found[0], 2);
    assert_int_equal(found[1], 3);
    for (size_t i = 2; i < TOP; i++) {
        assert_true(found[i] == UINT32_MAX);
    }
    ba_rank_tops_free(&tops);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_fewer_than_top),
    };

    return cmocka_run_group_tests_name("rank_top", tests, NULL, NULL);
}
