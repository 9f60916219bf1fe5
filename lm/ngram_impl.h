/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An n-gram model and a corpus inside: tries in arrays, one level for each order. */
#ifndef BA_LM_NGRAM_IMPL_H
#define BA_LM_NGRAM_IMPL_H

#include "brainalign/ngram.h"
#include "core/texts.h"

/* n-grams of one order, sorted by their words. Entry e of order k continues an entry of
 * order k - 1; first[e] .. first[e + 1] - 1 are those of order k + 1 that continue e.
 * Entries of order 1 are the words themselves. */
typedef struct {
    size_t n;
    uint32_t *word;  /* n: the last word */
    size_t *first;   /* n + 1; NULL at the highest order */
    double *log_p;   /* n */
    double *backoff; /* n: natural logs; NULL at the highest order */
} ba_ngram_level_t;

struct ba_ngram {
    size_t order;
    ba_text_set_t words;
    ba_ngram_level_t level[BA_NGRAM_MAX_ORDER];
};

struct ba_corpus {
    ba_text_set_t words; /* by appearance; no special ones */
    uint32_t *tokens;    /* numbers in `words`; UNKNOWN_TOKEN */
    size_t n_tokens, size;
    size_t *stop; /* n_sentences: one past the last token */
    size_t n_sentences, stop_size;
};

/* A token of the corpus that says itself that it is unknown. */
#define UNKNOWN_TOKEN UINT32_MAX

/* ngram.c: an empty model with the special words. */
int ba_ngram_new(size_t order, ba_ngram_t **out) BA_MUST_USE;

/* Arrays of a level for n entries; the highest order has neither first nor backoff. */
int ba_ngram_level_new(ba_ngram_t *ngram, size_t level, size_t n) BA_MUST_USE;

/* Entry among `from` .. `to` - 1 of a level with that last word, SIZE_MAX = none. */
size_t ba_ngram_search(const uint32_t *word, size_t from, size_t to, uint32_t wanted);

/* Entry of the n-gram, n >= 1 words, in level n - 1; SIZE_MAX = none. */
size_t ba_ngram_entry(const ba_ngram_t *ngram, const size_t *words, size_t n);

/* p(w | context) of all words; unigrams: p(w), which may be p itself. */
void ba_ngram_fill(const ba_ngram_t *ngram, const double *unigrams, const size_t *context,
    size_t n, double *p);

/* sort.c: sorts n numbers by `compare`, stably; scratch has room for n. */
typedef int (*ba_compare_t)(size_t a, size_t b, const void *payload);
void ba_sort_numbers(size_t *numbers, size_t *scratch, size_t n, ba_compare_t compare,
    const void *payload);

/* ---- training ---- */

/* Counts of one order, sorted as in ba_ngram_level_t. */
typedef struct {
    size_t n;
    uint32_t *word;
    size_t *first;    /* n + 1, NULL at the highest order */
    size_t *count;    /* occurrences */
    size_t *adjusted; /* what estimates go by */
    size_t *suffix; /* entry of the order below without the first word; NULL at order 1 */
} ba_count_level_t;

typedef struct {
    size_t order, n_words;
    size_t n_tokens; /* with <s> and </s> */
    uint32_t *tokens;
    ba_count_level_t level[BA_NGRAM_MAX_ORDER];
} ba_counts_t;

/* ngram_count.c: every n-gram of a corpus whose words have the numbers of `words`. */
int ba_counts_make(const ba_ctx_t *ctx, const ba_corpus_t *corpus,
    const ba_text_set_t *words, size_t order, ba_counts_t *out) BA_MUST_USE;
void ba_counts_free(ba_counts_t *counts);

/* ngram_smooth.c: fills the levels of a model from counts. */
int ba_ngram_smooth(const ba_counts_t *counts, const ba_ngram_opts_t *opts,
    ba_ngram_t *ngram, ba_ngram_info_t *info) BA_MUST_USE;

/* ngram_build.c: n-grams of one order in any order, for a model that has all lower ones.
 * words: n x order; line: where each stands, for messages. backoff NULL at the highest
 * order. BA_FORMAT: an n-gram twice, or one that continues none. */
typedef struct {
    const char *name;
    size_t n;
    const uint32_t *words;
    const double *log_p, *backoff;
    const size_t *line;
} ba_ngram_list_t;
int ba_ngram_build(
    ba_ngram_t *ngram, size_t order, const ba_ngram_list_t *list) BA_MUST_USE;

#endif
