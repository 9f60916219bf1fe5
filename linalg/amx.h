/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Quadratic forms on the tile matrix unit of newer x86 processors (AMX), which multiplies
 * numbers of 8 bits' precision (bfloat16) into float32 sums.
 *
 * Every float32 is split into two such numbers, x = x1 + x2, good to 2^-18, and three
 * products are added: x1 z1 + x1 z2 + x2 z1. What is dropped is at most 2^-17 of a
 * product, with no sign of its own: over a column of some hundreds of rows that is the
 * rounding of float32 sums, at a few times their speed. Calls must not be made unless
 * ba_amx_is_usable(). */
#ifndef BA_LINALG_AMX_H
#define BA_LINALG_AMX_H

#include "brainalign/ctx.h"

#include <stddef.h>

/* Whether processor and system allow it: asked once, then the same for the whole run. */
int ba_amx_is_usable(void);

/* For tests: does without (0), or asks again (1). Not while others compute. */
void ba_amx_allow(int is_allowed);

size_t ba_amx_form_bytes(size_t n);
size_t ba_amx_columns_bytes(size_t n, size_t n_cols);

/* The form of e'e, e n x n, on the threads of ctx; room: so many bytes. */
size_t ba_amx_square_room(size_t n);
void ba_amx_square(
    const ba_ctx_t *ctx, const double *e, size_t ld, size_t n, void *room, void *form);

/* Columns of n rows, their number a multiple of 32. */
void ba_amx_pack_columns(const float *y, size_t n, size_t n_cols, void *packed);

/* values = y'qy of every column, at least 0. */
void ba_amx_quadratic(const void *form, const float *y, size_t n, size_t n_cols,
    const void *packed, double *values);

/* What ba_amx_gram() needs for n rows of at most `width` columns. */
size_t ba_amx_rows_bytes(size_t n, size_t width);

/* ba_gram_add() (gram.h) by tiles. Second terms are multiplied with one another, too: a
 * Gram matrix has squares on its diagonal. */
void ba_amx_gram(const ba_ctx_t *ctx, const float *x, size_t n, size_t width,
    size_t n_left, void *room, double *gram);

#endif
