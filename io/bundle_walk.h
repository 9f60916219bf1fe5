/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands in a result file, whatever it is: its arrays and attributes, for comparing
 * and copying. */
#ifndef BA_IO_BUNDLE_WALK_H
#define BA_IO_BUNDLE_WALK_H

#include "brainalign/bundle.h"

/* An array: of numbers, or a list of strings of one length. */
typedef struct {
    char *path;
    int is_string;
    ba_dtype_t type; /* of numbers */
    size_t size;     /* bytes of one element */
    int rank;
    size_t dims[BA_MAX_RANK];
} ba_bundle_array_t;

/* An attribute with everything that it is: two are equal when their bytes are. */
typedef struct {
    char *object, *name;
    unsigned char
        *bytes; /* encoded type, number of values (SIZE_MAX = a scalar), values */
    size_t n_bytes, n_type; /* all of them; of the type */
} ba_bundle_attr_t;

/* Starts as {0}; ordered by path, and by object and name. */
typedef struct {
    size_t n_arrays, n_attrs;
    ba_bundle_array_t *arrays;
    ba_bundle_attr_t *attrs;
} ba_bundle_content_t;

/* Lists a bundle. BA_FORMAT: an element type that bundles do not have, more dimensions
 * than BA_MAX_RANK. Call ba_bundle_content_free() afterwards in any case. */
int ba_bundle_content(const ba_bundle_t *bundle, ba_bundle_content_t *out) BA_MUST_USE;
void ba_bundle_content_free(ba_bundle_content_t *content);

/* The array of that path, NULL = none. */
const ba_bundle_array_t *ba_bundle_find_array(
    const ba_bundle_content_t *content, const char *path);

/* Writes an attribute into a bundle, which must hold the object if that is an array;
 * groups are made. */
int ba_bundle_copy_attr(const ba_bundle_attr_t *attr, ba_bundle_t *to) BA_MUST_USE;

/* Writes a whole array of one bundle into another. Takes its size in memory. */
int ba_bundle_copy_array(
    const ba_bundle_t *from, const ba_bundle_array_t *array, ba_bundle_t *to) BA_MUST_USE;

#endif
