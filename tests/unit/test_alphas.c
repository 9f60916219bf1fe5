/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/alphas.h"
#include "core/alloc.h"

static void
test_parse(void **state)
{
    ba_alphas_t alphas;
    const double list[] = {0, 0.5, 10, 1000};

    (void) state;
    assert_int_equal(ba_alphas_parse("auto", &alphas), BA_OK);
    assert_true(alphas.n == 0 && alphas.values == NULL);
    ba_alphas_free(&alphas);
    assert_int_equal(ba_alphas_parse("1e3,0.5,-0,10,.5,1000", &alphas), BA_OK);
    assert_int_equal(alphas.n, 4);
    assert_all_close(alphas.values, list, 4, 0);
    assert_false(signbit(alphas.values[0]));
    ba_alphas_free(&alphas);
    assert_int_equal(ba_alphas_parse("7", &alphas), BA_OK);
    assert_true(alphas.n == 1 && alphas.values[0] == 7);
    ba_alphas_free(&alphas);
    ba_alphas_free(&alphas);
    ba_alphas_free(NULL);
}

static void
test_parse_log(void **state)
{
    ba_alphas_t alphas;

    (void) state;
    assert_int_equal(ba_alphas_parse("log:0,6,13", &alphas), BA_OK);
    assert_int_equal(alphas.n, 13);
    for (size_t i = 0; i < 13; i++) {
        assert_true(alphas.values[i] == pow(10, 0.5 * (double) i));
    }
    ba_alphas_free(&alphas);
    assert_int_equal(ba_alphas_parse("log:1,-2,4", &alphas), BA_OK);
    assert_int_equal(alphas.n, 4);
    assert_true(alphas.values[0] == pow(10, -2) && alphas.values[3] == 10);
    ba_alphas_free(&alphas);
    assert_int_equal(ba_alphas_parse("log:2,2,1", &alphas), BA_OK);
    assert_true(alphas.n == 1 && alphas.values[0] == 100);
    ba_alphas_free(&alphas);
    assert_int_equal(ba_alphas_parse("log:2,2,5", &alphas), BA_OK);
    assert_int_equal(alphas.n, 1);
    ba_alphas_free(&alphas);
}

static void
test_parse_bad(void **state)
{
    static const char *const bad[] = {"", ",", "1,", "1,,2", "x", "nan", "inf", "1e999",
        "0x10", "1 ,2", " 1", "log:", "log:1,2", "log:1,2,", "log:1,2,3,4", "log:1,2,-3",
        "log:1,2,0", "log:1,2,1", "log:nan,2,3", "log:0,400,3", "log:0,1,1000000000",
        "AUTO", "auto,1"};
    ba_alphas_t alphas;

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ba_alphas_parse(bad[i], &alphas), BA_VALUE);
        assert_contains(ba_error_message(), bad[i]);
    }
    assert_int_equal(ba_alphas_parse("1,-2.5", &alphas), BA_VALUE);
    assert_string_equal(ba_error_message(), "alphas: found -2.5, wanted 0 or more");
    for (int i = 0; i < 2; i++) {
        ba_alloc_fail_at(1);
        assert_int_equal(ba_alphas_parse(i ? "1,2" : "log:0,3,4", &alphas), BA_NOMEM);
        ba_alloc_fail_at(0);
    }
}

static void
test_auto(void **state)
{
    /* 4e-10 does not count: less than 1e-12 of the largest. */
    const double narrow[] = {50, -1e-20, 2000, 4e-10, 100, 0};
    const double wide[] = {1e9, 3, 1e-1, 1e7};
    const double one[] = {8};
    double nodes[BA_AUTO_NODES], scaled[BA_AUTO_NODES], lambda[6];

    (void) state;
    assert_int_equal(ba_alphas_auto(narrow, 6, nodes), BA_OK);
    assert_close(nodes[0], 5, 1e-14);
    assert_true(nodes[BA_AUTO_NODES - 1] == 20000);
    for (size_t i = 1; i < BA_AUTO_NODES; i++) {
        assert_close(nodes[i] / nodes[i - 1], pow(4000, 1.0 / 9), 1e-13);
    }
    for (size_t i = 0; i < 6; i++) {
        lambda[i] = narrow[i] * 0x1p-40;
    }
    assert_int_equal(ba_alphas_auto(lambda, 6, scaled), BA_OK);
    for (size_t i = 0; i < BA_AUTO_NODES; i++) {
        assert_true(scaled[i] == nodes[i] * 0x1p-40);
    }
    assert_int_equal(ba_alphas_auto(wide, 4, nodes), BA_OK);
    assert_close(log10(nodes[BA_AUTO_NODES - 1] / nodes[0]), 5.4, 1e-12);
    assert_true(nodes[BA_AUTO_NODES - 1] == 1e10);
    assert_int_equal(ba_alphas_auto(one, 1, nodes), BA_OK);
    assert_close(nodes[0], 0.8, 1e-15);
    assert_true(nodes[BA_AUTO_NODES - 1] == 80);
}

static void
test_auto_degenerate(void **state)
{
    const double none[] = {0, -1, 0}, nan[] = {1, (double) NAN},
                 infinite[] = {1, (double) INFINITY};
    double nodes[BA_AUTO_NODES];

    (void) state;
    assert_int_equal(ba_alphas_auto(none, 3, nodes), BA_NUMERIC);
    assert_contains(ba_error_message(), "none of the 3 eigenvalues");
    assert_int_equal(ba_alphas_auto(none, 0, nodes), BA_NUMERIC);
    assert_int_equal(ba_alphas_auto(nan, 2, nodes), BA_NUMERIC);
    assert_contains(ba_error_message(), "eigenvalue 1 ");
    assert_int_equal(ba_alphas_auto(infinite, 2, nodes), BA_NUMERIC);
}

static void
test_argmax(void **state)
{
    const double ties[] = {1, 3, 2, 3, 0};
    const double holes[] = {(double) NAN, -5, (double) NAN, -4, (double) NAN};
    const double nan[] = {(double) NAN, (double) NAN};
    const double strided[] = {1, 9, 9, 4, 9, 9, 4, 9, 9, 2};
    const double flat[] = {0, 0, 0};
    const double infinite[] = {-(double) INFINITY, -(double) INFINITY, (double) NAN};

    (void) state;
    assert_int_equal(ba_alphas_argmax(ties, 5, 1), 3);
    assert_int_equal(ba_alphas_argmax(holes, 5, 1), 3);
    assert_int_equal(ba_alphas_argmax(nan, 2, 1), 2);
    assert_int_equal(ba_alphas_argmax(nan, 0, 1), 0);
    assert_int_equal(ba_alphas_argmax(strided, 4, 3), 2);
    assert_int_equal(ba_alphas_argmax(flat, 3, 1), 2);
    assert_int_equal(ba_alphas_argmax(infinite, 3, 1), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_log),
        cmocka_unit_test(test_parse_bad),
        cmocka_unit_test(test_auto),
        cmocka_unit_test(test_auto_degenerate),
        cmocka_unit_test(test_argmax),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
