/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of salient neurons by weight mass, of a probe's weights: the numbers of NeuroX's own
 * selectors and of a second computation. Every set must be the same. */
#include "tests/golden/golden.h"

#include "datasets/neuron_table.h"
#include "brainalign/neuron_select.h"

static ba_ranking_t *
ranking_of(const golden_t *weights)
{
    static const char *const component[] = {"residual"};
    size_t n_classes = weights->dims[0], n_neurons = weights->dims[1];
    char names[32][24];
    const char *concepts[32];
    ba_neuron_table_t neurons;
    ba_ranking_t *ranking;

    for (size_t c = 0; c < n_classes; c++) {
        snprintf(names[c], sizeof names[c], "%zu", c);
        concepts[c] = names[c];
    }
    assert_int_equal(ba_neuron_table_make(n_neurons, component, 1, &neurons), BA_OK);
    assert_int_equal(
        ba_ranking_create("lca", n_classes, concepts, &neurons, &ranking), BA_OK);
    memcpy(ranking->score, weights->data, weights->n * sizeof(double));
    assert_int_equal(ba_ranking_sort(ranking), BA_OK);
    ba_neuron_table_free(&neurons);
    return ranking;
}

static void
assert_same_set(const golden_t *wanted, const size_t *list, size_t n, const char *what)
{
    size_t found = 0;

    if (n != wanted->n) {
        fail_msg("%s: %zu neurons, wanted %zu", what, n, wanted->n);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            found += (size_t) wanted->data[k] == list[i];
        }
    }
    if (found != n) {
        fail_msg("%s: %zu of %zu neurons are wanted", what, found, n);
    }
}

static void
check_sets(const char *file, const ba_ranking_t *ranking, double mass, ba_pick_t pick)
{
    const char *side = pick == BA_PICK_TOP ? "top" : "bottom";
    ba_neuron_select_opts_t opts = ba_neuron_select_default();
    char group[64], counts_name[64];
    golden_t wanted, counts;
    size_t *list, n;

    snprintf(group, sizeof group, "sets/mass_%g", mass);
    snprintf(counts_name, sizeof counts_name, "%s_count_per_class", side);
    wanted = golden_read_in(file, group, side);
    counts = golden_read_in(file, group, counts_name);
    opts.mass = mass;
    opts.pick = pick;
    assert_int_equal(ba_neurons_select(NULL, ranking, NULL, &opts, &list, &n), BA_OK);
    assert_same_set(&wanted, list, n, group);
    free(list);
    for (size_t c = 0; c < counts.n; c++) {
        opts.concepts = (const char *const *) &ranking->concepts[c];
        opts.n_concepts = 1;
        assert_int_equal(ba_neurons_select(NULL, ranking, NULL, &opts, &list, &n), BA_OK);
        assert_int_equal(n, (size_t) counts.data[c]);
        free(list);
    }
    golden_free(&wanted);
    golden_free(&counts);
}

static void
sets_by_mass(void **state)
{
    static const double masses[] = {0, 0.05, 0.2, 0.5, 0.9};
    char file[TEST_PATH_SIZE];
    golden_t weights;
    ba_ranking_t *ranking;

    (void) state;
    test_need_data(file, "golden/neurons/n1_lca.h5");
    weights = golden_read(file, "adam_file_order/W_epoch10");
    ranking = ranking_of(&weights);
    for (size_t i = 0; i < sizeof masses / sizeof *masses; i++) {
        check_sets(file, ranking, masses[i], BA_PICK_TOP);
        check_sets(file, ranking, masses[i], BA_PICK_BOTTOM);
    }
    ba_ranking_free(ranking);
    golden_free(&weights);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sets_by_mass)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
