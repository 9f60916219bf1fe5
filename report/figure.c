/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page: panels flow from left to right and are written as one file at the end. */
#include "report/figure_impl.h"

#include "core/alloc.h"
#include "report/palette.h"

#include <math.h>
#include <stdio.h>

enum { MARGIN = 20, GAP = 24, MOST_WIDTH = 1060 };

const ba_font_t ba_title_font = {13, BA_ANCHOR_START, BA_COLOUR_INK, 1, 0};
const ba_font_t ba_label_font = {11, BA_ANCHOR_START, BA_COLOUR_INK, 0, 0};
const ba_font_t ba_small_font = {10, BA_ANCHOR_START, BA_COLOUR_FAINT, 0, 0};

static const ba_font_t page_font = {17, BA_ANCHOR_START, BA_COLOUR_INK, 1, 0};

int
ba_figure_create(const char *file, int force, ba_figure_t **out)
{
    ba_figure_t *figure = NULL;
    int status;

    *out = NULL;
    BA_TRY_ALLOC(figure, ba_calloc(1, sizeof *figure));
    BA_TRY(ba_outfile_create(file, force, &figure->file));
    *out = figure;
    figure = NULL;
out:
    ba_figure_free(figure);
    return status;
}

void
ba_figure_free(ba_figure_t *figure)
{
    if (figure) {
        ba_outfile_free(figure->file);
        ba_svg_free(&figure->body);
        ba_free(figure->title);
        ba_free(figure->note);
        ba_free(figure);
    }
}

static int
replace(char **kept, const char *text)
{
    int status = BA_OK;

    ba_free(*kept);
    *kept = NULL;
    if (text) {
        BA_TRY_ALLOC(*kept, ba_strdup(text));
    }
out:
    return status;
}

int
ba_figure_title(ba_figure_t *figure, const char *title, const char *note)
{
    int status;

    BA_TRY(replace(&figure->title, title));
    BA_TRY(replace(&figure->note, note));
out:
    return status;
}

void
ba_figure_break(ba_figure_t *figure)
{
    if (figure->x > 0.0) {
        figure->y += figure->line_height + GAP;
        figure->x = figure->line_height = 0.0;
    }
}

ba_svg_t *
ba_figure_panel(ba_figure_t *figure, double width, double height, const char *title)
{
    ba_svg_t *svg = &figure->body;

    if (figure->x + width > MOST_WIDTH) {
        ba_figure_break(figure);
    }
    ba_svg_open(svg, figure->x, figure->y);
    if (title) {
        ba_svg_text_within(svg, (double[]){0, 13}, width, &ba_title_font, title);
    }
    figure->width = fmax(figure->width, figure->x + width);
    figure->line_height = fmax(figure->line_height, height);
    figure->x += width + GAP;
    figure->n_panels++;
    return svg;
}

int
ba_figure_panel_end(ba_figure_t *figure)
{
    ba_svg_close(&figure->body);
    return ba_svg_status(&figure->body);
}

static void
put_size(ba_svg_t *svg, double width, double height)
{
    ba_svg_put(svg, " width=\"");
    ba_svg_put_number(svg, width);
    ba_svg_put(svg, "\" height=\"");
    ba_svg_put_number(svg, height);
    ba_svg_put(svg, "\" viewBox=\"0 0 ");
    ba_svg_put_number(svg, width);
    ba_svg_put(svg, " ");
    ba_svg_put_number(svg, height);
    ba_svg_put(svg, "\"");
}

/* What stands before the panels. */
static void
put_head(const ba_figure_t *figure, ba_svg_t *svg)
{
    double top = (figure->title ? 28.0 : 0.0) + (figure->note ? 18.0 : 0.0);
    double width = ceil(figure->width) + 2 * MARGIN;
    double height = ceil(figure->y + figure->line_height + top) + 2 * MARGIN;

    ba_svg_put(svg, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                    "<svg xmlns=\"http://www.w3.org/2000/svg\"");
    put_size(svg, width, height);
    ba_svg_put(
        svg, " font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\">\n");
    if (figure->title) {
        ba_svg_put(svg, "<title>");
        ba_svg_put_text(svg, figure->title);
        ba_svg_put(svg, "</title>\n");
    }
    ba_svg_rect(svg, (ba_box_t){0, 0, width, height}, 0xffffff, NULL);
    if (figure->title) {
        ba_svg_text_within(svg, (double[]){MARGIN, MARGIN + 14}, figure->width,
            &page_font, figure->title);
    }
    if (figure->note) {
        ba_svg_text_within(svg, (double[]){MARGIN, MARGIN + top - 12}, figure->width,
            &ba_small_font, figure->note);
    }
    ba_svg_open(svg, MARGIN, MARGIN + top);
}

int
ba_figure_commit(ba_figure_t *figure)
{
    ba_svg_t head = {.text = NULL};
    int status;

    if (figure->n_panels == 0) {
        BA_TRY(ba_fail(BA_VALUE, "%s: found no panel, wanted at least 1",
            ba_outfile_path(figure->file)));
    }
    put_head(figure, &head);
    ba_svg_put(&figure->body, "</g>\n</svg>\n");
    BA_TRY(ba_svg_status(&head));
    BA_TRY(ba_svg_status(&figure->body));
    BA_TRY(ba_outfile_write(figure->file, head.text, head.n));
    BA_TRY(ba_outfile_write(figure->file, figure->body.text, figure->body.n));
    BA_TRY(ba_outfile_commit(figure->file));
out:
    ba_svg_free(&head);
    return status;
}

void
ba_svg_text_within(ba_svg_t *svg, const double at[2], double width, const ba_font_t *font,
    const char *text)
{
    char *cut = ba_text_cut(text, font->size, font->is_bold ? width / 1.06 : width);

    if (!cut) {
        svg->status = BA_NOMEM;
        return;
    }
    ba_svg_text(svg, at[0], at[1], font, cut);
    ba_free(cut);
}

double
ba_texts_width(const char *const *texts, size_t n, double size, double most)
{
    double width = 0.0;
    char number[32];

    if (!texts) {
        snprintf(number, sizeof number, "%zu", n);
        return ba_text_width(number, size);
    }
    for (size_t i = 0; i < n; i++) {
        width = fmax(width, texts[i] ? ba_text_width(texts[i], size) : 0.0);
    }
    return fmin(width, most);
}

void
ba_legend_draw(ba_svg_t *svg, const double at[2], const char *const *names,
    const uint32_t *colours, size_t n)
{
    double y = at[1];

    for (size_t i = 0; i < n; i++) {
        if (names[i]) {
            ba_svg_rect(svg, (ba_box_t){at[0], y, 10, 10}, colours[i], NULL);
            ba_svg_text_within(
                svg, (double[]){at[0] + 15, y + 9}, 160, &ba_small_font, names[i]);
            y += BA_LEGEND_LINE;
        }
    }
}
