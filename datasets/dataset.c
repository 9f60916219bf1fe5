/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datasets/dataset_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "io/image_impl.h"

/* Bytes of a block of rows on their way into memory. */
static const size_t LEAST_BLOCK = (size_t) 8 << 20, MOST_BLOCK = (size_t) 256 << 20;

int
ba_dataset_same_rows(const ba_source_t *source, const ba_source_t *wanted)
{
    size_t n, n_wanted = ba_source_n_rows(wanted);

    if (!source) {
        return BA_OK;
    }
    n = ba_source_n_rows(source);
    if (n != n_wanted) {
        int turned =
            ba_source_n_cols(source) == n_wanted || n == ba_source_n_cols(wanted);

        return ba_fail(BA_SHAPE, "%s: %zu samples, but %s has %zu%s",
            ba_source_name(source), n, ba_source_name(wanted), n_wanted,
            turned ? " (is one of them transposed? rows are samples)" : "");
    }
    return BA_OK;
}

static int
same_columns(const ba_source_t *source, const ba_source_t *wanted)
{
    if (ba_source_n_cols(source) != ba_source_n_cols(wanted)) {
        return ba_fail(BA_SHAPE, "%s: %zu columns, but %s has %zu",
            ba_source_name(source), ba_source_n_cols(source), ba_source_name(wanted),
            ba_source_n_cols(wanted));
    }
    return BA_OK;
}

static int
check_part(const ba_dataset_t *dataset, const ba_dataset_part_t *part)
{
    int status = BA_OK;

    const ba_source_t *first = dataset->n_spaces ? part->features[0] : part->responses;

    for (size_t i = 1; i < dataset->n_spaces; i++) {
        BA_TRY(ba_dataset_same_rows(part->features[i], first));
    }
    /* Runs apart were compared one by one. */
    if (first) {
        BA_TRY(ba_dataset_same_rows(part->responses, first));
        BA_TRY(ba_dataset_same_rows(part->nuisance, first));
    }
out:
    return status;
}

/* A test set has the columns of the training set, and its grid. */
static int
check_test(const ba_dataset_t *dataset)
{
    const ba_dataset_part_t *train = &dataset->train, *test = &dataset->test;
    const ba_image_t *image;
    int status;

    BA_TRY(check_part(dataset, test));
    for (size_t i = 0; i < dataset->n_spaces; i++) {
        BA_TRY(same_columns(test->features[i], train->features[i]));
    }
    if (test->responses && train->responses) {
        BA_TRY(same_columns(test->responses, train->responses));
        image = ba_source_image(test->responses);
        if (image && dataset->image) {
            BA_TRY(ba_image_same_grid(image, dataset->image));
        }
    }
out:
    return status;
}

/* The voxels that the columns of image responses are: those of the grid or of the mask,
 * or the range of them that the SPEC keeps. */
static int
copy_image(const ba_ctx_t *ctx, const ba_source_t *responses, const char *mask_file,
    ba_image_t **out)
{
    ba_spec_t spec = {.file = NULL};
    ba_image_t *image = NULL, *mask = NULL;
    ba_nifti_t *nifti = NULL;
    size_t n;
    int status;

    BA_TRY(ba_spec_parse(ba_source_name(responses), &spec));
    BA_TRY(ba_nifti_open(ba_source_file(responses, 0), &nifti));
    BA_TRY(ba_image_from_nifti(nifti, &image));
    if (mask_file) {
        BA_TRY(ba_image_open_mask(ctx, mask_file, &mask));
        ba_image_move_voxels(image, mask);
    }
    n = ba_image_n_voxels(image);
    if (spec.col_start > 0 || spec.col_stop < n) {
        BA_TRY(
            ba_image_keep(image, spec.col_start, spec.col_stop < n ? spec.col_stop : n));
    }
    *out = image;
    image = NULL;
out:
    ba_nifti_close(nifti);
    ba_image_free(image);
    ba_image_free(mask);
    ba_spec_free(&spec);
    return status;
}

static int
open_image(const ba_ctx_t *ctx, const char *mask_file, ba_dataset_t *dataset)
{
    const ba_source_t *responses = dataset->train.responses;
    ba_image_t *mask = NULL;
    int status = BA_OK;

    if (responses && ba_source_image(responses)) {
        return copy_image(ctx, responses, mask_file, &dataset->image);
    }
    if (!mask_file) {
        return BA_OK;
    }
    BA_TRY(ba_image_open_mask(ctx, mask_file, &mask));
    if (responses && ba_source_n_cols(responses) != ba_image_n_voxels(mask)) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu targets, but %s has %zu voxels",
            ba_source_name(responses), ba_source_n_cols(responses), mask_file,
            ba_image_n_voxels(mask)));
    }
    dataset->image = mask;
    mask = NULL;
out:
    ba_image_free(mask);
    return status;
}

/* The file of a SPEC (or plain file name) joins the list of inputs. */
static int
note_file(ba_dataset_t *dataset, const char *spec)
{
    ba_spec_t parts;
    int status = BA_OK;

    if (!spec || strncmp(spec, "onsets:", strlen("onsets:")) == 0) {
        return BA_OK;
    }
    BA_TRY(ba_spec_parse(spec, &parts));
    dataset->other_files[dataset->n_other_files] = ba_strdup(parts.file);
    ba_spec_free(&parts);
    if (!dataset->other_files[dataset->n_other_files]) {
        return BA_NOMEM;
    }
    dataset->n_other_files++;
out:
    return status;
}

static int
note_files(const ba_dataset_opts_t *opts, ba_dataset_t *dataset)
{
    const char *const specs[] = {
        opts->mask, opts->runs, opts->run_table, opts->test_runs};
    size_t n = sizeof specs / sizeof *specs;
    int status = BA_OK;

    BA_TRY_ALLOC(dataset->other_files, ba_calloc(n, sizeof *dataset->other_files));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(note_file(dataset, specs[i]));
    }
out:
    return status;
}

/* The layers are the last of the feature spaces. */
static int
open_specs(const ba_ctx_t *ctx, const ba_dataset_opts_t *opts, ba_dataset_t *dataset)
{
    int status = BA_OK;
    ba_dataset_opts_t all = *opts;
    const char **features = NULL;
    char *layers = NULL;

    if (opts->layers) {
        BA_TRY_ALLOC(layers, ba_asprintf("layer=%s", opts->layers));
        BA_TRY_ALLOC(features, ba_malloc(opts->n_features + 1, sizeof *features));
        for (size_t i = 0; i < opts->n_features; i++) {
            features[i] = opts->features[i];
        }
        features[all.n_features++] = layers;
        all.features = features;
    }
    BA_TRY(ba_dataset_from_specs(ctx, &all, dataset));
out:
    ba_free(features);
    ba_free(layers);
    return status;
}

int
ba_dataset_open(const ba_ctx_t *ctx, const ba_dataset_opts_t *opts, ba_dataset_t **out)
{
    ba_dataset_t *dataset = NULL;
    int status;

    *out = NULL;
    if (opts->run_table &&
        (opts->n_features > 0 || opts->layers || opts->responses || opts->runs ||
            opts->nuisance || opts->n_test_features > 0 || opts->test_responses ||
            opts->test_runs)) {
        return ba_fail(BA_VALUE,
            "%s: a run table and single files of features, responses, runs or nuisance, "
            "wanted one or the other",
            opts->run_table);
    }
    if (opts->nuisance_columns && !opts->nuisance && !opts->run_table) {
        return ba_fail(BA_VALUE,
            "nuisance columns: '%s' of no nuisance table, wanted one",
            opts->nuisance_columns);
    }
    if (opts->by_run && !opts->run_table) {
        return ba_fail(BA_VALUE,
            "run table: none given, wanted one with the responses of "
            "each run");
    }
    BA_TRY_ALLOC(dataset, ba_calloc(1, sizeof *dataset));
    BA_TRY(opts->run_table ? ba_dataset_from_table(ctx, opts, dataset)
                           : open_specs(ctx, opts, dataset));
    if (opts->layers || opts->layer_size > 0) {
        BA_TRY(ba_dataset_split_layers(opts, dataset));
    }
    BA_TRY(note_files(opts, dataset));
    BA_TRY(check_part(dataset, &dataset->train));
    BA_TRY(open_image(ctx, opts->mask, dataset));
    if (dataset->test.n_samples > 0) {
        BA_TRY(check_test(dataset));
    }
    *out = dataset;
    dataset = NULL;
out:
    ba_dataset_free(dataset);
    return status;
}

static void
free_part(ba_dataset_part_t *part, size_t n_spaces)
{
    for (size_t i = 0; part->features && i < n_spaces; i++) {
        ba_source_close(part->features[i]);
    }
    for (size_t k = 0; k < part->runs.n_runs; k++) {
        ba_free(part->run_names ? part->run_names[k] : NULL);
        ba_free(part->run_stimuli ? part->run_stimuli[k] : NULL);
        ba_free(part->run_subjects ? part->run_subjects[k] : NULL);
    }
    for (size_t k = 0; part->run_responses && part->run_responses[k]; k++) {
        ba_source_close(part->run_responses[k]);
    }
    ba_free(part->features);
    ba_free(part->run_names);
    ba_free(part->run_stimuli);
    ba_free(part->run_subjects);
    ba_free(part->run_responses);
    ba_free(part->lacks_features);
    ba_source_close(part->responses);
    ba_source_close(part->nuisance);
    ba_runs_free(&part->runs);
}

void
ba_dataset_free(ba_dataset_t *dataset)
{
    if (!dataset) {
        return;
    }
    free_part(&dataset->train, dataset->n_spaces);
    free_part(&dataset->test, dataset->n_spaces);
    for (size_t i = 0; i < dataset->n_spaces; i++) {
        ba_free(dataset->space_names[i]);
    }
    ba_free(dataset->space_names);
    for (size_t i = 0; i < dataset->n_other_files; i++) {
        ba_free(dataset->other_files[i]);
    }
    ba_free(dataset->other_files);
    ba_image_free(dataset->image);
    ba_free(dataset);
}

const char *
ba_dataset_target_label(const ba_dataset_t *dataset, size_t target, char label[64])
{
    const ba_source_t *responses = dataset->train.responses;
    const char *name = responses ? ba_source_column_name(responses, target) : NULL;

    if (name) {
        size_t n = strlen(name);

        if (n > 63) {
            /* Never in the middle of a UTF-8 character, whose later bytes are 10xxxxxx.
             */
            for (n = 63; n > 0 && ((unsigned char) name[n] & 0xc0) == 0x80;) {
                n--;
            }
        }
        memcpy(label, name, n);
        label[n] = '\0';
        return label;
    }
    if (dataset->image && target < ba_image_n_voxels(dataset->image)) {
        int32_t at[3];

        ba_image_voxel(dataset->image, target, at);
        snprintf(label, 64, "%d,%d,%d", (int) at[0], (int) at[1], (int) at[2]);
        return label;
    }
    return NULL;
}

/* The first value that is not finite, by row and then by column. */
static int
check_finite(const ba_source_t *source, const char *space_name, const double *block,
    size_t row0, size_t n_rows, size_t ld)
{
    size_t n_cols = ba_source_n_cols(source), row = n_rows, column = 0;
    const char *label;

    for (size_t j = 0; j < n_cols; j++) {
        for (size_t i = 0; i < row; i++) {
            if (!isfinite(block[i + j * ld])) {
                row = i;
                column = j;
            }
        }
    }
    if (row == n_rows) {
        return BA_OK;
    }
    label = ba_source_column_name(source, column);
    return ba_fail(BA_NONFINITE,
        "%s: %g in row %zu, column %zu%s%s%s of features '%s' (counted from 0), wanted "
        "finite numbers",
        ba_source_name(source), block[row + column * ld], row0 + row, column,
        label ? " (" : "", label ? label : "", label ? ")" : "", space_name);
}

size_t
ba_dataset_block_rows(const ba_ctx_t *ctx, const ba_source_t *source)
{
    size_t n_rows = ba_source_n_rows(source), n_cols = ba_source_n_cols(source);
    size_t bytes = ba_ctx_memory(ctx) / 16, n;

    bytes = bytes < LEAST_BLOCK ? LEAST_BLOCK : bytes > MOST_BLOCK ? MOST_BLOCK : bytes;
    n = bytes / sizeof(double) / n_cols;
    return n < 1 ? 1 : n < n_rows ? n : n_rows;
}

static int
read_full(const ba_ctx_t *ctx, ba_source_t *source, const char *space_name, double *full)
{
    size_t n = ba_source_n_rows(source), n_cols = ba_source_n_cols(source);
    size_t step = ba_dataset_block_rows(ctx, source);
    int status = BA_OK;

    for (size_t row = 0; row < n; row += step) {
        size_t k = n - row < step ? n - row : step;

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_source_read(source, 0, row, k, 0, n_cols, full + row, n));
        BA_TRY(check_finite(source, space_name, full + row, row, k, n));
    }
out:
    return status;
}

static int
read_single(
    const ba_ctx_t *ctx, ba_source_t *source, const char *space_name, float *single)
{
    size_t n = ba_source_n_rows(source), n_cols = ba_source_n_cols(source);
    size_t step = ba_dataset_block_rows(ctx, source);
    double *block;
    int status = BA_OK;

    BA_TRY_ALLOC(block, ba_malloc(step * n_cols, sizeof *block));
    for (size_t row = 0; row < n; row += step) {
        size_t k = n - row < step ? n - row : step;

        BA_TRY(ba_ctx_check(ctx));
        BA_TRY(ba_source_read(source, 0, row, k, 0, n_cols, block, k));
        BA_TRY(check_finite(source, space_name, block, row, k, k));
        for (size_t j = 0; j < n_cols; j++) {
            for (size_t i = 0; i < k; i++) {
                single[row + i + j * n] = (float) block[i + j * k];
            }
        }
    }
out:
    ba_free(block);
    return status;
}

int
ba_dataset_read_features(const ba_ctx_t *ctx, ba_source_t *source, const char *space_name,
    float **single, double **full)
{
    int is_double = ba_source_is_double(source);
    size_t n;
    int status;

    *single = NULL;
    *full = NULL;
    BA_TRY(ba_multiply(ba_source_n_rows(source), ba_source_n_cols(source), &n));
    if (is_double) {
        BA_TRY_ALLOC(*full, ba_malloc(n, sizeof **full));
        BA_TRY(read_full(ctx, source, space_name, *full));
    } else {
        BA_TRY_ALLOC(*single, ba_malloc(n, sizeof **single));
        BA_TRY(read_single(ctx, source, space_name, *single));
    }
out:
    if (status != BA_OK) {
        ba_free(*single);
        ba_free(*full);
        *single = NULL;
        *full = NULL;
    }
    return status;
}
