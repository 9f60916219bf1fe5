/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Multinomial regression of decode fit, and response columns chosen without a model, by
 * hand. */
#include "tests/unit/decoder_study.h"

#include "brainalign/probe.h"
#include "model/voxel_score.h"

/* Mean of the responses at t and two later. */
static double
both(const study_t *study, size_t t, size_t j)
{
    return (study->responses[t * V + j] + study->responses[(t + 2) * V + j]) / 2;
}

enum { KINDS = 7, KEPT = RUN - 2 };

/* Scores of one column over the training samples of the fold that holds run k out. */
static double
score_by_hand(const study_t *study, ba_voxel_score_t measure, size_t k, size_t j)
{
    double x[N], work[2 * KINDS];
    int32_t kind[N];
    size_t n = 0;

    for (size_t t = 0; t < N; t++) {
        if (t / RUN != k && t % RUN < KEPT) {
            kind[n] = (int32_t) (t % RUN % KINDS);
            x[n++] = both(study, t, j);
        }
    }
    /* Items follow one another in the same order every time: repeats are in a row. */
    return measure == BA_VOXELS_F ? ba_f_statistic(x, kind, n, KINDS, work)
                                  : ba_stability(x, KINDS, n / KINDS);
}

static void
check_measure(study_t *study, ba_voxel_score_t measure)
{
    enum { K = 3 };
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts = options(study, &alphas);
    double *selected, *scores;

    opts.labels = study->labels;
    opts.response_delays = "0,2";
    opts.scale_responses = BA_SCALE_ZSCORE;
    opts.fit.want_fold_weights = 0;
    opts.n_voxels = K;
    opts.voxel_score = measure;
    opts.audit = 1;
    assert_int_equal(run(NULL, study, study->y, &opts, NULL), BA_OK);
    selected = found(study, "/selected", RUNS * K);
    scores = found(study, "/voxels/score_by_fold", RUNS * V);
    for (size_t k = 0; k < RUNS; k++) {
        for (size_t j = 0; j < V; j++) {
            size_t n_better = 0, place = K;

            assert_close(scores[k * V + j], score_by_hand(study, measure, k, j), 1e-9);
            for (size_t i = 0; i < V; i++) {
                n_better += scores[k * V + i] > scores[k * V + j];
            }
            for (size_t i = 0; i < K; i++) {
                place = selected[k * K + i] == (double) j ? i : place;
            }
            assert_true(n_better < K ? place == n_better : place == K);
        }
    }
    free(selected);
    free(scores);
    ba_alphas_free(&alphas);
}

static void
test_measures(void **state)
{
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    FILE *labels;

    (void) state;
    start_study(&study);
    labels = fopen(study.labels, "w");
    assert_non_null(labels);
    for (size_t t = 0; t < N; t++) {
        fprintf(labels, "c%d\n", (int) (t % RUN % KINDS));
    }
    assert_int_equal(fclose(labels), 0);
    check_measure(&study, BA_VOXELS_F);
    check_measure(&study, BA_VOXELS_STABILITY);
    opts = options(&study, &alphas);
    opts.response_delays = "0";
    opts.voxel_score = BA_VOXELS_F;
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_VALUE);
    opts.n_voxels = 2;
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_VALUE);
    opts.voxel_score = BA_VOXELS_STABILITY;
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_VALUE);
    opts.voxel_items = study.labels;
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_OK);
    labels = fopen(study.labels, "w");
    assert_non_null(labels);
    for (size_t t = 0; t < N; t++) {
        fprintf(labels, "c%d\n", (int) t);
    }
    assert_int_equal(fclose(labels), 0);
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_SHAPE);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

/* Log odds of multinomial regression on the z-scored columns themselves, fitted on all
 * runs but one, in float64 by its own certified optimum. */
static void
softmax_by_hand(const study_t *study, size_t held, const uint32_t *label, double alpha,
    double *probability)
{
    float x[N * V];
    double weight[N], mean[V], scale[V], logits[N * KINDS], column[N];
    ba_probe_data_t data = {.x = {x, N, V, N},
        .n_neurons = V,
        .center = mean,
        .scale = scale,
        .row_weight = weight,
        .label = label,
        .n_classes = 3};
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_t *probe = NULL;

    for (size_t j = 0; j < V; j++) {
        size_t n = 0;

        for (size_t t = 0; t < N; t++) {
            x[t + j * N] = (float) study->responses[t * V + j];
            weight[t] = t / RUN != held;
            if (t / RUN != held) {
                column[n++] = study->responses[t * V + j];
            }
        }
        moments(column, n, mean + j, scale + j);
    }
    opts.penalty = BA_PENALTY_SQUARED;
    opts.l1 = 0;
    opts.l2 = alpha / (N - RUN);
    opts.gap = 1e-9;
    assert_int_equal(ba_probe_fit(NULL, &data, &opts, NULL, &probe), BA_OK);
    assert_int_equal(
        ba_probe_logits(NULL, probe, &data, NULL, BA_REST_ZERO, NULL, logits), BA_OK);
    for (size_t t = held * RUN; t < (held + 1) * RUN; t++) {
        double sum = 0;

        for (size_t k = 0; k < 3; k++) {
            sum += exp(logits[t + k * N]);
        }
        for (size_t k = 0; k < 3; k++) {
            probability[t * 3 + k] = exp(logits[t + k * N]) / sum;
        }
    }
    ba_probe_free(probe);
}

static void
write_kinds(const study_t *study, uint32_t *label)
{
    FILE *labels = fopen(study->labels, "w");

    assert_non_null(labels);
    for (size_t t = 0; t < N; t++) {
        const double *y = study->responses + t * V;

        label[t] = y[0] > 0.5 ? 0 : y[1] > 0 ? 1 : 2;
        fprintf(labels, "c%u\n", (unsigned) label[t]);
    }
    assert_int_equal(fclose(labels), 0);
}

/* One penalty: p < n and, with every column four times over, p > n, where the same
 * predictions take four times the penalty. */
static void
test_multinomial(void **state)
{
    study_t study;
    ba_alphas_t alphas;
    ba_decode_fit_opts_t opts;
    ba_decode_fit_info_t info;
    uint32_t label[N];
    double expected[N * 3], *probability, *gap, *alpha, wide[N * V * 8];

    (void) state;
    start_study(&study);
    write_kinds(&study, label);
    for (size_t k = 0; k < RUNS; k++) {
        softmax_by_hand(&study, k, label, 3.0, expected);
    }
    opts = options(&study, &alphas);
    opts.labels = study.labels;
    opts.response_delays = "0";
    opts.multinomial = 1;
    opts.fit.want_fold_weights = 0;
    assert_int_equal(run(NULL, &study, study.y, &opts, &info), BA_OK);
    probability = found(&study, "/classes/multinomial/probability", N * 3);
    assert_all_close(probability, expected, N * 3, 2e-4);
    gap = found(&study, "/classes/multinomial/gap_by_fold", RUNS);
    assert_true(gap[0] <= 1e-7 && gap[1] <= 1e-7 && gap[2] <= 1e-7);
    assert_true(info.multinomial_accuracy > 0.5);
    free(probability);
    free(gap);
    for (size_t i = 0; i < N * V * 8; i++) {
        wide[i] = study.responses[i / (V * 8) * V + i % V];
    }
    write_csv(study.other, wide, V * 8);
    opts.fit.alphas.values[0] = 24.0;
    assert_int_equal(run(NULL, &study, study.other, &opts, NULL), BA_OK);
    probability = found(&study, "/classes/multinomial/probability", N * 3);
    assert_all_close(probability, expected, N * 3, 2e-4);
    free(probability);
    ba_alphas_free(&alphas);
    assert_int_equal(ba_alphas_parse("log:-1,3,5", &alphas), BA_OK);
    opts.fit.alphas = alphas;
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_OK);
    alpha = found(&study, "/classes/multinomial/alpha_by_fold", RUNS);
    assert_true(alpha[0] > 0.09 && alpha[0] < 1001);
    free(alpha);
    opts.labels = NULL;
    assert_int_equal(run(NULL, &study, study.y, &opts, NULL), BA_VALUE);
    ba_alphas_free(&alphas);
    test_remove_folder(study.folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_multinomial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
