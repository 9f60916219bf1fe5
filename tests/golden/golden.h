/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the golden tests share: reference arrays of any rank, result files, and
 * comparisons that name what differs and keep the largest difference. */
#ifndef BA_GOLDEN_H
#define BA_GOLDEN_H

#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/error.h"

#include <hdf5.h>

/* A dense array in C order; a scalar has rank 0 and one number. */
typedef struct {
    double *data;
    size_t n;
    int rank;
    size_t dims[BA_MAX_RANK];
} golden_t;

static inline golden_t
golden_new(int rank, const size_t *dims)
{
    golden_t array = {.n = 1, .rank = rank};

    for (int i = 0; i < rank; i++) {
        array.dims[i] = dims[i];
        array.n *= dims[i];
    }
    array.data = malloc(array.n * sizeof(double));
    assert_non_null(array.data);
    return array;
}

static inline void
golden_free(golden_t *array)
{
    free(array->data);
    array->data = NULL;
}

/* Reads a data set with HDF5 itself: what is wanted must not pass through the reader
 * under test. */
static inline golden_t
golden_read(const char *file, const char *path)
{
    hid_t handle = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t dataset = handle < 0 ? -1 : H5Dopen2(handle, path, H5P_DEFAULT);
    hid_t space = dataset < 0 ? -1 : H5Dget_space(dataset);
    hsize_t stored[BA_MAX_RANK];
    size_t dims[BA_MAX_RANK];
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    golden_t array;

    if (rank < 0 || rank > BA_MAX_RANK) {
        fail_msg("%s:%s cannot be read", file, path);
    }
    H5Sget_simple_extent_dims(space, stored, NULL);
    for (int i = 0; i < rank; i++) {
        dims[i] = (size_t) stored[i];
    }
    array = golden_new(rank, dims);
    if (H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.data) <
        0) {
        fail_msg("%s:%s cannot be read", file, path);
    }
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(handle);
    return array;
}

/* golden_read() of GROUP/NAME. */
static inline golden_t
golden_read_in(const char *file, const char *group, const char *name)
{
    char path[TEST_PATH_SIZE];

    test_join(path, group, name);
    return golden_read(file, path);
}

/* An array of a result file, which must be complete. */
static inline golden_t
golden_result(const char *file, const char *path)
{
    ba_bundle_t *bundle;
    size_t dims[BA_MAX_RANK];
    int rank = 0;
    golden_t array;

    if (ba_bundle_open(file, NULL, &bundle) != 0 ||
        ba_bundle_shape(bundle, path, &rank, dims) != 0) {
        fail_msg("%s", ba_error_message());
    }
    array = golden_new(rank, dims);
    if (ba_bundle_read(bundle, path, BA_F64, NULL, NULL, array.data) != 0) {
        fail_msg("%s", ba_error_message());
    }
    ba_bundle_free(bundle);
    return array;
}

/* What is compared, and the largest difference met so far. */
typedef struct {
    const char *what;
    double worst;
    size_t n;
} golden_check_t;

static inline void
golden_close(
    golden_check_t *check, size_t index, double found, double wanted, double tolerance)
{
    /* Not test_is_close(): no golden number is NaN, so a NaN is never right here. */
    if (!(fabs(found - wanted) <= tolerance)) {
        fail_msg("%s: at %zu: %.17g, wanted %.17g within %.3g, differs by %.3g",
            check->what, index, found, wanted, tolerance, fabs(found - wanted));
    }
    check->worst = fmax(check->worst, fabs(found - wanted));
    check->n++;
}

static inline void
golden_report(const char *name, const golden_check_t *check)
{
    print_message("%-30s %-24s largest difference %8.2g over %zu\n", name, check->what,
        check->worst, check->n);
}

/* The grids are powers of ten made in two ways: the same up to rounding. */
static inline int
golden_same_alpha(double a, double b)
{
    return fabs(a - b) <= 1e-12 * b;
}

#endif
