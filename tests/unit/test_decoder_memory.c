/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What decode fit says beforehand of its memory: neighbourhoods, the audit's copies. */
#include "tests/memorylib.h"
#include "tests/unit/decoder_study.h"

static char positions[TEST_PATH_SIZE];

typedef struct {
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
} case_t;

static void
start(case_t *c)
{
    FILE *stream;

    start_study(&c->study);
    c->opts = options(&c->study, &c->alphas);
    c->opts.fit.want_fold_weights = 0;
    stream = fopen(test_join(positions, c->study.folder, "positions.csv"), "w");
    assert_non_null(stream);
    for (size_t j = 0; j < V; j++) {
        fprintf(stream, "%zu,0\n", j);
    }
    assert_int_equal(fclose(stream), 0);
}

static void
stop(case_t *c)
{
    ba_alphas_free(&c->alphas);
    test_remove_folder(c->study.folder);
}

static int
run_case(void *payload, size_t memory, int dry_run, size_t *planned)
{
    case_t *c = payload;
    ba_ctx_t ctx = ba_ctx_default();
    ba_decode_fit_info_t info = {0};
    int status;

    ctx.n_threads = 1;
    ctx.memory = memory;
    c->opts.dry_run = dry_run;
    status = run(&ctx, &c->study, c->study.y, &c->opts, &info);
    *planned = info.fit.bytes_planned;
    return status;
}

/* Copies of responses (float64), features and a byte for each sample. */
static void
test_audit(void **state)
{
    static case_t c;
    size_t before, after, planned_before, planned_after;
    size_t copies = N * (V + D) * sizeof(double) + N;

    (void) state;
    start(&c);
    before = test_least_memory(run_case, &c);
    assert_int_equal(run_case(&c, 1 << 24, 1, &planned_before), BA_OK);
    c.opts.audit = 1;
    after = test_least_memory(run_case, &c);
    assert_int_equal(run_case(&c, 1 << 24, 1, &planned_after), BA_OK);
    assert_int_equal(after - before, copies);
    assert_int_equal(planned_after - planned_before, copies);
    stop(&c);
}

/* Neighbours of all against neighbours of a few: the members, and what they are worked on
 * with. */
static void
test_searchlight(void **state)
{
    static case_t c;
    size_t few, many;

    (void) state;
    start(&c);
    c.opts.voxel_score = BA_VOXELS_SEARCHLIGHT;
    c.opts.n_voxels = 3;
    c.opts.voxel_positions = positions;
    c.opts.radius = "0.5";
    few = test_least_memory(run_case, &c);
    c.opts.radius = "7";
    many = test_least_memory(run_case, &c);
    assert_true(many >= few + V * (V - 1) * sizeof(int32_t));
    stop(&c);
}

/* Every way to choose columns: the choice is planned, too. */
static void
test_choices(void **state)
{
    static case_t c;
    static char rois[TEST_PATH_SIZE];
    static const char *const specs[] = {rois};
    FILE *stream;

    (void) state;
    start(&c);
    c.opts.n_voxels = 3;
    for (size_t lags = 1; lags < 3; lags++) {
        c.opts.response_delays = lags == 1 ? "1" : "1,2";
        c.opts.voxel_score = BA_VOXELS_ENCODING;
        test_least_memory(run_case, &c);
    }
    c.opts.n_voxels = 0;
    c.opts.voxel_score = BA_VOXELS_ROI;
    c.opts.rois = specs;
    c.opts.n_rois = c.opts.n_best_rois = 1;
    stream = fopen(test_join(rois, c.study.folder, "rois.tsv"), "w");
    assert_non_null(stream);
    fprintf(stream, "roi\na\na\nb\na\na\na\nb\n");
    assert_int_equal(fclose(stream), 0);
    test_least_memory(run_case, &c);
    stop(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audit),
        cmocka_unit_test(test_searchlight),
        cmocka_unit_test(test_choices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
