/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Samples whose numbers are replaced on purpose, to see who looks at them. */
#ifndef BA_MODEL_DISTURB_H
#define BA_MODEL_DISTURB_H

#include "brainalign/design.h"

#include <math.h>
#include <stdint.h>

/* All borrowed; NULL members do nothing. */
typedef struct ba_disturb {
    const unsigned char
        *columns; /* n_samples: 1 = delayed columns of the sample are noise */
    const unsigned char *targets; /* n_samples: 1 = prepared targets of the sample are */
    const size_t *order;          /* n_samples: whose columns a sample has */
} ba_disturb_t;

/* Another number of about the size of x, always the same for a sample and a column. */
static inline double
ba_disturb_value(size_t sample, size_t column, double x)
{
    uint64_t state = (uint64_t) sample * UINT64_C(0x9e3779b97f4a7c15) +
                     (uint64_t) column * UINT64_C(0xd1b54a32d192ed03) + 1;

    state = (state ^ (state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    state = (state ^ (state >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x + (1.0 + fabs(x)) * (0.5 + (double) (state >> 11) * 0x1p-53) *
                   (state & 1 ? 3.0 : -3.0);
}

/* What is read from the design from now on; NULL = as it is. Designs made of it (principal
 * components) are not disturbed. */
void ba_design_disturb(ba_design_t *design, const ba_disturb_t *disturb);

#endif
