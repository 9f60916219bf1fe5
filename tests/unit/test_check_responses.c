/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/checklib.h"

static void
test_responses(void **state)
{
    study_t *study = new_study();

    (void) state;
    study->y[11 + 3 * N] = nan("");
    study->y[12 + 3 * N] = HUGE_VAL;
    study->y[5 + 6 * N] = nan("");
    open_study(study, 0);
    expect(study, NULL, BA_FINDING_WARNING, "nonfinite-responses", 2,
        "2 of 7 targets of the training set hold 3 values that are not finite, first in "
        "row 11 of target 3");
    study = new_study();
    for (size_t t = 0; t < N; t++) {
        study->y[t + 1 * N] = 0;
        study->y[t + 4 * N] = 1e5;
    }
    study->y[0 + 4 * N] = nextafter(1e5, 2e5);
    open_study(study, 0);
    expect(study, NULL, BA_FINDING_WARNING, "constant-responses", 2, "first target 1");
    study = new_study();
    study->test_y[3 + 2 * N_TEST] = nan("");
    open_study(study, 1);
    expect(study, NULL, BA_FINDING_WARNING, "nonfinite-responses", 1,
        "ty.npy: 1 of 7 targets of the test set");
}

static void
smooth(double *y)
{
    for (size_t j = 0; j < N_TARGETS; j++) {
        for (size_t t = 1; t < N; t++) {
            y[t + j * N] = 0.8 * y[t - 1 + j * N] + 0.6 * y[t + j * N];
        }
    }
}

static void
test_delays_of_zero(void **state)
{
    const int zero[1] = {0}, later[2] = {0, 3};
    const ba_check_opts_t suspicious = {.delays = zero, .n_delays = 1};
    const ba_check_opts_t fine = {.delays = later, .n_delays = 2};
    study_t *study = new_study();

    (void) state;
    smooth(study->y);
    open_study(study, 0);
    expect(study, &suspicious, BA_FINDING_WARNING, "delays-zero", N_TARGETS,
        "look like a time series");
    study = new_study();
    smooth(study->y);
    open_study(study, 0);
    expect(study, &fine, BA_FINDING_NOTE, NULL, 0, NULL);
    study = new_study();
    smooth(study->y);
    open_study(study, 0);
    expect(study, NULL, BA_FINDING_NOTE, NULL, 0, NULL);
    study = new_study();
    open_study(study, 0);
    expect(study, &suspicious, BA_FINDING_NOTE, NULL, 0, NULL);
}

/* Jumps between runs are no autocorrelation. */
static void
test_levels_of_runs(void **state)
{
    const int zero[1] = {0};
    const ba_check_opts_t opts = {.delays = zero, .n_delays = 1};
    study_t *study = new_study();

    (void) state;
    for (size_t i = 0; i < N * N_TARGETS; i++) {
        study->y[i] += 100 * (double) (i % N / 15);
    }
    open_study(study, 0);
    expect(study, &opts, BA_FINDING_NOTE, NULL, 0, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_delays_of_zero),
        cmocka_unit_test(test_levels_of_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
