/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of the fitting loop.
 *
 * A run is a list of problems: one for each outer fold, and the final fit on all rows. A
 * problem's inner cross-validation needs, for every inner fold k and alpha a, the
 * predictions of the left-out rows: an operator P[k][a] applied to a right-hand side R[k]
 * of the rows that stay. Both come from one factorisation (model/holdout.c), or from one
 * per inner fold where the scaling is refitted (strict). So a tile of targets costs
 * matrix products only, and every tile is independent of all others.
 *
 * "Position" means an index into the kept rows (after trimming); base tiles hold the kept
 * rows. */
#ifndef BA_FIT_IMPL_H
#define BA_FIT_IMPL_H

#include "brainalign/fit.h"

/* Which rows an inner fold trains on and predicts: ascending positions. */
typedef struct {
    size_t *stay, n_stay;
    size_t *validate, n_validate;
} split_t;

/* One training problem. */
typedef struct {
    int fold; /* outer fold, -1 = the final fit */
    size_t *train, n_train;
    size_t *test,
        n_test; /* positions; empty for the final fit of a run with outer folds */
    int32_t *inner_fold; /* n_train, -1 = never held out */
    split_t *inner;
    size_t n_inner;
} problem_t;

/* The rows, splits and decisions of a run, before any number is read. */
typedef struct {
    const ba_fit_data_t *data;
    const ba_fit_opts_t *opts;
    size_t n_samples, n_used, n_columns, n_targets; /* n_targets: of the range */
    size_t *rows;                                   /* n_used sample indices */
    ba_runs_t runs;                                 /* of the kept rows */
    size_t *test_rows;   /* fixed test set: kept sample indices of it */
    ba_runs_t test_runs; /* and their runs */
    int32_t *outer_fold; /* n_used */
    size_t n_outer; /* outer folds (problems with a test part besides the final fit) */
    problem_t *problems; /* n_outer, then the final fit */
    size_t n_problems;
    ba_scale_t scale_features, scale_targets; /* resolved */
    ba_intercept_t intercept;                 /* of the fits themselves */
    ba_intercept_t factor_intercept;          /* factors centre their columns */
    ba_intercept_t
        inner_intercept;      /* of the inner folds' fits: their columns are centred */
    int inner_centre_targets; /* and their targets */
    int strict;               /* every inner fold is factorised by itself */
    int centre_targets;       /* training means are taken off the targets */
    ba_solver_t solver;
    int shared_outer; /* outer folds by the final fit's factorisation */
    int reduces;      /* dual: kernels are reduced to bands where they may be */
    char reason[160];
} plan_t;

/* Whether feature spaces have penalties of their own. */
static inline int
ba_plan_is_banded(const plan_t *plan)
{
    return plan->opts->bands.gammas != NULL;
}

int ba_plan_make(const ba_ctx_t *ctx, const ba_fit_data_t *data,
    const ba_fit_opts_t *opts, plan_t *plan) BA_MUST_USE;
void ba_plan_free(plan_t *plan);

/* Number of alphas of a run (grid or nodes). */
size_t ba_plan_n_alphas(const plan_t *plan);

/* Folds, and the samples that fits train on, in the info. */
void ba_plan_count_splits(const plan_t *plan, ba_fit_info_t *info);

/* cost.c: picks solver and reason; flops of a run, and of its tiles alone. */
void ba_cost_choose_solver(plan_t *plan);
double ba_cost_flops(const plan_t *plan, double *tiles);

/* Whether dual kernels are better reduced (model/ridge_reduced.h) than decomposed, once
 * all else is decided: sets `reduces`, and says so in the reason. */
void ba_cost_choose_reducing(plan_t *plan);

/* Whether a block of so many rows is worth an orthonormal basis of its own: fewer
 * coordinates than rows for every alpha. */
int ba_cost_is_projected(const plan_t *plan, size_t n_rows);

/* Whether a dual problem's mean squared errors are had cheaper from one quadratic form
 * of all folds: many targets for every sample. */
int ba_cost_is_pooled(const plan_t *plan, const problem_t *problem);

/* budget.c: alphas whose operators are held at a time, tiles in flight, problems that are
 * factorised side by side, whether prepared tiles are kept; and all of it in the info,
 * BA_TOO_LARGE where even the smallest form passes the budget. */
size_t ba_budget_alpha_chunk(const ba_ctx_t *ctx, const plan_t *plan);
size_t ba_budget_tiles_in_flight(const ba_ctx_t *ctx, const plan_t *plan);
size_t ba_budget_factor_batch(const ba_ctx_t *ctx, const plan_t *plan);
int ba_budget_is_cached(const ba_ctx_t *ctx, const plan_t *plan);
int ba_budget_keeps_totals(const ba_ctx_t *ctx, const plan_t *plan);
int ba_budget_check(
    const ba_ctx_t *ctx, const plan_t *plan, ba_fit_info_t *info) BA_MUST_USE;

/* ---- tiles.c: responses, read and prepared ---- */

typedef struct tiles tiles_t;

/* A prepared tile: BA_TILE columns over the kept rows, in the run's precision; columns
 * outside the range or not usable are 0. */
typedef struct {
    size_t n_columns; /* at work: those that the data have there, a multiple of 32 */
    const void *base; /* n_rows x BA_TILE, float or double */
    const double *
        run_mean; /* n_runs x BA_TILE, what per-run z-scoring took off; NULL without it */
    const double *run_scale;
    const double *slabs; /* n_slabs times n_rows x BA_TILE; NULL unless kept */
} tile_t;

/* A reader of `source` (averaged over its slabs) at `rows`, with per-run transforms.
 * status (n_targets of the range) is filled on the first reading, and so is row_hash
 * (n_samples of the source; NULL = not wanted). */
typedef struct {
    ba_source_t *source;
    const size_t *rows;
    size_t n_rows;
    const ba_runs_t *runs; /* of the kept rows */
    const ba_detrend_opts_t *detrend;
    ba_cdmat_t
        nuisance; /* all samples of the source x (columns of every slab, side by side) */
    int zscore_runs;
    ba_precision_t precision;
    size_t target_start, target_stop;
    int32_t *status;
    uint64_t *row_hash;
    int cached;     /* keep every prepared tile */
    int keep_slabs; /* every repeat of the tiles in flight beside their average */
    size_t n_in_flight;
    const struct ba_disturb *disturb; /* of audits */
} tiles_opts_t;

int ba_tiles_open(
    const ba_ctx_t *ctx, const tiles_opts_t *opts, tiles_t **out) BA_MUST_USE;
void ba_tiles_close(tiles_t *tiles);

/* Number of tiles, and the targets of the range that tile t holds: [first, first + n),
 * starting in its column `column`. */
size_t ba_tiles_count(const tiles_t *tiles);
void ba_tiles_range(
    const tiles_t *tiles, size_t t, size_t *first, size_t *n, size_t *column);

/* Loads tiles t0 .. and tells how many (at most the number in flight, at least 1). */
int ba_tiles_load(
    const ba_ctx_t *ctx, tiles_t *tiles, size_t t0, size_t *n_loaded) BA_MUST_USE;
tile_t ba_tiles_get(const tiles_t *tiles, size_t t);

/* Tiles that are kept serve another reader of the same targets: what it owns takes the
 * place of what the last one did (rows, runs, status, fingerprints). */
void ba_tiles_lend(tiles_t *tiles, const tiles_opts_t *opts);
size_t ba_tiles_in_flight(const tiles_t *tiles);
size_t ba_tiles_n_passes(const tiles_t *tiles);
double ba_tiles_seconds(const tiles_t *tiles);

/* ---- operators.c: what a problem applies to its tiles ---- */

/* Training rows that inner folds leave out together, or those that none leaves out. With
 * Q the principal components (ba_ridge_factor_project()), their [Q, 1] is basis mix. */
typedef struct {
    size_t *rows, n_rows; /* positions */
    size_t *index;        /* the same rows as positions in the factor */
    size_t n_basis;
    void *basis;      /* n_rows x n_basis; orthonormal and the constant first with mix */
    void *mix;        /* n_basis x n_products; NULL = basis is [Q, 1] itself */
    double *full_mix; /* the same in float64 */
} block_t;

/* Primal: all that a fit needs to know of its targets are [Q, 1]'Y over its rows, which
 * is a sum over blocks. A split's right-hand side is that sum less its own block and its
 * gap. */
typedef struct {
    size_t n_products; /* rank + 1 */
    block_t *blocks;   /* one a split, in their order; then the rest, which may be none */
    size_t n_blocks;
} products_t;

/* The held-out predictions of one split: P[a] for a chunk of alphas, and how to make R.
 */
typedef struct {
    const split_t *split;
    size_t n_rhs;
    size_t n_predicted; /* rows of P: those to be validated, or coordinates in the basis
                           of their block */
    size_t *left_out;   /* reduced: n_rhs positions in the training rows, whose residuals
                           P is applied to */
    int is_projected;   /* the latter */
    void **p;           /* n_alphas matrices n_predicted x n_rhs */
    size_t *gap, n_gap; /* primal: positions of training rows that neither stay nor are
                           validated */
    void *gap_columns;  /* their [Q, 1], n_gap x n_products */
    void *own_project;  /* strict, primal: n_stay x n_rhs */
    int is_refit;       /* strict: targets centred anew on the rows that stay (where the
                           plan centres them), ... */
    int own_scale;      /* ... and scaled anew */
} holdout_t;

typedef struct {
    ba_solver_t solver;
    ba_precision_t precision;
    size_t n_alphas;
    holdout_t *holdouts;
    size_t n_holdouts;
    void **pooled; /* n_alphas forms (linalg/quadratic.h) that give the mean squared error
                      instead of the holdouts' p; NULL = not used */
    const double *q;    /* reduced (residuals.c): Q, borrowed; p, in float64 too, makes
                           held-out residuals of residuals. Else NULL */
    size_t first_alpha; /* reduced: of the chunk, among the problem's */
} operators_t;

/* Refit: weights and test predictions at any alpha. */
typedef struct {
    ba_precision_t precision; /* of project, back and apply: double where the kernel is
                                 reduced */
    size_t rank, n_columns;
    const double *lambda;    /* NULL: the kernel is reduced */
    double tolerance_alpha0; /* eigenvalues at or below count as 0 at alpha 0 */
    const void *project;     /* dual: n_train x rank */
    void *own_project;       /* its copy in float32 */
    void *back;              /* n_columns x rank, NULL when no weights are wanted */
    void *apply;             /* n_test x rank, NULL without a test part */
    double *offset;          /* rank: center' back, NULL when columns have mean 0 */
    operators_t *by_alpha;   /* shared outer: test predictions per alpha instead of all of
                                the above */
    split_t *test_split;     /* what by_alpha predicts; its lists are the problem's */
} refit_t;

/* bands.h: what stands for a factorisation where spaces have penalties of their own. */
typedef struct band band_t;

/* The columns that a fit reads: those of the data, or components fitted on its rows. */
typedef struct {
    const ba_design_t *design;
    ba_design_t *own; /* NULL where it is that of the data */
    ba_pca_t *pca;    /* of every space; NULL with `own` */
} columns_t;

/* A problem with its scaling and factorisation. */
typedef struct {
    const plan_t *plan;
    const problem_t *problem;
    size_t *train_rows, *test_rows; /* sample indices, test_rows inside train_rows */
    columns_t columns;
    const ba_design_t *test_design;
    ba_design_t *own_test_design;         /* a fixed test set in components; else NULL */
    double *feature_mean, *feature_scale; /* n_columns, NULL = none */
    ba_training_t training;
    ba_ridge_factor_t *factor;      /* own, NULL where the final fit's is shared */
    const ba_ridge_factor_t *used;  /* own or the shared one */
    const size_t *factor_positions; /* positions of the factor's rows */
    size_t n_factor;
    double *alphas;
    size_t n_alphas;
    double
        *shifts; /* where the kernel is reduced: B + alpha factorised, for every alpha */
    size_t n_factorisations;
    products_t products; /* primal, once made */
    band_t *band;        /* instead of a factor; NULL without bands */
} prepared_t;

int ba_prepared_make(const ba_ctx_t *ctx, const plan_t *plan, const problem_t *problem,
    const prepared_t *shared, prepared_t *out) BA_MUST_USE;
void ba_prepared_free(prepared_t *prepared);

/* The columns of a fit on some samples. Call ba_columns_free() afterwards in any case. */
int ba_prepare_design(const ba_ctx_t *ctx, const plan_t *plan, const size_t *rows,
    size_t n_rows, columns_t *out) BA_MUST_USE;
void ba_columns_free(columns_t *columns, size_t n_spaces);

/* Means and scales of the delayed columns over some samples, by the settings of the run;
 * NULL where there is none. The caller frees. */
int ba_prepare_scaling(const ba_ctx_t *ctx, const plan_t *plan, const ba_design_t *design,
    const size_t *rows, size_t n_rows, double **mean, double **scale) BA_MUST_USE;

/* What an alpha of the settings is multiplied by to be a penalty. */
int ba_prepare_unit(
    const plan_t *plan, const ba_ridge_factor_t *factor, double *unit) BA_MUST_USE;

/* Bytes of a number, and a copy of float64 numbers in the precision of the run. */
size_t ba_number_size(ba_precision_t precision);
int ba_to_precision(
    ba_precision_t precision, const double *src, size_t n, void **out) BA_MUST_USE;

/* The blocks of a primal problem; nothing in the dual. */
int ba_products_make(const ba_ctx_t *ctx, prepared_t *prepared) BA_MUST_USE;
void ba_products_free(products_t *products);

/* Rows of [Q, 1] at some positions of the factor, in the precision of the run. */
int ba_products_columns(
    const prepared_t *prepared, const size_t *index, size_t n, void **out) BA_MUST_USE;

/* Indices into the ascending list `among` of the values that are (or are not) in the
 * ascending list `listed`; returns how many. */
size_t ba_indices_of(const size_t *among, size_t n_among, const size_t *listed,
    size_t n_listed, int in_list, size_t *out);

/* pooled.c: rows of the stacked residual maker that belong to a split with operator p
 * (n_validate x n_stay), and the form of all; work: n_train x n_train numbers. */
int ba_pooled_place(const problem_t *problem, const split_t *split, const double *p,
    ba_dmat_t stacked) BA_MUST_USE;
int ba_pooled_finish(const ba_ctx_t *ctx, ba_precision_t precision, ba_cdmat_t stacked,
    double *work, void **out) BA_MUST_USE;

/* Operators that predict one split's validation rows, for all alphas. */
int ba_operators_test(const ba_ctx_t *ctx, prepared_t *prepared, const split_t *split,
    operators_t *out) BA_MUST_USE;

/* Operators of the inner folds for alphas a0 .. a0 + n_alphas - 1. */
int ba_operators_make(const ba_ctx_t *ctx, prepared_t *prepared, size_t a0,
    size_t n_alphas, operators_t *out) BA_MUST_USE;
void ba_operators_free(operators_t *operators);

int ba_refit_make(const ba_ctx_t *ctx, prepared_t *prepared, int want_weights,
    refit_t *out) BA_MUST_USE;
void ba_refit_free(refit_t *refit);

/* ---- select.c: from inner scores to alphas ---- */

/* best_alphas (n_targets) from cv (n_alphas x n_targets); best_scores: the score there,
 * NaN where there is none. Targets without any score, and unusable ones, get the largest
 * alpha. BA_NUMERIC when no target can decide a shared alpha. */
int ba_select_alphas(const prepared_t *prepared, const double *cv, const int32_t *usable,
    double *best_alphas, double *best_scores) BA_MUST_USE;

/* Shares of the targets that beat the baseline whose alpha is an end of the grid. */
void ba_select_edges(const prepared_t *prepared, const double *best_alphas,
    const double *best_scores, const double *baseline, ba_fit_info_t *info);

/* ---- result.c ---- */

int ba_result_make(const plan_t *plan, ba_fit_result_t *result) BA_MUST_USE;

/* Scaling, alphas and splits of a problem. */
void ba_result_keep_problem(const prepared_t *prepared, ba_fit_result_t *result);

/* A copy of its components, where they are to be kept. */
int ba_result_keep_pca(const prepared_t *prepared, ba_fit_result_t *result) BA_MUST_USE;

/* Means over folds, final status. test_status: of the targets in a fixed test set, NULL
 * without one. */
void ba_result_finish(const plan_t *plan, const int32_t *test_status,
    const int32_t *no_inner, ba_fit_result_t *result);

/* n numbers, all NaN. */
int ba_result_numbers(size_t n, double **out) BA_MUST_USE;

/* Means over folds (rows of by_fold, `stride` apart) where defined, and of how many; n
 * may be NULL. */
void ba_result_mean(const double *by_fold, size_t n_folds, size_t stride, size_t v,
    double *mean, int32_t *n);

/* The same for bands. */
int ba_result_make_bands(const plan_t *plan, ba_fit_result_t *result) BA_MUST_USE;
void ba_result_finish_bands(const plan_t *plan, ba_fit_result_t *result);

/* ---- tile_kernels.h, for float and double ---- */

typedef struct band_refit band_refit_t;

/* What one tile's selection and refit read and write; arrays of BA_TILE columns. */
typedef struct {
    const plan_t *plan;
    const prepared_t *prepared;
    const operators_t *operators;
    const refit_t *refit;
    tile_t tile, test_tile; /* test_tile: fixed test set */
    void *total;            /* primal: n_products x BA_TILE, kept for later stages of the
                               problem; NULL = made each time */
    int has_total;          /* an earlier stage has filled it */
    int32_t
        *constant; /* BA_TILE: 1 where the target is constant over the training rows */
    double *mean, *scale;      /* BA_TILE: training mean taken off, and divisor */
    double *scores;            /* selection: operators->n_alphas x BA_TILE */
    int32_t *counts;           /* selection: the same shape, folds where defined */
    double *baseline;          /* selection: score of predicting the training mean */
    const double *best_alphas; /* refit: BA_TILE */
    double *r, *r2;            /* refit: BA_TILE, NaN without a test part */
    double *intercept;         /* refit: BA_TILE */
    double *weights;           /* refit: n_columns x BA_TILE or NULL */
    double *predictions; /* refit: n_test x BA_TILE or NULL, in units of the base tile */
    const band_refit_t *bands; /* refit with bands, instead of `refit` */
    void *unknowns; /* bands: n_unknowns x BA_TILE, right-hand sides, then solutions */
    const double *delta;        /* bands: n_spaces x BA_TILE */
    double *r2_split, *r_split; /* bands: the same */
} tile_job_t;

size_t ba_tile_scratch_bytes_f32(const tile_job_t *job);
size_t ba_tile_scratch_bytes_f64(const tile_job_t *job);
void ba_tile_scale_f32(const tile_job_t *job, void *scratch);
void ba_tile_scale_f64(const tile_job_t *job, void *scratch);
void ba_tile_select_f32(const tile_job_t *job, void *scratch);
void ba_tile_select_f64(const tile_job_t *job, void *scratch);
void ba_tile_refit_f32(const tile_job_t *job, void *scratch);
void ba_tile_refit_f64(const tile_job_t *job, void *scratch);
void ba_tile_band_rhs_f32(const tile_job_t *job, void *scratch);
void ba_tile_band_rhs_f64(const tile_job_t *job, void *scratch);
void ba_tile_band_refit_f32(const tile_job_t *job, void *scratch);
void ba_tile_band_refit_f64(const tile_job_t *job, void *scratch);

#endif
