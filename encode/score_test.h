/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The test of r beside the scores of a stored encoder: one fold of predictions that are
 * permuted within their runs. */
#ifndef BA_ENCODE_SCORE_TEST_H
#define BA_ENCODE_SCORE_TEST_H

#include "encode/inference.h"

typedef struct {
    ba_null_opts_t opts;
    ba_null_t *null;
    ba_null_tile_t **tiles; /* one a worker, and what it has found */
    double **maxima;
    size_t n_workers, n_rows;
    ba_inference_t found; /* found.r is the test */
} ba_score_test_t;

/* For n_targets whose samples stand in `runs`, n_workers tiles at a time. Errors: those of
 * ba_null_new(), BA_TOO_LARGE. Call ba_score_test_free() afterwards in any case. */
int ba_score_test_new(const ba_ctx_t *ctx, const ba_null_opts_t *opts,
    const ba_runs_t *runs, size_t n_targets, size_t n_workers,
    ba_score_test_t *out) BA_MUST_USE;
void ba_score_test_free(ba_score_test_t *test);

/* One tile: n targets from `first` on, in its columns from `column` on. Predictions of
 * those without a score begin with NaN. Both are moved by the means of the responses. */
int ba_score_test_tile(ba_score_test_t *test, size_t worker, double *responses,
    double *predictions, size_t first, size_t n, size_t column) BA_MUST_USE;

/* q and family-wise p. */
int ba_score_test_finish(ba_score_test_t *test) BA_MUST_USE;

#endif
