/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logits and scores by hand. */
#include "tests/probelib.h"

/* Rows: true 0 0 1 1 2 (and one without a class), said 0 1 1 1 0. */
static void
test_confusion(void **state)
{
    static const double logits[] = {2, 0, 0, 0, 1, 0, /**/ 0, 1, 1, 1, 0, 0, /**/ 0, 0, 0,
        0, 0, 9, /**/ -9, -9, -9, -9, -9, -9};
    static const uint32_t label[] = {0, 0, 1, 1, 2, UINT32_MAX};
    static const uint64_t wanted[] = {1, 1, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    ba_probe_score_t *score;

    (void) state;
    assert_int_equal(ba_probe_score(logits, 6, 4, label, &score), BA_OK);
    assert_memory_equal(score->confusion, wanted, sizeof wanted);
    assert_int_equal(score->n_rows, 5);
    assert_int_equal(score->n_correct, 3);
    assert_int_equal(score->n_undefined, 1);
    assert_close(score->accuracy, 0.6, 1e-15);
    assert_close(score->f1[0], 0.5, 1e-15);
    assert_close(score->f1[1], 0.8, 1e-15);
    assert_close(score->f1[2], 0, 1e-15);
    assert_true(isnan(score->f1[3]) && isnan(score->precision[2]));
    assert_close(score->f1_macro, 1.3 / 3, 1e-15);
    assert_close(score->f1_weighted, (2 * 0.5 + 2 * 0.8) / 5, 1e-15);
    assert_close(score->balanced_accuracy, 0.5, 1e-15);
    ba_probe_score_free(score);
    assert_int_equal(ba_probe_score(logits, 1, 4, label + 5, &score), BA_SHAPE);
}

static void
test_binary(void **state)
{
    static const double logits[] = {1, -1, 1, -1, /**/ -1, -1, -1, -1};
    static const double target[] = {1, 1, 0, 0, /**/ 0, 0, 0, 0};
    static const uint64_t wanted[] = {1, 1, 1, 1, 4, 0, 0, 0};
    ba_probe_score_t *score;

    (void) state;
    assert_int_equal(
        ba_probe_score_binary(logits, 4, 2, target, BA_PROBE_ONE_VS_REST, &score), BA_OK);
    assert_memory_equal(score->confusion, wanted, sizeof wanted);
    assert_close(score->accuracy, 0.75, 1e-15);
    assert_close(score->f1[0], 0.5, 1e-15);
    assert_int_equal(score->n_undefined, 1);
    assert_close(score->f1_macro, 0.5, 1e-15);
    assert_close(score->f1_micro, 0.5, 1e-15);
    assert_close(score->balanced_accuracy, 0.5, 1e-15);
    ba_probe_score_free(score);
}

/* All, some at 0, some at their mean, against sums by hand. */
static void
test_logits(void **state)
{
    probe_study_t study = probe_study(7, 3, 2, 1);
    ba_probe_data_t data = probe_study_data(&study);
    double weights[] = {1, 0, -2, 0.5, 3, 0}, bias[] = {0.1, -0.1};
    double center[] = {0.2, 0, 1}, scale[] = {2, 1, 0.5}, mean[] = {0.7, -0.3, 0.4};
    ba_probe_t probe = {.n_neurons = 3,
        .n_classes = 2,
        .weights = weights,
        .bias = bias,
        .center = center,
        .scale = scale};
    static const unsigned char kept[] = {1, 0, 0};
    double logits[14];

    (void) state;
    for (int rest = 0; rest < 3; rest++) {
        assert_int_equal(ba_probe_logits(NULL, &probe, &data, rest < 2 ? kept : NULL,
                             rest == 1 ? BA_REST_MEAN : BA_REST_ZERO, mean, logits),
            BA_OK);
        for (size_t k = 0; k < 14; k++) {
            double wanted = bias[k / 7];

            for (size_t j = 0; j < 3; j++) {
                double x = (double) study.x[k % 7 + j * 7];

                x = rest == 2 || j == 0 ? (x - center[j]) / scale[j]
                    : rest == 1         ? (mean[j] - center[j]) / scale[j]
                                        : 0;
                wanted += x * weights[j + k / 7 * 3];
            }
            assert_close(logits[k], wanted, 1e-13);
        }
    }
    data.n_neurons = 2;
    assert_int_equal(
        ba_probe_logits(NULL, &probe, &data, NULL, BA_REST_ZERO, NULL, logits), BA_SHAPE);
    probe_study_free(&study);
}

/* Means and deviations; a constant neuron is only centred. */
static void
test_scale(void **state)
{
    probe_study_t study = probe_study(50, 3, 2, 2);
    ba_probe_data_t data = probe_study_data(&study);
    double center[3], scale[3];
    size_t n_constant;

    (void) state;
    for (size_t i = 0; i < 50; i++) {
        study.x[i + 50] = 3.25f;
    }
    assert_int_equal(ba_probe_scale(NULL, &data, center, scale, &n_constant), BA_OK);
    assert_int_equal(n_constant, 1);
    assert_close(center[1], 3.25, 0);
    assert_close(scale[1], 1, 0);
    for (size_t j = 0; j < 3; j += 2) {
        double sum = 0, squares = 0;

        for (size_t i = 0; i < 50; i++) {
            sum += (double) study.x[i + j * 50] / 50;
        }
        for (size_t i = 0; i < 50; i++) {
            squares += pow((double) study.x[i + j * 50] - sum, 2) / 50;
        }
        assert_close(center[j], sum, 1e-14);
        assert_close(scale[j], sqrt(squares), 1e-14);
    }
    study.x[120] = (float) INFINITY;
    assert_int_equal(
        ba_probe_scale(NULL, &data, center, scale, &n_constant), BA_NONFINITE);
    probe_study_free(&study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_confusion),
        cmocka_unit_test(test_binary), cmocka_unit_test(test_logits),
        cmocka_unit_test(test_scale)};

    return cmocka_run_group_tests_name("probe score", tests, NULL, NULL);
}
