/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"
#include "tests/testnifti.h"

#include "brainalign/error.h"
#include "brainalign/source.h"
#include "core/alloc.h"
#include "io/source_impl.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

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

/* A 6 x 4 array of int16, value 10 * row + column. */
static void
write_array(const char *name)
{
    char bytes[128 + 48];

    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(bytes + 10, "{'descr': '<i2', 'fortran_order': False, 'shape': (6, 4)}", 57);
    for (int i = 0; i < 24; i++) {
        bytes[128 + 2 * i] = (char) (10 * (i / 4) + i % 4);
        bytes[129 + 2 * i] = 0;
    }
    test_write_file(test_join(path, folder, name), bytes, sizeof bytes);
}

static ba_source_t *
open_good(const char *name, const char *ranges)
{
    char spec[TEST_PATH_SIZE + 64];
    ba_source_t *source = NULL;

    snprintf(spec, sizeof spec, "%s/%s%s", folder, name, ranges);
    if (ba_source_open(NULL, spec, NULL, &source) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_string_equal(ba_source_name(source), spec);
    return source;
}

static void
check_bad(const char *name, const char *rest, int wanted, const char *words)
{
    char spec[TEST_PATH_SIZE + 64];
    ba_source_t *source;

    snprintf(spec, sizeof spec, "%s/%s%s", folder, name, rest);
    assert_int_equal(ba_source_open(NULL, spec, NULL, &source), wanted);
    assert_null(source);
    assert_contains(ba_error_message(), words);
}

static void
formats_by_content_then_name(void **state)
{
    (void) state;
    /* Content wins over the name. */
    write_array("x.csv");
    ba_source_close(open_good("x.csv", ""));
    write_array("x.h5");
    ba_source_close(open_good("x.h5", ""));
    test_write_file(test_join(path, folder, "plain"), "1,2\n3,4\n", 8);
    ba_source_close(open_good("plain", ""));
    /* Names decide what an unknown content should have been. */
    test_write_file(test_join(path, folder, "y.npy"), "nonsense", 8);
    check_bad("y.npy", "", BA_FORMAT, "not an NPY file");
    test_write_file(test_join(path, folder, "y.HDF5"), "nonsense", 8);
    check_bad("y.HDF5", "", BA_FORMAT, "not an HDF5 file");
    test_write_file(test_join(path, folder, "y.nii"), "nonsense", 8);
    check_bad("y.nii", "", BA_FORMAT, "y.nii");
    test_write_file(test_join(path, folder, "y.bin"), "a\0b", 3);
    check_bad("y.bin", "", BA_FORMAT, "unknown format, expected HDF5, NPY");
    test_write_file(test_join(path, folder, "y.bin"), "", 0);
    check_bad("y.bin", "", BA_FORMAT, "unknown format");
    test_write_file(test_join(path, folder, "y.csv"), "", 0);
    check_bad("y.csv", "", BA_FORMAT, "no rows");
    test_write_file(test_join(path, folder, "y.npz"), "PK\3\4", 4);
    check_bad("y.npz", ":arr_0", BA_UNSUPPORTED, "numpy.save()");
    test_write_file(test_join(path, folder, "y.pt"), "PK\3\4", 4);
    check_bad("y.pt", "", BA_UNSUPPORTED, "a ZIP archive");
    test_write_file(test_join(path, folder, "y.pkl"), "\x80\4K\1.", 5);
    check_bad("y.pkl", "", BA_UNSUPPORTED, "pickled Python objects");
    test_write_file(test_join(path, folder, "y"), "\x80\4K\1.", 5);
    check_bad("y", "", BA_UNSUPPORTED, "pickled Python objects");
    test_write_file(test_join(path, folder, "y.safetensors"), "\x08\0\0\0", 4);
    check_bad("y.safetensors", "", BA_UNSUPPORTED, "safetensors");
    test_write_file(test_join(path, folder, "z.csv"), "\x1f\x8b\x08", 3);
    check_bad("z.csv", "", BA_UNSUPPORTED, "gunzip it");
}

static void
what_cannot_be_opened(void **state)
{
    ba_source_opts_t opts = {.max_rank = 4};
    ba_source_t *source;

    (void) state;
    check_bad("none.npy", "", BA_IO, "none.npy: cannot open: No such file");
    check_bad("", "", BA_IO, "it is a folder");
    write_array("x.npy");
    check_bad("x.npy", ":arr_0", BA_VALUE, "a PATH, but such a file holds one matrix");
    check_bad("x.npy", "[1,2]", BA_VALUE, "expected a half-open range");
    assert_int_equal(ba_source_open(NULL, path, &opts, &source), BA_VALUE);
    assert_contains(ba_error_message(), "max_rank is 4, expected 1 to 3");
    opts.max_rank = -1;
    assert_int_equal(ba_source_open(NULL, path, &opts, &source), BA_VALUE);
}

static void
slices(void **state)
{
    double block[24];
    ba_source_t *source;

    (void) state;
    write_array("x.npy");
    source = open_good("x.npy", "[2:5,1:]");
    assert_int_equal(ba_source_n_rows(source), 3);
    assert_int_equal(ba_source_n_cols(source), 3);
    assert_int_equal(ba_source_read(source, 0, 1, 2, 1, 2, block, 2), BA_OK);
    assert_true(block[0] == 32 && block[1] == 42 && block[2] == 33 && block[3] == 43);
    /* The slice is the end of the world: what stands beyond cannot be read. */
    assert_int_equal(ba_source_read(source, 0, 0, 4, 0, 1, block, 4), BA_VALUE);
    assert_contains(ba_error_message(), "there are 1 x 3 x 3");
    assert_int_equal(ba_source_read(source, 0, 0, 1, 2, 2, block, 4), BA_VALUE);
    assert_int_equal(ba_source_read(source, 1, 0, 1, 0, 1, block, 4), BA_VALUE);
    assert_int_equal(ba_source_read(source, 0, 4, 0, 0, 1, block, 4), BA_VALUE);
    assert_int_equal(ba_source_read(source, 0, 0, 1, 4, 0, block, 4), BA_VALUE);
    assert_int_equal(ba_source_read(source, 0, 0, 2, 0, 1, block, 1), BA_VALUE);
    assert_int_equal(ba_source_read(source, 0, SIZE_MAX, 2, 0, 1, block, 2), BA_VALUE);
    assert_int_equal(ba_source_read(source, 0, 3, 0, 3, 0, block, 0), BA_OK);
    ba_source_close(source);
    check_bad("x.npy", "[0:7,]", BA_VALUE, "rows 0:7, but there are 6");
    check_bad("x.npy", "[6:,]", BA_VALUE, "rows from 6, but there are 6");
    check_bad("x.npy", "[,0:5]", BA_VALUE, "columns 0:5, but there are 4");
    ba_source_close(NULL);
}

/* Labels move with a slice of columns. */
static void
labels_of_a_slice(void **state)
{
    ba_source_t *source;

    (void) state;
    test_write_file(test_join(path, folder, "x.csv"), "a,b,c\n1,2,3\n", 12);
    source = open_good("x.csv", "[,1:3]");
    assert_string_equal(ba_source_column_name(source, 0), "b");
    assert_string_equal(ba_source_column_name(source, 1), "c");
    assert_null(ba_source_column_name(source, 2));
    ba_source_close(source);
}

static void
memory(void **state)
{
    const double data[8] = {0, 1, 2, -1, 10, 11, 12, -1};
    double block[4];
    ba_source_t *source;

    (void) state;
    assert_int_equal(ba_source_from_memory(data, 3, 2, 4, "toy", &source), BA_OK);
    assert_string_equal(ba_source_name(source), "toy");
    assert_string_equal(ba_source_format(source), "memory");
    assert_null(ba_source_file(source, 0));
    assert_int_equal(ba_source_is_double(source), 1);
    assert_int_equal(ba_source_read(source, 0, 1, 2, 0, 2, block, 2), BA_OK);
    assert_true(block[0] == 1 && block[1] == 2 && block[2] == 11 && block[3] == 12);
    ba_source_close(source);
    assert_int_equal(ba_source_from_memory(data, 3, 2, 2, "toy", &source), BA_VALUE);
    assert_int_equal(ba_source_from_memory(data, 0, 2, 4, "toy", &source), BA_SHAPE);
    assert_int_equal(
        ba_source_from_memory(data, SIZE_MAX / 4, 9, SIZE_MAX, "toy", &source),
        BA_TOO_LARGE);
    assert_null(source);
}

static void
stacked(void **state)
{
    const double data[4] = {-1, -2, -3, -4};
    ba_source_t *parts[3], *source;
    double block[40];

    (void) state;
    write_array("x.npy");
    parts[0] = open_good("x.npy", "[0:2,]");
    parts[1] = open_good("x.npy", "[5:6,]");
    assert_int_equal(ba_source_from_memory(data, 1, 4, 1, "toy", &parts[2]), BA_OK);
    assert_int_equal(ba_source_stack(parts, 3, &source), BA_OK);
    assert_int_equal(ba_source_n_rows(source), 4);
    assert_int_equal(ba_source_n_cols(source), 4);
    assert_int_equal(ba_source_n_slabs(source), 1);
    assert_int_equal(ba_source_is_double(source), 1);
    assert_string_equal(ba_source_format(source), "npy");
    assert_contains(ba_source_name(source), "x.npy[0:2,]");
    assert_string_equal(ba_source_file(source, 0), path);
    assert_string_equal(ba_source_file(source, 1), path);
    assert_null(ba_source_file(source, 2));
    assert_int_equal(ba_source_read(source, 0, 0, 4, 1, 2, block, 5), BA_OK);
    assert_true(block[0] == 1 && block[1] == 11 && block[2] == 51 && block[3] == -2);
    assert_true(block[5] == 2 && block[6] == 12 && block[7] == 52 && block[8] == -3);
    assert_int_equal(ba_source_read(source, 0, 1, 2, 0, 1, block, 2), BA_OK);
    assert_true(block[0] == 10 && block[1] == 50);
    assert_int_equal(ba_source_read(source, 0, 3, 1, 3, 1, block, 1), BA_OK);
    assert_true(block[0] == -4);
    ba_source_close(source);
}

static void
slabs(void **state)
{
    ba_source_t *parts[2], *source;
    double block[4];

    (void) state;
    write_array("x.npy");
    parts[0] = open_good("x.npy", "[0:2,]");
    parts[1] = open_good("x.npy", "[4:6,]");
    assert_int_equal(ba_source_slabs(parts, 2, &source), BA_OK);
    assert_int_equal(ba_source_n_slabs(source), 2);
    assert_int_equal(ba_source_n_rows(source), 2);
    assert_int_equal(ba_source_rank(source), 3);
    assert_int_equal(ba_source_is_double(source), 0);
    assert_int_equal(ba_source_read(source, 1, 0, 2, 3, 1, block, 2), BA_OK);
    assert_true(block[0] == 43 && block[1] == 53);
    assert_int_equal(ba_source_read(source, 0, 0, 2, 3, 1, block, 2), BA_OK);
    assert_true(block[0] == 3 && block[1] == 13);
    ba_source_close(source);
}

/* Parts that do not fit stay the caller's. */
static void
parts_that_do_not_fit(void **state)
{
    ba_source_t *parts[2], *both[2], *source, *cube;

    (void) state;
    write_array("x.npy");
    parts[0] = open_good("x.npy", "");
    parts[1] = open_good("x.npy", "[,1:]");
    assert_int_equal(ba_source_stack(parts, 2, &source), BA_SHAPE);
    assert_null(source);
    assert_contains(ba_error_message(), "x.npy[,1:]: 3 columns, expected 4 as in ");
    assert_int_equal(ba_source_slabs(parts, 2, &source), BA_SHAPE);
    ba_source_close(parts[1]);
    parts[1] = open_good("x.npy", "[1:,]");
    assert_int_equal(ba_source_slabs(parts, 2, &source), BA_SHAPE);
    assert_contains(ba_error_message(), "x.npy[1:,]: 5 rows, expected 6 as in ");
    assert_int_equal(ba_source_stack(parts, 0, &source), BA_VALUE);
    for (size_t n = 1; n < 20; n++) {
        int status;

        ba_alloc_fail_at(n);
        status = ba_source_stack(parts, 2, &source);
        ba_alloc_fail_at(0);
        if (status == BA_OK) {
            assert_true(n > 6);
            break;
        }
        assert_int_equal(status, BA_NOMEM);
    }
    ba_source_close(source);
    both[0] = open_good("x.npy", "");
    both[1] = open_good("x.npy", "");
    assert_int_equal(ba_source_slabs(both, 2, &cube), BA_OK);
    assert_int_equal(ba_source_stack(&cube, 1, &source), BA_SHAPE);
    assert_contains(ba_error_message(), "2 slabs, expected 1");
    ba_source_close(cube);
}

static ba_source_t *
open_masked(const char *name, const char *ranges, const double mask[4])
{
    test_nifti_t volume = test_nifti_default(1, 16, 2, 2, 1, 1);
    test_nifti_t series = test_nifti_default(1, 16, 2, 2, 1, 3);
    const double values[12] = {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23};
    char mask_path[TEST_PATH_SIZE], spec[TEST_PATH_SIZE + 64];
    ba_source_opts_t opts = {.mask = mask_path};
    ba_source_t *source = NULL;

    test_write_nifti(test_join(path, folder, name), &series, values, 12);
    test_write_nifti(test_join(mask_path, folder, "mask.nii"), &volume, mask, 4);
    snprintf(spec, sizeof spec, "%s%s", path, ranges);
    if (ba_source_open(NULL, spec, &opts, &source) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return source;
}

/* Runs whose masks differ have columns that are other voxels, though they are as many. */
static void
stacked_images(void **state)
{
    const double mask[4] = {1, 0, 1, 1}, other[4] = {1, 1, 0, 1};
    ba_source_t *parts[2], *source;
    double block[12];
    int32_t ijk[3];

    (void) state;
    parts[0] = open_masked("run1.nii", "", mask);
    parts[1] = open_masked("run2.nii", "", other);
    assert_int_equal(ba_source_stack(parts, 2, &source), BA_SHAPE);
    assert_contains(
        ba_error_message(), "run2.nii: column 1 is voxel 1,0,0, expected 0,1,0 as in ");
    ba_source_close(parts[0]);
    ba_source_close(parts[1]);
    parts[0] = open_masked("run1.nii", "[,1:3]", mask);
    parts[1] = open_masked("run2.nii.gz", "[1:2,1:3]", mask);
    assert_int_equal(ba_source_stack(parts, 2, &source), BA_OK);
    assert_int_equal(ba_source_n_rows(source), 4);
    assert_int_equal(ba_image_n_voxels(ba_source_image(source)), 2);
    ba_image_voxel(ba_source_image(source), 1, ijk);
    assert_true(ijk[0] == 1 && ijk[1] == 1 && ijk[2] == 0);
    assert_int_equal(ba_source_read(source, 0, 0, 4, 0, 2, block, 4), BA_OK);
    assert_true(block[0] == 2 && block[2] == 22 && block[3] == 12 && block[7] == 13);
    ba_source_close(source);
}

static void
count_close(void *state)
{
    ++*(int *) state;
}

/* A state is closed exactly once, also where wrapping it fails. */
static void
wrapping(void **state)
{
    const ba_source_ops_t ops = {.format = "probe", .close = count_close};
    ba_source_shape_t shape = {.n_slabs = 1, .n_rows = 2, .n_cols = 2, .rank = 2};
    int n_closed = 0;
    ba_source_t *source;

    (void) state;
    for (size_t n = 1; n <= 4; n++) {
        n_closed = 0;
        ba_alloc_fail_at(n);
        assert_int_equal(
            ba_source_wrap(&ops, &n_closed, &shape, "file", &source), BA_NOMEM);
        assert_int_equal(n_closed, 1);
    }
    ba_alloc_fail_at(0);
    n_closed = 0;
    assert_int_equal(ba_source_wrap(&ops, &n_closed, &shape, "file", &source), BA_OK);
    assert_int_equal(n_closed, 0);
    ba_source_close(source);
    assert_int_equal(n_closed, 1);
    shape.n_cols = 0;
    assert_int_equal(ba_source_wrap(&ops, &n_closed, &shape, "file", &source), BA_SHAPE);
    assert_int_equal(n_closed, 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {TEST(formats_by_content_then_name),
        TEST(what_cannot_be_opened), TEST(slices), TEST(labels_of_a_slice),
        cmocka_unit_test(memory), TEST(stacked), TEST(slabs), TEST(stacked_images),
        TEST(parts_that_do_not_fit), cmocka_unit_test(wrapping)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
