/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "tests/faults/exhaust.h"

#include "core/alloc.h"
#include "datasets/words.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], second[TEST_PATH_SIZE];
static const char *files[2] = {path, second};

static int
make(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "story.one.csv");
    test_join(second, folder, "two.TextGrid");
    return 0;
}

static int
drop(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static void
put(const char *text)
{
    test_write_file(path, text, strlen(text));
}

static int
read_words(ba_word_opts_t opts, ba_words_t *words)
{
    opts.files = files;
    opts.n_files = opts.n_files ? opts.n_files : 1;
    return ba_words_read(&opts, words);
}

static void
must_read(ba_word_opts_t opts, ba_words_t *words)
{
    if (read_words(opts, words) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

static void
test_csv(void **state)
{
    ba_words_t words;
    char where[100];

    (void) state;
    /* A data frame's index has no name; null and NA are words; n/a and empty are no time.
     */
    put(",word,onset,offset,surprisal\n0,The,0.5,0.75,n/"
        "a\n1,null,0.75,1.0,2.5\n2,NA,,,3\n"
        "3,\"a, b\",n/a,2,4\n4,end.,2,n/a,5\n");
    must_read((ba_word_opts_t){0}, &words);
    assert_int_equal(words.n_words, 5);
    assert_int_equal(words.n_runs, 1);
    assert_string_equal(words.run_names[0], "story.one");
    assert_int_equal(words.n_missing, 2);
    assert_all_close(
        words.onset, ((double[]){0.5, 0.75, (double) NAN, (double) NAN, 2}), 5, 0);
    assert_all_close(
        words.offset, ((double[]){0.75, 1, (double) NAN, (double) NAN, 2}), 5, 0);
    assert_all_close(words.surprisal, ((double[]){0, 2.5, 3, 4, 5}), 5, 0);
    assert_int_equal(words.n_no_surprisal, 1);
    assert_true(words.has_text);
    assert_false(words.has_sentences);
    assert_string_equal(words.text[1], "null");
    assert_string_equal(words.text[3], "a, b");
    assert_contains(
        ba_words_where(&words, 4, where, sizeof where), "one.csv: row 5 ('end.')");
    ba_words_free(&words);
}

static void
test_events(void **state)
{
    ba_words_t words;

    (void) state;
    put("onset\tduration\ttrial_type\n-1.5\t0.5\ta\n3\tn/a\tb\n");
    must_read((ba_word_opts_t){0}, &words);
    assert_all_close(words.onset, ((double[]){-1.5, 3}), 2, 0);
    assert_all_close(words.offset, ((double[]){-1, 3}), 2, 0);
    assert_string_equal(words.text[1], "b");
    assert_null(words.surprisal);
    ba_words_free(&words);
}

static void
test_columns(void **state)
{
    ba_words_t words;

    (void) state;
    put("a,1000,1250\nb,1500,1600\n"); /* no header: numbers of columns */
    must_read(
        (ba_word_opts_t){.onset = "2", .offset = "3", .word = "1", .milliseconds = 1},
        &words);
    assert_all_close(words.onset, ((double[]){1, 1.5}), 2, 1e-15);
    assert_all_close(words.offset, ((double[]){1.25, 1.6}), 2, 1e-15);
    assert_string_equal(words.text[0], "a");
    ba_words_free(&words);
    put("begin,len,offset\n1,2,9\n");
    must_read((ba_word_opts_t){.onset = "begin", .duration = "len"}, &words);
    assert_close(
        words.offset[0], 3, 0); /* what was asked for goes before what is usual */
    assert_false(words.has_text);
    ba_words_free(&words);
}

static void
test_runs(void **state)
{
    ba_words_t words;

    (void) state;
    put("run,sentence,word,onset,duration\n1,1,a,0,1\n1,1,b,1,1\n1,2,c,2,1\n2,2,d,0,1\n"
        "2,3,e,1,1\n2,3,f,2,1\n");
    must_read((ba_word_opts_t){0}, &words);
    assert_int_equal(words.n_runs, 2);
    assert_int_equal(words.first[1], 3);
    assert_int_equal(words.first[2], 6);
    assert_string_equal(words.run_names[1], "2");
    assert_all_close(words.sentence_position, ((double[]){1, 2, 1, 1, 1, 2}), 6, 0);
    ba_words_free(&words);
    put("story,onset,duration\nx,0,1\ny,0,1\nx,2,1\n");
    assert_int_equal(read_words((ba_word_opts_t){0}, &words), BA_FORMAT);
    assert_contains(ba_error_message(), "run 'x' comes back after another run");
}

static void
put_grid(const char *tier)
{
    char text[600];

    snprintf(text, sizeof text,
        "\"ooTextFile\"\n\"TextGrid\"\n0\n9\n<exists>"
        "\n2\n\"IntervalTier\"\n\"phones\"\n0\n"
        "9\n1\n0\n9\n\"AH\"\n\"IntervalTier\"\n\"%"
        "s\"\n0\n9\n6\n0\n1\n\"\"\n1\n2\n\"sp\"\n2\n3\n"
        "\"one\"\n3\n4\n\"{BR}\"\n4\n5\n\"SIL\"\n5\n6\n\"two\"\n",
        tier);
    test_write_file(second, text, strlen(text));
}

static void
test_files(void **state)
{
    ba_words_t words;

    (void) state;
    put("word,onset,offset\na,0,1\nb,1,2\n");
    put_grid("Words");
    must_read((ba_word_opts_t){.n_files = 2}, &words);
    assert_int_equal(words.n_runs, 2);
    assert_int_equal(words.n_words, 4);
    assert_string_equal(words.run_names[1], "two");
    assert_string_equal(words.text[2], "one");
    assert_string_equal(words.text[3], "two");
    assert_all_close(words.onset, ((double[]){0, 1, 2, 5}), 4, 0);
    assert_int_equal(words.rows[3], 2);
    ba_words_free(&words);
    assert_int_equal(
        read_words((ba_word_opts_t){.n_files = 2, .run = "run"}, &words), BA_VALUE);
    put("onset,offset\n0,1\n");
    assert_int_equal(read_words((ba_word_opts_t){.n_files = 2}, &words), BA_FORMAT);
    assert_contains(ba_error_message(), "two.TextGrid: a TextGrid after tables");
}

static void
test_tiers(void **state)
{
    ba_words_t words;

    (void) state;
    files[0] = second;
    put_grid("mots");
    assert_int_equal(read_words((ba_word_opts_t){0}, &words), BA_FORMAT);
    assert_contains(ba_error_message(), "found phones, mots");
    assert_int_equal(read_words((ba_word_opts_t){.tier = "words"}, &words), BA_FORMAT);
    assert_contains(ba_error_message(), "no tier 'words', found phones, mots");
    must_read((ba_word_opts_t){.tier = "mots"}, &words);
    assert_int_equal(words.n_words, 2);
    ba_words_free(&words);
    must_read((ba_word_opts_t){.tier = "1"}, &words);
    assert_string_equal(words.text[0], "AH");
    ba_words_free(&words);
    files[0] = path;
}

static void
assert_refused(const char *text, const char *message)
{
    ba_words_t words;

    put(text);
    assert_int_equal(read_words((ba_word_opts_t){0}, &words), BA_FORMAT);
    assert_contains(ba_error_message(), message);
    assert_null(words.onset);
}

static void
test_errors(void **state)
{
    ba_words_t words;

    (void) state;
    assert_refused("word,onst,offset\na,1,2\n", "no column 'onset': nearest is 'onst'");
    assert_refused("word,onset\na,1\n", "no column 'offset' and no column 'duration'");
    assert_refused("1,2\n3,4\n", "no header, so no column 'onset'");
    assert_refused("word,onset,offset\na,1,2\nb,3,2.5\n",
        "row 2 ('b'): ends at 2.5 s, before it begins at 3 s");
    assert_refused("word,onset,offset\na,1,x\n", "'x', expected a number");
    assert_refused("word,onset,offset\na,inf,inf\n", "time inf, wanted a finite number");
    assert_refused("word,onset,offset\na,n/a,2\nb,,\n", "no word with a time");
    put("word,onset,offset,surp\na,1,2,3\n");
    assert_int_equal(
        read_words((ba_word_opts_t){.surprisal = "surprise"}, &words), BA_FORMAT);
    assert_contains(ba_error_message(), "no column 'surprise': nearest is 'surp'");
    assert_int_equal(read_words((ba_word_opts_t){.word = "0"}, &words), BA_FORMAT);
    assert_int_equal(read_words((ba_word_opts_t){.word = "5"}, &words), BA_FORMAT);
}

static void
test_length(void **state)
{
    (void) state;
    assert_close(ba_word_length("word"), 4, 0);
    assert_close(ba_word_length("\"don't,\""), 5, 0);
    assert_close(ba_word_length("na\xc3\xafve."), 5, 0);
    assert_close(ba_word_length("--"), 0, 0);
    assert_close(ba_word_length(""), 0, 0);
}

/* libcsv absorbs a failure by asking again for less. */
static void
test_no_memory(void **state)
{
    ba_words_t words;
    size_t n_failures = 0;

    (void) state;
    put("word,onset,offset\na,0,1\nb,1,2\n");
    put_grid("words");
    for (size_t n = 1;; n++) {
        int status, pending;

        ba_alloc_fail_at(n);
        status = read_words((ba_word_opts_t){.n_files = 2}, &words);
        pending = is_pending(n);
        assert_true(status == BA_OK || status == BA_NOMEM);
        n_failures += status == BA_NOMEM;
        ba_words_free(&words);
        if (pending) {
            assert_int_equal(status, BA_OK);
            break;
        }
    }
    assert_true(n_failures > 30);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_csv, make, drop),
        cmocka_unit_test_setup_teardown(test_events, make, drop),
        cmocka_unit_test_setup_teardown(test_columns, make, drop),
        cmocka_unit_test_setup_teardown(test_runs, make, drop),
        cmocka_unit_test_setup_teardown(test_files, make, drop),
        cmocka_unit_test_setup_teardown(test_tiers, make, drop),
        cmocka_unit_test_setup_teardown(test_errors, make, drop),
        cmocka_unit_test(test_length),
        cmocka_unit_test_setup_teardown(test_no_memory, make, drop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
