/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times the null distributions: bench_null [SAMPLES [TARGETS [PERMUTATIONS]]], 300, 80,000
 * and 1,000 by default, on random numbers in float64 in one fold of one run. Prints the
 * seconds of each kind. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/resource.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    const char *name;
    ba_null_opts_t opts;
    ba_null_statistic_t statistic;
} task_t;

/* Uniform numbers, quickly: their distribution does not matter here. */
static void
fill(double *x, size_t n, uint64_t state)
{
    for (size_t i = 0; i < n; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        x[i] = (double) (state >> 11) * 0x1p-53 - 0.5;
    }
}

static int
time_task(const ba_ctx_t *ctx, const task_t *task, const ba_runs_t *runs,
    const ba_null_fold_t *fold)
{
    int status = BA_OK;
    size_t n_targets = fold->responses.n_cols;
    ba_null_t *null = NULL;
    ba_null_result_t result = {0};
    ba_null_info_t info;
    double start = ba_seconds(), drawn;

    BA_TRY(ba_null_new(&task->opts, runs, 1, &null));
    drawn = ba_seconds() - start;
    info = ba_null_info(null, task->statistic);
    BA_TRY_ALLOC(result.observed, ba_malloc(n_targets, sizeof(double)));
    BA_TRY_ALLOC(result.p, ba_malloc(n_targets, sizeof(double)));
    BA_TRY_ALLOC(result.maxima, ba_malloc(info.n_permutations, sizeof(double)));
    start = ba_seconds();
    BA_TRY(ba_null_test(ctx, null, task->statistic, fold, BA_TAIL_GREATER, &result));
    printf("%-22s %5zu permutations: drawn in %.2f s, %.2f s\n", task->name,
        info.n_permutations, drawn, ba_seconds() - start);
out:
    ba_free(result.observed);
    ba_free(result.p);
    ba_free(result.maxima);
    ba_null_free(null);
    return status;
}

static int
run(size_t n, size_t n_targets, size_t n_permutations)
{
    const task_t tasks[] = {
        {"r, cosine", {BA_NULL_COSINE, n_permutations, 0, 0, 0, 0}, BA_NULL_R},
        {"r, circular", {BA_NULL_CIRCULAR, n_permutations, 0, 0, 0, 0}, BA_NULL_R},
        {"r, blocks of 10", {BA_NULL_BLOCKS, n_permutations, 0, 10, 0, 0}, BA_NULL_R},
        {"r, phase", {BA_NULL_PHASE, n_permutations, 0, 0, 0, 0}, BA_NULL_R},
        {"increment, cosine", {BA_NULL_COSINE, n_permutations, 0, 0, 0, 0},
            BA_NULL_INCREMENT},
        {"increment, blocks of 10", {BA_NULL_BLOCKS, n_permutations, 0, 10, 0, 0},
            BA_NULL_INCREMENT},
    };
    int status = BA_OK;
    ba_ctx_t ctx = ba_ctx_default();
    ba_runs_t runs = {0};
    double *y = NULL, *p = NULL;
    ba_null_fold_t fold;

    BA_TRY(ba_runs_one(n, &runs));
    BA_TRY_ALLOC(y, ba_malloc(n_targets, n * sizeof *y));
    BA_TRY_ALLOC(p, ba_malloc(n_targets, n * sizeof *p));
    fill(y, n * n_targets, 1);
    fill(p, n * n_targets, 2);
    fold = (ba_null_fold_t){
        {y, n, n_targets, n}, {p, n, n_targets, n}, {y, n, n_targets, n}};
    printf("%zu samples, %zu targets, %d threads\n", n, n_targets, ba_ctx_threads(&ctx));
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        BA_TRY(time_task(&ctx, &tasks[i], &runs, &fold));
    }
out:
    ba_runs_free(&runs);
    ba_free(y);
    ba_free(p);
    return status;
}

int
main(int argc, char **argv)
{
    size_t n[3] = {300, 80000, 1000};

    for (int i = 1; i < argc && i < 4; i++) {
        n[i - 1] = (size_t) strtoul(argv[i], NULL, 10);
    }
    if (run(n[0], n[1], n[2]) != BA_OK) {
        fprintf(stderr, "bench_null: %s\n", ba_error_message());
        return 1;
    }
    return 0;
}
