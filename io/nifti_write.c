/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/nifti_write.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "io/gzip.h"
#include "io/nifti.h"

/* Places in a NIfTI-1 header of what a series says differently from a map. */
enum { AT_DIM = 40, AT_TYPE = 70, AT_BITS = 72, AT_TR = 92 };

/* Codes: "scanner" coordinates, millimetres + seconds. */
enum { SCANNER = 1, MM_SEC = 2 + 8 };

enum { MAX_DIM = 32767 };

/* Where the bytes go: through gzip or straight. */
typedef struct {
    ba_outfile_t *outfile;
    ba_gzwriter_t *gzip; /* NULL = straight */
} drain_t;

static int
put(drain_t *drain, const void *bytes, size_t n_bytes)
{
    return drain->gzip ? ba_gzwriter_write(drain->gzip, bytes, n_bytes)
                       : ba_outfile_write(drain->outfile, bytes, n_bytes);
}

static void
put_bits(unsigned char *p, size_t n, uint32_t bits)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (unsigned char) (bits >> (8 * i));
    }
}

static void
put_f32(unsigned char *p, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put_bits(p, 4, bits);
}

static size_t
value_size(const ba_nifti_series_t *series)
{
    return series->type == BA_NIFTI_I16 ? 2 : 4;
}

/* A map's header, and what makes it a series. */
static size_t
encode_header(const ba_nifti_series_t *series, unsigned char bytes[BA_NIFTI_MAX_HEADER])
{
    ba_nifti_header_t header = {
        .version = 1, .units = MM_SEC, .s_code = SCANNER, .pixdim = {1}};
    size_t offset;

    memcpy(header.shape, series->shape, sizeof(series->shape));
    memcpy(header.s_rows, series->affine, sizeof(series->affine));
    for (size_t i = 0; i < 3; i++) {
        const double *a = series->affine;

        header.pixdim[i + 1] =
            sqrt(a[i] * a[i] + a[4 + i] * a[4 + i] + a[8 + i] * a[8 + i]);
    }
    offset = ba_nifti_encode_map_header(
        &header, series->description ? series->description : "", bytes);
    if (series->n_volumes > 1) {
        put_bits(bytes + AT_DIM, 2, 4);
        put_bits(bytes + AT_DIM + 8, 2, (uint32_t) series->n_volumes);
        put_f32(bytes + AT_TR, (float) series->tr);
    }
    put_bits(bytes + AT_TYPE, 2, (uint32_t) series->type);
    put_bits(bytes + AT_BITS, 2, (uint32_t) (8 * value_size(series)));
    return offset;
}

static int
check_series(const ba_nifti_series_t *series, const char *file)
{
    if (series->description && strlen(series->description) > 79) {
        return ba_fail(BA_VALUE, "%s: description: %zu characters, at most 79 fit", file,
            strlen(series->description));
    }
    for (size_t i = 0; i < 4; i++) {
        size_t n = i < 3 ? series->shape[i] : series->n_volumes;

        if (n == 0 || n > MAX_DIM) {
            return ba_fail(BA_VALUE, "%s: dimension %zu is %zu, wanted 1 to %d", file,
                i + 1, n, MAX_DIM);
        }
    }
    return BA_OK;
}

static int
encode_volume(const ba_nifti_series_t *series, const float *values, size_t n,
    const char *file, unsigned char *bytes)
{
    for (size_t i = 0; i < n; i++) {
        if (series->type == BA_NIFTI_F32) {
            put_f32(bytes + 4 * i, values[i]);
        } else if (values[i] >= -32768 && values[i] <= 32767 &&
                   values[i] == rintf(values[i])) {
            put_bits(bytes + 2 * i, 2, (uint32_t) (int32_t) values[i]);
        } else {
            return ba_fail(BA_VALUE, "%s: %g, wanted whole numbers of 16 bits", file,
                (double) values[i]);
        }
    }
    return BA_OK;
}

int
ba_nifti_write_series(const ba_nifti_series_t *series, ba_nifti_volume_t volume,
    void *payload, const char *file, int force)
{
    unsigned char header[BA_NIFTI_MAX_HEADER], *bytes = NULL;
    size_t n_name = strlen(file), n_grid, n_bytes;
    drain_t drain = {NULL, NULL};
    float *values = NULL;
    int status;

    BA_TRY(check_series(series, file));
    n_grid = series->shape[0] * series->shape[1] * series->shape[2];
    n_bytes = n_grid * value_size(series);
    BA_TRY_ALLOC(values, ba_malloc(n_grid, sizeof(*values)));
    BA_TRY_ALLOC(bytes, ba_malloc(n_bytes, 1));
    BA_TRY(ba_outfile_create(file, force, &drain.outfile));
    if (n_name >= 3 && strcmp(file + n_name - 3, ".gz") == 0) {
        BA_TRY(ba_gzwriter_create(drain.outfile, &drain.gzip));
    }
    BA_TRY(put(&drain, header, encode_header(series, header)));
    for (size_t t = 0; t < series->n_volumes; t++) {
        BA_TRY(volume(payload, t, values));
        BA_TRY(encode_volume(series, values, n_grid, file, bytes));
        BA_TRY(put(&drain, bytes, n_bytes));
    }
    if (drain.gzip) {
        BA_TRY(ba_gzwriter_finish(drain.gzip));
    }
    BA_TRY(ba_outfile_commit(drain.outfile));
out:
    ba_gzwriter_free(drain.gzip);
    ba_outfile_free(drain.outfile);
    ba_free(values);
    ba_free(bytes);
    return status;
}
