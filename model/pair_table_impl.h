/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of pair tables share. */
#ifndef BA_MODEL_PAIR_TABLE_IMPL_H
#define BA_MODEL_PAIR_TABLE_IMPL_H

#include "model/pair_table.h"

struct ba_pair_table {
    ba_identification_t problem;
    const size_t *groups;
    size_t min_distance;
    size_t n, n_padded; /* whole tiles */
    size_t strip;       /* 32 rows of all columns: see pair_tile.h */
    int16_t *q;         /* n_padded x n, items in the order of `item` */
    uint8_t *rest;      /* the same, 8 bits that follow those of q */
    int32_t near;       /* sums of 24 bits that are no larger are open */
    size_t *item;       /* the item at each place: groups one after another */
    size_t *place;      /* of each item */
    size_t *onset;      /* n_groups + 1: first place of each group */
    size_t n_groups;    /* 0 without groups */
};

#endif
