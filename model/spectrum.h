/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orthonormal spectra of real series of one length: cosine (DCT-II) or Fourier. */
#ifndef BA_MODEL_SPECTRUM_H
#define BA_MODEL_SPECTRUM_H

#include "brainalign/matrix.h"

/* Coefficient 0 is the sum over sqrt(length). Cosine: coefficient k has k half periods.
 * Fourier: 2k - 1 and 2k are the cosine and the sine of k periods; the last one of an
 * even length alternates in sign. */
typedef enum { BA_SPECTRUM_COSINE = 0, BA_SPECTRUM_FOURIER } ba_spectrum_kind_t;

/* Up to this length a product with the matrix of all waves is faster than an FFT. */
#define BA_SPECTRUM_LONGEST_DENSE 1024

typedef struct ba_spectrum ba_spectrum_t;

/* For series of `length` >= 1 samples; by FFT where they are longer than longest_dense.
 * BA_NOMEM. Memory: length^2 numbers, or some 20 length by FFT. */
int ba_spectrum_new(
    ba_spectrum_kind_t kind, size_t length, size_t longest_dense, ba_spectrum_t **out);
void ba_spectrum_free(ba_spectrum_t *spectrum);

size_t ba_spectrum_length(const ba_spectrum_t *spectrum);

/* cos and sin of 2 pi j / length at [2 j] and [2 j + 1], j = 0 .. length - 1. */
const double *ba_spectrum_circle(const ba_spectrum_t *spectrum);

/* Numbers of scratch that the two calls below want. */
size_t ba_spectrum_scratch(const ba_spectrum_t *spectrum);

/* Columns to coefficients and back, length x n each. They must not overlap. */
void ba_spectrum_forward(
    const ba_spectrum_t *spectrum, ba_cdmat_t x, ba_dmat_t coefficients, double *scratch);
void ba_spectrum_inverse(
    const ba_spectrum_t *spectrum, ba_cdmat_t coefficients, ba_dmat_t x, double *scratch);

#endif
