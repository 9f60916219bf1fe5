/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a joined encoder came from. */
#ifndef BA_ENCODE_ENCODER_PROVENANCE_H
#define BA_ENCODE_ENCODER_PROVENANCE_H

#include "encode/encoder_join.h"
#include "io/bundle_walk.h"

/* Writes /provenance: that of the shard of the first targets, whose content is given, with
 * the earliest start, the seconds of all and the largest peak, and the files that were
 * joined. Warns where they were fitted by different BLAS cores. */
int ba_merged_provenance(const ba_ctx_t *ctx, const ba_part_t *parts, size_t n_parts,
    const ba_encoder_merge_opts_t *opts, const ba_bundle_t *first,
    const ba_bundle_content_t *content, ba_bundle_t *out) BA_MUST_USE;

#endif
