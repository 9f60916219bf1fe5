/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statistics of a linear-Gaussian model at any share, from products over voxels that were
 * made once. With Sigma = f F'F + g D and K the products of the rows of F, W and Y, each
 * column divided by the root of D, Woodbury's identity gives for any two rows x, y
 *
 *   x Sigma^-1 y' = (K_xy - c K_xF T^-1 K_Fy) / g,  T = I + c K_FF,  c = f / g
 *   log det Sigma = v log g + log det D + log det T
 *
 * so nothing of the size of the voxels is left. */
#include "model/inversion_impl.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

struct ba_inversion_gram {
    size_t n_rows, n_features, n_responses, n_voxels;
    double spread, share, logdet_target;
    int is_shrunk;
    double *products; /* (n_rows + n_features)^2 */
    double *cross;    /* (n_rows + n_features) x n_responses */
    double *norm;     /* n_responses */
};

static int
check_shapes(const ba_noise_t *noise, ba_cdmat_t weights, ba_cdmat_t responses)
{
    if (weights.n_cols != noise->n_voxels || responses.n_cols != noise->n_voxels) {
        return ba_fail(BA_SHAPE,
            "inversion: weights of %zu voxels, responses of %zu, wanted %zu as in the "
            "noise model",
            weights.n_cols, responses.n_cols, noise->n_voxels);
    }
    return BA_OK;
}

/* Squared norms of the responses; log det of the target. */
static void
sum_norms(const ba_noise_t *noise, ba_cdmat_t responses, ba_inversion_gram_t *gram)
{
    for (size_t i = 0; i < responses.n_rows; i++) {
        gram->norm[i] = 0.0;
    }
    for (size_t j = 0; j < noise->n_voxels; j++) {
        double precision = 1.0 / noise->target[j];

        gram->logdet_target += log(noise->target[j]);
        for (size_t i = 0; i < responses.n_rows; i++) {
            double y = responses.data[i + j * responses.ld];

            gram->norm[i] += precision * y * y;
        }
    }
}

int
ba_inversion_gram(const ba_ctx_t *ctx, const ba_noise_t *noise, ba_cdmat_t weights,
    ba_cdmat_t responses, ba_inversion_gram_t **out)
{
    int status = BA_OK;
    size_t m = noise->n_rows + weights.n_rows;
    ba_inversion_gram_t *gram = NULL;

    *out = NULL;
    ba_blas_single_thread();
    BA_TRY(check_shapes(noise, weights, responses));
    BA_TRY(ba_matrix_check(weights, "weights", "voxel"));
    BA_TRY(ba_matrix_check(responses, "responses", "voxel"));
    BA_TRY_ALLOC(gram, ba_calloc(1, sizeof *gram));
    *gram = (ba_inversion_gram_t){.n_rows = noise->n_rows,
        .n_features = weights.n_rows,
        .n_responses = responses.n_rows,
        .n_voxels = noise->n_voxels,
        .spread = noise->spread,
        .share = noise->share,
        .is_shrunk = noise->is_shrunk};
    BA_TRY_ALLOC(gram->products, ba_malloc(m, m * sizeof *gram->products));
    BA_TRY_ALLOC(gram->cross, ba_malloc(m, responses.n_rows * sizeof *gram->cross));
    BA_TRY_ALLOC(gram->norm, ba_malloc(responses.n_rows, sizeof *gram->norm));
    BA_TRY(ba_voxel_sums(
        ctx, &(ba_voxel_sums_t){noise, weights, responses, gram->products, gram->cross}));
    sum_norms(noise, responses, gram);
    *out = gram;
    gram = NULL;
out:
    ba_inversion_gram_free(gram);
    return status;
}

void
ba_inversion_gram_free(ba_inversion_gram_t *gram)
{
    if (!gram) {
        return;
    }
    ba_free(gram->products);
    ba_free(gram->cross);
    ba_free(gram->norm);
    ba_free(gram);
}

/* K without the factor: what Sigma = g D alone gives. */
static int
start(const ba_inversion_gram_t *gram, double share, ba_inversion_t *out)
{
    int status = BA_OK;
    size_t n = gram->n_responses, p = gram->n_features, r = gram->n_rows, m = r + p;

    *out =
        (ba_inversion_t){.n_features = p, .n_responses = n, .n_voxels = gram->n_voxels};
    out->logdet = (double) gram->n_voxels * log(share) + gram->logdet_target;
    BA_TRY_ALLOC(out->a, ba_malloc(p, p * sizeof *out->a));
    BA_TRY_ALLOC(out->z, ba_malloc(p, n * sizeof *out->z));
    BA_TRY_ALLOC(out->norm, ba_malloc(n, sizeof *out->norm));
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < p; i++) {
            out->a[i + j * p] = gram->products[r + i + (r + j) * m] / share;
        }
    }
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < p; i++) {
            out->z[i + j * p] = gram->cross[r + i + j * m] / share;
        }
        out->norm[j] = gram->norm[j] / share;
    }
out:
    return status;
}

/* Both halves of a symmetric matrix made the same. */
static void
make_symmetric(double *a, size_t p)
{
    for (size_t j = 0; j < p; j++) {
        for (size_t i = j + 1; i < p; i++) {
            a[i + j * p] = a[j + i * p] = 0.5 * (a[i + j * p] + a[j + i * p]);
        }
    }
}

/* What the factor takes off; scale = c / g. */
static int
correct(const ba_ctx_t *ctx, const ba_inversion_gram_t *gram, double c, double scale,
    ba_inversion_t *out)
{
    int status = BA_OK;
    size_t n = gram->n_responses, p = gram->n_features, r = gram->n_rows, m = r + p;
    double *t = NULL, *solved = NULL;
    ba_cdmat_t w = ba_cdmat(gram->products + r * m, r, p, m);
    ba_cdmat_t y = ba_cdmat(gram->cross, r, n, m);

    BA_TRY_ALLOC(t, ba_malloc(r, r * sizeof *t));
    BA_TRY_ALLOC(solved, ba_malloc(r, (p + n) * sizeof *solved));
    for (size_t j = 0; j < r; j++) {
        for (size_t i = 0; i < r; i++) {
            t[i + j * r] = c * gram->products[i + j * m] + (i == j ? 1.0 : 0.0);
        }
    }
    BA_TRY(ba_cholesky(ba_dmat(t, r, r, r)));
    out->logdet += ba_cholesky_logdet(ba_cdmat(t, r, r, r));
    for (size_t j = 0; j < p + n; j++) {
        memcpy(solved + j * r, j < p ? w.data + j * m : y.data + (j - p) * m,
            r * sizeof *solved);
    }
    ba_solve_columns(ctx, ba_cdmat(t, r, r, r), ba_dmat(solved, r, p + n, r));
    ba_gemm_tiled(ctx, -scale, BA_TRANSPOSE, w, BA_KEEP, ba_cdmat(solved, r, p, r), 1.0,
        ba_dmat(out->a, p, p, p));
    ba_gemm_tiled(ctx, -scale, BA_TRANSPOSE, w, BA_KEEP,
        ba_cdmat(solved + p * r, r, n, r), 1.0, ba_dmat(out->z, p, n, p));
    make_symmetric(out->a, p);
    for (size_t j = 0; j < n; j++) {
        double sum = 0.0;

        for (size_t i = 0; i < r; i++) {
            sum += y.data[i + j * m] * solved[i + (p + j) * r];
        }
        out->norm[j] -= scale * sum;
    }
out:
    ba_free(t);
    ba_free(solved);
    return status;
}

int
ba_inversion_at(const ba_ctx_t *ctx, const ba_inversion_gram_t *gram, double share,
    ba_inversion_t *out)
{
    int status = BA_OK;
    double g = isnan(share) ? gram->share : share;
    double f = isnan(share) ? gram->spread : 1.0 - share;

    *out = (ba_inversion_t){.n_features = 0};
    if (!isnan(share) && (!gram->is_shrunk || !(share > 0.0 && share <= 1.0))) {
        BA_TRY(ba_fail(BA_VALUE,
            "inversion: share of the target %g, wanted above 0 and at most 1, of a noise "
            "model that is shrunk",
            share));
    }
    BA_TRY(start(gram, g, out));
    if (gram->n_rows > 0 && f > 0.0) {
        BA_TRY(correct(ctx, gram, f / g, f / (g * g), out));
    }
out:
    if (status != BA_OK) {
        ba_inversion_free(out);
    }
    return status;
}

int
ba_inversion_make(const ba_ctx_t *ctx, const ba_noise_t *noise, ba_cdmat_t weights,
    ba_cdmat_t responses, ba_inversion_t *out)
{
    int status = BA_OK;
    ba_inversion_gram_t *gram = NULL;

    *out = (ba_inversion_t){.n_features = 0};
    BA_TRY(ba_inversion_gram(ctx, noise, weights, responses, &gram));
    BA_TRY(ba_inversion_at(ctx, gram, NAN, out));
out:
    ba_inversion_gram_free(gram);
    return status;
}

void
ba_inversion_free(ba_inversion_t *inversion)
{
    ba_free(inversion->a);
    ba_free(inversion->z);
    ba_free(inversion->norm);
    *inversion = (ba_inversion_t){.n_features = 0};
}

double
ba_inversion_constant(const ba_inversion_t *inversion)
{
    return -0.5 *
           ((double) inversion->n_voxels * log(2.0 * acos(-1.0)) + inversion->logdet);
}

int
ba_inversion_candidates(const ba_ctx_t *ctx, const ba_inversion_t *inversion,
    ba_cdmat_t candidates, ba_dmat_t quadratic)
{
    int status = BA_OK;
    size_t p = inversion->n_features, n = inversion->n_responses, g = candidates.n_rows;
    double *ax = NULL, *own = NULL;

    if (candidates.n_cols != p) {
        return ba_fail(
            BA_SHAPE, "candidates: %zu features, wanted %zu", candidates.n_cols, p);
    }
    BA_TRY_ALLOC(ax, ba_malloc(g, p * sizeof *ax));
    BA_TRY_ALLOC(own, ba_malloc(g, sizeof *own));
    ba_gemm_tiled(ctx, 1.0, BA_KEEP, candidates, BA_KEEP, ba_cdmat(inversion->a, p, p, p),
        0.0, ba_dmat(ax, g, p, g));
    for (size_t i = 0; i < g; i++) {
        own[i] = 0.0;
        for (size_t j = 0; j < p; j++) {
            own[i] += ax[i + j * g] * candidates.data[i + j * candidates.ld];
        }
    }
    ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(inversion->z, p, n, p), BA_TRANSPOSE,
        candidates, 0.0, quadratic);
    for (size_t j = 0; j < g; j++) {
        for (size_t i = 0; i < n; i++) {
            quadratic.data[i + j * quadratic.ld] -= 0.5 * (inversion->norm[i] + own[j]);
        }
    }
out:
    ba_free(ax);
    ba_free(own);
    return status;
}
