/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/check.h"
#include "core/alloc.h"

enum { N = 60, N_FEATURES = 5, N_TARGETS = 7, N_RUNS = 4, N_TEST = 12 };

/* A data set over memory, column-major, that tests spoil as they like. */
typedef struct {
    double x[N * N_FEATURES], y[N * N_TARGETS];
    double test_x[N_TEST * N_FEATURES], test_y[N_TEST * N_TARGETS];
    ba_dataset_t dataset;
    ba_source_t *features[1], *test_features[1];
    char *space_names[1];
    char name[4];
} study_t;

static void
open_study(study_t *study, int with_test)
{
    const size_t onsets[N_RUNS] = {0, 15, 30, 45};
    ba_dataset_part_t *train = &study->dataset.train, *test = &study->dataset.test;

    assert_int_equal(
        ba_source_from_memory(study->x, N, N_FEATURES, N, "x.npy", &study->features[0]),
        BA_OK);
    assert_int_equal(
        ba_source_from_memory(study->y, N, N_TARGETS, N, "y.npy", &train->responses),
        BA_OK);
    assert_int_equal(ba_runs_from_onsets(onsets, N_RUNS, N, &train->runs), BA_OK);
    train->features = study->features;
    train->n_samples = N;
    train->n_repeats = 1;
    if (with_test) {
        assert_int_equal(ba_source_from_memory(study->test_x, N_TEST, N_FEATURES, N_TEST,
                             "tx.npy", &study->test_features[0]),
            BA_OK);
        assert_int_equal(ba_source_from_memory(study->test_y, N_TEST, N_TARGETS, N_TEST,
                             "ty.npy", &test->responses),
            BA_OK);
        assert_int_equal(ba_runs_one(N_TEST, &test->runs), BA_OK);
        test->features = study->test_features;
        test->n_samples = N_TEST;
        test->n_repeats = 1;
    }
}

/* White noise everywhere: nothing to find but notes. */
static study_t *
new_study(void)
{
    study_t *study = calloc(1, sizeof *study);

    assert_non_null(study);
    test_fill_normal(study->x, N * N_FEATURES, 1);
    test_fill_normal(study->y, N * N_TARGETS, 2);
    test_fill_normal(study->test_x, N_TEST * N_FEATURES, 3);
    test_fill_normal(study->test_y, N_TEST * N_TARGETS, 4);
    strcpy(study->name, "sem");
    study->space_names[0] = study->name;
    study->dataset.n_spaces = 1;
    study->dataset.space_names = study->space_names;
    return study;
}

static void
free_study(study_t *study)
{
    ba_source_close(study->features[0]);
    ba_source_close(study->test_features[0]);
    ba_source_close(study->dataset.train.responses);
    ba_source_close(study->dataset.test.responses);
    ba_runs_free(&study->dataset.train.runs);
    ba_runs_free(&study->dataset.test.runs);
    free(study);
}

static const ba_finding_t *
find(const ba_check_report_t *report, const char *code)
{
    for (size_t i = 0; i < report->n_findings; i++) {
        if (strcmp(report->findings[i].code, code) == 0) {
            return &report->findings[i];
        }
    }
    return NULL;
}

/* Checks the study, which it frees, and expects one finding with this code beside the
 * lengths of the runs; none where code is NULL. */
static void
expect(study_t *study, const ba_check_opts_t *opts, ba_severity_t severity,
    const char *code, size_t count, const char *words)
{
    int with_test = study->dataset.test.n_samples > 0;
    ba_check_report_t report;
    const ba_finding_t *finding;

    assert_int_equal(ba_check_dataset(NULL, &study->dataset, opts, &report), BA_OK);
    assert_non_null(find(&report, "run-lengths"));
    assert_int_equal(report.n_findings, 1 + (size_t) with_test + (code != NULL));
    if (code) {
        finding = find(&report, code);
        assert_non_null(finding);
        assert_int_equal(finding->severity, severity);
        assert_int_equal(finding->count, count);
        assert_contains(finding->text, words);
    }
    assert_int_equal(report.n_errors, code && severity == BA_FINDING_ERROR);
    assert_int_equal(report.n_warnings, code && severity == BA_FINDING_WARNING);
    ba_check_report_free(&report);
    free_study(study);
}

static void
test_nothing_wrong(void **state)
{
    const int delays[2] = {0, 14};
    const ba_check_opts_t opts = {.delays = delays, .n_delays = 2};
    study_t *study = new_study();
    ba_check_report_t report;

    (void) state;
    open_study(study, 0);
    assert_int_equal(ba_check_dataset(NULL, &study->dataset, &opts, &report), BA_OK);
    assert_string_equal(report.findings[0].text, "4 training runs of 15 samples");
    assert_int_equal(report.findings[0].count, 4);
    ba_check_report_free(&report);
    expect(study, &opts, BA_FINDING_NOTE, NULL, 0, NULL);
    study = new_study();
    open_study(study, 1);
    expect(study, NULL, BA_FINDING_NOTE, NULL, 0, NULL);
}

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

static void
test_what_would_stop_a_fit(void **state)
{
    const int delays[2] = {1, -15};
    ba_check_opts_t opts = {.delays = delays, .n_delays = 2};
    study_t *study = new_study();

    (void) state;
    open_study(study, 0);
    expect(study, &opts, BA_FINDING_ERROR, "delays-beyond-run", 4, "a delay of 15");
    opts = (ba_check_opts_t){.outer_cv = {.kind = BA_CV_KFOLD, .n_folds = N + 1}};
    study = new_study();
    open_study(study, 0);
    expect(study, &opts, BA_FINDING_ERROR, "no-folds", 1, "61");
    opts = (ba_check_opts_t){.trim_first = 10, .trim_last = 5};
    study = new_study();
    open_study(study, 0);
    expect(study, &opts, BA_FINDING_ERROR, "trim-beyond-run", 1, "15");
}

static void
test_more_features_than_samples(void **state)
{
    const int delays[13] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const ba_check_opts_t opts = {.delays = delays, .n_delays = 13};
    study_t *study = new_study();

    (void) state;
    open_study(study, 0);
    expect(study, &opts, BA_FINDING_NOTE, "more-features-than-samples", 65,
        "65 feature columns with their delays, more than the 60 samples");
}

/* A small budget reads in many blocks and tiles, and finds the same. */
static void
test_memory_budget(void **state)
{
    enum { WIDE = 3000, LONG = 1500 };
    double *x = malloc(sizeof *x * LONG * WIDE);
    ba_ctx_t ctx = ba_ctx_default();
    ba_check_report_t reports[2];
    ba_dataset_t dataset = {.n_spaces = 1};
    ba_source_t *source, *responses;
    char name[] = "wide", *names[1] = {name};

    (void) state;
    assert_non_null(x);
    test_fill_normal(x, (size_t) LONG * WIDE, 6);
    for (size_t t = 0; t < LONG; t++) {
        x[t + (size_t) 2500 * LONG] = 3;
    }
    x[1400 + (size_t) 2000 * LONG] = nan("");
    assert_int_equal(ba_source_from_memory(x, LONG, WIDE, LONG, "wide", &source), BA_OK);
    assert_int_equal(
        ba_source_from_memory(x, LONG, WIDE, LONG, "wide", &responses), BA_OK);
    dataset.space_names = names;
    dataset.train = (ba_dataset_part_t){
        .features = &source, .responses = responses, .n_samples = LONG, .n_repeats = 1};
    assert_int_equal(ba_runs_one(LONG, &dataset.train.runs), BA_OK);
    for (size_t i = 0; i < 2; i++) {
        ctx.memory = i == 0 ? 1 : (size_t) 8 << 30;
        assert_int_equal(ba_check_dataset(&ctx, &dataset, NULL, &reports[i]), BA_OK);
    }
    assert_int_equal(reports[0].n_findings, 6);
    assert_int_equal(reports[1].n_findings, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(reports[0].findings[i].text, reports[1].findings[i].text);
    }
    assert_contains(
        find(&reports[0], "nonfinite-features")->text, "row 1400, column 2000");
    assert_contains(find(&reports[0], "constant-responses")->text, "first target 2500");
    ba_check_report_free(&reports[0]);
    ba_check_report_free(&reports[1]);
    ba_source_close(source);
    ba_source_close(responses);
    ba_runs_free(&dataset.train.runs);
    free(x);
}

static void
test_no_memory(void **state)
{
    study_t *study = new_study();
    ba_check_report_t report;
    int status = BA_NOMEM;

    (void) state;
    study->y[0] = nan("");
    open_study(study, 0);
    for (size_t n = 1; status != BA_OK && n < 200; n++) {
        ba_alloc_fail_at(n);
        status = ba_check_dataset(NULL, &study->dataset, NULL, &report);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
    }
    assert_int_equal(status, BA_OK);
    assert_int_equal(report.n_warnings, 1);
    ba_check_report_free(&report);
    free_study(study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_wrong),
        cmocka_unit_test(test_nonfinite_features),
        cmocka_unit_test(test_constant_features),
        cmocka_unit_test(test_constant_in_fold),
        cmocka_unit_test(test_constant_in_fold_by_definition),
        cmocka_unit_test(test_duplicate_rows),
        cmocka_unit_test(test_duplicate_in_test_set),
        cmocka_unit_test(test_trimmed_rows_do_not_count),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_delays_of_zero),
        cmocka_unit_test(test_levels_of_runs),
        cmocka_unit_test(test_what_would_stop_a_fit),
        cmocka_unit_test(test_more_features_than_samples),
        cmocka_unit_test(test_memory_budget),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
