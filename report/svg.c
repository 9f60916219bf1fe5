/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/svg.h"

#include "core/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const replacement = "\xef\xbf\xbd"; /* U+FFFD */
static const char *const ellipsis = "\xe2\x80\xa6";    /* U+2026 */

void
ba_svg_free(ba_svg_t *svg)
{
    ba_free(svg->text);
    *svg = (ba_svg_t){.text = NULL};
}

int
ba_svg_status(const ba_svg_t *svg)
{
    return svg->status;
}

static void
put_bytes(ba_svg_t *svg, const char *bytes, size_t n)
{
    if (svg->status == BA_OK && svg->n + n > svg->room) {
        size_t room = svg->room + svg->room / 2 + n + 4096;
        char *text = ba_realloc(svg->text, room, 1);

        if (!text) {
            svg->status = BA_NOMEM;
        } else {
            svg->text = text;
            svg->room = room;
        }
    }
    if (svg->status == BA_OK) {
        memcpy(svg->text + svg->n, bytes, n);
        svg->n += n;
    }
}

void
ba_svg_put(ba_svg_t *svg, const char *markup)
{
    put_bytes(svg, markup, strlen(markup));
}

/* Bytes of the UTF-8 character at `text`, 0 where there is none; *code is its number. */
static size_t
character(const char *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *) text;
    size_t n = byte[0] < 0x80             ? 1
               : (byte[0] & 0xe0) == 0xc0 ? 2
               : (byte[0] & 0xf0) == 0xe0 ? 3
               : (byte[0] & 0xf8) == 0xf0 ? 4
                                          : 0;

    *code = n == 1 ? byte[0] : byte[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((byte[i] & 0xc0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (byte[i] & 0x3fu);
    }
    return n > 0 && *code >= least[n] && *code <= 0x10ffff ? n : 0;
}

/* Whether XML 1.0 has this character. */
static int
is_xml(uint32_t code)
{
    return code >= 0x20
               ? !(code >= 0xd800 && code < 0xe000) && code != 0xfffe && code != 0xffff
               : code == '\t' || code == '\n' || code == '\r';
}

void
ba_svg_put_text(ba_svg_t *svg, const char *text)
{
    while (*text) {
        uint32_t code;
        size_t n = character(text, &code);

        if (n == 0 || !is_xml(code)) {
            ba_svg_put(svg, replacement);
        } else if (code == '&') {
            ba_svg_put(svg, "&amp;");
        } else if (code == '<') {
            ba_svg_put(svg, "&lt;");
        } else if (code == '>') {
            ba_svg_put(svg, "&gt;");
        } else if (code == '"') {
            ba_svg_put(svg, "&quot;");
        } else {
            put_bytes(svg, text, n);
        }
        text += n > 0 ? n : 1;
    }
}

/* By integers: no locale has a word in it. */
void
ba_svg_put_number(ba_svg_t *svg, double value)
{
    long long hundredths =
        isfinite(value) ? llround(fmin(fmax(value, -1e9), 1e9) * 100) : 0;
    long long size = hundredths < 0 ? -hundredths : hundredths;
    char text[48];
    int n = snprintf(text, sizeof text, "%s%lld", hundredths < 0 ? "-" : "", size / 100);

    if (size % 10 != 0) {
        snprintf(text + n, sizeof text - (size_t) n, ".%02lld", size % 100);
    } else if (size % 100 != 0) {
        snprintf(text + n, sizeof text - (size_t) n, ".%lld", size % 100 / 10);
    }
    ba_svg_put(svg, text);
}

static void
put_attribute(ba_svg_t *svg, const char *name, double value)
{
    ba_svg_put(svg, " ");
    ba_svg_put(svg, name);
    ba_svg_put(svg, "=\"");
    ba_svg_put_number(svg, value);
    ba_svg_put(svg, "\"");
}

static void
put_colour(ba_svg_t *svg, const char *name, uint32_t colour)
{
    char text[32];

    snprintf(text, sizeof text, " %s=\"#%06x\"", name, (unsigned) (colour & 0xffffff));
    ba_svg_put(svg, text);
}

/* Ends an element that may have a tip inside. */
static void
put_end(ba_svg_t *svg, const char *element, const char *tip)
{
    if (!tip) {
        ba_svg_put(svg, "/>\n");
        return;
    }
    ba_svg_put(svg, "><title>");
    ba_svg_put_text(svg, tip);
    ba_svg_put(svg, "</title></");
    ba_svg_put(svg, element);
    ba_svg_put(svg, ">\n");
}

static void
put_box(ba_svg_t *svg, ba_box_t box)
{
    ba_svg_put(svg, "<rect");
    put_attribute(svg, "x", box.x);
    put_attribute(svg, "y", box.y);
    put_attribute(svg, "width", box.width);
    put_attribute(svg, "height", box.height);
}

static void
put_pen(ba_svg_t *svg, ba_pen_t pen)
{
    put_colour(svg, "stroke", pen.colour);
    put_attribute(svg, "stroke-width", pen.width);
    if (pen.is_dashed) {
        ba_svg_put(svg, " stroke-dasharray=\"5 3\"");
    }
}

static void
put_points(ba_svg_t *svg, const double *points, size_t n)
{
    ba_svg_put(svg, " points=\"");
    for (size_t i = 0; i < 2 * n; i++) {
        ba_svg_put(svg, i == 0 ? "" : i % 2 ? "," : " ");
        ba_svg_put_number(svg, points[i]);
    }
    ba_svg_put(svg, "\"");
}

void
ba_svg_open(ba_svg_t *svg, double x, double y)
{
    ba_svg_put(svg, "<g transform=\"translate(");
    ba_svg_put_number(svg, x);
    ba_svg_put(svg, ",");
    ba_svg_put_number(svg, y);
    ba_svg_put(svg, ")\">\n");
}

void
ba_svg_close(ba_svg_t *svg)
{
    ba_svg_put(svg, "</g>\n");
}

void
ba_svg_rect(ba_svg_t *svg, ba_box_t box, uint32_t fill, const char *tip)
{
    put_box(svg, box);
    put_colour(svg, "fill", fill);
    put_end(svg, "rect", tip);
}

void
ba_svg_frame(ba_svg_t *svg, ba_box_t box, uint32_t stroke)
{
    put_box(svg, box);
    ba_svg_put(svg, " fill=\"none\"");
    put_pen(svg, (ba_pen_t){stroke, 1.0, 0});
    put_end(svg, "rect", NULL);
}

void
ba_svg_line(ba_svg_t *svg, const double from[2], const double to[2], ba_pen_t pen)
{
    ba_svg_put(svg, "<line");
    put_attribute(svg, "x1", from[0]);
    put_attribute(svg, "y1", from[1]);
    put_attribute(svg, "x2", to[0]);
    put_attribute(svg, "y2", to[1]);
    put_pen(svg, pen);
    put_end(svg, "line", NULL);
}

void
ba_svg_circle(
    ba_svg_t *svg, const double at[2], double radius, uint32_t fill, const char *tip)
{
    ba_svg_put(svg, "<circle");
    put_attribute(svg, "cx", at[0]);
    put_attribute(svg, "cy", at[1]);
    put_attribute(svg, "r", radius);
    put_colour(svg, "fill", fill);
    put_end(svg, "circle", tip);
}

void
ba_svg_text(ba_svg_t *svg, double x, double y, const ba_font_t *font, const char *text)
{
    ba_svg_put(svg, "<text");
    put_attribute(svg, "x", x);
    put_attribute(svg, "y", y);
    put_attribute(svg, "font-size", font->size);
    put_colour(svg, "fill", font->colour);
    if (font->anchor != BA_ANCHOR_START) {
        ba_svg_put(svg, font->anchor == BA_ANCHOR_MIDDLE ? " text-anchor=\"middle\""
                                                         : " text-anchor=\"end\"");
    }
    if (font->is_bold) {
        ba_svg_put(svg, " font-weight=\"bold\"");
    }
    if (font->angle != 0.0) {
        ba_svg_put(svg, " transform=\"rotate(");
        ba_svg_put_number(svg, font->angle);
        ba_svg_put(svg, " ");
        ba_svg_put_number(svg, x);
        ba_svg_put(svg, " ");
        ba_svg_put_number(svg, y);
        ba_svg_put(svg, ")\"");
    }
    ba_svg_put(svg, ">");
    ba_svg_put_text(svg, text);
    ba_svg_put(svg, "</text>\n");
}

void
ba_svg_polyline(
    ba_svg_t *svg, const double *points, size_t n, ba_pen_t pen, const char *tip)
{
    ba_svg_put(svg, "<polyline fill=\"none\" stroke-linejoin=\"round\"");
    put_pen(svg, pen);
    put_points(svg, points, n);
    put_end(svg, "polyline", tip);
}

void
ba_svg_polygon(ba_svg_t *svg, const double *points, size_t n, uint32_t fill)
{
    ba_svg_put(svg, "<polygon fill-opacity=\"0.2\"");
    put_colour(svg, "fill", fill);
    put_points(svg, points, n);
    put_end(svg, "polygon", NULL);
}

/* Of the letter at `text`, for a size of 1; *n is its bytes. Fonts differ: these are a
 * little wider than the usual ones. */
static double
letter_width(const char *text, size_t *n)
{
    uint32_t code;

    *n = character(text, &code);
    if (*n == 0) {
        *n = 1;
        return 0.8;
    }
    if (code >= 0x300 && code < 0x370) {
        return 0.0;
    }
    if (code >= 0x1100) {
        return code < 0x2e80 ? 0.7 : 1.05;
    }
    if (code < 0x80 && strchr("ijl.,:;'|! It[]()/f-", (int) code)) {
        return 0.4;
    }
    if (code < 0x80 && strchr("mwMW@%+=<>~^#&", (int) code)) {
        return 0.92;
    }
    return (code >= 'A' && code <= 'Z') || code == '_' ? 0.72 : 0.6;
}

double
ba_text_width(const char *text, double size)
{
    double width = 0.0;
    size_t n;

    for (; *text; text += n) {
        width += size * letter_width(text, &n);
    }
    return width;
}

size_t
ba_text_fitting(const char *text, double size, double width)
{
    const char *at = text;
    double used = 0.0;

    while (*at) {
        size_t n;

        used += size * letter_width(at, &n);
        if (used > width) {
            break;
        }
        at += n;
    }
    return (size_t) (at - text);
}

char *
ba_text_cut(const char *text, double size, double width)
{
    size_t n = ba_text_fitting(text, size, width);

    if (!text[n]) {
        return ba_strdup(text);
    }
    n = ba_text_fitting(text, size, width - 0.9 * size);
    return ba_asprintf("%.*s%s", (int) n, text, ellipsis);
}
