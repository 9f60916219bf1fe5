/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two rankings of the same neurons against one another. */
#include "brainalign/similarity.h"
#include "core/alloc.h"
#include "report/figure_impl.h"
#include "report/palette.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_PANELS = 12 };

static int
find_concept(const ba_ranking_t *ranking, const char *name, size_t *out)
{
    for (size_t c = 0; c < ranking->n_concepts; c++) {
        if (strcmp(ranking->concepts[c], name) == 0) {
            *out = c;
            return BA_OK;
        }
    }
    return ba_fail(BA_MISSING, "ranking by %s: no concept '%s'", ranking->method, name);
}

static int
draw_panel(ba_figure_t *figure, const ba_ranking_t *x, size_t concept, const double *y,
    const char *y_label)
{
    const double *scores = x->score + concept * x->n_neurons;
    char *title = NULL;
    double rho;
    int status;

    BA_TRY(ba_spearman(scores, y, x->n_neurons, &rho));
    BA_TRY_ALLOC(title, isnan(rho)
                            ? ba_strdup(x->concepts[concept])
                            : ba_asprintf("%s, rho %.3f", x->concepts[concept], rho));
    BA_TRY(ba_figure_plot(
        figure, &(ba_figure_plot_t){.title = title,
                    .x_label = "score for the concept",
                    .y_label = y_label,
                    .series = &(ba_figure_series_t){.kind = BA_SERIES_POINTS,
                        .n = x->n_neurons,
                        .x = scores,
                        .y = y,
                        .colour = BA_COLOUR_BLUE},
                    .n_series = 1,
                    .marks = &(ba_figure_mark_t){NULL, 0.0},
                    .n_marks = 1,
                    .width = 220,
                    .height = 180}));
out:
    ba_free(title);
    return status;
}

int
ba_figure_scatter(ba_figure_t *figure, const ba_ranking_t *x, const ba_ranking_t *y,
    const char *concept)
{
    int status = BA_OK;
    size_t row = 0;

    if (x->n_neurons != y->n_neurons) {
        return ba_fail(BA_SHAPE, "rankings: %zu neurons and %zu, wanted the same",
            x->n_neurons, y->n_neurons);
    }
    BA_TRY(find_concept(y, concept, &row));
    for (size_t c = 0; c < x->n_concepts && c < MOST_PANELS; c++) {
        BA_TRY(draw_panel(figure, x, c, y->score + row * y->n_neurons,
            strcmp(concept, "*") == 0 ? "score, all" : concept));
    }
out:
    return status;
}
