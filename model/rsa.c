/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Representational similarity analysis: tokens are rows here, so each model is turned to
 * neurons x tokens, its tokens brought to mean 0 (correlation) and norm 1 (correlation,
 * cosine), and all products of tokens taken at once. */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/rank_correlation.h"
#include "model/similarity_impl.h"

#include <math.h>

/* One token to what products are taken of: mean 0 and norm 1, as the kind asks. */
static void
prepare(double *x, size_t n, ba_dissimilarity_t kind)
{
    double mean = 0.0, square = 0.0, largest = 0.0, scale;

    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double) n;
        largest = fmax(largest, fabs(x[i]));
    }
    for (size_t i = 0; i < n; i++) {
        x[i] -= kind == BA_DISSIMILARITY_CORRELATION ? mean : 0.0;
        square += x[i] * x[i];
    }
    if (kind == BA_DISSIMILARITY_EUCLIDEAN) {
        return;
    }
    scale = sqrt(square / (double) n) > 1e-10 * largest ? 1.0 / sqrt(square) : 0.0;
    for (size_t i = 0; i < n; i++) {
        x[i] *= scale;
    }
}

/* Dissimilarities of pairs i < j, by i, then by j, as ranks. */
static int
dissimilarities(const ba_ctx_t *ctx, ba_cdmat_t model, ba_dissimilarity_t kind,
    const size_t *tokens, size_t n, double *out)
{
    size_t p = model.n_cols, at = 0;
    double *x = NULL, *g = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(x, ba_malloc(p, n * sizeof *x));
    BA_TRY_ALLOC(g, ba_malloc(n, n * sizeof *g));
    for (size_t t = 0; t < n; t++) {
        for (size_t j = 0; j < p; j++) {
            x[j + t * p] = model.data[(tokens ? tokens[t] : t) + j * model.ld];
        }
        prepare(x + t * p, p, kind);
    }
    ba_syrk_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(x, p, n, p), 0.0, ba_dmat(g, n, n, n));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            out[at++] = kind == BA_DISSIMILARITY_EUCLIDEAN
                            ? g[i + i * n] + g[j + j * n] - 2.0 * g[i + j * n]
                            : 1.0 - g[i + j * n];
        }
    }
    BA_TRY(ba_mean_ranks(out, at));
out:
    ba_free(x);
    ba_free(g);
    return status;
}

int
ba_similarity_rsa(const ba_ctx_t *ctx, const ba_cdmat_t *models, size_t n_models,
    ba_dissimilarity_t kind, const size_t *tokens, size_t n_tokens, double *rho)
{
    size_t n_pairs, n_all;
    double *ranks = NULL;
    int status = BA_OK;

    BA_TRY(ba_similarity_check(models, n_models));
    if (n_tokens < 3) {
        BA_TRY(ba_fail(BA_SHAPE,
            "representational similarity: found %zu tokens, wanted "
            "at least 3",
            n_tokens));
    }
    BA_TRY(ba_multiply(n_tokens, n_tokens - 1, &n_pairs));
    n_pairs /= 2;
    BA_TRY(ba_multiply(n_pairs, n_models, &n_all));
    BA_TRY_ALLOC(ranks, ba_malloc(n_all, sizeof *ranks));
    for (size_t m = 0; m < n_models; m++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(
            dissimilarities(ctx, models[m], kind, tokens, n_tokens, ranks + m * n_pairs));
    }
    for (size_t a = 0; a < n_models; a++) {
        for (size_t b = a; b < n_models; b++) {
            rho[a * n_models + b] = rho[b * n_models + a] =
                ba_pearson(ranks + a * n_pairs, ranks + b * n_pairs, n_pairs);
        }
    }
out:
    ba_free(ranks);
    return status;
}
