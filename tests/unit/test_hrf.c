/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "brainalign/resample.h"

enum { N_SECONDS = 6 };

static const double SECONDS[N_SECONDS] = {0.5, 2, 5, 7.3, 15, 30};

/* scipy 1.x: (gamma.pdf(t, a1 / d1, scale=d1) - c gamma.pdf(t, a2 / d2, scale=d2)) / (1 -
 * c); derivatives by fourth-order differences of it (step 1e-4), exact to 1e-9. */
static const double VALUES[2][3][N_SECONDS] = {
    {{0.00018954083116, 0.0433072899575, 0.210529394635, 0.139123524958, -0.0181642275866,
         -0.000205336737321},
        {0.00170586748, 0.06496093154, -6.289817146e-05, -0.04509439762, -0.001548630497,
            0.000102660789},
        {-0.001686077351, -0.0899848814, 0.08841901776, 0.05469280429, -0.006941902228,
            -3.144698239e-07}},
    {{0.000112705898389, 0.054926370265, 0.347049003639, 0.188752654175, -0.0596098968962,
         -1.8559939485e-05},
        {0.001152104734, 0.09458913637, 0.0004639198502, -0.1042287512, 0.01603718324,
            1.299022097e-05},
        {-0.001245082232, -0.1444713971, 0.159834904, 0.09748359443, -0.009996996724,
            -1.339370365e-07}},
};

/* nilearn 0.14.1: spm_hrf(1, 100) and glover_hrf(1, 100) per second, by seconds since
 * their own start. It has 0.167 where SPM has 1 / 6, and samples a grid whose step is not
 * quite 1 / 100 s: 1.3e-4 at most of a peak of 0.21 and 0.35. */
static const double NILEARN[2][4][2] = {
    {{1.990625195, 0.04272497507}, {4.991562988, 0.2106504954},
        {9.993125977, 0.03864498643}, {14.99468897, -0.01820750075}},
    {{1.990625195, 0.05405992659}, {4.991562988, 0.347148376},
        {9.993125977, -0.03889696395}, {14.99468897, -0.0597133764}},
};

static void
test_values(void **state)
{
    (void) state;
    for (int model = BA_HRF_SPM; model <= BA_HRF_GLOVER; model++) {
        for (int basis = BA_HRF_CANONICAL; basis <= BA_HRF_DISPERSION; basis++) {
            for (size_t i = 0; i < N_SECONDS; i++) {
                assert_close(
                    ba_hrf_value((ba_hrf_t) model, (ba_hrf_basis_t) basis, SECONDS[i]),
                    VALUES[model][basis][i], basis == BA_HRF_CANONICAL ? 1e-12 : 1e-9);
            }
        }
    }
}

static void
test_nilearn(void **state)
{
    (void) state;
    for (int model = BA_HRF_SPM; model <= BA_HRF_GLOVER; model++) {
        for (size_t i = 0; i < 4; i++) {
            assert_close(
                ba_hrf_value((ba_hrf_t) model, BA_HRF_CANONICAL, NILEARN[model][i][0]),
                NILEARN[model][i][1], 1.3e-4);
        }
    }
}

static void
test_support(void **state)
{
    (void) state;
    assert_true(ba_hrf_value(BA_HRF_SPM, BA_HRF_CANONICAL, 0) == 0);
    assert_true(ba_hrf_value(BA_HRF_SPM, BA_HRF_TIME, -1) == 0);
    assert_true(ba_hrf_value(BA_HRF_SPM, BA_HRF_CANONICAL, 32) != 0);
    assert_true(ba_hrf_value(BA_HRF_SPM, BA_HRF_CANONICAL, 32.001) == 0);
    assert_true(ba_hrf_value(BA_HRF_GLOVER, BA_HRF_DISPERSION, (double) NAN) == 0);
}

static double
weight_at(const ba_resampler_t *r, size_t row, size_t item)
{
    size_t n = r->start[row + 1] - r->start[row];

    return item < r->first[row] || item - r->first[row] >= n
               ? 0
               : r->weights[r->start[row] + item - r->first[row]];
}

/* Impulses are h itself; items that last are its integral (scipy's quad). */
static void
test_events(void **state)
{
    const double onsets[] = {1.2, 3.8}, durations[] = {0.45, 0.7}, times[] = {4, 36, 90};
    const double integrals[2] = {0.038839775304086374, 0.05477325047088534};
    ba_resampler_t r;

    (void) state;
    for (int model = BA_HRF_SPM; model <= BA_HRF_GLOVER; model++) {
        assert_int_equal(ba_resampler_hrf((ba_hrf_t) model, BA_HRF_TIME, onsets, NULL, 2,
                             times, 3, &r),
            BA_OK);
        assert_close(
            weight_at(&r, 0, 0), ba_hrf_value((ba_hrf_t) model, BA_HRF_TIME, 2.8), 0);
        assert_close(weight_at(&r, 0, 1),
            ba_hrf_value((ba_hrf_t) model, BA_HRF_TIME, times[0] - 3.8), 0);
        assert_close(weight_at(&r, 1, 0), 0, 0);
        assert_int_equal(r.start[3], r.start[2]); /* all over after 90 s */
        ba_resampler_free(&r);
        assert_int_equal(ba_resampler_hrf((ba_hrf_t) model, BA_HRF_CANONICAL, onsets,
                             durations, 2, times, 3, &r),
            BA_OK);
        assert_close(weight_at(&r, 0, 0), integrals[model], 1e-9);
        /* Only 0.2 s of it have happened. */
        assert_close(weight_at(&r, 0, 1),
            model == BA_HRF_SPM ? 8.98902536998431e-08 : 2.7012795640595963e-08,
            1e-9); /* of an integral of 1 */
        ba_resampler_free(&r);
    }
}

/* The end of the support cuts an item in two. */
static void
test_tail(void **state)
{
    const double onset = 1, duration = 1, time = 33.5;
    ba_resampler_t r;

    (void) state;
    assert_int_equal(ba_resampler_hrf(BA_HRF_SPM, BA_HRF_CANONICAL, &onset, &duration, 1,
                         &time, 1, &r),
        BA_OK);
    assert_close(weight_at(&r, 0, 0), -4.18764625233149e-05, 1e-9);
    ba_resampler_free(&r);
}

/* A constant series stays what it is once the response is over. */
static void
test_constant(void **state)
{
    enum { N = 40 };
    double edges[N], durations[N], times[N], x[N], y[N];
    ba_resampler_t r;

    (void) state;
    for (size_t i = 0; i < N; i++) {
        edges[i] = 1.5 * (double) i;
        durations[i] = 1.5;
        times[i] = edges[i] + 0.75;
        x[i] = 3;
    }
    assert_int_equal(ba_resampler_hrf(BA_HRF_GLOVER, BA_HRF_CANONICAL, edges, durations,
                         N, times, N, &r),
        BA_OK);
    ba_resampler_apply(NULL, &r, (ba_cdmat_t){x, N, 1, N}, (ba_dmat_t){y, N, 1, N});
    assert_close(y[N - 1], 3, 1e-4); /* 32 s hold all but 2e-5 of it */
    assert_true(y[0] < 0.01 && y[0] > 0);
    ba_resampler_free(&r);
    times[1] = times[0];
    assert_int_equal(ba_resampler_hrf(BA_HRF_GLOVER, BA_HRF_CANONICAL, edges, durations,
                         N, times, N, &r),
        BA_SHAPE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values),
        cmocka_unit_test(test_nilearn), cmocka_unit_test(test_support),
        cmocka_unit_test(test_events), cmocka_unit_test(test_tail),
        cmocka_unit_test(test_constant)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
