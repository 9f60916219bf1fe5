/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grid of an image, which of its voxels are targets, and maps written back into it
 * (NIfTI-1 and NIfTI-2). */
#ifndef BRAINALIGN_IMAGE_H
#define BRAINALIGN_IMAGE_H

#include "brainalign/ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque: the geometry of a NIfTI file (dimensions, q-form, s-form, units) and a list of
 * voxels. Voxel order is always that of the disk, x fastest: index = x + n_x * (y + n_y *
 * z). */
typedef struct ba_image ba_image_t;

/* Opens FILE and takes every voxel whose value is finite and not 0 (of the first volume)
 * as the mask. Errors: BA_IO, BA_FORMAT (also of an empty mask), BA_NONFINITE (NaN or
 * Inf inside). The caller frees. */
BA_API int ba_image_open_mask(const ba_ctx_t *ctx, const char *file, ba_image_t **out);

BA_API void ba_image_free(ba_image_t *image);

/* Number of voxels in the mask (all of the grid where no mask was given). */
BA_API size_t ba_image_n_voxels(const ba_image_t *image);

/* Grid size: shape[0..2] = n_x, n_y, n_z. */
BA_API void ba_image_shape(const ba_image_t *image, size_t shape[3]);

/* Grid coordinates of masked voxel `i`: ijk[0..2], from 0. */
BA_API void ba_image_voxel(const ba_image_t *image, size_t i, int32_t ijk[3]);

/* 4 x 4 affine from voxel indices to millimetres, row-major: the s-form where its code is
 * positive, else the q-form, else the voxel sizes. */
BA_API void ba_image_affine(const ba_image_t *image, double affine[16]);

/* BA_OK when both have the same grid shape and affines within 1e-3; BA_SHAPE naming both
 * otherwise. */
BA_API int ba_image_same_grid(const ba_image_t *a, const ba_image_t *b);

/* Sampling interval in seconds as the header says, 0 when it says none (a fourth pixdim
 * of 0 or unset units). */
BA_API double ba_image_tr(const ba_image_t *image);

/* Writes n_voxels values as a float32 3-D NIfTI in the same grid, geometry copied from
 * the input, NaN outside the mask; gzip where `file` ends in .gz. `description` (at most
 * 79 characters) goes to the header. Written to a temporary name beside `file`, then
 * renamed. Errors: BA_EXISTS without `force`, BA_IO. */
BA_API int ba_image_write_map(const ba_image_t *image, const double *values,
    const char *description, const char *file, int force);

/* The same in two steps, for results of several files that appear together: create writes
 * everything under a temporary name (what can run out of room), commit renames. The
 * caller frees; without a commit nothing is left. */
typedef struct ba_map ba_map_t;

BA_API int ba_map_create(const ba_image_t *image, const double *values,
    const char *description, const char *file, int force, ba_map_t **out);
BA_API int ba_map_commit(ba_map_t *map);
BA_API void ba_map_free(ba_map_t *map);

#ifdef __cplusplus
}
#endif

#endif
