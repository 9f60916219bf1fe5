/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/source.h"
#include "brainalign/error.h"

static void
check(const char *text, const char *file, const char *path, size_t r0, size_t r1,
    size_t c0, size_t c1)
{
    ba_spec_t spec;

    assert_int_equal(ba_spec_parse(text, &spec), BA_OK);
    assert_string_equal(spec.file, file);
    if (path) {
        assert_non_null(spec.path);
        assert_string_equal(spec.path, path);
    } else {
        assert_null(spec.path);
    }
    assert_true(spec.row_start == r0 && spec.row_stop == r1);
    assert_true(spec.col_start == c0 && spec.col_stop == c1);
    ba_spec_free(&spec);
}

static void
parts_of_a_spec(void **state)
{
    (void) state;
    check("x.npy", "x.npy", NULL, 0, SIZE_MAX, 0, SIZE_MAX);
    check("f.h5:/layer_12", "f.h5", "/layer_12", 0, SIZE_MAX, 0, SIZE_MAX);
    check("f.h5:a/b", "f.h5", "a/b", 0, SIZE_MAX, 0, SIZE_MAX);
    check("act.h5:/x[0:300,192:256]", "act.h5", "/x", 0, 300, 192, 256);
    check("y.csv[,]", "y.csv", NULL, 0, SIZE_MAX, 0, SIZE_MAX);
    check("y.csv[5:,]", "y.csv", NULL, 5, SIZE_MAX, 0, SIZE_MAX);
    check("y.csv[:5,:]", "y.csv", NULL, 0, 5, 0, SIZE_MAX);
    check("y.csv[,7:8]", "y.csv", NULL, 0, SIZE_MAX, 7, 8);
    check("dir.with[odd]/y.csv", "dir.with[odd]/y.csv", NULL, 0, SIZE_MAX, 0, SIZE_MAX);
}

static void
colons_in_names(void **state)
{
    char folder[TEST_PATH_SIZE], file[TEST_PATH_SIZE], text[TEST_PATH_SIZE];

    (void) state;
    /* Nothing follows the last colon: it is the file's. */
    check("a:", "a:", NULL, 0, SIZE_MAX, 0, SIZE_MAX);
    check("a:b:", "a:b:", NULL, 0, SIZE_MAX, 0, SIZE_MAX);
    /* No such files: the last colon. */
    check("a:b:c", "a:b", "c", 0, SIZE_MAX, 0, SIZE_MAX);
    test_make_folder(folder);
    test_join(file, folder, "x:1.h5");
    test_write_file(file, "", 0);
    check(file, file, NULL, 0, SIZE_MAX, 0, SIZE_MAX);
    test_join(text, folder, "x:1.h5:/p:q");
    check(text, file, "/p:q", 0, SIZE_MAX, 0, SIZE_MAX);
    test_join(text, folder, "x:1.h5[2:3,]");
    check(text, file, NULL, 2, 3, 0, SIZE_MAX);
    /* A file of the whole name wins over everything. */
    test_join(file, folder, "y[0:1,]");
    test_write_file(file, "", 0);
    check(file, file, NULL, 0, SIZE_MAX, 0, SIZE_MAX);
    test_remove_folder(folder);
}

static void
bad_specs(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {{"", "no file name"}, {"[0:1,]", "no file name"}, {":/x", "no file name"},
        {"x.npy]", "without its '['"}, {"x.npy[]", "expected [ROWS,COLS]"},
        {"x.npy[1:2]", "expected [ROWS,COLS]"},
        {"x.npy[1:2,3:4,5:6]", "expected [ROWS,COLS]"},
        {"x.npy[1,]", "rows '1', expected a half-open range a:b"},
        {"x.npy[,1]", "columns '1'"}, {"x.npy[a:b,]", "bound 'a'"},
        {"x.npy[-1:2,]", "bound '-1'"}, {"x.npy[1:-2,]", "bound '-2'"},
        {"x.npy[1 :2,]", "bound '1 '"}, {"x.npy[1:2:3,]", "bound '2:3'"},
        {"x.npy[2:2,]", "rows 2:2"}, {"x.npy[3:2,]", "rows 3:2"},
        {"x.npy[0:0,]", "rows 0:0"}, {"x.npy[,9:1]", "columns 9:1"},
        {"x.npy[1.5:2,]", "bound '1.5'"}, {"x.npy[0x1:2,]", "bound '0x1'"},
        {"x.npy[99999999999999999999999:,]", "too large"},
        {"x.npy[0:99999999999999999999999,]", "too large"}};

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ba_spec_t spec;

        assert_int_equal(ba_spec_parse(bad[i].text, &spec), BA_VALUE);
        assert_contains(ba_error_message(), bad[i].words);
        assert_null(spec.file);
        assert_null(spec.path);
    }
    ba_spec_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_of_a_spec),
        cmocka_unit_test(colons_in_names), cmocka_unit_test(bad_specs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
