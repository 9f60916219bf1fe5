/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "io/source_impl.h"
#include "brainalign/error.h"

static const double left[6] = {0, 1, 2, 10, 11, 12}, right[3] = {20, 21, 22};

static void
open_parts(ba_source_t *parts[2], size_t n_rows)
{
    assert_int_equal(ba_source_from_memory(left, 3, 2, 3, "left", &parts[0]), BA_OK);
    assert_int_equal(
        ba_source_from_memory(right, n_rows, 1, n_rows, "right", &parts[1]), BA_OK);
}

static void
columns_of_both(void **state)
{
    const double wanted[4] = {11, 12, 21, 22};
    ba_source_t *parts[2], *source;
    double x[8];

    (void) state;
    open_parts(parts, 3);
    assert_int_equal(ba_source_beside(parts, 2, &source), BA_OK);
    assert_int_equal(ba_source_n_rows(source), 3);
    assert_int_equal(ba_source_n_cols(source), 3);
    assert_string_equal(ba_source_name(source), "left");
    assert_null(ba_source_column_name(source, 2));
    assert_int_equal(ba_source_read(source, 0, 1, 2, 1, 2, x, 2), BA_OK);
    assert_all_close(x, wanted, 4, 0);
    assert_int_equal(ba_source_read(source, 0, 2, 1, 2, 1, x, 4), BA_OK);
    assert_close(x[0], 22, 0);
    ba_source_close(source);
}

static void
rows_must_agree(void **state)
{
    ba_source_t *parts[2], *source;

    (void) state;
    open_parts(parts, 2);
    assert_int_equal(ba_source_beside(parts, 2, &source), BA_SHAPE);
    assert_null(source);
    assert_string_equal(ba_error_message(), "right: 2 rows, expected 3 as in left");
    ba_source_close(parts[0]); /* they stayed ours */
    ba_source_close(parts[1]);
}

static void
no_memory(void **state)
{
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_source_t *parts[2], *source;

        open_parts(parts, 3);
        ba_alloc_fail_at(n);
        status = ba_source_beside(parts, 2, &source);
        ba_alloc_fail_at(0);
        assert_true(n < 20);
        if (status == BA_OK) {
            ba_source_close(source);
        } else {
            assert_int_equal(status, BA_NOMEM);
            assert_null(source);
            ba_source_close(parts[0]);
            ba_source_close(parts[1]);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(columns_of_both),
        cmocka_unit_test(rows_must_agree), cmocka_unit_test(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
