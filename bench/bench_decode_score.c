/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times the scores of decoding: bench_decode_score [ITEMS [PERMUTATIONS [DIMS]]], 1,000,
 * 1,000 and 300 by default, on random numbers. Prints the seconds of the similarity
 * matrix, of all scores, and of their permutation test. */
#include "brainalign.h"
#include "core/alloc.h"
#include "core/resource.h"

#include <stdio.h>
#include <stdlib.h>

static void
fill(double *x, size_t n, uint64_t state)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = 0;
        for (int k = 0; k < 4; k++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            x[i] += (double) (state >> 11) * 0x1p-53 - 0.5;
        }
    }
}

static int
time_scores(const ba_ctx_t *ctx, const ba_identification_t *problem,
    const ba_identify_opts_t *opts, const char *what)
{
    int status;
    ba_identified_t found = {0};
    double start = ba_seconds();

    BA_TRY(ba_identify(ctx, problem, opts, &found));
    printf("%-24s %8.3f s   2v2 %.4f, p %.4g, null sd %.5f\n", what, ba_seconds() - start,
        found.sum.value, found.sum.p, found.sum.null_sd);
out:
    ba_identified_free(&found);
    return status;
}

static int
run(size_t n, size_t n_permutations, size_t n_dims)
{
    static const size_t top[] = {1, 5, 10}, gallery[] = {2, 5, 10, 20, 50};
    ba_ctx_t ctx = ba_ctx_default();
    double *p = NULL, *t = NULL, *s = NULL, start;
    ba_exchange_opts_t exchange_opts = {.n_permutations = n_permutations};
    ba_identification_t problem = {.tie = 1e-12};
    ba_identify_opts_t opts = {
        .top = top, .n_top = 3, .gallery = gallery, .n_gallery = n < 50 ? 1 : 5};
    int status;

    BA_TRY_ALLOC(p, ba_malloc(n, n_dims * sizeof *p));
    BA_TRY_ALLOC(t, ba_malloc(n, n_dims * sizeof *t));
    BA_TRY_ALLOC(s, ba_malloc(n, n * sizeof *s));
    fill(p, n * n_dims, 1);
    fill(t, n * n_dims, 2);
    start = ba_seconds();
    BA_TRY(ba_similarity(&ctx, BA_SIMILARITY_COSINE, (ba_cdmat_t){p, n, n_dims, n},
        (ba_cdmat_t){t, n, n_dims, n}, (ba_dmat_t){s, n, n, n}));
    printf("%zu items, %zu pairs, %zu dimensions, %zu permutations, %d threads\n", n,
        n * (n - 1) / 2, n_dims, n_permutations, ba_ctx_threads(&ctx));
    printf("%-24s %8.3f s\n", "similarity", ba_seconds() - start);
    problem.similarity = (ba_cdmat_t){s, n, n, n};
    BA_TRY(time_scores(&ctx, &problem, &opts, "scores"));
    BA_TRY(ba_exchange_new(&exchange_opts, n, &opts.exchange));
    BA_TRY(time_scores(&ctx, &problem, &opts, "scores and test"));
out:
    ba_exchange_free(opts.exchange);
    ba_free(p);
    ba_free(t);
    ba_free(s);
    return status;
}

int
main(int argc, char **argv)
{
    size_t sizes[3] = {1000, 1000, 300};

    for (int i = 1; i < argc && i < 4; i++) {
        sizes[i - 1] = strtoul(argv[i], NULL, 10);
    }
    if (run(sizes[0], sizes[1], sizes[2]) != BA_OK) {
        fprintf(stderr, "bench_decode_score: %s\n", ba_error_message());
        return 1;
    }
    return 0;
}
