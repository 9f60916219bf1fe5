/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/significance.h"
#include "core/alloc.h"

#define N 60
#define B 40

static const double nan_value = (double) NAN;

/* By definition: the smallest level at which the step-up procedure rejects test i, tried
 * at every level where its answer can change. */
static double
brute_q(const double *p, size_t n, double penalty, size_t i)
{
    double best = 1, m = 0;

    for (size_t k = 0; k < n; k++) {
        m += !isnan(p[k]);
    }
    for (size_t k = 0; k < n; k++) {
        double rank = 0, level;

        if (isnan(p[k]) || p[k] < p[i]) {
            continue;
        }
        for (size_t j = 0; j < n; j++) {
            rank += p[j] <= p[k];
        }
        level = p[k] * m * penalty / rank;
        best = level < best ? level : best;
    }
    return best;
}

static void
test_false_discoveries(void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        uint64_t random = seed;
        double p[N], q[N], penalty = 0;
        size_t m = 0;

        for (size_t i = 0; i < N; i++) {
            p[i] = pow(test_uniform(&random), 2);
            p[i] = i % 3 == 0 ? round(10 * p[i]) / 10 : p[i]; /* ties, 0 and 1 */
            p[i] = i % 7 == 0 ? nan_value : p[i];
            m += isnan(p[i]) ? 0 : 1;
        }
        for (size_t i = 1; i <= m; i++) {
            penalty += 1 / (double) i;
        }
        assert_int_equal(ba_fdr_bh(p, N, q), 0);
        for (size_t i = 0; i < N; i++) {
            assert_close(q[i], isnan(p[i]) ? nan_value : brute_q(p, N, 1, i), 1e-15);
        }
        assert_int_equal(ba_fdr_by(p, N, q), 0);
        for (size_t i = 0; i < N; i++) {
            assert_close(
                q[i], isnan(p[i]) ? nan_value : brute_q(p, N, penalty, i), 1e-14);
        }
    }
}

static void
test_few_tests(void **state)
{
    double q[2] = {nan_value, 0.03}, none[2] = {nan_value, nan_value}, bad[] = {0.1, 1.5};

    (void) state;
    assert_int_equal(ba_fdr_bh(q, 2, q), 0); /* in place; one test */
    assert_true(isnan(q[0]));
    assert_close(q[1], 0.03, 0);
    assert_int_equal(ba_fdr_by(none, 2, none), 0);
    assert_true(isnan(none[0]) && isnan(none[1]));
    assert_int_equal(ba_fdr_bh(none, 0, none), 0);
    assert_int_equal(ba_fdr_bh(bad, 2, q), BA_VALUE);
    assert_contains(ba_error_message(), "p value 1 (from 0): 1.5");
}

static void
test_count_below(void **state)
{
    const double p[] = {0.04, 0.05, nan_value, 0.0, 0.9};

    (void) state;
    assert_int_equal(ba_count_below(p, 5, 0.05), 2);
    assert_int_equal(ba_count_below(NULL, 5, 0.05), 0);
}

static void
test_permutation_p(void **state)
{
    const double values[] = {0.1, 0.3, 0.3, -0.5, nan_value}, observed[] = {0.3};
    ba_cdmat_t null = {values, 5, 1, 5};
    double p;

    (void) state;
    assert_close(ba_permutation_p(0, 999), 0.001, 1e-18);
    assert_close(ba_permutation_p(999, 999), 1, 0);
    ba_p_of_null(observed, null, BA_TAIL_GREATER, &p); /* ties and NaN count */
    assert_close(p, 4.0 / 6, 1e-15);
    ba_p_of_null(observed, null, BA_TAIL_TWO_SIDED, &p);
    assert_close(p, 5.0 / 6, 1e-15);
    ba_p_of_null(&nan_value, null, BA_TAIL_GREATER, &p);
    assert_true(isnan(p));
}

/* Observed values and a null with ties; target 3 is NaN throughout. */
static void
make_null(double *observed, double *null)
{
    uint64_t random = 5;

    for (size_t j = 0; j < N; j++) {
        observed[j] = j == 3 ? nan_value : round(10 * test_normal(&random)) / 10;
        for (size_t b = 0; b < B; b++) {
            null[b + j * B] = j == 3 ? nan_value : round(10 * test_normal(&random)) / 10;
        }
    }
}

static double
extent(double x, ba_tail_t tail)
{
    return tail == BA_TAIL_TWO_SIDED ? fabs(x) : x;
}

/* Single step: the maximum over all. Step down: over those that are not more extreme, and
 * the largest p of those that are at least as extreme. */
static double
brute_p(const double *observed, const double *null, size_t i, ba_tail_t tail, int step)
{
    size_t n = 0;

    for (size_t b = 0; b < B; b++) {
        int reached = 0;

        for (size_t j = 0; j < N; j++) {
            if (!step || extent(observed[j], tail) <= extent(observed[i], tail)) {
                reached |= extent(null[b + j * B], tail) >= extent(observed[i], tail);
            }
        }
        n += reached != 0;
    }
    return (1 + (double) n) / (1 + B);
}

static void
test_family_wise(void **state)
{
    double observed[N], null[N * B], maxima[B], p[N], step[N];
    ba_cdmat_t view = {null, B, N, B};

    (void) state;
    make_null(observed, null);
    for (int two = 0; two < 2; two++) {
        ba_tail_t tail = two ? BA_TAIL_TWO_SIDED : BA_TAIL_GREATER;

        ba_maxima_of_null(view, tail, maxima);
        assert_int_equal(ba_p_of_maxima(observed, N, maxima, B, tail, p), 0);
        assert_int_equal(ba_p_step_down(observed, view, tail, step), 0);
        for (size_t j = 0; j < N; j++) {
            double wanted = 0;

            if (j == 3) {
                assert_true(isnan(p[j]) && isnan(step[j]));
                continue;
            }
            assert_close(p[j], brute_p(observed, null, j, tail, 0), 1e-15);
            for (size_t i = 0; i < N; i++) {
                if (extent(observed[i], tail) >= extent(observed[j], tail)) {
                    wanted = fmax(wanted, brute_p(observed, null, i, tail, 1));
                }
            }
            assert_close(step[j], wanted, 1e-15);
            assert_true(step[j] <= p[j]);
        }
    }
}

/* Maxima of shards, joined in any order, are those of the whole. */
/* Of 20 equals, each taken for the observed one in turn, exactly k have a least p of k / 20:
 * units of other scales and tails notwithstanding. */
static void
test_scaled_maxima_are_exact(void **state)
{
    enum { UNITS = 12, MOVES = 19 };
    double all[UNITS][1 + MOVES], null[UNITS][MOVES], observed[UNITS], p[UNITS];
    const double *columns[UNITS];
    size_t n_at[2 + MOVES] = {0};
    uint64_t random = 6;

    (void) state;
    for (size_t j = 0; j < UNITS; j++) {
        columns[j] = null[j];
        for (size_t b = 0; b <= MOVES; b++) {
            all[j][b] = exp((double) j * 0.2 * test_normal(&random)) - 3.0 * (double) j;
        }
    }
    for (size_t own = 0; own <= MOVES; own++) {
        double least = 1.0;

        for (size_t j = 0; j < UNITS; j++) {
            observed[j] = all[j][own];
            for (size_t b = 0; b < MOVES; b++) {
                null[j][b] = all[j][(own + 1 + b) % (1 + MOVES)];
            }
        }
        assert_int_equal(ba_p_of_scaled_maxima(observed, columns, UNITS, MOVES, p), 0);
        for (size_t j = 1; j < UNITS; j++) { /* unit 0 does not vary */
            least = p[j] < least ? p[j] : least;
        }
        assert_close(p[0], 1.0, 0.0);
        n_at[(size_t) (least * (1 + MOVES) + 0.5)]++;
    }
    for (size_t k = 1; k <= MOVES + 1; k++) {
        assert_int_equal(n_at[k], 1);
    }
}

static void
test_scaled_maxima_of_odd_units(void **state)
{
    double observed[] = {nan_value, 5.0, 2.0}, p[3];
    double null[3][4] = {{1, 2, 3, 4}, {1, nan_value, 3, 4}, {1, 0, 1.5, 0.5}};
    const double *columns[] = {null[0], null[1], null[2]};

    (void) state;
    assert_int_equal(ba_p_of_scaled_maxima(observed, columns, 3, 4, p), 0);
    assert_true(isnan(p[0]));
    assert_close(p[1], 1.0, 0.0);
    assert_close(p[2], 0.2, 1e-15);
}

static void
test_shards(void **state)
{
    double observed[N], null[N * B], whole[B], joined[B], part[B];

    (void) state;
    make_null(observed, null);
    ba_maxima_of_null((ba_cdmat_t){null, B, N, B}, BA_TAIL_GREATER, whole);
    ba_maxima_of_null((ba_cdmat_t){null, B, 0, B}, BA_TAIL_GREATER, joined);
    for (size_t shard = 3; shard-- > 0;) {
        ba_maxima_of_null(
            (ba_cdmat_t){null + shard * 20 * B, B, 20, B}, BA_TAIL_GREATER, part);
        ba_maxima_merge(joined, part, B);
    }
    assert_memory_equal(joined, whole, sizeof whole);
}

static void
test_memory(void **state)
{
    double observed[N], null[N * B], maxima[B], p[N];

    (void) state;
    make_null(observed, null);
    for (size_t n = 1; n <= 3; n++) {
        ba_alloc_fail_at(n);
        assert_int_equal(
            ba_p_step_down(observed, (ba_cdmat_t){null, B, N, B}, BA_TAIL_GREATER, p),
            BA_NOMEM);
    }
    ba_alloc_fail_at(1);
    assert_int_equal(ba_fdr_bh(p, N, p), BA_NOMEM);
    ba_alloc_fail_at(1);
    assert_int_equal(
        ba_p_of_maxima(observed, N, maxima, B, BA_TAIL_GREATER, p), BA_NOMEM);
    ba_alloc_fail_at(0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_false_discoveries),
        cmocka_unit_test(test_few_tests),
        cmocka_unit_test(test_permutation_p),
        cmocka_unit_test(test_count_below),
        cmocka_unit_test(test_family_wise),
        cmocka_unit_test(test_scaled_maxima_are_exact),
        cmocka_unit_test(test_scaled_maxima_of_odd_units),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
