/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "lm/ngram_impl.h"
#include "tests/lmlib.h"

static void
make(size_t order, size_t prune_above, ba_corpus_t **corpus, ba_ngram_t **out)
{
    ba_ngram_opts_t opts = ba_ngram_opts_default();
    size_t prune[2] = {0, prune_above};

    opts.order = order;
    opts.prune = prune;
    opts.n_prune = 2;
    assert_int_equal(ba_corpus_new(corpus), BA_OK);
    test_random_sentences(*corpus, 80, 15, 11 + order);
    assert_int_equal(ba_ngram_train(NULL, *corpus, &opts, out, NULL), BA_OK);
}

/* The probabilities of all words sum to 1 after any context: seen, unseen, too long, with
 * words that never come; and one word alone gets the same as among all. */
static void
test_sums_to_one_after_every_context(void **state)
{
    (void) state;
    for (size_t order = 1; order <= 4; order++) {
        ba_corpus_t *corpus;
        ba_ngram_t *ngram;
        double p[64];
        size_t n, context[3];

        make(order, order % 2, &corpus, &ngram);
        n = ba_ngram_n_words(ngram);
        for (size_t i = 0; i < n * n * n; i++) {
            context[0] = i / n / n;
            context[1] = i / n % n;
            context[2] = i % n;
            for (size_t length = i % 4; length <= 3; length += 3) {
                double sum = 0.0;

                ba_ngram_distribution(ngram, context, length, p);
                for (size_t w = 0; w < n; w++) {
                    sum += p[w];
                    assert_close(
                        exp(ba_ngram_log_p(ngram, context, length, w)), p[w], 1e-14);
                }
                assert_close(sum, 1.0, 1e-12);
                assert_true(p[BA_WORD_BEGIN] == 0.0);
            }
        }
        ba_ngram_free(ngram);
        ba_corpus_free(corpus);
    }
}

/* The score of a text is the product over its words, taken one by one. */
static void
test_scores_a_text(void **state)
{
    static const char *const sentences[] = {"w0 w1", "w0 nowhere w2"};
    ba_corpus_t *corpus, *text;
    ba_ngram_t *ngram;
    ba_text_score_t total, each[2];
    size_t b = BA_WORD_BEGIN, w[3], first[3], unknown[4];
    double log_p;

    (void) state;
    make(3, 0, &corpus, &ngram);
    assert_int_equal(ba_corpus_new(&text), BA_OK);
    test_add_sentences(text, sentences, 2);
    assert_int_equal(ba_ngram_score(ngram, text, &total, each), BA_OK);
    for (size_t i = 0; i < 3; i++) {
        char word[8];

        snprintf(word, sizeof word, "w%zu", i);
        w[i] = ba_ngram_find(ngram, word);
    }
    first[0] = b;
    first[1] = w[0];
    first[2] = w[1];
    log_p = ba_ngram_log_p(ngram, first, 1, w[0]) +
            ba_ngram_log_p(ngram, first, 2, w[1]) +
            ba_ngram_log_p(ngram, first, 3, BA_WORD_END);
    assert_close(each[0].log_p, log_p, 1e-12);
    assert_close(each[0].perplexity, exp(-log_p / 3.0), 1e-9);
    unknown[0] = b;
    unknown[1] = w[0];
    unknown[2] = BA_WORD_UNKNOWN;
    unknown[3] = w[2];
    log_p = ba_ngram_log_p(ngram, unknown, 1, w[0]) +
            ba_ngram_log_p(ngram, unknown, 3, w[2]) +
            ba_ngram_log_p(ngram, unknown, 4, BA_WORD_END);
    assert_int_equal(each[1].n_unknown, 1);
    assert_close(each[1].log_p_known, log_p, 1e-12);
    assert_close(
        each[1].log_p, log_p + ba_ngram_log_p(ngram, unknown, 2, BA_WORD_UNKNOWN), 1e-12);
    assert_close(total.log_p, each[0].log_p + each[1].log_p, 1e-12);
    assert_int_equal(total.n_words, 5);
    assert_close(total.perplexity, exp(-total.log_p / 7.0), 1e-9);
    assert_close(total.perplexity_known, exp(-total.log_p_known / 6.0), 1e-9);
    ba_corpus_free(text);
    ba_ngram_free(ngram);
    ba_corpus_free(corpus);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_to_one_after_every_context),
        cmocka_unit_test(test_scores_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
