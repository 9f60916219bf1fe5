/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/conceptlib.h"

#include "core/alloc.h"
#include "io/neurox.h"
#include "brainalign/source.h"

#define TOKEN(word, a, b, c, d)                                                          \
    "{\"token\": \"" word "\", \"layers\": [{\"index\": 0, \"values\": [" a ", " b       \
    "]}, {\"index\": 1, \"values\": [" c ", " d "]}]}"

static const char LINES[] = "{\"linex_index\": 0, \"features\": [" TOKEN(
    "a", "1", "-2.5", "3", "4e-1") ", " TOKEN("\\u00e9", "5", "6", "7",
    "8") "]}\n"
         "\n"
         "{\"features\": []}\n"
         "{\"features\": [" TOKEN("c", "9", "10", "11", "12") "]}";

static void
lines(void **state)
{
    const double wanted[12] = {1, 5, 9, -2.5, 6, 10, 3, 7, 11, (double) 0.4F, 8, 12};
    ba_source_t *source;
    ba_texts_t texts = {0};
    size_t *sentence;
    double x[12];

    (void) state;
    assert_int_equal(
        ba_source_open(NULL, label_file("x.json", LINES, ""), NULL, &source), BA_OK);
    assert_string_equal(ba_source_format(source), "json");
    assert_int_equal(ba_source_n_rows(source), 3);
    assert_int_equal(ba_source_n_cols(source), 4);
    assert_int_equal(ba_neurox_layer_size(source), 2);
    assert_int_equal(ba_source_read(source, 0, 0, 3, 0, 4, x, 3), BA_OK);
    assert_all_close(x, wanted, 12, 0);
    assert_int_equal(ba_neurox_words(source, &texts, &sentence), BA_OK);
    assert_string_equal(ba_texts_get(&texts, 1), "\xc3\xa9");
    assert_int_equal(sentence[1], 0);
    assert_int_equal(sentence[2], 2); /* the second one is empty */
    ba_texts_free(&texts);
    free(sentence);
    ba_source_close(source);
    /* Known by its first bytes where the name says nothing. */
    assert_int_equal(
        ba_source_open(NULL, label_file("x.out", LINES, ""), NULL, &source), BA_OK);
    ba_source_close(source);
}

static void
assert_refused(const char *text, const char *words)
{
    ba_source_t *source;

    assert_int_equal(
        ba_source_open(NULL, label_file("x.json", text, ""), NULL, &source), BA_FORMAT);
    assert_null(source);
    assert_contains(ba_error_message(), words);
}

static void
refused(void **state)
{
    ba_source_t *source;

    (void) state;
    assert_refused("{\"features\": [" TOKEN("a", "1", "2", "3", "4") "]}\n{oops}\n",
        "x.json: sentence 1, token 0 (both from 0): ");
    assert_refused("{\"tokens\": []}\n", "no list of features");
    assert_refused("{\"features\": [{\"token\": \"a\"}]}\n", "no token, or no layers");
    assert_refused("{\"features\": [{\"token\": \"a\", \"layers\": []}]}\n",
        "no features[].layers[].values");
    assert_refused("{\"features\": [" TOKEN("a", "1", "2", "3",
                       "4") ", "
                            "{\"token\": \"b\", \"layers\": [{\"values\": [1, 2]}]}]}\n",
        "sentence 0, token 1 (both from 0): not as many layers");
    assert_refused("{\"features\": [" TOKEN("a", "1", "\"2\"", "3", "4") "]}\n",
        "a value that is no number");
    assert_refused("{\"features\": []}\n", "x.json: no tokens");
    assert_refused("", "x.json: no tokens");
    assert_int_equal(
        ba_source_open(NULL, label_file("x.json", LINES, ":path"), NULL, &source),
        BA_VALUE);
}

static void
no_memory(void **state)
{
    const char *path = label_file("x.json", LINES, "");
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_source_t *source;

        ba_alloc_fail_at(n);
        status = ba_neurox_json_open(NULL, path, &source);
        ba_alloc_fail_at(0);
        assert_true(n < 100);
        if (status != BA_OK) {
            assert_int_equal(status, BA_NOMEM);
            assert_null(source);
        }
        ba_source_close(source);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(no_memory, make_folder, remove_folder)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
