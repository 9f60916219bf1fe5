/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/conceptlib.h"

static const char WORDS[] = "form,lemma\nDogs,dog\nRan,run\nhome,home\ndog,dog\n";

static ba_concepts_t *
read_or_fail(const ba_concepts_opts_t *opts)
{
    ba_concepts_t *concepts;

    if (ba_concepts_read(NULL, opts, NULL, &concepts) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return concepts;
}

static void
lists(void **state)
{
    const char *list[2] = {
        label_file("animal.txt", "dog\t67\n\nCat\t3\r\nDOGS", ""), NULL};
    char named[2 * TEST_PATH_SIZE];
    ba_concepts_opts_t opts = {.word_lists = list,
        .n_word_lists = 1,
        .forms = label_file("w.csv", WORDS, ":form")};
    ba_concepts_t *concepts = read_or_fail(&opts);

    (void) state;
    assert_tokens(concepts, "animal:0,3");
    assert_int_equal(concepts->is_words[0], 1);
    assert_int_equal(concepts->classes[0], BA_CLASS_UNKNOWN);
    ba_concepts_free(concepts);
    opts.case_matters = 1;
    concepts = read_or_fail(&opts);
    assert_tokens(concepts, "animal:3");
    ba_concepts_free(concepts);
    opts.case_matters = 0;
    opts.lemmas = label_file("w.csv", WORDS, ":lemma");
    snprintf(named, sizeof named, "go=%s", label_file("v.txt", "run\nhome", ""));
    list[1] = named;
    opts.n_word_lists = 2;
    concepts = read_or_fail(&opts);
    assert_tokens(concepts, "animal:0,3 go:1,2");
    ba_concepts_free(concepts);
}

/* A folder stands for its files, a concept of labels and words is not one of words. */
static void
folder_of_lists(void **state)
{
    const char *list[1] = {folder};
    const char *labels[1];
    char inner[TEST_PATH_SIZE];
    ba_concepts_opts_t opts = {.word_lists = list, .n_word_lists = 1};
    ba_concepts_t *concepts;

    (void) state;
    label_file("b.txt", "home\n", "");
    label_file("a.txt", "dog\nhome\n", "");
    test_join(inner, folder, ".hidden");
    test_write_file(inner, "run", 3);
    test_join(inner, folder, "deeper");
    assert_int_equal(mkdir(inner, 0700), 0);
    test_join(inner, folder, "deeper/w.csv");
    test_write_file(inner, WORDS, strlen(WORDS));
    opts.forms = inner;
    strcat(inner, ":form");
    concepts = read_or_fail(&opts);
    assert_tokens(concepts, "a:2,3 b:2");
    assert_int_equal(concepts->is_words[1], 1);
    ba_concepts_free(concepts);
    labels[0] = label_file("deeper/l.txt", "b\nb\n_\n_\n", "");
    opts.labels = labels;
    opts.n_labels = 1;
    concepts = read_or_fail(&opts);
    assert_tokens(concepts, "a:2,3 b:0,1,2");
    assert_int_equal(concepts->is_words[0], 1);
    assert_int_equal(concepts->is_words[1], 0);
    ba_concepts_free(concepts);
}

static void
supersenses(void **state)
{
    const char *table = "lemma\tpos\tfirst_sense_supersense\tall\n"
                        "dog\tn\tnoun.animal\tnoun.animal,noun.person\n"
                        "dog\tv\tverb.motion\tverb.motion\n"
                        "run\tv\tverb.motion\t_\n";
    ba_concepts_opts_t opts = {.lemmas = label_file("w.csv", WORDS, ":lemma"),
        .forms = label_file("w.csv", WORDS, ":form"),
        .wordnet = label_file("wn.tsv", table, "")};
    ba_concepts_t *concepts = read_or_fail(&opts);

    (void) state;
    assert_tokens(concepts, "noun.animal:0,3 verb.motion:0,1,3");
    assert_int_equal(concepts->classes[0], BA_CLASS_OPEN);
    assert_int_equal(concepts->is_words[0], 1);
    ba_concepts_free(concepts);
    opts.wordnet = label_file("wn.tsv", table, ":all");
    concepts = read_or_fail(&opts);
    assert_tokens(concepts, "noun.animal:0,3 noun.person:0,3 verb.motion:0,3");
    ba_concepts_free(concepts);
    opts.wordnet = label_file("wn.tsv", table, ":some");
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_MISSING);
    assert_contains(ba_error_message(), "wn.tsv: no column 'some'");
    opts.wordnet = label_file("wn.tsv", "word\tpos\na\tn\n", "");
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_MISSING);
    assert_contains(ba_error_message(), "no column 'lemma'");
}

static void
refused(void **state)
{
    const char *list[1] = {label_file("a.txt", "dog\n", "")};
    const char *labels[1] = {label_file("l.txt", "x\n", "")};
    ba_concepts_opts_t opts = {
        .word_lists = list, .n_word_lists = 1, .labels = labels, .n_labels = 1};
    ba_concepts_t *concepts;

    (void) state;
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_VALUE);
    assert_contains(ba_error_message(), "neither forms nor lemmas");
    opts.forms = label_file("w.csv", "form\ndog\n", ":form");
    list[0] = label_file("empty.txt", "\n\n", "");
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_FORMAT);
    assert_contains(ba_error_message(), "empty.txt: no words");
    list[0] = "/nowhere/a.txt";
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(folder_of_lists, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(supersenses, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(refused, make_folder, remove_folder)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
