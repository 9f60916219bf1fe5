/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that runs out anywhere in neurons align: BA_NOMEM, nothing under the outputs'
 * names, no leak (MODE=asan). */
#define STUDY_TARGETS 9
#include "tests/property/encode_study.h"

#include "tests/faults/exhaust.h"

#include "brainalign/align.h"

static ba_dataset_t *dataset;
static ba_ctx_t ctx;

static int
open_study(void **state)
{
    ba_encode_fit_opts_t opts;

    make_folder(state);
    ctx = ba_ctx_default();
    ctx.n_threads = 1;
    opts = fit_settings("enc.h5");
    opts.delays = "0";
    opts.fit.alphas.n = 1;
    opts.fit.cv.kind = BA_CV_NONE;
    fit_to_file(2, 0, &opts);
    dataset = open_for_fit(2, 0);
    test_write_file(in_folder("one.txt"), "1\n3\n", 4);
    test_write_file(in_folder("regions.txt"), "a\nb\na\nb\na\nb\na\nb\na\n", 18);
    snprintf(out_folder, sizeof out_folder, "%s", folder);
    snprintf(out_path, sizeof out_path, "%s", in_folder("align.h5"));
    return 0;
}

static int
close_study(void **state)
{
    ba_dataset_free(dataset);
    return remove_folder(state);
}

static ba_align_opts_t
settings(void)
{
    static const char *const controls[] = {"b"};
    static char regions[TEST_PATH_SIZE];

    snprintf(regions, sizeof regions, "%s", in_folder("regions.txt"));
    return (ba_align_opts_t){.encoder = in_folder("enc.h5"),
        .dataset = dataset,
        .controls = controls,
        .n_controls = 1,
        .regions = regions,
        .output = out_path,
        .force = 1};
}

static int
run_neurons(void)
{
    ba_align_opts_t opts = settings();
    ba_align_info_t info;

    opts.table = in_folder("neurons.tsv");
    opts.ranking = in_folder("ranking.tsv");
    opts.save_folds = 1;
    return ba_neurons_align(&ctx, &opts, &info);
}

static int
run_sets(void)
{
    static char one[TEST_PATH_SIZE + 8];
    const char *list[] = {one};
    ba_align_opts_t opts = settings();
    ba_align_info_t info;

    snprintf(one, sizeof one, "one=%s", in_folder("one.txt"));
    opts.sets = list;
    opts.n_sets = 1;
    opts.shapley = 1;
    opts.set_table = in_folder("sets.tsv");
    opts.regions = NULL;
    return ba_neurons_align(&ctx, &opts, &info);
}

static int
run_elimination(void)
{
    ba_align_opts_t opts = settings();
    ba_align_info_t info;

    opts.regions = NULL;
    opts.elimination = in_folder("elimination.tsv");
    return ba_neurons_align(&ctx, &opts, &info);
}

static int
run_ranking(void)
{
    ba_ranking_t *ranking = NULL;
    int status = ba_align_ranking_read(in_folder("kept.h5"), BA_BRAIN_DELTA_R2, &ranking);

    ba_ranking_free(ranking);
    return status;
}

static void
test_neurons(void **state)
{
    (void) state;
    exhaust(run_neurons, 50);
}

static void
test_sets(void **state)
{
    (void) state;
    exhaust(run_sets, 50);
}

static void
test_elimination(void **state)
{
    (void) state;
    exhaust(run_elimination, 50);
}

static void
test_ranking(void **state)
{
    (void) state;
    assert_int_equal(run_neurons(), BA_OK);
    assert_int_equal(rename(out_path, in_folder("kept.h5")), 0);
    exhaust(run_ranking, 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neurons),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_elimination),
        cmocka_unit_test(test_ranking),
    };

    return cmocka_run_group_tests(tests, open_study, close_study);
}
