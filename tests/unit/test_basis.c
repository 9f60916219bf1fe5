/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "core/alloc.h"
#include "model/basis.h"

#define N 400

static double columns[N * 8], norm[8];

static void
set_norms(size_t n, size_t n_columns)
{
    for (size_t j = 0; j < n_columns; j++) {
        norm[j] = 0;
        for (size_t i = 0; i < n; i++) {
            norm[j] += columns[i + j * n] * columns[i + j * n];
        }
        norm[j] = sqrt(norm[j]);
    }
}

static double
worst_product(const ba_basis_t *basis)
{
    double worst = 0;

    for (size_t a = 0; a < basis->rank; a++) {
        double sum = 0;

        for (size_t i = 0; i < basis->n; i++) {
            sum += basis->q[i + a * basis->n];
        }
        worst = fmax(worst, fabs(sum));
        for (size_t b = 0; b <= a; b++) {
            double dot = a == b ? -1 : 0;

            for (size_t i = 0; i < basis->n; i++) {
                dot += basis->q[i + a * basis->n] * basis->q[i + b * basis->n];
            }
            worst = fmax(worst, fabs(dot));
        }
    }
    return worst;
}

/* Orthonormal to rounding, with nearly every degree that there is, and with regressors
 * that differ little from each other, from polynomials, or from a constant. */
static void
test_orthonormal(void **state)
{
    (void) state;
    for (size_t degree = 0; degree < N; degree += 95) {
        size_t full = degree + 8;
        ba_basis_t basis;

        test_fill_normal(columns, N * 8, 7);
        for (size_t i = 0; i < N; i++) {
            double t = 2 * (double) i / (N - 1) - 1;

            columns[i] = 1 + t + 1e-8 * columns[i];
            columns[i + N] = 1e5 * (1 + t * t) + 1e-4 * columns[i + N];
            columns[i + 2 * N] = columns[i + 3 * N] + 1e-8 * columns[i + 2 * N];
            columns[i + 4 * N] = 1e4 + 1e-5 * columns[i + 4 * N];
            columns[i + 5 * N] *= 1e-12;
        }
        set_norms(N, 8);
        assert_int_equal(ba_basis_new(N, degree, columns, norm, 8, &basis), BA_OK);
        assert_int_equal(basis.rank, full < N - 1 ? full : N - 1);
        assert_true(worst_product(&basis) < 1e-14);
        ba_basis_free(&basis);
    }
}

/* The first columns are polynomials of their degree: the next difference vanishes. */
static void
test_polynomials(void **state)
{
    ba_basis_t basis;
    double line[12];

    (void) state;
    assert_int_equal(ba_basis_new(12, 3, NULL, NULL, 0, &basis), BA_OK);
    assert_int_equal(basis.rank, 3);
    for (size_t power = 1; power <= 3; power++) {
        memcpy(line, basis.q + (power - 1) * 12, sizeof line);
        for (size_t order = 0; order <= power; order++) {
            assert_true(fabs(line[0]) > 1e-3);
            for (size_t i = 0; i + 1 < 12; i++) {
                line[i] = line[i + 1] - line[i];
            }
        }
        for (size_t i = 0; i < 11 - power; i++) {
            assert_close(line[i], 0, 1e-14);
        }
    }
    ba_basis_free(&basis);
}

static void
test_rank(void **state)
{
    ba_basis_t basis;

    (void) state;
    test_fill_normal(columns, N * 8, 2);
    for (size_t i = 0; i < N; i++) {
        double t = (double) i;

        columns[i + N] = columns[i];                          /* twice */
        columns[i + 2 * N] = 1e6;                             /* constant */
        columns[i + 3 * N] = 0;                               /* nothing */
        columns[i + 4 * N] = t * t * t - 3 * t * t + 2 * t;   /* a cubic */
        columns[i + 5 * N] = 2 * columns[i] - 1e3 + 0.01 * t; /* a combination */
    }
    set_norms(N, 8);
    assert_int_equal(ba_basis_new(N, 3, columns, norm, 8, &basis), BA_OK);
    assert_int_equal(basis.rank, 3 + 1 + 2);
    assert_true(worst_product(&basis) < 1e-14);
    ba_basis_free(&basis);
}

/* Never more columns than degrees of freedom. */
static void
test_short_runs(void **state)
{
    (void) state;
    for (size_t n = 1; n <= 6; n++) {
        for (size_t degree = 0; degree <= 8; degree++) {
            for (size_t n_columns = 0; n_columns <= 4; n_columns++) {
                ba_basis_t basis;
                double y[6];
                size_t full = degree + n_columns;

                test_fill_normal(columns, N * 8, 3);
                test_fill_normal(y, 6, 4);
                set_norms(n, n_columns);
                assert_int_equal(
                    ba_basis_new(n, degree, columns, norm, n_columns, &basis), BA_OK);
                assert_int_equal(basis.rank, full < n - 1 ? full : n - 1);
                ba_basis_residual(&basis, y);
                for (size_t i = 0; i < n && full >= n - 1; i++) {
                    assert_close(y[i], 0, 1e-14);
                }
                ba_basis_free(&basis);
            }
        }
    }
}

static void
test_no_memory(void **state)
{
    ba_basis_t basis = {0};

    (void) state;
    for (size_t n = 1; n <= 2; n++) {
        ba_alloc_fail_at(n);
        assert_int_equal(ba_basis_new(10, 3, NULL, NULL, 0, &basis), BA_NOMEM);
        assert_null(basis.q);
    }
    ba_alloc_fail_at(0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orthonormal),
        cmocka_unit_test(test_polynomials),
        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_short_runs),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
