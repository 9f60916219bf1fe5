/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An array of any size as a row of blocks that fit into memory. */
#ifndef BA_ENCODE_BLOCKS_H
#define BA_ENCODE_BLOCKS_H

#include "io/bundle_walk.h"

/* A hyper-rectangle: start and count per dimension. */
typedef struct {
    int rank;
    size_t dims[BA_MAX_RANK], step[BA_MAX_RANK];
    size_t start[BA_MAX_RANK], count[BA_MAX_RANK];
    size_t n_most; /* elements of the largest block */
} ba_blocks_t;

/* Sets the first block; 0 when the array has no elements. */
int ba_blocks_first(const ba_bundle_array_t *array, ba_blocks_t *blocks);

/* Goes on to the next one; 0 after the last. */
int ba_blocks_next(ba_blocks_t *blocks);

/* Bytes of the block at hand, of elements of `size` bytes. */
size_t ba_blocks_bytes(const ba_blocks_t *blocks, size_t size);

#endif
