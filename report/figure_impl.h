/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page behind the panels. */
#ifndef BA_REPORT_FIGURE_IMPL_H
#define BA_REPORT_FIGURE_IMPL_H

#include "brainalign/figure.h"

#include "io/outfile.h"
#include "report/svg.h"

/* Most values of a matrix, and points of a plot. */
enum { BA_MOST_MARKS = 250000 };

struct ba_figure {
    ba_outfile_t *file;
    ba_svg_t body;
    char *title, *note;
    size_t n_panels;
    double x, y, line_height; /* where the next panel goes */
    double width;             /* of the widest line */
};

extern const ba_font_t ba_title_font, ba_label_font, ba_small_font;

/* A panel of this size begins: coordinates start at its corner until the end. The title,
 * cut to the width, takes BA_TITLE_HEIGHT; it may be NULL. */
enum { BA_TITLE_HEIGHT = 22 };
ba_svg_t *ba_figure_panel(
    ba_figure_t *figure, double width, double height, const char *title);
int ba_figure_panel_end(ba_figure_t *figure) BA_MUST_USE;

/* Text that is cut at a width. */
void ba_svg_text_within(ba_svg_t *svg, const double at[2], double width,
    const ba_font_t *font, const char *text);

/* Width of the widest of n texts, at most `most`. NULL: of the numbers 0 .. n - 1. */
double ba_texts_width(const char *const *texts, size_t n, double size, double most);

/* Colour squares with names, one below the other from (x, y); NULL names take no line. */
enum { BA_LEGEND_LINE = 16 };
void ba_legend_draw(ba_svg_t *svg, const double at[2], const char *const *names,
    const uint32_t *colours, size_t n);

#endif
