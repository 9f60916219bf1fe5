/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A result file: named arrays, strings and attributes in one HDF5 file that appears under
 * its name only when complete. */
#ifndef BRAINALIGN_BUNDLE_H
#define BRAINALIGN_BUNDLE_H

#include "brainalign/ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ba_bundle ba_bundle_t;
typedef struct ba_sink ba_sink_t;

typedef enum { BA_F32, BA_F64, BA_I32, BA_I64, BA_U8, BA_U64 } ba_dtype_t;

/* Most dimensions of an array in a bundle. */
#define BA_MAX_RANK 4

/* Starts a result file that will be called `path`. The data go to a temporary name in the
 * same folder. Errors: BA_EXISTS (without `force`), BA_IO (folder missing or not
 * writable: the message says which). */
BA_API int ba_bundle_create(const char *path, int force, ba_bundle_t **out);

/* Opens a complete bundle for reading. BA_FORMAT when it is not one of ours, not
 * complete, of another `format` attribute (both named) or of a newer format version.
 * `format` NULL = any. */
BA_API int ba_bundle_open(const char *path, const char *format, ba_bundle_t **out);

/* Writes `complete` = 1, flushes, closes, opens again to verify, syncs and renames. Only
 * then does the file exist under its name. BA_IO on any failed write since the start (a
 * full disk included). */
BA_API int ba_bundle_commit(ba_bundle_t *bundle);

/* Closes; a bundle that was not committed leaves nothing behind. NULL is fine. */
BA_API void ba_bundle_free(ba_bundle_t *bundle);

/* Writes a whole array, C order (last dimension fastest); missing parent groups are made.
 * `rank` 0 = scalar. */
BA_API int ba_bundle_write(ba_bundle_t *bundle, const char *path, ba_dtype_t type,
    int rank, const size_t *dims, const void *data);

/* Writes n UTF-8 strings as one fixed-length, zero-padded string array. */
BA_API int ba_bundle_write_strings(
    ba_bundle_t *bundle, const char *path, size_t n, const char *const *strings);

/* Reserves an array to be filled block by block, filled with NaN (or 0 for integers)
 * until written. The bundle owns the sink. */
BA_API int ba_bundle_reserve(ba_bundle_t *bundle, const char *path, ba_dtype_t type,
    int rank, const size_t *dims, ba_sink_t **out);

/* Writes one hyper-rectangle of a reserved array: start and count per dimension, data
 * C-contiguous in the array's type. One thread at a time. */
BA_API int ba_sink_write(
    ba_sink_t *sink, const size_t *start, const size_t *count, const void *data);

/* Attributes of an object ("/" = the file; an object that does not exist is made as a
 * group). An attribute of that name is replaced. n = 1 number is stored as a scalar, more
 * as a list; attr_strings always stores a list. */
BA_API int ba_bundle_attr_string(
    ba_bundle_t *bundle, const char *object, const char *name, const char *value);
BA_API int ba_bundle_attr_strings(ba_bundle_t *bundle, const char *object,
    const char *name, size_t n, const char *const *values);
BA_API int ba_bundle_attr_f64(ba_bundle_t *bundle, const char *object, const char *name,
    size_t n, const double *values);
BA_API int ba_bundle_attr_i64(ba_bundle_t *bundle, const char *object, const char *name,
    size_t n, const int64_t *values);

/* Reading. Non-zero when the path exists. */
BA_API int ba_bundle_has(const ba_bundle_t *bundle, const char *path);

/* Rank and dimensions of an array; BA_MISSING with the list of what is there. */
BA_API int ba_bundle_shape(
    const ba_bundle_t *bundle, const char *path, int *rank, size_t dims[BA_MAX_RANK]);

/* Reads a hyper-rectangle (start and count NULL = the whole array) converted to `type`, C
 * order. */
BA_API int ba_bundle_read(const ba_bundle_t *bundle, const char *path, ba_dtype_t type,
    const size_t *start, const size_t *count, void *dst);

/* Reads a string array; *out is n pointers into one block, freed by one free(). */
BA_API int ba_bundle_read_strings(
    const ba_bundle_t *bundle, const char *path, size_t *n, char ***out);

/* Reads attributes. The string is the caller's to free(). Numbers: at most n, *found
 * tells how many (found may be NULL). BA_MISSING when there is no such attribute. */
BA_API int ba_bundle_get_string(
    const ba_bundle_t *bundle, const char *object, const char *name, char **out);
BA_API int ba_bundle_get_f64(const ba_bundle_t *bundle, const char *object,
    const char *name, size_t n, double *out, size_t *found);
BA_API int ba_bundle_get_i64(const ba_bundle_t *bundle, const char *object,
    const char *name, size_t n, int64_t *out, size_t *found);

#ifdef __cplusplus
}
#endif

#endif
