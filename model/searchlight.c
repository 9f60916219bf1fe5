/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of every column with the targets are made once for all neighbourhoods that it
 * is in, a few tiles of dimensions at a time as memory allows; those of a neighbourhood's
 * columns with one another are its own (searchlight_column.c).
 *
 * Pereira, F. et al. (2018). Toward a universal decoder of linguistic meaning from brain
 * activation. Nature Communications 9, 963. */
#include "model/searchlight_impl.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"
#include "model/scale.h"

#include <math.h>
#include <string.h>

/* Columns whose products are made at a time. */
enum { CHUNK = 256 };

/* A call on its way. */
typedef struct {
    const ba_ctx_t *ctx;
    ba_light_t at_hand;
    ba_light_split_t *splits;
    double *mean, *scale;
    size_t n_threads, n_held; /* n_held: tiles at hand at most */
    /* Targets of a tile, TILE columns: all rows, then those that each split leaves out,
     * then those that validate; and their sums in the same order. */
    double *targets, *sums;
    double *work; /* of all threads */
    size_t work_size;
} call_t;

static void
release(call_t *call)
{
    for (size_t f = 0; call->splits && f < call->at_hand.light->n_inner; f++) {
        ba_free(call->splits[f].out);
    }
    ba_free(call->splits);
    ba_free(call->mean);
    ba_free(call->scale);
    ba_free(call->at_hand.products);
    ba_free(call->at_hand.square);
    ba_free(call->targets);
    ba_free(call->sums);
    ba_free(call->work);
}

/* ---- once ---- */

static int
find_left_out(const ba_searchlight_t *light, ba_light_split_t *splits)
{
    int status = BA_OK;

    for (size_t f = 0; f < light->n_inner; f++) {
        const ba_inner_rows_t *rows = light->inner + f;
        size_t at = 0, n_out = light->n - rows->n_stay;

        BA_TRY_ALLOC(splits[f].out, ba_malloc(n_out, sizeof *splits[f].out));
        for (size_t i = 0; i < light->n; i++) {
            if (at < rows->n_stay && rows->stay[at] == i) {
                at++;
            } else {
                splits[f].out[splits[f].n_out++] = i;
            }
        }
        splits[f].is_whole = n_out == rows->n_validate;
    }
out:
    return status;
}

static void
find_moments(call_t *call)
{
    const ba_searchlight_t *light = call->at_hand.light;
    const size_t *first = light->neighbourhoods->first;

#pragma omp parallel for schedule(static) num_threads((int) call->n_threads)
    for (size_t t = 0; t < call->n_threads; t++) {
        double *x = call->work + t * call->work_size;

        for (size_t j = t; j < light->n_columns; j += call->n_threads) {
            call->scale[j] = 0.0;
            if (first[j + 1] > first[j]) {
                light->column(light->payload, j, x);
                if (!ba_mean_and_scale(x, light->n, &call->mean[j], &call->scale[j])) {
                    call->scale[j] = 0.0;
                }
            }
        }
    }
}

/* Rows of the targets of a tile: all, and those that each split leaves out and validates
 * by. */
static size_t
target_rows(const ba_searchlight_t *light)
{
    size_t rows = light->n;

    for (size_t f = 0; f < light->n_inner; f++) {
        rows += light->n - light->inner[f].n_stay + light->inner[f].n_validate;
    }
    return rows;
}

/* Numbers that a thread works with. */
static size_t
work_size(const ba_searchlight_t *light, size_t n_tiles)
{
    size_t chunk = 2 * light->n * CHUNK + 2 * BA_LIGHT_TILE * CHUNK + 2 * CHUNK;
    size_t own = ba_light_work_size(light, n_tiles);

    return own > chunk ? own : chunk;
}

int
ba_searchlight_plan(
    const ba_ctx_t *ctx, const ba_searchlight_t *light, ba_searchlight_plan_t *out)
{
    int status = BA_OK;
    size_t n_tiles = (light->y.n_cols + BA_LIGHT_TILE - 1) / BA_LIGHT_TILE;
    size_t n_inner = light->n_inner, n_threads = (size_t) ba_ctx_threads(ctx);
    size_t tile, rest, allowed = ba_ctx_memory(ctx) / sizeof(double);

    BA_TRY(ba_multiply(light->n_columns, BA_LIGHT_TILE, &tile));
    BA_TRY(ba_multiply(tile, 2 * n_inner, &tile));
    tile += n_inner * BA_LIGHT_TILE;
    BA_TRY(ba_multiply(work_size(light, n_tiles), n_threads, &rest));
    rest += (target_rows(light) + 2 * n_inner + 1) * BA_LIGHT_TILE + 2 * light->n_columns;
    if (tile > allowed || rest > allowed - tile) {
        BA_TRY(ba_fail(BA_TOO_LARGE,
            "memory: %.2f MiB for neighbourhoods of up to %zu of %zu response columns, "
            "allowed are %.2f MiB",
            ceil((double) (tile + rest) / 131072 * 100) / 100,
            light->neighbourhoods->most, light->n_columns,
            floor((double) allowed / 131072 * 100) / 100));
    }
    out->n_held = (allowed - rest) / tile;
    out->n_held = out->n_held < n_tiles ? out->n_held : n_tiles;
    out->bytes = (out->n_held * tile + rest) * sizeof(double);
out:
    return status;
}

static int
start(call_t *call, size_t n_tiles)
{
    int status = BA_OK;
    const ba_searchlight_t *light = call->at_hand.light;
    size_t v = light->n_columns, n_inner = light->n_inner;
    ba_searchlight_plan_t plan;

    BA_TRY_ALLOC(call->splits, ba_calloc(n_inner, sizeof *call->splits));
    BA_TRY(find_left_out(light, call->splits));
    BA_TRY(ba_searchlight_plan(call->ctx, light, &plan));
    call->n_held = plan.n_held;
    call->work_size = work_size(light, n_tiles);
    BA_TRY_ALLOC(call->mean, ba_calloc(v, sizeof *call->mean));
    BA_TRY_ALLOC(call->scale, ba_calloc(v, sizeof *call->scale));
    BA_TRY_ALLOC(
        call->work, ba_malloc(call->work_size * call->n_threads, sizeof *call->work));
    BA_TRY_ALLOC(call->targets,
        ba_malloc(target_rows(light), BA_LIGHT_TILE * sizeof *call->targets));
    BA_TRY_ALLOC(
        call->sums, ba_malloc(2 * n_inner + 1, BA_LIGHT_TILE * sizeof *call->sums));
    BA_TRY_ALLOC(call->at_hand.products,
        ba_malloc(call->n_held * 2 * n_inner, v * BA_LIGHT_TILE * sizeof(double)));
    BA_TRY_ALLOC(call->at_hand.square,
        ba_malloc(call->n_held * n_inner, BA_LIGHT_TILE * sizeof(double)));
    call->at_hand.splits = call->splits;
    call->at_hand.mean = call->mean;
    call->at_hand.scale = call->scale;
    find_moments(call);
out:
    return status;
}

/* ---- for each tile ---- */

/* Rows (NULL = all) of the dimensions from d0 on, zeros beyond the last, and their sums. */
static double *
gather_targets(const ba_searchlight_t *light, size_t d0, const size_t *rows, size_t n,
    double *to, double *sums)
{
    for (size_t d = 0; d < BA_LIGHT_TILE; d++) {
        int is_there = d0 + d < light->y.n_cols;
        const double *y = light->y.data + (is_there ? (d0 + d) * light->y.ld : 0);

        sums[d] = 0.0;
        for (size_t i = 0; i < n; i++) {
            to[i + d * n] = is_there ? y[rows ? rows[i] : i] : 0.0;
            sums[d] += to[i + d * n];
        }
    }
    return to + n * BA_LIGHT_TILE;
}

static void
load_targets(call_t *call, size_t d0, double *square)
{
    const ba_searchlight_t *light = call->at_hand.light;
    double *sums = call->sums;
    double *to = gather_targets(light, d0, NULL, light->n, call->targets, sums);

    for (size_t f = 0; f < light->n_inner; f++) {
        const ba_light_split_t *split = call->splits + f;

        sums += BA_LIGHT_TILE;
        to = gather_targets(light, d0, split->out, split->n_out, to, sums);
    }
    for (size_t f = 0; f < light->n_inner; f++) {
        const ba_inner_rows_t *rows = light->inner + f;
        const double *own = to;

        sums += BA_LIGHT_TILE;
        to = gather_targets(light, d0, rows->validate, rows->n_validate, to, sums);
        for (size_t d = 0; d < BA_LIGHT_TILE; d++) {
            double mean, scale;
            int varies = ba_mean_and_scale(
                own + d * rows->n_validate, rows->n_validate, &mean, &scale);

            square[f * BA_LIGHT_TILE + d] =
                varies ? scale * scale * (double) rows->n_validate : (double) NAN;
        }
    }
}

/* TILE x m products of n rows, picked from x (of light->n rows) into part. */
static void
multiply_part(const double *targets, const size_t *rows, size_t n, const double *x,
    size_t ld, size_t m, double *part, double *sums, double *out)
{
    for (size_t j = 0; j < m; j++) {
        sums[j] = 0.0;
        for (size_t i = 0; i < n; i++) {
            part[i + j * n] = x[rows ? rows[i] + j * ld : i + j * ld];
            sums[j] += part[i + j * n];
        }
    }
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(targets, n, BA_LIGHT_TILE, n), BA_KEEP,
        ba_cdmat(part, n, m, n), 0.0, ba_dmat(out, BA_LIGHT_TILE, m, BA_LIGHT_TILE));
}

/* to = from - less (NULL = 0) - what the means make, n rows with these sums. */
static void
centre_part(const double *from, const double *less, const double *x_sum,
    const double *y_sum, size_t n, size_t m, double *to)
{
    for (size_t j = 0; j < m; j++) {
        for (size_t d = 0; d < BA_LIGHT_TILE; d++) {
            size_t at = d + j * BA_LIGHT_TILE;

            to[at] =
                from[at] - (less ? less[at] : 0.0) - x_sum[j] * y_sum[d] / (double) n;
        }
    }
}

/* Products of m columns from j0 on with the targets that are loaded. */
static void
multiply_chunk(const call_t *call, size_t j0, size_t m, double *work, double *products)
{
    const ba_searchlight_t *light = call->at_hand.light;
    size_t n = light->n, n_inner = light->n_inner, v = light->n_columns;
    double *x = work, *part = x + n * CHUNK, *all = part + n * CHUNK;
    double *some = all + BA_LIGHT_TILE * CHUNK, *sum = some + BA_LIGHT_TILE * CHUNK;
    double *sum_stay = sum + CHUNK, y_stay[BA_LIGHT_TILE];
    const double *out = call->targets + n * BA_LIGHT_TILE, *valid = out;

    for (size_t f = 0; f < n_inner; f++) {
        valid += call->splits[f].n_out * BA_LIGHT_TILE;
    }
    for (size_t j = 0; j < m; j++) {
        ba_light_column(&call->at_hand, j0 + j, x + j * n);
    }
    multiply_part(call->targets, NULL, n, x, n, m, part, sum, all);
    for (size_t f = 0; f < n_inner; f++) {
        const ba_light_split_t *split = call->splits + f;
        const ba_inner_rows_t *rows = light->inner + f;
        const double *y_out = call->sums + (1 + f) * BA_LIGHT_TILE;
        const double *y_valid = call->sums + (1 + n_inner + f) * BA_LIGHT_TILE;
        double *stay = products + (2 * f * v + j0) * BA_LIGHT_TILE;

        multiply_part(out, split->out, split->n_out, x, n, m, part, sum, some);
        for (size_t d = 0; d < BA_LIGHT_TILE; d++) {
            y_stay[d] = call->sums[d] - y_out[d];
        }
        for (size_t j = 0; j < m; j++) {
            sum_stay[j] = -sum[j];
            for (size_t i = 0; i < n; i++) {
                sum_stay[j] += x[i + j * n];
            }
        }
        centre_part(all, some, sum_stay, y_stay, rows->n_stay, m, stay);
        if (!split->is_whole) {
            multiply_part(
                valid, rows->validate, rows->n_validate, x, n, m, part, sum, some);
        }
        centre_part(
            some, NULL, sum, y_valid, rows->n_validate, m, stay + v * BA_LIGHT_TILE);
        out += split->n_out * BA_LIGHT_TILE;
        valid += rows->n_validate * BA_LIGHT_TILE;
    }
}

static int
load_tile(call_t *call, size_t tile, size_t place)
{
    int status = BA_OK;
    const ba_searchlight_t *light = call->at_hand.light;
    size_t v = light->n_columns, chunks = (v + CHUNK - 1) / CHUNK;
    double *products =
        call->at_hand.products + place * 2 * light->n_inner * v * BA_LIGHT_TILE;

    BA_TRY(ba_ctx_check(call->ctx));
    load_targets(call, tile * BA_LIGHT_TILE,
        call->at_hand.square + place * light->n_inner * BA_LIGHT_TILE);
#pragma omp parallel for schedule(static) num_threads((int) call->n_threads)
    for (size_t t = 0; t < call->n_threads; t++) {
        for (size_t c = t; c < chunks; c += call->n_threads) {
            size_t m = v - c * CHUNK < CHUNK ? v - c * CHUNK : CHUNK;

            multiply_chunk(
                call, c * CHUNK, m, call->work + t * call->work_size, products);
        }
    }
out:
    return status;
}

/* Columns between two questions whether to go on. */
enum { ROUND = 1024 };

static int
score_columns(call_t *call, double *scores)
{
    int status = BA_OK;
    size_t v = call->at_hand.light->n_columns;
    ba_error_keep_t keep = {.status = BA_OK};

    for (size_t j0 = 0; j0 < v; j0 += ROUND) {
        size_t j1 = v - j0 < ROUND ? v : j0 + ROUND;

        BA_TRY(ba_ctx_check(call->ctx));
#pragma omp parallel for schedule(static) num_threads((int) call->n_threads)
        for (size_t t = 0; t < call->n_threads; t++) {
            for (size_t j = j0 + t; j < j1; j += call->n_threads) {
                double score = NAN;

                ba_error_keep(&keep, ba_light_score(&call->at_hand, j,
                                         call->work + t * call->work_size, &score));
                scores[j] = fmax(scores[j], score);
            }
        }
        BA_TRY(ba_error_raise(&keep));
    }
out:
    return status;
}

int
ba_searchlight_scores(const ba_ctx_t *ctx, const ba_searchlight_t *light, double *scores)
{
    int status = BA_OK;
    size_t n_tiles = (light->y.n_cols + BA_LIGHT_TILE - 1) / BA_LIGHT_TILE;
    call_t call = {
        .ctx = ctx, .at_hand.light = light, .n_threads = (size_t) ba_ctx_threads(ctx)};

    ba_blas_single_thread();
    for (size_t j = 0; j < light->n_columns; j++) {
        scores[j] = NAN;
    }
    BA_TRY(start(&call, n_tiles));
    for (size_t tile = 0; tile < n_tiles; tile += call.at_hand.n_tiles) {
        size_t left = n_tiles - tile;

        call.at_hand.n_tiles = left < call.n_held ? left : call.n_held;
        for (size_t t = 0; t < call.at_hand.n_tiles; t++) {
            BA_TRY(load_tile(&call, tile + t, t));
        }
        BA_TRY(score_columns(&call, scores));
    }
out:
    release(&call);
    return status;
}
