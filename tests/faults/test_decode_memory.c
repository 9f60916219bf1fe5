/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that runs out anywhere in decode fit with columns or regions of each fold:
 * BA_NOMEM, nothing under the output's name, no leak (MODE=asan). */
#include "tests/unit/decoder_study.h"

#include "tests/faults/exhaust.h"

static study_t study;
static ba_alphas_t alphas;
static ba_decode_fit_opts_t common;
static ba_dataset_t *dataset;
static ba_ctx_t ctx;
static char positions[TEST_PATH_SIZE], table[TEST_PATH_SIZE], rois[TEST_PATH_SIZE + 8];

static int
open_study(void **state)
{
    const char *features[] = {study.x};
    ba_dataset_opts_t data = {
        .features = features, .n_features = 1, .runs = "onsets:0,16,32"};

    (void) state;
    start_study(&study);
    ctx = ba_ctx_default();
    ctx.n_threads = 1;
    data.responses = study.y;
    assert_int_equal(ba_dataset_open(NULL, &data, &dataset), BA_OK);
    test_join(positions, study.folder, "positions.csv");
    test_write_file(positions, "0\n1\n2\n3\n4\n5\n6\n", 14);
    test_join(table, study.folder, "table.tsv");
    test_write_file(table, "roi\na\nb\na\nb\na\nc\nc\n", 18);
    snprintf(rois, sizeof rois, "%s:roi", table);
    common = options(&study, &alphas);
    common.fit.want_fold_weights = 0;
    common.response_delays = "1";
    common.voxel_alphas = alphas;
    snprintf(out_folder, sizeof out_folder, "%s", study.folder);
    snprintf(out_path, sizeof out_path, "%s", study.result);
    return 0;
}

static int
close_study(void **state)
{
    (void) state;
    ba_dataset_free(dataset);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
    return 0;
}

static int
run_searchlight(void)
{
    ba_decode_fit_opts_t opts = common;

    opts.voxel_score = BA_VOXELS_SEARCHLIGHT;
    opts.voxel_positions = positions;
    opts.radius = "1";
    opts.n_voxels = 2;
    return ba_decode_fit(&ctx, dataset, &opts, NULL);
}

static int
run_regions(void)
{
    static const char *const specs[] = {rois};
    ba_decode_fit_opts_t opts = common;

    opts.voxel_score = BA_VOXELS_ROI;
    opts.rois = specs;
    opts.n_rois = opts.n_best_rois = 1;
    return ba_decode_fit(&ctx, dataset, &opts, NULL);
}

static void
test_searchlight(void **state)
{
    (void) state;
    exhaust(run_searchlight, 50);
}

static void
test_regions(void **state)
{
    (void) state;
    exhaust(run_regions, 50);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_searchlight),
        cmocka_unit_test(test_regions),
    };

    return cmocka_run_group_tests(tests, open_study, close_study);
}
