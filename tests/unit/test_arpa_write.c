/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/ngram_file.h"
#include "lm/ngram_impl.h"
#include "tests/lmlib.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE + 16];

static void
make(size_t order, ba_ngram_t **out)
{
    ba_corpus_t *corpus;
    ba_ngram_opts_t opts = ba_ngram_opts_default();
    static const size_t prune[] = {0, 0, 1};

    opts.order = order;
    opts.prune = prune;
    opts.n_prune = 3;
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    test_random_sentences(corpus, 60, 10, 2);
    assert_int_equal(ba_ngram_train(NULL, corpus, &opts, out, NULL), BA_OK);
    ba_corpus_free(corpus);
}

/* What is read back says the same, to the 9 digits written. */
static void
test_reads_back(void **state)
{
    (void) state;
    for (size_t order = 1; order <= 4; order++) {
        ba_ngram_t *ngram, *back;
        double p[64], q[64];
        size_t n;

        snprintf(path, sizeof path, "%s/%zu.arpa", folder, order);
        make(order, &ngram);
        assert_int_equal(ba_ngram_write(ngram, path, 0), BA_OK);
        assert_int_equal(ba_ngram_read(path, &back), BA_OK);
        n = ba_ngram_n_words(ngram);
        assert_int_equal(ba_ngram_n_words(back), n);
        for (size_t k = 1; k <= order; k++) {
            assert_int_equal(ba_ngram_count(back, k), ba_ngram_count(ngram, k));
        }
        for (size_t i = 0; i < n * n * n; i++) {
            size_t context[3] = {i / n / n, i / n % n, i % n}, other[3];

            for (size_t k = 0; k < 3; k++) {
                other[k] = ba_ngram_find(back, ba_ngram_word(ngram, context[k]));
            }
            ba_ngram_distribution(ngram, context, 3, p);
            ba_ngram_distribution(back, other, 3, q);
            for (size_t w = 0; w < n; w++) {
                assert_close(p[w], q[ba_ngram_find(back, ba_ngram_word(ngram, w))], 1e-8);
            }
        }
        ba_ngram_free(ngram);
        ba_ngram_free(back);
    }
}

/* The lines of a model that is small enough to know. */
static void
test_writes_the_format(void **state)
{
    static const char *const sentences[] = {"a"};
    static const char wanted[] = "\\data\\\nngram 1=4\nngram 2=2\n\n\\1-grams:\n"
                                 "-0.77815125\t<unk>\n-99\t<s>\t-0.301029996\n"
                                 "-0.380211242\t</s>\n-0.380211242\ta\t-0.301029996\n\n"
                                 "\\2-grams:\n-0.14976232\t<s> a\n-0.14976232\ta </s>\n"
                                 "\n\\end\\\n";
    ba_corpus_t *corpus;
    ba_ngram_t *ngram;
    ba_ngram_opts_t opts = ba_ngram_opts_default();
    char text[512] = "";
    FILE *file;

    (void) state;
    opts.order = 2;
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    test_add_sentences(corpus, sentences, 1);
    assert_int_equal(ba_ngram_train(NULL, corpus, &opts, &ngram, NULL), BA_OK);
    snprintf(path, sizeof path, "%s/small.arpa", folder);
    assert_int_equal(ba_ngram_write(ngram, path, 0), BA_OK);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, wanted);
    assert_int_equal(ba_ngram_write(ngram, path, 0), BA_EXISTS);
    assert_int_equal(ba_ngram_write(ngram, path, 1), BA_OK);
    ba_ngram_free(ngram);
    ba_corpus_free(corpus);
}

static int
set_up(void **state)
{
    (void) state;
    test_make_folder(folder);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_back),
        cmocka_unit_test(test_writes_the_format),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
