/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New images: one volume or a time series, as NIfTI-1. */
#ifndef BA_IO_NIFTI_WRITE_H
#define BA_IO_NIFTI_WRITE_H

#include "brainalign/error.h"

/* NIfTI's codes of the types that are written. */
typedef enum { BA_NIFTI_I16 = 4, BA_NIFTI_F32 = 16 } ba_nifti_type_t;

/* What the header will say. */
typedef struct {
    size_t shape[3];         /* x, y, z */
    size_t n_volumes;        /* 1 = a 3-D file */
    ba_nifti_type_t type;    /* I16: whole numbers */
    double affine[12];       /* three rows, voxel indices to millimetres */
    double tr;               /* seconds per volume; ignored for a 3-D file */
    const char *description; /* at most 79 bytes */
} ba_nifti_series_t;

/* Hands over volume t, n_x * n_y * n_z values, x fastest. Anything but BA_OK ends the
 * writing. */
typedef int (*ba_nifti_volume_t)(void *payload, size_t t, float *values);

/* Writes an image, gzipped where `file` ends in .gz, to a temporary name first. Errors:
 * BA_EXISTS without `force`; BA_IO; BA_VALUE (a dimension beyond 32,767, the most a
 * NIfTI-1 header can say; a value that is no 16-bit whole number); those of `volume`. */
int ba_nifti_write_series(const ba_nifti_series_t *series, ba_nifti_volume_t volume,
    void *payload, const char *file, int force) BA_MUST_USE;

#endif
