/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Differences of r2 between two models, from their held-out predictions.
 *
 * With e the errors of a model and T_f the sum of squares of the responses of fold f about
 * its mean, the difference is the mean over the F folds of sum_t (e_b^2 - e_a^2) / T_f: a
 * sum over units u (runs, or blocks of time) of d_u, and 1 = sum of s_u, the units' parts
 * of T_f / (T_f F). A draw takes units with replacement, c_u times each: sum c_u d_u / sum
 * c_u s_u. All targets and pairs share the draws, so that a region's difference is drawn
 * as the mean over its targets. p: the increment null of model/null.c; a region's null
 * distribution is the mean of those of its targets. */
#include "encode/compare_impl.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* What a thread has for itself. */
typedef struct {
    ba_null_tile_t *tile;
    double *parts;  /* n_units x BA_TILE: d_u */
    double *draws;  /* n_draws x BA_TILE */
    double *sorted; /* n_draws */
    double observed[BA_TILE], p[BA_TILE];
} worker_t;

typedef struct {
    compare_t *compare;
    ba_held_t held;
    ba_null_t *null;
    size_t n_threads, n_draws, n_permutations, n_units;
    size_t *unit;          /* n_held */
    double *counts;        /* n_draws x n_units */
    double *predictions;   /* n_models x (n_held x BA_TILE) */
    double *share, *whole; /* n_units x BA_TILE: s_u; n_draws x BA_TILE: their sums */
    double *scale;         /* n_folds x BA_TILE: 1 / (T_f F), 0 where undefined */
    double *maxima;        /* n_pairs x n_permutations */
    double *roi_draws;     /* n_pairs x n_rois x n_draws: sums over targets */
    double *roi_null;      /* n_pairs x n_rois x n_permutations */
    size_t *roi_n;         /* n_pairs x n_rois: targets in the sums */
    worker_t *workers;
    size_t first, n; /* targets of the tile at hand */
} pairs_t;

/* ---- a tile ---- */

static void
find_scales(pairs_t *pairs)
{
    const ba_held_t *held = &pairs->held;

    memset(pairs->share, 0, pairs->n_units * BA_TILE * sizeof *pairs->share);
    for (size_t j = 0; j < pairs->n; j++) {
        const double *y = held->responses + j * held->n_held;
        double *scale = pairs->scale + j * held->n_folds;
        size_t n_defined = 0;

        for (size_t f = 0; f < held->n_folds; f++) {
            size_t first = held->start[f], n = held->start[f + 1] - first;
            double mean = 0.0, square = 0.0, largest = 0.0;

            for (size_t i = first; i < first + n; i++) {
                mean += y[i] / (double) n;
                largest = fmax(largest, fabs(y[i]));
            }
            for (size_t i = first; i < first + n; i++) {
                square += (y[i] - mean) * (y[i] - mean);
            }
            scale[f] = sqrt(square / (double) n) > 1e-10 * largest ? 1.0 / square : 0.0;
            n_defined += scale[f] > 0.0;
            for (size_t i = first; i < first + n; i++) {
                pairs->share[pairs->unit[i] + j * pairs->n_units] +=
                    scale[f] * (y[i] - mean) * (y[i] - mean);
            }
        }
        for (size_t f = 0; f < held->n_folds; f++) {
            scale[f] = n_defined > 0 ? scale[f] / (double) n_defined : (double) NAN;
        }
        for (size_t u = 0; u < pairs->n_units; u++) {
            pairs->share[u + j * pairs->n_units] /= (double) n_defined;
        }
    }
    if (pairs->n_draws > 0) {
        ba_gemm_f64(1.0, BA_KEEP,
            ba_cdmat(pairs->counts, pairs->n_draws, pairs->n_units, pairs->n_draws),
            BA_KEEP, ba_cdmat(pairs->share, pairs->n_units, pairs->n, pairs->n_units),
            0.0, ba_dmat(pairs->whole, pairs->n_draws, pairs->n, pairs->n_draws));
    }
}

static const double *
predictions_of(const pairs_t *pairs, size_t model)
{
    return pairs->predictions + model * pairs->held.n_held * BA_TILE;
}

/* d_u of every target; their sum is the difference. */
static void
find_parts(const pairs_t *pairs, size_t k, worker_t *own)
{
    const compare_t *compare = pairs->compare;
    const ba_held_t *held = &pairs->held;
    size_t v = compare->n_targets, n_held = held->n_held;
    const double *a = predictions_of(pairs, compare->first[k]);
    const double *b = predictions_of(pairs, compare->second[k]);

    memset(own->parts, 0, pairs->n_units * BA_TILE * sizeof *own->parts);
    for (size_t j = 0; j < pairs->n; j++) {
        const double *y = held->responses + j * n_held;
        double *parts = own->parts + j * pairs->n_units, sum = 0.0;

        for (size_t f = 0; f < held->n_folds; f++) {
            double scale = pairs->scale[f + j * held->n_folds];

            for (size_t i = held->start[f]; i < held->start[f + 1]; i++) {
                double of_a = y[i] - a[i + j * n_held], of_b = y[i] - b[i + j * n_held];

                parts[pairs->unit[i]] += scale * (of_b * of_b - of_a * of_a);
            }
        }
        for (size_t u = 0; u < pairs->n_units; u++) {
            sum += parts[u];
        }
        compare->targets.difference[k * v + pairs->first + j] = sum;
    }
}

static void
draw(const pairs_t *pairs, size_t k, worker_t *own)
{
    const compare_t *compare = pairs->compare;
    size_t n = pairs->n_draws, v = compare->n_targets;

    ba_gemm_f64(1.0, BA_KEEP, ba_cdmat(pairs->counts, n, pairs->n_units, n), BA_KEEP,
        ba_cdmat(own->parts, pairs->n_units, pairs->n, pairs->n_units), 0.0,
        ba_dmat(own->draws, n, pairs->n, n));
    for (size_t j = 0; j < pairs->n; j++) {
        size_t at = k * v + pairs->first + j;

        for (size_t b = 0; b < n; b++) {
            own->draws[b + j * n] /= pairs->whole[b + j * n];
        }
        memcpy(own->sorted, own->draws + j * n, n * sizeof *own->sorted);
        ba_compare_interval(
            own->sorted, n, &compare->targets.low[at], &compare->targets.high[at]);
    }
}

static int
permute(const pairs_t *pairs, size_t k, worker_t *own)
{
    int status;
    const compare_t *compare = pairs->compare;
    const ba_held_t *held = &pairs->held;
    size_t ld = held->n_held;
    ba_null_result_t result = {
        own->observed, own->p, pairs->maxima + k * pairs->n_permutations};

    BA_TRY(ba_null_tile_begin(own->tile, BA_NULL_INCREMENT, pairs->n));
    for (size_t f = 0; f < held->n_folds; f++) {
        size_t start = held->start[f], n = held->start[f + 1] - start;
        ba_null_fold_t fold = {
            .responses = ba_cdmat(held->responses + start, n, pairs->n, ld),
            .predictions = ba_cdmat(
                predictions_of(pairs, compare->first[k]) + start, n, pairs->n, ld),
            .baseline = ba_cdmat(
                predictions_of(pairs, compare->second[k]) + start, n, pairs->n, ld)};

        BA_TRY(ba_null_tile_add(own->tile, f, &fold));
    }
    ba_null_tile_finish(own->tile, compare->tail, &result);
    for (size_t j = 0; j < pairs->n; j++) {
        compare->targets.p[k * compare->n_targets + pairs->first + j] = own->p[j];
    }
out:
    return status;
}

/* Targets of the tile to the sums of their regions. */
static void
add_regions(const pairs_t *pairs, size_t k, const worker_t *own)
{
    const compare_t *compare = pairs->compare;
    const ba_regions_t *regions = &compare->regions;

    for (size_t i = 0; i < regions->n; i++) {
        size_t at = k * regions->n + i;

        for (size_t m = 0; m < regions->n_members[i]; m++) {
            size_t t = regions->members[i][m], j = t - pairs->first;
            const double *values;

            if (t < pairs->first || j >= pairs->n ||
                !isfinite(compare->targets.difference[k * compare->n_targets + t])) {
                continue;
            }
            pairs->roi_n[at]++;
            for (size_t b = 0; b < pairs->n_draws; b++) {
                pairs->roi_draws[at * pairs->n_draws + b] +=
                    own->draws[b + j * pairs->n_draws];
            }
            values = own->tile ? ba_null_tile_values(own->tile, j) : NULL;
            for (size_t b = 0; values && b < pairs->n_permutations; b++) {
                pairs->roi_null[at * pairs->n_permutations + b] += values[b];
            }
        }
    }
}

static int
run_pair(const pairs_t *pairs, size_t k, worker_t *own)
{
    int status = BA_OK;

    find_parts(pairs, k, own);
    if (pairs->n_draws > 0) {
        draw(pairs, k, own);
    }
    if (pairs->null) {
        BA_TRY(permute(pairs, k, own));
    }
    add_regions(pairs, k, own);
out:
    return status;
}

static int
run_tile(pairs_t *pairs, size_t t)
{
    int status;
    compare_t *compare = pairs->compare;
    ba_error_keep_t keep = {.status = BA_OK};

    BA_TRY(ba_held_load(&pairs->held, t, &pairs->first, &pairs->n));
    for (size_t m = 0; m < compare->n_models; m++) {
        BA_TRY(ba_held_predictions(&pairs->held, &compare->models[m], t,
            pairs->predictions + m * pairs->held.n_held * BA_TILE));
    }
    find_scales(pairs);
#pragma omp parallel for schedule(dynamic) num_threads((int) pairs->n_threads)
    for (size_t k = 0; k < compare->n_pairs; k++) {
        ba_error_keep(&keep, run_pair(pairs, k, &pairs->workers[omp_get_thread_num()]));
    }
    BA_TRY(ba_error_raise(&keep));
out:
    return status;
}

/* ---- all of them ---- */

static int
make_workers(pairs_t *pairs)
{
    int status = BA_OK;

    BA_TRY_ALLOC(pairs->workers, ba_calloc(pairs->n_threads, sizeof *pairs->workers));
    for (size_t i = 0; i < pairs->n_threads; i++) {
        worker_t *own = &pairs->workers[i];

        if (pairs->null) {
            BA_TRY(ba_null_tile_new(pairs->null, &own->tile));
        }
        BA_TRY_ALLOC(own->parts, ba_malloc(pairs->n_units, BA_TILE * sizeof *own->parts));
        BA_TRY_ALLOC(own->draws, ba_malloc(pairs->n_draws, BA_TILE * sizeof *own->draws));
        BA_TRY_ALLOC(own->sorted, ba_malloc(pairs->n_draws, sizeof *own->sorted));
    }
out:
    return status;
}

static int
make_sums(pairs_t *pairs)
{
    int status = BA_OK;
    const compare_t *compare = pairs->compare;
    size_t n_pairs = compare->n_pairs, n_rois = n_pairs * compare->regions.n;
    size_t n_held = pairs->held.n_held, n_maxima = n_pairs * pairs->n_permutations;

    BA_TRY_ALLOC(pairs->predictions,
        ba_malloc(n_held * BA_TILE, compare->n_models * sizeof *pairs->predictions));
    BA_TRY_ALLOC(pairs->share, ba_malloc(pairs->n_units, BA_TILE * sizeof *pairs->share));
    BA_TRY_ALLOC(pairs->whole, ba_malloc(pairs->n_draws, BA_TILE * sizeof *pairs->whole));
    BA_TRY_ALLOC(
        pairs->scale, ba_malloc(pairs->held.n_folds, BA_TILE * sizeof *pairs->scale));
    BA_TRY_ALLOC(pairs->maxima, ba_malloc(n_maxima, sizeof *pairs->maxima));
    for (size_t i = 0; i < n_maxima; i++) {
        pairs->maxima[i] = -INFINITY;
    }
    BA_TRY_ALLOC(
        pairs->roi_draws, ba_calloc(n_rois, pairs->n_draws * sizeof *pairs->roi_draws));
    BA_TRY_ALLOC(pairs->roi_null,
        ba_calloc(n_rois, pairs->n_permutations * sizeof *pairs->roi_null));
    BA_TRY_ALLOC(pairs->roi_n, ba_calloc(n_rois, sizeof *pairs->roi_n));
out:
    return status;
}

static int
set_up(pairs_t *pairs, const ba_dataset_t *responses)
{
    int status;
    compare_t *compare = pairs->compare;
    const ba_compare_opts_t *opts = compare->opts;
    ba_null_opts_t null = ba_null_opts_default();

    pairs->n_draws = opts->n_bootstrap;
    BA_TRY(ba_held_open(compare->ctx, responses, &compare->models[0], &pairs->held));
    BA_TRY(ba_compare_units(
        &pairs->held, opts->block, &pairs->unit, &pairs->n_units, &compare->unit_is_run));
    compare->n_units = pairs->n_units;
    BA_TRY(ba_compare_draws(opts->seed, pairs->n_draws, pairs->n_units, &pairs->counts));
    if (opts->n_permutations > 0) {
        null.n_permutations = opts->n_permutations;
        null.seed = opts->seed;
        null.is_crossed = 1;
        BA_TRY(ba_null_new(&null, pairs->held.folds, pairs->held.n_folds, &pairs->null));
        pairs->n_permutations =
            ba_null_info(pairs->null, BA_NULL_INCREMENT).n_permutations;
        compare->smallest_p = ba_null_info(pairs->null, BA_NULL_INCREMENT).smallest_p;
        compare->n_permutations = pairs->n_permutations;
    }
    BA_TRY(make_workers(pairs));
    BA_TRY(make_sums(pairs));
out:
    return status;
}

/* Regions from their sums, family-wise p from the maxima. */
static int
finish(pairs_t *pairs)
{
    int status = BA_OK;
    compare_t *compare = pairs->compare;
    size_t v = compare->n_targets, n_rois = compare->regions.n;
    comparison_t *rois = &compare->rois;

    for (size_t k = 0; k < compare->n_pairs; k++) {
        for (size_t i = 0; i < n_rois; i++) {
            size_t at = k * n_rois + i;
            double *draws = pairs->roi_draws + at * pairs->n_draws;
            double *null = pairs->roi_null + at * pairs->n_permutations;
            double n = (double) pairs->roi_n[at];

            rois->difference[at] = 0.0;
            for (size_t m = 0; m < compare->regions.n_members[i]; m++) {
                size_t t = compare->regions.members[i][m];
                double one = compare->targets.difference[k * v + t];

                rois->difference[at] += isfinite(one) ? one / n : 0.0;
            }
            rois->difference[at] = n > 0 ? rois->difference[at] : (double) NAN;
            for (size_t b = 0; b < pairs->n_draws; b++) {
                draws[b] /= n;
            }
            for (size_t b = 0; b < pairs->n_permutations; b++) {
                null[b] /= n;
            }
            ba_compare_interval(draws, pairs->n_draws, &rois->low[at], &rois->high[at]);
            if (pairs->null) {
                ba_p_of_null(&rois->difference[at],
                    (ba_cdmat_t){null, pairs->n_permutations, 1, pairs->n_permutations},
                    compare->tail, &rois->p[at]);
            }
        }
        if (pairs->null) {
            BA_TRY(ba_p_of_maxima(compare->targets.difference + k * v, v,
                pairs->maxima + k * pairs->n_permutations, pairs->n_permutations,
                compare->tail, compare->p_fwe + k * v));
        }
    }
out:
    return status;
}

static void
tear_down(pairs_t *pairs)
{
    for (size_t i = 0; pairs->workers && i < pairs->n_threads; i++) {
        ba_null_tile_free(pairs->workers[i].tile);
        ba_free(pairs->workers[i].parts);
        ba_free(pairs->workers[i].draws);
        ba_free(pairs->workers[i].sorted);
    }
    ba_free(pairs->workers);
    ba_held_close(&pairs->held);
    ba_null_free(pairs->null);
    ba_free(pairs->unit);
    ba_free(pairs->counts);
    ba_free(pairs->predictions);
    ba_free(pairs->share);
    ba_free(pairs->whole);
    ba_free(pairs->scale);
    ba_free(pairs->maxima);
    ba_free(pairs->roi_draws);
    ba_free(pairs->roi_null);
    ba_free(pairs->roi_n);
}

int
ba_compare_pairs(compare_t *compare, const ba_dataset_t *responses)
{
    int status;
    pairs_t pairs = {
        .compare = compare, .n_threads = (size_t) ba_ctx_threads(compare->ctx)};
    size_t n_tiles;

    ba_blas_single_thread();
    BA_TRY(set_up(&pairs, responses));
    n_tiles = ba_tiles_count(pairs.held.tiles);
    for (size_t t = 0; t < n_tiles; t++) {
        BA_TRY(run_tile(&pairs, t));
        ba_ctx_progress(compare->ctx, "compare", (double) (t + 1), (double) n_tiles);
    }
    BA_TRY(ba_held_check(&pairs.held));
    BA_TRY(finish(&pairs));
out:
    tear_down(&pairs);
    return status;
}
