/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gaussian priors over features as a mean and a factor L, Lambda = L L'. */
#include "model/inversion_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* Eigenvalues below this share of the largest count as 0. */
#define TOLERANCE 1e-12

static int
start(const double *mean, size_t n_features, size_t rank, ba_prior_t *out)
{
    int status = BA_OK;

    *out = (ba_prior_t){.n_features = n_features, .rank = rank};
    BA_TRY_ALLOC(out->mean, ba_calloc(n_features, sizeof *out->mean));
    BA_TRY_ALLOC(out->factor, ba_calloc(n_features, rank * sizeof *out->factor));
    if (mean) {
        memcpy(out->mean, mean, n_features * sizeof *mean);
        BA_TRY(ba_matrix_check(
            ba_cdmat(out->mean, n_features, 1, n_features), "prior mean", "column"));
    }
out:
    return status;
}

/* The Cholesky factor with zeros above its diagonal. */
static int
by_cholesky(ba_cdmat_t covariance, ba_prior_t *out)
{
    int status = BA_OK;
    size_t p = covariance.n_rows;

    for (size_t j = 0; j < p; j++) {
        memcpy(out->factor + j * p, covariance.data + j * covariance.ld,
            p * sizeof *out->factor);
    }
    BA_TRY(ba_cholesky(ba_dmat(out->factor, p, p, p)));
    for (size_t j = 0; j < p; j++) {
        memset(out->factor + j * p, 0, j * sizeof *out->factor);
    }
out:
    return status;
}

/* Columns sqrt(lambda) v of the eigenvalues that are not 0, largest last. */
static int
by_eigenvectors(const ba_ctx_t *ctx, ba_cdmat_t covariance, ba_prior_t *out)
{
    int status = BA_OK;
    size_t p = covariance.n_rows, first = 0;
    double *lambda = NULL, least;

    BA_TRY_ALLOC(lambda, ba_malloc(p, sizeof *lambda));
    for (size_t j = 0; j < p; j++) {
        memcpy(out->factor + j * p, covariance.data + j * covariance.ld,
            p * sizeof *out->factor);
    }
    BA_TRY(ba_eigen_symmetric(ctx, ba_dmat(out->factor, p, p, p), lambda));
    least = TOLERANCE * (double) p * fmax(lambda[p - 1], 0.0);
    if (!(lambda[p - 1] > 0.0) || lambda[0] < -1e4 * least) {
        BA_TRY(ba_fail(BA_FORMAT,
            "prior covariance: eigenvalues from %g to %g, wanted none below 0 and some "
            "above",
            lambda[0], lambda[p - 1]));
    }
    while (lambda[first] <= least) {
        first++;
    }
    out->rank = p - first;
    memmove(out->factor, out->factor + first * p, out->rank * p * sizeof *out->factor);
    for (size_t j = 0; j < out->rank; j++) {
        for (size_t i = 0; i < p; i++) {
            out->factor[i + j * p] *= sqrt(lambda[first + j]);
        }
    }
out:
    ba_free(lambda);
    return status;
}

int
ba_prior_from_covariance(
    const ba_ctx_t *ctx, const double *mean, ba_cdmat_t covariance, ba_prior_t *out)
{
    int status = BA_OK;
    size_t p = covariance.n_rows;

    *out = (ba_prior_t){.n_features = 0};
    if (p == 0 || covariance.n_cols != p) {
        BA_TRY(ba_fail(BA_SHAPE, "prior covariance: %zu x %zu, wanted a square matrix", p,
            covariance.n_cols));
    }
    BA_TRY(ba_matrix_check(covariance, "prior covariance", "column"));
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < j; i++) {
            double a = covariance.data[i + j * covariance.ld];
            double b = covariance.data[j + i * covariance.ld];

            if (fabs(a - b) > 1e-8 * (fabs(a) + fabs(b))) {
                BA_TRY(ba_fail(BA_FORMAT,
                    "prior covariance: %g in row %zu, column %zu but %g on the other "
                    "side, "
                    "wanted a symmetric matrix",
                    a, i, j, b));
            }
        }
    }
    ba_blas_single_thread();
    BA_TRY(start(mean, p, p, out));
    if (by_cholesky(covariance, out) != BA_OK) {
        BA_TRY(by_eigenvectors(ctx, covariance, out));
    }
out:
    if (status != BA_OK) {
        ba_prior_free(out);
    }
    return status;
}

int
ba_prior_from_factor(const double *mean, ba_cdmat_t factor, ba_prior_t *out)
{
    int status = BA_OK;
    size_t p = factor.n_rows;

    *out = (ba_prior_t){.n_features = 0};
    if (p == 0 || factor.n_cols == 0) {
        BA_TRY(ba_fail(BA_SHAPE, "prior factor: %zu x %zu, wanted a matrix with numbers",
            p, factor.n_cols));
    }
    BA_TRY(ba_matrix_check(factor, "prior factor", "column"));
    BA_TRY(start(mean, p, factor.n_cols, out));
    for (size_t j = 0; j < factor.n_cols; j++) {
        memcpy(out->factor + j * p, factor.data + j * factor.ld, p * sizeof *out->factor);
    }
out:
    if (status != BA_OK) {
        ba_prior_free(out);
    }
    return status;
}

/* (x - mean) / sqrt(n). */
static void
centre(ba_cdmat_t features, const double *mean, double *out)
{
    size_t n = features.n_rows;

    for (size_t j = 0; j < features.n_cols; j++) {
        for (size_t i = 0; i < n; i++) {
            out[i + j * n] =
                (features.data[i + j * features.ld] - mean[j]) / sqrt((double) n);
        }
    }
}

/* L = X'U of the largest eigenvalues of X X', rows x rows. */
static int
by_components(
    const ba_ctx_t *ctx, ba_cdmat_t x, const double *mean, size_t rank, ba_prior_t *out)
{
    int status = BA_OK;
    size_t n = x.n_rows, p = x.n_cols, k = 0;
    double *gram = NULL, *lambda = NULL;

    BA_TRY_ALLOC(gram, ba_malloc(n, n * sizeof *gram));
    BA_TRY_ALLOC(lambda, ba_malloc(n, sizeof *lambda));
    ba_syrk_tiled(ctx, 1.0, BA_KEEP, x, 0.0, ba_dmat(gram, n, n, n));
    BA_TRY(ba_eigen_symmetric(ctx, ba_dmat(gram, n, n, n), lambda));
    while (k < n && (rank == 0 || k < rank) &&
           lambda[n - 1 - k] > TOLERANCE * (double) n * lambda[n - 1]) {
        k++;
    }
    if (k == 0) {
        BA_TRY(ba_fail(BA_NUMERIC, "prior: features without variance, wanted some"));
    }
    BA_TRY(start(mean, p, k, out));
    ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, x, BA_KEEP,
        ba_cdmat(gram + (n - k) * n, n, k, n), 0.0, ba_dmat(out->factor, p, k, p));
out:
    ba_free(gram);
    ba_free(lambda);
    return status;
}

int
ba_prior_from_features(
    const ba_ctx_t *ctx, ba_cdmat_t features, double ridge, size_t rank, ba_prior_t *out)
{
    int status = BA_OK;
    size_t n = features.n_rows, p = features.n_cols;
    double *mean = NULL, *x = NULL, *covariance = NULL;

    *out = (ba_prior_t){.n_features = 0};
    if (n < 2 || p == 0 || !(ridge >= 0.0) || (ridge > 0.0 && rank > 0)) {
        BA_TRY(ba_fail(BA_VALUE,
            "prior: %zu x %zu features with ridge %g and rank %zu, wanted at least 2 "
            "rows "
            "and a ridge above 0 or a rank or neither",
            n, p, ridge, rank));
    }
    ba_blas_single_thread();
    BA_TRY(ba_matrix_check(features, "prior features", "column"));
    BA_TRY_ALLOC(mean, ba_calloc(p, sizeof *mean));
    BA_TRY_ALLOC(x, ba_malloc(n, p * sizeof *x));
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < n; i++) {
            mean[j] += features.data[i + j * features.ld];
        }
        mean[j] /= (double) n;
    }
    centre(features, mean, x);
    if (rank > 0 || (n <= p && !(ridge > 0.0))) {
        BA_TRY(by_components(ctx, ba_cdmat(x, n, p, n), mean, rank, out));
    } else {
        BA_TRY_ALLOC(covariance, ba_malloc(p, p * sizeof *covariance));
        ba_syrk_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(x, n, p, n), 0.0,
            ba_dmat(covariance, p, p, p));
        for (size_t j = 0; j < p; j++) {
            covariance[j + j * p] += ridge;
        }
        BA_TRY(ba_prior_from_covariance(ctx, mean, ba_cdmat(covariance, p, p, p), out));
    }
out:
    ba_free(mean);
    ba_free(x);
    ba_free(covariance);
    return status;
}

void
ba_prior_free(ba_prior_t *prior)
{
    ba_free(prior->mean);
    ba_free(prior->factor);
    *prior = (ba_prior_t){.n_features = 0};
}
