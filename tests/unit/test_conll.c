/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "datasets/conll.h"

/* Two sentences, a range of words, an empty node, comments, CR. */
static const char U[] = "# sent_id = 1\n"
                        "1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n"
                        "1\tdo\tdo\tAUX\tVBP\tMood=Ind|Tense=Pres\t0\troot\t_\t_\r\n"
                        "2\tn't\tnot\tPART\tRB\t_\t1\tadvmod\t_\t_\n"
                        "2.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_\n"
                        "\n"
                        "\n"
                        "# text = #hi\n"
                        "1\t#hi\t#hi\tX\tUH\t_\t0\troot\t_\t_";

static int
read_text(const char *text, const char *column, ba_label_column_t *out)
{
    char *copy = strdup(text);
    int status;

    *out = (ba_label_column_t){0};
    status = ba_conll_read(ba_conll_kind(copy), "f", copy, column, out);
    free(copy);
    return status;
}

static void
assert_cells(
    const char *text, const char *column, const char *name, const char *const *wanted)
{
    ba_label_column_t out;

    assert_int_equal(read_text(text, column, &out), BA_OK);
    assert_string_equal(out.name, name);
    for (size_t i = 0; i < out.cells.n; i++) {
        assert_non_null(wanted[i]);
        assert_string_equal(ba_texts_get(&out.cells, i), wanted[i]);
    }
    assert_null(wanted[out.cells.n]);
    ba_label_column_free(&out);
}

static void
conllu(void **state)
{
    ba_label_column_t out;

    (void) state;
    assert_int_equal(ba_conll_kind(U), BA_CONLL_U);
    assert_cells(U, "UPOS", "upos", (const char *const[]){"AUX", "PART", "X", NULL});
    assert_cells(U, "5", "xpos", (const char *const[]){"VBP", "RB", "UH", NULL});
    assert_cells(U, "feats", "feats",
        (const char *const[]){"Mood=Ind|Tense=Pres", "_", "_", NULL});
    assert_int_equal(read_text(U, "lemma", &out), BA_OK);
    assert_int_equal(out.forms.n, 3);
    assert_string_equal(ba_texts_get(&out.forms, 2), "#hi");
    assert_int_equal(out.sentence[1], 0);
    assert_int_equal(out.sentence[2], 1);
    ba_label_column_free(&out);
}

/* Columns beyond the tenth: STREUSLE's names, numbers, or the file's own. */
static void
more_columns(void **state)
{
    const char *lex = "1\ta\ta\tDET\tDT\t_\t0\troot\t_\t_\t_\tDET\ta\tn.ACT\n";
    const char *plus = "# global.columns = ID FORM UPOS A B C D E F MY:TAG\n"
                       "1\ta\tDET\t_\t_\t_\t_\t_\t_\ty\n";

    (void) state;
    assert_cells(lex, "ss", "ss", (const char *const[]){"n.ACT", NULL});
    assert_cells(lex, "14", "ss", (const char *const[]){"n.ACT", NULL});
    assert_cells(plus, "my:tag", "MY:TAG", (const char *const[]){"y", NULL});
    assert_cells(plus, "upos", "UPOS", (const char *const[]){"DET", NULL});
}

static void
conll_2000(void **state)
{
    const char *text = "-DOCSTART- -X- O\n\nHe PRP B-NP\nran VBD B-VP\n\n. . O\n";
    ba_label_column_t out;

    (void) state;
    assert_int_equal(ba_conll_kind(text), BA_CONLL_2000);
    assert_cells(
        text, "chunk", "chunk", (const char *const[]){"B-NP", "B-VP", "O", NULL});
    assert_cells(text, "2", "pos", (const char *const[]){"PRP", "VBD", ".", NULL});
    assert_int_equal(read_text(text, "chunk", &out), BA_OK);
    assert_int_equal(out.sentence[0], 0);
    assert_int_equal(out.sentence[2], 1);
    ba_label_column_free(&out);
}

static void
other_text(void **state)
{
    (void) state;
    assert_int_equal(ba_conll_kind("NOUN\nVERB\n"), BA_CONLL_NONE);
    assert_int_equal(ba_conll_kind("a\tb\nc\td\n"), BA_CONLL_NONE);
    assert_int_equal(ba_conll_kind("a b c d e f\n"), BA_CONLL_NONE);
    assert_int_equal(ba_conll_kind("# only a comment"), BA_CONLL_NONE);
    assert_int_equal(ba_conll_kind(""), BA_CONLL_NONE);
}

static void
assert_refused(const char *text, const char *column, int wanted, const char *words)
{
    ba_label_column_t out;

    assert_int_equal(read_text(text, column, &out), wanted);
    assert_string_equal(ba_error_message(), words);
    ba_label_column_free(&out);
}

static void
refused(void **state)
{
    (void) state;
    assert_refused(U, "deprl", BA_MISSING,
        "f: no column 'deprl': nearest is 'deprel' (or a number from 1 to 10)");
    assert_refused(U, "11", BA_MISSING,
        "f: no column '11': nearest is 'id' (or a number from 1 to 10)");
    assert_refused("1\ta\t_\t_\t_\t_\t_\t_\t_\t_\n2\tb\t_\t_\n", "upos", BA_FORMAT,
        "f: line 2: 4 cells, expected 10");
    assert_refused("1\ta\t_\t_\t_\t_\t_\t_\t_\t_\n3\tb\t_\t_\t_\t_\t_\t_\t_\t_\n", "upos",
        BA_FORMAT, "f: line 2: word 3, wanted word 2");
    assert_refused("1\ta\t_\t_\t_\t_\t_\t_\t_\t_\nx\tb\t_\t_\t_\t_\t_\t_\t_\t_\n", "upos",
        BA_FORMAT, "f: line 2: 'x' in the first column, wanted the number of a word");
    assert_refused("1-2\ta\t_\t_\t_\t_\t_\t_\t_\t_\n", "upos", BA_FORMAT, "f: no words");
    assert_refused(
        "He PRP B-NP\nran VBD\n", "chunk", BA_FORMAT, "f: line 2: 2 cells, expected 3");
}

static void
no_memory(void **state)
{
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_label_column_t out;

        ba_alloc_fail_at(n);
        status = read_text(U, "upos", &out);
        ba_alloc_fail_at(0);
        assert_true(n < 20);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_label_column_free(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(conllu),
        cmocka_unit_test(more_columns), cmocka_unit_test(conll_2000),
        cmocka_unit_test(other_text), cmocka_unit_test(refused),
        cmocka_unit_test(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
