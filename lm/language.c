/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What decoding asks of a language model: an n-gram model of running words, and the words
 * that carry most of a distribution. */
#include "core/alloc.h"
#include "lm/ngram_impl.h"

static const char *
word_text(const void *model, size_t word)
{
    return ba_ngram_word(model, word);
}

static size_t
word_find(const void *model, const char *text)
{
    size_t word = ba_ngram_find(model, text);

    return word != SIZE_MAX && word < BA_WORD_FIRST ? SIZE_MAX : word;
}

/* p(w | h) + p(</s> | h) p(w | <s>), normalised over words. begin: p(w | <s>). */
static void
running_words(const ba_ngram_t *ngram, const double *unigrams, const size_t *context,
    size_t n, const double *begin, double *p)
{
    size_t n_words = ba_ngram_n_words(ngram);
    double end, sum = 0.0;

    ba_ngram_fill(ngram, unigrams, context, n, p);
    end = p[BA_WORD_END];
    for (size_t w = 0; w < n_words; w++) {
        p[w] = w < BA_WORD_FIRST ? 0.0 : p[w] + end * begin[w];
        sum += p[w];
    }
    for (size_t w = 0; w < n_words; w++) {
        p[w] /= sum;
    }
}

static int
next_words(const void *model, const ba_ctx_t *ctx, const size_t *histories,
    size_t n_histories, double *p)
{
    int status = BA_OK;
    const ba_ngram_t *ngram = model;
    size_t n_words = ba_ngram_n_words(ngram), width = ngram->order - 1;
    static const size_t first = BA_WORD_BEGIN;
    double *begin = NULL, *unigrams = NULL;
    /* A small loop is over before other threads have come. */
    int threads = n_histories * n_words < 100000 ? 1 : ba_ctx_threads(ctx);

    BA_TRY_ALLOC(begin, ba_malloc(n_words, sizeof *begin));
    BA_TRY_ALLOC(unigrams, ba_malloc(n_words, sizeof *unigrams));
    ba_ngram_distribution(ngram, NULL, 0, unigrams);
    ba_ngram_distribution(ngram, &first, 1, begin);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < n_histories; i++) {
        const size_t *history = histories + i * width;
        size_t n = 0;

        while (n < width && history[width - 1 - n] != SIZE_MAX) {
            n++;
        }
        running_words(ngram, unigrams, history + width - n, n, begin, p + i * n_words);
    }
out:
    ba_free(begin);
    ba_free(unigrams);
    return status;
}

ba_language_t
ba_ngram_language(const ba_ngram_t *ngram)
{
    return (ba_language_t){.model = ngram,
        .n_words = ba_ngram_n_words(ngram),
        .n_context = ngram->order - 1,
        .word = word_text,
        .find = word_find,
        .next = next_words};
}

/* ---- nucleus ---- */

/* Non-zero when word a comes after word b. */
static int
is_after(const double *p, size_t a, size_t b)
{
    return p[a] != p[b] ? p[a] < p[b] : a > b;
}

/* A heap whose first word comes last. */
static void
sift(const double *p, size_t *heap, size_t n, size_t at)
{
    for (size_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        size_t swap;

        if (child + 1 < n && is_after(p, heap[child + 1], heap[child])) {
            child++;
        }
        if (!is_after(p, heap[child], heap[at])) {
            return;
        }
        swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

static int
may_come(const double *p, const unsigned char *allowed, size_t word)
{
    return p[word] > 0.0 && (!allowed || allowed[word]);
}

/* The n_most first words, sorted; returns their number, *sum is that of all. */
static size_t
take_first(const double *p, size_t n_words, const unsigned char *allowed, size_t n_most,
    size_t *words, double *sum)
{
    size_t n = 0;

    *sum = 0.0;
    for (size_t w = 0; w < n_words; w++) {
        if (!may_come(p, allowed, w)) {
            continue;
        }
        *sum += p[w];
        if (n < n_most) {
            words[n++] = w;
            for (size_t at = n / 2; n == n_most && at-- > 0;) {
                sift(p, words, n, at);
            }
        } else if (is_after(p, words[0], w)) {
            words[0] = w;
            sift(p, words, n, 0);
        }
    }
    for (size_t at = n / 2; n < n_most && at-- > 0;) {
        sift(p, words, n, at);
    }
    for (size_t last = n; last > 1; last--) {
        size_t swap = words[0];

        words[0] = words[last - 1];
        words[last - 1] = swap;
        sift(p, words, last - 1, 0);
    }
    return n;
}

size_t
ba_language_nucleus(const double *p, size_t n_words, const unsigned char *allowed,
    double mass, size_t n_most, size_t *words)
{
    double sum, reached = 0.0;
    size_t n;

    if (n_most == 0) {
        return 0;
    }
    n = take_first(p, n_words, allowed, n_most, words, &sum);
    for (size_t i = 0; i < n; i++) {
        reached += p[words[i]];
        if (reached >= mass * sum) {
            return i + 1;
        }
    }
    return n;
}
