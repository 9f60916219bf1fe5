/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What decode fit holds beside what the fit plans for itself: the responses, all through;
 * alignment weights, neighbourhoods, copies of the audit and of chosen columns, while models
 * are fitted. Making an alignment and choosing columns have peaks of their own. */
#include "decode/decoder_impl.h"

ba_ctx_t
ba_decoder_context(const ba_ctx_t *ctx, size_t held)
{
    ba_ctx_t own = ctx ? *ctx : ba_ctx_default();
    size_t allowed = ba_ctx_memory(ctx);

    own.memory = allowed > held ? allowed - held : 1;
    return own;
}

size_t
ba_decoder_held(const ba_decoder_job_t *job)
{
    const ba_decoder_inputs_t *inputs = &job->inputs;
    size_t bytes = ba_decoder_inputs_bytes(inputs, job->blocks.n);

    if (ba_decoder_chooses(job->opts)) {
        bytes += bytes / inputs->n_voxels * ba_decoder_n_columns(job);
    }
    return bytes + ba_common_bytes(&job->common) +
           ba_neighbourhoods_bytes(&job->neighbourhoods) +
           (job->opts->audit ? ba_decoder_audit_bytes(job) : 0);
}

int
ba_decoder_plan_choice(const ba_ctx_t *ctx, ba_decoder_job_t *job)
{
    if (!ba_decoder_chooses(job->opts)) {
        return BA_OK;
    }
    switch (job->opts->voxel_score) {
    case BA_VOXELS_ENCODING:
        return ba_decoder_encoding_bytes(ctx, job, &job->choosing);
    case BA_VOXELS_SEARCHLIGHT:
        return ba_decoder_searchlight_bytes(ctx, job, &job->choosing);
    case BA_VOXELS_ROI:
        return ba_decoder_rois_bytes(ctx, job, &job->choosing);
    default: /* a column at a time */
        return BA_OK;
    }
}

size_t
ba_decoder_peak(const ba_decoder_job_t *job, size_t held, size_t fit)
{
    size_t most = fit > job->choosing ? fit : job->choosing;
    size_t making = (size_t) job->common.making;

    return held + most > making ? held + most : making;
}
