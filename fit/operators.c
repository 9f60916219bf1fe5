/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a problem applies to its tiles: held-out prediction operators for every inner fold
 * and alpha. Made in float64, kept in the precision of the run. */
#include "fit/operators.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/quadratic.h"

#include <string.h>

size_t
ba_number_size(ba_precision_t precision)
{
    return precision == BA_DOUBLE ? sizeof(double) : sizeof(float);
}

int
ba_to_precision(ba_precision_t precision, const double *src, size_t n, void **out)
{
    *out = ba_malloc(n, ba_number_size(precision));
    if (!*out) {
        return BA_NOMEM;
    }
    if (precision == BA_DOUBLE) {
        memcpy(*out, src, n * sizeof *src);
        return BA_OK;
    }
    for (size_t i = 0; i < n; i++) {
        ((float *) *out)[i] = (float) src[i];
    }
    return BA_OK;
}

/* ---- closed form: one factorisation for all splits ---- */

void
ba_removal_free(removal_t *removal)
{
    ba_free(removal->left_out);
    ba_free(removal->predict);
    ba_free(removal->gram);
}

int
ba_removal_make(const prepared_t *prepared, const split_t *split, removal_t *removal)
{
    int status = BA_OK;
    size_t n = prepared->n_factor;
    size_t *positions = NULL;

    BA_TRY_ALLOC(positions, ba_malloc(n, sizeof *positions));
    BA_TRY_ALLOC(removal->left_out, ba_malloc(n, sizeof *removal->left_out));
    BA_TRY_ALLOC(
        removal->predict, ba_malloc(split->n_validate, sizeof *removal->predict));
    removal->n_left_out = ba_indices_of(
        prepared->factor_positions, n, split->stay, split->n_stay, 0, removal->left_out);
    for (size_t i = 0; i < removal->n_left_out; i++) {
        positions[i] = prepared->factor_positions[removal->left_out[i]];
    }
    ba_indices_of(positions, removal->n_left_out, split->validate, split->n_validate, 1,
        removal->predict);
out:
    ba_free(positions);
    return status;
}

static int
make_gram(const ba_ctx_t *ctx, const prepared_t *prepared, ba_intercept_t intercept,
    size_t n_rhs, removal_t *removal)
{
    int status = BA_OK;

    if (removal->n_left_out <= n_rhs) {
        return BA_OK;
    }
    BA_TRY_ALLOC(removal->gram, ba_malloc(n_rhs, n_rhs * sizeof *removal->gram));
    BA_TRY(ba_ridge_holdout_gram(ctx, prepared->used, intercept, removal->left_out,
        removal->n_left_out, ba_dmat(removal->gram, n_rhs, n_rhs, n_rhs)));
out:
    return status;
}

/* Training rows of the problem that neither stay nor are validated: what a primal
 * right-hand side loses beside its own block. */
static int
gather_gap(const prepared_t *prepared, const split_t *split, holdout_t *holdout)
{
    int status = BA_OK;
    const problem_t *problem = prepared->problem;
    size_t n = problem->n_train, n_out, n_gap, *out_rows = NULL, *index = NULL;

    BA_TRY_ALLOC(out_rows, ba_malloc(n, sizeof *out_rows));
    BA_TRY_ALLOC(index, ba_malloc(n, sizeof *index));
    n_out = ba_indices_of(problem->train, n, split->stay, split->n_stay, 0, out_rows);
    for (size_t i = 0; i < n_out; i++) {
        out_rows[i] = problem->train[out_rows[i]];
    }
    n_gap = ba_indices_of(out_rows, n_out, split->validate, split->n_validate, 0, index);
    if (n_gap == 0) {
        goto out;
    }
    BA_TRY_ALLOC(holdout->gap, ba_malloc(n_gap, sizeof *holdout->gap));
    for (size_t i = 0; i < n_gap; i++) {
        holdout->gap[i] = out_rows[index[i]];
    }
    ba_indices_of(
        prepared->factor_positions, prepared->n_factor, holdout->gap, n_gap, 1, index);
    BA_TRY(ba_products_columns(prepared, index, n_gap, &holdout->gap_columns));
    holdout->n_gap = n_gap;
out:
    ba_free(out_rows);
    ba_free(index);
    return status;
}

/* Below its first row mix is upper triangular, with the intercept's column, 0 there, at
 * the end. */
void
ba_operators_mix(const block_t *block, ba_cdmat_t coefficients, ba_dmat_t p)
{
    size_t m = p.n_cols, n = block->n_basis, rank = n - 1;

    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(block->full_mix, 1, m, n), BA_KEEP, coefficients,
        0.0, ba_dmat(p.data, 1, m, p.ld));
    for (size_t j = 0; j < m; j++) {
        memcpy(p.data + 1 + j * p.ld, coefficients.data + j * coefficients.ld,
            rank * sizeof *p.data);
    }
    ba_trmm_f64(
        ba_cdmat(block->full_mix + 1, rank, rank, n), ba_dmat(p.data + 1, rank, m, p.ld));
}

static int
projected_operator(const prepared_t *prepared, double alpha, const removal_t *removal,
    const block_t *block, ba_dmat_t p)
{
    int status = BA_OK;
    size_t m = p.n_cols;
    double *inverse = NULL;

    BA_TRY_ALLOC(inverse, ba_malloc(m, m * sizeof *inverse));
    BA_TRY(ba_ridge_holdout_inverse(prepared->used, alpha,
        ba_cdmat(removal->gram, m, m, m), ba_dmat(inverse, m, m, m)));
    ba_operators_mix(block, ba_cdmat(inverse, m, m, m), p);
out:
    ba_free(inverse);
    return status;
}

static int
closed_form_operator(const prepared_t *prepared, ba_intercept_t intercept, double alpha,
    ba_cdmat_t maker, const removal_t *removal, const block_t *block, ba_dmat_t stacked,
    holdout_t *holdout, size_t a)
{
    int status = BA_OK;
    size_t n = holdout->n_predicted, n_rhs = holdout->n_rhs;
    int primal = ba_ridge_factor_solver(prepared->used) == BA_SOLVER_PRIMAL;
    size_t m = primal && !removal->gram ? 0 : n_rhs;
    double *p = NULL;

    if (primal) {
        maker = ba_cdmat(removal->gram, m, m, m);
    }
    BA_TRY_ALLOC(p, ba_malloc(n, n_rhs * sizeof *p));
    BA_TRY(
        holdout->is_projected
            ? projected_operator(prepared, alpha, removal, block, ba_dmat(p, n, n_rhs, n))
            : ba_ridge_holdout(prepared->used, alpha, intercept, maker, removal->left_out,
                  removal->n_left_out, removal->predict, n, ba_dmat(p, n, n_rhs, n)));
    if (stacked.n_rows > 0) {
        BA_TRY(ba_pooled_place(prepared->problem, holdout->split, p, stacked));
        goto out;
    }
    BA_TRY(
        ba_to_precision(prepared->plan->opts->precision, p, n * n_rhs, &holdout->p[a]));
out:
    ba_free(p);
    return status;
}

const block_t *
ba_operators_block(const prepared_t *prepared, const split_t *splits, size_t k)
{
    const block_t *blocks =
        splits == prepared->problem->inner ? prepared->products.blocks : NULL;

    return blocks && blocks[k].mix ? blocks + k : NULL;
}

int
ba_operators_start(const prepared_t *prepared, ba_intercept_t intercept,
    const split_t *splits, size_t k, operators_t *operators)
{
    int status = BA_OK;
    holdout_t *holdout = &operators->holdouts[k];
    const block_t *block = ba_operators_block(prepared, splits, k);

    holdout->split = &splits[k];
    holdout->n_rhs = ba_ridge_holdout_n_rhs(prepared->used, intercept, splits[k].n_stay);
    holdout->is_projected = block != NULL;
    holdout->n_predicted = block ? block->n_basis : splits[k].n_validate;
    BA_TRY_ALLOC(holdout->p, ba_calloc(operators->n_alphas, sizeof *holdout->p));
    if (operators->solver == BA_SOLVER_PRIMAL) {
        BA_TRY(gather_gap(prepared, &splits[k], holdout));
    }
out:
    return status;
}

static int
closed_form_splits(const ba_ctx_t *ctx, prepared_t *prepared, ba_intercept_t intercept,
    const split_t *splits, removal_t *removals, operators_t *operators)
{
    int status = BA_OK;

    for (size_t k = 0; k < operators->n_holdouts; k++) {
        BA_TRY(ba_operators_start(prepared, intercept, splits, k, operators));
        BA_TRY(ba_removal_make(prepared, &splits[k], &removals[k]));
        if (operators->solver == BA_SOLVER_PRIMAL) {
            BA_TRY(make_gram(
                ctx, prepared, intercept, operators->holdouts[k].n_rhs, &removals[k]));
        }
    }
out:
    return status;
}

/* What the closed form needs while it goes over the alphas. */
typedef struct {
    removal_t *removals;
    ba_dmat_t maker, work; /* dual: residual maker of the alpha at hand, and room */
    ba_dmat_t stacked;     /* pooled: rows of all folds */
} making_t;

static int
making_start(const ba_ctx_t *ctx, prepared_t *prepared, ba_intercept_t intercept,
    const split_t *splits, operators_t *operators, making_t *making)
{
    int status = BA_OK;
    size_t n = operators->solver == BA_SOLVER_DUAL ? prepared->n_factor : 0;
    size_t m = operators->pooled ? prepared->problem->n_train : 0;

    BA_TRY_ALLOC(
        making->removals, ba_calloc(operators->n_holdouts, sizeof *making->removals));
    making->maker = making->work = ba_dmat(NULL, n, n, n);
    making->stacked = ba_dmat(NULL, m, m, m);
    BA_TRY_ALLOC(making->maker.data, ba_malloc(n, n * sizeof(double)));
    BA_TRY_ALLOC(making->stacked.data, ba_malloc(m, m * sizeof(double)));
    BA_TRY_ALLOC(making->work.data, ba_malloc(1, ba_quadratic_work(n)));
    BA_TRY(closed_form_splits(
        ctx, prepared, intercept, splits, making->removals, operators));
out:
    return status;
}

static void
making_end(const operators_t *operators, making_t *making)
{
    for (size_t k = 0; making->removals && k < operators->n_holdouts; k++) {
        ba_removal_free(&making->removals[k]);
    }
    ba_free(making->removals);
    ba_free(making->maker.data);
    ba_free(making->stacked.data);
    ba_free(making->work.data);
}

/* Operators of any splits of the factor's rows, for alphas a0 ...; parallel over splits.
 */
static int
closed_form(const ba_ctx_t *ctx, prepared_t *prepared, ba_intercept_t intercept,
    const split_t *splits, size_t a0, operators_t *operators)
{
    int status = BA_OK;
    size_t n_splits = operators->n_holdouts;
    int dual = operators->solver == BA_SOLVER_DUAL;
    /* A residual maker serves all splits of its alpha; the primal form needs none. */
    size_t batch = dual ? 1 : operators->n_alphas;
    making_t making = {0};
    ba_error_keep_t keep = {.status = BA_OK};

    BA_TRY(making_start(ctx, prepared, intercept, splits, operators, &making));
    for (size_t a = 0; a < operators->n_alphas; a += batch) {
        const double *alphas = prepared->alphas + a0 + a;

        BA_TRY(ba_ctx_check(ctx));
        if (dual) {
            ba_ridge_residual_maker(
                ctx, prepared->used, alphas[0], intercept, making.work, making.maker);
        }
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
        for (size_t t = 0; t < batch * n_splits; t++) {
            size_t k = t % n_splits, i = t / n_splits;

            ba_error_keep(&keep, closed_form_operator(prepared, intercept, alphas[i],
                                     ba_dmat_const(making.maker), &making.removals[k],
                                     ba_operators_block(prepared, splits, k),
                                     making.stacked, &operators->holdouts[k], a + i));
        }
        BA_TRY(ba_error_raise(&keep));
        if (operators->pooled) {
            BA_TRY(ba_pooled_finish(ctx, operators->precision,
                ba_dmat_const(making.stacked), making.work.data, &operators->pooled[a]));
        }
    }
out:
    making_end(operators, &making);
    return status;
}

/* ---- all ---- */

int
ba_operators_allocate(
    const prepared_t *prepared, size_t n_holdouts, size_t n_alphas, operators_t *out)
{
    *out = (operators_t){0};
    out->solver = ba_ridge_factor_solver(prepared->used);
    out->precision = prepared->plan->opts->precision;
    out->n_alphas = n_alphas;
    out->n_holdouts = n_holdouts;
    out->holdouts = ba_calloc(n_holdouts, sizeof *out->holdouts);
    return out->holdouts ? BA_OK : BA_NOMEM;
}

int
ba_operators_make(const ba_ctx_t *ctx, prepared_t *prepared, size_t a0, size_t n_alphas,
    operators_t *out)
{
    int status = BA_OK;
    const problem_t *problem = prepared->problem;
    const plan_t *plan = prepared->plan;

    BA_TRY(ba_operators_allocate(prepared, problem->n_inner, n_alphas, out));
    if (prepared->shifts) {
        BA_TRY(ba_operators_reduced(ctx, prepared, a0, out));
    } else if (plan->strict) {
        for (size_t k = 0; k < problem->n_inner; k++) {
            BA_TRY(ba_operators_alone(
                ctx, prepared, &problem->inner[k], a0, out, &out->holdouts[k]));
        }
    } else {
        if (ba_cost_is_pooled(plan, problem)) {
            BA_TRY_ALLOC(out->pooled, ba_calloc(n_alphas, sizeof *out->pooled));
        }
        BA_TRY(
            closed_form(ctx, prepared, plan->inner_intercept, problem->inner, a0, out));
    }
out:
    if (status != BA_OK) {
        ba_operators_free(out);
    }
    return status;
}

int
ba_operators_test(
    const ba_ctx_t *ctx, prepared_t *prepared, const split_t *split, operators_t *out)
{
    int status = BA_OK;

    BA_TRY(ba_operators_allocate(prepared, 1, prepared->n_alphas, out));
    BA_TRY(closed_form(ctx, prepared, prepared->plan->intercept, split, 0, out));
out:
    if (status != BA_OK) {
        ba_operators_free(out);
    }
    return status;
}

void
ba_operators_free(operators_t *operators)
{
    for (size_t k = 0; operators->holdouts && k < operators->n_holdouts; k++) {
        holdout_t *holdout = &operators->holdouts[k];

        for (size_t a = 0; holdout->p && a < operators->n_alphas; a++) {
            ba_free(holdout->p[a]);
        }
        ba_free(holdout->p);
        ba_free(holdout->left_out);
        ba_free(holdout->gap);
        ba_free(holdout->gap_columns);
        ba_free(holdout->own_project);
    }
    for (size_t a = 0; operators->pooled && a < operators->n_alphas; a++) {
        ba_free(operators->pooled[a]);
    }
    ba_free(operators->pooled);
    ba_free(operators->holdouts);
    *operators = (operators_t){0};
}
