/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testhdf5.h"

#include "io/hdf5_strings.h"

/* A data set of strings: width 0 = of any length, else bytes each with that padding. */
static void
put_strings(const char *name, size_t n, size_t width, H5T_str_t pad, const void *data)
{
    hsize_t dims[1] = {n};
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, dims, NULL), dataset;

    H5Tset_size(type, width ? width : H5T_VARIABLE);
    H5Tset_strpad(type, pad);
    H5Tset_cset(type, H5T_CSET_UTF8);
    dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Tclose(type);
}

static void
all_kinds(void **state)
{
    const char *const words[] = {"the", "", "caf\xc3\xa9"};
    const char zeros[] = "the\0\0"
                         "\0\0\0\0\0"
                         "caf\xc3\xa9";
    const char spaces[] = "the  "
                          "     "
                          "caf\xc3\xa9";
    const char *const names[] = {"any", "zeros", "spaces"};

    (void) state;
    put_strings("any", 3, 0, H5T_STR_NULLTERM, words);
    put_strings("zeros", 3, 5, H5T_STR_NULLPAD, zeros);
    put_strings("spaces", 3, 5, H5T_STR_SPACEPAD, spaces);
    close_file();
    assert_true(ba_hdf5_is(path));
    for (size_t k = 0; k < 3; k++) {
        ba_texts_t texts = {0};

        assert_true(ba_hdf5_holds_strings(path, names[k]));
        assert_int_equal(ba_hdf5_strings_read(path, names[k], &texts), BA_OK);
        assert_int_equal(texts.n, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_string_equal(ba_texts_get(&texts, i), words[i]);
        }
        ba_texts_free(&texts);
    }
}

/* Several pieces. */
static void
long_list(void **state)
{
    enum { N = 10000 };
    char(*data)[8] = calloc(N, 8);
    ba_texts_t texts = {0};

    (void) state;
    for (size_t i = 0; i < N; i++) {
        snprintf(data[i], 8, "%zu", i);
    }
    put_strings("x", N, 8, H5T_STR_NULLPAD, data);
    close_file();
    assert_int_equal(ba_hdf5_strings_read(path, "x", &texts), BA_OK);
    assert_int_equal(texts.n, N);
    for (size_t i = 0; i < N; i++) {
        assert_string_equal(ba_texts_get(&texts, i), data[i]);
    }
    ba_texts_free(&texts);
    free(data);
}

static void
refused(void **state)
{
    const double x[4] = {1, 2, 3, 4};
    hsize_t two[2] = {2, 2}, one[1] = {4};
    ba_texts_t texts = {0};

    (void) state;
    put("matrix", H5T_NATIVE_DOUBLE, 2, two, NULL, x);
    put("vector", H5T_NATIVE_DOUBLE, 1, one, NULL, x);
    close_file();
    assert_false(ba_hdf5_holds_strings(path, "vector"));
    assert_false(ba_hdf5_holds_strings(path, "nothing"));
    assert_int_equal(ba_hdf5_strings_read(path, "vector", &texts), BA_UNSUPPORTED);
    assert_contains(ba_error_message(), "x.h5:vector: holds no strings");
    assert_int_equal(ba_hdf5_strings_read(path, "matrix", &texts), BA_SHAPE);
    assert_int_equal(ba_hdf5_strings_read(path, "nothing", &texts), BA_MISSING);
    assert_contains(ba_error_message(), "/vector (4)");
    test_write_file(path, "text", 4);
    assert_false(ba_hdf5_is(path));
    assert_int_equal(ba_hdf5_strings_read(path, "x", &texts), BA_FORMAT);
    assert_int_equal(texts.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_kinds, make_file, remove_file),
        cmocka_unit_test_setup_teardown(long_list, make_file, remove_file),
        cmocka_unit_test_setup_teardown(refused, make_file, remove_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
