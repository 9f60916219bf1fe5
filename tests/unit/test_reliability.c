/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/ceiling.h"
#include "brainalign/score.h"
#include "core/alloc.h"

#define R 5
#define N 40
#define V 3

/* Number of different splits among n_found: halves as sets, either one first. */
static size_t
count_different(const size_t *orders, size_t n, size_t n_found)
{
    size_t h = n / 2, n_different = 0;
    uint64_t *keys = calloc(n_found, sizeof *keys);

    assert_non_null(keys);
    for (size_t k = 0; k < n_found; k++) {
        uint64_t a = 0, b = 0, key;
        int is_new = 1;

        for (size_t i = 0; i < h; i++) {
            a |= UINT64_C(1) << orders[i + k * n];
            b |= UINT64_C(1) << orders[i + h + k * n];
        }
        assert_true((a & b) == 0);
        key = a < b ? a << 32 | b : b << 32 | a;
        for (size_t i = 0; i < n_different; i++) {
            is_new &= keys[i] != key;
        }
        if (is_new) {
            keys[n_different++] = key;
        }
    }
    free(keys);
    return n_different;
}

static void
check_splits(size_t n, size_t n_splits, size_t wanted)
{
    size_t *orders = calloc(n_splits * n, sizeof *orders), n_found = 0;

    assert_non_null(orders);
    assert_int_equal(ba_split_halves(n, n_splits, 1, orders, &n_found), 0);
    assert_int_equal(n_found, wanted);
    for (size_t k = 0; k < n_found; k++) {
        uint64_t seen = 0;

        for (size_t i = 0; i < n; i++) {
            seen |= UINT64_C(1) << orders[i + k * n];
        }
        assert_true(seen == (UINT64_C(1) << n) - 1);
    }
    if (n_found < n_splits) {
        assert_int_equal(count_different(orders, n, n_found), n_found);
    }
    free(orders);
}

static void
test_splits(void **state)
{
    size_t a[20], b[20], n_found;

    (void) state;
    check_splits(2, 10, 1);
    check_splits(3, 10, 3); /* three pairs, of 1 and 1 */
    check_splits(4, 10, 3);
    check_splits(5, 100, 15);
    check_splits(6, 100, 10);
    check_splits(7, 100, 70);
    check_splits(10, 200, 126);
    check_splits(10, 100, 100); /* fewer than there are: drawn */
    check_splits(30, 50, 50);
    assert_int_equal(ba_split_halves(10, 2, 1, a, &n_found), 0);
    assert_int_equal(ba_split_halves(10, 2, 1, b, &n_found), 0);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(ba_split_halves(10, 2, 2, b, &n_found), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(ba_split_halves(1, 2, 1, a, &n_found), BA_SHAPE);
}

typedef struct {
    double data[R][N * V];
    ba_cdmat_t views[R];
    ba_repeats_t repeats;
} study_t;

static void
make_study(study_t *study)
{
    double signal[N * V];

    test_fill_normal(signal, N * V, 9);
    for (size_t i = 0; i < R; i++) {
        test_fill_normal(study->data[i], N * V, i + 1);
        for (size_t k = 0; k < N * V; k++) {
            study->data[i][k] += signal[k] + 10 * (double) i;
        }
        study->views[i] = (ba_cdmat_t){study->data[i], N, V, N};
    }
    study->repeats = (ba_repeats_t){study->views, R};
}

static double
correlation(const double *x, const double *y)
{
    double r;

    ba_score_f64(BA_SCORE_R, x, N, y, N, N, 1, &r);
    return r;
}

static void
test_against_means(void **state)
{
    const size_t orders[] = {4, 0, 1, 3, 2, 0, 1, 2, 3, 4};
    double r[2 * V], pairs[10 * V], isc[R * V], upper[R * V], a[N], b[N];
    study_t study;

    (void) state;
    make_study(&study);
    assert_int_equal(ba_split_half(&study.repeats, orders, 2, r, NULL), 0);
    assert_int_equal(ba_pairwise_r(&study.repeats, pairs, NULL), 0);
    assert_int_equal(
        ba_isc(&study.repeats, BA_REPEATS_AS_GIVEN, BA_ISC_OTHERS, isc, NULL), 0);
    assert_int_equal(
        ba_isc(&study.repeats, BA_REPEATS_AS_GIVEN, BA_ISC_ALL, upper, NULL), 0);
    for (size_t j = 0; j < V; j++) {
        size_t pair = 0;

        for (size_t k = 0; k < 2; k++) {
            const size_t *o = orders + k * R;

            for (size_t t = 0; t < N; t++) {
                a[t] = study.data[o[0]][t + j * N] + study.data[o[1]][t + j * N];
                b[t] = study.data[o[2]][t + j * N] + study.data[o[3]][t + j * N];
            }
            assert_close(r[k + j * 2], correlation(a, b), 1e-14);
        }
        for (size_t i = 0; i < R; i++) {
            memset(a, 0, sizeof a);
            for (size_t k = 0; k < R; k++) {
                for (size_t t = 0; t < N && k != i; t++) {
                    a[t] += study.data[k][t + j * N];
                }
            }
            assert_close(isc[i + j * R], correlation(study.data[i] + j * N, a), 1e-14);
            for (size_t t = 0; t < N; t++) {
                a[t] += study.data[i][t + j * N];
            }
            assert_close(upper[i + j * R], correlation(study.data[i] + j * N, a), 1e-14);
            for (size_t k = i + 1; k < R; k++) {
                assert_close(pairs[pair++ + j * 10],
                    correlation(study.data[i] + j * N, study.data[k] + j * N), 1e-14);
            }
        }
    }
}

/* What cannot be had is NaN with a reason; other targets are not touched. */
static void
test_reasons(void **state)
{
    const size_t order[] = {0, 1, 2, 3, 4}, wrong[] = {0, 1, 2, 3, 5};
    double r[V], pairs[10 * V], isc[R * V];
    uint8_t reason[V];
    study_t study;

    (void) state;
    make_study(&study);
    study.data[2][1 * N + 7] = (double) INFINITY;
    for (size_t t = 0; t < N; t++) {
        study.data[3][2 * N + t] = 0.1;
    }
    assert_int_equal(ba_split_half(&study.repeats, order, 1, r, reason), 0);
    assert_int_equal(reason[0], BA_CEILING_OK);
    assert_int_equal(reason[1], BA_CEILING_NONFINITE);
    assert_int_equal(reason[2], BA_CEILING_CONSTANT);
    assert_true(!isnan(r[0]) && isnan(r[1]) && isnan(r[2]));
    assert_int_equal(ba_pairwise_r(&study.repeats, pairs, reason), 0);
    assert_true(isnan(pairs[10]) && isnan(pairs[19]));
    assert_true(!isnan(pairs[20]) && isnan(pairs[22])); /* (0,1) and (0,3) */
    assert_int_equal(
        ba_isc(&study.repeats, BA_REPEATS_ZSCORED, BA_ISC_OTHERS, isc, reason), 0);
    assert_true(isnan(isc[R]) && isnan(isc[2 * R - 1]));
    assert_true(!isnan(isc[2 * R]) && isnan(isc[2 * R + 3]));
    assert_int_equal(ba_split_half(&study.repeats, wrong, 1, r, reason), BA_VALUE);
    assert_contains(ba_error_message(), "repeat 5 in split 0");
    study.views[4].n_rows = N - 1;
    assert_int_equal(ba_pairwise_r(&study.repeats, pairs, reason), BA_SHAPE);
    assert_contains(ba_error_message(), "repeat 4 (from 0) has 39 samples x 3 targets");
    study.repeats.n_repeats = 1;
    assert_int_equal(ba_split_half(&study.repeats, order, 1, r, reason), BA_SHAPE);
    assert_contains(ba_error_message(), "found 1 repeats");
    study.repeats.n_repeats = 2;
    study.views[0].n_rows = study.views[1].n_rows = 1;
    assert_int_equal(ba_split_half(&study.repeats, order, 1, r, reason), BA_SHAPE);
    assert_contains(ba_error_message(), "found 1 samples");
}

static void
test_formulas(void **state)
{
    const double r[] = {0.5, (double) NAN, -0.2, 1};

    (void) state;
    assert_close(ba_spearman_brown(0.5, 2), 2.0 / 3, 1e-15);
    assert_close(ba_spearman_brown(ba_spearman_brown(0.37, 7), 1.0 / 7), 0.37, 1e-15);
    assert_close(ba_spearman_brown(1, 0.1), 1, 1e-15);
    assert_close(ba_fisher_mean(r, 3), tanh((atanh(0.5) + atanh(-0.2)) / 2), 1e-15);
    assert_close(ba_fisher_mean(r, 4), 1, 0);
    assert_true(isnan(ba_fisher_mean(r + 1, 1)));
}

static void
test_memory(void **state)
{
    const size_t order[] = {0, 1, 2, 3, 4};
    size_t orders[100], n_found;
    double r[10 * V];
    study_t study;

    (void) state;
    make_study(&study);
    for (size_t n = 1; n <= 3; n++) {
        ba_alloc_fail_at(n);
        assert_int_equal(ba_split_half(&study.repeats, order, 1, r, NULL), BA_NOMEM);
    }
    ba_alloc_fail_at(1);
    assert_int_equal(ba_split_halves(5, 20, 1, orders, &n_found), BA_NOMEM);
    ba_alloc_fail_at(1);
    assert_int_equal(ba_split_halves(20, 5, 1, orders, &n_found), BA_NOMEM);
    ba_alloc_fail_at(0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_against_means),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
