/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "lm/ngram_impl.h"
#include "tests/lmlib.h"

static void
make(size_t order, ba_corpus_t **corpus, ba_ngram_t **out)
{
    ba_ngram_opts_t opts = ba_ngram_opts_default();

    opts.order = order;
    assert_int_equal(ba_corpus_new(corpus), BA_OK);
    test_random_sentences(*corpus, 50, 9, 5);
    assert_int_equal(ba_ngram_train(NULL, *corpus, &opts, out, NULL), BA_OK);
}

/* The end of a sentence summed out, over words alone; the same for any threads and any
 * company; a word that is not known cuts the history. */
static void
test_running_words(void **state)
{
    ba_corpus_t *corpus;
    ba_ngram_t *ngram;
    ba_language_t language;
    ba_ctx_t ctx = ba_ctx_default();
    size_t begin = BA_WORD_BEGIN;

    (void) state;
    for (size_t order = 1; order <= 3; order++) {
        double p[64], q[64], got[3 * 64], twice[3 * 64], sum, n_sum = 0.0;
        size_t n, histories[6] = {4, 5, SIZE_MAX, 6, 3, SIZE_MAX}, width;

        make(order, &corpus, &ngram);
        language = ba_ngram_language(ngram);
        n = language.n_words;
        width = language.n_context;
        assert_int_equal(width, order - 1);
        ctx.n_threads = 1;
        assert_int_equal(language.next(language.model, &ctx, histories, 3, got), BA_OK);
        ctx.n_threads = 2;
        assert_int_equal(language.next(language.model, &ctx, histories, 3, twice), BA_OK);
        assert_memory_equal(got, twice, 3 * n * sizeof *got);
        assert_int_equal(
            language.next(language.model, &ctx, histories + width, 1, twice), BA_OK);
        assert_memory_equal(got + n, twice, n * sizeof *got);
        ba_ngram_distribution(ngram, &begin, 1, q);
        ba_ngram_distribution(ngram, histories, width, p);
        sum = 1.0 - p[BA_WORD_UNKNOWN] - p[BA_WORD_END] +
              p[BA_WORD_END] * (1.0 - q[BA_WORD_UNKNOWN] - q[BA_WORD_END]);
        for (size_t w = 0; w < n; w++) {
            assert_close(got[w],
                w < BA_WORD_FIRST ? 0.0 : (p[w] + p[BA_WORD_END] * q[w]) / sum, 1e-14);
            n_sum += got[w];
        }
        assert_close(n_sum, 1.0, 1e-12);
        if (order == 3) {
            /* The history (not known, 6) is that of 6 alone. */
            ba_ngram_distribution(ngram, histories + 3, 1, p);
            assert_close(got[n + 5] / got[n + 4],
                (p[5] + p[BA_WORD_END] * q[5]) / (p[4] + p[BA_WORD_END] * q[4]), 1e-12);
        }
        ba_ngram_free(ngram);
        ba_corpus_free(corpus);
    }
}

static void
test_names_words(void **state)
{
    ba_corpus_t *corpus;
    ba_ngram_t *ngram;
    ba_language_t language;

    (void) state;
    make(2, &corpus, &ngram);
    language = ba_ngram_language(ngram);
    assert_string_equal(language.word(language.model, 3), ba_ngram_word(ngram, 3));
    assert_int_equal(language.find(language.model, ba_ngram_word(ngram, 4)), 4);
    assert_true(language.find(language.model, "</s>") == SIZE_MAX);
    assert_true(language.find(language.model, "nowhere") == SIZE_MAX);
    ba_ngram_free(ngram);
    ba_corpus_free(corpus);
}

/* Against sorting everything. */
static void
test_nucleus_equals_sorting(void **state)
{
    enum { N = 50 };
    double p[N];
    unsigned char allowed[N];
    uint64_t seed = 9;

    (void) state;
    for (size_t trial = 0; trial < 300; trial++) {
        size_t words[N], order[N], n_most = 1 + trial % N, n = 0, n_wanted = 0, got;
        double mass = (double) (trial % 11) / 10.0, sum = 0.0, reached = 0.0;

        for (size_t w = 0; w < N; w++) {
            p[w] = (double) (test_random(&seed) % 7); /* ties, and zeros */
            allowed[w] = test_random(&seed) % 4 != 0;
            if (p[w] > 0.0 && allowed[w]) {
                order[n++] = w;
                sum += p[w];
            }
        }
        for (size_t i = 1; i < n; i++) {
            for (size_t k = i; k > 0 && p[order[k]] > p[order[k - 1]]; k--) {
                size_t swap = order[k];

                order[k] = order[k - 1];
                order[k - 1] = swap;
            }
        }
        while (n_wanted < n && n_wanted < n_most &&
               (n_wanted == 0 || reached < mass * sum)) {
            reached += p[order[n_wanted++]];
        }
        got = ba_language_nucleus(p, N, allowed, mass, n_most, words);
        assert_int_equal(got, n_wanted);
        for (size_t i = 0; i < got; i++) {
            assert_int_equal(words[i], order[i]);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_words),
        cmocka_unit_test(test_names_words),
        cmocka_unit_test(test_nucleus_equals_sorting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
