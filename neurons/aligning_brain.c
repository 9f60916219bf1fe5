/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons in the order of what they add to regions. */
#include "neurons/aligning_concepts.h"

#include "brainalign/ranking.h"
#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* Means over the scored targets of every region, n_regions x n_neurons; NaN where it has
 * none. r2: n_targets, NaN = not scored. */
static int
average(const ba_align_concepts_t *concepts, const ba_aligned_t *values, double *score)
{
    int status = BA_OK;
    const ba_align_regions_t *regions = concepts->regions;
    size_t k = concepts->aligning->neurons.n_neurons, *counts = NULL;

    BA_TRY_ALLOC(counts, ba_calloc(regions->n, sizeof *counts));
    memset(score, 0, regions->n * k * sizeof *score);
    for (size_t t = 0; t < regions->n_targets; t++) {
        const double *own = values->values[BA_ALIGN_DELTA_R2] + t * k;
        size_t region = regions->region[t];

        if (isnan(values->r2[t])) {
            continue;
        }
        counts[0]++;
        counts[region] += region > 0;
        for (size_t j = 0; j < k; j++) {
            score[j] += own[j];
            score[region * k + j] += region > 0 ? own[j] : 0.0;
        }
    }
    for (size_t r = 0; r < regions->n; r++) {
        for (size_t j = 0; j < k; j++) {
            score[r * k + j] =
                counts[r] > 0 ? score[r * k + j] / (double) counts[r] : (double) NAN;
        }
    }
out:
    ba_free(counts);
    return status;
}

static int
sort_scores(
    const ba_align_concepts_t *concepts, size_t n, const double *score, uint32_t *order)
{
    int status;
    size_t k = concepts->aligning->neurons.n_neurons;
    ba_ranking_t *ranking = NULL;

    BA_TRY(ba_ranking_create("brain", n, (const char *const *) concepts->regions->name,
        &concepts->aligning->neurons, &ranking));
    memcpy(ranking->score, score, n * k * sizeof *score);
    BA_TRY(ba_ranking_sort(ranking));
    memcpy(order, ranking->order, n * k * sizeof *order);
out:
    ba_ranking_free(ranking);
    return status;
}

int
ba_align_concepts_take(
    ba_align_concepts_t *concepts, size_t fold, const ba_aligned_t *values)
{
    size_t size;

    if (!concepts) {
        return BA_OK;
    }
    size = concepts->regions->n * concepts->aligning->neurons.n_neurons;
    return average(concepts, values, concepts->fold_score + fold * size);
}

int
ba_align_brain_make(ba_align_concepts_t *concepts, const ba_aligned_t *mean)
{
    int status = BA_OK;
    size_t n = concepts->regions->n, k = concepts->aligning->neurons.n_neurons;
    double *score = NULL;

    BA_TRY_ALLOC(score, ba_malloc(n, k * sizeof *score));
    BA_TRY_ALLOC(concepts->brain_order, ba_malloc(n, k * sizeof *concepts->brain_order));
    BA_TRY(average(concepts, mean, score));
    BA_TRY(sort_scores(concepts, n, score, concepts->brain_order));
out:
    ba_free(score);
    return status;
}

int
ba_align_brain_without(
    const ba_align_concepts_t *concepts, size_t region, size_t without, uint32_t *order)
{
    int status = BA_OK;
    size_t n = concepts->regions->n, k = concepts->aligning->neurons.n_neurons;
    double *score = NULL;

    BA_TRY_ALLOC(score, ba_malloc(k, sizeof *score));
    for (size_t j = 0; j < k; j++) {
        size_t n_folds = 0;
        double sum = 0.0;

        for (size_t f = 0; f < concepts->aligning->n_folds; f++) {
            double value = concepts->fold_score[(f * n + region) * k + j];

            if (f != without && !isnan(value)) {
                sum += value;
                n_folds++;
            }
        }
        score[j] = n_folds > 0 ? sum / (double) n_folds : (double) NAN;
    }
    BA_TRY(sort_scores(concepts, 1, score, order));
out:
    ba_free(score);
    return status;
}
