/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/alphas.h"
#include "core/alloc.h"

#define MAX_NODES 12
#define UNKNOWNS (4 * (MAX_NODES - 1))

/* The spline by its definition: 4 (n - 1) equations for the coefficients of all pieces,
 * piece i in powers of x - x[i], eliminated with row pivots. */
static double system_[UNKNOWNS][UNKNOWNS + 1];
static double coefficients[UNKNOWNS];

static void
eliminate(size_t n)
{
    for (size_t p = 0; p < n; p++) {
        size_t pivot = p;

        for (size_t r = p; r < n; r++) {
            pivot = fabs(system_[r][p]) > fabs(system_[pivot][p]) ? r : pivot;
        }
        for (size_t c = 0; c <= n; c++) {
            double kept = system_[p][c];

            system_[p][c] = system_[pivot][c];
            system_[pivot][c] = kept;
        }
        for (size_t r = 0; r < n; r++) {
            double factor = system_[r][p] / system_[p][p];

            for (size_t c = 0; r != p && c <= n; c++) {
                system_[r][c] -= factor * system_[p][c];
            }
        }
    }
    for (size_t p = 0; p < n; p++) {
        coefficients[p] = system_[p][n] / system_[p][p];
    }
}

static void
brute_spline(const double *alphas, const double *y, size_t n)
{
    size_t row = 0, pieces = n - 1;

    memset(system_, 0, sizeof system_);
    for (size_t i = 0; i < pieces; i++) {
        double h = log(alphas[i + 1] / alphas[i]);
        double *at = system_[row++] + 4 * i;

        at[0] = 1;
        system_[row - 1][4 * pieces] = y[i];
        at = system_[row++] + 4 * i;
        at[0] = 1;
        at[1] = h;
        at[2] = h * h;
        at[3] = h * h * h;
        system_[row - 1][4 * pieces] = y[i + 1];
        if (i + 1 < pieces) { /* first and second derivative continue */
            at = system_[row++] + 4 * i;
            at[1] = 1;
            at[2] = 2 * h;
            at[3] = 3 * h * h;
            at[5] = -1;
            at = system_[row++] + 4 * i;
            at[2] = 2;
            at[3] = 6 * h;
            at[6] = -2;
        }
    }
    system_[row][3] = 1;
    system_[row++][7] = -1;
    system_[row][4 * pieces - 5] = 1;
    system_[row++][4 * pieces - 1] = -1;
    assert_int_equal(row, 4 * pieces);
    eliminate(row);
}

static double
brute_value(const double *alphas, size_t n, double alpha)
{
    size_t i = 0;
    double t;
    const double *c;

    while (i + 2 < n && alpha > alphas[i + 1]) {
        i++;
    }
    t = log(alpha / alphas[i]);
    c = coefficients + 4 * i;
    return c[0] + t * (c[1] + t * (c[2] + t * c[3]));
}

/* The maximum of the independent spline on a fine grid is the one found. */
static void
check(const double *alphas, const double *scores, size_t n)
{
    double best_score, best, largest = -(double) INFINITY,
                             span = log(alphas[n - 1] / alphas[0]);

    best = ba_alphas_spline_max(alphas, scores, n, &best_score);
    assert_true(best >= alphas[0] && best <= alphas[n - 1]);
    brute_spline(alphas, scores, n);
    assert_close(brute_value(alphas, n, best), best_score, 1e-11);
    for (int i = 0; i <= 3000; i++) {
        double alpha = fmin(alphas[0] * exp(span * i / 3000), alphas[n - 1]);

        largest = fmax(largest, brute_value(alphas, n, alpha));
    }
    assert_true(best_score >= largest - 1e-11);
    assert_true(best_score <= largest + 1e-3 * fmax(1, fabs(largest)));
    for (size_t i = 0; i < n; i++) {
        assert_true(best_score >= scores[i]);
    }
}

static void
test_against_definition(void **state)
{
    uint64_t seed = 31;

    (void) state;
    for (int trial = 0; trial < 400; trial++) {
        size_t n = 4 + test_below(&seed, MAX_NODES - 3);
        double alphas[MAX_NODES], scores[MAX_NODES];

        alphas[0] = pow(10, 8 * test_uniform(&seed) - 4);
        for (size_t i = 0; i < n; i++) {
            double step = trial % 2 ? 0.6 : 0.2 + test_uniform(&seed);

            alphas[i] = i > 0 ? alphas[i - 1] * pow(10, step) : alphas[0];
            scores[i] = test_normal(&seed);
        }
        check(alphas, scores, n);
    }
}

/* A cubic in log alpha is its own spline: its maximum is known. */
static void
test_cubic(void **state)
{
    (void) state;
    for (size_t n = 4; n <= MAX_NODES; n++) {
        double alphas[MAX_NODES], scores[MAX_NODES], best_score, best;

        /* s' = -3 (x - 1.3) (x + 4): a maximum at 1.3, a minimum at -4 */
        for (size_t i = 0; i < n; i++) {
            double x = -2 + 6 * (double) i / (double) (n - 1);

            alphas[i] = exp(x);
            scores[i] = -x * x * x - 1.5 * (4 - 1.3) * x * x + 3 * 5.2 * x;
        }
        best = ba_alphas_spline_max(alphas, scores, n, &best_score);
        assert_close(log(best), 1.3, 1e-12);
        assert_close(best_score, -2.197 - 4.05 * 1.69 + 15.6 * 1.3, 1e-12);
    }
}

static void
test_ends(void **state)
{
    const double alphas[] = {0.1, 1, 10, 100, 1000};
    const double rising[] = {1, 2, 3, 4, 5}, falling[] = {5, 4, 3, 2, 1};
    const double flat[] = {0.25, 0.25, 0.25, 0.25, 0.25};
    const double bend[] = {-4, -1, 0, -1, -4};
    double score;

    (void) state;
    assert_true(ba_alphas_spline_max(alphas, rising, 5, &score) == 1000);
    assert_true(score == 5);
    assert_true(ba_alphas_spline_max(alphas, falling, 5, &score) == 0.1);
    assert_true(score == 5);
    assert_true(ba_alphas_spline_max(alphas, flat, 5, &score) == 1000);
    assert_true(score == 0.25);
    assert_close(ba_alphas_spline_max(alphas, bend, 5, &score), 10, 1e-12);
    assert_close(score, 0, 1e-15);
}

/* More nodes than fit on the stack; without memory the best node is returned. */
static void
test_many_nodes(void **state)
{
    double alphas[60], scores[60], score, best;

    (void) state;
    for (size_t i = 0; i < 60; i++) {
        double x = 0.25 * (double) i;

        alphas[i] = exp(x);
        scores[i] = cos(x - 6.6) * exp(-0.01 * (x - 6.6) * (x - 6.6));
    }
    best = ba_alphas_spline_max(alphas, scores, 60, &score);
    assert_close(log(best), 6.6, 1e-4);
    assert_close(score, 1, 2e-5); /* (step^4 / 384) times the fourth derivative */
    ba_alloc_fail_at(1);
    best = ba_alphas_spline_max(alphas, scores, 60, &score);
    ba_alloc_fail_at(0);
    assert_true(best == alphas[26] && score == scores[26]);
}

/* The same curve at any point: through the nodes, and its maximum where that is. */
static void
test_at(void **state)
{
    static const double alphas[] = {1, 5, 10, 100, 1000};
    static const double scores[] = {0.1, 0.4, 0.2, 0.35, -0.5};
    double score, best = ba_alphas_spline_max(alphas, scores, 5, &score);
    double many[60], curve[60];

    (void) state;
    for (size_t i = 0; i < 5; i++) {
        assert_close(ba_alphas_spline_at(alphas, scores, 5, alphas[i]), scores[i], 1e-14);
    }
    assert_close(ba_alphas_spline_at(alphas, scores, 5, best), score, 1e-14);
    for (size_t i = 0; i < 60; i++) {
        many[i] = exp(0.25 * (double) i);
        curve[i] = sin(0.25 * (double) i);
    }
    assert_close(ba_alphas_spline_at(many, curve, 60, exp(3.3)), sin(3.3), 1e-4);
    ba_alloc_fail_at(1);
    assert_true(isnan(ba_alphas_spline_at(many, curve, 60, exp(3.3))));
    ba_alloc_fail_at(0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_definition),
        cmocka_unit_test(test_cubic),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_many_nodes),
        cmocka_unit_test(test_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
