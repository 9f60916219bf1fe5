/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times decode fit, strict scaling in every fold: bench_decode FOLDER SAMPLES VOXELS DIMS
 * FOLDS [REPEATS]. Responses and features are made in FOLDER (X.npy, Y.npy, float32) where
 * they are not there: a latent signal of 20 dimensions in white noise, so that peers read
 * the same files. 10 alphas (1e0 .. 1e6), one per dimension, 5 inner folds. Prints for
 * every repeat seconds of the whole command (opening, reading, writing), of the fit in it
 * by phase, and CPU seconds. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/resource.h"
#include "core/rng.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LATENT 20

static FILE *
open_npy(const char *path, size_t n_rows, size_t n_cols)
{
    char header[128];
    FILE *file = fopen(path, "wb");
    int used;

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

/* latent (n x LATENT) times random weights plus three times as much noise. */
static int
make_file(ba_rng_t *rng, const double *latent, size_t n, size_t n_cols, const char *path)
{
    int status = BA_OK;
    FILE *file = open_npy(path, n, n_cols);
    float *column = NULL;

    if (!file) {
        return ba_fail(BA_IO, "%s: cannot write", path);
    }
    BA_TRY_ALLOC(column, ba_malloc(n, sizeof *column));
    for (size_t j = 0; j < n_cols; j++) {
        double weight[LATENT];

        for (size_t k = 0; k < LATENT; k++) {
            weight[k] = ba_rng_normal(rng);
        }
        for (size_t i = 0; i < n; i++) {
            double sum = 3 * ba_rng_normal(rng);

            for (size_t k = 0; k < LATENT; k++) {
                sum += latent[i + k * n] * weight[k];
            }
            column[i] = (float) sum;
        }
        if (fwrite(column, sizeof *column, n, file) != n) {
            BA_TRY(ba_fail(BA_IO, "%s: cannot write", path));
        }
    }
out:
    ba_free(column);
    fclose(file);
    return status;
}

static int
exists(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (file) {
        fclose(file);
    }
    return file != NULL;
}

static int
make_data(size_t n, size_t v, size_t d, const char *x_path, const char *y_path)
{
    int status = BA_OK;
    ba_rng_t *rng = NULL;
    double *latent = NULL;

    if (exists(x_path) && exists(y_path)) {
        return BA_OK;
    }
    BA_TRY_ALLOC(rng, ba_rng_new(1, 0));
    BA_TRY_ALLOC(latent, ba_malloc(n, LATENT * sizeof *latent));
    for (size_t i = 0; i < n * LATENT; i++) {
        latent[i] = ba_rng_normal(rng);
    }
    BA_TRY(make_file(rng, latent, n, v, x_path));
    BA_TRY(make_file(rng, latent, n, d, y_path));
out:
    ba_rng_free(rng);
    ba_free(latent);
    return status;
}

static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static int
time_fit(const char *x_path, const char *y_path, const char *output, size_t n_folds)
{
    int status;
    const ba_ctx_t ctx = ba_ctx_default();
    const char *features[] = {y_path};
    ba_dataset_opts_t data = {.responses = x_path, .features = features, .n_features = 1};
    ba_decode_fit_opts_t opts = ba_decode_fit_opts_default();
    ba_decode_fit_info_t info;
    ba_dataset_t *dataset = NULL;
    double start = ba_seconds(), cpu = cpu_seconds();

    opts.response_delays = "0";
    opts.output = output;
    opts.force = 1;
    opts.fit.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 5};
    opts.fit.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = n_folds};
    BA_TRY(ba_alphas_parse("log:0,6,10", &opts.fit.alphas));
    BA_TRY(ba_dataset_open(&ctx, &data, &dataset));
    BA_TRY(ba_decode_fit(&ctx, dataset, &opts, &info));
    printf("decode fit %.3f s (CPU %.3f s): factorise %.3f, operators %.3f, tiles %.3f; "
           "mean r %.4f; peak memory %.0f MiB\n",
        ba_seconds() - start, cpu_seconds() - cpu, info.fit.seconds_factor,
        info.fit.seconds_operators, info.fit.seconds_tiles, info.mean_r,
        (double) ba_peak_bytes() / 1048576);
out:
    ba_alphas_free(&opts.fit.alphas);
    ba_dataset_free(dataset);
    return status;
}

int
main(int argc, char **argv)
{
    size_t sizes[5] = {180, 20000, 300, 10, 3};
    char x_path[4096], y_path[4096], output[4096];
    int status = BA_OK;

#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 8 << 20); /* as the program does */
#endif
    if (argc < 6) {
        fprintf(stderr, "usage: bench_decode FOLDER SAMPLES VOXELS DIMS FOLDS "
                        "[REPEATS]\n");
        return 2;
    }
    for (int i = 2; i < argc && i < 7; i++) {
        sizes[i - 2] = strtoul(argv[i], NULL, 10);
    }
    snprintf(x_path, sizeof x_path, "%s/X.npy", argv[1]);
    snprintf(y_path, sizeof y_path, "%s/Y.npy", argv[1]);
    snprintf(output, sizeof output, "%s/decoder.h5", argv[1]);
    BA_TRY(make_data(sizes[0], sizes[1], sizes[2], x_path, y_path));
    printf("n %zu, v %zu, d %zu, %zu folds, BLAS core %s\n", sizes[0], sizes[1], sizes[2],
        sizes[3], ba_version_blas_core());
    for (size_t i = 0; i < sizes[4]; i++) {
        BA_TRY(time_fit(x_path, y_path, output, sizes[3]));
    }
    remove(output);
out:
    if (status != BA_OK) {
        fprintf(stderr, "bench_decode: %s\n", ba_error_message());
    }
    return status != BA_OK;
}
