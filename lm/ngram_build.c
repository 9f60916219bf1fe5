/* SPDX-License-Identifier: GPL-3.0-or-later */
/* n-grams of a file, in whatever order they come, into a level of the trie. */
#include "core/alloc.h"
#include "lm/ngram_impl.h"

#include <string.h>

typedef struct {
    const uint32_t *words;
    size_t order;
} keys_t;

static int
compare_ngrams(size_t a, size_t b, const void *payload)
{
    const keys_t *keys = payload;
    const uint32_t *x = keys->words + a * keys->order, *y = keys->words + b * keys->order;

    for (size_t k = 0; k < keys->order; k++) {
        if (x[k] != y[k]) {
            return x[k] < y[k] ? -1 : 1;
        }
    }
    return 0;
}

/* Entry that the i-th n-gram of the list continues. */
static size_t
find_parent(const ba_ngram_t *ngram, size_t order, const ba_ngram_list_t *list, size_t i)
{
    size_t words[BA_NGRAM_MAX_ORDER];

    for (size_t k = 0; k + 1 < order; k++) {
        words[k] = list->words[i * order + k];
    }
    return ba_ngram_entry(ngram, words, order - 1);
}

/* first[e + 1] holds the number that continue entry e; then sums of them. */
static int
place_all(
    ba_ngram_t *ngram, size_t order, const ba_ngram_list_t *list, const size_t *sorted)
{
    ba_ngram_level_t *below = &ngram->level[order - 2], *level = below + 1;

    for (size_t at = 0; at < list->n; at++) {
        size_t i = sorted[at], parent = find_parent(ngram, order, list, i);

        if (parent == SIZE_MAX) {
            return ba_fail(BA_FORMAT,
                "%s: line %zu: a %zu-gram whose first %zu words are no %zu-gram, wanted "
                "them listed",
                list->name, list->line[i], order, order - 1, order - 1);
        }
        level->word[at] = list->words[i * order + order - 1];
        level->log_p[at] = list->log_p[i];
        if (level->backoff) {
            level->backoff[at] = list->backoff[i];
        }
    }
    return BA_OK;
}

static void
count_children(
    ba_ngram_t *ngram, size_t order, const ba_ngram_list_t *list, size_t *parents)
{
    ba_ngram_level_t *below = &ngram->level[order - 2];

    for (size_t i = 0; i < list->n; i++) {
        parents[i] = find_parent(ngram, order, list, i);
    }
    for (size_t i = 0; i < list->n; i++) {
        below->first[parents[i] + 1]++;
    }
    for (size_t e = 0; e < below->n; e++) {
        below->first[e + 1] += below->first[e];
    }
}

/* The words themselves: a list in the order of their numbers. */
static void
place_unigrams(ba_ngram_t *ngram, const ba_ngram_list_t *list)
{
    ba_ngram_level_t *level = &ngram->level[0];

    for (size_t i = 0; i < list->n; i++) {
        uint32_t word = list->words[i];

        level->word[word] = word;
        level->log_p[word] = list->log_p[i];
        if (level->backoff) {
            level->backoff[word] = list->backoff[i];
        }
    }
}

int
ba_ngram_build(ba_ngram_t *ngram, size_t order, const ba_ngram_list_t *list)
{
    int status = BA_OK;
    keys_t keys = {list->words, order};
    size_t *sorted = NULL, *scratch = NULL;

    BA_TRY_ALLOC(sorted, ba_malloc(list->n, sizeof *sorted));
    BA_TRY_ALLOC(scratch, ba_malloc(list->n, sizeof *scratch));
    for (size_t i = 0; i < list->n; i++) {
        sorted[i] = i;
    }
    ba_sort_numbers(sorted, scratch, list->n, compare_ngrams, &keys);
    for (size_t i = 1; i < list->n; i++) {
        if (compare_ngrams(sorted[i - 1], sorted[i], &keys) == 0) {
            BA_TRY(ba_fail(BA_FORMAT, "%s: line %zu: the %zu-gram of line %zu again",
                list->name, list->line[sorted[i]], order, list->line[sorted[i - 1]]));
        }
    }
    BA_TRY(ba_ngram_level_new(ngram, order - 1, list->n));
    if (order == 1) {
        place_unigrams(ngram, list);
    } else {
        BA_TRY(place_all(ngram, order, list, sorted));
        count_children(ngram, order, list, scratch);
    }
out:
    ba_free(sorted);
    ba_free(scratch);
    return status;
}
