/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Response columns by region and by searchlight: against decode fits of every
 * neighbourhood and region alone, and what held-out rows may change. */
#include "tests/unit/decoder_study.h"

enum { REGIONS = 3, ALPHAS = 2 };

/* Members of the regions; column 3 is in none. */
static const char *const region_of[V] = {"b", "a", "b", "n/a", "a", "c", "a"};
static const size_t members[REGIONS][3] = {{0, 2}, {1, 4, 6}, {5}}; /* b, a, c */
static const size_t n_members[REGIONS] = {2, 3, 1};

static char table[TEST_PATH_SIZE], positions[TEST_PATH_SIZE], rois[TEST_PATH_SIZE + 8];
static const char *const specs[] = {rois};

/* One thread: small work. */
static const ba_ctx_t *
one_thread(void)
{
    static ba_ctx_t ctx;

    ctx = ba_ctx_default();
    ctx.n_threads = 1;
    return &ctx;
}

static void
start(study_t *study, ba_decode_fit_opts_t *opts, ba_alphas_t *alphas)
{
    FILE *stream;

    start_study(study);
    *opts = options(study, alphas);
    opts->response_delays = "2";
    opts->fit.want_fold_weights = 0;
    assert_int_equal(ba_alphas_parse("2,50", &opts->voxel_alphas), BA_OK);
    stream = fopen(test_join(table, study->folder, "table.tsv"), "w");
    assert_non_null(stream);
    fprintf(stream, "roi\n");
    for (size_t j = 0; j < V; j++) {
        fprintf(stream, "%s\n", region_of[j]);
    }
    assert_int_equal(fclose(stream), 0);
    snprintf(rois, sizeof rois, "%s:roi", table);
    stream = fopen(test_join(positions, study->folder, "positions.csv"), "w");
    assert_non_null(stream);
    for (size_t j = 0; j < V; j++) {
        fprintf(stream, "%zu,%zu\n", j, j / 4);
    }
    assert_int_equal(fclose(stream), 0);
}

static void
stop(study_t *study, ba_decode_fit_opts_t *opts, ba_alphas_t *alphas)
{
    ba_alphas_free(alphas);
    ba_alphas_free(&opts->voxel_alphas);
    test_remove_folder(study->folder);
}

/* Largest inner r over alphas of a fit of some columns alone: RUNS x D. */
static void
fit_alone(const study_t *study, const ba_decode_fit_opts_t *like, const size_t *columns,
    size_t n, double *largest)
{
    ba_decode_fit_opts_t opts = *like;
    double y[N * V], *scores;

    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < n; j++) {
            y[i * n + j] = study->responses[i * V + columns[j]];
        }
    }
    write_csv(study->other, y, n);
    opts.n_voxels = opts.n_rois = opts.n_best_rois = 0;
    opts.voxel_score = BA_VOXELS_ENCODING;
    opts.voxel_positions = opts.radius = NULL;
    opts.fit.alphas = like->voxel_alphas;
    opts.voxel_alphas = (ba_alphas_t){0};
    opts.fit.select = BA_SCORE_R;
    opts.fit.want_cv = 1;
    assert_int_equal(run(one_thread(), study, study->other, &opts, NULL), BA_OK);
    scores = found(study, "/cv_scores_by_fold", RUNS * ALPHAS * D);
    for (size_t k = 0; k < RUNS; k++) {
        for (size_t j = 0; j < D; j++) {
            largest[k * D + j] =
                fmax(scores[k * ALPHAS * D + j], scores[k * ALPHAS * D + D + j]);
        }
    }
    free(scores);
}

/* Neighbourhoods within 1.5 of (j, j / 4): columns on a line with a step at 4. */
static void
test_searchlight(void **state)
{
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    double *scores, *selected, largest[RUNS * D], wanted[RUNS * V];

    (void) state;
    start(&study, &opts, &alphas);
    opts.voxel_score = BA_VOXELS_SEARCHLIGHT;
    opts.n_voxels = 3;
    opts.voxel_positions = positions;
    opts.radius = "1.2";
    assert_int_equal(run(one_thread(), &study, study.y, &opts, NULL), BA_OK);
    scores = found(&study, "/voxels/score_by_fold", RUNS * V);
    selected = found(&study, "/selected", RUNS * 3);
    for (size_t j = 0; j < V; j++) {
        size_t near[3], n = 0;

        for (size_t i = j > 0 ? j - 1 : 0; i < V && i <= j + 1; i++) {
            if (i / 4 == j / 4) {
                near[n++] = i;
            }
        }
        fit_alone(&study, &opts, near, n, largest);
        for (size_t k = 0; k < RUNS; k++) {
            wanted[k * V + j] =
                fmax(fmax(largest[k * D], largest[k * D + 1]), largest[k * D + 2]);
        }
    }
    assert_all_close(scores, wanted, RUNS * V, 1e-12);
    for (size_t k = 0; k < RUNS; k++) {
        for (size_t j = 0; j < V; j++) {
            size_t n_better = 0, at = 0;

            for (size_t i = 0; i < V; i++) {
                n_better += wanted[k * V + i] > wanted[k * V + j];
            }
            while (at < 3 && selected[k * 3 + at] != (double) j) {
                at++;
            }
            assert_int_equal(at, n_better < 3 ? n_better : 3);
        }
    }
    free(scores);
    free(selected);
    stop(&study, &opts, &alphas);
}

static void
test_rois(void **state)
{
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    ba_decode_fit_info_t info;
    double *scores, *chosen, *selected, *predictions, *alone, largest[RUNS * D];

    (void) state;
    start(&study, &opts, &alphas);
    opts.voxel_score = BA_VOXELS_ROI;
    opts.rois = specs;
    opts.n_rois = opts.n_best_rois = 1;
    assert_int_equal(run(one_thread(), &study, study.y, &opts, &info), BA_OK);
    assert_int_equal(info.n_regions, REGIONS);
    assert_int_equal(info.n_chosen, 3);
    scores = found(&study, "/regions/score_by_fold", RUNS * REGIONS);
    chosen = found(&study, "/regions/selected", RUNS);
    selected = found(&study, "/selected", RUNS * 3);
    predictions = found(&study, "/predictions", N * D);
    for (size_t r = 0; r < REGIONS; r++) {
        fit_alone(&study, &opts, members[r], n_members[r], largest);
        for (size_t k = 0; k < RUNS; k++) {
            const double *own = largest + k * D;
            size_t best = (size_t) chosen[k];

            assert_close(scores[k * REGIONS + r], (own[0] + own[1] + own[2]) / 3, 1e-12);
            assert_true(scores[k * REGIONS + best] >= scores[k * REGIONS + r]);
            for (size_t i = 0; i < 3; i++) {
                assert_true(selected[k * 3 + i] ==
                            (i < n_members[best] ? (double) members[best][i] : -1.0));
            }
        }
    }
    /* Run k is decoded as by a fit of the region alone. */
    for (size_t k = 0; k < RUNS; k++) {
        const char *name = region_of[members[(size_t) chosen[k]][0]];
        ba_decode_fit_opts_t other = opts;

        other.voxel_score = BA_VOXELS_ENCODING;
        other.n_rois = 1;
        other.n_best_rois = 0;
        other.voxel_alphas = (ba_alphas_t){0};
        other.roi_names = &name;
        other.n_roi_names = 1;
        assert_int_equal(run(one_thread(), &study, study.y, &other, &info), BA_OK);
        assert_int_equal(info.n_voxels, n_members[(size_t) chosen[k]]);
        alone = found(&study, "/predictions", N * D);
        assert_all_close(predictions + k * RUN * D, alone + k * RUN * D, RUN * D, 1e-12);
        free(alone);
    }
    free(scores);
    free(chosen);
    free(selected);
    free(predictions);
    stop(&study, &opts, &alphas);
}

/* Columns of the regions that are named are as if there were no others. */
static void
test_named(void **state)
{
    static const char *const names[] = {"c", "b"};
    static const double columns[] = {0, 2, 5};
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    double y[N * 3], *some, *alone, *column, *selected, *order;

    (void) state;
    start(&study, &opts, &alphas);
    opts.voxel_score = BA_VOXELS_ENCODING;
    opts.n_voxels = 2;
    for (size_t i = 0; i < N * 3; i++) {
        y[i] = study.responses[i / 3 * V + (size_t) columns[i % 3]];
    }
    write_csv(study.other, y, 3);
    assert_int_equal(run(one_thread(), &study, study.other, &opts, NULL), BA_OK);
    alone = found(&study, "/predictions", N * D);
    order = found(&study, "/selected", RUNS * 2);
    opts.rois = specs;
    opts.n_rois = 1;
    opts.roi_names = names;
    opts.n_roi_names = 2;
    assert_int_equal(run(one_thread(), &study, study.y, &opts, NULL), BA_OK);
    some = found(&study, "/predictions", N * D);
    selected = found(&study, "/selected", RUNS * 2);
    column = found(&study, "/voxels/column", 3);
    assert_memory_equal(some, alone, N * D * sizeof *some);
    assert_memory_equal(column, columns, sizeof columns);
    for (size_t i = 0; i < RUNS * 2; i++) {
        assert_true(selected[i] == columns[(size_t) order[i]]);
    }
    free(some);
    free(alone);
    free(order);
    free(selected);
    free(column);
    stop(&study, &opts, &alphas);
}

/* Other numbers in run 1 change nothing that its fold chooses by, threads change no bit,
 * and the audit finds nothing. */
static void
check_leak(const ba_decode_fit_opts_t *opts, study_t *study, const char *scores,
    size_t n_scores, size_t k)
{
    ba_ctx_t two = ba_ctx_default();
    ba_decode_fit_opts_t audited = *opts;
    ba_decode_fit_info_t info;
    double *before, *after, *chosen, *other;

    two.n_threads = 2;
    assert_int_equal(run(one_thread(), study, study->y, opts, NULL), BA_OK);
    before = found(study, scores, RUNS * n_scores);
    chosen = found(study, "/selected", RUNS * k);
    assert_int_equal(run(&two, study, study->y, opts, NULL), BA_OK);
    after = found(study, scores, RUNS * n_scores);
    assert_memory_equal(before, after, RUNS * n_scores * sizeof *before);
    free(after);
    audited.audit = 1;
    assert_int_equal(run(one_thread(), study, study->y, &audited, &info), BA_OK);
    assert_true(info.audit.is_clean);
    for (size_t t = RUN; t < 2 * RUN; t++) {
        for (size_t j = 0; j < V; j++) {
            study->responses[t * V + j] =
                -40.0 * study->features[t * D + j % D] + (double) (j * t);
        }
    }
    write_csv(study->other, study->responses, V);
    assert_int_equal(run(one_thread(), study, study->other, opts, NULL), BA_OK);
    after = found(study, scores, RUNS * n_scores);
    other = found(study, "/selected", RUNS * k);
    assert_memory_equal(before + n_scores, after + n_scores, n_scores * sizeof *before);
    assert_memory_not_equal(before, after, n_scores * sizeof *before);
    assert_memory_equal(chosen + k, other + k, k * sizeof *chosen);
    free(before);
    free(after);
    free(chosen);
    free(other);
}

static void
test_leak(void **state)
{
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;

    (void) state;
    start(&study, &opts, &alphas);
    opts.voxel_score = BA_VOXELS_SEARCHLIGHT;
    opts.n_voxels = 3;
    opts.voxel_positions = positions;
    opts.radius = "1.2";
    ba_alphas_free(&opts.voxel_alphas);
    opts.voxel_alphas = (ba_alphas_t){0};
    check_leak(&opts, &study, "/voxels/score_by_fold", V, 3);
    stop(&study, &opts, &alphas);
    start(&study, &opts, &alphas);
    opts.voxel_score = BA_VOXELS_ROI;
    opts.rois = specs;
    opts.n_rois = 1;
    opts.n_best_rois = 2;
    check_leak(&opts, &study, "/regions/score_by_fold", REGIONS, 5);
    stop(&study, &opts, &alphas);
}

typedef struct {
    size_t n;
    char last[400];
} warnings_t;

static void
keep_warning(ba_log_level_t level, const char *line, void *payload)
{
    warnings_t *warnings = payload;

    if (level == BA_LOG_WARNING) {
        warnings->n++;
        snprintf(warnings->last, sizeof warnings->last, "%s", line);
    }
}

/* Region c varies in run 1 alone: the fold that holds it out has nothing to score it by,
 * whether penalties are given or found, and the other folds go on. */
static void
check_constant(study_t *study, ba_decode_fit_opts_t *opts)
{
    warnings_t warnings = {0};
    ba_ctx_t ctx = *one_thread();
    double *scores, *chosen, *codes, *last;

    ctx.log = keep_warning;
    ctx.payload = &warnings;
    assert_int_equal(run(&ctx, study, study->other, opts, NULL), BA_OK);
    scores = found(study, "/regions/score_by_fold", RUNS * REGIONS);
    chosen = found(study, "/regions/selected", RUNS * 2);
    codes = found(study, "/regions/status_by_fold", RUNS * REGIONS);
    last = found(study, "/regions/status", REGIONS);
    for (size_t i = 0; i < RUNS * REGIONS; i++) {
        int is_constant = i == 2;

        assert_int_equal(isnan(scores[i]) != 0, is_constant);
        assert_int_equal(codes[i], is_constant ? BA_TARGET_CONSTANT : BA_TARGET_SCORED);
    }
    assert_true(chosen[0] != 2.0 && chosen[1] != 2.0);
    assert_int_equal(last[2], BA_TARGET_SCORED);
    assert_int_equal(warnings.n, 1);
    assert_string_equal(warnings.last, "region 'c' has no score in 1 of 4 fits (its "
                                       "columns are constant), which leave it out");
    free(scores);
    free(chosen);
    free(codes);
    free(last);
}

static void
test_constant_region(void **state)
{
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    ba_decode_fit_info_t info;

    (void) state;
    start(&study, &opts, &alphas);
    opts.voxel_score = BA_VOXELS_ROI;
    opts.rois = specs;
    opts.n_rois = 1;
    opts.n_best_rois = 2;
    opts.scale_responses = BA_SCALE_ZSCORE;
    opts.fit.cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 4};
    for (size_t t = RUN; t < N; t++) {
        study.responses[t * V + 5] = 4.0;
    }
    write_csv(study.other, study.responses, V);
    check_constant(&study, &opts);
    ba_alphas_free(&opts.voxel_alphas);
    opts.voxel_alphas = (ba_alphas_t){0};
    check_constant(&study, &opts);
    opts.audit = 1;
    assert_int_equal(run(one_thread(), &study, study.other, &opts, &info), BA_OK);
    assert_true(info.audit.is_clean);
    opts.n_best_rois = REGIONS;
    assert_int_equal(run(one_thread(), &study, study.other, &opts, NULL), BA_SHAPE);
    assert_string_equal(ba_error_message(),
        "n-rois: 3, but one fit scores 2 of 3 regions, wanted as many as are "
        "chosen in each");
    stop(&study, &opts, &alphas);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_searchlight),
        cmocka_unit_test(test_rois),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_leak),
        cmocka_unit_test(test_constant_region),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
