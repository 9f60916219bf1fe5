/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/table.h"
#include "core/alloc.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "t.tsv");
    return 0;
}

static int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static ba_table_t *
read_text(const char *text, ba_table_header_t header)
{
    ba_table_t *table = NULL;

    test_write_file(path, text, strlen(text));
    if (ba_table_read(path, header, &table) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return table;
}

static void
header_and_cells(void **state)
{
    ba_table_t *table = read_text(
        "run\t responses \tn\n1\tbold.nii.gz\t\n2\t\"a\tb\"\tn/a\n", BA_TABLE_DETECT);

    (void) state;
    assert_int_equal(ba_table_n_rows(table), 2);
    assert_int_equal(ba_table_n_cols(table), 3);
    assert_string_equal(ba_table_column(table, 0), "run");
    assert_string_equal(ba_table_column(table, 1), "responses");
    assert_null(ba_table_column(table, 3));
    assert_int_equal(ba_table_find(table, "n"), 2);
    assert_true(ba_table_find(table, "subject") == SIZE_MAX);
    assert_string_equal(ba_table_cell(table, 0, 1), "bold.nii.gz");
    assert_string_equal(ba_table_cell(table, 0, 2), "");
    assert_string_equal(ba_table_cell(table, 1, 1), "a\tb");
    assert_string_equal(ba_table_cell(table, 2, 0), "");
    assert_string_equal(ba_table_cell(table, 0, 3), "");
    ba_table_free(table);
    ba_table_free(NULL);
}

static void
headers_detected(void **state)
{
    static const struct {
        const char *text;
        ba_table_header_t mode;
        int has_header;
        size_t n_rows;
    } cases[] = {{"a,b\nc,d\n", BA_TABLE_DETECT, 1, 1},
        {"a,1\nc,d\n", BA_TABLE_DETECT, 0, 2}, {"a,n/a\nc,d\n", BA_TABLE_DETECT, 0, 2},
        {"a,\nc,d\n", BA_TABLE_DETECT, 0, 2}, {"1,2\n3,4\n", BA_TABLE_DETECT, 0, 2},
        {"1,2\n3,4\n", BA_TABLE_HEADER, 1, 1}, {"a,b\nc,d\n", BA_TABLE_NO_HEADER, 0, 2}};

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ba_table_t *table = read_text(cases[i].text, cases[i].mode);

        assert_int_equal(ba_table_column(table, 0) != NULL, cases[i].has_header);
        assert_int_equal(ba_table_n_rows(table), cases[i].n_rows);
        if (!cases[i].has_header) {
            assert_true(ba_table_find(table, "a") == SIZE_MAX);
        }
        ba_table_free(table);
    }
}

static void
cells_as_numbers(void **state)
{
    ba_table_t *table = read_text("x,y\n1.5,n/a\n\n", BA_TABLE_DETECT);
    double value = 0.0;

    (void) state;
    assert_int_equal(ba_table_number(table, 0, 0, &value), BA_OK);
    assert_true(value == 1.5);
    assert_int_equal(ba_table_number(table, 0, 1, &value), BA_OK);
    assert_true(isnan(value));
    assert_int_equal(ba_table_number(table, 1, 0, &value), BA_VALUE);
    assert_int_equal(ba_table_number(table, 0, 2, &value), BA_VALUE);
    ba_table_free(table);
    table = read_text("x,y\n1,2\n3,four\n", BA_TABLE_DETECT);
    assert_int_equal(ba_table_number(table, 1, 1, &value), BA_FORMAT);
    assert_contains(ba_error_message(),
        "t.tsv: line 3, row 2, column 2 (y): 'four', expected a number");
    ba_table_free(table);
    table = read_text("1,2\n3,four\n", BA_TABLE_DETECT);
    assert_int_equal(ba_table_number(table, 1, 1, &value), BA_FORMAT);
    assert_contains(ba_error_message(), "line 2, row 2, column 2: 'four'");
    ba_table_free(table);
}

static void
malformed(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {{"", "t.tsv: no rows"}, {"\n\n", "t.tsv: no rows"},
        {"a\tb\n", "no rows below the header"},
        {"a\tb\n1\n", "line 2: 1 cells, expected 2"},
        {"a\tb\n1\t\"2\n", "line 2: a quote that is never closed"}};
    ba_table_t *table;

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        test_write_file(path, bad[i].text, strlen(bad[i].text));
        assert_int_equal(ba_table_read(path, BA_TABLE_DETECT, &table), BA_FORMAT);
        assert_null(table);
        assert_contains(ba_error_message(), bad[i].words);
    }
    unlink(path);
    assert_int_equal(ba_table_read(path, BA_TABLE_DETECT, &table), BA_IO);
}

static void
large_tables(void **state)
{
    FILE *file = fopen(path, "wb");
    ba_table_t *table;

    (void) state;
    assert_non_null(file);
    for (int i = 0; i < 5000; i++) {
        fprintf(file, "word%d\t%d\t%d\n", i, i, -i);
    }
    fclose(file);
    assert_int_equal(ba_table_read(path, BA_TABLE_DETECT, &table), BA_OK);
    assert_int_equal(ba_table_n_rows(table), 5000);
    for (size_t i = 0; i < 5000; i++) {
        char word[32];
        double value;

        snprintf(word, sizeof word, "word%zu", i);
        assert_string_equal(ba_table_cell(table, i, 0), word);
        assert_int_equal(ba_table_number(table, i, 2, &value), BA_OK);
        assert_true(value == -(double) i);
    }
    ba_table_free(table);
}

static void
no_memory(void **state)
{
    int n_failed = 0;

    (void) state;
    test_write_file(path, "a,b\n1,2\n", 8);
    for (size_t n = 1; n < 16; n++) {
        ba_table_t *table;
        int status;

        ba_alloc_fail_at(n);
        status = ba_table_read(path, BA_TABLE_DETECT, &table);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        assert_true((status == BA_OK) == (table != NULL));
        n_failed += status == BA_NOMEM;
        ba_table_free(table);
    }
    assert_true(n_failed >= 10);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {TEST(header_and_cells), TEST(headers_detected),
        TEST(cells_as_numbers), TEST(malformed), TEST(large_tables), TEST(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
