/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/datasetlib.h"

static void
test_run_table(void **state)
{
    char path[TEST_PATH_SIZE], mask[TEST_PATH_SIZE], label[64];
    ba_dataset_opts_t opts = {.features = NULL};
    ba_dataset_t *dataset;

    (void) state;
    write_text("table.tsv",
        "run\tresponses\tfeatures:a\tfeatures:b\tnuisance\trole\trepeat\n"
        "one\tbold.nii.gz[0:4,]\tx.csv[0:4,]\tz.csv[0:4,]\tz.csv[0:4,]\ttrain\t\n"
        "two\tbold2.nii\tx.csv\tz.csv\tz.csv\ttrain\t\n"
        "three\tbold2.nii[1:3,]\tx.csv[0:2,]\tz.csv[4:6,]\tz.csv[0:2,]\ttrain\t\n"
        "last\tbold.nii.gz\tx.csv\tz.csv\tn/a\ttest\t1\n"
        "last\tbold2.nii\t\t\tn/a\ttest\t2\n");
    opts.run_table = test_join(path, folder, "table.tsv");
    opts.mask = test_join(mask, folder, "mask.nii.gz");
    dataset = open_or_fail(&opts);
    assert_int_equal(dataset->train.n_samples, 12);
    assert_int_equal(dataset->train.runs.n_runs, 3);
    assert_int_equal(dataset->train.runs.onset[1], 4);
    assert_int_equal(dataset->train.runs.onset[2], 10);
    assert_string_equal(dataset->train.run_names[1], "two");
    assert_string_equal(dataset->space_names[1], "b");
    assert_int_equal(ba_source_n_cols(dataset->train.responses), 4);
    assert_close(value_at(dataset->train.responses, 0, 3, 1), 3033, 0);
    assert_close(value_at(dataset->train.responses, 0, 4, 1), 4003, 0);
    assert_close(value_at(dataset->train.features[0], 0, 9, 2), 1052, 0);
    assert_close(value_at(dataset->train.nuisance, 0, 4, 1), 2001, 0);
    assert_int_equal(dataset->test.n_samples, N);
    assert_int_equal(dataset->test.n_repeats, 2);
    assert_int_equal(ba_source_n_slabs(dataset->test.responses), 2);
    assert_close(value_at(dataset->test.responses, 1, 5, 0), 4051, 0);
    assert_null(dataset->test.nuisance);
    assert_string_equal(ba_dataset_target_label(dataset, 0, label), "1,0,0");
    ba_dataset_free(dataset);
}

/* Responses of several subjects, who have other numbers of columns, stay apart. */
static void
test_by_run(void **state)
{
    char path[TEST_PATH_SIZE];
    ba_dataset_opts_t opts = {.by_run = 1};
    ba_dataset_t *dataset;

    (void) state;
    write_text("apart.tsv", "run\tsubject\tresponses\tfeatures\n"
                            "one\tanna\ty.csv[0:4,]\tx.csv[0:4,]\n"
                            "two\tanna\ty.csv[4:6,]\tx.csv[4:6,]\n"
                            "one\tbert\tz.csv[0:4,]\tx.csv[0:4,]\n");
    opts.run_table = test_join(path, folder, "apart.tsv");
    dataset = open_or_fail(&opts);
    assert_null(dataset->train.responses);
    assert_int_equal(dataset->train.n_samples, 10);
    assert_int_equal(dataset->train.runs.n_runs, 3);
    assert_string_equal(dataset->train.run_names[2], "bert/one");
    assert_string_equal(dataset->train.run_stimuli[2], "one");
    assert_string_equal(dataset->train.run_subjects[1], "anna");
    assert_int_equal(ba_source_n_cols(dataset->train.run_responses[1]), N_Y);
    assert_int_equal(ba_source_n_cols(dataset->train.run_responses[2]), N_Z);
    assert_int_equal(ba_source_n_rows(dataset->train.run_responses[1]), 2);
    assert_null(dataset->train.run_responses[3]);
    ba_dataset_free(dataset);
    write_text("apart.tsv", "run\tsubject\tresponses\tfeatures\n"
                            "one\tanna\ty.csv[0:4,]\tx.csv[0:4,]\n"
                            "one\tbert\tz.csv[0:3,]\tx.csv[0:4,]\n");
    expect_failure(&opts, BA_SHAPE, "x.csv[0:4,]: 4 samples, but z.csv[0:3,] has 3");
    /* A run may lack features, not all of them. */
    write_text("apart.tsv", "run\tsubject\tresponses\tfeatures\n"
                            "one\tanna\ty.csv[0:4,]\tn/a\n"
                            "two\tanna\ty.csv[4:6,]\tx.csv[4:6,]\n");
    dataset = open_or_fail(&opts);
    assert_int_equal(dataset->train.n_samples, 6);
    assert_int_equal(dataset->train.lacks_features[0], 1);
    assert_int_equal(dataset->train.lacks_features[1], 0);
    assert_close(value_at(dataset->train.features[0], 0, 3, 1), 0, 0);
    assert_close(value_at(dataset->train.features[0], 0, 4, 1), 1041, 0);
    ba_dataset_free(dataset);
    write_text("apart.tsv", "run\tsubject\tresponses\tfeatures\n"
                            "one\tanna\ty.csv[0:4,]\tn/a\n");
    expect_failure(&opts, BA_FORMAT, "row 1: nothing in column 'features'");
    opts.run_table = NULL;
    expect_failure(&opts, BA_VALUE, "run table: none given");
}

static void
expect_table_failure(const char *text, int wanted, const char *words)
{
    char path[TEST_PATH_SIZE];
    ba_dataset_opts_t opts = {.run_table = test_join(path, folder, "bad.tsv")};

    write_text("bad.tsv", text);
    expect_failure(&opts, wanted, words);
}

static void
test_bad_run_tables(void **state)
{
    (void) state;
    expect_table_failure(
        "run\tresponses\tfeatures\n1\ty.csv\tx.csv\n2\tlong.csv\tx.csv\n", BA_SHAPE,
        "long.csv: 7 samples, but x.csv has 6");
    assert_contains(ba_error_message(), "run '2'");
    expect_table_failure("run\tresponses\tfeatures\n1\ty.csv\tx.csv\n2\tn/a\tx.csv\n",
        BA_FORMAT, "row 2: nothing in column 'responses'");
    expect_table_failure("run\tresponses\tfeatures:q\n1\ty.csv\tn/a\n", BA_FORMAT,
        "nothing in column 'features:q'");
    expect_table_failure("run\tresponses\tfeatures\n1\ty.csv\tx.csv\n2\tx.csv\tx.csv\n",
        BA_SHAPE, "3 columns");
    expect_table_failure("run\tresponses\tfeatures\n1\tbold.nii.gz\tx.csv\n"
                         "2\tmoved.nii.gz\tx.csv\n",
        BA_SHAPE, "affine");
    expect_table_failure("run\tresponses\tfeatures\trole\trepeat\n"
                         "1\ty.csv\tx.csv\ttrain\t\n"
                         "2\ty.csv\tx.csv\ttest\t1\n2\ty.csv\tz.csv\ttest\t2\n",
        BA_SHAPE, "repeats share their features");
    expect_table_failure("run\tresponses\tfeatures\trole\trepeat\n"
                         "1\ty.csv\tx.csv\ttrain\t\n2\ty.csv\tx.csv\ttest\t1\n"
                         "2\ty.csv[0:4,]\tx.csv\ttest\t2\n",
        BA_SHAPE, "4 samples, but x.csv has 6");
    expect_table_failure(
        "run\tresponses\tfeatures\n1\tabsent.npy\tx.csv\n", BA_IO, "absent.npy");
    expect_table_failure("run\tresponses\tfeatures\trole\n1\ty.csv\tx.csv\ttrain\n"
                         "2\tn/a\tx.csv\ttest\n",
        BA_FORMAT, "test runs without responses");
}

/* Prediction needs no responses. */
/* Responses alone, where features are not needed. */
static void
test_table_without_features(void **state)
{
    char path[TEST_PATH_SIZE];
    ba_dataset_opts_t opts = {.run_table = test_join(path, folder, "table.tsv")};
    ba_dataset_t *dataset;

    (void) state;
    expect_table_failure("run\tresponses\n1\ty.csv\n", BA_FORMAT, "no column 'features'");
    write_text("table.tsv", "run\tresponses\n1\ty.csv\n2\tlong.csv\n");
    opts.no_features = 1;
    dataset = open_or_fail(&opts);
    assert_int_equal(dataset->n_spaces, 0);
    assert_int_equal(dataset->train.n_samples, 2 * N + 1);
    assert_int_equal(dataset->train.runs.onset[1], N);
    assert_close(value_at(dataset->train.responses, 0, 5, 3), 3053, 0);
    ba_dataset_free(dataset);
    write_text("table.tsv", "run\tresponses\n1\tn/a\n");
    expect_failure(&opts, BA_FORMAT, "neither features nor responses");
}

static void
test_table_without_responses(void **state)
{
    char path[TEST_PATH_SIZE];
    ba_dataset_opts_t opts = {.run_table = test_join(path, folder, "none.tsv")};
    ba_dataset_t *dataset;

    (void) state;
    write_text("none.tsv", "run\tresponses\tfeatures\n1\tn/a\tx.csv\n2\tn/a\tx.csv\n");
    dataset = open_or_fail(&opts);
    assert_null(dataset->train.responses);
    assert_int_equal(dataset->train.n_samples, 2 * N);
    ba_dataset_free(dataset);
}

/* Twelve real runs with a mask: 121 volumes each, 129 brain voxels. */
static void
test_haxby(void **state)
{
    char bold[TEST_PATH_SIZE], mask[TEST_PATH_SIZE], table[TEST_PATH_SIZE], label[64];
    ba_dataset_opts_t opts = {.mask = mask};
    ba_dataset_t *dataset;
    char text[32 * TEST_PATH_SIZE], here[TEST_PATH_SIZE];
    size_t n = 0;

    (void) state;
    test_need_data(mask, "data/haxby_nifti/mask25mm_brain.nii.gz");
    assert_non_null(getcwd(here, sizeof here));
    write_csv("onset.csv", 121, 1, 0, NULL);
    n += (size_t) snprintf(text, sizeof text, "run\tresponses\tfeatures\n");
    for (int run = 1; run <= 12; run++) {
        char name[64];

        snprintf(name, sizeof name, "data/haxby_nifti/run%02d_bold_25mm.nii.gz", run);
        test_need_data(bold, name);
        n += (size_t) snprintf(text + n, sizeof text - n, "%02d\t%s%s%s\tonset.csv\n",
            run, bold[0] == '/' ? "" : here, bold[0] == '/' ? "" : "/", bold);
    }
    write_text("haxby.tsv", text);
    opts.run_table = test_join(table, folder, "haxby.tsv");
    dataset = open_or_fail(&opts);
    assert_int_equal(dataset->train.n_samples, 12 * 121);
    assert_int_equal(dataset->train.runs.n_runs, 12);
    assert_string_equal(dataset->train.run_names[11], "12");
    assert_int_equal(ba_source_n_cols(dataset->train.responses), 129);
    assert_int_equal(ba_image_n_voxels(dataset->image), 129);
    assert_non_null(ba_dataset_target_label(dataset, 128, label));
    assert_null(ba_source_file(dataset->train.responses, 12));
    ba_dataset_free(dataset);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_table),
        cmocka_unit_test(test_by_run),
        cmocka_unit_test(test_bad_run_tables),
        cmocka_unit_test(test_table_without_features),
        cmocka_unit_test(test_table_without_responses),
        cmocka_unit_test(test_haxby),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
