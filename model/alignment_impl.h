/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Alignments among coordinates: where a subject has more columns than there are samples, X
 * = C Q' with Q of orthonormal columns, and whatever an alignment needs of X it finds in C,
 * samples x samples. */
#ifndef BA_MODEL_ALIGNMENT_IMPL_H
#define BA_MODEL_ALIGNMENT_IMPL_H

#include "brainalign/alignment.h"
#include "linalg/blas.h"

/* Features of a shared response model where none are asked for, at most. */
enum { BA_ALIGNMENT_FEATURES = 50 };

/* Sizes before anything is read, at most: those of the result, and bytes beside the
 * responses while an alignment is fitted and once it is. */
typedef struct {
    size_t n_features, n_directions;
    double making, made;
} ba_alignment_plan_t;

void ba_alignment_plan(const size_t *n_columns, size_t n_subjects, size_t n_samples,
    const ba_alignment_opts_t *opts, ba_alignment_plan_t *out);

typedef struct {
    size_t n, n_subjects;
    const ba_alignment_opts_t *opts;
    size_t *width;    /* of each subject: min(n, columns) */
    size_t *n_varies; /* columns with variance */
    double **core;    /* C: n x width */
    double **q;       /* columns x width; NULL = identity */
    double *square;   /* sum of squares of C */
    double total;     /* of all */
    double **w;       /* width x n_directions: what a method finds */
} ba_cores_t;

ba_cdmat_t ba_core_of(const ba_cores_t *cores, size_t subject);

/* out = the polar factor of a (any shape), directions below 1e-12 of the largest left
 * out. */
int ba_polar(ba_cdmat_t a, ba_dmat_t out, size_t *rank) BA_MUST_USE;

/* q holds x' (columns x n, more columns than n) and becomes Q, core (n x n) C: x = C Q'. */
int ba_core_reduce(ba_dmat_t q, ba_dmat_t core) BA_MUST_USE;

/* w = the polar factor of core' target; *rank may be NULL. */
int ba_core_turn(const ba_ctx_t *ctx, const ba_cores_t *cores, size_t subject,
    ba_cdmat_t target, size_t *rank) BA_MUST_USE;

/* BA_NUMERIC naming a subject that spans fewer directions than features. */
int ba_core_check_rank(
    const ba_cores_t *cores, size_t subject, size_t rank, size_t wanted) BA_MUST_USE;

/* The methods: fill w of all subjects, and shared, objective, n_iterations,
 * is_converged of out, whose n_directions is set. */
int ba_align_by_procrustes(
    const ba_ctx_t *ctx, ba_cores_t *cores, ba_alignment_t *out) BA_MUST_USE;
int ba_align_by_srm(
    const ba_ctx_t *ctx, ba_cores_t *cores, ba_alignment_t *out) BA_MUST_USE;
int ba_align_by_srm_em(
    const ba_ctx_t *ctx, ba_cores_t *cores, ba_alignment_t *out) BA_MUST_USE;

/* A shared response to start from: the leading principal components over all subjects'
 * columns; w is the turn of each subject to it, shared the mean of what is turned. */
int ba_srm_start(const ba_ctx_t *ctx, ba_cores_t *cores, ba_alignment_t *out) BA_MUST_USE;

/* shared = the mean over subjects of C w; returns its sum of squares. */
double ba_srm_average(const ba_ctx_t *ctx, const ba_cores_t *cores, ba_alignment_t *out);

/* w of every subject by one turn to what is shared. */
int ba_srm_turn(
    const ba_ctx_t *ctx, ba_cores_t *cores, const ba_alignment_t *out) BA_MUST_USE;

/* The sum of squares of C - shared w'. `room`: n x width of the subject. */
double ba_core_residual(const ba_ctx_t *ctx, const ba_cores_t *cores, size_t subject,
    const ba_alignment_t *out, double *room);

#endif
