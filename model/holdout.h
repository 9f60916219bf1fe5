/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BA_MODEL_HOLDOUT_H
#define BA_MODEL_HOLDOUT_H

#include "brainalign/ridge.h"

/* Held-out predictions from a residual maker m (n x n, or a multiple of it) of any ridge
 * fit: P = -M_SS^-1 M_ST, n_predict x (n - n_left_out). Ascending rows of m, and positions
 * among them. alpha is named where that cannot be done: BA_NUMERIC. Thread-safe. */
int ba_holdout_rows(ba_cdmat_t m, double alpha, const size_t *left_out, size_t n_left_out,
    const size_t *predict, size_t n_predict, ba_dmat_t p) BA_MUST_USE;

#endif
