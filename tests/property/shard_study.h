/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A study of several tiles, fits of parts of it, and whether two result files are the same
 * but for their provenance: compared with HDF5 itself. */
#ifndef BA_PROPERTY_SHARD_STUDY_H
#define BA_PROPERTY_SHARD_STUDY_H

#define STUDY_TARGETS 1100 /* five tiles, the last one not full */
#include "tests/property/encode_study.h"

#include <hdf5.h>

enum { TILES = 5 };

/* Path of a file in the folder that stays as it is, unlike in_folder()'s. */
static inline const char *
lasting(const char *name)
{
    static struct {
        char name[64], path[TEST_PATH_SIZE];
    } known[32];
    size_t i = 0;

    while (i < 31 && known[i].name[0] && strcmp(known[i].name, name) != 0) {
        i++;
    }
    snprintf(known[i].name, sizeof known[i].name, "%s", name);
    return test_join(known[i].path, folder, name);
}

static inline ba_encode_fit_opts_t
settings(const char *output)
{
    ba_encode_fit_opts_t opts = fit_settings(output);

    opts.output = lasting(output);
    return opts;
}

/* Bytes of an object's attribute or of a data set, as stored; *n_bytes long. */
static inline void *
stored(hid_t type, hid_t space, size_t *n_bytes)
{
    *n_bytes = H5Tget_size(type) * (size_t) H5Sget_simple_extent_npoints(space);
    return calloc(*n_bytes + 1, 1);
}

static inline void
assert_same_spaces(hid_t a, hid_t b, const char *what)
{
    if (H5Sextent_equal(a, b) <= 0) {
        fail_msg("%s: other extents", what);
    }
}

static inline void
assert_same_types(hid_t a, hid_t b, const char *what)
{
    if (H5Tequal(a, b) <= 0) {
        fail_msg("%s: another type", what);
    }
}

static inline void
assert_same_attribute(hid_t object_a, hid_t object_b, const char *name, const char *what)
{
    hid_t a = H5Aopen(object_a, name, H5P_DEFAULT);
    hid_t b = H5Aopen(object_b, name, H5P_DEFAULT);
    hid_t type_a, type_b, space_a, space_b;
    void *bytes_a, *bytes_b;
    size_t n;

    if (a < 0 || b < 0) {
        fail_msg("%s: attribute %s in one of them only", what, name);
    }
    type_a = H5Aget_type(a);
    type_b = H5Aget_type(b);
    space_a = H5Aget_space(a);
    space_b = H5Aget_space(b);
    assert_same_types(type_a, type_b, name);
    assert_same_spaces(space_a, space_b, name);
    bytes_a = stored(type_a, space_a, &n);
    bytes_b = stored(type_b, space_b, &n);
    assert_true(H5Aread(a, type_a, bytes_a) >= 0 && H5Aread(b, type_a, bytes_b) >= 0);
    if (memcmp(bytes_a, bytes_b, n) != 0) {
        fail_msg("%s: attribute %s differs", what, name);
    }
    free(bytes_a);
    free(bytes_b);
    H5Tclose(type_a);
    H5Tclose(type_b);
    H5Sclose(space_a);
    H5Sclose(space_b);
    H5Aclose(a);
    H5Aclose(b);
}

static inline void
assert_same_data(hid_t a, hid_t b, const char *what)
{
    hid_t type_a = H5Dget_type(a), type_b = H5Dget_type(b);
    hid_t space_a = H5Dget_space(a), space_b = H5Dget_space(b);
    void *bytes_a, *bytes_b;
    size_t n;

    assert_same_types(type_a, type_b, what);
    assert_same_spaces(space_a, space_b, what);
    bytes_a = stored(type_a, space_a, &n);
    bytes_b = stored(type_b, space_b, &n);
    assert_true(H5Dread(a, type_a, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes_a) >= 0);
    assert_true(H5Dread(b, type_a, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes_b) >= 0);
    if (memcmp(bytes_a, bytes_b, n) != 0) {
        fail_msg("%s: other bytes", what);
    }
    free(bytes_a);
    free(bytes_b);
    H5Tclose(type_a);
    H5Tclose(type_b);
    H5Sclose(space_a);
    H5Sclose(space_b);
}

/* The other file, and the objects that were met. */
typedef struct {
    hid_t other;
    size_t n_objects;
} comparison_t;

static inline herr_t
compare_object(hid_t root, const char *name, const H5O_info_t *info, void *payload)
{
    comparison_t *comparison = payload;
    hid_t a, b;
    H5O_info_t info_b;

    if (strncmp(name, "provenance", 10) == 0) {
        return 0;
    }
    comparison->n_objects++;
    a = H5Oopen(root, name, H5P_DEFAULT);
    b = H5Oopen(comparison->other, name, H5P_DEFAULT);
    if (b < 0 || H5Oget_info(b, &info_b) < 0 || info_b.type != info->type ||
        info_b.num_attrs != info->num_attrs) {
        fail_msg("/%s: missing, of another kind, or with other attributes", name);
    }
    for (hsize_t i = 0; i < info->num_attrs; i++) {
        char attribute[128];

        assert_true(H5Aget_name_by_idx(a, ".", H5_INDEX_NAME, H5_ITER_INC, i, attribute,
                        sizeof attribute, H5P_DEFAULT) > 0);
        assert_same_attribute(a, b, attribute, name);
    }
    if (info->type == H5O_TYPE_DATASET) {
        assert_same_data(a, b, name);
    }
    H5Oclose(a);
    H5Oclose(b);
    return 0;
}

static inline size_t
compare_files(const char *name_a, const char *name_b)
{
    hid_t a = H5Fopen(in_folder(name_a), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t b = H5Fopen(in_folder(name_b), H5F_ACC_RDONLY, H5P_DEFAULT);
    comparison_t comparison = {b, 0};

    assert_true(a >= 0 && b >= 0);
    assert_true(
        H5Ovisit(a, H5_INDEX_NAME, H5_ITER_NATIVE, compare_object, &comparison) >= 0);
    H5Fclose(a);
    H5Fclose(b);
    return comparison.n_objects;
}

static inline void
assert_same_files(const char *a, const char *b)
{
    size_t n = compare_files(a, b);

    assert_true(n > 20);
    assert_int_equal(compare_files(b, a), n);
}

static inline int
fit_status(size_t n_spaces, int with_test, const ba_encode_fit_opts_t *opts,
    ba_encode_fit_info_t *info)
{
    ba_dataset_t *dataset = open_for_fit(n_spaces, with_test);
    ba_ctx_t ctx = ba_ctx_default();
    int status;

    ctx.n_threads = 2;
    status = ba_encode_fit(&ctx, dataset, opts, info);
    ba_dataset_free(dataset);
    return status;
}

static inline void
fit_range(ba_encode_fit_opts_t opts, const char *name, size_t start, size_t stop)
{
    opts.output = lasting(name);
    opts.force = 1;
    opts.fit.target_start = start;
    opts.fit.target_stop = stop;
    must(fit_status(1, 0, &opts, NULL));
}

static inline int
is_there(const char *name)
{
    return access(in_folder(name), F_OK) == 0;
}

#endif
