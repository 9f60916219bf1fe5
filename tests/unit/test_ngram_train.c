/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "lm/ngram_impl.h"
#include "tests/lmlib.h"

static void
test_chooses_words(void **state)
{
    static const char *const sentences[] = {"a b a c", "a b d"};
    static const char *const words[] = {"b", "z"};
    ba_corpus_t *corpus;
    ba_ngram_t *ngram;
    ba_ngram_info_t info;
    ba_ngram_opts_t opts = ba_ngram_opts_default();

    (void) state;
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    test_add_sentences(corpus, sentences, 2);
    opts.min_count = 2;
    assert_int_equal(ba_ngram_train(NULL, corpus, &opts, &ngram, &info), BA_OK);
    assert_int_equal(ba_ngram_n_words(ngram), BA_WORD_FIRST + 2);
    assert_int_equal(info.n_unknown, 2);
    assert_true(ba_ngram_find(ngram, "c") == SIZE_MAX);
    ba_ngram_free(ngram);
    opts.vocabulary = words;
    opts.n_vocabulary = 2;
    assert_int_equal(ba_ngram_train(NULL, corpus, &opts, &ngram, &info), BA_OK);
    assert_int_equal(ba_ngram_n_words(ngram), BA_WORD_FIRST + 2);
    assert_int_equal(info.n_unknown, 5);
    assert_true(ba_ngram_log_p(ngram, NULL, 0, ba_ngram_find(ngram, "z")) > -20.0);
    ba_ngram_free(ngram);
    ba_corpus_free(corpus);
}

static void
check_refused(ba_corpus_t *corpus, const ba_ngram_opts_t *opts, int code, const char *why)
{
    ba_ngram_t *ngram;

    assert_int_equal(ba_ngram_train(NULL, corpus, opts, &ngram, NULL), code);
    assert_null(ngram);
    assert_contains(ba_error_message(), why);
}

static void
test_refuses_bad_options(void **state)
{
    static const char *const sentences[] = {"a"};
    static const size_t falling[] = {0, 2, 1}, words[] = {1};
    ba_corpus_t *corpus;
    ba_ngram_opts_t opts = ba_ngram_opts_default();

    (void) state;
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    check_refused(corpus, &opts, BA_SHAPE, "no words");
    test_add_sentences(corpus, sentences, 1);
    opts.order = 0;
    check_refused(corpus, &opts, BA_VALUE, "order: found 0, wanted 1 to 8");
    opts.order = 9;
    check_refused(corpus, &opts, BA_VALUE, "found 9");
    opts.order = 3;
    opts.min_count = 0;
    check_refused(corpus, &opts, BA_VALUE, "min-count");
    opts.min_count = 1;
    opts.prune = falling;
    opts.n_prune = 3;
    check_refused(corpus, &opts, BA_VALUE, "found 1 for order 3");
    opts.prune = words;
    opts.n_prune = 1;
    check_refused(corpus, &opts, BA_VALUE, "found 1 for order 1");
    ba_corpus_free(corpus);
}

static void
test_survives_failing_allocations(void **state)
{
    ba_corpus_t *corpus;
    ba_ngram_opts_t opts = ba_ngram_opts_default();
    int status = BA_NOMEM;

    (void) state;
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    test_random_sentences(corpus, 20, 6, 1);
    for (size_t n = 1; status != BA_OK; n++) {
        ba_ngram_t *ngram = NULL;

        ba_alloc_fail_at(n);
        status = ba_ngram_train(NULL, corpus, &opts, &ngram, NULL);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || (status == BA_NOMEM && !ngram));
        ba_ngram_free(ngram);
    }
    ba_corpus_free(corpus);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chooses_words),
        cmocka_unit_test(test_refuses_bad_options),
        cmocka_unit_test(test_survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
