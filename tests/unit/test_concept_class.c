/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/conceptlib.h"

#include "datasets/concepts_impl.h"

static void
names(void **state)
{
    static const char *const open[] = {
        "NOUN", "upos:VERB", "JJ", "UH", "noun.food", "v.motion", "ss:n.FOOD", "adv.all"};
    static const char *const closed[] = {
        "ADP", "PRON", "x:SCONJ", "NUM", "IN", "PRP$", "p.Locus", "WP"};
    static const char *const unknown[] = {
        "PUNCT", "SYM", "X", "animal", "Case=Acc", "noun", "n", "B-NP", ":", "."};

    (void) state;
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        assert_int_equal(ba_word_class_of_tag(open[i]), BA_CLASS_OPEN);
    }
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        assert_int_equal(ba_word_class_of_tag(closed[i]), BA_CLASS_CLOSED);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_int_equal(ba_word_class_of_tag(unknown[i]), BA_CLASS_UNKNOWN);
    }
}

/* Half of the tokens is not more than half. */
static void
by_table(void **state)
{
    const char *labels[1] = {label_file(
        "t.csv", "w,t\nThe,a\nthe,a\ncat,a\nOf,b\ndog,b\nthe,NOUN\n.,PUNCT\n", ":t")};
    ba_concepts_opts_t opts = {.labels = labels,
        .n_labels = 1,
        .forms = label_file("w.csv", "w\nThe\nthe\ncat\nOf\ndog\nthe\n.\n", ":w"),
        .closed_words = label_file("c.tsv", "upos\tform\nDET\tThe\nADP\tof\n", "")};
    ba_concepts_t *concepts;

    (void) state;
    for (opts.case_matters = 0; opts.case_matters < 2; opts.case_matters++) {
        assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_OK);
        assert_string_equal(concepts->names[0], "NOUN");
        assert_int_equal(concepts->classes[0], BA_CLASS_OPEN);
        assert_int_equal(concepts->classes[1], BA_CLASS_UNKNOWN);
        assert_int_equal(concepts->classes[2], BA_CLASS_CLOSED);
        assert_int_equal(concepts->classes[3], BA_CLASS_OPEN);
        ba_concepts_free(concepts);
    }
    opts.forms = NULL;
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_VALUE);
    assert_contains(ba_error_message(), "the forms of the tokens are not known");
    opts.forms = label_file("w.csv", "w\nThe\nthe\ncat\nOf\ndog\nthe\n.\n", ":w");
    opts.closed_words = label_file("c.tsv", "upos\tword\nDET\tThe\n", "");
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_MISSING);
    assert_contains(ba_error_message(), "c.tsv: no column 'form'");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names),
        cmocka_unit_test_setup_teardown(by_table, make_folder, remove_folder)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
