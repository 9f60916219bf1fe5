/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a format plugs into ba_source_t. */
#ifndef BA_IO_SOURCE_IMPL_H
#define BA_IO_SOURCE_IMPL_H

#include "brainalign/source.h"

/* What a format does. `state` is the format's own struct. Coordinates are always those of
 * the whole data set: source.c adds the ranges of a SPEC and checks every bound. */
typedef struct {
    const char *format; /* "hdf5", "npy", "nifti", "csv", "memory" */

    /* Reads a block of one slab into column-major dst (dst[i + j * ld]); all bounds are
     * right and nothing is empty. The message of a failure starts with the file's
     * name. */
    int (*read)(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0,
        size_t n_cols, double *dst, size_t ld);

    /* Label of a column, borrowed. NULL = the format has none. */
    const char *(*column_name)(const void *state, size_t column);

    /* Grid and mask of the columns, borrowed. NULL = the format has none. */
    const ba_image_t *(*image)(const void *state);

    /* Called at most once, right after opening, where a SPEC keeps only columns
     * start..stop: from then on image() must list only these voxels. read() and
     * column_name() go on counting from the data set's first column. NULL = nothing to
     * do. */
    int (*keep_columns)(void *state, size_t start, size_t stop);

    /* Frees the state. */
    void (*close)(void *state);
} ba_source_ops_t;

/* What the format found. */
typedef struct {
    size_t n_slabs, n_rows, n_cols; /* of the whole data set; n_slabs = 1 below rank 3 */
    int rank;                       /* dimensions stored */
    int is_double;                  /* as ba_source_is_double() */
} ba_source_shape_t;

struct ba_source {
    const ba_source_ops_t *ops;
    void *state;
    ba_source_shape_t shape; /* n_rows and n_cols after slicing */
    size_t row0, col0;       /* first row and column kept */
    const char *format;      /* ops->format, of the first part for joined sources */
    char *name;
    char **files;
    size_t n_files;
};

/* Makes *out around `state`, which it owns from here on, on failure too (it is closed
 * then). `file` is copied: it is what ba_source_file() and, until source.c puts the SPEC
 * there, ba_source_name() say. Every *_source_open() ends with this call.
 * BA_SHAPE: `file` has no element at all. BA_TOO_LARGE: its bytes cannot be counted. */
int ba_source_wrap(const ba_source_ops_t *ops, void *state,
    const ba_source_shape_t *shape, const char *file, ba_source_t **out);

/* Adds one more file to what ba_source_file() lists. */
int ba_source_add_file(ba_source_t *source, const char *file);

/* One source whose columns are those of `parts` in order (same n_rows, n_slabs = 1 each).
 * Takes ownership of the parts on success. BA_SHAPE when row counts differ (both
 * named). */
int ba_source_beside(ba_source_t **parts, size_t n_parts, ba_source_t **out);

/* The formats. Each opens `file` whole and leaves NULL in *out on failure. `opts` is
 * never NULL and max_rank is 1..3 here. `path` NULL = the only data set that fits. */
int ba_hdf5_source_open(const ba_ctx_t *ctx, const char *file, const char *path,
    const ba_source_opts_t *opts, ba_source_t **out);
int ba_npy_source_open(const ba_ctx_t *ctx, const char *file,
    const ba_source_opts_t *opts, ba_source_t **out);
int ba_nifti_source_open(const ba_ctx_t *ctx, const char *file,
    const ba_source_opts_t *opts, ba_source_t **out);
int ba_csv_source_open(const ba_ctx_t *ctx, const char *file,
    const ba_source_opts_t *opts, ba_source_t **out);

#endif
