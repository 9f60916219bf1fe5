/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/ranking.h"

#include "core/alloc.h"
#include "core/texts.h"
#include "datasets/neuron_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int
ba_ranking_create(const char *method, size_t n_concepts, const char *const *concepts,
    const ba_neuron_table_t *neurons, ba_ranking_t **out)
{
    ba_ranking_t *ranking = NULL;
    size_t n;
    int status;

    *out = NULL;
    if (neurons->n_neurons > UINT32_MAX) {
        return ba_fail(BA_TOO_LARGE, "ranking: %zu neurons, wanted at most %u",
            neurons->n_neurons, UINT32_MAX);
    }
    BA_TRY(ba_multiply(n_concepts, neurons->n_neurons, &n));
    BA_TRY_ALLOC(ranking, ba_calloc(1, sizeof *ranking));
    ranking->n_neurons = neurons->n_neurons;
    ranking->n_concepts = n_concepts;
    BA_TRY_ALLOC(ranking->method, ba_strdup(method));
    BA_TRY(ba_strings_copy(concepts, n_concepts, &ranking->concepts));
    BA_TRY(ba_neuron_table_copy(neurons, &ranking->neurons));
    BA_TRY_ALLOC(ranking->score, ba_malloc(n, sizeof *ranking->score));
    BA_TRY_ALLOC(ranking->order, ba_malloc(n, sizeof *ranking->order));
    for (size_t i = 0; i < n; i++) {
        ranking->score[i] = (double) NAN;
        ranking->order[i] = (uint32_t) (i % neurons->n_neurons);
    }
    *out = ranking;
    ranking = NULL;
out:
    ba_ranking_free(ranking);
    return status;
}

void
ba_ranking_free(ba_ranking_t *ranking)
{
    if (ranking) {
        ba_free(ranking->method);
        ba_free(ranking->concepts);
        ba_free(ranking->score);
        ba_free(ranking->order);
        ba_free(ranking->p);
        ba_free(ranking->q);
        ba_free(ranking->stability);
        ba_neuron_table_free(&ranking->neurons);
        ba_free(ranking);
    }
}

typedef struct {
    double score;
    uint32_t neuron;
} scored_t;

static int
compare_scored(const void *a, const void *b)
{
    const scored_t *x = a, *y = b;
    int x_is_nan = isnan(x->score), y_is_nan = isnan(y->score);

    if (x_is_nan != y_is_nan) {
        return x_is_nan ? 1 : -1;
    }
    if (!x_is_nan && x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return x->neuron < y->neuron ? -1 : x->neuron > y->neuron;
}

int
ba_ranking_sort(ba_ranking_t *ranking)
{
    size_t n = ranking->n_neurons;
    scored_t *scored = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(scored, ba_malloc(n, sizeof *scored));
    for (size_t c = 0; c < ranking->n_concepts; c++) {
        for (size_t i = 0; i < n; i++) {
            scored[i] = (scored_t){ranking->score[c * n + i], (uint32_t) i};
        }
        qsort(scored, n, sizeof *scored, compare_scored);
        for (size_t i = 0; i < n; i++) {
            ranking->order[c * n + i] = scored[i].neuron;
        }
    }
out:
    ba_free(scored);
    return status;
}
