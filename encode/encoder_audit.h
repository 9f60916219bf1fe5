/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BA_ENCODE_ENCODER_AUDIT_H
#define BA_ENCODE_ENCODER_AUDIT_H

#include "encode/encoder_job.h"

/* The audit of a job that is open. BA_UNSUPPORTED with principal components. */
int ba_encode_audit(
    const ba_ctx_t *ctx, ba_encode_job_t *job, ba_audit_t *out) BA_MUST_USE;

#endif
