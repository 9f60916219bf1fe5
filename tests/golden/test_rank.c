/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means, information and picks of the neurons of a real model against the reference
 * numbers of golden files N2, N3, N5 and N11. */
#include "tests/golden/rank_golden.h"

#define N2 "golden/neurons/n2_probeless.h5"
#define N3 "golden/neurons/n3_gaussian.h5"
#define N5 "golden/neurons/n5_selectivity.h5"
#define N11 "golden/neurons/n11_structure.h5"

static void
test_probeless(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("probeless");
    setting_t setting;
    ba_ranking_t *ranking;

    (void) state;
    test_need_data(file, N2);
    test_need_data(data, DATA);
    open_setting(data, "upos", N_DEV, 0, &setting);
    ranking = rank_with(&setting, &opts, NULL);
    assert_int_equal(ranking->n_concepts, 18);
    assert_string_equal(ranking->concepts[17], "*");
    compare_set(file, "/score_per_class", ranking->score, false, 1e-11);
    compare_set(file, "/score_global", ranking->score + 17 * N_NEURONS, false, 1e-10);
    compare_order(file, "/order_per_class", ranking->order);
    compare_order(file, "/order_global", ranking->order + 17 * N_NEURONS);
    ba_ranking_free(ranking);
    close_setting(&setting);
}

static void
test_probeless_ties(void **state)
{
    char file[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("probeless");
    golden_t x, y;
    made_t made = {0};
    ba_ranking_t *ranking;

    (void) state;
    test_need_data(file, N2);
    x = golden_read(file, "/synthetic/x");
    y = golden_read(file, "/synthetic/y");
    made.x = malloc(x.n * sizeof(double));
    made.concept = malloc(y.n * sizeof(uint32_t));
    assert_non_null(made.x);
    assert_non_null(made.concept);
    for (size_t i = 0; i < x.n; i++) {
        made.x[i / 24 + i % 24 * 60] = x.data[i];
    }
    for (size_t i = 0; i < y.n; i++) {
        made.concept[i] = (uint32_t) y.data[i];
    }
    make_setting(&made, 60, 24, 4);
    ranking = rank_with(&made.setting, &opts, NULL);
    compare_set(file, "/synthetic/score_per_class", ranking->score, false, 1e-11);
    compare_set(file, "/synthetic/score_global", ranking->score + 4 * 24, false, 1e-11);
    compare_order(file, "/synthetic/order_global", ranking->order + 4 * 24);
    ba_ranking_free(ranking);
    golden_free(&x);
    golden_free(&y);
    made_free(&made);
}

static void
test_selectivity(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("concept-selectivity");
    setting_t setting;
    ba_ranking_t *ranking;

    (void) state;
    test_need_data(file, N5);
    test_need_data(data, DATA);
    open_setting(data, "upos", N_DEV, 0, &setting);
    ranking = rank_with(&setting, &opts, NULL);
    compare_set(file, "/concept_selectivity", ranking->score, true, 1e-10);
    ba_ranking_free(ranking);
    opts.direction = BA_RANK_EITHER;
    ranking = rank_with(&setting, &opts, NULL);
    compare_order(file, "/concept_selectivity_order", ranking->order);
    ba_ranking_free(ranking);
    opts = plain("mean");
    ranking = rank_with(&setting, &opts, NULL);
    compare_set(file, "/mean_difference", ranking->score, true, 1e-10);
    compare_order(file, "/mean_select_order", ranking->order);
    ba_ranking_free(ranking);
    close_setting(&setting);
}

static void
test_welch(void **state)
{
    static const size_t classes[] = {7, 15, 12};
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("welch");
    golden_t t, p, q, top;
    setting_t setting;
    ba_ranking_t *ranking;
    golden_check_t checks[] = {
        {.what = "/welch/t"}, {.what = "/welch/p"}, {.what = "/welch/p_bh"}};

    (void) state;
    test_need_data(file, N5);
    test_need_data(data, DATA);
    t = golden_read(file, "/welch/t");
    p = golden_read(file, "/welch/p");
    q = golden_read(file, "/welch/p_bh");
    top = golden_read(file, "/welch/top");
    open_setting(data, "upos", N_DEV, 0, &setting);
    opts.token_p = 1;
    ranking = rank_with(&setting, &opts, NULL);
    for (size_t i = 0; i < t.n; i++) {
        size_t at = classes[i / N_NEURONS] * N_NEURONS + i % N_NEURONS;

        golden_close(&checks[0], i, ranking->score[at], t.data[i], 1e-10);
        golden_close(&checks[1], i, ranking->p[at], p.data[i], 1e-10);
        golden_close(&checks[2], i, ranking->q[at], q.data[i], 1e-10);
    }
    for (size_t i = 0; i < top.n; i++) {
        assert_int_equal(
            ranking->order[classes[i / 12] * N_NEURONS + i % 12], top.data[i]);
    }
    for (size_t k = 0; k < 3; k++) {
        golden_report("rank", &checks[k]);
    }
    golden_free(&t);
    golden_free(&p);
    golden_free(&q);
    golden_free(&top);
    ba_ranking_free(ranking);
    close_setting(&setting);
}

/* Rows of a golden list, and the labels of N3 (0 .. 5) as concepts. */
static size_t *
list_of(const char *file, const char *path, size_t *n)
{
    golden_t rows = golden_read(file, path);
    size_t *list = malloc(rows.n * sizeof *list);

    assert_non_null(list);
    for (size_t i = 0; i < rows.n; i++) {
        list[i] = (size_t) rows.data[i];
    }
    *n = rows.n;
    golden_free(&rows);
    return list;
}

static void
check_variant(const char *file, const char *group, ba_gaussian_variant_t variant,
    const setting_t *setting)
{
    ba_rank_opts_t opts = plain("gaussian");
    ba_ranking_t *ranking;
    ba_rank_report_t *report;
    golden_t bits = golden_read_in(file, group, "mi_bit");
    golden_t nmi = golden_read_in(file, group, "nmi");
    golden_t pick = golden_read_in(file, group, "pick");
    golden_check_t checks[] = {{.what = "mi_bit"}, {.what = "nmi"}};

    opts.gaussian = variant;
    opts.n_picks = 10;
    ranking = rank_with(setting, &opts, &report);
    assert_int_equal(ranking->n_concepts, 1);
    assert_int_equal(report->n_picks, 10);
    for (size_t k = 0; k < 10; k++) {
        golden_close(&checks[0], k, report->bits[k], bits.data[k], 1e-9);
        golden_close(&checks[1], k, report->nmi[k], nmi.data[k], 1e-9);
        assert_int_equal(report->pick[k], pick.data[k]);
        assert_int_equal(ranking->order[k], pick.data[k]);
    }
    golden_report(group, &checks[0]);
    golden_report(group, &checks[1]);
    golden_free(&bits);
    golden_free(&nmi);
    golden_free(&pick);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
}

static void
test_gaussian(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE], spec[TEST_PATH_SIZE + 64];
    const char *files[] = {spec};
    ba_activations_opts_t opts = {.files = files, .n_files = 1};
    setting_t setting, narrow;

    (void) state;
    test_need_data(file, N3);
    test_need_data(data, DATA);
    open_setting(data, "upos", 1, 1, &setting);
    snprintf(spec, sizeof spec, "%s:/activations/residual[,192:256]", data);
    narrow = setting;
    assert_int_equal(ba_activations_open(NULL, &opts, &narrow.activations), 0);
    narrow.split.train = list_of(file, "/row_train", &narrow.split.n_train);
    narrow.split.test = list_of(file, "/row_dev", &narrow.split.n_test);
    check_variant(file, "/authors", BA_GAUSSIAN_AUTHORS, &narrow);
    check_variant(file, "/pitfalls", BA_GAUSSIAN_PITFALLS, &narrow);
    check_variant(file, "/neurox", BA_GAUSSIAN_NEUROX, &narrow);
    ba_activations_free(narrow.activations);
    free(narrow.split.train);
    free(narrow.split.test);
    close_setting(&setting);
}

static void
test_information(void **state)
{
    char file[TEST_PATH_SIZE], data[TEST_PATH_SIZE];
    ba_rank_opts_t opts = plain("mi");
    golden_check_t check = {.what = "/mutual_information/mi_bit"};
    golden_t bits, neuron;
    setting_t setting;
    ba_ranking_t *ranking;

    (void) state;
    test_need_data(file, N11);
    test_need_data(data, DATA);
    bits = golden_read(file, "/mutual_information/mi_bit");
    neuron = golden_read(file, "/mutual_information/neuron");
    open_setting(data, "upos", N_DEV, 0, &setting);
    ranking = rank_with(&setting, &opts, NULL);
    for (size_t i = 0; i < bits.n; i++) {
        golden_close(&check, i, ranking->score[17 * N_NEURONS + (size_t) neuron.data[i]],
            bits.data[i], 1e-12);
    }
    golden_report("rank", &check);
    golden_free(&bits);
    golden_free(&neuron);
    ba_ranking_free(ranking);
    close_setting(&setting);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probeless),
        cmocka_unit_test(test_probeless_ties),
        cmocka_unit_test(test_selectivity),
        cmocka_unit_test(test_welch),
        cmocka_unit_test(test_gaussian),
        cmocka_unit_test(test_information),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
