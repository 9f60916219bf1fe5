/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which points lie near which. */
#ifndef BA_MODEL_NEIGHBOURHOODS_H
#define BA_MODEL_NEIGHBOURHOODS_H

#include "brainalign/ctx.h"
#include "brainalign/error.h"

#include <stddef.h>
#include <stdint.h>

/* What a distance is: the Euclidean one, or the largest difference of a coordinate. */
typedef enum { BA_REACH_SPHERE, BA_REACH_CUBE } ba_reach_t;

/* Members of point i: member[first[i]] .. member[first[i + 1] - 1], ascending. */
typedef struct {
    size_t n, most; /* points; members of the largest neighbourhood */
    size_t *first;  /* n + 1 */
    int32_t *member;
} ba_neighbourhoods_t;

/* Points no farther than `radius` (and a millionth of it, for rounding) from each, itself
 * among them. at: n x n_dims in C order, finite; is_used: n, 0 = is in no neighbourhood
 * and has none; NULL = all. BA_NOMEM, BA_TOO_LARGE (2^31 points; members, once they are
 * counted, over the memory of ctx). Cost: n times the points of a slab of 2 radii across
 * the axis on which they spread most. Call ba_neighbourhoods_free() in any case. */
int ba_neighbourhoods_find(const ba_ctx_t *ctx, const double *at, size_t n, size_t n_dims,
    ba_reach_t reach, double radius, const unsigned char *is_used,
    ba_neighbourhoods_t *out) BA_MUST_USE;

/* Bytes that they hold. */
size_t ba_neighbourhoods_bytes(const ba_neighbourhoods_t *neighbourhoods);
void ba_neighbourhoods_free(ba_neighbourhoods_t *neighbourhoods);

#endif
