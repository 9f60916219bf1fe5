/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Elements of an SVG file, gathered in memory. Functions here return nothing: the first
 * failure is kept and told by ba_svg_status(), after which nothing is added. Coordinates
 * are pixels, two decimals, y down; they must be finite. */
#ifndef BA_REPORT_SVG_H
#define BA_REPORT_SVG_H

#include "brainalign/error.h"

#include <stddef.h>
#include <stdint.h>

/* Starts as {0}. */
typedef struct {
    char *text;
    size_t n, room;
    int status;
} ba_svg_t;

typedef struct {
    double x, y, width, height;
} ba_box_t;

typedef enum { BA_ANCHOR_START, BA_ANCHOR_MIDDLE, BA_ANCHOR_END } ba_anchor_t;

typedef struct {
    double size; /* pixels */
    ba_anchor_t anchor;
    uint32_t colour; /* 0xRRGGBB */
    int is_bold;
    double angle; /* degrees, clockwise, about the anchor */
} ba_font_t;

typedef struct {
    uint32_t colour;
    double width;
    int is_dashed;
} ba_pen_t;

void ba_svg_free(ba_svg_t *svg);
int ba_svg_status(const ba_svg_t *svg) BA_MUST_USE;

/* As it stands. */
void ba_svg_put(ba_svg_t *svg, const char *markup);

/* Text with what XML reserves escaped; what is no character of XML becomes U+FFFD. */
void ba_svg_put_text(ba_svg_t *svg, const char *text);
void ba_svg_put_number(ba_svg_t *svg, double value);

/* A group moved to a place, until ba_svg_close(). */
void ba_svg_open(ba_svg_t *svg, double x, double y);
void ba_svg_close(ba_svg_t *svg);

/* tip: shown under the pointer, or NULL. */
void ba_svg_rect(ba_svg_t *svg, ba_box_t box, uint32_t fill, const char *tip);
void ba_svg_frame(ba_svg_t *svg, ba_box_t box, uint32_t stroke);
void ba_svg_line(ba_svg_t *svg, const double from[2], const double to[2], ba_pen_t pen);
void ba_svg_circle(
    ba_svg_t *svg, const double at[2], double radius, uint32_t fill, const char *tip);
void ba_svg_text(
    ba_svg_t *svg, double x, double y, const ba_font_t *font, const char *text);

/* A line through n points, x and y in turn. */
void ba_svg_polyline(
    ba_svg_t *svg, const double *points, size_t n, ba_pen_t pen, const char *tip);

/* The area inside n points, see-through. */
void ba_svg_polygon(ba_svg_t *svg, const double *points, size_t n, uint32_t fill);

/* Width of a text at a size, on the safe side for usual sans-serif fonts. */
double ba_text_width(const char *text, double size);

/* Bytes of the beginning of `text` that fit a width, between characters. */
size_t ba_text_fitting(const char *text, double size, double width);

/* `text`, cut with an ellipsis where it is wider; NULL = no memory. The caller frees. */
char *ba_text_cut(const char *text, double size, double width) BA_MUST_USE;

#endif
