/* SPDX-License-Identifier: GPL-3.0-or-later */
/* n-gram language models: modified Kneser-Ney estimates from sentences, and what any
 * model in back-off form says. */
#ifndef BRAINALIGN_NGRAM_H
#define BRAINALIGN_NGRAM_H

#include "brainalign/ctx.h"
#include "brainalign/language.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Longest n-grams. */
enum { BA_NGRAM_MAX_ORDER = 8 };

/* Numbers of the words that every model has; the rest follow. */
enum { BA_WORD_UNKNOWN = 0, BA_WORD_BEGIN = 1, BA_WORD_END = 2, BA_WORD_FIRST = 3 };

/* ---- sentences ---- */

/* Sentences of words, in memory. Opaque. */
typedef struct ba_corpus ba_corpus_t;

BA_API int ba_corpus_new(ba_corpus_t **out);
BA_API void ba_corpus_free(ba_corpus_t *corpus);

/* Adds a sentence, its words copied; one without words is left out. "<unk>" is an unknown
 * word. BA_FORMAT: "<s>" or "</s>" among them, which models set themselves. */
BA_API int ba_corpus_add(ba_corpus_t *corpus, const char *const *words, size_t n_words);
BA_API size_t ba_corpus_n_sentences(const ba_corpus_t *corpus);
BA_API size_t ba_corpus_n_words(const ba_corpus_t *corpus);

/* ---- training ---- */

/* Start with ba_ngram_opts_default(); pointers are borrowed. */
typedef struct {
    size_t order;                  /* 1 to BA_NGRAM_MAX_ORDER */
    const char *const *vocabulary; /* n_vocabulary words; NULL = those of the corpus */
    size_t n_vocabulary;
    size_t min_count;    /* words of the corpus with fewer are unknown, without a list */
    const size_t *prune; /* n_prune: n-grams of order i + 1 with at most prune[i]
                            occurrences are left out; the last holds for all above. The
                            first is 0, none is smaller than the one before it */
    size_t n_prune;
} ba_ngram_opts_t;

/* Order 3, every word, nothing left out. */
BA_API ba_ngram_opts_t ba_ngram_opts_default(void);

/* What was done, by order from 1. */
typedef struct {
    size_t order;
    size_t n_counted[BA_NGRAM_MAX_ORDER], n_kept[BA_NGRAM_MAX_ORDER];
    double discount[BA_NGRAM_MAX_ORDER][3]; /* of counts 1, 2, 3 and more */
    int is_fallback[BA_NGRAM_MAX_ORDER];    /* counts too few for discounts of their own:
                                            0.5, 1, 1.5 */
    size_t n_unknown; /* words of the corpus outside of the vocabulary */
} ba_ngram_info_t;

/* A model in back-off form, read-only once made: any number of threads may ask.
 * Opaque. */
typedef struct ba_ngram ba_ngram_t;

/* Interpolated modified Kneser-Ney (Chen & Goodman 1998): the highest order from
 * counts, lower ones from the number of different words before, those that begin a
 * sentence from counts; three discounts for each order by closed form; unigrams
 * interpolated with the uniform distribution over all words but <s>, <unk> among them.
 * Errors: BA_VALUE (order, prune, min_count), BA_SHAPE (no sentence), BA_TOO_LARGE
 * (more than 2^32 - 1 words). info may be NULL. Cost: n log n comparisons of n words,
 * about 45 bytes for each word and order. */
BA_API int ba_ngram_train(const ba_ctx_t *ctx, const ba_corpus_t *corpus,
    const ba_ngram_opts_t *opts, ba_ngram_t **out, ba_ngram_info_t *info);
BA_API void ba_ngram_free(ba_ngram_t *ngram);

/* ---- asking ---- */

BA_API size_t ba_ngram_order(const ba_ngram_t *ngram);
BA_API size_t ba_ngram_n_words(const ba_ngram_t *ngram); /* the three special ones too */
BA_API size_t ba_ngram_count(const ba_ngram_t *ngram, size_t order); /* n-grams of it */
BA_API const char *ba_ngram_word(const ba_ngram_t *ngram, size_t word); /* borrowed */
BA_API size_t ba_ngram_find(
    const ba_ngram_t *ngram, const char *text); /* SIZE_MAX: none */

/* Natural log of the probability that `word` comes after n words of context, oldest
 * first; only the last order - 1 count. -infinity for <s>, and for <unk> where the
 * model has no such word. */
BA_API double ba_ngram_log_p(
    const ba_ngram_t *ngram, const size_t *context, size_t n, size_t word);

/* The probabilities themselves of all words at once: p (n_words). Cost: order times
 * n_words. */
BA_API void ba_ngram_distribution(
    const ba_ngram_t *ngram, const size_t *context, size_t n, double *p);

/* The model as what decoding asks for running words: the end of a sentence is summed out,
 * p(w | h) + p(</s> | h) p(w | <s>), over words alone. It lives as long as ngram. */
BA_API ba_language_t ba_ngram_language(const ba_ngram_t *ngram);

/* ---- scoring ---- */

/* Of a text, or of a sentence. log_p sums words and ends of sentences, natural log. */
typedef struct {
    size_t n_sentences, n_words; /* without ends */
    size_t n_unknown;
    double log_p;       /* unknown words as <unk>; -infinity where that has no mass */
    double log_p_known; /* without unknown words themselves */
    double perplexity;  /* exp(-log_p / (words + ends)) */
    double perplexity_known; /* exp(-log_p_known / (known words + ends)) */
} ba_text_score_t;

/* sentences: one for each of the corpus, or NULL. */
BA_API int ba_ngram_score(const ba_ngram_t *ngram, const ba_corpus_t *corpus,
    ba_text_score_t *total, ba_text_score_t *sentences);

#ifdef __cplusplus
}
#endif

#endif
