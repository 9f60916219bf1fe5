/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/conceptlib.h"

#include "core/alloc.h"

static ba_concepts_t *
read_or_fail(const ba_concepts_opts_t *opts)
{
    ba_concepts_t *concepts;

    if (ba_concepts_read(NULL, opts, NULL, &concepts) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return concepts;
}

/* Names in byte order, labels that are none left out, two files added up. */
static void
two_files(void **state)
{
    const char *labels[2] = {
        label_file("a.tsv", "w\tt\nThe\tDET\nthe\tb\ncat\tB\n.\t_\n", ":t"), NULL};
    ba_concepts_opts_t opts = {.labels = labels, .n_labels = 1};
    ba_concepts_t *concepts = read_or_fail(&opts);
    char prefixed[2 * TEST_PATH_SIZE];

    (void) state;
    assert_int_equal(concepts->n_tokens, 4);
    assert_tokens(concepts, "B:2 DET:0 b:1");
    assert_true(concepts->is_exclusive);
    assert_null(concepts->forms);
    assert_null(concepts->type);
    assert_null(concepts->sentence);
    assert_null(concepts->part);
    ba_concepts_free(concepts);

    snprintf(prefixed, sizeof prefixed, "x=%s",
        label_file("b.csv", "w,t\nThe,b\nthe,n/a\ncat,\n.,b\n", ":t"));
    labels[1] = prefixed;
    opts.n_labels = 2;
    opts.forms = label_file("a.tsv", "w\tt\nThe\tDET\nthe\tb\ncat\tB\n.\t_\n", ":w");
    concepts = read_or_fail(&opts);
    assert_tokens(concepts, "B:2 DET:0 b:1 x:b:0,3");
    assert_false(concepts->is_exclusive);
    assert_int_equal(concepts->n_types, 3);
    assert_string_equal(concepts->type_names[0], "the");
    assert_int_equal(concepts->type[1], 0);
    assert_int_equal(concepts->type[2], 1);
    assert_string_equal(concepts->forms[0], "The");
    ba_concepts_free(concepts);
    opts.case_matters = 1;
    concepts = read_or_fail(&opts);
    assert_int_equal(concepts->n_types, 4);
    ba_concepts_free(concepts);
}

/* Each FEAT=VALUE is a concept. */
static void
features(void **state)
{
    const char *labels[1] = {label_file("f.csv", "feats\nA=1|B=2\n_\nB=2\n", ":feats")};
    ba_concepts_opts_t opts = {.labels = labels, .n_labels = 1};
    ba_concepts_t *concepts = read_or_fail(&opts);

    (void) state;
    assert_tokens(concepts, "A=1:0 B=2:0,2");
    assert_false(concepts->is_exclusive);
    ba_concepts_free(concepts);
}

static void
chosen(void **state)
{
    const char *labels[1] = {label_file("l.txt", "A\nB\nB\nC\nC\nC\nA2\n", "")};
    const char *only[2] = {"C", "A"};
    ba_concepts_opts_t opts = {.labels = labels, .n_labels = 1, .min_tokens = 2};
    ba_concepts_t *concepts = read_or_fail(&opts);

    (void) state;
    assert_tokens(concepts, "B:1,2 C:3,4,5");
    ba_concepts_free(concepts);
    opts.only = only;
    opts.n_only = 2;
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_SHAPE);
    assert_string_equal(ba_error_message(), "concept 'A': 1 tokens, wanted at least 2");
    opts.min_tokens = 0;
    concepts = read_or_fail(&opts);
    assert_tokens(concepts, "A:0 C:3,4,5");
    ba_concepts_free(concepts);
    only[1] = "A3";
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_MISSING);
    assert_null(concepts);
    assert_string_equal(ba_error_message(),
        "concept 'A3': not among the 4 of the labels, nearest A, A2, B");
    opts.n_only = 0;
    opts.min_tokens = 9;
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_SHAPE);
    assert_contains(ba_error_message(), "no concept with at least 9 tokens among 4");
}

static void
sentences_and_parts(void **state)
{
    const char *labels[1] = {label_file("l.txt", "A\nB\n\nB\nC\n", "")};
    const size_t by_lines[4] = {0, 0, 1, 1}, by_file[4] = {0, 1, 1, 2};
    const unsigned char part[4] = {0, 1, 1, 0};
    ba_concepts_opts_t opts = {.labels = labels, .n_labels = 1};
    ba_concepts_t *concepts = read_or_fail(&opts);

    (void) state;
    assert_memory_equal(concepts->sentence, by_lines, sizeof by_lines);
    ba_concepts_free(concepts);
    opts.sentences = label_file("s.csv", "s\nq\nr\nr\nq\n", ":s");
    opts.parts = label_file("p.csv", "p\ntrain\n1\ntest\n0\n", ":p");
    concepts = read_or_fail(&opts);
    assert_memory_equal(concepts->sentence, by_file, sizeof by_file);
    assert_memory_equal(concepts->part, part, sizeof part);
    ba_concepts_free(concepts);
    opts.parts = label_file("p.csv", "p\ntrain\n1\ndev\n0\n", ":p");
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_FORMAT);
    assert_contains(
        ba_error_message(), "token 2 (from 0): 'dev', wanted 0, 1, train or test");
    opts.parts = label_file("p.csv", "p\n0\n1\n", ":p");
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_SHAPE);
    assert_contains(ba_error_message(), "p.csv:p: 2 tokens, wanted 4 as in ");
}

static void
nothing_given(void **state)
{
    ba_concepts_opts_t opts = {0};
    ba_concepts_t *concepts;
    size_t *tokens, n;

    (void) state;
    assert_int_equal(ba_concepts_read(NULL, &opts, NULL, &concepts), BA_VALUE);
    opts.labels = (const char *const[]){label_file("l.txt", "A\n", "")};
    opts.n_labels = 1;
    concepts = read_or_fail(&opts);
    assert_int_equal(ba_concepts_tokens(concepts, 1, &tokens, &n), BA_VALUE);
    assert_null(tokens);
    ba_concepts_free(concepts);
    ba_concepts_free(NULL);
}

static void
no_memory(void **state)
{
    const char *labels[1] = {label_file("l.txt", "A\nB\n\nB\nC\n", "")};
    ba_concepts_opts_t opts = {.labels = labels,
        .n_labels = 1,
        .forms = label_file("w.csv", "w\na\nb\nc\nd\n", ":w"),
        .parts = label_file("p.csv", "p\n0\n0\n1\n1\n", ":p"),
        .sentences = label_file("s.csv", "p\n0\n0\n1\n1\n", ":p"),
        .word_lists = (const char *const[]){label_file("list.txt", "a\nb\n", "")},
        .n_word_lists = 1};
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_concepts_t *concepts;

        ba_alloc_fail_at(n);
        status = ba_concepts_read(NULL, &opts, NULL, &concepts);
        ba_alloc_fail_at(0);
        assert_true(n < 500);
        if (status != BA_OK) {
            assert_int_equal(status, BA_NOMEM);
            assert_null(concepts);
        }
        ba_concepts_free(concepts);
    }
}

/* The labels of a real corpus, against the figures that stand beside it. */
static void
real_corpus(void **state)
{
    char path[TEST_PATH_SIZE], labels[TEST_PATH_SIZE + 32], forms[TEST_PATH_SIZE + 32],
        parts[TEST_PATH_SIZE + 32];
    const char *list[1] = {labels};
    ba_concepts_opts_t opts = {
        .labels = list, .n_labels = 1, .forms = forms, .parts = parts};
    ba_concepts_t *concepts;
    size_t n_test = 0, *tokens, n;

    (void) state;
    test_need_data(path, "data/tinylm_streusle/tinylm_streusle.h5");
    snprintf(labels, sizeof labels, "%s:/token/upos", path);
    snprintf(forms, sizeof forms, "%s:/token/form", path);
    snprintf(parts, sizeof parts, "%s:/token/part", path);
    concepts = read_or_fail(&opts);
    assert_int_equal(concepts->n_tokens, 10777);
    assert_int_equal(concepts->n_concepts, 17);
    assert_true(concepts->is_exclusive);
    assert_int_equal(concepts->first[10777], 10777);
    for (size_t t = 0; t < concepts->n_tokens; t++) {
        n_test += concepts->part[t];
    }
    assert_int_equal(n_test, 5381);
    assert_string_equal(concepts->names[7], "NOUN");
    assert_int_equal(concepts->classes[7], BA_CLASS_OPEN);
    assert_int_equal(ba_concepts_tokens(concepts, 7, &tokens, &n), BA_OK);
    assert_int_equal(n, 1956);
    free(tokens);
    ba_concepts_free(concepts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_files, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(features, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(chosen, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(sentences_and_parts, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(nothing_given, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(no_memory, make_folder, remove_folder),
        cmocka_unit_test(real_corpus)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
