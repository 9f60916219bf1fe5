/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/datasetlib.h"

static void
test_lengths_differ(void **state)
{
    char path[TEST_PATH_SIZE];
    const char *features[2] = {x_spec, path};
    ba_dataset_opts_t opts = {.features = features, .n_features = 1};

    (void) state;
    opts.responses = test_join(path, folder, "long.csv");
    expect_failure(&opts, BA_SHAPE, "long.csv: 7 samples, but");
    assert_contains(ba_error_message(), "x.csv has 6");
    opts.responses = NULL;
    opts.nuisance = path;
    expect_failure(&opts, BA_SHAPE, "long.csv: 7 samples, but");
    opts.nuisance = NULL;
    opts.n_features = 2;
    expect_failure(&opts, BA_SHAPE, "long.csv: 7 samples, but");
    write_csv("turned.csv", N_Y, N, 0, NULL);
    opts.n_features = 1;
    opts.responses = test_join(path, folder, "turned.csv");
    expect_failure(&opts, BA_SHAPE, "transposed");
}

static void
test_images(void **state)
{
    char bold[TEST_PATH_SIZE], mask[TEST_PATH_SIZE], label[64];
    const char *features[1] = {x_spec};
    ba_dataset_opts_t opts = {.features = features, .n_features = 1};
    ba_dataset_t *dataset;

    (void) state;
    opts.responses = test_join(bold, folder, "bold.nii.gz");
    dataset = open_or_fail(&opts);
    assert_int_equal(ba_image_n_voxels(dataset->image), 8);
    assert_string_equal(ba_dataset_target_label(dataset, 6, label), "0,1,1");
    assert_close(ba_image_tr(dataset->image), 2, 0);
    assert_null(ba_dataset_target_label(dataset, 8, label));
    ba_dataset_free(dataset);
    opts.mask = test_join(mask, folder, "mask.nii.gz");
    dataset = open_or_fail(&opts);
    assert_int_equal(ba_image_n_voxels(dataset->image), 4);
    assert_int_equal(ba_source_n_cols(dataset->train.responses), 4);
    assert_close(value_at(dataset->train.responses, 0, 2, 3), 3026, 0);
    assert_string_equal(ba_dataset_target_label(dataset, 3, label), "0,1,1");
    assert_close(ba_image_tr(dataset->image), 2, 0);
    ba_dataset_free(dataset);
    opts.responses = test_join(bold, folder, "bold.nii.gz[,1:3]");
    dataset = open_or_fail(&opts);
    assert_int_equal(ba_image_n_voxels(dataset->image), 2);
    assert_string_equal(ba_dataset_target_label(dataset, 0, label), "1,1,0");
    assert_close(value_at(dataset->train.responses, 0, 0, 0), 3003, 0);
    ba_dataset_free(dataset);
    opts.responses = test_join(bold, folder, "moved.nii.gz");
    expect_failure(&opts, BA_SHAPE, "affine");
}

static void
test_mask_of_flat_responses(void **state)
{
    char mask[TEST_PATH_SIZE], three[TEST_PATH_SIZE], label[64];
    const char *features[1] = {x_spec};
    ba_dataset_opts_t opts = {.features = features, .n_features = 1};
    ba_dataset_t *dataset;

    (void) state;
    write_csv("flat.csv", N, 4, 0, NULL);
    opts.mask = test_join(mask, folder, "mask.nii.gz");
    opts.responses = test_join(three, folder, "flat.csv");
    dataset = open_or_fail(&opts);
    assert_int_equal(ba_image_n_voxels(dataset->image), 4);
    assert_string_equal(ba_dataset_target_label(dataset, 2, label), "0,0,1");
    ba_dataset_free(dataset);
    opts.responses = x_spec;
    expect_failure(&opts, BA_SHAPE, "x.csv: 3 targets, but");
    assert_contains(ba_error_message(), "mask.nii.gz has 4 voxels");
}

/* Labels are cut to 63 bytes, never within a character. */
static void
test_long_label(void **state)
{
    char path[TEST_PATH_SIZE], header[80], label[64];
    const char *features[1] = {path};
    ba_dataset_opts_t opts = {.features = features, .n_features = 1, .responses = path};
    ba_dataset_t *dataset;

    (void) state;
    memset(header, 'a', sizeof header);
    memcpy(header + 62, "\xc3\xa9z", 4);
    write_csv("label.csv", N, 1, 0, header);
    test_join(path, folder, "label.csv");
    dataset = open_or_fail(&opts);
    assert_ptr_equal(ba_dataset_target_label(dataset, 0, label), label);
    assert_int_equal(strlen(label), 62);
    ba_dataset_free(dataset);
}

static void
test_read_features(void **state)
{
    char path[TEST_PATH_SIZE];
    ba_source_t *source;
    float *single;
    double *full;

    (void) state;
    assert_int_equal(ba_source_open(NULL, x_spec, NULL, &source), BA_OK);
    assert_int_equal(ba_dataset_read_features(NULL, source, "s", &single, &full), BA_OK);
    assert_true((single == NULL) != (full == NULL));
    assert_int_equal(single == NULL, ba_source_is_double(source));
    for (size_t i = 0; i < N * N_X; i++) {
        double wanted = 1000 + 10 * (double) (i % N) + (double) (i / N);

        assert_close(single ? (double) single[i] : full[i], wanted, 0);
    }
    free(single);
    free(full);
    ba_source_close(source);
    write_repeats(path);
    strcat(path, ":/y");
    assert_int_equal(
        ba_source_open(NULL, path, &(ba_source_opts_t){.max_rank = 3}, &source), BA_OK);
    assert_int_equal(ba_dataset_read_features(NULL, source, "s", &single, &full), BA_OK);
    assert_non_null(single);
    assert_null(full);
    assert_close((double) single[2 + 3 * N], 2 * N_Y + 3, 0);
    free(single);
    ba_source_close(source);
}

/* The first row counts before the first column. */
static void
test_nonfinite_features(void **state)
{
    char path[TEST_PATH_SIZE];
    ba_source_t *source;
    float *single;
    double *full;

    (void) state;
    write_text("nan.csv", "p,q\n1,2\n3,nan\nnan,inf\n");
    assert_int_equal(
        ba_source_open(NULL, test_join(path, folder, "nan.csv"), NULL, &source), BA_OK);
    assert_int_equal(
        ba_dataset_read_features(NULL, source, "sem", &single, &full), BA_NONFINITE);
    assert_null(single);
    assert_null(full);
    assert_contains(ba_error_message(), "nan in row 1, column 1 (q) of features 'sem'");
    ba_source_close(source);
}

/* Every allocation that fails is reported, and nothing leaks. */
static void
test_no_memory(void **state)
{
    char bold[TEST_PATH_SIZE], mask[TEST_PATH_SIZE];
    const char *features[1] = {x_spec};
    ba_dataset_opts_t opts = {.features = features, .n_features = 1};
    ba_dataset_t *dataset = NULL;
    int status = BA_NOMEM;

    (void) state;
    opts.responses = test_join(bold, folder, "bold2.nii");
    opts.mask = test_join(mask, folder, "mask.nii.gz");
    for (size_t n = 1; status != BA_OK && n < 500; n++) {
        ba_alloc_fail_at(n);
        status = ba_dataset_open(NULL, &opts, &dataset);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
    }
    assert_int_equal(status, BA_OK);
    ba_dataset_free(dataset);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_differ),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_mask_of_flat_responses),
        cmocka_unit_test(test_long_label),
        cmocka_unit_test(test_read_features),
        cmocka_unit_test(test_nonfinite_features),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
