/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the writing and the reading side of bundles share. */
#ifndef BA_IO_BUNDLE_IMPL_H
#define BA_IO_BUNDLE_IMPL_H

#include "io/hdf5_util.h"
#include "io/outfile.h"

/* Newest layout of result files that this library writes and reads. */
enum { BA_BUNDLE_VERSION = 1 };

struct ba_bundle {
    char *path;            /* as given, for messages */
    ba_outfile_t *outfile; /* temporary file; NULL while reading */
    hid_t file;            /* negative once committed */
    hid_t driver;          /* that writes the file; negative while reading */
    hid_t lapl;            /* refuses links into other files */
    int error;             /* errno of the first write that failed inside HDF5 */
    int failed;            /* something is missing: never commit */
    ba_sink_t *sinks;      /* the last one reserved */
};

struct ba_sink {
    ba_bundle_t *bundle;
    ba_sink_t *next;
    char *path;
    ba_dtype_t type;
    int rank;
    size_t dims[BA_MAX_RANK];
    hid_t dataset;
};

/* Notes that writing failed; BA_IO with the cause, which is the system's where a write
 * failed, else HDF5's. `path` NULL = the file as a whole. */
int ba_bundle_fail_write(ba_bundle_t *bundle, const char *path);

/* Closes the data set of every sink; non-zero when one could not be. */
int ba_bundle_close_sinks(ba_bundle_t *bundle);

/* Writes an attribute anew, `n` values of the type `memory`; SIZE_MAX = one, a scalar. */
int ba_bundle_put_attr(ba_bundle_t *bundle, const char *object, const char *name,
    hid_t stored, hid_t memory, size_t n, const void *data);

/* Non-zero when `object` has the attribute. */
int ba_bundle_has_attr(const ba_bundle_t *bundle, const char *object, const char *name);

#endif
