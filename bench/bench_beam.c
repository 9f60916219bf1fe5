/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times decoding words: bench_beam [WORDS_DECODED [FEATURES [VOXELS [THREADS
 * [SKEW]]]]], 100, 768, 10,000, 1 and 1 by default: 200 hypotheses by 10 words each
 * out of 10,000, 4 delays, Lanczos over 2 words a volume, a trigram model of random
 * text, random responses. Prints CPU seconds of what is made once and of the search,
 * and those of one word. */
#include "brainalign.h"
#include "core/alloc.h"
#include "decode/beam_impl.h"
#include "linalg/blas.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_WORDS = 10000, N_DELAYS = 4, WIDTH = 200, EXTENSIONS = 10, SENTENCES = 40000 };

typedef struct {
    size_t n_decoded, q, v, skew; /* 1: words of the text alike in frequency */
    ba_ctx_t ctx;
    ba_ngram_t *ngram;
    ba_said_t said;
    ba_inversion_t inversion;
    ba_resampler_t resampler;
    size_t n_times, *response, *items;
    int delays[N_DELAYS];
} bench_t;

static uint64_t state = 1;

static double
uniform(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double) (state >> 11) * 0x1p-53;
}

static void
fill(double *x, size_t n, double scale)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = scale * (uniform() + uniform() + uniform() - 1.5);
    }
}

static double
cpu_seconds(void)
{
    return (double) clock() / CLOCKS_PER_SEC;
}

/* Text of words alike in frequency is the hardest case: hypotheses that end differently
 * propose different words. */
static int
make_language(bench_t *bench)
{
    int status = BA_OK;
    ba_corpus_t *corpus = NULL;
    ba_ngram_opts_t opts = ba_ngram_opts_default();
    char text[20][32];
    const char *words[20];

    BA_TRY(ba_corpus_new(&corpus));
    for (size_t s = 0; s < SENTENCES; s++) {
        for (size_t i = 0; i < 20; i++) {
            double u = uniform(), power = u;

            for (size_t k = 1; k < bench->skew; k++) {
                power *= u;
            }
            snprintf(text[i], sizeof text[i], "w%zu",
                s < N_WORDS / 20 ? s * 20 + i : (size_t) (N_WORDS * power));
            words[i] = text[i];
        }
        BA_TRY(ba_corpus_add(corpus, words, 20));
    }
    BA_TRY(ba_ngram_train(&bench->ctx, corpus, &opts, &bench->ngram, NULL));
out:
    ba_corpus_free(corpus);
    return status;
}

/* A = W W', z = W y over voxels of unit noise. */
static int
make_statistics(bench_t *bench)
{
    int status = BA_OK;
    size_t p = bench->q * N_DELAYS, v = bench->v, n = bench->n_times;
    double *w = NULL, *y = NULL;

    BA_TRY_ALLOC(w, ba_malloc(p, v * sizeof *w));
    BA_TRY_ALLOC(y, ba_malloc(v, n * sizeof *y));
    BA_TRY_ALLOC(bench->inversion.a, ba_calloc(p, p * sizeof(double)));
    BA_TRY_ALLOC(bench->inversion.z, ba_malloc(p, n * sizeof(double)));
    fill(w, p * v, 0.05);
    fill(y, v * n, 1.0);
    ba_syrk_tiled(&bench->ctx, 1.0, BA_KEEP, ba_cdmat(w, p, v, p), 0.0,
        ba_dmat(bench->inversion.a, p, p, p));
    ba_gemm_tiled(&bench->ctx, 1.0, BA_KEEP, ba_cdmat(w, p, v, p), BA_KEEP,
        ba_cdmat(y, v, n, v), 0.0, ba_dmat(bench->inversion.z, p, n, p));
    bench->inversion.n_features = p;
    bench->inversion.n_responses = n;
    bench->inversion.n_voxels = v;
out:
    ba_free(w);
    ba_free(y);
    return status;
}

static int
make_times(bench_t *bench)
{
    int status = BA_OK;
    size_t n = bench->n_decoded;
    double *times = NULL, *moments = NULL;

    bench->n_times = n / 2 + 10;
    BA_TRY_ALLOC(times, ba_malloc(bench->n_times, sizeof *times));
    BA_TRY_ALLOC(moments, ba_malloc(n, sizeof *moments));
    BA_TRY_ALLOC(bench->response, ba_malloc(bench->n_times, sizeof *bench->response));
    BA_TRY_ALLOC(bench->items, ba_malloc(n, sizeof *bench->items));
    for (size_t t = 0; t < bench->n_times; t++) {
        times[t] = (double) t;
        bench->response[t] = t;
    }
    for (size_t i = 0; i < n; i++) {
        moments[i] = 2.0 + 0.5 * (double) i;
        bench->items[i] = i;
    }
    for (int d = 0; d < N_DELAYS; d++) {
        bench->delays[d] = d + 1;
    }
    BA_TRY(ba_resampler_lanczos(
        moments, n, times, bench->n_times, 3.0, 1.0, &bench->resampler));
out:
    ba_free(times);
    ba_free(moments);
    return status;
}

static int
make_vectors(bench_t *bench, size_t n_words)
{
    int status = BA_OK;

    bench->said = (ba_said_t){.n_features = bench->q, .n_words = n_words};
    BA_TRY_ALLOC(bench->said.blank, ba_calloc(bench->q, sizeof(double)));
    BA_TRY_ALLOC(bench->said.delta, ba_malloc(n_words, bench->q * sizeof(double)));
    BA_TRY_ALLOC(bench->said.allowed, ba_calloc(n_words, 1));
    fill(bench->said.delta, n_words * bench->q, 0.1);
    for (size_t w = 0; w < n_words; w++) {
        bench->said.allowed[w] = 1;
    }
out:
    return status;
}

static int
search(bench_t *bench)
{
    int status = BA_OK;
    ba_language_t language = ba_ngram_language(bench->ngram);
    ba_search_opts_t opts = {.width = WIDTH,
        .n_extensions = EXTENSIONS,
        .nucleus = 1.0,
        .evidence_weight = 1.0,
        .lm_weight = 1.0};
    ba_passage_t passage = {.n_slots = 0};
    ba_word_products_t products = {.n_delays = 0};
    ba_found_t found = {.n = 0};
    double start = cpu_seconds(), once, took;
    size_t n_different = 0;

    BA_TRY(ba_passage_make(&bench->ctx, &bench->inversion, bench->delays, N_DELAYS,
        bench->response, bench->n_times, &bench->resampler, bench->items,
        bench->n_decoded, bench->said.blank, &passage));
    BA_TRY(ba_word_products_new(
        &bench->inversion, N_DELAYS, &bench->said, WIDTH, &products));
    once = cpu_seconds();
    printf("passage                  %8.3f s\n", once - start);
    for (int again = 0; again < 2; again++) {
        start = cpu_seconds();
        BA_TRY(ba_beam_search(
            &bench->ctx, &passage, &products, &language, &opts, 1, &found));
        took = cpu_seconds() - start;
        printf("%s %8.3f s, %.4f s a word   score %.6f\n",
            again ? "search, words known     " : "search, words new       ", took,
            took / (double) bench->n_decoded, found.score[0]);
        ba_found_free(&found);
    }
    for (size_t w = 0; w < bench->said.n_words; w++) {
        n_different += products.has_form[w];
    }
    printf("different words proposed %8zu\n", n_different);
out:
    ba_found_free(&found);
    ba_word_products_free(&products);
    ba_passage_free(&passage);
    return status;
}

static int
run(bench_t *bench)
{
    int status = BA_OK;

    ba_blas_single_thread();
    BA_TRY(make_times(bench));
    BA_TRY(make_language(bench));
    BA_TRY(make_vectors(bench, ba_ngram_n_words(bench->ngram)));
    BA_TRY(make_statistics(bench));
    printf(
        "%zu words out of %zu, %zu features x %d delays, %zu voxels, %d hypotheses x %d, "
        "%d threads; CPU seconds\n",
        bench->n_decoded, bench->said.n_words, bench->q, N_DELAYS, bench->v, WIDTH,
        EXTENSIONS, ba_ctx_threads(&bench->ctx));
    BA_TRY(search(bench));
out:
    ba_ngram_free(bench->ngram);
    ba_free(bench->said.blank);
    ba_free(bench->said.delta);
    ba_free(bench->said.allowed);
    ba_free(bench->inversion.a);
    ba_free(bench->inversion.z);
    ba_resampler_free(&bench->resampler);
    ba_free(bench->response);
    ba_free(bench->items);
    return status;
}

static size_t
argument(int argc, char **argv, int at, size_t otherwise)
{
    return argc > at ? strtoul(argv[at], NULL, 10) : otherwise;
}

int
main(int argc, char **argv)
{
    bench_t bench = {.n_decoded = argument(argc, argv, 1, 100),
        .q = argument(argc, argv, 2, 768),
        .v = argument(argc, argv, 3, 10000),
        .skew = argument(argc, argv, 5, 1),
        .ctx = ba_ctx_default()};

    bench.ctx.n_threads = (int) argument(argc, argv, 4, 1);
    if (bench.n_decoded == 0 || bench.q == 0 || bench.v == 0 || run(&bench) != BA_OK) {
        fprintf(stderr, "%s\n", ba_error_message());
        return 1;
    }
    return 0;
}
