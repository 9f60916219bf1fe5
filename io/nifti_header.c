/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The headers of NIfTI-1 (348 bytes) and NIfTI-2 (540 bytes), as the format's official
 * header files nifti1.h and nifti2.h (nifti.nimh.nih.gov) lay them out. */
#include "io/nifti.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"

enum { SIZE_1 = 348, SIZE_2 = 540, EXTENSION_FLAG = 4 };
enum { TYPE_F32 = 16 };

/* Codes that are valid NIfTI but not a number per voxel that we could use. */
static const struct {
    int type;
    const char *name;
} REFUSED[] = {{1, "bits"}, {32, "complex64"}, {128, "RGB colour"}, {1536, "float128"},
    {1792, "complex128"}, {2048, "complex256"}, {2304, "RGBA colour"}};

static uint64_t
get_bits(const unsigned char *p, size_t n, int big)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | p[big ? i : n - 1 - i];
    }
    return bits;
}

static int
get_i16(const unsigned char *p, int big)
{
    return (int16_t) get_bits(p, 2, big);
}

static int
get_i32(const unsigned char *p, int big)
{
    return (int32_t) get_bits(p, 4, big);
}

static int64_t
get_i64(const unsigned char *p, int big)
{
    return (int64_t) get_bits(p, 8, big);
}

static double
get_f32(const unsigned char *p, int big)
{
    uint32_t bits = (uint32_t) get_bits(p, 4, big);
    float value;

    memcpy(&value, &bits, sizeof(value));
    return (double) value;
}

static double
get_f64(const unsigned char *p, int big)
{
    uint64_t bits = get_bits(p, 8, big);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void
get_floats(const unsigned char *p, size_t n, int version, int big, double *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = version == 1 ? get_f32(p + 4 * i, big) : get_f64(p + 8 * i, big);
    }
}

size_t
ba_nifti_header_size(const unsigned char first[4])
{
    for (int big = 0; big <= 1; big++) {
        int size = get_i32(first, big);

        if (size == SIZE_1 || size == SIZE_2) {
            return (size_t) size;
        }
    }
    return 0;
}

/* NIfTI-2 guards its magic with line ends that text-mode transfers would change. */
static int
check_magic(const unsigned char *bytes, int version, const char *file)
{
    static const char tail[4] = {'\r', '\n', 0x1a, '\n'};
    const char *magic = (const char *) bytes + (version == 1 ? 344 : 4);
    char digit = version == 1 ? '1' : '2';

    if (magic[0] != 'n' || (magic[1] != '+' && magic[1] != 'i') || magic[2] != digit ||
        magic[3] != 0 || (version == 2 && memcmp(magic + 4, tail, 4) != 0)) {
        return ba_fail(BA_FORMAT, "%s: no NIfTI-%d magic in the header%s", file, version,
            version == 1 ? " (an ANALYZE file?)" : "");
    }
    if (magic[1] == 'i') {
        return ba_fail(BA_UNSUPPORTED,
            "%s: header of a .hdr/.img pair, wanted one .nii or .nii.gz file", file);
    }
    return BA_OK;
}

static int
check_shape(const int64_t dim[8], const char *file, ba_nifti_header_t *header)
{
    if (dim[0] < 1 || dim[0] > 7) {
        return ba_fail(BA_FORMAT, "%s: dim[0] is %lld, wanted 1 to 7 dimensions", file,
            (long long) dim[0]);
    }
    header->rank = dim[0] >= 4 ? 4 : 3;
    for (int i = 1; i <= 7; i++) {
        int64_t extent = i <= dim[0] ? dim[i] : 1;

        if (extent <= 0) {
            return ba_fail(BA_FORMAT, "%s: dim[%d] is %lld, wanted at least 1", file, i,
                (long long) extent);
        }
        if (extent > INT32_MAX) {
            return ba_fail(BA_FORMAT, "%s: dim[%d] is %lld, wanted at most %d", file, i,
                (long long) extent, INT32_MAX);
        }
        if (i > 4 && extent > 1) {
            return ba_fail(BA_UNSUPPORTED,
                "%s: dim[%d] is %lld, wanted at most 4 dimensions", file, i,
                (long long) extent);
        }
        if (i <= 4) {
            header->shape[i - 1] = (size_t) extent;
        }
    }
    return BA_OK;
}

static int
check_type(int type, const char *file)
{
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
        if (REFUSED[i].type == type) {
            return ba_fail(BA_UNSUPPORTED,
                "%s: values are %s, wanted integers or floats of 8 to 64 bits", file,
                REFUSED[i].name);
        }
    }
    if (ba_nifti_type_size(type) == 0) {
        return ba_fail(
            BA_FORMAT, "%s: datatype is %d, which is no NIfTI type", file, type);
    }
    return BA_OK;
}

/* Scaling as the format and the common readers see it: a slope of 0 or one that is not
 * finite means "unscaled". */
static int
check_scaling(const char *file, ba_nifti_header_t *header)
{
    if (!isfinite(header->slope) || header->slope == 0) {
        header->slope = 1;
        header->inter = 0;
    } else if (!isfinite(header->inter)) {
        return ba_fail(BA_FORMAT, "%s: scl_slope is %g but scl_inter is %g", file,
            header->slope, header->inter);
    }
    return BA_OK;
}

static int
check_offset(double offset, size_t least, const char *file, ba_nifti_header_t *header)
{
    /* 2^53: beyond it a double no longer tells whole numbers apart. */
    if (!(offset >= (double) least && offset <= 9007199254740992.0) ||
        offset != floor(offset)) {
        return ba_fail(BA_FORMAT,
            "%s: vox_offset is %.17g, wanted a whole number of at least %zu", file,
            offset, least);
    }
    header->offset = (size_t) offset;
    return BA_OK;
}

/* The fields of both versions that only differ in place and width. */
static void
get_geometry(const unsigned char *bytes, ba_nifti_header_t *header)
{
    int v = header->version, big = header->big_endian;

    get_floats(bytes + (v == 1 ? 76 : 104), 8, v, big, header->pixdim);
    get_floats(bytes + (v == 1 ? 112 : 176), 1, v, big, &header->slope);
    get_floats(bytes + (v == 1 ? 116 : 184), 1, v, big, &header->inter);
    get_floats(bytes + (v == 1 ? 256 : 352), 3, v, big, header->quaternion);
    get_floats(bytes + (v == 1 ? 268 : 376), 3, v, big, header->q_offset);
    get_floats(bytes + (v == 1 ? 280 : 400), 12, v, big, header->s_rows);
    if (v == 1) {
        header->units = bytes[123];
        header->q_code = get_i16(bytes + 252, big);
        header->s_code = get_i16(bytes + 254, big);
        header->type = get_i16(bytes + 70, big);
    } else {
        header->units = get_i32(bytes + 500, big);
        header->q_code = get_i32(bytes + 344, big);
        header->s_code = get_i32(bytes + 348, big);
        header->type = get_i16(bytes + 12, big);
    }
}

int
ba_nifti_decode_header(
    const unsigned char *bytes, const char *file, ba_nifti_header_t *out)
{
    size_t size = ba_nifti_header_size(bytes);
    int64_t dim[8];
    double offset;
    int status;

    memset(out, 0, sizeof(*out));
    out->version = size == SIZE_1 ? 1 : 2;
    out->big_endian = get_i32(bytes, 1) == (int) size;
    BA_TRY(check_magic(bytes, out->version, file));
    for (size_t i = 0; i < 8; i++) {
        dim[i] = out->version == 1 ? get_i16(bytes + 40 + 2 * i, out->big_endian)
                                   : get_i64(bytes + 16 + 8 * i, out->big_endian);
    }
    get_geometry(bytes, out);
    offset = out->version == 1 ? get_f32(bytes + 108, out->big_endian)
                               : (double) get_i64(bytes + 168, out->big_endian);
    BA_TRY(check_shape(dim, file, out));
    BA_TRY(check_type(out->type, file));
    BA_TRY(check_scaling(file, out));
    BA_TRY(check_offset(offset, size + EXTENSION_FLAG, file, out));
out:
    return status;
}

static void
put_bits(unsigned char *p, size_t n, uint64_t bits)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (unsigned char) (bits >> (8 * i));
    }
}

static void
put_floats(unsigned char *p, size_t n, int version, const double *values)
{
    for (size_t i = 0; i < n; i++) {
        if (version == 1) {
            /* Exact: they came from a NIfTI-1 header. */
            float value = (float) values[i];
            uint32_t bits;

            memcpy(&bits, &value, sizeof(bits));
            put_bits(p + 4 * i, 4, bits);
        } else {
            uint64_t bits;

            memcpy(&bits, &values[i], sizeof(bits));
            put_bits(p + 8 * i, 8, bits);
        }
    }
}

static void
put_geometry(unsigned char *bytes, const ba_nifti_header_t *from)
{
    static const double one = 1;
    int v = from->version;
    size_t code_size = v == 1 ? 2 : 4;

    put_floats(bytes + (v == 1 ? 76 : 104), 4, v, from->pixdim);
    put_floats(bytes + (v == 1 ? 112 : 176), 1, v, &one);
    put_floats(bytes + (v == 1 ? 256 : 352), 3, v, from->quaternion);
    put_floats(bytes + (v == 1 ? 268 : 376), 3, v, from->q_offset);
    put_floats(bytes + (v == 1 ? 280 : 400), 12, v, from->s_rows);
    put_bits(bytes + (v == 1 ? 252 : 344), code_size, (uint64_t) from->q_code);
    put_bits(bytes + (v == 1 ? 254 : 348), code_size, (uint64_t) from->s_code);
    put_bits(bytes + (v == 1 ? 123 : 500), v == 1 ? 1 : 4, (uint64_t) from->units);
}

size_t
ba_nifti_encode_map_header(const ba_nifti_header_t *from, const char *description,
    unsigned char bytes[BA_NIFTI_MAX_HEADER])
{
    size_t size = from->version == 1 ? SIZE_1 : SIZE_2;
    size_t offset = size + EXTENSION_FLAG;
    size_t dim_size = from->version == 1 ? 2 : 8;
    unsigned char *dim = bytes + (from->version == 1 ? 40 : 16);

    memset(bytes, 0, BA_NIFTI_MAX_HEADER);
    put_bits(bytes, 4, size);
    for (size_t i = 0; i < 8; i++) {
        put_bits(dim + dim_size * i, dim_size,
            i == 0   ? 3
            : i <= 3 ? from->shape[i - 1]
                     : 1);
    }
    put_geometry(bytes, from);
    if (from->version == 1) {
        float place = (float) offset;
        uint32_t bits;

        memcpy(&bits, &place, sizeof(bits));
        put_bits(bytes + 70, 2, TYPE_F32);
        put_bits(bytes + 72, 2, 32);
        put_bits(bytes + 108, 4, bits);
        memcpy(bytes + 344, "n+1", 4);
    } else {
        put_bits(bytes + 12, 2, TYPE_F32);
        put_bits(bytes + 14, 2, 32);
        put_bits(bytes + 168, 8, offset);
        memcpy(bytes + 4, "n+2\0\r\n\x1a\n", 8);
    }
    memcpy(bytes + (from->version == 1 ? 148 : 240), description, strlen(description));
    return offset;
}
