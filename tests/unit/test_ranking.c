/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/rankinglib.h"

#include "core/alloc.h"

static const char *const two[] = {"A", "B"};

/* Ties to the lowest neuron, -0 equal to 0, what is not defined last. */
static void
order(void **state)
{
    const double nan = (double) NAN;
    const double score[10] = {1, nan, 3, 1, 3, -0.0, 0.0, -1, nan, (double) INFINITY};
    const uint32_t wanted[10] = {2, 4, 0, 3, 1, 4, 0, 1, 2, 3};
    ba_ranking_t *ranking = make_ranking(2, two, 5, 2, score);

    (void) state;
    assert_memory_equal(ranking->order, wanted, sizeof wanted);
    assert_string_equal(ranking->method, "test");
    assert_string_equal(ranking->concepts[1], "B");
    assert_int_equal(ranking->neurons.layer[4], 2);
    assert_null(ranking->p);
    ba_ranking_free(ranking);
    ba_ranking_free(NULL);
}

static void
new_ranking(void **state)
{
    static const char *const names[] = {"ffn"};
    ba_neuron_table_t neurons;
    ba_ranking_t *ranking = NULL;
    int status = BA_NOMEM;

    (void) state;
    assert_int_equal(ba_neuron_table_make(3, names, 1, &neurons), BA_OK);
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_alloc_fail_at(n);
        status = ba_ranking_create("m", 2, two, &neurons, &ranking);
        ba_alloc_fail_at(0);
        assert_true(n < 30);
        assert_true(status == BA_OK || !ranking);
    }
    assert_int_equal(status, BA_OK);
    for (size_t i = 0; i < 6; i++) {
        assert_true(isnan(ranking->score[i]));
        assert_int_equal(ranking->order[i], i % 3);
    }
    ba_alloc_fail_at(1);
    assert_int_equal(ba_ranking_sort(ranking), BA_NOMEM);
    ba_alloc_fail_at(0);
    ba_ranking_free(ranking);
    ba_neuron_table_free(&neurons);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order), cmocka_unit_test(new_ranking)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
