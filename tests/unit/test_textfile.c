/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "core/alloc.h"
#include "io/textfile.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

static int
make(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "x.txt");
    return 0;
}

static int
drop(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static int
read_bytes(const char *bytes, size_t n, char **text)
{
    test_write_file(path, bytes, n);
    return ba_textfile_read(path, text);
}

static void
assert_text(const char *bytes, size_t n, const char *wanted)
{
    char *text;

    assert_int_equal(read_bytes(bytes, n, &text), BA_OK);
    assert_string_equal(text, wanted);
    ba_free(text);
}

static void
assert_refused(const char *bytes, size_t n, const char *words)
{
    char *text;

    assert_int_equal(read_bytes(bytes, n, &text), BA_FORMAT);
    assert_null(text);
    assert_contains(ba_error_message(), words);
}

#define BYTES(literal) (literal), sizeof(literal) - 1

static void
test_utf8(void **state)
{
    (void) state;
    assert_text(BYTES(""), "");
    assert_text(BYTES("a\r\nb"), "a\r\nb");
    assert_text(BYTES("\xef\xbb\xbfna\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80"),
        "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80");
    assert_refused(BYTES("a\nb\xe9 "), "line 2: byte 0xe9 is not valid UTF-8");
    assert_refused(BYTES("\xc0\x80"), "byte 0xc0");
    assert_refused(BYTES("\xe0\x80\x80"), "byte 0xe0");
    assert_refused(BYTES("\xed\xa0\x80"), "byte 0xed");
    assert_refused(BYTES("\xf4\x90\x80\x80"), "byte 0xf4");
    assert_refused(BYTES("\xe2\x82"), "byte 0xe2");
    assert_refused(BYTES("a\0b"), "byte 0x00");
}

static void
test_utf16(void **state)
{
    (void) state;
    assert_text(BYTES("\xff\xfe\x61\0\xef\0\xac\x20\x3d\xd8\x00\xde"),
        "a\xc3\xaf\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_text(BYTES("\xfe\xff\0\x61\0\xef\x20\xac\xd8\x3d\xde\x00"),
        "a\xc3\xaf\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_refused(BYTES("\xff\xfe\x61\0\x3d\xd8"), "unit 0xd83d at byte 4");
    assert_refused(BYTES("\xff\xfe\x00\xde\x61\0"), "unit 0xde00 at byte 2");
    assert_refused(BYTES("\xff\xfe\x61\0\0\0"), "unit 0x0000 at byte 4");
    assert_refused(BYTES("\xff\xfe\x61\0\x62"), "odd number of bytes");
}

static void
test_errors(void **state)
{
    char *text;

    (void) state;
    assert_int_equal(ba_textfile_read(folder, &text), BA_IO);
    assert_contains(ba_error_message(), "not a regular file");
    assert_int_equal(ba_textfile_read("/no/such", &text), BA_IO);
    test_write_file(path, "\xff\xfe\x61\0", 4);
    for (size_t n = 1; n <= 2; n++) {
        ba_alloc_fail_at(n);
        assert_int_equal(ba_textfile_read(path, &text), BA_NOMEM);
        assert_null(text);
    }
    ba_alloc_fail_at(0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_utf8, make, drop),
        cmocka_unit_test_setup_teardown(test_utf16, make, drop),
        cmocka_unit_test_setup_teardown(test_errors, make, drop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
