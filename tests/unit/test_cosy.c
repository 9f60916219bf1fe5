/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/cosy.h"
#include "brainalign/error.h"
#include "core/alloc.h"

/* U of the first n0 values over the rest, by pairs. */
static double
u_by_pairs(const double *x, size_t n0, size_t n)
{
    double u = 0.0;

    for (size_t i = 0; i < n0; i++) {
        for (size_t j = n0; j < n; j++) {
            u += x[i] > x[j] ? 1.0 : x[i] == x[j] ? 0.5 : 0.0;
        }
    }
    return u;
}

/* Exact p from all choices of n0 out of 9 different values. */
static double
p_by_choices(size_t n0, double u)
{
    const size_t n = 9;
    double top = (double) (n0 * (n - n0)), high = fmax(u, top - u), all = 0.0, far = 0.0;

    for (unsigned choice = 0; choice < 1u << n; choice++) {
        double x[9];
        size_t at = 0, back = n;

        for (size_t i = 0; i < n; i++) {
            if (choice >> i & 1) {
                x[at++] = (double) i;
            } else {
                x[--back] = (double) i;
            }
        }
        if (at == n0) {
            all += 1.0;
            far += u_by_pairs(x, n0, n) >= high;
        }
    }
    return fmin(1.0, 2.0 * far / all);
}

static void
test_exact(void **state)
{
    const double x[] = {0.3, 1.5, -2.0, 0.9, 4.0, 1.1, 2.5, 0.1, 3.0};

    (void) state;
    for (size_t n0 = 2; n0 < 9; n0++) {
        ba_cosy_t found;
        double u = u_by_pairs(x, n0, 9);

        assert_int_equal(ba_cosy(x, n0, x + n0, 9 - n0, &found), BA_OK);
        assert_close(found.u, u, 0.0);
        assert_close(found.auc, 1.0 - u / (double) (n0 * (9 - n0)), 0.0);
        assert_int_equal(found.exact, 1);
        assert_close(found.p, p_by_choices(n0, u), 1e-14);
    }
}

/* Ties count half, and leave the exact p. */
static void
test_ties(void **state)
{
    double x[40];

    (void) state;
    for (size_t i = 0; i < 40; i++) {
        x[i] = (double) (i * 7 % 5);
    }
    for (size_t n0 = 2; n0 < 40; n0++) {
        ba_cosy_t found;

        assert_int_equal(ba_cosy(x, n0, x + n0, 40 - n0, &found), BA_OK);
        assert_close(found.u, u_by_pairs(x, n0, 40), 0.0);
        assert_int_equal(found.exact, 0);
        assert_true(found.p > 0.0 && found.p <= 1.0);
    }
}

static void
test_deviation(void **state)
{
    const double control[] = {1.0, 2.0, 3.0}, above[] = {5.0, 7.0}, flat[] = {0.1, 0.1};
    ba_cosy_t found;

    (void) state;
    assert_int_equal(ba_cosy(control, 3, above, 2, &found), BA_OK);
    assert_close(found.mad, 4.0, 1e-15);
    assert_close(found.auc, 1.0, 0.0);
    assert_int_equal(ba_cosy(flat, 2, above, 2, &found), BA_OK);
    assert_close(found.mad, 0.0, 0.0);
    assert_int_equal(ba_cosy(flat, 2, flat, 2, &found), BA_OK);
    assert_close(found.auc, 0.5, 0.0);
    assert_close(found.p, 1.0, 0.0);
}

static void
test_bad(void **state)
{
    const double x[] = {1.0, 2.0, NAN};
    ba_cosy_t found;

    (void) state;
    assert_int_equal(ba_cosy(x, 1, x, 2, &found), BA_SHAPE);
    assert_int_equal(ba_cosy(x, 2, x, 0, &found), BA_SHAPE);
    assert_int_equal(ba_cosy(x, 3, x, 2, &found), BA_NONFINITE);
    assert_contains(ba_error_message(), "control: sample 3");
    assert_int_equal(ba_cosy(x, 2, x, 3, &found), BA_NONFINITE);
    for (size_t n = 1; n <= 3; n++) {
        ba_alloc_fail_at(n);
        assert_int_equal(ba_cosy(x, 2, x + 1, 1, &found), n < 3 ? BA_NOMEM : BA_OK);
        ba_alloc_fail_at(0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_deviation),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests_name("cosy", tests, NULL, NULL);
}
