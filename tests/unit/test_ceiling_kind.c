/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every ceiling against the truth of simulated repeats, and against each other. */
#include "tests/testlib.h"

#include "brainalign/ceiling.h"
#include "brainalign/score.h"
#include "core/alloc.h"

#define R 6
#define N 4000
#define V 5

static const double noise[V] = {0.5, 1, 2, 4, 0};

/* signal of variance 1 + noise of variance noise^2; the last target is noise alone. */
typedef struct {
    double *signal, *data, *mean;
    ba_cdmat_t views[R];
    ba_repeats_t repeats;
} study_t;

static void
make_study(study_t *study)
{
    study->signal = malloc(N * V * sizeof(double));
    study->mean = calloc(N * V, sizeof(double));
    study->data = malloc(R * N * V * sizeof(double));
    assert_true(study->signal && study->data && study->mean);
    test_fill_normal(study->signal, N * V, 77);
    for (size_t i = 0; i < R; i++) {
        double *x = study->data + i * N * V;

        test_fill_normal(x, N * V, i + 1);
        for (size_t k = 0; k < N * V; k++) {
            if (k / N < V - 1) {
                x[k] = 3 * (study->signal[k] + noise[k / N] * x[k]);
            }
            study->mean[k] += x[k] / R;
        }
        study->views[i] = (ba_cdmat_t){x, N, V, N};
    }
    study->repeats = (ba_repeats_t){study->views, R};
}

static void
free_study(study_t *study)
{
    free(study->signal);
    free(study->data);
    free(study->mean);
}

/* The r that the noise-free signal itself reaches with the mean of the first n_averaged
 * repeats. */
static double
reached(const study_t *study, size_t j, size_t n_averaged)
{
    double *mean = calloc(N, sizeof *mean), r;

    assert_non_null(mean);
    for (size_t i = 0; i < n_averaged; i++) {
        for (size_t t = 0; t < N; t++) {
            mean[t] += study->views[i].data[t + j * N];
        }
    }
    ba_score_f64(BA_SCORE_R, study->signal + j * N, N, mean, N, N, 1, &r);
    free(mean);
    return r;
}

/* All ceilings estimate what the true signal reaches; sampling errors of some 1 / sqrt(N)
 * relative to the noise. */
static void
test_true_signal_reaches_the_ceiling(void **state)
{
    study_t study;

    (void) state;
    make_study(&study);
    for (int kind = BA_CEILING_EV; kind <= BA_CEILING_CCNORM; kind++) {
        for (size_t n = 1; n <= R; n += R - 1) {
            ba_ceiling_opts_t opts = {.kind = (ba_ceiling_kind_t) kind, .n_averaged = n};
            double r[V], r2[V];
            uint8_t reason[V];

            assert_int_equal(ba_ceiling(&study.repeats, &opts, r, reason), 0);
            opts.bounds = BA_BOUNDS_R2;
            assert_int_equal(ba_ceiling(&study.repeats, &opts, r2, NULL), 0);
            for (size_t j = 0; j < V - 1; j++) {
                double truth = 1 / (1 + noise[j] * noise[j] / (double) n);

                assert_close(r[j] * r[j], r2[j], 1e-14);
                assert_close(r2[j], truth, 0.04);
                assert_close(r[j], reached(&study, j, n), 0.05);
                assert_int_equal(reason[j], BA_CEILING_OK);
            }
            assert_true(isnan(r[V - 1]) || r[V - 1] < 0.2);
        }
    }
    free_study(&study);
}

/* The signal, scored with the mean of all repeats and normalised, comes to about 1; a
 * weaker model to its r with the signal. */
static void
test_normalised(void **state)
{
    ba_ceiling_opts_t opts = {
        .kind = BA_CEILING_CCNORM, .bounds = BA_BOUNDS_R, .n_averaged = R};
    double ceiling[V], r[V], norm[V], abs_r[V], cc_norm[V], spe[V];
    study_t study;

    (void) state;
    make_study(&study);
    assert_int_equal(ba_ceiling(&study.repeats, &opts, ceiling, NULL), 0);
    ba_score_f64(BA_SCORE_R, study.mean, N, study.signal, N, N, V, r);
    ba_ceiling_normalize(r, ceiling, V, 0.3, norm);
    assert_int_equal(ba_schoppe(&study.repeats, (ba_cdmat_t){study.signal, N, V, N},
                         &(ba_schoppe_t){abs_r, cc_norm, spe}, NULL),
        0);
    for (size_t j = 0; j < V - 1; j++) {
        assert_close(norm[j], 1, 0.03);
        assert_close(abs_r[j], r[j], 1e-13);
        assert_close(cc_norm[j], norm[j], 1e-12);
    }
    assert_true(isnan(norm[V - 1])); /* below the floor */
    /* 3 x signal would explain all of the signal power; the signal 1 - (2/3)^2 of it. */
    assert_close(spe[0], 5.0 / 9, 0.02);
    free_study(&study);
}

static void
test_ncsnr_is_the_ratio(void **state)
{
    double ratio[V];
    study_t study;

    (void) state;
    make_study(&study);
    assert_int_equal(ba_ncsnr(&study.repeats, ratio, NULL), 0);
    for (size_t j = 0; j < V - 1; j++) {
        assert_close(ratio[j] * noise[j], 1, 0.05 * (1 + noise[j] * noise[j]));
    }
    assert_close(ba_ncsnr_ceiling(0.5, 4), 0.5, 1e-15);
    assert_close(ba_ncsnr_ceiling((double) INFINITY, 4), 1, 0);
    assert_close(ba_ncsnr_ceiling(0, 4), 0, 0);
    free_study(&study);
}

/* Subjects with a signal in common: leave-one-out r is s / sqrt((s + e)(s + e/5)). */
static void
test_isc(void **state)
{
    ba_ceiling_opts_t opts = {
        .kind = BA_CEILING_ISC, .bounds = BA_BOUNDS_R, .n_averaged = 1};
    double r[V], r2[V];
    uint8_t reason[V];
    study_t study;

    (void) state;
    make_study(&study);
    assert_int_equal(ba_ceiling(&study.repeats, &opts, r, reason), 0);
    opts.bounds = BA_BOUNDS_R2;
    assert_int_equal(ba_ceiling(&study.repeats, &opts, r2, NULL), 0);
    for (size_t j = 0; j < V - 1; j++) {
        double e = noise[j] * noise[j];

        assert_close(r[j], 1 / sqrt((1 + e) * (1 + e / 5)), 0.03);
        assert_close(r2[j], r[j] * r[j], 1e-14);
    }
    opts.n_averaged = 2;
    assert_int_equal(ba_ceiling(&study.repeats, &opts, r, NULL), BA_UNSUPPORTED);
    free_study(&study);
}

/* A target without signal has no ceiling, and says why. */
static void
test_reasons(void **state)
{
    const double a[] = {1, 2, 3, 4, 1, 1, 1, 1, 1, 2, 3, 4},
                 b[] = {4, 3, 2, 1, 1, 2, 3, 4, 1, 2, (double) NAN, 4};
    ba_cdmat_t views[] = {{a, 4, 3, 4}, {b, 4, 3, 4}};
    ba_repeats_t repeats = {views, 2};
    double power[3], max[3], ev[3], ceiling[3], ratio[3];
    uint8_t reason[3];

    (void) state;
    assert_int_equal(ba_signal_power(&repeats, power, max, reason), 0);
    assert_true(power[0] < 0 && isnan(max[0]));
    assert_int_equal(reason[0], BA_CEILING_NO_SIGNAL);
    assert_int_equal(reason[1], BA_CEILING_CONSTANT);
    assert_int_equal(reason[2], BA_CEILING_NONFINITE);
    assert_true(isnan(power[1]) && isnan(power[2]));
    assert_int_equal(ba_explainable_variance(
                         &repeats, BA_REPEATS_ZSCORED, BA_EV_CORRECTED, ev, reason),
        0);
    assert_close(ev[0], -1, 1e-15); /* not clipped */
    assert_true(isnan(ev[1]) && isnan(ev[2]));
    assert_int_equal(ba_ncsnr(&repeats, ratio, reason), 0);
    assert_close(ratio[0], 0, 0);
    assert_true(isnan(ratio[1]) && isnan(ratio[2]));
    for (int kind = BA_CEILING_EV; kind <= BA_CEILING_ISC; kind++) {
        ba_ceiling_opts_t opts = {.kind = (ba_ceiling_kind_t) kind, .n_averaged = 1};

        assert_int_equal(ba_ceiling(&repeats, &opts, ceiling, reason), 0);
        assert_true(isnan(ceiling[0]) && isnan(ceiling[1]) && isnan(ceiling[2]));
        assert_int_equal(reason[0], BA_CEILING_NO_SIGNAL);
        assert_int_equal(reason[1], BA_CEILING_CONSTANT);
        assert_int_equal(reason[2], BA_CEILING_NONFINITE);
        opts.n_averaged = 0;
        assert_int_equal(ba_ceiling(&repeats, &opts, ceiling, reason), BA_VALUE);
    }
    assert_string_equal(
        ba_ceiling_reason_words(BA_CEILING_NO_SIGNAL), "no signal variance");
    assert_string_equal(ba_ceiling_reason_words((ba_ceiling_reason_t) 9), "unknown");
}

static void
test_predictions(void **state)
{
    const double a[] = {1, 2, 3, 5}, b[] = {1, 2, 4, 4}, flat[] = {7, 7, 7, 7};
    ba_cdmat_t views[] = {{a, 4, 1, 4}, {b, 4, 1, 4}};
    ba_repeats_t repeats = {views, 2};
    double cc_abs, cc_norm, spe;
    ba_schoppe_t scores = {&cc_abs, &cc_norm, &spe};
    uint8_t reason;

    (void) state;
    assert_int_equal(
        ba_schoppe(&repeats, (ba_cdmat_t){flat, 4, 1, 4}, &scores, &reason), 0);
    assert_int_equal(reason, BA_CEILING_CONSTANT);
    assert_true(isnan(cc_abs) && isnan(cc_norm));
    assert_close(spe, 0, 1e-15);
    assert_int_equal(
        ba_schoppe(&repeats, (ba_cdmat_t){flat, 3, 1, 4}, &scores, &reason), BA_SHAPE);
    assert_contains(ba_error_message(), "predictions of 3 samples x 1 targets");
    scores = (ba_schoppe_t){NULL, &cc_norm, NULL};
    assert_int_equal(ba_schoppe(&repeats, (ba_cdmat_t){a, 4, 1, 4}, &scores, NULL), 0);
    assert_true(cc_norm > 0.9);
}

static void
test_description(void **state)
{
    ba_ceiling_opts_t opts = {.kind = BA_CEILING_EV, .n_averaged = 1};
    char text[100];

    (void) state;
    ba_ceiling_describe(&opts, text, sizeof text);
    assert_string_equal(text, "explainable variance: bounds r of one repeat");
    opts = (ba_ceiling_opts_t){
        .kind = BA_CEILING_SPLIT_HALF, .bounds = BA_BOUNDS_R2, .n_averaged = 10};
    ba_ceiling_describe(&opts, text, sizeof text);
    assert_string_equal(text, "split half: bounds r2 of the mean of 10 repeats");
    opts = (ba_ceiling_opts_t){.kind = BA_CEILING_ISC, .n_averaged = 1};
    ba_ceiling_describe(&opts, text, sizeof text);
    assert_string_equal(
        text, "inter-subject correlation: bounds r of one subject from below");
}

static void
test_memory(void **state)
{
    const double a[] = {1, 2, 3, 5}, b[] = {1, 2, 4, 4};
    ba_cdmat_t views[] = {{a, 4, 1, 4}, {b, 4, 1, 4}};
    ba_repeats_t repeats = {views, 2};
    double ceiling;

    (void) state;
    for (int kind = BA_CEILING_EV; kind <= BA_CEILING_ISC; kind++) {
        ba_ceiling_opts_t opts = {.kind = (ba_ceiling_kind_t) kind, .n_averaged = 1};
        int status = BA_NOMEM;

        for (size_t n = 1; status != BA_OK; n++) {
            assert_true(n < 20);
            ba_alloc_fail_at(n);
            status = ba_ceiling(&repeats, &opts, &ceiling, NULL);
            assert_true(status == BA_OK || status == BA_NOMEM);
        }
        ba_alloc_fail_at(0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true_signal_reaches_the_ceiling),
        cmocka_unit_test(test_normalised),
        cmocka_unit_test(test_ncsnr_is_the_ratio),
        cmocka_unit_test(test_isc),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_predictions),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
