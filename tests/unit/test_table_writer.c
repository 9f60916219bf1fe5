/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/table.h"

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

static void
assert_holds(const char *wanted)
{
    char text[512] = "";
    FILE *stream = fopen(path, "rb");

    assert_non_null(stream);
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    assert_string_equal(text, wanted);
}

static ba_table_writer_t *
create(int force)
{
    ba_table_writer_t *writer = NULL;

    assert_int_equal(ba_table_create(path, force, &writer), BA_OK);
    return writer;
}

static void
text_and_numbers(void **state)
{
    ba_table_writer_t *writer = create(0);

    (void) state;
    assert_int_equal(ba_table_put_text(writer, "target"), BA_OK);
    assert_int_equal(ba_table_put_text(writer, "r"), BA_OK);
    assert_int_equal(ba_table_put_text(writer, "n"), BA_OK);
    assert_int_equal(ba_table_end_row(writer), BA_OK);
    assert_int_equal(ba_table_put_text(writer, "left, \xc3\xa9"), BA_OK);
    assert_int_equal(ba_table_put_number(writer, 0.1, 17), BA_OK);
    assert_int_equal(ba_table_put_integer(writer, INT64_MIN), BA_OK);
    assert_int_equal(ba_table_end_row(writer), BA_OK);
    assert_int_equal(ba_table_put_text(writer, ""), BA_OK);
    assert_int_equal(ba_table_put_number(writer, (double) NAN, 6), BA_OK);
    assert_int_equal(ba_table_put_number(writer, -12345678.0, 3), BA_OK);
    assert_int_equal(ba_table_end_row(writer), BA_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(ba_table_commit(writer), BA_OK);
    ba_table_writer_free(writer);
    assert_holds("target\tr\tn\n"
                 "left, \xc3\xa9\t0.10000000000000001\t-9223372036854775808\n"
                 "\"\"\tn/a\t-1.23e+07\n");
}

/* What was written is what is read, quotes and doubles to the last bit included. */
static void
round_trip(void **state)
{
    ba_table_writer_t *writer = create(0);
    const char *const words[] = {"\"", "say \"hi\"", "", " spaced ", "n/a", "a,b"};
    ba_table_t *table;
    uint64_t seed = 1;

    (void) state;
    assert_int_equal(ba_table_put_text(writer, "word"), BA_OK);
    assert_int_equal(ba_table_put_text(writer, "value"), BA_OK);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(ba_table_end_row(writer), BA_OK);
        assert_int_equal(ba_table_put_text(writer, words[i]), BA_OK);
        assert_int_equal(ba_table_put_number(writer, test_normal(&seed), 17), BA_OK);
    }
    assert_int_equal(ba_table_commit(writer), BA_OK);
    ba_table_writer_free(writer);
    assert_int_equal(ba_table_read(path, BA_TABLE_DETECT, &table), BA_OK);
    assert_int_equal(ba_table_n_rows(table), 6);
    seed = 1;
    for (size_t i = 0; i < 6; i++) {
        double value;

        assert_string_equal(ba_table_cell(table, i, 0), words[i]);
        assert_int_equal(ba_table_number(table, i, 1, &value), BA_OK);
        assert_true(value == test_normal(&seed));
    }
    ba_table_free(table);
}

static void
bad_cells(void **state)
{
    ba_table_writer_t *writer = create(0);

    (void) state;
    assert_int_equal(ba_table_put_text(writer, "a\tb"), BA_VALUE);
    assert_contains(ba_error_message(), "t.tsv: cell 'a?b' holds a tab or a line end");
    assert_int_equal(ba_table_put_text(writer, "a\nb"), BA_VALUE);
    assert_int_equal(ba_table_put_text(writer, "a\rb"), BA_VALUE);
    assert_int_equal(ba_table_put_number(writer, 1.0, 0), BA_VALUE);
    assert_int_equal(ba_table_put_number(writer, 1.0, 18), BA_VALUE);
    assert_int_equal(ba_table_put_text(writer, "a"), BA_OK);
    assert_int_equal(ba_table_put_text(writer, "b"), BA_OK);
    assert_int_equal(ba_table_end_row(writer), BA_OK);
    assert_int_equal(ba_table_put_text(writer, "a"), BA_OK);
    assert_int_equal(ba_table_end_row(writer), BA_VALUE);
    assert_contains(ba_error_message(), "line 2: 1 cells, expected 2");
    ba_table_writer_free(writer);
    assert_int_equal(access(path, F_OK), -1);
}

static void
existing_file(void **state)
{
    ba_table_writer_t *writer;

    (void) state;
    test_write_file(path, "old", 3);
    assert_int_equal(ba_table_create(path, 0, &writer), BA_EXISTS);
    assert_null(writer);
    writer = create(1);
    ba_table_writer_free(writer);
    assert_holds("old");
    writer = create(1);
    assert_int_equal(ba_table_put_integer(writer, 3), BA_OK);
    assert_int_equal(ba_table_commit(writer), BA_OK);
    ba_table_writer_free(writer);
    ba_table_writer_free(NULL);
    assert_holds("3\n");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(text_and_numbers), TEST(round_trip), TEST(bad_cells), TEST(existing_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
