/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/datasetlib.h"

static void
test_single_specs(void **state)
{
    char named[2 * TEST_PATH_SIZE], label[64];
    const char *features[2] = {x_spec, named};
    ba_dataset_opts_t opts = {.features = features, .n_features = 2, .responses = y_spec};
    ba_dataset_t *dataset;

    (void) state;
    snprintf(named, sizeof named, "word.rate=%s[,1:2]", z_spec);
    dataset = open_or_fail(&opts);
    assert_int_equal(dataset->n_spaces, 2);
    assert_string_equal(dataset->space_names[0], "features");
    assert_string_equal(dataset->space_names[1], "word.rate");
    assert_int_equal(dataset->train.n_samples, N);
    assert_int_equal(dataset->train.n_repeats, 1);
    assert_int_equal(dataset->train.runs.n_runs, 1);
    assert_string_equal(dataset->train.run_names[0], "1");
    assert_int_equal(dataset->test.n_samples, 0);
    assert_null(dataset->image);
    assert_close(value_at(dataset->train.features[1], 0, 2, 0), 2021, 0);
    assert_close(value_at(dataset->train.responses, 0, 5, 3), 3053, 0);
    assert_string_equal(ba_dataset_target_label(dataset, 1, label), "right");
    assert_string_equal(label, "right");
    ba_dataset_free(dataset);
}

static void
test_default_names(void **state)
{
    const char *features[3] = {x_spec, z_spec, x_spec};
    ba_dataset_opts_t opts = {.features = features, .n_features = 3};
    ba_dataset_t *dataset = open_or_fail(&opts);

    (void) state;
    assert_string_equal(dataset->space_names[1], "features2");
    assert_string_equal(dataset->space_names[2], "features3");
    assert_null(dataset->train.responses);
    ba_dataset_free(dataset);
}

/* A file with '=' in its name needs no name of a space, and may have one. */
static void
test_equals_in_file_name(void **state)
{
    char odd[TEST_PATH_SIZE], here[TEST_PATH_SIZE];
    const char *features[2] = {"sub=1.csv", "n=sub=1.csv"};
    ba_dataset_opts_t opts = {.features = features, .n_features = 2};
    ba_dataset_t *dataset;

    (void) state;
    write_csv("sub=1.csv", N, 2, 0, NULL);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    dataset = open_or_fail(&opts);
    assert_int_equal(chdir(here), 0);
    assert_string_equal(dataset->space_names[0], "features");
    assert_string_equal(dataset->space_names[1], "n");
    ba_dataset_free(dataset);
    remove(test_join(odd, folder, "sub=1.csv"));
}

static void
test_runs(void **state)
{
    char ids[TEST_PATH_SIZE];
    const char *features[1] = {x_spec};
    ba_dataset_opts_t opts = {.features = features, .n_features = 1};
    ba_dataset_t *dataset;

    (void) state;
    opts.runs = test_join(ids, folder, "two_runs.csv");
    dataset = open_or_fail(&opts);
    assert_int_equal(dataset->train.runs.n_runs, 2);
    assert_int_equal(dataset->train.runs.onset[1], 4);
    assert_string_equal(dataset->train.run_names[1], "9");
    ba_dataset_free(dataset);
    opts.runs = "onsets:0,2,5";
    dataset = open_or_fail(&opts);
    assert_int_equal(dataset->train.runs.n_runs, 3);
    assert_int_equal(dataset->train.runs.onset[2], 5);
    assert_string_equal(dataset->train.run_names[2], "3");
    ba_dataset_free(dataset);
}

static void
test_bad_runs(void **state)
{
    static const char *const bad[] = {"onsets:", "onsets:0,", "onsets:0,x", "onsets:0 3",
        "onsets:-1", "onsets:0,2.5", "onsets:0,99999999999999999999999", "onsets:1,3",
        "onsets:0,3,3", "onsets:0,6"};
    char path[TEST_PATH_SIZE];
    const char *features[1] = {x_spec};
    ba_dataset_opts_t opts = {.features = features, .n_features = 1};

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        opts.runs = bad[i];
        expect_failure(&opts, BA_VALUE, "onset");
    }
    opts.runs = y_spec;
    expect_failure(&opts, BA_SHAPE, "4 columns, wanted one");
    write_text("back.csv", "1\n1\n2\n2\n1\n1\n");
    opts.runs = test_join(path, folder, "back.csv");
    expect_failure(&opts, BA_SHAPE, "run 1 comes back");
    write_text("short.csv", "1\n1\n2\n2\n");
    opts.runs = test_join(path, folder, "short.csv");
    expect_failure(&opts, BA_SHAPE, "4 samples, but");
}

static void
test_bad_options(void **state)
{
    char twice[2][2 * TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    const char *features[2] = {twice[0], twice[1]}, *one[1] = {x_spec};
    ba_dataset_opts_t opts = {.features = NULL};

    (void) state;
    expect_failure(&opts, BA_VALUE, "wanted at least one SPEC or a run table");
    snprintf(twice[0], sizeof twice[0], "a=%s", x_spec);
    snprintf(twice[1], sizeof twice[1], "a=%s", z_spec);
    opts = (ba_dataset_opts_t){.features = features, .n_features = 2};
    expect_failure(&opts, BA_VALUE, "called 'a' too");
    opts = (ba_dataset_opts_t){.features = one, .n_features = 1, .run_table = "runs.tsv"};
    expect_failure(&opts, BA_VALUE, "one or the other");
    opts =
        (ba_dataset_opts_t){.features = one, .n_features = 1, .test_responses = y_spec};
    expect_failure(&opts, BA_VALUE, "found responses only");
    opts = (ba_dataset_opts_t){
        .features = one, .n_features = 1, .test_features = one, .n_test_features = 1};
    expect_failure(&opts, BA_VALUE, "found features only");
    opts = (ba_dataset_opts_t){.features = one, .n_features = 1, .test_runs = y_spec};
    expect_failure(&opts, BA_VALUE, "runs of a test set, wanted");
    opts = (ba_dataset_opts_t){.features = one,
        .n_features = 1,
        .responses = test_join(path, folder, "absent.npy")};
    expect_failure(&opts, BA_IO, "absent.npy");
}

static void
test_fixed_test_set(void **state)
{
    char train[2][2 * TEST_PATH_SIZE], test[2][2 * TEST_PATH_SIZE], y[TEST_PATH_SIZE];
    const char *features[2] = {train[0], train[1]};
    const char *test_features[2] = {test[0], test[1]};
    ba_dataset_opts_t opts = {.features = features,
        .n_features = 2,
        .responses = y_spec,
        .test_features = test_features,
        .n_test_features = 2,
        .test_responses = y,
        .test_runs = "onsets:0,3"};
    ba_dataset_t *dataset;

    (void) state;
    write_repeats(y);
    snprintf(train[0], sizeof train[0], "a=%s", x_spec);
    snprintf(train[1], sizeof train[1], "b=%s", z_spec);
    snprintf(test[0], sizeof test[0], "b=%s", z_spec);
    snprintf(test[1], sizeof test[1], "a=%s", x_spec);
    dataset = open_or_fail(&opts);
    assert_int_equal(dataset->test.n_samples, N);
    assert_int_equal(dataset->test.n_repeats, 2);
    assert_int_equal(dataset->test.runs.n_runs, 2);
    assert_int_equal(ba_source_n_cols(dataset->test.features[0]), N_X);
    assert_int_equal(ba_source_n_cols(dataset->test.features[1]), N_Z);
    assert_close(value_at(dataset->test.responses, 1, 2, 3), N * N_Y + 2 * N_Y + 3, 0);
    ba_dataset_free(dataset);
    opts.n_test_features = 1;
    expect_failure(&opts, BA_VALUE, "test set: found 1 feature spaces, wanted 2");
    opts.n_test_features = 2;
    snprintf(test[1], sizeof test[1], "c=%s", x_spec);
    expect_failure(&opts, BA_VALUE, "no feature space of the training set");
    snprintf(test[1], sizeof test[1], "b=%s", x_spec);
    expect_failure(&opts, BA_VALUE, "'b' was given before");
    snprintf(test[1], sizeof test[1], "a=%s[,0:2]", x_spec);
    expect_failure(&opts, BA_SHAPE, "2 columns, but");
    snprintf(test[1], sizeof test[1], "a=%s", x_spec);
    opts.test_responses = x_spec;
    expect_failure(&opts, BA_SHAPE, "3 columns, but");
}

static void
test_story_recordings(void **state)
{
    char narratives[TEST_PATH_SIZE], alice[TEST_PATH_SIZE];
    char specs[4][TEST_PATH_SIZE + 32];
    const char *features[2] = {specs[0], specs[1]};
    ba_dataset_opts_t opts = {
        .features = features, .n_features = 2, .responses = specs[2], .runs = specs[3]};
    ba_dataset_t *dataset;
    float *single;
    double *full;

    (void) state;
    test_need_data(narratives, "data/narratives_black/narratives_black.h5");
    test_need_data(alice, "data/alice_rois/alice_6mm.h5");
    snprintf(specs[0], sizeof specs[0], "glove=%s:/features/glove", narratives);
    snprintf(specs[1], sizeof specs[1], "rate=%s:/features/word_rate", narratives);
    snprintf(specs[2], sizeof specs[2], "%s:/responses", narratives);
    snprintf(specs[3], sizeof specs[3], "%s:/fold", narratives);
    dataset = open_or_fail(&opts);
    assert_int_equal(dataset->train.n_samples, 538);
    assert_int_equal(ba_source_n_cols(dataset->train.responses), 400);
    assert_int_equal(ba_source_n_cols(dataset->train.features[1]), 1);
    assert_int_equal(dataset->train.runs.n_runs, 5);
    assert_int_equal(ba_dataset_read_features(
                         NULL, dataset->train.features[0], "glove", &single, &full),
        BA_OK);
    assert_non_null(single);
    free(single);
    ba_dataset_free(dataset);
    snprintf(specs[2], sizeof specs[2], "%s:/responses", alice);
    expect_failure(&opts, BA_SHAPE, "362 samples, but");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_specs),
        cmocka_unit_test(test_default_names),
        cmocka_unit_test(test_equals_in_file_name),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_bad_runs),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_fixed_test_set),
        cmocka_unit_test(test_story_recordings),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
