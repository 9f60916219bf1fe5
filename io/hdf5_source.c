/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data sets of numbers in HDF5 files. HDF5 itself converts every integer and float type
 * and other byte orders to native double; but see io/hdf5_read.h for float16. */
#include "io/hdf5_read.h"
#include "io/hdf5_util.h"
#include "io/source_impl.h"
#include "io/spool.h"

#include "core/alloc.h"

#include <string.h>

/* Bytes of the row-major buffer between HDF5 and the caller. */
#define BUFFER_BYTES ((size_t) 8 << 20)

/* Most that HDF5 may keep of decompressed chunks per data set. */
#define MAX_CACHE_BYTES ((size_t) 64 << 20)

#define DEFAULT_CACHE_BYTES ((size_t) 1 << 20)

/* A prime well above the number of chunks in the cache, so that few share a slot. */
#define CACHE_SLOTS 100003

typedef struct {
    char *name; /* FILE:PATH */
    hid_t file, dataset;
    int rank;
    size_t n_slabs, n_rows, n_cols;
    int is_double;
    size_t chunk_rows; /* 1 when not chunked */
    double *buffer;    /* row by row, as HDF5 gives it */
    size_t n_buffer;
    ba_ctx_t ctx; /* memory budget only */
    int is_wide;  /* a tile of columns costs decompressing (nearly) everything */
    int was_read; /* some columns were read: last_col0 on, last_n_cols */
    size_t last_col0, last_n_cols;
    ba_spool_t *spool; /* slabs one below the other; NULL until it pays */
} hdf5_state_t;

static void
close_hdf5(void *state)
{
    hdf5_state_t *hdf5 = state;

    if (!hdf5) {
        return;
    }
    if (hdf5->dataset >= 0) {
        H5Dclose(hdf5->dataset);
    }
    if (hdf5->file >= 0) {
        H5Fclose(hdf5->file);
    }
    ba_spool_free(hdf5->spool);
    ba_free(hdf5->buffer);
    ba_free(hdf5->name);
    ba_free(hdf5);
}

/* One hyperslab into `buffer`, row by row. */
static int
read_rows(hdf5_state_t *hdf5, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols)
{
    int skip =
        3 - hdf5->rank; /* of slab, row and column, which dimensions are not there */
    hsize_t start[3], count[3];
    hid_t in_file, in_memory;
    int status = BA_OK;

    if (hdf5->rank == 1) {
        start[0] = row0;
        count[0] = n_rows;
    } else {
        hsize_t all_start[3] = {slab, row0, col0};
        hsize_t all_count[3] = {1, n_rows, n_cols};

        memcpy(start, all_start + skip, (size_t) hdf5->rank * sizeof start[0]);
        memcpy(count, all_count + skip, (size_t) hdf5->rank * sizeof count[0]);
    }
    in_file = H5Dget_space(hdf5->dataset);
    in_memory = H5Screate_simple(hdf5->rank, count, NULL);
    if (in_file < 0 || in_memory < 0 ||
        H5Sselect_hyperslab(in_file, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        ba_hdf5_read_doubles(
            hdf5->dataset, in_memory, in_file, n_rows * n_cols, hdf5->buffer) < 0) {
        status = ba_hdf5_fail(
            BA_FORMAT, "%s: cannot read rows %zu:%zu", hdf5->name, row0, row0 + n_rows);
    }
    if (in_memory >= 0) {
        H5Sclose(in_memory);
    }
    if (in_file >= 0) {
        H5Sclose(in_file);
    }
    return status;
}

/* Squares of this side stay in the first cache while they are turned. */
#define TURN 32

static void
turn(const double *rows, size_t n_rows, size_t n_cols, double *dst, size_t ld)
{
    for (size_t i0 = 0; i0 < n_rows; i0 += TURN) {
        size_t i1 = n_rows - i0 < TURN ? n_rows : i0 + TURN;

        for (size_t j0 = 0; j0 < n_cols; j0 += TURN) {
            size_t j1 = n_cols - j0 < TURN ? n_cols : j0 + TURN;

            for (size_t j = j0; j < j1; j++) {
                for (size_t i = i0; i < i1; i++) {
                    dst[i + j * ld] = rows[i * n_cols + j];
                }
            }
        }
    }
}

/* Rows to read from `row` on: what the buffer holds, ending at a border of chunks so that
 * no chunk is taken twice. */
static size_t
piece(const hdf5_state_t *hdf5, size_t row, size_t left, size_t n_cols)
{
    size_t fits = hdf5->n_buffer / n_cols;
    size_t end;

    if (left <= fits) {
        return left;
    }
    end = (row + fits) / hdf5->chunk_rows * hdf5->chunk_rows;
    return end > row ? end - row : fits;
}

static int
reserve_buffer(hdf5_state_t *hdf5, size_t n_rows, size_t n_cols)
{
    size_t most = BUFFER_BYTES / sizeof(double);
    size_t wanted = n_rows < most / n_cols ? n_rows * n_cols : most;
    int status = BA_OK;

    wanted = wanted < n_cols ? n_cols : wanted;
    if (wanted > hdf5->n_buffer) {
        ba_free(hdf5->buffer);
        hdf5->n_buffer = 0;
        BA_TRY_ALLOC(hdf5->buffer, ba_malloc(wanted, sizeof *hdf5->buffer));
        hdf5->n_buffer = wanted;
    }
out:
    return status;
}

/* Columns of wide compressed chunks, read tile by tile, would decompress the whole data
 * set for each tile. It is unpacked once as soon as a second range of columns is asked
 * for. */
static int
must_spool(hdf5_state_t *hdf5, size_t col0, size_t n_cols)
{
    int is_another =
        hdf5->was_read && (col0 != hdf5->last_col0 || n_cols != hdf5->last_n_cols);

    hdf5->was_read = 1;
    hdf5->last_col0 = col0;
    hdf5->last_n_cols = n_cols;
    return hdf5->is_wide && is_another && !hdf5->spool && n_cols < hdf5->n_cols;
}

static int
unpack(hdf5_state_t *hdf5)
{
    ba_spool_t *spool = NULL;
    int status;

    BA_TRY(ba_spool_by_rows(&hdf5->ctx, hdf5->name, hdf5->n_cols,
        hdf5->is_double ? BA_DOUBLE : BA_SINGLE, &spool));
    BA_TRY(reserve_buffer(hdf5, hdf5->n_rows, hdf5->n_cols));
    for (size_t slab = 0; slab < hdf5->n_slabs; slab++) {
        for (size_t row = 0; row < hdf5->n_rows;) {
            size_t n = piece(hdf5, row, hdf5->n_rows - row, hdf5->n_cols);

            BA_TRY(read_rows(hdf5, slab, row, n, 0, hdf5->n_cols));
            for (size_t i = 0; i < n; i++) {
                BA_TRY(ba_spool_append(spool, hdf5->buffer + i * hdf5->n_cols));
            }
            row += n;
        }
    }
    BA_TRY(ba_spool_finish(spool));
    hdf5->spool = spool;
    spool = NULL;
out:
    ba_spool_free(spool);
    return status;
}

static int
read_hdf5(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    hdf5_state_t *hdf5 = state;
    int status;

    ba_hdf5_quiet();
    if (must_spool(hdf5, col0, n_cols)) {
        BA_TRY(unpack(hdf5));
    }
    if (hdf5->spool) {
        return ba_spool_read(
            hdf5->spool, slab * hdf5->n_rows + row0, n_rows, col0, n_cols, dst, ld);
    }
    BA_TRY(reserve_buffer(hdf5, n_rows, n_cols));
    for (size_t done = 0; done < n_rows;) {
        size_t n = piece(hdf5, row0 + done, n_rows - done, n_cols);

        BA_TRY(read_rows(hdf5, slab, row0 + done, n, col0, n_cols));
        turn(hdf5->buffer, n, n_cols, dst + done, ld);
        done += n;
    }
out:
    return status;
}

static const ba_source_ops_t hdf5_ops = {
    .format = "hdf5", .read = read_hdf5, .close = close_hdf5};

static const char *
class_words(H5T_class_t class)
{
    switch (class) {
    case H5T_STRING:
        return "strings";
    case H5T_COMPOUND:
        return "records (compound type)";
    case H5T_VLEN:
        return "lists of varying length";
    case H5T_ARRAY:
        return "arrays";
    case H5T_REFERENCE:
        return "references";
    case H5T_TIME:
        return "times";
    case H5T_BITFIELD:
        return "bit fields";
    case H5T_OPAQUE:
        return "opaque bytes";
    default:
        return "an unknown type";
    }
}

/* Integers of 32 bits and more and floats of more than 32 do not fit a float32. h5py's
 * booleans are an enumeration of 8-bit integers. */
static int
check_type(const hdf5_state_t *hdf5, int *is_double)
{
    hid_t type = H5Dget_type(hdf5->dataset);
    H5T_class_t class;
    size_t size;

    if (type < 0) {
        return ba_hdf5_fail(BA_FORMAT, "%s: cannot read its type", hdf5->name);
    }
    class = H5Tget_class(type);
    size = H5Tget_size(type);
    H5Tclose(type);
    if (class != H5T_FLOAT && class != H5T_INTEGER && class != H5T_ENUM) {
        return ba_fail(BA_UNSUPPORTED, "%s: holds %s, expected numbers", hdf5->name,
            class_words(class));
    }
    *is_double = class == H5T_FLOAT ? size > 4 : size >= 4;
    return BA_OK;
}

static int
check_filters(const hdf5_state_t *hdf5, hid_t dcpl)
{
    int n = H5Pget_nfilters(dcpl);

    for (int i = 0; i < n; i++) {
        unsigned flags, config;
        size_t n_values = 0;
        char name[64] = "";
        H5Z_filter_t filter = H5Pget_filter2(
            dcpl, (unsigned) i, &flags, &n_values, NULL, sizeof name, name, &config);

        if (filter >= 0 && H5Zfilter_avail(filter) > 0) {
            continue;
        }
        name[sizeof name - 1] = '\0';
        return ba_fail(BA_UNSUPPORTED,
            "%s: compressed by filter %d (%s), which this HDF5 lacks: rewrite it with "
            "h5repack -f GZIP=4",
            hdf5->name, (int) filter, name[0] ? name : "no name");
    }
    return BA_OK;
}

/* Bytes of a cache that holds every chunk over the rows of one tile of columns: of two
 * stripes of chunks, since a tile may straddle, else of one. 0 when even that is more
 * than `most`. */
static size_t
cache_bytes(const hdf5_state_t *hdf5, const hsize_t *chunk, size_t element, size_t most)
{
    size_t stripe = element;

    for (int i = 0; i < hdf5->rank; i++) {
        if (__builtin_mul_overflow(stripe, (size_t) chunk[i], &stripe)) {
            return 0;
        }
    }
    if (__builtin_mul_overflow(stripe, hdf5->n_rows / hdf5->chunk_rows + 1, &stripe) ||
        stripe > most) {
        return 0;
    }
    return stripe > most / 2 ? stripe : 2 * stripe;
}

/* Opens the data set anew with a cache of chunks that fits how it will be read. Chunks
 * wider than what such a cache may hold are marked: see must_spool(). */
static int
fit_cache(hdf5_state_t *hdf5, hid_t dcpl, const char *file, const char *path)
{
    size_t budget = ba_ctx_memory(&hdf5->ctx) / 8;
    hsize_t chunk[3];
    hid_t type = H5Dget_type(hdf5->dataset);
    size_t element = type < 0 ? 8 : H5Tget_size(type);
    size_t n_bytes;
    hid_t dapl;
    int status = BA_OK;

    if (type >= 0) {
        H5Tclose(type);
    }
    if (H5Pget_chunk(dcpl, hdf5->rank, chunk) < 0) {
        return ba_hdf5_fail(BA_FORMAT, "%s: cannot read its chunk sizes", hdf5->name);
    }
    hdf5->chunk_rows = (size_t) chunk[hdf5->rank == 3];
    n_bytes = cache_bytes(
        hdf5, chunk, element, budget < MAX_CACHE_BYTES ? budget : MAX_CACHE_BYTES);
    hdf5->is_wide = n_bytes == 0 && H5Pget_nfilters(dcpl) > 0;
    if (n_bytes <= DEFAULT_CACHE_BYTES) {
        return BA_OK;
    }
    dapl = H5Pcreate(H5P_DATASET_ACCESS);
    if (dapl < 0 || H5Pset_chunk_cache(dapl, CACHE_SLOTS, n_bytes, 1.0) < 0) {
        status = ba_hdf5_fail(BA_NOMEM, "%s: cannot set its cache", hdf5->name);
        goto out;
    }
    H5Dclose(hdf5->dataset);
    hdf5->dataset = H5I_INVALID_HID;
    BA_TRY(ba_hdf5_open_dataset(hdf5->file, file, path, dapl, &hdf5->dataset));
out:
    if (dapl >= 0) {
        H5Pclose(dapl);
    }
    return status;
}

static int
prepare_storage(hdf5_state_t *hdf5, const char *file, const char *path)
{
    hid_t dcpl = H5Dget_create_plist(hdf5->dataset);
    int status;

    if (dcpl < 0) {
        return ba_hdf5_fail(BA_FORMAT, "%s: cannot read its layout", hdf5->name);
    }
    BA_TRY(check_filters(hdf5, dcpl));
    if (H5Pget_layout(dcpl) == H5D_CHUNKED) {
        BA_TRY(fit_cache(hdf5, dcpl, file, path));
    }
out:
    H5Pclose(dcpl);
    return status;
}

static int
take_shape(hdf5_state_t *hdf5, const char *file, const char *path, int max_rank,
    ba_source_shape_t *shape)
{
    size_t dims[3];
    int status;

    BA_TRY(ba_hdf5_shape(hdf5->dataset, file, path, max_rank, &hdf5->rank, dims));
    if (hdf5->rank == 0) {
        return ba_fail(BA_SHAPE, "%s: 0 dimensions, expected %d", hdf5->name, max_rank);
    }
    hdf5->n_rows = dims[hdf5->rank == 3];
    hdf5->n_cols = hdf5->rank == 1 ? 1 : dims[hdf5->rank - 1];
    shape->rank = hdf5->rank;
    shape->n_slabs = hdf5->n_slabs = hdf5->rank == 3 ? dims[0] : 1;
    shape->n_rows = hdf5->n_rows;
    shape->n_cols = hdf5->n_cols;
    if (shape->n_slabs == 0 || shape->n_rows == 0 || shape->n_cols == 0) {
        return ba_fail(
            BA_SHAPE, "%s: no numbers, expected at least one row and column", hdf5->name);
    }
out:
    return status;
}

int
ba_hdf5_source_open(const ba_ctx_t *ctx, const char *file, const char *path,
    const ba_source_opts_t *opts, ba_source_t **out)
{
    ba_source_shape_t shape;
    hdf5_state_t *hdf5 = NULL;
    char *only = NULL;
    int status;

    *out = NULL;
    BA_TRY_ALLOC(hdf5, ba_calloc(1, sizeof *hdf5));
    hdf5->file = hdf5->dataset = H5I_INVALID_HID;
    hdf5->chunk_rows = 1;
    hdf5->ctx.memory = ba_ctx_memory(ctx);
    BA_TRY(ba_hdf5_open_file(file, &hdf5->file));
    if (!path) {
        BA_TRY(ba_hdf5_only_dataset(hdf5->file, file, opts->max_rank, &only));
        path = only;
    }
    BA_TRY_ALLOC(hdf5->name, ba_asprintf("%s:%s", file, path));
    BA_TRY(ba_hdf5_open_dataset(hdf5->file, file, path, H5P_DEFAULT, &hdf5->dataset));
    BA_TRY(check_type(hdf5, &hdf5->is_double));
    BA_TRY(take_shape(hdf5, file, path, opts->max_rank, &shape));
    BA_TRY(prepare_storage(hdf5, file, path));
    shape.is_double = hdf5->is_double;
    status = ba_source_wrap(&hdf5_ops, hdf5, &shape, file, out);
    hdf5 = NULL;
out:
    close_hdf5(hdf5);
    ba_free(only);
    return status;
}
