/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leaving rows out by their residuals.
 *
 * With L L' = B + alpha, the columns of W = L^-1 Q' that belong to rows S give the block
 * of M = (K + alpha)^-1 = W'W that Allen's (1974) formula needs,
 *
 *     e_S = M_SS^-1 (M y)_S,   M_SS = W_S'W_S,
 *
 * n s^2 flops instead of n^3 for all of M, and M y = Q (B + alpha)^-1 Q'y costs 2 n^2 a
 * target. An intercept adds a constant to every number of M (holdout.c). */
#include "model/ridge_reduced.h"

#include "core/alloc.h"
#include "model/ridge_impl.h"

#include <string.h>

const ba_reduced_t *
ba_ridge_factor_band(const ba_ridge_factor_t *factor)
{
    return factor->reduced.n > 0 ? &factor->reduced : NULL;
}

int
ba_ridge_reduce(const ba_ctx_t *ctx, ba_ridge_factor_t *factor)
{
    int status = BA_OK;
    size_t n = factor->n;
    double *q = NULL, *gram = factor->vectors;

    BA_TRY(ba_ridge_shift_gram(ctx, factor));
    BA_TRY_ALLOC(q, ba_malloc(n, n * sizeof *q));
    BA_TRY(ba_reduce_symmetric(
        ctx, ba_dmat(gram, n, n, n), ba_dmat(q, n, n, n), &factor->reduced));
    factor->vectors = q;
    q = gram;
out:
    ba_free(q);
    return status;
}

int
ba_ridge_factor_shifts(
    const ba_ridge_factor_t *factor, const double *alphas, size_t n_alphas, double **out)
{
    int status = BA_OK;
    size_t size = ba_reduced_factor_size(&factor->reduced);

    BA_TRY_ALLOC(*out, ba_malloc(n_alphas, size * sizeof **out));
    for (size_t a = 0; a < n_alphas; a++) {
        if (ba_reduced_factor(&factor->reduced, alphas[a], *out + a * size) != BA_OK) {
            BA_TRY(ba_ridge_too_small(alphas[a]));
        }
    }
out:
    return status;
}

double
ba_ridge_reduced_add(
    const ba_ridge_factor_t *factor, double alpha, ba_intercept_t intercept)
{
    return ba_ridge_constant_correction(factor, alpha, intercept) / alpha;
}

/* Rows that are gathered at a time: two lines of the cache. */
#define GATHERED 16

/* Columns of Q' that belong to some rows. */
static void
gather_rows(
    const ba_ridge_factor_t *factor, const size_t *rows, size_t n_rows, double *dst)
{
    size_t n = factor->n;

    for (size_t i0 = 0; i0 < n_rows; i0 += GATHERED) {
        size_t i1 = i0 + GATHERED < n_rows ? i0 + GATHERED : n_rows;

        for (size_t j = 0; j < n; j++) {
            const double *column = factor->vectors + j * n;

            for (size_t i = i0; i < i1; i++) {
                dst[j + i * n] = column[rows[i]];
            }
        }
    }
}

int
ba_ridge_reduced_holdout(const ba_ridge_factor_t *factor, double alpha,
    const double *shift, ba_intercept_t intercept, const size_t *left_out,
    size_t n_left_out, const size_t *predict, size_t n_predict, ba_dmat_t p)
{
    int status = BA_OK;
    size_t n = factor->n, s = n_left_out;
    double add = ba_ridge_reduced_add(factor, alpha, intercept);
    double *w = NULL, *inverse = NULL;
    ba_dmat_t m;

    BA_TRY_ALLOC(w, ba_malloc(n, s * sizeof *w));
    BA_TRY_ALLOC(inverse, ba_malloc(s, s * sizeof *inverse));
    m = ba_dmat(inverse, s, s, s);
    gather_rows(factor, left_out, s, w);
    ba_reduced_solve_lower(&factor->reduced, shift, ba_dmat(w, n, s, n));
    ba_syrk_f64(1.0, BA_TRANSPOSE, ba_cdmat(w, n, s, n), 0.0, m);
    for (size_t j = 0; j < s; j++) {
        for (size_t i = j; i < s; i++) {
            inverse[i + j * s] += add;
        }
    }
    if (ba_cholesky(m) != BA_OK) {
        BA_TRY(ba_ridge_too_small(alpha));
    }
    ba_cholesky_invert(m);
    for (size_t j = 0; j < s; j++) {
        for (size_t i = 0; i < n_predict; i++) {
            p.data[i + j * p.ld] = inverse[predict[i] + j * s];
        }
    }
out:
    ba_free(w);
    ba_free(inverse);
    return status;
}
