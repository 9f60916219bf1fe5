/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/encoder.h"

#include <limits.h>
#include <string.h>

#include "brainalign/error.h"
#include "core/alloc.h"

/* Reads a whole array of known shape into fresh memory; BA_FORMAT when the file has
 * another. */
static int
read_array(const ba_encoder_t *encoder, const char *path, ba_dtype_t type, int rank,
    const size_t *dims, void **out)
{
    const size_t size = type == BA_U8 ? 1 : type == BA_I32 ? 4 : 8;
    size_t found[BA_MAX_RANK], n = 1;
    int found_rank, status;

    BA_TRY(ba_bundle_shape(encoder->bundle, path, &found_rank, found));
    if (found_rank != rank) {
        BA_TRY(ba_fail(BA_FORMAT, "%s:%s: %d dimensions, wanted %d", encoder->path, path,
            found_rank, rank));
    }
    for (int i = 0; i < rank; i++) {
        if (found[i] != dims[i]) {
            BA_TRY(ba_fail(BA_FORMAT, "%s:%s: dimension %d is %zu, wanted %zu",
                encoder->path, path, i + 1, found[i], dims[i]));
        }
        BA_TRY(ba_multiply(n, dims[i], &n));
    }
    BA_TRY_ALLOC(*out, ba_malloc(n, size));
    BA_TRY(ba_bundle_read(encoder->bundle, path, type, NULL, NULL, *out));
out:
    return status;
}

static int
read_doubles(const ba_encoder_t *encoder, const char *path, int rank, const size_t *dims,
    double **out)
{
    void *values = NULL;
    int status = read_array(encoder, path, BA_F64, rank, dims, &values);

    *out = values;
    return status;
}

/* The weights' shape is the size of everything else. */
static int
measure(ba_encoder_t *encoder)
{
    size_t dims[BA_MAX_RANK];
    int rank, status;

    if (!ba_bundle_has(encoder->bundle, "/weights")) {
        return ba_fail(BA_MISSING,
            "%s:/weights: this encoder was saved without its weights, which prediction "
            "needs",
            encoder->path);
    }
    BA_TRY(ba_bundle_shape(encoder->bundle, "/weights", &rank, dims));
    if (rank != 3 || dims[0] == 0 || dims[1] == 0 || dims[2] == 0) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s:/weights: %d dimensions or nothing in them, wanted delays x features x "
            "targets",
            encoder->path, rank));
    }
    encoder->n_delays = dims[0];
    encoder->n_features = dims[1];
    encoder->n_targets = dims[2];
out:
    return status;
}

static int
read_delays(ba_encoder_t *encoder)
{
    size_t n = encoder->n_delays, found;
    int64_t *values, across = 0;
    char *scale = NULL;
    int status;

    BA_TRY_ALLOC(values, ba_calloc(n, sizeof *values));
    BA_TRY_ALLOC(encoder->delays, ba_calloc(n, sizeof *encoder->delays));
    BA_TRY(ba_bundle_get_i64(encoder->bundle, "/", "delays", n, values, &found));
    if (found != n) {
        BA_TRY(ba_fail(BA_FORMAT, "%s:/: %zu delays, but the weights have %zu",
            encoder->path, found, n));
    }
    for (size_t i = 0; i < n; i++) {
        if (values[i] < INT_MIN || values[i] > INT_MAX) {
            BA_TRY(ba_fail(BA_FORMAT, "%s:/: a delay of %lld samples", encoder->path,
                (long long) values[i]));
        }
        encoder->delays[i] = (int) values[i];
    }
    status =
        ba_bundle_get_i64(encoder->bundle, "/", "delay_across_runs", 1, &across, NULL);
    encoder->delay_across_runs = across != 0;
    if (status == BA_OK || status == BA_MISSING) {
        status = ba_bundle_get_string(encoder->bundle, "/", "scale_features", &scale);
    }
    encoder->zscore_features = scale && strcmp(scale, "runs") == 0;
    status = status == BA_MISSING ? BA_OK : status;
out:
    ba_free(scale);
    ba_free(values);
    return status;
}

static int
copy_names(ba_encoder_t *encoder, char **names)
{
    int status = BA_OK;

    BA_TRY_ALLOC(
        encoder->space_names, ba_calloc(encoder->n_spaces, sizeof *encoder->space_names));
    for (size_t i = 0; i < encoder->n_spaces; i++) {
        BA_TRY_ALLOC(encoder->space_names[i], ba_strdup(names[i]));
    }
out:
    return status;
}

/* Sizes of the spaces, which must make up all features. */
static int
read_sizes(ba_encoder_t *encoder)
{
    size_t n = encoder->n_spaces, sum = 0;
    void *values = NULL;
    const int64_t *sizes;
    int status;

    BA_TRY(read_array(encoder, "/features/space_sizes", BA_I64, 1, &n, &values));
    BA_TRY_ALLOC(encoder->space_features, ba_calloc(n, sizeof *encoder->space_features));
    sizes = values;
    for (size_t i = 0; i < n; i++) {
        if (sizes[i] <= 0 || (uint64_t) sizes[i] > encoder->n_features - sum) {
            BA_TRY(ba_fail(BA_FORMAT,
                "%s:/features/space_sizes: %lld features in space '%s', wanted %zu in "
                "all",
                encoder->path, (long long) sizes[i], encoder->space_names[i],
                encoder->n_features));
        }
        encoder->space_features[i] = (size_t) sizes[i];
        sum += encoder->space_features[i];
    }
    if (sum != encoder->n_features) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s:/features/space_sizes: %zu features in all, but the weights have %zu",
            encoder->path, sum, encoder->n_features));
    }
out:
    ba_free(values);
    return status;
}

/* A file that names no space has one, with every delay. */
static int
assume_one_space(ba_encoder_t *encoder)
{
    char name[] = "features", *names[] = {name};
    int status;

    encoder->n_spaces = 1;
    BA_TRY(copy_names(encoder, names));
    BA_TRY_ALLOC(encoder->space_features, ba_calloc(1, sizeof *encoder->space_features));
    encoder->space_features[0] = encoder->n_features;
out:
    return status;
}

static int
read_spaces(ba_encoder_t *encoder)
{
    size_t n = 0, dims[2];
    void *has_delay = NULL;
    char **names = NULL;
    int status;

    if (ba_bundle_has(encoder->bundle, "/features/space_names")) {
        BA_TRY(
            ba_bundle_read_strings(encoder->bundle, "/features/space_names", &n, &names));
        encoder->n_spaces = n;
        BA_TRY(copy_names(encoder, names));
        BA_TRY(read_sizes(encoder));
    } else {
        BA_TRY(assume_one_space(encoder));
    }
    dims[0] = encoder->n_spaces;
    dims[1] = encoder->n_delays;
    if (ba_bundle_has(encoder->bundle, "/features/space_delays")) {
        BA_TRY(read_array(encoder, "/features/space_delays", BA_U8, 2, dims, &has_delay));
    } else {
        BA_TRY_ALLOC(has_delay, ba_malloc(dims[0] * dims[1], 1));
        memset(has_delay, 1, dims[0] * dims[1]);
    }
out:
    encoder->space_delays = has_delay;
    ba_free(names);
    return status;
}

/* The components of one space, where the file has them. */
static int
read_pca(ba_encoder_t *encoder, size_t space)
{
    int status = BA_OK, rank;
    const char *name = encoder->space_names[space];
    ba_pca_t *pca = &encoder->pca[space];
    char *components = NULL, *mean = NULL;
    size_t dims[BA_MAX_RANK];

    BA_TRY_ALLOC(components, ba_asprintf("/pca/%s/components", name));
    BA_TRY_ALLOC(mean, ba_asprintf("/pca/%s/mean", name));
    if (!ba_bundle_has(encoder->bundle, components)) {
        goto out;
    }
    BA_TRY(ba_bundle_shape(encoder->bundle, components, &rank, dims));
    if (rank != 2 || dims[0] != encoder->space_features[space] || dims[1] < dims[0]) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s:%s: %d dimensions or not %zu components of more features, as "
            "/features/space_sizes has it",
            encoder->path, components, rank, encoder->space_features[space]));
    }
    pca->n_components = dims[0];
    pca->n_features = dims[1];
    /* Components x features in C order are features x components in column order. */
    BA_TRY(read_doubles(encoder, components, 2, dims, &pca->components));
    BA_TRY(read_doubles(encoder, mean, 1, dims + 1, &pca->mean));
    BA_TRY_ALLOC(pca->variance, ba_calloc(dims[0], sizeof *pca->variance));
out:
    ba_free(components);
    ba_free(mean);
    return status;
}

static int
read_components(ba_encoder_t *encoder)
{
    int status = BA_OK;

    BA_TRY_ALLOC(encoder->pca, ba_calloc(encoder->n_spaces, sizeof *encoder->pca));
    for (size_t k = 0; k < encoder->n_spaces; k++) {
        BA_TRY(read_pca(encoder, k));
    }
out:
    return status;
}

static int
read_scaling(ba_encoder_t *encoder)
{
    const size_t columns[2] = {encoder->n_delays, encoder->n_features};
    const size_t n = encoder->n_targets;
    void *codes = NULL;
    int status;

    BA_TRY(read_doubles(
        encoder, "/scaling/feature_mean", 2, columns, &encoder->feature_mean));
    BA_TRY(read_doubles(
        encoder, "/scaling/feature_scale", 2, columns, &encoder->feature_scale));
    BA_TRY(
        read_doubles(encoder, "/scaling/response_mean", 1, &n, &encoder->response_mean));
    BA_TRY(read_doubles(
        encoder, "/scaling/response_scale", 1, &n, &encoder->response_scale));
    BA_TRY(read_doubles(encoder, "/intercept", 1, &n, &encoder->intercept));
    if (ba_bundle_has(encoder->bundle, "/status")) {
        BA_TRY(read_array(encoder, "/status", BA_I32, 1, &n, &codes));
    } else {
        BA_TRY_ALLOC(codes, ba_calloc(n, sizeof *encoder->status));
    }
out:
    encoder->status = codes;
    return status;
}

/* Fingerprints of rows, where they were kept: both kinds for the same rows. */
static int
read_hashes(ba_encoder_t *encoder)
{
    static const char *const paths[] = {"/splits/feature_hash", "/splits/response_hash"};
    void *hashes[2] = {NULL, NULL};
    size_t dims[BA_MAX_RANK];
    int rank, status = BA_OK;

    for (size_t i = 0; i < 2; i++) {
        if (!ba_bundle_has(encoder->bundle, paths[i])) {
            continue;
        }
        if (encoder->n_rows == 0) {
            BA_TRY(ba_bundle_shape(encoder->bundle, paths[i], &rank, dims));
            encoder->n_rows = rank == 1 ? dims[0] : 0;
        }
        BA_TRY(read_array(encoder, paths[i], BA_U64, 1, &encoder->n_rows, &hashes[i]));
    }
out:
    encoder->feature_hash = hashes[0];
    encoder->response_hash = hashes[1];
    return status;
}

int
ba_encoder_load(const char *path, ba_encoder_t **out)
{
    ba_encoder_t *encoder;
    int status;

    *out = NULL;
    BA_TRY_ALLOC(encoder, ba_calloc(1, sizeof *encoder));
    BA_TRY_ALLOC(encoder->path, ba_strdup(path));
    BA_TRY(ba_bundle_open(path, BA_ENCODER_FORMAT, &encoder->bundle));
    BA_TRY(measure(encoder));
    BA_TRY(read_delays(encoder));
    BA_TRY(read_spaces(encoder));
    BA_TRY(read_components(encoder));
    BA_TRY(read_scaling(encoder));
    BA_TRY(read_hashes(encoder));
    *out = encoder;
    encoder = NULL;
out:
    ba_encoder_free(encoder);
    return status;
}

void
ba_encoder_free(ba_encoder_t *encoder)
{
    if (!encoder) {
        return;
    }
    for (size_t i = 0; encoder->space_names && i < encoder->n_spaces; i++) {
        ba_free(encoder->space_names[i]);
    }
    ba_bundle_free(encoder->bundle);
    ba_free(encoder->path);
    ba_free(encoder->delays);
    ba_free(encoder->space_names);
    ba_free(encoder->space_features);
    ba_pca_free(encoder->pca, encoder->n_spaces);
    ba_free(encoder->space_delays);
    ba_free(encoder->feature_mean);
    ba_free(encoder->feature_scale);
    ba_free(encoder->response_mean);
    ba_free(encoder->response_scale);
    ba_free(encoder->intercept);
    ba_free(encoder->status);
    ba_free(encoder->feature_hash);
    ba_free(encoder->response_hash);
    ba_free(encoder);
}

int
ba_encoder_read_weights(const ba_encoder_t *encoder, size_t t0, size_t n, double *weights)
{
    const size_t start[3] = {0, 0, t0};
    const size_t count[3] = {encoder->n_delays, encoder->n_features, n};

    if (t0 > encoder->n_targets || n > encoder->n_targets - t0) {
        return ba_fail(BA_VALUE, "%s:/weights: targets %zu to %zu, but there are %zu",
            encoder->path, t0, t0 + n, encoder->n_targets);
    }
    if (n == 0) {
        return BA_OK;
    }
    return ba_bundle_read(encoder->bundle, "/weights", BA_F64, start, count, weights);
}

int
ba_encoder_check(const ba_encoder_t *encoder, const ba_dataset_t *dataset)
{
    if (dataset->n_spaces != encoder->n_spaces) {
        return ba_fail(BA_SHAPE, "features: %zu spaces, the encoder %s has %zu",
            dataset->n_spaces, encoder->path, encoder->n_spaces);
    }
    for (size_t k = 0; k < encoder->n_spaces; k++) {
        size_t n = ba_source_n_cols(dataset->train.features[k]);
        size_t wanted = encoder->pca[k].n_components > 0 ? encoder->pca[k].n_features
                                                         : encoder->space_features[k];

        if (encoder->n_spaces > 1 &&
            strcmp(dataset->space_names[k], encoder->space_names[k]) != 0) {
            return ba_fail(BA_SHAPE,
                "features: space '%s' in place %zu, the encoder %s has '%s' there",
                dataset->space_names[k], k, encoder->path, encoder->space_names[k]);
        }
        if (n != wanted) {
            return ba_fail(BA_SHAPE,
                "%s: %zu features, space '%s' of the encoder %s has %zu",
                ba_source_name(dataset->train.features[k]), n, encoder->space_names[k],
                encoder->path, wanted);
        }
    }
    return BA_OK;
}
