/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/alloc.h"
#include "lm/ngram_impl.h"

#include <string.h>

int
ba_corpus_new(ba_corpus_t **out)
{
    *out = ba_calloc(1, sizeof **out);
    return *out ? BA_OK : BA_NOMEM;
}

void
ba_corpus_free(ba_corpus_t *corpus)
{
    if (corpus) {
        ba_text_set_free(&corpus->words);
        ba_free(corpus->tokens);
        ba_free(corpus->stop);
        ba_free(corpus);
    }
}

size_t
ba_corpus_n_sentences(const ba_corpus_t *corpus)
{
    return corpus->n_sentences;
}

size_t
ba_corpus_n_words(const ba_corpus_t *corpus)
{
    return corpus->n_tokens;
}

static int
make_room(ba_corpus_t *corpus, size_t n_words)
{
    int status = BA_OK;
    uint32_t *tokens;
    size_t *stop;

    if (corpus->n_tokens + n_words > corpus->size) {
        size_t size = 2 * (corpus->n_tokens + n_words);

        BA_TRY_ALLOC(tokens, ba_realloc(corpus->tokens, size, sizeof *tokens));
        corpus->tokens = tokens;
        corpus->size = size;
    }
    if (corpus->n_sentences == corpus->stop_size) {
        size_t size = 2 * corpus->stop_size + 64;

        BA_TRY_ALLOC(stop, ba_realloc(corpus->stop, size, sizeof *stop));
        corpus->stop = stop;
        corpus->stop_size = size;
    }
out:
    return status;
}

int
ba_corpus_add(ba_corpus_t *corpus, const char *const *words, size_t n_words)
{
    int status = BA_OK;
    size_t number;

    if (n_words == 0) {
        return BA_OK;
    }
    BA_TRY(make_room(corpus, n_words));
    for (size_t i = 0; i < n_words; i++) {
        if (strcmp(words[i], "<s>") == 0 || strcmp(words[i], "</s>") == 0) {
            BA_TRY(ba_fail(BA_FORMAT,
                "word %zu is %s, wanted text without markers of sentences", i + 1,
                words[i]));
        }
        if (words[i][strcspn(words[i], " \t\r\n\f\v")] != '\0') {
            BA_TRY(ba_fail(BA_FORMAT, "word %zu is '%s', wanted words without blanks",
                i + 1, words[i]));
        }
    }
    for (size_t i = 0; i < n_words; i++) {
        if (strcmp(words[i], "<unk>") == 0 || strcmp(words[i], "<UNK>") == 0) {
            corpus->tokens[corpus->n_tokens + i] = UNKNOWN_TOKEN;
            continue;
        }
        BA_TRY(ba_text_set_add(&corpus->words, words[i], &number));
        if (number >= UNKNOWN_TOKEN - BA_WORD_FIRST) {
            BA_TRY(ba_fail(BA_TOO_LARGE, "corpus: more than %u different words",
                UNKNOWN_TOKEN - BA_WORD_FIRST));
        }
        corpus->tokens[corpus->n_tokens + i] = (uint32_t) number;
    }
    corpus->n_tokens += n_words;
    corpus->stop[corpus->n_sentences++] = corpus->n_tokens;
out:
    return status;
}
