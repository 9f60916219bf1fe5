/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/conceptlib.h"

#include "core/alloc.h"
#include "datasets/pooled_tokens.h"

/* Word of row i: i / 3, but each fourth row belongs to none. */
static double
word_of(size_t i)
{
    return i % 4 == 3 ? -1 : (double) (i / 4);
}

static ba_source_t *
open_rows(const double *x, size_t n_rows, size_t n_cols)
{
    ba_source_t *source;

    assert_int_equal(
        ba_source_from_memory(x, n_rows, n_cols, n_rows, "rows", &source), BA_OK);
    return source;
}

/* Many more numbers than the buffer between the two holds, read in blocks that begin and
 * end anywhere. */
static void
large(void **state)
{
    enum { WORDS = 2000, ROWS = 4 * WORDS, COLS = 600 };
    double *x = malloc((size_t) ROWS * COLS * sizeof *x);
    double *y = malloc((size_t) WORDS * COLS * sizeof *y);
    char *text = malloc(ROWS * 8), *end = text + sprintf(text, "w\n");
    const char *spec;

    (void) state;
    test_fill_normal(x, (size_t) ROWS * COLS, 1);
    for (size_t i = 0; i < ROWS; i++) {
        end += sprintf(end, "%.0f\n", word_of(i));
    }
    spec = label_file("w.csv", text, ":w");
    for (int subword = 0; subword < 3; subword++) {
        ba_source_t *source = open_rows(x, ROWS, COLS);

        assert_int_equal(
            ba_pooled_tokens_wrap(NULL, spec, (ba_subword_t) subword, &source), BA_OK);
        assert_int_equal(ba_source_n_rows(source), WORDS);
        assert_string_equal(ba_source_name(source), "rows");
        assert_int_equal(
            ba_source_read(source, 0, 1, WORDS - 2, 3, COLS - 5, y, WORDS), BA_OK);
        for (size_t j = 0; j < COLS - 5; j++) {
            for (size_t i = 0; i < WORDS - 2; i++) {
                const double *rows = x + 4 * (i + 1) + (j + 3) * ROWS;
                double wanted = subword == BA_SUBWORD_LAST ? rows[2]
                                : subword == BA_SUBWORD_FIRST
                                    ? rows[0]
                                    : (rows[0] + rows[1] + rows[2]) / 3;

                /* Three numbers of size 1 added up in the same order. */
                assert_close(y[i + j * WORDS], wanted, 1e-15);
            }
        }
        ba_source_close(source);
    }
    free(x);
    free(y);
    free(text);
}

static void
refused(void **state)
{
    const double x[3] = {1, 2, 3};
    ba_source_t *source = open_rows(x, 3, 1), *before = source;

    (void) state;
    assert_int_equal(ba_pooled_tokens_wrap(NULL, label_file("w.csv", "w\n0\n1\n", ":w"),
                         BA_SUBWORD_LAST, &source),
        BA_SHAPE);
    assert_contains(ba_error_message(), "w.csv:w: 2 rows, wanted 3 as in rows");
    assert_int_equal(
        ba_pooled_tokens_wrap(
            NULL, label_file("w.csv", "w\n-1\n-1\n-1\n", ":w"), BA_SUBWORD_LAST, &source),
        BA_SHAPE);
    assert_contains(ba_error_message(), "no row belongs to a word");
    assert_int_equal(
        ba_pooled_tokens_wrap(
            NULL, label_file("w.csv", "w\n0\n2\n2\n", ":w"), BA_SUBWORD_LAST, &source),
        BA_SHAPE);
    assert_contains(ba_error_message(), "word 1 (from 0) has no token");
    assert_int_equal(
        ba_pooled_tokens_wrap(NULL, label_file("w.csv", "w\n0\n1\n99999999999\n", ":w"),
            BA_SUBWORD_LAST, &source),
        BA_SHAPE);
    assert_ptr_equal(source, before);
    ba_source_close(source);
}

static void
no_memory(void **state)
{
    const double x[3] = {1, 2, 3};
    const char *spec = label_file("w.csv", "w\n0\n0\n1\n", ":w");
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_source_t *source = open_rows(x, 3, 1);

        ba_alloc_fail_at(n);
        status = ba_pooled_tokens_wrap(NULL, spec, BA_SUBWORD_LAST, &source);
        ba_alloc_fail_at(0);
        assert_true(n < 100);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_source_close(source);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(large, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(no_memory, make_folder, remove_folder)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
