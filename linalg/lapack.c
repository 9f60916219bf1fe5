/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "linalg/blas.h"

#include "core/alloc.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

/* dsyevd's workspace size, 1 + 6 n + 2 n^2, passes the 32-bit integer from here on
 * without an error. */
#define LARGEST_DIVIDE_AND_CONQUER 32766

static int
check_info(lapack_int info, const char *what)
{
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR) {
        return ba_fail(BA_NOMEM, "memory: no workspace for the %s", what);
    }
    if (info < 0) {
        return ba_fail(
            BA_NUMERIC, "%s: a value is not finite, wanted finite numbers", what);
    }
    if (info > 0) {
        return ba_fail(BA_NUMERIC, "%s: failed at step %d", what, (int) info);
    }
    return BA_OK;
}

/* Relatively robust representations: slower and one more n x n, but its workspace stays
 * small. */
static int
eigen_large(ba_dmat_t a, double *lambda)
{
    int status = BA_OK;
    lapack_int n = (lapack_int) a.n_rows, found = 0;
    double *vectors = NULL;
    lapack_int *support = NULL;

    BA_TRY_ALLOC(vectors, ba_malloc(a.n_rows, a.n_rows * sizeof *vectors));
    BA_TRY_ALLOC(support, ba_malloc(a.n_rows, 2 * sizeof *support));
    BA_TRY(check_info(
        LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'A', 'L', n, a.data, (lapack_int) a.ld, 0.0,
            0.0, 0, 0, 0.0, &found, lambda, vectors, n, support),
        "eigendecomposition"));
    for (size_t j = 0; j < a.n_rows; j++) {
        memcpy(a.data + j * a.ld, vectors + j * a.n_rows, a.n_rows * sizeof *vectors);
    }
out:
    ba_free(vectors);
    ba_free(support);
    return status;
}

int
ba_eigen_symmetric(ba_dmat_t a, double *lambda)
{
    if (a.n_rows == 0) {
        return BA_OK;
    }
    if (a.n_rows > LARGEST_DIVIDE_AND_CONQUER) {
        return eigen_large(a, lambda);
    }
    return check_info(LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', (lapack_int) a.n_rows,
                          a.data, (lapack_int) a.ld, lambda),
        "eigendecomposition");
}

int
ba_svd(ba_dmat_t a, double *s, ba_dmat_t u, ba_dmat_t v)
{
    int status = BA_OK;
    double scale[7]; /* s comes divided by scale[0] / scale[1], against overflow */
    lapack_int counts[3];

    if (a.n_cols == 0) {
        return BA_OK;
    }
    /* Accurate under row and column scaling (F), both factors (U, V), nothing set to zero
     * but what would underflow (R), no transposition, no perturbation. */
    BA_TRY(check_info(
        LAPACKE_dgejsv(LAPACK_COL_MAJOR, 'F', 'U', 'V', 'R', 'N', 'N',
            (lapack_int) a.n_rows, (lapack_int) a.n_cols, a.data, (lapack_int) a.ld, s,
            u.data, (lapack_int) u.ld, v.data, (lapack_int) v.ld, scale, counts),
        "singular value decomposition"));
    for (size_t i = 0; i < a.n_cols; i++) {
        s[i] *= scale[0] / scale[1];
    }
out:
    return status;
}

int
ba_cholesky(ba_dmat_t a)
{
    if (a.n_rows == 0) {
        return BA_OK;
    }
    return check_info(LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', (lapack_int) a.n_rows, a.data,
                          (lapack_int) a.ld),
        "Cholesky factorisation");
}

void
ba_cholesky_solve(ba_cdmat_t l, ba_dmat_t b)
{
    if (l.n_rows == 0 || b.n_cols == 0) {
        return;
    }
    /* The arguments were checked when the factor was made: the call has nothing left to
     * fail at. */
    LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', (lapack_int) l.n_rows,
        (lapack_int) b.n_cols, l.data, (lapack_int) l.ld, b.data, (lapack_int) b.ld);
}
