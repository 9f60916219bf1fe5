/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/source.h"
#include "core/alloc.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "x.npy");
    return 0;
}

static int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* Writes a header of the given version around `dictionary` and n bytes of numbers;
 * returns the size of the file. */
static size_t
write_npy(int version, const char *dictionary, const void *numbers, size_t n)
{
    unsigned char file[65536] = "\x93NUMPY";
    size_t prefix = version == 1 ? 10 : 12;
    size_t length = strlen(dictionary);
    size_t padded = (prefix + length + 1 + 63) / 64 * 64 - prefix;

    file[6] = (unsigned char) version;
    file[8] = (unsigned char) (padded & 0xff);
    file[9] = (unsigned char) (padded >> 8);
    memcpy(file + prefix, dictionary, length);
    memset(file + prefix + length, ' ', padded - length);
    file[prefix + padded - 1] = '\n';
    assert_true(prefix + padded + n <= sizeof file);
    memcpy(file + prefix + padded, numbers, n);
    test_write_file(path, file, prefix + padded + n);
    return prefix + padded + n;
}

static int
open_rank(int max_rank, ba_source_t **source)
{
    ba_source_opts_t opts = {.max_rank = max_rank};

    return ba_source_open(NULL, path, &opts, source);
}

/* Opens, checks the shape, reads all of slab 0 column by column into `values`. */
static ba_source_t *
open_good(int max_rank, size_t n_slabs, size_t n_rows, size_t n_cols, double *values)
{
    ba_source_t *source = NULL;
    int status = open_rank(max_rank, &source);

    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(ba_source_n_slabs(source), n_slabs);
    assert_int_equal(ba_source_n_rows(source), n_rows);
    assert_int_equal(ba_source_n_cols(source), n_cols);
    assert_string_equal(ba_source_format(source), "npy");
    assert_int_equal(
        ba_source_read(source, 0, 0, n_rows, 0, n_cols, values, n_rows), BA_OK);
    return source;
}

/* Every type holds the same four numbers (as far as it can). */
static void
every_type_and_order(void **state)
{
    static const struct {
        const char *descr;
        size_t size;
        const char *bytes; /* of one number */
        double value;
        int is_double;
    } types[] = {{"<f2", 2, "\x00\xbe", -1.5, 0}, {">f2", 2, "\xbe\x00", -1.5, 0},
        {"<f4", 4, "\x00\x00\xc0\xbf", -1.5, 0}, {">f4", 4, "\xbf\xc0\x00\x00", -1.5, 0},
        {"<f8", 8, "\x00\x00\x00\x00\x00\x00\xf8\xbf", -1.5, 1},
        {">f8", 8, "\xbf\xf8\x00\x00\x00\x00\x00\x00", -1.5, 1},
        {"|i1", 1, "\xfd", -3, 0}, {"<i2", 2, "\xfd\xff", -3, 0},
        {">i2", 2, "\xff\xfd", -3, 0}, {"<i4", 4, "\xfd\xff\xff\xff", -3, 1},
        {">i4", 4, "\xff\xff\xff\xfd", -3, 1},
        {"<i8", 8, "\xfd\xff\xff\xff\xff\xff\xff\xff", -3, 1},
        {">i8", 8, "\xff\xff\xff\xff\xff\xff\xff\xfd", -3, 1}, {"|u1", 1, "\xfd", 253, 0},
        {"<u2", 2, "\xfd\xff", 65533, 0}, {">u2", 2, "\xfd\xff", 65023, 0},
        {"<u4", 4, "\xfd\xff\xff\xff", 4294967293.0, 1},
        {">u8", 8, "\x00\x00\x00\x01\x00\x00\x00\x00", 4294967296.0, 1},
        {"<u8", 8, "\xff\xff\xff\xff\xff\xff\xff\xff", 18446744073709551616.0, 1},
        {"|b1", 1, "\x01", 1, 0}, {"|b1", 1, "\x00", 0, 0}};

    (void) state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char dictionary[100], numbers[32];
        double values[2];
        ba_source_t *source;

        snprintf(dictionary, sizeof dictionary,
            "{'descr': '%s', 'fortran_order': False, 'shape': (1, 2), }", types[i].descr);
        memcpy(numbers, types[i].bytes, types[i].size);
        memcpy(numbers + types[i].size, types[i].bytes, types[i].size);
        write_npy(1 + (int) (i % 3), dictionary, numbers, 2 * types[i].size);
        source = open_good(2, 1, 1, 2, values);
        assert_true(values[0] == types[i].value && values[1] == types[i].value);
        assert_int_equal(ba_source_is_double(source), types[i].is_double);
        ba_source_close(source);
    }
}

static void
half_precision_corners(void **state)
{
    static const unsigned char bytes[] = {0x00, 0x00, 0x00, 0x80, 0x01, 0x00, 0xff, 0x03,
        0x00, 0x04, 0xff, 0x7b, 0x00, 0x7c, 0x00, 0xfc, 0x00, 0x7e, 0x55, 0x35};
    static const double wanted[] = {0.0, -0.0, 0x1p-24, 1023 * 0x1p-24, 0x1p-14, 65504.0,
        (double) INFINITY, (double) -INFINITY, (double) NAN, 0.333251953125};
    double values[10];

    (void) state;
    write_npy(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (10,), }", bytes,
        sizeof bytes);
    ba_source_close(open_good(2, 1, 10, 1, values));
    assert_all_close(values, wanted, 10, 0.0);
    assert_true(signbit(values[1]));
}

static void
ranks_and_orders(void **state)
{
    float numbers[24];

    (void) state;
    for (int i = 0; i < 24; i++) {
        numbers[i] = (float) i;
    }
    for (int fortran = 0; fortran < 2; fortran++) {
        char dictionary[100];
        double values[24];
        ba_source_t *source;

        snprintf(dictionary, sizeof dictionary,
            "{'descr': '<f4', 'fortran_order': %s, 'shape': (2, 3, 4), }",
            fortran ? "True" : "False");
        write_npy(1, dictionary, numbers, sizeof numbers);
        source = open_good(3, 2, 3, 4, values);
        assert_int_equal(ba_source_rank(source), 3);
        for (size_t s = 0; s < 2; s++) {
            assert_int_equal(ba_source_read(source, s, 1, 2, 1, 3, values, 2), BA_OK);
            for (size_t r = 0; r < 2; r++) {
                for (size_t c = 0; c < 3; c++) {
                    size_t at = fortran ? s + 2 * (r + 1 + 3 * (c + 1))
                                        : (s * 3 + r + 1) * 4 + c + 1;

                    assert_true(values[r + 2 * c] == (double) at);
                }
            }
        }
        ba_source_close(source);
        assert_int_equal(open_rank(2, &source), BA_SHAPE);
        assert_contains(ba_error_message(), "x.npy: 3 dimensions, expected 2");
        assert_null(source);
    }
}

/* Blocks of a matrix larger than what is read ahead of need, against the formula. */
static void
blocks_of_a_wide_matrix(void **state)
{
    size_t n_rows = 300, n_cols = 2000;
    uint16_t *numbers = malloc(n_rows * n_cols * 2);
    double *values = malloc(n_rows * n_cols * sizeof *values);
    uint64_t seed = 1;
    FILE *file = fopen(path, "wb");
    ba_source_t *source;
    char head[128];

    (void) state;
    assert_true(numbers && values && file);
    for (size_t i = 0; i < n_rows * n_cols; i++) {
        numbers[i] = (uint16_t) (i * 2654435761U >> 7);
    }
    memset(head, ' ', sizeof head);
    memcpy(head, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(
        head + 10, "{'descr': '<u2', 'fortran_order': False, 'shape': (300, 2000)}", 62);
    assert_int_equal(fwrite(head, 1, sizeof head, file), sizeof head);
    assert_int_equal(fwrite(numbers, 2, n_rows * n_cols, file), n_rows * n_cols);
    fclose(file);
    source = open_good(2, 1, n_rows, n_cols, values);
    for (int k = 0; k < 60; k++) {
        size_t r0 = test_below(&seed, n_rows), c0 = test_below(&seed, n_cols);
        size_t r = 1 + test_below(&seed, n_rows - r0);
        size_t c = 1 + test_below(&seed, k % 2 ? n_cols - c0 : (n_cols - c0) / 20 + 1);

        assert_int_equal(ba_source_read(source, 0, r0, r, c0, c, values, r + 1), BA_OK);
        for (size_t i = 0; i < r * c; i++) {
            size_t at = (r0 + i % r) * n_cols + c0 + i / r;

            assert_true(values[i % r + (r + 1) * (i / r)] == (double) numbers[at]);
        }
    }
    ba_source_close(source);
    free(numbers);
    free(values);
}

static void
headers_as_others_write_them(void **state)
{
    static const char *const good[] = {
        "{\"shape\": (2L, 1L), \"descr\": \"<f4\", \"fortran_order\": False}",
        "{ 'fortran_order' :False,'descr':'<f4','shape':( 2 , 1 , ) , }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}"};
    float numbers[2] = {5.0F, 7.0F};
    double values[2];

    (void) state;
    for (size_t i = 0; i < 3; i++) {
        write_npy(1, good[i], numbers, sizeof numbers);
        ba_source_close(open_good(2, 1, 2, 1, values));
        assert_true(values[0] == 5.0 && values[1] == 7.0);
    }
}

static void
bad_headers(void **state)
{
    static const struct {
        const char *dictionary;
        int status;
        const char *words;
    } bad[] = {{"", BA_FORMAT, "expected '{'"}, {"{", BA_FORMAT, "a string in quotes"},
        {"{}", BA_FORMAT, "lacks one of"},
        {"{'descr': '<f4', 'fortran_order': False}", BA_FORMAT, "lacks one of"},
        {"{'descr': '<f4', 'descr': '<f4'}", BA_FORMAT, "key 'descr' unknown or twice"},
        {"{'what': 1}", BA_FORMAT, "key 'what' unknown or twice"},
        {"{'descr' '<f4'}", BA_FORMAT, "expected ':'"},
        {"{'descr': '<f4' 'shape': (2,)}", BA_FORMAT, "expected ',' or '}'"},
        {"{'descr': '<f4}", BA_FORMAT, "a string in quotes"},
        {"{'descr': '<f4', 'fortran_order': 1, 'shape': (2,)}", BA_FORMAT,
            "True or False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 2}", BA_FORMAT, "a shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2", BA_FORMAT, "',' or ')'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", BA_FORMAT, "a size"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", BA_FORMAT,
            "nothing after"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", BA_FORMAT,
            "8 bytes of numbers, expected 12 (truncated?)"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", BA_FORMAT,
            "8 bytes of numbers, expected 4"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            BA_FORMAT, "beyond 64 bits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
            BA_FORMAT, "exceeds 64 bits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 2147483648)}",
            BA_FORMAT, "exceeds 64 bits"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", BA_UNSUPPORTED,
            "numpy.asarray(x"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", BA_UNSUPPORTED,
            "complex numbers"},
        {"{'descr': '<U2', 'fortran_order': False, 'shape': (1,)}", BA_UNSUPPORTED,
            "type '<U2'"},
        {"{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", BA_UNSUPPORTED,
            "type '<f16'"},
        {"{'descr': '<i3', 'fortran_order': False, 'shape': (1,)}", BA_UNSUPPORTED,
            "type '<i3'"},
        {"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}", BA_UNSUPPORTED,
            "type '<M8[ns]'"},
        {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", BA_UNSUPPORTED,
            "type ''"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
            BA_UNSUPPORTED, "array of records"}};
    ba_source_t *source;

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_npy(1, bad[i].dictionary, "\0\0\0\0\0\0\0\0", 8);
        assert_int_equal(open_rank(2, &source), bad[i].status);
        assert_null(source);
        assert_contains(ba_error_message(), "x.npy: ");
        assert_contains(ba_error_message(), bad[i].words);
    }
    write_npy(4, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "\0\0\0\0\0\0\0\0", 8);
    assert_int_equal(open_rank(2, &source), BA_FORMAT);
    assert_contains(ba_error_message(), "NPY version 4, expected 1, 2 or 3");
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "\0\0\0\0", 4);
    assert_int_equal(open_rank(2, &source), BA_SHAPE);
    assert_contains(ba_error_message(), "0 dimensions, expected 2");
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}", "", 0);
    assert_int_equal(open_rank(2, &source), BA_SHAPE);
    assert_contains(ba_error_message(), "no numbers");
}

/* Cut anywhere, in header or numbers, a file is refused as malformed. */
static void
truncated_everywhere(void **state)
{
    (void) state;
    for (int version = 1; version <= 3; version++) {
        double numbers[3] = {1.0, 2.0, 3.0};
        size_t n = write_npy(version,
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", numbers,
            sizeof numbers);
        ba_source_t *source;

        for (size_t cut = 0; cut < n; cut++) {
            write_npy(version,
                "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", numbers,
                sizeof numbers);
            assert_int_equal(truncate(path, (off_t) cut), 0);
            assert_int_equal(open_rank(2, &source), BA_FORMAT);
            assert_null(source);
            assert_contains(ba_error_message(), "x.npy: ");
        }
    }
}

/* A file that shrinks after it was opened is an error, not a crash. */
static void
shrinks_while_open(void **state)
{
    double numbers[300] = {0.0}, values[300];
    ba_source_t *source;

    (void) state;
    write_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (300, 1), }", numbers,
        sizeof numbers);
    assert_int_equal(open_rank(2, &source), BA_OK);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(ba_source_read(source, 0, 0, 300, 0, 1, values, 300), BA_FORMAT);
    assert_contains(ba_error_message(), "x.npy: ends at byte 1000");
    ba_source_close(source);
}

static void
no_memory(void **state)
{
    double numbers[3] = {1.0, 2.0, 3.0}, values[3];
    size_t n = 1;
    int status;

    (void) state;
    write_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", numbers,
        sizeof numbers);
    do {
        ba_source_t *source;

        ba_alloc_fail_at(n++);
        status = open_rank(2, &source);
        if (status == BA_OK) {
            status = ba_source_read(source, 0, 0, 3, 0, 1, values, 3);
        }
        ba_alloc_fail_at(0);
        ba_source_close(source);
        assert_true(status == BA_OK || status == BA_NOMEM);
    } while (status != BA_OK);
    assert_in_range(n, 8, 20);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {TEST(every_type_and_order),
        TEST(half_precision_corners), TEST(ranks_and_orders),
        TEST(blocks_of_a_wide_matrix), TEST(headers_as_others_write_them),
        TEST(bad_headers), TEST(truncated_everywhere), TEST(shrinks_while_open),
        TEST(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
