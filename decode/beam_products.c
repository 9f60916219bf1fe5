/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words come again and again, and what the model makes of a word's vector does not
 * depend on where it is said: A_ab d and d'A_ab d are made once for a word and kept,
 * the first for as many words as CACHE_BYTES hold, those used last. */
#include "decode/beam_impl.h"

#include "core/alloc.h"
#include "linalg/blas.h"

#include <string.h>

/* Words that are made at a time: columns of one product, filled up with zeros. */
enum { BATCH = 32 };

/* A constant, not a share of the memory: what is made with what must not depend on it. */
#define CACHE_BYTES ((size_t) 256 << 20)

int
ba_beam_threads(const ba_ctx_t *ctx, double flops)
{
    return flops < 1e6 ? 1 : ba_ctx_threads(ctx);
}

/* Words whose products are kept, of `bytes` each. */
static size_t
capacity_of(size_t bytes, size_t n_words, size_t least)
{
    size_t n = CACHE_BYTES / bytes;

    n = n < n_words ? n : n_words;
    return n > least ? n : least;
}

size_t
ba_word_products_bytes(size_t n_delays, size_t n_features, size_t n_words, size_t least)
{
    size_t form = n_delays * n_delays * sizeof(double);

    return n_words * form +
           form * n_features * capacity_of(form * n_features, n_words, least);
}

int
ba_word_products_new(const ba_inversion_t *inversion, size_t n_delays,
    const ba_said_t *said, size_t least, ba_word_products_t *out)
{
    int status = BA_OK;
    size_t bytes;

    *out = (ba_word_products_t){.inversion = inversion,
        .said = said,
        .n_delays = n_delays,
        .n_features = said->n_features,
        .n_blocks = n_delays * n_delays};
    BA_TRY(ba_multiply(out->n_blocks * sizeof(double), out->n_features, &bytes));
    out->capacity = capacity_of(bytes, said->n_words, least);
    BA_TRY_ALLOC(out->form, ba_malloc(said->n_words, out->n_blocks * sizeof(double)));
    BA_TRY_ALLOC(out->has_form, ba_calloc(said->n_words, 1));
    BA_TRY_ALLOC(out->product, ba_malloc(out->capacity, bytes));
    BA_TRY_ALLOC(out->word_of, ba_malloc(out->capacity, sizeof *out->word_of));
    BA_TRY_ALLOC(out->used, ba_calloc(out->capacity, sizeof *out->used));
    BA_TRY_ALLOC(out->place_of, ba_malloc(said->n_words, sizeof *out->place_of));
    memset(out->word_of, 0xff, out->capacity * sizeof *out->word_of);
    memset(out->place_of, 0xff, said->n_words * sizeof *out->place_of);
out:
    return status;
}

void
ba_word_products_free(ba_word_products_t *products)
{
    ba_free(products->form);
    ba_free(products->has_form);
    ba_free(products->product);
    ba_free(products->word_of);
    ba_free(products->used);
    ba_free(products->place_of);
    *products = (ba_word_products_t){.n_delays = 0};
}

const double *
ba_word_products_get(const ba_word_products_t *products, size_t word)
{
    return products->product +
           products->place_of[word] * products->n_features * products->n_blocks;
}

/* Blocks (a, b) for all a from `from` on, of a batch of words: rows of T = A[from..,
 * b] D. D: n_features x BATCH. */
static void
multiply_block(const ba_word_products_t *products, size_t from, size_t b,
    const double *delta, double *out)
{
    size_t q = products->n_features, p = products->inversion->n_features;
    size_t rows = p - from * q;

    ba_gemm_f64(1.0, BA_KEEP,
        ba_cdmat(products->inversion->a + from * q + b * q * p, rows, q, p), BA_KEEP,
        ba_cdmat(delta, q, BATCH, q), 0.0, ba_dmat(out, rows, BATCH, rows));
}

double
ba_word_products_dot(const double *x, const double *y, size_t n)
{
    double sum[4] = {0.0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++) {
            sum[k] += x[i + k] * y[i + k];
        }
    }
    for (; i < n; i++) {
        sum[0] += x[i] * y[i];
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* One column of blocks of one batch. is_form: d'A_ab d, of a >= b and so of both; else
 * A_ab d to the places of the words. */
static void
make_blocks(ba_word_products_t *products, const size_t *words, size_t n, size_t b,
    int is_form, const double *delta, double *work)
{
    size_t q = products->n_features, d = products->n_delays, from = is_form ? b : 0;
    size_t rows = (d - from) * q;

    multiply_block(products, from, b, delta, work);
    for (size_t i = 0; i < n; i++) {
        for (size_t a = from; a < d; a++) {
            const double *column = work + i * rows + (a - from) * q;
            double *form = products->form + words[i] * products->n_blocks;

            if (is_form) {
                form[a + b * d] = form[b + a * d] =
                    ba_word_products_dot(delta + i * q, column, q);
            } else {
                size_t place = products->place_of[words[i]];

                memcpy(products->product + (place * products->n_blocks + a + b * d) * q,
                    column, q * sizeof *column);
            }
        }
    }
}

/* Different words, each of which has a place where products are wanted. */
static int
make_all(const ba_ctx_t *ctx, ba_word_products_t *products, const size_t *words, size_t n,
    int is_form)
{
    int status = BA_OK;
    size_t q = products->n_features, d = products->n_delays;
    size_t n_batches = (n + BATCH - 1) / BATCH, p = products->inversion->n_features;
    int threads = ba_beam_threads(
        ctx, 2.0 * (double) (n_batches * BATCH) * (double) p * (double) p);
    size_t n_threads = (size_t) threads;
    double *delta = NULL, *work = NULL;

    BA_TRY_ALLOC(delta, ba_calloc(n_batches * BATCH, q * sizeof *delta));
    BA_TRY_ALLOC(work, ba_malloc(n_threads * d, BATCH * q * sizeof *work));
    for (size_t i = 0; i < n; i++) {
        memcpy(delta + i * q, products->said->delta + words[i] * q, q * sizeof *delta);
    }
    ba_blas_single_thread();
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (size_t task = 0; task < n_threads; task++) {
        for (size_t i = task; i < n_batches * d; i += n_threads) {
            size_t first = i / d * BATCH;

            make_blocks(products, words + first, n - first < BATCH ? n - first : BATCH,
                i % d, is_form, delta + first * q, work + task * d * BATCH * q);
        }
    }
out:
    ba_free(delta);
    ba_free(work);
    return status;
}

int
ba_word_products_forms(
    const ba_ctx_t *ctx, ba_word_products_t *products, const size_t *words, size_t n)
{
    int status = BA_OK;
    size_t *missing = NULL, n_missing = 0;

    BA_TRY_ALLOC(missing, ba_malloc(n, sizeof *missing));
    for (size_t i = 0; i < n; i++) {
        if (!products->has_form[words[i]]) {
            products->has_form[words[i]] = 1;
            missing[n_missing++] = words[i];
        }
    }
    if (n_missing > 0) {
        BA_TRY(make_all(ctx, products, missing, n_missing, 1));
    }
out:
    ba_free(missing);
    return status;
}

/* A place that no word of this clock uses. */
static size_t
find_place(ba_word_products_t *products)
{
    while (products->used[products->hand] == products->clock) {
        products->hand = (products->hand + 1) % products->capacity;
    }
    return products->hand;
}

int
ba_word_products_take(
    const ba_ctx_t *ctx, ba_word_products_t *products, const size_t *words, size_t n)
{
    int status = BA_OK;
    size_t *missing = NULL, n_missing = 0;

    BA_TRY_ALLOC(missing, ba_malloc(n, sizeof *missing));
    products->clock++;
    for (size_t i = 0; i < n; i++) {
        if (products->place_of[words[i]] != SIZE_MAX) {
            products->used[products->place_of[words[i]]] = products->clock;
        }
    }
    for (size_t i = 0; i < n; i++) {
        size_t place;

        if (products->place_of[words[i]] != SIZE_MAX) {
            continue;
        }
        place = find_place(products);
        if (products->word_of[place] != SIZE_MAX) {
            products->place_of[products->word_of[place]] = SIZE_MAX;
        }
        products->word_of[place] = words[i];
        products->place_of[words[i]] = place;
        products->used[place] = products->clock;
        missing[n_missing++] = words[i];
    }
    if (n_missing > 0) {
        BA_TRY(make_all(ctx, products, missing, n_missing, 0));
    }
out:
    ba_free(missing);
    return status;
}
