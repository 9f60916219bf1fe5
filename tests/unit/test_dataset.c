/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/dataset.h"
#include "core/alloc.h"
#include "io/nifti_write.h"

/* A folder with the data of most tests. Features and responses say where they stand:
 * value = 1000 file + 10 row + column. */
static char folder[TEST_PATH_SIZE];
static char x_spec[TEST_PATH_SIZE], y_spec[TEST_PATH_SIZE], z_spec[TEST_PATH_SIZE];

enum { N = 6, N_X = 3, N_Z = 2, N_Y = 4 };

static void
write_csv(
    const char *name, size_t n_rows, size_t n_cols, double first, const char *header)
{
    char path[TEST_PATH_SIZE];
    FILE *file = fopen(test_join(path, folder, name), "w");

    assert_non_null(file);
    if (header) {
        fprintf(file, "%s\n", header);
    }
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; j < n_cols; j++) {
            fprintf(file, "%g%c", first + 10 * (double) i + (double) j,
                j + 1 < n_cols ? ',' : '\n');
        }
    }
    assert_int_equal(fclose(file), 0);
}

static void
write_text(const char *name, const char *text)
{
    char path[TEST_PATH_SIZE];

    test_write_file(test_join(path, folder, name), text, strlen(text));
}

/* Voxel v of volume t is 1000 first + 10 t + v. */
static int
fill_volume(void *payload, size_t t, float *values)
{
    const size_t *first_and_size = payload;

    for (size_t v = 0; v < first_and_size[1]; v++) {
        values[v] = (float) (1000 * first_and_size[0] + 10 * t + v);
    }
    return BA_OK;
}

/* The mask keeps voxels 1, 3, 4, 6. */
static int
fill_mask(void *payload, size_t t, float *values)
{
    (void) payload;
    (void) t;
    for (size_t v = 0; v < 8; v++) {
        values[v] = v == 1 || v == 3 || v == 4 || v == 6 ? 1 : 0;
    }
    return BA_OK;
}

static void
write_image(const char *name, size_t n_z, size_t n_volumes, size_t first, double origin)
{
    ba_nifti_series_t series = {.shape = {2, 2, n_z},
        .n_volumes = n_volumes,
        .type = BA_NIFTI_I16,
        .affine = {3, 0, 0, origin, 0, 3, 0, 0, 0, 0, 3, 0},
        .tr = 2};
    size_t first_and_size[2] = {first, 4 * n_z};
    char path[TEST_PATH_SIZE];

    test_join(path, folder, name);
    assert_int_equal(
        ba_nifti_write_series(
            &series, n_volumes == 1 ? fill_mask : fill_volume, first_and_size, path, 1),
        BA_OK);
}

static int
set_up(void **state)
{
    (void) state;
    test_make_folder(folder);
    write_csv("x.csv", N, N_X, 1000, "a,b,c");
    write_csv("z.csv", N, N_Z, 2000, NULL);
    write_csv("y.csv", N, N_Y, 3000, "left,right,top,bottom");
    write_csv("long.csv", N + 1, N_Y, 0, NULL);
    write_csv("runs.csv", N, 1, 0, NULL);
    write_text("two_runs.csv", "5\n5\n5\n5\n9\n9\n");
    write_image("bold.nii.gz", 2, N, 3, 0);
    write_image("bold2.nii", 2, N, 4, 0);
    write_image("moved.nii.gz", 2, N, 5, 7);
    write_image("mask.nii.gz", 2, 1, 0, 0);
    test_join(x_spec, folder, "x.csv");
    test_join(y_spec, folder, "y.csv");
    test_join(z_spec, folder, "z.csv");
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* Opens features x and, where given, responses; fails the test unless it works. */
static ba_dataset_t *
open_or_fail(const ba_dataset_opts_t *opts)
{
    ba_dataset_t *dataset;

    if (ba_dataset_open(NULL, opts, &dataset) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return dataset;
}

static void
expect_failure(const ba_dataset_opts_t *opts, int wanted, const char *words)
{
    ba_dataset_t *dataset;

    assert_int_equal(ba_dataset_open(NULL, opts, &dataset), wanted);
    assert_null(dataset);
    assert_contains(ba_error_message(), words);
}

static double
value_at(ba_source_t *source, size_t slab, size_t row, size_t column)
{
    double value = 0;

    assert_int_equal(ba_source_read(source, slab, row, 1, column, 1, &value, 1), BA_OK);
    return value;
}

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
write_repeats(char path[TEST_PATH_SIZE])
{
    const size_t dims[3] = {2, N, N_Y};
    float values[2 * N * N_Y];
    ba_bundle_t *bundle;

    for (size_t i = 0; i < 2 * N * N_Y; i++) {
        values[i] = (float) i;
    }
    test_join(path, folder, "repeats.h5");
    assert_int_equal(ba_bundle_create(path, 1, &bundle), BA_OK);
    assert_int_equal(ba_bundle_write(bundle, "/y", BA_F32, 3, dims, values), BA_OK);
    assert_int_equal(ba_bundle_attr_string(bundle, "/", "format", "test"), BA_OK);
    assert_int_equal(ba_bundle_commit(bundle), BA_OK);
    ba_bundle_free(bundle);
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
        cmocka_unit_test(test_lengths_differ),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_mask_of_flat_responses),
        cmocka_unit_test(test_long_label),
        cmocka_unit_test(test_fixed_test_set),
        cmocka_unit_test(test_run_table),
        cmocka_unit_test(test_bad_run_tables),
        cmocka_unit_test(test_table_without_responses),
        cmocka_unit_test(test_read_features),
        cmocka_unit_test(test_nonfinite_features),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_haxby),
        cmocka_unit_test(test_story_recordings),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
