/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A box of text with bars under it. */
#include "report/figure_impl.h"

#include "core/alloc.h"
#include "report/palette.h"

#include <math.h>
#include <string.h>

enum {
    WIDTH = 330,
    PAD = 10,
    LINE = 14,
    BAR_LINE = 15,
    BAR_START = 110,
    BAR_WIDTH = 140,
    MOST_LINES = 3
};

static const double text_width = WIDTH - 2 * PAD;

/* Bytes of the next line of a text: up to the last space that fits. */
static size_t
line_end(const char *text)
{
    size_t n = ba_text_fitting(text, ba_label_font.size, text_width), at = n;

    if (!text[n]) {
        return n;
    }
    while (at > 0 && text[at] != ' ') {
        at--;
    }
    return at > 0 ? at : n;
}

static size_t
count_lines(const char *text)
{
    size_t n = 0;

    while (*text && n < MOST_LINES) {
        text += line_end(text);
        text += *text == ' ';
        n++;
    }
    return n;
}

/* Draws up to MOST_LINES lines, the last one cut; returns where the next goes. */
static double
draw_lines(ba_svg_t *svg, const char *text, double y)
{
    size_t n_lines = count_lines(text);

    for (size_t i = 0; i < n_lines && svg->status == BA_OK; i++) {
        size_t n = i + 1 < n_lines ? line_end(text) : strlen(text);
        char *line = ba_asprintf("%.*s", (int) n, text);

        if (!line) {
            svg->status = BA_NOMEM;
            break;
        }
        ba_svg_text_within(
            svg, (double[]){PAD, y + 10}, text_width, &ba_label_font, line);
        ba_free(line);
        text += n;
        text += *text == ' ';
        y += LINE;
    }
    return y;
}

static void
draw_bar(ba_svg_t *svg, const ba_figure_card_t *card, size_t i, double y)
{
    double value = fmin(fmax(card->values[i], 0.0), 1.0);
    ba_font_t font = ba_label_font;

    font.anchor = BA_ANCHOR_END;
    ba_svg_text_within(svg, (double[]){BAR_START - 6, y + 10}, BAR_START - 6 - PAD, &font,
        card->names[i]);
    ba_svg_rect(svg, (ba_box_t){BAR_START, y + 2, BAR_WIDTH * value, BAR_LINE - 5},
        ba_palette_colour(card->kinds ? card->kinds[i] : 0), NULL);
    if (card->notes && card->notes[i]) {
        ba_svg_text_within(svg, (double[]){BAR_START + BAR_WIDTH + 6, y + 10},
            WIDTH - BAR_START - BAR_WIDTH - 6 - PAD, &ba_small_font, card->notes[i]);
    }
}

int
ba_figure_card(ba_figure_t *figure, const ba_figure_card_t *card)
{
    double height = 2 * PAD + (double) card->n_bars * BAR_LINE, y = PAD;
    ba_svg_t *svg;

    height += card->title ? 18 : 0;
    height += card->subtitle ? 14 : 0;
    for (size_t i = 0; i < card->n_lines; i++) {
        height += (double) count_lines(card->lines[i]) * LINE;
    }
    height += card->n_bars > 0 && card->n_lines > 0 ? 6 : 0;
    svg = ba_figure_panel(figure, WIDTH, height, NULL);
    ba_svg_frame(svg, (ba_box_t){0, 0, WIDTH, height}, BA_COLOUR_NONE);
    if (card->title) {
        ba_svg_text_within(
            svg, (double[]){PAD, y + 12}, text_width, &ba_title_font, card->title);
        y += 18;
    }
    if (card->subtitle) {
        ba_svg_text_within(
            svg, (double[]){PAD, y + 9}, text_width, &ba_small_font, card->subtitle);
        y += 14;
    }
    for (size_t i = 0; i < card->n_lines; i++) {
        y = draw_lines(svg, card->lines[i], y);
    }
    y += card->n_bars > 0 && card->n_lines > 0 ? 6 : 0;
    for (size_t i = 0; i < card->n_bars; i++) {
        draw_bar(svg, card, i, y + (double) i * BAR_LINE);
    }
    return ba_figure_panel_end(figure);
}
