/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One tile of targets. With p and y centred over the fold, the inner product of y with
 * permutation b of p is
 *
 *     c_b = c_fixed + sum over slots of factor_b,slot product_slot:
 *
 * COSINE: P_k Y_k of the transforms of each run, and of the differences between their
 * means (run means), with signs. CIRCULAR, PHASE: with a, b the cosine and sine
 * coefficients of p, c, d those of y, and a turn by t, (ac + bd) cos t + (ad - bc) sin t;
 * run means stay. BLOCKS: T[i, order_b(i)] summed over places i, T the inner products of
 * all blocks of y with all of p, made once; what no whole block covers stays.
 *
 * A permutation keeps |p|, so that r_b = c_b / (|p| |y|) and r2_b = r2 + 2 (c_b - c) /
 * |y|^2 (c_b widened first where folds are crossed). The difference of r2 between prediction p and baseline q is the sum of (p - q)
 * (2y - p - q) / |y|^2: the same products of these two, uncentred, or their sums over
 * blocks, with signs. */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/clones.h"
#include "model/null_impl.h"
#include "model/series.h"

#include "brainalign/score.h"

#include <math.h>
#include <string.h>

#define CHUNK BA_NULL_CHUNK
#define TILE BA_NULL_TILE

/* Targets whose tables of blocks are worked on together: one vector. */
#define GROUP 8

struct ba_null_tile {
    const ba_null_t *null;
    ba_null_statistic_t statistic;
    size_t n_targets;
    size_t ld, ld_values;      /* longest fold; whole chunks of permutations */
    double *p, *y;             /* ld x TILE: see above */
    double *products, *others; /* ld x TILE: coefficients of p, then products; of y */
    double *values;            /* ld_values x TILE: sums over folds */
    double *panel;             /* CHUNK x ld */
    double *table, *one;       /* BLOCKS: GROUP tables interleaved, one table */
    double *scratch;           /* of the spectra */
    double scale[TILE], offset[TILE], observed[TILE];
    size_t n_folds[TILE];
};

/* Most whole blocks of a run. */
static size_t
most_blocks(const ba_null_t *null)
{
    size_t most = 0;

    for (size_t f = 0; null->opts.kind == BA_NULL_BLOCKS && f < null->n_folds; f++) {
        const ba_runs_t *runs = &null->folds[f].runs;

        for (size_t r = 0; r < runs->n_runs; r++) {
            size_t n = ba_null_run_length(runs, r) / null->opts.block;

            most = n > most ? n : most;
        }
    }
    return most;
}

int
ba_null_tile_new(const ba_null_t *null, ba_null_tile_t **out)
{
    int status = BA_OK;
    size_t n = most_blocks(null), bytes = TILE * sizeof(double);
    ba_null_tile_t *tile = ba_calloc(1, sizeof *tile);

    if (!tile) {
        return BA_NOMEM;
    }
    tile->null = null;
    tile->ld = null->n_longest;
    tile->ld_values = null->n_chunks * CHUNK;
    BA_TRY_ALLOC(tile->p, ba_calloc(tile->ld, bytes));
    BA_TRY_ALLOC(tile->y, ba_calloc(tile->ld, bytes));
    BA_TRY_ALLOC(tile->products, ba_calloc(tile->ld, bytes));
    BA_TRY_ALLOC(tile->others, ba_calloc(tile->ld, bytes));
    BA_TRY_ALLOC(tile->values, ba_calloc(tile->ld_values, bytes));
    BA_TRY_ALLOC(tile->panel, ba_calloc(tile->ld, CHUNK * sizeof *tile->panel));
    BA_TRY_ALLOC(tile->table, ba_calloc(n * n, GROUP * sizeof *tile->table));
    BA_TRY_ALLOC(tile->one, ba_calloc(n * n, sizeof *tile->one));
    BA_TRY_ALLOC(tile->scratch, ba_calloc(null->scratch, sizeof *tile->scratch));
    *out = tile;
    return BA_OK;
out:
    ba_null_tile_free(tile);
    return status;
}

void
ba_null_tile_free(ba_null_tile_t *tile)
{
    if (tile) {
        ba_free(tile->p);
        ba_free(tile->y);
        ba_free(tile->products);
        ba_free(tile->others);
        ba_free(tile->values);
        ba_free(tile->panel);
        ba_free(tile->table);
        ba_free(tile->one);
        ba_free(tile->scratch);
        ba_free(tile);
    }
}

int
ba_null_tile_begin(ba_null_tile_t *tile, ba_null_statistic_t statistic, size_t n_targets)
{
    ba_null_kind_t kind = tile->null->opts.kind;

    if (statistic == BA_NULL_INCREMENT && kind != BA_NULL_COSINE &&
        kind != BA_NULL_BLOCKS) {
        return ba_fail(BA_UNSUPPORTED,
            "null: increments by circular shifts or random phases, wanted the cosine or "
            "block null");
    }
    if (n_targets > TILE) {
        return ba_fail(
            BA_VALUE, "null: %zu targets in a tile, wanted at most %d", n_targets, TILE);
    }
    tile->statistic = statistic;
    tile->n_targets = n_targets;
    memset(tile->values, 0, tile->ld_values * TILE * sizeof *tile->values);
    memset(tile->observed, 0, sizeof tile->observed);
    memset(tile->n_folds, 0, sizeof tile->n_folds);
    return BA_OK;
}

/* Puts a column of the fold to the tile as the products want it; the score, or NaN. */
static double
load_column(ba_null_tile_t *tile, size_t j, size_t n, const ba_null_fold_t *data)
{
    const double *response = data->responses.data + j * data->responses.ld;
    const double *prediction = data->predictions.data + j * data->predictions.ld;
    double *p = tile->p + j * tile->ld, *y = tile->y + j * tile->ld, score, square;

    memcpy(p, prediction, n * sizeof *p);
    memcpy(y, response, n * sizeof *y);
    ba_series_centre(y, n);
    square = ba_series_square(y, n);
    if (tile->statistic == BA_NULL_INCREMENT) {
        const double *baseline = data->baseline.data + j * data->baseline.ld;

        ba_score_f64(BA_SCORE_R2, response, n, prediction, n, n, 1, &score);
        for (size_t t = 0; t < n; t++) {
            p[t] = prediction[t] - baseline[t];
            y[t] = 2 * response[t] - prediction[t] - baseline[t];
        }
        tile->scale[j] = 1 / square;
        return isnan(score) ? score : ba_series_dot(p, y, n) / square;
    }
    ba_series_centre(p, n);
    if (tile->statistic == BA_NULL_R2) {
        ba_score_f64(BA_SCORE_R2, response, n, prediction, n, n, 1, &score);
        tile->scale[j] = 2 / square;
        tile->offset[j] = score - tile->scale[j] * ba_series_dot(p, y, n);
        return score;
    }
    ba_score_f64(BA_SCORE_R, response, n, prediction, n, n, 1, &score);
    tile->scale[j] = 1 / (sqrt(square) * sqrt(ba_series_square(p, n)));
    return score;
}

/* Columns without a score become 0, and so do those that fill up the tile. */
static void
load(ba_null_tile_t *tile, size_t n, const ba_null_fold_t *data)
{
    for (size_t j = 0; j < TILE; j++) {
        double score = (double) NAN;

        tile->offset[j] = 0;
        if (j < tile->n_targets) {
            score = load_column(tile, j, n, data);
        }
        if (isfinite(score)) {
            tile->observed[j] += score;
            tile->n_folds[j]++;
            tile->scale[j] *= tile->null->widening;
        } else {
            tile->scale[j] = tile->offset[j] = 0;
            ba_series_fill(tile->p + j * tile->ld, n, 0);
            ba_series_fill(tile->y + j * tile->ld, n, 0);
        }
    }
}

static void
transform(ba_null_tile_t *tile, const ba_null_draws_t *fold)
{
    size_t ld = tile->ld;

    for (size_t r = 0; r < fold->runs.n_runs; r++) {
        size_t first = fold->runs.onset[r], n = ba_null_run_length(&fold->runs, r);

        ba_spectrum_forward(fold->spectra[r], ba_cdmat(tile->p + first, n, TILE, ld),
            ba_dmat(tile->products + first, n, TILE, ld), tile->scratch);
        ba_spectrum_forward(fold->spectra[r], ba_cdmat(tile->y + first, n, TILE, ld),
            ba_dmat(tile->others + first, n, TILE, ld), tile->scratch);
    }
}

/* Coefficients p of a run become products with c; what does not change is returned. */
static double
multiply_fourier(double *p, const double *c, size_t n)
{
    double fixed = p[0] * c[0];

    p[0] = 0;
    for (size_t i = 1; i + 1 < n; i += 2) {
        double a = p[i], b = p[i + 1];

        p[i] = a * c[i] + b * c[i + 1];
        p[i + 1] = a * c[i + 1] - b * c[i];
    }
    if (n % 2 == 0) {
        p[n - 1] *= c[n - 1];
    }
    return fixed;
}

/* Products of one column, and to its offset what does not change. */
static void
multiply_column(ba_null_tile_t *tile, const ba_null_draws_t *fold, size_t j)
{
    const ba_runs_t *runs = &fold->runs;
    double *p = tile->products + j * tile->ld, *c = tile->others + j * tile->ld;
    double fixed = 0;

    if (tile->null->opts.kind != BA_NULL_COSINE) {
        for (size_t r = 0; r < runs->n_runs; r++) {
            size_t first = runs->onset[r];

            fixed += multiply_fourier(p + first, c + first, ba_null_run_length(runs, r));
        }
    } else {
        if (tile->statistic != BA_NULL_INCREMENT) {
            ba_null_contrast_runs(runs, p);
            ba_null_contrast_runs(runs, c);
        }
        for (size_t i = 0; i < runs->n_samples; i++) {
            p[i] *= c[i];
        }
    }
    ba_series_scale(p, runs->n_samples, tile->scale[j]);
    tile->offset[j] += tile->scale[j] * fixed;
}

/* BLOCKS, increments: sums over blocks of the products of a column. */
static void
sum_blocks(ba_null_tile_t *tile, const ba_null_draws_t *fold, size_t j)
{
    const ba_runs_t *runs = &fold->runs;
    const double *p = tile->p + j * tile->ld, *y = tile->y + j * tile->ld;
    double *sums = tile->products + j * tile->ld;

    for (size_t r = 0; r < runs->n_runs; r++) {
        for (size_t t = runs->onset[r]; t < runs->onset[r + 1];) {
            size_t left = runs->onset[r + 1] - t;
            size_t n = left < tile->null->opts.block ? left : tile->null->opts.block;

            *sums++ = tile->scale[j] * ba_series_dot(p + t, y + t, n);
            t += n;
        }
    }
}

/* values += factors products, panel by panel. */
static void
add_products(ba_null_tile_t *tile, size_t f, size_t n_slots)
{
    for (size_t chunk = 0; chunk < tile->null->n_chunks; chunk++) {
        ba_null_panel(tile->null, f, chunk, tile->panel);
        ba_gemm_f64(1, BA_KEEP, ba_cdmat(tile->panel, CHUNK, n_slots, CHUNK), BA_KEEP,
            ba_cdmat(tile->products, n_slots, TILE, tile->ld), 1,
            ba_dmat(tile->values + chunk * CHUNK, CHUNK, TILE, tile->ld_values));
    }
}

/* Inner products of all blocks of a run, T[place of y, block of p], for the targets j0 ..
 * j0 + GROUP - 1: table[(place * n + block) * GROUP + target]. */
static void
fill_table(ba_null_tile_t *tile, size_t j0, size_t first, size_t n)
{
    size_t block = tile->null->opts.block;

    for (size_t g = 0; g < GROUP; g++) {
        size_t at = first + (j0 + g) * tile->ld;

        ba_gemm_f64(tile->scale[j0 + g], BA_TRANSPOSE,
            ba_cdmat(tile->p + at, block, n, block), BA_KEEP,
            ba_cdmat(tile->y + at, block, n, block), 0, ba_dmat(tile->one, n, n, n));
        for (size_t i = 0; i < n * n; i++) {
            tile->table[i * GROUP + g] = tile->one[i];
        }
    }
}

/* Sum over places of the table at the blocks that come there. */
BA_CLONES static void
sum_order(const double *table, const uint16_t *order, size_t n, double sum[GROUP])
{
    for (size_t i = 0; i < n; i++) {
        const double *at = table + (i * n + order[i]) * GROUP;

        for (size_t g = 0; g < GROUP; g++) {
            sum[g] += at[g];
        }
    }
}

static void
add_orders(ba_null_tile_t *tile, const ba_null_draws_t *fold, size_t j0)
{
    const ba_runs_t *runs = &fold->runs;
    size_t block = tile->null->opts.block, n_before = 0;

    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t first = runs->onset[r], n = ba_null_run_length(runs, r) / block;
        size_t rest = first + n * block, n_rest = runs->onset[r + 1] - rest;

        for (size_t j = j0; j < j0 + GROUP; j++) {
            tile->offset[j] +=
                tile->scale[j] * ba_series_dot(tile->p + rest + j * tile->ld,
                                     tile->y + rest + j * tile->ld, n_rest);
        }
        fill_table(tile, j0, first, n);
        for (size_t b = 0; b < tile->null->n_permutations; b++) {
            double sum[GROUP] = {0};

            sum_order(tile->table, fold->orders + b * fold->n_full + n_before, n, sum);
            for (size_t g = 0; g < GROUP; g++) {
                tile->values[b + (j0 + g) * tile->ld_values] += sum[g];
            }
        }
        n_before += n;
    }
}

static int
check_matrix(const char *what, ba_cdmat_t m, size_t n_rows, size_t n_cols)
{
    if (!m.data || m.n_rows != n_rows || m.n_cols != n_cols) {
        return ba_fail(BA_SHAPE,
            "null: %s of %zu x %zu, wanted %zu samples x %zu targets", what, m.n_rows,
            m.n_cols, n_rows, n_cols);
    }
    return BA_OK;
}

static int
check_fold(const ba_null_tile_t *tile, size_t fold, const ba_null_fold_t *data)
{
    int status = BA_OK;
    size_t n;

    if (fold >= tile->null->n_folds) {
        return ba_fail(BA_SHAPE, "null: fold %zu (from 0), wanted below %zu", fold,
            tile->null->n_folds);
    }
    n = tile->null->folds[fold].runs.n_samples;
    BA_TRY(check_matrix("responses", data->responses, n, tile->n_targets));
    BA_TRY(check_matrix("predictions", data->predictions, n, tile->n_targets));
    if (tile->statistic == BA_NULL_INCREMENT) {
        BA_TRY(check_matrix("baseline", data->baseline, n, tile->n_targets));
    }
out:
    return status;
}

int
ba_null_tile_add(ba_null_tile_t *tile, size_t fold, const ba_null_fold_t *data)
{
    int status = BA_OK, is_table;
    const ba_null_draws_t *draws;

    BA_TRY(check_fold(tile, fold, data));
    draws = &tile->null->folds[fold];
    is_table = tile->null->opts.kind == BA_NULL_BLOCKS;
    load(tile, draws->runs.n_samples, data);
    if (is_table && tile->statistic == BA_NULL_INCREMENT) {
        for (size_t j = 0; j < TILE; j++) {
            sum_blocks(tile, draws, j);
        }
        add_products(tile, fold, draws->n_slots);
    } else if (is_table) {
        for (size_t j = 0; j < tile->n_targets; j += GROUP) {
            add_orders(tile, draws, j);
        }
    } else {
        transform(tile, draws);
        for (size_t j = 0; j < TILE; j++) {
            multiply_column(tile, draws, j);
        }
        add_products(tile, fold, draws->runs.n_samples);
    }
    for (size_t j = 0; j < tile->n_targets; j++) {
        for (size_t b = 0; b < tile->null->n_permutations; b++) {
            tile->values[b + j * tile->ld_values] += tile->offset[j];
        }
    }
out:
    return status;
}

/* Values that differ from the observed one by rounding alone are ties, and count. */
static double
finish_target(double *values, size_t n, double score, ba_tail_t tail, double *maxima)
{
    double x = tail == BA_TAIL_TWO_SIDED ? fabs(score) : score;
    double limit = x - 1e-11 * (1 + x * (x > 0 ? 1 : -1));
    size_t n_extreme = 0;

    for (size_t b = 0; b < n; b++) {
        double value = tail == BA_TAIL_TWO_SIDED ? fabs(values[b]) : values[b];

        n_extreme += value >= limit;
        maxima[b] = value > maxima[b] ? value : maxima[b];
    }
    return ba_permutation_p(n_extreme, n);
}

void
ba_null_tile_finish(ba_null_tile_t *tile, ba_tail_t tail, const ba_null_result_t *result)
{
    size_t n = tile->null->n_permutations;

    for (size_t j = 0; j < tile->n_targets; j++) {
        double *values = tile->values + j * tile->ld_values;

        result->observed[j] = result->p[j] = (double) NAN;
        if (tile->n_folds[j] > 0) {
            double n_folds = (double) tile->n_folds[j];

            result->observed[j] = tile->observed[j] / n_folds;
            ba_series_scale(values, n, 1 / n_folds);
            result->p[j] =
                finish_target(values, n, result->observed[j], tail, result->maxima);
        }
    }
}

const double *
ba_null_tile_values(const ba_null_tile_t *tile, size_t target)
{
    return target < tile->n_targets && tile->n_folds[target] > 0
               ? tile->values + target * tile->ld_values
               : NULL;
}
