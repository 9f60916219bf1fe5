/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "model/simplex.h"

enum { MOST = 12, ROWS = 40 };

static double gram[MOST * MOST], work[512];

/* Inner products of n columns of ROWS normal numbers with a part in common. */
static void
make_gram(size_t n, double common, uint64_t seed)
{
    double e[MOST][ROWS];

    for (size_t t = 0; t < ROWS; t++) {
        double shared = test_normal(&seed);

        for (size_t j = 0; j < n; j++) {
            e[j][t] = common * shared + (1.0 + 0.3 * (double) j) * test_normal(&seed);
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            gram[i * n + j] = 0.0;
            for (size_t t = 0; t < ROWS; t++) {
                gram[i * n + j] += e[i][t] * e[j][t];
            }
        }
    }
}

static double
value_of(size_t n, const double *w)
{
    double value = 0.0;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            value += w[i] * gram[i * n + j] * w[j];
        }
    }
    return value;
}

static void
check_feasible(size_t n, const double *w)
{
    double sum = 0.0;

    for (size_t j = 0; j < n; j++) {
        assert_true(w[j] >= 0.0);
        sum += w[j];
    }
    assert_close(sum, 1.0, 1e-12);
}

/* Every point of a grid of the simplex of three models, spacing 1/200. */
static void
test_grid(void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        double w[3], best = INFINITY;
        enum { STEPS = 200 };

        make_gram(3, (double) (seed % 4), seed);
        assert_true(ba_simplex_weights(gram, 3, w, work) <= 1e-10);
        check_feasible(3, w);
        for (int a = 0; a <= STEPS; a++) {
            for (int b = 0; a + b <= STEPS; b++) {
                double at[3] = {(double) a / STEPS, (double) b / STEPS,
                    (double) (STEPS - a - b) / STEPS};

                best = fmin(best, value_of(3, at));
            }
        }
        assert_true(value_of(3, w) <= best + 1e-9 * best);
        /* Halfway between grid points the quadratic is above its least by at most
         * |G| / 200^2. */
        assert_true(value_of(3, w) >= best - 3 * (gram[0] + gram[4] + gram[8]) / 4e4);
    }
}

/* The least over every set of models, by elimination that shares nothing with the code:
 * projected coordinate descent run to the end would do, but all 2^n sets are exact. */
static double
least_of_sets(size_t n)
{
    double best = INFINITY;

    for (size_t set = 1; set < (size_t) 1 << n; set++) {
        size_t list[MOST], m = 0;
        double a[MOST][MOST + 1], sum = 0.0, w[MOST] = {0};
        int inside = 1;

        for (size_t j = 0; j < n; j++) {
            if (set >> j & 1) {
                list[m++] = j;
            }
        }
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < m; j++) {
                a[i][j] = gram[list[i] * n + list[j]];
            }
            a[i][m] = 1.0;
        }
        for (size_t k = 0; k < m; k++) { /* positive definite: no pivoting */
            for (size_t i = 0; i < m; i++) {
                double f = i == k ? 0.0 : a[i][k] / a[k][k];

                for (size_t j = 0; j <= m; j++) {
                    a[i][j] -= f * a[k][j];
                }
            }
        }
        for (size_t k = 0; k < m; k++) {
            w[list[k]] = a[k][m] / a[k][k];
            sum += w[list[k]];
        }
        for (size_t k = 0; k < m; k++) {
            w[list[k]] /= sum;
            inside &= w[list[k]] >= 0.0;
        }
        if (inside) {
            best = fmin(best, value_of(n, w));
        }
    }
    return best;
}

static void
test_all_sets(void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        size_t n = 2 + seed % 7;
        double w[MOST], least;

        make_gram(n, 1.5 * (double) (seed % 3), 100 + seed);
        assert_true(fabs(ba_simplex_weights(gram, n, w, work)) <= 1e-10);
        check_feasible(n, w);
        least = least_of_sets(n);
        assert_close(value_of(n, w), least, 1e-10 * least);
    }
}

/* Two models that are the same: the first carries the weight of both, or the second none
 * that matters; one model; a perfect one. */
static void
test_edges(void **state)
{
    double w[MOST], alone[MOST];

    (void) state;
    make_gram(4, 1.0, 9);
    for (size_t j = 0; j < 4; j++) { /* model 3 = model 0 */
        gram[3 * 4 + j] = gram[j];
    }
    for (size_t i = 0; i < 4; i++) {
        gram[i * 4 + 3] = gram[i * 4];
    }
    gram[15] = gram[0];
    assert_true(fabs(ba_simplex_weights(gram, 4, w, work)) <= 1e-10);
    check_feasible(4, w);
    assert_close(w[3], 0.0, 0.0);
    make_gram(1, 0.0, 5);
    ba_simplex_weights(gram, 1, alone, work);
    assert_close(alone[0], 1.0, 0.0);
    make_gram(3, 0.0, 5);
    gram[1] = gram[3] = gram[4] = gram[5] = gram[7] = 0.0; /* model 1 has no residuals */
    ba_simplex_weights(gram, 3, w, work);
    assert_close(w[1], 1.0, 1e-12);
    memset(gram, 0, sizeof gram);
    assert_true(isnan(ba_simplex_weights(gram, 3, w, work)));
    assert_true(isnan(w[0]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_all_sets),
        cmocka_unit_test(test_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
