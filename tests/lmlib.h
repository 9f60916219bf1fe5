/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sentences for tests of language models. Include testlib.h first. */
#ifndef BA_TESTS_LMLIB_H
#define BA_TESTS_LMLIB_H

#include "brainalign/error.h"
#include "brainalign/ngram.h"

/* Adds sentences of words between single blanks. */
static inline void
test_add_sentences(ba_corpus_t *corpus, const char *const *sentences, size_t n)
{
    for (size_t s = 0; s < n; s++) {
        const char *words[64];
        char *copy = strdup(sentences[s]), *rest = copy;
        size_t n_words = 0;

        for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
            words[n_words++] = word;
        }
        assert_int_equal(ba_corpus_add(corpus, words, n_words), BA_OK);
        free(copy);
    }
}

/* Random sentences over n_types words "w0", "w1", ..., early ones more often. */
static inline void
test_random_sentences(ba_corpus_t *corpus, size_t n, size_t n_types, uint64_t seed)
{
    for (size_t s = 0; s < n; s++) {
        char text[12][24];
        const char *words[12];
        size_t n_words = 1 + test_random(&seed) % 12;

        for (size_t i = 0; i < n_words; i++) {
            size_t a = test_random(&seed) % n_types, b = test_random(&seed) % n_types;

            snprintf(text[i], sizeof text[i], "w%zu", a * b / n_types);
            words[i] = text[i];
        }
        assert_int_equal(ba_corpus_add(corpus, words, n_words), BA_OK);
    }
}

#endif
