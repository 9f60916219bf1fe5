/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A model in back-off form:
 *
 *   p(w | h) = p*(hw) where the n-gram hw is listed, else b(h) p(w | h'),
 *
 * h' = h without its first word, b(h) = 1 where h is not listed. */
#include "core/alloc.h"
#include "lm/ngram_impl.h"

#include <math.h>
#include <string.h>

int
ba_ngram_new(size_t order, ba_ngram_t **out)
{
    static const char *const special[] = {"<unk>", "<s>", "</s>"};
    int status = BA_OK;
    size_t number;

    BA_TRY_ALLOC(*out, ba_calloc(1, sizeof **out));
    (*out)->order = order;
    for (size_t i = 0; i < BA_WORD_FIRST; i++) {
        BA_TRY(ba_text_set_add(&(*out)->words, special[i], &number));
    }
out:
    return status;
}

int
ba_ngram_level_new(ba_ngram_t *ngram, size_t level, size_t n)
{
    int status = BA_OK;
    ba_ngram_level_t *to = &ngram->level[level];

    *to = (ba_ngram_level_t){.n = n};
    BA_TRY_ALLOC(to->word, ba_malloc(n, sizeof *to->word));
    BA_TRY_ALLOC(to->log_p, ba_malloc(n, sizeof *to->log_p));
    if (level + 1 < ngram->order) {
        BA_TRY_ALLOC(to->first, ba_calloc(n + 1, sizeof *to->first));
        BA_TRY_ALLOC(to->backoff, ba_calloc(n, sizeof *to->backoff));
    }
out:
    return status;
}

void
ba_ngram_free(ba_ngram_t *ngram)
{
    for (size_t k = 0; ngram && k < BA_NGRAM_MAX_ORDER; k++) {
        ba_free(ngram->level[k].word);
        ba_free(ngram->level[k].first);
        ba_free(ngram->level[k].log_p);
        ba_free(ngram->level[k].backoff);
    }
    if (ngram) {
        ba_text_set_free(&ngram->words);
        ba_free(ngram);
    }
}

size_t
ba_ngram_order(const ba_ngram_t *ngram)
{
    return ngram->order;
}

size_t
ba_ngram_n_words(const ba_ngram_t *ngram)
{
    return ngram->words.texts.n;
}

size_t
ba_ngram_count(const ba_ngram_t *ngram, size_t order)
{
    return order >= 1 && order <= ngram->order ? ngram->level[order - 1].n : 0;
}

const char *
ba_ngram_word(const ba_ngram_t *ngram, size_t word)
{
    return ba_texts_get(&ngram->words.texts, word);
}

size_t
ba_ngram_find(const ba_ngram_t *ngram, const char *text)
{
    return ba_text_set_find(&ngram->words, text);
}

size_t
ba_ngram_search(const uint32_t *word, size_t from, size_t to, uint32_t wanted)
{
    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (word[middle] == wanted) {
            return middle;
        }
        if (word[middle] < wanted) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return SIZE_MAX;
}

size_t
ba_ngram_entry(const ba_ngram_t *ngram, const size_t *words, size_t n)
{
    size_t entry = words[0];

    if (entry >= ngram->level[0].n) {
        return SIZE_MAX;
    }
    for (size_t k = 1; k < n && entry != SIZE_MAX; k++) {
        const size_t *first = ngram->level[k - 1].first;

        entry = words[k] > UINT32_MAX
                    ? SIZE_MAX
                    : ba_ngram_search(ngram->level[k].word, first[entry],
                          first[entry + 1], (uint32_t) words[k]);
    }
    return entry;
}

/* The part of a context that counts. */
static void
cut_context(const ba_ngram_t *ngram, const size_t **context, size_t *n)
{
    if (*n + 1 > ngram->order) {
        *context += *n + 1 - ngram->order;
        *n = ngram->order - 1;
    }
}

double
ba_ngram_log_p(const ba_ngram_t *ngram, const size_t *context, size_t n, size_t word)
{
    double backoff = 0.0;

    cut_context(ngram, &context, &n);
    for (; n > 0; context++, n--) {
        size_t entry = ba_ngram_entry(ngram, context, n), child;
        const ba_ngram_level_t *level = &ngram->level[n - 1];

        if (entry == SIZE_MAX) {
            continue;
        }
        child = ba_ngram_search(ngram->level[n].word, level->first[entry],
            level->first[entry + 1], (uint32_t) word);
        if (child != SIZE_MAX) {
            return backoff + ngram->level[n].log_p[child];
        }
        backoff += level->backoff[entry];
    }
    return backoff + ngram->level[0].log_p[word];
}

void
ba_ngram_fill(const ba_ngram_t *ngram, const double *unigrams, const size_t *context,
    size_t n, double *p)
{
    size_t n_words = ngram->words.texts.n;

    cut_context(ngram, &context, &n);
    memmove(p, unigrams, n_words * sizeof *p);
    for (size_t k = 1; k <= n; k++) {
        size_t entry = ba_ngram_entry(ngram, context + n - k, k);
        const ba_ngram_level_t *level = &ngram->level[k - 1], *next = level + 1;
        double backoff;

        if (entry == SIZE_MAX) {
            continue;
        }
        backoff = exp(level->backoff[entry]);
        for (size_t w = 0; w < n_words; w++) {
            p[w] *= backoff;
        }
        for (size_t e = level->first[entry]; e < level->first[entry + 1]; e++) {
            p[next->word[e]] = exp(next->log_p[e]);
        }
    }
}

void
ba_ngram_distribution(const ba_ngram_t *ngram, const size_t *context, size_t n, double *p)
{
    for (size_t w = 0; w < ngram->words.texts.n; w++) {
        p[w] = exp(ngram->level[0].log_p[w]);
    }
    /* Its own unigrams: copied onto themselves. */
    ba_ngram_fill(ngram, p, context, n, p);
}

int
ba_ngram_score(const ba_ngram_t *ngram, const ba_corpus_t *corpus, ba_text_score_t *total,
    ba_text_score_t *sentences)
{
    int status = BA_OK;
    size_t *numbers = NULL, *window = NULL, at = 0, longest = 0;

    *total = (ba_text_score_t){.n_sentences = corpus->n_sentences};
    for (size_t s = 0, start = 0; s < corpus->n_sentences; start = corpus->stop[s++]) {
        longest = corpus->stop[s] - start > longest ? corpus->stop[s] - start : longest;
    }
    BA_TRY_ALLOC(numbers, ba_malloc(corpus->words.texts.n, sizeof *numbers));
    BA_TRY_ALLOC(window, ba_malloc(longest + 2, sizeof *window));
    for (size_t i = 0; i < corpus->words.texts.n; i++) {
        numbers[i] = ba_ngram_find(ngram, ba_texts_get(&corpus->words.texts, i));
    }
    for (size_t s = 0; s < corpus->n_sentences; at = corpus->stop[s++]) {
        ba_text_score_t one = {.n_sentences = 1, .n_words = corpus->stop[s] - at};

        window[0] = BA_WORD_BEGIN;
        for (size_t i = 0; i <= one.n_words; i++) {
            uint32_t token = i < one.n_words ? corpus->tokens[at + i] : 0;
            size_t word = i == one.n_words         ? (size_t) BA_WORD_END
                          : token == UNKNOWN_TOKEN ? SIZE_MAX
                                                   : numbers[token];
            int is_known = word != SIZE_MAX;
            double log_p;

            window[i + 1] = is_known ? word : (size_t) BA_WORD_UNKNOWN;
            log_p = ba_ngram_log_p(ngram, window, i + 1, window[i + 1]);
            one.log_p += log_p;
            one.log_p_known += is_known ? log_p : 0.0;
            one.n_unknown += !is_known;
        }
        one.perplexity = exp(-one.log_p / ((double) one.n_words + 1.0));
        one.perplexity_known =
            exp(-one.log_p_known / ((double) (one.n_words - one.n_unknown) + 1.0));
        if (sentences) {
            sentences[s] = one;
        }
        total->n_words += one.n_words;
        total->n_unknown += one.n_unknown;
        total->log_p += one.log_p;
        total->log_p_known += one.log_p_known;
    }
    total->perplexity =
        exp(-total->log_p / (double) (total->n_words + total->n_sentences));
    total->perplexity_known =
        exp(-total->log_p_known /
            (double) (total->n_words - total->n_unknown + total->n_sentences));
out:
    ba_free(numbers);
    ba_free(window);
    return status;
}
