/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes NIfTI files for tests, byte by byte and independently of the library. */
#ifndef BA_TESTNIFTI_H
#define BA_TESTNIFTI_H

#include "testlib.h"

#include <zlib.h>

/* Fields of a header; test_nifti_default() fills in a good one. */
typedef struct {
    int version, big_endian, type, bits;
    int64_t dim[8];
    double pixdim[8], slope, inter, offset;
    int units, q_code, s_code;
    double quaternion[3], q_offset[3], s_rows[12];
    const char *magic; /* NULL = the right one */
} test_nifti_t;

/* A growing file. */
typedef struct {
    unsigned char *bytes;
    size_t n;
} test_bytes_t;

static inline test_nifti_t
test_nifti_default(int version, int type, size_t n_x, size_t n_y, size_t n_z, size_t n_t)
{
    test_nifti_t nifti = {
        .version = version,
        .type = type,
        .dim = {n_t > 1 ? 4 : 3, (int64_t) n_x, (int64_t) n_y, (int64_t) n_z,
            (int64_t) n_t, 1, 1, 1},
        .pixdim = {1, 2, 3, 4, 2.5, 0, 0, 0},
        .slope = 1,
        .offset = version == 1 ? 352 : 544,
        .units = 2 + 8,
        .s_code = 1,
        .s_rows = {2, 0, 0, -10, 0, 3, 0, -20, 0, 0, 4, -30},
    };

    return nifti;
}

static inline void
test_put_bits(unsigned char *p, size_t n, uint64_t bits, int big_endian)
{
    for (size_t i = 0; i < n; i++) {
        p[big_endian ? n - 1 - i : i] = (unsigned char) (bits >> (8 * i));
    }
}

static inline void
test_put_f32(unsigned char *p, double value, int big_endian)
{
    float narrow = (float) value;
    uint32_t bits;

    memcpy(&bits, &narrow, 4);
    test_put_bits(p, 4, bits, big_endian);
}

static inline void
test_put_f64(unsigned char *p, double value, int big_endian)
{
    uint64_t bits;

    memcpy(&bits, &value, 8);
    test_put_bits(p, 8, bits, big_endian);
}

static inline size_t
test_nifti_value_size(int type)
{
    switch (type) {
    case 2:
    case 256:
        return 1;
    case 4:
    case 512:
        return 2;
    case 8:
    case 768:
    case 16:
        return 4;
    default:
        return 8;
    }
}

/* Stores a value that the type can hold. */
static inline void
test_put_value(unsigned char *p, int type, double value, int big_endian)
{
    size_t size = test_nifti_value_size(type);

    if (type == 16) {
        test_put_f32(p, value, big_endian);
    } else if (type == 64) {
        test_put_f64(p, value, big_endian);
    } else if (value < 0) {
        test_put_bits(p, size, (uint64_t) (int64_t) value, big_endian);
    } else {
        test_put_bits(p, size, (uint64_t) value, big_endian);
    }
}

static inline void
test_nifti_header_1(const test_nifti_t *nifti, unsigned char *p)
{
    int big = nifti->big_endian;

    test_put_bits(p, 4, 348, big);
    for (size_t i = 0; i < 8; i++) {
        test_put_bits(p + 40 + 2 * i, 2, (uint64_t) nifti->dim[i], big);
        test_put_f32(p + 76 + 4 * i, nifti->pixdim[i], big);
    }
    test_put_bits(p + 70, 2, (uint64_t) nifti->type, big);
    test_put_bits(p + 72, 2, 8 * test_nifti_value_size(nifti->type), big);
    test_put_f32(p + 108, nifti->offset, big);
    test_put_f32(p + 112, nifti->slope, big);
    test_put_f32(p + 116, nifti->inter, big);
    p[123] = (unsigned char) nifti->units;
    test_put_bits(p + 252, 2, (uint64_t) nifti->q_code, big);
    test_put_bits(p + 254, 2, (uint64_t) nifti->s_code, big);
    for (size_t i = 0; i < 3; i++) {
        test_put_f32(p + 256 + 4 * i, nifti->quaternion[i], big);
        test_put_f32(p + 268 + 4 * i, nifti->q_offset[i], big);
    }
    for (size_t i = 0; i < 12; i++) {
        test_put_f32(p + 280 + 4 * i, nifti->s_rows[i], big);
    }
    memcpy(p + 344, nifti->magic ? nifti->magic : "n+1", 4);
}

static inline void
test_nifti_header_2(const test_nifti_t *nifti, unsigned char *p)
{
    int big = nifti->big_endian;

    test_put_bits(p, 4, 540, big);
    memcpy(p + 4, nifti->magic ? nifti->magic : "n+2\0\r\n\x1a\n", 8);
    test_put_bits(p + 12, 2, (uint64_t) nifti->type, big);
    test_put_bits(p + 14, 2, 8 * test_nifti_value_size(nifti->type), big);
    for (size_t i = 0; i < 8; i++) {
        test_put_bits(p + 16 + 8 * i, 8, (uint64_t) nifti->dim[i], big);
        test_put_f64(p + 104 + 8 * i, nifti->pixdim[i], big);
    }
    test_put_bits(p + 168, 8, (uint64_t) (int64_t) nifti->offset, big);
    test_put_f64(p + 176, nifti->slope, big);
    test_put_f64(p + 184, nifti->inter, big);
    test_put_bits(p + 344, 4, (uint64_t) nifti->q_code, big);
    test_put_bits(p + 348, 4, (uint64_t) nifti->s_code, big);
    for (size_t i = 0; i < 3; i++) {
        test_put_f64(p + 352 + 8 * i, nifti->quaternion[i], big);
        test_put_f64(p + 376 + 8 * i, nifti->q_offset[i], big);
    }
    for (size_t i = 0; i < 12; i++) {
        test_put_f64(p + 400 + 8 * i, nifti->s_rows[i], big);
    }
    test_put_bits(p + 500, 4, (uint64_t) nifti->units, big);
}

/* Header, zeros up to the offset (352 or 544 where that is nonsense), n values. */
static inline test_bytes_t
test_nifti_bytes(const test_nifti_t *nifti, const double *values, size_t n)
{
    size_t least = nifti->version == 1 ? 352 : 544;
    size_t size = test_nifti_value_size(nifti->type);
    size_t offset = nifti->offset >= (double) least && nifti->offset < 1e6
                        ? (size_t) nifti->offset
                        : least;
    test_bytes_t file = {calloc(offset + n * size, 1), offset + n * size};

    assert_non_null(file.bytes);
    if (nifti->version == 1) {
        test_nifti_header_1(nifti, file.bytes);
    } else {
        test_nifti_header_2(nifti, file.bytes);
    }
    for (size_t i = 0; i < n; i++) {
        test_put_value(
            file.bytes + offset + i * size, nifti->type, values[i], nifti->big_endian);
    }
    return file;
}

static inline test_bytes_t
test_gzip(test_bytes_t plain)
{
    z_stream stream = {0};
    test_bytes_t packed = {malloc(plain.n + 1000), plain.n + 1000};

    assert_non_null(packed.bytes);
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, 0), Z_OK);
    stream.next_in = plain.bytes;
    stream.avail_in = (uInt) plain.n;
    stream.next_out = packed.bytes;
    stream.avail_out = (uInt) packed.n;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.n = stream.total_out;
    deflateEnd(&stream);
    return packed;
}

/* Writes a file, gzipped where its name ends in .gz. */
static inline void
test_write_nifti(
    const char *path, const test_nifti_t *nifti, const double *values, size_t n)
{
    test_bytes_t plain = test_nifti_bytes(nifti, values, n);

    if (strcmp(path + strlen(path) - 3, ".gz") == 0) {
        test_bytes_t packed = test_gzip(plain);

        test_write_file(path, packed.bytes, packed.n);
        free(packed.bytes);
    } else {
        test_write_file(path, plain.bytes, plain.n);
    }
    free(plain.bytes);
}

#endif
