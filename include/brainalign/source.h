/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A matrix to read block by block, whatever file it stands in. */
#ifndef BRAINALIGN_SOURCE_H
#define BRAINALIGN_SOURCE_H

#include "brainalign/ctx.h"
#include "brainalign/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque: n_slabs x n_rows x n_cols numbers (n_slabs = 1 unless the data set has three
 * dimensions). Rows are samples, columns are features or targets. Values are read as
 * stored: scaling factors of images applied, missing values (CSV `n/a`, `nan`, empty) as
 * NaN. One thread at a time may read from a source. */
typedef struct ba_source ba_source_t;

typedef struct {
    const char *mask; /* SPEC of a mask for image input, NULL = every voxel; ignored by
                         other formats */
    int max_rank;     /* 1..3: dimensions accepted; 0 = 2. A vector is one column. Images
                         count as 2 */
} ba_source_opts_t;

/* Opens `spec` = FILE[:PATH][[ROWS,COLS]] (half-open a:b ranges, empty = all).
 * Formats by content, then by name: HDF5, NPY, NIfTI-1/2 (.nii, .nii.gz; rows are
 * volumes, columns the voxels of the mask, x fastest), CSV/TSV (header detected). What
 * cannot be read by column (.nii.gz, CSV) is held in memory where it fits a quarter of
 * the budget of `ctx`, else spooled to an unnamed temporary file. Errors: BA_IO (cannot
 * open), BA_MISSING (no such data set; the message lists what is there), BA_FORMAT,
 * BA_SHAPE (rank, mask of another shape), BA_VALUE (bad SPEC or range), BA_UNSUPPORTED
 * (type that cannot be read). `opts` NULL = defaults. The caller closes *out. */
BA_API int ba_source_open(const ba_ctx_t *ctx, const char *spec,
    const ba_source_opts_t *opts, ba_source_t **out);

/* One source whose rows are those of `parts` in order (same n_cols, n_slabs = 1 each).
 * Takes ownership of the parts on success. BA_SHAPE when column counts differ (both
 * named). */
BA_API int ba_source_stack(ba_source_t **parts, size_t n_parts, ba_source_t **out);

/* One source whose slabs are `parts` (equal shapes, n_slabs = 1 each): repeats of one
 * recording. Takes ownership on success. */
BA_API int ba_source_slabs(ba_source_t **parts, size_t n_parts, ba_source_t **out);

/* The layers of a model as sources of their own: of layers x samples x features (rank 3)
 * each slab (layer_size 0, or the number of features), of a matrix every layer_size
 * columns. *out is a list for the caller to free with free(), each source to be closed;
 * they take ownership of `whole` on success. BA_SHAPE (columns that are no multiple),
 * BA_VALUE (a matrix without a layer size). */
BA_API int ba_source_layers(
    ba_source_t *whole, size_t layer_size, ba_source_t ***out, size_t *n_layers);

/* A source over an in-memory column-major matrix that must outlive it. */
BA_API int ba_source_from_memory(const double *data, size_t n_rows, size_t n_cols,
    size_t ld, const char *name, ba_source_t **out);

BA_API void ba_source_close(ba_source_t *source);

BA_API size_t ba_source_n_slabs(const ba_source_t *source);
BA_API size_t ba_source_n_rows(const ba_source_t *source);
BA_API size_t ba_source_n_cols(const ba_source_t *source);

/* Dimensions of the stored data set (1, 2, 3; 4 for a time series of images). */
BA_API int ba_source_rank(const ba_source_t *source);

/* The SPEC it was opened with (first part's, for stacks); for messages. Borrowed. */
BA_API const char *ba_source_name(const ba_source_t *source);

/* "hdf5", "npy", "nifti", "csv" or "memory". Borrowed. */
BA_API const char *ba_source_format(const ba_source_t *source);

/* Path of the file of part `i`, NULL past the last: what provenance lists. Borrowed. */
BA_API const char *ba_source_file(const ba_source_t *source, size_t i);

/* Non-zero when values may not be exact in float32 (float64, integers of 32 bits and
 * more, scaled images). */
BA_API int ba_source_is_double(const ba_source_t *source);

/* Label of a column if the file has one (CSV header), else NULL. Borrowed. */
BA_API const char *ba_source_column_name(const ba_source_t *source, size_t column);

/* The grid and mask that columns are voxels of, NULL for anything but images. Borrowed.
 */
BA_API const ba_image_t *ba_source_image(const ba_source_t *source);

/* Non-zero when one thread may read from the source while others use other files (HDF5
 * built without thread safety forbids it). */
BA_API int ba_source_can_read_ahead(const ba_source_t *source);

/* Reads rows row0.. and columns col0.. of one slab into column-major dst (dst[i + j *
 * ld], ld >= n_rows). Cost: one pass over the chunks or rows touched. Errors: BA_IO,
 * BA_FORMAT (truncated), BA_VALUE (out of range). */
BA_API int ba_source_read(ba_source_t *source, size_t slab, size_t row0, size_t n_rows,
    size_t col0, size_t n_cols, double *dst, size_t ld);

/* A SPEC taken apart. Ranges are half open; stop = SIZE_MAX means to the end. */
typedef struct {
    char *file;
    char *path; /* data set inside the file, NULL when not given */
    size_t row_start, row_stop, col_start, col_stop;
} ba_spec_t;

/* Parses FILE[:PATH][[ROWS,COLS]]. A colon belongs to the file name where no PATH follows
 * the last one or where a file of that whole name exists. BA_VALUE names what is wrong.
 * The caller frees with ba_spec_free(). */
BA_API int ba_spec_parse(const char *spec, ba_spec_t *out);
BA_API void ba_spec_free(ba_spec_t *spec);

#ifdef __cplusplus
}
#endif

#endif
