/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/regions.h"

#include "brainalign/source.h"
#include "brainalign/table.h"
#include "core/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Millimetres by which voxels of one grid may differ. */
#define SAME_PLACE 1e-2

/* ---- the list ---- */

size_t
ba_regions_find(const ba_regions_t *regions, const char *name)
{
    for (size_t i = 0; i < regions->n; i++) {
        if (strcmp(regions->names[i], name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static int
grow(void **array, size_t n, size_t size)
{
    void *grown = ba_realloc(*array, n, size);

    if (!grown) {
        return BA_NOMEM;
    }
    *array = grown;
    return BA_OK;
}

/* An empty region of that name; all of its arrays have room for n_targets. */
static int
add_region(ba_regions_t *regions, const char *name, size_t n_targets, size_t *at)
{
    int status = BA_OK;
    size_t n = regions->n;
    void *names = regions->names, *counts = regions->n_members,
         *members = regions->members;

    BA_TRY(grow(&names, n + 1, sizeof *regions->names));
    regions->names = names;
    BA_TRY(grow(&counts, n + 1, sizeof *regions->n_members));
    regions->n_members = counts;
    BA_TRY(grow(&members, n + 1, sizeof *regions->members));
    regions->members = members;
    regions->n_members[n] = 0;
    BA_TRY_ALLOC(regions->names[n], ba_strdup(name));
    regions->members[n] = ba_malloc(n_targets, sizeof **regions->members);
    if (!regions->members[n]) {
        ba_free(regions->names[n]);
        status = BA_NOMEM;
        goto out;
    }
    regions->n = n + 1;
    *at = n;
out:
    return status;
}

static int
add_member(ba_regions_t *regions, const char *name, size_t n_targets, size_t target)
{
    int status = BA_OK;
    size_t at = ba_regions_find(regions, name);

    if (at == SIZE_MAX) {
        BA_TRY(add_region(regions, name, n_targets, &at));
    } else if (at < regions->n_fixed) {
        BA_TRY(
            ba_fail(BA_VALUE, "regions: '%s' is given twice, wanted another name", name));
    }
    regions->members[at][regions->n_members[at]++] = target;
out:
    return status;
}

void
ba_regions_free(ba_regions_t *regions)
{
    for (size_t i = 0; i < regions->n; i++) {
        ba_free(regions->names[i]);
        ba_free(regions->members[i]);
    }
    ba_free(regions->names);
    ba_free(regions->n_members);
    ba_free(regions->members);
    *regions = (ba_regions_t){0};
}

/* ---- images ---- */

typedef struct {
    size_t shape[3];
    double *values; /* of all voxels, x fastest */
    double affine[16];
} label_image_t;

static int
read_image(const ba_ctx_t *ctx, const char *file, label_image_t *out)
{
    int status;
    ba_source_t *source = NULL;
    const ba_image_t *image;
    size_t n;

    BA_TRY(ba_source_open(ctx, file, NULL, &source));
    image = ba_source_image(source);
    if (!image) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: no image, wanted one of labels", file));
    }
    n = ba_source_n_cols(source);
    ba_image_shape(image, out->shape);
    ba_image_affine(image, out->affine);
    BA_TRY_ALLOC(out->values, ba_malloc(n, sizeof *out->values));
    BA_TRY(ba_source_read(source, 0, 0, 1, 0, n, out->values, 1));
out:
    ba_source_close(source);
    return status;
}

int
ba_places_of_image(const ba_image_t *image, int32_t **ijk, double **mm)
{
    int status = BA_OK;
    size_t n = ba_image_n_voxels(image);
    double affine[16];

    *ijk = NULL;
    *mm = NULL;
    ba_image_affine(image, affine);
    BA_TRY_ALLOC(*ijk, ba_malloc(n, 3 * sizeof **ijk));
    BA_TRY_ALLOC(*mm, ba_malloc(n, 3 * sizeof **mm));
    for (size_t j = 0; j < n; j++) {
        int32_t *at = *ijk + 3 * j;

        ba_image_voxel(image, j, at);
        for (size_t d = 0; d < 3; d++) {
            const double *a = affine + 4 * d;

            (*mm)[3 * j + d] = a[0] * at[0] + a[1] * at[1] + a[2] * at[2] + a[3];
        }
    }
out:
    return status;
}

static int
check_place(const ba_places_t *places, const char *file, const label_image_t *image,
    const int32_t *ijk, const double *mm)
{
    for (size_t d = 0; d < 3; d++) {
        const double *a = image->affine + 4 * d;
        double at = a[0] * ijk[0] + a[1] * ijk[1] + a[2] * ijk[2] + a[3];

        if (ijk[d] < 0 || (size_t) ijk[d] >= image->shape[d] ||
            fabs(at - mm[d]) > SAME_PLACE) {
            return ba_fail(BA_SHAPE,
                "%s: another grid: voxel (%d, %d, %d) of %s lies elsewhere in it, wanted "
                "the same grid",
                file, (int) ijk[0], (int) ijk[1], (int) ijk[2], places->name);
        }
    }
    return BA_OK;
}

/* name NULL: the labels name their regions. */
static int
add_image(const ba_ctx_t *ctx, const ba_places_t *places, const char *file,
    const char *name, ba_regions_t *out)
{
    int status;
    label_image_t image = {.values = NULL};
    size_t n_in = 0;

    if (!places->ijk) {
        BA_TRY(ba_fail(BA_VALUE,
            "%s: its targets are no voxels, wanted a table of labels, one for each "
            "target",
            places->name));
    }
    BA_TRY(read_image(ctx, file, &image));
    for (size_t t = 0; t < places->n; t++) {
        const int32_t *at = places->ijk + 3 * t;
        char number[32];
        double label;

        BA_TRY(check_place(places, file, &image, at, places->mm + 3 * t));
        label = image.values[(size_t) at[0] +
                             image.shape[0] *
                                 ((size_t) at[1] + image.shape[1] * (size_t) at[2])];
        if (!isfinite(label) || label == 0.0) {
            continue;
        }
        if (!name && label != floor(label)) {
            BA_TRY(ba_fail(BA_FORMAT, "%s: label %g, wanted whole numbers", file, label));
        }
        snprintf(number, sizeof number, "%.0f", label);
        BA_TRY(add_member(out, name ? name : number, places->n, t));
        n_in++;
    }
    if (n_in == 0) {
        BA_TRY(ba_fail(
            BA_SHAPE, "%s: no target of %s lies in it, wanted some", file, places->name));
    }
out:
    ba_free(image.values);
    return status;
}

/* ---- tables and arrays ---- */

int
ba_regions_labels(const ba_places_t *places, const char *file, const char *column,
    ba_table_t **table, const char ***out)
{
    int status;
    size_t at, n;

    BA_TRY(ba_table_read(file, BA_TABLE_HEADER, table));
    at = ba_table_find(*table, column);
    n = ba_table_n_rows(*table);
    if (at == SIZE_MAX) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: no column '%s', wanted it", file, column));
    }
    if (n != places->n_total && n != places->n) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu labels, but %s has %zu targets", file, n,
            places->name, places->n));
    }
    BA_TRY_ALLOC(*out, ba_calloc(places->n, sizeof **out));
    for (size_t t = 0; t < places->n; t++) {
        size_t row = n == places->n_total ? t + places->start : t;
        const char *label = ba_table_cell(*table, row, at);

        (*out)[t] = *label && strcmp(label, "n/a") != 0 ? label : NULL;
    }
out:
    return status;
}

static int
add_table(
    const ba_places_t *places, const char *file, const char *column, ba_regions_t *out)
{
    int status;
    ba_table_t *table = NULL;
    const char **labels = NULL;
    size_t n_in = 0;

    BA_TRY(ba_regions_labels(places, file, column, &table, &labels));
    for (size_t t = 0; t < places->n; t++) {
        if (labels[t]) {
            BA_TRY(add_member(out, labels[t], places->n, t));
            n_in++;
        }
    }
    if (n_in == 0) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: no target has a label in column '%s', wanted some",
            file, column));
    }
out:
    ba_table_free(table);
    ba_free(labels);
    return status;
}

static int
add_array(
    const ba_ctx_t *ctx, const ba_places_t *places, const char *spec, ba_regions_t *out)
{
    int status;
    ba_source_t *source = NULL;
    double *labels = NULL;
    size_t rows, columns, n, n_in = 0;

    BA_TRY(ba_source_open(ctx, spec, NULL, &source));
    rows = ba_source_n_rows(source);
    columns = ba_source_n_cols(source);
    n = rows * columns;
    if ((rows != 1 && columns != 1) || (n != places->n_total && n != places->n)) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu x %zu labels, but %s has %zu targets", spec,
            rows, columns, places->name, places->n));
    }
    BA_TRY_ALLOC(labels, ba_malloc(n, sizeof *labels));
    BA_TRY(ba_source_read(source, 0, 0, rows, 0, columns, labels, rows));
    for (size_t t = 0; t < places->n; t++) {
        double label = labels[n == places->n_total ? t + places->start : t];
        char number[32];

        if (!isnan(label) && !(isfinite(label) && label == floor(label))) {
            BA_TRY(ba_fail(BA_FORMAT, "%s: target %zu: found %g, wanted a whole number",
                spec, t, label));
        }
        if (label > 0.0) {
            snprintf(number, sizeof number, "%.0f", label);
            BA_TRY(add_member(out, number, places->n, t));
            n_in++;
        }
    }
    if (n_in == 0) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: no target has a label, wanted some", spec));
    }
out:
    ba_source_close(source);
    ba_free(labels);
    return status;
}

/* ---- specs ---- */

static int
ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static int
add_spec(
    const ba_ctx_t *ctx, const ba_places_t *places, const char *spec, ba_regions_t *out)
{
    int status;
    const char *equals = strchr(spec, '='), *file = equals ? equals + 1 : spec;
    char *name = NULL;
    ba_spec_t parts = {.file = NULL};

    BA_TRY(ba_spec_parse(file, &parts));
    if (ends_in(parts.file, ".nii") || ends_in(parts.file, ".nii.gz")) {
        if (equals) {
            BA_TRY_ALLOC(name, ba_asprintf("%.*s", (int) (equals - spec), spec));
        }
        BA_TRY(add_image(ctx, places, file, name, out));
    } else if (equals) {
        BA_TRY(ba_fail(BA_VALUE, "%s: wanted NAME=MASK.nii.gz", spec));
    } else if (ends_in(parts.file, ".tsv") || ends_in(parts.file, ".csv")) {
        BA_TRY(add_table(places, parts.file, parts.path ? parts.path : "roi", out));
    } else {
        BA_TRY(add_array(ctx, places, spec, out));
    }
out:
    ba_free(name);
    ba_spec_free(&parts);
    return status;
}

int
ba_regions_read(const ba_ctx_t *ctx, const ba_places_t *places, const char *const *specs,
    size_t n_specs, ba_regions_t *out)
{
    int status = BA_OK;

    *out = (ba_regions_t){0};
    for (size_t i = 0; i < n_specs; i++) {
        out->n_fixed = out->n;
        BA_TRY(add_spec(ctx, places, specs[i], out));
    }
out:
    return status;
}
