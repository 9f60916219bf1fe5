/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/source_impl.h"
#include "io/hdf5_util.h"
#include "io/neurox.h"

#include "core/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum {
    HDF5,
    NPY,
    NIFTI,
    CSV,
    ZIP,
    GZIP,
    PICKLE,
    SAFETENSORS,
    JSON,
    UNKNOWN
} format_t;

int
ba_source_add_file(ba_source_t *source, const char *file)
{
    char **longer;
    int status = BA_OK;

    BA_TRY_ALLOC(
        longer, ba_realloc(source->files, source->n_files + 1, sizeof *source->files));
    source->files = longer;
    BA_TRY_ALLOC(source->files[source->n_files], ba_strdup(file));
    source->n_files++;
out:
    return status;
}

static int
check_size(const ba_source_shape_t *shape, const char *file)
{
    size_t n;

    if (shape->n_slabs == 0 || shape->n_rows == 0 || shape->n_cols == 0) {
        return ba_fail(BA_SHAPE, "%s: no numbers, expected at least one row and column",
            file ? file : "matrix");
    }
    if (__builtin_mul_overflow(shape->n_slabs, shape->n_rows, &n) ||
        __builtin_mul_overflow(n, shape->n_cols, &n) || n > SIZE_MAX / sizeof(double)) {
        return ba_fail(BA_TOO_LARGE, "%s: %zu x %zu x %zu numbers cannot be addressed",
            file ? file : "matrix", shape->n_slabs, shape->n_rows, shape->n_cols);
    }
    return BA_OK;
}

int
ba_source_wrap(const ba_source_ops_t *ops, void *state, const ba_source_shape_t *shape,
    const char *file, ba_source_t **out)
{
    ba_source_t *source = NULL;
    int status;

    *out = NULL;
    BA_TRY(check_size(shape, file));
    BA_TRY_ALLOC(source, ba_calloc(1, sizeof *source));
    source->shape = *shape;
    source->format = ops->format;
    BA_TRY_ALLOC(source->name, ba_strdup(file ? file : ops->format));
    if (file) {
        BA_TRY(ba_source_add_file(source, file));
    }
    source->ops = ops;
    source->state = state;
    *out = source;
    return BA_OK;
out:
    ops->close(state);
    ba_source_close(source);
    return status;
}

static int
ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcasecmp(text + n - m, end) == 0;
}

static format_t
format_by_name(const char *file)
{
    static const struct {
        const char *end;
        format_t format;
    } endings[] = {{".h5", HDF5}, {".hdf5", HDF5}, {".hdf", HDF5}, {".hf5", HDF5},
        {".npy", NPY}, {".nii", NIFTI}, {".nii.gz", NIFTI}, {".csv", CSV}, {".tsv", CSV},
        {".txt", CSV}, {".npz", ZIP}, {".safetensors", SAFETENSORS}, {".pkl", PICKLE},
        {".pickle", PICKLE}, {".json", JSON}, {".jsonl", JSON}};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (ends_with(file, endings[i].end)) {
            return endings[i].format;
        }
    }
    return UNKNOWN;
}

/* The superblock stands at byte 0, 512, 1024, 2048 and so on (MATLAB's files: 512). */
static int
has_hdf5_signature(int fd)
{
    unsigned char head[8];

    for (off_t at = 0; pread(fd, head, 8, at) == 8; at = at ? 2 * at : 512) {
        if (memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0) {
            return 1;
        }
    }
    return 0;
}

static int
starts_with(const unsigned char *head, size_t n, const char *magic, size_t n_magic)
{
    return n >= n_magic && memcmp(head, magic, n_magic) == 0;
}

/* The header sizes 348 and 540, in either byte order, start NIfTI-1 and NIfTI-2. */
static int
is_nifti(const unsigned char *head, size_t n)
{
    return starts_with(head, n, "\x5c\x01\0\0", 4) ||
           starts_with(head, n, "\0\0\x01\x5c", 4) ||
           starts_with(head, n, "\x1c\x02\0\0", 4) ||
           starts_with(head, n, "\0\0\x02\x1c", 4);
}

static format_t
format_of(int fd, const char *file)
{
    unsigned char head[512];
    ssize_t got = pread(fd, head, sizeof head, 0);
    size_t n = got > 0 ? (size_t) got : 0;
    format_t named = format_by_name(file);

    if (has_hdf5_signature(fd)) {
        return HDF5;
    }
    if (starts_with(head, n, "\x93NUMPY", 6)) {
        return NPY;
    }
    if (starts_with(head, n, "PK\x03\x04", 4)) {
        return ZIP;
    }
    if (starts_with(head, n, "\x1f\x8b", 2)) {
        return named == CSV ? GZIP : NIFTI;
    }
    if (is_nifti(head, n)) {
        return NIFTI;
    }
    if (named == UNKNOWN && starts_with(head, n, "{\"", 2)) {
        return JSON;
    }
    if (named == UNKNOWN && starts_with(head, n, "\x80", 1)) {
        return PICKLE;
    }
    if (named == UNKNOWN && n > 0 && !memchr(head, 0, n)) {
        return CSV;
    }
    return named;
}

static int
detect_format(const char *file, format_t *format)
{
    struct stat info;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int status = BA_OK;

    if (fd < 0) {
        return ba_fail(BA_IO, "%s: cannot open: %s", file, strerror(errno));
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        status = ba_fail(BA_IO, "%s: cannot open: %s", file,
            S_ISDIR(info.st_mode) ? "it is a folder" : "not a regular file");
    } else {
        *format = format_of(fd, file);
    }
    close(fd);
    return status;
}

static int
refuse_format(format_t format, const char *file)
{
    switch (format) {
    case ZIP:
        return ba_fail(BA_UNSUPPORTED,
            "%s: a ZIP archive (NPZ or PyTorch), expected one array: write it with "
            "numpy.save()",
            file);
    case GZIP:
        return ba_fail(
            BA_UNSUPPORTED, "%s: compressed text, expected plain text: gunzip it", file);
    case PICKLE:
        return ba_fail(BA_UNSUPPORTED,
            "%s: pickled Python objects, expected an array: write it with numpy.save()",
            file);
    case SAFETENSORS:
        return ba_fail(BA_UNSUPPORTED,
            "%s: safetensors, expected HDF5, NPY, NIfTI, CSV or TSV", file);
    default:
        return ba_fail(
            BA_FORMAT, "%s: unknown format, expected HDF5, NPY, NIfTI, CSV or TSV", file);
    }
}

static int
open_file(const ba_ctx_t *ctx, const ba_spec_t *spec, const ba_source_opts_t *opts,
    ba_source_t **out)
{
    format_t format = UNKNOWN;
    int status;

    BA_TRY(detect_format(spec->file, &format));
    if (spec->path &&
        (format == NPY || format == NIFTI || format == CSV || format == JSON)) {
        return ba_fail(BA_VALUE, "%s:%s: a PATH, but such a file holds one matrix only",
            spec->file, spec->path);
    }
    switch (format) {
    case HDF5:
        if (!spec->path && ba_neurox_is_hdf5(spec->file)) {
            return ba_neurox_hdf5_open(spec->file, out);
        }
        return ba_hdf5_source_open(ctx, spec->file, spec->path, opts, out);
    case NPY:
        return ba_npy_source_open(ctx, spec->file, opts, out);
    case NIFTI:
        return ba_nifti_source_open(ctx, spec->file, opts, out);
    case CSV:
        return ba_csv_source_open(ctx, spec->file, opts, out);
    case JSON:
        return ba_neurox_json_open(ctx, spec->file, out);
    default:
        return refuse_format(format, spec->file);
    }
out:
    return status;
}

static int
keep_range(const char *text, const char *what, size_t start, size_t stop, size_t *first,
    size_t *n)
{
    size_t end = stop == SIZE_MAX ? *n : stop;

    if (stop == SIZE_MAX && start >= end) {
        return ba_fail(
            BA_VALUE, "%s: %s from %zu, but there are %zu", text, what, start, *n);
    }
    if (end > *n || start >= end) {
        return ba_fail(
            BA_VALUE, "%s: %s %zu:%zu, but there are %zu", text, what, start, end, *n);
    }
    *first = start;
    *n = end - start;
    return BA_OK;
}

static int
slice(ba_source_t *source, const char *text, const ba_spec_t *spec)
{
    size_t n_cols = source->shape.n_cols;
    int status;

    BA_TRY(keep_range(text, "rows", spec->row_start, spec->row_stop, &source->row0,
        &source->shape.n_rows));
    BA_TRY(keep_range(text, "columns", spec->col_start, spec->col_stop, &source->col0,
        &source->shape.n_cols));
    if (source->shape.n_cols < n_cols && source->ops->keep_columns) {
        BA_TRY(source->ops->keep_columns(
            source->state, source->col0, source->col0 + source->shape.n_cols));
    }
out:
    return status;
}

int
ba_source_open(const ba_ctx_t *ctx, const char *spec, const ba_source_opts_t *opts,
    ba_source_t **out)
{
    ba_source_opts_t used = opts ? *opts : (ba_source_opts_t){.max_rank = 0};
    ba_spec_t parsed = {.file = NULL};
    ba_source_t *source = NULL;
    int status;

    *out = NULL;
    used.max_rank = used.max_rank == 0 ? 2 : used.max_rank;
    if (used.max_rank < 1 || used.max_rank > 3) {
        return ba_fail(
            BA_VALUE, "%s: max_rank is %d, expected 1 to 3", spec, used.max_rank);
    }
    BA_TRY(ba_spec_parse(spec, &parsed));
    BA_TRY(open_file(ctx, &parsed, &used, &source));
    BA_TRY(slice(source, spec, &parsed));
    ba_free(source->name);
    BA_TRY_ALLOC(source->name, ba_strdup(spec));
    *out = source;
    source = NULL;
out:
    ba_source_close(source);
    ba_spec_free(&parsed);
    return status;
}

void
ba_source_close(ba_source_t *source)
{
    if (!source) {
        return;
    }
    if (source->ops) {
        source->ops->close(source->state);
    }
    for (size_t i = 0; i < source->n_files; i++) {
        ba_free(source->files[i]);
    }
    ba_free(source->files);
    ba_free(source->name);
    ba_free(source);
}

size_t
ba_source_n_slabs(const ba_source_t *source)
{
    return source->shape.n_slabs;
}

size_t
ba_source_n_rows(const ba_source_t *source)
{
    return source->shape.n_rows;
}

size_t
ba_source_n_cols(const ba_source_t *source)
{
    return source->shape.n_cols;
}

int
ba_source_rank(const ba_source_t *source)
{
    return source->shape.rank;
}

const char *
ba_source_name(const ba_source_t *source)
{
    return source->name;
}

const char *
ba_source_format(const ba_source_t *source)
{
    return source->format;
}

const char *
ba_source_file(const ba_source_t *source, size_t i)
{
    return i < source->n_files ? source->files[i] : NULL;
}

int
ba_source_can_read_ahead(const ba_source_t *source)
{
    return strcmp(source->format, "hdf5") != 0 || ba_hdf5_is_thread_safe();
}

int
ba_source_is_double(const ba_source_t *source)
{
    return source->shape.is_double;
}

const char *
ba_source_column_name(const ba_source_t *source, size_t column)
{
    if (!source->ops->column_name || column >= source->shape.n_cols) {
        return NULL;
    }
    return source->ops->column_name(source->state, source->col0 + column);
}

const ba_image_t *
ba_source_image(const ba_source_t *source)
{
    return source->ops->image ? source->ops->image(source->state) : NULL;
}

int
ba_source_read(ba_source_t *source, size_t slab, size_t row0, size_t n_rows, size_t col0,
    size_t n_cols, double *dst, size_t ld)
{
    const ba_source_shape_t *shape = &source->shape;

    if (slab >= shape->n_slabs || row0 > shape->n_rows || n_rows > shape->n_rows - row0 ||
        col0 > shape->n_cols || n_cols > shape->n_cols - col0 || ld < n_rows) {
        return ba_fail(BA_VALUE,
            "%s: slab %zu, rows %zu + %zu, columns %zu + %zu asked (leading dimension "
            "%zu), there are %zu x %zu x %zu",
            source->name, slab, row0, n_rows, col0, n_cols, ld, shape->n_slabs,
            shape->n_rows, shape->n_cols);
    }
    if (n_rows == 0 || n_cols == 0) {
        return BA_OK;
    }
    return source->ops->read(source->state, slab, source->row0 + row0, n_rows,
        source->col0 + col0, n_cols, dst, ld);
}
