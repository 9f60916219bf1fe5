/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fitting loop where feature spaces have penalties of their own: kernels made once a
 * problem, a search over points delta = gamma / alpha, one solve for every point that some
 * target has chosen. */
#ifndef BA_FIT_BANDS_H
#define BA_FIT_BANDS_H

#include "fit/operators.h"
#include "fit/run.h"
#include "model/spaces.h"

/* Nodes of automatic alphas, and steps between two of them that a target can choose: a
 * candidate's curve needs to be known less well than that of the only model. */
#define BA_BAND_NODES 6
#define BA_BAND_STEPS 4

struct band {
    ba_spaces_t spaces;
    removal_t *removals; /* one an inner split */
    size_t n_removals;
};

/* What the final products of all targets need. */
struct band_refit {
    const ba_spaces_t *spaces;
    void *
        *apply; /* n_spaces: n_test x (n or columns of the space); NULL without a test */
    void *back; /* dual: p x n by place, NULL without weights */
    int want_weights;
    double *offset; /* dual: n x n_spaces, what the columns' means contribute; NULL where
                       they are 0 */
};

/* What the search of one model of one problem has found, and its candidates. */
struct search {
    double *gammas; /* n_candidates x n_spaces */
    size_t n_candidates, n_room;
    double *alphas; /* n_alphas that can be chosen */
    size_t n_alphas, n_alpha_room;
    double
        *spline; /* n_alphas x nodes: scores at the alphas from those at the nodes; NULL
                       = alphas are the nodes */
    int32_t *candidate, *alpha; /* n_targets: chosen, -1 = none yet */
    double *curve;  /* nodes x n_targets at the chosen candidate; with want_cv */
    double *scores; /* n_room x n_targets; with want_cv */
    double *by;     /* n_room x n_by: scores of the targets that refinement goes by */
    size_t n_by;
    double *others; /* n_others x n_spaces: samples that refinement chooses from, too */
    size_t n_others;
    double *score; /* n_targets: of the candidate at hand, NaN = none, and its alpha */
    int32_t *at;
    double best_mean; /* over targets, where they share one candidate */
    char *unknowns;   /* of n_tiles tiles from tile0 */
    size_t unknown_size, tile0, n_tiles;
};

/* The band of a prepared problem: kernels or Gram matrix; alphas. */
int ba_band_make(const ba_ctx_t *ctx, prepared_t *prepared) BA_MUST_USE;
void ba_band_free(band_t *band);

/* What inner splits leave out; after the primal's products. */
int ba_band_removals(const ba_ctx_t *ctx, prepared_t *prepared) BA_MUST_USE;

/* Operators of the inner folds at n_points points (n_points x n_spaces), n_side of them
 * made side by side. */
int ba_band_operators(const ba_ctx_t *ctx, const prepared_t *prepared,
    const double *deltas, size_t n_points, size_t n_side, operators_t *out) BA_MUST_USE;

int ba_search_new(run_t *run) BA_MUST_USE;
void ba_search_free(search_t *search);

/* Searches one model's candidates: search->candidate and ->alpha, run->best_alphas,
 * ->best_scores, ->cv. */
int ba_search_model(run_t *run, prepared_t *prepared, size_t model) BA_MUST_USE;

/* delta of target t, n_spaces numbers. */
void ba_search_delta(const run_t *run, size_t t, double *delta);

/* Weights, predictions and scores at what was chosen. */
int ba_band_refit(run_t *run, prepared_t *prepared) BA_MUST_USE;

/* band_result.c: what was chosen in a problem, and the scores of one of several models. */
int ba_result_keep_search(run_t *run, const prepared_t *prepared) BA_MUST_USE;
void ba_result_keep_model(const run_t *run, const prepared_t *prepared, size_t model);

/* band_budget.c: bytes of a problem with its tiles (as in budget.c), points side by side,
 * tiles whose unknowns are held. */
typedef struct {
    size_t n_points, n_side, n_tiles;
} band_holding_t;

double ba_band_bytes(const ba_ctx_t *ctx, const plan_t *plan,
    const band_holding_t *holding, double tiles, double scratch);
double ba_band_result_bytes(const plan_t *plan);
size_t ba_band_side(const ba_ctx_t *ctx, const plan_t *plan);
size_t ba_band_tiles(const ba_ctx_t *ctx, const plan_t *plan);
size_t ba_band_tiles_of(const ba_ctx_t *ctx, const plan_t *plan, size_t flight);

#endif
