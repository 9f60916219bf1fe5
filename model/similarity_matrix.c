/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Similarity of rows: with unit rows u and v the cosine is u'v, so that all of them are
 * one product; distances are summed directly, since |u|^2 + |v|^2 - 2 u'v would lose what
 * is small beside the norms. */
#include "brainalign/identification.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>

/* A deviation below this share of the largest absolute value is rounding. */
#define NEGLIGIBLE 1e-10

/* Rows of a block of distances. */
#define BLOCK_ROWS 64

/* Mean of row i (0 without centring), and the root of the sum of squares about it; 0
 * where that is none. */
static double
row_norm(ba_cdmat_t m, size_t i, int is_centred, double *mean)
{
    double sum = 0, square = 0, largest = 0;

    for (size_t j = 0; j < m.n_cols; j++) {
        sum += m.data[i + j * m.ld];
        largest = fmax(largest, fabs(m.data[i + j * m.ld]));
    }
    *mean = is_centred && m.n_cols > 0 ? sum / (double) m.n_cols : 0;
    if (largest == 0) {
        return 0;
    }
    for (size_t j = 0; j < m.n_cols; j++) {
        double x = (m.data[i + j * m.ld] - *mean) / largest;

        square += x * x;
    }
    if (is_centred && sqrt(square / (double) m.n_cols) < NEGLIGIBLE) {
        return 0;
    }
    return sqrt(square) * largest;
}

size_t
ba_similarity_undefined(ba_similarity_t kind, ba_cdmat_t rows, uint8_t *is_undefined)
{
    int is_angle = kind == BA_SIMILARITY_COSINE || kind == BA_SIMILARITY_CORRELATION;
    size_t n = 0;

    for (size_t i = 0; i < rows.n_rows; i++) {
        double mean;
        int is =
            is_angle && row_norm(rows, i, kind == BA_SIMILARITY_CORRELATION, &mean) == 0;

        n += (size_t) is;
        if (is_undefined) {
            is_undefined[i] = (uint8_t) is;
        }
    }
    return n;
}

/* Rows of norm 1, or 0. */
static int
unit_rows(ba_cdmat_t m, int is_centred, double **out)
{
    size_t size;
    double *unit = NULL;
    int status;

    BA_TRY(ba_multiply(m.n_rows, m.n_cols, &size));
    BA_TRY_ALLOC(unit, ba_calloc(size, sizeof *unit));
    for (size_t i = 0; i < m.n_rows; i++) {
        double mean, norm = row_norm(m, i, is_centred, &mean);

        for (size_t j = 0; norm > 0 && j < m.n_cols; j++) {
            unit[i + j * m.n_rows] = (m.data[i + j * m.ld] - mean) / norm;
        }
    }
    *out = unit;
out:
    return status;
}

static int
angles(const ba_ctx_t *ctx, int is_centred, ba_cdmat_t a, ba_cdmat_t b, ba_dmat_t s)
{
    double *u = NULL, *v = NULL;
    int status;

    BA_TRY(ba_blas_check(a.n_rows));
    BA_TRY(ba_blas_check(b.n_rows));
    BA_TRY(ba_blas_check(a.n_cols));
    BA_TRY(unit_rows(a, is_centred, &u));
    BA_TRY(unit_rows(b, is_centred, &v));
    ba_blas_single_thread();
    ba_gemm_tiled(ctx, 1, BA_KEEP, ba_cdmat(u, a.n_rows, a.n_cols, a.n_rows),
        BA_TRANSPOSE, ba_cdmat(v, b.n_rows, b.n_cols, b.n_rows), 0, s);
out:
    ba_free(u);
    ba_free(v);
    return status;
}

/* Minus the (squared) distances of the rows first .. end - 1 to row c of b. */
static void
distances_column(
    ba_cdmat_t a, ba_cdmat_t b, size_t c, size_t first, size_t end, ba_dmat_t s)
{
    double *column = s.data + c * s.ld;

    for (size_t i = first; i < end; i++) {
        column[i] = 0;
    }
    for (size_t j = 0; j < a.n_cols; j++) {
        const double *x = a.data + j * a.ld;
        double y = b.data[c + j * b.ld];

        for (size_t i = first; i < end; i++) {
            column[i] -= (x[i] - y) * (x[i] - y);
        }
    }
}

static void
distances(const ba_ctx_t *ctx, int is_root, ba_cdmat_t a, ba_cdmat_t b, ba_dmat_t s)
{
    size_t n_blocks = (a.n_rows + BLOCK_ROWS - 1) / BLOCK_ROWS;

#pragma omp parallel for num_threads(ba_ctx_threads(ctx)) schedule(dynamic)
    for (size_t block = 0; block < n_blocks; block++) {
        size_t first = block * BLOCK_ROWS;
        size_t end = first + BLOCK_ROWS < a.n_rows ? first + BLOCK_ROWS : a.n_rows;

        for (size_t c = 0; c < b.n_rows; c++) {
            distances_column(a, b, c, first, end, s);
            for (size_t i = first; is_root && i < end; i++) {
                s.data[i + c * s.ld] = -sqrt(-s.data[i + c * s.ld]);
            }
        }
    }
}

int
ba_similarity(const ba_ctx_t *ctx, ba_similarity_t kind, ba_cdmat_t predicted,
    ba_cdmat_t candidates, ba_dmat_t similarity)
{
    if (predicted.n_cols != candidates.n_cols) {
        return ba_fail(BA_SHAPE,
            "similarity: predictions of %zu dimensions, candidates "
            "of %zu, wanted the same",
            predicted.n_cols, candidates.n_cols);
    }
    if (similarity.n_rows != predicted.n_rows || similarity.n_cols != candidates.n_rows) {
        return ba_fail(BA_SHAPE, "similarity: a matrix of %zu x %zu, wanted %zu x %zu",
            similarity.n_rows, similarity.n_cols, predicted.n_rows, candidates.n_rows);
    }
    if (kind == BA_SIMILARITY_COSINE || kind == BA_SIMILARITY_CORRELATION) {
        return angles(
            ctx, kind == BA_SIMILARITY_CORRELATION, predicted, candidates, similarity);
    }
    distances(ctx, kind == BA_SIMILARITY_EUCLIDEAN, predicted, candidates, similarity);
    return BA_OK;
}

double
ba_similarity_tie(ba_similarity_t kind, ba_cdmat_t similarity)
{
    double largest = 1;

    if (kind == BA_SIMILARITY_COSINE || kind == BA_SIMILARITY_CORRELATION) {
        return 1e-12;
    }
    for (size_t j = 0; j < similarity.n_cols; j++) {
        for (size_t i = 0; i < similarity.n_rows; i++) {
            largest = fmax(largest, fabs(similarity.data[i + j * similarity.ld]));
        }
    }
    return 1e-12 * largest;
}

/* r of two vectors whose elements are a stride apart. */
static double
strided_r(const double *x, size_t x_stride, const double *y, size_t y_stride, size_t n)
{
    ba_cdmat_t rows[2] = {{x, 1, n, x_stride}, {y, 1, n, y_stride}};
    double mean[2], norm[2], sum = 0;

    for (int k = 0; k < 2; k++) {
        norm[k] = row_norm(rows[k], 0, 1, &mean[k]);
    }
    if (n < 2 || norm[0] == 0 || norm[1] == 0) {
        return NAN;
    }
    for (size_t i = 0; i < n; i++) {
        sum += (x[i * x_stride] - mean[0]) / norm[0] *
               ((y[i * y_stride] - mean[1]) / norm[1]);
    }
    return sum;
}

static int
check_same(ba_cdmat_t predicted, ba_cdmat_t targets)
{
    if (predicted.n_rows != targets.n_rows || predicted.n_cols != targets.n_cols) {
        return ba_fail(BA_SHAPE,
            "predictions: %zu x %zu, targets %zu x %zu, wanted the "
            "same",
            predicted.n_rows, predicted.n_cols, targets.n_rows, targets.n_cols);
    }
    return BA_OK;
}

int
ba_pattern_r(ba_cdmat_t predicted, ba_cdmat_t targets, double *r)
{
    int status;

    BA_TRY(check_same(predicted, targets));
    for (size_t i = 0; i < predicted.n_rows; i++) {
        r[i] = strided_r(predicted.data + i, predicted.ld, targets.data + i, targets.ld,
            predicted.n_cols);
    }
out:
    return status;
}

int
ba_profile_r(ba_cdmat_t predicted, ba_cdmat_t targets, double *r)
{
    int status;

    BA_TRY(check_same(predicted, targets));
    for (size_t j = 0; j < predicted.n_cols; j++) {
        r[j] = strided_r(predicted.data + j * predicted.ld, 1,
            targets.data + j * targets.ld, 1, predicted.n_rows);
    }
out:
    return status;
}
