/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes benchmark data: bench_make SIZE FOLDER writes X.npy (n x features, undelayed) and
 * Y.npy (n x targets) in float32, or Y.h5 for L. Features: first-order autoregressive
 * (0.5) with a power-law spectrum over a random basis, z-scored. Responses: delayed
 * features times random weights plus white noise, signal-to-noise ratios spread evenly
 * over 0 .. 3 between targets. Seeds are fixed. */
#include "bench/bench_sizes.h"

#include "brainalign/bundle.h"
#include "core/alloc.h"
#include "core/rng.h"
#include "linalg/blas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Targets made at a time. */
#define BLOCK 1000

static FILE *
open_npy(const char *folder, const char *name, size_t n_rows, size_t n_cols)
{
    char path[4096], header[128];
    FILE *file;
    int used;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "wb");
    if (!file) {
        return NULL;
    }
    used = snprintf(header, sizeof header,
        "{'descr': '<f4', 'fortran_order': True, 'shape': (%zu, %zu), }", n_rows, n_cols);
    memset(header + used, ' ', sizeof header - (size_t) used);
    header[117] = '\n';
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file);
    fwrite(header, 1, 118, file);
    return file;
}

static int
write_columns(FILE *file, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float value = (float) x[i];

        if (fwrite(&value, sizeof value, 1, file) != 1) {
            return ba_fail(BA_IO, "bench: cannot write");
        }
    }
    return BA_OK;
}

static void
standardise(double *x, size_t n, size_t n_cols)
{
    for (size_t j = 0; j < n_cols; j++) {
        double mean = 0.0, squares = 0.0;

        for (size_t i = 0; i < n; i++) {
            mean += x[i + j * n] / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            x[i + j * n] -= mean;
            squares += x[i + j * n] * x[i + j * n];
        }
        for (size_t i = 0; i < n; i++) {
            x[i + j * n] /= sqrt(squares / (double) n);
        }
    }
}

/* z (n x f) of independent autoregressive series with scales j^-0.5, mixed by a random
 * square matrix. */
static int
make_features(const bench_size_t *size, double **out)
{
    int status = BA_OK;
    size_t n = size->n_samples, f = size->n_features;
    ba_rng_t *rng = NULL;
    double *z = NULL, *mix = NULL, *x = NULL;

    BA_TRY_ALLOC(rng, ba_rng_new(1, 0));
    BA_TRY_ALLOC(z, ba_malloc(n, f * sizeof *z));
    BA_TRY_ALLOC(mix, ba_malloc(f, f * sizeof *mix));
    BA_TRY_ALLOC(x, ba_malloc(n, f * sizeof *x));
    for (size_t j = 0; j < f; j++) {
        double state = 0.0;

        for (size_t i = 0; i < n; i++) {
            state = 0.5 * state + ba_rng_normal(rng);
            z[i + j * n] = state / sqrt((double) (j + 1));
        }
    }
    for (size_t i = 0; i < f * f; i++) {
        mix[i] = ba_rng_normal(rng);
    }
    ba_gemm_tiled(NULL, 1.0, BA_KEEP, ba_cdmat(z, n, f, n), BA_KEEP,
        ba_cdmat(mix, f, f, f), 0.0, ba_dmat(x, n, f, n));
    standardise(x, n, f);
    *out = x;
    x = NULL;
out:
    ba_rng_free(rng);
    ba_free(z);
    ba_free(mix);
    ba_free(x);
    return status;
}

/* Every target follows the spaces to a different degree, from hardly at all to fully. */
static double
share_of_space(const bench_size_t *size, size_t block, size_t target, size_t feature)
{
    size_t space = size->n_spaces > 0 ? feature * size->n_spaces / size->n_features : 0;
    size_t level = (target + block) / (size_t) pow(4.0, (double) space) % 4;

    return size->n_spaces > 0 ? pow(10.0, -0.5 * (double) level) : 1.0;
}

/* One block of responses from the features at the delays of the size. */
static int
make_block(const bench_size_t *size, const double *x, size_t block, size_t width,
    double *weights, double *delayed, double *y)
{
    int status = BA_OK;
    size_t n = size->n_samples, f = size->n_features;
    ba_rng_t *rng = NULL;

    BA_TRY_ALLOC(rng, ba_rng_new(2, block));
    memset(y, 0, n * width * sizeof *y);
    for (size_t d = 0; d < size->n_delays; d++) {
        size_t delay = (size_t) size->delays[d];

        for (size_t j = 0; j < f; j++) {
            memset(delayed + j * n, 0, delay * sizeof *delayed);
            memcpy(delayed + j * n + delay, x + j * n, (n - delay) * sizeof *delayed);
        }
        for (size_t i = 0; i < f * width; i++) {
            weights[i] = ba_rng_normal(rng) * share_of_space(size, block, i / f, i % f);
        }
        ba_gemm_tiled(NULL, 1.0, BA_KEEP, ba_cdmat(delayed, n, f, n), BA_KEEP,
            ba_cdmat(weights, f, width, f), 1.0, ba_dmat(y, n, width, n));
    }
    standardise(y, n, width);
    for (size_t j = 0; j < width; j++) {
        double ratio = 3.0 * ba_rng_uniform(rng) * ba_rng_uniform(rng);

        for (size_t i = 0; i < n; i++) {
            y[i + j * n] = ratio * y[i + j * n] + ba_rng_normal(rng);
        }
    }
    standardise(y, n, width);
out:
    ba_rng_free(rng);
    return status;
}

static int
send_hdf5(ba_sink_t *sink, const double *y, size_t n, size_t first, size_t width)
{
    int status = BA_OK;
    float *rows = NULL;

    BA_TRY_ALLOC(rows, ba_malloc(n, width * sizeof *rows));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < width; j++) {
            rows[i * width + j] = (float) y[i + j * n];
        }
    }
    BA_TRY(ba_sink_write(sink, (size_t[]){0, first}, (size_t[]){n, width}, rows));
out:
    ba_free(rows);
    return status;
}

static int
make_responses(const bench_size_t *size, const double *x, const char *folder)
{
    int status = BA_OK;
    size_t n = size->n_samples, f = size->n_features, v = size->n_targets;
    char path[4096];
    FILE *file = NULL;
    ba_bundle_t *bundle = NULL;
    ba_sink_t *sink = NULL;
    double *weights = NULL, *delayed = NULL, *y = NULL;

    BA_TRY_ALLOC(weights, ba_malloc(f, BLOCK * sizeof *weights));
    BA_TRY_ALLOC(delayed, ba_malloc(n, f * sizeof *delayed));
    BA_TRY_ALLOC(y, ba_malloc(n, BLOCK * sizeof *y));
    if (size->hdf5) {
        snprintf(path, sizeof path, "%s/Y.h5", folder);
        BA_TRY(ba_bundle_create(path, 1, &bundle));
        BA_TRY(ba_bundle_reserve(bundle, "/Y", BA_F32, 2, (size_t[]){n, v}, &sink));
    } else if (!(file = open_npy(folder, "Y.npy", n, v))) {
        BA_TRY(ba_fail(BA_IO, "%s: cannot write there", folder));
    }
    for (size_t first = 0; first < v; first += BLOCK) {
        size_t width = v - first < BLOCK ? v - first : BLOCK;

        BA_TRY(make_block(size, x, first / BLOCK, width, weights, delayed, y));
        BA_TRY(sink ? send_hdf5(sink, y, n, first, width)
                    : write_columns(file, y, n * width));
    }
    if (bundle) {
        BA_TRY(ba_bundle_commit(bundle));
    }
out:
    if (file && fclose(file) != 0 && status == BA_OK) {
        status = ba_fail(BA_IO, "%s: cannot write", folder);
    }
    ba_bundle_free(bundle);
    ba_free(weights);
    ba_free(delayed);
    ba_free(y);
    return status;
}

int
main(int argc, char **argv)
{
    int status = BA_OK;
    const bench_size_t *size = argc == 3 ? bench_size(argv[1]) : NULL;
    double *x = NULL;
    FILE *file = NULL;

    if (!size) {
        fprintf(stderr, "usage: bench_make S|M|T|L FOLDER\n");
        return 2;
    }
    ba_blas_single_thread();
    BA_TRY(make_features(size, &x));
    file = open_npy(argv[2], "X.npy", size->n_samples, size->n_features);
    if (!file) {
        BA_TRY(ba_fail(BA_IO, "%s: cannot write there", argv[2]));
    }
    BA_TRY(write_columns(file, x, size->n_samples * size->n_features));
    BA_TRY(make_responses(size, x, argv[2]));
out:
    if (file) {
        fclose(file);
    }
    ba_free(x);
    if (status != BA_OK) {
        fprintf(stderr, "bench_make: %s\n", ba_error_message());
    }
    return status == BA_OK ? 0 : 1;
}
