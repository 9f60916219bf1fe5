/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How few neurons hold the score of concepts above chance, open classes of words against
 * closed ones, and the share of every component and layer. */
#include "core/alloc.h"
#include "report/palette.h"
#include "report/ranking_places.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Open, closed, other. */
enum { N_CLASSES = 3 };

static const char *const class_names[N_CLASSES] = {"open class", "closed class", "other"};

static size_t
class_of(const ba_ranking_places_t *places, size_t concept)
{
    const ba_word_class_t *classes = places->report->classes;

    if (!classes || strcmp(places->ranking->concepts[concept], "*") == 0) {
        return 2;
    }
    return classes[concept] == BA_CLASS_OPEN     ? 0
           : classes[concept] == BA_CLASS_CLOSED ? 1
                                                 : 2;
}

/* Ranks at which curves are drawn: all of the first, then 3 % apart. */
static int
choose_ranks(size_t n_neurons, double **out, size_t *n_ranks)
{
    size_t n = 0, rank = 0;
    double *ranks = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(ranks, ba_malloc(n_neurons < 2048 ? n_neurons : 2048, sizeof *ranks));
    while (rank < n_neurons) {
        size_t next = rank < 33 ? rank + 1 : rank + (size_t) ((double) rank * 0.03) + 1;

        rank = next < n_neurons ? next : n_neurons;
        ranks[n++] = (double) rank;
    }
    *out = ranks;
    *n_ranks = n;
out:
    return status;
}

/* Share that the best neurons up to each rank hold. */
static void
fill_curve(const ba_ranking_places_t *places, size_t concept, const double *ranks,
    size_t n_ranks, double *held)
{
    const ba_ranking_t *ranking = places->ranking;
    const uint32_t *order = ranking->order + concept * ranking->n_neurons;
    double total = 0.0;

    for (size_t k = 0, at = 0; k < ranking->n_neurons; k++) {
        total += ba_ranking_excess(places, concept, order[k]);
        if (at < n_ranks && k + 1 == (size_t) ranks[at]) {
            held[at++] = total;
        }
    }
    for (size_t at = 0; at < n_ranks; at++) {
        held[at] = total > 0.0 ? held[at] / total : (double) NAN;
    }
}

static int
draw_curves(ba_figure_t *figure, const ba_ranking_places_t *places)
{
    ba_figure_series_t series[BA_MOST_CONCEPTS];
    ba_figure_mark_t mark = {NULL, places->report->mass};
    double *ranks = NULL, *held = NULL;
    size_t n_ranks, size;
    int named[N_CLASSES] = {0}, status;

    BA_TRY(choose_ranks(places->ranking->n_neurons, &ranks, &n_ranks));
    BA_TRY(ba_multiply(places->n_concepts, n_ranks, &size));
    BA_TRY_ALLOC(held, ba_malloc(size, sizeof *held));
    for (size_t r = 0; r < places->n_concepts; r++) {
        size_t class = class_of(places, r);

        fill_curve(places, r, ranks, n_ranks, held + r * n_ranks);
        series[r] = (ba_figure_series_t){.name = named[class] ? NULL : class_names[class],
            .tip = places->ranking->concepts[r],
            .n = n_ranks,
            .x = ranks,
            .y = held + r * n_ranks,
            .colour = ba_palette_colour(class),
            .width = 1.4};
        named[class] = 1;
    }
    BA_TRY(ba_figure_plot(
        figure, &(ba_figure_plot_t){.title = "Score held by the best neurons",
                    .x_label = "neurons, best first (logarithmic)",
                    .y_label = "share of the score above chance",
                    .x_is_log = places->ranking->n_neurons > 20,
                    .y_low = 0,
                    .y_high = 1,
                    .series = series,
                    .n_series = places->n_concepts,
                    .marks = &mark,
                    .n_marks = 1}));
out:
    ba_free(ranks);
    ba_free(held);
    return status;
}

typedef struct {
    size_t concept, class, n_holding;
} holder_t;

static int
compare_holders(const void *a, const void *b)
{
    const holder_t *x = a, *y = b;

    if (x->n_holding != y->n_holding) {
        return x->n_holding < y->n_holding ? -1 : 1;
    }
    return x->concept < y->concept ? -1 : 1;
}

static int
draw_holding(ba_figure_t *figure, const ba_ranking_places_t *places)
{
    holder_t holders[BA_MOST_CONCEPTS] = {{0, 0, 0}};
    double values[BA_MOST_CONCEPTS * N_CLASSES];
    const char *names[BA_MOST_CONCEPTS], *groups[N_CLASSES] = {NULL};
    char *title = NULL;
    int status = BA_OK;

    for (size_t r = 0; r < places->n_concepts; r++) {
        holders[r] = (holder_t){r, class_of(places, r), places->report->n_holding[r]};
    }
    qsort(holders, places->n_concepts, sizeof holders[0], compare_holders);
    for (size_t i = 0; i < places->n_concepts; i++) {
        names[i] = places->ranking->concepts[holders[i].concept];
        groups[holders[i].class] = class_names[holders[i].class];
        for (size_t c = 0; c < N_CLASSES; c++) {
            values[i * N_CLASSES + c] =
                c == holders[i].class ? (double) holders[i].n_holding : (double) NAN;
        }
    }
    BA_TRY_ALLOC(title,
        ba_asprintf("Neurons that hold %.0f %% of it", 100 * places->report->mass));
    BA_TRY(ba_figure_bars(figure, &(ba_figure_bars_t){.title = title,
                                      .value_label = "neurons",
                                      .n_names = places->n_concepts,
                                      .n_groups = N_CLASSES,
                                      .names = names,
                                      .groups = groups,
                                      .values = values,
                                      .is_stacked = 1,
                                      .digits = 6}));
out:
    ba_free(title);
    return status;
}

/* Concepts x the cells that have neurons. */
static int
draw_shares(ba_figure_t *figure, const ba_ranking_places_t *places)
{
    const ba_neuron_table_t *neurons = &places->ranking->neurons;
    size_t n = 0, size;
    double *values = NULL;
    char **columns = NULL;
    int status;

    BA_TRY(ba_multiply(places->n_concepts, places->n_cells, &size));
    BA_TRY_ALLOC(values, ba_malloc(size, sizeof *values));
    BA_TRY_ALLOC(columns, ba_calloc(places->n_cells, sizeof *columns));
    for (size_t c = 0; c < places->n_cells; c++) {
        n += places->first[c + 1] > places->first[c];
    }
    for (size_t c = 0, at = 0; c < places->n_cells; c++) {
        if (places->first[c + 1] == places->first[c]) {
            continue;
        }
        BA_TRY_ALLOC(columns[at],
            ba_asprintf("%s %zu", neurons->component_names[c / places->n_layers],
                places->layers[c % places->n_layers]));
        for (size_t r = 0; r < places->n_concepts; r++) {
            values[r * n + at] = places->share[r * places->n_cells + c];
        }
        at++;
    }
    BA_TRY(ba_figure_matrix(
        figure, &(ba_figure_matrix_t){.title = "Share of the score above chance by layer",
                    .row_label = "concept",
                    .column_label = "component and layer",
                    .value_label = "share",
                    .n_rows = places->n_concepts,
                    .n_columns = n,
                    .rows = (const char *const *) places->ranking->concepts,
                    .columns = (const char *const *) columns,
                    .values = values}));
out:
    for (size_t c = 0; columns && c < places->n_cells; c++) {
        ba_free(columns[c]);
    }
    ba_free(columns);
    ba_free(values);
    return status;
}

int
ba_figure_localisation(ba_figure_t *figure, const ba_ranking_places_t *places)
{
    int status;

    BA_TRY(draw_curves(figure, places));
    BA_TRY(draw_holding(figure, places));
    ba_figure_break(figure);
    BA_TRY(draw_shares(figure, places));
    ba_figure_break(figure);
out:
    return status;
}
