/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Joining shards to one encoder file. */
#ifndef BA_ENCODE_ENCODER_JOIN_H
#define BA_ENCODE_ENCODER_JOIN_H

#include "brainalign/bundle.h"
#include "brainalign/encode.h"
#include "encode/encoder_work.h"

/* A shard on its way into the whole. */
typedef struct {
    const char *file;
    size_t start, stop; /* targets */
    ba_work_t work;
} ba_part_t;

/* Checks that the files are complete encoders of one work whose targets make up the whole,
 * once each: BA_FORMAT, BA_SHAPE. *parts, n_files of them in the order of their targets, is
 * for the caller to free with ba_free(). */
int ba_encoder_parts(const ba_encoder_merge_opts_t *opts, ba_part_t **parts) BA_MUST_USE;

/* The same, then all of them in a new file, which the caller commits and frees. */
int ba_encoder_join(const ba_ctx_t *ctx, const ba_encoder_merge_opts_t *opts,
    ba_bundle_t **out) BA_MUST_USE;

#endif
