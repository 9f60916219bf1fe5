/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/error.h"
#include "datasets/neuron_table.h"
#include "neurons/aligning_concepts.h"

enum { N = 6 };

/* Layers of 2 units, components `names` of `n_each` neurons each. */
static ba_neuron_table_t
table(size_t n, const char *const *names, size_t n_names, size_t n_each)
{
    ba_neuron_table_t made;

    assert_int_equal(ba_neuron_table_make(n, names, n_names, &made), BA_OK);
    for (size_t j = 0; j < n; j++) {
        made.component[j] = j / n_each;
        made.layer[j] = j % n_each / 2;
        made.unit[j] = j % n_each % 2;
    }
    return made;
}

static void
swap(size_t *list, size_t a, size_t b)
{
    size_t kept = list[a];

    list[a] = list[b];
    list[b] = kept;
}

static void
test_places(void **state)
{
    const char *const encoder[] = {"rate", "residual", "ffn"},
                      *own[] = {"residual", "ffn"}, *one[] = {"lm"}, *other[] = {"model"};
    static const ba_align_opts_t opts = {.encoder = "enc.h5"};
    unsigned char listed[N] = {1, 1, 1, 1, 1, 1};
    size_t place[N];
    ba_aligning_t aligning = {.opts = &opts};
    ba_neuron_table_t neurons = table(N, own, 2, 4);

    (void) state;
    aligning.neurons = table(N, encoder, 3, 4);
    for (size_t j = 0; j < N; j++) {
        aligning.neurons.component[j]++; /* the first name is a control's */
    }
    swap(neurons.unit, 0, 1);
    swap(neurons.layer, 2, 0);
    swap(neurons.layer, 3, 1);
    assert_int_equal(ba_align_match(&aligning, "r.tsv", &neurons, listed, place), BA_OK);
    assert_int_equal(place[0], 3);
    assert_int_equal(place[1], 2);
    assert_int_equal(place[2], 0);
    assert_int_equal(place[3], 1);
    assert_int_equal(place[4], 4);
    neurons.layer[4] = 7;
    assert_int_equal(
        ba_align_match(&aligning, "r.tsv", &neurons, listed, place), BA_SHAPE);
    assert_string_equal(ba_error_message(),
        "r.tsv: neuron 4 (ffn, layer 7, unit 0) is none of the 6 neurons of enc.h5: "
        "wanted a ranking of the same neurons");
    listed[4] = 0;
    assert_int_equal(ba_align_match(&aligning, "r.tsv", &neurons, listed, place), BA_OK);
    assert_true(place[4] == SIZE_MAX);
    ba_neuron_table_free(&neurons);
    ba_neuron_table_free(&aligning.neurons);

    /* One component on both sides: its name is not looked at. */
    listed[4] = 1;
    neurons = table(N, one, 1, N);
    aligning.neurons = table(N, other, 1, N);
    assert_int_equal(ba_align_match(&aligning, "r.tsv", &neurons, listed, place), BA_OK);
    assert_int_equal(place[5], 5);
    ba_neuron_table_free(&neurons);
    neurons = table(4, one, 1, 4);
    assert_int_equal(
        ba_align_match(&aligning, "r.tsv", &neurons, listed, place), BA_SHAPE);
    assert_string_equal(ba_error_message(),
        "r.tsv: 4 neurons, but enc.h5 has 6: wanted a "
        "ranking of the same neurons");
    ba_neuron_table_free(&neurons);
    ba_neuron_table_free(&aligning.neurons);
}

static void
test_split(void **state)
{
    const char *file;

    (void) state;
    assert_int_equal(ba_align_split("lca=rank.tsv", &file), 3);
    assert_string_equal(file, "rank.tsv");
    assert_int_equal(ba_align_split("rank.tsv", &file), 0);
    assert_string_equal(file, "rank.tsv");
    assert_int_equal(ba_align_split("runs/a=b/rank.tsv", &file), 0);
    assert_string_equal(file, "runs/a=b/rank.tsv");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_split),
    };

    return cmocka_run_group_tests_name("aligning_match", tests, NULL, NULL);
}
