/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/blocks.h"

/* Bytes of a block, and its most elements along the last dimension. */
#define BLOCK_BYTES ((size_t) 16 << 20)
#define BLOCK_WIDTH ((size_t) 2048)

static size_t
smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void
set_count(ba_blocks_t *blocks)
{
    for (int i = 0; i < blocks->rank; i++) {
        blocks->count[i] = smaller(blocks->step[i], blocks->dims[i] - blocks->start[i]);
    }
}

int
ba_blocks_first(const ba_bundle_array_t *array, ba_blocks_t *blocks)
{
    *blocks = (ba_blocks_t){.rank = array->rank, .n_most = 1};
    for (int i = array->rank - 1; i >= 0; i--) {
        size_t room = BLOCK_BYTES / (blocks->n_most * array->size);
        size_t most = i == array->rank - 1 ? BLOCK_WIDTH : room > 0 ? room : 1;

        if (array->dims[i] == 0) {
            return 0;
        }
        blocks->dims[i] = array->dims[i];
        blocks->step[i] = smaller(array->dims[i], most);
        blocks->n_most *= blocks->step[i];
    }
    set_count(blocks);
    return 1;
}

int
ba_blocks_next(ba_blocks_t *blocks)
{
    for (int i = blocks->rank - 1; i >= 0; i--) {
        blocks->start[i] += blocks->count[i];
        if (blocks->start[i] < blocks->dims[i]) {
            set_count(blocks);
            return 1;
        }
        blocks->start[i] = 0;
    }
    return 0;
}

size_t
ba_blocks_bytes(const ba_blocks_t *blocks, size_t size)
{
    for (int i = 0; i < blocks->rank; i++) {
        size *= blocks->count[i];
    }
    return size;
}
