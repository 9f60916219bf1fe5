/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leaving any set of samples out of a ridge fit, exactly, from the factorisation of the
 * whole.
 *
 * With the residual maker M = I - H(alpha), H the hat matrix of the fit on all n rows,
 * the residuals of rows S under the fit that never saw S are
 *
 *     e_S = M_SS^-1 (M y)_S,
 *
 * Allen's (1974) leave-one-out formula for a block. As e_S = y_S - yhat_S, with T the
 * rows that stay,
 *
 *     yhat_S = -M_SS^-1 M_ST y_T,
 *
 * which never touches y_S. It holds for any scaling that does not change with S, and for
 * an unpenalised intercept when M is that of the fit with intercept. M may be multiplied
 * by any number.
 *
 * Dual: M = alpha (K + alpha)^-1 = U diag(alpha / (lambda + alpha)) U', without the
 * cancellation that I - H would suffer where the fit nearly interpolates. The shift that
 * ridge.c gives to the constant direction leaves alpha / (shift + alpha) there; the fit
 * with intercept has 0 and the fit without it has 1.
 *
 * Primal: with Q = XV and D = diag(1 / (lambda + alpha)),
 *
 *     M_SS = I - Q_S D Q_S' [- 11'/n],   M_ST = -Q_S D Q_T' [- 11'/n];
 *
 * the operator stops at Q_S D, and the right-hand side carries Q_T'Y_T. Where more rows
 * are left out than there are columns the same operator is
 *
 *     M_SS^-1 Q_S D = Q_S (D^-1 - Q_S'Q_S)^-1,
 *
 * the Gram matrix down-dated by the left-out rows, which is made once for all alphas. An
 * intercept is one more column of ones in Q, with D^-1 = n. Where the predicted rows
 * themselves outnumber the columns, Q_F = O R by a QR decomposition, and R (D^-1 -
 * Q_S'Q_S)^-1 gives the predictions' coordinates in O, which is all that a score needs. */
#include "model/holdout.h"
#include "model/ridge_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

size_t
ba_ridge_holdout_n_rhs(
    const ba_ridge_factor_t *factor, ba_intercept_t intercept, size_t n_stay)
{
    if (factor->solver == BA_SOLVER_DUAL) {
        return n_stay;
    }
    return factor->rank + (intercept == BA_INTERCEPT_YES ? 1 : 0);
}

/* What to add to every entry of U diag(...) U' so that the constant direction gets what
 * the fit has there. */
static double
constant_correction(
    const ba_ridge_factor_t *factor, double alpha, ba_intercept_t intercept)
{
    if (factor->intercept == BA_INTERCEPT_NO) {
        return 0.0;
    }
    return ((intercept == BA_INTERCEPT_YES ? 0.0 : 1.0) -
               alpha / (factor->shift + alpha)) /
           (double) factor->n;
}

void
ba_ridge_residual_maker(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor,
    double alpha, ba_intercept_t intercept, ba_dmat_t work, ba_dmat_t m)
{
    size_t n = factor->n;
    double add = constant_correction(factor, alpha, intercept);

#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t j = 0; j < n; j++) {
        double weight = sqrt(alpha / (factor->lambda[j] + alpha));

        for (size_t i = 0; i < n; i++) {
            work.data[i + j * work.ld] = factor->vectors[i + j * n] * weight;
        }
    }
    ba_syrk_tiled(ctx, 1.0, BA_KEEP, ba_dmat_const(work), 0.0, m);
    if (add == 0.0) {
        return;
    }
#pragma omp parallel for schedule(static) num_threads(ba_ctx_threads(ctx))
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n; i++) {
            m.data[i + j * m.ld] += add;
        }
    }
}

/* Positions 0..n-1 that are not in the ascending list. */
static void
complement(const size_t *listed, size_t n_listed, size_t n, size_t *others)
{
    size_t k = 0, found = 0;

    for (size_t i = 0; i < n; i++) {
        if (k < n_listed && listed[k] == i) {
            k++;
        } else {
            others[found++] = i;
        }
    }
}

int
ba_ridge_too_small(double alpha)
{
    return ba_fail(BA_NUMERIC,
        "ridge: alpha %g is too small for held-out predictions of this design in float64",
        alpha);
}

/* The columns of M_SS^-1 that belong to the rows to be predicted: n_left_out x n_predict.
 * `ss` is overwritten. Solving costs 2 s^2 f, inverting 2/3 s^3. */
static int
solve_unit_columns(ba_dmat_t ss, const size_t *predict, size_t n_predict,
    ba_dmat_t columns, double alpha)
{
    size_t n = ss.n_rows;

    if (ba_cholesky(ss) != BA_OK) {
        return ba_ridge_too_small(alpha);
    }
    if (3 * n_predict > n) {
        ba_cholesky_invert(ss);
        for (size_t j = 0; j < n_predict; j++) {
            memcpy(columns.data + j * columns.ld, ss.data + predict[j] * ss.ld,
                n * sizeof *columns.data);
        }
        return BA_OK;
    }
    memset(columns.data, 0, columns.ld * columns.n_cols * sizeof *columns.data);
    for (size_t j = 0; j < n_predict; j++) {
        columns.data[predict[j] + j * columns.ld] = 1.0;
    }
    ba_cholesky_solve(ba_dmat_const(ss), columns);
    return BA_OK;
}

int
ba_holdout_rows(ba_cdmat_t m, double alpha, const size_t *out_rows, size_t n_out,
    const size_t *predict, size_t n_predict, ba_dmat_t p)
{
    int status = BA_OK;
    size_t n_stay = m.n_rows - n_out;
    size_t *stay = NULL;
    double *ss = NULL, *st = NULL, *columns = NULL;

    BA_TRY_ALLOC(stay, ba_malloc(n_stay, sizeof *stay));
    BA_TRY_ALLOC(ss, ba_malloc(n_out, n_out * sizeof *ss));
    BA_TRY_ALLOC(st, ba_malloc(n_out, n_stay * sizeof *st));
    BA_TRY_ALLOC(columns, ba_malloc(n_out, n_predict * sizeof *columns));
    complement(out_rows, n_out, m.n_rows, stay);
    for (size_t j = 0; j < n_out; j++) {
        for (size_t i = 0; i < n_out; i++) {
            ss[i + j * n_out] = m.data[out_rows[i] + out_rows[j] * m.ld];
        }
    }
    for (size_t j = 0; j < n_stay; j++) {
        for (size_t i = 0; i < n_out; i++) {
            st[i + j * n_out] = m.data[out_rows[i] + stay[j] * m.ld];
        }
    }
    BA_TRY(solve_unit_columns(ba_dmat(ss, n_out, n_out, n_out), predict, n_predict,
        ba_dmat(columns, n_out, n_predict, n_out), alpha));
    ba_gemm_f64(-1.0, BA_TRANSPOSE, ba_cdmat(columns, n_out, n_predict, n_out), BA_KEEP,
        ba_cdmat(st, n_out, n_stay, n_out), 0.0, p);
out:
    ba_free(stay);
    ba_free(ss);
    ba_free(st);
    ba_free(columns);
    return status;
}

/* left = Q_S D with the intercept's column 1/n appended, right = [Q_S, 1]: H_SS = left
 * right'. */
static void
gather_scores(const ba_ridge_factor_t *factor, double alpha, size_t n_columns,
    const size_t *out_rows, size_t n_out, double *left, double *right)
{
    for (size_t j = 0; j < factor->rank; j++) {
        const double *scores = factor->scores + j * factor->n;
        double d = 1.0 / (factor->lambda[j] + alpha);

        for (size_t i = 0; i < n_out; i++) {
            right[i + j * n_out] = scores[out_rows[i]];
            left[i + j * n_out] = scores[out_rows[i]] * d;
        }
    }
    for (size_t j = factor->rank; j < n_columns; j++) {
        for (size_t i = 0; i < n_out; i++) {
            right[i + j * n_out] = 1.0;
            left[i + j * n_out] = 1.0 / (double) factor->n;
        }
    }
}

static int
holdout_primal(const ba_ridge_factor_t *factor, double alpha, size_t n_columns,
    const size_t *out_rows, size_t n_out, const size_t *predict, size_t n_predict,
    ba_dmat_t p)
{
    int status = BA_OK;
    double *left = NULL, *right = NULL, *ss = NULL, *columns = NULL;

    BA_TRY_ALLOC(left, ba_malloc(n_out, n_columns * sizeof *left));
    BA_TRY_ALLOC(right, ba_malloc(n_out, n_columns * sizeof *right));
    BA_TRY_ALLOC(ss, ba_calloc(n_out, n_out * sizeof *ss));
    BA_TRY_ALLOC(columns, ba_malloc(n_out, n_predict * sizeof *columns));
    gather_scores(factor, alpha, n_columns, out_rows, n_out, left, right);
    for (size_t i = 0; i < n_out; i++) {
        ss[i + i * n_out] = 1.0;
    }
    ba_gemm_f64(-1.0, BA_KEEP, ba_cdmat(left, n_out, n_columns, n_out), BA_TRANSPOSE,
        ba_cdmat(right, n_out, n_columns, n_out), 1.0, ba_dmat(ss, n_out, n_out, n_out));
    BA_TRY(solve_unit_columns(ba_dmat(ss, n_out, n_out, n_out), predict, n_predict,
        ba_dmat(columns, n_out, n_predict, n_out), alpha));
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(columns, n_out, n_predict, n_out), BA_KEEP,
        ba_cdmat(left, n_out, n_columns, n_out), 0.0, p);
out:
    ba_free(left);
    ba_free(right);
    ba_free(ss);
    ba_free(columns);
    return status;
}

void
ba_ridge_holdout_columns(
    const ba_ridge_factor_t *factor, const size_t *rows, ba_dmat_t columns)
{
    size_t n = columns.n_rows;

    for (size_t j = 0; j < columns.n_cols; j++) {
        const double *scores = factor->scores + j * factor->n;
        double *column = columns.data + j * columns.ld;

        for (size_t i = 0; i < n; i++) {
            column[i] = j < factor->rank ? scores[rows[i]] : 1.0;
        }
    }
}

int
ba_ridge_holdout_gram(const ba_ctx_t *ctx, const ba_ridge_factor_t *factor,
    ba_intercept_t intercept, const size_t *left_out, size_t n_left_out, ba_dmat_t gram)
{
    size_t n_columns = ba_ridge_holdout_n_rhs(factor, intercept, 0);
    double *rows = ba_malloc(n_left_out, n_columns * sizeof *rows);

    if (!rows) {
        return BA_NOMEM;
    }
    ba_ridge_holdout_columns(
        factor, left_out, ba_dmat(rows, n_left_out, n_columns, n_left_out));
    ba_syrk_tiled(ctx, 1.0, BA_TRANSPOSE,
        ba_cdmat(rows, n_left_out, n_columns, n_left_out), 0.0, gram);
    ba_free(rows);
    return BA_OK;
}

int
ba_ridge_holdout_inverse(
    const ba_ridge_factor_t *factor, double alpha, ba_cdmat_t gram, ba_dmat_t inverse)
{
    size_t m = gram.n_rows;

    for (size_t j = 0; j < m; j++) {
        for (size_t i = 0; i < m; i++) {
            inverse.data[i + j * inverse.ld] = -gram.data[i + j * gram.ld];
        }
        inverse.data[j + j * inverse.ld] +=
            j < factor->rank ? factor->lambda[j] + alpha : (double) factor->n;
    }
    if (ba_cholesky(inverse) != BA_OK) {
        return ba_ridge_too_small(alpha);
    }
    ba_cholesky_invert(inverse);
    return BA_OK;
}

/* P = Q_F (D^-1 - Q_S'Q_S)^-1: n_columns^3 + 2 n_columns^2 n_predict. */
static int
holdout_downdated(const ba_ridge_factor_t *factor, double alpha, ba_cdmat_t gram,
    const size_t *out_rows, const size_t *predict, size_t n_predict, ba_dmat_t p)
{
    int status = BA_OK;
    size_t m = gram.n_rows, *predicted = NULL;
    double *inverse = NULL, *rows = NULL;

    BA_TRY_ALLOC(inverse, ba_malloc(m, m * sizeof *inverse));
    BA_TRY_ALLOC(rows, ba_malloc(n_predict, m * sizeof *rows));
    BA_TRY_ALLOC(predicted, ba_malloc(n_predict, sizeof *predicted));
    for (size_t i = 0; i < n_predict; i++) {
        predicted[i] = out_rows[predict[i]];
    }
    ba_ridge_holdout_columns(factor, predicted, ba_dmat(rows, n_predict, m, n_predict));
    BA_TRY(ba_ridge_holdout_inverse(factor, alpha, gram, ba_dmat(inverse, m, m, m)));
    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(rows, n_predict, m, n_predict), BA_KEEP,
        ba_cdmat(inverse, m, m, m), 0.0, p);
out:
    ba_free(inverse);
    ba_free(rows);
    ba_free(predicted);
    return status;
}

int
ba_ridge_holdout(const ba_ridge_factor_t *factor, double alpha, ba_intercept_t intercept,
    ba_cdmat_t prepared, const size_t *left_out, size_t n_left_out, const size_t *predict,
    size_t n_predict, ba_dmat_t p)
{
    size_t n_stay = factor->n - n_left_out;

    if (factor->solver == BA_SOLVER_DUAL) {
        return ba_holdout_rows(
            prepared, alpha, left_out, n_left_out, predict, n_predict, p);
    }
    if (prepared.n_rows > 0) {
        return holdout_downdated(
            factor, alpha, prepared, left_out, predict, n_predict, p);
    }
    return holdout_primal(factor, alpha,
        ba_ridge_holdout_n_rhs(factor, intercept, n_stay), left_out, n_left_out, predict,
        n_predict, p);
}
