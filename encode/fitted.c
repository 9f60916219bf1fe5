/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/fitted.h"

#include "brainalign/encoder.h"
#include "core/alloc.h"

#include <stdlib.h>
#include <string.h>

/* An array of n elements, whatever its rank. */
static int
read_array(const ba_fitted_t *fitted, const char *path, ba_dtype_t type, size_t size,
    size_t n, void **out)
{
    int status, rank;
    size_t dims[BA_MAX_RANK], found = 1;

    BA_TRY(ba_bundle_shape(fitted->bundle, path, &rank, dims));
    for (int i = 0; i < rank; i++) {
        found *= dims[i];
    }
    if (found != n) {
        BA_TRY(ba_fail(
            BA_FORMAT, "%s:%s: %zu numbers, wanted %zu", fitted->path, path, found, n));
    }
    BA_TRY_ALLOC(*out, ba_malloc(n, size));
    BA_TRY(ba_bundle_read(fitted->bundle, path, type, NULL, NULL, *out));
out:
    return status;
}

static int
read_numbers(const ba_fitted_t *fitted, const char *path, size_t n, double **out)
{
    void *array = NULL;
    int status = read_array(fitted, path, BA_F64, sizeof **out, n, &array);

    *out = array;
    return status;
}

static int
read_codes(const ba_fitted_t *fitted, const char *path, size_t n, int32_t **out)
{
    void *array = NULL;
    int status = read_array(fitted, path, BA_I32, sizeof **out, n, &array);

    *out = array;
    return status;
}

static int
read_sizes(ba_fitted_t *out)
{
    int status, rank;
    size_t dims[BA_MAX_RANK];
    int64_t n_samples, range[2], total;

    BA_TRY(ba_bundle_get_i64(out->bundle, "/", "n_samples", 1, &n_samples, NULL));
    BA_TRY(ba_bundle_get_i64(out->bundle, "/", "target_range", 2, range, NULL));
    BA_TRY(ba_bundle_get_i64(out->bundle, "/", "n_targets_total", 1, &total, NULL));
    out->n_samples = (size_t) n_samples;
    out->target_start = (size_t) range[0];
    out->n_targets = (size_t) (range[1] - range[0]);
    out->n_total = (size_t) total;
    if (ba_bundle_has(out->bundle, "/scores/r_by_fold")) {
        BA_TRY(ba_bundle_shape(out->bundle, "/scores/r_by_fold", &rank, dims));
        out->n_outer = dims[0];
    }
out:
    return status;
}

static int
name_of(const char *path, char **out)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t length = strlen(base);

    if (length > 3 && strcmp(base + length - 3, ".h5") == 0) {
        length -= 3;
    }
    *out = ba_asprintf("%.*s", (int) length, base);
    return *out ? BA_OK : BA_NOMEM;
}

static int
check_format(const ba_fitted_t *fitted)
{
    char *format = NULL;
    int status = ba_bundle_get_string(fitted->bundle, "/", "format", &format);

    if (status == BA_OK && strcmp(format, BA_ENCODER_FORMAT) != 0 &&
        strcmp(format, "brainalign-stack") != 0) {
        status = ba_fail(BA_FORMAT, "%s: format '%s', wanted a result of encode fit",
            fitted->path, format);
    }
    ba_free(format);
    return status;
}

/* Rows that are scored by nobody: the one fold is a test set. */
static int
find_test_set(const ba_fitted_t *fitted)
{
    for (size_t i = 0; i < fitted->n_samples; i++) {
        if (fitted->outer[i] >= 0) {
            return 0;
        }
    }
    return fitted->n_outer == 1;
}

static int
read_names(ba_fitted_t *out)
{
    int status = BA_OK;
    size_t n;

    if (!ba_bundle_has(out->bundle, "/targets/name")) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_read_strings(out->bundle, "/targets/name", &n, &out->names));
    if (n != out->n_targets) {
        BA_TRY(ba_fail(BA_FORMAT, "%s:/targets/name: %zu labels, wanted %zu", out->path,
            n, out->n_targets));
    }
out:
    return status;
}

int
ba_fitted_open(const char *path, ba_fitted_t *out)
{
    int status;
    size_t v, n;
    void *hash = NULL;

    *out = (ba_fitted_t){0};
    BA_TRY_ALLOC(out->path, ba_strdup(path));
    BA_TRY(name_of(path, &out->name));
    BA_TRY(ba_bundle_open(path, NULL, &out->bundle));
    BA_TRY(check_format(out));
    BA_TRY(read_sizes(out));
    v = out->n_targets;
    n = out->n_samples;
    BA_TRY(read_codes(out, "/splits/outer", n, &out->outer));
    BA_TRY(read_codes(out, "/splits/run", n, &out->run));
    BA_TRY(read_codes(out, "/status", v, &out->status));
    BA_TRY(read_array(out, "/splits/response_hash", BA_U64, sizeof *out->hash, n, &hash));
    BA_TRY(read_numbers(out, "/scores/r", v, &out->r));
    BA_TRY(read_numbers(out, "/scores/r2", v, &out->r2));
    if (out->n_outer > 0) {
        BA_TRY(read_numbers(out, "/scores/r_by_fold", out->n_outer * v, &out->r_by_fold));
        BA_TRY(
            read_numbers(out, "/scores/r2_by_fold", out->n_outer * v, &out->r2_by_fold));
    }
    BA_TRY(read_names(out));
    out->is_test_set = find_test_set(out);
out:
    out->hash = hash;
    return status;
}

void
ba_fitted_close(ba_fitted_t *fitted)
{
    ba_bundle_free(fitted->bundle);
    ba_free(fitted->path);
    ba_free(fitted->name);
    ba_free(fitted->outer);
    ba_free(fitted->run);
    ba_free(fitted->status);
    ba_free(fitted->r);
    ba_free(fitted->r2);
    ba_free(fitted->r_by_fold);
    ba_free(fitted->r2_by_fold);
    ba_free(fitted->hash);
    ba_free(fitted->names);
    *fitted = (ba_fitted_t){0};
}

static int
differ(const ba_fitted_t *a, const ba_fitted_t *b, const char *what)
{
    return ba_fail(BA_SHAPE, "%s and %s: %s", a->path, b->path, what);
}

int
ba_fitted_same(const ba_fitted_t *a, const ba_fitted_t *b, ba_same_t what)
{
    if (a->n_samples != b->n_samples) {
        return ba_fail(BA_SHAPE, "%s: %zu samples, but %s has %zu", b->path, b->n_samples,
            a->path, a->n_samples);
    }
    if (what != BA_SAME_SPLITS &&
        (a->n_targets != b->n_targets || a->target_start != b->target_start)) {
        return ba_fail(BA_SHAPE, "%s: targets %zu to %zu, but %s has %zu to %zu", b->path,
            b->target_start, b->target_start + b->n_targets - 1, a->path, a->target_start,
            a->target_start + a->n_targets - 1);
    }
    if (a->n_outer != b->n_outer ||
        memcmp(a->outer, b->outer, a->n_samples * sizeof *a->outer) != 0) {
        return differ(a, b,
            "other outer splits (trims, folds or a test set), wanted the "
            "same");
    }
    if (memcmp(a->run, b->run, a->n_samples * sizeof *a->run) != 0) {
        return differ(a, b, "other runs, wanted the same");
    }
    if (what == BA_SAME_RESPONSES &&
        memcmp(a->hash, b->hash, a->n_samples * sizeof *a->hash) != 0) {
        return differ(a, b, "other responses by their fingerprints, wanted the same");
    }
    return BA_OK;
}

ba_places_t
ba_fitted_places(const ba_fitted_t *fitted)
{
    return (ba_places_t){.name = fitted->path,
        .n = fitted->n_targets,
        .start = fitted->target_start,
        .n_total = fitted->n_total};
}

int
ba_fitted_regions(const ba_ctx_t *ctx, const ba_fitted_t *fitted,
    const char *const *specs, size_t n_specs, ba_regions_t *out)
{
    int status = BA_OK;
    ba_places_t places = ba_fitted_places(fitted);
    int32_t *ijk = NULL;
    double *mm = NULL;

    *out = (ba_regions_t){0};
    if (n_specs > 0 && ba_bundle_has(fitted->bundle, "/targets/ijk")) {
        BA_TRY(read_codes(fitted, "/targets/ijk", 3 * fitted->n_targets, &ijk));
        BA_TRY(read_numbers(fitted, "/targets/mm", 3 * fitted->n_targets, &mm));
        places.ijk = ijk;
        places.mm = mm;
    }
    BA_TRY(ba_regions_read(ctx, &places, specs, n_specs, out));
out:
    ba_free(ijk);
    ba_free(mm);
    return status;
}
