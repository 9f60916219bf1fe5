/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Splits of several subjects: what is left for training, counted sample by sample. */
#include "tests/testlib.h"

#include "brainalign/cv.h"

/* Subject 0 met runs a, b, c of 6, 5 and 4 samples, subject 1 c and a, subject 2 b, a, c. */
enum { N = 6 + 5 + 4 + 4 + 6 + 5 + 6 + 4, RECORDINGS = 8, MOMENTS = 15 };

static const size_t subject_of[RECORDINGS] = {0, 0, 0, 1, 1, 2, 2, 2};
static const size_t stimulus_of[RECORDINGS] = {0, 1, 2, 2, 0, 1, 0, 2};
static const size_t length_of[] = {6, 5, 4}, onset_of[] = {0, 6, 11};

typedef struct {
    ba_runs_t runs, stimuli;
    int32_t subject[N];
    size_t moment[N], stimulus[N];
    size_t rows[N], n_rows;
    ba_cv_groups_t groups;
} study_t;

/* Without the last `trim` samples of every run. */
static void
start(study_t *study, size_t trim)
{
    size_t onsets[RECORDINGS], t = 0;

    study->n_rows = 0;
    for (size_t r = 0; r < RECORDINGS; r++) {
        size_t length = length_of[stimulus_of[r]];

        onsets[r] = t;
        for (size_t i = 0; i < length; i++, t++) {
            study->subject[t] = (int32_t) subject_of[r];
            study->stimulus[t] = stimulus_of[r];
            study->moment[t] = onset_of[stimulus_of[r]] + i;
            if (i + trim < length) {
                study->rows[study->n_rows++] = t;
            }
        }
    }
    assert_int_equal(t, N);
    assert_int_equal(ba_runs_from_onsets(onsets, RECORDINGS, N, &study->runs), BA_OK);
    assert_int_equal(ba_runs_from_onsets(onset_of, 3, MOMENTS, &study->stimuli), BA_OK);
    study->groups = (ba_cv_groups_t){study->subject, study->moment, &study->stimuli};
}

static void
finish(study_t *study)
{
    ba_runs_free(&study->runs);
    ba_runs_free(&study->stimuli);
}

/* Whether two samples may stand on the two sides of a split. */
static int
may_part(const study_t *study, ba_cv_kind_t kind, size_t a, size_t b, size_t gap)
{
    size_t distance = study->moment[a] > study->moment[b]
                          ? study->moment[a] - study->moment[b]
                          : study->moment[b] - study->moment[a];
    int same_run = study->stimulus[a] == study->stimulus[b];
    int same_subject = study->subject[a] == study->subject[b];

    switch (kind) {
    case BA_CV_SUBJECTS:
        return !same_subject;
    case BA_CV_CROSSED:
        return !same_subject && !same_run;
    case BA_CV_RUNS:
        return !same_run;
    default:
        return !same_run || distance > (same_subject ? gap : 0);
    }
}

/* Every split: each sample is tested once, and the training rows are all those that may
 * be, no fewer. */
static void
check_splits(const study_t *study, const ba_cv_opts_t *opts, size_t n_wanted, size_t gap)
{
    int32_t fold[N];
    size_t n_folds, train[N], test[N], n_train, n_test, n_tested = 0;

    assert_int_equal(
        ba_cv_folds(opts, &study->runs, study->rows, study->n_rows, fold, &n_folds),
        BA_OK);
    assert_int_equal(n_folds, n_wanted);
    for (size_t k = 0; k < n_folds; k++) {
        size_t n_may = 0;

        assert_int_equal(ba_cv_split_by(opts, &study->runs, study->rows, study->n_rows,
                             fold, (int32_t) k, gap, train, &n_train, test, &n_test),
            BA_OK);
        assert_true(n_test > 0);
        n_tested += n_test;
        for (size_t i = 0; i < study->n_rows; i++) {
            int may = 1;

            for (size_t j = 0; j < n_test; j++) {
                may &= may_part(
                    study, opts->kind, study->rows[i], study->rows[test[j]], gap);
            }
            n_may += (size_t) may;
            if (may) {
                assert_int_equal(train[n_may - 1], i);
            }
        }
        assert_int_equal(n_train, n_may);
    }
    assert_int_equal(n_tested, study->n_rows);
}

static void
test_splits(void **state)
{
    (void) state;
    for (size_t trim = 0; trim < 2; trim++) {
        study_t study;
        ba_cv_opts_t opts = {.kind = BA_CV_RUNS};

        start(&study, trim);
        opts.groups = &study.groups;
        check_splits(&study, &opts, 3, 0);
        opts.kind = BA_CV_SUBJECTS;
        check_splits(&study, &opts, 3, 0);
        opts.kind = BA_CV_CROSSED;
        check_splits(&study, &opts, RECORDINGS, 0);
        opts = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 4, .groups = &study.groups};
        check_splits(&study, &opts, 4, 0);
        check_splits(&study, &opts, 4, 1);
        opts = (ba_cv_opts_t){.kind = BA_CV_CHUNKS,
            .n_folds = 3,
            .chunk_len = 2,
            .seed = 5,
            .groups = &study.groups};
        check_splits(&study, &opts, 3, 1);
        finish(&study);
    }
}

/* The default with three runs of stimuli is to leave one of them out; k folds are of
 * moments, whose order is that of the stimuli. */
static void
test_moments(void **state)
{
    study_t study;
    ba_cv_opts_t opts = {.kind = BA_CV_DEFAULT};
    int32_t fold[N];
    size_t n_folds;

    (void) state;
    start(&study, 0);
    opts.groups = &study.groups;
    assert_int_equal(
        ba_cv_folds(&opts, &study.runs, study.rows, N, fold, &n_folds), BA_OK);
    assert_int_equal(n_folds, 3);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(fold[i], study.stimulus[i]);
    }
    opts.kind = BA_CV_KFOLD;
    opts.n_folds = 5;
    assert_int_equal(
        ba_cv_folds(&opts, &study.runs, study.rows, N, fold, &n_folds), BA_OK);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(fold[i], study.moment[i] / 3);
    }
    finish(&study);
}

static void
test_refused(void **state)
{
    study_t study;
    ba_cv_opts_t opts = {.kind = BA_CV_CROSSED};
    int32_t fold[N], ids[N];
    size_t n_folds, train[N], test[N], n_train, n_test, two[2];

    (void) state;
    start(&study, 0);
    assert_int_equal(
        ba_cv_folds(&opts, &study.runs, study.rows, N, fold, &n_folds), BA_VALUE);
    assert_contains(ba_error_message(), "crossed: found no subjects");
    opts.groups = &study.groups;
    /* Only subject 1: every recording is a fold, and nobody else can be trained on. */
    assert_int_equal(
        ba_cv_folds(&opts, &study.runs, study.rows + 15, 10, fold, &n_folds), BA_OK);
    assert_int_equal(n_folds, 2);
    assert_int_equal(ba_cv_split_by(&opts, &study.runs, study.rows + 15, 10, fold, 0, 0,
                         train, &n_train, test, &n_test),
        BA_SHAPE);
    assert_contains(ba_error_message(), "no other subject has another run");
    opts.kind = BA_CV_SUBJECTS;
    assert_int_equal(
        ba_cv_folds(&opts, &study.runs, study.rows + 15, 10, fold, &n_folds), BA_SHAPE);
    for (size_t i = 0; i < N; i++) {
        ids[i] = (int32_t) study.moment[i] % 4;
    }
    opts.kind = BA_CV_ROWS;
    opts.ids = ids;
    assert_int_equal(
        ba_cv_folds(&opts, &study.runs, study.rows, N, fold, &n_folds), BA_OK);
    assert_memory_equal(fold, ids, sizeof fold);
    ids[N - 1]++;
    assert_int_equal(
        ba_cv_folds(&opts, &study.runs, study.rows, N, fold, &n_folds), BA_SHAPE);
    assert_contains(ba_error_message(), "same moment of the stimuli");
    opts = (ba_cv_opts_t){.kind = BA_CV_NONE, .groups = &study.groups};
    two[0] = 3;
    two[1] = 9;
    assert_int_equal(ba_cv_folds(&opts, &study.runs, two, 2, fold, &n_folds), BA_OK);
    assert_int_equal(n_folds, 0);
    assert_int_equal(fold[1], -1);
    finish(&study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_splits),
        cmocka_unit_test(test_moments), cmocka_unit_test(test_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
