/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testhdf5.h"

#include "core/alloc.h"

static hid_t
half_type(void)
{
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);

    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

static void
every_type(void **state)
{
    const hsize_t dims[2] = {2, 3};
    const double values[6] = {0, 1, 2, 3, 100, 127};
    hid_t types[] = {H5T_STD_I8LE, H5T_STD_U8LE, H5T_STD_I16BE, H5T_STD_U16LE,
        H5T_IEEE_F32LE, H5T_IEEE_F32BE, half_type(), H5T_STD_I32LE, H5T_STD_U32BE,
        H5T_STD_I64LE, H5T_STD_U64BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE, H5T_NATIVE_LDOUBLE};
    size_t n = sizeof types / sizeof types[0];

    (void) state;
    for (size_t i = 0; i < n; i++) {
        char name[16];

        snprintf(name, sizeof name, "/t%zu", i);
        put(name, types[i], 2, dims, NULL, values);
    }
    H5Tclose(types[6]);
    close_file();
    for (size_t i = 0; i < n; i++) {
        char inner[16];
        double back[6];
        ba_source_t *source;

        snprintf(inner, sizeof inner, ":/t%zu", i);
        assert_int_equal(open_path(inner, 2, 0, &source), BA_OK);
        assert_int_equal(ba_source_is_double(source), i > 6);
        assert_int_equal(ba_source_read(source, 0, 0, 2, 0, 3, back, 2), BA_OK);
        for (size_t k = 0; k < 6; k++) {
            assert_true(back[k / 3 + 2 * (k % 3)] == values[k]);
        }
        assert_string_equal(ba_source_format(source), "hdf5");
        assert_string_equal(ba_source_name(source), spec);
        assert_string_equal(ba_source_file(source, 0), path);
        assert_null(ba_source_file(source, 1));
        assert_null(ba_source_column_name(source, 0));
        assert_null(ba_source_image(source));
        ba_source_close(source);
    }
}

/* Half precision corners and booleans as h5py stores them. */
static void
halves_and_booleans(void **state)
{
    const hsize_t dims[1] = {6};
    const double halves[6] = {
        0x1p-24, -65504.0, (double) INFINITY, (double) -INFINITY, (double) NAN, 0x1p-14};
    const signed char truth[6] = {0, 1, 1, 0, 1, 0};
    signed char yes = 1, no = 0;
    hid_t type = half_type(), boolean = H5Tenum_create(H5T_STD_I8LE);
    hid_t space = H5Screate_simple(1, dims, NULL), dataset;
    double back[6];
    ba_source_t *source;

    (void) state;
    put("/half", type, 1, dims, NULL, halves);
    H5Tenum_insert(boolean, "FALSE", &no);
    H5Tenum_insert(boolean, "TRUE", &yes);
    dataset =
        H5Dcreate2(file, "/mask", boolean, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(dataset, boolean, H5S_ALL, H5S_ALL, H5P_DEFAULT, truth) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Tclose(boolean);
    H5Tclose(type);
    close_file();
    assert_int_equal(open_path(":half", 1, 0, &source), BA_OK);
    assert_int_equal(ba_source_n_cols(source), 1);
    assert_int_equal(ba_source_rank(source), 1);
    assert_int_equal(ba_source_read(source, 0, 0, 6, 0, 1, back, 6), BA_OK);
    assert_all_close(back, halves, 6, 0.0);
    ba_source_close(source);
    assert_int_equal(open_path(":mask", 1, 0, &source), BA_OK);
    assert_int_equal(ba_source_read(source, 0, 1, 3, 0, 1, back, 3), BA_OK);
    assert_true(back[0] == 1.0 && back[1] == 1.0 && back[2] == 0.0);
    ba_source_close(source);
}

static double
number(size_t s, size_t r, size_t c)
{
    return (double) (s * 1000000 + r * 1000 + c);
}

/* Blocks of slabs against the formula, for one layout and memory budget. */
static void
check_blocks(const char *inner, size_t memory)
{
    static double block[60 * 700];
    uint64_t seed = 9;
    ba_source_t *source;

    assert_int_equal(open_path(inner, 3, memory, &source), BA_OK);
    assert_int_equal(ba_source_n_slabs(source), 2);
    assert_int_equal(ba_source_n_rows(source), 57);
    assert_int_equal(ba_source_n_cols(source), 700);
    assert_int_equal(ba_source_rank(source), 3);
    for (int k = 0; k < 40; k++) {
        size_t s = test_below(&seed, 2);
        size_t r0 = test_below(&seed, 57), c0 = test_below(&seed, 700);
        size_t r = 1 + test_below(&seed, 57 - r0), c = 1 + test_below(&seed, 700 - c0);

        assert_int_equal(ba_source_read(source, s, r0, r, c0, c, block, 60), BA_OK);
        for (size_t i = 0; i < r * c; i++) {
            assert_true(block[i % r + 60 * (i / r)] == number(s, r0 + i % r, c0 + i / r));
        }
    }
    ba_source_close(source);
}

static void
slabs_in_every_layout(void **state)
{
    const hsize_t dims[3] = {2, 57, 700}, tall[3] = {1, 20, 50}, wide[3] = {1, 5, 700};
    double *values = malloc(2 * 57 * 700 * sizeof *values);

    (void) state;
    assert_non_null(values);
    for (size_t i = 0; i < 2 * 57 * 700; i++) {
        values[i] = number(i / (57 * 700), i / 700 % 57, i % 700);
    }
    put("/plain", H5T_IEEE_F64LE, 3, dims, NULL, values);
    put("/tall", H5T_IEEE_F64LE, 3, dims, tall, values);
    put("/wide", H5T_IEEE_F64LE, 3, dims, wide, values);
    put("/single", H5T_STD_I16LE, 3, dims, wide, NULL);
    free(values);
    close_file();
    check_blocks(":/plain", 0);
    check_blocks(":/tall", 0);
    check_blocks(":/wide", 0);
    /* Budgets below a stripe of chunks: unpacked once, in memory or in a file. */
    check_blocks(":/tall", 1 << 16);
    check_blocks(":/wide", 1 << 21);
    check_blocks(":/wide", 1 << 16);
    check_bad(":/plain", 2, BA_SHAPE, "x.h5:/plain: 3 dimensions, expected 2");
}

/* A stripe of chunks beyond HDF5's default cache: the data set is opened again with a
 * larger one. */
static void
larger_cache(void **state)
{
    const hsize_t dims[2] = {3000, 600}, chunk[2] = {100, 600};
    double *values = malloc(3000 * 600 * sizeof *values);
    double block[3000];
    ba_source_t *source;

    (void) state;
    assert_non_null(values);
    for (size_t i = 0; i < (size_t) 3000 * 600; i++) {
        values[i] = (double) i;
    }
    put("/x", H5T_IEEE_F32LE, 2, dims, chunk, values);
    close_file();
    assert_int_equal(open_path(":/x", 2, 0, &source), BA_OK);
    for (size_t j = 0; j < 600; j += 50) {
        assert_int_equal(ba_source_read(source, 0, 0, 3000, j, 1, block, 3000), BA_OK);
        for (size_t i = 0; i < 3000; i++) {
            assert_true(block[i] == values[i * 600 + j]);
        }
    }
    /* More numbers at once than the buffer holds. */
    memset(values, 0, 3000 * 600 * sizeof *values);
    assert_int_equal(ba_source_read(source, 0, 0, 3000, 0, 600, values, 3000), BA_OK);
    assert_true(values[2999 + 3000 * 599] == 1799999.0 && values[1] == 600.0);
    ba_source_close(source);
    free(values);
}

/* MATLAB's files begin with 512 bytes of their own. */
static void
user_block(void **state)
{
    const hsize_t dims[1] = {2};
    const double values[2] = {1, 2};
    hid_t fcpl = H5Pcreate(H5P_FILE_CREATE);
    ba_source_t *source;
    double back[2];

    (void) state;
    close_file();
    H5Pset_userblock(fcpl, 512);
    test_join(path, folder, "x.h5.mat");
    file = H5Fcreate(path, H5F_ACC_TRUNC, fcpl, H5P_DEFAULT);
    H5Pclose(fcpl);
    put("/x", H5T_NATIVE_INT, 1, dims, NULL, values);
    close_file();
    assert_int_equal(open_path(":/x", 2, 0, &source), BA_OK);
    assert_int_equal(ba_source_read(source, 0, 0, 2, 0, 1, back, 2), BA_OK);
    assert_true(back[1] == 2.0);
    ba_source_close(source);
}

static void
no_memory(void **state)
{
    const hsize_t dims[2] = {4, 3};
    double values[12] = {0.0};
    size_t n = 1;
    int status;

    (void) state;
    put("/x", H5T_NATIVE_INT, 2, dims, NULL, values);
    close_file();
    do {
        ba_source_t *source;

        ba_alloc_fail_at(n++);
        status = open_path("", 2, 0, &source);
        if (status == BA_OK) {
            status = ba_source_read(source, 0, 0, 4, 0, 3, values, 4);
        }
        ba_alloc_fail_at(0);
        ba_source_close(source);
        assert_true(status == BA_OK || status == BA_NOMEM);
    } while (status != BA_OK);
    assert_in_range(n, 8, 30);
}

/* Numbers taken once from the file with h5py. */
static void
real_recording(void **state)
{
    char data[TEST_PATH_SIZE];
    static const struct {
        const char *name;
        size_t n_cols, row, col;
        double value, sum;
    } sets[] = {{"responses", 400, 200, 192, -0x1.781652p-1, -1201.9637548324877},
        {"features/glove", 300, 200, 192, -0x1.1cfd6ep-2, -474.2010040834607},
        {"features/tinylm", 384, 0, 0, -0x1.8dcp-6, -10170.833986699581}};

    (void) state;
    test_need_data(data, "data/narratives_black/narratives_black.h5");
    for (size_t i = 0; i < 3; i++) {
        size_t n_cols = sets[i].n_cols;
        double *values = malloc(538 * n_cols * sizeof *values), sum = 0.0;
        ba_source_t *source;

        assert_non_null(values);
        snprintf(spec, sizeof spec, "%s:%s", data, sets[i].name);
        assert_int_equal(ba_source_open(NULL, spec, NULL, &source), BA_OK);
        assert_int_equal(ba_source_n_rows(source), 538);
        assert_int_equal(ba_source_n_cols(source), n_cols);
        assert_int_equal(ba_source_is_double(source), 0);
        for (size_t j = 0; j < n_cols; j += 7) {
            size_t n = n_cols - j < 7 ? n_cols - j : 7;

            assert_int_equal(
                ba_source_read(source, 0, 0, 538, j, n, values + j * 538, 538), BA_OK);
        }
        ba_source_close(source);
        for (size_t k = 0; k < 538 * n_cols; k++) {
            sum += values[k];
        }
        assert_true(values[sets[i].row + 538 * sets[i].col] == sets[i].value);
        /* 2e5 terms of order 1 in another order of summation. */
        assert_close(sum, sets[i].sum, 1e-8);
        free(values);
    }
    snprintf(spec, sizeof spec, "%s:/responses/x", data);
    {
        ba_source_t *source;

        assert_int_equal(ba_source_open(NULL, spec, NULL, &source), BA_MISSING);
        assert_contains(ba_error_message(), "/features/glove (538 x 300)");
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)
    const struct CMUnitTest tests[] = {TEST(every_type), TEST(halves_and_booleans),
        TEST(slabs_in_every_layout), TEST(larger_cache), TEST(user_block),
        TEST(no_memory), TEST(real_recording)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
