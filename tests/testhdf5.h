/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fresh HDF5 file per test, data sets in it, and opening them as sources. */
#ifndef BA_TESTHDF5_H
#define BA_TESTHDF5_H

#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/source.h"

#include <hdf5.h>

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], spec[2 * TEST_PATH_SIZE];
static hid_t file;

static inline int
make_file(void **state)
{
    (void) state;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    test_make_folder(folder);
    test_join(path, folder, "x.h5");
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    return file < 0;
}

static inline int
remove_file(void **state)
{
    (void) state;
    if (file >= 0) {
        H5Fclose(file);
    }
    test_remove_folder(folder);
    return 0;
}

static inline void
close_file(void)
{
    assert_int_equal(H5Fclose(file), 0);
    file = -1;
}

/* Makes a data set of `type` filled from doubles; chunk NULL = contiguous, else gzip and
 * shuffle. */
static inline void
put(const char *name, hid_t type, int rank, const hsize_t *dims, const hsize_t *chunk,
    const double *values)
{
    hid_t space = H5Screate_simple(rank, dims, NULL);
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE);
    hid_t dataset;

    H5Pset_create_intermediate_group(lcpl, 1);
    if (chunk) {
        H5Pset_chunk(dcpl, rank, chunk);
        H5Pset_shuffle(dcpl);
        H5Pset_deflate(dcpl, 1);
    }
    dataset = H5Dcreate2(file, name, type, space, lcpl, dcpl, H5P_DEFAULT);
    assert_true(dataset >= 0);
    if (values) {
        assert_true(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                        values) >= 0);
    }
    H5Dclose(dataset);
    H5Pclose(lcpl);
    H5Pclose(dcpl);
    H5Sclose(space);
}

static inline int
open_path(const char *inner, int max_rank, size_t memory, ba_source_t **source)
{
    ba_source_opts_t opts = {.max_rank = max_rank};
    ba_ctx_t ctx = ba_ctx_default();

    ctx.memory = memory;
    snprintf(spec, sizeof spec, "%s%s", path, inner);
    return ba_source_open(&ctx, spec, &opts, source);
}

static inline void
check_bad(const char *inner, int max_rank, int wanted, const char *words)
{
    ba_source_t *source;

    assert_int_equal(open_path(inner, max_rank, 0, &source), wanted);
    assert_null(source);
    assert_contains(ba_error_message(), "x.h5");
    assert_contains(ba_error_message(), words);
}

#endif
