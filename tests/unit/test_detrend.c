/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/detrend.h"
#include "core/alloc.h"

#define N 70
#define V 4
#define MAX_REGRESSORS 12

/* The first run is long, one has one sample, one three. */
static const size_t onsets[] = {0, 40, 41, 44};

static const ba_cdmat_t no_nuisance = {0};

static ba_runs_t
four_runs(void)
{
    ba_runs_t runs;

    assert_int_equal(ba_runs_from_onsets(onsets, 4, N, &runs), BA_OK);
    return runs;
}

/* Least squares by normal equations on regressors of unit norm, Gauss elimination with
 * full pivots; what is rank-deficient is left out. x is n x k and holds a constant, so
 * that y may be moved first. */
static void
brute_residual(const double *x, size_t n, size_t k, double *y)
{
    double a[MAX_REGRESSORS][MAX_REGRESSORS + 1];
    int used[MAX_REGRESSORS] = {0};
    double shift = 0;

    for (size_t i = 0; i < n; i++) {
        shift += (y[i] - y[0]) / (double) n;
    }
    shift += y[0];
    for (size_t i = 0; i < n; i++) {
        y[i] -= shift;
    }
    for (size_t r = 0; r < k; r++) {
        for (size_t c = 0; c <= k; c++) {
            a[r][c] = 0;
            for (size_t i = 0; i < n; i++) {
                a[r][c] += x[i + r * n] * (c < k ? x[i + c * n] : y[i]);
            }
        }
    }
    for (;;) {
        size_t p = k;

        for (size_t r = 0; r < k; r++) {
            if (!used[r] && a[r][r] > 1e-12 && (p == k || a[r][r] > a[p][p])) {
                p = r;
            }
        }
        if (p == k) {
            break;
        }
        used[p] = 1;
        for (size_t r = 0; r < k; r++) {
            double factor = a[r][p] / a[p][p];

            for (size_t c = 0; r != p && c <= k; c++) {
                a[r][c] -= factor * a[p][c];
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        double fitted = 0;

        for (size_t r = 0; r < k; r++) {
            fitted += used[r] ? a[r][k] / a[r][r] * x[i + r * n] : 0;
        }
        y[i] -= fitted;
    }
}

/* Powers of time in [-1, 1], then centred nuisance, every column of unit norm. */
static size_t
brute_regressors(size_t first, size_t n, size_t degree, ba_cdmat_t nuisance, double *x)
{
    size_t k = 0;

    for (size_t power = 0; power <= degree && power < n; power++) {
        for (size_t i = 0; i < n; i++) {
            double t = n > 1 ? 2 * (double) i / (double) (n - 1) - 1 : 0;

            x[i + k * n] = pow(t, (double) power);
        }
        k++;
    }
    for (size_t j = 0; j < nuisance.n_cols; j++) {
        const double *column = nuisance.data + first + j * nuisance.ld;
        double mean = 0;

        for (size_t i = 0; i < n; i++) {
            mean += column[i] / (double) n;
        }
        for (size_t i = 0; i < n; i++) {
            x[i + k * n] = column[i] - mean;
        }
        k++;
    }
    for (size_t r = 0; r < k; r++) {
        double square = 0;

        for (size_t i = 0; i < n; i++) {
            square += x[i + r * n] * x[i + r * n];
        }
        for (size_t i = 0; i < n; i++) {
            x[i + r * n] /= square > 0 ? sqrt(square) : 1;
        }
    }
    return k;
}

static void
brute(const ba_runs_t *runs, size_t degree, ba_cdmat_t nuisance, double *y)
{
    static double x[N * MAX_REGRESSORS];

    for (size_t r = 0; r < runs->n_runs; r++) {
        size_t first = runs->onset[r], n = runs->onset[r + 1] - first;
        size_t k = brute_regressors(first, n, degree, nuisance, x);

        for (size_t j = 0; j < V; j++) {
            brute_residual(x, n, k, y + first + j * N);
        }
    }
}

static void
fill_responses(double *y)
{
    test_fill_normal(y, N * V, 21);
    for (size_t i = 0; i < N; i++) {
        double t = (double) i / N;

        y[i] += 5 * t - 9 * t * t;
        y[i + N] += 1e4;
        y[i + 2 * N] *= 1e-6;
        y[i + 3 * N] = 7.25e3;
    }
}

static void
apply(
    const ba_detrend_opts_t *opts, const ba_runs_t *runs, ba_cdmat_t nuisance, double *y)
{
    ba_detrend_t *detrend;

    assert_int_equal(ba_detrend_new(opts, runs, nuisance, &detrend), BA_OK);
    assert_int_equal(ba_detrend_apply(detrend, (ba_dmat_t){y, N, V, N}), BA_OK);
    ba_detrend_free(detrend);
}

static void
assert_same(const double *a, const double *b)
{
    assert_all_close(a, b, N, 1e-12);
    assert_all_close(a + N, b + N, N, 1e-11);
    assert_all_close(a + 2 * N, b + 2 * N, N, 1e-18);
    assert_all_close(a + 3 * N, b + 3 * N, N, 1e-11);
}

static void
test_polynomials(void **state)
{
    ba_runs_t runs = four_runs();

    (void) state;
    for (size_t degree = 0; degree <= 4; degree++) {
        ba_detrend_opts_t opts = {.kind = BA_DETREND_POLY, .degree = degree};
        double y[N * V], wanted[N * V];

        fill_responses(y);
        fill_responses(wanted);
        apply(&opts, &runs, no_nuisance, y);
        brute(&runs, degree, no_nuisance, wanted);
        assert_same(y, wanted);
        assert_close(y[40], 0, 0); /* alone in its run */
    }
    ba_runs_free(&runs);
}

static void
fill_nuisance(double *z)
{
    test_fill_normal(z, N * 3, 22);
    for (size_t i = 0; i < N; i++) {
        z[i] += 1e4;
        z[i + N] *= 1e-5;
        z[i + 2 * N] += (double) i;
    }
}

static void
test_nuisance(void **state)
{
    ba_runs_t runs = four_runs();
    double z[N * 3];
    ba_cdmat_t nuisance = {z, N, 3, N};

    (void) state;
    fill_nuisance(z);
    for (size_t degree = 0; degree <= 3; degree++) {
        ba_detrend_opts_t opts = {.kind = BA_DETREND_POLY, .degree = degree};
        double y[N * V], wanted[N * V];

        opts.kind = degree == 0 ? BA_DETREND_NONE : BA_DETREND_POLY;
        fill_responses(y);
        fill_responses(wanted);
        apply(&opts, &runs, nuisance, y);
        brute(&runs, degree, nuisance, wanted);
        assert_same(y, wanted);
    }
    ba_runs_free(&runs);
}

/* Units and order of the nuisance do not matter, nor copies and combinations of it. */
static void
test_rank_deficient_nuisance(void **state)
{
    ba_runs_t runs = four_runs();
    ba_detrend_opts_t opts = {.kind = BA_DETREND_POLY, .degree = 2};
    double z[N * 3], more[N * 7], y[N * V], wanted[N * V];

    (void) state;
    fill_nuisance(z);
    for (size_t i = 0; i < N; i++) {
        more[i] = 0;
        more[i + N] = 1e8 * z[i + N];
        more[i + 2 * N] = -3e5;
        more[i + 3 * N] = z[i + 2 * N] + 2 * z[i];
        more[i + 4 * N] = z[i + 2 * N];
        more[i + 5 * N] = 1e-9 * z[i];
        more[i + 6 * N] = z[i + N];
    }
    fill_responses(y);
    fill_responses(wanted);
    apply(&opts, &runs, (ba_cdmat_t){more, N, 7, N}, y);
    apply(&opts, &runs, (ba_cdmat_t){z, N, 3, N}, wanted);
    /* Column 0 rides on 1e4, so that its direction is known to about 1e-12 only. */
    assert_all_close(y, wanted, N, 1e-10);
    assert_all_close(y + N, wanted + N, N, 1e-10);
    ba_runs_free(&runs);
}

static void
test_savgol_with_nuisance(void **state)
{
    ba_runs_t runs = four_runs();
    ba_detrend_opts_t opts = {.kind = BA_DETREND_SAVGOL, .seconds = 30, .tr = 2};
    double z[N * V], y[N * V], wanted[N * V];

    (void) state;
    test_fill_normal(z, N * V, 23);
    for (size_t i = 0; i < N; i++) { /* all of it is filtered away: no noise is kept */
        z[i + 3 * N] = 1e3 + (double) i;
    }
    fill_responses(y);
    fill_responses(wanted);
    apply(&opts, &runs, (ba_cdmat_t){z, N, V, N}, y);
    apply(&opts, &runs, no_nuisance, z);
    apply(&opts, &runs, no_nuisance, wanted);
    brute(&runs, 0, (ba_cdmat_t){z, N, 3, N}, wanted);
    assert_same(y, wanted);
    ba_runs_free(&runs);
}

/* Applying twice changes nothing; a high degree is as clean as a low one. */
static void
test_high_degree(void **state)
{
    enum { LONG = 400 };
    static double y[LONG], once[LONG];
    ba_detrend_opts_t opts = {.kind = BA_DETREND_POLY, .degree = 150};
    ba_detrend_t *detrend;
    ba_runs_t runs;
    ba_dmat_t column = {y, LONG, 1, LONG};

    (void) state;
    test_fill_normal(y, LONG, 24);
    for (size_t i = 0; i < LONG; i++) {
        y[i] += 1e4;
    }
    assert_int_equal(ba_runs_one(LONG, &runs), BA_OK);
    assert_int_equal(ba_detrend_new(&opts, &runs, no_nuisance, &detrend), BA_OK);
    assert_int_equal(ba_detrend_apply(detrend, column), BA_OK);
    memcpy(once, y, sizeof y);
    assert_int_equal(ba_detrend_apply(detrend, column), BA_OK);
    assert_all_close(y, once, LONG, 1e-14);
    for (int power = 0; power <= 20; power++) {
        double dot = 0;

        for (size_t i = 0; i < LONG; i++) {
            dot += y[i] * pow(2 * (double) i / (LONG - 1) - 1, power);
        }
        assert_close(dot, 0, 1e-12);
    }
    ba_detrend_free(detrend);
    ba_runs_free(&runs);
}

/* NaN fills its column in its run and nothing else, bit for bit; columns do not depend on
 * their neighbours. */
static void
test_nan_stays(void **state)
{
    ba_runs_t runs = four_runs();
    const ba_detrend_opts_t all[] = {{.kind = BA_DETREND_POLY, .degree = 2},
        {.kind = BA_DETREND_SAVGOL, .seconds = 30, .tr = 2}};

    (void) state;
    for (size_t k = 0; k < 2; k++) {
        double y[N * V], wanted[N * V];

        fill_responses(y);
        fill_responses(wanted);
        y[5] = (double) NAN;
        y[N + 69] = (double) INFINITY;
        apply(&all[k], &runs, no_nuisance, y);
        apply(&all[k], &runs, no_nuisance, wanted);
        for (size_t i = 0; i < N * V; i++) {
            int is_hit = i < 40 || (i >= N + 44 && i < N + 70);

            assert_true(is_hit ? isnan(y[i]) : y[i] == wanted[i]);
        }
    }
    ba_runs_free(&runs);
}

static void
test_none_changes_nothing(void **state)
{
    ba_runs_t runs = four_runs();
    ba_detrend_opts_t opts = {.kind = BA_DETREND_NONE};
    double y[N * V], wanted[N * V];

    (void) state;
    fill_responses(y);
    y[3] = (double) NAN;
    memcpy(wanted, y, sizeof y);
    apply(&opts, &runs, no_nuisance, y);
    assert_memory_equal(y, wanted, sizeof y);
    ba_runs_free(&runs);
}

static void
test_errors(void **state)
{
    ba_runs_t runs = four_runs();
    ba_detrend_opts_t opts = {.kind = BA_DETREND_SAVGOL, .seconds = 30};
    double z[N * 2], y[N];
    ba_detrend_t *detrend = NULL;

    (void) state;
    test_fill_normal(z, N * 2, 25);
    assert_int_equal(ba_detrend_new(&opts, &runs, no_nuisance, &detrend), BA_VALUE);
    assert_contains(
        ba_error_message(), "savgol needs the sampling interval (tr): found 0");
    opts =
        (ba_detrend_opts_t){.kind = BA_DETREND_SAVGOL, .seconds = (double) NAN, .tr = 1};
    assert_int_equal(ba_detrend_new(&opts, &runs, no_nuisance, &detrend), BA_VALUE);
    opts = (ba_detrend_opts_t){.kind = BA_DETREND_POLY, .degree = 1};
    assert_int_equal(
        ba_detrend_new(&opts, &runs, (ba_cdmat_t){z, N - 1, 2, N}, &detrend), BA_SHAPE);
    assert_string_equal(
        ba_error_message(), "nuisance: 69 rows, wanted the 70 samples of the runs");
    z[N + 13] = -(double) INFINITY;
    assert_int_equal(
        ba_detrend_new(&opts, &runs, (ba_cdmat_t){z, N, 2, N}, &detrend), BA_NONFINITE);
    assert_contains(ba_error_message(), "nuisance: row 13, column 1 is -inf");
    assert_null(detrend);
    assert_int_equal(ba_detrend_new(&opts, &runs, no_nuisance, &detrend), BA_OK);
    assert_int_equal(ba_detrend_apply(detrend, (ba_dmat_t){y, N - 1, 1, N}), BA_SHAPE);
    ba_detrend_free(detrend);
    ba_detrend_free(NULL);
    ba_runs_free(&runs);
}

/* Whatever allocation fails, the call says so and leaks nothing. */
static void
test_no_memory(void **state)
{
    ba_runs_t runs = four_runs();
    ba_detrend_opts_t opts = {.kind = BA_DETREND_SAVGOL, .seconds = 30, .tr = 1};
    double z[N];
    int status = BA_NOMEM;
    size_t n = 0;

    (void) state;
    test_fill_normal(z, N, 26);
    while (status == BA_NOMEM) {
        ba_detrend_t *detrend = NULL;

        ba_alloc_fail_at(++n);
        status = ba_detrend_new(&opts, &runs, (ba_cdmat_t){z, N, 1, N}, &detrend);
        ba_alloc_fail_at(0);
        ba_detrend_free(detrend);
    }
    assert_int_equal(status, BA_OK);
    assert_true(n > 8);
    ba_runs_free(&runs);
}

static void
test_parse(void **state)
{
    static const char *const bad[] = {"", "poly", "poly:", "poly:-1", "poly:1.5",
        "poly:2x", "savgol:", "savgol:0", "savgol:-3", "savgol:nan", "savgol:inf",
        "savgol:0x10", "savgol: 3", "savgol:3s", "none ", "Poly:1"};
    ba_detrend_opts_t opts;

    (void) state;
    assert_int_equal(ba_detrend_parse("none", &opts), BA_OK);
    assert_int_equal(opts.kind, BA_DETREND_NONE);
    assert_int_equal(ba_detrend_parse("poly:3", &opts), BA_OK);
    assert_true(opts.kind == BA_DETREND_POLY && opts.degree == 3);
    assert_int_equal(ba_detrend_parse("savgol:120.5", &opts), BA_OK);
    assert_true(opts.kind == BA_DETREND_SAVGOL && opts.seconds == 120.5);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ba_detrend_parse(bad[i], &opts), BA_VALUE);
        assert_contains(ba_error_message(), bad[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_polynomials),
        cmocka_unit_test(test_nuisance),
        cmocka_unit_test(test_rank_deficient_nuisance),
        cmocka_unit_test(test_savgol_with_nuisance),
        cmocka_unit_test(test_high_degree),
        cmocka_unit_test(test_nan_stays),
        cmocka_unit_test(test_none_changes_nothing),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
