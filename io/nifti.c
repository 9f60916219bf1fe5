/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/nifti.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "io/gzip.h"

/* Values converted at a time: 64 KiB at most. */
enum { BLOCK_VALUES = 8192, BLOCK_BYTES = 8 * BLOCK_VALUES };

/* deflate cannot shrink data by more: a stored match of 258 bytes takes two bits. */
enum { MAX_DEFLATE_RATIO = 1032 };

struct ba_nifti {
    char *file;
    int fd;
    ba_gzreader_t *gzip; /* NULL for a plain file */
    ba_nifti_header_t header;
    size_t n_values;   /* of all volumes */
    size_t value_size; /* bytes */
    size_t position;   /* gzip: the next value of the stream */
    size_t at[BLOCK_VALUES];
    unsigned char raw[BLOCK_BYTES];
};

/* One value of each type from bytes of either order. The compiler turns the byte
 * shuffling into one load, and a swap where needed. */
static inline uint64_t
load(const unsigned char *p, size_t n, int big)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++) {
        bits |= (uint64_t) p[i] << 8 * (big ? n - 1 - i : i);
    }
    return bits;
}

typedef void (*decode_t)(const unsigned char *raw, const size_t *at, size_t n, int big,
    double *dst, size_t stride);

#define DEFINE_DECODE(name, type, bits_type)                                             \
    static inline double name##_value(const unsigned char *p, int big)                   \
    {                                                                                    \
        bits_type bits = (bits_type) load(p, sizeof(type), big);                         \
        type value;                                                                      \
        memcpy(&value, &bits, sizeof(value));                                            \
        return (double) value;                                                           \
    }                                                                                    \
    static void name(const unsigned char *raw, const size_t *at, size_t n, int big,      \
        double *dst, size_t stride)                                                      \
    {                                                                                    \
        if (big) {                                                                       \
            for (size_t i = 0; i < n; i++) {                                             \
                dst[i * stride] = name##_value(raw + at[i] * sizeof(type), 1);           \
            }                                                                            \
        } else {                                                                         \
            for (size_t i = 0; i < n; i++) {                                             \
                dst[i * stride] = name##_value(raw + at[i] * sizeof(type), 0);           \
            }                                                                            \
        }                                                                                \
    }

DEFINE_DECODE(decode_u8, uint8_t, uint8_t)
DEFINE_DECODE(decode_i8, int8_t, uint8_t)
DEFINE_DECODE(decode_u16, uint16_t, uint16_t)
DEFINE_DECODE(decode_i16, int16_t, uint16_t)
DEFINE_DECODE(decode_u32, uint32_t, uint32_t)
DEFINE_DECODE(decode_i32, int32_t, uint32_t)
DEFINE_DECODE(decode_u64, uint64_t, uint64_t)
DEFINE_DECODE(decode_i64, int64_t, uint64_t)
DEFINE_DECODE(decode_f32, float, uint32_t)
DEFINE_DECODE(decode_f64, double, uint64_t)

static const struct {
    int type;
    size_t size; /* bytes of a value */
    int is_wide; /* not every value is exact in float32 */
    decode_t decode;
} TYPES[] = {
    {2, 1, 0, decode_u8},
    {256, 1, 0, decode_i8},
    {512, 2, 0, decode_u16},
    {4, 2, 0, decode_i16},
    {768, 4, 1, decode_u32},
    {8, 4, 1, decode_i32},
    {1280, 8, 1, decode_u64},
    {1024, 8, 1, decode_i64},
    {16, 4, 0, decode_f32},
    {64, 8, 1, decode_f64},
};

enum { N_TYPES = sizeof(TYPES) / sizeof(TYPES[0]) };

/* Index into TYPES, N_TYPES when the type is not there. */
static size_t
find_type(int type)
{
    size_t i = 0;

    while (i < N_TYPES && TYPES[i].type != type) {
        i++;
    }
    return i;
}

size_t
ba_nifti_type_size(int type)
{
    size_t i = find_type(type);

    return i < N_TYPES ? TYPES[i].size : 0;
}

/* Reads n bytes at a place of a plain file. */
static int
read_at(const ba_nifti_t *nifti, void *dst, size_t n_bytes, size_t offset)
{
    unsigned char *to = dst;

    while (n_bytes > 0) {
        ssize_t got = pread(nifti->fd, to, n_bytes, (off_t) offset);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ba_fail(BA_IO, "%s: cannot read: %s", nifti->file, strerror(errno));
        }
        if (got == 0) {
            return ba_fail(BA_FORMAT, "%s: truncated: %zu more bytes expected",
                nifti->file, n_bytes);
        }
        to += got;
        offset += (size_t) got;
        n_bytes -= (size_t) got;
    }
    return BA_OK;
}

static int
open_file(const char *file, ba_nifti_t *nifti, size_t *n_bytes)
{
    struct stat info;

    /* A pipe nobody writes to would block the opening. */
    nifti->fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (nifti->fd < 0 || fstat(nifti->fd, &info) != 0) {
        return ba_fail(BA_IO, "%s: cannot open: %s", file, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return ba_fail(BA_IO, "%s: cannot open: not a plain file", file);
    }
    *n_bytes = (size_t) info.st_size;
    return BA_OK;
}

/* Reads header bytes front to back from either kind of file. */
static int
read_header_bytes(ba_nifti_t *nifti, unsigned char *dst, size_t n_bytes, size_t offset)
{
    return nifti->gzip ? ba_gzreader_read(nifti->gzip, dst, n_bytes)
                       : read_at(nifti, dst, n_bytes, offset);
}

static int
read_header(ba_nifti_t *nifti)
{
    unsigned char bytes[BA_NIFTI_MAX_HEADER];
    size_t size;
    int status;

    BA_TRY(read_header_bytes(nifti, bytes, 4, 0));
    size = ba_nifti_header_size(bytes);
    if (size == 0) {
        return ba_fail(BA_FORMAT,
            "%s: not NIfTI: the header's size is neither 348 nor 540", nifti->file);
    }
    BA_TRY(read_header_bytes(nifti, bytes + 4, size - 4, 4));
    BA_TRY(ba_nifti_decode_header(bytes, nifti->file, &nifti->header));
    if (nifti->gzip) {
        BA_TRY(ba_gzreader_read(nifti->gzip, NULL, nifti->header.offset - size));
    }
out:
    return status;
}

/* The number of values, and whether a file of n_bytes can hold them. */
static int
check_size(ba_nifti_t *nifti, size_t n_bytes)
{
    const ba_nifti_header_t *header = &nifti->header;
    size_t most, wanted;

    nifti->value_size = ba_nifti_type_size(header->type);
    nifti->n_values = 1;
    for (int i = 0; i < 4; i++) {
        if (__builtin_mul_overflow(nifti->n_values, header->shape[i], &nifti->n_values)) {
            return ba_fail(BA_FORMAT, "%s: dimensions %zu x %zu x %zu x %zu overflow",
                nifti->file, header->shape[0], header->shape[1], header->shape[2],
                header->shape[3]);
        }
    }
    if (__builtin_mul_overflow(nifti->n_values, nifti->value_size, &wanted) ||
        __builtin_add_overflow(wanted, header->offset, &wanted)) {
        return ba_fail(BA_FORMAT, "%s: %zu values of %zu bytes overflow", nifti->file,
            nifti->n_values, nifti->value_size);
    }
    if (!nifti->gzip && n_bytes != wanted) {
        return ba_fail(BA_FORMAT, "%s: %s: %zu bytes, %zu wanted by the header",
            nifti->file, n_bytes < wanted ? "truncated" : "bytes after the last value",
            n_bytes, wanted);
    }
    if (__builtin_mul_overflow(n_bytes, (size_t) MAX_DEFLATE_RATIO, &most)) {
        most = SIZE_MAX;
    }
    if (nifti->gzip && wanted > most) {
        return ba_fail(BA_FORMAT,
            "%s: truncated: %zu compressed bytes cannot hold the %zu of the header",
            nifti->file, n_bytes, wanted);
    }
    return BA_OK;
}

int
ba_nifti_open(const char *file, ba_nifti_t **out)
{
    ba_nifti_t *nifti;
    unsigned char first[2];
    size_t n_bytes = 0;
    int status;

    *out = NULL;
    BA_TRY_ALLOC(nifti, ba_calloc(1, sizeof(*nifti)));
    nifti->fd = -1;
    BA_TRY_ALLOC(nifti->file, ba_strdup(file));
    BA_TRY(open_file(file, nifti, &n_bytes));
    if (n_bytes < 4) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: not NIfTI: only %zu bytes", file, n_bytes));
    }
    BA_TRY(read_at(nifti, first, sizeof(first), 0));
    if (first[0] == 0x1f && first[1] == 0x8b) {
        BA_TRY(ba_gzreader_open(nifti->fd, nifti->file, &nifti->gzip));
    }
    BA_TRY(read_header(nifti));
    BA_TRY(check_size(nifti, n_bytes));
    *out = nifti;
    nifti = NULL;
out:
    ba_nifti_close(nifti);
    return status;
}

void
ba_nifti_close(ba_nifti_t *nifti)
{
    if (!nifti) {
        return;
    }
    ba_gzreader_free(nifti->gzip);
    if (nifti->fd >= 0) {
        close(nifti->fd);
    }
    ba_free(nifti->file);
    ba_free(nifti);
}

const ba_nifti_header_t *
ba_nifti_header(const ba_nifti_t *nifti)
{
    return &nifti->header;
}

const char *
ba_nifti_file(const ba_nifti_t *nifti)
{
    return nifti->file;
}

int
ba_nifti_is_gzip(const ba_nifti_t *nifti)
{
    return nifti->gzip != NULL;
}

static int
is_scaled(const ba_nifti_header_t *header)
{
    return header->slope != 1 || header->inter != 0;
}

int
ba_nifti_is_double(const ba_nifti_t *nifti)
{
    return TYPES[find_type(nifti->header.type)].is_wide || is_scaled(&nifti->header);
}

/* Fetches n values from `first` on into nifti->raw. */
static int
fetch(ba_nifti_t *nifti, size_t first, size_t n)
{
    size_t size = nifti->value_size;
    int status;

    if (!nifti->gzip) {
        return read_at(nifti, nifti->raw, n * size, nifti->header.offset + first * size);
    }
    if (first < nifti->position) {
        return ba_fail(BA_VALUE, "%s: value %zu asked for after value %zu", nifti->file,
            first, nifti->position - 1);
    }
    BA_TRY(ba_gzreader_read(nifti->gzip, NULL, (first - nifti->position) * size));
    BA_TRY(ba_gzreader_read(nifti->gzip, nifti->raw, n * size));
    nifti->position = first + n;
out:
    return status;
}

/* How many of the next `left` voxels lie within one block from the first of them on;
 * notes their places in it. */
static size_t
plan_block(ba_nifti_t *nifti, const size_t *voxels, size_t left)
{
    size_t n = 0;

    for (; n < left && n < BLOCK_VALUES; n++) {
        size_t at = voxels ? voxels[n] - voxels[0] : n;

        if (at >= BLOCK_VALUES) {
            break;
        }
        nifti->at[n] = at;
    }
    return n;
}

int
ba_nifti_read(ba_nifti_t *nifti, size_t first, const size_t *voxels, size_t n,
    double *dst, size_t stride)
{
    const ba_nifti_header_t *header = &nifti->header;
    decode_t decode = TYPES[find_type(header->type)].decode;
    int scaled = is_scaled(header), status;

    for (size_t done = 0, found; done < n; done += found) {
        size_t begin = first + (voxels ? voxels[done] : done);
        double *to = dst + done * stride;

        found = plan_block(nifti, voxels ? voxels + done : NULL, n - done);
        status = fetch(nifti, begin, nifti->at[found - 1] + 1);
        if (status != BA_OK) {
            return status;
        }
        decode(nifti->raw, nifti->at, found, header->big_endian, to, stride);
        for (size_t i = 0; scaled && i < found; i++) {
            to[i * stride] = to[i * stride] * header->slope + header->inter;
        }
    }
    return BA_OK;
}

int
ba_nifti_finish(ba_nifti_t *nifti)
{
    int status;

    if (!nifti->gzip) {
        return BA_OK;
    }
    BA_TRY(ba_gzreader_read(
        nifti->gzip, NULL, (nifti->n_values - nifti->position) * nifti->value_size));
    nifti->position = nifti->n_values;
    BA_TRY(ba_gzreader_finish(nifti->gzip));
out:
    return status;
}
