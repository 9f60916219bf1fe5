/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fits against their own definition: no direction falls, certificates hold. */
#include "tests/probelib.h"

#include "core/alloc.h"

static const ba_probe_kind_t kinds[] = {
    BA_PROBE_SOFTMAX, BA_PROBE_ONE_VS_REST, BA_PROBE_REGRESSION};
static const double penalties[][2] = {
    {0.05, 0.05}, {0.05, 0}, {0, 0.1}, {0.01, 0.2}, {0.15, 0.1}};

static ba_probe_t *
fit(const probe_study_t *study, const ba_probe_opts_t *opts)
{
    ba_probe_data_t data = probe_study_data(study);
    ba_probe_t *probe;

    if (ba_probe_fit(NULL, &data, opts, NULL, &probe) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return probe;
}

/* Steps of two lengths in random directions, sparse and dense, and along every axis. */
static void
check_minimum(const probe_study_t *study, const ba_probe_opts_t *opts,
    const ba_probe_t *probe, double slack)
{
    size_t p = study->p, all = (p + 1) * study->n_classes;
    double least = probe_objective(study, opts, probe->weights, probe->bias);
    double w[128], *b = w + p * study->n_classes;
    uint64_t seed = 5;

    assert_close(probe->objective, least, 1e-12);
    for (size_t trial = 0; trial < 2 * all + 100; trial++) {
        double length = trial % 4 < 2 ? 1e-2 : 1e-5;

        memcpy(w, probe->weights, p * study->n_classes * sizeof *w);
        memcpy(b, probe->bias, study->n_classes * sizeof *w);
        for (size_t k = 0; k < all; k++) {
            if (trial < 2 * all ? k == trial / 2 : test_random(&seed) % 2) {
                w[k] += length *
                        (trial < 2 * all ? (trial % 2 ? 1 : -1) : test_normal(&seed));
            }
        }
        assert_true(probe_objective(study, opts, w, b) >= least - slack);
    }
}

static void
test_optimum(void **state)
{
    probe_study_t study = probe_study(60, 6, 3, 1);

    (void) state;
    for (size_t kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < 10; i++) {
            ba_probe_opts_t opts = ba_probe_opts_default();
            ba_probe_t *probe;

            opts.kind = kinds[kind];
            opts.penalty = i < 5 ? BA_PENALTY_NEUROX : BA_PENALTY_SQUARED;
            opts.l1 = penalties[i % 5][0];
            opts.l2 = penalties[i % 5][1];
            opts.gap = 1e-11;
            probe = fit(&study, &opts);
            assert_true(probe->is_converged);
            assert_true(probe->gap <= 1e-11 * probe->objective);
            check_minimum(&study, &opts, probe, 1e-13);
            ba_probe_free(probe);
        }
    }
    probe_study_free(&study);
}

/* A loose fit is above the least objective by no more than its gap says. */
static void
test_gap_is_a_bound(void **state)
{
    probe_study_t study = probe_study(80, 8, 3, 2);

    (void) state;
    for (size_t kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < 10; i++) {
            ba_probe_opts_t opts = ba_probe_opts_default();
            ba_probe_t *loose, *tight;

            opts.kind = kinds[kind];
            opts.penalty = i < 5 ? BA_PENALTY_NEUROX : BA_PENALTY_SQUARED;
            opts.l1 = penalties[i % 5][0] / 5;
            opts.l2 = penalties[i % 5][1] / 5;
            opts.max_iterations = 1 + i % 3;
            opts.gap = 1e-11;
            loose = fit(&study, &opts);
            opts.max_iterations = 500;
            tight = fit(&study, &opts);
            assert_true(loose->objective - tight->objective <= loose->gap + 1e-14);
            assert_true(tight->objective <= loose->objective + 1e-12);
            ba_probe_free(loose);
            ba_probe_free(tight);
        }
    }
    probe_study_free(&study);
}

/* Above the least l1 without neurons there are none, below there are. */
static void
test_l1_max(void **state)
{
    probe_study_t study = probe_study(60, 6, 3, 3);
    ba_probe_data_t data = probe_study_data(&study);
    ba_probe_opts_t opts = ba_probe_opts_default();
    double l1_max;
    ba_probe_t *probe;

    (void) state;
    assert_int_equal(ba_probe_l1_max(NULL, &data, BA_PROBE_SOFTMAX, &l1_max), BA_OK);
    opts.l2 = 0;
    opts.l1 = l1_max * 1.0001;
    probe = fit(&study, &opts);
    assert_int_equal(probe->n_nonzero, 0);
    ba_probe_free(probe);
    opts.l1 = l1_max * 0.99;
    probe = fit(&study, &opts);
    assert_true(probe->n_nonzero > 0);
    ba_probe_free(probe);
    probe_study_free(&study);
}

/* The norm alone can hold all weights at 0. */
static void
test_zero_group(void **state)
{
    probe_study_t study = probe_study(60, 6, 3, 4);
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_t *probe;

    (void) state;
    opts.l1 = 0;
    opts.l2 = 5;
    probe = fit(&study, &opts);
    assert_int_equal(probe->n_nonzero, 0);
    assert_true(probe->gap <= 1e-6 * probe->objective);
    check_minimum(&study, &opts, probe, 1e-13);
    ba_probe_free(probe);
    probe_study_free(&study);
}

/* Without penalties: a probe that has a minimum, held by the distance alone. */
static void
test_no_penalty(void **state)
{
    probe_study_t study = probe_study(300, 4, 3, 5);
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_t *probe;

    (void) state;
    opts.l1 = opts.l2 = 0;
    probe = fit(&study, &opts);
    assert_true(probe->is_converged && isinf(probe->gap) && probe->kkt <= 1e-6);
    check_minimum(&study, &opts, probe, 1e-10);
    ba_probe_free(probe);
    probe_study_free(&study);
}

/* Weights of rows count like repeated rows; a start changes nothing but the way. */
static void
test_weights_and_start(void **state)
{
    probe_study_t study = probe_study(50, 5, 3, 6), twice = probe_study(60, 5, 3, 6);
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_data_t data = probe_study_data(&study);
    double weight[50];
    ba_probe_t *weighted, *repeated, *again;

    (void) state;
    for (size_t i = 0; i < 60; i++) {
        size_t from = i < 50 ? i : i - 50;

        weight[from] = i < 50 ? 1 : 2;
        twice.label[i] = study.label[from];
        for (size_t j = 0; j < 5; j++) {
            twice.x[i + j * 60] = study.x[from + j * 50];
        }
    }
    opts.gap = 1e-12;
    opts.kkt = 1e-10;
    data.row_weight = weight;
    assert_int_equal(ba_probe_fit(NULL, &data, &opts, NULL, &weighted), BA_OK);
    repeated = fit(&twice, &opts);
    assert_all_close(weighted->weights, repeated->weights, 15, 1e-8);
    assert_int_equal(ba_probe_fit(NULL, &data, &opts, weighted, &again), BA_OK);
    assert_all_close(weighted->weights, again->weights, 15, 1e-9);
    assert_true(again->n_iterations <= 1);
    ba_probe_free(weighted);
    ba_probe_free(repeated);
    ba_probe_free(again);
    probe_study_free(&study);
    probe_study_free(&twice);
}

static void
refuse(
    const ba_probe_data_t *data, const ba_probe_opts_t *opts, int code, const char *words)
{
    ba_probe_t *probe = (ba_probe_t *) 1;

    assert_int_equal(ba_probe_fit(NULL, data, opts, NULL, &probe), code);
    assert_contains(ba_error_message(), words);
    assert_null(probe);
}

static void
test_errors(void **state)
{
    probe_study_t study = probe_study(20, 3, 3, 7);
    ba_probe_data_t data = probe_study_data(&study);
    ba_probe_opts_t opts = ba_probe_opts_default();
    size_t columns[2] = {0, 3};

    (void) state;
    opts.l1 = -1;
    refuse(&data, &opts, BA_VALUE, "wanted 0 or more");
    opts.l1 = 0.1;
    opts.gap = 0;
    refuse(&data, &opts, BA_VALUE, "tolerances");
    opts.gap = 1e-6;
    data.n_classes = 1;
    refuse(&data, &opts, BA_SHAPE, "wanted at least 2");
    data.n_classes = 4;
    refuse(&data, &opts, BA_SHAPE, "class 3 holds none");
    data.n_classes = 3;
    data.columns = columns;
    data.n_neurons = 2;
    refuse(&data, &opts, BA_VALUE, "neuron 3 of 3");
    data.columns = NULL;
    study.label[4] = 9;
    refuse(&data, &opts, BA_SHAPE, "row 4 has no class");
    study.label[4] = 0;
    study.x[25] = (float) NAN;
    refuse(&data, &opts, BA_NONFINITE, "neuron 1");
    probe_study_free(&study);
}

static void
test_failing_allocations(void **state)
{
    probe_study_t study = probe_study(40, 4, 3, 8);
    ba_probe_data_t data = probe_study_data(&study);
    ba_probe_opts_t opts = ba_probe_opts_default();
    int status = BA_NOMEM;
    size_t n = 0;

    (void) state;
    opts.l1 = opts.l2 = 0.02;
    while (status == BA_NOMEM) {
        ba_probe_t *probe = NULL;

        ba_alloc_fail_at(++n);
        status = ba_probe_fit(NULL, &data, &opts, NULL, &probe);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || (status == BA_NOMEM && !probe));
        ba_probe_free(probe);
    }
    assert_true(n > 30);
    probe_study_free(&study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optimum),
        cmocka_unit_test(test_gap_is_a_bound),
        cmocka_unit_test(test_l1_max),
        cmocka_unit_test(test_zero_group),
        cmocka_unit_test(test_no_penalty),
        cmocka_unit_test(test_weights_and_start),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_failing_allocations),
    };

    return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
