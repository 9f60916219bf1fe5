/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Polynomials come from the three-term idea: time times the last one, orthogonalised
 * against all before it. On equidistant samples this stays well conditioned up to the
 * highest degree, where powers of time do not (Forsythe 1957, J. SIAM 5:74). Other
 * regressors follow by modified Gram-Schmidt, the largest remainder first; every column
 * is orthogonalised twice, which makes it orthogonal to rounding (Giraud, Langou,
 * Rozloznik and van den Eshof 2005, Numer. Math. 101:87). */
#include "model/basis.h"
#include "core/alloc.h"
#include "model/series.h"

#include <math.h>
#include <string.h>

static void
orthogonalise(const ba_basis_t *basis, double *y)
{
    for (int pass = 0; pass < 2; pass++) {
        ba_basis_residual(basis, y);
    }
}

/* Makes y, already in its place behind the last column, the next unit column. */
static void
append(ba_basis_t *basis, double *y)
{
    ba_series_scale(y, basis->n, 1 / sqrt(ba_series_square(y, basis->n)));
    basis->rank++;
}

static void
append_polynomials(ba_basis_t *basis, size_t degree)
{
    size_t n = basis->n;

    for (size_t power = 1; power <= degree; power++) {
        double *next = basis->q + (power - 1) * n;
        const double *last = power > 1 ? next - n : NULL;

        for (size_t i = 0; i < n; i++) {
            double t = (2 * (double) i - (double) (n - 1)) / (double) (n - 1);

            next[i] = last ? t * last[i] : t;
        }
        orthogonalise(basis, next);
        append(basis, next);
    }
}

/* The column with the largest norm, n_columns when nothing of any is worth a regressor.
 * Norms are in units of what was left when polynomials were out; columns already used
 * have none. */
static size_t
find_pivot(const double *columns, const double *limit, size_t n, size_t n_columns)
{
    size_t pivot = n_columns;
    double largest = 0;

    for (size_t j = 0; j < n_columns; j++) {
        double norm = sqrt(ba_series_square(columns + j * n, n));

        if (norm > limit[j] && norm > largest) {
            largest = norm;
            pivot = j;
        }
    }
    return pivot;
}

static void
append_columns(ba_basis_t *basis, size_t capacity, double *columns, const double *limit,
    size_t n_columns)
{
    size_t n = basis->n, pivot;

    while (basis->rank < capacity &&
           (pivot = find_pivot(columns, limit, n, n_columns)) < n_columns) {
        double *next = basis->q + basis->rank * n;

        memcpy(next, columns + pivot * n, n * sizeof *next);
        ba_series_fill(columns + pivot * n, n, 0);
        orthogonalise(basis, next);
        append(basis, next);
        for (size_t j = 0; j < n_columns; j++) {
            ba_series_project_out(next, columns + j * n, n);
        }
    }
}

/* Takes out what the basis explains already and brings the remainders to unit norm, so
 * that the choice of pivots does not depend on the regressors' units. limit[j] receives
 * the smallest norm that column j may shrink to. */
static void
prepare_columns(const ba_basis_t *basis, double *columns, const double *norm,
    size_t n_columns, double *limit)
{
    size_t n = basis->n;

    for (size_t j = 0; j < n_columns; j++) {
        double *column = columns + j * n, left;

        orthogonalise(basis, column);
        left = sqrt(ba_series_square(column, n));
        limit[j] = 0;
        if (left > 0) {
            ba_series_scale(column, n, 1 / left);
            limit[j] = BA_NEGLIGIBLE * norm[j] / left;
        }
    }
}

int
ba_basis_new(size_t n, size_t degree, double *columns, const double *norm,
    size_t n_columns, ba_basis_t *out)
{
    ba_basis_t basis = {.n = n};
    size_t capacity, size;
    double *limit = NULL;
    int status;

    degree = degree < n - 1 ? degree : n - 1;
    capacity = n_columns < n - 1 - degree ? degree + n_columns : n - 1;
    BA_TRY(ba_multiply(n, capacity, &size));
    BA_TRY_ALLOC(basis.q, ba_malloc(size, sizeof *basis.q));
    BA_TRY_ALLOC(limit, ba_malloc(n_columns, sizeof *limit));
    append_polynomials(&basis, degree);
    prepare_columns(&basis, columns, norm, n_columns, limit);
    append_columns(&basis, capacity, columns, limit, n_columns);
    *out = basis;
    basis.q = NULL;
out:
    ba_free(limit);
    ba_free(basis.q);
    return status;
}

void
ba_basis_free(ba_basis_t *basis)
{
    ba_free(basis->q);
    *basis = (ba_basis_t){0};
}

void
ba_basis_residual(const ba_basis_t *basis, double *y)
{
    ba_series_centre(y, basis->n);
    for (size_t k = 0; k < basis->rank; k++) {
        ba_series_project_out(basis->q + k * basis->n, y, basis->n);
    }
}
