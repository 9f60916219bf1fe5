/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/ranking_places.h"

#include "core/alloc.h"

#include <math.h>

double
ba_ranking_excess(const ba_ranking_places_t *places, size_t concept, size_t neuron)
{
    const ba_ranking_t *ranking = places->ranking;
    double excess = ranking->score[concept * ranking->n_neurons + neuron] -
                    places->report->chance[concept];

    return excess > 0.0 ? excess : 0.0;
}

size_t
ba_ranking_cell(const ba_ranking_places_t *places, size_t neuron)
{
    const ba_neuron_table_t *neurons = &places->ranking->neurons;

    return neurons->component[neuron] * places->n_layers +
           places->row[neurons->layer[neuron]];
}

/* The layers that occur, and the row of each. */
static int
find_layers(ba_ranking_places_t *places)
{
    const ba_neuron_table_t *neurons = &places->ranking->neurons;
    size_t n = 0;
    int status = BA_OK;

    for (size_t j = 0; j < neurons->n_neurons; j++) {
        n = neurons->layer[j] >= n ? neurons->layer[j] + 1 : n;
    }
    BA_TRY_ALLOC(places->layers, ba_calloc(n, sizeof *places->layers));
    BA_TRY_ALLOC(places->row, ba_calloc(n, sizeof *places->row));
    for (size_t j = 0; j < neurons->n_neurons; j++) {
        places->row[neurons->layer[j]] = 1;
    }
    for (size_t l = 0; l < n; l++) {
        if (places->row[l]) {
            places->row[l] = places->n_layers;
            places->layers[places->n_layers++] = l;
        }
    }
out:
    return status;
}

static int
count_units(ba_ranking_places_t *places)
{
    const ba_neuron_table_t *neurons = &places->ranking->neurons;
    int status;

    BA_TRY(ba_multiply(neurons->n_components, places->n_layers, &places->n_cells));
    BA_TRY_ALLOC(places->first, ba_calloc(places->n_cells + 1, sizeof *places->first));
    for (size_t j = 0; j < neurons->n_neurons; j++) {
        places->first[ba_ranking_cell(places, j) + 1]++;
    }
    BA_TRY_ALLOC(
        places->most_units, ba_malloc(neurons->n_components, sizeof *places->most_units));
    for (size_t c = 0; c < neurons->n_components; c++) {
        places->most_units[c] = 1;
    }
    for (size_t c = 0; c < places->n_cells; c++) {
        size_t *most = &places->most_units[c / places->n_layers];

        *most = places->first[c + 1] > *most ? places->first[c + 1] : *most;
        places->first[c + 1] += places->first[c];
    }
out:
    return status;
}

static int
sum_shares(ba_ranking_places_t *places)
{
    size_t n;
    int status;

    BA_TRY(ba_multiply(places->n_concepts, places->n_cells, &n));
    BA_TRY_ALLOC(places->share, ba_calloc(n, sizeof *places->share));
    for (size_t r = 0; r < places->n_concepts; r++) {
        double *share = places->share + r * places->n_cells, total = 0.0;

        for (size_t j = 0; j < places->ranking->n_neurons; j++) {
            double excess = ba_ranking_excess(places, r, j);

            share[ba_ranking_cell(places, j)] += excess;
            total += excess;
        }
        for (size_t c = 0; c < places->n_cells; c++) {
            share[c] = total > 0.0 ? share[c] / total : (double) NAN;
        }
    }
out:
    return status;
}

int
ba_ranking_places(const ba_ranking_t *ranking, const ba_rank_report_t *report,
    ba_ranking_places_t *places)
{
    int status;

    *places = (ba_ranking_places_t){.ranking = ranking,
        .report = report,
        .n_concepts = ranking->n_concepts < BA_MOST_CONCEPTS ? ranking->n_concepts
                                                             : BA_MOST_CONCEPTS};
    if (ranking->n_concepts == 0 || ranking->n_neurons == 0) {
        return ba_fail(BA_VALUE,
            "ranking: found %zu concepts and %zu neurons, wanted "
            "at least 1 of each",
            ranking->n_concepts, ranking->n_neurons);
    }
    if (report->n_concepts != ranking->n_concepts ||
        report->n_neurons != ranking->n_neurons) {
        return ba_fail(BA_SHAPE,
            "ranking: found %zu x %zu scores, its report has %zu "
            "x %zu",
            ranking->n_concepts, ranking->n_neurons, report->n_concepts,
            report->n_neurons);
    }
    BA_TRY(find_layers(places));
    BA_TRY(count_units(places));
    BA_TRY(sum_shares(places));
out:
    return status;
}

void
ba_ranking_places_free(ba_ranking_places_t *places)
{
    ba_free(places->layers);
    ba_free(places->row);
    ba_free(places->first);
    ba_free(places->most_units);
    ba_free(places->share);
}
