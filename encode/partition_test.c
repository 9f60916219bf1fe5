/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a space adds to all the others: the increment null of model/null.c on the
 * held-out predictions of both models. */
#include "encode/partition_impl.h"

#include "core/alloc.h"

#include <math.h>

static size_t
n_kept(const ba_partition_t *partition)
{
    size_t n = 0;

    for (size_t m = 0; m < partition->parts.n_models; m++) {
        n += partition->is_kept[m];
    }
    return n;
}

/* In memory where that is a small part of the budget. */
static int
settle_memory(ba_partition_t *partition)
{
    ba_inferring_t *inferring = &partition->inferring;
    double budget = (double) ba_ctx_memory(partition->ctx), least;
    double bytes = ba_kept_bytes(&inferring->plan) * (double) n_kept(partition);
    const ba_inference_opts_t *opts = &partition->opts->inference;
    ba_inference_opts_t two = *opts;

    if (bytes <= budget / 4.0) {
        inferring->ctx.memory = (size_t) (budget - bytes);
        inferring->in_memory = 1;
    }
    two.n_controls = 1;
    inferring->n_threads = (size_t) ba_ctx_threads(partition->ctx);
    budget = (double) ba_ctx_memory(&inferring->ctx);
    while (inferring->n_threads > 1 &&
           ba_encode_null_bytes(&inferring->plan, &two, inferring->n_threads) > budget) {
        inferring->n_threads--;
    }
    least = ba_encode_null_bytes(&inferring->plan, &two, inferring->n_threads);
    if (least > budget) {
        return ba_fail(BA_TOO_LARGE,
            "memory: %zu permutations need at least %.2f MiB, allowed are %.2f MiB",
            opts->null.n_permutations, ceil(least / 1048576 * 100) / 100,
            floor(budget / 1048576 * 100) / 100);
    }
    return BA_OK;
}

int
ba_partition_test_start(ba_partition_t *partition)
{
    int status = BA_OK;
    const ba_parts_t *parts = &partition->parts;
    const ba_inference_opts_t *opts = &partition->opts->inference;
    ba_inferring_t *inferring = &partition->inferring;

    inferring->job = &partition->job;
    inferring->ctx = partition->ctx ? *partition->ctx : ba_ctx_default();
    if (opts->null.n_permutations == 0) {
        return BA_OK;
    }
    BA_TRY(ba_plan_make(
        partition->ctx, &partition->job.data, &partition->fit, &inferring->plan));
    BA_TRY_ALLOC(
        partition->is_kept, ba_calloc(parts->n_models, sizeof *partition->is_kept));
    BA_TRY_ALLOC(partition->kept, ba_calloc(parts->n_models, sizeof *partition->kept));
    partition->is_kept[parts->n_models - 1] = 1;
    for (size_t k = 0; k < parts->n_spaces; k++) {
        partition->is_kept[parts->without[k]] = 1;
    }
    BA_TRY(settle_memory(partition));
    BA_TRY(ba_encode_null_make(&inferring->plan, opts, &inferring->null));
    for (size_t m = 0; m < parts->n_models && !partition->opts->dry_run; m++) {
        if (partition->is_kept[m]) {
            BA_TRY(ba_kept_new(&inferring->ctx, &inferring->plan, inferring->in_memory,
                &partition->kept[m]));
        }
    }
out:
    return status;
}

static int
start_model(void *payload, int fold, size_t model)
{
    ba_partition_t *partition = payload;

    (void) fold;
    partition->model = model;
    return BA_OK;
}

static int
keep_predictions(void *payload, int fold, const size_t *rows, size_t n_rows,
    size_t target0, size_t n, const double *predictions)
{
    ba_partition_t *partition = payload;
    ba_fit_sink_t sink, nothing = {0};

    if (!partition->is_kept[partition->model]) {
        return BA_OK;
    }
    sink = ba_kept_sink(&partition->kept[partition->model], nothing);
    return sink.predictions(sink.payload, fold, rows, n_rows, target0, n, predictions);
}

ba_fit_sink_t
ba_partition_sink(ba_partition_t *partition)
{
    return (ba_fit_sink_t){.payload = partition,
        .predictions = partition->is_kept ? keep_predictions : NULL,
        .model = start_model};
}

int
ba_partition_test(ba_partition_t *partition)
{
    int status = BA_OK;
    const ba_parts_t *parts = &partition->parts;
    ba_inferring_t *inferring = &partition->inferring;
    ba_test_t r = {0};

    if (!inferring->null) {
        return BA_OK;
    }
    for (size_t m = 0; m < parts->n_models; m++) {
        if (partition->is_kept[m]) {
            BA_TRY(ba_kept_finish(&partition->kept[m]));
        }
    }
    BA_TRY_ALLOC(partition->tests, ba_calloc(parts->n_spaces, sizeof *partition->tests));
    inferring->full = partition->kept[parts->n_models - 1];
    for (size_t k = 0; k < parts->n_spaces; k++) {
        inferring->control = partition->kept[parts->without[k]];
        BA_TRY(ba_encode_null(
            partition->ctx, inferring, &partition->result, &r, &partition->tests[k]));
        ba_test_free(&r);
    }
out:
    ba_test_free(&r);
    inferring->full = inferring->control = (ba_kept_t){0};
    return status;
}

void
ba_partition_test_free(ba_partition_t *partition)
{
    const ba_parts_t *parts = &partition->parts;

    for (size_t m = 0; partition->kept && m < parts->n_models; m++) {
        ba_kept_free(&partition->kept[m]);
    }
    for (size_t k = 0; partition->tests && k < parts->n_spaces; k++) {
        ba_test_free(&partition->tests[k]);
    }
    ba_free(partition->kept);
    ba_free(partition->is_kept);
    ba_free(partition->tests);
    ba_inferring_free(&partition->inferring);
}
