/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/conceptlib.h"

#include "core/alloc.h"

#include <hdf5.h>

static const char FOUR[] = "1,2,3,4\n5,6,7,8\n9,10,11,12\n";
static const char TWO[] = "20,21\n22,23\n24,25\n";

static ba_activations_t *
open_or_fail(const ba_activations_opts_t *opts)
{
    ba_activations_t *activations;

    if (ba_activations_open(NULL, opts, &activations) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return activations;
}

/* "component layer unit" of a neuron. */
static void
assert_neuron(const ba_activations_t *activations, size_t i, const char *wanted)
{
    const ba_neuron_table_t *table = &activations->neurons;
    char found[64];

    snprintf(found, sizeof found, "%s %zu %zu",
        table->component_names[table->component[i]], table->layer[i], table->unit[i]);
    assert_string_equal(found, wanted);
}

static const char *
named(const char *name, const char *file)
{
    static char text[4][TEST_PATH_SIZE + 64];
    static size_t next;
    char *here = text[next++ % 4];

    snprintf(here, sizeof text[0], "%s=%s", name, file);
    return here;
}

static void
side_by_side(void **state)
{
    const char *files[2] = {named("a", label_file("a.csv", FOUR, "")),
        named("b", label_file("b.csv", TWO, ""))};
    const char *sizes[2] = {"1", "a=2"};
    ba_activations_opts_t opts = {.files = files, .n_files = 2};
    ba_activations_t *activations = open_or_fail(&opts);
    double x[3];

    (void) state;
    assert_int_equal(activations->n_tokens, 3);
    assert_int_equal(activations->neurons.n_neurons, 6);
    assert_null(activations->words);
    assert_neuron(activations, 3, "a 0 3");
    assert_neuron(activations, 5, "b 0 1");
    ba_activations_free(activations);
    opts.layer_sizes = sizes;
    opts.n_layer_sizes = 2;
    activations = open_or_fail(&opts);
    assert_neuron(activations, 3, "a 1 1");
    assert_neuron(activations, 5, "b 1 0");
    ba_activations_free(activations);
    opts.layers = "1";
    activations = open_or_fail(&opts);
    assert_int_equal(activations->neurons.n_neurons, 3);
    assert_neuron(activations, 0, "a 1 0");
    assert_int_equal(activations->file_column[2], 5);
    assert_int_equal(activations->neurons.number[2], 5);
    assert_int_equal(ba_activations_read(activations, NULL, 3, 2, 1, x, 3), BA_OK);
    assert_close(x[0], 21, 0);
    ba_activations_free(activations);
}

/* Files of one name are one component: layers in files of their own. */
static void
layer_files(void **state)
{
    const char *files[2] = {label_file("a.csv", TWO, ""), label_file("b.csv", TWO, "")};
    ba_activations_opts_t opts = {.files = files, .n_files = 2};
    ba_activations_t *activations = open_or_fail(&opts);

    (void) state;
    assert_int_equal(activations->neurons.n_components, 1);
    assert_neuron(activations, 1, "neurons 0 1");
    assert_neuron(activations, 2, "neurons 1 0");
    ba_activations_free(activations);
}

static void
table_of_neurons(void **state)
{
    const char *files[1] = {label_file("b.csv", TWO, "")}, *sizes[1] = {"1"};
    ba_activations_opts_t opts = {.files = files,
        .n_files = 1,
        .neurons = label_file("n.csv", "layer,unit,component\n2,5,x\n3,6,y\n", "")};
    ba_activations_t *activations = open_or_fail(&opts);

    (void) state;
    assert_neuron(activations, 1, "y 3 6");
    ba_activations_free(activations);
    opts.layer_sizes = sizes;
    opts.n_layer_sizes = 1;
    assert_int_equal(ba_activations_open(NULL, &opts, &activations), BA_VALUE);
    assert_contains(ba_error_message(), "a table of neurons and a layer size");
}

/* Layers x tokens x units. */
static void
three_dimensions(void **state)
{
    const double x[12] = {0, 1, 2, 3, 4, 5, 100, 101, 102, 103, 104, 105};
    hsize_t dims[3] = {2, 3, 2};
    char path[TEST_PATH_SIZE];
    const char *files[1] = {path};
    ba_activations_opts_t opts = {.files = files, .n_files = 1};
    ba_activations_t *activations;
    hid_t file, space, dataset;
    double y[3];

    (void) state;
    test_join(path, folder, "x.h5");
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    space = H5Screate_simple(3, dims, NULL);
    dataset = H5Dcreate2(
        file, "x", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Fclose(file);
    activations = open_or_fail(&opts);
    assert_int_equal(activations->n_tokens, 3);
    assert_neuron(activations, 3, "neurons 1 1");
    assert_int_equal(ba_activations_read(activations, NULL, 3, 3, 1, y, 3), BA_OK);
    assert_close(y[2], 105, 0);
    ba_activations_free(activations);
}

static const char JSON[] = "{\"features\": [{\"token\": \"a\", \"layers\": [{\"values\": "
                           "[1]}, {\"values\": [2]}]}, {\"token\": \"b\", \"layers\": "
                           "[{\"values\": [3]}, {\"values\": [4]}]}]}\n";
static const char OTHER[] =
    "{\"features\": [{\"token\": \"a\", \"layers\": [{\"values\": "
    "[1]}]}, {\"token\": \"x\", \"layers\": [{\"values\": "
    "[3]}]}]}\n";

static void
words_of_neurox(void **state)
{
    const char *files[2] = {
        label_file("a.json", JSON, ""), label_file("b.json", OTHER, "")};
    ba_activations_opts_t opts = {.files = files, .n_files = 1};
    ba_activations_t *activations = open_or_fail(&opts);

    (void) state;
    assert_string_equal(activations->words[1], "b");
    assert_int_equal(activations->sentence[1], 0);
    assert_neuron(activations, 1, "neurons 1 0");
    ba_activations_free(activations);
    opts.n_files = 2;
    assert_int_equal(ba_activations_open(NULL, &opts, &activations), BA_SHAPE);
    assert_contains(
        ba_error_message(), "b.json: token 1 (from 0): 'x', but 'b' in a file before");
}

static void
subwords(void **state)
{
    const char *files[1] = {label_file("a.csv", FOUR, "")};
    ba_activations_opts_t opts = {.files = files,
        .n_files = 1,
        .subwords = label_file("s.csv", "w\n0\n0\n1\n", ":w"),
        .subword = BA_SUBWORD_MEAN};
    ba_activations_t *activations = open_or_fail(&opts);
    double x[2];

    (void) state;
    assert_int_equal(activations->n_tokens, 2);
    assert_int_equal(ba_activations_read(activations, NULL, 2, 1, 1, x, 2), BA_OK);
    assert_close(x[0], 4, 0);
    assert_close(x[1], 10, 0);
    ba_activations_free(activations);
}

static void
assert_refused(const ba_activations_opts_t *opts, int wanted, const char *words)
{
    ba_activations_t *activations;

    assert_int_equal(ba_activations_open(NULL, opts, &activations), wanted);
    assert_null(activations);
    assert_contains(ba_error_message(), words);
}

static void
refused(void **state)
{
    const char *files[2] = {
        label_file("a.csv", FOUR, ""), label_file("b.csv", "1\n2\n", "")};
    const char *sizes[1] = {"3"};
    ba_activations_opts_t opts = {.files = files, .layer_sizes = sizes};

    (void) state;
    assert_refused(&opts, BA_VALUE, "activations: none given");
    opts.n_files = 2;
    assert_refused(&opts, BA_SHAPE, "b.csv: 2 rows, expected 3 as in ");
    opts.n_files = 1;
    opts.n_layer_sizes = 1;
    assert_refused(&opts, BA_SHAPE, "a.csv: 4 columns, no multiple of the layer size 3");
    sizes[0] = "ffn=2";
    assert_refused(
        &opts, BA_VALUE, "layer size: 'ffn=2', but no activations have that name");
    sizes[0] = "0";
    assert_refused(&opts, BA_VALUE, "layer size: '0', wanted [NAME=]N");
    sizes[0] = "2x";
    assert_refused(&opts, BA_VALUE, "layer size: '2x', wanted [NAME=]N");
    sizes[0] = "2";
    opts.layers = "2";
    assert_refused(&opts, BA_VALUE, "layers: 2, but there is no such layer");
    ba_activations_free(NULL);
}

static void
no_memory(void **state)
{
    const char *files[2] = {
        label_file("a.json", JSON, ""), label_file("b.csv", "1,2\n3,4\n", "")};
    ba_activations_opts_t opts = {.files = files, .n_files = 2, .layers = "0"};
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_activations_t *activations;

        ba_alloc_fail_at(n);
        status = ba_activations_open(NULL, &opts, &activations);
        ba_alloc_fail_at(0);
        assert_true(n < 200);
        if (status != BA_OK) {
            assert_int_equal(status, BA_NOMEM);
            assert_null(activations);
        }
        ba_activations_free(activations);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(side_by_side, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(layer_files, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(table_of_neurons, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(three_dimensions, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(words_of_neurox, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(subwords, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(no_memory, make_folder, remove_folder)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
