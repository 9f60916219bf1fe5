/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Held-out predictions of all targets and outer folds, kept for a second look: in memory
 * or in an unnamed temporary file. */
#ifndef BA_ENCODE_KEPT_H
#define BA_ENCODE_KEPT_H

#include "fit/fit_impl.h"
#include "io/spool.h"

typedef struct {
    size_t n_folds, n_targets, target_start;
    size_t *n_rows;      /* n_folds: held-out samples */
    ba_spool_t **spools; /* n_folds, n_rows x n_targets */
    double *mean;   /* n_folds x n_targets, taken off before numbers become float32 */
    double *column; /* of the longest fold */
    ba_fit_sink_t behind; /* receives everything as well */
} ba_kept_t;

/* Outer folds of a plan, 1 for a fixed test set, and the held-out samples of one. */
size_t ba_kept_n_folds(const plan_t *plan);
size_t ba_kept_n_rows(const plan_t *plan, size_t fold);

/* Bytes of all predictions. */
double ba_kept_bytes(const plan_t *plan);

/* Room for the predictions of a fit. Call ba_kept_free() afterwards in any case. */
int ba_kept_new(
    const ba_ctx_t *ctx, const plan_t *plan, int in_memory, ba_kept_t *out) BA_MUST_USE;
void ba_kept_free(ba_kept_t *kept);

/* A receiver that keeps predictions and hands all on to `behind`. */
ba_fit_sink_t ba_kept_sink(ba_kept_t *kept, ba_fit_sink_t behind);

/* After the fit. */
int ba_kept_finish(ba_kept_t *kept) BA_MUST_USE;

/* Predictions of targets first .. first + n - 1 of the range in the responses' own units,
 * n_rows x n column-major. One thread at a time. */
int ba_kept_read(
    const ba_kept_t *kept, size_t fold, size_t first, size_t n, double *dst) BA_MUST_USE;

#endif
