/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The primal form's side of the targets: [Q, 1]'Y in blocks of rows.
 *
 * A block with more rows than columns gets a thin QR decomposition [1, Q] = O R, once for
 * all alphas. Then O'Y says all of its targets that a fit can reach, [Q, 1]'Y = mix' O'Y
 * follows from it, and held-out predictions are compared with it in the coordinates of O:
 * fewer numbers than rows for every alpha. The constant column goes first so that what
 * correlates is apart from means. */
#include "fit/fit_impl.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"

#include <string.h>

size_t
ba_indices_of(const size_t *among, size_t n_among, const size_t *listed, size_t n_listed,
    int in_list, size_t *out)
{
    size_t k = 0, n = 0;

    for (size_t i = 0; i < n_among; i++) {
        while (k < n_listed && listed[k] < among[i]) {
            k++;
        }
        if ((k < n_listed && listed[k] == among[i]) == in_list) {
            out[n++] = i;
        }
    }
    return n;
}

int
ba_products_columns(const prepared_t *prepared, const size_t *index, size_t n, void **out)
{
    int status = BA_OK;
    size_t n_columns = ba_ridge_factor_rank(prepared->used) + 1;
    double *columns = NULL;

    BA_TRY_ALLOC(columns, ba_malloc(n, n_columns * sizeof *columns));
    ba_ridge_holdout_columns(prepared->used, index, ba_dmat(columns, n, n_columns, n));
    BA_TRY(ba_to_precision(prepared->plan->opts->precision, columns, n * n_columns, out));
out:
    ba_free(columns);
    return status;
}

/* [1, Q] = O R of a block; mix has R's columns in the order [Q, 1]. */
static int
project_block(const prepared_t *prepared, block_t *block)
{
    int status = BA_OK;
    ba_precision_t precision = prepared->plan->opts->precision;
    size_t n = block->n_rows, m = ba_ridge_factor_rank(prepared->used) + 1;
    double *columns = NULL, *r = NULL;

    block->n_basis = m;
    BA_TRY_ALLOC(columns, ba_malloc(n, m * sizeof *columns));
    BA_TRY_ALLOC(r, ba_malloc(m, m * sizeof *r));
    BA_TRY_ALLOC(block->full_mix, ba_malloc(m, m * sizeof *block->full_mix));
    ba_ridge_holdout_columns(
        prepared->used, block->index, ba_dmat(columns + n, n, m - 1, n));
    for (size_t i = 0; i < n; i++) {
        columns[i] = 1.0;
    }
    BA_TRY(ba_qr(ba_dmat(columns, n, m, n), ba_dmat(r, m, m, m)));
    memcpy(block->full_mix, r + m, m * (m - 1) * sizeof *r);
    memcpy(block->full_mix + m * (m - 1), r, m * sizeof *r);
    BA_TRY(ba_to_precision(precision, block->full_mix, m * m, &block->mix));
    BA_TRY(ba_to_precision(precision, columns, n * m, &block->basis));
out:
    ba_free(columns);
    ba_free(r);
    return status;
}

static int
fill_block(const prepared_t *prepared, int may_project, block_t *block)
{
    if (may_project && ba_cost_is_projected(prepared->plan, block->n_rows)) {
        return project_block(prepared, block);
    }
    block->n_basis = ba_ridge_factor_rank(prepared->used) + 1;
    return ba_products_columns(prepared, block->index, block->n_rows, &block->basis);
}

/* The rows of a block: training rows i for which fold[i] is k; fold NULL = all of them.
 */
static int
list_rows(const prepared_t *prepared, const int32_t *fold, int32_t k, block_t *block)
{
    int status = BA_OK;
    const problem_t *problem = prepared->problem;
    size_t n = 0;

    for (size_t i = 0; i < problem->n_train; i++) {
        block->n_rows += !fold || fold[i] == k;
    }
    BA_TRY_ALLOC(block->rows, ba_malloc(block->n_rows, sizeof *block->rows));
    BA_TRY_ALLOC(block->index, ba_malloc(block->n_rows, sizeof *block->index));
    for (size_t i = 0; i < problem->n_train; i++) {
        if (!fold || fold[i] == k) {
            block->rows[n++] = problem->train[i];
        }
    }
    ba_indices_of(
        prepared->factor_positions, prepared->n_factor, block->rows, n, 1, block->index);
out:
    return status;
}

/* Which split validates each training row, -1 = none. */
static int
split_of_rows(const problem_t *problem, int32_t **out)
{
    int32_t *fold = ba_malloc(problem->n_train, sizeof *fold);

    *out = fold;
    if (!fold) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < problem->n_train; i++) {
        fold[i] = -1;
    }
    for (size_t k = 0; k < problem->n_inner; k++) {
        const split_t *split = &problem->inner[k];

        for (size_t i = 0, v = 0; v < split->n_validate; v++) {
            while (problem->train[i] != split->validate[v]) {
                i++;
            }
            fold[i] = (int32_t) k;
        }
    }
    return BA_OK;
}

/* A block for every split, and one for the rows that none validates. */
static int
list_blocks(prepared_t *prepared, size_t n_splits)
{
    int status = BA_OK;
    products_t *products = &prepared->products;
    size_t n_rest = prepared->problem->n_train;
    int32_t *fold = NULL;

    for (size_t k = 0; k < n_splits; k++) {
        n_rest -= prepared->problem->inner[k].n_validate;
    }
    products->n_blocks = n_splits + (n_rest > 0);
    BA_TRY_ALLOC(
        products->blocks, ba_calloc(products->n_blocks, sizeof *products->blocks));
    if (n_splits > 0) {
        BA_TRY(split_of_rows(prepared->problem, &fold));
    }
    for (size_t k = 0; k < products->n_blocks; k++) {
        BA_TRY(list_rows(
            prepared, fold, k < n_splits ? (int32_t) k : -1, &products->blocks[k]));
    }
out:
    ba_free(fold);
    return status;
}

int
ba_products_make(const ba_ctx_t *ctx, prepared_t *prepared)
{
    int status = BA_OK;
    products_t *products = &prepared->products;
    size_t n_splits = prepared->plan->strict ? 0 : prepared->problem->n_inner;
    ba_error_keep_t keep = {.status = BA_OK};

    if (ba_ridge_factor_solver(prepared->used) == BA_SOLVER_DUAL) {
        return BA_OK;
    }
    products->n_products = ba_ridge_factor_rank(prepared->used) + 1;
    BA_TRY(list_blocks(prepared, n_splits));
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(ctx))
    for (size_t k = 0; k < products->n_blocks; k++) {
        ba_error_keep(&keep, fill_block(prepared, k < n_splits, &products->blocks[k]));
    }
    BA_TRY(ba_error_raise(&keep));
out:
    if (status != BA_OK) {
        ba_products_free(products);
    }
    return status;
}

void
ba_products_free(products_t *products)
{
    for (size_t k = 0; products->blocks && k < products->n_blocks; k++) {
        block_t *block = &products->blocks[k];

        ba_free(block->rows);
        ba_free(block->index);
        ba_free(block->basis);
        ba_free(block->mix);
        ba_free(block->full_mix);
    }
    ba_free(products->blocks);
    *products = (products_t){0};
}
