/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fit of every target at the candidate and the alpha that it chose.
 *
 * Only the solve depends on them: tiles give right-hand sides, each used point is
 * factorised once and solves for the targets that chose it, and weights and predictions of
 * every space follow from the solutions by products that all targets share. Targets are
 * packed in the order of their index, padded to a fixed width, so that what stands beside
 * one makes no difference to it. */
#include "fit/bands.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "core/resource.h"
#include "linalg/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Columns of a pack are a multiple of this, zeros at the end. */
#define PACK 32
#define LARGEST_PACK 256

/* ---- what all targets share ---- */

static int
make_apply(const ba_ctx_t *ctx, const prepared_t *prepared, band_refit_t *out)
{
    int status = BA_OK;
    const plan_t *plan = prepared->plan;
    const ba_spaces_t *spaces = out->spaces;
    int has_test_set = plan->data->test_design && prepared->problem->fold < 0;
    const size_t *rows = has_test_set ? plan->test_rows : prepared->test_rows;
    size_t n = has_test_set ? plan->test_runs.n_samples : prepared->problem->n_test;
    double *apply = NULL;

    if (n == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(out->apply, ba_calloc(spaces->n_spaces, sizeof *out->apply));
    for (size_t k = 0; k < spaces->n_spaces; k++) {
        size_t width = spaces->solver == BA_SOLVER_DUAL
                           ? spaces->n
                           : spaces->first[k + 1] - spaces->first[k];

        BA_TRY_ALLOC(apply, ba_malloc(n, width * sizeof *apply));
        BA_TRY(ba_spaces_apply(ctx, spaces, prepared->test_design, rows, n, k, apply));
        BA_TRY(ba_to_precision(plan->opts->precision, apply, n * width, &out->apply[k]));
        ba_free(apply);
        apply = NULL;
    }
out:
    ba_free(apply);
    return status;
}

/* Columns read at a time. */
#define PANEL 256

/* Z' by place, and Z's products with the columns' means where those are not 0. */
static int
make_back(const ba_ctx_t *ctx, const prepared_t *prepared, band_refit_t *out)
{
    int status = BA_OK;
    const ba_spaces_t *spaces = out->spaces;
    int needs_offset = spaces->center && prepared->plan->scale_features == BA_SCALE_NONE;
    size_t n = spaces->n, p = spaces->p, space = 0;
    size_t size = ba_number_size(prepared->plan->opts->precision);
    double *panel = NULL;

    if (spaces->solver == BA_SOLVER_PRIMAL || (!out->want_weights && !needs_offset)) {
        return BA_OK;
    }
    BA_TRY_ALLOC(panel, ba_malloc(n, PANEL * sizeof *panel));
    if (out->want_weights) {
        BA_TRY_ALLOC(out->back, ba_malloc(p, n * size));
    }
    if (needs_offset) {
        BA_TRY_ALLOC(out->offset, ba_calloc(spaces->n_spaces, n * sizeof *out->offset));
    }
    for (size_t j0 = 0; j0 < p; j0 += PANEL) {
        size_t width = p - j0 < PANEL ? p - j0 : PANEL;

        BA_TRY(ba_ctx_check(ctx));
        ba_spaces_read(ctx, spaces, spaces->training.design, spaces->training.rows, n, j0,
            width, panel);
        for (size_t j = 0; j < width; j++) {
            while (j0 + j >= spaces->first[space + 1]) {
                space++;
            }
            for (size_t i = 0; i < n; i++) {
                double value = panel[i + j * n];

                if (out->offset) {
                    out->offset[i + space * n] += spaces->center[j0 + j] * value;
                }
                if (out->back && size == sizeof(double)) {
                    ((double *) out->back)[j0 + j + i * p] = value;
                } else if (out->back) {
                    ((float *) out->back)[j0 + j + i * p] = (float) value;
                }
            }
        }
    }
out:
    ba_free(panel);
    return status;
}

static void
refit_free(band_refit_t *refit)
{
    for (size_t k = 0; refit->apply && k < refit->spaces->n_spaces; k++) {
        ba_free(refit->apply[k]);
    }
    ba_free(refit->apply);
    ba_free(refit->back);
    ba_free(refit->offset);
}

/* ---- stages ---- */

static void
rhs_work(const run_t *run, const tile_job_t *job, void *scratch)
{
    if (run->is_double) {
        ba_tile_band_rhs_f64(job, scratch);
    } else {
        ba_tile_band_rhs_f32(job, scratch);
    }
}

static int
rhs_collect(run_t *run, const stage_t *stage, const slot_t *slot, size_t t)
{
    (void) run;
    (void) stage;
    (void) slot;
    (void) t;
    return BA_OK;
}

static void
refit_work(const run_t *run, const tile_job_t *job, void *scratch)
{
    if (run->is_double) {
        ba_tile_band_refit_f64(job, scratch);
    } else {
        ba_tile_band_refit_f32(job, scratch);
    }
}

static int
refit_collect(run_t *run, const stage_t *stage, const slot_t *slot, size_t t)
{
    const prepared_t *prepared = stage->job.prepared;
    ba_fit_result_t *result = run->result;
    size_t first, n, column, v = run->plan.n_targets, n_spaces = result->n_spaces;
    int fold = prepared->problem->fold;
    size_t at = fold < 0 ? 0 : (size_t) fold * n_spaces;

    ba_tiles_range(run->tiles, t, &first, &n, &column);
    for (size_t k = 0; stage->job.bands->apply && k < n_spaces; k++) {
        memcpy(result->r2_split_by_fold + (at + k) * v + first,
            slot->r2_split + k * BA_TILE + column, n * sizeof *slot->r2_split);
        memcpy(result->r_split_by_fold + (at + k) * v + first,
            slot->r_split + k * BA_TILE + column, n * sizeof *slot->r_split);
    }
    return ba_run_collect(run, prepared, slot, t, stage->job.bands->want_weights);
}

/* ---- solves ---- */

/* Targets of a chunk by point: candidate and alpha as one number. */
typedef struct {
    size_t key, target;
} choice_t;

static int
compare_choices(const void *a, const void *b)
{
    const choice_t *left = a, *right = b;

    if (left->key != right->key) {
        return left->key < right->key ? -1 : 1;
    }
    return (left->target > right->target) - (left->target < right->target);
}

/* Where the unknowns of a target of the range stand. */
static void *
unknowns_of(const run_t *run, size_t target)
{
    const search_t *search = run->search;
    size_t first, n, column;
    size_t absolute = run->plan.opts->target_start + target;
    size_t tile = absolute / BA_TILE - run->plan.opts->target_start / BA_TILE;

    ba_tiles_range(run->tiles, tile, &first, &n, &column);
    return search->unknowns + (tile - search->tile0) * search->unknown_size +
           (column + target - first) * (search->unknown_size / BA_TILE);
}

static void
pack(const run_t *run, const choice_t *choices, size_t n, size_t m, double *b)
{
    for (size_t j = 0; j < n; j++) {
        const void *source = unknowns_of(run, choices[j].target);

        for (size_t i = 0; i < m; i++) {
            b[i + j * m] = run->is_double ? ((const double *) source)[i]
                                          : (double) ((const float *) source)[i];
        }
    }
    memset(b + n * m, 0, ((n + PACK - 1) / PACK * PACK - n) * m * sizeof *b);
}

static void
unpack(const run_t *run, const choice_t *choices, size_t n, size_t m, const double *b)
{
    for (size_t j = 0; j < n; j++) {
        void *target = unknowns_of(run, choices[j].target);

        for (size_t i = 0; i < m; i++) {
            if (run->is_double) {
                ((double *) target)[i] = b[i + j * m];
            } else {
                ((float *) target)[i] = (float) b[i + j * m];
            }
        }
    }
}

/* One point and all of the chunk's targets that chose it. */
static int
solve_point(
    const run_t *run, const prepared_t *prepared, const choice_t *choices, size_t n)
{
    int status = BA_OK;
    const ba_spaces_t *spaces = &prepared->band->spaces;
    size_t m = spaces->n_unknowns;
    size_t most = n < LARGEST_PACK ? (n + PACK - 1) / PACK * PACK : LARGEST_PACK;
    double *l = NULL, *b = NULL, *delta = NULL;

    BA_TRY_ALLOC(delta, ba_malloc(spaces->n_spaces, sizeof *delta));
    BA_TRY_ALLOC(l, ba_malloc(m, m * sizeof *l));
    BA_TRY_ALLOC(b, ba_malloc(m, most * sizeof *b));
    ba_search_delta(run, choices->target, delta);
    ba_spaces_system(spaces, delta, l);
    BA_TRY(ba_cholesky(ba_dmat(l, m, m, m)));
    for (size_t j = 0; j < n; j += LARGEST_PACK) {
        size_t width = n - j < LARGEST_PACK ? n - j : LARGEST_PACK;

        pack(run, choices + j, width, m, b);
        ba_spaces_solve(
            spaces, delta, l, ba_dmat(b, m, (width + PACK - 1) / PACK * PACK, m));
        unpack(run, choices + j, width, m, b);
    }
out:
    ba_free(delta);
    ba_free(l);
    ba_free(b);
    return status;
}

/* Targets of tiles tile0 .. tile1 - 1, sorted by what they chose. */
static int
list_choices(const run_t *run, size_t tile0, size_t tile1, choice_t **out, size_t *n)
{
    const search_t *search = run->search;
    size_t first, first_n, last, last_n, column;

    ba_tiles_range(run->tiles, tile0, &first, &first_n, &column);
    ba_tiles_range(run->tiles, tile1 - 1, &last, &last_n, &column);
    *n = last + last_n - first;
    *out = ba_malloc(*n, sizeof **out);
    if (!*out) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < *n; i++) {
        size_t t = first + i;

        (*out)[i].target = t;
        (*out)[i].key =
            (size_t) search->candidate[t] * search->n_alphas + (size_t) search->alpha[t];
    }
    qsort(*out, *n, sizeof **out, compare_choices);
    return BA_OK;
}

static int
solve_chunk(run_t *run, prepared_t *prepared, size_t tile0, size_t tile1)
{
    int status = BA_OK;
    size_t n = 0, n_points = 0, *starts = NULL;
    choice_t *choices = NULL;
    ba_error_keep_t keep = {.status = BA_OK};
    double begin = ba_seconds();

    BA_TRY(ba_ctx_check(run->ctx));
    BA_TRY(list_choices(run, tile0, tile1, &choices, &n));
    BA_TRY_ALLOC(starts, ba_malloc(n + 1, sizeof *starts));
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || choices[i].key != choices[i - 1].key) {
            starts[n_points++] = i;
        }
    }
    starts[n_points] = n;
#pragma omp parallel for schedule(dynamic)                                               \
    num_threads((int) ba_band_side(run->ctx, &run->plan))
    for (size_t k = 0; k < n_points; k++) {
        ba_error_keep(&keep,
            solve_point(run, prepared, choices + starts[k], starts[k + 1] - starts[k]));
    }
    BA_TRY(ba_error_raise(&keep));
    prepared->n_factorisations += n_points;
    run->info->seconds_operators += ba_seconds() - begin;
out:
    ba_free(choices);
    ba_free(starts);
    return status;
}

/* ---- all of it ---- */

static int
refit_chunk(
    run_t *run, prepared_t *prepared, const band_refit_t *refit, size_t t0, size_t t1)
{
    int status = BA_OK;
    stage_t stage = {.work = rhs_work, .collect = rhs_collect, .t0 = t0, .t1 = t1};

    run->search->tile0 = t0;
    stage.job.plan = &run->plan;
    stage.job.prepared = prepared;
    stage.job.bands = refit;
    BA_TRY(ba_stage_run(run, &stage));
    BA_TRY(solve_chunk(run, prepared, t0, t1));
    stage.work = refit_work;
    stage.collect = refit_collect;
    BA_TRY(ba_stage_run(run, &stage));
out:
    return status;
}

int
ba_band_refit(run_t *run, prepared_t *prepared)
{
    int status = BA_OK;
    const ba_fit_opts_t *opts = run->plan.opts;
    int want = prepared->problem->fold < 0 ? opts->want_weights : opts->want_fold_weights;
    band_refit_t refit = {.spaces = &prepared->band->spaces,
        .want_weights = want && run->sink && run->sink->weights};
    size_t n_tiles = ba_tiles_count(run->tiles),
           chunk = ba_band_tiles(run->ctx, &run->plan);
    search_t *search = run->search;
    double start = ba_seconds();

    BA_TRY(make_apply(run->ctx, prepared, &refit));
    BA_TRY(make_back(run->ctx, prepared, &refit));
    ba_free(search->unknowns);
    search->unknown_size =
        refit.spaces->n_unknowns * BA_TILE * ba_number_size(opts->precision);
    BA_TRY_ALLOC(search->unknowns, ba_malloc(chunk, search->unknown_size));
    search->n_tiles = chunk;
    run->info->seconds_operators += ba_seconds() - start;
    for (size_t t0 = 0; t0 < n_tiles; t0 += chunk) {
        BA_TRY(refit_chunk(
            run, prepared, &refit, t0, t0 + chunk < n_tiles ? t0 + chunk : n_tiles));
    }
out:
    ba_free(search->unknowns);
    search->unknowns = NULL;
    refit_free(&refit);
    return status;
}
