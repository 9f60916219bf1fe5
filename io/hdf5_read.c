/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/hdf5_read.h"
#include "io/half.h"

/* Halves converted at a time. */
enum { PIECE = 256 };

/* IEEE half in either byte order: not bfloat16, nor a float of someone's own. */
static int
is_half(hid_t type)
{
    size_t sign, exponent, exponent_size, fraction, fraction_size;

    return H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) == 2 &&
           H5Tget_precision(type) == 16 && H5Tget_offset(type) == 0 &&
           H5Tget_ebias(type) == 15 && H5Tget_norm(type) == H5T_NORM_IMPLIED &&
           H5Tget_fields(
               type, &sign, &exponent, &exponent_size, &fraction, &fraction_size) >= 0 &&
           sign == 15 && exponent == 10 && exponent_size == 5 && fraction == 0 &&
           fraction_size == 10;
}

/* The halves stand at the end of dst; what is written never catches up with what is still
 * to be read. */
static void
widen(size_t n, double *dst)
{
    const char *halves = (const char *) dst + n * (sizeof *dst - sizeof(uint16_t));
    uint16_t piece[PIECE];

    for (size_t i = 0; i < n; i += PIECE) {
        size_t k = n - i < PIECE ? n - i : PIECE;

        memcpy(piece, halves + i * sizeof *piece, k * sizeof *piece);
        for (size_t j = 0; j < k; j++) {
            dst[i + j] = ba_half_to_double(piece[j]);
        }
    }
}

static herr_t
read_halves(
    hid_t dataset, hid_t type, hid_t in_memory, hid_t in_file, size_t n, double *dst)
{
    hid_t native = H5Tcopy(type);
    void *halves = (char *) dst + n * (sizeof *dst - sizeof(uint16_t));
    herr_t done = -1;

    if (native >= 0 && H5Tset_order(native, H5Tget_order(H5T_NATIVE_UINT16)) >= 0) {
        done = H5Dread(dataset, native, in_memory, in_file, H5P_DEFAULT, halves);
    }
    if (native >= 0) {
        H5Tclose(native);
    }
    if (done >= 0) {
        widen(n, dst);
    }
    return done;
}

herr_t
ba_hdf5_read_doubles(hid_t dataset, hid_t in_memory, hid_t in_file, size_t n, double *dst)
{
    hid_t type = H5Dget_type(dataset);
    herr_t done;

    if (type >= 0 && is_half(type)) {
        done = read_halves(dataset, type, in_memory, in_file, n, dst);
    } else {
        done = H5Dread(dataset, H5T_NATIVE_DOUBLE, in_memory, in_file, H5P_DEFAULT, dst);
    }
    if (type >= 0) {
        H5Tclose(type);
    }
    return done;
}
