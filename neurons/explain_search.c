/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The neurons, a block at a time: thresholds, searches, held-out scores, permutations.
 * What is found for a neuron depends on no other one and on no thread. */
#include "neurons/explain_impl.h"

#include "core/alloc.h"
#include "model/formula_impl.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BLOCK = 256 };

/* Scratch of a thread. */
typedef struct {
    ba_formula_search_t *search;
    double *sorted; /* n_train */
    double *room;   /* 3 n_types */
    uint64_t *mask; /* words of a mask, train or test */
    ba_formula_t best[BA_FORMULA_LEAVES];
} worker_t;

typedef struct {
    ba_explaining_t *job;
    size_t n_workers, n_block;
    worker_t *workers;
    double *x;                /* n_tokens x n_block */
    ba_masks_t *on, *on_test; /* of the block */
    ba_explain_moves_t *moves;
    uint32_t *to; /* n_train */
} pool_t;

static void
pool_free(pool_t *pool)
{
    for (size_t w = 0; pool->workers && w < pool->n_workers; w++) {
        ba_formula_search_free(pool->workers[w].search);
        ba_free(pool->workers[w].sorted);
        ba_free(pool->workers[w].room);
        ba_free(pool->workers[w].mask);
    }
    ba_free(pool->workers);
    ba_free(pool->x);
    ba_free(pool->to);
    ba_masks_free(pool->on);
    ba_masks_free(pool->on_test);
    ba_explain_moves_free(pool->moves);
}

static int
worker_create(const ba_explaining_t *job, worker_t *worker)
{
    size_t n_words = job->leaves.train->n_words;
    int status = BA_OK;

    n_words = job->leaves.test->n_words > n_words ? job->leaves.test->n_words : n_words;
    BA_TRY(ba_formula_search_create(
        job->leaves.train, &job->opts->formula, &worker->search));
    BA_TRY_ALLOC(worker->sorted, ba_malloc(job->n_train, sizeof *worker->sorted));
    BA_TRY_ALLOC(
        worker->room, ba_malloc(job->concepts->n_types, 3 * sizeof *worker->room));
    BA_TRY_ALLOC(worker->mask, ba_malloc(n_words, sizeof *worker->mask));
out:
    return status;
}

/* As many neurons at a time as a quarter of the budget holds. */
static size_t
block_of(const ba_explaining_t *job)
{
    size_t n = ba_ctx_memory(job->ctx) / 4 / (sizeof(double) * job->n_tokens);

    n = n < MOST_BLOCK ? n : MOST_BLOCK;
    n = n < job->n_neurons ? n : job->n_neurons;
    return n > 0 ? n : 1;
}

static int
pool_create(ba_explaining_t *job, pool_t *pool)
{
    size_t n_all;
    int status = BA_OK;

    *pool = (pool_t){.job = job,
        .n_workers = (size_t) ba_ctx_threads(job->ctx),
        .n_block = block_of(job)};
    BA_TRY(ba_multiply(job->n_tokens, pool->n_block, &n_all));
    BA_TRY_ALLOC(pool->workers, ba_calloc(pool->n_workers, sizeof *pool->workers));
    for (size_t w = 0; w < pool->n_workers; w++) {
        BA_TRY(worker_create(job, &pool->workers[w]));
    }
    BA_TRY_ALLOC(pool->x, ba_malloc(n_all, sizeof *pool->x));
    BA_TRY(ba_masks_create(pool->n_block, job->n_train, &pool->on));
    BA_TRY(ba_masks_create(pool->n_block, job->n_test, &pool->on_test));
    if (job->opts->n_permutations > 0) {
        BA_TRY(ba_explain_moves_create(job, &pool->moves));
        job->n_shifts = ba_explain_moves_shifts(pool->moves);
        BA_TRY_ALLOC(pool->to, ba_malloc(job->n_train, sizeof *pool->to));
    }
out:
    return status;
}

/* Neurons k0 .. k0 + n - 1 on all tokens, neighbours in one reading. */
static int
read_block(pool_t *pool, size_t k0, size_t n)
{
    const ba_explaining_t *job = pool->job;
    int status = BA_OK;

    for (size_t k = 0; k < n;) {
        size_t first = ba_explaining_neuron(job, k0 + k), run = 1;

        while (k + run < n && ba_explaining_neuron(job, k0 + k + run) == first + run) {
            run++;
        }
        BA_TRY(ba_activations_read(job->activations, NULL, job->n_tokens, first, run,
            pool->x + k * job->n_tokens, job->n_tokens));
        k += run;
    }
out:
    return status;
}

static int
by_value(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* Between the values next to place q (n - 1) of the sorted ones, as numpy does. */
static double
quantile_of(const double *sorted, size_t n, double q)
{
    double place = q * (double) (n - 1), low = floor(place), t = place - low;
    double a = sorted[(size_t) low];
    double b = sorted[(size_t) low + 1 < n ? (size_t) low + 1 : n - 1];

    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1.0 - t);
}

static void
set_on(
    const double *x, const size_t *tokens, double threshold, size_t k, ba_masks_t *masks)
{
    memset(masks->bits + k * masks->n_words, 0, masks->n_words * sizeof *masks->bits);
    masks->count[k] = 0;
    for (size_t i = 0; i < masks->n_tokens; i++) {
        if (x[tokens[i]] > threshold) {
            ba_masks_set(masks, k, i);
            masks->count[k]++;
        }
    }
}

static double
share(size_t part, size_t of)
{
    return of > 0 ? (double) part / (double) of : (double) NAN;
}

/* The formula's counts on the test tokens. */
static void
score_test(const pool_t *pool, worker_t *worker, size_t k, ba_explained_t *found)
{
    const ba_explaining_t *job = pool->job;
    const ba_masks_t *leaves = job->leaves.test;
    const uint64_t *on = pool->on_test->bits + k * leaves->n_words;
    size_t n_on = pool->on_test->count[k], n_formula, n_both;

    ba_formula_mask(&found->train, leaves, worker->mask);
    n_formula = ba_formula_count(worker->mask, worker->mask, leaves->n_words);
    n_both = ba_formula_count(worker->mask, on, leaves->n_words);
    found->test = found->train;
    found->test.n_formula = (uint32_t) n_formula;
    found->test.n_both = (uint32_t) n_both;
    found->test.score = share(n_both, n_formula + n_on - n_both);
    found->precision_test = share(n_both, n_formula);
    found->recall_test = share(n_both, n_on);
}

static void
keep_found(const pool_t *pool, worker_t *worker, size_t k0, size_t k)
{
    const ba_explaining_t *job = pool->job;
    size_t n_on = pool->on->count[k];

    for (size_t i = 0; i < job->n_lengths; i++) {
        ba_explained_t *found = job->found + (k0 + k) * job->n_lengths + i;
        const ba_formula_t *best = &worker->best[i];

        found->train = *best;
        found->iou = share(best->n_both, best->n_formula + n_on - best->n_both);
        found->precision = share(best->n_both, best->n_formula);
        found->recall = share(best->n_both, n_on);
        score_test(pool, worker, k, found);
    }
}

static void
explain(pool_t *pool, worker_t *worker, size_t k0, size_t k)
{
    const ba_explaining_t *job = pool->job;
    const double *x = pool->x + k * job->n_tokens;
    double threshold = job->opts->threshold;
    ba_formula_info_t info;

    if (isnan(threshold)) {
        for (size_t i = 0; i < job->n_train; i++) {
            worker->sorted[i] = x[job->train[i]];
        }
        qsort(worker->sorted, job->n_train, sizeof *worker->sorted, by_value);
        threshold = quantile_of(worker->sorted, job->n_train, job->opts->quantile);
    }
    job->threshold[k0 + k] = threshold;
    set_on(x, job->train, threshold, k, pool->on);
    set_on(x, job->test, threshold, k, pool->on_test);
    job->n_on[k0 + k] = pool->on->count[k];
    job->n_on_test[k0 + k] = pool->on_test->count[k];
    ba_explain_words(job, k0 + k, x, worker->room);
    if (pool->on->count[k] >= job->opts->min_on) {
        ba_formula_search_run(
            worker->search, pool->on->bits + k * pool->on->n_words, worker->best, &info);
        job->proven[k0 + k] = (unsigned char) info.proven;
        keep_found(pool, worker, k0, k);
    }
}

/* The search again for the moved states; counts the lengths at which it does as well. */
static void
explain_moved(pool_t *pool, worker_t *worker, size_t k0, size_t k)
{
    const ba_explaining_t *job = pool->job;
    const uint64_t *on = pool->on->bits + k * pool->on->n_words;

    if (pool->on->count[k] < job->opts->min_on) {
        return;
    }
    memset(worker->mask, 0, pool->on->n_words * sizeof *worker->mask);
    for (size_t w = 0; w < pool->on->n_words; w++) {
        for (uint64_t rest = on[w]; rest; rest &= rest - 1) {
            uint32_t t = pool->to[64 * w + (size_t) __builtin_ctzll(rest)];

            worker->mask[t / 64] |= (uint64_t) 1 << (t % 64);
        }
    }
    ba_formula_search_run(worker->search, worker->mask, worker->best, NULL);
    for (size_t i = 0; i < job->n_lengths; i++) {
        ba_explained_t *found = job->found + (k0 + k) * job->n_lengths + i;

        found->n_above += worker->best[i].score >= found->train.score;
    }
}

static void
run_block(
    pool_t *pool, size_t k0, size_t n, void (*call)(pool_t *, worker_t *, size_t, size_t))
{
    int n_threads = (int) pool->n_workers;

#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads)
    for (size_t k = 0; k < n; k++) {
        call(pool, &pool->workers[omp_get_thread_num()], k0, k);
    }
}

int
ba_explain_all(ba_explaining_t *job)
{
    size_t n_permutations = job->opts->n_permutations, done = 0;
    pool_t pool;
    int status;

    BA_TRY(pool_create(job, &pool));
    for (size_t k0 = 0; k0 < job->n_neurons; k0 += pool.n_block) {
        size_t left = job->n_neurons - k0, n = left < pool.n_block ? left : pool.n_block;

        BA_TRY(ba_ctx_check(job->ctx));
        BA_TRY(read_block(&pool, k0, n));
        run_block(&pool, k0, n, explain);
        for (size_t b = 0; b < n_permutations; b++) {
            BA_TRY(ba_ctx_check(job->ctx));
            BA_TRY(ba_explain_moves_draw(pool.moves, job->opts->seed, b, pool.to));
            run_block(&pool, k0, n, explain_moved);
            ba_ctx_progress(job->ctx, "formulas",
                floor((double) done +
                      (double) n * (double) (b + 1) / (double) n_permutations),
                (double) job->n_neurons);
        }
        done += n;
        ba_ctx_progress(job->ctx, "formulas", (double) done, (double) job->n_neurons);
    }
out:
    pool_free(&pool);
    return status;
}
