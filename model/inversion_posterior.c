/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Posterior of the features, x ~ N(mu, L L'), in two forms that agree:
 *
 *   features   mu + L C^-1 L'(z - A mu),      C = I + L'AL          (rank x rank)
 *   voxels     mu + L B V^-1 (y - W'mu),      V = B'B + Sigma, B = L'W
 *
 * L C^-1 L' is the covariance; no inverse of the prior is needed, and the eigenvalues of
 * C are 1 or more. The evidence is the log density of y under N(W'mu, V), det V = det
 * Sigma det C. */
#include "model/inversion_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

static int
start(size_t p, size_t n, ba_posterior_want_t want, ba_posterior_t *out)
{
    int status = BA_OK;

    *out = (ba_posterior_t){NULL, NULL, NULL, NULL};
    BA_TRY_ALLOC(out->mean, ba_malloc(p, n * sizeof *out->mean));
    BA_TRY_ALLOC(out->variance, ba_malloc(p, sizeof *out->variance));
    BA_TRY_ALLOC(out->evidence, ba_malloc(n, sizeof *out->evidence));
    if (want == BA_POSTERIOR_COVARIANCE) {
        BA_TRY_ALLOC(out->covariance, ba_malloc(p, p * sizeof *out->covariance));
    }
out:
    return status;
}

void
ba_posterior_free(ba_posterior_t *posterior)
{
    ba_free(posterior->mean);
    ba_free(posterior->variance);
    ba_free(posterior->covariance);
    ba_free(posterior->evidence);
    *posterior = (ba_posterior_t){NULL, NULL, NULL, NULL};
}

static int
check_prior(const ba_prior_t *prior, size_t n_features)
{
    if (prior->n_features != n_features) {
        return ba_fail(BA_SHAPE, "prior: %zu features, wanted %zu as in the model",
            prior->n_features, n_features);
    }
    return BA_OK;
}

/* mean = mu + what stands there. */
static void
add_mean(const double *mu, size_t p, size_t n, double *mean)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < p; j++) {
            mean[j + i * p] += mu[j];
        }
    }
}

static double
dot(const double *x, const double *y, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

/* Buffers of the feature-space form: al p x k, c k x k, right p x n, inner and solved k x
 * n, half k x p, am p. */
typedef struct {
    double *al, *c, *right, *inner, *solved, *half, *am;
} work_t;

static int
allocate(size_t p, size_t k, size_t n, work_t *work)
{
    int status = BA_OK;

    BA_TRY_ALLOC(work->al, ba_malloc(p, k * sizeof(double)));
    BA_TRY_ALLOC(work->c, ba_malloc(k, k * sizeof(double)));
    BA_TRY_ALLOC(work->right, ba_malloc(p, n * sizeof(double)));
    BA_TRY_ALLOC(work->inner, ba_malloc(k, n * sizeof(double)));
    BA_TRY_ALLOC(work->solved, ba_malloc(k, n * sizeof(double)));
    BA_TRY_ALLOC(work->half, ba_malloc(k, p * sizeof(double)));
    BA_TRY_ALLOC(work->am, ba_malloc(p, sizeof(double)));
out:
    return status;
}

static void
release(work_t *work)
{
    ba_free(work->al);
    ba_free(work->c);
    ba_free(work->right);
    ba_free(work->inner);
    ba_free(work->solved);
    ba_free(work->half);
    ba_free(work->am);
}

/* The Cholesky factor of I + L'AL. */
static int
factorise(const ba_ctx_t *ctx, const ba_inversion_t *inversion, const ba_prior_t *prior,
    const work_t *work)
{
    size_t p = prior->n_features, k = prior->rank;
    ba_cdmat_t l = ba_cdmat(prior->factor, p, k, p);

    ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(inversion->a, p, p, p), BA_KEEP, l, 0.0,
        ba_dmat(work->al, p, k, p));
    ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, l, BA_KEEP, ba_cdmat(work->al, p, k, p), 0.0,
        ba_dmat(work->c, k, k, k));
    for (size_t i = 0; i < k; i++) {
        work->c[i + i * k] += 1.0;
    }
    return ba_cholesky(ba_dmat(work->c, k, k, k));
}

/* Variance and covariance L C^-1 L'. */
static void
spread(
    const ba_ctx_t *ctx, const ba_prior_t *prior, const work_t *work, ba_posterior_t *out)
{
    size_t p = prior->n_features, k = prior->rank;

    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < k; i++) {
            work->half[i + j * k] = prior->factor[j + i * p];
        }
    }
    ba_solve_columns(ctx, ba_cdmat(work->c, k, k, k), ba_dmat(work->half, k, p, k));
    for (size_t j = 0; j < p; j++) {
        out->variance[j] = 0.0;
        for (size_t i = 0; i < k; i++) {
            out->variance[j] += prior->factor[j + i * p] * work->half[i + j * k];
        }
    }
    if (out->covariance) {
        ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(prior->factor, p, k, p), BA_KEEP,
            ba_cdmat(work->half, k, p, k), 0.0, ba_dmat(out->covariance, p, p, p));
    }
}

int
ba_posterior_make(const ba_ctx_t *ctx, const ba_inversion_t *inversion,
    const ba_prior_t *prior, ba_posterior_want_t want, ba_posterior_t *out)
{
    int status = BA_OK;
    size_t p = inversion->n_features, n = inversion->n_responses, k = prior->rank;
    work_t work = {.al = NULL};
    double logdet, constant = ba_inversion_constant(inversion), mam;
    ba_cdmat_t l = ba_cdmat(prior->factor, p, k, p);

    *out = (ba_posterior_t){NULL, NULL, NULL, NULL};
    BA_TRY(check_prior(prior, p));
    BA_TRY(start(p, n, want, out));
    BA_TRY(allocate(p, k, n, &work));
    BA_TRY(factorise(ctx, inversion, prior, &work));
    logdet = ba_cholesky_logdet(ba_cdmat(work.c, k, k, k));
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(inversion->a, p, p, p), BA_KEEP,
        ba_cdmat(prior->mean, p, 1, p), 0.0, ba_dmat(work.am, p, 1, p));
    mam = dot(prior->mean, work.am, p);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < p; j++) {
            work.right[j + i * p] = inversion->z[j + i * p] - work.am[j];
        }
    }
    ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, l, BA_KEEP, ba_cdmat(work.right, p, n, p), 0.0,
        ba_dmat(work.inner, k, n, k));
    memcpy(work.solved, work.inner, k * n * sizeof *work.solved);
    ba_solve_columns(ctx, ba_cdmat(work.c, k, k, k), ba_dmat(work.solved, k, n, k));
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, l, BA_KEEP, ba_cdmat(work.solved, k, n, k), 0.0,
        ba_dmat(out->mean, p, n, p));
    add_mean(prior->mean, p, n, out->mean);
    for (size_t i = 0; i < n; i++) {
        double norm =
            inversion->norm[i] - 2.0 * dot(prior->mean, inversion->z + i * p, p) + mam;

        out->evidence[i] =
            constant -
            0.5 * (logdet + norm - dot(work.inner + i * k, work.solved + i * k, k));
    }
    spread(ctx, prior, &work, out);
out:
    release(&work);
    if (status != BA_OK) {
        ba_posterior_free(out);
    }
    return status;
}

int
ba_posterior_flat(const ba_ctx_t *ctx, const ba_inversion_t *inversion,
    ba_posterior_want_t want, ba_posterior_t *out)
{
    int status = BA_OK;
    size_t p = inversion->n_features, n = inversion->n_responses;
    double *inverse = NULL;

    BA_TRY(start(p, n, want, out));
    BA_TRY_ALLOC(inverse, ba_malloc(p, p * sizeof *inverse));
    memcpy(inverse, inversion->a, p * p * sizeof *inverse);
    if (p > inversion->n_voxels || ba_cholesky(ba_dmat(inverse, p, p, p)) != BA_OK) {
        BA_TRY(ba_fail(BA_NUMERIC,
            "inversion: %zu voxels do not determine %zu features without a prior, wanted "
            "one",
            inversion->n_voxels, p));
    }
    memcpy(out->mean, inversion->z, p * n * sizeof *out->mean);
    ba_solve_columns(ctx, ba_cdmat(inverse, p, p, p), ba_dmat(out->mean, p, n, p));
    ba_cholesky_invert(ba_dmat(inverse, p, p, p));
    for (size_t j = 0; j < p; j++) {
        out->variance[j] = inverse[j + j * p];
    }
    if (out->covariance) {
        memcpy(out->covariance, inverse, p * p * sizeof *inverse);
    }
    ba_free(out->evidence);
    out->evidence = NULL;
out:
    ba_free(inverse);
    if (status != BA_OK) {
        ba_posterior_free(out);
    }
    return status;
}
