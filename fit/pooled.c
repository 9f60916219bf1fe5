/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mean squared error of all inner folds as one quadratic form of the responses.
 *
 * A held-out residual is linear in the responses, e_F = y_F - P_F y_stay. Stacking the rows
 * of all folds, each weighed by 1 / sqrt(n_folds n_F), gives a square matrix E with
 *
 *     mean over folds of |e_F|^2 / n_F = |E y|^2 = y'E'E y.
 *
 * The form (linalg/quadratic.h) costs n^2 flops a target instead of 2 n (n - n/K), and n^3
 * more to make, in the precision of the run. */
#include "fit/fit_impl.h"

#include "core/alloc.h"
#include "linalg/quadratic.h"

#include <math.h>
#include <string.h>

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

int
ba_pooled_finish(const ba_ctx_t *ctx, ba_precision_t precision, ba_cdmat_t stacked,
    double *work, void **out)
{
    return precision == BA_DOUBLE ? ba_quadratic_make_f64(ctx, stacked, work, out)
                                  : ba_quadratic_make_f32(ctx, stacked, work, out);
}
