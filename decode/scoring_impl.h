/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the files of decode score share their work. */
#ifndef BA_DECODE_SCORING_IMPL_H
#define BA_DECODE_SCORING_IMPL_H

#include "brainalign/scoring.h"
#include "brainalign/source.h"
#include "brainalign/table.h"
#include "datasets/provenance.h"
#include "io/json_writer.h"

/* Items in memory: `rows` (n_items * segment x n_dims), and `flat` (n_items x segment *
 * n_dims), each item side by side; the same array where a segment is one row. */
typedef struct {
    size_t n_items, segment, n_dims;
    double *rows, *flat;
} ba_patterns_t;

typedef struct {
    ba_source_t *predicted, *truth, *gallery, *own, *groups, *repeats; /* or NULL */
    ba_runs_t runs;                                                    /* of rows */
    ba_runs_t item_runs;                                               /* of items */
    size_t *starts; /* n_items: first row of each */
    size_t n_items, segment, n_rows, n_dims, n_candidates;
    size_t n_missing; /* rows that were not decoded: predictions without any number */
} ba_scoring_inputs_t;

/* scoring_inputs.c: opens everything and checks shapes; reads run ids alone. Call
 * ba_scoring_close() in any case. */
int ba_scoring_open(const ba_ctx_t *ctx, const ba_decode_score_opts_t *opts,
    ba_scoring_inputs_t *out) BA_MUST_USE;
void ba_scoring_close(ba_scoring_inputs_t *inputs);

/* Items of a slab of a source that start at the rows starts[]. BA_NONFINITE. The caller
 * frees with ba_patterns_free(), in any case. */
int ba_patterns_read(ba_source_t *source, size_t slab, const size_t *starts,
    size_t n_items, size_t segment, ba_patterns_t *out) BA_MUST_USE;
void ba_patterns_free(ba_patterns_t *patterns);

/* Makes `flat` from `rows`. BA_NOMEM. */
int ba_patterns_flatten(ba_patterns_t *patterns) BA_MUST_USE;

/* The gallery, cut from its first row on. */
int ba_scoring_gallery(const ba_scoring_inputs_t *inputs, ba_patterns_t *out) BA_MUST_USE;

/* Label of each item's group; *n_groups: how many there are. */
int ba_scoring_groups(
    const ba_scoring_inputs_t *inputs, size_t **groups, size_t *n_groups) BA_MUST_USE;

/* scoring_gallery.c: the candidate that is each item's own, as told or as found by its
 * values. BA_SHAPE. */
int ba_scoring_own(const ba_scoring_inputs_t *inputs, const ba_patterns_t *truth,
    const ba_patterns_t *gallery, size_t **own) BA_MUST_USE;

/* Candidates that equal an earlier one. */
int ba_scoring_identical(const ba_patterns_t *candidates, size_t *n) BA_MUST_USE;

/* scoring_means.c: r of every dimension over rows and of every item over its numbers, and
 * the matrices (n_items x n_items) whose means over items they are under any order; these
 * only where `with_traces`. Call ba_scoring_means_free() in any case. */
typedef struct {
    double *r, *pattern; /* n_dims, n_items: NaN where undefined */
    size_t n_r, n_pattern;
    double *r_matrix, *pattern_matrix; /* or NULL */
} ba_scoring_means_t;

int ba_scoring_means(const ba_ctx_t *ctx, const ba_patterns_t *predicted,
    const ba_patterns_t *targets, int with_traces, ba_scoring_means_t *out) BA_MUST_USE;
void ba_scoring_means_free(ba_scoring_means_t *means);

/* scoring_write.c: what is written, under temporary names until the end; NULL = not asked
 * for. */
typedef struct {
    ba_json_writer_t *json;
    ba_table_writer_t *table;
} ba_scoring_outputs_t;

/* BA_EXISTS, BA_IO. A dry run looks only. Call ba_scoring_outputs_close() in any case. */
int ba_scoring_outputs_open(
    const ba_decode_score_opts_t *opts, ba_scoring_outputs_t *out) BA_MUST_USE;
void ba_scoring_outputs_close(ba_scoring_outputs_t *outputs);

/* better, tied: of each item. */
int ba_scoring_write(const ba_scoring_outputs_t *outputs,
    const ba_provenance_t *provenance, const ba_decode_score_opts_t *opts,
    const ba_scoring_inputs_t *inputs, const size_t *better, const size_t *tied,
    const ba_decode_scores_t *scores) BA_MUST_USE;

#endif
