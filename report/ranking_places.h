/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the score of concepts lies, as the parts of ba_figure_ranking() draw it. */
#ifndef BA_REPORT_RANKING_PLACES_H
#define BA_REPORT_RANKING_PLACES_H

#include "report/figure_impl.h"

/* Concepts that are drawn, at most. */
enum { BA_MOST_CONCEPTS = 24 };

/* Cells are components x layers: cell c * n_layers + l, layers being those that occur. */
typedef struct {
    const ba_ranking_t *ranking;
    const ba_rank_report_t *report;
    size_t n_concepts; /* the first ones */
    size_t n_layers, n_cells;
    size_t *layers;     /* n_layers: their numbers, ascending */
    size_t *row;        /* layer number -> index in layers */
    size_t *first;      /* n_cells + 1: neurons before each cell */
    size_t *most_units; /* of each component in one layer, at least 1 */
    double *share; /* n_concepts x n_cells, of the score above chance; NaN without any */
} ba_ranking_places_t;

int ba_ranking_places(const ba_ranking_t *ranking, const ba_rank_report_t *report,
    ba_ranking_places_t *places) BA_MUST_USE;
void ba_ranking_places_free(ba_ranking_places_t *places);

size_t ba_ranking_cell(const ba_ranking_places_t *places, size_t neuron);

/* Score of a neuron above chance, 0 where there is none. */
double ba_ranking_excess(
    const ba_ranking_places_t *places, size_t concept, size_t neuron);

/* Curves, bars and matrix over concepts. */
int ba_figure_localisation(
    ba_figure_t *figure, const ba_ranking_places_t *places) BA_MUST_USE;

#endif
