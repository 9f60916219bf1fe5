/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/hash.h"
#include "core/alloc.h"

/* Digests of the empty string published with the algorithm (xxhsum -H2, XXH3_64bits). */
#define EMPTY_128 "99aa06d3014798d86001c324468d497f"
#define EMPTY_64 UINT64_C(0x2d06800538d394c2)

static void
known_digests(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], hex[33];
    uint64_t n = 99;

    (void) state;
    test_make_folder(folder);
    test_write_file(test_join(path, folder, "empty"), "", 0);
    assert_int_equal(ba_hash_file(path, hex, &n), BA_OK);
    assert_string_equal(hex, EMPTY_128);
    assert_int_equal(n, 0);
    assert_true(ba_hash_bytes("", 0, 0) == EMPTY_64);
    /* Computed once with the xxhash package of Python: xxh3_128_hexdigest(b"abc"). */
    test_write_file(path, "abc", 3);
    assert_int_equal(ba_hash_file(path, hex, NULL), BA_OK);
    assert_string_equal(hex, "06b05ab6733a618578af5f94892f3950");
    assert_true(ba_hash_bytes("abc", 3, 0) == UINT64_C(0x78af5f94892f3950));
    test_remove_folder(folder);
}

static void
large_files_and_seeds(void **state)
{
    size_t n = (size_t) 3 * 1024 * 1024 + 17;
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], first[33], second[33];
    unsigned char *bytes = malloc(n);
    uint64_t seed = 5, size;

    (void) state;
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (unsigned char) test_random(&seed);
    }
    test_make_folder(folder);
    test_write_file(test_join(path, folder, "large"), bytes, n);
    assert_int_equal(ba_hash_file(path, first, &size), BA_OK);
    assert_int_equal(size, n);
    bytes[n - 1] ^= 1;
    test_write_file(path, bytes, n);
    assert_int_equal(ba_hash_file(path, second, &size), BA_OK);
    assert_string_not_equal(first, second);
    assert_true(ba_hash_bytes(bytes, n, 1) != ba_hash_bytes(bytes, n, 2));
    assert_true(ba_hash_bytes(bytes, n, 1) == ba_hash_bytes(bytes, n, 1));
    free(bytes);
    test_remove_folder(folder);
}

static void
files_that_cannot_be_read(void **state)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE], hex[33];

    (void) state;
    test_make_folder(folder);
    assert_int_equal(ba_hash_file(test_join(path, folder, "none"), hex, NULL), BA_IO);
    assert_contains(ba_error_message(), "none: cannot open: No such file");
    assert_int_equal(ba_hash_file(folder, hex, NULL), BA_IO);
    assert_contains(ba_error_message(), "not a regular file");
    test_write_file(path, "abc", 3);
    ba_alloc_fail_at(1);
    assert_int_equal(ba_hash_file(path, hex, NULL), BA_NOMEM);
    ba_alloc_fail_at(0);
    test_remove_folder(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_digests),
        cmocka_unit_test(large_files_and_seeds),
        cmocka_unit_test(files_that_cannot_be_read)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
