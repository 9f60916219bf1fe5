/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/demo.h"

#include "brainalign/bundle.h"
#include "brainalign/encoder.h"
#include "brainalign/error.h"
#include "brainalign/source.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int
demo_make_folder(const char *folder)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return ba_fail(BA_IO, "%s: cannot make the folder: %s", folder, strerror(errno));
    }
    return BA_OK;
}

static void *
allocate(size_t n, size_t size)
{
    void *block = calloc(n > 0 ? n : 1, size);

    if (!block) {
        ba_fail(BA_NOMEM, "demo: out of memory");
    }
    return block;
}

/* Mean over the voxels of each region, NaN skipped. */
static int
means_by_region(const demo_study_t *study, const double *values, double *means)
{
    size_t *counts = allocate(study->n_regions, sizeof *counts);

    if (!counts) {
        return BA_NOMEM;
    }
    memset(means, 0, study->n_regions * sizeof *means);
    for (size_t v = 0; v < study->n_voxels; v++) {
        if (isfinite(values[v])) {
            means[study->region[v]] += values[v];
            counts[study->region[v]]++;
        }
    }
    for (size_t k = 0; k < study->n_regions; k++) {
        means[k] = counts[k] > 0 ? means[k] / (double) counts[k] : (double) NAN;
    }
    free(counts);
    return BA_OK;
}

static int
read_truth(const ba_bundle_t *truth, demo_study_t *study)
{
    size_t dims[BA_MAX_RANK];
    double *expected = NULL;
    int64_t n_layers;
    int rank, status;

    BA_TRY(ba_bundle_get_i64(truth, "/", "n_layers", 1, &n_layers, NULL));
    BA_TRY(ba_bundle_get_f64(truth, "/", "tr", 1, &study->tr, NULL));
    BA_TRY(ba_bundle_read_strings(
        truth, "/rois/name", &study->n_regions, &study->region_names));
    BA_TRY(ba_bundle_shape(truth, "/roi", &rank, dims));
    study->n_layers = (size_t) n_layers;
    study->n_voxels = dims[0];
    study->region_layer = allocate(study->n_regions, sizeof *study->region_layer);
    study->region = allocate(study->n_voxels, sizeof *study->region);
    study->expected_r = allocate(study->n_regions, sizeof *study->expected_r);
    expected = allocate(study->n_voxels, sizeof *expected);
    if (!study->region_layer || !study->region || !study->expected_r || !expected) {
        status = BA_NOMEM;
        goto out;
    }
    BA_TRY(ba_bundle_read(truth, "/rois/layer", BA_I32, NULL, NULL, study->region_layer));
    BA_TRY(ba_bundle_read(truth, "/roi", BA_I32, NULL, NULL, study->region));
    BA_TRY(ba_bundle_read(truth, "/expected_r", BA_F64, NULL, NULL, expected));
    BA_TRY(means_by_region(study, expected, study->expected_r));
out:
    free(expected);
    return status;
}

int
demo_study_load(const char *folder, demo_study_t *study)
{
    char path[DEMO_PATH];
    ba_bundle_t *truth = NULL;
    int status;

    snprintf(path, sizeof path, "%s/study/truth.h5", folder);
    BA_TRY(ba_bundle_open(path, "brainalign-study-truth", &truth));
    BA_TRY(read_truth(truth, study));
out:
    ba_bundle_free(truth);
    return status;
}

void
demo_study_free(demo_study_t *study)
{
    free(study->region_names);
    free(study->region_layer);
    free(study->region);
    free(study->expected_r);
}

/* Rows moved up by the length of a run, the first run's to the end: all runs are equally
 * long. */
static int
rotate(const ba_ctx_t *ctx, const char *folder, ba_bundle_t *bundle)
{
    char responses[DEMO_PATH];
    ba_source_t *source = NULL;
    double *column = NULL;
    float *rows = NULL;
    size_t n, v, shift;
    int64_t run_length;
    ba_bundle_t *truth = NULL;
    int status;

    snprintf(responses, sizeof responses, "%s/study/truth.h5", folder);
    BA_TRY(ba_bundle_open(responses, "brainalign-study-truth", &truth));
    BA_TRY(ba_bundle_get_i64(truth, "/", "run_length", 1, &run_length, NULL));
    snprintf(responses, sizeof responses, "%s/study/study.h5:/responses", folder);
    BA_TRY(ba_source_open(ctx, responses, NULL, &source));
    n = ba_source_n_rows(source);
    v = ba_source_n_cols(source);
    shift = (size_t) run_length;
    column = allocate(n * v, sizeof *column);
    rows = allocate(n * v, sizeof *rows);
    if (!column || !rows) {
        status = BA_NOMEM;
        goto out;
    }
    BA_TRY(ba_source_read(source, 0, 0, n, 0, v, column, n));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < v; j++) {
            rows[i * v + j] = (float) column[(i + shift) % n + j * n];
        }
    }
    BA_TRY(ba_bundle_write(bundle, "/responses", BA_F32, 2, (size_t[]){n, v}, rows));
out:
    ba_source_close(source);
    ba_bundle_free(truth);
    free(column);
    free(rows);
    return status;
}

int
demo_write_control(const ba_ctx_t *ctx, const char *folder, int force)
{
    char path[DEMO_PATH];
    ba_bundle_t *bundle = NULL;
    int status;

    snprintf(path, sizeof path, "%s/control.h5", folder);
    BA_TRY(ba_bundle_create(path, force, &bundle));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-control"));
    BA_TRY(rotate(ctx, folder, bundle));
    BA_TRY(ba_bundle_commit(bundle));
out:
    ba_bundle_free(bundle);
    return status;
}

int
demo_region_means(const demo_study_t *study, const char *encoder, double *means)
{
    ba_bundle_t *bundle = NULL;
    double *r = NULL;
    int status;

    r = allocate(study->n_voxels, sizeof *r);
    if (!r) {
        return BA_NOMEM;
    }
    BA_TRY(ba_bundle_open(encoder, BA_ENCODER_FORMAT, &bundle));
    BA_TRY(ba_bundle_read(bundle, "/scores/r", BA_F64, NULL, NULL, r));
    BA_TRY(means_by_region(study, r, means));
out:
    ba_bundle_free(bundle);
    free(r);
    return status;
}
