/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/hdf5_util.h"

#include "core/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LISTED 10
#define MAX_TEXT 512

void
ba_hdf5_quiet(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

int
ba_hdf5_is_thread_safe(void)
{
    hbool_t answer = 0;

    return H5is_library_threadsafe(&answer) >= 0 && answer;
}

typedef struct {
    char text[MAX_TEXT];
    hid_t minor;
} deepest_t;

static herr_t
take_deepest(unsigned n, const H5E_error2_t *record, void *client)
{
    deepest_t *deepest = client;

    if (n == 0) {
        snprintf(deepest->text, sizeof deepest->text, "%s",
            record->desc ? record->desc : "no description");
        deepest->minor = record->min_num;
    }
    return 0;
}

/* The cause of the last failure. Walking upward starts at the innermost function. */
static deepest_t
deepest_record(void)
{
    deepest_t deepest = {.text = "unknown HDF5 failure", .minor = -1};

    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_deepest, &deepest);
    H5Eclear2(H5E_DEFAULT);
    return deepest;
}

int
ba_hdf5_fail(int status, const char *format, ...)
{
    char text[MAX_TEXT];
    deepest_t deepest = deepest_record();
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ba_fail(status, "%s: %s", text, deepest.text);
}

/* What the operating system says about a file is clearer than HDF5's words for it. */
static int
check_readable(const char *file)
{
    struct stat info;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return ba_fail(BA_IO, "%s: cannot open: %s", file, strerror(errno));
    }
    if (fstat(fd, &info) != 0) {
        info.st_mode = 0;
    }
    close(fd);
    if (!S_ISREG(info.st_mode)) {
        return ba_fail(BA_IO, "%s: cannot open: not a regular file", file);
    }
    return BA_OK;
}

int
ba_hdf5_open_file(const char *file, hid_t *out)
{
    hid_t fapl;
    deepest_t cause;
    int status;

    *out = H5I_INVALID_HID;
    ba_hdf5_quiet();
    BA_TRY(check_readable(file));
    if (H5Fis_hdf5(file) <= 0) {
        H5Eclear2(H5E_DEFAULT);
        return ba_fail(BA_FORMAT, "%s: not an HDF5 file", file);
    }
    fapl = H5Pcreate(H5P_FILE_ACCESS);
    if (fapl < 0) {
        return ba_hdf5_fail(BA_NOMEM, "%s: cannot open", file);
    }
    /* Locks stay on where the file system has them: a file that is being written must not
     * be read. */
    H5Pset_file_locking(fapl, 1, 1);
    *out = H5Fopen(file, H5F_ACC_RDONLY, fapl);
    if (*out < 0) {
        cause = deepest_record();
        status = ba_fail(strstr(cause.text, "unable to lock") ? BA_IO : BA_FORMAT,
            "%s: cannot open: %s", file, cause.text);
    }
    H5Pclose(fapl);
out:
    return status;
}

static herr_t
refuse_external(const char *parent_file, const char *parent_group, const char *child_file,
    const char *child_object, unsigned *flags, hid_t fapl, void *met)
{
    (void) parent_file;
    (void) parent_group;
    (void) child_file;
    (void) child_object;
    (void) flags;
    (void) fapl;
    *(int *) met = 1;
    return -1;
}

/* Why H5Oopen() failed: the path leads out of the file, does not exist, or the file is
 * damaged. */
static int
explain_missing(hid_t file, const char *name, const char *path, int met_external)
{
    deepest_t cause = deepest_record();
    char *list = NULL;
    int status;

    if (met_external) {
        return ba_fail(BA_UNSUPPORTED,
            "%s:%s: a link into another file, which is never followed", name, path);
    }
    if (cause.minor != H5E_NOTFOUND) {
        return ba_fail(BA_FORMAT, "%s:%s: cannot open: %s", name, path, cause.text);
    }
    BA_TRY(ba_hdf5_list(file, &list));
    status = ba_fail(
        BA_MISSING, "%s:%s: no such data set, the file holds %s", name, path, list);
out:
    ba_free(list);
    return status;
}

static int
check_is_dataset(
    hid_t file, const char *name, const char *path, hid_t lapl, const int *met_external)
{
    hid_t object = H5Oopen(file, path, lapl);
    H5I_type_t type;
    char *list = NULL;
    int status;

    if (object < 0) {
        return explain_missing(file, name, path, *met_external);
    }
    type = H5Iget_type(object);
    H5Oclose(object);
    if (type == H5I_DATASET) {
        return BA_OK;
    }
    BA_TRY(ba_hdf5_list(file, &list));
    status = ba_fail(BA_MISSING, "%s:%s: a %s, expected a data set; the file holds %s",
        name, path, type == H5I_GROUP ? "group" : "named type", list);
out:
    ba_free(list);
    return status;
}

/* Raw data in other files would be read from wherever a hostile file points to. */
static int
check_storage(hid_t dataset, const char *name, const char *path)
{
    hid_t dcpl = H5Dget_create_plist(dataset);
    int elsewhere;

    if (dcpl < 0) {
        return ba_hdf5_fail(BA_FORMAT, "%s:%s: cannot read the layout", name, path);
    }
    elsewhere = H5Pget_layout(dcpl) == H5D_VIRTUAL || H5Pget_external_count(dcpl) > 0;
    H5Pclose(dcpl);
    if (elsewhere) {
        return ba_fail(BA_UNSUPPORTED,
            "%s:%s: its numbers stand in other files, expected them in this one", name,
            path);
    }
    return BA_OK;
}

int
ba_hdf5_open_dataset(
    hid_t file, const char *name, const char *path, hid_t dapl, hid_t *out)
{
    int met_external = 0;
    hid_t guarded = H5I_INVALID_HID;
    int status;

    *out = H5I_INVALID_HID;
    ba_hdf5_quiet();
    guarded = dapl == H5P_DEFAULT ? H5Pcreate(H5P_DATASET_ACCESS) : H5Pcopy(dapl);
    if (guarded < 0 || H5Pset_elink_cb(guarded, refuse_external, &met_external) < 0) {
        status = ba_hdf5_fail(BA_NOMEM, "%s:%s: cannot open", name, path);
        goto out;
    }
    BA_TRY(check_is_dataset(file, name, path, guarded, &met_external));
    *out = H5Dopen2(file, path, guarded);
    if (*out < 0) {
        status = ba_hdf5_fail(BA_FORMAT, "%s:%s: cannot open", name, path);
        goto out;
    }
    BA_TRY(check_storage(*out, name, path));
out:
    if (status != BA_OK && *out >= 0) {
        H5Dclose(*out);
        *out = H5I_INVALID_HID;
    }
    if (guarded >= 0) {
        H5Pclose(guarded);
    }
    return status;
}

/* Rank and dimensions, which HDF5 bounds by H5S_MAX_RANK; -1 when they cannot be read or
 * the data set has no extent at all. */
static int
extent(hid_t dataset, hsize_t dims[H5S_MAX_RANK])
{
    hid_t space = H5Dget_space(dataset);
    int rank = -1;

    if (space >= 0) {
        if (H5Sget_simple_extent_type(space) != H5S_NULL) {
            rank = H5Sget_simple_extent_dims(space, dims, NULL);
        }
        H5Sclose(space);
    }
    return rank;
}

int
ba_hdf5_shape(hid_t dataset, const char *name, const char *path, int max_rank, int *rank,
    size_t *dims)
{
    hsize_t all[H5S_MAX_RANK];
    int n = extent(dataset, all);

    if (n < 0) {
        return ba_fail(
            BA_SHAPE, "%s:%s: no dimensions, expected %d", name, path, max_rank);
    }
    if (n > max_rank) {
        return ba_fail(
            BA_SHAPE, "%s:%s: %d dimensions, expected %d", name, path, n, max_rank);
    }
    for (int i = 0; i < n; i++) {
        dims[i] = (size_t) all[i];
    }
    *rank = n;
    return BA_OK;
}

typedef struct {
    char *text; /* list so far, NULL before the first */
    size_t n_found;
    int max_rank; /* what counts as a candidate; 0 = nothing does */
    size_t n_candidates;
    char *candidate; /* path of the first */
    int status;
} listing_t;

static int
holds_numbers(hid_t dataset)
{
    hid_t type = H5Dget_type(dataset);
    H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);

    if (type >= 0) {
        H5Tclose(type);
    }
    return class == H5T_INTEGER || class == H5T_FLOAT || class == H5T_ENUM;
}

/* "538 x 300" into `text`. */
static void
print_shape(int rank, const hsize_t *dims, size_t size, char *text)
{
    size_t used = 0;

    snprintf(text, size, "%s", rank < 0 ? "empty" : "scalar");
    for (int i = 0; i < rank && used < size; i++) {
        used += (size_t) snprintf(text + used, size - used, "%s%llu", i ? " x " : "",
            (unsigned long long) dims[i]);
    }
}

static int
add_to_listing(listing_t *listing, hid_t dataset, const char *path)
{
    hsize_t dims[H5S_MAX_RANK];
    char shape[96];
    int rank = extent(dataset, dims);
    char *longer = NULL;
    int status = BA_OK;

    if (rank >= 1 && rank <= listing->max_rank && holds_numbers(dataset)) {
        if (listing->n_candidates++ == 0) {
            BA_TRY_ALLOC(listing->candidate, ba_asprintf("/%s", path));
        }
    }
    if (listing->n_found++ < MAX_LISTED) {
        print_shape(rank, dims, sizeof shape, shape);
        BA_TRY_ALLOC(
            longer, ba_asprintf("%s%s/%s (%s)", listing->text ? listing->text : "",
                        listing->text ? ", " : "", path, shape));
        ba_free(listing->text);
        listing->text = longer;
    }
out:
    return status;
}

/* Only hard links are followed: they cannot leave the file, and every data set has
 * one. */
static herr_t
visit_link(hid_t group, const char *path, const H5L_info_t *info, void *client)
{
    listing_t *listing = client;
    hid_t object;

    if (info->type != H5L_TYPE_HARD) {
        return 0;
    }
    object = H5Oopen(group, path, H5P_DEFAULT);
    if (object < 0) {
        return 0; /* damaged: not worth more than leaving it out */
    }
    if (H5Iget_type(object) == H5I_DATASET) {
        listing->status = add_to_listing(listing, object, path);
    }
    H5Oclose(object);
    return listing->status == BA_OK ? 0 : -1;
}

static int
list_datasets(hid_t file, listing_t *listing)
{
    char *longer = NULL;
    int status = BA_OK;

    /* A file that is damaged half way is listed as far as it goes. */
    H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, visit_link, listing);
    H5Eclear2(H5E_DEFAULT);
    BA_TRY(listing->status);
    if (listing->n_found > MAX_LISTED) {
        BA_TRY_ALLOC(longer,
            ba_asprintf("%s and %zu more", listing->text, listing->n_found - MAX_LISTED));
    } else if (listing->n_found == 0) {
        BA_TRY_ALLOC(longer, ba_strdup("no data set"));
    }
    if (longer) {
        ba_free(listing->text);
        listing->text = longer;
    }
out:
    return status;
}

int
ba_hdf5_list(hid_t file, char **out)
{
    listing_t listing = {.max_rank = 0};
    int status = list_datasets(file, &listing);

    if (status != BA_OK) {
        ba_free(listing.text);
        listing.text = NULL;
    }
    *out = listing.text;
    return status;
}

int
ba_hdf5_only_dataset(hid_t file, const char *name, int max_rank, char **path)
{
    listing_t listing = {.max_rank = max_rank};
    int status;

    *path = NULL;
    BA_TRY(list_datasets(file, &listing));
    if (listing.n_candidates != 1) {
        status = ba_fail(BA_MISSING,
            "%s: %zu data sets fit, say which one as FILE:PATH; the file holds %s", name,
            listing.n_candidates, listing.text);
        goto out;
    }
    *path = listing.candidate;
    listing.candidate = NULL;
out:
    ba_free(listing.text);
    ba_free(listing.candidate);
    return status;
}

hid_t
ba_hdf5_memory_type(ba_dtype_t type)
{
    switch (type) {
    case BA_F32:
        return H5T_NATIVE_FLOAT;
    case BA_F64:
        return H5T_NATIVE_DOUBLE;
    case BA_I32:
        return H5T_NATIVE_INT32;
    case BA_I64:
        return H5T_NATIVE_INT64;
    case BA_U8:
        return H5T_NATIVE_UINT8;
    case BA_U64:
        return H5T_NATIVE_UINT64;
    }
    return H5I_INVALID_HID;
}

size_t
ba_hdf5_memory_size(ba_dtype_t type)
{
    switch (type) {
    case BA_U8:
        return 1;
    case BA_F32:
    case BA_I32:
        return 4;
    case BA_F64:
    case BA_I64:
    case BA_U64:
        return 8;
    }
    return 0;
}
