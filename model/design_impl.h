/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a design, for what makes one out of another. */
#ifndef BA_MODEL_DESIGN_IMPL_H
#define BA_MODEL_DESIGN_IMPL_H

#include "brainalign/design.h"

/* The columns of one space at one delay. */
typedef struct {
    size_t col0;
    size_t space, delay_index;
    size_t feature0; /* of the space's first feature among all spaces side by side */
} ba_design_block_t;

struct ba_design {
    const ba_space_t *spaces;
    const ba_runs_t *runs;
    ba_delay_borders_t borders;
    int *delays;
    size_t n_delays;
    ba_design_block_t *blocks;
    size_t n_blocks, n_columns, n_features, n_spaces;
    ba_space_t *own_spaces;           /* NULL where they are borrowed */
    double **owned;                   /* n_spaces blocks of numbers that go with them */
    const struct ba_disturb *disturb; /* NULL but in audits */
};

/* Features that principal components read at a time. */
#define BA_PCA_PANEL 512

/* Columns of a space at one delay. */
static inline size_t
ba_space_width(const ba_space_t *space)
{
    return space->n_components > 0 ? space->n_components : space->n_features;
}

/* Fills *design with other spaces over the samples of `like`, which already are known to
 * fit: the design owns spaces and numbers from here on, whatever is returned. */
int ba_design_adopt(ba_design_t *design, ba_space_t *spaces, double **owned,
    const ba_design_t *like) BA_MUST_USE;

#endif
