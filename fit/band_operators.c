/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Held-out predictions at points: as operators.c has them, from a Cholesky inverse for
 * every point instead of one eigendecomposition, which would serve the alphas of one
 * candidate only and cost as much as ten of them. */
#include "fit/bands.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/quadratic.h"
#include "model/holdout.h"

#include <math.h>
#include <omp.h>

/* [Z, 1]'[Z, 1] of the rows that stay: all of them less those left out. */
static int
stay_gram(const ba_ctx_t *ctx, const prepared_t *prepared, removal_t *removal)
{
    int status = BA_OK;
    const ba_spaces_t *spaces = &prepared->band->spaces;
    size_t p = spaces->p;
    size_t m = ba_ridge_holdout_n_rhs(prepared->used, prepared->plan->inner_intercept, 0);
    double *gram;

    BA_TRY_ALLOC(removal->gram, ba_malloc(m, m * sizeof *removal->gram));
    gram = removal->gram;
    BA_TRY(ba_ridge_holdout_gram(ctx, prepared->used, prepared->plan->inner_intercept,
        removal->left_out, removal->n_left_out, ba_dmat(gram, m, m, m)));
    for (size_t j = 0; j < m; j++) {
        for (size_t i = 0; i < m; i++) {
            double whole = i < p && j < p     ? spaces->gram[i + j * p]
                           : i == p && j == p ? (double) spaces->n
                                              : 0.0;

            gram[i + j * m] = whole - gram[i + j * m];
        }
    }
out:
    return status;
}

int
ba_band_removals(const ba_ctx_t *ctx, prepared_t *prepared)
{
    int status = BA_OK;
    const problem_t *problem = prepared->problem;
    band_t *band = prepared->band;

    BA_TRY_ALLOC(band->removals, ba_calloc(problem->n_inner, sizeof *band->removals));
    band->n_removals = problem->n_inner;
    for (size_t k = 0; k < problem->n_inner; k++) {
        BA_TRY(ba_removal_make(prepared, &problem->inner[k], &band->removals[k]));
        if (band->spaces.gram) {
            BA_TRY(stay_gram(ctx, prepared, &band->removals[k]));
        }
    }
out:
    return status;
}

/* What one thread makes points in: fresh memory for each would cost more than to fill it.
 */
typedef struct {
    double *maker;   /* n x n */
    double *stacked; /* the same, where folds are pooled */
    double *p;       /* the largest split's predictions */
} point_room_t;

static void
free_room(point_room_t *room)
{
    ba_free(room->maker);
    ba_free(room->stacked);
    ba_free(room->p);
}

/* Dual, one split: P to its place in the stack of all, or as it is. */
static int
dual_split(const prepared_t *prepared, const point_room_t *room, double penalty, size_t k,
    holdout_t *holdout, size_t i)
{
    int status = BA_OK;
    const removal_t *removal = &prepared->band->removals[k];
    size_t n = prepared->band->spaces.n, f = holdout->n_predicted;
    size_t n_rhs = holdout->n_rhs;

    BA_TRY(ba_holdout_rows(ba_cdmat(room->maker, n, n, n), penalty, removal->left_out,
        removal->n_left_out, removal->predict, f, ba_dmat(room->p, f, n_rhs, f)));
    BA_TRY(room->stacked ? ba_pooled_place(prepared->problem, holdout->split, room->p,
                               ba_dmat(room->stacked, n, n, n))
                         : ba_to_precision(prepared->plan->opts->precision, room->p,
                               f * n_rhs, &holdout->p[i]));
out:
    return status;
}

/* Made when the thread comes to its first point. */
static int
make_room(const prepared_t *prepared, const operators_t *out, point_room_t *room)
{
    int status = BA_OK;
    size_t n = prepared->band->spaces.n, most = 0;

    for (size_t k = 0; k < out->n_holdouts; k++) {
        size_t size = out->holdouts[k].n_predicted * out->holdouts[k].n_rhs;

        most = size > most ? size : most;
    }
    BA_TRY_ALLOC(room->p, ba_malloc(most, sizeof *room->p));
    if (out->pooled) {
        BA_TRY_ALLOC(room->stacked, ba_malloc(n, n * sizeof *room->stacked));
    }
    BA_TRY_ALLOC(room->maker, ba_malloc(1, ba_quadratic_work(n)));
out:
    if (status != BA_OK) {
        free_room(room);
        *room = (point_room_t){NULL, NULL, NULL};
    }
    return status;
}

static int
dual_point(const ba_ctx_t *ctx, const prepared_t *prepared, const double *delta,
    point_room_t *room, operators_t *out, size_t i)
{
    int status = BA_OK;
    const ba_spaces_t *spaces = &prepared->band->spaces;
    size_t n = spaces->n;
    double largest = 0.0;

    for (size_t k = 0; k < spaces->n_spaces; k++) {
        largest = fmax(largest, delta[k]);
    }
    if (!room->maker) {
        BA_TRY(make_room(prepared, out, room));
    }
    BA_TRY(ba_spaces_residual_maker(
        spaces, delta, prepared->plan->inner_intercept, room->maker));
    for (size_t k = 0; k < out->n_holdouts; k++) {
        BA_TRY(dual_split(prepared, room, 1.0 / largest, k, &out->holdouts[k], i));
    }
    if (out->pooled) {
        BA_TRY(ba_pooled_finish(ctx, out->precision, ba_cdmat(room->stacked, n, n, n),
            room->maker, &out->pooled[i]));
    }
out:
    return status;
}

/* P = [Z, 1]_F A: of every validated row, or in the coordinates of its block. */
static int
primal_split(const prepared_t *prepared, const double *coefficients, size_t k,
    holdout_t *holdout, size_t i)
{
    int status = BA_OK;
    const removal_t *removal = &prepared->band->removals[k];
    const block_t *block = ba_operators_block(prepared, prepared->problem->inner, k);
    size_t m = holdout->n_rhs, f = holdout->n_predicted, *rows = NULL;
    ba_cdmat_t a = ba_cdmat(coefficients, m, m, m);
    double *p = NULL, *columns = NULL;

    BA_TRY_ALLOC(p, ba_malloc(f, m * sizeof *p));
    if (block) {
        ba_operators_mix(block, a, ba_dmat(p, f, m, f));
    } else {
        BA_TRY_ALLOC(rows, ba_malloc(f, sizeof *rows));
        BA_TRY_ALLOC(columns, ba_malloc(f, m * sizeof *columns));
        for (size_t t = 0; t < f; t++) {
            rows[t] = removal->left_out[removal->predict[t]];
        }
        ba_ridge_holdout_columns(prepared->used, rows, ba_dmat(columns, f, m, f));
        ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(columns, f, m, f), BA_KEEP, a, 0.0,
            ba_dmat(p, f, m, f));
    }
    BA_TRY(ba_to_precision(prepared->plan->opts->precision, p, f * m, &holdout->p[i]));
out:
    ba_free(rows);
    ba_free(columns);
    ba_free(p);
    return status;
}

static int
primal_point(
    const prepared_t *prepared, const double *delta, size_t k, operators_t *out, size_t i)
{
    int status = BA_OK;
    size_t m = out->holdouts[k].n_rhs;
    double *coefficients = NULL;

    BA_TRY_ALLOC(coefficients, ba_malloc(m, m * sizeof *coefficients));
    BA_TRY(ba_spaces_coefficients(&prepared->band->spaces, delta,
        ba_cdmat(prepared->band->removals[k].gram, m, m, m), coefficients));
    BA_TRY(primal_split(prepared, coefficients, k, &out->holdouts[k], i));
out:
    ba_free(coefficients);
    return status;
}

/* Every point by one thread: the bits of threaded factorisations depend on how many. */
static int
make_points(const ba_ctx_t *ctx, const prepared_t *prepared, const double *deltas,
    size_t n_points, size_t n_side, operators_t *out)
{
    int status = BA_OK;
    size_t n_spaces = prepared->band->spaces.n_spaces;
    size_t n_splits = out->solver == BA_SOLVER_DUAL ? 1 : out->n_holdouts;
    ba_ctx_t alone = ctx ? *ctx : ba_ctx_default();
    ba_error_keep_t keep = {.status = BA_OK};
    point_room_t *rooms = NULL;

    BA_TRY_ALLOC(rooms, ba_calloc(n_side, sizeof *rooms));
    alone.n_threads = 1;
    alone.log = NULL;
    alone.progress = NULL;
    alone.cancelled = NULL;
#pragma omp parallel for schedule(dynamic) num_threads((int) n_side)
    for (size_t t = 0; t < n_points * n_splits; t++) {
        size_t i = t / n_splits;
        const double *delta = deltas + i * n_spaces;

        ba_error_keep(&keep, out->solver == BA_SOLVER_DUAL
                                 ? dual_point(&alone, prepared, delta,
                                       &rooms[omp_get_thread_num()], out, i)
                                 : primal_point(prepared, delta, t % n_splits, out, i));
    }
    BA_TRY(ba_error_raise(&keep));
out:
    for (size_t i = 0; rooms && i < n_side; i++) {
        free_room(&rooms[i]);
    }
    ba_free(rooms);
    return status;
}

int
ba_band_operators(const ba_ctx_t *ctx, const prepared_t *prepared, const double *deltas,
    size_t n_points, size_t n_side, operators_t *out)
{
    int status = BA_OK;
    const problem_t *problem = prepared->problem;

    BA_TRY(ba_ctx_check(ctx));
    BA_TRY(ba_operators_allocate(prepared, problem->n_inner, n_points, out));
    if (ba_cost_is_pooled(prepared->plan, problem)) {
        BA_TRY_ALLOC(out->pooled, ba_calloc(n_points, sizeof *out->pooled));
    }
    for (size_t k = 0; k < problem->n_inner; k++) {
        BA_TRY(ba_operators_start(
            prepared, prepared->plan->inner_intercept, problem->inner, k, out));
    }
    BA_TRY(make_points(ctx, prepared, deltas, n_points, n_side, out));
out:
    if (status != BA_OK) {
        ba_operators_free(out);
    }
    return status;
}
