/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamed, cross-validated fitting loop over target tiles that encoding and decoding
 * share. */
#ifndef BRAINALIGN_FIT_H
#define BRAINALIGN_FIT_H

#include "brainalign/alphas.h"
#include "brainalign/bands.h"
#include "brainalign/cv.h"
#include "brainalign/detrend.h"
#include "brainalign/pca.h"
#include "brainalign/ridge.h"
#include "brainalign/score.h"
#include "brainalign/source.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Columns of a target tile: fixed, aligned to the absolute target index, padded at the
 * end, so that no thread count, memory budget or shard changes a bit. */
#define BA_TILE 256

typedef enum {
    BA_SCALE_DEFAULT = 0,
    BA_SCALE_RUNS,
    BA_SCALE_ZSCORE,
    BA_SCALE_CENTER,
    BA_SCALE_NONE
} ba_scale_t;

typedef enum { BA_INNER_CENTER = 0, BA_INNER_OUTER, BA_INNER_STRICT } ba_inner_scaling_t;

/* Why a target has no score, stored in /status. */
#define BA_TARGET_STATUS_LIST(X)                                                         \
    X(BA_TARGET_SCORED, 0, "scored")                                                     \
    X(BA_TARGET_NONFINITE, 1, "nonfinite")                                               \
    X(BA_TARGET_CONSTANT, 2, "constant")                                                 \
    X(BA_TARGET_NO_TEST_VARIANCE, 3, "no-test-variance")                                 \
    X(BA_TARGET_NO_INNER_SCORE, 4, "no-inner-score")                                     \
    X(BA_TARGET_NO_TEST, 5, "no-test-set")

typedef enum {
#define BA_TARGET_ENUM(name, value, words) name = value,
    BA_TARGET_STATUS_LIST(BA_TARGET_ENUM)
#undef BA_TARGET_ENUM
} ba_target_status_t;

/* Prepared responses that several fits share: the same targets, rows and preparation,
 * other predictors. Read by the first fit that is handed them, kept for the others. Opaque.
 */
typedef struct ba_fit_responses ba_fit_responses_t;

/* n_in_flight: tiles read at a time, at most what ba_fit_plan() says for any of the fits,
 * all of which must say keeps_responses. BA_NOMEM. The caller frees, after the fits. */
BA_API int ba_fit_responses_new(size_t n_in_flight, ba_fit_responses_t **out);
BA_API void ba_fit_responses_free(ba_fit_responses_t *responses);

/* What is regressed on what. Everything borrowed. */
typedef struct {
    const ba_design_t *design;        /* predictors, over all samples before trimming */
    const ba_runs_t *runs;            /* of those samples */
    ba_source_t *targets;             /* n_samples rows */
    const ba_detrend_opts_t *detrend; /* NULL = none */
    ba_cdmat_t nuisance;              /* n_samples x n_nuisance, may be empty */
    const ba_design_t *test_design;   /* fixed test set: the same columns over other
                                         samples, NULL = none */
    const ba_runs_t *test_runs;
    ba_source_t *test_targets;     /* slabs are repeats */
    ba_cdmat_t test_nuisance;      /* columns of every repeat side by side */
    ba_fit_responses_t *responses; /* shared with other fits; NULL = this one's alone */
    const struct ba_disturb *disturb; /* of the library's own audits; NULL */
} ba_fit_data_t;

/* Settings. Zero everywhere is the default where not said otherwise; see
 * ba_fit_opts_default(). */
typedef struct {
    size_t trim_first, trim_last;
    ba_scale_t scale_features; /* ZSCORE, CENTER, NONE (ZSCORE); RUNS: the features of the
                                  data are z-scored per run already, as NONE */
    ba_scale_t scale_targets;  /* RUNS, ZSCORE, CENTER, NONE (RUNS with 2 or more runs,
                                  else ZSCORE) */
    int intercept; /* 1 yes, 0 no, -1 = yes unless both sides are centred on the training
                      rows (-1) */
    ba_alphas_t alphas;  /* n = 0: automatic */
    int alphas_relative; /* 1 = a penalty is an alpha times the largest eigenvalue of the
                            Gram matrix of what a fit trains on, inner folds by their own;
                            results state penalties */
    double singular_cutoff; /* inner folds leave out directions whose singular value is no
                               larger (0: none) */
    int shared_alpha; /* 1 = one alpha for all targets; with bands one for every candidate,
                           which stays each target's own unless bands.shared */
    ba_bands_t bands;  /* penalties of feature spaces (none) */
    ba_score_t select; /* inner criterion (MSE) */
    ba_inner_scaling_t inner_scaling;
    ba_cv_opts_t cv, outer_cv;
    size_t gap_inner, gap_outer; /* samples */
    ba_solver_t solver;
    ba_precision_t precision;
    size_t target_start, target_stop; /* half open; stop 0 = all */
    int want_weights, want_fold_weights, want_predictions, want_cv;
    size_t only_fold; /* this outer fold alone, from 1, and no final fit; what belongs to
                         others stays undefined; 0 = all */
    int scores_only;  /* with bands: 1 = no final fit where there are outer folds */
} ba_fit_opts_t;

BA_API ba_fit_opts_t ba_fit_opts_default(void);

/* Results per target; arrays are C order over the n_targets of the range, NaN where
 * undefined. */
typedef struct {
    size_t n_samples, n_used; /* before and after trimming */
    size_t n_columns, n_features, n_delays;
    size_t n_targets, target_start;
    size_t n_outer;   /* outer folds; 1 for a fixed test set; 0 = no scores */
    size_t n_alphas;  /* grid or nodes */
    double *r, *r2;   /* n_targets: mean over the folds where defined */
    int32_t *n_folds; /* n_targets */
    double *r_by_fold, *r2_by_fold; /* n_outer x n_targets */
    double *alphas;                 /* n_alphas, of the final fit */
    double *alphas_by_fold;         /* n_outer x n_alphas */
    double *best_alphas;            /* n_targets, of the final fit */
    double *best_alphas_by_fold;    /* n_outer x n_targets (none for a fixed test set) */
    double *cv_scores;              /* n_alphas x n_targets, NULL unless want_cv */
    double *cv_scores_by_fold; /* n_outer x n_alphas x n_targets, NULL unless want_cv */
    double *intercept;         /* n_targets, in scaled units */
    double *intercept_by_fold; /* n_outer x n_targets, NULL unless want_fold_weights */
    double *feature_mean, *feature_scale; /* n_columns, of the final fit */
    double *feature_mean_by_fold, *feature_scale_by_fold; /* n_outer x n_columns */
    double *target_mean, *target_scale;                 /* n_targets, of the final fit */
    double *target_mean_by_fold, *target_scale_by_fold; /* n_outer x n_targets */
    /* With bands: n_spaces x n_targets, or n_outer of them; NULL otherwise. */
    size_t n_spaces;
    double *gammas, *deltas; /* of the final fit; delta = log(gamma / alpha) */
    double *gammas_by_fold, *deltas_by_fold; /* none for a fixed test set */
    double *r2_split, *r_split; /* product measure: mean over the folds where defined */
    double *r2_split_by_fold, *r_split_by_fold;
    size_t n_candidates; /* of the final fit: as given, then those of refinement */
    double *band_gammas; /* n_candidates x n_spaces; NULL with several models */
    double *band_scores; /* n_candidates x n_targets: best inner score of each, with
                            want_cv and one model */
    double *band_scores_by_fold; /* n_outer of them, without those of refinement */
    size_t n_pca;          /* number of feature spaces where any has components; else 0 */
    ba_pca_t *pca;         /* n_pca, of the final fit */
    ba_pca_t *pca_by_fold; /* n_outer x n_pca; NULL unless want_fold_weights */
    size_t n_models; /* with several: n_models x n_outer x n_targets; the rest is that of
                        the last model */
    double *model_r_by_fold, *model_r2_by_fold;
    int32_t *status;             /* n_targets, ba_target_status_t */
    int32_t *outer_fold;         /* n_samples: fold id as given, else from 0; -1 = none */
    int32_t *inner_fold;         /* n_samples, of the final fit */
    int32_t *inner_fold_by_fold; /* n_outer x n_samples */
    size_t n_sets;       /* inner sets that may overlap, which have no fold ids; else 0 */
    uint8_t *inner_sets; /* n_sets x n_samples, of the final fit: 1 = validated */
    uint8_t *inner_sets_by_fold; /* n_outer x n_sets x n_samples */
    uint64_t *target_hash; /* n_samples: fingerprint of each sample's raw responses in the
                              range */
    uint64_t
        *test_target_hash; /* of a fixed test set's samples, first repeat; NULL without */
} ba_fit_result_t;

/* What was done, and what it took. */
typedef struct {
    ba_solver_t solver;
    char reason[160];               /* why this form: one line */
    int shared_outer;               /* 1 = one factorisation served the outer folds too */
    size_t n_outer, n_inner;        /* outer folds; most inner folds of a fit */
    size_t gap_inner, gap_outer;    /* samples */
    size_t train_least, train_most; /* training samples of the inner fits */
    size_t n_factorisations;        /* eigendecompositions; with bands, triangular ones */
    size_t n_reduced;     /* of them: kernels reduced to a band, without eigenvalues */
    size_t n_candidates;  /* with bands: tried in the final fit */
    size_t n_passes;      /* readings of the responses */
    int keeps_responses;  /* 1 = read once, prepared ones stay in memory */
    size_t n_in_flight;   /* tiles of targets that are read at a time */
    size_t bytes_planned; /* peak of features, factorisations and buffers */
    double flops_planned, flops_tiles; /* all of it, and that of the loop over tiles */
    double seconds_factor, seconds_operators, seconds_tiles, seconds_read;
    double edge_low, edge_high; /* share of targets with a positive inner score whose
                                   alpha is at an end of the grid */
} ba_fit_info_t;

/* Receives what is too large for memory, tile by tile, in ascending target order, from
 * the calling thread. NULL members = not wanted. `fold` = -1 for the final fit. */
typedef struct {
    void *payload;
    /* weights, n_columns x n column-major, for targets target0 .. target0 + n - 1
     * (absolute) */
    int (*weights)(
        void *payload, int fold, size_t target0, size_t n, const double *weights);
    /* predictions of one outer fold (of the model that was announced last): n_rows samples (indices before trimming), n_rows x n
     * column-major, responses' own units */
    int (*predictions)(void *payload, int fold, const size_t *rows, size_t n_rows,
        size_t target0, size_t n, const double *predictions);
    /* bands with several models: what follows is of this model */
    int (*model)(void *payload, int fold, size_t model);
} ba_fit_sink_t;

/* Checks everything, chooses the form, and says what it would take, without reading a
 * response. Errors: BA_SHAPE (too few samples, empty training sets, ...), BA_VALUE,
 * BA_TOO_LARGE (more than the budget of ctx: needed and allowed). */
BA_API int ba_fit_plan(const ba_ctx_t *ctx, const ba_fit_data_t *data,
    const ba_fit_opts_t *opts, ba_fit_info_t *info);

/* Number of outer folds that a fit would have (0 with a fixed test set or outer_cv none).
 */
BA_API int ba_fit_n_outer(
    const ba_fit_data_t *data, const ba_fit_opts_t *opts, size_t *n_outer);

/* Fits: per outer fold and once on all rows, inner cross-validation, choice of alpha,
 * refit, scores. Cost: see docs/methods.md. `sink` and `info` may be NULL. Errors: those
 * of ba_fit_plan(), of reading, of the sink, BA_NUMERIC, BA_CANCELLED. Targets that
 * cannot be scored are NaN with a status, never an error. The caller frees *result with
 * ba_fit_result_free(). */
BA_API int ba_fit_run(const ba_ctx_t *ctx, const ba_fit_data_t *data,
    const ba_fit_opts_t *opts, const ba_fit_sink_t *sink, ba_fit_result_t *result,
    ba_fit_info_t *info);
BA_API void ba_fit_result_free(ba_fit_result_t *result);

#ifdef __cplusplus
}
#endif

#endif
