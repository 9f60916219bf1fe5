/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reading data sets and writing bundles share of HDF5: silence, error text, opening
 * with care, listing. */
#ifndef BA_IO_HDF5_UTIL_H
#define BA_IO_HDF5_UTIL_H

#include <hdf5.h>

#include "brainalign/bundle.h"
#include "brainalign/error.h"

/* Turns off HDF5's own printing in the calling thread (HDF5 keeps the setting per
 * thread): call it first in every function that may be the thread's first one to use
 * HDF5. */
void ba_hdf5_quiet(void);

/* Non-zero when the linked library may be called from several threads. */
int ba_hdf5_is_thread_safe(void);

/* As ba_fail(), with ": " and the deepest record of HDF5's error stack (the cause) after
 * the message; empties the stack. */
int ba_hdf5_fail(int status, const char *format, ...) BA_PRINTF(2, 3);

/* Opens `file` for reading. Errors: BA_IO (cannot open, locked by a writer), BA_FORMAT
 * (not HDF5, truncated, damaged). */
int ba_hdf5_open_file(const char *file, hid_t *out) BA_MUST_USE;

/* Opens a data set, never following a link into another file. `name` is the file's, for
 * messages. `dapl` may be H5P_DEFAULT. Errors: BA_MISSING (with the list of what is
 * there; also for a group), BA_UNSUPPORTED (external link, data stored in other files),
 * BA_FORMAT (damaged). */
int ba_hdf5_open_dataset(
    hid_t file, const char *name, const char *path, hid_t dapl, hid_t *out) BA_MUST_USE;

/* Dimensions of an open data set (a scalar has rank 0). BA_SHAPE beyond `max_rank`, which
 * is also the length of `dims`. `name` and `path` are for messages. */
int ba_hdf5_shape(hid_t dataset, const char *name, const char *path, int max_rank,
    int *rank, size_t *dims) BA_MUST_USE;

/* The data sets of a file with their shapes, "/features/glove (538 x 300), /responses
 * (538 x 400)": about ten at most and the number of the others; "no data set" when there
 * is none. The caller frees with ba_free(). */
int ba_hdf5_list(hid_t file, char **out) BA_MUST_USE;

/* Path of the only data set of numbers with 1 to max_rank dimensions; the caller frees
 * with ba_free(). BA_MISSING with the list when there is none or more than one. */
int ba_hdf5_only_dataset(
    hid_t file, const char *name, int max_rank, char **path) BA_MUST_USE;

/* Memory type of a bundle's element type (HDF5's own: never close it) and its size in
 * bytes. */
hid_t ba_hdf5_memory_type(ba_dtype_t type);
size_t ba_hdf5_memory_size(ba_dtype_t type);

#endif
