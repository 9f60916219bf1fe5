/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times a banded fit: bench_bands SIZE FOLDER [CANDIDATES [grid|auto [ROUNDS [MEMORY_MB]]]].
 * The task is the one that himalaya can do too: three spaces, 5 contiguous folds, a
 * candidate and one of 10 alphas (1e0 .. 1e4) per target by mean squared error, no
 * scaling, no intercept, weights, float32. Prints seconds per phase, the mean of the best
 * inner score, and peak memory. */
#include "bench/bench_sizes.h"

#include "brainalign.h"
#include "core/alloc.h"
#include "core/resource.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define N_SPACES 3

static int
drop_weights(void *payload, int fold, size_t target0, size_t n, const double *weights)
{
    double *sum = payload;

    (void) fold;
    (void) target0;
    *sum += weights[0] + weights[n - 1];
    return BA_OK;
}

static void
report(
    const ba_fit_info_t *info, const ba_fit_result_t *result, double seconds, double cpu)
{
    double alpha = 0.0, score = 0.0;

    for (size_t t = 0; t < result->n_targets; t++) {
        double best = -INFINITY;

        for (size_t c = 0; c < result->n_candidates; c++) {
            best = fmax(best, result->band_scores[c * result->n_targets + t]);
        }
        score += best / (double) result->n_targets;
        alpha += log10(result->best_alphas[t]) / (double) result->n_targets;
    }
    printf(
        "fit %.2f s, CPU %.2f s: kernels %.2f, operators and solves %.2f, tiles %.2f\n",
        seconds, cpu, info->seconds_factor, info->seconds_operators, info->seconds_tiles);
    printf("%zu candidates, %zu factorisations; %s\n", info->n_candidates,
        info->n_factorisations, info->reason);
    printf("mean inner score %.6f, mean log10 alpha %.4f; peak memory %.0f MiB (planned "
           "%.0f MiB beside features)\n",
        score, alpha, (double) ba_peak_bytes() / 1048576,
        (double) info->bytes_planned / 1048576);
}

static int
run(const bench_size_t *size, const char *folder, size_t n_candidates, const char *alphas,
    size_t n_rounds, size_t memory)
{
    int status = BA_OK;
    ba_ctx_t ctx = ba_ctx_default();
    ba_source_t *x = NULL, *y = NULL;
    ba_runs_t runs = {0};
    ba_space_t spaces[N_SPACES];
    ba_design_t *design = NULL;
    ba_fit_opts_t opts = ba_fit_opts_default();
    ba_fit_data_t data = {0};
    ba_fit_result_t result = {0};
    ba_fit_info_t info;
    float *single = NULL;
    double *full = NULL, *gammas = NULL, sum = 0.0, start;
    ba_fit_sink_t sink = {.payload = &sum, .weights = drop_weights};
    clock_t clock_start;
    char spec[4096];

    ctx.memory = memory;
    snprintf(spec, sizeof spec, "%s/X.npy", folder);
    BA_TRY(ba_source_open(&ctx, spec, NULL, &x));
    snprintf(spec, sizeof spec, "%s/Y.npy", folder);
    BA_TRY(ba_source_open(&ctx, spec, NULL, &y));
    BA_TRY(ba_runs_one(size->n_samples, &runs));
    BA_TRY(ba_dataset_read_features(&ctx, x, "X", &single, &full));
    start = ba_seconds();
    clock_start = clock();
    for (size_t k = 0; k < N_SPACES; k++) {
        size_t n = size->n_features / N_SPACES;

        spaces[k] = (ba_space_t){"X", single + k * n * size->n_samples, NULL, n,
            size->delays, size->n_delays, 0};
    }
    BA_TRY(ba_design_new(spaces, N_SPACES, &runs, BA_DELAY_WITHIN_RUNS, &design));
    BA_TRY_ALLOC(gammas, ba_malloc(n_candidates, N_SPACES * sizeof *gammas));
    BA_TRY(ba_bands_sample(n_candidates, N_SPACES, 0, gammas));
    data = (ba_fit_data_t){.design = design, .runs = &runs, .targets = y};
    opts.scale_features = opts.scale_targets = BA_SCALE_NONE;
    opts.intercept = 0;
    opts.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 5};
    opts.outer_cv.kind = BA_CV_NONE;
    opts.bands = (ba_bands_t){.gammas = gammas,
        .n_candidates = n_candidates,
        .n_spaces = N_SPACES,
        .n_rounds = n_rounds};
    opts.want_weights = opts.want_cv = 1;
    BA_TRY(ba_alphas_parse(alphas, &opts.alphas));
    BA_TRY(ba_fit_run(&ctx, &data, &opts, &sink, &result, &info));
    report(&info, &result, ba_seconds() - start,
        (double) (clock() - clock_start) / CLOCKS_PER_SEC);
out:
    ba_fit_result_free(&result);
    ba_alphas_free(&opts.alphas);
    ba_design_free(design);
    ba_runs_free(&runs);
    ba_source_close(x);
    ba_source_close(y);
    ba_free(gammas);
    free(single);
    free(full);
    return status;
}

int
main(int argc, char **argv)
{
    const bench_size_t *size = argc >= 3 ? bench_size(argv[1]) : NULL;
    size_t n_candidates = argc >= 4 ? (size_t) strtoul(argv[3], NULL, 10) : 100;
    const char *alphas =
        argc >= 5 && strcmp(argv[4], "auto") == 0 ? "auto" : "log:0,4,10";
    size_t n_rounds = argc >= 6 ? (size_t) strtoul(argv[5], NULL, 10) : 0;
    size_t memory = argc >= 7 ? (size_t) strtoul(argv[6], NULL, 10) << 20 : 0;

    if (!size || size->n_spaces != N_SPACES) {
        fprintf(stderr, "usage: bench_bands B|b FOLDER [CANDIDATES [grid|auto [ROUNDS "
                        "[MEMORY_MB]]]]\n");
        return 2;
    }
    printf("size %s (n %zu, p 3 x %zu, v %zu), %zu candidates, %s alphas, %zu rounds, "
           "float32, BLAS core %s\n",
        size->name, size->n_samples, size->n_features / N_SPACES * size->n_delays,
        size->n_targets, n_candidates, strcmp(alphas, "auto") == 0 ? "auto" : "10",
        n_rounds, ba_version_blas_core());
    if (run(size, argv[2], n_candidates, alphas, n_rounds, memory) != BA_OK) {
        fprintf(stderr, "bench_bands: %s\n", ba_error_message());
        return 1;
    }
    return 0;
}
