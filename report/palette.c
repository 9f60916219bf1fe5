/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Things without order: the colours of Okabe and Ito (2008), black as grey and last.
 * Ranges: lightness falls evenly, or on both sides of the middle. */
#include "report/palette.h"

#include <math.h>

uint32_t
ba_palette_colour(size_t i)
{
    static const uint32_t colours[] = {
        0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x7f7f7f, 0xb5a900};

    return colours[i % (sizeof colours / sizeof colours[0])];
}

static uint32_t
mix(uint32_t a, uint32_t b, double share)
{
    uint32_t mixed = 0;

    for (int shift = 0; shift < 24; shift += 8) {
        double from = (double) (a >> shift & 0xff), to = (double) (b >> shift & 0xff);

        mixed |= (uint32_t) (from + (to - from) * share + 0.5) << shift;
    }
    return mixed;
}

uint32_t
ba_palette_at(ba_palette_t palette, double share)
{
    static const uint32_t anchors[2][5] = {
        {0xf4f8fb, 0xc3d9ec, 0x7fb0d6, 0x2f74ad, 0x0b2f5e},
        {0x9c4200, 0xeaa05c, 0xf6f6f6, 0x6fa8d2, 0x0b4a80}};
    const uint32_t *from = anchors[palette == BA_PALETTE_DIVERGING];
    double at = fmin(fmax(share, 0.0), 1.0) * 4.0;
    size_t i = at >= 4.0 ? 3 : (size_t) at;

    return isnan(share) ? BA_COLOUR_NONE : mix(from[i], from[i + 1], at - (double) i);
}
