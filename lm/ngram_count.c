/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counting by sorting: places of the text sorted by the words that follow bring the
 * n-grams of all orders together, each order's in the order of a trie. An n-gram ends at
 * the end of its sentence. */
#include "core/alloc.h"
#include "lm/ngram_impl.h"

typedef struct {
    const uint32_t *tokens;
    size_t order;
} text_t;

/* Words that two places have in common at their start, at most `order`, and not beyond
 * the end of a sentence. *stopped: both sentences end with the last of them. */
static size_t
common_words(const text_t *text, size_t a, size_t b, int *stopped)
{
    *stopped = 0;
    for (size_t k = 0; k < text->order; k++) {
        if (text->tokens[a + k] != text->tokens[b + k]) {
            return k;
        }
        if (text->tokens[a + k] == BA_WORD_END) {
            *stopped = 1;
            return k + 1;
        }
    }
    return text->order;
}

static int
compare_places(size_t a, size_t b, const void *payload)
{
    const text_t *text = payload;
    int stopped;
    size_t k = common_words(text, a, b, &stopped);

    if (stopped || k == text->order) {
        return 0;
    }
    return text->tokens[a + k] < text->tokens[b + k] ? -1 : 1;
}

/* Words from a place to the end of its sentence, at most `order`. */
static size_t
length_at(const text_t *text, size_t place)
{
    size_t k = 1;

    while (k < text->order && text->tokens[place + k - 1] != BA_WORD_END) {
        k++;
    }
    return k;
}

/* Orders of which the i-th place begins a new n-gram: *from up to the returned one. */
static size_t
new_orders(const text_t *text, const size_t *places, size_t i, size_t *from)
{
    int stopped = 0;

    *from = i == 0 ? 0 : common_words(text, places[i - 1], places[i], &stopped);
    return length_at(text, places[i]);
}

static int
allocate(ba_counts_t *counts)
{
    int status = BA_OK;

    for (size_t k = 0; k < counts->order; k++) {
        ba_count_level_t *level = &counts->level[k];

        BA_TRY_ALLOC(level->word, ba_malloc(level->n, sizeof *level->word));
        BA_TRY_ALLOC(level->count, ba_calloc(level->n, sizeof *level->count));
        BA_TRY_ALLOC(level->adjusted, ba_calloc(level->n, sizeof *level->adjusted));
        if (k + 1 < counts->order) {
            BA_TRY_ALLOC(level->first, ba_calloc(level->n + 1, sizeof *level->first));
        }
        if (k > 0) {
            BA_TRY_ALLOC(level->suffix, ba_malloc(level->n, sizeof *level->suffix));
        }
    }
out:
    return status;
}

/* Fills words, counts and where continuations begin. */
static void
fill(ba_counts_t *counts, const text_t *text, const size_t *places)
{
    size_t n[BA_NGRAM_MAX_ORDER] = {0}, n_words = counts->n_words;
    size_t *first = counts->level[0].first;

    for (size_t w = 0; w < n_words; w++) {
        counts->level[0].word[w] = (uint32_t) w;
    }
    for (size_t i = 0; i < counts->n_tokens; i++) {
        size_t from, to = new_orders(text, places, i, &from);
        uint32_t word = text->tokens[places[i]];

        counts->level[0].count[word]++;
        for (size_t k = from < 1 ? 1 : from; k < to; k++) {
            counts->level[k].word[n[k]] = text->tokens[places[i] + k];
            if (counts->level[k].first) {
                counts->level[k].first[n[k]] = n[k + 1];
            }
            n[k]++;
        }
        for (size_t k = 1; k < to; k++) {
            counts->level[k].count[n[k] - 1]++;
        }
        if (first) {
            first[word + 1] = n[1];
        }
    }
    for (size_t w = 0; first && w < n_words; w++) {
        /* A word that never came continues nowhere. */
        first[w + 1] = first[w + 1] > first[w] ? first[w + 1] : first[w];
    }
    for (size_t k = 1; k + 1 < counts->order; k++) {
        counts->level[k].first[counts->level[k].n] = counts->level[k + 1].n;
    }
}

/* The suffix of an n-gram continues the suffix of the n-gram before it. */
static void
link_suffixes(ba_counts_t *counts)
{
    for (size_t k = 1; k < counts->order; k++) {
        const ba_count_level_t *before = &counts->level[k - 1];
        ba_count_level_t *level = &counts->level[k];

        for (size_t c = 0; c < before->n; c++) {
            for (size_t e = before->first[c]; e < before->first[c + 1]; e++) {
                size_t suffix = k == 1 ? 0 : before->suffix[c];

                level->suffix[e] =
                    k == 1 ? level->word[e]
                           : ba_ngram_search(before->word,
                                 counts->level[k - 2].first[suffix],
                                 counts->level[k - 2].first[suffix + 1], level->word[e]);
            }
        }
    }
}

/* Different words before an n-gram; those that begin a sentence have none and keep their
 * counts, and so does the highest order. */
static void
adjust(ba_counts_t *counts)
{
    size_t from = BA_WORD_BEGIN, to = BA_WORD_BEGIN + 1;

    for (size_t k = 0; k < counts->order; k++) {
        ba_count_level_t *level = &counts->level[k];
        int is_highest = k + 1 == counts->order;

        for (size_t e = 0; e < level->n; e++) {
            if (is_highest || (e >= from && e < to)) {
                level->adjusted[e] = level->count[e];
            }
        }
        for (size_t e = 0; k > 0 && e < level->n; e++) {
            size_t suffix = level->suffix[e];

            counts->level[k - 1].adjusted[suffix]++;
        }
        if (!is_highest) {
            from = level->first[from];
            to = level->first[to];
        }
    }
}

/* <s> words </s> of every sentence. */
static int
copy_text(const ba_corpus_t *corpus, const ba_text_set_t *words, ba_counts_t *out)
{
    int status = BA_OK;
    size_t n_types = corpus->words.texts.n, n = 0, at = 0;
    uint32_t *numbers = NULL;

    out->n_tokens = corpus->n_tokens + 2 * corpus->n_sentences;
    BA_TRY_ALLOC(numbers, ba_malloc(n_types, sizeof *numbers));
    for (size_t i = 0; i < n_types; i++) {
        size_t found = ba_text_set_find(words, ba_texts_get(&corpus->words.texts, i));

        numbers[i] = found == SIZE_MAX ? BA_WORD_UNKNOWN : (uint32_t) found;
    }
    BA_TRY_ALLOC(out->tokens, ba_malloc(out->n_tokens, sizeof *out->tokens));
    for (size_t s = 0; s < corpus->n_sentences; s++) {
        out->tokens[n++] = BA_WORD_BEGIN;
        for (; at < corpus->stop[s]; at++) {
            uint32_t token = corpus->tokens[at];

            out->tokens[n++] =
                token == UNKNOWN_TOKEN ? (uint32_t) BA_WORD_UNKNOWN : numbers[token];
        }
        out->tokens[n++] = BA_WORD_END;
    }
out:
    ba_free(numbers);
    return status;
}

int
ba_counts_make(const ba_ctx_t *ctx, const ba_corpus_t *corpus, const ba_text_set_t *words,
    size_t order, ba_counts_t *out)
{
    int status = BA_OK;
    size_t *places = NULL, *scratch = NULL, from;
    text_t text = {.order = order};

    *out = (ba_counts_t){.order = order, .n_words = words->texts.n};
    BA_TRY(copy_text(corpus, words, out));
    text.tokens = out->tokens;
    BA_TRY_ALLOC(places, ba_malloc(out->n_tokens, sizeof *places));
    BA_TRY_ALLOC(scratch, ba_malloc(out->n_tokens, sizeof *scratch));
    for (size_t i = 0; i < out->n_tokens; i++) {
        places[i] = i;
    }
    ba_sort_numbers(places, scratch, out->n_tokens, compare_places, &text);
    BA_TRY(ba_ctx_check(ctx));
    for (size_t i = 0; i < out->n_tokens; i++) {
        size_t to = new_orders(&text, places, i, &from);

        for (size_t k = from; k < to; k++) {
            out->level[k].n++;
        }
    }
    out->level[0].n = out->n_words;
    BA_TRY(allocate(out));
    fill(out, &text, places);
    link_suffixes(out);
    adjust(out);
out:
    ba_free(places);
    ba_free(scratch);
    return status;
}

void
ba_counts_free(ba_counts_t *counts)
{
    for (size_t k = 0; k < BA_NGRAM_MAX_ORDER; k++) {
        ba_free(counts->level[k].word);
        ba_free(counts->level[k].first);
        ba_free(counts->level[k].count);
        ba_free(counts->level[k].adjusted);
        ba_free(counts->level[k].suffix);
    }
    ba_free(counts->tokens);
    *counts = (ba_counts_t){0};
}
