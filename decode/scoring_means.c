/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mean correlations as traces: with columns of mean 0 and norm 1, u of predictions and v
 * of targets, the mean r over D dimensions is sum_i M_ii / n for M = (n / D) u v', and
 * under an order sum_i M[i, order[i]] / n. The mean over items of r of patterns is the same
 * for the matrix of these. */
#include "decode/scoring_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>

static size_t
count_defined(const double *r, size_t n)
{
    size_t n_defined = 0;

    for (size_t i = 0; i < n; i++) {
        n_defined += (size_t) !isnan(r[i]);
    }
    return n_defined;
}

/* The rows of `from` with columns of mean 0 and norm 1, and 0 where r is undefined. */
static int
unit_columns(const ba_patterns_t *from, const double *r, ba_patterns_t *out)
{
    size_t n = from->n_items * from->segment;
    int status = BA_OK;

    *out = (ba_patterns_t){from->n_items, from->segment, from->n_dims, NULL, NULL};
    BA_TRY_ALLOC(out->rows, ba_calloc(n, from->n_dims * sizeof(double)));
    for (size_t j = 0; j < from->n_dims; j++) {
        const double *x = from->rows + j * n;
        double *u = out->rows + j * n, mean = 0, square = 0;

        for (size_t i = 0; i < n && !isnan(r[j]); i++) {
            mean += x[i] / (double) n;
        }
        for (size_t i = 0; i < n && !isnan(r[j]); i++) {
            u[i] = x[i] - mean;
            square += u[i] * u[i];
        }
        for (size_t i = 0; i < n && !isnan(r[j]); i++) {
            u[i] /= sqrt(square);
        }
    }
    BA_TRY(ba_patterns_flatten(out));
out:
    return status;
}

static int
make_r_matrix(const ba_ctx_t *ctx, const ba_patterns_t *predicted,
    const ba_patterns_t *targets, ba_scoring_means_t *means)
{
    size_t n = predicted->n_items, n_cols = predicted->segment * predicted->n_dims;
    ba_patterns_t u = {0}, v = {0};
    int status;

    BA_TRY(ba_blas_check(n));
    BA_TRY(ba_blas_check(n_cols));
    BA_TRY(unit_columns(predicted, means->r, &u));
    BA_TRY(unit_columns(targets, means->r, &v));
    BA_TRY_ALLOC(means->r_matrix, ba_malloc(n, n * sizeof(double)));
    ba_blas_single_thread();
    ba_gemm_tiled(ctx, (double) n / (double) (means->n_r > 0 ? means->n_r : 1), BA_KEEP,
        ba_cdmat(u.flat, n, n_cols, n), BA_TRANSPOSE, ba_cdmat(v.flat, n, n_cols, n), 0,
        ba_dmat(means->r_matrix, n, n, n));
out:
    ba_patterns_free(&u);
    ba_patterns_free(&v);
    return status;
}

static int
make_pattern_matrix(const ba_ctx_t *ctx, ba_cdmat_t predicted, ba_cdmat_t targets,
    ba_scoring_means_t *means)
{
    size_t n = predicted.n_rows;
    uint8_t *bad_rows = NULL, *bad_cols = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(bad_rows, ba_malloc(n, 1));
    BA_TRY_ALLOC(bad_cols, ba_malloc(n, 1));
    BA_TRY_ALLOC(means->pattern_matrix, ba_malloc(n, n * sizeof(double)));
    BA_TRY(ba_similarity(ctx, BA_SIMILARITY_CORRELATION, predicted, targets,
        ba_dmat(means->pattern_matrix, n, n, n)));
    ba_similarity_undefined(BA_SIMILARITY_CORRELATION, predicted, bad_rows);
    ba_similarity_undefined(BA_SIMILARITY_CORRELATION, targets, bad_cols);
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n; i++) {
            if (bad_rows[i] || bad_cols[j]) {
                means->pattern_matrix[i + j * n] = NAN;
            }
        }
    }
out:
    ba_free(bad_rows);
    ba_free(bad_cols);
    return status;
}

int
ba_scoring_means(const ba_ctx_t *ctx, const ba_patterns_t *predicted,
    const ba_patterns_t *targets, int with_traces, ba_scoring_means_t *out)
{
    size_t n = predicted->n_items, n_rows = n * predicted->segment;
    size_t d = predicted->n_dims, n_cols = predicted->segment * d;
    ba_cdmat_t p_rows = ba_cdmat(predicted->rows, n_rows, d, n_rows);
    ba_cdmat_t t_rows = ba_cdmat(targets->rows, n_rows, d, n_rows);
    ba_cdmat_t p_flat = ba_cdmat(predicted->flat, n, n_cols, n);
    ba_cdmat_t t_flat = ba_cdmat(targets->flat, n, n_cols, n);
    int status = BA_OK;

    *out = (ba_scoring_means_t){0};
    BA_TRY_ALLOC(out->r, ba_malloc(d, sizeof *out->r));
    BA_TRY_ALLOC(out->pattern, ba_malloc(n, sizeof *out->pattern));
    BA_TRY(ba_profile_r(p_rows, t_rows, out->r));
    BA_TRY(ba_pattern_r(p_flat, t_flat, out->pattern));
    out->n_r = count_defined(out->r, d);
    out->n_pattern = count_defined(out->pattern, n);
    if (with_traces) {
        BA_TRY(make_r_matrix(ctx, predicted, targets, out));
        BA_TRY(make_pattern_matrix(ctx, p_flat, t_flat, out));
    }
out:
    return status;
}

void
ba_scoring_means_free(ba_scoring_means_t *means)
{
    ba_free(means->r);
    ba_free(means->pattern);
    ba_free(means->r_matrix);
    ba_free(means->pattern_matrix);
}
