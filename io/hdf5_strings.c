/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/hdf5_strings.h"
#include "io/hdf5_util.h"

#include "core/alloc.h"

#include <string.h>

/* Strings read at a time. */
#define PIECE ((size_t) 4096)

/* Bytes of strings of fixed length read at a time, at the most. */
#define PIECE_BYTES ((size_t) 16 << 20)

/* One data set being read. */
typedef struct {
    const char *file, *path;
    hid_t dataset, type;
    size_t n;
    int is_variable;
    size_t width; /* bytes of a string of fixed length */
} strings_t;

int
ba_hdf5_is(const char *file)
{
    int is;

    ba_hdf5_quiet();
    is = H5Fis_hdf5(file) > 0;
    H5Eclear2(H5E_DEFAULT);
    return is;
}

static int
is_string_dataset(hid_t dataset)
{
    hid_t type = H5Dget_type(dataset);
    int is = type >= 0 && H5Tget_class(type) == H5T_STRING;

    if (type >= 0) {
        H5Tclose(type);
    }
    return is;
}

int
ba_hdf5_holds_strings(const char *file, const char *path)
{
    hid_t id, dataset;
    int is = 0;

    if (ba_hdf5_open_file(file, &id) != BA_OK) {
        return 0;
    }
    if (ba_hdf5_open_dataset(id, file, path, H5P_DEFAULT, &dataset) == BA_OK) {
        is = is_string_dataset(dataset);
        H5Dclose(dataset);
    }
    H5Fclose(id);
    return is;
}

static int
look(strings_t *strings)
{
    size_t dims[1] = {1};
    int rank, status;

    BA_TRY(ba_hdf5_shape(strings->dataset, strings->file, strings->path, 1, &rank, dims));
    strings->n = dims[0];
    strings->type = H5Dget_type(strings->dataset);
    if (strings->type < 0) {
        return ba_hdf5_fail(
            BA_FORMAT, "%s:%s: cannot read its type", strings->file, strings->path);
    }
    if (H5Tget_class(strings->type) != H5T_STRING) {
        return ba_fail(BA_UNSUPPORTED, "%s:%s: holds no strings, expected a list of them",
            strings->file, strings->path);
    }
    strings->is_variable = H5Tis_variable_str(strings->type) > 0;
    strings->width = strings->is_variable ? sizeof(char *) : H5Tget_size(strings->type);
    if (strings->width == 0 || strings->width > PIECE_BYTES) {
        return ba_fail(BA_FORMAT, "%s:%s: strings of %zu bytes", strings->file,
            strings->path, strings->width);
    }
out:
    return status;
}

/* Strings of fixed length may be padded with spaces, as Fortran's are, or with zeros. */
static int
add_fixed(const strings_t *strings, const char *bytes, size_t n, ba_texts_t *texts)
{
    int pads_spaces = H5Tget_strpad(strings->type) == H5T_STR_SPACEPAD;
    int status = BA_OK;

    for (size_t i = 0; i < n; i++) {
        const char *text = bytes + i * strings->width;
        size_t length = strnlen(text, strings->width);

        while (pads_spaces && length > 0 && text[length - 1] == ' ') {
            length--;
        }
        BA_TRY(ba_texts_add(texts, text, length));
    }
out:
    return status;
}

static int
add_variable(char *const *list, size_t n, ba_texts_t *texts)
{
    int status = BA_OK;

    for (size_t i = 0; i < n; i++) {
        const char *text = list[i] ? list[i] : "";

        BA_TRY(ba_texts_add(texts, text, strlen(text)));
    }
out:
    return status;
}

static int
read_piece(
    const strings_t *strings, size_t first, size_t n, void *buffer, ba_texts_t *texts)
{
    hsize_t start = first, count = n;
    hid_t in_memory = H5Screate_simple(1, &count, NULL);
    hid_t in_file = H5Dget_space(strings->dataset);
    int is_list = in_file >= 0 && H5Sget_simple_extent_ndims(in_file) == 1;
    int status = BA_OK;

    if (in_memory < 0 || in_file < 0 ||
        (is_list && H5Sselect_hyperslab(
                        in_file, H5S_SELECT_SET, &start, NULL, &count, NULL) < 0) ||
        H5Dread(strings->dataset, strings->type, in_memory, in_file, H5P_DEFAULT,
            buffer) < 0) {
        BA_TRY(
            ba_hdf5_fail(BA_FORMAT, "%s:%s: cannot read", strings->file, strings->path));
    }
    if (strings->is_variable) {
        status = add_variable(buffer, n, texts);
        H5Dvlen_reclaim(strings->type, in_memory, H5P_DEFAULT, buffer);
    } else {
        status = add_fixed(strings, buffer, n, texts);
    }
out:
    if (in_memory >= 0) {
        H5Sclose(in_memory);
    }
    if (in_file >= 0) {
        H5Sclose(in_file);
    }
    return status;
}

int
ba_hdf5_strings_read(const char *file, const char *path, ba_texts_t *texts)
{
    strings_t strings = {file, path, H5I_INVALID_HID, H5I_INVALID_HID, 0, 0, 0};
    hid_t id = H5I_INVALID_HID;
    void *buffer = NULL;
    size_t piece;
    int status;

    BA_TRY(ba_hdf5_open_file(file, &id));
    BA_TRY(ba_hdf5_open_dataset(id, file, path, H5P_DEFAULT, &strings.dataset));
    BA_TRY(look(&strings));
    piece = PIECE_BYTES / strings.width < PIECE ? PIECE_BYTES / strings.width : PIECE;
    BA_TRY_ALLOC(buffer, ba_calloc(piece, strings.width));
    for (size_t first = 0; first < strings.n; first += piece) {
        size_t n = strings.n - first < piece ? strings.n - first : piece;

        BA_TRY(read_piece(&strings, first, n, buffer, texts));
    }
out:
    ba_free(buffer);
    if (strings.type >= 0) {
        H5Tclose(strings.type);
    }
    if (strings.dataset >= 0) {
        H5Dclose(strings.dataset);
    }
    if (id >= 0) {
        H5Fclose(id);
    }
    return status;
}
