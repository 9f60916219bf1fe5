/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode fit from files: against ridge by hand, what held-out rows may change. */
#include "tests/unit/decoder_study.h"

static double
design_at(const study_t *study, size_t t, size_t column)
{
    return study->responses[(t + 1 + column / V) * V + column % V];
}

static int
is_kept(size_t t)
{
    return t % RUN < RUN - LAGS;
}

/* Predictions of run `held` by ridge on the z-scored samples of the other runs. */
static void
by_hand(const study_t *study, size_t held, double *predicted)
{
    double x[N * COLUMNS], y[N * D], weights[COLUMNS * D], alpha = ALPHA;
    double mean[COLUMNS + D], scale[COLUMNS + D];
    size_t rows[N], n = 0;
    ba_ridge_opts_t opts = {.intercept = BA_INTERCEPT_NO};

    for (size_t t = 0; t < N; t++) {
        if (is_kept(t) && t / RUN != held) {
            rows[n++] = t;
        }
    }
    for (size_t c = 0; c < COLUMNS + D; c++) {
        double *column = c < COLUMNS ? x + c * n : y + (c - COLUMNS) * n;

        for (size_t i = 0; i < n; i++) {
            column[i] = c < COLUMNS ? design_at(study, rows[i], c)
                                    : study->features[rows[i] * D + c - COLUMNS];
        }
        moments(column, n, &mean[c], &scale[c]);
        for (size_t i = 0; i < n; i++) {
            column[i] = (column[i] - mean[c]) / scale[c];
        }
    }
    assert_int_equal(
        ba_ridge_solve(NULL, (ba_cdmat_t){x, n, COLUMNS, n}, (ba_cdmat_t){y, n, D, n},
            &alpha, 1, &opts, (ba_dmat_t){weights, COLUMNS, D, COLUMNS}, NULL),
        BA_OK);
    for (size_t t = held * RUN; t < (held + 1) * RUN; t++) {
        for (size_t j = 0; j < D; j++) {
            double sum = 0;

            for (size_t c = 0; is_kept(t) && c < COLUMNS; c++) {
                sum += (design_at(study, t, c) - mean[c]) / scale[c] *
                       weights[c + j * COLUMNS];
            }
            predicted[t * D + j] =
                is_kept(t) ? mean[COLUMNS + j] + scale[COLUMNS + j] * sum : (double) NAN;
        }
    }
}

static void
test_by_hand(void **state)
{
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    ba_decode_fit_info_t info;
    double wanted[N * D], *predictions;

    (void) state;
    start_study(&study);
    opts = options(&study, &alphas);
    assert_int_equal(run(NULL, &study, study.y, &opts, &info), BA_OK);
    assert_int_equal(info.n_used, RUNS * (RUN - LAGS));
    assert_int_equal(info.fit.gap_outer, 2);
    assert_true(info.mean_r > 0.5);
    for (size_t k = 0; k < RUNS; k++) {
        by_hand(&study, k, wanted);
    }
    predictions = found(&study, "/predictions", N * D);
    assert_all_close(predictions, wanted, N * D, 1e-12);
    free(predictions);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

/* Everything of the model of run 1 stays the same, bit by bit, whatever was recorded in
 * that run; its predictions do not. */
static void
test_held_out(void **state)
{
    static const char *const paths[] = {"/fold_weights", "/scaling/response_mean_by_fold",
        "/scaling/response_scale_by_fold", "/scaling/feature_mean_by_fold",
        "/best_alphas_by_fold"};
    static const size_t sizes[] = {COLUMNS * D, COLUMNS, COLUMNS, D, D};
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    double *before[5], *clean;

    (void) state;
    start_study(&study);
    opts = options(&study, &alphas);
    opts.fit.alphas = (ba_alphas_t){0};
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_OK);
    for (size_t k = 0; k < 5; k++) {
        before[k] = found(&study, paths[k], RUNS * sizes[k]);
    }
    clean = found(&study, "/predictions", N * D);
    for (size_t t = RUN; t < 2 * RUN; t++) {
        for (size_t j = 0; j < V; j++) {
            study.responses[t * V + j] = 1e6 * (double) (j + 1) - (double) (t * t);
        }
    }
    write_csv(study.other, study.responses, V);
    assert_int_equal(run(NULL, &study, study.other, &opts, NULL), BA_OK);
    for (size_t k = 0; k < 5; k++) {
        double *after = found(&study, paths[k], RUNS * sizes[k]);

        assert_memory_equal(
            before[k] + sizes[k], after + sizes[k], sizes[k] * sizeof *after);
        assert_true(k > 2 || memcmp(before[k], after, sizes[k] * sizeof *after) != 0);
        free(after);
        free(before[k]);
    }
    before[0] = found(&study, "/predictions", N * D);
    assert_memory_not_equal(clean + RUN * D, before[0] + RUN * D, D * sizeof *clean);
    free(before[0]);
    free(clean);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

/* Threads and memory change no bit, in either precision. */
static void
test_threads(void **state)
{
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    ba_ctx_t one = ba_ctx_default(), two = ba_ctx_default();
    double *a, *b;

    (void) state;
    start_study(&study);
    opts = options(&study, &alphas);
    opts.fit.alphas = (ba_alphas_t){0};
    opts.fit.precision = BA_SINGLE;
    one.n_threads = 1;
    two.n_threads = 2;
    two.memory = (size_t) 1 << 26;
    assert_int_equal(run(&one, &study, study.y, &opts, NULL), BA_OK);
    a = found(&study, "/scaled/predictions", N * D);
    assert_int_equal(run(&two, &study, study.y, &opts, NULL), BA_OK);
    b = found(&study, "/scaled/predictions", N * D);
    assert_memory_equal(a, b, N * D * sizeof *a);
    free(a);
    free(b);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

/* Blocks of 4 samples in turn of two categories; the last of each run in none. */
static void
write_blocks(const study_t *study)
{
    FILE *labels = fopen(study->labels, "w"), *blocks = fopen(study->blocks, "w");

    assert_true(labels && blocks);
    for (size_t t = 0; t < N; t++) {
        int rest = t % RUN >= 12;

        fprintf(labels, "%s\n", rest ? "n/a" : t / 4 % 2 ? "tool" : "face");
        fprintf(blocks, "%d\n", rest ? -1 : (int) (t / 4));
    }
    assert_int_equal(fclose(labels), 0);
    assert_int_equal(fclose(blocks), 0);
}

static void
test_categories(void **state)
{
    enum { BLOCKS = 9 };
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    ba_decode_fit_info_t info;
    double *scores, *predicted, *truth, *confusion, *by_fold, right = 0, mean = 0;

    (void) state;
    start_study(&study);
    write_blocks(&study);
    opts = options(&study, &alphas);
    opts.labels = study.labels;
    opts.blocks = study.blocks;
    opts.response_delays = "0";
    opts.fit.want_fold_weights = 0;
    assert_int_equal(run(NULL, &study, study.y, &opts, &info), BA_OK);
    assert_int_equal(info.n_samples, BLOCKS);
    assert_int_equal(info.n_classes, 2);
    assert_int_equal(info.n_decided, BLOCKS);
    scores = found(&study, "/predictions", BLOCKS * 2);
    predicted = found(&study, "/classes/predicted", BLOCKS);
    truth = found(&study, "/classes/true", BLOCKS);
    confusion = found(&study, "/classes/confusion", 4);
    by_fold = found(&study, "/classes/accuracy_by_fold", RUNS);
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t block = i / 3 * 4 + i % 3;

        assert_true(truth[i] == (double) (block % 2));
        assert_true(predicted[i] == (scores[2 * i + 1] > scores[2 * i] ? 1.0 : 0.0));
        right += predicted[i] == truth[i];
    }
    for (size_t k = 0; k < RUNS; k++) {
        mean += by_fold[k] / RUNS;
    }
    assert_close(info.accuracy, right / BLOCKS, 1e-15);
    assert_close(mean, right / BLOCKS, 1e-15);
    assert_close(confusion[0] + confusion[3], right, 0);
    free(scores);
    free(predicted);
    free(truth);
    free(confusion);
    free(by_fold);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

/* A column that is not finite is left out: as if it had been constant. */
static void
test_unusable(void **state)
{
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    ba_decode_fit_info_t info;
    double *constant, *missing;

    (void) state;
    start_study(&study);
    opts = options(&study, &alphas);
    for (size_t t = 0; t < N; t++) {
        study.responses[t * V + 2] = 5;
    }
    write_csv(study.other, study.responses, V);
    assert_int_equal(run(NULL, &study, study.other, &opts, &info), BA_OK);
    assert_int_equal(info.n_unusable, 0);
    constant = found(&study, "/predictions", N * D);
    study.responses[9 * V + 2] = INFINITY;
    write_csv(study.other, study.responses, V);
    assert_int_equal(run(NULL, &study, study.other, &opts, &info), BA_OK);
    assert_int_equal(info.n_unusable, 1);
    missing = found(&study, "/predictions", N * D);
    assert_memory_equal(constant, missing, N * D * sizeof *missing);
    free(constant);
    free(missing);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

/* With columns chosen in the fold: whatever is recorded in a held-out run changes neither
 * the columns of its fold nor their model; every column chosen is the fit of all. */
static void
test_chosen(void **state)
{
    enum { K = 3 };
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    double *selected, *scores, *weights, *other, *all;

    (void) state;
    start_study(&study);
    opts = options(&study, &alphas);
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_OK);
    all = found(&study, "/predictions", N * D);
    opts.n_voxels = V;
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_OK);
    other = found(&study, "/predictions", N * D);
    assert_all_close(other, all, N * D, 1e-12);
    free(other);
    free(all);
    opts.n_voxels = K;
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_OK);
    selected = found(&study, "/selected", RUNS * K);
    scores = found(&study, "/voxels/score_by_fold", RUNS * V);
    weights = found(&study, "/fold_weights", RUNS * LAGS * K * D);
    for (size_t k = 0; k < RUNS; k++) {
        for (size_t i = 1; i < K; i++) {
            assert_true(scores[k * V + (size_t) selected[k * K + i - 1]] >=
                        scores[k * V + (size_t) selected[k * K + i]]);
        }
    }
    for (size_t t = RUN; t < 2 * RUN; t++) {
        for (size_t j = 0; j < V; j++) {
            study.responses[t * V + j] = 50.0 * study.features[t * D + j % D];
        }
    }
    write_csv(study.other, study.responses, V);
    assert_int_equal(run(NULL, &study, study.other, &opts, NULL), BA_OK);
    other = found(&study, "/selected", RUNS * K);
    assert_memory_equal(other + K, selected + K, K * sizeof *other);
    free(other);
    other = found(&study, "/voxels/score_by_fold", RUNS * V);
    assert_memory_equal(other + V, scores + V, V * sizeof *other);
    assert_memory_not_equal(other, scores, V * sizeof *other);
    free(other);
    other = found(&study, "/fold_weights", RUNS * LAGS * K * D);
    assert_memory_equal(
        other + LAGS * K * D, weights + LAGS * K * D, LAGS * K * D * sizeof *other);
    free(other);
    free(selected);
    free(scores);
    free(weights);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_held_out),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_unusable),
        cmocka_unit_test(test_chosen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
