/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A matrix in colours: one rectangle a value, names beside it, a scale on its right. */
#include "report/figure_impl.h"

#include "core/alloc.h"
#include "io/number.h"
#include "report/axis.h"
#include "report/palette.h"

#include <math.h>
#include <stdio.h>

enum { MOST_LABEL = 150, SCALE_STEPS = 32, SCALE_WIDTH = 12, SCALE_ROOM = 74 };

typedef struct {
    const ba_figure_matrix_t *matrix;
    double low, high, cell_width, cell_height;
    ba_box_t box;
    int turned;          /* column labels stand upright */
    double label_height; /* of the column labels */
    size_t n_missing;
} layout_t;

static void
set_range(layout_t *layout)
{
    const ba_figure_matrix_t *matrix = layout->matrix;
    size_t n = matrix->n_rows * matrix->n_columns;
    double low = (double) INFINITY, high = -(double) INFINITY;

    for (size_t i = 0; i < n; i++) {
        if (isfinite(matrix->values[i])) {
            low = fmin(low, matrix->values[i]);
            high = fmax(high, matrix->values[i]);
        } else {
            layout->n_missing++;
        }
    }
    if (matrix->palette == BA_PALETTE_DIVERGING && low <= high) {
        high = fmax(fabs(low), fabs(high));
        low = -high;
    }
    if (matrix->low != matrix->high) {
        low = matrix->low;
        high = matrix->high;
    }
    layout->low = low < high ? low : low == high ? low - 0.5 : 0.0;
    layout->high = low < high ? high : layout->low + 1.0;
}

static void
set_layout(layout_t *layout)
{
    const ba_figure_matrix_t *matrix = layout->matrix;
    double n_rows = (double) matrix->n_rows, n_columns = (double) matrix->n_columns;
    double names = ba_texts_width(matrix->columns, matrix->n_columns, 10, MOST_LABEL);

    set_range(layout);
    layout->cell_width = fmin(fmax(600.0 / n_columns, 2.0), 22.0);
    layout->cell_height = fmin(fmax(500.0 / n_rows, 2.0), 16.0);
    layout->turned = names + 4 > layout->cell_width && matrix->columns;
    layout->label_height = layout->turned ? names + 8 : 16;
    layout->box =
        (ba_box_t){.x = ba_texts_width(matrix->rows, matrix->n_rows, 10, MOST_LABEL) + 6 +
                        (matrix->row_label ? 18 : 0),
            .y = matrix->title ? BA_TITLE_HEIGHT : 4,
            .width = n_columns * layout->cell_width,
            .height = n_rows * layout->cell_height};
}

static void
draw_cell(ba_svg_t *svg, const layout_t *layout, size_t row, size_t column)
{
    const ba_figure_matrix_t *matrix = layout->matrix;
    double value = matrix->values[row * matrix->n_columns + column];
    double share = isfinite(value) ? (value - layout->low) / (layout->high - layout->low)
                                   : (double) NAN;
    ba_box_t box = {layout->box.x + (double) column * layout->cell_width,
        layout->box.y + (double) row * layout->cell_height, layout->cell_width,
        layout->cell_height};
    char *tip = NULL, names[2][24], text[32];
    const char *row_name = names[0], *column_name = names[1];

    snprintf(names[0], sizeof names[0], "%zu", row);
    snprintf(names[1], sizeof names[1], "%zu", column);
    ba_number_print(value, 4, text, sizeof text);
    tip = ba_asprintf("%s, %s: %s", matrix->rows ? matrix->rows[row] : row_name,
        matrix->columns ? matrix->columns[column] : column_name, text);
    if (!tip) {
        svg->status = BA_NOMEM;
        return;
    }
    ba_svg_rect(svg, box, ba_palette_at(matrix->palette, share), tip);
    ba_free(tip);
}

/* Names of rows or columns, as many as have room. */
static void
draw_names(ba_svg_t *svg, const layout_t *layout, int of_columns)
{
    const ba_figure_matrix_t *matrix = layout->matrix;
    const char *const *names = of_columns ? matrix->columns : matrix->rows;
    size_t n = of_columns ? matrix->n_columns : matrix->n_rows;
    double step = of_columns ? layout->cell_width : layout->cell_height;
    double needed = of_columns && !layout->turned
                        ? ba_texts_width(names, n, 10, MOST_LABEL) + 4
                        : 11.0;
    size_t every = (size_t) ceil(needed / step);
    double bottom = layout->box.y + layout->box.height;
    ba_font_t font = ba_small_font;

    font.anchor = of_columns && !layout->turned ? BA_ANCHOR_MIDDLE : BA_ANCHOR_END;
    font.angle = of_columns && layout->turned ? -90 : 0;
    for (size_t i = 0; i < n; i += every) {
        double middle = ((double) i + 0.5) * step;
        double at[2] = {layout->box.x - 5, layout->box.y + middle + 3.5};
        char number[24];

        if (of_columns) {
            at[0] = layout->box.x + middle + (layout->turned ? 3.5 : 0);
            at[1] = bottom + (layout->turned ? 5 : 13);
        }
        snprintf(number, sizeof number, "%zu", i);
        ba_svg_text_within(svg, at, MOST_LABEL, &font, names ? names[i] : number);
    }
}

static void
draw_labels(ba_svg_t *svg, const layout_t *layout)
{
    const ba_figure_matrix_t *matrix = layout->matrix;
    const ba_box_t *box = &layout->box;
    ba_font_t font = ba_label_font;

    font.anchor = BA_ANCHOR_MIDDLE;
    if (matrix->column_label) {
        ba_svg_text(svg, box->x + box->width / 2,
            box->y + box->height + layout->label_height + 14, &font,
            matrix->column_label);
    }
    font.angle = -90;
    if (matrix->row_label && ba_text_width(matrix->row_label, font.size) < box->height) {
        ba_svg_text(svg, 11, box->y + box->height / 2, &font, matrix->row_label);
    }
}

static void
draw_scale(ba_svg_t *svg, const layout_t *layout)
{
    const ba_figure_matrix_t *matrix = layout->matrix;
    double height = fmin(fmax(layout->box.height, 60), 140), ticks[BA_MOST_TICKS];
    ba_box_t box = {layout->box.x + layout->box.width + 16, layout->box.y, SCALE_WIDTH,
        height / SCALE_STEPS};
    ba_axis_t axis = {layout->low, layout->high, 0, box.y + height, box.y};
    size_t n = ba_axis_ticks(&axis, ticks), every = 1 + n * 11 / (size_t) height;
    ba_font_t font = ba_label_font;

    for (size_t i = 0; i < SCALE_STEPS; i++) {
        double share = 1 - ((double) i + 0.5) / SCALE_STEPS;

        ba_svg_rect(svg, box, ba_palette_at(matrix->palette, share), NULL);
        box.y += box.height;
    }
    for (size_t i = 0; i < n; i += every) {
        char text[BA_TICK_TEXT];

        ba_axis_tick_text(ticks[i], text);
        ba_svg_text(svg, box.x + SCALE_WIDTH + 4, ba_axis_at(&axis, ticks[i]) + 3.5,
            &ba_small_font, text);
    }
    if (layout->n_missing > 0) {
        ba_svg_rect(
            svg, (ba_box_t){box.x, box.y + 8, SCALE_WIDTH, 10}, BA_COLOUR_NONE, NULL);
        ba_svg_text(svg, box.x + SCALE_WIDTH + 4, box.y + 17, &ba_small_font, "n/a");
    }
    if (matrix->value_label) {
        font.angle = -90;
        font.anchor = BA_ANCHOR_MIDDLE;
        ba_svg_text(svg, box.x + SCALE_WIDTH + 44, layout->box.y + height / 2, &font,
            matrix->value_label);
    }
}

int
ba_figure_matrix(ba_figure_t *figure, const ba_figure_matrix_t *matrix)
{
    layout_t layout = {.matrix = matrix};
    double room = matrix->column_label ? 20 : 4;
    size_t n;
    ba_svg_t *svg;
    int status;

    BA_TRY(ba_multiply(matrix->n_rows, matrix->n_columns, &n));
    if (n == 0) {
        return ba_fail(BA_VALUE, "matrix: found %zu x %zu, wanted at least 1 x 1",
            matrix->n_rows, matrix->n_columns);
    }
    if (n > BA_MOST_MARKS) {
        return ba_fail(BA_TOO_LARGE, "matrix: found %zu x %zu, wanted at most %d values",
            matrix->n_rows, matrix->n_columns, (int) BA_MOST_MARKS);
    }
    set_layout(&layout);
    svg = ba_figure_panel(figure, layout.box.x + layout.box.width + SCALE_ROOM,
        layout.box.y + fmax(layout.box.height + layout.label_height + room, 90),
        matrix->title);
    ba_svg_put(svg, "<g shape-rendering=\"crispEdges\">\n");
    for (size_t i = 0; i < n; i++) {
        draw_cell(svg, &layout, i / matrix->n_columns, i % matrix->n_columns);
    }
    ba_svg_close(svg);
    draw_names(svg, &layout, 0);
    draw_names(svg, &layout, 1);
    draw_labels(svg, &layout);
    draw_scale(svg, &layout);
    BA_TRY(ba_figure_panel_end(figure));
out:
    return status;
}
