/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "datasets/tokens.h"

static char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];

static int
make(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "tokens.csv");
    return 0;
}

static int
drop(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static int
read_tokens(const char *text, const char *column, ba_tokens_t *tokens)
{
    char spec[TEST_PATH_SIZE + 20];

    test_write_file(path, text, strlen(text));
    snprintf(spec, sizeof spec, "%s%s", path, column);
    return ba_tokens_read(NULL, spec, 3, tokens);
}

/* Words 0 (rows 1 and 2), 1 (row 4), 2 (rows 5 to 7); rows 0, 3 and 8 belong to none. */
static void
test_pool(void **state)
{
    const double x[] = {9, 1, 2, 9, 4, 8, 16, 32, 9, 0, 1, 1, 0, 1, 2, 2, 2, 0};
    const size_t words[] = {2, 0};
    const double wanted[4][4] = {
        {32, 2, 2, 1}, {8, 1, 2, 1}, {56.0 / 3, 1.5, 2, 1}, {56, 3, 6, 2}};
    ba_tokens_t tokens;

    (void) state;
    assert_int_equal(read_tokens("-1\n0\n0\nn/a\n1\n2\n2\n2\n-1\n", "", &tokens), BA_OK);
    assert_int_equal(tokens.n_tokens, 9);
    for (int pool = BA_POOL_LAST; pool <= BA_POOL_SUM; pool++) {
        double y[4];

        ba_tokens_pool(&tokens, (ba_pool_t) pool, words, 0, (ba_cdmat_t){x, 9, 2, 9},
            (ba_dmat_t){y, 2, 2, 2});
        assert_all_close(y, wanted[pool], 4, 1e-14);
        /* Of the rows from 1 on only. */
        ba_tokens_pool(&tokens, (ba_pool_t) pool, words, 1, (ba_cdmat_t){x + 1, 8, 2, 9},
            (ba_dmat_t){y, 2, 2, 2});
        assert_all_close(y, wanted[pool], 4, 1e-14);
    }
    ba_tokens_free(&tokens);
}

static void
test_table(void **state)
{
    ba_tokens_t tokens;

    (void) state;
    assert_int_equal(
        read_tokens("token,word\na,0\nb,1\nc,1\nd,2\n", ":word", &tokens), BA_OK);
    assert_int_equal(tokens.first[1], 1);
    assert_int_equal(tokens.first[2], 3);
    assert_int_equal(tokens.first[3], 4);
    ba_tokens_free(&tokens);
    assert_int_equal(read_tokens("token,word\na,0\n", ":wort", &tokens), BA_FORMAT);
    assert_contains(ba_error_message(), "no column 'wort': nearest is 'word'");
}

static void
assert_refused(int wanted, const char *text, const char *words)
{
    ba_tokens_t tokens;

    assert_int_equal(read_tokens(text, "", &tokens), wanted);
    assert_contains(ba_error_message(), words);
    assert_null(tokens.rows);
}

static void
test_errors(void **state)
{
    ba_tokens_t tokens;
    int status = BA_NOMEM;

    (void) state;
    assert_refused(BA_FORMAT, "0\n1.5\n2\n", "token 1 (from 0): word 1.5");
    assert_refused(
        BA_SHAPE, "0\n1\n3\n", "token 2 (from 0): word 3, but there are 3 words");
    assert_refused(BA_SHAPE, "0\n1\n0\n2\n", "token 2 (from 0): word 0 after word 1");
    assert_refused(BA_SHAPE, "0\n2\n", "word 1 (from 0) has no token");
    assert_refused(BA_SHAPE, "1\n2\n", "word 0 (from 0) has no token");
    assert_refused(BA_SHAPE, "0\n1\n", "word 2 (from 0) has no token");
    assert_refused(BA_SHAPE, "-1\n-1\n", "word 0 (from 0) has no token");
    assert_refused(BA_SHAPE, "0,1\n1,1\n", "2 columns, wanted one");
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_alloc_fail_at(n);
        status = read_tokens("0\n1\n2\n", "", &tokens);
    }
    ba_alloc_fail_at(0);
    assert_int_equal(status, BA_OK);
    ba_tokens_free(&tokens);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pool, make, drop),
        cmocka_unit_test_setup_teardown(test_table, make, drop),
        cmocka_unit_test_setup_teardown(test_errors, make, drop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
