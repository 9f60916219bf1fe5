/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The posterior in voxel space (inversion_posterior.c has the formulas): for regions and
 * parcels, of which there are fewer than features. */
#include "model/inversion_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* b = L'W rank x v, lb = L b p x v, v the factor of V, rest and solved v x n, half v x
 * p. */
typedef struct {
    double *b, *lb, *v, *rest, *solved, *half;
} work_t;

static void
release(work_t *work)
{
    ba_free(work->b);
    ba_free(work->lb);
    ba_free(work->v);
    ba_free(work->rest);
    ba_free(work->solved);
    ba_free(work->half);
}

static int
check(const ba_noise_t *noise, const ba_inversion_data_t *data, const ba_prior_t *prior)
{
    int status = BA_OK;
    size_t v = noise->n_voxels;

    if (data->weights.n_cols != v || data->responses.n_cols != v) {
        return ba_fail(BA_SHAPE,
            "inversion: weights of %zu voxels, responses of %zu, wanted %zu as in the "
            "noise model",
            data->weights.n_cols, data->responses.n_cols, v);
    }
    if (prior->n_features != data->weights.n_rows) {
        return ba_fail(BA_SHAPE, "prior: %zu features, wanted %zu as in the model",
            prior->n_features, data->weights.n_rows);
    }
    BA_TRY(ba_matrix_check(data->weights, "weights", "voxel"));
    BA_TRY(ba_matrix_check(data->responses, "responses", "voxel"));
out:
    return status;
}

static int
allocate(size_t p, size_t k, size_t v, size_t n, work_t *work, ba_posterior_t *out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(work->b, ba_malloc(k, v * sizeof(double)));
    BA_TRY_ALLOC(work->lb, ba_malloc(p, v * sizeof(double)));
    BA_TRY_ALLOC(work->v, ba_malloc(v, v * sizeof(double)));
    BA_TRY_ALLOC(work->rest, ba_malloc(v, n * sizeof(double)));
    BA_TRY_ALLOC(work->solved, ba_malloc(v, n * sizeof(double)));
    BA_TRY_ALLOC(work->half, ba_malloc(v, p * sizeof(double)));
    BA_TRY_ALLOC(out->mean, ba_malloc(p, n * sizeof(double)));
    BA_TRY_ALLOC(out->variance, ba_malloc(p, sizeof(double)));
    BA_TRY_ALLOC(out->evidence, ba_malloc(n, sizeof(double)));
out:
    return status;
}

/* Responses less those of the prior's mean, v x n. */
static void
subtract_mean(const ba_inversion_data_t *data, const ba_prior_t *prior, double *rest)
{
    size_t v = data->weights.n_cols, p = data->weights.n_rows;

    for (size_t j = 0; j < v; j++) {
        double expected = 0.0;

        for (size_t i = 0; i < p; i++) {
            expected += data->weights.data[i + j * data->weights.ld] * prior->mean[i];
        }
        for (size_t i = 0; i < data->responses.n_rows; i++) {
            rest[j + i * v] = data->responses.data[i + j * data->responses.ld] - expected;
        }
    }
}

/* L L' - (L B) V^-1 (L B)'. */
static int
spread(const ba_ctx_t *ctx, const ba_prior_t *prior, size_t v, const work_t *work,
    ba_posterior_want_t want, ba_posterior_t *out)
{
    int status = BA_OK;
    size_t p = prior->n_features, k = prior->rank;

    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < v; i++) {
            work->half[i + j * v] = work->lb[j + i * p];
        }
    }
    ba_solve_columns(ctx, ba_cdmat(work->v, v, v, v), ba_dmat(work->half, v, p, v));
    for (size_t j = 0; j < p; j++) {
        out->variance[j] = 0.0;
        for (size_t i = 0; i < k; i++) {
            out->variance[j] += prior->factor[j + i * p] * prior->factor[j + i * p];
        }
        for (size_t i = 0; i < v; i++) {
            out->variance[j] -= work->lb[j + i * p] * work->half[i + j * v];
        }
    }
    if (want == BA_POSTERIOR_COVARIANCE) {
        BA_TRY_ALLOC(out->covariance, ba_malloc(p, p * sizeof *out->covariance));
        ba_syrk_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(prior->factor, p, k, p), 0.0,
            ba_dmat(out->covariance, p, p, p));
        ba_gemm_tiled(ctx, -1.0, BA_KEEP, ba_cdmat(work->lb, p, v, p), BA_KEEP,
            ba_cdmat(work->half, v, p, v), 1.0, ba_dmat(out->covariance, p, p, p));
    }
out:
    return status;
}

static void
mean_and_evidence(const ba_ctx_t *ctx, const ba_prior_t *prior, size_t v, size_t n,
    const work_t *work, ba_posterior_t *out)
{
    size_t p = prior->n_features;
    double constant = (double) v * log(2.0 * acos(-1.0)) +
                      ba_cholesky_logdet(ba_cdmat(work->v, v, v, v));

    memcpy(work->solved, work->rest, v * n * sizeof *work->solved);
    ba_solve_columns(ctx, ba_cdmat(work->v, v, v, v), ba_dmat(work->solved, v, n, v));
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, ba_cdmat(work->lb, p, v, p), BA_KEEP,
        ba_cdmat(work->solved, v, n, v), 0.0, ba_dmat(out->mean, p, n, p));
    for (size_t i = 0; i < n; i++) {
        double norm = 0.0;

        for (size_t j = 0; j < v; j++) {
            norm += work->rest[j + i * v] * work->solved[j + i * v];
        }
        for (size_t j = 0; j < p; j++) {
            out->mean[j + i * p] += prior->mean[j];
        }
        out->evidence[i] = -0.5 * (constant + norm);
    }
}

int
ba_posterior_in_voxels(const ba_ctx_t *ctx, const ba_noise_t *noise,
    const ba_inversion_data_t *data, const ba_prior_t *prior, ba_posterior_want_t want,
    ba_posterior_t *out)
{
    int status = BA_OK;
    size_t v = noise->n_voxels, p = prior->n_features, k = prior->rank;
    size_t n = data->responses.n_rows;
    work_t work = {.b = NULL};
    ba_cdmat_t l = ba_cdmat(prior->factor, p, k, p);

    *out = (ba_posterior_t){NULL, NULL, NULL, NULL};
    ba_blas_single_thread();
    BA_TRY(check(noise, data, prior));
    BA_TRY(allocate(p, k, v, n, &work, out));
    ba_gemm_tiled(
        ctx, 1.0, BA_TRANSPOSE, l, BA_KEEP, data->weights, 0.0, ba_dmat(work.b, k, v, k));
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, l, BA_KEEP, ba_cdmat(work.b, k, v, k), 0.0,
        ba_dmat(work.lb, p, v, p));
    BA_TRY(ba_noise_dense(ctx, noise, ba_dmat(work.v, v, v, v)));
    ba_syrk_tiled(
        ctx, 1.0, BA_TRANSPOSE, ba_cdmat(work.b, k, v, k), 1.0, ba_dmat(work.v, v, v, v));
    BA_TRY(ba_cholesky(ba_dmat(work.v, v, v, v)));
    subtract_mean(data, prior, work.rest);
    mean_and_evidence(ctx, prior, v, n, &work, out);
    BA_TRY(spread(ctx, prior, v, &work, want, out));
out:
    release(&work);
    if (status != BA_OK) {
        ba_posterior_free(out);
    }
    return status;
}

int
ba_posterior_from_data(const ba_ctx_t *ctx, const ba_noise_t *noise,
    const ba_inversion_data_t *data, const ba_prior_t *prior, ba_posterior_want_t want,
    ba_posterior_t *out)
{
    int status = BA_OK;
    ba_inversion_t inversion = {.n_features = 0};

    if (noise->n_voxels < prior->rank) {
        return ba_posterior_in_voxels(ctx, noise, data, prior, want, out);
    }
    *out = (ba_posterior_t){NULL, NULL, NULL, NULL};
    BA_TRY(ba_inversion_make(ctx, noise, data->weights, data->responses, &inversion));
    BA_TRY(ba_posterior_make(ctx, &inversion, prior, want, out));
out:
    ba_inversion_free(&inversion);
    return status;
}
