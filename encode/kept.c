/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In single precision a column is kept as its mean and the deviations from it, so that
 * responses far from 0 lose nothing. */
#include "encode/kept.h"

#include "core/alloc.h"

#include <math.h>

size_t
ba_kept_n_folds(const plan_t *plan)
{
    return plan->data->test_design ? 1 : plan->n_outer;
}

size_t
ba_kept_n_rows(const plan_t *plan, size_t fold)
{
    return plan->data->test_design ? plan->test_runs.n_samples
                                   : plan->problems[fold].n_test;
}

double
ba_kept_bytes(const plan_t *plan)
{
    double n = 0.0;

    for (size_t f = 0; f < ba_kept_n_folds(plan); f++) {
        n += (double) ba_kept_n_rows(plan, f);
    }
    return n * (double) plan->n_targets * (double) ba_number_size(plan->opts->precision);
}

/* A spool decides by a quarter of the budget of its context. */
static int
make_spool(const ba_ctx_t *ctx, const plan_t *plan, size_t n_rows, int in_memory,
    ba_spool_t **out)
{
    ba_ctx_t own = ctx ? *ctx : ba_ctx_default();
    size_t bytes = 0;
    int status;

    BA_TRY(ba_multiply(n_rows, plan->n_targets, &bytes));
    BA_TRY(ba_multiply(bytes, 4 * ba_number_size(plan->opts->precision), &bytes));
    own.memory = in_memory ? bytes : 1;
    BA_TRY(ba_spool_by_columns(
        &own, "predictions", n_rows, plan->n_targets, plan->opts->precision, out));
out:
    return status;
}

int
ba_kept_new(const ba_ctx_t *ctx, const plan_t *plan, int in_memory, ba_kept_t *out)
{
    int status = BA_OK;
    size_t n = ba_kept_n_folds(plan), longest = 0;

    *out = (ba_kept_t){.n_targets = plan->n_targets};
    out->target_start = plan->opts->target_start;
    BA_TRY_ALLOC(out->n_rows, ba_calloc(n, sizeof *out->n_rows));
    BA_TRY_ALLOC(out->spools, ba_calloc(n, sizeof(ba_spool_t *)));
    BA_TRY_ALLOC(out->mean, ba_calloc(n, plan->n_targets * sizeof *out->mean));
    out->n_folds = n;
    for (size_t f = 0; f < n; f++) {
        out->n_rows[f] = ba_kept_n_rows(plan, f);
        longest = out->n_rows[f] > longest ? out->n_rows[f] : longest;
        BA_TRY(make_spool(ctx, plan, out->n_rows[f], in_memory, &out->spools[f]));
    }
    BA_TRY_ALLOC(out->column, ba_malloc(longest, sizeof *out->column));
out:
    return status;
}

void
ba_kept_free(ba_kept_t *kept)
{
    for (size_t f = 0; f < kept->n_folds; f++) {
        ba_spool_free(kept->spools[f]);
    }
    ba_free(kept->n_rows);
    ba_free(kept->spools);
    ba_free(kept->mean);
    ba_free(kept->column);
    *kept = (ba_kept_t){0};
}

static double
mean_of(const double *column, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += column[i];
    }
    return sum / (double) n;
}

static int
keep_predictions(void *payload, int fold, const size_t *rows, size_t n_rows,
    size_t target0, size_t n, const double *predictions)
{
    int status = BA_OK;
    ba_kept_t *kept = payload;
    size_t f = fold < 0 ? 0 : (size_t) fold;
    double *means = kept->mean + f * kept->n_targets + target0 - kept->target_start;

    for (size_t j = 0; j < n; j++) {
        const double *column = predictions + j * n_rows;

        means[j] = mean_of(column, n_rows);
        for (size_t i = 0; i < n_rows; i++) {
            kept->column[i] = column[i] - means[j];
        }
        BA_TRY(ba_spool_append(kept->spools[f], kept->column));
    }
    if (kept->behind.predictions) {
        BA_TRY(kept->behind.predictions(
            kept->behind.payload, fold, rows, n_rows, target0, n, predictions));
    }
out:
    return status;
}

static int
hand_on_weights(void *payload, int fold, size_t target0, size_t n, const double *weights)
{
    const ba_kept_t *kept = payload;

    return kept->behind.weights(kept->behind.payload, fold, target0, n, weights);
}

ba_fit_sink_t
ba_kept_sink(ba_kept_t *kept, ba_fit_sink_t behind)
{
    kept->behind = behind;
    return (ba_fit_sink_t){
        .payload = kept,
        .weights = behind.weights ? hand_on_weights : NULL,
        .predictions = keep_predictions,
    };
}

int
ba_kept_finish(ba_kept_t *kept)
{
    int status = BA_OK;

    for (size_t f = 0; f < kept->n_folds; f++) {
        BA_TRY(ba_spool_finish(kept->spools[f]));
    }
out:
    return status;
}

int
ba_kept_read(const ba_kept_t *kept, size_t fold, size_t first, size_t n, double *dst)
{
    int status;
    size_t n_rows = kept->n_rows[fold];
    const double *means = kept->mean + fold * kept->n_targets + first;

    BA_TRY(ba_spool_read(kept->spools[fold], 0, n_rows, first, n, dst, n_rows));
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n_rows; i++) {
            dst[i + j * n_rows] += means[j];
        }
    }
out:
    return status;
}
