/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/conceptlib.h"

#include "core/alloc.h"
#include "datasets/neuron_table.h"

static void
read_table(void **state)
{
    const char *text = "unit\tlayer\tcomponent\tneuron\n"
                       "5\t1\tffn\t2\n"
                       "0\t0\tresidual\t0\n"
                       "1\t0\tresidual\t1\n";
    ba_neuron_table_t table;

    (void) state;
    assert_int_equal(
        ba_neuron_table_read(label_file("n.tsv", text, ""), 3, &table), BA_OK);
    assert_int_equal(table.n_neurons, 3);
    assert_int_equal(table.n_components, 2);
    assert_int_equal(table.layer[2], 1);
    assert_int_equal(table.unit[2], 5);
    assert_int_equal(table.unit[1], 1);
    assert_string_equal(table.component_names[table.component[2]], "ffn");
    assert_string_equal(table.component_names[table.component[1]], "residual");
    assert_int_equal(ba_neuron_number(&table, 2), 2);
    ba_neuron_table_free(&table);
    assert_int_equal(ba_neuron_table_read(
                         label_file("n.csv", "layer,unit\n0,0\n3,7\n", ""), 2, &table),
        BA_OK);
    assert_int_equal(table.layer[1], 3);
    assert_string_equal(table.component_names[0], "neurons");
    ba_neuron_table_free(&table);
}

static void
assert_refused(const char *text, int wanted, const char *words)
{
    ba_neuron_table_t table;

    assert_int_equal(
        ba_neuron_table_read(label_file("n.csv", text, ""), 2, &table), wanted);
    assert_contains(ba_error_message(), words);
    assert_null(table.layer);
}

static void
refused(void **state)
{
    (void) state;
    assert_refused("layer,units\n0,0\n0,1\n", BA_MISSING, "n.csv: no column 'unit'");
    assert_refused(
        "layer,unit\n0,0\n", BA_SHAPE, "n.csv: 1 rows, wanted one for each of 2 neurons");
    assert_refused("layer,unit,neuron\n0,0,1\n0,1,1\n", BA_FORMAT,
        "n.csv: row 2: neuron 1 for the second time");
    assert_refused("layer,unit,neuron\n0,0,0\n0,1,2\n", BA_FORMAT,
        "n.csv: row 2, column 3 (neuron): 2, wanted a whole number from 0 to 1");
    assert_refused("layer,unit\n0,0\n-1,0\n", BA_FORMAT, "column 1 (layer): -1, wanted");
    assert_refused("layer,unit\n0,0\n0,0.5\n", BA_FORMAT, "column 2 (unit): 0.5, wanted");
}

/* Layers 0 0 1 2 2 4 of two components. */
static void
make_table(ba_neuron_table_t *table)
{
    static const char *const names[] = {"a", "b"};
    const size_t layer[6] = {0, 0, 1, 2, 2, 4};

    assert_int_equal(ba_neuron_table_make(6, names, 2, table), BA_OK);
    for (size_t i = 0; i < 6; i++) {
        table->layer[i] = layer[i];
        table->unit[i] = 10 * i;
        table->component[i] = i % 2;
    }
}

static void
choice_of_layers(void **state)
{
    ba_neuron_table_t table, copy;
    size_t *kept;

    (void) state;
    make_table(&table);
    assert_int_equal(ba_neuron_table_layers(&table, "4,1:3", &kept), BA_OK);
    assert_int_equal(table.n_neurons, 4);
    assert_int_equal(kept[0], 2);
    assert_int_equal(kept[3], 5);
    assert_int_equal(table.unit[3], 50);
    assert_int_equal(table.component[0], 0);
    assert_int_equal(ba_neuron_table_copy(&table, &copy), BA_OK);
    assert_int_equal(ba_neuron_number(&copy, 1), 3);
    assert_int_equal(copy.layer[3], 4);
    ba_neuron_table_free(&copy);
    ba_neuron_table_free(&table);
    ba_free(kept);
    make_table(&table);
    assert_int_equal(ba_neuron_table_layers(&table, NULL, &kept), BA_OK);
    assert_int_equal(table.n_neurons, 6);
    assert_null(table.number);
    assert_int_equal(kept[5], 5);
    ba_neuron_table_free(&table);
    ba_free(kept);
}

static void
no_such_layers(void **state)
{
    static const char *const bad[] = {
        "", "x", "1,", "2:1", "2:2", "1:", "-1", "0,,1", "0 1", "99999999999999999999"};
    ba_neuron_table_t table;
    size_t *kept = NULL;

    (void) state;
    make_table(&table);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ba_neuron_table_layers(&table, bad[i], &kept), BA_VALUE);
        assert_contains(ba_error_message(), "wanted a list such as 0,3:6");
        ba_free(kept);
    }
    assert_int_equal(ba_neuron_table_layers(&table, "0,3", &kept), BA_VALUE);
    assert_string_equal(
        ba_error_message(), "layers: 3, but there is no such layer: the last one is 4");
    ba_free(kept);
    assert_int_equal(ba_neuron_table_layers(&table, "2:9", &kept), BA_VALUE);
    ba_free(kept);
    assert_int_equal(table.n_neurons, 6);
    ba_neuron_table_free(&table);
}

static void
no_memory(void **state)
{
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_neuron_table_t table, copy = {0};
        size_t *kept = NULL;

        make_table(&table);
        ba_alloc_fail_at(n);
        status = ba_neuron_table_layers(&table, "0", &kept);
        if (status == BA_OK) {
            status = ba_neuron_table_copy(&table, &copy);
        }
        ba_alloc_fail_at(0);
        assert_true(n < 30);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_neuron_table_free(&table);
        ba_neuron_table_free(&copy);
        ba_free(kept);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read_table, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(refused, make_folder, remove_folder),
        cmocka_unit_test(choice_of_layers), cmocka_unit_test(no_such_layers),
        cmocka_unit_test(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
