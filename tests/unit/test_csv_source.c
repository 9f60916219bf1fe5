/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/source.h"
#include "core/alloc.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "y.csv");
    return 0;
}

static int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static ba_source_t *
open_text(const char *text)
{
    ba_source_t *source = NULL;

    test_write_file(path, text, strlen(text));
    if (ba_source_open(NULL, path, NULL, &source) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return source;
}

static void
numbers_and_labels(void **state)
{
    const double wanted[6] = {1.5, -2, (double) NAN, 4, (double) NAN, 6e3};
    ba_source_t *source =
        open_text("\xef\xbb\xbfV1 , V2,\"A,1\"\r\n1.5,n/a,\r\n-2, 4 ,6e3\r\n");
    double values[6];

    (void) state;
    assert_int_equal(ba_source_n_rows(source), 2);
    assert_int_equal(ba_source_n_cols(source), 3);
    assert_int_equal(ba_source_rank(source), 2);
    assert_int_equal(ba_source_is_double(source), 1);
    assert_string_equal(ba_source_format(source), "csv");
    assert_string_equal(ba_source_file(source, 0), path);
    assert_string_equal(ba_source_column_name(source, 0), "V1");
    assert_string_equal(ba_source_column_name(source, 1), "V2");
    assert_string_equal(ba_source_column_name(source, 2), "A,1");
    assert_int_equal(ba_source_read(source, 0, 0, 2, 0, 3, values, 2), BA_OK);
    assert_all_close(values, wanted, 6, 0.0);
    ba_source_close(source);
}

static void
without_header(void **state)
{
    ba_source_t *source = open_text("1\t2\n3\tnan\n");
    double values[4];

    (void) state;
    assert_int_equal(ba_source_n_rows(source), 2);
    assert_null(ba_source_column_name(source, 0));
    assert_int_equal(ba_source_read(source, 0, 0, 2, 0, 2, values, 2), BA_OK);
    assert_true(values[1] == 3.0 && isnan(values[3]));
    ba_source_close(source);
    source = open_text("1\n2\n3");
    assert_int_equal(ba_source_n_rows(source), 3);
    assert_int_equal(ba_source_rank(source), 1);
    ba_source_close(source);
}

static void
malformed(void **state)
{
    static const struct {
        const char *text, *words;
        int status;
    } bad[] = {{"", "y.csv: no rows of numbers", BA_FORMAT},
        {"a,b\n", "y.csv: no rows of numbers", BA_FORMAT},
        {"a,b\n1,2\n3,x\n", "y.csv: line 3, column 2 (b): 'x', expected a number",
            BA_FORMAT},
        {"1,2\n3,4,5\n", "line 2: 3 cells, expected 2", BA_FORMAT},
        {"1,2\n3,1.5.2\n", "y.csv: line 2, column 2: '1.5.2', expected a number",
            BA_FORMAT},
        {"a,2\n3,4\n", "line 1, column 1: 'a', expected a number", BA_FORMAT},
        {"a,b\n1,\"2\n", "line 2: a quote that is never closed", BA_FORMAT}};
    ba_source_opts_t vector = {.max_rank = 1};
    ba_source_t *source;

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        test_write_file(path, bad[i].text, strlen(bad[i].text));
        assert_int_equal(ba_source_open(NULL, path, NULL, &source), bad[i].status);
        assert_null(source);
        assert_contains(ba_error_message(), bad[i].words);
    }
    test_write_file(path, "1,2\n", 4);
    assert_int_equal(ba_source_open(NULL, path, &vector, &source), BA_SHAPE);
    assert_contains(ba_error_message(), "y.csv: 2 columns, expected 1");
}

/* More text than the budget: spooled to a file, the same numbers. */
static void
small_budget(void **state)
{
    FILE *file = fopen(path, "wb");
    ba_ctx_t ctx = ba_ctx_default();
    ba_source_t *source;
    double column[2000];

    (void) state;
    assert_non_null(file);
    for (int i = 0; i < 2000; i++) {
        fprintf(file, "%d,%d.25,%de-3\n", i, i, i);
    }
    fclose(file);
    ctx.memory = 4096;
    assert_int_equal(ba_source_open(&ctx, path, NULL, &source), BA_OK);
    assert_int_equal(ba_source_read(source, 0, 0, 2000, 1, 1, column, 2000), BA_OK);
    for (int i = 0; i < 2000; i++) {
        assert_true(column[i] == i + 0.25);
    }
    ba_source_close(source);
}

static int
always(void *payload)
{
    (void) payload;
    return 1;
}

static void
cancelled(void **state)
{
    FILE *file = fopen(path, "wb");
    ba_ctx_t ctx = ba_ctx_default();
    ba_source_t *source;

    (void) state;
    assert_non_null(file);
    for (int i = 0; i < 2000; i++) {
        fprintf(file, "%d\n", i);
    }
    fclose(file);
    ctx.cancelled = always;
    assert_int_equal(ba_source_open(&ctx, path, NULL, &source), BA_CANCELLED);
    assert_null(source);
}

static void
no_memory(void **state)
{
    int n_failed = 0;

    (void) state;
    test_write_file(path, "a,b\n1,2\n", 8);
    for (size_t n = 1; n < 20; n++) {
        ba_source_t *source;
        int status;

        ba_alloc_fail_at(n);
        status = ba_source_open(NULL, path, NULL, &source);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        n_failed += status == BA_NOMEM;
        ba_source_close(source);
    }
    assert_true(n_failed >= 14);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {TEST(numbers_and_labels), TEST(without_header),
        TEST(malformed), TEST(small_budget), TEST(cancelled), TEST(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
