/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines with bands, and points, on two axes. */
#include "report/figure_impl.h"

#include "core/alloc.h"
#include "report/axis.h"
#include "report/palette.h"

#include <math.h>

enum { LEFT = 62, BELOW = 42, MOST_NAME = 175 };

typedef struct {
    const ba_figure_plot_t *plot;
    ba_axis_t x, y;
    ba_box_t box;
    uint32_t *colours; /* n_series */
} layout_t;

static int
is_shown(const layout_t *layout, const ba_figure_series_t *series, size_t i)
{
    return ba_axis_shows(&layout->x, series->x[i]) &&
           ba_axis_shows(&layout->y, series->y[i]);
}

static void
set_axes(layout_t *layout)
{
    const ba_figure_plot_t *plot = layout->plot;
    double inf = (double) INFINITY;
    int round = !(plot->x_low < plot->x_high);
    const ba_box_t *box = &layout->box;

    layout->x = (ba_axis_t){inf, -inf, plot->x_is_log, box->x, box->x + box->width};
    layout->y = (ba_axis_t){inf, -inf, plot->y_is_log, box->y + box->height, box->y};
    for (size_t s = 0; s < plot->n_series; s++) {
        const ba_figure_series_t *series = &plot->series[s];

        for (size_t i = 0; i < series->n; i++) {
            if (is_shown(layout, series, i)) {
                ba_axis_include(&layout->x, series->x[i]);
                ba_axis_include(&layout->y, series->y[i]);
                ba_axis_include(&layout->y, series->low ? series->low[i] : series->y[i]);
                ba_axis_include(
                    &layout->y, series->high ? series->high[i] : series->y[i]);
            }
        }
    }
    for (size_t m = 0; m < plot->n_marks; m++) {
        ba_axis_include(&layout->y, plot->marks[m].y);
    }
    if (plot->x_low < plot->x_high) {
        layout->x.low = plot->x_low;
        layout->x.high = plot->x_high;
    }
    if (plot->y_low < plot->y_high) {
        layout->y.low = plot->y_low;
        layout->y.high = plot->y_high;
    }
    /* Lines begin at the axis, points keep away from it. */
    for (size_t s = 0; s < plot->n_series; s++) {
        round &= plot->series[s].kind == BA_SERIES_POINTS;
    }
    ba_axis_finish(&layout->x, round);
    ba_axis_finish(&layout->y, !(plot->y_low < plot->y_high));
}

/* Runs of points that are shown, each as a line or as a band of 2 n corners. */
static void
draw_runs(ba_svg_t *svg, const layout_t *layout, size_t s, double *points)
{
    const ba_figure_series_t *series = &layout->plot->series[s];
    uint32_t colour = layout->colours[s];
    ba_pen_t pen = {colour, series->width > 0 ? series->width : 1.8, series->is_dashed};
    size_t n = series->n;

    for (size_t first = 0, stop; first < n; first = stop + 1) {
        for (stop = first; stop < n && is_shown(layout, series, stop); stop++) {
        }
        for (size_t i = first; i < stop && series->low && series->high; i++) {
            double x = ba_axis_at(&layout->x, series->x[i]);
            size_t back = 2 * (stop - first) - 1 - (i - first);

            points[2 * (i - first)] = points[2 * back] = x;
            points[2 * (i - first) + 1] = ba_axis_at(&layout->y, series->low[i]);
            points[2 * back + 1] = ba_axis_at(&layout->y, series->high[i]);
        }
        if (stop > first && series->low && series->high) {
            ba_svg_polygon(svg, points, 2 * (stop - first), colour);
        }
        for (size_t i = first; i < stop; i++) {
            points[2 * (i - first)] = ba_axis_at(&layout->x, series->x[i]);
            points[2 * (i - first) + 1] = ba_axis_at(&layout->y, series->y[i]);
        }
        if (stop > first) {
            ba_svg_polyline(
                svg, points, stop - first, pen, series->tip ? series->tip : series->name);
        }
    }
}

static void
draw_points(ba_svg_t *svg, const layout_t *layout, size_t s)
{
    const ba_figure_series_t *series = &layout->plot->series[s];
    int has_whiskers = series->kind == BA_SERIES_POINTS && series->low && series->high;

    for (size_t i = 0; i < series->n; i++) {
        const char *label = series->labels ? series->labels[i] : NULL;
        double at[2], low, high;

        if (!is_shown(layout, series, i)) {
            continue;
        }
        at[0] = ba_axis_at(&layout->x, series->x[i]);
        at[1] = ba_axis_at(&layout->y, series->y[i]);
        if (has_whiskers) {
            low = ba_axis_at(&layout->y, series->low[i]);
            high = ba_axis_at(&layout->y, series->high[i]);
            ba_svg_line(svg, (double[]){at[0], low}, (double[]){at[0], high},
                (ba_pen_t){layout->colours[s], 1, 0});
        }
        ba_svg_circle(svg, at, 3, layout->colours[s],
            label         ? label
            : series->tip ? series->tip
                          : series->name);
        if (label) {
            ba_svg_text_within(
                svg, (double[]){at[0] + 5, at[1] + 3.5}, 120, &ba_small_font, label);
        }
    }
}

static int
draw_series(ba_svg_t *svg, const layout_t *layout, size_t s)
{
    const ba_figure_series_t *series = &layout->plot->series[s];
    double *points = NULL;
    int status = BA_OK;

    if (series->kind != BA_SERIES_POINTS) {
        BA_TRY_ALLOC(points, ba_malloc(series->n, 4 * sizeof *points));
        draw_runs(svg, layout, s, points);
    }
    if (series->kind != BA_SERIES_LINE) {
        draw_points(svg, layout, s);
    }
out:
    ba_free(points);
    return status;
}

static void
draw_marks(ba_svg_t *svg, const layout_t *layout)
{
    const ba_box_t *box = &layout->box;
    ba_font_t font = ba_small_font;

    font.anchor = BA_ANCHOR_END;
    for (size_t m = 0; m < layout->plot->n_marks; m++) {
        const ba_figure_mark_t *mark = &layout->plot->marks[m];
        double y;

        if (!ba_axis_shows(&layout->y, mark->y)) {
            continue;
        }
        y = ba_axis_at(&layout->y, mark->y);
        ba_svg_line(svg, (double[]){box->x, y}, (double[]){box->x + box->width, y},
            (ba_pen_t){BA_COLOUR_FAINT, 1, 1});
        if (mark->name) {
            ba_svg_text_within(svg, (double[]){box->x + box->width - 3, y - 4},
                box->width, &font, mark->name);
        }
    }
}

/* Each name with a piece of its line, or a point. */
static void
draw_legend(ba_svg_t *svg, const layout_t *layout)
{
    double x = layout->box.x + layout->box.width + 14, y = layout->box.y + 6;

    for (size_t s = 0; s < layout->plot->n_series; s++) {
        const ba_figure_series_t *series = &layout->plot->series[s];

        if (!series->name) {
            continue;
        }
        if (series->kind != BA_SERIES_POINTS) {
            ba_svg_line(svg, (double[]){x, y}, (double[]){x + 16, y},
                (ba_pen_t){layout->colours[s], 2, series->is_dashed});
        }
        if (series->kind != BA_SERIES_LINE) {
            ba_svg_circle(svg, (double[]){x + 8, y}, 3, layout->colours[s], NULL);
        }
        ba_svg_text_within(
            svg, (double[]){x + 22, y + 3.5}, MOST_NAME, &ba_small_font, series->name);
        y += BA_LEGEND_LINE;
    }
}

static int
check(const ba_figure_plot_t *plot)
{
    size_t n = 0;

    for (size_t s = 0; s < plot->n_series; s++) {
        if (plot->series[s].n > BA_MOST_MARKS - n) {
            return ba_fail(
                BA_TOO_LARGE, "plot: wanted at most %d points", (int) BA_MOST_MARKS);
        }
        n += plot->series[s].n;
    }
    return n > 0 ? BA_OK : ba_fail(BA_VALUE, "plot: found no points, wanted at least 1");
}

static double
legend_width(const ba_figure_plot_t *plot)
{
    double width = 0.0;

    for (size_t s = 0; s < plot->n_series; s++) {
        if (plot->series[s].name) {
            width = fmax(width, ba_text_width(plot->series[s].name, 10));
        }
    }
    return width > 0.0 ? fmin(width, MOST_NAME) + 38 : 8;
}

int
ba_figure_plot(ba_figure_t *figure, const ba_figure_plot_t *plot)
{
    layout_t layout = {.plot = plot,
        .box = {LEFT, plot->title ? BA_TITLE_HEIGHT + 4 : 8,
            plot->width > 0 ? plot->width : 340, plot->height > 0 ? plot->height : 220}};
    ba_svg_t *svg;
    int status;

    BA_TRY(check(plot));
    BA_TRY_ALLOC(layout.colours, ba_malloc(plot->n_series, sizeof *layout.colours));
    for (size_t s = 0; s < plot->n_series; s++) {
        uint32_t colour = plot->series[s].colour;

        layout.colours[s] = colour ? colour : ba_palette_colour(s);
    }
    set_axes(&layout);
    svg = ba_figure_panel(figure, LEFT + layout.box.width + legend_width(plot),
        layout.box.y + layout.box.height + BELOW, plot->title);
    ba_axis_draw_x(svg, layout.box, &layout.x, plot->x_label);
    ba_axis_draw_y(svg, layout.box, &layout.y, plot->y_label);
    draw_marks(svg, &layout);
    for (size_t s = 0; s < plot->n_series; s++) {
        BA_TRY(draw_series(svg, &layout, s));
    }
    draw_legend(svg, &layout);
    BA_TRY(ba_figure_panel_end(figure));
out:
    ba_free(layout.colours);
    return status;
}
