/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convex weights that make a weighted sum of residuals as small as possible. */
#ifndef BA_MODEL_SIMPLEX_H
#define BA_MODEL_SIMPLEX_H

#include "brainalign/error.h"

#include <stddef.h>

/* Numbers of work space for n models. */
size_t ba_simplex_work(size_t n);

/* Weights w >= 0 with sum 1 that minimise w'Gw, G = gram (n x n, symmetric, inner
 * products of residuals). Returns the certificate (w'Gw - min_j (Gw)_j) / max_i G_ii: w'Gw
 * is at most twice that above the minimum, in units of the largest G_ii; 0 at the exact
 * solution but for rounding. NaN, and NaN weights, where G has no positive diagonal or is
 * not finite. Among equal models the first is taken. Cost: a few n^3. */
double ba_simplex_weights(const double *gram, size_t n, double *weights, double *work);

#endif
