/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder of small files for the tests of data sets. Include it before anything else. */
#ifndef BA_DATASETLIB_H
#define BA_DATASETLIB_H

#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/dataset.h"
#include "core/alloc.h"
#include "io/nifti_write.h"

/* A folder with the data of most tests. Features and responses say where they stand:
 * value = 1000 file + 10 row + column. */
static char folder[TEST_PATH_SIZE];

static char x_spec[TEST_PATH_SIZE], y_spec[TEST_PATH_SIZE], z_spec[TEST_PATH_SIZE];

enum { N = 6, N_X = 3, N_Z = 2, N_Y = 4 };

static inline void
write_csv(
    const char *name, size_t n_rows, size_t n_cols, double first, const char *header)
{
    char path[TEST_PATH_SIZE];
    FILE *file = fopen(test_join(path, folder, name), "w");

    assert_non_null(file);
    if (header) {
        fprintf(file, "%s\n", header);
    }
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; j < n_cols; j++) {
            fprintf(file, "%g%c", first + 10 * (double) i + (double) j,
                j + 1 < n_cols ? ',' : '\n');
        }
    }
    assert_int_equal(fclose(file), 0);
}

static inline void
write_text(const char *name, const char *text)
{
    char path[TEST_PATH_SIZE];

    test_write_file(test_join(path, folder, name), text, strlen(text));
}

/* Voxel v of volume t is 1000 first + 10 t + v. */
static inline int
fill_volume(void *payload, size_t t, float *values)
{
    const size_t *first_and_size = payload;

    for (size_t v = 0; v < first_and_size[1]; v++) {
        values[v] = (float) (1000 * first_and_size[0] + 10 * t + v);
    }
    return BA_OK;
}

/* The mask keeps voxels 1, 3, 4, 6. */
static inline int
fill_mask(void *payload, size_t t, float *values)
{
    (void) payload;
    (void) t;
    for (size_t v = 0; v < 8; v++) {
        values[v] = v == 1 || v == 3 || v == 4 || v == 6 ? 1 : 0;
    }
    return BA_OK;
}

static inline void
write_image(const char *name, size_t n_z, size_t n_volumes, size_t first, double origin)
{
    ba_nifti_series_t series = {.shape = {2, 2, n_z},
        .n_volumes = n_volumes,
        .type = BA_NIFTI_I16,
        .affine = {3, 0, 0, origin, 0, 3, 0, 0, 0, 0, 3, 0},
        .tr = 2};
    size_t first_and_size[2] = {first, 4 * n_z};
    char path[TEST_PATH_SIZE];

    test_join(path, folder, name);
    assert_int_equal(
        ba_nifti_write_series(
            &series, n_volumes == 1 ? fill_mask : fill_volume, first_and_size, path, 1),
        BA_OK);
}

static inline int
set_up(void **state)
{
    (void) state;
    test_make_folder(folder);
    write_csv("x.csv", N, N_X, 1000, "a,b,c");
    write_csv("z.csv", N, N_Z, 2000, NULL);
    write_csv("y.csv", N, N_Y, 3000, "left,right,top,bottom");
    write_csv("long.csv", N + 1, N_Y, 0, NULL);
    write_csv("runs.csv", N, 1, 0, NULL);
    write_text("two_runs.csv", "5\n5\n5\n5\n9\n9\n");
    write_image("bold.nii.gz", 2, N, 3, 0);
    write_image("bold2.nii", 2, N, 4, 0);
    write_image("moved.nii.gz", 2, N, 5, 7);
    write_image("mask.nii.gz", 2, 1, 0, 0);
    test_join(x_spec, folder, "x.csv");
    test_join(y_spec, folder, "y.csv");
    test_join(z_spec, folder, "z.csv");
    return 0;
}

static inline int
tear_down(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* Opens features x and, where given, responses; fails the test unless it works. */
static inline ba_dataset_t *
open_or_fail(const ba_dataset_opts_t *opts)
{
    ba_dataset_t *dataset;

    if (ba_dataset_open(NULL, opts, &dataset) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return dataset;
}

static inline void
expect_failure(const ba_dataset_opts_t *opts, int wanted, const char *words)
{
    ba_dataset_t *dataset;

    assert_int_equal(ba_dataset_open(NULL, opts, &dataset), wanted);
    assert_null(dataset);
    assert_contains(ba_error_message(), words);
}

static inline double
value_at(ba_source_t *source, size_t slab, size_t row, size_t column)
{
    double value = 0;

    assert_int_equal(ba_source_read(source, slab, row, 1, column, 1, &value, 1), BA_OK);
    return value;
}

static inline void
write_repeats(char path[TEST_PATH_SIZE])
{
    const size_t dims[3] = {2, N, N_Y};
    float values[2 * N * N_Y];
    ba_bundle_t *bundle;

    for (size_t i = 0; i < 2 * N * N_Y; i++) {
        values[i] = (float) i;
    }
    test_join(path, folder, "repeats.h5");
    assert_int_equal(ba_bundle_create(path, 1, &bundle), BA_OK);
    assert_int_equal(ba_bundle_write(bundle, "/y", BA_F32, 3, dims, values), BA_OK);
    assert_int_equal(ba_bundle_attr_string(bundle, "/", "format", "test"), BA_OK);
    assert_int_equal(ba_bundle_commit(bundle), BA_OK);
    ba_bundle_free(bundle);
}

#endif
