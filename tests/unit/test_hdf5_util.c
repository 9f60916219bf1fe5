/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be wrong with an HDF5 file, and what is said about it. */
#include "tests/testhdf5.h"

static void
data_sets_that_do_not_fit(void **state)
{
    const hsize_t dims[4] = {2, 3, 2, 2}, empty[2] = {0, 3};
    hid_t scalar = H5Screate(H5S_SCALAR), null = H5Screate(H5S_NULL);
    hid_t space = H5Screate_simple(1, dims, NULL);
    hid_t text = H5Tcopy(H5T_C_S1), record = H5Tcreate(H5T_COMPOUND, 8);
    hid_t group = H5Gcreate2(file, "/g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    struct {
        const char *name;
        hid_t type, space;
    } odd[] = {{"/scalar", H5T_NATIVE_INT, scalar}, {"/null", H5T_NATIVE_INT, null},
        {"/text", text, space}, {"/record", record, space}};

    (void) state;
    H5Tset_size(text, 5);
    H5Tinsert(record, "a", 0, H5T_NATIVE_INT);
    for (size_t i = 0; i < 4; i++) {
        hid_t dataset = H5Dcreate2(file, odd[i].name, odd[i].type, odd[i].space,
            H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);

        assert_true(dataset >= 0);
        H5Dclose(dataset);
    }
    put("/g/four", H5T_NATIVE_INT, 4, dims, NULL, NULL);
    put("/empty", H5T_NATIVE_INT, 2, empty, NULL, NULL);
    H5Gclose(group);
    H5Tclose(text);
    H5Tclose(record);
    H5Sclose(space);
    H5Sclose(scalar);
    H5Sclose(null);
    close_file();
    check_bad(":/scalar", 2, BA_SHAPE, "x.h5:/scalar: 0 dimensions, expected 2");
    check_bad(":/null", 2, BA_SHAPE, "no dimensions, expected 2");
    check_bad(":/text", 2, BA_UNSUPPORTED, "x.h5:/text: holds strings, expected numbers");
    check_bad(":/record", 2, BA_UNSUPPORTED, "holds records (compound type)");
    check_bad(":/g/four", 3, BA_SHAPE, "x.h5:/g/four: 4 dimensions, expected 3");
    check_bad(":/empty", 2, BA_SHAPE, "x.h5:/empty: no numbers");
    check_bad(":/g", 2, BA_MISSING,
        "x.h5:/g: a group, expected a data set; the file holds "
        "/empty (0 x 3), /g/four (2 x 3 x 2 x 2), /null (empty), "
        "/record (2), /scalar (scalar), /text (2)");
    check_bad(":/", 2, BA_MISSING, "a group, expected a data set");
    check_bad(
        ":/none", 2, BA_MISSING, "x.h5:/none: no such data set, the file holds /empty");
    check_bad(":/none/deeper", 2, BA_MISSING, "no such data set");
    check_bad(":/empty/deeper", 2, BA_MISSING, "no such data set");
    check_bad("", 1, BA_MISSING, "x.h5: 0 data sets fit, say which one as FILE:PATH");
}

static void
the_only_data_set(void **state)
{
    const hsize_t dims[3] = {2, 3, 2};
    const double values[6] = {1, 2, 3, 4, 5, 6};
    ba_source_t *source;

    (void) state;
    put("/features/x", H5T_NATIVE_FLOAT, 2, dims, NULL, values);
    put("/cube", H5T_NATIVE_FLOAT, 3, dims, NULL, NULL);
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    close_file();
    assert_int_equal(open_path("", 2, 0, &source), BA_OK);
    assert_int_equal(ba_source_n_cols(source), 3);
    ba_source_close(source);
    assert_int_equal(open_path("[1:2,1:3]", 2, 0, &source), BA_OK);
    assert_int_equal(ba_source_n_rows(source), 1);
    assert_int_equal(ba_source_n_cols(source), 2);
    ba_source_close(source);
    check_bad("", 3, BA_MISSING,
        "x.h5: 2 data sets fit, say which one as FILE:PATH; the "
        "file holds /cube (2 x 3 x 2), /features/x (2 x 3)");
    check_bad("[0:3,]", 2, BA_VALUE, "rows 0:3, but there are 2");
    check_bad("[2:,]", 2, BA_VALUE, "rows from 2, but there are 2");
    check_bad("[,3:4]", 2, BA_VALUE, "columns 3:4, but there are 3");
}

static void
long_lists_are_cut(void **state)
{
    const hsize_t dims[1] = {2};

    (void) state;
    for (int i = 0; i < 13; i++) {
        char name[16];

        snprintf(name, sizeof name, "/d%02d", i);
        put(name, H5T_NATIVE_INT, 1, dims, NULL, NULL);
    }
    close_file();
    check_bad(":/none", 2, BA_MISSING, "/d09 (2) and 3 more");
}

static void
links(void **state)
{
    const hsize_t dims[1] = {2};
    const double values[2] = {1, 2};
    char other[TEST_PATH_SIZE];
    ba_source_t *source;
    hid_t second;

    (void) state;
    put("/x", H5T_NATIVE_INT, 1, dims, NULL, values);
    second = H5Fcreate(
        test_join(other, folder, "other.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Ocopy(file, "/x", second, "/x", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(second);
    H5Lcreate_external(other, "/x", file, "/outside", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external(other, "/", file, "/outdir", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/outside", file, "/detour", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/x", file, "/soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/nowhere", file, "/dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "/", file, "/cycle", H5P_DEFAULT, H5P_DEFAULT);
    close_file();
    assert_int_equal(open_path(":/soft", 2, 0, &source), BA_OK);
    ba_source_close(source);
    assert_int_equal(open_path(":/cycle/cycle/x", 2, 0, &source), BA_OK);
    ba_source_close(source);
    check_bad(":/outside", 2, BA_UNSUPPORTED, "x.h5:/outside: a link into another file");
    check_bad(":/outdir/x", 2, BA_UNSUPPORTED, "a link into another file");
    check_bad(":/detour", 2, BA_UNSUPPORTED, "a link into another file");
    check_bad(":/dangling", 2, BA_MISSING, "no such data set");
    check_bad(":/none", 2, BA_MISSING, "the file holds /x (2)");
}

static void
numbers_in_other_files(void **state)
{
    const hsize_t dims[1] = {2};
    const hsize_t chunk[1] = {2};
    hid_t space = H5Screate_simple(1, dims, NULL);
    hid_t dcpl[3];
    const char *const names[3] = {"/external", "/virtual", "/exotic"};

    (void) state;
    for (int i = 0; i < 3; i++) {
        dcpl[i] = H5Pcreate(H5P_DATASET_CREATE);
    }
    H5Pset_external(dcpl[0], "/etc/hostname", 0, 8);
    H5Pset_virtual(dcpl[1], space, "other.h5", "/x", space);
    H5Pset_chunk(dcpl[2], 1, chunk);
    H5Pset_filter(dcpl[2], 32001, H5Z_FLAG_OPTIONAL, 0, NULL);
    for (int i = 0; i < 3; i++) {
        hid_t dataset = H5Dcreate2(
            file, names[i], H5T_NATIVE_INT, space, H5P_DEFAULT, dcpl[i], H5P_DEFAULT);

        assert_true(dataset >= 0);
        H5Dclose(dataset);
        H5Pclose(dcpl[i]);
    }
    H5Sclose(space);
    close_file();
    check_bad(":/external", 2, BA_UNSUPPORTED, "its numbers stand in other files");
    check_bad(":/virtual", 2, BA_UNSUPPORTED, "its numbers stand in other files");
    check_bad(":/exotic", 2, BA_UNSUPPORTED, "compressed by filter 32001");
}

static void
files_that_are_not_hdf5(void **state)
{
    const hsize_t dims[2] = {50, 40}, chunk[2] = {10, 40};
    double values[2000];
    struct stat info;
    int n_refused = 0;

    (void) state;
    for (int i = 0; i < 2000; i++) {
        values[i] = i * 0.37;
    }
    put("/x", H5T_NATIVE_DOUBLE, 2, dims, chunk, values);
    close_file();
    assert_int_equal(stat(path, &info), 0);
    /* Cut anywhere, the file is refused at opening. */
    for (off_t cut = info.st_size - 1; cut >= 0; cut -= 97) {
        ba_source_t *source;

        assert_int_equal(truncate(path, cut), 0);
        assert_int_equal(open_path(":/x", 2, 0, &source), BA_FORMAT);
        assert_null(source);
        assert_contains(ba_error_message(), "x.h5: ");
        n_refused++;
    }
    assert_true(n_refused > 50);
    test_write_file(path, "this is no HDF5 file", 20);
    check_bad(":/x", 2, BA_FORMAT, "x.h5: not an HDF5 file");
    unlink(path);
    check_bad(":/x", 2, BA_IO, "cannot open: No such file");
}

/* HDF5 1.10 loses memory of its own while it decodes some damaged messages. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:libhdf5\n";
}

/* Bytes of the compressed numbers or of the metadata overwritten: an error or numbers,
 * never a crash. */
static void
damaged_files(void **state)
{
    const hsize_t dims[2] = {50, 40}, chunk[2] = {10, 40};
    double values[2000];
    unsigned char *bytes;
    struct stat info;
    uint64_t seed = 5;
    FILE *stream;
    int n_refused = 0;

    (void) state;
    test_fill_normal(values, 2000, 1);
    put("/x", H5T_NATIVE_DOUBLE, 2, dims, chunk, values);
    close_file();
    assert_int_equal(stat(path, &info), 0);
    bytes = malloc((size_t) info.st_size);
    stream = fopen(path, "rb");
    assert_true(bytes && stream);
    assert_int_equal(
        fread(bytes, 1, (size_t) info.st_size, stream), (size_t) info.st_size);
    fclose(stream);
    for (int k = 0; k < 150; k++) {
        size_t at = test_below(&seed, (size_t) info.st_size - 8);
        unsigned char kept[8];
        ba_source_t *source;

        memcpy(kept, bytes + at, 8);
        memset(bytes + at, k % 2 ? 0xa5 : 0, 8);
        test_write_file(path, bytes, (size_t) info.st_size);
        memcpy(bytes + at, kept, 8);
        if (open_path(":/x", 2, 0, &source) != BA_OK) {
            n_refused++;
        } else if (ba_source_n_rows(source) <= 50 && ba_source_n_cols(source) <= 40) {
            n_refused +=
                ba_source_read(source, 0, 0, ba_source_n_rows(source), 0,
                    ba_source_n_cols(source), values, ba_source_n_rows(source)) != BA_OK;
        }
        ba_source_close(source);
    }
    assert_true(n_refused > 20);
    free(bytes);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)
    const struct CMUnitTest tests[] = {TEST(data_sets_that_do_not_fit),
        TEST(the_only_data_set), TEST(long_lists_are_cut), TEST(links),
        TEST(numbers_in_other_files), TEST(files_that_are_not_hdf5), TEST(damaged_files)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
