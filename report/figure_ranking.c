/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The neurons of each concept: a row for every layer, a block for every component, units
 * best first, and the layer's share of the score above chance on the right. */
#include "core/alloc.h"
#include "io/number.h"
#include "report/palette.h"
#include "report/ranking_places.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MOST_BINS = 40,
    LEFT = 40,
    TOP = 54,
    BETWEEN = 10,
    BAR_WIDTH = 60,
    BAR_ROOM = 106
};
enum { LEVELS = 32, FIRST_COLOUR = 3 };

typedef struct {
    ba_svg_t *svg;
    const ba_ranking_places_t *places;
    size_t concept;
    const double *scores; /* n_neurons: by cell, best first */
    double low, high;     /* of the colours */
    double block, row_height, most_share;
} panel_t;

static uint32_t
colour_of(const panel_t *panel, double score)
{
    double share = (score - panel->low) / (panel->high - panel->low);

    /* Few levels, so that neighbours share a rectangle. */
    return isnan(score) ? BA_COLOUR_NONE
                        : ba_palette_at(BA_PALETTE_SEQUENTIAL,
                              floor(fmin(fmax(share, 0.0), 1.0) * LEVELS) / LEVELS);
}

/* Where the unit at a rank (from 0) begins in the block of its component: by the square
 * root, so that the best ones are wide. */
static double
unit_start(const panel_t *panel, size_t component, size_t rank)
{
    double most = (double) panel->places->most_units[component];

    return panel->block * sqrt((double) rank / most);
}

/* One layer of one component, neighbours of one colour together. */
static void
draw_cell(const panel_t *panel, size_t component, size_t row, double x, double y)
{
    const ba_ranking_places_t *places = panel->places;
    size_t cell = component * places->n_layers + row;
    const double *scores = panel->scores + places->first[cell];
    size_t n = places->first[cell + 1] - places->first[cell];

    for (size_t i = 0, stop; i < n; i = stop) {
        uint32_t colour = colour_of(panel, scores[i]);
        double from = unit_start(panel, component, i);

        for (stop = i + 1; stop < n && colour_of(panel, scores[stop]) == colour; stop++) {
        }
        ba_svg_rect(panel->svg,
            (ba_box_t){x + from, y, unit_start(panel, component, stop) - from,
                panel->row_height},
            colour, NULL);
    }
}

/* Ranks 1, 10, 100 .. below a block. */
static void
draw_ranks(const panel_t *panel, size_t component, double x, double y)
{
    ba_font_t font = ba_small_font;

    font.anchor = BA_ANCHOR_MIDDLE;
    for (size_t rank = 1; rank <= panel->places->most_units[component]; rank *= 10) {
        double at = x + (unit_start(panel, component, rank - 1) +
                            unit_start(panel, component, rank)) /
                            2;
        char number[24];

        snprintf(number, sizeof number, "%zu", rank);
        ba_svg_line(panel->svg, (double[]){at, y}, (double[]){at, y + 3},
            (ba_pen_t){BA_COLOUR_AXIS, 1, 0});
        ba_svg_text(panel->svg, at, y + 13, &font, number);
        if (rank > panel->places->most_units[component] / 10) {
            break;
        }
    }
}

static double
share_of(const panel_t *panel, size_t component, size_t row)
{
    const ba_ranking_places_t *places = panel->places;
    double share = places->share[panel->concept * places->n_cells +
                                 component * places->n_layers + row];

    return isfinite(share) ? share : 0.0;
}

/* The layer's share, components end to end, and how much it is. */
static void
draw_share(const panel_t *panel, size_t row, double x, double y)
{
    double total = 0.0, scale = BAR_WIDTH / panel->most_share;
    char text[32];

    for (size_t c = 0; c < panel->places->ranking->neurons.n_components; c++) {
        double share = share_of(panel, c, row);

        ba_svg_rect(panel->svg,
            (ba_box_t){x + total * scale, y + 0.5, share * scale, panel->row_height - 1},
            ba_palette_colour(FIRST_COLOUR + c), NULL);
        total += share;
    }
    if (panel->row_height >= 10) {
        snprintf(text, sizeof text, "%.0f %%", 100 * total);
        ba_svg_text(panel->svg, x + total * scale + 4, y + panel->row_height / 2 + 3.5,
            &ba_small_font, text);
    }
}

static void
draw_layers(const panel_t *panel)
{
    const ba_ranking_places_t *places = panel->places;
    size_t n_components = places->ranking->neurons.n_components;
    size_t every = (size_t) ceil(11 / panel->row_height);
    double bars = LEFT + (double) n_components * (panel->block + BETWEEN);
    ba_font_t font = ba_small_font;

    font.anchor = BA_ANCHOR_END;
    for (size_t row = 0; row < places->n_layers; row++) {
        double y = TOP + (double) (places->n_layers - 1 - row) * panel->row_height;
        char number[24];

        for (size_t c = 0; c < n_components; c++) {
            draw_cell(panel, c, row, LEFT + (double) c * (panel->block + BETWEEN), y);
        }
        draw_share(panel, row, bars, y);
        snprintf(number, sizeof number, "%zu", places->layers[row]);
        if (row % every == 0) {
            ba_svg_text(
                panel->svg, LEFT - 5, y + panel->row_height / 2 + 3.5, &font, number);
        }
    }
}

/* The names of the blocks, of the bars and of the axes. */
static void
draw_names(const panel_t *panel)
{
    const ba_ranking_places_t *places = panel->places;
    const ba_neuron_table_t *neurons = &places->ranking->neurons;
    double height = (double) places->n_layers * panel->row_height, x = LEFT;
    ba_font_t font = ba_small_font;

    for (size_t c = 0; c < neurons->n_components; c++) {
        ba_svg_rect(panel->svg, (ba_box_t){x, TOP - 13, 8, 8},
            ba_palette_colour(FIRST_COLOUR + c), NULL);
        ba_svg_text_within(panel->svg, (double[]){x + 12, TOP - 5}, panel->block - 12,
            &ba_small_font, neurons->component_names[c]);
        draw_ranks(panel, c, x, TOP + height);
        x += panel->block + BETWEEN;
    }
    ba_svg_text(panel->svg, x, TOP - 5, &ba_small_font, "share of layer");
    font.anchor = BA_ANCHOR_END;
    ba_svg_text(panel->svg, LEFT - 5, TOP + height + 13, &font, "rank");
    font.anchor = BA_ANCHOR_MIDDLE;
    font.angle = -90;
    ba_svg_text(panel->svg, 12, TOP + height / 2, &font, "layer");
}

/* From chance to the best score, in the colours between. */
static void
draw_scale(const panel_t *panel)
{
    double chance = panel->places->report->chance[panel->concept], x;
    char text[2][64], number[32];

    ba_number_print(panel->low, 3, number, sizeof number);
    snprintf(text[0], sizeof text[0], "%.20s %s%s", panel->places->ranking->method,
        number, panel->low == chance ? " (chance)" : "");
    ba_number_print(panel->high, 3, number, sizeof number);
    snprintf(text[1], sizeof text[1], "%s (best)", number);
    ba_svg_text(panel->svg, 0, 31, &ba_small_font, text[0]);
    x = ba_text_width(text[0], 10) + 4;
    for (size_t i = 0; i < 16; i++) {
        ba_svg_rect(panel->svg, (ba_box_t){x + (double) i * 4, 23, 4, 9},
            ba_palette_at(BA_PALETTE_SEQUENTIAL, ((double) i + 0.5) / 16), NULL);
    }
    ba_svg_text(panel->svg, x + 70, 31, &ba_small_font, text[1]);
}

/* Colours go from chance, or where the method knows none from the least score. */
static void
set_range(panel_t *panel)
{
    const ba_ranking_places_t *places = panel->places;
    double chance = places->report->chance[panel->concept];

    panel->low = (double) INFINITY;
    panel->high = -(double) INFINITY;
    for (size_t j = 0; j < places->ranking->n_neurons; j++) {
        if (isfinite(panel->scores[j])) {
            panel->low = fmin(panel->low, panel->scores[j]);
            panel->high = fmax(panel->high, panel->scores[j]);
        }
    }
    if (isfinite(chance)) {
        panel->low = chance;
    }
    if (!isfinite(panel->low)) {
        panel->low = 0.0;
    }
    if (!(panel->high > panel->low)) {
        panel->high = panel->low + 1.0;
    }
    for (size_t row = 0; row < places->n_layers; row++) {
        double total = 0.0;

        for (size_t c = 0; c < places->ranking->neurons.n_components; c++) {
            total += share_of(panel, c, row);
        }
        panel->most_share = fmax(panel->most_share, total);
    }
}

/* Scores of a concept by cell, best first. */
static int
sort_scores(const ba_ranking_places_t *places, size_t concept, double *scores)
{
    const ba_ranking_t *ranking = places->ranking;
    size_t p = ranking->n_neurons, *next = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(next, ba_malloc(places->n_cells, sizeof *next));
    memcpy(next, places->first, places->n_cells * sizeof *next);
    for (size_t k = 0; k < p; k++) {
        size_t neuron = ranking->order[concept * p + k];

        scores[next[ba_ranking_cell(places, neuron)]++] =
            ranking->score[concept * p + neuron];
    }
out:
    ba_free(next);
    return status;
}

static int
draw_concept(ba_figure_t *figure, const ba_ranking_places_t *places, size_t concept,
    double *scores)
{
    static const char *const classes[] = {"", " (open class)", " (closed class)"};
    const ba_word_class_t *class = places->report->classes;
    size_t n_components = places->ranking->neurons.n_components;
    panel_t panel = {.places = places,
        .concept = concept,
        .scores = scores,
        .block = fmin(fmax(330.0 / (double) n_components, 40.0), 180.0),
        .row_height = fmin(fmax(150.0 / (double) places->n_layers, 3.0), 14.0),
        .most_share = 1e-12};
    char *title = NULL;
    int status;

    BA_TRY(sort_scores(places, concept, scores));
    set_range(&panel);
    BA_TRY_ALLOC(title, ba_asprintf("%s%s", places->ranking->concepts[concept],
                            classes[class ? class[concept] : BA_CLASS_UNKNOWN]));
    panel.svg = ba_figure_panel(figure,
        LEFT + (double) n_components * (panel.block + BETWEEN) + BAR_ROOM,
        TOP + (double) places->n_layers * panel.row_height + 18, title);
    draw_scale(&panel);
    draw_names(&panel);
    ba_svg_put(panel.svg, "<g shape-rendering=\"crispEdges\">\n");
    draw_layers(&panel);
    ba_svg_close(panel.svg);
    BA_TRY(ba_figure_panel_end(figure));
out:
    ba_free(title);
    return status;
}

static int
set_title(ba_figure_t *figure, const ba_ranking_places_t *places)
{
    const ba_ranking_t *ranking = places->ranking;
    char *title = NULL, *note = NULL, *left_out = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(title, ba_asprintf("Neurons of concepts by %s", ranking->method));
    BA_TRY_ALLOC(left_out, places->n_concepts < ranking->n_concepts
                               ? ba_asprintf("the first %zu of ", places->n_concepts)
                               : ba_strdup(""));
    BA_TRY_ALLOC(note,
        ba_asprintf("%zu neurons, %zu training tokens, %s%zu concept%s. Units of each "
                    "layer from the best one on the left (width by the square root "
                    "of the rank). Grey: not defined.",
            ranking->n_neurons, places->report->n_train, left_out, ranking->n_concepts,
            ranking->n_concepts == 1 ? "" : "s"));
    BA_TRY(ba_figure_title(figure, title, note));
out:
    ba_free(title);
    ba_free(note);
    ba_free(left_out);
    return status;
}

int
ba_figure_ranking(
    ba_figure_t *figure, const ba_ranking_t *ranking, const ba_rank_report_t *report)
{
    ba_ranking_places_t places;
    double *scores = NULL;
    int status;

    BA_TRY(ba_ranking_places(ranking, report, &places));
    BA_TRY_ALLOC(scores, ba_malloc(ranking->n_neurons, sizeof *scores));
    BA_TRY(set_title(figure, &places));
    BA_TRY(ba_figure_localisation(figure, &places));
    for (size_t r = 0; r < places.n_concepts; r++) {
        BA_TRY(draw_concept(figure, &places, r, scores));
    }
out:
    ba_ranking_places_free(&places);
    ba_free(scores);
    return status;
}
