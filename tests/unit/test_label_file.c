/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/conceptlib.h"

#include "datasets/label_file.h"

#include <hdf5.h>

static void
assert_cells(const char *spec, const char *name, const char *const *wanted)
{
    ba_label_column_t out;

    if (ba_label_column_read(NULL, spec, &out) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_string_equal(out.name, name);
    for (size_t i = 0; i < out.cells.n; i++) {
        assert_non_null(wanted[i]);
        assert_string_equal(ba_texts_get(&out.cells, i), wanted[i]);
    }
    assert_null(wanted[out.cells.n]);
    ba_label_column_free(&out);
}

#define cells(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
text_files(void **state)
{
    const char *table = "form,tag\na,X\nb,\"Y,Z\"\n";

    (void) state;
    assert_cells(label_file("t.csv", table, ":tag"), "tag", cells("X", "Y,Z"));
    assert_cells(label_file("t.csv", table, ":1"), "form", cells("a", "b"));
    assert_cells(label_file("t.txt", "form\ttag\na\tX\n", ":tag"), "tag", cells("X"));
    assert_cells(label_file("one.tsv", "tag\nX\nY\n", ""), "tag", cells("X", "Y"));
    assert_cells(label_file("l.txt", "X\r\n_\r\nY", ""), "", cells("X", "_", "Y"));
    assert_cells(label_file("c.txt", "He PRP B-NP\n", ""), "chunk", cells("B-NP"));
    assert_cells(label_file("l.txt", "A\nB\nC\nD\n", "[1:3,]"), "", cells("B", "C"));
}

/* Empty lines end sentences, however many there are. */
static void
sentences_of_lines(void **state)
{
    ba_label_column_t out;

    (void) state;
    assert_int_equal(ba_label_column_read(NULL,
                         label_file("l.txt", "\nA\nB\n\n\nC\n\nD\n", "[1:,]"), &out),
        BA_OK);
    assert_int_equal(out.cells.n, 3);
    assert_int_equal(out.sentence[0], 0);
    assert_int_equal(out.sentence[1], 1);
    assert_int_equal(out.sentence[2], 2);
    ba_label_column_free(&out);
    assert_int_equal(
        ba_label_column_read(NULL, label_file("l.txt", "A\nB\n", ""), &out), BA_OK);
    assert_null(out.sentence);
    ba_label_column_free(&out);
}

static void
numbers_of_hdf5(void **state)
{
    const double x[3] = {3, 0.5, -1}, y[4] = {1, 2, 3, 4};
    hsize_t dims[2] = {3, 1}, square[2] = {2, 2};
    char path[TEST_PATH_SIZE], spec[TEST_PATH_SIZE + 8];
    ba_label_column_t out;
    hid_t file, space, dataset;

    (void) state;
    test_join(path, folder, "x.h5");
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    for (int rank = 1; rank <= 2; rank++) {
        space = H5Screate_simple(rank, rank == 1 ? dims : square, NULL);
        dataset = H5Dcreate2(file, rank == 1 ? "x" : "y", H5T_NATIVE_DOUBLE, space,
            H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Dwrite(
            dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, rank == 1 ? x : y);
        H5Dclose(dataset);
        H5Sclose(space);
    }
    H5Fclose(file);
    snprintf(spec, sizeof spec, "%s:/x", path);
    assert_cells(spec, "x", cells("3", "0.5", "-1"));
    snprintf(spec, sizeof spec, "%s:/y", path);
    assert_int_equal(ba_label_column_read(NULL, spec, &out), BA_SHAPE);
    assert_contains(ba_error_message(), "x.h5:/y: 2 columns, wanted one");
    assert_int_equal(ba_label_column_read(NULL, path, &out), BA_VALUE);
    assert_contains(ba_error_message(), "x.h5: an HDF5 file, wanted FILE:PATH");
}

static void
assert_refused(const char *spec, int wanted, const char *words)
{
    ba_label_column_t out;

    assert_int_equal(ba_label_column_read(NULL, spec, &out), wanted);
    assert_contains(ba_error_message(), words);
    assert_null(out.name);
}

static void
refused(void **state)
{
    const char *table = "form,tag\na,X\nb,Y\n";

    (void) state;
    assert_refused(label_file("t.csv", table, ":tags"), BA_MISSING,
        "t.csv: no column 'tags': nearest is 'tag' (or a number from 1 to 2)");
    assert_refused(label_file("t.csv", table, ""), BA_VALUE,
        "t.csv: a table of 2 columns, wanted FILE:COLUMN");
    assert_refused(
        label_file("t.csv", table, ":tag[1:3,]"), BA_VALUE, "rows 1:3, but there are 2");
    assert_refused(label_file("l.txt", "A\na b c d e f\n", ""), BA_FORMAT,
        "l.txt: line 2: 'a b c d e f', wanted one label a line");
    assert_refused(label_file("l.txt", "A\n", ":x"), BA_VALUE, "one label a line");
    assert_refused(label_file("l.txt", "", ""), BA_FORMAT, "no labels");
    assert_refused(label_file("l.txt", "\xff\n", ""), BA_FORMAT, "not valid UTF-8");
    assert_refused("/nowhere/x.txt", BA_IO, "/nowhere/x.txt: cannot open");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_files, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(sentences_of_lines, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(numbers_of_hdf5, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(refused, make_folder, remove_folder)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
