/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of stacking: the loop over splits (stack.c) and what happens to one tile
 * (stack_tile.c). */
#ifndef BA_FIT_STACK_IMPL_H
#define BA_FIT_STACK_IMPL_H

#include "fit/fit_impl.h"
#include "fit/stack.h"

/* One model at the split at hand. */
typedef struct {
    plan_t plan;
    problem_t problem; /* its lists are the plan's */
    prepared_t prepared;
    refit_t refit;
    const double *alphas; /* n_targets */
} member_t;

/* A thread's own. */
typedef struct {
    char *kernel;        /* scratch of the tile kernels */
    double *predictions; /* n_models x (n_held x BA_TILE), units of the base tile */
    double *response;    /* n_held */
} stack_scratch_t;

typedef struct {
    const ba_ctx_t *ctx;
    const ba_fit_opts_t *opts;
    const ba_fit_sink_t *sink;
    ba_stack_result_t *result;
    member_t *members;
    size_t n_models, n_pairs, n_targets;
    tiles_t *tiles, *test_tiles, *own_tiles, *own_test_tiles;
    int32_t *test_status;
    int of_test_set;    /* the split at hand predicts the fixed test set */
    const size_t *rows; /* positions that it predicts */
    size_t n_held;
    double *gram;          /* n_targets x n_pairs: sums over the inner folds so far */
    const double *weights; /* n_models x n_targets: those to score with */
    size_t n_threads, n_slots;
    stack_scratch_t *scratch; /* n_threads */
    double **combined;        /* n_slots blocks of n_held x BA_TILE */
    double *r, *r2;           /* of the fold at hand, n_targets */
} stacking_t;

/* Index of the pair i <= j among the n (n + 1) / 2 of them. */
static inline size_t
ba_stack_pair(size_t i, size_t j)
{
    return j * (j + 1) / 2 + i;
}

size_t ba_stack_kernel_bytes(const stacking_t *stack);

/* Adds the inner products of the models' residuals over the rows at hand. Any thread. */
void ba_stack_add(stacking_t *stack, size_t t, stack_scratch_t *scratch);

/* Weighed predictions of the rows at hand (to `combined`, units of the responses) and
 * their scores. */
void ba_stack_score(
    stacking_t *stack, size_t t, stack_scratch_t *scratch, double *combined);

#endif
