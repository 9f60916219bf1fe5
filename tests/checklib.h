/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data sets over memory for the tests of checks. Include it before anything else. */
#ifndef BA_CHECKLIB_H
#define BA_CHECKLIB_H

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

static inline void
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
static inline study_t *
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

static inline void
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

static inline const ba_finding_t *
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
static inline void
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

#endif
