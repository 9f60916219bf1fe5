/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoding models: responses predict features, or categories. */
#ifndef BRAINALIGN_DECODE_H
#define BRAINALIGN_DECODE_H

#include "brainalign/alignment.h"
#include "brainalign/audit.h"
#include "brainalign/dataset.h"
#include "brainalign/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What response columns are chosen by, from the training samples of each fold: the largest
 * inner r2 of an encoding model; F of a one-way analysis of variance over categories; mean
 * correlation between repeats of the same items; inner r of decoding from the columns
 * around each, of the best dimension; inner r of decoding from a whole region, mean over
 * dimensions. */
typedef enum {
    BA_VOXELS_ENCODING = 0,
    BA_VOXELS_F,
    BA_VOXELS_STABILITY,
    BA_VOXELS_SEARCHLIGHT,
    BA_VOXELS_ROI
} ba_voxel_score_t;

/* Settings of `decode fit` beyond those of the data set. Borrowed throughout. */
typedef struct {
    ba_fit_opts_t
        fit; /* gaps are set by gap_inner and gap_outer, scaling and what is kept
                          by the members below; the targets are all of them */
    const char *response_delays; /* "2,3,4,5": sample t is decoded from the responses at t
                                    plus each, within its run; needed. Samples without all
                                    of them are dropped, as by fit.trim_... */
    const char *labels; /* FILE[:COLUMN] of a category for each sample, in place of
                           features: one dimension a category, 1 where it is the sample's;
                           NULL = the data set's features */
    int multinomial;    /* 1 = beside ridge, multinomial logistic regression with a ridge
                           penalty on the same splits; needs labels */
    const char *blocks; /* SPEC of a number for each sample: a sample of the fit is the
                           mean over those of one number; negative or missing = left out;
                           NULL = none */
    ba_scale_t scale_responses; /* RUNS: z-scored in each run, then as ZSCORE; ZSCORE,
                                   CENTER, NONE: of every delayed column on training rows
                                   (RUNS with 2 or more runs, else ZSCORE) */
    ba_scale_t
        scale_features; /* RUNS, ZSCORE, CENTER, NONE (ZSCORE; CENTER for labels) */
    size_t n_voxels;    /* so many response columns, chosen anew from the training rows of
                        each fold by how well the features predict them; 0 = all */
    ba_voxel_score_t voxel_score; /* how well, where it is not the features (ENCODING) */
    const char *voxel_items;  /* FILE[:COLUMN] of an item for each sample, whose repeats
                                STABILITY compares; NULL = the labels */
    ba_alphas_t voxel_alphas; /* of that prediction; n = 0: automatic */
    const char *radius; /* of SEARCHLIGHT: "2" (voxels, or units of voxel_positions) or
                           "6mm"; NULL = the cube of 3 x 3 x 3 voxels */
    const char *voxel_positions; /* SPEC of response columns x coordinates; NULL = voxels
                                    of the images */
    const char *const *rois;     /* n_rois SPECs of regions, as in encode group: response
                                    columns in none are left out */
    size_t n_rois;
    const char *const *roi_names; /* n_roi_names: of these regions only; 0 = all */
    size_t n_roi_names;
    size_t n_best_rois;        /* regions of each fold, with ROI, in place of n_voxels */
    ba_alignment_kind_t align; /* how responses of several subjects come into one space,
                                  from runs that serve nothing else (NONE); needs a data
                                  set opened with by_run; not with regions or SEARCHLIGHT */
    const char *align_runs;    /* names of these runs (column run), separated by commas;
                                  without a method they are left out all the same */
    size_t align_features;     /* of a shared response model; 0 = default */
    double tr;                 /* seconds per sample, 0 = not given */
    const char *detrend;       /* of responses; as in encode fit; NULL = none */
    long gap_inner, gap_outer; /* samples; -1 = default: 0 with delays of 0 only or with
                                   blocks, else the larger of the largest delay and 16 s
                                   where tr is given */
    const char *output;        /* result file */
    int force;
    int dry_run; /* check and plan only; nothing is written */
    int audit;   /* 1 = the audit of ba_audit_t first, and nothing unless it finds the
                    pipeline clean (BA_NUMERIC) */
    int argc;    /* full argument list for the provenance */
    const char *const *argv;
} ba_decode_fit_opts_t;

BA_API ba_decode_fit_opts_t ba_decode_fit_opts_default(void);

/* A short account. */
typedef struct {
    ba_fit_info_t fit;
    size_t n_samples, n_used, n_columns, n_dims, n_outer, n_scored;
    size_t n_voxels;   /* response columns, with regions those in them */
    size_t n_unusable; /* with a value that is not finite, which are left out */
    size_t n_chosen; /* response columns chosen in each fold, with ROI at most; 0 = all */
    size_t n_regions;   /* that columns are of, 0 = not asked for */
    size_t n_best_rois; /* chosen in each fold, with ROI */
    size_t n_subjects;  /* of a run table with subjects, else 0 */
    size_t n_aligned;   /* samples of a subject that it is aligned by; 0 = none */
    size_t n_common;    /* columns of the common space */
    double explained; /* mean over subjects: share of the sum of squares of these samples
                         that the shared response explains */
    size_t n_classes; /* 0 without labels */
    size_t n_decided; /* held-out samples with a category */
    double mean_r, mean_r2;      /* over scored dimensions; NaN where there are none */
    double multinomial_accuracy; /* with multinomial */
    double accuracy;             /* share of held-out samples whose category is found */
    double seconds;
    size_t peak_bytes;
    ba_audit_t audit; /* with audit */
} ba_decode_fit_info_t;

/* Fits ridge models from responses to every feature column, or to one indicator a
 * category, by ba_fit_run(), and writes the result file: predictions of every sample by
 * the model of the fold that held it out, scores, alphas, splits; weights where asked
 * for. With 2 or more subjects in a run table runs of the same name are the same stimulus,
 * and splits never put one on both sides, but for BA_CV_SUBJECTS outside (ba_cv_groups_t).
 * With `align` each subject's responses are prepared within runs, the alignment is fitted
 * to the alignment runs of all subjects, and all others are projected and stacked (see
 * docs/methods.md). Errors: those of opening, ba_fit_run(), writing; BA_VALUE (options that
 * contradict one another, a region that is not there), BA_SHAPE (labels, blocks, regions or positions that do not fit, fewer than 2
 * categories; alignment runs that a subject lacks, that differ in length between subjects
 * or whose samples come back in other runs), BA_NONFINITE (features, or every response
 * column), BA_EXISTS, BA_TOO_LARGE. `info` may
 * be NULL. */
BA_API int ba_decode_fit(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_decode_fit_opts_t *opts, ba_decode_fit_info_t *info);

#ifdef __cplusplus
}
#endif

#endif
