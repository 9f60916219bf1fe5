/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of ba_prepare() share. */
#ifndef BA_DATASETS_TIMELINE_H
#define BA_DATASETS_TIMELINE_H

#include "brainalign/bundle.h"
#include "brainalign/source.h"
#include "datasets/scan.h"
#include "datasets/tokens.h"
#include "datasets/words.h"

/* One feature space: its activations, a row per word or token. */
typedef struct {
    char *name;
    size_t n_parts;
    ba_source_t **parts; /* until they are stacked */
    ba_source_t *source;
} ba_timeline_space_t;

/* Words in the clock of their scan. Items are the words that have a time. */
typedef struct {
    const ba_ctx_t *ctx;
    const ba_prepare_opts_t *opts;
    ba_words_t words;
    ba_scan_t scan;
    ba_tokens_t tokens;     /* file NULL = rows are words */
    size_t *items;          /* of all runs: indices of words */
    size_t *first_item;     /* n_runs + 1 */
    double *onset, *offset; /* of items: seconds of the run's scan */
    ba_timeline_space_t *spaces;
    size_t n_spaces;
    ba_source_t *responses;
    char **paths; /* n_paths: data sets of features and controls written */
    size_t n_paths;
    ba_prepare_info_t info;
} ba_timeline_t;

/* From the items of one run to its volumes: `base`, then each of the responses to what it
 * gives; or the responses to the items. */
typedef struct {
    ba_resampler_t base, response[3];
    int has_base;
    size_t n_responses;
} ba_timeline_map_t;

/* ---- timeline_words.c ---- */

/* Fills items, their times and what `info` says of them. BA_FORMAT: order, overlaps;
 * BA_SHAPE: outside the volumes. */
int ba_timeline_place(ba_timeline_t *timeline) BA_MUST_USE;

/* Volume of the whole recording in which an item of run k begins, SIZE_MAX = none. */
size_t ba_timeline_volume(const ba_timeline_t *timeline, size_t k, size_t item);

/* ---- timeline_map.c ---- */

/* Columns that one column of items becomes. */
size_t ba_timeline_n_bases(const ba_prepare_opts_t *opts);

/* "canonical", "time", "dispersion": of column block `b`. */
const char *ba_timeline_basis_name(size_t b);

int ba_timeline_map_make(const ba_timeline_t *timeline, size_t run,
    ba_prepare_resample_t how, ba_timeline_map_t *out) BA_MUST_USE;
void ba_timeline_map_free(ba_timeline_map_t *map);

/* y = block `b` of what the map makes of x; scratch has the shape of y. */
void ba_timeline_map_apply(const ba_ctx_t *ctx, const ba_timeline_map_t *map, size_t b,
    ba_cdmat_t x, ba_dmat_t scratch, ba_dmat_t y);

/* ---- timeline_features.c ---- */
int ba_timeline_open_spaces(ba_timeline_t *timeline) BA_MUST_USE;
void ba_timeline_free_spaces(ba_timeline_t *timeline);
int ba_timeline_write_features(ba_timeline_t *timeline, ba_bundle_t *bundle) BA_MUST_USE;

/* Reserves `path` with n_cols columns in the precision asked for, and lists it. */
int ba_timeline_reserve(ba_timeline_t *timeline, ba_bundle_t *bundle, const char *path,
    size_t n_cols, ba_sink_t **sink) BA_MUST_USE;

/* Writes a column-major block into rows row0.., columns col0.. of a sink in the precision
 * asked for. */
int ba_timeline_write_block(const ba_timeline_t *timeline, ba_sink_t *sink, size_t row0,
    size_t col0, ba_cdmat_t block) BA_MUST_USE;

/* ---- timeline_controls.c ---- */

/* The controls that the words have columns for. */
unsigned ba_timeline_controls(const ba_timeline_t *timeline);
int ba_timeline_write_controls(ba_timeline_t *timeline, ba_bundle_t *bundle) BA_MUST_USE;

/* ---- timeline_write.c: all that is neither feature nor control ---- */
int ba_timeline_write_frame(
    const ba_timeline_t *timeline, ba_bundle_t *bundle) BA_MUST_USE;

#endif
