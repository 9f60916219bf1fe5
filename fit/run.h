/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one call of the fitting loop owns. */
#ifndef BA_FIT_RUN_H
#define BA_FIT_RUN_H

#include "fit/fit_impl.h"

/* Output buffers of one tile in flight. */
typedef struct {
    double mean[BA_TILE], scale[BA_TILE], baseline[BA_TILE], alphas[BA_TILE];
    double r[BA_TILE], r2[BA_TILE], intercept[BA_TILE];
    int32_t constant[BA_TILE];
    double *scores; /* n_alphas x BA_TILE */
    int32_t *counts;
    double *weights, *predictions;
    double *delta, *r2_split, *r_split; /* bands: n_spaces x BA_TILE */
} slot_t;

typedef struct search search_t; /* bands.h */

typedef struct {
    const ba_ctx_t *ctx;
    plan_t plan;
    tiles_t *tiles, *test_tiles;
    const ba_fit_sink_t *sink;
    ba_fit_result_t *result;
    ba_fit_info_t *info;
    slot_t *slots;
    size_t n_slots;
    size_t n_threads;
    int is_double;
    double *cv;       /* n_alphas x n_targets of the problem at hand */
    double *baseline; /* n_targets */
    double *best_alphas, *best_scores;
    int32_t *no_inner;    /* n_targets: no inner score in the final fit */
    int32_t *usable;      /* n_targets: varies over the training rows at hand */
    int32_t *test_status; /* n_targets: of a fixed test set */
    char
        *totals; /* primal: n_products x BA_TILE numbers of every tile, NULL = not kept */
    size_t total_size;    /* bytes of one tile's */
    int has_totals;       /* they are those of the problem at hand */
    double done, total;   /* tiles */
    size_t passes_before; /* what others have read already, where responses are shared */
    double seconds_before;
    search_t *search; /* bands; NULL without */
} run_t;

/* What is done to every tile of a problem: `work` on any thread, `collect` in order. */
typedef struct stage stage_t;
struct stage {
    tile_job_t job; /* what all tiles share */
    void (*work)(const run_t *run, const tile_job_t *job, void *scratch);
    int (*collect)(run_t *run, const stage_t *stage, const slot_t *slot, size_t t);
    size_t a0;     /* selection: first alpha of the chunk */
    size_t t0, t1; /* tiles, half open; 0, 0 = all */
};

int ba_stage_run(run_t *run, const stage_t *stage) BA_MUST_USE;

/* Inner scores of all tiles for some alphas (or points), to run->cv from row a0. */
int ba_run_select(run_t *run, const prepared_t *prepared, const operators_t *operators,
    size_t a0) BA_MUST_USE;

/* What a refit's tile says, to the result and to the sink. */
int ba_run_collect(run_t *run, const prepared_t *prepared, const slot_t *slot, size_t t,
    int has_weights) BA_MUST_USE;

/* Buffers, tiles and the count of tiles to come; ctx, plan, sink, result and info are set
 * already. */
int ba_run_make(run_t *run) BA_MUST_USE;
void ba_run_free(run_t *run);

/* ---- responses.c: tiles that outlive a run ---- */

/* Tiles that are there already become the run's, for the time being, with what was found
 * about them. Nothing without shared responses or before anybody has read them.
 * BA_VALUE: of other targets or rows. */
int ba_responses_take(run_t *run) BA_MUST_USE;

/* At the end of a run whose tiles are complete: they go (back) to those shared. */
int ba_responses_keep(run_t *run) BA_MUST_USE;

/* Tiles to read at a time: those agreed on, or `otherwise`. */
size_t ba_responses_in_flight(const ba_fit_responses_t *responses, size_t otherwise);

/* Tiles at hand for another reader than a run; NULL where none are. */
tiles_t *ba_responses_lend(
    ba_fit_responses_t *responses, int of_test_set, const tiles_opts_t *opts);

#endif
