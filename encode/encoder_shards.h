/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fit in shards, and one that goes on where it was stopped. */
#ifndef BA_ENCODE_ENCODER_SHARDS_H
#define BA_ENCODE_ENCODER_SHARDS_H

#include "encode/encoder_job.h"

/* Refuses options that contradict one another and outputs that are in the way, and settles
 * the range of a single shard. */
int ba_encode_shards_check(
    const ba_dataset_t *dataset, ba_encode_fit_opts_t *opts) BA_MUST_USE;

/* Whether all targets are to be fitted, in shards if there are several. */
int ba_encode_wants_shards(const ba_encode_fit_opts_t *opts);

/* How many: those asked for, those of the folder that is there, or as many as cost little
 * more than one. */
int ba_encode_shards_number(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_encode_job_t *job, size_t *n) BA_MUST_USE;

/* Memory of the largest shard, work of all. */
int ba_encode_shards_plan(const ba_ctx_t *ctx, ba_encode_job_t job, size_t n_targets,
    size_t n_shards, ba_encode_fit_info_t *info) BA_MUST_USE;

/* Fits those that are missing, joins all, writes the outputs, removes the folder. */
int ba_encode_shards_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, ba_encode_job_t *job, size_t n_shards,
    ba_encode_fit_info_t *info) BA_MUST_USE;

/* ---- encoder_resume.c ---- */

/* With opts->resume: info->was_complete where the output is there, of the same work; a
 * table or map that is missing beside it is then written. Else outputs that are in the way
 * are refused. */
int ba_encode_resume(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_encode_job_t *job,
    ba_encode_fit_info_t *info) BA_MUST_USE;

/* BA_OK when the file holds targets start .. stop - 1 of this work, complete; BA_FORMAT,
 * BA_SHAPE saying what it is instead. */
int ba_encode_check_file(
    const char *file, const ba_work_t *work, size_t start, size_t stop) BA_MUST_USE;

#endif
