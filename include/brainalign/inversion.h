/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inverting a linear-Gaussian encoding model, in memory:
 *
 *   y = W'x + e,  e ~ N(0, Sigma),  x ~ N(mu, L L')
 *
 * with W features x voxels, so Sigma is voxels x voxels and never formed where voxels are
 * many. Every quantity follows from A = W Sigma^-1 W', z = W Sigma^-1 y and y'Sigma^-1
 * y. */
#ifndef BRAINALIGN_INVERSION_H
#define BRAINALIGN_INVERSION_H

#include "brainalign/ctx.h"
#include "brainalign/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the noise: Sigma = spread S + share diag(t) ---- */

typedef enum {
    BA_NOISE_SHRUNK = 0, /* spread = 1 - share, S the covariance of residuals */
    BA_NOISE_WHITE,      /* one variance: that given, else the mean over voxels */
    BA_NOISE_DIAGONAL,   /* a variance each */
    BA_NOISE_LOW_RANK /* the first principal components, a variance each for the rest */
} ba_noise_kind_t;

/* What S is shrunk towards. */
typedef enum {
    BA_SHRINK_DIAGONAL = 0, /* its own diagonal */
    BA_SHRINK_SCALED,       /* its mean variance times the identity */
    BA_SHRINK_IDENTITY      /* the identity: for residuals near unit variance */
} ba_shrink_t;

/* Zero is the default of every member but `share`. */
typedef struct {
    ba_noise_kind_t kind;
    ba_shrink_t target;
    double share;    /* of the target in BA_NOISE_SHRUNK, in (0, 1] */
    int ledoit_wolf; /* 1 = BA_SHRINK_SCALED with the share of Ledoit & Wolf (2004) */
    int remove_mean; /* 1 = take the mean of each voxel out of the residuals */
    double variance; /* BA_NOISE_WHITE: of the noise, 0 = from the residuals */
    size_t rank;     /* BA_NOISE_LOW_RANK */
    const int32_t
        *story; /* story of each residual row: S becomes the mean over stories of
                             R'R over its mean diagonal (Tang et al. 2023), whose scale is
                             arbitrary; NULL = R'R / n */
    ba_precision_t precision; /* of products over voxels; sums and factorisations are
                                 float64 always */
} ba_noise_opts_t;

/* Opaque. */
typedef struct ba_noise ba_noise_t;

/* Makes a noise model from held-out residuals, n_rows x n_voxels, which are borrowed for
 * its life; with n_rows > n_voxels they are replaced by a triangle of their own.
 * BA_UNSUPPORTED: a voxel (named) whose variance in the target is 0, so that Sigma is
 * singular. BA_VALUE: a share outside (0, 1], a rank outside 1 .. n_rows - 1.
 * BA_NONFINITE. Cost: n_rows n_voxels; Ledoit-Wolf and low rank n_rows^2 n_voxels. */
BA_API int ba_noise_new(const ba_ctx_t *ctx, ba_cdmat_t residuals,
    const ba_noise_opts_t *opts, ba_noise_t **out);

/* The same from Sigma = diag(variance) + factor'factor, factor rank x n_voxels; both
 * borrowed. */
BA_API int ba_noise_from_factor(const double *variance, ba_cdmat_t factor,
    ba_precision_t precision, ba_noise_t **out);
BA_API void ba_noise_free(ba_noise_t *noise);

BA_API size_t ba_noise_n_voxels(const ba_noise_t *noise);
BA_API size_t ba_noise_n_rows(const ba_noise_t *noise); /* of the factor of S */
BA_API double ba_noise_share(const ba_noise_t *noise);
BA_API double ba_noise_trace(const ba_noise_t *noise);

/* Row `voxel` of Sigma, n_voxels numbers. Cost: n_rows n_voxels. */
BA_API void ba_noise_row(const ba_noise_t *noise, size_t voxel, double *row);

/* ---- sufficient statistics ---- */

/* What candidates, posteriors and evidence need of p features and n responses. */
typedef struct {
    size_t n_features, n_responses, n_voxels;
    double *a;     /* p x p: W Sigma^-1 W' */
    double *z;     /* p x n: W Sigma^-1 y */
    double *norm;  /* n: y'Sigma^-1 y */
    double logdet; /* of Sigma */
} ba_inversion_t;

/* Products over voxels, made once, that serve any share of one target. Opaque. */
typedef struct ba_inversion_gram ba_inversion_gram_t;

/* weights: n_features x n_voxels; responses: n_responses x n_voxels, less what the model
 * predicts for x = 0 (BA_NONFINITE, BA_SHAPE). One pass over voxels, nothing of their
 * number allocated. Cost: (n_rows + n_features)^2 n_voxels + 2 (n_rows + n_features)
 * n_responses n_voxels flops. */
BA_API int ba_inversion_gram(const ba_ctx_t *ctx, const ba_noise_t *noise,
    ba_cdmat_t weights, ba_cdmat_t responses, ba_inversion_gram_t **out);
BA_API void ba_inversion_gram_free(ba_inversion_gram_t *gram);

/* Statistics at a share (NaN = the noise model's own), for the caller to free. By
 * Woodbury's identity: cost n_rows^3 / 3 + 2 n_rows^2 (n_features + n_responses).
 * BA_NUMERIC. */
BA_API int ba_inversion_at(const ba_ctx_t *ctx, const ba_inversion_gram_t *gram,
    double share, ba_inversion_t *out);

/* Both in one. */
BA_API int ba_inversion_make(const ba_ctx_t *ctx, const ba_noise_t *noise,
    ba_cdmat_t weights, ba_cdmat_t responses, ba_inversion_t *out);
BA_API void ba_inversion_free(ba_inversion_t *inversion);

/* ---- prior ---- */

/* N(mean, L L'): L is n_features x rank, any rank from 1. */
typedef struct {
    size_t n_features, rank;
    double *mean;   /* n_features */
    double *factor; /* n_features x rank, column-major */
} ba_prior_t;

/* From a covariance (symmetric, n_features x n_features, column-major): Cholesky, or its
 * eigenvectors where it is singular. mean NULL = 0. BA_FORMAT: not symmetric, a negative
 * eigenvalue, or none above 0; BA_NONFINITE. */
BA_API int ba_prior_from_covariance(
    const ba_ctx_t *ctx, const double *mean, ba_cdmat_t covariance, ba_prior_t *out);

/* From L itself, copied. */
BA_API int ba_prior_from_factor(const double *mean, ba_cdmat_t factor, ba_prior_t *out);

/* Mean and covariance (divisor n) of training features, n x n_features, plus `ridge` on
 * the diagonal. rank > 0, or fewer rows than features and no ridge: the first principal
 * components. BA_NUMERIC: features without variance. */
BA_API int ba_prior_from_features(
    const ba_ctx_t *ctx, ba_cdmat_t features, double ridge, size_t rank, ba_prior_t *out);
BA_API void ba_prior_free(ba_prior_t *prior);

/* ---- posterior ---- */

typedef struct {
    double *mean;       /* n_features x n_responses */
    double *variance;   /* n_features: the same for all responses */
    double *covariance; /* n_features x n_features, where it was asked for, else NULL */
    double *evidence;   /* n_responses: log N(y; W'mu, W'L L'W + Sigma); NULL from BLUE */
} ba_posterior_t;

typedef enum { BA_POSTERIOR_VARIANCE = 0, BA_POSTERIOR_COVARIANCE } ba_posterior_want_t;

/* Feature space: mu + L (I + L'AL)^-1 L'(z - A mu). Cost: n_features^2 rank + rank^3 +
 * n_features rank n_responses. BA_SHAPE: a prior of other features. */
BA_API int ba_posterior_make(const ba_ctx_t *ctx, const ba_inversion_t *inversion,
    const ba_prior_t *prior, ba_posterior_want_t want, ba_posterior_t *out);

/* Voxel space, for fewer voxels than rank: mu + L L'W (W'L L'W + Sigma)^-1 (y - W'mu).
 * Cost: n_voxels^3 + n_voxels^2 (n_rows + n_responses). */
typedef struct {
    ba_cdmat_t weights, responses;
} ba_inversion_data_t;

BA_API int ba_posterior_in_voxels(const ba_ctx_t *ctx, const ba_noise_t *noise,
    const ba_inversion_data_t *data, const ba_prior_t *prior, ba_posterior_want_t want,
    ba_posterior_t *out);

/* The cheaper of the two. */
BA_API int ba_posterior_from_data(const ba_ctx_t *ctx, const ba_noise_t *noise,
    const ba_inversion_data_t *data, const ba_prior_t *prior, ba_posterior_want_t want,
    ba_posterior_t *out);

/* Flat prior, the best linear unbiased estimate: A^-1 z, covariance A^-1. BA_NUMERIC: A
 * is singular (fewer voxels than features). */
BA_API int ba_posterior_flat(const ba_ctx_t *ctx, const ba_inversion_t *inversion,
    ba_posterior_want_t want, ba_posterior_t *out);
BA_API void ba_posterior_free(ba_posterior_t *posterior);

/* ---- candidates ---- */

/* quadratic[i + j ld] = -1/2 (y_i - W'x_j)'Sigma^-1 (y_i - W'x_j) for all responses i and
 * candidates j (rows of `candidates`); ba_inversion_constant() added to it is the log
 * likelihood. Cost: n_candidates n_features (n_features + n_responses). BA_SHAPE. */
BA_API int ba_inversion_candidates(const ba_ctx_t *ctx, const ba_inversion_t *inversion,
    ba_cdmat_t candidates, ba_dmat_t quadratic);

/* -1/2 (n_voxels log 2 pi + log det Sigma). */
BA_API double ba_inversion_constant(const ba_inversion_t *inversion);

/* ---- time series ---- */

/* Responses of one uninterrupted stretch of a run, each of which depends on the features
 * of several times before it: y_t = sum over delays d of W_d'x_(t - d). The inversion's
 * features are the delays side by side, n_delays x n_features. */
typedef struct {
    const int *delays; /* different ones */
    size_t n_delays;
    size_t n_features; /* at one time */
    size_t first;      /* time in its run of the first response */
    size_t run_length; /* features before 0 and from here on are 0, and known */
    size_t response0;  /* place of the first response among the inversion's */
    size_t n_times;    /* responses first, first + 1, ... */
    double
        autoregression; /* rho: features in the prior's coordinates go from time to time
                              by u' = rho u + sqrt(1 - rho^2) noise; 0 = independent */
} ba_series_t;

/* Posterior of the features of all times that the stretch depends on, given all its
 * responses: one block-banded system. */
typedef struct {
    size_t first, n_times; /* times in the run; n_times may be 0 */
    double *mean;          /* n_features x n_times */
    double *variance;      /* n_features x n_times */
    double evidence;       /* log density of the stretch's responses */
} ba_series_posterior_t;

/* Bytes that the system takes. */
BA_API int ba_series_bytes(const ba_series_t *series, size_t rank, size_t *bytes);

/* Block LDL' factorisation and selected inversion in the prior's coordinates. Cost: about
 * (3 b^2 + 5 b + 1) n_times rank^3 flops, b = largest - smallest delay; memory n_times (b
 * + 1) rank^2 numbers. BA_SHAPE, BA_NUMERIC, BA_NOMEM. */
BA_API int ba_series_invert(const ba_ctx_t *ctx, const ba_inversion_t *inversion,
    const ba_prior_t *prior, const ba_series_t *series, ba_series_posterior_t *out);
BA_API void ba_series_posterior_free(ba_series_posterior_t *posterior);

#ifdef __cplusplus
}
#endif

#endif
