/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Colours (0xRRGGBB) that stay apart for colour-blind readers and on grey paper. */
#ifndef BA_REPORT_PALETTE_H
#define BA_REPORT_PALETTE_H

#include "brainalign/figure.h"

#include <stddef.h>
#include <stdint.h>

enum {
    BA_COLOUR_INK = 0x222222,
    BA_COLOUR_FAINT = 0x666666, /* second texts */
    BA_COLOUR_AXIS = 0x888888,
    BA_COLOUR_GRID = 0xe4e4e4,
    BA_COLOUR_NONE = 0xc8c8c8, /* undefined values */
    BA_COLOUR_BLUE = 0x0072b2,
    BA_COLOUR_RED = 0xd55e00,
    BA_COLOUR_GREY = 0x7f7f7f
};

/* Colour number i of things without order; again from the start after 8. */
uint32_t ba_palette_colour(size_t i);

/* share: 0 to 1 of the range; NaN is undefined. */
uint32_t ba_palette_at(ba_palette_t palette, double share);

#endif
