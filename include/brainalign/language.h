/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What says which word comes next: the interface that decoding asks, whatever the
 * language model behind it. */
#ifndef BRAINALIGN_LANGUAGE_H
#define BRAINALIGN_LANGUAGE_H

#include "brainalign/ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A language model as decoding sees it; plain data, `model` is borrowed. Words are
 * numbers below n_words. */
typedef struct {
    const void *model;
    size_t n_words;
    size_t n_context; /* words before the next one that matter */

    /* Text of a word, borrowed; number of a text, SIZE_MAX = unknown. */
    const char *(*word)(const void *model, size_t word);
    size_t (*find)(const void *model, const char *text);

    /* p[i * n_words + w] = probability that w comes after history i, of running words:
     * markers of sentences and the unknown word have 0, the rest sums to 1. histories:
     * n_histories x n_context, oldest word first, SIZE_MAX for words that are not
     * known (what stands before them counts for nothing). The same bits for any number
     * of threads of ctx and any company of histories. */
    int (*next)(const void *model, const ba_ctx_t *ctx, const size_t *histories,
        size_t n_histories, double *p);
} ba_language_t;

/* The smallest set of most probable words with at least `mass` of the probability, at
 * most n_most of them, most probable first, ties by number. Words with p 0 or
 * `allowed` 0 (n_words, NULL = all) never are proposed, and the mass is of those that
 * may be. Writes to `words` (room for n_most), returns their number. Cost: n_words
 * times log n_most. */
BA_API size_t ba_language_nucleus(const double *p, size_t n_words,
    const unsigned char *allowed, double mass, size_t n_most, size_t *words);

#ifdef __cplusplus
}
#endif

#endif
