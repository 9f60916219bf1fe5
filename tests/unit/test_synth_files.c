/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/synthlib.h"

/* Every number of a slab of a source is that of a row-major matrix. */
static void
compare_source(ba_source_t *source, size_t slab, const double *wanted)
{
    size_t n = ba_source_n_rows(source), n_cols = ba_source_n_cols(source);
    double *found = malloc(n * n_cols * sizeof *found);

    assert_non_null(found);
    assert_int_equal(ba_source_read(source, slab, 0, n, 0, n_cols, found, n), BA_OK);
    for (size_t i = 0; i < n * n_cols; i++) {
        assert_close(found[i], wanted[i % n * n_cols + i / n], 0);
    }
    free(found);
}

static void
compare_features(const ba_dataset_t *dataset, size_t space)
{
    char path[128];
    size_t dims[BA_MAX_RANK];
    double *x;

    snprintf(path, sizeof path, "/test/features/%.80s", dataset->space_names[space]);
    x = read_array("study.h5", path, dims);
    compare_source(dataset->test.features[space], 0, x);
    free(x);
    x = read_array("study.h5", path + strlen("/test"), dims);
    compare_source(dataset->train.features[space], 0, x);
    free(x);
}

/* The run table leads to the same numbers as study.h5. */
static void
test_run_table(void **state)
{
    char table[TEST_PATH_SIZE], mask[TEST_PATH_SIZE], label[64];
    ba_dataset_opts_t wanted = {.run_table = test_join(table, study_folder, "runs.tsv"),
        .mask = test_join(mask, study_folder, "mask.nii.gz")};
    size_t dims[BA_MAX_RANK], n = opts.run_length;
    double *y = read_array("study.h5", "/test/responses", dims);
    ba_dataset_t *dataset;

    (void) state;
    if (ba_dataset_open(NULL, &wanted, &dataset) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(dataset->train.runs.n_runs, opts.n_runs);
    assert_int_equal(dataset->train.n_samples, opts.n_runs * n);
    assert_int_equal(dataset->n_spaces, opts.n_layers + 1);
    assert_string_equal(dataset->space_names[opts.n_layers], "word_rate");
    assert_int_equal(dataset->test.n_repeats, opts.n_test_repeats);
    assert_int_equal(dataset->test.n_samples, n);
    assert_string_equal(dataset->test.run_names[0], "5");
    assert_non_null(ba_dataset_target_label(dataset, dims[2] - 1, label));
    assert_close(ba_image_tr(dataset->image), 2, 0);
    for (size_t slab = 0; slab < opts.n_test_repeats; slab++) {
        compare_source(dataset->test.responses, slab, y + slab * n * dims[2]);
    }
    free(y);
    y = read_array("study.h5", "/responses", dims);
    compare_source(dataset->train.responses, 0, y);
    free(y);
    for (size_t space = 0; space <= opts.n_layers; space++) {
        compare_features(dataset, space);
    }
    ba_dataset_free(dataset);
}

static void
test_neuron_table(void **state)
{
    size_t dims[BA_MAX_RANK];
    double *planted = read_array("truth.h5", "/layers/planted", dims);
    char path[TEST_PATH_SIZE];
    ba_table_t *table;

    (void) state;
    assert_int_equal(ba_table_read(test_join(path, study_folder, "neurons.tsv"),
                         BA_TABLE_HEADER, &table),
        BA_OK);
    assert_int_equal(ba_table_n_rows(table), opts.n_layers * opts.layer_size);
    for (size_t i = 0; i < ba_table_n_rows(table); i++) {
        double neuron, layer, unit;

        assert_int_equal(ba_table_number(table, i, 0, &neuron), BA_OK);
        assert_int_equal(ba_table_number(table, i, 1, &layer), BA_OK);
        assert_int_equal(ba_table_number(table, i, 3, &unit), BA_OK);
        assert_int_equal((size_t) neuron, i);
        assert_int_equal((size_t) layer, i / opts.layer_size + 1);
        assert_int_equal((size_t) unit, i % opts.layer_size);
        assert_int_equal(strcmp(ba_table_cell(table, i, 4), "n/a") == 0, planted[i] < 0);
    }
    ba_table_free(table);
    free(planted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_table),
        cmocka_unit_test(test_neuron_table),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
