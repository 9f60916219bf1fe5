/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers out of result files. Include testlib.h first. */
#ifndef BA_TESTS_BUNDLELIB_H
#define BA_TESTS_BUNDLELIB_H

#include "brainalign/bundle.h"

#include <stdlib.h>

/* An array of n numbers, whatever its shape; format NULL = any file. */
static inline void
test_read_numbers(
    const char *file, const char *format, const char *path, size_t n, double *out)
{
    ba_bundle_t *bundle;
    size_t dims[BA_MAX_RANK], size = 1;
    int rank;

    assert_int_equal(ba_bundle_open(file, format, &bundle), BA_OK);
    assert_int_equal(ba_bundle_shape(bundle, path, &rank, dims), BA_OK);
    for (int i = 0; i < rank; i++) {
        size *= dims[i];
    }
    assert_int_equal(size, n);
    assert_int_equal(ba_bundle_read(bundle, path, BA_F64, NULL, NULL, out), BA_OK);
    ba_bundle_free(bundle);
}

/* The same for the caller to free. */
static inline double *
test_read_array(const char *file, const char *format, const char *path, size_t n)
{
    double *out = malloc(n * sizeof *out);

    assert_non_null(out);
    test_read_numbers(file, format, path, n, out);
    return out;
}

#endif
