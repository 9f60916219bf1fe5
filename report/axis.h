/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scales of plots, and the frame with ticks and labels around them. */
#ifndef BA_REPORT_AXIS_H
#define BA_REPORT_AXIS_H

#include "report/svg.h"

enum { BA_MOST_TICKS = 16, BA_TICK_TEXT = 32 };

/* Values low .. high (low < high; above 0 where is_log) go to pixels from .. to. */
typedef struct {
    double low, high;
    int is_log;
    double from, to;
} ba_axis_t;

/* Takes in a value; starts as {INFINITY, -INFINITY}. What cannot be shown is left out. */
void ba_axis_include(ba_axis_t *axis, double value);

/* Widens what has no extent, and where round is not 0 goes on to the next ticks. */
void ba_axis_finish(ba_axis_t *axis, int round);

int ba_axis_shows(const ba_axis_t *axis, double value);
double ba_axis_at(const ba_axis_t *axis, double value);

/* Round values within the axis, ascending; returns how many. */
size_t ba_axis_ticks(const ba_axis_t *axis, double ticks[BA_MOST_TICKS]);
void ba_axis_tick_text(double value, char text[BA_TICK_TEXT]);

/* Grid, ticks and labels around a box; texts may be NULL. */
void ba_axis_draw_x(
    ba_svg_t *svg, ba_box_t box, const ba_axis_t *axis, const char *label);
void ba_axis_draw_y(
    ba_svg_t *svg, ba_box_t box, const ba_axis_t *axis, const char *label);

#endif
