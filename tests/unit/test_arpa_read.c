/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/ngram_file.h"
#include "core/alloc.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE + 16];

static int
read_model(const char *text, ba_ngram_t **out)
{
    FILE *file;

    snprintf(path, sizeof path, "%s/m.arpa", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return ba_ngram_read(path, out);
}

/* As SRILM writes it: text before the data, tabs, no back-off where nothing follows, no
 * <unk>, n-grams in no order. */
static void
test_reads_a_model(void **state)
{
    ba_ngram_t *ngram;
    size_t a, b, pair[2] = {BA_WORD_BEGIN, 0};

    (void) state;
    assert_int_equal(
        read_model("made by hand\n\n\\data\\\nngram 1=4\nngram  2 = 3\n\n\\1-grams:\n"
                   "-0.5\tb\t-0.25\n-99\t<s>\t-0.125\n-1 a  -0.5 \r\n-0.75\t</s>\n\n"
                   "\\2-grams:\n-0.3\ta b\n-0.2\t<s> a\n-0.1\tb </s>\n\n\\end\\\n",
            &ngram),
        BA_OK);
    a = ba_ngram_find(ngram, "a");
    b = ba_ngram_find(ngram, "b");
    assert_int_equal(ba_ngram_order(ngram), 2);
    assert_int_equal(ba_ngram_n_words(ngram), 5);
    assert_close(ba_ngram_log_p(ngram, &a, 1, b), -0.3 * log(10.0), 1e-14);
    assert_close(ba_ngram_log_p(ngram, &a, 1, a), -1.5 * log(10.0), 1e-14);
    assert_close(ba_ngram_log_p(ngram, pair, 1, a), -0.2 * log(10.0), 1e-14);
    assert_close(ba_ngram_log_p(ngram, pair, 1, b), -0.625 * log(10.0), 1e-14);
    assert_true(ba_ngram_log_p(ngram, NULL, 0, BA_WORD_UNKNOWN) == -(double) INFINITY);
    assert_true(ba_ngram_log_p(ngram, NULL, 0, BA_WORD_BEGIN) == -(double) INFINITY);
    ba_ngram_free(ngram);
}

#define HEAD "\\data\\\nngram 1=2\nngram 2=1\n\n\\1-grams:\n-0.5 a -0.1\n-0.5 b\n"

static void
test_names_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *why;
        int code;
    } bad[] = {
        {"nothing\n", "found the end of the file, wanted a line \\data\\", BA_FORMAT},
        {"\\data\\\nngram 2=1\n", "line 2: found 'ngram 2=1', wanted 'ngram 1=COUNT'",
            BA_FORMAT},
        {"\\data\\\n\\1-grams:\n", "line 2: found '\\1-grams:'", BA_FORMAT},
        {"\\data\\\nngram 1=1\n\\2-grams:\n", "wanted \\1-grams:", BA_FORMAT},
        {"\\data\\\nngram 1=2\n\\1-grams:\n-1 a\n\\end\\\n",
            "line 5: 1 1-grams, but 2 were declared", BA_FORMAT},
        {"\\data\\\nngram 1=1\n\\1-grams:\nx a\n\\end\\\n",
            "line 4: found no log10 probability", BA_FORMAT},
        {"\\data\\\nngram 1=1\n\\1-grams:\n0.5 a\n\\end\\\n",
            "line 4: found no log10 probability of 0 or below", BA_FORMAT},
        {"\\data\\\nngram 1=1\n\\1-grams:\n-1\n\\end\\\n", "line 4: found too few words",
            BA_FORMAT},
        {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a b\n\\end\\\n",
            "line 4: found no log10 back-off within 99 of 0", BA_FORMAT},
        {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a -400\n\\end\\\n",
            "line 4: found no log10 back-off within 99 of 0", BA_FORMAT},
        {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a -1 -1\n\\end\\\n",
            "line 4: found too many fields", BA_FORMAT},
        {"\\data\\\nngram 1=2\n\\1-grams:\n-1 a\n-1 a\n\\end\\\n",
            "line 5: the 1-gram of line 4 again", BA_FORMAT},
        {HEAD "\\2-grams:\n-1 a c\n\\end\\\n", "line 9: 'c' is no 1-gram", BA_FORMAT},
        {HEAD "\\2-grams:\n-1 a b\n", "found the end of the file, wanted \\end\\",
            BA_FORMAT},
        {"\\data\\\nngram 1=1\nngram 2=1\nngram 3=1\n\\1-grams:\n-1 a\n\\2-grams:\n-1 a "
         "a\n\\3-grams:\n-1 a </s> a\n\\end\\\n",
            "line 10: a 3-gram whose first 2 words are no 2-gram", BA_FORMAT},
        {"\\data\\\nngram 1=1\nngram 2=1\nngram 3=1\nngram 4=1\nngram 5=1\nngram 6=1\n"
         "ngram 7=1\nngram 8=1\nngram 9=1\n",
            "line 10: order 9, wanted at most 8", BA_UNSUPPORTED},
    };
    ba_ngram_t *ngram;

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_model(bad[i].text, &ngram), bad[i].code);
        assert_contains(ba_error_message(), bad[i].why);
        assert_contains(ba_error_message(), "m.arpa: ");
        assert_null(ngram);
    }
    assert_int_equal(ba_ngram_read("/nowhere/m.arpa", &ngram), BA_IO);
}

static void
test_survives_failing_allocations(void **state)
{
    ba_ngram_t *ngram;
    int status = BA_NOMEM;

    (void) state;
    assert_int_equal(read_model(HEAD "\\2-grams:\n-1 a b\n\\end\\\n", &ngram), BA_OK);
    ba_ngram_free(ngram);
    for (size_t n = 1; status != BA_OK; n++) {
        ba_alloc_fail_at(n);
        status = ba_ngram_read(path, &ngram);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || (status == BA_NOMEM && !ngram));
        ba_ngram_free(ngram);
    }
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
        cmocka_unit_test(test_reads_a_model),
        cmocka_unit_test(test_names_what_is_wrong),
        cmocka_unit_test(test_survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
