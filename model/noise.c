/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Noise covariance of many voxels from residuals, as a factor and a diagonal:
 *
 *   Sigma = (1 - a) S + a diag(t),  S = F'F,  F = R / sqrt(n)
 *
 * with R held-out residuals (rows x voxels). Per-story normalisation: S = mean over
 * stories of R_s'R_s / mean(diag(R_s'R_s)) (Tang, LeBel, Jain & Huth 2023). Ledoit & Wolf
 * (2004, J. Multivar. Anal. 88:365) from the n x n Gram matrix G = R R':
 *
 *   m = tr(S) / v,  d = |S - m I|^2 = |G|^2 / n^2 - v m^2
 *   b = sum_i G_ii^2 / n^2 - |G|^2 / n^3
 *
 * and the share of m I is min(b / d, 1): |S|^2 needs no S. */
#include "model/inversion_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

void
ba_noise_read(const ba_noise_t *noise, size_t j0, size_t n, double *dst, size_t ld)
{
    for (size_t j = 0; j < n; j++) {
        const double *src = noise->rows + (j0 + j) * noise->ld;
        double mean = noise->mean ? noise->mean[j0 + j] : 0.0;

        for (size_t i = 0; i < noise->n_rows; i++) {
            double weight = noise->row_weight ? noise->row_weight[i] : 1.0;

            dst[i + j * ld] = weight * (src[i] - mean);
        }
    }
}

/* Diagonal of S. */
static int
variances(const ba_ctx_t *ctx, const ba_noise_t *noise, double *out)
{
    int status = BA_OK;
    size_t n = noise->n_rows;
    int threads = ba_ctx_threads(ctx);
    double *scratch = NULL;

    BA_TRY_ALLOC(scratch, ba_malloc((size_t) threads, (n + 1) * sizeof *scratch));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int k = 0; k < threads; k++) {
        double *column = scratch + (size_t) k * (n + 1);

        for (size_t j = (size_t) k; j < noise->n_voxels; j += (size_t) threads) {
            double sum = 0.0;

            ba_noise_read(noise, j, 1, column, n);
            for (size_t i = 0; i < n; i++) {
                sum += column[i] * column[i];
            }
            out[j] = sum;
        }
    }
out:
    ba_free(scratch);
    return status;
}

static double
mean_of(const double *x, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum / (double) n;
}

static int
take_means(ba_noise_t *noise)
{
    int status = BA_OK;

    BA_TRY_ALLOC(noise->mean, ba_malloc(noise->n_voxels, sizeof *noise->mean));
    for (size_t j = 0; j < noise->n_voxels; j++) {
        noise->mean[j] = mean_of(noise->rows + j * noise->ld, noise->n_rows);
    }
out:
    return status;
}

/* Weights that make S the mean over stories of normalised covariances. */
static int
weigh_stories(ba_noise_t *noise, const int32_t *story)
{
    int status = BA_OK;
    size_t n = noise->n_rows, n_stories = 0;
    double *power = NULL;

    BA_TRY_ALLOC(power, ba_calloc(n, sizeof *power));
    for (size_t j = 0; j < noise->n_voxels; j++) {
        const double *column = noise->rows + j * noise->ld;
        double mean = noise->mean ? noise->mean[j] : 0.0;

        for (size_t i = 0; i < n; i++) {
            power[i] += (column[i] - mean) * (column[i] - mean);
        }
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;
        int is_first = 1;

        for (size_t k = 0; k < n; k++) {
            sum += story[k] == story[i] ? power[k] : 0.0;
            is_first &= k >= i || story[k] != story[i];
        }
        n_stories += is_first ? 1 : 0;
        if (!(sum > 0.0)) {
            BA_TRY(ba_fail(BA_NUMERIC,
                "noise covariance: story %d has no residual variance, wanted some",
                (int) story[i]));
        }
        noise->row_weight[i] = sum / (double) noise->n_voxels;
    }
    for (size_t i = 0; i < n; i++) {
        noise->row_weight[i] = 1.0 / sqrt(noise->row_weight[i] * (double) n_stories);
    }
out:
    ba_free(power);
    return status;
}

static int
check_opts(ba_cdmat_t residuals, const ba_noise_opts_t *opts)
{
    if (residuals.n_rows == 0 || residuals.n_cols == 0) {
        return ba_fail(BA_SHAPE, "noise covariance: %zu x %zu residuals, wanted some",
            residuals.n_rows, residuals.n_cols);
    }
    if (opts->kind == BA_NOISE_SHRUNK && !opts->ledoit_wolf &&
        !(opts->share > 0.0 && opts->share <= 1.0)) {
        return ba_fail(BA_VALUE,
            "noise covariance: share of the target %g, wanted above 0 and at most 1",
            opts->share);
    }
    if (opts->ledoit_wolf && opts->story) {
        return ba_fail(BA_VALUE, "noise covariance: Ledoit-Wolf shrinkage of normalised "
                                 "stories, wanted one of both");
    }
    if (opts->kind == BA_NOISE_LOW_RANK &&
        (opts->rank == 0 || opts->rank >= residuals.n_rows ||
            opts->rank >= residuals.n_cols)) {
        return ba_fail(BA_VALUE,
            "noise covariance: rank %zu of %zu residual rows and %zu voxels, wanted 1 or "
            "more and less than both",
            opts->rank, residuals.n_rows, residuals.n_cols);
    }
    return ba_matrix_check(residuals, "residuals", "voxel");
}

/* The Gram matrix F F', with targets of 1. */
static int
gram_of(const ba_ctx_t *ctx, ba_noise_t *noise, double **gram)
{
    int status = BA_OK;

    BA_TRY_ALLOC(*gram, ba_malloc(noise->n_rows, noise->n_rows * sizeof **gram));
    for (size_t j = 0; j < noise->n_voxels; j++) {
        noise->target[j] = 1.0;
    }
    BA_TRY(ba_voxel_sums(ctx, &(ba_voxel_sums_t){.noise = noise, .products = *gram}));
out:
    return status;
}

/* The share of m I; F F' = G / n. */
static int
ledoit_wolf(const ba_ctx_t *ctx, ba_noise_t *noise, double *share)
{
    int status = BA_OK;
    size_t n = noise->n_rows;
    double *gram = NULL, v = (double) noise->n_voxels;
    double trace = 0.0, squares = 0.0, fourth = 0.0, m, b, d;

    BA_TRY(gram_of(ctx, noise, &gram));
    for (size_t i = 0; i < n; i++) {
        trace += gram[i + i * n];
        fourth += gram[i + i * n] * gram[i + i * n];
        for (size_t k = 0; k < n; k++) {
            squares += gram[k + i * n] * gram[k + i * n];
        }
    }
    m = trace / v;
    d = squares - v * m * m;
    b = fourth - squares / (double) n;
    if (!(d > 0.0)) {
        BA_TRY(ba_fail(BA_NUMERIC, "noise covariance: residuals without covariance, "
                                   "wanted some for Ledoit-Wolf shrinkage"));
    }
    *share = fmin(b / d, 1.0);
    if (!(*share > 0.0)) {
        BA_TRY(ba_fail(BA_NUMERIC, "noise covariance: Ledoit-Wolf found no shrinkage, "
                                   "wanted a share above 0"));
    }
out:
    ba_free(gram);
    return status;
}

/* The first principal components as a factor of their own, the rest as variances. */
static int
low_rank(const ba_ctx_t *ctx, ba_noise_t *noise, size_t rank)
{
    int status = BA_OK;
    size_t n = noise->n_rows, v = noise->n_voxels;
    double *gram = NULL, *lambda = NULL, *block = NULL, *factor = NULL, *total = NULL;

    BA_TRY(gram_of(ctx, noise, &gram));
    BA_TRY_ALLOC(lambda, ba_malloc(n, sizeof *lambda));
    BA_TRY_ALLOC(block, ba_malloc(n, BA_VOXEL_BLOCK * sizeof *block));
    BA_TRY_ALLOC(factor, ba_malloc(rank, v * sizeof *factor));
    BA_TRY_ALLOC(total, ba_malloc(v, sizeof *total));
    BA_TRY(variances(ctx, noise, total));
    BA_TRY(ba_eigen_symmetric(ctx, ba_dmat(gram, n, n, n), lambda));
    for (size_t j0 = 0; j0 < v; j0 += BA_VOXEL_BLOCK) {
        size_t width = v - j0 < BA_VOXEL_BLOCK ? v - j0 : BA_VOXEL_BLOCK;

        ba_noise_read(noise, j0, width, block, n);
        ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(gram + (n - rank) * n, n, rank, n),
            BA_KEEP, ba_cdmat(block, n, width, n), 0.0,
            ba_dmat(factor + j0 * rank, rank, width, rank));
    }
    for (size_t j = 0; j < v; j++) {
        noise->target[j] = total[j];
        for (size_t i = 0; i < rank; i++) {
            noise->target[j] -= factor[i + j * rank] * factor[i + j * rank];
        }
        if (noise->target[j] <= 1e-12 * total[j]) {
            noise->target[j] = 0.0;
        }
    }
    ba_free(noise->owned);
    ba_free(noise->mean);
    ba_free(noise->row_weight);
    noise->mean = noise->row_weight = NULL;
    noise->rows = noise->owned = factor;
    noise->n_rows = noise->ld = rank;
    factor = NULL;
out:
    ba_free(gram);
    ba_free(lambda);
    ba_free(block);
    ba_free(factor);
    ba_free(total);
    return status;
}

/* More rows than voxels: F'F = T'T with T the triangle of F. */
static int
reduce_rows(ba_noise_t *noise)
{
    int status = BA_OK;
    size_t n = noise->n_rows, v = noise->n_voxels;
    double *copy = NULL, *triangle = NULL;

    if (n <= v) {
        return BA_OK;
    }
    BA_TRY_ALLOC(copy, ba_malloc(n, v * sizeof *copy));
    BA_TRY_ALLOC(triangle, ba_malloc(v, v * sizeof *triangle));
    ba_noise_read(noise, 0, v, copy, n);
    BA_TRY(ba_qr_triangle(ba_dmat(copy, n, v, n)));
    for (size_t j = 0; j < v; j++) {
        memcpy(triangle + j * v, copy + j * n, v * sizeof *triangle);
    }
    ba_free(noise->mean);
    ba_free(noise->row_weight);
    noise->mean = noise->row_weight = NULL;
    noise->rows = noise->owned = triangle;
    noise->n_rows = noise->ld = v;
    triangle = NULL;
out:
    ba_free(copy);
    ba_free(triangle);
    return status;
}

static int
check_target(const ba_noise_t *noise)
{
    for (size_t j = 0; j < noise->n_voxels; j++) {
        if (!(noise->target[j] > 0.0) || !isfinite(noise->target[j])) {
            return ba_fail(BA_UNSUPPORTED,
                "noise covariance: singular, voxel %zu (from 0) has a residual variance "
                "of "
                "%g, wanted one above 0",
                j, noise->target[j]);
        }
    }
    return BA_OK;
}

/* Variances of S are in noise->target; makes them what S is shrunk towards. */
static int
set_target(const ba_ctx_t *ctx, ba_noise_t *noise, const ba_noise_opts_t *opts)
{
    int status = BA_OK;
    double mean = mean_of(noise->target, noise->n_voxels), even = 0.0;

    noise->spread = 1.0 - opts->share;
    noise->share = opts->share;
    noise->is_shrunk = opts->kind == BA_NOISE_SHRUNK;
    if (opts->kind == BA_NOISE_LOW_RANK) {
        BA_TRY(low_rank(ctx, noise, opts->rank));
        noise->spread = 1.0;
    } else if (noise->is_shrunk && opts->ledoit_wolf) {
        BA_TRY(ledoit_wolf(ctx, noise, &noise->share));
        noise->spread = 1.0 - noise->share;
        even = mean;
    } else if (opts->kind == BA_NOISE_WHITE) {
        even = opts->variance > 0.0 ? opts->variance : mean;
    } else if (noise->is_shrunk && opts->target != BA_SHRINK_DIAGONAL) {
        even = opts->target == BA_SHRINK_IDENTITY ? 1.0 : mean;
    }
    if (!noise->is_shrunk) {
        noise->share = 1.0;
    }
    if (opts->kind == BA_NOISE_WHITE || opts->kind == BA_NOISE_DIAGONAL) {
        noise->n_rows = 0;
    }
    for (size_t j = 0; even > 0.0 && j < noise->n_voxels; j++) {
        noise->target[j] = even;
    }
    BA_TRY(check_target(noise));
out:
    return status;
}

int
ba_noise_new(const ba_ctx_t *ctx, ba_cdmat_t residuals, const ba_noise_opts_t *opts,
    ba_noise_t **out)
{
    int status = BA_OK;
    size_t n = residuals.n_rows;
    ba_noise_t *noise = NULL;

    *out = NULL;
    ba_blas_single_thread();
    BA_TRY(check_opts(residuals, opts));
    BA_TRY_ALLOC(noise, ba_calloc(1, sizeof *noise));
    *noise = (ba_noise_t){.n_voxels = residuals.n_cols,
        .n_rows = n,
        .rows = residuals.data,
        .ld = residuals.ld,
        .precision = opts->precision};
    BA_TRY_ALLOC(noise->row_weight, ba_malloc(n, sizeof *noise->row_weight));
    BA_TRY_ALLOC(noise->target, ba_malloc(noise->n_voxels, sizeof *noise->target));
    for (size_t i = 0; i < n; i++) {
        noise->row_weight[i] = 1.0 / sqrt((double) n);
    }
    if (opts->remove_mean) {
        BA_TRY(take_means(noise));
    }
    if (opts->story) {
        BA_TRY(weigh_stories(noise, opts->story));
    }
    BA_TRY(variances(ctx, noise, noise->target));
    BA_TRY(set_target(ctx, noise, opts));
    BA_TRY(reduce_rows(noise));
    *out = noise;
    noise = NULL;
out:
    ba_noise_free(noise);
    return status;
}

int
ba_noise_from_factor(
    const double *variance, ba_cdmat_t factor, ba_precision_t precision, ba_noise_t **out)
{
    int status = BA_OK;
    ba_noise_t *noise = NULL;

    *out = NULL;
    ba_blas_single_thread();
    BA_TRY(ba_matrix_check(factor, "noise factor", "voxel"));
    BA_TRY_ALLOC(noise, ba_calloc(1, sizeof *noise));
    *noise = (ba_noise_t){.n_voxels = factor.n_cols,
        .n_rows = factor.n_rows,
        .rows = factor.data,
        .ld = factor.ld,
        .spread = 1.0,
        .share = 1.0,
        .precision = precision};
    BA_TRY_ALLOC(noise->target, ba_malloc(factor.n_cols, sizeof *noise->target));
    memcpy(noise->target, variance, factor.n_cols * sizeof *variance);
    BA_TRY(check_target(noise));
    *out = noise;
    noise = NULL;
out:
    ba_noise_free(noise);
    return status;
}

void
ba_noise_free(ba_noise_t *noise)
{
    if (!noise) {
        return;
    }
    ba_free(noise->owned);
    ba_free(noise->row_weight);
    ba_free(noise->mean);
    ba_free(noise->target);
    ba_free(noise);
}
