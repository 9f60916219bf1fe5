/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leaving rows out by their residuals.
 *
 * With L L' = B + alpha, the columns of W = L^-1 Q' that belong to rows S give the block
 * of M = (K + alpha)^-1 = W'W that Allen's (1974) formula needs,
 *
 *     e_S = M_SS^-1 (M y)_S,   M_SS = W_S'W_S,
 *
 * n s^2 flops instead of n^3 for all of M, and M y = Q (B + alpha)^-1 Q'y costs 2 n^2 a
 * target. An intercept adds a constant to every number of M (holdout.c). M is scaled: in
 * the formula that cancels. */
#include "model/ridge_reduced.h"

#include "core/alloc.h"
#include "model/ridge_impl.h"

#include <float.h>
#include <math.h>
#include <string.h>

const ba_reduced_t *
ba_ridge_factor_band(const ba_ridge_factor_t *factor)
{
    return factor->reduced.n > 0 ? &factor->reduced : NULL;
}

/* The Frobenius norm of B, at least the largest eigenvalue of K. */
static double
norm_of(const ba_reduced_t *reduced)
{
    size_t n = reduced->n, w = reduced->width, blocks = (n + w - 1) / w;
    double sum = 0.0;

    for (size_t b = 0; b < blocks; b++) {
        const double *diagonal = reduced->diagonal + b * w * w;
        const double *below = reduced->below + b * w * w;

        for (size_t j = 0; j < w; j++) {
            sum += diagonal[j + j * w] * diagonal[j + j * w];
            for (size_t i = j + 1; i < w; i++) {
                sum += 2 * diagonal[i + j * w] * diagonal[i + j * w];
            }
            for (size_t i = 0; i < w; i++) {
                sum += 2 * below[i + j * w] * below[i + j * w];
            }
        }
    }
    return sqrt(sum);
}

int
ba_ridge_reduced_is_above(
    const ba_ridge_factor_t *factor, double bound, double alpha, int *is_above)
{
    int status = BA_OK;
    double *shift = NULL;

    BA_TRY_ALLOC(
        shift, ba_malloc(ba_reduced_factor_size(&factor->reduced), sizeof *shift));
    *is_above = ba_reduced_factor(&factor->reduced, alpha - bound, shift) == BA_OK;
out:
    ba_free(shift);
    return status;
}

static int
is_good(const ba_ridge_factor_t *factor, const ba_reducing_t *reducing, int *good)
{
    double alpha = reducing->smallest_alpha, norm = norm_of(&factor->reduced);
    double bound = DBL_EPSILON * (norm + alpha) / reducing->tolerance;

    if (!(DBL_EPSILON * reducing->largest_alpha <= reducing->tolerance * norm)) {
        *good = 0;
        return BA_OK;
    }
    return ba_ridge_reduced_is_above(factor, bound, alpha, good);
}

int
ba_ridge_reduce(
    const ba_ctx_t *ctx, const ba_reducing_t *reducing, ba_ridge_factor_t *factor)
{
    int status = BA_OK, good;
    size_t n = factor->n;
    double *q = NULL, *work = NULL;

    BA_TRY_ALLOC(q, ba_malloc(n, n * sizeof *q));
    BA_TRY_ALLOC(work, ba_malloc(n, n * sizeof *work));
    memcpy(work, factor->vectors, n * n * sizeof *work);
    BA_TRY(ba_reduce_symmetric(
        ctx, ba_dmat(work, n, n, n), ba_dmat(q, n, n, n), &factor->reduced));
    BA_TRY(is_good(factor, reducing, &good));
    if (!good) {
        ba_reduced_free(&factor->reduced);
        goto out;
    }
    ba_free(factor->vectors);
    factor->vectors = q;
    q = NULL;
out:
    ba_free(q);
    ba_free(work);
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
ba_ridge_reduced_unit(const ba_ridge_factor_t *factor, double alpha)
{
    const ba_reduced_t *reduced = &factor->reduced;
    size_t w = reduced->width;
    double trace = 0.0;

    for (size_t j = 0; j < reduced->n; j++) {
        trace += reduced->diagonal[j / w * w * w + j % w * (w + 1)];
    }
    return alpha + trace / (double) reduced->n;
}

/* The constant direction has the eigenvalue `shift`, and no residual. */
double
ba_ridge_reduced_add(const ba_ridge_factor_t *factor, double alpha)
{
    return factor->intercept == BA_INTERCEPT_NO
               ? 0.0
               : -ba_ridge_reduced_unit(factor, alpha) / (factor->shift + alpha) /
                     (double) factor->n;
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
    const double *shift, const size_t *left_out, size_t n_left_out, const size_t *predict,
    size_t n_predict, ba_dmat_t p)
{
    int status = BA_OK;
    size_t n = factor->n, s = n_left_out;
    double add = ba_ridge_reduced_add(factor, alpha);
    double unit = ba_ridge_reduced_unit(factor, alpha);
    double *w = NULL, *inverse = NULL;
    ba_dmat_t m;

    BA_TRY_ALLOC(w, ba_malloc(n, s * sizeof *w));
    BA_TRY_ALLOC(inverse, ba_malloc(s, s * sizeof *inverse));
    m = ba_dmat(inverse, s, s, s);
    gather_rows(factor, left_out, s, w);
    ba_reduced_solve_lower(&factor->reduced, shift, ba_dmat(w, n, s, n));
    ba_syrk_f64(unit, BA_TRANSPOSE, ba_cdmat(w, n, s, n), 0.0, m);
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
