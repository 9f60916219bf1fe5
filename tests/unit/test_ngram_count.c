/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counts against a search of the whole text for each n-gram. */
#include "tests/testlib.h"

#include "lm/ngram_impl.h"
#include "tests/lmlib.h"

static ba_ngram_t *ngram; /* for its words */

static void
count(ba_corpus_t *corpus, size_t order, ba_counts_t *out)
{
    size_t number;

    assert_int_equal(ba_ngram_new(order, &ngram), BA_OK);
    for (size_t i = 0; i < corpus->words.texts.n; i++) {
        assert_int_equal(ba_text_set_add(&ngram->words,
                             ba_texts_get(&corpus->words.texts, i), &number),
            BA_OK);
    }
    assert_int_equal(ba_counts_make(NULL, corpus, &ngram->words, order, out), BA_OK);
}

/* Occurrences of n words in the text, and how many different words stand before them;
 * n-grams do not cross the end of a sentence. */
static size_t
search(const ba_counts_t *counts, const uint32_t *words, size_t n, size_t *n_before)
{
    size_t found = 0;
    unsigned char before[256] = {0};

    for (size_t i = 0; i + n <= counts->n_tokens; i++) {
        size_t k = 0;

        while (k < n && counts->tokens[i + k] == words[k] &&
               (k + 1 == n || words[k] != BA_WORD_END)) {
            k++;
        }
        if (k == n) {
            found++;
            before[i > 0 && words[0] != BA_WORD_BEGIN ? counts->tokens[i - 1] : 255] = 1;
        }
    }
    *n_before = 0;
    for (size_t w = 0; w < 255; w++) {
        *n_before += before[w];
    }
    return found;
}

static void
check_below(const ba_counts_t *counts, uint32_t *words, size_t k, size_t entry, size_t *n)
{
    const ba_count_level_t *level = &counts->level[k];
    size_t n_before, found;

    words[k] = level->word[entry];
    found = search(counts, words, k + 1, &n_before);
    assert_int_equal(level->count[entry], found);
    assert_int_equal(level->adjusted[entry],
        k + 1 == counts->order || words[0] == BA_WORD_BEGIN ? found : n_before);
    n[k]++;
    for (size_t c = level->first ? level->first[entry] : 0;
         level->first && c < level->first[entry + 1]; c++) {
        assert_true(c == level->first[entry] ||
                    counts->level[k + 1].word[c - 1] < counts->level[k + 1].word[c]);
        check_below(counts, words, k + 1, c, n);
    }
}

static void
test_equals_a_search(void **state)
{
    (void) state;
    for (size_t order = 1; order <= 5; order++) {
        ba_corpus_t *corpus;
        ba_counts_t counts;
        uint32_t words[BA_NGRAM_MAX_ORDER];
        size_t n[BA_NGRAM_MAX_ORDER] = {0}, total;

        assert_int_equal(ba_corpus_new(&corpus), BA_OK);
        test_random_sentences(corpus, 30, 8, order);
        count(corpus, order, &counts);
        for (size_t w = 0; w < counts.n_words; w++) {
            check_below(&counts, words, 0, w, n);
        }
        for (size_t k = 0; k < order; k++) {
            assert_int_equal(n[k], counts.level[k].n);
            total = 0;
            for (size_t e = 0; e < n[k]; e++) {
                total += counts.level[k].count[e];
            }
            assert_true(k > 0 || total == counts.n_tokens);
        }
        ba_counts_free(&counts);
        ba_ngram_free(ngram);
        ba_corpus_free(corpus);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_equals_a_search)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
