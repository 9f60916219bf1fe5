/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Affines as the NIfTI-1 standard defines them (nifti1.h, "methods" 1 to 3 of mapping
 * voxel indices to space). */
#include "io/image_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "io/gzip.h"

/* Voxels scanned or written at a time. */
enum { BLOCK_VOXELS = 8192 };

/* Largest difference of two affines of one grid; also what quaternions may miss the unit
 * sphere by, as they are stored in single precision. */
static const double AFFINE_TOLERANCE = 1e-3;
static const double QUATERNION_TOLERANCE = 1e-7;

/* NIfTI codes of time units in the bits 3 to 5 of xyzt_units. */
enum { UNITS_TIME = 0x38, UNITS_SEC = 8, UNITS_MSEC = 16, UNITS_USEC = 24 };

struct ba_image {
    char *file;
    ba_nifti_header_t header;
    double affine[16];
    size_t n_voxels;
    size_t *voxels; /* ascending grid indices; NULL = all of the grid */
};

static size_t
grid_size(const ba_image_t *image)
{
    const size_t *shape = image->header.shape;

    return shape[0] * shape[1] * shape[2]; /* did not overflow in ba_nifti_open() */
}

/* Rotation times voxel size. The quaternion's first part is what makes its length 1. */
static void
set_q_form(const ba_nifti_header_t *header, double affine[16])
{
    double b = header->quaternion[0], c = header->quaternion[1],
           d = header->quaternion[2];
    double rest = 1 - (b * b + c * c + d * d);
    double a = sqrt(fmax(rest, 0));
    double handed = header->pixdim[0] < 0 ? -1 : 1;

    if (rest < QUATERNION_TOLERANCE) {
        /* Half a turn, where rounding decides about `a`: scale to length 1 instead. */
        double length = sqrt(b * b + c * c + d * d);

        a = 0;
        b /= length;
        c /= length;
        d /= length;
    }
    const double rotation[3][3] = {
        {a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)},
        {2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)},
        {2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c},
    };
    for (size_t row = 0; row < 3; row++) {
        for (size_t col = 0; col < 3; col++) {
            double size = fabs(header->pixdim[col + 1]);

            affine[4 * row + col] =
                rotation[row][col] * (size > 0 ? size : 1) * (col == 2 ? handed : 1);
        }
        affine[4 * row + 3] = header->q_offset[row];
    }
}

static void
set_affine(const ba_nifti_header_t *header, double affine[16])
{
    memset(affine, 0, 16 * sizeof(*affine));
    affine[15] = 1;
    if (header->s_code > 0) {
        memcpy(affine, header->s_rows, 12 * sizeof(*affine));
    } else if (header->q_code > 0) {
        set_q_form(header, affine);
    } else {
        for (size_t i = 0; i < 3; i++) {
            double size = fabs(header->pixdim[i + 1]);

            affine[5 * i] = size > 0 ? size : 1;
        }
    }
}

int
ba_image_from_nifti(const ba_nifti_t *nifti, ba_image_t **out)
{
    ba_image_t *image;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(image, ba_calloc(1, sizeof(*image)));
    BA_TRY_ALLOC(image->file, ba_strdup(ba_nifti_file(nifti)));
    image->header = *ba_nifti_header(nifti);
    image->n_voxels = grid_size(image);
    set_affine(&image->header, image->affine);
    for (size_t i = 0; i < 16; i++) {
        if (!isfinite(image->affine[i])) {
            BA_TRY(ba_fail(BA_FORMAT,
                "%s: affine: %g in row %zu, column %zu, wanted finite "
                "numbers",
                image->file, image->affine[i], i / 4, i % 4));
        }
    }
    *out = image;
    image = NULL;
out:
    ba_image_free(image);
    return status;
}

/* A mask being read. */
typedef struct {
    size_t n, room;
    size_t *voxels;
} list_t;

/* Appends the voxels of a block that are not 0. */
static int
scan_block(
    const ba_image_t *image, const double *values, size_t first, size_t n, list_t *list)
{
    size_t n_x = image->header.shape[0], n_y = image->header.shape[1];

    if (list->room - list->n < n) {
        size_t room = list->room + (list->room > n ? list->room : n);
        size_t *grown = ba_realloc(list->voxels, room, sizeof(*grown));

        if (!grown) {
            return BA_NOMEM;
        }
        list->voxels = grown;
        list->room = room;
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = first + i;

        if (!isfinite(values[i])) {
            return ba_fail(BA_NONFINITE,
                "%s: mask: %g in voxel (%zu, %zu, %zu), wanted finite numbers",
                image->file, values[i], at % n_x, at / n_x % n_y, at / n_x / n_y);
        }
        if (values[i] != 0) {
            list->voxels[list->n++] = at;
        }
    }
    return BA_OK;
}

static int
scan_mask(const ba_ctx_t *ctx, ba_nifti_t *nifti, ba_image_t *image)
{
    double values[BLOCK_VOXELS];
    size_t n_grid = grid_size(image);
    list_t list = {0, 0, NULL};
    int status = BA_OK;

    for (size_t first = 0, n; first < n_grid; first += n) {
        n = n_grid - first < BLOCK_VOXELS ? n_grid - first : BLOCK_VOXELS;
        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_nifti_read(nifti, first, NULL, n, values, 1));
        BA_TRY(scan_block(image, values, first, n, &list));
    }
    if (list.n == 0) {
        BA_TRY(
            ba_fail(BA_FORMAT, "%s: mask: all %zu voxels are 0, wanted some that are not",
                image->file, n_grid));
    }
    image->n_voxels = list.n;
    image->voxels = list.voxels;
    list.voxels = NULL;
out:
    ba_free(list.voxels);
    return status;
}

int
ba_image_open_mask(const ba_ctx_t *ctx, const char *file, ba_image_t **out)
{
    ba_nifti_t *nifti = NULL;
    ba_image_t *image = NULL;
    int status;

    *out = NULL;
    BA_TRY(ba_nifti_open(file, &nifti));
    BA_TRY(ba_image_from_nifti(nifti, &image));
    BA_TRY(scan_mask(ctx, nifti, image));
    BA_TRY(ba_nifti_finish(nifti));
    *out = image;
    image = NULL;
out:
    ba_nifti_close(nifti);
    ba_image_free(image);
    return status;
}

void
ba_image_free(ba_image_t *image)
{
    if (image) {
        ba_free(image->file);
        ba_free(image->voxels);
        ba_free(image);
    }
}

void
ba_image_move_voxels(ba_image_t *image, ba_image_t *mask)
{
    ba_free(image->voxels);
    image->voxels = mask->voxels;
    image->n_voxels = mask->n_voxels;
    mask->voxels = NULL;
    mask->n_voxels = grid_size(mask);
}

int
ba_image_keep(ba_image_t *image, size_t start, size_t stop)
{
    size_t n = stop - start;
    size_t *kept = ba_malloc(n, sizeof(*kept));

    if (!kept) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        kept[i] = image->voxels ? image->voxels[start + i] : start + i;
    }
    ba_free(image->voxels);
    image->voxels = kept;
    image->n_voxels = n;
    return BA_OK;
}

const size_t *
ba_image_voxels(const ba_image_t *image)
{
    return image->voxels;
}

size_t
ba_image_n_voxels(const ba_image_t *image)
{
    return image->n_voxels;
}

void
ba_image_shape(const ba_image_t *image, size_t shape[3])
{
    memcpy(shape, image->header.shape, 3 * sizeof(*shape));
}

void
ba_image_voxel(const ba_image_t *image, size_t i, int32_t ijk[3])
{
    size_t n_x = image->header.shape[0], n_y = image->header.shape[1];
    size_t at = image->voxels ? image->voxels[i] : i;

    ijk[0] = (int32_t) (at % n_x);
    ijk[1] = (int32_t) (at / n_x % n_y);
    ijk[2] = (int32_t) (at / n_x / n_y);
}

void
ba_image_affine(const ba_image_t *image, double affine[16])
{
    memcpy(affine, image->affine, sizeof(image->affine));
}

int
ba_image_same_grid(const ba_image_t *a, const ba_image_t *b)
{
    const size_t *m = a->header.shape, *n = b->header.shape;
    size_t worst = 0;
    double most = 0;

    if (memcmp(m, n, 3 * sizeof(*m)) != 0) {
        return ba_fail(BA_SHAPE,
            "%s: a grid of %zu x %zu x %zu voxels, but %s has %zu x %zu x %zu", a->file,
            m[0], m[1], m[2], b->file, n[0], n[1], n[2]);
    }
    for (size_t i = 0; i < 12; i++) {
        double difference = fabs(a->affine[i] - b->affine[i]);

        if (difference > most) {
            most = difference;
            worst = i;
        }
    }
    if (most > AFFINE_TOLERANCE) {
        return ba_fail(BA_SHAPE,
            "%s: affine: %g in row %zu, column %zu, but %s has %g (at most %g apart)",
            a->file, a->affine[worst], worst / 4, worst % 4, b->file, b->affine[worst],
            AFFINE_TOLERANCE);
    }
    return BA_OK;
}

double
ba_image_tr(const ba_image_t *image)
{
    double tr = image->header.pixdim[4];

    if (image->header.rank < 4 || !isfinite(tr) || tr <= 0) {
        return 0;
    }
    switch (image->header.units & UNITS_TIME) {
    case UNITS_SEC:
        return tr;
    case UNITS_MSEC:
        return tr / 1e3;
    case UNITS_USEC:
        return tr / 1e6;
    default:
        return 0;
    }
}

/* Where a map goes: through gzip or straight. */
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

/* Little-endian bytes of one value. */
static void
encode_f32(double value, unsigned char bytes[4])
{
    float narrow = (float) value;
    uint32_t bits;

    memcpy(&bits, &narrow, sizeof(bits));
    for (int i = 0; i < 4; i++) {
        bytes[i] = (unsigned char) (bits >> (8 * i));
    }
}

static int
put_values(const ba_image_t *image, const double *values, drain_t *drain)
{
    unsigned char block[4 * BLOCK_VOXELS];
    size_t n_grid = grid_size(image), next = 0;
    int status = BA_OK;

    for (size_t first = 0, n; first < n_grid; first += n) {
        n = n_grid - first < BLOCK_VOXELS ? n_grid - first : BLOCK_VOXELS;
        for (size_t i = 0; i < n; i++) {
            int inside = next < image->n_voxels &&
                         (!image->voxels || image->voxels[next] == first + i);

            /* One NaN for all, so that equal maps are equal bytes. */
            encode_f32(inside && !isnan(values[next]) ? values[next] : (double) NAN,
                block + 4 * i);
            next += (size_t) inside;
        }
        BA_TRY(put(drain, block, 4 * n));
    }
out:
    return status;
}

static int
ends_with_gz(const char *file)
{
    size_t n = strlen(file);

    return n >= 3 && strcmp(file + n - 3, ".gz") == 0;
}

struct ba_map {
    ba_outfile_t *outfile;
};

int
ba_map_create(const ba_image_t *image, const double *values, const char *description,
    const char *file, int force, ba_map_t **out)
{
    unsigned char header[BA_NIFTI_MAX_HEADER];
    drain_t drain = {NULL, NULL};
    ba_map_t *map = NULL;
    int status;

    *out = NULL;
    if (description && strlen(description) > 79) {
        return ba_fail(BA_VALUE, "%s: description: %zu characters, at most 79 fit", file,
            strlen(description));
    }
    BA_TRY_ALLOC(map, ba_calloc(1, sizeof *map));
    BA_TRY(ba_outfile_create(file, force, &map->outfile));
    drain.outfile = map->outfile;
    if (ends_with_gz(file)) {
        BA_TRY(ba_gzwriter_create(drain.outfile, &drain.gzip));
    }
    BA_TRY(put(&drain, header,
        ba_nifti_encode_map_header(
            &image->header, description ? description : "", header)));
    BA_TRY(put_values(image, values, &drain));
    if (drain.gzip) {
        BA_TRY(ba_gzwriter_finish(drain.gzip));
    }
    BA_TRY(ba_outfile_finish(map->outfile));
    *out = map;
    map = NULL;
out:
    ba_gzwriter_free(drain.gzip);
    ba_map_free(map);
    return status;
}

int
ba_map_commit(ba_map_t *map)
{
    return ba_outfile_commit(map->outfile);
}

void
ba_map_free(ba_map_t *map)
{
    if (map) {
        ba_outfile_free(map->outfile);
        ba_free(map);
    }
}

int
ba_image_write_map(const ba_image_t *image, const double *values, const char *description,
    const char *file, int force)
{
    ba_map_t *map;
    int status;

    BA_TRY(ba_map_create(image, values, description, file, force, &map));
    BA_TRY(ba_map_commit(map));
out:
    ba_map_free(map);
    return status;
}
