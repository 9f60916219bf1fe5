/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fingerprint of a piece of work: everything that decides the result, whatever the
 * threads, the memory, the names of the outputs and the part of the targets. Shards of one
 * job have equal ones. */
#ifndef BA_ENCODE_ENCODER_WORK_H
#define BA_ENCODE_ENCODER_WORK_H

#include "brainalign/bundle.h"
#include "brainalign/encode.h"

typedef struct ba_encode_job ba_encode_job_t;

/* "version:0123456789abcdef features:... ...", a hash for every part of the work. */
enum { BA_WORK_BYTES = 320 };

typedef struct {
    char text[BA_WORK_BYTES];
} ba_work_t;

/* BA_IO: an input cannot be looked at. */
int ba_work_make(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    const ba_encode_job_t *job, ba_work_t *out) BA_MUST_USE;

/* The `work` of a result file. BA_FORMAT where it has none. */
int ba_work_read(const ba_bundle_t *bundle, const char *file, ba_work_t *out) BA_MUST_USE;

/* Whether two are the same; else `difference` names the parts, "other features, other
 * splits". */
int ba_work_is_same(
    const ba_work_t *a, const ba_work_t *b, char difference[BA_WORK_BYTES]);

#endif
