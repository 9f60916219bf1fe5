/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 32 or 16 pairs at a time, on processors with vectors of 512 bits of 16-bit numbers
 * (AVX-512BW) or of 256 bits (AVX2). */
#ifndef BA_MODEL_PAIR_LANES_H
#define BA_MODEL_PAIR_LANES_H

#include "model/pair_tile.h"

/* Bits of the widest vectors that are here: 512, 256, or 0. */
int ba_pair_lanes_bits(void);

/* For tests: only vectors of at most so many bits. Not while others count. */
void ba_pair_lanes_allow(int n_bits);

/* By vectors of so many bits. */
ba_pair_counter_t ba_pair_lanes_512, ba_pair_lanes_256;

#endif
