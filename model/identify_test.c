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

/* Permutations that a thread draws at a time, which no two can do at once: more of few
 * items, so that threads meet seldom. */
enum { MIN_BATCH = 64, MAX_BATCH = 1024, BATCH_PAIRS = 1 << 22 };

/* Permutations whose places are looked up item by item. */
enum { N_TOGETHER = 64 };

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
place_row(const test_t *test, size_t i, int is_among, double *row, ba_ranked_t *spare,
    ba_place_t *places)
{
    const ba_identify_work_t *work = test->work;
    const ba_identification_t *problem = work->problem;
    size_t n = is_among ? work->n : work->n_candidates;

    for (size_t c = 0; c < n; c++) {
        row[c] = is_among ? ba_similarity_of(problem, i, c)
                          : problem->similarity.data[i + c * problem->similarity.ld];
    }
    ba_places_of_row(row, n, problem->tie, spare, places);
    for (size_t j = 0; j < work->n; j++) {
        (is_among ? test->among : test->places)[i * work->n + j] =
            places[is_among ? j : ba_own_column(problem, j)];
    }
}

static int
place_all(const test_t *test)
{
    const ba_identify_work_t *work = test->work;
    size_t n_threads = (size_t) ba_ctx_threads(work->ctx);
    size_t n_row = work->n > work->n_candidates ? work->n : work->n_candidates;
    double *rows = NULL;
    ba_ranked_t *spare = NULL;
    ba_place_t *places = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(rows, ba_malloc(n_threads, n_row * sizeof *rows));
    BA_TRY_ALLOC(spare, ba_malloc(n_threads, 2 * n_row * sizeof *spare));
    BA_TRY_ALLOC(places, ba_malloc(n_threads, n_row * sizeof *places));
#pragma omp parallel for num_threads((int) n_threads) schedule(static)
    for (size_t thread = 0; thread < n_threads; thread++) {
        for (size_t i = thread; i < work->n; i += n_threads) {
            double *row = rows + thread * n_row;
            ba_ranked_t *sorted = spare + thread * 2 * n_row;

            place_row(test, i, 0, row, sorted, places + thread * n_row);
            if (test->among != test->places) {
                place_row(test, i, 1, row, sorted, places + thread * n_row);
            }
        }
    }
    status = BA_OK;
out:
    ba_free(rows);
    ba_free(spare);
    ba_free(places);
    return status;
}

/* Successes of the single form over pairs of items nearer than the distance, in halves. */
static uint64_t
near_halves(const test_t *test, const uint32_t *order)
{
    const ba_identify_work_t *work = test->work;
    const ba_identification_t *problem = work->problem;
    size_t distance = work->opts->min_distance;
    uint64_t halves = 0;

    for (size_t i = 0; distance > 1 && i < work->n; i++) {
        double own = ba_similarity_of(problem, i, order[i]);

        for (size_t j = i >= distance ? i - distance + 1 : 0;
             j < work->n && j < i + distance; j++) {
            double more = own - ba_similarity_of(problem, i, order[j]);

            if (j != i) {
                halves += more > problem->tie ? 2 : fabs(more) <= problem->tie;
            }
        }
    }
    return halves;
}

/* Sums over items of what their places give, for each order: of the rank scores, and of
 * successes of the single form over all ordered pairs, in halves. Item by item, since its
 * places are near one another. */
static void
add_places(const test_t *test, const uint32_t *orders, size_t n_orders, uint64_t *halves,
    double *values)
{
    const ba_identify_work_t *work = test->work;
    size_t n = work->n;

    for (size_t k = 0; k < n_orders; k++) {
        double *ranks = values + k * work->n_values + BA_N_PAIR_VALUES;

        halves[k] = 0;
        memset(ranks, 0, work->ranks.n_scores * sizeof *ranks);
    }
    for (size_t i = 0; i < n; i++) {
        const ba_place_t *places = test->places + i * n, *among = test->among + i * n;

        for (size_t k = 0; k < n_orders; k++) {
            size_t to = orders[k * n + i], next = orders[k * n + (i + 1 < n ? i + 1 : i)];

            __builtin_prefetch(places + n + next);
            halves[k] += 2 * (n - among[to].better) - among[to].tied - 1;
            ba_rank_scores_add(
                &work->ranks, places[to], values + k * work->n_values + BA_N_PAIR_VALUES);
        }
    }
}

/* All scores of one permutation from its sums. */
static void
score_order(const test_t *test, const uint32_t *order, ba_pair_wins_t all,
    ba_pair_wins_t within, uint64_t single_halves, double *values)
{
    const ba_identify_work_t *work = test->work;
    size_t n_ranks = work->ranks.n_scores;
    double *ranks = values + BA_N_PAIR_VALUES;

    values[BA_VALUE_SUM] = (double) all.sum_halves / (2 * (double) work->pairs.n_pairs);
    values[BA_VALUE_STRICT] = (double) all.strict / (double) work->pairs.n_pairs;
    values[BA_VALUE_SINGLE] = (double) single_halves / (4 * (double) work->pairs.n_pairs);
    values[BA_VALUE_WITHIN] =
        (double) within.sum_halves / (2 * (double) work->within.n_pairs);
    values[BA_VALUE_BETWEEN] = (double) (all.sum_halves - within.sum_halves) /
                               (2 * (double) work->between.n_pairs);
    for (size_t s = 0; s < n_ranks; s++) {
        ranks[s] /= (double) work->n;
    }
    for (size_t t = 0; t < work->opts->n_traces; t++) {
        ranks[n_ranks + t] = ba_trace_mean(&work->opts->traces[t], order);
    }
}

/* N_TOGETHER permutations at most: n_values after n_values. */
static void
score_orders(const test_t *test, const uint32_t *orders, size_t n_orders, void *scratch,
    double *values)
{
    size_t n = test->work->n;
    ba_pair_wins_t all[N_TOGETHER], within[N_TOGETHER];
    uint64_t halves[N_TOGETHER];

    for (size_t k = 0; k < n_orders; k += BA_PAIR_ORDERS) {
        size_t left = n_orders - k;

        ba_pair_table_count(test->table, orders + k * n,
            left < BA_PAIR_ORDERS ? left : BA_PAIR_ORDERS, scratch, all + k, within + k);
    }
    add_places(test, orders, n_orders, halves, values);
    for (size_t k = 0; k < n_orders; k++) {
        const uint32_t *order = orders + k * n;

        score_order(test, order, all[k], within[k], halves[k] - near_halves(test, order),
            values + k * test->work->n_values);
    }
}

/* Permutations that wait to be drawn, in the order of one stream of random numbers. */
typedef struct {
    const test_t *test;
    size_t n_permutations, n_drawn, n_batch;
    int is_stopped;
} draw_t;

/* Draws the next ones: from *first on; returns how many, 0 at the end. */
static size_t
draw_batch(draw_t *draw, uint32_t *orders, size_t *first)
{
    const ba_identify_work_t *work = draw->test->work;
    size_t n = 0;

#pragma omp critical(ba_identify_draw)
    {
        *first = draw->n_drawn;
        while (!draw->is_stopped && n < draw->n_batch &&
               draw->n_drawn < draw->n_permutations) {
            ba_exchange_next(work->opts->exchange, orders + n++ * work->n);
            draw->n_drawn++;
        }
    }
    return n;
}

/* The part of one thread. The first one, which is the caller's, looks after it. */
static int
score_batches(draw_t *draw, int is_first, uint32_t *orders, void *scratch)
{
    const test_t *test = draw->test;
    const ba_identify_work_t *work = test->work;
    size_t n_batch, first;
    int status = BA_OK;

    do {
        if (is_first && ba_ctx_check(work->ctx) != BA_OK) {
            status = BA_CANCELLED;
#pragma omp critical(ba_identify_draw)
            draw->is_stopped = 1;
        }
        n_batch = draw_batch(draw, orders, &first);
        for (size_t b = 0; b < n_batch; b += N_TOGETHER) {
            size_t left = n_batch - b;

            score_orders(test, orders + b * work->n,
                left < N_TOGETHER ? left : N_TOGETHER, scratch,
                test->null + (first + b) * work->n_values);
        }
        if (is_first) {
            ba_ctx_progress(work->ctx, "permutations", (double) (first + n_batch),
                (double) draw->n_permutations);
        }
    } while (n_batch > 0);
    return status;
}

static size_t
batch_size(size_t n_items, size_t n_permutations, size_t n_threads)
{
    size_t size = BATCH_PAIRS / (n_items * n_items),
           share = n_permutations / n_threads / 4;

    size = size < MIN_BATCH ? MIN_BATCH : size > MAX_BATCH ? MAX_BATCH : size;
    size = size < share ? size : share;
    return size < BA_PAIR_ORDERS ? BA_PAIR_ORDERS : size;
}

static int
score_all(const test_t *test, size_t n_permutations)
{
    const ba_identify_work_t *work = test->work;
    size_t n_threads = (size_t) ba_ctx_threads(work->ctx);
    size_t n_scratch = ba_pair_table_scratch(test->table);
    draw_t draw = {
        test, n_permutations, 0, batch_size(work->n, n_permutations, n_threads), 0};
    size_t n_orders = draw.n_batch * work->n;
    uint32_t *orders = NULL;
    char *scratch = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(orders, ba_malloc(n_orders, n_threads * sizeof *orders));
    BA_TRY_ALLOC(scratch, ba_malloc(n_scratch, n_threads));
#pragma omp parallel num_threads((int) n_threads)
    {
        size_t thread = (size_t) omp_get_thread_num();
        int now = score_batches(
            &draw, thread == 0, orders + thread * n_orders, scratch + thread * n_scratch);

        if (thread == 0) {
            status = now;
        }
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
                   (double) n_permutations *
                       (double) (work->n_values + (size_t) ba_ctx_threads(work->ctx)) * 8;

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

/* The null distributions of all values. */
static int
summarise_all(const test_t *test, size_t n_permutations)
{
    const ba_identify_work_t *work = test->work;
    size_t n_threads = (size_t) ba_ctx_threads(work->ctx), n_values = work->n_values;
    double *nulls = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(nulls, ba_malloc(n_permutations, n_threads * sizeof *nulls));
#pragma omp parallel for num_threads((int) n_threads) schedule(dynamic)
    for (size_t v = 0; v < n_values; v++) {
        double *null = nulls + (size_t) omp_get_thread_num() * n_permutations;

        for (size_t b = 0; b < n_permutations; b++) {
            null[b] = test->null[b * n_values + v];
        }
        summarise(&work->values[v], null, n_permutations);
    }
out:
    ba_free(nulls);
    return status;
}

int
ba_identify_test(ba_identify_work_t *work)
{
    size_t n_permutations = ba_exchange_info(work->opts->exchange).n_permutations;
    test_t test = {.work = work};
    int status;

    BA_TRY(make_tables(&test, n_permutations));
    BA_TRY(score_all(&test, n_permutations));
    BA_TRY(summarise_all(&test, n_permutations));
    work->values[BA_VALUE_STRICT].chance = work->values[BA_VALUE_STRICT].null_mean;
out:
    ba_free(test.null);
    ba_pair_table_free(test.table);
    if (test.among != test.places) {
        ba_free(test.among);
    }
    ba_free(test.places);
    return status;
}
