/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/score_test.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* Draws, and for each worker a tile of tests, of responses and of predictions. */
static int
check_memory(const ba_ctx_t *ctx, size_t n_permutations, size_t n_rows, size_t n_workers)
{
    double draws = (double) n_permutations, rows = (double) n_rows;
    double needed =
        draws * rows + (double) n_workers * 8.0 * BA_TILE * (2.0 * draws + 8.0 * rows);
    double allowed = (double) ba_ctx_memory(ctx);

    if (needed > allowed) {
        return ba_fail(BA_TOO_LARGE,
            "memory: %zu permutations of %zu samples need %.0f MiB, allowed are %.0f MiB",
            n_permutations, n_rows, ceil(needed / 1048576), floor(allowed / 1048576));
    }
    return BA_OK;
}

static int
new_maxima(size_t n, double **out)
{
    *out = ba_malloc(n, sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    for (size_t b = 0; b < n; b++) {
        (*out)[b] = -(double) INFINITY;
    }
    return BA_OK;
}

int
ba_score_test_new(const ba_ctx_t *ctx, const ba_null_opts_t *opts, const ba_runs_t *runs,
    size_t n_targets, size_t n_workers, ba_score_test_t *out)
{
    int status = BA_OK;
    ba_test_t *test = &out->found.r;

    *out = (ba_score_test_t){
        .opts = *opts, .n_workers = n_workers, .n_rows = runs->n_samples};
    out->found.n_targets = n_targets;
    BA_TRY(check_memory(ctx, opts->n_permutations, runs->n_samples, n_workers));
    BA_TRY(ba_null_new(opts, runs, 1, &out->null));
    test->info = ba_null_info(out->null, BA_NULL_R);
    test->widening = 1.0;
    ba_inference_null_words(opts, 0, out->found.null_words);
    BA_TRY_ALLOC(test->observed, ba_malloc(n_targets, sizeof *test->observed));
    BA_TRY_ALLOC(test->p, ba_malloc(n_targets, sizeof *test->p));
    BA_TRY(new_maxima(test->info.n_permutations, &test->maxima));
    BA_TRY_ALLOC(out->tiles, ba_calloc(n_workers, sizeof *out->tiles));
    BA_TRY_ALLOC(out->maxima, ba_calloc(n_workers, sizeof *out->maxima));
    for (size_t i = 0; i < n_workers; i++) {
        BA_TRY(ba_null_tile_new(out->null, &out->tiles[i]));
        BA_TRY(new_maxima(test->info.n_permutations, &out->maxima[i]));
    }
out:
    return status;
}

void
ba_score_test_free(ba_score_test_t *test)
{
    for (size_t i = 0; test->tiles && i < test->n_workers; i++) {
        ba_null_tile_free(test->tiles[i]);
    }
    for (size_t i = 0; test->maxima && i < test->n_workers; i++) {
        ba_free(test->maxima[i]);
    }
    ba_free(test->tiles);
    ba_free(test->maxima);
    ba_null_free(test->null);
    ba_inference_free(&test->found);
    *test = (ba_score_test_t){0};
}

/* What is far from 0 would lose digits. */
static void
move_to_mean(double *responses, double *predictions, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += responses[i];
    }
    sum /= (double) n;
    for (size_t i = 0; i < n; i++) {
        responses[i] -= sum;
        predictions[i] -= sum;
    }
}

int
ba_score_test_tile(ba_score_test_t *test, size_t worker, double *responses,
    double *predictions, size_t first, size_t n, size_t column)
{
    int status;
    size_t n_rows = test->n_rows;
    double observed[BA_TILE], p[BA_TILE];
    ba_null_result_t result = {observed, p, test->maxima[worker]};
    ba_null_fold_t fold = {{responses, n_rows, BA_TILE, n_rows},
        {predictions, n_rows, BA_TILE, n_rows}, {0}};

    for (size_t j = 0; j < BA_TILE; j++) {
        move_to_mean(responses + j * n_rows, predictions + j * n_rows, n_rows);
    }
    BA_TRY(ba_null_tile_begin(test->tiles[worker], BA_NULL_R, BA_TILE));
    BA_TRY(ba_null_tile_add(test->tiles[worker], 0, &fold));
    ba_null_tile_finish(test->tiles[worker], BA_TAIL_GREATER, &result);
    memcpy(test->found.r.observed + first, observed + column, n * sizeof *observed);
    memcpy(test->found.r.p + first, p + column, n * sizeof *p);
out:
    return status;
}

int
ba_score_test_finish(ba_score_test_t *test)
{
    ba_test_t *found = &test->found.r;

    for (size_t i = 0; i < test->n_workers; i++) {
        ba_maxima_merge(found->maxima, test->maxima[i], found->info.n_permutations);
    }
    return ba_test_correct(test->found.n_targets, found);
}
