/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neurons in the order of what they add to regions. */
#include "neurons/aligning_concepts.h"

#include "brainalign/ranking.h"
#include "core/alloc.h"

#include <math.h>
#include <string.h>

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
ba_align_brain_make(ba_align_concepts_t *concepts)
{
    int status = BA_OK;
    size_t n = concepts->regions->n, k = concepts->aligning->neurons.n_neurons;

    BA_TRY_ALLOC(concepts->brain_order, ba_malloc(n, k * sizeof *concepts->brain_order));
    BA_TRY(sort_scores(concepts, n, concepts->scores->delta_r2, concepts->brain_order));
out:
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
            double value = concepts->scores->by_fold[(f * n + region) * k + j];

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
