/* SPDX-License-Identifier: GPL-3.0-or-later */
/* By-value views of column-major matrices that somebody else owns. */
#ifndef BRAINALIGN_MATRIX_H
#define BRAINALIGN_MATRIX_H

#include "brainalign/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Element (i, j) is data[i + j * ld], ld >= n_rows. float32: bulk data. */
typedef struct {
    float *data;
    size_t n_rows, n_cols, ld;
} ba_mat_t;

typedef struct {
    const float *data;
    size_t n_rows, n_cols, ld;
} ba_cmat_t;

/* The same in float64: Gram matrices, factorisations, small problems, double precision.
 */
typedef struct {
    double *data;
    size_t n_rows, n_cols, ld;
} ba_dmat_t;

typedef struct {
    const double *data;
    size_t n_rows, n_cols, ld;
} ba_cdmat_t;

#ifdef __cplusplus
}
#endif

#endif
