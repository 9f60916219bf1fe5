/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/axis.h"

#include "io/number.h"
#include "report/palette.h"

#include <math.h>

static const ba_font_t tick_font = {10, BA_ANCHOR_MIDDLE, BA_COLOUR_FAINT, 0, 0};
static const ba_font_t label_font = {11, BA_ANCHOR_MIDDLE, BA_COLOUR_INK, 0, 0};

int
ba_axis_shows(const ba_axis_t *axis, double value)
{
    return isfinite(value) && (!axis->is_log || value > 0.0);
}

void
ba_axis_include(ba_axis_t *axis, double value)
{
    if (ba_axis_shows(axis, value)) {
        axis->low = fmin(axis->low, value);
        axis->high = fmax(axis->high, value);
    }
}

/* A round step that gives about five ticks. */
static double
step_of(const ba_axis_t *axis)
{
    double rough = (axis->high - axis->low) / 5.0, unit = pow(10.0, floor(log10(rough)));
    double factor = rough / unit;

    return unit * (factor < 1.5 ? 1.0 : factor < 3.5 ? 2.0 : factor < 7.5 ? 5.0 : 10.0);
}

void
ba_axis_finish(ba_axis_t *axis, int round)
{
    if (!(axis->low <= axis->high)) {
        axis->low = axis->is_log ? 1.0 : 0.0;
        axis->high = axis->is_log ? 10.0 : 1.0;
    }
    if (axis->is_log) {
        if (axis->high <= axis->low * 1.000001) {
            axis->low /= 2.0;
            axis->high *= 2.0;
        }
        return;
    }
    if (axis->high - axis->low <= 1e-9 * fmax(fabs(axis->low), fabs(axis->high))) {
        double half = axis->low == 0.0 ? 0.5 : fabs(axis->low) / 2.0;

        axis->low -= half;
        axis->high += half;
    }
    /* Twice, since a wider range may have a larger step. */
    for (int pass = 0; round && pass < 2; pass++) {
        double step = step_of(axis);

        axis->low = floor(axis->low / step + 1e-9) * step;
        axis->high = ceil(axis->high / step - 1e-9) * step;
    }
}

double
ba_axis_at(const ba_axis_t *axis, double value)
{
    double share = axis->is_log ? log(value / axis->low) / log(axis->high / axis->low)
                                : (value - axis->low) / (axis->high - axis->low);

    return axis->from + fmin(fmax(share, 0.0), 1.0) * (axis->to - axis->from);
}

/* 1, 2 and 5 times powers of ten, or the powers alone over many decades. */
static size_t
log_ticks(const ba_axis_t *axis, double ticks[BA_MOST_TICKS])
{
    static const double factors[] = {1.0, 2.0, 5.0};
    double decades = log10(axis->high / axis->low);
    size_t n = 0, n_factors = decades < 3.5 ? 3 : 1;
    int every = (int) ceil(decades / 10.0), first = (int) floor(log10(axis->low));

    for (int e = first; pow(10.0, e) <= axis->high && n < BA_MOST_TICKS; e += every) {
        for (size_t k = 0; k < n_factors && n < BA_MOST_TICKS; k++) {
            double tick = factors[k] * pow(10.0, e);

            if (tick >= axis->low * 0.999999 && tick <= axis->high * 1.000001) {
                ticks[n++] = tick;
            }
        }
    }
    return n;
}

size_t
ba_axis_ticks(const ba_axis_t *axis, double ticks[BA_MOST_TICKS])
{
    double step, first;
    size_t n = 0;

    if (axis->is_log) {
        return log_ticks(axis, ticks);
    }
    step = step_of(axis);
    first = ceil(axis->low / step - 1e-6);
    for (size_t i = 0; i < BA_MOST_TICKS; i++) {
        double tick = (first + (double) i) * step;

        if (tick > axis->high + 1e-6 * step) {
            break;
        }
        ticks[n++] = fabs(tick) < 1e-9 * step ? 0.0 : tick;
    }
    return n;
}

void
ba_axis_tick_text(double value, char text[BA_TICK_TEXT])
{
    ba_number_print(value, 5, text, BA_TICK_TEXT);
}

void
ba_axis_draw_x(ba_svg_t *svg, ba_box_t box, const ba_axis_t *axis, const char *label)
{
    double ticks[BA_MOST_TICKS], bottom = box.y + box.height, last = -INFINITY;
    size_t n = ba_axis_ticks(axis, ticks);

    for (size_t i = 0; i < n; i++) {
        double x = ba_axis_at(axis, ticks[i]), half;
        char text[BA_TICK_TEXT];

        ba_svg_line(svg, (double[]){x, box.y}, (double[]){x, bottom},
            (ba_pen_t){BA_COLOUR_GRID, 1, 0});
        ba_axis_tick_text(ticks[i], text);
        half = ba_text_width(text, tick_font.size) / 2.0;
        if (x - half > last) {
            ba_svg_text(svg, x, bottom + 14, &tick_font, text);
            last = x + half + 3.0;
        }
    }
    ba_svg_line(svg, (double[]){box.x, bottom}, (double[]){box.x + box.width, bottom},
        (ba_pen_t){BA_COLOUR_AXIS, 1, 0});
    if (label) {
        ba_svg_text(svg, box.x + box.width / 2, bottom + 31, &label_font, label);
    }
}

void
ba_axis_draw_y(ba_svg_t *svg, ba_box_t box, const ba_axis_t *axis, const char *label)
{
    double ticks[BA_MOST_TICKS], widest = 0.0;
    size_t n = ba_axis_ticks(axis, ticks);
    ba_font_t font = tick_font;

    font.anchor = BA_ANCHOR_END;
    for (size_t i = 0; i < n; i++) {
        double y = ba_axis_at(axis, ticks[i]);
        char text[BA_TICK_TEXT];

        ba_svg_line(svg, (double[]){box.x, y}, (double[]){box.x + box.width, y},
            (ba_pen_t){BA_COLOUR_GRID, 1, 0});
        ba_axis_tick_text(ticks[i], text);
        ba_svg_text(svg, box.x - 5, y + 3.5, &font, text);
        widest = fmax(widest, ba_text_width(text, font.size));
    }
    ba_svg_line(svg, (double[]){box.x, box.y}, (double[]){box.x, box.y + box.height},
        (ba_pen_t){BA_COLOUR_AXIS, 1, 0});
    if (label) {
        font = label_font;
        font.angle = -90;
        ba_svg_text(svg, box.x - widest - 14, box.y + box.height / 2, &font, label);
    }
}
