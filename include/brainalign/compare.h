/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several models of the same responses: fitted side by side, stacked, compared, and
 * summed up over regions and subjects. */
#ifndef BRAINALIGN_COMPARE_H
#define BRAINALIGN_COMPARE_H

#include "brainalign/encode.h"
#include "brainalign/null.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most models of a stack or a comparison. */
#define BA_MOST_MODELS 128

/* What was done for all feature spaces together. */
typedef struct {
    int is_shared;   /* 1 = the prepared responses were kept for all spaces */
    size_t n_passes; /* readings of the responses by all fits */
    double seconds;
    double stack_r; /* stacking: mean r over scored targets, NaN without scores */
} ba_encode_each_info_t;

/* Fits every feature space of the data set by itself: opts->output is a folder, made
 * where it is missing, and space NAME becomes OUTPUT/NAME.h5, what ba_encode_fit() of this
 * space alone writes, to the last bit outside /provenance. Everything is checked before
 * the first fit. The responses are read and prepared once where every fit's budget lets
 * them be kept; else each fit reads them for itself, and a warning says so. opts->table
 * and opts->map name files of each space by ba_output_name(), of the stack with the word
 * stacked; one shard or range is fine, several shards are not. With resume, spaces whose file is complete are not fitted again. stack: 1 = OUTPUT/stacked.h5
 * as well (ba_encode_stack()). spaces (n_spaces accounts) and info may be NULL. Errors:
 * those of ba_encode_fit(); BA_VALUE. Cost: n_spaces fits with one reading. */
BA_API int ba_encode_each(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, int stack, ba_encode_fit_info_t *spaces,
    ba_encode_each_info_t *info);

/* The name of one of several outputs, `word` before the extension: scores.tsv ->
 * scores.WORD.tsv, map.nii.gz -> map.WORD.nii.gz, at the end where there is no extension.
 * NULL stays NULL; free() frees. BA_NOMEM. */
BA_API int ba_output_name(const char *file, const char *word, char **out);

/* Settings of a comparison. */
typedef struct {
    const char *const *files; /* n_files results of encode fit or stacks, in the order of
                                 the layers */
    size_t n_files;
    ba_score_t score;     /* BA_SCORE_R or BA_SCORE_R2: what the best model and the centre
                             of mass go by (R) */
    const char *baseline; /* name or file of the model that the others are compared with
                             (one-sided); NULL = the first (two-sided) */
    int all_pairs;        /* 1 = every model with every other one (two-sided) */
    const char *const *rois; /* n_rois specs of regions, see docs/formats.md */
    size_t n_rois;
    size_t n_bootstrap;    /* 0 = no intervals (1,000) */
    size_t n_permutations; /* 0 = no p (1,000) */
    size_t block; /* samples of a block of the bootstrap; 0 = 20 s, at least 10 */
    const char *output;
    const char *table;  /* NULL = none */
    int force, dry_run; /* dry_run: check only; nothing is written */
    uint64_t seed;
    int argc;
    const char *const *argv;
} ba_compare_opts_t;

BA_API ba_compare_opts_t ba_compare_opts_default(void);

typedef struct {
    size_t n_models, n_targets, n_rois, n_pairs, n_folds;
    size_t n_units;  /* that were resampled */
    int unit_is_run; /* 1 = whole runs, 0 = blocks of time */
    double chosen;   /* mean over targets of the score of the model chosen without the
                         fold that scores it; NaN with one fold */
    double mean[BA_MOST_MODELS];   /* of the score of each model */
    size_t n_best[BA_MOST_MODELS]; /* targets whose best model it is */
    double smallest_p;
} ba_compare_info_t;

/* Compares models of the same responses, target by target and region by region: scores;
 * the best model, chosen on all folds but the one that scores it; the centre of mass over
 * the order of the models, weights max(score, 0); differences of r2 between two models
 * with a block-bootstrap interval (over runs where there are 6 or more, else over blocks
 * of time) and the p of the increment null (ba_null_statistic_t), q by Benjamini-Hochberg.
 * `responses`: a data set with the responses (and nuisance regressors) of the fits, whose
 * features are not looked at; NULL = no differences. Differences need /predictions in
 * every file. Errors: BA_SHAPE naming what differs between files, BA_MISSING, BA_VALUE.
 * Cost: one reading of the responses and predictions, per pair and target that of
 * ba_null_test(). */
BA_API int ba_encode_compare(const ba_ctx_t *ctx, const ba_dataset_t *responses,
    const ba_compare_opts_t *opts, ba_compare_info_t *info);

/* What a result file was fitted on: for nulls that need it. */
typedef struct {
    const ba_dataset_t *dataset;
    const ba_encode_fit_opts_t *fit; /* REFIT and SHIFT */
} ba_group_source_t;

/* The test of a group against its stimulus. */
typedef enum {
    BA_GROUP_NONE = 0,
    BA_GROUP_JOINT, /* the same random signs (cosine null) for the stored predictions of
                       all subjects: given the fitted models */
    BA_GROUP_REFIT, /* the features of all subjects moved alike, every model chosen and
                       fitted anew: random signs of the cosine coefficients of their runs */
    BA_GROUP_SHIFT  /* the same with shifts in a circle within runs */
} ba_group_null_t;

typedef struct {
    const char *const *files; /* n_files results of encode fit: one a subject */
    size_t n_files;
    const char
        *subjects; /* FILE.tsv:COLUMN, the subject of each target of one file; NULL =
                             each file is one */
    const char *const *rois; /* n_rois specs of regions; none = every target by itself,
                                the same ones in all files */
    size_t n_rois;
    ba_score_t score; /* BA_SCORE_R or BA_SCORE_R2 (R) */
    size_t n_bootstrap, n_permutations, n_flips;
    ba_group_null_t null;
    const ba_group_source_t *sources; /* n_files, NULL where null is NONE */
    const char *output, *table;
    const char *map, *grid; /* map of the group's means over the voxels of a mask, with
                               those of t, p_t and p beside it (ba_output_name()) where
                               there are tests; NULL = none */
    int force, dry_run;     /* dry_run: check only; nothing is written */
    uint64_t seed;
    int argc;
    const char *const *argv;
} ba_group_opts_t;

BA_API ba_group_opts_t ba_group_opts_default(void);

typedef struct {
    size_t n_subjects, n_units, n_permutations;
    double smallest_p, mean; /* over units */
    size_t n_p, n_fwe, n_t;  /* units below 0.05: p, p_fwe, p of t */
    double
        t_rate; /* REFIT, SHIFT: share of moves and units whose t test falls below 0.05 */
} ba_group_info_t;

/* Scores of regions or targets over subjects: mean, median, bootstrap interval over
 * subjects (of one subject: over its targets, bootstrap over folds), Student's t, Wilcoxon,
 * sign flips with the maximum over units; and the chosen null of the stimulus, whose
 * statistic is the mean over subjects of the mean over targets, with family-wise p by the
 * maximum over units. A warning says what the tests over subjects alone do not show.
 * Errors: BA_SHAPE: files that do not fit together, one subject where a test is asked for,
 * labels without targets; BA_MISSING: no predictions (JOINT); BA_UNSUPPORTED: REFIT or
 * SHIFT of a fixed test set; BA_TOO_LARGE. Cost: JOINT that of ba_null_test(), the others
 * n_permutations + 1 fits for each file with one reading. */
BA_API int ba_encode_group(
    const ba_ctx_t *ctx, const ba_group_opts_t *opts, ba_group_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
