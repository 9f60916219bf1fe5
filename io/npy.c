/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NPY arrays, format versions 1 to 3: "\x93NUMPY", major, minor, header length (2 bytes
 * in version 1, 4 after, little-endian), a Python dictionary {'descr': '<f4',
 * 'fortran_order': False, 'shape': (3, 4), }, then the numbers. Reference:
 * numpy/lib/format.py, NEP 1. */
#include "io/half.h"
#include "io/npy_header.h"
#include "io/source_impl.h"

#include "core/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes read ahead where most of them will be used. */
#define READ_AHEAD ((size_t) 1 << 20)

typedef struct {
    char *file;
    int fd;
    npy_header_t header;
    size_t n_slabs, n_rows, n_cols;
    size_t slab_step, row_step, col_step; /* in numbers */
    unsigned char *buffer;                /* bytes at..at + n_held of the numbers */
    size_t buffer_size, at, n_held;
} npy_state_t;

static void
close_npy(void *state)
{
    npy_state_t *npy = state;

    if (!npy) {
        return;
    }
    if (npy->fd >= 0) {
        close(npy->fd);
    }
    ba_free(npy->buffer);
    ba_free(npy->file);
    ba_free(npy);
}

static int
read_at(int fd, const char *file, size_t offset, unsigned char *to, size_t n_bytes)
{
    while (n_bytes > 0) {
        ssize_t n = pread(fd, to, n_bytes, (off_t) offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ba_fail(BA_IO, "%s: cannot read: %s", file, strerror(errno));
        }
        if (n == 0) {
            return ba_fail(BA_FORMAT, "%s: ends at byte %zu, expected %zu more", file,
                offset, n_bytes);
        }
        to += n;
        offset += (size_t) n;
        n_bytes -= (size_t) n;
    }
    return BA_OK;
}

/* Makes bytes start..start + n of the numbers stand in the buffer, with as many more as
 * `ahead` asks for. */
static int
hold(npy_state_t *npy, size_t start, size_t n, size_t ahead, const unsigned char **bytes)
{
    size_t end = npy->header.n_bytes;
    int status = BA_OK;

    if (start < npy->at || start + n > npy->at + npy->n_held) {
        size_t wanted = n > ahead ? n : ahead;

        wanted = wanted > end - start ? end - start : wanted;
        if (wanted > npy->buffer_size) {
            ba_free(npy->buffer);
            npy->buffer_size = npy->n_held = 0;
            BA_TRY_ALLOC(npy->buffer, ba_malloc(wanted, 1));
            npy->buffer_size = wanted;
        }
        npy->n_held = 0;
        BA_TRY(read_at(
            npy->fd, npy->file, npy->header.data_offset + start, npy->buffer, wanted));
        npy->at = start;
        npy->n_held = wanted;
    }
    *bytes = npy->buffer + (start - npy->at);
out:
    return status;
}

static uint64_t
load(const unsigned char *bytes, size_t size, int is_big)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | bytes[is_big ? i : size - 1 - i];
    }
    return bits;
}

static double
to_double(uint64_t bits, char kind, size_t size)
{
    uint32_t low = (uint32_t) bits;
    float single;
    double value;

    switch (kind) {
    case 'f':
        if (size == 2) {
            return ba_half_to_double((uint16_t) bits);
        }
        if (size == 4) {
            memcpy(&single, &low, sizeof single);
            return (double) single;
        }
        memcpy(&value, &bits, sizeof value);
        return value;
    case 'i':
        bits = bits << (64 - 8 * size);
        return (double) ((int64_t) bits >> (64 - 8 * size));
    case 'b':
        return bits != 0 ? 1.0 : 0.0;
    default:
        return (double) bits;
    }
}

/* Converts n numbers that stand `step` numbers apart. Called with constants, so that each
 * common type gets a loop of its own. */
static inline void
convert_as(const unsigned char *bytes, size_t step, size_t n, char kind, size_t size,
    int is_big, double *dst, size_t dst_step)
{
    for (size_t i = 0; i < n; i++) {
        dst[i * dst_step] =
            to_double(load(bytes + i * step * size, size, is_big), kind, size);
    }
}

static void
convert(const npy_header_t *header, const unsigned char *bytes, size_t step, size_t n,
    double *dst, size_t dst_step)
{
    char kind = header->kind;
    size_t size = header->item_size;

    if (kind == 'f' && size == 4 && !header->is_big) {
        convert_as(bytes, step, n, 'f', 4, 0, dst, dst_step);
    } else if (kind == 'f' && size == 8 && !header->is_big) {
        convert_as(bytes, step, n, 'f', 8, 0, dst, dst_step);
    } else if (kind == 'f' && size == 2 && !header->is_big) {
        convert_as(bytes, step, n, 'f', 2, 0, dst, dst_step);
    } else {
        convert_as(bytes, step, n, kind, size, header->is_big, dst, dst_step);
    }
}

/* Reads one line of the file's faster direction: n numbers `step` apart from number
 * `first` on. Where the lines wanted make up a good part of what lies between them, whole
 * stretches are read. */
static int
read_line(npy_state_t *npy, size_t first, size_t step, size_t n, size_t line_step,
    double *dst, size_t dst_step)
{
    size_t size = npy->header.item_size;
    size_t span = ((n - 1) * step + 1) * size;
    size_t ahead = span >= line_step * size / 4 ? READ_AHEAD : 0;
    const unsigned char *bytes;
    int status;

    BA_TRY(hold(npy, first * size, span, ahead, &bytes));
    convert(&npy->header, bytes, step, n, dst, dst_step);
out:
    return status;
}

static int
read_npy(void *state, size_t slab, size_t row0, size_t n_rows, size_t col0, size_t n_cols,
    double *dst, size_t ld)
{
    npy_state_t *npy = state;
    size_t start = slab * npy->slab_step + row0 * npy->row_step + col0 * npy->col_step;
    int status = BA_OK;

    if (npy->header.fortran_order) {
        for (size_t j = 0; j < n_cols; j++) {
            BA_TRY(read_line(npy, start + j * npy->col_step, npy->row_step, n_rows,
                npy->col_step, dst + j * ld, 1));
        }
    } else {
        for (size_t i = 0; i < n_rows; i++) {
            BA_TRY(read_line(npy, start + i * npy->row_step, npy->col_step, n_cols,
                npy->row_step, dst + i, ld));
        }
    }
out:
    return status;
}

static const ba_source_ops_t npy_ops = {
    .format = "npy", .read = read_npy, .close = close_npy};

static int
open_npy(npy_state_t *npy, size_t *file_size)
{
    struct stat info;

    npy->fd = open(npy->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (npy->fd < 0) {
        return ba_fail(BA_IO, "%s: cannot open: %s", npy->file, strerror(errno));
    }
    if (fstat(npy->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return ba_fail(BA_IO, "%s: cannot open: not a regular file", npy->file);
    }
    *file_size = (size_t) info.st_size;
    return BA_OK;
}

static int
read_header(npy_state_t *npy, size_t file_size)
{
    unsigned char head[NPY_PREFIX_SIZE];
    size_t n_head = file_size < sizeof head ? file_size : sizeof head;
    size_t start, n;
    char *text = NULL;
    int status;

    BA_TRY(read_at(npy->fd, npy->file, 0, head, n_head));
    BA_TRY(ba_npy_prefix(npy->file, head, n_head, file_size, &start, &n));
    BA_TRY_ALLOC(text, ba_calloc(n + 1, 1));
    BA_TRY(read_at(npy->fd, npy->file, start, (unsigned char *) text, n));
    npy->header.data_offset = start + n;
    BA_TRY(ba_npy_header(npy->file, text, n, file_size - start - n, &npy->header));
out:
    ba_free(text);
    return status;
}

/* Which of the array's dimensions are slabs, rows and columns, and how far apart they
 * lie. */
static int
take_shape(npy_state_t *npy, int max_rank)
{
    const npy_header_t *header = &npy->header;
    size_t dims[3] = {1, 1, 1};

    if (header->rank < 1 || header->rank > max_rank) {
        return ba_fail(BA_SHAPE, "%s: %d dimensions, expected %d", npy->file,
            header->rank, max_rank);
    }
    if (header->rank == 1) {
        dims[1] = header->shape[0];
    } else {
        memcpy(dims + 3 - header->rank, header->shape,
            (size_t) header->rank * sizeof dims[0]);
    }
    npy->n_slabs = dims[0];
    npy->n_rows = dims[1];
    npy->n_cols = dims[2];
    if (header->fortran_order) {
        npy->slab_step = 1;
        npy->row_step = npy->n_slabs;
        npy->col_step = npy->n_slabs * npy->n_rows;
    } else {
        npy->col_step = 1;
        npy->row_step = npy->n_cols;
        npy->slab_step = npy->n_rows * npy->n_cols;
    }
    return BA_OK;
}

int
ba_npy_source_open(const ba_ctx_t *ctx, const char *file, const ba_source_opts_t *opts,
    ba_source_t **out)
{
    ba_source_shape_t shape;
    npy_state_t *npy = NULL;
    size_t file_size = 0;
    int status = BA_OK;

    (void) ctx;
    *out = NULL;
    BA_TRY_ALLOC(npy, ba_calloc(1, sizeof *npy));
    npy->fd = -1;
    BA_TRY_ALLOC(npy->file, ba_strdup(file));
    BA_TRY(open_npy(npy, &file_size));
    BA_TRY(read_header(npy, file_size));
    BA_TRY(take_shape(npy, opts->max_rank));
    shape = (ba_source_shape_t){.n_slabs = npy->n_slabs,
        .n_rows = npy->n_rows,
        .n_cols = npy->n_cols,
        .rank = npy->header.rank,
        .is_double = npy->header.kind == 'f' ? npy->header.item_size > 4
                                             : npy->header.item_size >= 4};
    status = ba_source_wrap(&npy_ops, npy, &shape, file, out);
    npy = NULL;
out:
    close_npy(npy);
    return status;
}
