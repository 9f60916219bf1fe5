/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modified Kneser-Ney against its definition, written out over lists of n-grams, and
 * against numbers worked out by hand. */
#include "tests/testlib.h"

#include "lm/ngram_impl.h"
#include "tests/lmlib.h"

/* ---- the definition ---- */

enum { MOST_TOKENS = 4000 };

typedef struct {
    size_t tokens[MOST_TOKENS], n, n_words, order;
    size_t most[BA_NGRAM_MAX_ORDER]; /* left out by so many occurrences or fewer */
    const ba_ngram_info_t *info;
} text_t;

static int
is_at(const text_t *text, size_t i, const size_t *words, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (i + k >= text->n || text->tokens[i + k] != words[k] ||
            (k + 1 < n && words[k] == BA_WORD_END)) {
            return 0;
        }
    }
    return 1;
}

static size_t
occurrences(const text_t *text, const size_t *words, size_t n)
{
    size_t found = 0;

    for (size_t i = 0; i < text->n; i++) {
        found += (size_t) is_at(text, i, words, n);
    }
    return found;
}

static double
adjusted(const text_t *text, const size_t *words, size_t n)
{
    unsigned char before[128] = {0};
    double found = 0.0;

    if (n == text->order || words[0] == BA_WORD_BEGIN) {
        return (double) occurrences(text, words, n);
    }
    for (size_t i = 1; i < text->n; i++) {
        if (is_at(text, i, words, n) && !before[text->tokens[i - 1]]) {
            before[text->tokens[i - 1]] = 1;
            found += 1.0;
        }
    }
    return found;
}

static double
discount(const text_t *text, double a, size_t n)
{
    return a == 0.0 ? 0.0 : text->info->discount[n - 1][a < 3.0 ? (int) a - 1 : 2];
}

/* p(words[n - 1] | the ones before). */
static double
probability(const text_t *text, const size_t *words, size_t n)
{
    double total = 0.0, given = 0.0, own = 0.0;
    size_t gram[BA_NGRAM_MAX_ORDER];

    memcpy(gram, words, n * sizeof *gram);
    for (size_t w = 0; w < text->n_words; w++) {
        double a, d;
        int is_kept;

        gram[n - 1] = w;
        a = w == BA_WORD_BEGIN ? 0.0 : adjusted(text, gram, n);
        d = discount(text, a, n);
        is_kept = n == 1 || occurrences(text, gram, n) > text->most[n - 1];
        total += a;
        given += is_kept ? d : a;
        own = w == words[n - 1] && is_kept ? a - d : own;
    }
    if (n == 1) {
        return own / total + given / total / ((double) text->n_words - 1.0);
    }
    return total > 0.0 ? own / total + given / total * probability(text, words + 1, n - 1)
                       : probability(text, words + 1, n - 1);
}

static void
copy_text(const ba_corpus_t *corpus, const ba_ngram_t *ngram, text_t *text)
{
    size_t at = 0;

    text->n = 0;
    text->n_words = ba_ngram_n_words(ngram);
    text->order = ba_ngram_order(ngram);
    for (size_t s = 0; s < corpus->n_sentences; s++) {
        text->tokens[text->n++] = BA_WORD_BEGIN;
        for (; at < corpus->stop[s]; at++) {
            size_t word = ba_ngram_find(
                ngram, ba_texts_get(&corpus->words.texts, corpus->tokens[at]));

            text->tokens[text->n++] = word == SIZE_MAX ? (size_t) BA_WORD_UNKNOWN : word;
        }
        text->tokens[text->n++] = BA_WORD_END;
    }
}

/* ---- tests ---- */

/* Every n-gram of the orders asked for, seen or not. */
static void
compare(const ba_ngram_t *ngram, const text_t *text)
{
    size_t words[3];

    for (size_t a = 0; a < text->n_words; a++) {
        words[0] = a;
        if (a != BA_WORD_BEGIN) {
            assert_close(exp(ba_ngram_log_p(ngram, NULL, 0, a)),
                probability(text, words, 1), 1e-13);
        }
        for (size_t b = 0; b < text->n_words; b++) {
            words[1] = b;
            if (b != BA_WORD_BEGIN) {
                assert_close(exp(ba_ngram_log_p(ngram, words, 1, b)),
                    text->order > 1 ? probability(text, words, 2)
                                    : probability(text, words + 1, 1),
                    1e-13);
            }
            words[2] = (a * 7 + b * 3) % text->n_words;
            if (words[2] != BA_WORD_BEGIN && text->order > 2) {
                assert_close(exp(ba_ngram_log_p(ngram, words, 2, words[2])),
                    probability(text, words, 3), 1e-13);
            }
        }
    }
}

static void
test_equals_the_definition(void **state)
{
    static const size_t prune[] = {0, 1, 2};

    (void) state;
    for (size_t order = 1; order <= 3; order++) {
        for (size_t pruned = 0; pruned < 2; pruned++) {
            ba_corpus_t *corpus;
            ba_ngram_t *ngram;
            ba_ngram_info_t info;
            ba_ngram_opts_t opts = ba_ngram_opts_default();
            static text_t text;

            opts.order = order;
            opts.prune = prune;
            opts.n_prune = pruned ? 3 : 0;
            opts.min_count = 3;
            assert_int_equal(ba_corpus_new(&corpus), BA_OK);
            test_random_sentences(corpus, 60, 12, order);
            assert_int_equal(ba_ngram_train(NULL, corpus, &opts, &ngram, &info), BA_OK);
            text.info = &info;
            for (size_t k = 0; k < 3; k++) {
                text.most[k] = pruned ? prune[k] : 0;
            }
            copy_text(corpus, ngram, &text);
            assert_true(!pruned || order == 1 ||
                        info.n_kept[order - 1] < info.n_counted[order - 1]);
            compare(ngram, &text);
            ba_ngram_free(ngram);
            ba_corpus_free(corpus);
        }
    }
}

/* "a b", "a b", "a": counts too few for discounts of their own, so D(1) = 0.5, D(2) = 1,
 * D(3) = 1.5. Adjusted unigrams: a 1 (after <s>), b 1 (after a), </s> 2 (after b and a):
 * 4 in all; given away 0.5 + 0.5 + 1 = 2, over a, b, </s>, <unk>: 0.125 each.
 *   p(a) = p(b) = 0.5/4 + 0.125 = 0.25, p(</s>) = 1/4 + 0.125 = 0.375, p(<unk>) = 0.125
 * Bigrams: after a: b 2, </s> 1, so given 1.5 of 3, backoff 0.5:
 *   p(b | a) = 1/3 + 0.5 0.25, p(</s> | a) = 0.5/3 + 0.5 0.375, p(a | a) = 0.5 0.25;
 * after <s>: a 3, given 1.5 of 3: p(a | <s>) = 0.5 + 0.5 0.25. */
static void
test_equals_work_by_hand(void **state)
{
    static const char *const sentences[] = {"a b", "a b", "a"};
    ba_corpus_t *corpus;
    ba_ngram_t *ngram;
    ba_ngram_info_t info;
    ba_ngram_opts_t opts = ba_ngram_opts_default();
    size_t a, b, begin = BA_WORD_BEGIN;

    (void) state;
    opts.order = 2;
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    test_add_sentences(corpus, sentences, 3);
    assert_int_equal(ba_ngram_train(NULL, corpus, &opts, &ngram, &info), BA_OK);
    a = ba_ngram_find(ngram, "a");
    b = ba_ngram_find(ngram, "b");
    assert_true(info.is_fallback[0] && info.is_fallback[1]);
    assert_close(exp(ba_ngram_log_p(ngram, NULL, 0, a)), 0.25, 1e-15);
    assert_close(exp(ba_ngram_log_p(ngram, NULL, 0, b)), 0.25, 1e-15);
    assert_close(exp(ba_ngram_log_p(ngram, NULL, 0, BA_WORD_END)), 0.375, 1e-15);
    assert_close(exp(ba_ngram_log_p(ngram, NULL, 0, BA_WORD_UNKNOWN)), 0.125, 1e-15);
    assert_close(exp(ba_ngram_log_p(ngram, &a, 1, b)), 1.0 / 3 + 0.125, 1e-15);
    assert_close(exp(ba_ngram_log_p(ngram, &a, 1, BA_WORD_END)), 0.5 / 3 + 0.1875, 1e-15);
    assert_close(exp(ba_ngram_log_p(ngram, &a, 1, a)), 0.125, 1e-15);
    assert_close(exp(ba_ngram_log_p(ngram, &begin, 1, a)), 0.625, 1e-15);
    ba_ngram_free(ngram);
    ba_corpus_free(corpus);
}

/* Numbers n_1 .. n_4 of bigrams that are set by hand give the closed form. */
static void
test_discounts_are_those_of_the_counts(void **state)
{
    ba_corpus_t *corpus;
    ba_ngram_t *ngram;
    ba_ngram_info_t info;
    ba_ngram_opts_t opts = ba_ngram_opts_default();
    size_t total[5] = {0, 5, 3, 2, 1};
    double y = 5.0 / 11.0;

    (void) state;
    opts.order = 1;
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    for (size_t count = 1; count <= 4; count++) {
        for (size_t i = 0; i < total[count]; i++) {
            char text[64];
            const char *word = text;

            snprintf(text, sizeof text, "%zu-%zu", count, i);
            for (size_t k = 0; k < count; k++) {
                assert_int_equal(ba_corpus_add(corpus, &word, 1), BA_OK);
            }
        }
    }
    assert_int_equal(ba_ngram_train(NULL, corpus, &opts, &ngram, &info), BA_OK);
    assert_false(info.is_fallback[0]);
    assert_close(info.discount[0][0], 1.0 - 2.0 * y * 3.0 / 5.0, 1e-15);
    assert_close(info.discount[0][1], 2.0 - 3.0 * y * 2.0 / 3.0, 1e-15);
    assert_close(info.discount[0][2], 3.0 - 4.0 * y * 1.0 / 2.0, 1e-15);
    ba_ngram_free(ngram);
    ba_corpus_free(corpus);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_the_definition),
        cmocka_unit_test(test_equals_work_by_hand),
        cmocka_unit_test(test_discounts_are_those_of_the_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
