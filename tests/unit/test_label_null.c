/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/error.h"
#include "brainalign/rank.h"
#include "datasets/neuron_table.h"
#include "neurons/label_null.h"

enum { CONCEPTS = 2, NEURONS = 5, PERMUTATIONS = 3, TOP = 2 };

static void
make_ranking(ba_ranking_t **out)
{
    const char *const components[] = {"residual", "ffn"}, *concepts[] = {"NOUN", "VERB"};
    ba_neuron_table_t neurons;

    assert_int_equal(ba_neuron_table_make(NEURONS, components, 2, &neurons), BA_OK);
    for (size_t j = 0; j < NEURONS; j++) {
        neurons.layer[j] = j / 2;
        neurons.unit[j] = 10 + j;
        neurons.component[j] = j > 2;
    }
    assert_int_equal(
        ba_ranking_create("auroc", CONCEPTS, concepts, &neurons, out), BA_OK);
    for (size_t i = 0; i < CONCEPTS * NEURONS; i++) {
        (*out)->score[i] = (double) (i * 3 % NEURONS);
    }
    assert_int_equal(ba_ranking_sort(*out), BA_OK);
    ba_neuron_table_free(&neurons);
}

static void
test_round_trip(void **state)
{
    uint32_t order[CONCEPTS * PERMUTATIONS * TOP];
    ba_rank_report_t report = {
        .n_permutations = PERMUTATIONS, .null_top = TOP, .null_order = order};
    char folder[] = "/tmp/brainalign-null-XXXXXX", file[TEST_PATH_SIZE];
    const char *const inputs[] = {NULL};
    ba_rank_save_t save = {.file = file, .inputs = inputs};
    ba_ranking_t *ranking;
    ba_label_null_t found;

    (void) state;
    assert_non_null(mkdtemp(folder));
    test_join(file, folder, "null.h5");
    make_ranking(&ranking);
    for (size_t i = 0; i < CONCEPTS * PERMUTATIONS * TOP; i++) {
        order[i] = i == 3 ? UINT32_MAX : (uint32_t) (i % NEURONS);
    }
    assert_int_equal(ba_rank_null_save(NULL, ranking, &report, &save), BA_OK);
    assert_int_equal(ba_rank_null_save(NULL, ranking, &report, &save), BA_EXISTS);
    assert_int_equal(ba_label_null_read(file, &found), BA_OK);
    assert_int_equal(found.n_concepts, CONCEPTS);
    assert_int_equal(found.n_permutations, PERMUTATIONS);
    assert_int_equal(found.top, TOP);
    assert_string_equal(found.names[1], "VERB");
    assert_int_equal(found.neurons.n_neurons, NEURONS);
    for (size_t j = 0; j < NEURONS; j++) {
        assert_int_equal(found.neurons.layer[j], j / 2);
        assert_int_equal(found.neurons.unit[j], 10 + j);
        assert_string_equal(found.neurons.component_names[found.neurons.component[j]],
            j > 2 ? "ffn" : "residual");
    }
    for (size_t i = 0; i < CONCEPTS * PERMUTATIONS * TOP; i++) {
        assert_int_equal(found.null[i], i == 3 ? -1 : (int) (i % NEURONS));
    }
    for (size_t i = 0; i < CONCEPTS * TOP; i++) {
        assert_int_equal(found.observed[i], ranking->order[i / TOP * NEURONS + i % TOP]);
    }
    ba_label_null_free(&found);
    report.null_order = NULL;
    assert_int_equal(ba_rank_null_save(NULL, ranking, &report, &save), BA_VALUE);
    ba_ranking_free(ranking);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* A neuron that the file has not, and a file of another kind. */
static void
test_broken_files(void **state)
{
    char folder[] = "/tmp/brainalign-null-XXXXXX", file[TEST_PATH_SIZE];
    uint32_t order[CONCEPTS * PERMUTATIONS * TOP] = {NEURONS};
    ba_rank_report_t report = {
        .n_permutations = PERMUTATIONS, .null_top = TOP, .null_order = order};
    const char *const inputs[] = {NULL};
    ba_rank_save_t save = {.file = file, .force = 1, .inputs = inputs};
    ba_ranking_t *ranking;
    ba_bundle_t *bundle;
    ba_label_null_t found;

    (void) state;
    assert_non_null(mkdtemp(folder));
    test_join(file, folder, "null.h5");
    make_ranking(&ranking);
    assert_int_equal(ba_rank_null_save(NULL, ranking, &report, &save), BA_OK);
    assert_int_equal(ba_label_null_read(file, &found), BA_FORMAT);
    assert_contains(ba_error_message(), "/null: neuron 5, but there are 5");
    ba_label_null_free(&found);
    assert_int_equal(ba_bundle_create(file, 1, &bundle), BA_OK);
    assert_int_equal(
        ba_bundle_attr_string(bundle, "/", "format", "brainalign-align"), BA_OK);
    assert_int_equal(ba_bundle_commit(bundle), BA_OK);
    ba_bundle_free(bundle);
    assert_true(ba_label_null_read(file, &found) != BA_OK);
    ba_label_null_free(&found);
    ba_ranking_free(ranking);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_broken_files),
    };

    return cmocka_run_group_tests_name("label_null", tests, NULL, NULL);
}
