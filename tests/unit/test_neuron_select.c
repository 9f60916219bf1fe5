/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/rankinglib.h"

#include "core/alloc.h"
#include "brainalign/neuron_select.h"

enum { N = 8 };

static const char *const names[] = {"A", "B"};

/* Layers of 3. A in order: 4, 1, 2, 6, 0, 7, 3; 5 has no score. */
static const double scores[2 * N] = {
    -1, 5, 3, -6, 7, (double) NAN, 2, -2, 1, 1, 1, 1, 1, 1, 1, 1};

static ba_ranking_t *
both(void)
{
    return make_ranking(2, names, N, 3, scores);
}

static void
assert_selected(const ba_neuron_select_opts_t *opts, const char *wanted)
{
    ba_ranking_t *ranking = both();
    char found[64] = "";
    size_t *list, n, used = 0;

    if (ba_neurons_select(NULL, ranking, NULL, opts, &list, &n) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    for (size_t i = 0; i < n; i++) {
        used += (size_t) snprintf(found + used, sizeof found - used, "%zu ", list[i]);
    }
    assert_string_equal(found, wanted);
    free(list);
    ba_ranking_free(ranking);
}

static ba_neuron_select_opts_t
of_a(void)
{
    ba_neuron_select_opts_t opts = ba_neuron_select_default();

    opts.concepts = names;
    opts.n_concepts = 1;
    return opts;
}

static void
by_number(void **state)
{
    ba_neuron_select_opts_t opts = of_a();

    (void) state;
    opts.n = 3;
    assert_selected(&opts, "1 2 4 ");
    opts.by_absolute = 1;
    assert_selected(&opts, "1 3 4 ");
    opts.pick = BA_PICK_BOTTOM;
    assert_selected(&opts, "0 6 7 "); /* 1, 2 and -2 */
    opts.by_absolute = 0;
    assert_selected(&opts, "0 3 7 ");
    opts.n = 7;
    assert_selected(&opts, "0 1 2 3 4 6 7 ");
    opts = of_a();
    opts.fraction = 0.3; /* 2.1 of seven */
    assert_selected(&opts, "1 4 ");
    opts.fraction = 0.01;
    assert_selected(&opts, "4 ");
}

/* All of them where none is named, each neuron once; ties to the lowest. */
static void
concepts(void **state)
{
    ba_neuron_select_opts_t opts = ba_neuron_select_default();
    const char *const starred[] = {"A", "*"};
    ba_ranking_t *ranking = make_ranking(2, starred, N, 3, scores);
    size_t *list, n;

    (void) state;
    opts.n = 2;
    assert_selected(&opts, "0 1 4 ");
    assert_int_equal(ba_neurons_select(NULL, ranking, NULL, &opts, &list, &n), BA_OK);
    assert_int_equal(n, 2);
    assert_int_equal(list[1], 1);
    free(list);
    ba_ranking_free(ranking);
}

/* |A| adds up to 26: 7, 13, 18, 21, 23, 25, 26. The neuron that reaches the share is in,
 * also where it does so exactly. */
static void
by_mass(void **state)
{
    ba_neuron_select_opts_t opts = of_a();

    (void) state;
    opts.mass = 0;
    assert_selected(&opts, "4 ");
    opts.mass = 0.5;
    assert_selected(&opts, "3 4 ");
    opts.mass = 0.51;
    assert_selected(&opts, "1 3 4 ");
    opts.mass = 1;
    assert_selected(&opts, "0 1 2 3 4 6 7 ");
    opts.pick = BA_PICK_BOTTOM; /* 1, 3, 5, 8, ... */
    opts.mass = 0.3;
    assert_selected(&opts, "0 2 6 7 ");
}

static void
by_layer(void **state)
{
    ba_neuron_select_opts_t opts = of_a();

    (void) state;
    opts.n = 4;
    opts.layer_quota = 2;
    assert_selected(&opts, "1 2 4 6 ");
    opts.n = 5;
    assert_selected(&opts, "1 2 4 6 7 ");
    opts = of_a();
    opts.mass = 0.9;
    opts.layer_quota = 1;
    assert_selected(&opts, "1 4 6 ");
}

static void
at_random(void **state)
{
    size_t counts[N] = {0}, *list, n;
    ba_neuron_select_opts_t opts = of_a();
    ba_ranking_t *ranking = both();

    (void) state;
    opts.pick = BA_PICK_RANDOM;
    opts.n = 2;
    for (opts.seed = 0; opts.seed < 700; opts.seed++) {
        assert_int_equal(ba_neurons_select(NULL, ranking, NULL, &opts, &list, &n), BA_OK);
        assert_int_equal(n, 2);
        counts[list[0]]++;
        counts[list[1]]++;
        free(list);
    }
    /* 200 each, standard deviation 12. */
    for (size_t i = 0; i < N; i++) {
        assert_close((double) counts[i], i == 5 ? 0 : 200, i == 5 ? 0 : 60);
    }
    ba_ranking_free(ranking);
}

static void
assert_refused(const ba_neuron_select_opts_t *opts, int wanted, const char *words)
{
    ba_ranking_t *ranking = both();
    size_t *list, n;

    assert_int_equal(ba_neurons_select(NULL, ranking, NULL, opts, &list, &n), wanted);
    assert_null(list);
    assert_contains(ba_error_message(), words);
    ba_ranking_free(ranking);
}

static void
refused(void **state)
{
    const char *const other[] = {"C"};
    ba_neuron_select_opts_t opts = of_a();

    (void) state;
    assert_refused(&opts, BA_VALUE, "0 of number, fraction and mass");
    opts.n = 8;
    assert_refused(&opts, BA_SHAPE,
        "8 neurons wanted for concept 'A', but there are 7 with a defined score");
    opts.n = 7;
    opts.layer_quota = 2;
    assert_refused(
        &opts, BA_SHAPE, "7 neurons wanted for concept 'A', but the other rules leave 6");
    opts.mass = 0.5;
    assert_refused(&opts, BA_VALUE, "2 of number, fraction and mass");
    opts.n = 0;
    opts.pick = BA_PICK_RANDOM;
    assert_refused(&opts, BA_VALUE, "a mass at random");
    opts.pick = BA_PICK_TOP;
    opts.mass = 1.5;
    assert_refused(&opts, BA_VALUE, "a mass of 1.5");
    opts = of_a();
    opts.fraction = 0;
    assert_refused(&opts, BA_VALUE, "a fraction of 0");
    opts.fraction = 0.5;
    opts.max_correlation = 0.5;
    assert_refused(&opts, BA_VALUE, "no activations");
    opts.max_correlation = -1;
    assert_refused(&opts, BA_VALUE, "a correlation of -1");
    opts = of_a();
    opts.n = 1;
    opts.concepts = other;
    assert_refused(&opts, BA_MISSING, "concept 'C': not among the 2 of the ranking");
}

/* Activations of eight neurons in which 4 and 1 are copies but for sign and scale, and 6
 * is constant. */
static ba_activations_t *
correlated(void)
{
    enum { TOKENS = 200 };
    char *text = malloc(TOKENS * 200), *end = text;
    const char *files[1];
    ba_activations_opts_t opts = {.files = files, .n_files = 1};
    ba_activations_t *activations;
    double x[N];
    uint64_t seed = 9;

    for (size_t t = 0; t < TOKENS; t++) {
        for (size_t j = 0; j < N; j++) {
            x[j] = test_normal(&seed);
        }
        x[1] = 3 - 2 * x[4];
        x[6] = 0.1;
        for (size_t j = 0; j < N; j++) {
            end += sprintf(end, "%.17g%s", x[j], j + 1 < N ? "," : "\n");
        }
    }
    files[0] = label_file("x.csv", text, "");
    assert_int_equal(ba_activations_open(NULL, &opts, &activations), BA_OK);
    free(text);
    return activations;
}

static void
redundant(void **state)
{
    ba_neuron_select_opts_t opts = of_a();
    ba_activations_t *activations = correlated();
    ba_ranking_t *ranking = both();
    size_t *list, n;

    (void) state;
    opts.n = 3;
    opts.max_correlation = 0.5;
    assert_int_equal(
        ba_neurons_select(NULL, ranking, activations, &opts, &list, &n), BA_OK);
    assert_int_equal(n, 3);
    assert_int_equal(list[0], 2);
    assert_int_equal(list[1], 4);
    assert_int_equal(list[2], 6);
    free(list);
    opts.n = 7;
    assert_int_equal(
        ba_neurons_select(NULL, ranking, activations, &opts, &list, &n), BA_SHAPE);
    assert_contains(ba_error_message(), "the other rules leave 6");
    opts.max_correlation = (double) NAN;
    opts.cluster_cut = 0.5; /* 1 and 4 are one cluster; the others stand alone */
    assert_int_equal(
        ba_neurons_select(NULL, ranking, activations, &opts, &list, &n), BA_SHAPE);
    assert_contains(ba_error_message(), "the other rules leave 6");
    opts.n = 3;
    assert_int_equal(
        ba_neurons_select(NULL, ranking, activations, &opts, &list, &n), BA_OK);
    assert_int_equal(list[0], 2);
    assert_int_equal(list[1], 4);
    assert_int_equal(list[2], 6);
    free(list);
    opts.cluster_cut = 1; /* everything is one */
    opts.n = 2;
    assert_int_equal(
        ba_neurons_select(NULL, ranking, activations, &opts, &list, &n), BA_SHAPE);
    assert_contains(ba_error_message(), "the other rules leave 1");
    opts.n = 7;
    opts.cluster_cut = (double) NAN;
    opts.max_correlation = 1;
    assert_int_equal(
        ba_neurons_select(NULL, ranking, activations, &opts, &list, &n), BA_OK);
    free(list);
    ba_ranking_free(ranking);
    ba_activations_free(activations);
}

static void
no_memory(void **state)
{
    ba_neuron_select_opts_t opts = of_a();
    ba_activations_t *activations = correlated();
    ba_ranking_t *ranking = both();
    int status = BA_NOMEM;

    (void) state;
    opts.n = 2;
    opts.max_correlation = 0.5;
    for (size_t k = 1; status == BA_NOMEM; k++) {
        size_t *list, n;

        ba_alloc_fail_at(k);
        status = ba_neurons_select(NULL, ranking, activations, &opts, &list, &n);
        ba_alloc_fail_at(0);
        assert_true(k < 50);
        assert_true(status == BA_OK || (status == BA_NOMEM && !list));
        free(list);
    }
    ba_ranking_free(ranking);
    ba_activations_free(activations);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_number),
        cmocka_unit_test(concepts), cmocka_unit_test(by_mass), cmocka_unit_test(by_layer),
        cmocka_unit_test(at_random), cmocka_unit_test(refused),
        cmocka_unit_test_setup_teardown(redundant, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(no_memory, make_folder, remove_folder)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
