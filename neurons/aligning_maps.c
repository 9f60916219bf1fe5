/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/aligning_maps.h"

#include "core/alloc.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

void
ba_align_maps_free(ba_align_maps_t *maps)
{
    for (size_t s = 0; s < maps->n; s++) {
        ba_free(maps->files ? maps->files[s] : NULL);
        ba_map_free(maps->maps ? maps->maps[s] : NULL);
    }
    ba_free(maps->files);
    ba_free(maps->maps);
    *maps = (ba_align_maps_t){0};
}

/* FILE-SET.nii.gz; what is neither a letter nor a digit becomes _, but for . and - within. */
static char *
name_map(const char *file, const char *set)
{
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    const char *dot = strstr(base, ".nii");
    size_t length = dot ? (size_t) (dot - file) : strlen(file);
    char *name = ba_asprintf("%.*s-%s%s", (int) length, file, set, file + length);

    for (size_t i = 0; name && set[i]; i++) {
        char *at = name + length + 1 + i;

        if (!isalnum((unsigned char) *at) && (i == 0 || !strchr(".-", *at))) {
            *at = '_';
        }
    }
    return name;
}

static const char *
name_of(const ba_align_maps_t *maps, size_t i)
{
    return i < maps->sets->n ? maps->sets->names[i]
                             : maps->concepts->names[i - maps->sets->n];
}

/* n_targets numbers. */
static const double *
drop_of(const ba_align_maps_t *maps, size_t i)
{
    return i < maps->sets->n
               ? maps->sets->mean + ba_align_sets_place(maps->sets, BA_SET_DELTA_R2, i)
               : ba_align_concepts_drop(maps->concepts, i - maps->sets->n);
}

int
ba_align_maps_open(const ba_align_sets_t *sets, const ba_align_concepts_t *concepts,
    ba_align_maps_t *out)
{
    int status = BA_OK;
    const ba_align_opts_t *opts = sets->aligning->opts;

    *out = (ba_align_maps_t){.sets = sets, .concepts = concepts};
    if (!opts->map) {
        return BA_OK;
    }
    if (opts->n_others > 0) {
        return ba_fail(BA_UNSUPPORTED, "map: %zu encoders, wanted one for its grid",
            opts->n_others + 1);
    }
    if (!opts->dataset->image) {
        return ba_fail(BA_VALUE, "map: the responses are no image, wanted image "
                                 "responses or --mask with their grid");
    }
    out->n = sets->n + (concepts ? concepts->n : 0);
    BA_TRY_ALLOC(out->files, ba_calloc(out->n, sizeof *out->files));
    BA_TRY_ALLOC(out->maps, ba_calloc(out->n, sizeof *out->maps));
    for (size_t s = 0; s < out->n; s++) {
        BA_TRY_ALLOC(out->files[s], name_map(opts->map, name_of(out, s)));
        for (size_t i = 0; i < s; i++) {
            if (strcmp(out->files[i], out->files[s]) == 0) {
                BA_TRY(ba_fail(BA_VALUE, "map: sets '%s' and '%s' would both be %s",
                    name_of(out, i), name_of(out, s), out->files[s]));
            }
        }
        if (!opts->force && access(out->files[s], F_OK) == 0) {
            BA_TRY(ba_fail(BA_EXISTS, "%s: exists, --force replaces it", out->files[s]));
        }
    }
out:
    return status;
}

int
ba_align_maps_make(ba_align_maps_t *maps)
{
    int status = BA_OK;
    const ba_aligning_t *a;
    size_t n = 0;
    int64_t range[2];
    double *values = NULL;

    if (maps->n == 0) {
        return BA_OK;
    }
    a = maps->sets->aligning;
    n = ba_image_n_voxels(a->opts->dataset->image);
    BA_TRY(ba_bundle_get_i64(a->encoder->bundle, "/", "target_range", 2, range, NULL));
    BA_TRY_ALLOC(values, ba_malloc(n, sizeof *values));
    for (size_t s = 0; s < maps->n; s++) {
        const double *found = drop_of(maps, s);

        for (size_t i = 0; i < n; i++) {
            size_t t = i - (size_t) range[0];

            values[i] =
                i >= (size_t) range[0] && t < a->n_targets ? found[t] : (double) NAN;
        }
        BA_TRY(ba_map_create(a->opts->dataset->image, values,
            "brainalign: what a set of neurons adds to held-out r2", maps->files[s],
            a->opts->force, &maps->maps[s]));
    }
out:
    ba_free(values);
    return status;
}

int
ba_align_maps_commit(ba_align_maps_t *maps)
{
    int status = BA_OK;

    for (size_t s = 0; s < maps->n; s++) {
        BA_TRY(ba_map_commit(maps->maps[s]));
    }
out:
    return status;
}
