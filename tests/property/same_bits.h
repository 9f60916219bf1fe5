/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comparing fits bit by bit: of all V targets, and of part of them. V is defined by who
 * includes this. */
#ifndef BA_PROPERTY_SAME_BITS_H
#define BA_PROPERTY_SAME_BITS_H

#include "tests/property/study.h"

/* One array of both results: rows of the whole width against rows of the part that starts
 * at target t0. */
static inline void
same_rows(const char *what, const double *whole, const double *part, size_t n_rows,
    size_t t0, size_t n)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (memcmp(whole + i * V + t0, part + i * n, n * sizeof *part) != 0) {
            fail_msg(
                "%s, row %zu: other bits in targets %zu to %zu", what, i, t0, t0 + n);
        }
    }
}

#define SAME_ROWS(field, n_rows) same_rows(#field, a->field, b->field, n_rows, t0, n)

/* The part of targets t0 .. t0 + n - 1 that `part` fitted is what `whole` has there. */
static inline void
assert_same(const outcome_of_fit_t *whole, const outcome_of_fit_t *part)
{
    const ba_fit_result_t *a = &whole->result, *b = &part->result;
    size_t t0 = b->target_start, n = b->n_targets, p = whole->p, folds = a->n_outer;
    size_t n_samples = whole->study->train.n, size = n * sizeof(double);

    assert_int_equal(a->n_alphas, b->n_alphas);
    assert_int_equal(whole->info.solver, part->info.solver);
    SAME_ROWS(r, 1);
    SAME_ROWS(r2, 1);
    SAME_ROWS(r_by_fold, folds);
    SAME_ROWS(r2_by_fold, folds);
    SAME_ROWS(best_alphas, 1);
    SAME_ROWS(best_alphas_by_fold, folds);
    SAME_ROWS(cv_scores, a->n_alphas);
    SAME_ROWS(cv_scores_by_fold, folds * a->n_alphas);
    SAME_ROWS(intercept, 1);
    SAME_ROWS(target_mean, 1);
    SAME_ROWS(target_scale, 1);
    SAME_ROWS(target_mean_by_fold, folds);
    SAME_ROWS(target_scale_by_fold, folds);
    if (a->intercept_by_fold) {
        SAME_ROWS(intercept_by_fold, folds);
    }
    assert_memory_equal(a->alphas, b->alphas, a->n_alphas * sizeof(double));
    assert_memory_equal(
        a->alphas_by_fold, b->alphas_by_fold, folds * a->n_alphas * sizeof(double));
    assert_memory_equal(a->feature_mean, b->feature_mean, p * sizeof(double));
    assert_memory_equal(a->feature_scale, b->feature_scale, p * sizeof(double));
    assert_memory_equal(a->status + t0, b->status, n * sizeof *b->status);
    assert_memory_equal(a->n_folds + t0, b->n_folds, n * sizeof *b->n_folds);
    assert_memory_equal(whole->weights + t0 * p, part->weights + t0 * p, size * p);
    for (size_t k = 0; k < folds; k++) {
        size_t at = (k * V + t0) * p;

        assert_memory_equal(
            whole->weights_by_fold + at, part->weights_by_fold + at, size * p);
    }
    assert_memory_equal(whole->predictions + t0 * n_samples,
        part->predictions + t0 * n_samples, size * n_samples);
}

static inline void
assert_same_hashes(const outcome_of_fit_t *a, const outcome_of_fit_t *b)
{
    assert_memory_equal(a->result.target_hash, b->result.target_hash,
        a->study->train.n * sizeof *a->result.target_hash);
}

static inline ba_ctx_t
context(int n_threads, size_t memory)
{
    ba_ctx_t ctx = ba_ctx_default();

    ctx.n_threads = n_threads;
    ctx.memory = memory;
    return ctx;
}

/* The smallest budget that is enough, to a kibibyte. */
static inline size_t
smallest_budget(const study_t *study, int n_threads)
{
    size_t low = 0, high = (size_t) 1 << 30;
    inputs_t inputs;
    ba_fit_info_t info;

    inputs_open(study, &inputs);
    while (high - low > 1024) {
        size_t middle = low + (high - low) / 2;
        ba_ctx_t ctx = context(n_threads, middle);

        if (ba_fit_plan(&ctx, &inputs.data, &study->opts, &info) == BA_OK) {
            high = middle;
        } else {
            low = middle;
        }
    }
    inputs_close(&inputs);
    return high;
}

#endif
