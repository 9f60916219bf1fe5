/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Permutation tests of identification. What a permutation needs is counted once: the place
 * of every item's candidate in every row, and the pairs in a table of small integers. */
#include "model/identify_impl.h"
#include "model/pair_table.h"

#include "core/alloc.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Permutations drawn at a time, by one thread; then counted by all: more of few items, so
 * that threads meet seldom. */
enum { MIN_BLOCK = 128, MAX_BLOCK = 4096, BLOCK_PAIRS = 1 << 24 };

/* Values that differ by less are the same one. */
#define SAME_VALUE 1e-12

typedef struct {
    const ba_identify_work_t *work;
    ba_place_t *places; /* [i * n + j]: of item j's candidate in row i */
    ba_place_t *among;  /* the same among the items' own candidates; may be places */
    ba_pair_table_t *table;
    double *null; /* [b * n_values + v] */
} test_t;

/* Places of the items' candidates in row i, among all candidates or among themselves. */
static void
place_row(const test_t *test, size_t i, int is_among, double *row, ba_place_t *spare)
{
    const ba_identify_work_t *work = test->work;
    const ba_identification_t *problem = work->problem;
    size_t n = is_among ? work->n : work->n_candidates;
    double *sorted = row + n;

    for (size_t c = 0; c < n; c++) {
        row[c] = is_among ? ba_similarity_of(problem, i, c)
                          : problem->similarity.data[i + c * problem->similarity.ld];
    }
    ba_places_of_row(row, n, problem->tie, sorted, spare);
    for (size_t j = 0; j < work->n; j++) {
        (is_among ? test->among : test->places)[i * work->n + j] =
            spare[is_among ? j : ba_own_column(problem, j)];
    }
}

static int
place_all(const test_t *test)
{
    const ba_identify_work_t *work = test->work;
    size_t n_threads = (size_t) ba_ctx_threads(work->ctx);
    size_t n_row = work->n > work->n_candidates ? work->n : work->n_candidates;
    double *rows = NULL;
    ba_place_t *spare = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(rows, ba_malloc(n_threads, 2 * n_row * sizeof *rows));
    BA_TRY_ALLOC(spare, ba_malloc(n_threads, n_row * sizeof *spare));
#pragma omp parallel for num_threads((int) n_threads) schedule(static)
    for (size_t thread = 0; thread < n_threads; thread++) {
        for (size_t i = thread; i < work->n; i += n_threads) {
            double *row = rows + thread * 2 * n_row;

            place_row(test, i, 0, row, spare + thread * n_row);
            if (test->among != test->places) {
                place_row(test, i, 1, row, spare + thread * n_row);
            }
        }
    }
    status = BA_OK;
out:
    ba_free(rows);
    ba_free(spare);
    return status;
}

/* Successes of the single form over all ordered pairs, in halves. */
static uint64_t
single_halves(const test_t *test, const uint32_t *order)
{
    const ba_identify_work_t *work = test->work;
    const ba_identification_t *problem = work->problem;
    uint64_t halves = 0;

    for (size_t i = 0; i < work->n; i++) {
        ba_place_t place = test->among[i * work->n + order[i]];

        halves += 2 * (work->n - place.better) - place.tied - 1;
        for (size_t j = i > work->opts->min_distance ? i - work->opts->min_distance : 0;
             j < work->n && j < i + work->opts->min_distance; j++) {
            double more = ba_similarity_of(problem, i, order[i]) -
                          ba_similarity_of(problem, i, order[j]);
            size_t distance = i > j ? i - j : j - i;

            if (j != i && distance < work->opts->min_distance) {
                halves -= more > problem->tie ? 2 : fabs(more) <= problem->tie;
            }
        }
    }
    return halves;
}

/* All scores of one permutation, whose pairs are counted. */
static void
score_order(const test_t *test, const uint32_t *order, ba_pair_wins_t all,
    ba_pair_wins_t within, double *values)
{
    const ba_identify_work_t *work = test->work;
    size_t n_ranks = work->ranks.n_scores;
    double *ranks = values + BA_N_PAIR_VALUES;

    values[BA_VALUE_SUM] = (double) all.sum_halves / (2 * (double) work->pairs.n_pairs);
    values[BA_VALUE_STRICT] = (double) all.strict / (double) work->pairs.n_pairs;
    values[BA_VALUE_SINGLE] =
        (double) single_halves(test, order) / (4 * (double) work->pairs.n_pairs);
    values[BA_VALUE_WITHIN] =
        (double) within.sum_halves / (2 * (double) work->within.n_pairs);
    values[BA_VALUE_BETWEEN] = (double) (all.sum_halves - within.sum_halves) /
                               (2 * (double) work->between.n_pairs);
    memset(ranks, 0, n_ranks * sizeof *ranks);
    for (size_t i = 0; i < work->n; i++) {
        ba_rank_scores_add(&work->ranks, test->places[i * work->n + order[i]], ranks);
    }
    for (size_t s = 0; s < n_ranks; s++) {
        ranks[s] /= (double) work->n;
    }
    for (size_t t = 0; t < work->opts->n_traces; t++) {
        ranks[n_ranks + t] = ba_trace_mean(&work->opts->traces[t], order);
    }
}

/* Some permutations, one after another. */
static void
score_orders(const test_t *test, const uint32_t *orders, size_t n_orders,
    void *scratch, double *values)
{
    ba_pair_wins_t all[BA_PAIR_ORDERS], within[BA_PAIR_ORDERS];

    ba_pair_table_count(test->table, orders, n_orders, scratch, all, within);
    for (size_t k = 0; k < n_orders; k++) {
        score_order(test, orders + k * test->work->n, all[k], within[k],
            values + k * test->work->n_values);
    }
}

static size_t
block_size(size_t n_items)
{
    size_t size = BLOCK_PAIRS / (n_items * n_items);

    return size < MIN_BLOCK ? MIN_BLOCK : size > MAX_BLOCK ? MAX_BLOCK : size;
}

static int
score_all(const test_t *test, size_t n_permutations)
{
    const ba_identify_work_t *work = test->work;
    size_t n_threads = (size_t) ba_ctx_threads(work->ctx);
    size_t n_scratch = ba_pair_table_scratch(test->table);
    size_t block = block_size(work->n);
    uint32_t *orders = NULL;
    char *scratch = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(orders, ba_malloc(work->n, block * sizeof *orders));
    BA_TRY_ALLOC(scratch, ba_malloc(n_scratch, n_threads));
    for (size_t b0 = 0; b0 < n_permutations; b0 += block) {
        size_t n_block = n_permutations - b0 < block ? n_permutations - b0 : block;

        BA_TRY(ba_ctx_check(work->ctx));
        for (size_t b = 0; b < n_block; b++) {
            ba_exchange_next(work->opts->exchange, orders + b * work->n);
        }
#pragma omp parallel for num_threads((int) n_threads) schedule(dynamic)
        for (size_t b = 0; b < n_block; b += BA_PAIR_ORDERS) {
            size_t thread = (size_t) omp_get_thread_num(), left = n_block - b;

            score_orders(test, orders + b * work->n,
                left < BA_PAIR_ORDERS ? left : BA_PAIR_ORDERS,
                scratch + thread * n_scratch, test->null + (b0 + b) * work->n_values);
        }
        ba_ctx_progress(
            work->ctx, "permutations", (double) (b0 + n_block), (double) n_permutations);
    }
out:
    ba_free(orders);
    ba_free(scratch);
    return status;
}

/* p, mean, deviation and number of values of one null distribution, which is sorted. */
static void
summarise(ba_statistic_t *statistic, double *null, size_t n)
{
    double mean = 0, square = 0;
    size_t n_extreme = 0;

    if (isnan(statistic->value)) {
        return;
    }
    for (size_t b = 0; b < n; b++) {
        n_extreme += !(null[b] < statistic->value - SAME_VALUE);
        mean += null[b] / (double) n;
    }
    for (size_t b = 0; b < n; b++) {
        square += (null[b] - mean) * (null[b] - mean);
    }
    qsort(null, n, sizeof *null, ba_compare_values);
    statistic->n_distinct = 1;
    for (size_t b = 1; b < n; b++) {
        statistic->n_distinct += null[b] - null[b - 1] > SAME_VALUE;
    }
    statistic->p = (1 + (double) n_extreme) / (1 + (double) n);
    statistic->null_mean = mean;
    statistic->null_sd = n > 1 ? sqrt(square / ((double) n - 1)) : (double) NAN;
}

/* BA_TOO_LARGE where the tables of a test pass the budget. */
static int
check_memory(const ba_identify_work_t *work, size_t n_permutations, size_t *n_cells)
{
    double n = (double) work->n;
    double is_wide = work->n != work->n_candidates || work->problem->own;
    double bytes = n * n * (double) sizeof(ba_place_t) * (1 + is_wide) +
                   (double) ba_pair_table_bytes(work->n) +
                   (double) n_permutations * (double) work->n_values * 8;

    if (bytes > (double) ba_ctx_memory(work->ctx)) {
        return ba_fail(BA_TOO_LARGE,
            "permutations of %zu items: %.0f kB needed, wanted at "
            "most %.0f kB",
            work->n, bytes / 1e3, (double) ba_ctx_memory(work->ctx) / 1e3);
    }
    return ba_multiply(work->n, work->n, n_cells);
}

static int
make_tables(test_t *test, size_t n_permutations)
{
    const ba_identify_work_t *work = test->work;
    const ba_identify_opts_t *opts = work->opts;
    size_t n_cells;
    int status;

    BA_TRY(check_memory(work, n_permutations, &n_cells));
    BA_TRY_ALLOC(test->places, ba_malloc(n_cells, sizeof *test->places));
    test->among = test->places;
    if (work->n != work->n_candidates || work->problem->own) {
        BA_TRY_ALLOC(test->among, ba_malloc(n_cells, sizeof *test->among));
    }
    BA_TRY(
        ba_pair_table_new(work->problem, opts->groups, opts->min_distance, &test->table));
    BA_TRY_ALLOC(test->null, ba_malloc(n_permutations, work->n_values * sizeof(double)));
    BA_TRY(place_all(test));
out:
    return status;
}

int
ba_identify_test(ba_identify_work_t *work)
{
    size_t n_permutations = ba_exchange_info(work->opts->exchange).n_permutations;
    test_t test = {.work = work};
    double *null = NULL;
    int status;

    BA_TRY(make_tables(&test, n_permutations));
    BA_TRY(score_all(&test, n_permutations));
    BA_TRY_ALLOC(null, ba_malloc(n_permutations, sizeof *null));
    for (size_t v = 0; v < work->n_values; v++) {
        for (size_t b = 0; b < n_permutations; b++) {
            null[b] = test.null[b * work->n_values + v];
        }
        summarise(&work->values[v], null, n_permutations);
    }
    work->values[BA_VALUE_STRICT].chance = work->values[BA_VALUE_STRICT].null_mean;
out:
    ba_free(null);
    ba_free(test.null);
    ba_pair_table_free(test.table);
    if (test.among != test.places) {
        ba_free(test.among);
    }
    ba_free(test.places);
    return status;
}
