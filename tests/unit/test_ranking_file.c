/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/rankinglib.h"

#include "core/alloc.h"

static const char *const two[] = {"A", "b c"};

static void
assert_file(const char *path, const char *wanted)
{
    char text[2048];
    FILE *file = fopen(path, "rb");
    size_t n;

    assert_non_null(file);
    n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    assert_string_equal(text, wanted);
}

static void
table(void **state)
{
    const double score[6] = {0.1, (double) NAN, -2, 1, 3, 1};
    ba_ranking_t *ranking = make_ranking(2, two, 3, 2, score);
    char path[TEST_PATH_SIZE];

    (void) state;
    test_join(path, folder, "r.tsv");
    ranking->p = ba_calloc(6, sizeof(double));
    ranking->p[0] = 0.25;
    assert_int_equal(ba_ranking_write(ranking, path, 2, 0), BA_OK);
    assert_file(path, "rank\tneuron\tlayer\tcomponent\tunit\tconcept\tscore\tp\tq\n"
                      "1\t0\t0\tffn\t0\tA\t0.10000000000000001\t0.25\tn/a\n"
                      "2\t2\t1\tffn\t0\tA\t-2\t0\tn/a\n"
                      "1\t1\t0\tffn\t1\tb c\t3\t0\tn/a\n"
                      "2\t0\t0\tffn\t0\tb c\t1\t0\tn/a\n");
    assert_int_equal(ba_ranking_write(ranking, path, 0, 0), BA_EXISTS);
    ba_ranking_free(ranking);
}

/* Every number comes back, with the numbers of neurons that a choice of layers left. */
static void
there_and_back(void **state)
{
    enum { N = 40 };
    double score[2 * N];
    char path[TEST_PATH_SIZE];
    ba_ranking_t *ranking, *back;

    (void) state;
    test_join(path, folder, "r.tsv");
    test_fill_normal(score, 2 * N, 3);
    score[5] = (double) NAN;
    ranking = make_ranking(2, two, N, 8, score);
    ranking->q = ba_calloc(2 * N, sizeof(double));
    ranking->stability = ba_calloc(2 * N, sizeof(double));
    test_fill_normal(ranking->stability, 2 * N, 4);
    ranking->neurons.number = ba_calloc(N, sizeof(size_t));
    for (size_t i = 0; i < N; i++) {
        ranking->neurons.number[i] = 2 * i + 1;
    }
    assert_int_equal(ba_ranking_write(ranking, path, 0, 0), BA_OK);
    assert_int_equal(ba_ranking_read(path, 100, &back), BA_OK);
    assert_int_equal(back->n_neurons, 100);
    assert_int_equal(back->n_concepts, 2);
    assert_string_equal(back->concepts[1], "b c");
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < N; i++) {
            size_t at = c * 100 + 2 * i + 1;

            assert_close(back->score[at], score[c * N + i], 0);
            assert_close(back->stability[at], ranking->stability[c * N + i], 0);
            assert_close(back->q[at], 0, 0);
            assert_true(isnan(back->p[at]));
            assert_true(isnan(back->score[at - 1]));
            /* The one without a score comes after all that have one. */
            if (!isnan(score[c * N + ranking->order[c * N + i]])) {
                assert_int_equal(
                    back->order[c * 100 + i], 2 * ranking->order[c * N + i] + 1);
            }
        }
    }
    assert_int_equal(back->neurons.layer[2 * 20 + 1], 2);
    assert_int_equal(back->neurons.unit[2 * 20 + 1], 4);
    ba_ranking_free(back);
    assert_int_equal(ba_ranking_read(path, 0, &back), BA_OK);
    assert_int_equal(back->n_neurons, 80);
    ba_ranking_free(back);
    ba_ranking_free(ranking);
}

static void
assert_refused(const char *text, size_t n_neurons, int wanted, const char *words)
{
    ba_ranking_t *ranking;

    assert_int_equal(
        ba_ranking_read(label_file("bad.tsv", text, ""), n_neurons, &ranking), wanted);
    assert_null(ranking);
    assert_contains(ba_error_message(), words);
}

static void
bad_tables(void **state)
{
    (void) state;
    assert_refused("neuron\tscore\n0\t1\n", 0, BA_FORMAT, "no column 'concept'");
    assert_refused("neuron\tconcept\tscore\n0\tA\t1\n0\tA\t2\n", 0, BA_FORMAT,
        "row 2: neuron 0 of concept 'A' for the second time");
    assert_refused("neuron\tconcept\tscore\n0\tA\tx\n", 0, BA_FORMAT,
        "line 2, row 1, column 3 (score): 'x', expected a number");
    assert_refused("neuron\tconcept\tscore\n1.5\tA\t1\n", 0, BA_FORMAT,
        "row 1, column 1 (neuron): '1.5', wanted a whole number from 0");
    assert_refused("neuron\tconcept\tscore\n99999999999\tA\t1\n", 0, BA_FORMAT,
        "'99999999999', wanted a whole number");
    assert_refused("neuron\tconcept\tscore\n7\tA\t1\n", 7, BA_SHAPE,
        "bad.tsv: neuron 7, but there are 7 (counted from 0)");
}

static void
assert_list(const char *text, size_t n_neurons, const size_t *wanted, size_t n_wanted)
{
    size_t *list, n;

    if (ba_neuron_list_read(label_file("l.tsv", text, ""), n_neurons, &list, &n)) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(n, n_wanted);
    assert_memory_equal(list, wanted, n * sizeof *wanted);
    free(list);
}

static void
lists(void **state)
{
    const size_t wanted[3] = {1, 4, 9};
    const double score[10] = {0};
    ba_ranking_t *ranking = make_ranking(1, two, 10, 4, score);
    char path[TEST_PATH_SIZE];
    size_t *list, n;

    (void) state;
    test_join(path, folder, "written.tsv");
    assert_list("9\n1\n4\n", 10, wanted, 3);
    assert_list("layer\tneuron\n0\t9\n0\t4\n2\t1\n", 0, wanted, 3);
    assert_list("neuron\n1\n4\n9\n", 10, wanted, 3);
    assert_int_equal(ba_neuron_list_write(path, &ranking->neurons, wanted, 3, 0), BA_OK);
    assert_file(path, "neuron\tlayer\tcomponent\tunit\n1\t0\tffn\t1\n4\t1\tffn\t0\n9\t2\t"
                      "ffn\t1\n");
    assert_int_equal(
        ba_neuron_list_write(path, &ranking->neurons, wanted, 3, 0), BA_EXISTS);
    assert_int_equal(ba_neuron_list_read(path, 9, &list, &n), BA_SHAPE);
    assert_contains(ba_error_message(), "neuron 9, but there are 9 (counted from 0)");
    assert_int_equal(
        ba_neuron_list_read(label_file("l.tsv", "3\n1\n3\n", ""), 10, &list, &n),
        BA_FORMAT);
    assert_contains(ba_error_message(), "neuron 3 twice");
    assert_int_equal(
        ba_neuron_list_read(label_file("l.tsv", "1\t2\n3\t4\n", ""), 10, &list, &n),
        BA_FORMAT);
    assert_contains(ba_error_message(), "no column 'neuron'");
    assert_null(list);
    ba_ranking_free(ranking);
}

static void
places(void **state)
{
    const double score[4] = {0};
    size_t number[4] = {3, 4, 8, 9}, list[2] = {4, 9}, other[2] = {3, 5};
    ba_ranking_t *ranking = make_ranking(1, two, 4, 4, score);

    (void) state;
    assert_int_equal(ba_neuron_list_places(&ranking->neurons, list, 1), BA_SHAPE);
    ranking->neurons.number = number;
    assert_int_equal(ba_neuron_list_places(&ranking->neurons, list, 2), BA_OK);
    assert_int_equal(list[0], 1);
    assert_int_equal(list[1], 3);
    assert_int_equal(ba_neuron_list_places(&ranking->neurons, other, 2), BA_SHAPE);
    assert_string_equal(
        ba_error_message(), "neuron 5: not among those of the activations");
    ranking->neurons.number = NULL;
    ba_ranking_free(ranking);
}

static void
no_memory(void **state)
{
    const char *path =
        label_file("r.tsv", "neuron\tconcept\tscore\tp\n1\tA\t1\t0\n0\tB\t2\t1\n", "");
    int status = BA_NOMEM;

    (void) state;
    for (size_t n = 1; status == BA_NOMEM; n++) {
        ba_ranking_t *ranking;

        ba_alloc_fail_at(n);
        status = ba_ranking_read(path, 0, &ranking);
        ba_alloc_fail_at(0);
        assert_true(n < 100);
        assert_true(status == BA_OK || (status == BA_NOMEM && !ranking));
        ba_ranking_free(ranking);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(table, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(there_and_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(bad_tables, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(lists, make_folder, remove_folder),
        cmocka_unit_test(places),
        cmocka_unit_test_setup_teardown(no_memory, make_folder, remove_folder)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
