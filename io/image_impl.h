/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What image sources need of images beyond the public interface. */
#ifndef BA_IO_IMAGE_IMPL_H
#define BA_IO_IMAGE_IMPL_H

#include "brainalign/image.h"
#include "io/nifti.h"

/* An image of every voxel of the grid. BA_FORMAT when the affine is not finite. */
int ba_image_from_nifti(const ba_nifti_t *nifti, ba_image_t **out) BA_MUST_USE;

/* Gives `image` the voxel list of `mask`, which has the same grid; `mask` is left without
 * one. */
void ba_image_move_voxels(ba_image_t *image, ba_image_t *mask);

/* Keeps only voxels start..stop of the list. */
int ba_image_keep(ba_image_t *image, size_t start, size_t stop) BA_MUST_USE;

/* Ascending grid indices of the voxels; NULL = all of the grid. Borrowed. */
const size_t *ba_image_voxels(const ba_image_t *image);

#endif
