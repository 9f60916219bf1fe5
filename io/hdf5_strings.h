/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of strings in any HDF5 file, of fixed or varying length. */
#ifndef BA_IO_HDF5_STRINGS_H
#define BA_IO_HDF5_STRINGS_H

#include "core/texts.h"

/* Non-zero when `file` has the signature of HDF5. */
int ba_hdf5_is(const char *file);

/* Non-zero when file:path is a data set of strings. */
int ba_hdf5_holds_strings(const char *file, const char *path);

/* Adds the strings of a data set of one dimension (or of one string alone) to *texts,
 * which are the caller's to free. Errors: those of opening, BA_SHAPE (more dimensions),
 * BA_UNSUPPORTED (no strings), BA_FORMAT (damaged). */
int ba_hdf5_strings_read(
    const char *file, const char *path, ba_texts_t *texts) BA_MUST_USE;

#endif
