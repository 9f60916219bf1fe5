/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/hdf5_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 14, 0)
#include <H5FDdevelop.h>
#endif

#include "core/alloc.h"

/* An open file as HDF5 sees it: `base` comes first. */
typedef struct {
    H5FD_t base;
    int fd;
    int *error;
    haddr_t end_allocated;
    haddr_t end_of_file; /* as if every write had succeeded */
} driver_file_t;

/* What the access list carries. */
typedef struct {
    int *error;
} driver_info_t;

static H5FD_t *
driver_open(const char *name, unsigned flags, hid_t fapl, haddr_t max_address)
{
    const driver_info_t *info = H5Pget_driver_info(fapl);
    driver_file_t *file = ba_calloc(1, sizeof(*file));
    int mode = O_RDWR | O_CLOEXEC | (flags & H5F_ACC_TRUNC ? O_TRUNC : 0);
    struct stat found;

    (void) max_address;
    if (!info) {
        ba_free(file);
        return NULL;
    }
    if (!file) {
        *info->error = ENOMEM;
        return NULL;
    }
    file->error = info->error;
    file->fd = open(name, mode);
    if (file->fd < 0 || fstat(file->fd, &found) != 0) {
        *file->error = errno;
        if (file->fd >= 0) {
            close(file->fd);
        }
        ba_free(file);
        return NULL;
    }
    file->end_of_file = (haddr_t) found.st_size;
    return &file->base;
}

static herr_t
driver_close(H5FD_t *base)
{
    driver_file_t *file = (driver_file_t *) base;

    if (close(file->fd) != 0 && *file->error == 0) {
        *file->error = errno;
    }
    ba_free(file);
    return 0;
}

static herr_t
driver_query(const H5FD_t *base, unsigned long *flags)
{
    (void) base;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t
driver_get_eoa(const H5FD_t *base, H5FD_mem_t type)
{
    (void) type;
    return ((const driver_file_t *) base)->end_allocated;
}

static herr_t
driver_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t address)
{
    (void) type;
    ((driver_file_t *) base)->end_allocated = address;
    return 0;
}

static haddr_t
driver_get_eof(const H5FD_t *base, H5FD_mem_t type)
{
    (void) type;
    return ((const driver_file_t *) base)->end_of_file;
}

/* What lies beyond the end reads as zeros, as HDF5 expects. */
static herr_t
driver_read(
    H5FD_t *base, H5FD_mem_t type, hid_t dxpl, haddr_t address, size_t size, void *buffer)
{
    driver_file_t *file = (driver_file_t *) base;
    unsigned char *to = buffer;

    (void) type;
    (void) dxpl;
    while (size > 0) {
        ssize_t got = pread(file->fd, to, size, (off_t) address);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            memset(to, 0, size);
            return 0;
        }
        to += got;
        address += (haddr_t) got;
        size -= (size_t) got;
    }
    return 0;
}

static herr_t
driver_write(H5FD_t *base, H5FD_mem_t type, hid_t dxpl, haddr_t address, size_t size,
    const void *buffer)
{
    driver_file_t *file = (driver_file_t *) base;
    const unsigned char *from = buffer;
    haddr_t end = address + size;

    (void) type;
    (void) dxpl;
    while (size > 0 && *file->error == 0) {
        ssize_t put = pwrite(file->fd, from, size, (off_t) address);

        if (put > 0) {
            from += put;
            address += (haddr_t) put;
            size -= (size_t) put;
        } else if (put == 0 || errno != EINTR) {
            *file->error = put == 0 ? ENOSPC : errno;
        }
    }
    file->end_of_file = end > file->end_of_file ? end : file->end_of_file;
    return 0;
}

/* HDF5 gives the file its final length. */
static herr_t
driver_truncate(H5FD_t *base, hid_t dxpl, hbool_t closing)
{
    driver_file_t *file = (driver_file_t *) base;

    (void) dxpl;
    (void) closing;
    if (file->end_allocated != file->end_of_file) {
        if (*file->error == 0 && ftruncate(file->fd, (off_t) file->end_allocated) != 0) {
            *file->error = errno;
        }
        file->end_of_file = file->end_allocated;
    }
    return 0;
}

static const H5FD_class_t DRIVER = {
#if H5_VERSION_GE(1, 14, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 511, /* the last of those that HDF5 leaves to unregistered drivers */
#endif
    .name = "brainalign",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(driver_info_t),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t
ba_hdf5_driver_register(void)
{
    return H5FDregister(&DRIVER);
}

herr_t
ba_hdf5_driver_use(hid_t driver, hid_t fapl, int *error)
{
    driver_info_t info = {error};

    *error = 0;
    return H5Pset_driver(fapl, driver, &info);
}
