/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bars from left to right. */
#include "report/figure_impl.h"

#include "core/alloc.h"
#include "io/number.h"
#include "report/axis.h"
#include "report/palette.h"

#include <math.h>

enum { MOST_LABEL = 150, ROW = 15, BELOW = 42, NUMBER = 44 };

typedef struct {
    const ba_figure_bars_t *bars;
    ba_axis_t axis;
    ba_box_t box;
    double row_height;
} layout_t;

static double
value_of(const ba_figure_bars_t *bars, size_t name, size_t group)
{
    double value = bars->values[name * bars->n_groups + group];

    return isfinite(value) ? value : 0.0;
}

/* Stacked bars: the sum of all groups. */
static double
total_of(const ba_figure_bars_t *bars, size_t name)
{
    double total = 0.0;

    for (size_t g = 0; g < bars->n_groups; g++) {
        total += value_of(bars, name, g);
    }
    return total;
}

static void
set_axis(layout_t *layout)
{
    const ba_figure_bars_t *bars = layout->bars;

    layout->axis =
        (ba_axis_t){0.0, 0.0, 0, layout->box.x, layout->box.x + layout->box.width};
    for (size_t i = 0; i < bars->n_names; i++) {
        if (bars->is_stacked) {
            ba_axis_include(&layout->axis, total_of(bars, i));
            continue;
        }
        for (size_t g = 0; g < bars->n_groups; g++) {
            size_t at = i * bars->n_groups + g;

            ba_axis_include(&layout->axis, bars->values[at]);
            ba_axis_include(&layout->axis, bars->low ? bars->low[at] : 0.0);
            ba_axis_include(&layout->axis, bars->high ? bars->high[at] : 0.0);
        }
    }
    ba_axis_finish(&layout->axis, 1);
}

/* A bar from one value to another. */
static void
draw_bar(ba_svg_t *svg, const layout_t *layout, const double ends[2], double y,
    double height, size_t group)
{
    double a = ba_axis_at(&layout->axis, ends[0]), b = ba_axis_at(&layout->axis, ends[1]);

    ba_svg_rect(svg, (ba_box_t){fmin(a, b), y, fabs(b - a), height},
        ba_palette_colour(group), NULL);
}

/* The number behind whatever ends last, a bar or its whisker. */
static void
draw_number(
    ba_svg_t *svg, const layout_t *layout, double value, const double *high, double y)
{
    char text[BA_TICK_TEXT];
    double end = fmax(value, 0.0);

    if (high && isfinite(*high)) {
        end = fmax(end, *high);
    }
    if (layout->bars->digits > 0) {
        ba_number_print(value, layout->bars->digits, text, sizeof text);
        ba_svg_text(
            svg, ba_axis_at(&layout->axis, end) + 4, y + 3.5, &ba_small_font, text);
    }
}

static void
draw_whisker(ba_svg_t *svg, const layout_t *layout, size_t at, double y)
{
    const ba_figure_bars_t *bars = layout->bars;

    if (bars->low && bars->high && isfinite(bars->low[at]) && isfinite(bars->high[at])) {
        double from[2] = {ba_axis_at(&layout->axis, bars->low[at]), y};
        double to[2] = {ba_axis_at(&layout->axis, bars->high[at]), y};

        ba_svg_line(svg, from, to, (ba_pen_t){BA_COLOUR_INK, 1, 0});
    }
}

static void
draw_row(ba_svg_t *svg, const layout_t *layout, size_t name)
{
    const ba_figure_bars_t *bars = layout->bars;
    double y = layout->box.y + (double) name * layout->row_height, ends[2] = {0.0, 0.0};
    double height = bars->is_stacked ? layout->row_height - 4
                                     : (layout->row_height - 4) / (double) bars->n_groups;

    for (size_t g = 0; g < bars->n_groups; g++) {
        size_t at = name * bars->n_groups + g;
        double top = y + 2 + (bars->is_stacked ? 0.0 : (double) g * height);

        if (!isfinite(bars->values[at])) {
            continue;
        }
        ends[0] = bars->is_stacked ? ends[1] : 0.0;
        ends[1] = ends[0] + bars->values[at];
        draw_bar(svg, layout, ends, top, height, g);
        if (!bars->is_stacked) {
            draw_whisker(svg, layout, at, top + height / 2);
            draw_number(svg, layout, bars->values[at],
                bars->high ? &bars->high[at] : NULL, top + height / 2);
        }
    }
    if (bars->is_stacked) {
        draw_number(svg, layout, ends[1], NULL, y + layout->row_height / 2);
    }
}

static void
draw_names(ba_svg_t *svg, const layout_t *layout)
{
    ba_font_t font = ba_small_font;

    font.anchor = BA_ANCHOR_END;
    for (size_t i = 0; i < layout->bars->n_names; i++) {
        double at[2] = {layout->box.x - 6,
            layout->box.y + ((double) i + 0.5) * layout->row_height + 3.5};

        ba_svg_text_within(svg, at, MOST_LABEL, &font, layout->bars->names[i]);
    }
}

static int
draw_legend(ba_svg_t *svg, const layout_t *layout)
{
    const ba_figure_bars_t *bars = layout->bars;
    double at[2] = {layout->box.x + layout->box.width + NUMBER, layout->box.y + 2};
    uint32_t *colours = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(colours, ba_malloc(bars->n_groups, sizeof *colours));
    for (size_t g = 0; g < bars->n_groups; g++) {
        colours[g] = ba_palette_colour(g);
    }
    ba_legend_draw(svg, at, bars->groups, colours, bars->n_groups);
out:
    ba_free(colours);
    return status;
}

static int
check(const ba_figure_bars_t *bars)
{
    size_t n;
    int status;

    BA_TRY(ba_multiply(bars->n_names, bars->n_groups, &n));
    if (n == 0) {
        return ba_fail(BA_VALUE, "bars: found none, wanted at least 1");
    }
    if (n > BA_MOST_MARKS) {
        return ba_fail(
            BA_TOO_LARGE, "bars: found %zu, wanted at most %d", n, (int) BA_MOST_MARKS);
    }
out:
    return status;
}

int
ba_figure_bars(ba_figure_t *figure, const ba_figure_bars_t *bars)
{
    layout_t layout = {.bars = bars};
    double legend = 0.0;
    ba_svg_t *svg;
    int status;

    BA_TRY(check(bars));
    layout.row_height =
        bars->is_stacked ? ROW : 4 + fmax(11.0, 9.0 * (double) bars->n_groups);
    layout.box =
        (ba_box_t){ba_texts_width(bars->names, bars->n_names, 10, MOST_LABEL) + 10,
            bars->title ? BA_TITLE_HEIGHT + 4 : 4, bars->width > 0 ? bars->width : 240,
            (double) bars->n_names * layout.row_height};
    legend =
        bars->groups ? ba_texts_width(bars->groups, bars->n_groups, 10, 160) + 20 : 0;
    set_axis(&layout);
    svg = ba_figure_panel(figure, layout.box.x + layout.box.width + NUMBER + legend,
        layout.box.y + layout.box.height + BELOW, bars->title);
    ba_axis_draw_x(svg, layout.box, &layout.axis, bars->value_label);
    for (size_t i = 0; i < bars->n_names; i++) {
        draw_row(svg, &layout, i);
    }
    draw_names(svg, &layout);
    if (bars->groups) {
        BA_TRY(draw_legend(svg, &layout));
    }
    BA_TRY(ba_figure_panel_end(figure));
out:
    return status;
}
