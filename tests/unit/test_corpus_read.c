/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/ngram_file.h"
#include "lm/ngram_impl.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE + 16];

static const char *
file_of(const char *name, const char *text)
{
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void
check_sentences(ba_corpus_t *corpus, const char *wanted)
{
    char text[512] = "";
    size_t at = 0;

    for (size_t s = 0; s < corpus->n_sentences; s++) {
        for (; at < corpus->stop[s]; at++) {
            strcat(text, corpus->tokens[at] == UNKNOWN_TOKEN
                             ? "<unk>"
                             : ba_texts_get(&corpus->words.texts, corpus->tokens[at]));
            strcat(text, at + 1 < corpus->stop[s] ? " " : "|");
        }
    }
    assert_string_equal(text, wanted);
    ba_corpus_free(corpus);
}

static ba_corpus_t *
read_text(const char *text, const ba_text_opts_t *opts)
{
    ba_corpus_t *corpus;

    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    assert_int_equal(ba_corpus_read_text(corpus, file_of("t.txt", text), opts), BA_OK);
    return corpus;
}

static void
test_reads_lines(void **state)
{
    static const ba_text_opts_t both = {.lowercase = 1, .strip_punctuation = 1};

    (void) state;
    check_sentences(read_text("The  cat\tsat.\r\n\n - \nIt's <unk>!", NULL),
        "The cat sat.|-|It's <unk>!|");
    check_sentences(read_text("The  cat\tsat.\r\n\n - \n\"It's\" <unk> 3.5%", &both),
        "the cat sat|it's <unk> 3.5|");
    check_sentences(read_text("\xc3\x89t\xc3\xa9", &both), "\xc3\xa9t\xc3\xa9|");
    check_sentences(read_text("", NULL), "");
}

static void
test_names_the_line_of_a_marker(void **state)
{
    ba_corpus_t *corpus;

    (void) state;
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    assert_int_equal(
        ba_corpus_read_text(corpus, file_of("m.txt", "a\nb <s> c\n"), NULL), BA_FORMAT);
    assert_contains(ba_error_message(), "m.txt: line 2: word 2 is <s>");
    assert_int_equal(ba_corpus_read_text(corpus, "/nowhere/at/all", NULL), BA_IO);
    ba_corpus_free(corpus);
}

static void
test_reads_tables(void **state)
{
    const char *file;
    ba_corpus_t *corpus;
    ba_word_opts_t words = {.n_files = 1};

    (void) state;
    words.files = &file;
    file = file_of("w.csv", "run,onset,offset,word,sentence\n1,0,1,a,1\n1,1,2,b,1\n"
                            "1,2,3,c,2\n2,0,1,d,1\n");
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    assert_int_equal(ba_corpus_read_words(corpus, &words, NULL), BA_OK);
    check_sentences(corpus, "a b|c|d|");
    file = file_of("v.csv", "onset,offset,word\n0,1,a\n1,2,b\n2,3,c\n");
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    assert_int_equal(ba_corpus_read_words(corpus, &words, NULL), BA_OK);
    check_sentences(corpus, "a b c|");
    file = file_of("u.csv", "onset,offset\n0,1\n");
    assert_int_equal(ba_corpus_new(&corpus), BA_OK);
    assert_int_equal(ba_corpus_read_words(corpus, &words, NULL), BA_FORMAT);
    assert_contains(ba_error_message(), "no column of words");
    ba_corpus_free(corpus);
}

static void
test_reads_lists(void **state)
{
    char **words;
    size_t n;
    static const ba_text_opts_t lower = {.lowercase = 1};

    (void) state;
    assert_int_equal(
        ba_word_list_read(file_of("l.txt", "b\n\n A \nB\n"), &lower, &n, &words), BA_OK);
    assert_int_equal(n, 2);
    assert_string_equal(words[0], "b");
    assert_string_equal(words[1], "a");
    free(words);
    assert_int_equal(
        ba_word_list_read(file_of("e.txt", " \n"), NULL, &n, &words), BA_FORMAT);
    assert_contains(ba_error_message(), "found no words");
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
        cmocka_unit_test(test_reads_lines),
        cmocka_unit_test(test_names_the_line_of_a_marker),
        cmocka_unit_test(test_reads_tables),
        cmocka_unit_test(test_reads_lists),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
