/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Regions of interest: which targets, or columns of responses, belong to which. */
#ifndef BA_DATASETS_REGIONS_H
#define BA_DATASETS_REGIONS_H

#include "brainalign/ctx.h"
#include "brainalign/image.h"
#include "brainalign/table.h"

/* What regions are made of: n targets, those from `start` on of n_total. Borrowed. */
typedef struct {
    const char *name; /* for messages */
    size_t n, start, n_total;
    const int32_t *ijk; /* n x 3, voxels in their grid; NULL = none */
    const double *mm;   /* n x 3 */
} ba_places_t;

/* Voxels of an image as places: *ijk and *mm are n x 3 for the caller to free. */
int ba_places_of_image(const ba_image_t *image, int32_t **ijk, double **mm) BA_MUST_USE;

/* A target may belong to several regions (masks that overlap). */
typedef struct {
    size_t n, n_fixed; /* regions; those of specs read before */
    char **names;      /* n */
    size_t *n_members;
    size_t **members; /* targets, ascending */
} ba_regions_t;

/* Regions of such targets from specs, which all add to the list:
 *
 * NAME=MASK.nii[.gz]   voxels other than 0 of a mask;
 * FILE.nii[.gz]        a label image in the grid of the targets: a region for each whole
 *                      number other than 0, called by it;
 * FILE.tsv[:COLUMN]    (.csv as well) a label for each of all targets in column COLUMN
 *                      ("roi"); empty or n/a = none. Regions in order of appearance;
 * FILE:PATH            (HDF5, NPY) a whole number for each of all targets, 0 or below =
 *                      none.
 *
 * BA_SHAPE: another grid, another number of targets, a region without targets; BA_VALUE: no
 * voxels are known. Call ba_regions_free() in any case. */
int ba_regions_read(const ba_ctx_t *ctx, const ba_places_t *places,
    const char *const *specs, size_t n_specs, ba_regions_t *out) BA_MUST_USE;
void ba_regions_free(ba_regions_t *regions);

/* Place of a region in the list, SIZE_MAX = none is called so. */
size_t ba_regions_find(const ba_regions_t *regions, const char *name);

/* Labels of a column of a table, one for each of all targets; *out is places->n borrowed
 * texts (NULL = none) of *table. The caller frees both. */
int ba_regions_labels(const ba_places_t *places, const char *file, const char *column,
    ba_table_t **table, const char ***out) BA_MUST_USE;

#endif
