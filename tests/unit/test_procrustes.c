/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orthogonal Procrustes: known rotations, optimality, both sides rectangular, no rank. */
#include "tests/testlib.h"

#include "model/alignment_impl.h"

#include <math.h>

enum { MOST = 40 };

static void
product(const double *a, const double *b, size_t n, size_t m, size_t k, double *c)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k; j++) {
            c[i + j * n] = 0.0;
            for (size_t l = 0; l < m; l++) {
                c[i + j * n] += a[i + l * n] * b[l + j * m];
            }
        }
    }
}

/* Columns by Gram-Schmidt. */
static void
make_orthonormal(double *a, size_t n, size_t k)
{
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t j = 0; j < k; j++) {
            double size = 0.0;

            for (size_t l = 0; l < j; l++) {
                double dot = 0.0;

                for (size_t i = 0; i < n; i++) {
                    dot += a[i + j * n] * a[i + l * n];
                }
                for (size_t i = 0; i < n; i++) {
                    a[i + j * n] -= dot * a[i + l * n];
                }
            }
            for (size_t i = 0; i < n; i++) {
                size += a[i + j * n] * a[i + j * n];
            }
            for (size_t i = 0; i < n; i++) {
                a[i + j * n] /= sqrt(size);
            }
        }
    }
}

/* |x - t r'|^2. */
static double
misfit(const double *x, const double *t, const double *r, size_t n, size_t v, size_t k)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < v; j++) {
            double rest = x[i + j * n];

            for (size_t l = 0; l < k; l++) {
                rest -= t[i + l * n] * r[j + l * v];
            }
            sum += rest * rest;
        }
    }
    return sum;
}

static void
assert_orthonormal(const double *r, size_t v, size_t k)
{
    for (size_t a = 0; a < k; a++) {
        for (size_t b = 0; b < k; b++) {
            double dot = 0.0;

            for (size_t i = 0; i < v; i++) {
                dot += r[i + a * v] * r[i + b * v];
            }
            assert_close(dot, a == b ? 1.0 : 0.0, 1e-12);
        }
    }
}

/* A turned copy is turned back: square, and columns of a larger space. */
static void
test_known(void **state)
{
    static const size_t sizes[][3] = {{20, 5, 5}, {20, 9, 4}, {30, 12, 12}};
    double x[MOST * MOST], t[MOST * MOST], r[MOST * MOST], found[MOST * MOST];
    double turned[MOST * MOST];
    size_t rank;

    (void) state;
    for (size_t c = 0; c < 3; c++) {
        size_t n = sizes[c][0], v = sizes[c][1], k = sizes[c][2];

        test_fill_normal(t, n * k, 1 + c);
        test_fill_normal(r, v * k, 11 + c);
        make_orthonormal(r, v, k);
        for (size_t i = 0; i < v; i++) {
            for (size_t l = 0; l < k; l++) {
                turned[l + i * k] = r[i + l * v];
            }
        }
        product(t, turned, n, k, v, x);
        assert_int_equal(
            ba_procrustes(NULL, (ba_cdmat_t){x, n, v, n}, (ba_cdmat_t){t, n, k, n},
                (ba_dmat_t){found, v, k, v}, &rank),
            BA_OK);
        assert_int_equal(rank, k);
        assert_all_close(found, r, v * k, 1e-12);
    }
}

/* No small turn of the result, in any plane, fits better; noise on both sides. */
static void
test_optimal(void **state)
{
    enum { SAMPLES = 15, WIDE = 8, NARROW = 3 };
    double x[SAMPLES * WIDE], t[SAMPLES * NARROW], r[WIDE * NARROW], other[WIDE * NARROW];
    double least;

    (void) state;
    test_fill_normal(x, SAMPLES * WIDE, 3);
    test_fill_normal(t, SAMPLES * NARROW, 4);
    assert_int_equal(ba_procrustes(NULL, (ba_cdmat_t){x, SAMPLES, WIDE, SAMPLES},
                         (ba_cdmat_t){t, SAMPLES, NARROW, SAMPLES},
                         (ba_dmat_t){r, WIDE, NARROW, WIDE}, NULL),
        BA_OK);
    assert_orthonormal(r, WIDE, NARROW);
    least = misfit(x, t, r, SAMPLES, WIDE, NARROW);
    for (size_t a = 0; a < WIDE; a++) {
        for (size_t b = 0; b < a; b++) {
            for (int sign = -1; sign < 2; sign += 2) {
                double angle = sign * 1e-3;

                memcpy(other, r, sizeof r);
                for (size_t l = 0; l < NARROW; l++) {
                    double *column = other + l * WIDE, p = column[a], q = column[b];

                    column[a] = cos(angle) * p - sin(angle) * q;
                    column[b] = sin(angle) * p + cos(angle) * q;
                }
                assert_true(misfit(x, t, other, SAMPLES, WIDE, NARROW) > least);
            }
        }
    }
}

/* Through the core of more columns than samples: as the polar factor of x't itself. */
static void
test_wide(void **state)
{
    enum { SAMPLES = 6, WIDE = 30 };
    static const size_t targets[] = {4, 6, 20};
    double x[SAMPLES * WIDE], t[SAMPLES * 20], r[WIDE * 20], direct[WIDE * 20];
    double transposed[WIDE * SAMPLES], cross[WIDE * 20];
    size_t rank, rank_direct;

    (void) state;
    test_fill_normal(x, SAMPLES * WIDE, 5);
    test_fill_normal(t, SAMPLES * 20, 6);
    for (size_t i = 0; i < SAMPLES; i++) {
        for (size_t j = 0; j < WIDE; j++) {
            transposed[j + i * WIDE] = x[i + j * SAMPLES];
        }
    }
    for (size_t c = 0; c < 3; c++) {
        size_t k = targets[c];

        assert_int_equal(ba_procrustes(NULL, (ba_cdmat_t){x, SAMPLES, WIDE, SAMPLES},
                             (ba_cdmat_t){t, SAMPLES, k, SAMPLES},
                             (ba_dmat_t){r, WIDE, k, WIDE}, &rank),
            BA_OK);
        product(transposed, t, WIDE, SAMPLES, k, cross);
        assert_int_equal(ba_polar((ba_cdmat_t){cross, WIDE, k, WIDE},
                             (ba_dmat_t){direct, WIDE, k, WIDE}, &rank_direct),
            BA_OK);
        assert_int_equal(rank, k < SAMPLES ? k : SAMPLES);
        assert_int_equal(rank_direct, rank);
        assert_all_close(r, direct, WIDE * k, 1e-11);
    }
}

/* Fewer columns than the target: orthonormal rows. A column of zeros is left out. */
static void
test_partial(void **state)
{
    enum { SAMPLES = 12, NARROW = 3, WIDE = 5 };
    double x[SAMPLES * NARROW], t[SAMPLES * WIDE], r[NARROW * WIDE], rows[WIDE * NARROW];
    size_t rank;

    (void) state;
    test_fill_normal(x, SAMPLES * NARROW, 7);
    test_fill_normal(t, SAMPLES * WIDE, 8);
    assert_int_equal(ba_procrustes(NULL, (ba_cdmat_t){x, SAMPLES, NARROW, SAMPLES},
                         (ba_cdmat_t){t, SAMPLES, WIDE, SAMPLES},
                         (ba_dmat_t){r, NARROW, WIDE, NARROW}, &rank),
        BA_OK);
    for (size_t i = 0; i < NARROW; i++) {
        for (size_t l = 0; l < WIDE; l++) {
            rows[l + i * WIDE] = r[i + l * NARROW];
        }
    }
    assert_int_equal(rank, NARROW);
    assert_orthonormal(rows, WIDE, NARROW);
    for (size_t i = 0; i < SAMPLES; i++) {
        x[i + SAMPLES] = 0.0;
    }
    assert_int_equal(ba_procrustes(NULL, (ba_cdmat_t){x, SAMPLES, NARROW, SAMPLES},
                         (ba_cdmat_t){t, SAMPLES, WIDE, SAMPLES},
                         (ba_dmat_t){r, NARROW, WIDE, NARROW}, &rank),
        BA_OK);
    assert_int_equal(rank, 2);
    for (size_t l = 0; l < WIDE; l++) {
        assert_close(r[1 + l * NARROW], 0.0, 1e-14);
    }
}

static void
test_bad(void **state)
{
    double x[12] = {0}, t[12] = {0}, r[12];

    (void) state;
    assert_int_equal(ba_procrustes(NULL, (ba_cdmat_t){x, 4, 3, 4},
                         (ba_cdmat_t){t, 3, 3, 3}, (ba_dmat_t){r, 3, 3, 3}, NULL),
        BA_SHAPE);
    x[2] = NAN;
    assert_int_equal(ba_procrustes(NULL, (ba_cdmat_t){x, 4, 3, 4},
                         (ba_cdmat_t){t, 4, 3, 4}, (ba_dmat_t){r, 3, 3, 3}, NULL),
        BA_NUMERIC);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known),
        cmocka_unit_test(test_optimal), cmocka_unit_test(test_wide),
        cmocka_unit_test(test_partial), cmocka_unit_test(test_bad)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
