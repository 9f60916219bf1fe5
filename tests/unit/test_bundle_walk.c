/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testhdf5.h"

#include "brainalign/bundle.h"
#include "core/alloc.h"
#include "io/bundle_walk.h"

static char copy_path[TEST_PATH_SIZE];

static void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

/* A bundle of every kind of array and attribute. */
static void
write_bundle(void)
{
    static const double numbers[6] = {1, 2, 3, 4, 5, 6};
    static const uint64_t large[2] = {UINT64_MAX, 7};
    static const char *const words[3] = {"a", "", "long one"};
    static const int64_t list[2] = {-1, 5};
    ba_bundle_t *bundle;

    close_file();
    must(ba_bundle_create(path, 1, &bundle));
    must(ba_bundle_attr_string(bundle, "/", "format", "brainalign-test"));
    must(ba_bundle_attr_i64(bundle, "/", "list", 2, list));
    must(ba_bundle_attr_i64(bundle, "/group", "one", 1, list));
    must(ba_bundle_write(bundle, "/z", BA_F64, 2, (size_t[]){2, 3}, numbers));
    must(ba_bundle_write(bundle, "/group/u", BA_U64, 1, (size_t[]){2}, large));
    must(ba_bundle_write(bundle, "/group/none", BA_F32, 2, (size_t[]){0, 4}, NULL));
    must(ba_bundle_write(bundle, "/scalar", BA_F64, 0, NULL, numbers));
    must(ba_bundle_write_strings(bundle, "/words", 3, words));
    must(ba_bundle_attr_strings(bundle, "/words", "names", 3, words));
    must(ba_bundle_commit(bundle));
    ba_bundle_free(bundle);
}

static void
check_array(const ba_bundle_content_t *content, const char *name, int is_string,
    ba_dtype_t type, size_t size, int rank, size_t first)
{
    const ba_bundle_array_t *array = ba_bundle_find_array(content, name);

    assert_non_null(array);
    assert_int_equal(array->is_string, is_string);
    assert_true(is_string || array->type == type);
    assert_int_equal(array->size, size);
    assert_int_equal(array->rank, rank);
    assert_true(rank == 0 || array->dims[0] == first);
}

static void
everything_is_listed(void **state)
{
    static const char *const attrs[] = {"/ complete", "/ format", "/ format_version",
        "/ list", "/group one", "/words names"};
    ba_bundle_t *bundle;
    ba_bundle_content_t content;

    (void) state;
    write_bundle();
    must(ba_bundle_open(path, NULL, &bundle));
    must(ba_bundle_content(bundle, &content));
    assert_int_equal(content.n_arrays, 5);
    check_array(&content, "/z", 0, BA_F64, 8, 2, 2);
    check_array(&content, "/group/u", 0, BA_U64, 8, 1, 2);
    check_array(&content, "/group/none", 0, BA_F32, 4, 2, 0);
    check_array(&content, "/scalar", 0, BA_F64, 8, 0, 0);
    check_array(&content, "/words", 1, BA_F32, 8, 1, 3);
    assert_null(ba_bundle_find_array(&content, "/group"));
    assert_int_equal(content.n_attrs, 6);
    for (size_t i = 0; i < 6; i++) {
        char found[64];

        snprintf(
            found, sizeof found, "%s %s", content.attrs[i].object, content.attrs[i].name);
        assert_string_equal(found, attrs[i]);
    }
    ba_bundle_content_free(&content);
    ba_bundle_free(bundle);
}

/* All copied: listed alike, attributes equal in their bytes, data equal. */
static void
a_copy_is_equal(void **state)
{
    ba_bundle_t *bundle, *copy;
    ba_bundle_content_t content, copied;
    double numbers[6];
    uint64_t large[2];
    char **words;
    size_t n;

    (void) state;
    write_bundle();
    must(ba_bundle_open(path, NULL, &bundle));
    must(ba_bundle_content(bundle, &content));
    must(ba_bundle_create(test_join(copy_path, folder, "copy.h5"), 0, &copy));
    for (size_t i = 0; i < content.n_arrays; i++) {
        must(ba_bundle_copy_array(bundle, &content.arrays[i], copy));
    }
    for (size_t i = 0; i < content.n_attrs; i++) {
        must(ba_bundle_copy_attr(&content.attrs[i], copy));
    }
    must(ba_bundle_commit(copy));
    ba_bundle_free(copy);
    must(ba_bundle_open(copy_path, "brainalign-test", &copy));
    must(ba_bundle_content(copy, &copied));
    assert_int_equal(copied.n_arrays, content.n_arrays);
    assert_int_equal(copied.n_attrs, content.n_attrs);
    for (size_t i = 0; i < content.n_attrs; i++) {
        assert_string_equal(copied.attrs[i].name, content.attrs[i].name);
        assert_int_equal(copied.attrs[i].n_bytes, content.attrs[i].n_bytes);
        assert_memory_equal(
            copied.attrs[i].bytes, content.attrs[i].bytes, content.attrs[i].n_bytes);
    }
    must(ba_bundle_read(copy, "/z", BA_F64, NULL, NULL, numbers));
    must(ba_bundle_read(copy, "/group/u", BA_U64, NULL, NULL, large));
    must(ba_bundle_read_strings(copy, "/words", &n, &words));
    assert_true(numbers[5] == 6.0 && large[0] == UINT64_MAX && n == 3);
    assert_string_equal(words[2], "long one");
    ba_free(words);
    ba_bundle_content_free(&content);
    ba_bundle_content_free(&copied);
    ba_bundle_free(bundle);
    ba_bundle_free(copy);
}

/* What a bundle never holds is named. */
static void
foreign_types_are_refused(void **state)
{
    hid_t edited, type, space;
    ba_bundle_t *bundle;
    ba_bundle_content_t content;

    (void) state;
    write_bundle();
    edited = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    space = H5Screate_simple(1, (hsize_t[]){2}, NULL);
    H5Dclose(
        H5Dcreate2(edited, "texts", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(edited);
    must(ba_bundle_open(path, NULL, &bundle));
    assert_int_equal(ba_bundle_content(bundle, &content), BA_FORMAT);
    assert_contains(ba_error_message(), "x.h5:/texts: elements of a type that");
    ba_bundle_content_free(&content);
    ba_bundle_free(bundle);
    edited = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(edited, "texts", H5P_DEFAULT);
    H5Aclose(H5Acreate2(edited, "text", type, space, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(edited);
    H5Tclose(type);
    H5Sclose(space);
    must(ba_bundle_open(path, NULL, &bundle));
    assert_int_equal(ba_bundle_content(bundle, &content), BA_FORMAT);
    assert_contains(ba_error_message(), "x.h5:/: cannot read attribute 'text'");
    ba_bundle_content_free(&content);
    ba_bundle_free(bundle);
}

static void
no_memory(void **state)
{
    ba_bundle_t *bundle;
    ba_bundle_content_t content;
    int status;
    size_t n = 0;

    (void) state;
    write_bundle();
    must(ba_bundle_open(path, NULL, &bundle));
    do {
        ba_alloc_fail_at(++n);
        status = ba_bundle_content(bundle, &content);
        ba_alloc_fail_at(0);
        ba_bundle_content_free(&content);
    } while (status == BA_NOMEM);
    must(status);
    assert_true(n > 20);
    ba_bundle_free(bundle);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)
    const struct CMUnitTest tests[] = {TEST(everything_is_listed), TEST(a_copy_is_equal),
        TEST(foreign_types_are_refused), TEST(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
