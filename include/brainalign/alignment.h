/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functional alignment: responses of several subjects to the same stimuli in one common
 * space. */
#ifndef BRAINALIGN_ALIGNMENT_H
#define BRAINALIGN_ALIGNMENT_H

#include "brainalign/ctx.h"
#include "brainalign/error.h"
#include "brainalign/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

/* PROCRUSTES: hyperalignment, the columns of the first subject are the common space. SRM:
 * shared response model, a few features of all subjects; SRM_EM: the same as a
 * probabilistic model. NONE: columns as they are. */
typedef enum {
    BA_ALIGNMENT_NONE = 0,
    BA_ALIGNMENT_PROCRUSTES,
    BA_ALIGNMENT_SRM,
    BA_ALIGNMENT_SRM_EM
} ba_alignment_kind_t;

/* Settings; zero everywhere but `kind` is the default. */
typedef struct {
    ba_alignment_kind_t kind;
    size_t n_features; /* of shared response models; 0 = 50, or as many as samples - 1 and
                          columns of every subject allow */
    size_t n_iterations; /* most of a shared response model (100) */
    double tolerance; /* it stops where an iteration lowers the objective by no more than
                         this share of the sum of squares (SRM), or raises the log
                         likelihood by no more than this share of it (SRM_EM) (1e-7) */
    const char *const *names; /* of the subjects, for messages; NULL = their places */
} ba_alignment_opts_t;

/* What was fitted. Matrices are column-major; the caller frees. */
typedef struct {
    size_t n_samples, n_subjects;
    size_t n_features;   /* columns of the common space */
    size_t n_directions; /* those of the weights: n_features, or the samples where
                            Procrustes has fewer samples than columns of the first subject */
    double *shared; /* n_samples x n_directions: the template, or the shared response */
    double *basis;  /* n_features x n_directions, orthonormal columns; NULL = identity */
    size_t *n_columns; /* n_subjects */
    double **mean;     /* of each subject: n_columns, over the samples of the fit */
    double **weights;  /* of each subject: n_columns x n_directions */
    double
        *explained; /* n_subjects: share of the sum of squares of the fit's samples that
                          the shared response explains */
    double *noise;  /* n_subjects, SRM_EM alone: variance of a column beside it */
    double *objective; /* n_iterations: share of all subjects' sum of squares that is not
                          explained (PROCRUSTES, SRM), log likelihood (SRM_EM) */
    size_t n_iterations;
    int is_converged;
} ba_alignment_t;

/* The v x k matrix R nearest to turning x (n x v) into target (n x k): the polar factor
 * of x' target, which minimises |x - target R'|, and |x R - target| where v = k, among
 * matrices of orthonormal columns (v >= k) or rows. Directions that x' target does not
 * have (singular values below 1e-12 of the largest) are left out, so that R is then a
 * partial isometry of rank *rank. Nothing is centred. Cost: 4 n^2 v, or n v k, + an svd of
 * min(n, v) x k. `rank` may be NULL. Errors: BA_SHAPE, BA_NOMEM, BA_NUMERIC (values that
 * are not finite). Schoenemann 1966. */
BA_API int ba_procrustes(const ba_ctx_t *ctx, ba_cdmat_t x, ba_cdmat_t target,
    ba_dmat_t rotation, size_t *rank);

/* Fits an alignment to responses of n_subjects subjects, whose rows are the same moments
 * of the same stimuli; columns may differ in number. Means of the columns are taken out.
 * Deterministic. Memory: samples x columns once more; columns of a subject beyond the
 * samples cost one QR decomposition (4 samples^2 columns), all iterations are among
 * min(samples, columns) coordinates. Errors: BA_SHAPE (fewer than 2 subjects, other
 * numbers of rows, more features than samples - 1 or than columns with variance),
 * BA_VALUE (kind NONE), BA_NUMERIC (a subject's responses span fewer directions than
 * features; not finite), BA_NOMEM, BA_CANCELLED. Procrustes: Haxby et al. 2011; shared
 * response models: Chen et al. 2015; see docs/methods.md. */
BA_API int ba_alignment_fit(const ba_ctx_t *ctx, const ba_cdmat_t *responses,
    size_t n_subjects, const ba_alignment_opts_t *opts, ba_alignment_t *out);
BA_API void ba_alignment_free(ba_alignment_t *alignment);

/* Adds a part of a subject's columns, first .. first + rows.n_cols - 1, of new samples
 * (n x n_cols) to their coordinates (n x n_directions), which start at 0:
 * coordinates += (rows - mean) weights. */
BA_API void ba_alignment_add(const ba_ctx_t *ctx, const ba_alignment_t *alignment,
    size_t subject, size_t first, ba_dmat_t rows, ba_dmat_t coordinates);

/* Columns first .. first + columns.n_cols - 1 of the common space of samples with such
 * coordinates. */
BA_API void ba_alignment_columns(const ba_ctx_t *ctx, const ba_alignment_t *alignment,
    ba_dmat_t coordinates, size_t first, ba_dmat_t columns);

#ifdef __cplusplus
}
#endif

#endif
