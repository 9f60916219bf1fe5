/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/contribution_case.h"

#include "brainalign/error.h"
#include "core/rng.h"
#include "model/matched.h"

enum { CELLS = 3, NEURONS = 24 };

typedef struct {
    contribution_case_t made;
    ba_inverse_t *inverse;
    size_t cell[NEURONS];
} pool_t;

static void
open_pool(pool_t *pool, size_t max_bytes)
{
    contribution_case_make(&pool->made, NEURONS, BA_SOLVER_PRIMAL, 2.0);
    assert_int_equal(
        ba_inverse_new(NULL, pool->made.contribution, max_bytes, &pool->inverse), BA_OK);
    for (size_t j = 0; j < NEURONS; j++) {
        pool->cell[j] = j % CELLS;
    }
}

static void
close_pool(pool_t *pool)
{
    ba_inverse_free(pool->inverse);
    contribution_case_free(&pool->made);
}

/* Every set has the counts, no neuron twice, ascending, and a log det in the window. */
static void
test_sets_match(void **state)
{
    enum { SETS = 400, SIZE = 7 };
    static const size_t set[SIZE] = {0, 1, 3, 6, 10, 12, 20};
    size_t counts[CELLS] = {0}, *out = calloc(SETS * SIZE, sizeof *out), n_same = 0;
    pool_t pool;
    ba_matched_info_t info;
    double log_det;

    (void) state;
    assert_non_null(out);
    open_pool(&pool, SIZE_MAX);
    for (size_t i = 0; i < SIZE; i++) {
        counts[pool.cell[set[i]]]++;
    }
    assert_int_equal(ba_matched_sets(pool.inverse, pool.cell, NEURONS, set, SIZE, SETS, 1,
                         2, out, &info),
        BA_OK);
    assert_true(info.low <= info.log_det && info.log_det <= info.high);
    assert_true(info.accepted > 0.1 && info.accepted < 1.0);
    assert_int_equal(ba_inverse_log_det(pool.inverse, set, SIZE, &log_det), BA_OK);
    assert_close(info.log_det, log_det, 1e-9);
    for (size_t b = 0; b < SETS; b++) {
        const size_t *drawn = out + b * SIZE;
        size_t found[CELLS] = {0};

        for (size_t i = 0; i < SIZE; i++) {
            assert_true(drawn[i] < NEURONS && (i == 0 || drawn[i] > drawn[i - 1]));
            found[pool.cell[drawn[i]]]++;
        }
        assert_memory_equal(found, counts, sizeof counts);
        assert_int_equal(ba_inverse_log_det(pool.inverse, drawn, SIZE, &log_det), BA_OK);
        assert_true(log_det > info.low - 1e-8 && log_det < info.high + 1e-8);
        n_same += memcmp(drawn, set, sizeof set) == 0;
    }
    assert_true(n_same < SETS / 20);
    free(out);
    close_pool(&pool);
}

/* Blocks made when asked for give the same sets; another stream others. */
static void
test_same_sets(void **state)
{
    static const size_t set[4] = {2, 3, 8, 21};
    size_t first[40], again[40], other[40];
    pool_t pool;
    ba_matched_info_t info;

    (void) state;
    open_pool(&pool, SIZE_MAX);
    assert_int_equal(
        ba_matched_sets(pool.inverse, pool.cell, NEURONS, set, 4, 10, 1, 2, first, &info),
        BA_OK);
    assert_int_equal(
        ba_matched_sets(pool.inverse, pool.cell, NEURONS, set, 4, 10, 1, 3, other, &info),
        BA_OK);
    close_pool(&pool);
    open_pool(&pool, 0);
    assert_int_equal(
        ba_matched_sets(pool.inverse, pool.cell, NEURONS, set, 4, 10, 1, 2, again, &info),
        BA_OK);
    close_pool(&pool);
    assert_memory_equal(first, again, sizeof first);
    assert_true(memcmp(first, other, sizeof first) != 0);
}

/* Of the sets in the window, those that exchanges inside of it reach are visited about as
 * often. */
static void
test_uniform_visits(void **state)
{
    enum { SETS = 6000 };
    static const size_t set[2] = {3, 4};
    size_t *out = calloc(SETS * 2, sizeof *out), visits[NEURONS][NEURONS] = {{0}};
    size_t n_inside = 0, n_visited = 0;
    pool_t pool;
    ba_matched_info_t info;

    (void) state;
    assert_non_null(out);
    open_pool(&pool, SIZE_MAX);
    assert_int_equal(
        ba_matched_sets(pool.inverse, pool.cell, NEURONS, set, 2, SETS, 3, 4, out, &info),
        BA_OK);
    for (size_t b = 0; b < SETS; b++) {
        visits[out[2 * b]][out[2 * b + 1]]++;
    }
    for (size_t j = 0; j < NEURONS; j += CELLS) {
        for (size_t l = 1; l < NEURONS; l += CELLS) {
            size_t pair[2] = {j < l ? j : l, j < l ? l : j};
            double log_det;

            assert_int_equal(ba_inverse_log_det(pool.inverse, pair, 2, &log_det), BA_OK);
            n_inside += log_det >= info.low && log_det <= info.high;
        }
    }
    for (size_t i = 0; i < NEURONS * NEURONS; i++) {
        n_visited += visits[i / NEURONS][i % NEURONS] > 0;
    }
    assert_in_range(n_visited, 3, n_inside);
    for (size_t i = 0; i < NEURONS * NEURONS; i++) {
        double n = (double) visits[i / NEURONS][i % NEURONS];

        if (n > 0) {
            assert_close(n * (double) n_visited / SETS, 1.0, 0.25);
        }
    }
    free(out);
    close_pool(&pool);
}

/* A set drawn at random is found among the least tenth in a tenth of the cases, though
 * consecutive sets of the chain are alike. */
static void
test_level(void **state)
{
    enum { CASES = 600, SETS = 19, SIZE = 5 };
    size_t order[NEURONS], n_small = 0, out[SETS * SIZE];
    ba_rng_t *rng = ba_rng_new(9, 9);
    double value[NEURONS];
    pool_t pool;
    ba_matched_info_t info;

    (void) state;
    assert_non_null(rng);
    open_pool(&pool, SIZE_MAX);
    for (size_t j = 0; j < NEURONS; j++) {
        order[j] = j;
        value[j] = exp(ba_rng_normal(rng));
    }
    for (size_t c = 0; c < CASES; c++) {
        size_t n_as_large = 0;
        double own = 0.0;

        ba_rng_shuffle(rng, order, NEURONS);
        for (size_t i = 0; i < SIZE; i++) {
            own += value[order[i]];
        }
        assert_int_equal(ba_matched_sets(pool.inverse, pool.cell, NEURONS, order, SIZE,
                             SETS, 5, c, out, &info),
            BA_OK);
        for (size_t b = 0; b < SETS; b++) {
            double sum = 0.0;

            for (size_t i = 0; i < SIZE; i++) {
                sum += value[out[b * SIZE + i]];
            }
            n_as_large += sum >= own - 1e-9;
        }
        n_small += n_as_large + 1 <= 2;
    }
    assert_in_range(n_small, CASES / 10 - 30, CASES / 10 + 25);
    ba_rng_free(rng);
    close_pool(&pool);
}

static void
test_no_other_set(void **state)
{
    static const size_t set[8] = {0, 3, 6, 9, 12, 15, 18, 21};
    size_t out[8];
    pool_t pool;
    ba_matched_info_t info;

    (void) state;
    open_pool(&pool, SIZE_MAX);
    assert_int_equal(
        ba_matched_sets(pool.inverse, pool.cell, NEURONS, set, 8, 1, 1, 1, out, &info),
        BA_SHAPE);
    assert_contains(ba_error_message(), "a set of 8 neurons holds all neurons");
    close_pool(&pool);
}

/* Every allocation fails in turn: BA_NOMEM and no leak (asan). */
static void
test_allocations_fail(void **state)
{
    static const size_t set[4] = {2, 3, 8, 21};
    size_t out[8];
    pool_t pool;
    int status = BA_NOMEM;
    ba_matched_info_t info;

    (void) state;
    open_pool(&pool, 0);
    for (size_t k = 1; status != BA_OK && k < 2000; k++) {
        ba_alloc_fail_at(k);
        status = ba_matched_sets(
            pool.inverse, pool.cell, NEURONS, set, 4, 2, 1, 2, out, &info);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
    }
    assert_int_equal(status, BA_OK);
    close_pool(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_match),
        cmocka_unit_test(test_same_sets),
        cmocka_unit_test(test_uniform_visits),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_no_other_set),
        cmocka_unit_test(test_allocations_fail),
    };

    return cmocka_run_group_tests_name("matched", tests, NULL, NULL);
}
