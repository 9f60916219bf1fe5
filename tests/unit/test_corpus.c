/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "lm/ngram_impl.h"
#include "tests/lmlib.h"

static void
test_holds_sentences(void **state)
{
    static const char *const sentences[] = {"a b a", "", "b <unk> c"};
    ba_corpus_t *corpus;

    (void) state;
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    test_add_sentences(corpus, sentences, 3);
    assert_int_equal(ba_corpus_n_sentences(corpus), 2);
    assert_int_equal(ba_corpus_n_words(corpus), 6);
    assert_int_equal(corpus->words.texts.n, 3);
    assert_int_equal(corpus->tokens[0], corpus->tokens[2]);
    assert_int_equal(corpus->tokens[1], corpus->tokens[3]);
    assert_true(corpus->tokens[4] == UNKNOWN_TOKEN);
    assert_int_equal(corpus->stop[0], 3);
    assert_int_equal(corpus->stop[1], 6);
    ba_corpus_free(corpus);
}

static void
test_refuses_markers(void **state)
{
    const char *words[] = {"a", "</s>"};
    ba_corpus_t *corpus;

    (void) state;
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    assert_int_equal(ba_corpus_add(corpus, words, 2), BA_FORMAT);
    assert_contains(ba_error_message(), "word 2 is </s>");
    words[1] = "New York";
    assert_int_equal(ba_corpus_add(corpus, words, 2), BA_FORMAT);
    assert_contains(ba_error_message(), "word 2 is 'New York', wanted words without");
    assert_int_equal(ba_corpus_n_words(corpus), 0);
    ba_corpus_free(corpus);
}

static void
test_survives_failing_allocations(void **state)
{
    const char *words[] = {"a", "b"};
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status != BA_OK; n++) {
        ba_corpus_t *corpus = NULL;

        ba_alloc_fail_at(n);
        status = ba_corpus_new(&corpus);
        status = status == BA_OK ? ba_corpus_add(corpus, words, 2) : status;
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_corpus_free(corpus);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_sentences),
        cmocka_unit_test(test_refuses_markers),
        cmocka_unit_test(test_survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
