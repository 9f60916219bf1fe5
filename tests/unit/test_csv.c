/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "core/alloc.h"
#include "io/csv.h"
#include "io/number.h"

#include <locale.h>

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "x.csv");
    return 0;
}

static int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* Rows as "line:cell|cell;" so that a test can compare text. */
typedef struct {
    char text[4096];
    size_t n;
} seen_t;

static int
take(void *payload, const ba_csv_row_t *row)
{
    seen_t *seen = payload;

    seen->n += (size_t) sprintf(seen->text + seen->n, "%zu:", row->line);
    for (size_t i = 0; i < row->n_cells; i++) {
        seen->n += (size_t) sprintf(seen->text + seen->n, "%s%s", row->cells[i],
            i + 1 < row->n_cells ? "|" : ";");
    }
    return BA_OK;
}

static void
check_good(const char *bytes, const char *wanted)
{
    seen_t seen = {.n = 0};

    test_write_file(path, bytes, strlen(bytes));
    if (ba_csv_read(path, take, &seen) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_string_equal(seen.text, wanted);
}

static void
check_bad(const void *bytes, size_t n, const char *words)
{
    seen_t seen = {.n = 0};

    test_write_file(path, bytes, n);
    assert_int_equal(ba_csv_read(path, take, &seen), BA_FORMAT);
    assert_contains(ba_error_message(), "x.csv: line ");
    assert_contains(ba_error_message(), words);
}

static void
rows_and_line_ends(void **state)
{
    (void) state;
    check_good("", "");
    check_good("a,b\n1,2\n", "1:a|b;2:1|2;");
    check_good("a,b\n1,2", "1:a|b;2:1|2;");
    check_good("a,b\r\n1,2\r\n", "1:a|b;2:1|2;");
    check_good("a,b\r1,2\r", "1:a|b;2:1|2;");
    check_good("a\tb,c\n1\t2\n", "1:a|b,c;2:1|2;");
    check_good("a,b\n1\t1,2\n", "1:a|b;2:1\t1|2;");
    check_good("a,,b\n,,\n", "1:a||b;2:||;");
    check_good("\xef\xbb\xbf\"a\",b\n", "1:a|b;");
    check_good("\xef\xbb\xbf", "");
    check_good(" a , b\n", "1: a | b;");
    check_good("a\n1\n\n\n", "1:a;2:1;");
    check_good("a\r\n1\r\n\r\n", "1:a;2:1;");
    check_good("\n\n", "");
}

static void
quotes(void **state)
{
    (void) state;
    check_good("\"a,b\",\"c\"\"d\"\n", "1:a,b|c\"d;");
    check_good("\"a\nb\",c\nd,e\n", "1:a\nb|c;3:d|e;");
    check_good("\"a\r\nb\",c\r\nd,e\r\n", "1:a\r\nb|c;3:d|e;");
    check_good("\"\",\"\"\n", "1:|;");
    check_good("\"\xc3\xa9\",\xf0\x9f\xa7\xa0\n", "1:\xc3\xa9|\xf0\x9f\xa7\xa0;");
}

static void
malformed(void **state)
{
    static const struct {
        const char *bytes, *words;
    } bad[] = {{"a,b\n1\n", "line 2: 1 cells, expected 2"},
        {"a,b\n1,2\n1,2,3\n", "line 3: 3 cells, expected 2"},
        {"a,b\r\n1,2\r\n1\r\n", "line 3: 1 cells, expected 2"},
        {"a,b\n\"1\n2\",3\n4\n", "line 4: 1 cells, expected 2"},
        {"a,b\n\n1,2\n", "line 2: blank line, expected 2 cells"},
        {"a,b\r\n\r\n1,2\r\n", "line 2: blank line"}, {"\na,b\n", "line 1: blank line"},
        {"a,b\n1,\"2\n3,4\n", "line 2: a quote that is never closed"},
        {"a,b\n1,\"", "line 2: a quote that is never closed"},
        {"a,b\n1,2\"3\n", "line 2: a quote inside a cell"},
        {"a,b\n\"1\"2,3\n", "line 2: a quote inside a cell"},
        {"a\n\xff\n", "line 2: byte 0xff is not valid UTF-8"},
        {"a\n\xc3(\n", "line 2: byte 0x28"}, {"a\n\xc0\x80\n", "line 2: byte 0xc0"},
        {"a\n\xe0\x80\x80\n", "line 2: byte 0x80"},
        {"a\n\xed\xa0\x80\n", "line 2: byte 0xa0"},
        {"a\n\xf4\x90\x80\x80\n", "line 2: byte 0x90"},
        {"a\nb\xc3", "line 2: ends within a UTF-8 character"}};

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_bad(bad[i].bytes, strlen(bad[i].bytes), bad[i].words);
    }
    check_bad("a,b\n1,\0 2\n", 10, "line 2: a NUL byte");
    check_bad("a,b\n1,2\0", 8, "line 2: a NUL byte");
    check_bad("\xff\xfe"
              "a\0\n\0",
        6, "line 1: UTF-16, expected UTF-8");
}

static int
refuse(void *payload, const ba_csv_row_t *row)
{
    (void) payload;
    return row->line == 2 ? ba_fail(BA_CANCELLED, "enough") : BA_OK;
}

static void
the_taker_ends_the_reading(void **state)
{
    (void) state;
    test_write_file(path, "a\nb\nc\n\xff", 7);
    assert_int_equal(ba_csv_read(path, refuse, NULL), BA_CANCELLED);
    assert_string_equal(ba_error_message(), "enough");
}

typedef struct {
    size_t n_rows, n_bytes;
} total_t;

static int
add_up(void *payload, const ba_csv_row_t *row)
{
    total_t *total = payload;

    assert_int_equal(row->line, total->n_rows + 1);
    total->n_rows++;
    for (size_t i = 0; i < row->n_cells; i++) {
        total->n_bytes += strlen(row->cells[i]);
    }
    return BA_OK;
}

/* Lines and line ends that straddle the borders of the buffer, whatever its size. */
static void
many_and_long_lines(void **state)
{
    size_t n_rows = 3000, n_bytes = 0;
    FILE *file = fopen(path, "wb");
    total_t total = {0, 0};

    (void) state;
    assert_non_null(file);
    for (size_t i = 0; i < n_rows; i++) {
        size_t n = i == 1500 ? 700000 : i * 7 % 400 + 1;

        n_bytes += n + 2;
        fprintf(file, "%0*d,\xc3\xa9\r\n", (int) n, 1);
    }
    fclose(file);
    assert_int_equal(ba_csv_read(path, add_up, &total), BA_OK);
    assert_int_equal(total.n_rows, n_rows);
    assert_int_equal(total.n_bytes, n_bytes);
}

static void
files_that_cannot_be_read(void **state)
{
    (void) state;
    assert_int_equal(ba_csv_read(path, take, NULL), BA_IO);
    assert_contains(ba_error_message(), "cannot open: No such file");
    assert_int_equal(ba_csv_read(folder, take, NULL), BA_IO);
    assert_contains(ba_error_message(), "not a regular file");
}

/* libcsv asks again for less when it gets no memory, so one failure of its own may pass.
 */
static void
no_memory(void **state)
{
    int n_failed = 0;

    (void) state;
    test_write_file(path, "a,\"b\"\n1,2\n", 10);
    for (size_t n = 1; n < 10; n++) {
        seen_t seen = {.n = 0};
        int status;

        ba_alloc_fail_at(n);
        status = ba_csv_read(path, take, &seen);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        n_failed += status == BA_NOMEM;
    }
    assert_true(n_failed >= 4);
}

static void
check_number(const char *text, double wanted)
{
    double value = 77.0;

    if (!ba_number_parse(text, &value)) {
        fail_msg("'%s' was not read as a number", text);
    }
    assert_true(value == wanted || (isnan(value) && isnan(wanted)));
}

static void
numbers_as_text(void **state)
{
    static const char *const missing[] = {
        "", " ", "n/a", "N/A", "nan", "NaN", "NAN", "-nan", "  n/a "};
    static const char *const bad[] = {"NA", "null", "None", "x", "1x", "1,5", "1 2",
        "0x10", "1e", "1e+", ".", "+", "-", "e5", "--1", "+-1", "nan(1)", "infinit",
        "1.2.3", "1_000", "1'000", "n/a1", "+nan"};
    double value;

    (void) state;
    check_number("1.5", 1.5);
    check_number("-1.5e-3", -1.5e-3);
    check_number("+.5", 0.5);
    check_number("5.", 5.0);
    check_number(" 7\t", 7.0);
    check_number("1E5", 1e5);
    check_number("0.1", 0.1);
    check_number(
        "179769313486231570814527423731704356798070e267", 0x1.fffffffffffffp1023);
    check_number("4.9406564584124654e-324", 0x1p-1074);
    check_number("inf", (double) INFINITY);
    check_number("-Infinity", (double) -INFINITY);
    check_number("1e999", (double) INFINITY);
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        check_number(missing[i], (double) NAN);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (ba_number_parse(bad[i], &value)) {
            fail_msg("'%s' was read as a number", bad[i]);
        }
    }
}

/* A locale with a decimal comma, whichever is installed. */
static int
set_comma_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8",
        "es_ES.UTF-8", "de_DE", "ru_RU.UTF-8"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (setlocale(LC_ALL, names[i])) {
            return strcmp(localeconv()->decimal_point, ",") == 0;
        }
    }
    return 0;
}

static void
numbers_in_any_locale(void **state)
{
    char text[64];

    (void) state;
    if (!set_comma_locale()) {
        test_skip("no locale with a decimal comma is installed");
    }
    check_number("1.5", 1.5);
    ba_number_print(1.5, 6, text, sizeof text);
    setlocale(LC_ALL, "C");
    assert_string_equal(text, "1.5");
}

static void
numbers_printed(void **state)
{
    static const struct {
        double value;
        int digits;
        const char *text;
    } cases[] = {{1.5, 6, "1.5"}, {0.1, 17, "0.10000000000000001"}, {0.1, 6, "0.1"},
        {123456789.0, 3, "1.23e+08"}, {-0.25, 2, "-0.25"}, {100.0, 6, "100"}};
    char text[64];

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ba_number_print(cases[i].value, cases[i].digits, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
    ba_number_print((double) NAN, 6, text, sizeof text);
    assert_string_equal(text, "n/a");
    ba_number_print((double) -INFINITY, 6, text, sizeof text);
    assert_string_equal(text, "-inf");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {TEST(rows_and_line_ends), TEST(quotes),
        TEST(malformed), TEST(the_taker_ends_the_reading), TEST(many_and_long_lines),
        TEST(files_that_cannot_be_read), TEST(no_memory),
        cmocka_unit_test(numbers_as_text), cmocka_unit_test(numbers_in_any_locale),
        cmocka_unit_test(numbers_printed)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
