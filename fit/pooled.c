/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mean squared error of all inner folds as one quadratic form of the responses.
 *
 * A held-out residual is linear in the responses, e_F = y_F - P_F y_stay. Stacking the rows
 * of all folds, each weighed by 1 / sqrt(n_folds n_F), gives a square matrix E with
 *
 *     mean over folds of |e_F|^2 / n_F = |E y|^2 = |L y|^2,
 *
 * L the upper triangular factor of E'E. L costs half the flops of the residuals or less,
 * n^2 instead of 2 n (n - n/K) a target, and 4/3 n^3 more to make. E has lost the constant
 * direction where folds are centred: what is added to the diagonal of E'E so that Cholesky
 * can pass is far below the rounding of the scores. */
#include "fit/fit_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

/* Beside the mean of the diagonal. */
#define NUDGE 1e-13

int
ba_pooled_place(
    const problem_t *problem, const split_t *split, const double *p, ba_dmat_t stacked)
{
    int status = BA_OK;
    size_t n = problem->n_train, n_held = split->n_validate, *held = NULL, *stay = NULL;
    double weight = 1.0 / sqrt((double) (problem->n_inner * n_held));

    BA_TRY_ALLOC(held, ba_malloc(n, sizeof *held));
    BA_TRY_ALLOC(stay, ba_malloc(n, sizeof *stay));
    ba_indices_of(problem->train, n, split->validate, n_held, 1, held);
    ba_indices_of(problem->train, n, split->stay, split->n_stay, 1, stay);
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n_held; i++) {
            stacked.data[held[i] + j * stacked.ld] = 0.0;
        }
    }
    for (size_t j = 0; j < split->n_stay; j++) {
        for (size_t i = 0; i < n_held; i++) {
            stacked.data[held[i] + stay[j] * stacked.ld] = -weight * p[i + j * n_held];
        }
    }
    for (size_t i = 0; i < n_held; i++) {
        stacked.data[held[i] + held[i] * stacked.ld] = weight;
    }
out:
    ba_free(held);
    ba_free(stay);
    return status;
}

/* The factor L' that Cholesky leaves below the diagonal, as L above it. */
static int
upper_factor(ba_precision_t precision, ba_dmat_t lower, void **out)
{
    size_t n = lower.n_rows;

    *out = ba_malloc(n, n * ba_number_size(precision));
    if (!*out) {
        return BA_NOMEM;
    }
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i <= j; i++) {
            double value = lower.data[j + i * lower.ld];

            if (precision == BA_DOUBLE) {
                ((double *) *out)[i + j * n] = value;
            } else {
                ((float *) *out)[i + j * n] = (float) value;
            }
        }
    }
    return BA_OK;
}

int
ba_pooled_finish(const ba_ctx_t *ctx, ba_precision_t precision, ba_cdmat_t stacked,
    double *work, void **out)
{
    int status = BA_OK;
    size_t n = stacked.n_rows;
    ba_dmat_t square = ba_dmat(work, n, n, n);
    double trace = 0.0;

    ba_syrk_tiled(ctx, 1.0, BA_TRANSPOSE, stacked, 0.0, square);
    for (size_t i = 0; i < n; i++) {
        trace += work[i + i * n];
    }
    for (size_t i = 0; i < n; i++) {
        work[i + i * n] += NUDGE * trace / (double) n;
    }
    BA_TRY(ba_cholesky(square));
    BA_TRY(upper_factor(precision, square, out));
out:
    return status;
}
