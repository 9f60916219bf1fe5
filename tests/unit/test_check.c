/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/checklib.h"

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
        cmocka_unit_test(test_what_would_stop_a_fit),
        cmocka_unit_test(test_more_features_than_samples),
        cmocka_unit_test(test_memory_budget),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
