/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include <hdf5.h>

#include "brainalign/bundle.h"
#include "brainalign/error.h"

static char folder[TEST_PATH_SIZE];

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static size_t
count_files(void)
{
    DIR *opened = opendir(folder);
    size_t n = 0;

    assert_non_null(opened);
    while (readdir(opened)) {
        n++;
    }
    closedir(opened);
    return n - 2;
}

static ba_bundle_t *
create(const char *path, int force)
{
    ba_bundle_t *bundle;

    assert_int_equal(ba_bundle_create(path, force, &bundle), BA_OK);
    assert_int_equal(
        ba_bundle_attr_string(bundle, "/", "format", "brainalign-test"), BA_OK);
    return bundle;
}

static ba_bundle_t *
reopen(ba_bundle_t *bundle, const char *path)
{
    assert_int_equal(ba_bundle_commit(bundle), BA_OK);
    ba_bundle_free(bundle);
    assert_int_equal(ba_bundle_open(path, "brainalign-test", &bundle), BA_OK);
    return bundle;
}

static void
arrays_of_every_type(void **state)
{
    static const float f32[6] = {0, -1.5f, 3.4e38f, (float) NAN, 1e-40f, 6};
    static const double f64[6] = {0, -1.5, 1e300, (double) NAN, HUGE_VAL, 6};
    static const int32_t i32[6] = {0, -1, INT32_MAX, INT32_MIN, 4, 5};
    static const int64_t i64[6] = {0, -1, INT64_MAX, INT64_MIN, 4, 5};
    static const uint8_t u8[6] = {0, 1, 255, 3, 4, 5};
    static const uint64_t u64[6] = {0, 1, UINT64_MAX, 3, 4, 5};
    static const struct {
        const char *path;
        ba_dtype_t type;
        size_t size;
        const void *data;
    } CASES[] = {
        {"/f32", BA_F32, 4, f32},
        {"/a/f64", BA_F64, 8, f64},
        {"/a/b/c/i32", BA_I32, 4, i32},
        {"/a/b/i64", BA_I64, 8, i64},
        {"/u8", BA_U8, 1, u8},
        {"/u64", BA_U64, 8, u64},
    };
    static const size_t DIMS[4] = {1, 2, 1, 3};
    char path[TEST_PATH_SIZE];
    ba_bundle_t *bundle = create(test_join(path, folder, "types.h5"), 0);

    (void) state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_int_equal(
            ba_bundle_write(bundle, CASES[i].path, CASES[i].type, 4, DIMS, CASES[i].data),
            BA_OK);
    }
    assert_int_equal(access(path, F_OK), -1); /* not before the commit */
    bundle = reopen(bundle, path);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        unsigned char got[48];
        size_t dims[BA_MAX_RANK];
        int rank;

        assert_true(ba_bundle_has(bundle, CASES[i].path));
        assert_int_equal(ba_bundle_shape(bundle, CASES[i].path, &rank, dims), BA_OK);
        assert_int_equal(rank, 4);
        assert_memory_equal(dims, DIMS, sizeof(DIMS));
        assert_int_equal(
            ba_bundle_read(bundle, CASES[i].path, CASES[i].type, NULL, NULL, got), BA_OK);
        assert_memory_equal(got, CASES[i].data, 6 * CASES[i].size);
    }
    assert_true(ba_bundle_has(bundle, "/a/b"));
    assert_false(ba_bundle_has(bundle, "/a/x/y"));
    ba_bundle_free(bundle);
    remove(path);
}

static void
parts_scalars_and_empty_arrays(void **state)
{
    static const size_t DIMS[2] = {3, 4}, START[2] = {1, 1}, COUNT[2] = {2, 3};
    static const size_t NONE[2] = {0, 5}, BEYOND[2] = {2, 1};
    char path[TEST_PATH_SIZE];
    ba_bundle_t *bundle = create(test_join(path, folder, "parts.h5"), 0);
    double all[12], got[12] = {0};
    int32_t whole[6];
    size_t dims[BA_MAX_RANK];
    int rank;

    (void) state;
    for (size_t i = 0; i < 12; i++) {
        all[i] = (double) i;
    }
    assert_int_equal(ba_bundle_write(bundle, "/x", BA_F64, 2, DIMS, all), BA_OK);
    assert_int_equal(ba_bundle_write(bundle, "/one", BA_F64, 0, NULL, all + 7), BA_OK);
    assert_int_equal(ba_bundle_write(bundle, "/none", BA_F32, 2, NONE, NULL), BA_OK);
    assert_int_equal(ba_bundle_write(bundle, "/x", BA_F64, 2, DIMS, all), BA_VALUE);
    assert_contains(ba_error_message(), "parts.h5:/x: written already");
    assert_int_equal(ba_bundle_write(bundle, "x", BA_F64, 2, DIMS, all), BA_VALUE);
    assert_int_equal(ba_bundle_write(bundle, "/y", BA_F64, 5, DIMS, all), BA_VALUE);
    bundle = reopen(bundle, path);
    assert_int_equal(ba_bundle_read(bundle, "/x", BA_I32, START, COUNT, whole), BA_OK);
    for (int32_t i = 0; i < 6; i++) {
        assert_int_equal(whole[i], 5 + i % 3 + i / 3 * 4); /* converted, C order */
    }
    assert_int_equal(ba_bundle_read(bundle, "/x", BA_F64, BEYOND, COUNT, got), BA_VALUE);
    assert_int_equal(ba_bundle_read(bundle, "/one", BA_F64, NULL, NULL, got), BA_OK);
    assert_close(got[0], 7, 0);
    assert_int_equal(ba_bundle_shape(bundle, "/one", &rank, dims), BA_OK);
    assert_int_equal(rank, 0);
    assert_int_equal(ba_bundle_shape(bundle, "/none", &rank, dims), BA_OK);
    assert_true(rank == 2 && dims[0] == 0 && dims[1] == 5);
    assert_int_equal(ba_bundle_read(bundle, "/none", BA_F32, NULL, NULL, got), BA_OK);
    assert_int_equal(ba_bundle_read(bundle, "/zz", BA_F64, NULL, NULL, got), BA_MISSING);
    assert_contains(ba_error_message(), "/x (3 x 4)");
    assert_int_equal(ba_bundle_write(bundle, "/new", BA_F64, 2, DIMS, all), BA_VALUE);
    ba_bundle_free(bundle);
    remove(path);
}

static void
strings_and_attributes(void **state)
{
    static const char *const WORDS[4] = {"", "a", "na\xc3\xafve", "longest of them"};
    static const double NUMBERS[3] = {0.1, -0.0, (double) NAN};
    static const int64_t DELAYS[2] = {-1, INT64_MAX};
    char path[TEST_PATH_SIZE], **got, *text, *long_text;
    ba_bundle_t *bundle = create(test_join(path, folder, "words.h5"), 0);
    double number[3];
    int64_t integer[2];
    size_t n;

    (void) state;
    long_text = malloc(200001);
    assert_non_null(long_text);
    memset(long_text, 'q', 200000);
    long_text[200000] = 0;
    assert_int_equal(ba_bundle_write_strings(bundle, "/t/words", 4, WORDS), BA_OK);
    assert_int_equal(ba_bundle_write_strings(bundle, "/t/none", 0, NULL), BA_OK);
    assert_int_equal(ba_bundle_attr_string(bundle, "/t/words", "empty", ""), BA_OK);
    assert_int_equal(ba_bundle_attr_string(bundle, "/made/group", "s", "old"), BA_OK);
    assert_int_equal(ba_bundle_attr_string(bundle, "/made/group", "s", "newer"), BA_OK);
    assert_int_equal(ba_bundle_attr_string(bundle, "/", "long", long_text), BA_OK);
    assert_int_equal(ba_bundle_attr_strings(bundle, "/", "list", 4, WORDS), BA_OK);
    assert_int_equal(ba_bundle_attr_f64(bundle, "/", "numbers", 3, NUMBERS), BA_OK);
    assert_int_equal(ba_bundle_attr_i64(bundle, "/", "delays", 2, DELAYS), BA_OK);
    assert_int_equal(ba_bundle_attr_i64(bundle, "/", "one", 1, DELAYS), BA_OK);
    bundle = reopen(bundle, path);

    assert_int_equal(ba_bundle_read_strings(bundle, "/t/words", &n, &got), BA_OK);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(got[i], WORDS[i]);
    }
    free(got);
    assert_int_equal(ba_bundle_read_strings(bundle, "/t/none", &n, &got), BA_OK);
    assert_int_equal(n, 0);
    free(got);
    assert_int_equal(ba_bundle_get_string(bundle, "/made/group", "s", &text), BA_OK);
    assert_string_equal(text, "newer");
    free(text);
    assert_int_equal(ba_bundle_get_string(bundle, "/t/words", "empty", &text), BA_OK);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(ba_bundle_get_string(bundle, "/", "long", &text), BA_OK);
    assert_string_equal(text, long_text);
    free(text);
    free(long_text);
    assert_int_equal(ba_bundle_get_f64(bundle, "/", "numbers", 3, number, &n), BA_OK);
    assert_int_equal(n, 3);
    assert_memory_equal(number, NUMBERS, sizeof(NUMBERS));
    assert_int_equal(ba_bundle_get_i64(bundle, "/", "delays", 2, integer, NULL), BA_OK);
    assert_memory_equal(integer, DELAYS, sizeof(DELAYS));
    assert_int_equal(ba_bundle_get_f64(bundle, "/", "one", 3, number, &n), BA_OK);
    assert_true(n == 1 && number[0] == -1);
    assert_int_equal(ba_bundle_get_i64(bundle, "/", "delays", 0, NULL, &n), BA_OK);
    assert_int_equal(n, 2);
    assert_int_equal(ba_bundle_get_i64(bundle, "/", "delays", 1, integer, &n), BA_FORMAT);
    assert_int_equal(ba_bundle_get_i64(bundle, "/", "format", 1, integer, &n), BA_FORMAT);
    assert_int_equal(ba_bundle_get_string(bundle, "/", "one", &text), BA_FORMAT);
    assert_int_equal(ba_bundle_get_string(bundle, "/", "nope", &text), BA_MISSING);
    assert_contains(ba_error_message(), "words.h5:/: no attribute 'nope'");
    assert_int_equal(ba_bundle_get_string(bundle, "/nope", "s", &text), BA_MISSING);
    ba_bundle_free(bundle);
    remove(path);
}

/* Fills random rectangles of a reserved array and keeps the same in memory. */
static void
fill_reserved(ba_sink_t *sink, int rank, const size_t *dims, double *mirror)
{
    size_t n_rows = rank == 1 ? 1 : dims[rank - 2], n_cols = dims[rank - 1];
    uint64_t seed = 5;
    double *block = malloc(n_rows * n_cols * sizeof(*block));

    assert_non_null(block);
    for (size_t round = 0; round < 30; round++) {
        size_t start[2] = {test_below(&seed, n_rows), test_below(&seed, n_cols)};
        size_t count[2] = {
            1 + test_below(&seed, n_rows - start[0]), 1 + test_below(&seed, n_cols / 7)};

        if (count[1] > n_cols - start[1]) {
            count[1] = n_cols - start[1];
        }
        for (size_t i = 0; i < count[0] * count[1]; i++) {
            size_t row = start[0] + i / count[1], col = start[1] + i % count[1];

            block[i] = test_normal(&seed);
            mirror[row * n_cols + col] = block[i];
        }
        assert_int_equal(
            ba_sink_write(sink, start + 2 - rank, count + 2 - rank, block), BA_OK);
    }
    free(block);
}

/* Small arrays lie in one piece, large ones in chunks; both are NaN where nothing was
 * written. */
static void
reserved_arrays(void **state)
{
    static const struct {
        int rank;
        size_t dims[2];
    } CASES[] = {{1, {1000, 0}}, {2, {37, 501}}, {1, {1200000, 0}}, {2, {3, 500000}},
        {2, {1500, 801}}};
    char path[TEST_PATH_SIZE];

    (void) state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const size_t *dims = CASES[i].dims;
        size_t n = dims[0] * (CASES[i].rank == 2 ? dims[1] : 1);
        double *mirror = malloc(n * sizeof(*mirror)), *got = malloc(n * sizeof(*got));
        size_t beyond[2] = {dims[0], 1}, one[2] = {1, 1};
        ba_bundle_t *bundle = create(test_join(path, folder, "reserved.h5"), 1);
        ba_sink_t *sink, *untouched;
        int32_t zeros[5];

        assert_true(mirror && got);
        for (size_t k = 0; k < n; k++) {
            mirror[k] = (double) NAN;
        }
        assert_int_equal(
            ba_bundle_reserve(bundle, "/scores/r", BA_F64, CASES[i].rank, dims, &sink),
            BA_OK);
        assert_int_equal(
            ba_bundle_reserve(bundle, "/status", BA_I32, 1, &(size_t){5}, &untouched),
            BA_OK);
        fill_reserved(sink, CASES[i].rank, dims, mirror);
        assert_int_equal(ba_sink_write(sink, beyond, one, mirror), BA_VALUE);
        assert_contains(ba_error_message(), "dimension 0");
        bundle = reopen(bundle, path);
        assert_int_equal(
            ba_bundle_read(bundle, "/scores/r", BA_F64, NULL, NULL, got), BA_OK);
        assert_all_close(got, mirror, n, 0);
        assert_int_equal(
            ba_bundle_read(bundle, "/status", BA_I32, NULL, NULL, zeros), BA_OK);
        for (size_t k = 0; k < 5; k++) {
            assert_int_equal(zeros[k], 0);
        }
        ba_bundle_free(bundle);
        free(mirror);
        free(got);
    }
    remove(path);
}

static void
nothing_stays_of_what_was_abandoned(void **state)
{
    char path[TEST_PATH_SIZE];
    ba_bundle_t *bundle = create(test_join(path, folder, "left.h5"), 0);
    ba_sink_t *sink;

    (void) state;
    assert_int_equal(
        ba_bundle_reserve(bundle, "/x", BA_F64, 1, &(size_t){10}, &sink), BA_OK);
    assert_int_equal(count_files(), 1); /* the temporary one */
    ba_bundle_free(bundle);
    assert_int_equal(count_files(), 0);
    ba_bundle_free(NULL);
}

static void
existing_targets(void **state)
{
    char path[TEST_PATH_SIZE], text[4] = "";
    ba_bundle_t *bundle;
    FILE *file;

    (void) state;
    test_write_file(test_join(path, folder, "there.h5"), "old", 3);
    assert_int_equal(ba_bundle_create(path, 0, &bundle), BA_EXISTS);
    assert_null(bundle);
    bundle = create(path, 1);
    ba_bundle_free(bundle); /* abandoned: the old one stays */
    file = fopen(path, "r");
    assert_int_equal(fread(text, 1, 4, file), 3);
    fclose(file);
    assert_string_equal(text, "old");
    bundle = reopen(create(path, 1), path);
    ba_bundle_free(bundle);

    remove(path);
    bundle = create(path, 0);
    test_write_file(path, "new", 3); /* meanwhile */
    assert_int_equal(ba_bundle_commit(bundle), BA_EXISTS);
    ba_bundle_free(bundle);
    assert_int_equal(count_files(), 1);
    remove(path);
    assert_int_equal(
        ba_bundle_create(test_join(path, folder, "no/x.h5"), 0, &bundle), BA_IO);
    assert_int_equal(count_files(), 0);
}

/* Changes or removes an attribute of the root as another program could. */
static void
set_attribute(const char *path, const char *name, int keep, int64_t value)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), space, attr;

    assert_true(file >= 0);
    H5Adelete(file, name);
    if (keep) {
        space = H5Screate(H5S_SCALAR);
        attr = H5Acreate2(file, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(H5Awrite(attr, H5T_NATIVE_INT64, &value) >= 0);
        H5Aclose(attr);
        H5Sclose(space);
    }
    H5Fclose(file);
}

static void
files_that_are_refused(void **state)
{
    static const struct {
        const char *name;
        int keep;
        int64_t value;
        const char *words;
    } CASES[] = {
        {"complete", 0, 0, "incomplete"},
        {"complete", 1, 0, "incomplete"},
        {"format", 0, 0, "not a brainalign result file"},
        {"format_version", 1, 99, "format version 99"},
    };
    char path[TEST_PATH_SIZE];
    ba_bundle_t *bundle;

    (void) state;
    test_join(path, folder, "refused.h5");
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        ba_bundle_free(reopen(create(path, 1), path));
        set_attribute(path, CASES[i].name, CASES[i].keep, CASES[i].value);
        assert_int_equal(ba_bundle_open(path, NULL, &bundle), BA_FORMAT);
        assert_null(bundle);
        assert_contains(ba_error_message(), CASES[i].words);
    }
    ba_bundle_free(reopen(create(path, 1), path));
    assert_int_equal(ba_bundle_open(path, "brainalign-encoder", &bundle), BA_FORMAT);
    assert_contains(ba_error_message(), "'brainalign-test'");
    assert_contains(ba_error_message(), "'brainalign-encoder'");
    assert_int_equal(ba_bundle_open(path, NULL, &bundle), BA_OK);
    ba_bundle_free(bundle);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(ba_bundle_open(path, NULL, &bundle), BA_FORMAT);
    test_write_file(path, "hello", 5);
    assert_int_equal(ba_bundle_open(path, NULL, &bundle), BA_FORMAT);
    remove(path);
    assert_int_equal(ba_bundle_open(path, NULL, &bundle), BA_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_of_every_type),
        cmocka_unit_test(parts_scalars_and_empty_arrays),
        cmocka_unit_test(strings_and_attributes),
        cmocka_unit_test(reserved_arrays),
        cmocka_unit_test(nothing_stays_of_what_was_abandoned),
        cmocka_unit_test(existing_targets),
        cmocka_unit_test(files_that_are_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
