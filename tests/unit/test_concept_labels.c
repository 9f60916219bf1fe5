/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Labels of other tokens than the activations' must never pass. */
#include "tests/conceptlib.h"

#include "datasets/concepts_impl.h"

static const char CONLL[] = "a A O\nb B O\n\nc C O\nd D O\ne E O\n";

/* Activations of five tokens whose words and sentences are told, or not. */
static int
read_against(const char *const *words, const size_t *sentence, size_t n_tokens,
    const ba_concepts_opts_t *opts, ba_concepts_t **concepts)
{
    char **copy = NULL;
    ba_activations_t activations = {.n_tokens = n_tokens};
    size_t numbers[16];
    int status;

    if (words) {
        assert_int_equal(ba_strings_copy(words, n_tokens, &copy), BA_OK);
        activations.words = copy;
    }
    if (sentence) {
        memcpy(numbers, sentence, n_tokens * sizeof *numbers);
        activations.sentence = numbers;
    }
    status = ba_concepts_read(NULL, opts, &activations, concepts);
    free(copy);
    return status;
}

static void
same_tokens(void **state)
{
    const char *labels[1] = {label_file("c.txt", CONLL, ":pos")};
    const char *words[] = {"a", "b", "c", "d", "e"};
    const size_t sentence[] = {4, 4, 7, 7, 7}, numbered[] = {0, 0, 1, 1, 1};
    ba_concepts_opts_t opts = {.labels = labels, .n_labels = 1};
    ba_concepts_t *concepts;

    (void) state;
    assert_int_equal(read_against(words, sentence, 5, &opts, &concepts), BA_OK);
    assert_tokens(concepts, "A:0 B:1 C:2 D:3 E:4");
    assert_string_equal(concepts->forms[3], "d");
    assert_memory_equal(concepts->sentence, numbered, sizeof numbered);
    ba_concepts_free(concepts);
    labels[0] = label_file("l.txt", "x\nx\nx\nx\nx\n", "");
    assert_int_equal(read_against(words, sentence, 5, &opts, &concepts), BA_OK);
    assert_string_equal(concepts->forms[4], "e"); /* from the activations */
    assert_memory_equal(concepts->sentence, numbered, sizeof numbered);
    ba_concepts_free(concepts);
}

static void
other_tokens(void **state)
{
    const char *labels[2] = {label_file("c.txt", CONLL, ":pos"), NULL};
    const char *words[] = {"a", "b", "c", "X", "e"};
    const size_t sentence[] = {0, 0, 0, 1, 1};
    ba_concepts_opts_t opts = {.labels = labels, .n_labels = 1};
    ba_concepts_t *concepts;

    (void) state;
    assert_int_equal(read_against(words, NULL, 5, &opts, &concepts), BA_SHAPE);
    assert_contains(ba_error_message(), "c.txt:pos: sentence 1, token 1 (both from 0; "
                                        "token 3 of all): 'd', but the activations have "
                                        "'X'");
    /* A count alone says less than the first word that differs. */
    assert_int_equal(read_against(words, NULL, 4, &opts, &concepts), BA_SHAPE);
    assert_contains(ba_error_message(), "sentence 1, token 1");
    assert_int_equal(read_against(NULL, NULL, 4, &opts, &concepts), BA_SHAPE);
    assert_contains(
        ba_error_message(), "c.txt:pos: 5 tokens, wanted 4 as in the activations");
    assert_int_equal(read_against(NULL, sentence, 5, &opts, &concepts), BA_SHAPE);
    assert_contains(ba_error_message(),
        "sentence 0, token 2 (both from 0; token 2 of all) "
        "of the activations begins a sentence");
    opts.forms = label_file("w.csv", "w\na\nb\nc\nd\nf\n", ":w");
    assert_int_equal(read_against(NULL, NULL, 5, &opts, &concepts), BA_SHAPE);
    assert_contains(ba_error_message(), "sentence 1, token 2 (both from 0; token 4 of "
                                        "all): 'e', but ");
    assert_contains(ba_error_message(), "w.csv:w has 'f'");
    assert_int_equal(read_against(words, NULL, 5, &opts, &concepts), BA_SHAPE);
    assert_contains(ba_error_message(),
        "w.csv:w: token 3 (from 0): 'd', but the activations have 'X'");
    opts.forms = NULL;
    labels[1] = label_file("d.txt", "a A O\nb B O\nc C O\nd D O\nz E O\n", ":pos");
    opts.n_labels = 2;
    assert_int_equal(read_against(NULL, NULL, 5, &opts, &concepts), BA_SHAPE);
    assert_contains(ba_error_message(), "d.txt:pos: sentence 0, token 4");
    assert_contains(ba_error_message(), "c.txt:pos has 'e'");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(same_tokens, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(other_tokens, make_folder, remove_folder)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
