/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The form is T itself where the BLAS multiplies it with the columns, or what amx.c packs.
 */
#include "linalg/quadratic.h"

#include "core/alloc.h"
#include "linalg/amx.h"

#include <string.h>

/* Partial sums of a column, added in one order. */
#define LANES 8

/* Rows from which on the split of amx.c is as good as float32: few have nothing to
 * average over, and little to gain. */
#define MANY 512

static int
by_tiles(size_t n)
{
    return n >= MANY && ba_amx_is_usable();
}

static double
twice(const double sums[LANES])
{
    double sum = ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
                 ((sums[1] + sums[5]) + (sums[3] + sums[7]));

    return sum > 0.0 ? 2 * sum : 0.0;
}

size_t
ba_quadratic_bytes_f32(size_t n)
{
    return by_tiles(n) ? ba_amx_form_bytes(n) : n * n * sizeof(float);
}

size_t
ba_quadratic_bytes_f64(size_t n)
{
    return n * n * sizeof(double);
}

size_t
ba_quadratic_room_f32(size_t n, size_t n_cols)
{
    return by_tiles(n) ? ba_amx_columns_bytes(n, n_cols) : n * n_cols * sizeof(float);
}

size_t
ba_quadratic_room_f64(size_t n, size_t n_cols)
{
    return n * n_cols * sizeof(double);
}

/* T from the lower triangle of Q. */
static void
upper_f32(const float *q, size_t n, float *t)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < j; i++) {
            t[i + j * n] = q[j + i * n];
        }
        t[j + j * n] = 0.5f * q[j + j * n];
    }
}

size_t
ba_quadratic_work(size_t n)
{
    size_t least = n * n * sizeof(double),
           tiles = by_tiles(n) ? ba_amx_square_room(n) : 0;

    return tiles > least ? tiles : least;
}

/* E in single precision, its square, T. */
static void
make_upper(const ba_ctx_t *ctx, ba_cdmat_t e, float *work, float *t)
{
    size_t n = e.n_rows;
    float *q = work + n * n;

    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n; i++) {
            work[i + j * n] = (float) e.data[i + j * e.ld];
        }
    }
    ba_lower_square_tiled_f32(ctx, ba_cmat(work, n, n, n), ba_mat(q, n, n, n));
    upper_f32(q, n, t);
}

int
ba_quadratic_make_f32(const ba_ctx_t *ctx, ba_cdmat_t e, void *work, void **out)
{
    size_t n = e.n_rows;

    *out = ba_malloc(1, ba_quadratic_bytes_f32(n));
    if (!*out) {
        return BA_NOMEM;
    }
    if (by_tiles(n)) {
        ba_amx_square(ctx, e.data, e.ld, n, work, *out);
    } else {
        make_upper(ctx, e, work, *out);
    }
    return BA_OK;
}

int
ba_quadratic_make_f64(const ba_ctx_t *ctx, ba_cdmat_t e, void *work, void **out)
{
    size_t n = e.n_rows;
    double *t = ba_malloc(n, n * sizeof *t), *q = work;

    *out = t;
    if (!t) {
        return BA_NOMEM;
    }
    ba_syrk_tiled(ctx, 1.0, BA_TRANSPOSE, e, 0.0, ba_dmat(q, n, n, n));
    for (size_t j = 0; j < n; j++) {
        memcpy(t + j * n, q + j * n, j * sizeof *t);
        t[j + j * n] = 0.5 * q[j + j * n];
    }
    return BA_OK;
}

void
ba_quadratic_load_f32(const float *y, size_t n, size_t n_cols, void *room)
{
    if (by_tiles(n)) {
        ba_amx_pack_columns(y, n, n_cols, room);
    }
}

void
ba_quadratic_load_f64(const double *y, size_t n, size_t n_cols, void *room)
{
    (void) y;
    (void) n;
    (void) n_cols;
    (void) room;
}

void
ba_quadratic_f32(
    const void *form, const float *y, size_t n, size_t n_cols, void *room, double *values)
{
    float *product = room;

    if (by_tiles(n)) {
        ba_amx_quadratic(form, y, n, n_cols, room, values);
        return;
    }
    memcpy(product, y, n * n_cols * sizeof *y);
    ba_trmm_f32(ba_cmat(form, n, n, n), ba_mat(product, n, n_cols, n));
    for (size_t j = 0; j < n_cols; j++) {
        double sums[LANES] = {0};

        for (size_t i = 0; i < n; i++) {
            sums[i % LANES] += (double) product[i + j * n] * (double) y[i + j * n];
        }
        values[j] = twice(sums);
    }
}

void
ba_quadratic_f64(const void *form, const double *y, size_t n, size_t n_cols, void *room,
    double *values)
{
    double *product = room;

    memcpy(product, y, n * n_cols * sizeof *y);
    ba_trmm_f64(ba_cdmat(form, n, n, n), ba_dmat(product, n, n_cols, n));
    for (size_t j = 0; j < n_cols; j++) {
        double sums[LANES] = {0};

        for (size_t i = 0; i < n; i++) {
            sums[i % LANES] += product[i + j * n] * y[i + j * n];
        }
        values[j] = twice(sums);
    }
}
