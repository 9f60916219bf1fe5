/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the searchlight share. */
#ifndef BA_MODEL_SEARCHLIGHT_IMPL_H
#define BA_MODEL_SEARCHLIGHT_IMPL_H

#include "model/searchlight.h"

/* Dimensions of a tile. */
enum { BA_LIGHT_TILE = 64 };

/* Rows that an inner split leaves out, what validates and the gap. */
typedef struct {
    size_t *out, n_out;
    int is_whole; /* all of them validate */
} ba_light_split_t;

/* Products with the targets of some tiles, at place
 *   ((tile n_inner + split) 2 + part) n_columns + column
 * TILE numbers, one a dimension: part 0 of the rows that stay, 1 of those that validate,
 * each centred on its own rows. */
typedef struct {
    const ba_searchlight_t *light;
    const ba_light_split_t *splits;
    const double *mean, *scale; /* n_columns; scale 0 = constant or in no
                                   neighbourhood */
    size_t n_tiles;
    double *products;
    double *square; /* n_tiles x n_inner x TILE: of the targets that validate, about their
                       mean; NaN = constant, or no dimension */
} ba_light_t;

/* Numbers that one neighbourhood needs, of a thread. */
size_t ba_light_work_size(const ba_searchlight_t *light, size_t n_tiles);

/* The score of column j over the tiles at hand, NaN without one. */
int ba_light_score(
    const ba_light_t *at_hand, size_t j, double *work, double *score) BA_MUST_USE;

/* z of a column: 0 where it is constant. */
void ba_light_column(const ba_light_t *at_hand, size_t j, double *z);

#endif
