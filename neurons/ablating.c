/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neurons ablate: a probe without some of its neurons. Sets of k neurons from the top and
 * the bottom of a ranking and at random (nested: one order for each draw) are kept, set to
 * 0 or to their mean, or given a probe of their own. */
#include "core/alloc.h"
#include "core/resource.h"
#include "core/rng.h"
#include "neurons/ablating_impl.h"
#include "brainalign/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Streams of random sets, one a draw. */
enum { STREAM_SETS = 1 << 24 };

ba_neurons_ablate_opts_t
ba_neurons_ablate_opts_default(void)
{
    static const double sizes[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5};

    return (ba_neurons_ablate_opts_t){.probing = ba_probing_opts_default(),
        .sizes = sizes,
        .n_sizes = sizeof sizes / sizeof *sizes,
        .sizes_are_shares = 1,
        .modes = BA_ABLATE_KEEP | BA_ABLATE_ZERO | BA_ABLATE_RETRAIN,
        .n_random = 10};
}

/* The row of the ranking that is meant. */
static int
find_concept(
    const ba_ranking_t *ranking, const char *file, const char *concept, size_t *row)
{
    const char *wanted = concept ? concept : "*";

    for (*row = 0; *row < ranking->n_concepts; (*row)++) {
        if (strcmp(ranking->concepts[*row], wanted) == 0) {
            return BA_OK;
        }
    }
    if (!concept && ranking->n_concepts == 1) {
        *row = 0;
        return BA_OK;
    }
    return ba_fail(BA_MISSING, "%s: %s '%s', it ranks %zu concepts, '%s' first", file,
        concept ? "no concept" : "several concepts and none called", wanted,
        ranking->n_concepts, ranking->n_concepts > 0 ? ranking->concepts[0] : "");
}

/* Neurons of the ranking that have a score, best first, as places. */
static int
read_order(ablating_t *ablating)
{
    const ba_neurons_ablate_opts_t *opts = ablating->opts;
    ba_ranking_t *ranking = NULL;
    size_t row, n = 0;
    int status;

    BA_TRY(ba_ranking_read(opts->ranking, 0, &ranking));
    BA_TRY(find_concept(ranking, opts->ranking, opts->concept, &row));
    BA_TRY_ALLOC(ablating->order, ba_malloc(ranking->n_neurons, sizeof *ablating->order));
    for (size_t k = 0; k < ranking->n_neurons; k++) {
        size_t neuron = ranking->order[row * ranking->n_neurons + k];

        if (!isnan(ranking->score[row * ranking->n_neurons + neuron])) {
            ablating->order[n++] = neuron;
        }
    }
    BA_TRY(ba_probing_places(&ablating->probing, opts->ranking, ablating->order, n));
    ablating->n_ranked = n;
out:
    ba_ranking_free(ranking);
    return status;
}

static int
set_sizes(ablating_t *ablating)
{
    const ba_neurons_ablate_opts_t *opts = ablating->opts;
    size_t p = ablating->probing.n_neurons;
    int status = BA_OK;

    BA_TRY_ALLOC(ablating->k, ba_malloc(opts->n_sizes, sizeof *ablating->k));
    for (size_t i = 0; i < opts->n_sizes; i++) {
        double size = opts->sizes[i] * (opts->sizes_are_shares ? (double) p : 1);
        size_t k = size >= 1 ? (size_t) (size * (1 + 1e-12)) : 1;

        if (!(opts->sizes[i] > 0)) {
            BA_TRY(ba_fail(BA_VALUE, "sizes: found %g, wanted above 0", opts->sizes[i]));
        }
        if (k > p || k > ablating->n_ranked) {
            BA_TRY(ba_fail(BA_SHAPE,
                "sizes: %zu neurons asked for, there are %zu and %zu of them ranked", k,
                p, ablating->n_ranked));
        }
        ablating->k[i] = k;
    }
out:
    return status;
}

static int
compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *) a, y = *(const size_t *) b;

    return x < y ? -1 : x > y;
}

/* The score of one set in one mode; `set` is ascending. */
static int
score_mode(const ablating_t *ablating, const size_t *set, size_t k, unsigned mode,
    ablating_score_t *out)
{
    const probing_t *probing = &ablating->probing;
    size_t p = probing->n_neurons;
    ba_probe_score_t *score = NULL;
    unsigned char *kept = NULL;
    int status = BA_OK;

    if (mode == BA_ABLATE_RETRAIN) {
        BA_TRY(ba_probing_retrain(probing, set, k, NULL, &score));
    } else {
        BA_TRY_ALLOC(kept, ba_malloc(p, 1));
        memset(kept, mode != BA_ABLATE_KEEP, p);
        for (size_t i = 0; i < k; i++) {
            kept[set[i]] = mode == BA_ABLATE_KEEP;
        }
        BA_TRY(ba_probing_score(probing, ablating->probe, NULL, 0, kept,
            mode == BA_ABLATE_MEAN ? BA_REST_MEAN : BA_REST_ZERO, &score));
    }
    *out = (ablating_score_t){score->accuracy, score->f1_macro, score->loss};
out:
    ba_probe_score_free(score);
    ba_free(kept);
    return status;
}

ablating_score_t *
ba_ablating_at(const ablating_t *ablating, size_t set, size_t size, size_t mode)
{
    return &ablating
                ->scores[(set * ablating->opts->n_sizes + size) * ABLATING_MODES + mode];
}

/* All sizes and modes of the sets that `from` (n numbers) begins with. */
static int
sweep(ablating_t *ablating, size_t number, const size_t *from)
{
    const ba_neurons_ablate_opts_t *opts = ablating->opts;
    size_t *set = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(set, ba_malloc(ablating->probing.n_neurons, sizeof *set));
    for (size_t i = 0; i < opts->n_sizes; i++) {
        size_t k = ablating->k[i];

        BA_TRY(ba_ctx_check(ablating->probing.ctx));
        memcpy(set, from, k * sizeof *set);
        qsort(set, k, sizeof *set, compare_sizes);
        for (size_t mode = 0; mode < ABLATING_MODES; mode++) {
            ablating_score_t *score = ba_ablating_at(ablating, number, i, mode);

            *score = (ablating_score_t){(double) NAN, (double) NAN, (double) NAN};
            if (opts->modes & (1u << mode)) {
                BA_TRY(score_mode(ablating, set, k, 1u << mode, score));
            }
        }
    }
    ba_ctx_progress(
        ablating->probing.ctx, "sets", (double) (number + 1), (double) ablating->n_sets);
out:
    ba_free(set);
    return status;
}

static int
sweep_random(ablating_t *ablating, size_t draw)
{
    size_t p = ablating->probing.n_neurons, *order = NULL;
    ba_rng_t *rng = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(order, ba_malloc(p, sizeof *order));
    BA_TRY_ALLOC(rng, ba_rng_new(ablating->probing.ctx->seed, STREAM_SETS + draw));
    for (size_t j = 0; j < p; j++) {
        order[j] = j;
    }
    ba_rng_shuffle(rng, order, p);
    BA_TRY(sweep(ablating, ABLATING_RANDOM + draw, order));
out:
    ba_free(order);
    ba_rng_free(rng);
    return status;
}

static int
sweep_all(ablating_t *ablating)
{
    size_t n = ablating->n_ranked, *back = NULL, size;
    int status = BA_OK;

    ablating->n_sets = ABLATING_RANDOM + ablating->opts->n_random;
    BA_TRY(ba_multiply(ablating->n_sets, ablating->opts->n_sizes, &size));
    BA_TRY_ALLOC(
        ablating->scores, ba_calloc(size, ABLATING_MODES * sizeof *ablating->scores));
    BA_TRY_ALLOC(back, ba_malloc(n, sizeof *back));
    for (size_t k = 0; k < n; k++) {
        back[k] = ablating->order[n - 1 - k];
    }
    BA_TRY(sweep(ablating, ABLATING_TOP, ablating->order));
    BA_TRY(sweep(ablating, ABLATING_BOTTOM, back));
    for (size_t draw = 0; draw < ablating->opts->n_random; draw++) {
        BA_TRY(sweep_random(ablating, draw));
    }
out:
    ba_free(back);
    return status;
}

double
ba_ablating_area(const ablating_t *ablating, size_t set, size_t mode)
{
    size_t n = ablating->opts->n_sizes;
    double area = 0, width;

    if (n == 1) {
        return ba_ablating_at(ablating, set, 0, mode)->accuracy;
    }
    width = (double) ablating->k[n - 1] - (double) ablating->k[0];
    for (size_t i = 1; i < n; i++) {
        double step = (double) ablating->k[i] - (double) ablating->k[i - 1];

        area += step *
                (ba_ablating_at(ablating, set, i - 1, mode)->accuracy +
                    ba_ablating_at(ablating, set, i, mode)->accuracy) /
                2;
    }
    return width > 0 ? area / width : ba_ablating_at(ablating, set, 0, mode)->accuracy;
}

static void
fill_areas(const ablating_t *ablating, ba_neurons_ablate_info_t *info)
{
    size_t n_random = ablating->opts->n_random;

    for (size_t mode = 0; mode < ABLATING_MODES; mode++) {
        info->area[0][mode] = ba_ablating_area(ablating, ABLATING_TOP, mode);
        info->area[1][mode] = ba_ablating_area(ablating, ABLATING_BOTTOM, mode);
        info->area[2][mode] = n_random > 0 ? 0 : (double) NAN;
        for (size_t draw = 0; draw < n_random; draw++) {
            info->area[2][mode] +=
                ba_ablating_area(ablating, ABLATING_RANDOM + draw, mode) /
                (double) n_random;
        }
    }
}

static int
compute(ablating_t *ablating, ba_neurons_ablate_info_t *info)
{
    ba_probe_score_t *score = NULL;
    int status;

    BA_TRY(ba_probing_fit(&ablating->probing, &ablating->probe));
    BA_TRY(ba_probing_score(
        &ablating->probing, ablating->probe, NULL, 0, NULL, BA_REST_ZERO, &score));
    info->accuracy = ablating->accuracy = score->accuracy;
    BA_TRY(sweep_all(ablating));
    fill_areas(ablating, info);
    BA_TRY(ba_ablating_save(ablating));
out:
    ba_probe_score_free(score);
    return status;
}

int
ba_neurons_ablate(const ba_ctx_t *ctx, const ba_probing_data_t *data,
    const ba_neurons_ablate_opts_t *opts, ba_neurons_ablate_info_t *info)
{
    double start = ba_seconds();
    ablating_t ablating = {.opts = opts};
    probing_t *probing = &ablating.probing;
    int status;

    *info = (ba_neurons_ablate_info_t){.n_train = 0};
    BA_TRY(ba_probing_open(ctx, data, &opts->probing, probing));
    BA_TRY(read_order(&ablating));
    BA_TRY(set_sizes(&ablating));
    info->n_train = probing->parts[PROBING_TRAIN].n;
    info->n_test = probing->parts[PROBING_TEST].n;
    info->n_classes = probing->n_classes;
    info->n_neurons = probing->n_neurons;
    info->majority = probing->majority;
    info->n_sizes = opts->n_sizes;
    if (!opts->probing.dry_run) {
        BA_TRY(compute(&ablating, info));
    }
    info->seconds = ba_seconds() - start;
out:
    ba_probe_free(ablating.probe);
    ba_free(ablating.order);
    ba_free(ablating.k);
    ba_free(ablating.scores);
    ba_probing_close(probing);
    return status;
}
