/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 32 pairs at a time, on processors with 512-bit vectors of 16-bit numbers (AVX-512BW). */
#ifndef BA_MODEL_PAIR_LANES_H
#define BA_MODEL_PAIR_LANES_H

#include "model/pair_tile.h"

int ba_pair_lanes_is_usable(void);

/* For tests: does without (0), or asks again (1). Not while others count. */
void ba_pair_lanes_allow(int is_allowed);

/* As ba_pair_tiles_count(). */
void ba_pair_lanes_count(
    ba_pair_count_t *count, const ba_pair_tile_t *tiles, size_t n_tiles);

#endif
