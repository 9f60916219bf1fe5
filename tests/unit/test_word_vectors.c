/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "datasets/word_vectors.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE + 16];

static int
read_text(const char *text, ba_word_vectors_t *out)
{
    snprintf(path, sizeof path, "%s/v.txt", folder);
    test_write_file(path, text, strlen(text));
    return ba_word_vectors_read(path, SIZE_MAX, out);
}

static void
check_two(const char *text)
{
    ba_word_vectors_t v;
    size_t b;

    assert_int_equal(read_text(text, &v), BA_OK);
    assert_int_equal(v.words.texts.n, 2);
    assert_int_equal(v.n_features, 3);
    b = ba_text_set_find(&v.words, "b");
    assert_int_equal(b, 1);
    assert_close(v.values[3 * b], -1.5, 0.0);
    assert_close(v.values[3 * b + 2], 4e-2, 0.0);
    ba_word_vectors_free(&v);
}

static void
test_reads_the_usual_forms(void **state)
{
    (void) state;
    check_two("a 1 2 3\nb -1.5 0 4e-2\n");
    check_two("2 3\na 1 2 3\nb -1.5 0 4e-2");
    check_two("word\tx\ty\tz\r\na\t1\t2\t3\r\n\r\nb\t-1.5\t0\t4e-2\r\n");
}

static void
test_names_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "v.txt: found no words"},
        {"a 1 2\nb 1\n", "line 2: 1 numbers behind 'b', wanted 2"},
        {"a\n", "line 1: 0 numbers behind 'a', wanted 1"},
        {"a 1 2\nb 1 x\n", "line 2: 'x' behind 'b'"},
        {"a 1 2\nb 1 nan\n", "line 2: 'nan' behind 'b'"},
        {"a 1 2\na 1 3\n", "line 2: 'a' again"},
    };
    ba_word_vectors_t v;

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_text(bad[i].text, &v), BA_FORMAT);
        assert_contains(ba_error_message(), bad[i].why);
        assert_null(v.values);
    }
    assert_int_equal(ba_word_vectors_read("/nowhere/v.txt", SIZE_MAX, &v), BA_IO);
}

/* 23 bytes of text, 3 vectors of 2 numbers; empty lines have none. */
static void
test_needs_memory(void **state)
{
    ba_word_vectors_t v;

    (void) state;
    assert_int_equal(read_text("a 1 2\n\n \nb 3 44\n\nc 4 5\n", &v), BA_OK);
    ba_word_vectors_free(&v);
    assert_int_equal(ba_word_vectors_read(path, 23 + 48, &v), BA_OK);
    assert_close(v.values[5], 5.0, 0.0);
    ba_word_vectors_free(&v);
    assert_int_equal(ba_word_vectors_read(path, 23 + 47, &v), BA_TOO_LARGE);
    assert_contains(ba_error_message(), "of 3 vectors, allowed are");
    assert_int_equal(ba_word_vectors_read(path, 1, &v), BA_TOO_LARGE);
}

static void
test_survives_failing_allocations(void **state)
{
    ba_word_vectors_t v;
    int status = BA_NOMEM;

    (void) state;
    assert_int_equal(read_text("a 1 2\nb 3 4\n", &v), BA_OK);
    ba_word_vectors_free(&v);
    for (size_t n = 1; status != BA_OK; n++) {
        ba_alloc_fail_at(n);
        status = ba_word_vectors_read(path, SIZE_MAX, &v);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || (status == BA_NOMEM && !v.values));
        ba_word_vectors_free(&v);
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
        cmocka_unit_test(test_reads_the_usual_forms),
        cmocka_unit_test(test_names_what_is_wrong),
        cmocka_unit_test(test_needs_memory),
        cmocka_unit_test(test_survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
