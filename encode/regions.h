/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Regions of interest: which targets belong to which. */
#ifndef BA_ENCODE_REGIONS_H
#define BA_ENCODE_REGIONS_H

#include "brainalign/table.h"
#include "encode/fitted.h"

/* A target may belong to several regions (masks that overlap). */
typedef struct {
    size_t n, n_fixed; /* regions; those of specs read before */
    char **names;      /* n */
    size_t *n_members;
    size_t **members; /* targets of the file, ascending */
} ba_regions_t;

/* Regions of a result file's targets from specs, which all add to the list:
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
int ba_regions_read(const ba_ctx_t *ctx, const ba_fitted_t *fitted,
    const char *const *specs, size_t n_specs, ba_regions_t *out) BA_MUST_USE;
void ba_regions_free(ba_regions_t *regions);

/* Labels of a column of a table, one for each of all targets; *out is n_targets borrowed
 * texts (NULL = none) of *table. The caller frees both. */
int ba_regions_labels(const ba_fitted_t *fitted, const char *file, const char *column,
    ba_table_t **table, const char ***out) BA_MUST_USE;

#endif
