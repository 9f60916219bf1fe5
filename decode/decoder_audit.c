/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit --audit: targets and responses are in memory, and are overwritten there. A
 * recorded response is replaced where held-out samples alone, but not the probe, are
 * decoded from it. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"
#include "model/disturb.h"

#include <string.h>

enum { HELD = 1, STAYS = 2 };

typedef struct {
    ba_decoder_job_t *job;
    double *values;      /* of the targets, as they came */
    int32_t *category;   /* NULL without labels */
    unsigned char *rows; /* of the responses: HELD, STAYS */
    float *single;       /* the responses, as they came */
    double *full;
    int is_poisoned;
} state_t;

/* Rows of the responses that sample i is decoded from. */
static void
mark_rows(const ba_decoder_job_t *job, size_t i, int mark, unsigned char *rows)
{
    const ba_space_t *space = &job->inputs.space;

    for (size_t d = 0; d < space->n_delays; d++) {
        ptrdiff_t row = (ptrdiff_t) i - space->delays[d];

        if (row >= 0 && row < (ptrdiff_t) job->blocks.n) {
            rows[row] |= (unsigned char) mark;
        }
    }
}

static void
restore(state_t *state)
{
    ba_decoder_job_t *job = state->job;
    size_t n = job->blocks.n, columns = job->inputs.space.n_features;

    memcpy(job->targets.values, state->values, n * job->targets.n_dims * sizeof(double));
    if (state->category) {
        memcpy(job->targets.category, state->category, n * sizeof *state->category);
    }
    if (state->is_poisoned && job->inputs.single) {
        memcpy(job->inputs.single, state->single, n * columns * sizeof(float));
    } else if (state->is_poisoned) {
        memcpy(job->inputs.full, state->full, n * columns * sizeof(double));
    }
    state->is_poisoned = 0;
}

static int
poison(void *payload, const unsigned char *held, size_t probe)
{
    state_t *state = payload;
    ba_decoder_job_t *job = state->job;
    ba_decoder_inputs_t *inputs = &job->inputs;
    size_t n = job->blocks.n;

    restore(state);
    if (!held) {
        return BA_OK;
    }
    state->is_poisoned = 1;
    memset(state->rows, 0, n);
    for (size_t i = 0; i < n; i++) {
        mark_rows(job, i, held[i] && i != probe ? HELD : STAYS, state->rows);
        if (held[i] && state->category) {
            job->targets.category[i] =
                (state->category[i] + 1) % (int32_t) job->targets.n_dims;
        }
        for (size_t j = 0; held[i] && j < job->targets.n_dims; j++) {
            double *y = job->targets.values + i + j * n;

            *y = ba_disturb_value(i, j, *y);
        }
    }
    for (size_t at = 0; at < n * inputs->space.n_features; at++) {
        size_t i = at % n, j = at / n;

        if (state->rows[i] != HELD) {
            continue;
        }
        if (inputs->single) {
            inputs->single[at] =
                (float) ba_disturb_value(i, j, (double) inputs->single[at]);
        } else {
            inputs->full[at] = ba_disturb_value(i, j, inputs->full[at]);
        }
    }
    return BA_OK;
}

static int
exchange(void *payload, const size_t *order)
{
    state_t *state = payload;
    ba_decoder_targets_t *targets = &state->job->targets;
    size_t n = targets->n_samples;

    restore(state);
    for (size_t at = 0; order && at < n * targets->n_dims; at++) {
        targets->values[at] = state->values[at / n * n + order[at % n]];
    }
    for (size_t i = 0; order && state->category && i < n; i++) {
        targets->category[i] = state->category[order[i]];
    }
    return BA_OK;
}

static int
fit(void *payload, const ba_ctx_t *ctx, const ba_fit_opts_t *opts,
    const ba_fit_sink_t *sink, ba_fit_result_t *result, ba_audit_choice_t *choice)
{
    state_t *state = payload;
    ba_fit_info_t info = {0};
    int status = ba_decoder_run(ctx, state->job, opts, sink, result, &info);

    *choice = (ba_audit_choice_t){.columns = state->job->chosen.columns,
        .scores = state->job->chosen.scores,
        .n = state->job->chosen.n,
        .n_scores = state->job->chosen.n_scores};
    return status;
}

size_t
ba_decoder_audit_bytes(const ba_decoder_job_t *job)
{
    size_t n = job->blocks.n, categories = job->targets.category ? n : 0;

    return ba_decoder_inputs_bytes(&job->inputs, n) +
           n * job->targets.n_dims * sizeof(double) + categories * sizeof(int32_t) + n;
}

int
ba_decoder_audit(const ba_ctx_t *ctx, ba_decoder_job_t *job, ba_audit_t *out)
{
    int status;
    size_t n = job->blocks.n, columns = job->inputs.space.n_features;
    size_t n_targets = n * job->targets.n_dims;
    state_t state = {.job = job};
    ba_auditee_t auditee = {.payload = &state,
        .data = &job->data,
        .opts = &job->fit,
        .poison = poison,
        .exchange = exchange,
        .fit = fit};

    BA_TRY_ALLOC(state.values, ba_malloc(n_targets, sizeof *state.values));
    memcpy(state.values, job->targets.values, n_targets * sizeof *state.values);
    if (job->targets.category) {
        BA_TRY_ALLOC(state.category, ba_malloc(n, sizeof *state.category));
        memcpy(state.category, job->targets.category, n * sizeof *state.category);
    }
    BA_TRY_ALLOC(state.rows, ba_malloc(n, 1));
    if (job->inputs.single) {
        BA_TRY_ALLOC(state.single, ba_malloc(n, columns * sizeof *state.single));
        memcpy(state.single, job->inputs.single, n * columns * sizeof *state.single);
    } else {
        BA_TRY_ALLOC(state.full, ba_malloc(n, columns * sizeof *state.full));
        memcpy(state.full, job->inputs.full, n * columns * sizeof *state.full);
    }
    BA_TRY(ba_audit(ctx, &auditee, out));
out:
    ba_free(state.values);
    ba_free(state.category);
    ba_free(state.rows);
    ba_free(state.single);
    ba_free(state.full);
    return status;
}
