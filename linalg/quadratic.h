/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Quadratic forms y'E'Ey of many columns y. With Q = E'E and T its upper triangle, the
 * diagonal halved, y'Qy = 2 y'Ty: one triangular product, n^2 flops a column, and no
 * factorisation of Q. Rounding is that of |y|^2, whatever E takes away from it. */
#ifndef BA_LINALG_QUADRATIC_H
#define BA_LINALG_QUADRATIC_H

#include "linalg/blas.h"

/* Bytes of a form, and of the room that its columns take. */
size_t ba_quadratic_bytes_f32(size_t n);
size_t ba_quadratic_bytes_f64(size_t n);
size_t ba_quadratic_room_f32(size_t n, size_t n_cols);
size_t ba_quadratic_room_f64(size_t n, size_t n_cols);

/* Bytes of what a form is made in, at least n x n numbers. */
size_t ba_quadratic_work(size_t n);

/* The form of E'E, E n x n; work: ba_quadratic_work(). ba_free() frees the form. */
int ba_quadratic_make_f32(
    const ba_ctx_t *ctx, ba_cdmat_t e, void *work, void **out) BA_MUST_USE;
int ba_quadratic_make_f64(
    const ba_ctx_t *ctx, ba_cdmat_t e, void *work, void **out) BA_MUST_USE;

/* Puts columns (n rows, without gaps; n_cols a multiple of 32) into their room, once for
 * any number of forms. */
void ba_quadratic_load_f32(const float *y, size_t n, size_t n_cols, void *room);
void ba_quadratic_load_f64(const double *y, size_t n, size_t n_cols, void *room);

/* values = y'Qy of every column that was loaded, at least 0. */
void ba_quadratic_f32(const void *form, const float *y, size_t n, size_t n_cols,
    void *room, double *values);
void ba_quadratic_f64(const void *form, const double *y, size_t n, size_t n_cols,
    void *room, double *values);

#endif
