/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prepared responses that several fits share. A run that takes them finds tiles that are
 * complete, and what was found while they were read: which targets cannot be used, and
 * the fingerprints of rows. */
#include "fit/run.h"

#include "core/alloc.h"

#include <string.h>

/* One recording: that of training, or the fixed test set. */
typedef struct {
    tiles_t *tiles; /* NULL while nobody has read them, or a run holds them */
    size_t n_rows, n_hash;
    int32_t *status; /* n_targets */
    uint64_t *hash;  /* n_hash samples */
} kept_t;

struct ba_fit_responses {
    size_t n_in_flight;
    size_t target_start, n_targets;
    ba_precision_t precision;
    ba_scale_t scale;
    kept_t train, test;
};

int
ba_fit_responses_new(size_t n_in_flight, ba_fit_responses_t **out)
{
    *out = ba_calloc(1, sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    (*out)->n_in_flight = n_in_flight > 0 ? n_in_flight : 1;
    return BA_OK;
}

static void
kept_free(kept_t *kept)
{
    ba_tiles_close(kept->tiles);
    ba_free(kept->status);
    ba_free(kept->hash);
}

void
ba_fit_responses_free(ba_fit_responses_t *responses)
{
    if (responses) {
        kept_free(&responses->train);
        kept_free(&responses->test);
        ba_free(responses);
    }
}

size_t
ba_responses_in_flight(const ba_fit_responses_t *responses, size_t otherwise)
{
    return responses && responses->n_in_flight < otherwise ? responses->n_in_flight
                                                           : otherwise;
}

static int
check_same(const ba_fit_responses_t *responses, const plan_t *plan)
{
    if (responses->target_start != plan->opts->target_start ||
        responses->n_targets != plan->n_targets ||
        responses->precision != plan->opts->precision ||
        responses->scale != plan->scale_targets ||
        responses->train.n_rows != plan->n_used ||
        responses->train.n_hash != plan->n_samples ||
        responses->test.n_rows != plan->test_runs.n_samples) {
        return ba_fail(BA_VALUE,
            "responses: shared by fits of other targets, rows or preparation, wanted the "
            "same");
    }
    return BA_OK;
}

static tiles_t *
take(kept_t *kept, size_t n_targets, const tiles_opts_t *opts)
{
    tiles_t *tiles = kept->tiles;

    kept->tiles = NULL;
    memcpy(opts->status, kept->status, n_targets * sizeof *kept->status);
    memcpy(opts->row_hash, kept->hash, kept->n_hash * sizeof *kept->hash);
    ba_tiles_lend(tiles, opts);
    return tiles;
}

int
ba_responses_take(run_t *run)
{
    int status = BA_OK;
    const plan_t *plan = &run->plan;
    ba_fit_responses_t *responses = plan->data->responses;

    if (!responses || !responses->train.tiles) {
        return BA_OK;
    }
    BA_TRY(check_same(responses, plan));
    run->tiles = take(&responses->train, plan->n_targets,
        &(tiles_opts_t){.rows = plan->rows,
            .runs = &plan->runs,
            .status = run->result->status,
            .row_hash = run->result->target_hash});
    if (plan->data->test_design) {
        run->test_tiles = take(&responses->test, plan->n_targets,
            &(tiles_opts_t){.rows = plan->test_rows,
                .runs = &plan->test_runs,
                .status = run->test_status,
                .row_hash = run->result->test_target_hash});
    }
    run->passes_before = ba_tiles_n_passes(run->tiles);
    run->seconds_before = ba_tiles_seconds(run->tiles);
out:
    return status;
}

/* Copies what was found, on the first time; the tiles go at once. */
static int
keep(kept_t *kept, tiles_t **tiles, size_t n_rows, const int32_t *codes, size_t n_targets,
    const uint64_t *hash, size_t n_hash)
{
    int status = BA_OK;

    if (!kept->status) {
        BA_TRY_ALLOC(kept->status, ba_malloc(n_targets, sizeof *kept->status));
        memcpy(kept->status, codes, n_targets * sizeof *kept->status);
    }
    if (!kept->hash) {
        BA_TRY_ALLOC(kept->hash, ba_malloc(n_hash, sizeof *kept->hash));
        memcpy(kept->hash, hash, n_hash * sizeof *kept->hash);
    }
    kept->n_rows = n_rows;
    kept->n_hash = n_hash;
    kept->tiles = *tiles;
    *tiles = NULL;
out:
    return status;
}

int
ba_responses_keep(run_t *run)
{
    int status = BA_OK;
    const plan_t *plan = &run->plan;
    ba_fit_responses_t *responses = plan->data->responses;
    ba_fit_result_t *result = run->result;

    if (!responses) {
        return BA_OK;
    }
    responses->target_start = plan->opts->target_start;
    responses->n_targets = plan->n_targets;
    responses->precision = plan->opts->precision;
    responses->scale = plan->scale_targets;
    if (run->test_tiles) {
        BA_TRY(keep(&responses->test, &run->test_tiles, plan->test_runs.n_samples,
            run->test_status, plan->n_targets, result->test_target_hash,
            plan->data->test_runs->n_samples));
    }
    BA_TRY(keep(&responses->train, &run->tiles, plan->n_used, result->status,
        plan->n_targets, result->target_hash, plan->n_samples));
out:
    return status;
}

tiles_t *
ba_responses_lend(
    ba_fit_responses_t *responses, int of_test_set, const tiles_opts_t *opts)
{
    kept_t *kept = of_test_set ? &responses->test : &responses->train;

    if (!kept->tiles) {
        return NULL;
    }
    memcpy(opts->status, kept->status, responses->n_targets * sizeof *kept->status);
    ba_tiles_lend(kept->tiles, opts);
    return kept->tiles;
}
