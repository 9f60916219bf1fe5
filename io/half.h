/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floats of 16 bits. */
#ifndef BA_IO_HALF_H
#define BA_IO_HALF_H

#include <stdint.h>
#include <string.h>

/* IEEE half (1 sign, 5 exponent with bias 15, 10 fraction bits) to double, exactly. The
 * bits moved to the place they have in a float are the number times 2^-112, numbers below
 * the normal ones too. Without branches, so that loops over it become vectors. */
static inline double
ba_half_to_double(uint16_t half)
{
    const uint32_t infinite = UINT32_C(0x7c00) << 13;
    uint32_t bits = (uint32_t) (half & 0x7fff) << 13;
    uint32_t special = bits >= infinite ? UINT32_C(0x7f800000) : 0;
    float value;

    memcpy(&value, &bits, sizeof value);
    value *= 0x1p112F;
    memcpy(&bits, &value, sizeof value);
    bits |= special | (uint32_t) (half & 0x8000) << 16;
    memcpy(&value, &bits, sizeof value);
    return (double) value;
}

#endif
