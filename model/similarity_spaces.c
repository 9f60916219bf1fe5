/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole spaces against one another. X = U S V' (n tokens, about the means unless raw).
 *   SVCCA:  singular values of Ua[k]' Ub[k], k directions of the most variance
 *           (Raghu et al. 2017).
 *   PWCCA:  the same with all directions, Ua' Ub = P R Q'; canonical variate i of a is
 *           h_i = Ua P_i and weighs sum_j |h_i' x_j|, the row sums of |P' Sa Va'|
 *           (Morcos et al. 2018).
 *   CKA:    |Xb' Xa|^2 / (|Xa' Xa| |Xb' Xb|), Frobenius (Kornblith et al. 2019).
 *   Debiased CKA: with K = Xa Xa' and L = Xb Xb' without their diagonals,
 *           HSIC = [tr KL + 1'K1 1'L1 / ((n-1)(n-2)) - 2/(n-2) 1'KL1] / (n (n-3))
 *           (Song et al. 2012), taken from neurons and token norms so that no n x n matrix
 *           is made. */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/similarity_impl.h"

#include <math.h>
#include <string.h>

void
ba_basis_svd_free(ba_basis_svd_t *svd)
{
    ba_free(svd->u);
    ba_free(svd->s);
    ba_free(svd->v);
    memset(svd, 0, sizeof *svd);
}

/* dst = src'. */
static void
transpose(const double *src, size_t n_rows, size_t n_cols, double *dst)
{
    for (size_t j = 0; j < n_cols; j++) {
        for (size_t i = 0; i < n_rows; i++) {
            dst[j + i * n_cols] = src[i + j * n_rows];
        }
    }
}

/* Directions whose singular value is above cut times the largest; all for cut < 0. */
static void
count_rank(ba_basis_svd_t *svd, size_t n, double cut)
{
    for (size_t k = 0; k < n; k++) {
        svd->total += svd->s[k] * svd->s[k];
        svd->rank += cut < 0.0 || (svd->s[k] > cut * svd->s[0] && svd->s[k] > 0.0);
    }
}

int
ba_basis_svd(double *x, size_t n_rows, size_t n_cols, double cut, ba_basis_svd_t *out)
{
    size_t low = n_rows < n_cols ? n_rows : n_cols;
    double *turned = NULL;
    int status = BA_OK;

    *out = (ba_basis_svd_t){.n_rows = n_rows, .n_cols = n_cols};
    BA_TRY_ALLOC(out->u, ba_malloc(n_rows, (low + 1) * sizeof *out->u));
    BA_TRY_ALLOC(out->v, ba_malloc(n_cols, (low + 1) * sizeof *out->v));
    BA_TRY_ALLOC(out->s, ba_calloc(low, sizeof *out->s));
    if (n_rows >= n_cols) {
        BA_TRY(ba_svd(ba_dmat(x, n_rows, n_cols, n_rows), out->s,
            ba_dmat(out->u, n_rows, n_cols, n_rows),
            ba_dmat(out->v, n_cols, n_cols, n_cols)));
    } else {
        BA_TRY_ALLOC(turned, ba_malloc(n_cols, n_rows * sizeof *turned));
        transpose(x, n_rows, n_cols, turned);
        BA_TRY(ba_svd(ba_dmat(turned, n_cols, n_rows, n_cols), out->s,
            ba_dmat(out->v, n_cols, n_rows, n_cols),
            ba_dmat(out->u, n_rows, n_rows, n_rows)));
    }
    count_rank(out, low, cut);
out:
    ba_free(turned);
    if (status != BA_OK) {
        ba_basis_svd_free(out);
    }
    return status;
}

static size_t
kept_directions(const ba_basis_svd_t *svd, const ba_similarity_opts_t *opts)
{
    double sum = 0.0;
    size_t kept = 0;

    for (size_t k = 0; k < svd->rank; k++) {
        sum += svd->s[k] * svd->s[k];
        kept += sum < opts->variance * svd->total;
    }
    kept += opts->more;
    return kept < svd->rank ? kept : svd->rank;
}

/* Singular value decomposition of Ua[n_a]' Ub[n_b], nothing cut off. */
static int
canonical(const ba_ctx_t *ctx, const ba_basis_svd_t *a, size_t n_a,
    const ba_basis_svd_t *b, size_t n_b, ba_basis_svd_t *out)
{
    double *c = NULL;
    int status = BA_OK;

    memset(out, 0, sizeof *out);
    BA_TRY_ALLOC(c, ba_malloc(n_a, n_b * sizeof *c));
    if (n_a > 0 && n_b > 0) {
        ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(a->u, a->n_rows, n_a, a->n_rows),
            BA_KEEP, ba_cdmat(b->u, b->n_rows, n_b, b->n_rows), 0.0,
            ba_dmat(c, n_a, n_b, n_a));
        BA_TRY(ba_basis_svd(c, n_a, n_b, -1.0, out));
    }
    for (size_t k = 0; k < out->rank; k++) {
        out->s[k] = fmin(out->s[k], 1.0);
    }
out:
    ba_free(c);
    return status;
}

static double
mean_of(const double *x, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return n > 0 ? sum / (double) n : (double) NAN;
}

/* Mean of the canonical correlations, weighted by the sums of |P' S V'| of one side: `p`
 * its factor of the decomposition, rank columns of them. */
static int
projection_weighted(const ba_ctx_t *ctx, const ba_basis_svd_t *model, const double *p,
    const ba_basis_svd_t *corr, double *out)
{
    size_t r = model->rank;
    double *sp = NULL, *h = NULL, above = 0.0, below = 0.0;
    int status = BA_OK;

    BA_TRY_ALLOC(sp, ba_malloc(r, corr->rank * sizeof *sp));
    BA_TRY_ALLOC(h, ba_malloc(model->n_cols, corr->rank * sizeof *h));
    for (size_t i = 0; i < corr->rank; i++) {
        for (size_t k = 0; k < r; k++) {
            sp[k + i * r] = model->s[k] * p[k + i * r];
        }
    }
    if (r > 0 && corr->rank > 0) {
        ba_gemm_tiled(ctx, 1.0, BA_KEEP,
            ba_cdmat(model->v, model->n_cols, r, model->n_cols), BA_KEEP,
            ba_cdmat(sp, r, corr->rank, r), 0.0,
            ba_dmat(h, model->n_cols, corr->rank, model->n_cols));
    }
    for (size_t i = 0; i < corr->rank; i++) {
        double weight = 0.0;

        for (size_t j = 0; j < model->n_cols; j++) {
            weight += fabs(h[j + i * model->n_cols]);
        }
        above += weight * corr->s[i];
        below += weight;
    }
    *out = below > 0.0 ? above / below : (double) NAN;
out:
    ba_free(sp);
    ba_free(h);
    return status;
}

/* What HSIC needs of the tokens of one model. */
typedef struct {
    const double *x;
    size_t n, p;
    double *norm, *row; /* |x_i|^2, and sum over k != i of x_i' x_k */
    double sum;         /* of row */
} tokens_t;

static int
take_tokens(tokens_t *tokens)
{
    double *total = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(total, ba_calloc(tokens->p, sizeof *total));
    BA_TRY_ALLOC(tokens->norm, ba_calloc(tokens->n, sizeof *tokens->norm));
    BA_TRY_ALLOC(tokens->row, ba_calloc(tokens->n, sizeof *tokens->row));
    for (size_t j = 0; j < tokens->p; j++) {
        for (size_t i = 0; i < tokens->n; i++) {
            double x = tokens->x[i + j * tokens->n];

            total[j] += x;
            tokens->norm[i] += x * x;
        }
    }
    for (size_t j = 0; j < tokens->p; j++) {
        for (size_t i = 0; i < tokens->n; i++) {
            tokens->row[i] += tokens->x[i + j * tokens->n] * total[j];
        }
    }
    for (size_t i = 0; i < tokens->n; i++) {
        tokens->row[i] -= tokens->norm[i];
        tokens->sum += tokens->row[i];
    }
out:
    ba_free(total);
    return status;
}

/* |Xb' Xa|^2, summed in one fixed order. */
static int
cross_square(const ba_ctx_t *ctx, const tokens_t *a, const tokens_t *b, double *out)
{
    double *c = NULL;
    int status = BA_OK;

    *out = 0.0;
    BA_TRY_ALLOC(c, ba_malloc(a->p, b->p * sizeof *c));
    ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(a->x, a->n, a->p, a->n), BA_KEEP,
        ba_cdmat(b->x, b->n, b->p, b->n), 0.0, ba_dmat(c, a->p, b->p, a->p));
    for (size_t i = 0; i < a->p * b->p; i++) {
        *out += c[i] * c[i];
    }
out:
    ba_free(c);
    return status;
}

static double
hsic(const tokens_t *a, const tokens_t *b, double square)
{
    double n = (double) a->n, trace = square, rows = 0.0;

    for (size_t i = 0; i < a->n; i++) {
        trace -= a->norm[i] * b->norm[i];
        rows += a->row[i] * b->row[i];
    }
    return (trace + a->sum * b->sum / ((n - 1.0) * (n - 2.0)) - 2.0 / (n - 2.0) * rows) /
           (n * (n - 3.0));
}

static double
ratio_of(double above, double left, double right)
{
    return left > 0.0 && right > 0.0 ? above / sqrt(left * right) : (double) NAN;
}

/* Both forms of CKA from all pairs. squares, and for the debiased form raw models. */
static int
kernel_alignment(const ba_ctx_t *ctx, double *const *x, const ba_cdmat_t *models,
    size_t n_models, int debiased, double *out)
{
    tokens_t *tokens = NULL;
    double *h = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(tokens, ba_calloc(n_models, sizeof *tokens));
    BA_TRY_ALLOC(h, ba_calloc(n_models, n_models * sizeof *h));
    for (size_t m = 0; m < n_models; m++) {
        tokens[m] = (tokens_t){.x = x[m], .n = models[m].n_rows, .p = models[m].n_cols};
        BA_TRY(take_tokens(&tokens[m]));
    }
    for (size_t a = 0; a < n_models; a++) {
        for (size_t b = a; b < n_models; b++) {
            double square;

            BA_TRY(ba_ctx_check(ctx));
            BA_TRY(cross_square(ctx, &tokens[a], &tokens[b], &square));
            h[a + b * n_models] = !debiased ? square
                                  : tokens[a].n < 4
                                      ? (double) NAN
                                      : hsic(&tokens[a], &tokens[b], square);
        }
    }
    for (size_t a = 0; a < n_models; a++) {
        for (size_t b = a; b < n_models; b++) {
            out[a * n_models + b] = out[b * n_models + a] =
                ratio_of(h[a + b * n_models], h[a + a * n_models], h[b + b * n_models]);
        }
    }
out:
    for (size_t m = 0; tokens && m < n_models; m++) {
        ba_free(tokens[m].norm);
        ba_free(tokens[m].row);
    }
    ba_free(tokens);
    ba_free(h);
    return status;
}

static int
compare_pair(const ba_ctx_t *ctx, const ba_basis_svd_t *svd, size_t a, size_t b,
    size_t n_models, const ba_similarity_opts_t *opts, ba_similarity_spaces_t *out)
{
    ba_basis_svd_t corr = {0};
    size_t ab = a * n_models + b, ba = b * n_models + a;
    int status = BA_OK;

    if (out->svcca) {
        BA_TRY(canonical(ctx, &svd[a], kept_directions(&svd[a], opts), &svd[b],
            kept_directions(&svd[b], opts), &corr));
        out->svcca[ab] = out->svcca[ba] = mean_of(corr.s, corr.rank);
        if (out->svcca_kept) {
            out->svcca_kept[ab] = out->svcca_kept[ba] = (double) corr.rank;
        }
        ba_basis_svd_free(&corr);
    }
    if (out->pwcca) {
        BA_TRY(canonical(ctx, &svd[a], svd[a].rank, &svd[b], svd[b].rank, &corr));
        BA_TRY(projection_weighted(ctx, &svd[a], corr.u, &corr, &out->pwcca[ab]));
        BA_TRY(projection_weighted(ctx, &svd[b], corr.v, &corr, &out->pwcca[ba]));
    }
out:
    ba_basis_svd_free(&corr);
    return status;
}

static int
compare_bases(const ba_ctx_t *ctx, double *const *x, const ba_cdmat_t *models,
    size_t n_models, const ba_similarity_opts_t *opts, ba_similarity_spaces_t *out)
{
    ba_basis_svd_t *svd = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(svd, ba_calloc(n_models, sizeof *svd));
    for (size_t m = 0; m < n_models; m++) {
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(
            ba_basis_svd(x[m], models[m].n_rows, models[m].n_cols, opts->cut, &svd[m]));
    }
    for (size_t a = 0; a < n_models; a++) {
        for (size_t b = a; b < n_models; b++) {
            BA_TRY(ba_ctx_check(ctx));
            BA_TRY(compare_pair(ctx, svd, a, b, n_models, opts, out));
        }
    }
out:
    for (size_t m = 0; svd && m < n_models; m++) {
        ba_basis_svd_free(&svd[m]);
    }
    ba_free(svd);
    return status;
}

int
ba_similarity_spaces(const ba_ctx_t *ctx, const ba_cdmat_t *models, size_t n_models,
    const ba_similarity_opts_t *opts, ba_similarity_spaces_t *out)
{
    double **x = NULL;
    int status = BA_OK;

    BA_TRY(ba_similarity_check(models, n_models));
    BA_TRY_ALLOC(x, ba_calloc(n_models, sizeof *x));
    for (size_t m = 0; m < n_models; m++) {
        BA_TRY(ba_similarity_take(
            models[m], opts->centre ? BA_TAKE_CENTRED : BA_TAKE_RAW, &x[m]));
    }
    if (out->cka) {
        BA_TRY(kernel_alignment(ctx, x, models, n_models, 0, out->cka));
    }
    /* Unbiased HSIC does not change with the means: the smaller numbers round less. */
    if (out->cka_debiased) {
        BA_TRY(kernel_alignment(ctx, x, models, n_models, 1, out->cka_debiased));
    }
    if (out->svcca || out->pwcca) {
        BA_TRY(compare_bases(ctx, x, models, n_models, opts, out));
    }
out:
    for (size_t m = 0; x && m < n_models; m++) {
        ba_free(x[m]);
    }
    ba_free(x);
    return status;
}

int
ba_similarity_svcca(const ba_ctx_t *ctx, ba_cdmat_t a, ba_cdmat_t b,
    const ba_similarity_opts_t *opts, double **out, size_t *n)
{
    ba_cdmat_t models[] = {a, b};
    ba_basis_svd_t svd[2] = {{0}, {0}}, corr = {0};
    double *x = NULL;
    int status = BA_OK;

    *out = NULL;
    BA_TRY(ba_similarity_check(models, 2));
    for (int m = 0; m < 2; m++) {
        BA_TRY(ba_similarity_take(
            models[m], opts->centre ? BA_TAKE_CENTRED : BA_TAKE_RAW, &x));
        BA_TRY(ba_basis_svd(x, models[m].n_rows, models[m].n_cols, opts->cut, &svd[m]));
        ba_free(x);
        x = NULL;
    }
    BA_TRY(canonical(ctx, &svd[0], kept_directions(&svd[0], opts), &svd[1],
        kept_directions(&svd[1], opts), &corr));
    *n = corr.rank;
    *out = corr.s;
    corr.s = NULL;
out:
    ba_free(x);
    ba_basis_svd_free(&svd[0]);
    ba_basis_svd_free(&svd[1]);
    ba_basis_svd_free(&corr);
    return status;
}
