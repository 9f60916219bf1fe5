/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/bundle_impl.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/alloc.h"

/* Arrays that are filled block by block: small ones lie in one piece; large ones in
 * chunks, some voxels wide, of a size that a disk likes. */
enum { MAX_WHOLE_BYTES = 1 << 23, MIN_CHUNK_BYTES = 1 << 16, MAX_CHUNK_BYTES = 1 << 20 };
enum { CHUNK_TARGETS = 256 };

static int
check_writable(const ba_bundle_t *bundle, const char *path)
{
    ba_hdf5_quiet();
    if (!bundle->outfile || bundle->file < 0) {
        return ba_fail(BA_VALUE, "%s:%s: not open for writing", bundle->path, path);
    }
    if (bundle->failed) {
        return ba_fail(BA_IO, "%s: cannot write: an earlier write failed", bundle->path);
    }
    return BA_OK;
}

int
ba_bundle_fail_write(ba_bundle_t *bundle, const char *path)
{
    const char *colon = path ? ":" : "";

    bundle->failed = 1;
    path = path ? path : "";
    if (bundle->error != 0) {
        H5Eclear2(H5E_DEFAULT);
        return ba_fail(bundle->error == ENOMEM ? BA_NOMEM : BA_IO,
            "%s%s%s: cannot write: %s", bundle->path, colon, path,
            strerror(bundle->error));
    }
    return ba_hdf5_fail(BA_IO, "%s%s%s: cannot write", bundle->path, colon, path);
}

static int
create_group(ba_bundle_t *bundle, const char *path)
{
    hid_t gcpl = H5Pcreate(H5P_GROUP_CREATE), group = -1;
    int status = BA_OK;

    if (gcpl >= 0 && H5Pset_obj_track_times(gcpl, 0) >= 0) {
        group = H5Gcreate2(bundle->file, path, H5P_DEFAULT, gcpl, H5P_DEFAULT);
    }
    /* Every call into HDF5 empties its error stack: report first, close then. */
    if (group < 0) {
        status = ba_bundle_fail_write(bundle, path);
    } else {
        H5Gclose(group);
    }
    H5Pclose(gcpl);
    return status;
}

/* Makes the groups above `path`, without the times that HDF5 would note by itself. */
static int
create_parents(ba_bundle_t *bundle, const char *path)
{
    char *prefix;
    int status = BA_OK;

    BA_TRY_ALLOC(prefix, ba_strdup(path));
    for (char *slash = strchr(prefix + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (H5Lexists(bundle->file, prefix, H5P_DEFAULT) <= 0) {
            BA_TRY(create_group(bundle, prefix));
        }
        *slash = '/';
    }
out:
    ba_free(prefix);
    return status;
}

/* Before anything is written under `path`. */
static int
prepare_path(ba_bundle_t *bundle, const char *path)
{
    int status;

    BA_TRY(check_writable(bundle, path));
    if (path[0] != '/' || path[1] == 0) {
        return ba_fail(
            BA_VALUE, "%s: array '%s', wanted a path like /a/b", bundle->path, path);
    }
    BA_TRY(create_parents(bundle, path));
    if (H5Lexists(bundle->file, path, H5P_DEFAULT) > 0) {
        return ba_fail(BA_VALUE, "%s:%s: written already", bundle->path, path);
    }
out:
    return status;
}

/* Little endian on every machine. */
static hid_t
file_type(ba_dtype_t type)
{
    switch (type) {
    case BA_F32:
        return H5T_IEEE_F32LE;
    case BA_F64:
        return H5T_IEEE_F64LE;
    case BA_I32:
        return H5T_STD_I32LE;
    case BA_I64:
        return H5T_STD_I64LE;
    case BA_U8:
        return H5T_STD_U8LE;
    case BA_U64:
        return H5T_STD_U64LE;
    }
    return H5I_INVALID_HID;
}

/* Size of an array in bytes, and in *dims64 its extents. */
static int
check_extent(const ba_bundle_t *bundle, const char *path, size_t item, int rank,
    const size_t *dims, hsize_t *dims64, size_t *n_bytes)
{
    int status;

    if (rank < 0 || rank > BA_MAX_RANK || item == 0) {
        return ba_fail(BA_VALUE, "%s:%s: %d dimensions, at most %d wanted", bundle->path,
            path, rank, BA_MAX_RANK);
    }
    *n_bytes = item;
    for (int i = 0; i < rank; i++) {
        dims64[i] = dims[i];
        BA_TRY(ba_multiply(*n_bytes, dims[i], n_bytes));
    }
    status = BA_OK;
out:
    return status;
}

static hid_t
create_space(int rank, const hsize_t *dims)
{
    return rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, dims, NULL);
}

/* Creates one data set. */
static int
create_dataset(ba_bundle_t *bundle, const char *path, hid_t type, hid_t space, hid_t dcpl,
    hid_t *out)
{
    hid_t dapl = H5Pcreate(H5P_DATASET_ACCESS);
    int status = BA_OK;

    *out = H5I_INVALID_HID;
    /* Without a chunk cache: whatever waits there is lost silently on a full disk. */
    if (dapl >= 0 && dcpl >= 0 && space >= 0 && H5Pset_chunk_cache(dapl, 0, 0, 0) >= 0 &&
        H5Pset_obj_track_times(dcpl, 0) >= 0) {
        *out = H5Dcreate2(bundle->file, path, type, space, H5P_DEFAULT, dcpl, dapl);
    }
    if (*out < 0) {
        status = ba_bundle_fail_write(bundle, path);
    }
    H5Pclose(dapl);
    return status;
}

/* Writes a whole data set; `data` NULL where it has no elements. */
static int
write_whole(ba_bundle_t *bundle, const char *path, hid_t stored, hid_t memory, int rank,
    const hsize_t *dims, const void *data)
{
    hid_t space = create_space(rank, dims), dcpl = H5Pcreate(H5P_DATASET_CREATE), dataset;
    int status;

    BA_TRY(create_dataset(bundle, path, stored, space, dcpl, &dataset));
    if (data && H5Dwrite(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
        status = ba_bundle_fail_write(bundle, path);
    }
    if ((H5Dclose(dataset) < 0 || bundle->error != 0) && status == BA_OK) {
        status = ba_bundle_fail_write(bundle, path);
    }
out:
    H5Pclose(dcpl);
    H5Sclose(space);
    return status;
}

int
ba_bundle_write(ba_bundle_t *bundle, const char *path, ba_dtype_t type, int rank,
    const size_t *dims, const void *data)
{
    hsize_t dims64[BA_MAX_RANK];
    size_t n_bytes;
    int status;

    BA_TRY(prepare_path(bundle, path));
    BA_TRY(check_extent(
        bundle, path, ba_hdf5_memory_size(type), rank, dims, dims64, &n_bytes));
    BA_TRY(write_whole(bundle, path, file_type(type), ba_hdf5_memory_type(type), rank,
        dims64, n_bytes == 0 ? NULL : data));
out:
    return status;
}

/* Strings of one length, padded with zeros, and their HDF5 type. */
typedef struct {
    hid_t type;
    char *block;
} packed_t;

static int
pack_strings(
    const ba_bundle_t *bundle, size_t n, const char *const *strings, packed_t *packed)
{
    size_t width = 1; /* HDF5 has no strings of length 0 */
    int status = BA_OK;

    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(strings[i]);

        width = length > width ? length : width;
    }
    BA_TRY_ALLOC(packed->block, ba_calloc(n, width));
    for (size_t i = 0; i < n; i++) {
        memcpy(packed->block + i * width, strings[i], strlen(strings[i]));
    }
    packed->type = H5Tcopy(H5T_C_S1);
    if (packed->type < 0 || H5Tset_size(packed->type, width) < 0 ||
        H5Tset_strpad(packed->type, H5T_STR_NULLPAD) < 0 ||
        H5Tset_cset(packed->type, H5T_CSET_UTF8) < 0) {
        BA_TRY(ba_hdf5_fail(BA_NOMEM, "%s: cannot make a string type", bundle->path));
    }
out:
    return status;
}

static void
free_packed(packed_t *packed)
{
    if (packed->type >= 0) {
        H5Tclose(packed->type);
    }
    ba_free(packed->block);
}

int
ba_bundle_write_strings(
    ba_bundle_t *bundle, const char *path, size_t n, const char *const *strings)
{
    packed_t packed = {H5I_INVALID_HID, NULL};
    hsize_t n64 = n;
    int status;

    BA_TRY(prepare_path(bundle, path));
    BA_TRY(pack_strings(bundle, n, strings, &packed));
    BA_TRY(write_whole(
        bundle, path, packed.type, packed.type, 1, &n64, n == 0 ? NULL : packed.block));
out:
    free_packed(&packed);
    return status;
}

/* Extents of a chunk: CHUNK_TARGETS wide along the last dimension, which is filled tile
 * by tile, or a multiple where the others are too small for a decent size; along the
 * others equal parts, from the last to the first, while they fit. */
static void
choose_chunk(size_t item, int rank, const hsize_t *dims, hsize_t *chunk)
{
    hsize_t last = dims[rank - 1], bytes, others = item;

    for (int i = 0; i < rank - 1; i++) {
        others = others < MAX_CHUNK_BYTES ? others * dims[i] : others;
    }
    bytes = CHUNK_TARGETS * (others < MAX_CHUNK_BYTES ? others : MAX_CHUNK_BYTES);
    chunk[rank - 1] =
        CHUNK_TARGETS *
        (bytes < MIN_CHUNK_BYTES ? (MIN_CHUNK_BYTES + bytes - 1) / bytes : 1);
    chunk[rank - 1] = chunk[rank - 1] < last ? chunk[rank - 1] : last;
    bytes = item * chunk[rank - 1];
    for (int i = rank - 2; i >= 0; i--) {
        hsize_t most = MAX_CHUNK_BYTES / bytes > 0 ? MAX_CHUNK_BYTES / bytes : 1;
        hsize_t n_parts = (dims[i] + most - 1) / most;

        chunk[i] = (dims[i] + n_parts - 1) / n_parts;
        bytes *= chunk[i];
    }
}

/* How a reserved array lies in the file, and what stands where nothing was written. */
static hid_t
reserve_layout(ba_dtype_t type, int rank, const hsize_t *dims, size_t n_bytes)
{
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
    double nan_value = (double) NAN;
    hsize_t chunk[BA_MAX_RANK];
    herr_t done = dcpl < 0 ? -1 : 0;

    if (done >= 0 && (type == BA_F32 || type == BA_F64)) {
        done = H5Pset_fill_value(dcpl, H5T_NATIVE_DOUBLE, &nan_value);
    }
    if (done >= 0 && n_bytes > MAX_WHOLE_BYTES) {
        choose_chunk(ba_hdf5_memory_size(type), rank, dims, chunk);
        done = H5Pset_chunk(dcpl, rank, chunk);
    } else if (done >= 0) {
        /* Takes its disk space, and notices when there is none, right away. */
        done = H5Pset_alloc_time(dcpl, H5D_ALLOC_TIME_EARLY);
    }
    if (done < 0) {
        H5Pclose(dcpl);
        return H5I_INVALID_HID;
    }
    return dcpl;
}

int
ba_bundle_reserve(ba_bundle_t *bundle, const char *path, ba_dtype_t type, int rank,
    const size_t *dims, ba_sink_t **out)
{
    hsize_t dims64[BA_MAX_RANK];
    hid_t space = H5I_INVALID_HID, dcpl = H5I_INVALID_HID;
    ba_sink_t *sink = NULL;
    size_t n_bytes;
    int status;

    *out = NULL;
    BA_TRY(prepare_path(bundle, path));
    BA_TRY(check_extent(
        bundle, path, ba_hdf5_memory_size(type), rank, dims, dims64, &n_bytes));
    BA_TRY_ALLOC(sink, ba_calloc(1, sizeof(*sink)));
    sink->bundle = bundle;
    sink->type = type;
    sink->rank = rank;
    if (rank > 0) {
        memcpy(sink->dims, dims, (size_t) rank * sizeof(*dims));
    }
    BA_TRY_ALLOC(sink->path, ba_strdup(path));
    space = create_space(rank, dims64);
    dcpl = reserve_layout(type, rank, dims64, n_bytes);
    BA_TRY(create_dataset(bundle, path, file_type(type), space, dcpl, &sink->dataset));
    if (bundle->error != 0) {
        H5Dclose(sink->dataset);
        BA_TRY(ba_bundle_fail_write(bundle, path));
    }
    sink->next = bundle->sinks;
    bundle->sinks = sink;
    *out = sink;
    sink = NULL;
out:
    if (space >= 0) {
        H5Sclose(space);
        H5Pclose(dcpl);
    }
    if (sink) {
        ba_free(sink->path);
        ba_free(sink);
    }
    return status;
}

int
ba_sink_write(ba_sink_t *sink, const size_t *start, const size_t *count, const void *data)
{
    ba_bundle_t *bundle = sink->bundle;
    hsize_t start64[BA_MAX_RANK] = {0}, count64[BA_MAX_RANK] = {0};
    hid_t memory, space;
    int status, n_empty = 0;
    herr_t done;

    BA_TRY(check_writable(bundle, sink->path));
    for (int i = 0; i < sink->rank; i++) {
        if (start[i] > sink->dims[i] || count[i] > sink->dims[i] - start[i]) {
            return ba_fail(BA_VALUE,
                "%s:%s: write at %zu of %zu along dimension %d, which has %zu",
                bundle->path, sink->path, start[i], count[i], i, sink->dims[i]);
        }
        start64[i] = start[i];
        count64[i] = count[i];
        n_empty += count[i] == 0;
    }
    if (n_empty > 0) {
        return BA_OK;
    }
    memory = create_space(sink->rank, count64);
    space = H5Dget_space(sink->dataset);
    done = sink->rank == 0
               ? 0
               : H5Sselect_hyperslab(space, H5S_SELECT_SET, start64, NULL, count64, NULL);
    if (done < 0 ||
        H5Dwrite(sink->dataset, ba_hdf5_memory_type(sink->type), memory, space,
            H5P_DEFAULT, data) < 0 ||
        bundle->error != 0) {
        status = ba_bundle_fail_write(bundle, sink->path);
    }
    H5Sclose(memory);
    H5Sclose(space);
out:
    return status;
}

int
ba_bundle_close_sinks(ba_bundle_t *bundle)
{
    int failed = 0;

    for (ba_sink_t *sink = bundle->sinks; sink; sink = sink->next) {
        if (sink->dataset >= 0 && H5Dclose(sink->dataset) < 0) {
            failed = 1;
        }
        sink->dataset = H5I_INVALID_HID;
    }
    return failed;
}

int
ba_bundle_put_attr(ba_bundle_t *bundle, const char *object, const char *name,
    hid_t stored, hid_t memory, size_t n, const void *data)
{
    hsize_t n64 = n;
    hid_t owner = H5I_INVALID_HID, space, attr;
    int status;

    BA_TRY(check_writable(bundle, object));
    if (!ba_bundle_has(bundle, object)) {
        BA_TRY(create_parents(bundle, object));
        BA_TRY(create_group(bundle, object));
    }
    owner = H5Oopen(bundle->file, object, bundle->lapl);
    if (owner >= 0 && H5Aexists(owner, name) > 0) {
        H5Adelete(owner, name);
    }
    space = create_space(n == SIZE_MAX ? 0 : 1, &n64);
    attr = H5Acreate2(owner, name, stored, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attr < 0 || (n > 0 && H5Awrite(attr, memory, data) < 0) || bundle->error != 0) {
        status = ba_bundle_fail_write(bundle, object);
    }
    H5Aclose(attr);
    H5Sclose(space);
    H5Oclose(owner);
out:
    return status;
}

int
ba_bundle_attr_string(
    ba_bundle_t *bundle, const char *object, const char *name, const char *value)
{
    packed_t packed = {H5I_INVALID_HID, NULL};
    int status;

    BA_TRY(pack_strings(bundle, 1, &value, &packed));
    BA_TRY(ba_bundle_put_attr(
        bundle, object, name, packed.type, packed.type, SIZE_MAX, packed.block));
out:
    free_packed(&packed);
    return status;
}

int
ba_bundle_attr_strings(ba_bundle_t *bundle, const char *object, const char *name,
    size_t n, const char *const *values)
{
    packed_t packed = {H5I_INVALID_HID, NULL};
    int status;

    BA_TRY(pack_strings(bundle, n, values, &packed));
    BA_TRY(ba_bundle_put_attr(
        bundle, object, name, packed.type, packed.type, n, packed.block));
out:
    free_packed(&packed);
    return status;
}

int
ba_bundle_attr_f64(ba_bundle_t *bundle, const char *object, const char *name, size_t n,
    const double *values)
{
    return ba_bundle_put_attr(bundle, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE,
        n == 1 ? SIZE_MAX : n, values);
}

int
ba_bundle_attr_i64(ba_bundle_t *bundle, const char *object, const char *name, size_t n,
    const int64_t *values)
{
    return ba_bundle_put_attr(bundle, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64,
        n == 1 ? SIZE_MAX : n, values);
}
