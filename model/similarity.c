/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons against neurons and against whole models. With Z the z-scored neurons,
 *   r = Za' Zb / n,      LinReg of y = |U'y| / |y|,  Z = U S V'. */
#include "brainalign/similarity.h"
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/similarity_impl.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 512 };

ba_similarity_opts_t
ba_similarity_opts_default(void)
{
    return (ba_similarity_opts_t){.cut = 1e-10, .variance = 0.99, .centre = 1};
}

int
ba_similarity_check(const ba_cdmat_t *models, size_t n_models)
{
    int status = BA_OK;

    if (n_models < 2) {
        return ba_fail(BA_SHAPE, "models: found %zu, wanted at least 2", n_models);
    }
    for (size_t m = 0; m < n_models; m++) {
        if (models[m].n_rows != models[0].n_rows) {
            return ba_fail(BA_SHAPE,
                "models: found %zu tokens in the first and %zu in number %zu, wanted the "
                "same ones",
                models[0].n_rows, models[m].n_rows, m + 1);
        }
        if (models[m].n_cols == 0 || models[m].n_rows < 2) {
            return ba_fail(BA_SHAPE,
                "model %zu: found %zu tokens x %zu neurons, wanted at least 2 x 1", m + 1,
                models[m].n_rows, models[m].n_cols);
        }
        BA_TRY(ba_blas_check(models[m].n_rows));
        BA_TRY(ba_blas_check(models[m].n_cols));
    }
    ba_blas_single_thread();
out:
    return status;
}

static void
take_column(const double *x, size_t n, ba_take_t take, double *z)
{
    double mean = 0.0, square = 0.0, largest = 0.0, scale = 1.0;

    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double) n;
        largest = fmax(largest, fabs(x[i]));
    }
    for (size_t i = 0; i < n; i++) {
        square += (x[i] - mean) * (x[i] - mean);
    }
    if (take == BA_TAKE_ZSCORED) {
        double deviation = sqrt(square / (double) n);

        scale = deviation > 1e-10 * largest ? 1.0 / deviation : 0.0;
    }
    for (size_t i = 0; i < n; i++) {
        z[i] = (x[i] - mean) * scale;
    }
}

int
ba_similarity_take(ba_cdmat_t model, ba_take_t take, double **out)
{
    size_t n = model.n_rows, n_all;
    int status = BA_OK;

    *out = NULL;
    BA_TRY(ba_multiply(n, model.n_cols, &n_all));
    BA_TRY_ALLOC(*out, ba_malloc(n_all, sizeof **out));
    for (size_t j = 0; j < model.n_cols; j++) {
        if (take == BA_TAKE_RAW) {
            memcpy(*out + j * n, model.data + j * model.ld, n * sizeof **out);
        } else {
            take_column(model.data + j * model.ld, n, take, *out + j * n);
        }
    }
out:
    return status;
}

/* Best |r| of the rows of c, which start at neuron a0 of model a, and of its columns. */
typedef struct {
    double *best;
    uint32_t *partner;
    size_t stride; /* from one neuron to the next */
} side_t;

static void
keep_best(const side_t *side, size_t neuron, double r, size_t partner)
{
    double *best = side->best + neuron * side->stride;

    if (r > *best) {
        *best = r;
        side->partner[neuron * side->stride] = (uint32_t) partner;
    }
}

/* All pairs of neurons of two models, z-scored. */
static int
correlate(const ba_ctx_t *ctx, ba_cdmat_t a, ba_cdmat_t b, const side_t *of_a,
    const side_t *of_b)
{
    double *c = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(c, ba_malloc(b.n_cols, BLOCK * sizeof *c));
    for (size_t a0 = 0; a0 < a.n_cols; a0 += BLOCK) {
        size_t n_a = a.n_cols - a0 < BLOCK ? a.n_cols - a0 : BLOCK;

        BA_TRY(ba_ctx_check(ctx));
        ba_gemm_tiled(ctx, 1.0 / (double) a.n_rows, BA_TRANSPOSE,
            ba_cdmat(a.data + a0 * a.ld, a.n_rows, n_a, a.ld), BA_KEEP, b, 0.0,
            ba_dmat(c, n_a, b.n_cols, n_a));
        for (size_t j = 0; j < b.n_cols; j++) {
            for (size_t i = 0; i < n_a; i++) {
                double r = fabs(c[i + j * n_a]);

                keep_best(of_a, a0 + i, r, j);
                keep_best(of_b, j, r, a0 + i);
            }
        }
    }
out:
    ba_free(c);
    return status;
}

/* Extremes over the other models of rows of `best`. */
static void
sum_up(const double *best, size_t n_all, size_t n_models, double *most, double *least)
{
    for (size_t i = 0; i < n_all; i++) {
        most[i] = (double) -INFINITY;
        least[i] = (double) INFINITY;
        for (size_t m = 0; m < n_models; m++) {
            double r = best[i * n_models + m];

            if (!isnan(r)) {
                most[i] = fmax(most[i], r);
                least[i] = fmin(least[i], r);
            }
        }
    }
}

/* z-scored copies of all models and where the neurons of each start. */
static int
zscore_all(const ba_cdmat_t *models, size_t n_models, double ***z, size_t **first)
{
    int status = BA_OK;

    BA_TRY_ALLOC(*z, ba_calloc(n_models, sizeof **z));
    BA_TRY_ALLOC(*first, ba_calloc(n_models + 1, sizeof **first));
    for (size_t m = 0; m < n_models; m++) {
        (*first)[m + 1] = (*first)[m] + models[m].n_cols;
        BA_TRY(ba_similarity_take(models[m], BA_TAKE_ZSCORED, &(*z)[m]));
    }
out:
    return status;
}

static void
free_all(double **z, size_t n_models)
{
    for (size_t m = 0; z && m < n_models; m++) {
        ba_free(z[m]);
    }
    ba_free(z);
}

static ba_cdmat_t
packed(const double *z, ba_cdmat_t model)
{
    return ba_cdmat(z, model.n_rows, model.n_cols, model.n_rows);
}

/* Its own model NaN and no partner, the others below any |r|. */
static void
start_best(const size_t *first, size_t n_models, double *best, uint32_t *partner)
{
    for (size_t m = 0; m < n_models; m++) {
        for (size_t i = first[m]; i < first[m + 1]; i++) {
            for (size_t other = 0; other < n_models; other++) {
                best[i * n_models + other] = other == m ? (double) NAN : -1.0;
                partner[i * n_models + other] = UINT32_MAX;
            }
        }
    }
}

int
ba_similarity_correlation(const ba_ctx_t *ctx, const ba_cdmat_t *models, size_t n_models,
    double *most, double *least, double *best, uint32_t *partner)
{
    double **z = NULL, *own_best = NULL;
    uint32_t *own_partner = NULL;
    size_t *first = NULL, n_all;
    int status = BA_OK;

    BA_TRY(ba_similarity_check(models, n_models));
    BA_TRY(zscore_all(models, n_models, &z, &first));
    BA_TRY(ba_multiply(first[n_models], n_models, &n_all));
    if (!best) {
        BA_TRY_ALLOC(own_best, ba_malloc(n_all, sizeof *own_best));
        best = own_best;
    }
    if (!partner) {
        BA_TRY_ALLOC(own_partner, ba_malloc(n_all, sizeof *own_partner));
        partner = own_partner;
    }
    start_best(first, n_models, best, partner);
    for (size_t a = 0; a < n_models; a++) {
        for (size_t b = a + 1; b < n_models; b++) {
            side_t of_a = {best + first[a] * n_models + b,
                partner + first[a] * n_models + b, n_models};
            side_t of_b = {best + first[b] * n_models + a,
                partner + first[b] * n_models + a, n_models};

            BA_TRY(correlate(
                ctx, packed(z[a], models[a]), packed(z[b], models[b]), &of_a, &of_b));
        }
    }
    sum_up(best, first[n_models], n_models, most, least);
out:
    free_all(z, n_models);
    ba_free(own_best);
    ba_free(own_partner);
    ba_free(first);
    return status;
}

/* least[j] = the smaller of it and |U'y| / |y| of each neuron y; 0 for one that is
 * constant. */
static int
project(const ba_ctx_t *ctx, const ba_basis_svd_t *basis, ba_cdmat_t y, double *least)
{
    double *c = NULL;
    size_t n_all;
    int status = BA_OK;

    BA_TRY(ba_multiply(basis->rank, y.n_cols, &n_all));
    BA_TRY_ALLOC(c, ba_malloc(n_all, sizeof *c));
    if (basis->rank > 0) {
        ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE,
            ba_cdmat(basis->u, basis->n_rows, basis->rank, basis->n_rows), BA_KEEP, y,
            0.0, ba_dmat(c, basis->rank, y.n_cols, basis->rank));
    }
    for (size_t j = 0; j < y.n_cols; j++) {
        double explained = 0.0, all = 0.0;

        for (size_t k = 0; k < basis->rank; k++) {
            explained += c[k + j * basis->rank] * c[k + j * basis->rank];
        }
        for (size_t i = 0; i < y.n_rows; i++) {
            all += y.data[i + j * y.ld] * y.data[i + j * y.ld];
        }
        least[j] = fmin(least[j], all > 0.0 ? sqrt(explained / all) : 0.0);
    }
out:
    ba_free(c);
    return status;
}

int
ba_similarity_linreg(const ba_ctx_t *ctx, const ba_cdmat_t *models, size_t n_models,
    const ba_similarity_opts_t *opts, double *least, size_t *rank)
{
    double **z = NULL, *copy = NULL;
    size_t *first = NULL;
    ba_basis_svd_t basis = {0};
    int status = BA_OK;

    BA_TRY(ba_similarity_check(models, n_models));
    BA_TRY(zscore_all(models, n_models, &z, &first));
    for (size_t i = 0; i < first[n_models]; i++) {
        least[i] = (double) INFINITY;
    }
    for (size_t m = 0; m < n_models; m++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_similarity_take(packed(z[m], models[m]), BA_TAKE_RAW, &copy));
        BA_TRY(ba_basis_svd(copy, models[m].n_rows, models[m].n_cols, opts->cut, &basis));
        rank[m] = basis.rank;
        for (size_t other = 0; other < n_models; other++) {
            if (other != m) {
                BA_TRY(project(
                    ctx, &basis, packed(z[other], models[other]), least + first[other]));
            }
        }
        ba_basis_svd_free(&basis);
        ba_free(copy);
        copy = NULL;
    }
out:
    ba_basis_svd_free(&basis);
    ba_free(copy);
    free_all(z, n_models);
    ba_free(first);
    return status;
}
