/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gram matrices of rows, panel after panel of their columns: products in float32, or split
 * in two on the tile matrix unit where there is one (amx.h), sums of panels in float64. */
#ifndef BA_LINALG_GRAM_H
#define BA_LINALG_GRAM_H

#include "brainalign/ctx.h"

#include <stddef.h>

/* Most columns of a panel. */
#define BA_GRAM_WIDTH 512

/* Bytes of room that panels of n rows need. */
size_t ba_gram_room(size_t n);

/* How products are made: in float32 proper, or on the matrix unit where there is one, whose
 * errors are several times as large. */
typedef enum { BA_GRAM_PLAIN, BA_GRAM_TILES } ba_gram_kind_t;

/* gram[i + j n] += sum over `width` columns of x[i] x[j], for j < n_left and i >= j: the
 * lower triangle for the first n_left rows, and the products of all others with them. x: n
 * x width without gaps. On the threads of ctx; the same bits for any number of them. */
void ba_gram_add(const ba_ctx_t *ctx, ba_gram_kind_t kind, const float *x, size_t n,
    size_t width, size_t n_left, void *room, double *gram);

#endif
