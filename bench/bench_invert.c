/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times the noise model of many voxels: bench_invert [VOXELS [ROWS [FEATURES
 * [THREADS]]]]. Random residuals and weights; shrunk covariance with a given share, the
 * statistics of one response (log det, W Sigma^-1 W', W Sigma^-1 y), the posterior.
 * Prints seconds and peak memory; what it holds itself is ROWS + FEATURES + 1 numbers a
 * voxel. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/resource.h"

#include <stdio.h>
#include <stdlib.h>

/* Any numbers do: uniform ones of variance 1. */
static void
fill(double *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        x[i] = ((double) (seed >> 11) * 0x1p-53 - 0.5) * 3.4641016151377544;
    }
}

static int
run(size_t v, size_t n, size_t p, int threads)
{
    int status = BA_OK;
    ba_ctx_t ctx = ba_ctx_default();
    ba_noise_t *noise = NULL;
    ba_inversion_t inversion = {.n_features = 0};
    ba_prior_t prior = {.n_features = 0};
    ba_posterior_t posterior = {NULL, NULL, NULL, NULL};
    double *residuals = NULL, *weights = NULL, *y = NULL, *identity = NULL, start, made;

    ctx.n_threads = threads;
    BA_TRY_ALLOC(residuals, ba_malloc(v, n * sizeof *residuals));
    BA_TRY_ALLOC(weights, ba_malloc(v, p * sizeof *weights));
    BA_TRY_ALLOC(y, ba_malloc(v, sizeof *y));
    BA_TRY_ALLOC(identity, ba_calloc(p, p * sizeof *identity));
    fill(residuals, v * n, 1);
    fill(weights, v * p, 2);
    fill(y, v, 3);
    for (size_t i = 0; i < p; i++) {
        identity[i + i * p] = 1.0;
    }
    start = ba_seconds();
    BA_TRY(ba_noise_new(&ctx, (ba_cdmat_t){residuals, n, v, n},
        &(ba_noise_opts_t){.share = 2.0 / 3.0}, &noise));
    BA_TRY(ba_inversion_make(&ctx, noise, (ba_cdmat_t){weights, p, v, p},
        (ba_cdmat_t){y, 1, v, 1}, &inversion));
    made = ba_seconds();
    BA_TRY(ba_prior_from_covariance(&ctx, NULL, (ba_cdmat_t){identity, p, p, p}, &prior));
    BA_TRY(
        ba_posterior_make(&ctx, &inversion, &prior, BA_POSTERIOR_VARIANCE, &posterior));
    printf("%zu voxels, %zu rows, %zu features, %d threads: noise and statistics %.2f s, "
           "posterior %.2f s; log det %.6e, log evidence %.6e; peak memory %.0f MiB\n",
        v, n, p, ba_ctx_threads(&ctx), made - start, ba_seconds() - made,
        inversion.logdet, posterior.evidence[0], (double) ba_peak_bytes() / 1048576);
out:
    ba_posterior_free(&posterior);
    ba_prior_free(&prior);
    ba_inversion_free(&inversion);
    ba_noise_free(noise);
    ba_free(residuals);
    ba_free(weights);
    ba_free(y);
    ba_free(identity);
    return status;
}

int
main(int argc, char **argv)
{
    size_t v = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;
    size_t p = argc > 3 ? strtoul(argv[3], NULL, 10) : 1024;
    int threads = argc > 4 ? atoi(argv[4]) : 0;

    if (run(v, n, p, threads) != BA_OK) {
        fprintf(stderr, "%s\n", ba_error_message());
        return 1;
    }
    return 0;
}
