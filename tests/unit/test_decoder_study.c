/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who met what: moments of samples, what is refused. */
#include "tests/unit/subjects_study.h"

#include "brainalign/error.h"
#include "decode/decoder_study.h"

/* Anna met a, b and c, bert c and b, whose b is shorter; b is what they are aligned by. */
static char a[] = "a", b[] = "b", c[] = "c", anna[] = "anna", bert[] = "bert";
static char *names[] = {a, b, c, c, b};
static char *subjects[] = {anna, anna, anna, bert, bert};

static ba_dataset_part_t
make_part(const size_t *onsets, size_t n_samples)
{
    ba_dataset_part_t part = {
        .run_stimuli = names, .run_subjects = subjects, .n_samples = n_samples};

    assert_int_equal(ba_runs_from_onsets(onsets, 5, n_samples, &part.runs), BA_OK);
    return part;
}

static void
test_moments(void **state)
{
    static const size_t onsets[] = {0, 3, 7, 9, 13};
    size_t first[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    /* Without b; the third sample of bert's c is in no block. */
    size_t rows[] = {0, 1, 2, 7, 8, 9, 10, 12};
    static const size_t moments[] = {0, 1, 2, 3, 4, 3, 4, 5};
    static const int32_t of[] = {0, 0, 0, 0, 0, 1, 1, 1};
    static const size_t kept[] = {0, 3, 5};
    ba_dataset_part_t part = make_part(onsets, 15);
    ba_decode_fit_opts_t opts = ba_decode_fit_opts_default();
    ba_blocks_t blocks = {.n = 8, .first = first, .rows = rows};
    ba_fit_opts_t fit = ba_fit_opts_default();
    ba_study_t study;

    (void) state;
    opts.align_runs = "b";
    assert_int_equal(ba_study_read(&part, &opts, &study), BA_OK);
    assert_int_equal(study.n_subjects, 2);
    assert_int_equal(study.n_stimuli, 3);
    assert_string_equal(study.stimuli[2], "c");
    assert_int_equal(study.is_aligning[0], 0);
    assert_int_equal(study.is_aligning[1], 1);
    assert_int_equal(study.is_aligning[4], 1);
    assert_int_equal(ba_runs_from_onsets(kept, 3, 8, &blocks.runs), BA_OK);
    assert_int_equal(ba_study_group(&part.runs, &blocks, &study), BA_OK);
    assert_memory_equal(study.moment, moments, sizeof moments);
    assert_memory_equal(study.subject, of, sizeof of);
    assert_int_equal(study.timeline.n_runs, 2);
    assert_int_equal(study.timeline.n_samples, 6);
    assert_int_equal(study.timeline.onset[1], 3);
    assert_int_equal(ba_study_set_splits(&study, &fit), BA_OK);
    assert_ptr_equal(fit.cv.groups, &study.groups);
    assert_ptr_equal(fit.outer_cv.groups, &study.groups);
    fit.cv.kind = BA_CV_SUBJECTS;
    assert_int_equal(ba_study_set_splits(&study, &fit), BA_VALUE);
    fit.cv.kind = BA_CV_BOOTSTRAP;
    assert_int_equal(ba_study_set_splits(&study, &fit), BA_UNSUPPORTED);
    ba_study_free(&study);
    /* To align, both need b at the same length. */
    opts.align = BA_ALIGNMENT_SRM;
    assert_int_equal(ba_study_read(&part, &opts, &study), BA_SHAPE);
    assert_contains(ba_error_message(), "run 'b' has 2 samples of subject 'bert'");
    ba_study_free(&study);
    ba_runs_free(&part.runs);
    ba_runs_free(&blocks.runs);
}

static void
refuse(const subjects_study_t *study, ba_decode_fit_opts_t *opts, int status,
    const char *words)
{
    assert_int_equal(run_subjects(NULL, study, opts, NULL), status);
    assert_contains(ba_error_message(), words);
}

static void
test_refused(void **state)
{
    subjects_study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts, own;

    (void) state;
    start_subjects(&study);
    opts = own = subjects_options(&study, &alphas);
    own.align_runs = "a,film";
    refuse(&study, &own, BA_SHAPE, "'film' is not there");
    own.align_runs = "a,b,a";
    refuse(&study, &own, BA_VALUE, "'a' is given twice");
    own.align_runs = ",";
    refuse(&study, &own, BA_VALUE, "wanted names of runs");
    own.align_runs = "a,b,c,d,e";
    refuse(&study, &own, BA_SHAPE, "wanted others to decode");
    own.align_runs = NULL;
    refuse(&study, &own, BA_VALUE, "found without align-runs");
    own = opts;
    own.align_features = 5;
    refuse(&study, &own, BA_SHAPE, "columns with variance of subject s0");
    own.align_features = 22;
    refuse(&study, &own, BA_SHAPE, "one less than its samples");
    own.align = BA_ALIGNMENT_PROCRUSTES;
    refuse(&study, &own, BA_VALUE, "without a shared response model");
    own = opts;
    own.n_voxels = 4;
    refuse(&study, &own, BA_VALUE, "the responses have 3 columns");
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

/* Runs left out of everything without a method, whose responses must then be stackable. */
static void
test_no_method(void **state)
{
    subjects_study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    ba_decode_fit_info_t info;

    (void) state;
    start_subjects(&study);
    opts = subjects_options(&study, &alphas);
    opts.align = BA_ALIGNMENT_NONE;
    opts.align_features = 0;
    refuse(&study, &opts, BA_SHAPE, "columns");
    write_numbers(study.folder, "y1.csv", study.y[0], 4);
    write_numbers(study.folder, "y2.csv", study.y[0], 4);
    assert_int_equal(run_subjects(NULL, &study, &opts, &info), BA_OK);
    assert_int_equal(info.n_samples, SUBJECTS * (MOMENTS - 22));
    assert_int_equal(info.n_outer, 9);
    assert_int_equal(info.n_common, 0);
    opts.align_runs = NULL;
    assert_int_equal(run_subjects(NULL, &study, &opts, &info), BA_OK);
    assert_int_equal(info.n_samples, SUBJECTS * MOMENTS);
    assert_int_equal(info.n_outer, 15);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moments),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_no_method)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
