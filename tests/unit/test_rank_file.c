/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ranklib.h"

#include "brainalign/bundle.h"

static void
check_array(const ba_bundle_t *bundle, const char *path, size_t n_rows, size_t n_cols,
    const double *wanted)
{
    size_t dims[BA_MAX_RANK];
    int rank;
    double *found = malloc(n_rows * n_cols * sizeof *found);

    assert_non_null(found);
    if (ba_bundle_shape(bundle, path, &rank, dims) != 0) {
        fail_msg("%s", ba_error_message());
    }
    assert_int_equal(rank, 2);
    assert_int_equal(dims[0], n_rows);
    assert_int_equal(dims[1], n_cols);
    assert_int_equal(ba_bundle_read(bundle, path, BA_F64, NULL, NULL, found), 0);
    assert_all_close(found, wanted, n_rows * n_cols, 0);
    free(found);
}

static void
check_file(const char *path, const ba_ranking_t *ranking, const ba_rank_report_t *report)
{
    const size_t n = RANK_CONCEPTS, p = RANK_NEURONS;
    ba_bundle_t *bundle;
    char *method, **names;
    size_t n_names;
    int64_t n_train;

    if (ba_bundle_open(path, "brainalign-ranking", &bundle) != 0) {
        fail_msg("%s", ba_error_message());
    }
    check_array(bundle, "/score", n, p, ranking->score);
    check_array(bundle, "/p", n, p, ranking->p);
    check_array(bundle, "/q", n, p, ranking->q);
    check_array(bundle, "/test_score", n, p, report->test);
    check_array(bundle, "/p_fwe", n, p, report->p_fwe);
    check_array(bundle, "/sorted/ap", n, p, report->ap);
    check_array(bundle, "/sorted/auroc", n, p, report->auroc);
    check_array(bundle, "/expert/on_p50", n, p, report->on_p50);
    check_array(bundle, "/expert/off_mean", n, p, report->off_mean);
    check_array(bundle, "/layer/mass", n, 3, report->layer_mass);
    assert_false(ba_bundle_has(bundle, "/gaussian"));
    assert_false(ba_bundle_has(bundle, "/stability"));
    assert_true(ba_bundle_has(bundle, "/concept/split_half"));
    assert_int_equal(ba_bundle_get_string(bundle, "/", "method", &method), 0);
    assert_string_equal(method, "expert");
    free(method);
    assert_int_equal(ba_bundle_get_i64(bundle, "/", "n_train", 1, &n_train, NULL), 0);
    assert_int_equal(n_train, 160);
    assert_int_equal(
        ba_bundle_read_strings(bundle, "/concept/name", &n_names, &names), 0);
    assert_int_equal(n_names, n);
    assert_string_equal(names[2], "c2");
    free(names);
    ba_bundle_free(bundle);
}

static void
test_round_trip(void **state)
{
    rank_study_t *study = rank_study(3, 0);
    ba_rank_opts_t opts = rank_plain("expert");
    ba_rank_report_t *report;
    ba_ranking_t *ranking;
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    ba_rank_save_t save = {.file = path};

    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "rank.h5");
    opts.n_permutations = 3;
    opts.n_halves = 1;
    opts.sorted_scores = 1;
    ranking = rank_must(study, &opts, &report);
    assert_int_equal(ba_rank_save(NULL, ranking, report, &save), 0);
    check_file(path, ranking, report);
    assert_int_equal(ba_rank_save(NULL, ranking, report, &save), BA_EXISTS);
    save.force = 1;
    assert_int_equal(ba_rank_save(NULL, ranking, report, &save), 0);
    test_join(path, folder, "none/rank.h5");
    assert_int_equal(ba_rank_save(NULL, ranking, report, &save), BA_IO);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    rank_study_free(study);
    test_remove_folder(folder);
}

static void
test_picks(void **state)
{
    rank_study_t *study = rank_study(4, 1);
    ba_rank_opts_t opts = rank_plain("gaussian");
    ba_rank_report_t *report;
    ba_ranking_t *ranking;
    ba_bundle_t *bundle;
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE];
    size_t found[3];
    double entropy;

    (void) state;
    test_make_folder(folder);
    test_join(path, folder, "rank.h5");
    opts.n_picks = 3;
    ranking = rank_must(study, &opts, &report);
    assert_int_equal(
        ba_rank_save(NULL, ranking, report, &(ba_rank_save_t){.file = path}), 0);
    assert_int_equal(ba_bundle_open(path, "brainalign-ranking", &bundle), 0);
    assert_int_equal(
        ba_bundle_read(bundle, "/gaussian/pick", BA_U64, NULL, NULL, found), 0);
    assert_memory_equal(found, report->pick, sizeof found);
    assert_int_equal(
        ba_bundle_get_f64(bundle, "/gaussian", "entropy_bits", 1, &entropy, NULL), 0);
    assert_close(entropy, report->entropy, 0);
    ba_bundle_free(bundle);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    rank_study_free(study);
    test_remove_folder(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_picks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
