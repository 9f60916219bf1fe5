/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/checklib.h"

static void
test_nonfinite_features(void **state)
{
    study_t *study = new_study();

    (void) state;
    study->x[7 + 3 * N] = nan("");
    study->x[9 + 1 * N] = HUGE_VAL;
    open_study(study, 0);
    expect(study, NULL, BA_FINDING_ERROR, "nonfinite-features", 2,
        "first nan in row 7, column 3");
}

static void
test_constant_features(void **state)
{
    study_t *study = new_study();

    (void) state;
    for (size_t t = 0; t < N; t++) {
        study->x[t + 2 * N] = 1e6 + 1e-6 * (double) (t % 2);
    }
    open_study(study, 0);
    expect(study, NULL, BA_FINDING_WARNING, "constant-features", 1, "first column 2");
}

/* A column that varies in one run only is constant where that run is held out; varying in
 * two runs it never is. */
static void
test_constant_in_fold(void **state)
{
    (void) state;
    for (int n_varying = 1; n_varying <= 2; n_varying++) {
        for (size_t run = 0; run < N_RUNS; run++) {
            study_t *study = new_study();

            for (size_t t = 0; t < N; t++) {
                size_t of = t / 15;

                if (of != run && (n_varying == 1 || of != (run + 1) % N_RUNS)) {
                    study->x[t + 4 * N] = 0.1;
                }
            }
            open_study(study, 0);
            if (n_varying == 1) {
                expect(study, NULL, BA_FINDING_WARNING, "constant-features-in-fold", 1,
                    "first column 4");
            } else {
                expect(study, NULL, BA_FINDING_NOTE, NULL, 0, NULL);
            }
        }
    }
}

/* Fills a column: in each fold one value or several, from few, so that folds agree often.
 */
static void
fill_column(double *x, const int32_t *ids, uint64_t *seed)
{
    double value[5];
    int varies[5];

    for (size_t k = 0; k < 5; k++) {
        value[k] = (double) (test_below(seed, 8) / 7);
        varies[k] = test_below(seed, 3) == 0;
    }
    for (size_t t = 0; t < N; t++) {
        size_t k = (size_t) (ids[t] + 1);

        x[t] = varies[k] ? (double) test_below(seed, 3) - 1 : value[k];
    }
}

/* Whether all samples but those of fold k have one value; k = -2 leaves none out. */
static int
is_constant_without(const double *x, const int32_t *ids, int32_t k)
{
    double low = HUGE_VAL, high = -HUGE_VAL;

    for (size_t t = 0; t < N; t++) {
        if (ids[t] != k) {
            low = fmin(low, x[t]);
            high = fmax(high, x[t]);
        }
    }
    return low == high;
}

/* Against the definition, with folds in one piece or dealt out, some samples never held
 * out. */
static void
test_constant_in_fold_by_definition(void **state)
{
    uint64_t seed = 5;
    size_t n_cases[N_FEATURES + 1] = {0};

    (void) state;
    for (size_t round = 0; round < 600; round++) {
        study_t *study = new_study();
        int32_t ids[N], n_folds = 2 + (int32_t) (round % 3), first = -(round % 4 == 3);
        ba_check_opts_t opts = {.outer_cv = {.kind = BA_CV_ROWS, .ids = ids}};
        ba_check_report_t report;
        const ba_finding_t *finding;
        size_t wanted = 0;

        for (size_t t = 0; t < N; t++) {
            size_t n = (size_t) (n_folds - first);

            ids[t] = first + (int32_t) (round % 2 ? t % n : t * n / N);
        }
        for (size_t j = 0; j < N_FEATURES; j++) {
            double *x = study->x + j * N;
            int somewhere = 0;

            fill_column(x, ids, &seed);
            for (int32_t k = 0; k < n_folds; k++) {
                somewhere |= is_constant_without(x, ids, k);
            }
            wanted += somewhere && !is_constant_without(x, ids, -2);
        }
        open_study(study, 0);
        assert_int_equal(ba_check_dataset(NULL, &study->dataset, &opts, &report), BA_OK);
        finding = find(&report, "constant-features-in-fold");
        assert_int_equal(finding ? finding->count : 0, wanted);
        n_cases[wanted]++;
        ba_check_report_free(&report);
        free_study(study);
    }
    assert_true(n_cases[0] > 20 && n_cases[1] > 20 && n_cases[2] > 20);
}

static void
copy_row(double *to, size_t n_to, size_t row_to, const double *from, size_t n_from,
    size_t row_from)
{
    for (size_t j = 0; j < N_FEATURES; j++) {
        to[row_to + j * n_to] = from[row_from + j * n_from];
    }
}

static void
test_duplicate_rows(void **state)
{
    study_t *study = new_study();

    (void) state;
    copy_row(study->x, N, 3, study->x, N, 2); /* within one fold: fine */
    study->x[20 + 2 * N] = 0;
    copy_row(study->x, N, 40, study->x, N, 20);
    copy_row(study->x, N, 50, study->x, N, 20);
    study->x[50 + 2 * N] = -0.0; /* the same number */
    for (size_t j = 0; j < N_FEATURES; j++) {
        study->x[10 + j * N] = 0; /* silence is no duplicate */
        study->x[25 + j * N] = -0.0;
        study->x[44 + j * N] = 7;
        study->x[55 + j * N] = 7;
    }
    open_study(study, 0);
    expect(study, NULL, BA_FINDING_WARNING, "duplicate-rows", 3,
        "3 feature rows occur in more than one outer fold, first rows 20 and 40");
}

static void
test_duplicate_in_test_set(void **state)
{
    study_t *study = new_study();

    (void) state;
    copy_row(study->x, N, 40, study->x, N, 20); /* no outer folds, so fine */
    copy_row(study->test_x, N_TEST, 5, study->x, N, 33);
    open_study(study, 1);
    expect(study, NULL, BA_FINDING_WARNING, "duplicate-rows", 2,
        "training row 33 and test row 5");
}

static void
test_trimmed_rows_do_not_count(void **state)
{
    const ba_check_opts_t opts = {.trim_first = 2, .trim_last = 1};
    study_t *study = new_study();

    (void) state;
    copy_row(study->x, N, 46, study->x, N, 20);
    copy_row(study->x, N, 59, study->x, N, 20);
    for (size_t t = 0; t < N; t++) {
        size_t at = t % 15;

        if (at >= 2 && at < 14) {
            study->x[t] = 0.5;
        }
    }
    open_study(study, 0);
    expect(study, &opts, BA_FINDING_WARNING, "constant-features", 1, "first column 0");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nonfinite_features),
        cmocka_unit_test(test_constant_features),
        cmocka_unit_test(test_constant_in_fold),
        cmocka_unit_test(test_constant_in_fold_by_definition),
        cmocka_unit_test(test_duplicate_rows),
        cmocka_unit_test(test_duplicate_in_test_set),
        cmocka_unit_test(test_trimmed_rows_do_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
