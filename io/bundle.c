/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of a result file. HDF5 keeps data back and does not always say so when they
 * cannot be written in the end, so that only closing the file tells: a commit asks the
 * driver (hdf5_driver.h) for failed writes, then opens the file again and looks at all
 * of its structure. */
#include "io/bundle_impl.h"

#include <string.h>

#include "core/alloc.h"
#include "io/hdf5_driver.h"

static const char FORMAT_PREFIX[] = "brainalign-";

/* A link callback that follows nothing. */
static herr_t
refuse_external(const char *parent_file, const char *parent_group, const char *child_file,
    const char *child_object, unsigned *flags, hid_t fapl, void *unused)
{
    (void) parent_file;
    (void) parent_group;
    (void) child_file;
    (void) child_object;
    (void) flags;
    (void) fapl;
    (void) unused;
    return -1;
}

static int
create_bundle(const char *path, ba_bundle_t **out)
{
    ba_bundle_t *bundle;
    int status = BA_OK;

    ba_hdf5_quiet();
    BA_TRY_ALLOC(bundle, ba_calloc(1, sizeof(*bundle)));
    *out = bundle;
    bundle->file = bundle->driver = H5I_INVALID_HID;
    bundle->lapl = H5Pcreate(H5P_LINK_ACCESS);
    BA_TRY_ALLOC(bundle->path, ba_strdup(path));
    if (bundle->lapl < 0 || H5Pset_elink_cb(bundle->lapl, refuse_external, NULL) < 0) {
        BA_TRY(ba_hdf5_fail(BA_NOMEM, "%s: cannot open", path));
    }
out:
    return status;
}

/* Creates the HDF5 file under its temporary name. */
static int
create_file(ba_bundle_t *bundle)
{
    const char *temporary = ba_outfile_temporary(bundle->outfile);
    hid_t fcpl = H5Pcreate(H5P_FILE_CREATE), fapl = H5Pcreate(H5P_FILE_ACCESS);
    int status = BA_OK;

    /* The format of HDF5 1.8 (2008), which everything in use reads: checksums over all
     * structure, and attributes of any size. No times: equal content, equal bytes. */
    bundle->driver = ba_hdf5_driver_register();
    if (fcpl >= 0 && fapl >= 0 && bundle->driver >= 0 &&
        H5Pset_obj_track_times(fcpl, 0) >= 0 &&
        H5Pset_libver_bounds(fapl, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0 &&
        H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) >= 0 &&
        ba_hdf5_driver_use(bundle->driver, fapl, &bundle->error) >= 0) {
        bundle->file = H5Fcreate(temporary, H5F_ACC_TRUNC, fcpl, fapl);
    }
    if (bundle->file < 0 || bundle->error != 0) {
        status = ba_bundle_fail_write(bundle, NULL);
    }
    H5Pclose(fcpl);
    H5Pclose(fapl);
    return status;
}

int
ba_bundle_create(const char *path, int force, ba_bundle_t **out)
{
    ba_bundle_t *bundle = NULL;
    int status;

    *out = NULL;
    BA_TRY(create_bundle(path, &bundle));
    BA_TRY(ba_outfile_create(path, force, &bundle->outfile));
    BA_TRY(create_file(bundle));
    *out = bundle;
    bundle = NULL;
out:
    ba_bundle_free(bundle);
    return status;
}

/* Whether the file was committed by us, is of the wanted kind and not newer than we
 * are. */
static int
check_marks(const ba_bundle_t *bundle, const char *wanted)
{
    char *format = NULL;
    int64_t complete = 0, version = 0;
    size_t n;
    int status;

    if (!ba_bundle_has_attr(bundle, "/", "format")) {
        return ba_fail(BA_FORMAT,
            "%s: not a brainalign result file: no attribute 'format'", bundle->path);
    }
    BA_TRY(ba_bundle_get_string(bundle, "/", "format", &format));
    if (strncmp(format, FORMAT_PREFIX, strlen(FORMAT_PREFIX)) != 0) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: not a brainalign result file: format '%s'",
            bundle->path, format));
    }
    if (ba_bundle_has_attr(bundle, "/", "complete")) {
        BA_TRY(ba_bundle_get_i64(bundle, "/", "complete", 1, &complete, &n));
    }
    if (complete != 1) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s: incomplete: the program that wrote it did not finish", bundle->path));
    }
    if (wanted && strcmp(format, wanted) != 0) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: a file of format '%s', wanted '%s'", bundle->path,
            format, wanted));
    }
    BA_TRY(ba_bundle_get_i64(bundle, "/", "format_version", 1, &version, &n));
    if (version < 1 || version > BA_BUNDLE_VERSION) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: format version %lld, this program reads up to %d",
            bundle->path, (long long) version, BA_BUNDLE_VERSION));
    }
out:
    ba_free(format);
    return status;
}

int
ba_bundle_open(const char *path, const char *format, ba_bundle_t **out)
{
    ba_bundle_t *bundle = NULL;
    int status;

    *out = NULL;
    BA_TRY(create_bundle(path, &bundle));
    BA_TRY(ba_hdf5_open_file(path, &bundle->file));
    BA_TRY(check_marks(bundle, format));
    *out = bundle;
    bundle = NULL;
out:
    ba_bundle_free(bundle);
    return status;
}

/* Opens one object of a finished file and everything that describes it. */
static herr_t
verify_object(hid_t root, const char *path, const H5O_info_t *info, void *unused)
{
    hid_t object = H5Oopen(root, path, H5P_DEFAULT), space = -1, type = -1;
    herr_t result = object < 0 ? -1 : 0;

    (void) unused;
    for (hsize_t i = 0; result == 0 && i < info->num_attrs; i++) {
        hid_t attr = H5Aopen_by_idx(
            object, ".", H5_INDEX_NAME, H5_ITER_NATIVE, i, H5P_DEFAULT, H5P_DEFAULT);

        result = attr < 0 ? -1 : 0;
        H5Aclose(attr);
    }
    if (result == 0 && info->type == H5O_TYPE_DATASET) {
        space = H5Dget_space(object);
        type = H5Dget_type(object);
        /* Walks the chunk index. */
        H5Dget_storage_size(object);
        result = space < 0 || type < 0 ? -1 : 0;
        H5Sclose(space);
        H5Tclose(type);
    }
    if (object >= 0) {
        H5Oclose(object);
    }
    return result;
}

static int
verify_file(const ba_bundle_t *bundle)
{
    hid_t file;
    herr_t result;
    int status = ba_hdf5_open_file(ba_outfile_temporary(bundle->outfile), &file);

    if (status != BA_OK) {
        return ba_fail(BA_IO,
            "%s: cannot write: the finished file cannot be opened again", bundle->path);
    }
    result = H5Ovisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, verify_object, NULL);
    if (result >= 0) {
        result = H5Aexists(file, "complete") > 0 ? 0 : -1;
    }
    if (result < 0) {
        status = ba_hdf5_fail(
            BA_IO, "%s: cannot write: the finished file is damaged", bundle->path);
    }
    H5Fclose(file);
    return status;
}

static int
close_file(ba_bundle_t *bundle)
{
    hid_t file = bundle->file;

    bundle->file = H5I_INVALID_HID;
    if (ba_bundle_close_sinks(bundle) != 0 || H5Fclose(file) < 0 || bundle->error != 0) {
        return ba_bundle_fail_write(bundle, NULL);
    }
    return BA_OK;
}

int
ba_bundle_commit(ba_bundle_t *bundle)
{
    const int64_t complete = 1, version = BA_BUNDLE_VERSION;
    int status;

    if (!bundle->outfile || bundle->file < 0) {
        return ba_fail(BA_VALUE, "%s: commit: not open for writing", bundle->path);
    }
    ba_hdf5_quiet();
    if (!ba_bundle_has_attr(bundle, "/", "format_version")) {
        BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, &version));
    }
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "complete", 1, &complete));
    BA_TRY(close_file(bundle));
    BA_TRY(verify_file(bundle));
    BA_TRY(ba_outfile_commit(bundle->outfile));
out:
    bundle->failed = status != BA_OK;
    return status;
}

void
ba_bundle_free(ba_bundle_t *bundle)
{
    if (!bundle) {
        return;
    }
    ba_hdf5_quiet();
    ba_bundle_close_sinks(bundle);
    while (bundle->sinks) {
        ba_sink_t *sink = bundle->sinks;

        bundle->sinks = sink->next;
        ba_free(sink->path);
        ba_free(sink);
    }
    if (bundle->file >= 0) {
        H5Fclose(bundle->file);
    }
    if (bundle->driver >= 0) {
        H5FDunregister(bundle->driver);
    }
    if (bundle->lapl >= 0) {
        H5Pclose(bundle->lapl);
    }
    H5Eclear2(H5E_DEFAULT);
    ba_outfile_free(bundle->outfile);
    ba_free(bundle->path);
    ba_free(bundle);
}
