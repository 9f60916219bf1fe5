/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times one fit: bench_fit SIZE FOLDER [grid|auto] [single|double] [MEMORY_MB]. The task
 * is the one that peers can do too: 5 contiguous folds, one alpha per target by mean
 * squared error out of 10 (1e0 .. 1e4), no scaling, no intercept, weights. Prints seconds
 * per phase, GFLOP/s as a share of the machine's own sgemm in the same run, and peak
 * memory. */
#include "bench/bench_sizes.h"

#include "brainalign.h"
#include "core/alloc.h"
#include "core/resource.h"
#include "linalg/blas.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

/* GFLOP/s of one single-threaded sgemm per thread, all threads at once: what the tile
 * loop could reach at best. */
static double
sgemm_peak(int n_threads)
{
    size_t n = 1536;
    float *data = ba_calloc((size_t) n_threads * 3 * n, n * sizeof *data);
    double start, best = 0.0;

    for (int repeat = 0; data && repeat < 3; repeat++) {
        start = ba_seconds();
#pragma omp parallel num_threads(n_threads)
        {
            float *own = data + (size_t) omp_get_thread_num() * 3 * n * n;

            ba_gemm_f32(1, BA_KEEP, ba_cmat(own, n, n, n), BA_KEEP,
                ba_cmat(own + n * n, n, n, n), 0, ba_mat(own + 2 * n * n, n, n, n));
        }
        best = fmax(best,
            2e-9 * (double) n_threads * (double) (n * n * n) / (ba_seconds() - start));
    }
    ba_free(data);
    return best;
}

static int
drop_weights(void *payload, int fold, size_t target0, size_t n, const double *weights)
{
    double *sum = payload;

    (void) fold;
    (void) target0;
    *sum += weights[0] + weights[n - 1];
    return BA_OK;
}

static int
open_data(const ba_ctx_t *ctx, const bench_size_t *size, const char *folder,
    ba_source_t **x, ba_source_t **y)
{
    int status = BA_OK;
    char spec[4096];

    snprintf(spec, sizeof spec, "%s/X.npy", folder);
    BA_TRY(ba_source_open(ctx, spec, NULL, x));
    snprintf(spec, sizeof spec, size->hdf5 ? "%s/Y.h5:/Y" : "%s/Y.npy", folder);
    BA_TRY(ba_source_open(ctx, spec, NULL, y));
out:
    return status;
}

static void
report(
    const ba_fit_info_t *info, const ba_fit_result_t *result, double seconds, double peak)
{
    double rate = info->flops_tiles / info->seconds_tiles / 1e9;
    double alpha = 0.0;

    for (size_t t = 0; t < result->n_targets; t++) {
        alpha += log10(result->best_alphas[t]) / (double) result->n_targets;
    }
    printf("fit %.2f s: factorise %.2f, operators %.2f, tiles %.2f (reading %.2f)\n",
        seconds, info->seconds_factor, info->seconds_operators, info->seconds_tiles,
        info->seconds_read);
    printf("tiles %.1f GFLOP/s, %.0f %% of sgemm's %.1f; %s\n", rate, 100 * rate / peak,
        peak, info->reason);
    printf("peak memory %.0f MiB (planned %.0f MiB beside features); mean log10 alpha "
           "%.4f\n",
        (double) ba_peak_bytes() / 1048576, (double) info->bytes_planned / 1048576,
        alpha);
}

static int
run(const bench_size_t *size, const char *folder, const char *alphas, int is_double,
    size_t memory)
{
    int status = BA_OK;
    ba_ctx_t ctx = ba_ctx_default();
    ba_source_t *x = NULL, *y = NULL;
    ba_runs_t runs = {0};
    ba_space_t space = {
        "X", NULL, NULL, size->n_features, size->delays, size->n_delays, 0};
    ba_design_t *design = NULL;
    ba_fit_opts_t opts = ba_fit_opts_default();
    ba_fit_data_t data = {0};
    ba_fit_result_t result = {0};
    ba_fit_info_t info;
    float *single = NULL;
    double *full = NULL, sum = 0.0, start, peak = sgemm_peak(ba_ctx_threads(&ctx));
    ba_fit_sink_t sink = {.payload = &sum, .weights = drop_weights};

    ctx.memory = memory;
    BA_TRY(open_data(&ctx, size, folder, &x, &y));
    BA_TRY(ba_runs_one(size->n_samples, &runs));
    BA_TRY(ba_dataset_read_features(&ctx, x, "X", &single, &full));
    start = ba_seconds();
    space.single = single;
    space.full = full;
    BA_TRY(ba_design_new(&space, 1, &runs, BA_DELAY_WITHIN_RUNS, &design));
    data = (ba_fit_data_t){.design = design, .runs = &runs, .targets = y};
    opts.scale_features = opts.scale_targets = BA_SCALE_NONE;
    opts.intercept = 0;
    opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 5};
    opts.outer_cv.kind = BA_CV_NONE;
    opts.precision = is_double ? BA_DOUBLE : BA_SINGLE;
    opts.want_weights = 1;
    BA_TRY(ba_alphas_parse(alphas, &opts.alphas));
    BA_TRY(ba_fit_run(&ctx, &data, &opts, &sink, &result, &info));
    report(&info, &result, ba_seconds() - start, peak);
out:
    ba_fit_result_free(&result);
    ba_alphas_free(&opts.alphas);
    ba_design_free(design);
    ba_runs_free(&runs);
    ba_source_close(x);
    ba_source_close(y);
    free(single);
    free(full);
    return status;
}

int
main(int argc, char **argv)
{
    const bench_size_t *size = argc >= 3 ? bench_size(argv[1]) : NULL;
    const char *alphas =
        argc >= 4 && strcmp(argv[3], "auto") == 0 ? "auto" : "log:0,4,10";
    int is_double = argc >= 5 && strcmp(argv[4], "double") == 0;
    size_t memory = argc >= 6 ? (size_t) strtoul(argv[5], NULL, 10) << 20 : 0;

#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 8 << 20); /* as the program does */
#endif
    if (!size) {
        fprintf(stderr, "usage: bench_fit S|M|T|L|W FOLDER [grid|auto] [single|double] "
                        "[MEMORY_MB]\n");
        return 2;
    }
    printf("size %s (n %zu, p %zu, v %zu), %s alphas, %s, BLAS core %s\n", size->name,
        size->n_samples, size->n_features * size->n_delays, size->n_targets,
        strcmp(alphas, "auto") == 0 ? "auto" : "10", is_double ? "float64" : "float32",
        ba_version_blas_core());
    if (run(size, argv[2], alphas, is_double, memory) != BA_OK) {
        fprintf(stderr, "bench_fit: %s\n", ba_error_message());
        return 1;
    }
    return 0;
}
