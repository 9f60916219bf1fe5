/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Without S a fit predicts P - C, C = H_S G_SS^-1 B_S (contribution.c), so that the
 * squared error of a target grows by 2 e'c + c'c, e = y - p. G and H are made once for
 * all sets, B and E once for the targets. */
#include "model/contribution_drops.h"

#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/contribution_impl.h"

#include <math.h>
#include <string.h>

struct ba_inverse {
    const ba_contribution_t *c;
    double *g; /* q x q, or NULL */
};

struct ba_drops {
    const ba_inverse_t *inverse;
    size_t v;
    double *h;     /* m x q */
    double *b;     /* q x v */
    double *error; /* m x v */
    double *total; /* v: SST */
};

/* ---- G ---- */

void
ba_inverse_free(ba_inverse_t *inverse)
{
    if (inverse) {
        ba_free(inverse->g);
        ba_free(inverse);
    }
}

/* F' of columns, and the same with the weights of G. */
static int
gather(const ba_contribution_t *c, const size_t *columns, size_t n, const double *weights,
    double **out)
{
    int status = BA_OK;

    BA_TRY_ALLOC(*out, ba_malloc(c->rank, (n + 1) * sizeof **out));
    for (size_t j = 0; j < n; j++) {
        const double *f = c->f + (columns ? columns[j] : j) * c->rank;

        for (size_t i = 0; i < c->rank; i++) {
            (*out)[i + j * c->rank] = weights ? f[i] * weights[i] : f[i];
        }
    }
out:
    return status;
}

int
ba_inverse_new(
    const ba_ctx_t *ctx, const ba_contribution_t *c, size_t max_bytes, ba_inverse_t **out)
{
    int status = BA_OK;
    size_t q = c->n_columns;
    double *weighted = NULL;
    ba_inverse_t *inverse = NULL;

    BA_TRY_ALLOC(inverse, ba_calloc(1, sizeof *inverse));
    inverse->c = c;
    if ((double) q * (double) q * sizeof(double) <= (double) max_bytes) {
        BA_TRY_ALLOC(inverse->g, ba_malloc(q, q * sizeof *inverse->g));
        BA_TRY(gather(c, NULL, q, c->w, &weighted));
        ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(c->f, c->rank, q, c->rank),
            BA_KEEP, ba_cdmat(weighted, c->rank, q, c->rank), 0.0,
            ba_dmat(inverse->g, q, q, q));
        for (size_t j = 0; j < q; j++) {
            inverse->g[j + j * q] += c->base;
        }
    }
out:
    ba_free(weighted);
    if (status != BA_OK) {
        ba_inverse_free(inverse);
        inverse = NULL;
    }
    *out = inverse;
    return status;
}

size_t
ba_inverse_columns(
    const ba_inverse_t *inverse, const size_t *neurons, size_t n, size_t *columns)
{
    const size_t *start = inverse->c->start;
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t at = start[neurons[i]]; at < start[neurons[i] + 1]; at++, k++) {
            if (columns) {
                columns[k] = at;
            }
        }
    }
    return k;
}

/* Where G is not kept. */
static int
make_block(const ba_contribution_t *c, const size_t *rows, size_t n_rows,
    const size_t *columns, size_t n_cols, double *out)
{
    int status;
    double *left = NULL, *right = NULL;

    BA_TRY(gather(c, rows, n_rows, NULL, &left));
    BA_TRY(gather(c, columns, n_cols, c->w, &right));
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(left, c->rank, n_rows, c->rank), BA_KEEP,
        ba_cdmat(right, c->rank, n_cols, c->rank), 0.0,
        ba_dmat(out, n_rows, n_cols, n_rows));
    for (size_t j = 0; j < n_cols; j++) {
        for (size_t i = 0; i < n_rows; i++) {
            out[i + j * n_rows] += rows[i] == columns[j] ? c->base : 0.0;
        }
    }
out:
    ba_free(left);
    ba_free(right);
    return status;
}

int
ba_inverse_block(const ba_inverse_t *inverse, const size_t *rows, size_t n_rows,
    const size_t *columns, size_t n_cols, double *out)
{
    size_t q = inverse->c->n_columns;

    if (!inverse->g) {
        return make_block(inverse->c, rows, n_rows, columns, n_cols, out);
    }
    for (size_t j = 0; j < n_cols; j++) {
        for (size_t i = 0; i < n_rows; i++) {
            out[i + j * n_rows] = inverse->g[rows[i] + columns[j] * q];
        }
    }
    return BA_OK;
}

/* The columns of a set, and the Cholesky factor of G between them. */
static int
factor_set(const ba_inverse_t *inverse, const size_t *neurons, size_t n, size_t **columns,
    double **factor, size_t *n_columns)
{
    int status = BA_OK;
    size_t k = ba_inverse_columns(inverse, neurons, n, NULL);

    *n_columns = k;
    BA_TRY_ALLOC(*columns, ba_malloc(k, sizeof **columns));
    BA_TRY_ALLOC(*factor, ba_malloc(k, k * sizeof **factor));
    ba_inverse_columns(inverse, neurons, n, *columns);
    BA_TRY(ba_inverse_block(inverse, *columns, k, *columns, k, *factor));
    BA_TRY(ba_cholesky(ba_dmat(*factor, k, k, k)));
out:
    return status;
}

int
ba_inverse_log_det(
    const ba_inverse_t *inverse, const size_t *neurons, size_t n, double *log_det)
{
    int status;
    size_t k, *columns = NULL;
    double *factor = NULL;

    BA_TRY(factor_set(inverse, neurons, n, &columns, &factor, &k));
    *log_det = 0.0;
    for (size_t j = 0; j < k; j++) {
        *log_det += 2.0 * log(factor[j + j * k]);
    }
out:
    ba_free(columns);
    ba_free(factor);
    return status;
}

/* ---- targets ---- */

void
ba_drops_free(ba_drops_t *drops)
{
    if (drops) {
        ba_free(drops->h);
        ba_free(drops->b);
        ba_free(drops->error);
        ba_free(drops->total);
        ba_free(drops);
    }
}

static double
total_squares(const double *y, size_t m)
{
    double mean = 0.0, sum = 0.0;

    for (size_t i = 0; i < m; i++) {
        mean += y[i] / (double) m;
    }
    for (size_t i = 0; i < m; i++) {
        sum += (y[i] - mean) * (y[i] - mean);
    }
    return sum;
}

int
ba_drops_new(const ba_ctx_t *ctx, const ba_inverse_t *inverse, ba_cdmat_t y,
    ba_cdmat_t y_test, ba_drops_t **out)
{
    int status = BA_OK;
    const ba_contribution_t *c = inverse->c;
    size_t q = c->n_columns, m = c->m, v = y.n_cols;
    ba_contributed_t made = {0};
    ba_drops_t *drops = NULL;

    BA_TRY_ALLOC(drops, ba_calloc(1, sizeof *drops));
    drops->inverse = inverse;
    drops->v = v;
    BA_TRY(ba_contributed_make(c, y, y_test, &made));
    BA_TRY_ALLOC(drops->h, ba_malloc(m, q * sizeof *drops->h));
    BA_TRY_ALLOC(drops->b, ba_malloc(q, v * sizeof *drops->b));
    BA_TRY_ALLOC(drops->error, ba_malloc(m, v * sizeof *drops->error));
    BA_TRY_ALLOC(drops->total, ba_malloc(v, sizeof *drops->total));
    BA_TRY(ba_contribution_held_out(ctx, c, drops->h));
    ba_gemm_tiled(ctx, 1.0, BA_TRANSPOSE, ba_cdmat(c->f, c->rank, q, c->rank), BA_KEEP,
        ba_cdmat(made.filtered, c->rank, v, c->rank), 0.0, ba_dmat(drops->b, q, v, q));
    for (size_t i = 0; i < m * v; i++) {
        drops->error[i] = made.y[i] - made.p[i];
    }
    for (size_t t = 0; t < v; t++) {
        drops->total[t] = total_squares(made.y + t * m, m);
    }
out:
    ba_contributed_free(&made);
    if (status != BA_OK) {
        ba_drops_free(drops);
        drops = NULL;
    }
    *out = drops;
    return status;
}

/* Growth of the squared error over SST, change: m x v. */
static void
score(const ba_drops_t *drops, const double *change, double *drop)
{
    size_t m = drops->inverse->c->m;

    for (size_t t = 0; t < drops->v; t++) {
        const double *lost = change + t * m;
        double growth = 2.0 * ba_contribution_dot(drops->error + t * m, lost, m) +
                        ba_contribution_dot(lost, lost, m);

        drop[t] = drops->total[t] > 0.0 ? growth / drops->total[t] : (double) NAN;
    }
}

int
ba_drops_set(const ba_drops_t *drops, const size_t *neurons, size_t n, double *drop)
{
    int status = BA_OK;
    size_t k, m = drops->inverse->c->m, v = drops->v, *columns = NULL;
    size_t q = drops->inverse->c->n_columns;
    double *factor = NULL, *b = NULL, *h = NULL, *change = NULL;

    BA_TRY_ALLOC(change, ba_calloc(m, v * sizeof *change));
    if (n > 0) {
        BA_TRY(factor_set(drops->inverse, neurons, n, &columns, &factor, &k));
        BA_TRY_ALLOC(b, ba_malloc(k, v * sizeof *b));
        BA_TRY_ALLOC(h, ba_malloc(k, m * sizeof *h));
        for (size_t i = 0; i < k; i++) {
            memcpy(h + i * m, drops->h + columns[i] * m, m * sizeof *h);
            for (size_t t = 0; t < v; t++) {
                b[i + t * k] = drops->b[columns[i] + t * q];
            }
        }
        ba_cholesky_solve(ba_cdmat(factor, k, k, k), ba_dmat(b, k, v, k));
        ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(h, m, k, m), BA_KEEP, ba_cdmat(b, k, v, k),
            0.0, ba_dmat(change, m, v, m));
    }
    score(drops, change, drop);
out:
    ba_free(columns);
    ba_free(factor);
    ba_free(b);
    ba_free(h);
    ba_free(change);
    return status;
}
