/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode fit --audit: responses are streamed, so that they are disturbed tile by tile once
 * they are prepared within runs, and predictors where they are read, with their delays. */
#include "encode/encoder_audit.h"

#include "core/alloc.h"
#include "fit/audit.h"
#include "model/disturb.h"

#include <string.h>

typedef struct {
    ba_encode_job_t *job;
    ba_fit_data_t data;
    ba_disturb_t disturb;
    unsigned char *columns; /* n_samples */
} state_t;

static int
poison(void *payload, const unsigned char *held, size_t probe)
{
    state_t *state = payload;
    size_t n = state->data.runs->n_samples;

    if (held) {
        memcpy(state->columns, held, n);
        if (probe < n) {
            state->columns[probe] = 0;
        }
    }
    state->disturb =
        (ba_disturb_t){.columns = held ? state->columns : NULL, .targets = held};
    return BA_OK;
}

static int
exchange(void *payload, const size_t *order)
{
    state_t *state = payload;

    state->disturb = (ba_disturb_t){.order = order};
    return BA_OK;
}

static int
fit(void *payload, const ba_ctx_t *ctx, const ba_fit_opts_t *opts,
    const ba_fit_sink_t *sink, ba_fit_result_t *result, ba_audit_choice_t *choice)
{
    state_t *state = payload;

    *choice = (ba_audit_choice_t){0};
    return ba_fit_run(ctx, &state->data, opts, sink, result, NULL);
}

int
ba_encode_audit(const ba_ctx_t *ctx, ba_encode_job_t *job, ba_audit_t *out)
{
    int status;
    state_t state = {.job = job, .data = job->data};
    ba_auditee_t auditee = {.payload = &state,
        .data = &state.data,
        .opts = &job->fit,
        .poison = poison,
        .exchange = exchange,
        .fit = fit};

    if (ba_pca_most(job->data.design) > 0) {
        return ba_fail(BA_UNSUPPORTED,
            "audit: found with principal components, wanted the features themselves");
    }
    if (ba_bands_n_models(&job->fit.bands) > 1) {
        return ba_fail(
            BA_UNSUPPORTED, "audit: found with several models of bands, wanted one");
    }
    state.data.disturb = &state.disturb;
    state.data.responses = NULL;
    BA_TRY_ALLOC(state.columns, ba_malloc(state.data.runs->n_samples, 1));
    ba_design_disturb(job->train.design, &state.disturb);
    BA_TRY(ba_audit(ctx, &auditee, out));
out:
    ba_design_disturb(job->train.design, NULL);
    ba_free(state.columns);
    return status;
}
