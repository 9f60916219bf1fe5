/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a result came from: written into every result file under /provenance. */
#ifndef BA_DATASETS_PROVENANCE_H
#define BA_DATASETS_PROVENANCE_H

#include "brainalign/bundle.h"
#include "brainalign/dataset.h"

typedef struct {
    const ba_ctx_t *ctx;
    int argc; /* full argument list, 0 = not known */
    const char *const *argv;
    char start[32];       /* ba_utc_now() at the start */
    double start_seconds; /* ba_seconds() at the start */
} ba_provenance_t;

/* Notes the start. */
ba_provenance_t ba_provenance_start(
    const ba_ctx_t *ctx, int argc, const char *const *argv);

/* Writes version, build, BLAS core, arguments, seed, threads, start, wall seconds, peak
 * bytes, and every file behind `dataset` (and `more`, NULL-terminated or NULL) with its
 * size and XXH3-128. */
int ba_provenance_write(const ba_provenance_t *provenance, const ba_dataset_t *dataset,
    const char *const *more, ba_bundle_t *bundle) BA_MUST_USE;

/* A list of such files; all zero is an empty one. */
typedef struct {
    size_t n;
    char **names; /* n and a NULL; NULL = none */
} ba_input_files_t;

/* Adds a file, or that of a SPEC; NULL adds nothing. */
int ba_input_files_add(ba_input_files_t *files, const char *file) BA_MUST_USE;
int ba_input_files_add_spec(ba_input_files_t *files, const char *spec) BA_MUST_USE;
void ba_input_files_free(ba_input_files_t *files);

#endif
