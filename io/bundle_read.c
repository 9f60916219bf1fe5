/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/bundle_impl.h"

#include <string.h>

#include "core/alloc.h"

/* A stored string array may be compressed by whoever repacked the file, deflate's bound
 * being 1032; beyond that the file cannot hold what it says. */
enum { MAX_PACKING = 1032 };

static int
check_readable(const ba_bundle_t *bundle, const char *path)
{
    ba_hdf5_quiet();
    if (bundle->file < 0) {
        return ba_fail(BA_VALUE, "%s:%s: the file is closed", bundle->path, path);
    }
    return BA_OK;
}

/* Negative, without a record on HDF5's stack, when there is no such object. */
static hid_t
open_object(const ba_bundle_t *bundle, const char *path)
{
    hid_t object = H5Oopen(bundle->file, path, bundle->lapl);

    if (object < 0) {
        H5Eclear2(H5E_DEFAULT);
    }
    return object;
}

int
ba_bundle_has(const ba_bundle_t *bundle, const char *path)
{
    hid_t object;

    if (check_readable(bundle, path) != BA_OK) {
        return 0;
    }
    object = open_object(bundle, path);
    if (object >= 0) {
        H5Oclose(object);
    }
    return object >= 0;
}

int
ba_bundle_has_attr(const ba_bundle_t *bundle, const char *object, const char *name)
{
    hid_t owner;
    htri_t found;

    if (check_readable(bundle, object) != BA_OK) {
        return 0;
    }
    owner = open_object(bundle, object);
    if (owner < 0) {
        return 0;
    }
    found = H5Aexists(owner, name);
    H5Oclose(owner);
    return found > 0;
}

/* Opens an array and tells its shape. */
static int
open_array(const ba_bundle_t *bundle, const char *path, int *rank,
    size_t dims[BA_MAX_RANK], hid_t *out)
{
    int status;

    *out = H5I_INVALID_HID;
    BA_TRY(check_readable(bundle, path));
    BA_TRY(ba_hdf5_open_dataset(bundle->file, bundle->path, path, H5P_DEFAULT, out));
    BA_TRY(ba_hdf5_shape(*out, bundle->path, path, BA_MAX_RANK, rank, dims));
out:
    if (status != BA_OK && *out >= 0) {
        H5Dclose(*out);
        *out = H5I_INVALID_HID;
    }
    return status;
}

int
ba_bundle_shape(
    const ba_bundle_t *bundle, const char *path, int *rank, size_t dims[BA_MAX_RANK])
{
    hid_t dataset;
    int status;

    BA_TRY(open_array(bundle, path, rank, dims, &dataset));
    H5Dclose(dataset);
out:
    return status;
}

static int
is_number(hid_t type)
{
    H5T_class_t type_class = H5Tget_class(type);

    return type_class == H5T_FLOAT || type_class == H5T_INTEGER;
}

static int
check_numeric(const ba_bundle_t *bundle, const char *path, hid_t dataset)
{
    hid_t type = H5Dget_type(dataset);
    int numeric = type >= 0 && is_number(type);

    H5Tclose(type);
    if (!numeric) {
        return ba_fail(BA_FORMAT, "%s:%s: not an array of numbers", bundle->path, path);
    }
    return BA_OK;
}

/* Selects a hyper-rectangle in `space`. */
static int
select_block(const ba_bundle_t *bundle, const char *path, int rank, const size_t *dims,
    const size_t *start, const size_t *count, hid_t space, hid_t *memory)
{
    hsize_t start64[BA_MAX_RANK], count64[BA_MAX_RANK];

    for (int i = 0; i < rank; i++) {
        start64[i] = start ? start[i] : 0;
        count64[i] = count ? count[i] : dims[i];
        if (start64[i] > dims[i] || count64[i] > dims[i] - start64[i]) {
            return ba_fail(BA_VALUE,
                "%s:%s: read at %zu of %zu along dimension %d, which has %zu",
                bundle->path, path, (size_t) start64[i], (size_t) count64[i], i, dims[i]);
        }
    }
    if (rank == 0) {
        *memory = H5Screate(H5S_SCALAR);
        return BA_OK;
    }
    *memory = H5Screate_simple(rank, count64, NULL);
    if (*memory < 0 ||
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start64, NULL, count64, NULL) < 0) {
        return ba_hdf5_fail(BA_FORMAT, "%s:%s: cannot read", bundle->path, path);
    }
    return BA_OK;
}

int
ba_bundle_read(const ba_bundle_t *bundle, const char *path, ba_dtype_t type,
    const size_t *start, const size_t *count, void *dst)
{
    hid_t dataset, space = H5I_INVALID_HID, memory = H5I_INVALID_HID;
    size_t dims[BA_MAX_RANK];
    int rank, status;

    BA_TRY(open_array(bundle, path, &rank, dims, &dataset));
    BA_TRY(check_numeric(bundle, path, dataset));
    space = H5Dget_space(dataset);
    BA_TRY(select_block(bundle, path, rank, dims, start, count, space, &memory));
    if (H5Dread(dataset, ba_hdf5_memory_type(type), memory, space, H5P_DEFAULT, dst) <
        0) {
        BA_TRY(ba_hdf5_fail(BA_FORMAT, "%s:%s: cannot read", bundle->path, path));
    }
out:
    if (memory >= 0) {
        H5Sclose(memory);
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return status;
}

/* Length of the strings of a fixed-length string type, else 0. */
static size_t
string_width(hid_t type)
{
    if (type < 0 || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0) {
        return 0;
    }
    return H5Tget_size(type);
}

/* The type to read strings of that length with. */
static hid_t
string_type(size_t width)
{
    hid_t type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, width);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

/* Reads n strings of `width` bytes and puts an end to each. */
static int
unpack_strings(const ba_bundle_t *bundle, const char *path, hid_t dataset, size_t n,
    size_t width, char **strings)
{
    hid_t type = string_type(width);
    char *text = (char *) (strings + n);
    herr_t done =
        n == 0 ? 0 : H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text);

    H5Tclose(type);
    if (done < 0) {
        return ba_hdf5_fail(BA_FORMAT, "%s:%s: cannot read", bundle->path, path);
    }
    /* From the last to the first, as each moves up by the ends before it. */
    for (size_t i = n; i-- > 0;) {
        strings[i] = text + i * (width + 1);
        memmove(strings[i], text + i * width, width);
        strings[i][width] = 0;
    }
    return BA_OK;
}

int
ba_bundle_read_strings(
    const ba_bundle_t *bundle, const char *path, size_t *n, char ***out)
{
    hid_t dataset, type = H5I_INVALID_HID;
    size_t dims[BA_MAX_RANK], width, n_bytes;
    char **strings = NULL;
    int rank, status;

    *n = 0;
    *out = NULL;
    BA_TRY(open_array(bundle, path, &rank, dims, &dataset));
    type = H5Dget_type(dataset);
    width = string_width(type);
    if (width == 0 || rank != 1) {
        BA_TRY(ba_fail(BA_FORMAT, "%s:%s: not a list of strings of one fixed length",
            bundle->path, path));
    }
    if (width >= SIZE_MAX - 1 - sizeof(*strings) ||
        dims[0] / MAX_PACKING > H5Dget_storage_size(dataset) / width) {
        BA_TRY(ba_fail(BA_FORMAT, "%s:%s: %zu strings of %zu bytes, stored in only %llu",
            bundle->path, path, dims[0], width,
            (unsigned long long) H5Dget_storage_size(dataset)));
    }
    BA_TRY(ba_multiply(dims[0], width + 1 + sizeof(*strings), &n_bytes));
    BA_TRY_ALLOC(strings, ba_calloc(n_bytes, 1));
    BA_TRY(unpack_strings(bundle, path, dataset, dims[0], width, strings));
    *n = dims[0];
    *out = strings;
    strings = NULL;
out:
    ba_free(strings);
    if (type >= 0) {
        H5Tclose(type);
    }
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return status;
}

/* An attribute being read. */
typedef struct {
    hid_t attr, type;
    size_t n; /* values */
} attr_t;

static void
close_attr(attr_t *attr)
{
    if (attr->type >= 0) {
        H5Tclose(attr->type);
    }
    if (attr->attr >= 0) {
        H5Aclose(attr->attr);
    }
}

/* The caller closes, whatever comes back. */
static int
open_attr(const ba_bundle_t *bundle, const char *object, const char *name, attr_t *attr)
{
    hid_t space;
    hssize_t n;
    int status;

    attr->attr = attr->type = H5I_INVALID_HID;
    BA_TRY(check_readable(bundle, object));
    if (!ba_bundle_has_attr(bundle, object, name)) {
        return ba_fail(
            BA_MISSING, "%s:%s: no attribute '%s'", bundle->path, object, name);
    }
    attr->attr = H5Aopen_by_name(bundle->file, object, name, H5P_DEFAULT, bundle->lapl);
    attr->type = H5Aget_type(attr->attr);
    space = H5Aget_space(attr->attr);
    n = H5Sget_simple_extent_npoints(space);
    if (space >= 0) {
        H5Sclose(space);
    }
    if (attr->type < 0 || n < 0) {
        return ba_hdf5_fail(
            BA_FORMAT, "%s:%s: cannot read attribute '%s'", bundle->path, object, name);
    }
    attr->n = (size_t) n;
out:
    return status;
}

int
ba_bundle_get_string(
    const ba_bundle_t *bundle, const char *object, const char *name, char **out)
{
    attr_t attr;
    hid_t type;
    size_t width;
    char *text = NULL;
    int status;

    *out = NULL;
    BA_TRY(open_attr(bundle, object, name, &attr));
    width = string_width(attr.type);
    if (width == 0 || attr.n != 1) {
        BA_TRY(ba_fail(BA_FORMAT, "%s:%s: attribute '%s' is not one fixed-length string",
            bundle->path, object, name));
    }
    BA_TRY_ALLOC(text, ba_calloc(width + 1, 1));
    type = string_type(width);
    if (H5Aread(attr.attr, type, text) < 0) {
        status = ba_hdf5_fail(
            BA_FORMAT, "%s:%s: cannot read attribute '%s'", bundle->path, object, name);
    } else {
        *out = text;
        text = NULL;
    }
    H5Tclose(type);
out:
    ba_free(text);
    close_attr(&attr);
    return status;
}

static int
get_numbers(const ba_bundle_t *bundle, const char *object, const char *name, hid_t memory,
    size_t n, void *out, size_t *found)
{
    attr_t attr;
    int status;

    BA_TRY(open_attr(bundle, object, name, &attr));
    if (!is_number(attr.type)) {
        BA_TRY(ba_fail(BA_FORMAT, "%s:%s: attribute '%s' is not a number", bundle->path,
            object, name));
    }
    if (n > 0 && attr.n > n) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s:%s: attribute '%s' holds %zu numbers, wanted at most "
            "%zu",
            bundle->path, object, name, attr.n, n));
    }
    if (n > 0 && attr.n > 0 && H5Aread(attr.attr, memory, out) < 0) {
        BA_TRY(ba_hdf5_fail(
            BA_FORMAT, "%s:%s: cannot read attribute '%s'", bundle->path, object, name));
    }
    if (found) {
        *found = attr.n;
    }
out:
    close_attr(&attr);
    return status;
}

int
ba_bundle_get_f64(const ba_bundle_t *bundle, const char *object, const char *name,
    size_t n, double *out, size_t *found)
{
    return get_numbers(bundle, object, name, H5T_NATIVE_DOUBLE, n, out, found);
}

int
ba_bundle_get_i64(const ba_bundle_t *bundle, const char *object, const char *name,
    size_t n, int64_t *out, size_t *found)
{
    return get_numbers(bundle, object, name, H5T_NATIVE_INT64, n, out, found);
}
