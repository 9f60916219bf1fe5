/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Regions of response columns that were given: columns in none of them are never read. */
#include "decode/decoder_impl.h"

#include "core/alloc.h"

#include <stdlib.h>
#include <string.h>

static int
read_list(const ba_ctx_t *ctx, const ba_source_t *responses, const ba_image_t *image,
    const ba_decode_fit_opts_t *opts, ba_regions_t *out)
{
    int status = BA_OK;
    size_t n = ba_source_n_cols(responses);
    ba_places_t places = {.name = ba_source_name(responses), .n = n, .n_total = n};
    int32_t *ijk = NULL;
    double *mm = NULL;

    if (image) {
        BA_TRY(ba_places_of_image(image, &ijk, &mm));
        places.ijk = ijk;
        places.mm = mm;
    }
    BA_TRY(ba_regions_read(ctx, &places, opts->rois, opts->n_rois, out));
out:
    ba_free(ijk);
    ba_free(mm);
    return status;
}

/* Keeps the regions that are named, in the order of the list. */
static int
keep_named(const ba_decode_fit_opts_t *opts, ba_regions_t *list)
{
    int status = BA_OK;
    unsigned char *is_named = NULL;
    size_t n = 0;

    if (opts->n_roi_names == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(is_named, ba_calloc(list->n, sizeof *is_named));
    for (size_t i = 0; i < opts->n_roi_names; i++) {
        size_t at = ba_regions_find(list, opts->roi_names[i]);

        if (at == SIZE_MAX) {
            BA_TRY(ba_fail(BA_VALUE, "roi: '%s', wanted one of %zu regions such as '%s'",
                opts->roi_names[i], list->n, list->names[0]));
        }
        is_named[at] = 1;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (is_named[i]) {
            list->names[n] = list->names[i];
            list->n_members[n] = list->n_members[i];
            list->members[n++] = list->members[i];
        } else {
            ba_free(list->names[i]);
            ba_free(list->members[i]);
        }
    }
    list->n = n;
out:
    ba_free(is_named);
    return status;
}

/* Columns in any region; members become places among them. */
static int
gather(size_t n_cols, ba_decoder_regions_t *out)
{
    int status = BA_OK;
    size_t *place = NULL;

    BA_TRY_ALLOC(place, ba_calloc(n_cols, sizeof *place));
    for (size_t i = 0; i < out->list.n; i++) {
        for (size_t k = 0; k < out->list.n_members[i]; k++) {
            place[out->list.members[i][k]] = 1;
        }
    }
    BA_TRY_ALLOC(out->columns, ba_malloc(n_cols, sizeof *out->columns));
    out->n_columns = 0;
    for (size_t j = 0; j < n_cols; j++) {
        if (place[j]) {
            place[j] = out->n_columns;
            out->columns[out->n_columns++] = j;
        }
    }
    for (size_t i = 0; i < out->list.n; i++) {
        for (size_t k = 0; k < out->list.n_members[i]; k++) {
            out->list.members[i][k] = place[out->list.members[i][k]];
        }
    }
out:
    ba_free(place);
    return status;
}

static int
check_regions(const ba_decode_fit_opts_t *opts, const ba_decoder_regions_t *regions)
{
    int by_region = opts->voxel_score == BA_VOXELS_ROI;

    if (by_region && opts->n_best_rois > regions->list.n) {
        return ba_fail(BA_VALUE, "n-rois: %zu, wanted at most the %zu regions",
            opts->n_best_rois, regions->list.n);
    }
    if (opts->n_voxels > regions->n_columns) {
        return ba_fail(BA_VALUE, "n-voxels: %zu, the %s have %zu columns", opts->n_voxels,
            opts->n_rois > 0 ? "regions" : "responses", regions->n_columns);
    }
    return BA_OK;
}

int
ba_decoder_regions_read(const ba_ctx_t *ctx, const ba_source_t *responses,
    const ba_image_t *image, const ba_decode_fit_opts_t *opts, ba_decoder_regions_t *out)
{
    int status = BA_OK;
    size_t n_cols = ba_source_n_cols(responses);

    *out = (ba_decoder_regions_t){.n_columns = n_cols};
    if (opts->n_rois > 0) {
        BA_TRY(read_list(ctx, responses, image, opts, &out->list));
        BA_TRY(keep_named(opts, &out->list));
        BA_TRY(gather(n_cols, out));
    }
    BA_TRY(check_regions(opts, out));
out:
    return status;
}

void
ba_decoder_regions_free(ba_decoder_regions_t *regions)
{
    ba_regions_free(&regions->list);
    ba_free(regions->columns);
    *regions = (ba_decoder_regions_t){0};
}
