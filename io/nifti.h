/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NIfTI-1 and NIfTI-2 single files, plain or gzipped: header, and values as doubles. */
#ifndef BA_IO_NIFTI_H
#define BA_IO_NIFTI_H

#include "brainalign/error.h"

/* Bytes of a NIfTI-2 header with its extension flag, the longer of the two. */
enum { BA_NIFTI_MAX_HEADER = 544 };

/* What the header of either version says, checked. */
typedef struct {
    int version;         /* 1 or 2 */
    int big_endian;      /* byte order of the file */
    int rank;            /* 3, or 4 where the header counts a fourth dimension */
    size_t shape[4];     /* x, y, z, t; 1 where absent */
    int type;            /* NIfTI's code of the stored type */
    size_t offset;       /* of the first value, in bytes */
    double slope, inter; /* 1 and 0 where the header asks for no scaling */
    double pixdim[8]; /* [0] = handedness of the q-form, [1..3] millimetres, [4] time */
    int units;        /* xyzt_units */
    int q_code, s_code;
    double quaternion[3], q_offset[3];
    double s_rows[12];
} ba_nifti_header_t;

/* An open file. */
typedef struct ba_nifti ba_nifti_t;

/* Opens and checks everything that can be checked without decompressing. A plain file has
 * exactly the size that its header says. Errors: BA_IO; BA_FORMAT; BA_UNSUPPORTED
 * (complex, colour, float128, five dimensions, .hdr/.img pairs). */
int ba_nifti_open(const char *file, ba_nifti_t **out) BA_MUST_USE;
void ba_nifti_close(ba_nifti_t *nifti);

/* Both borrowed. */
const ba_nifti_header_t *ba_nifti_header(const ba_nifti_t *nifti);
const char *ba_nifti_file(const ba_nifti_t *nifti);

/* Non-zero for .nii.gz, which can only be read forwards. */
int ba_nifti_is_gzip(const ba_nifti_t *nifti);

/* Non-zero when scaled values may not be exact in float32. */
int ba_nifti_is_double(const ba_nifti_t *nifti);

/* Reads the values first + voxels[0..n-1] (NULL = first, first + 1, ...; else ascending),
 * counted in disk order over all volumes, scaled, into dst[0], dst[stride], ... A plain
 * file can be read anywhere; in a gzipped one every call must start behind the values
 * read before (BA_VALUE). */
int ba_nifti_read(ba_nifti_t *nifti, size_t first, const size_t *voxels, size_t n,
    double *dst, size_t stride) BA_MUST_USE;

/* Reads a gzipped file to its end and compares length and checksum; nothing to do for a
 * plain one. */
int ba_nifti_finish(ba_nifti_t *nifti) BA_MUST_USE;

/* Bytes of one value of a type, 0 for types that are not read. */
size_t ba_nifti_type_size(int type);

/* ---- nifti_header.c: bytes of a header ---- */

/* Number of header bytes that ba_nifti_decode_header() wants, by the first four: 348 or
 * 540; 0 = not NIfTI. */
size_t ba_nifti_header_size(const unsigned char first[4]);

/* Takes a header of that many bytes apart and checks every field that is used, except
 * sizes against the file's. `file` is for messages. */
int ba_nifti_decode_header(
    const unsigned char *bytes, const char *file, ba_nifti_header_t *out) BA_MUST_USE;

/* A little-endian header, extension flag included, for a 3-D float32 image without
 * scaling in the geometry of `from`; returns the number of bytes, which is also the
 * offset of the data. `description`: at most 79 bytes. */
size_t ba_nifti_encode_map_header(const ba_nifti_header_t *from, const char *description,
    unsigned char bytes[BA_NIFTI_MAX_HEADER]);

#endif
