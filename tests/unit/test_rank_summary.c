/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ranklib.h"

#include "neurons/rank_impl.h"

/* Layers 0 (neurons 0 .. 3), 1, 2; excess over chance by hand. */
static void
test_layers(void **state)
{
    rank_study_t *study = rank_study(3, 0);
    ba_rank_opts_t opts = rank_plain("auroc");
    ba_rank_report_t *report;
    ba_ranking_t *ranking;

    (void) state;
    opts.mass = 0.7;
    ranking = rank_must(study, &opts, &report);
    assert_int_equal(report->n_layers, 3);
    assert_int_equal(report->n_top, 10);
    for (size_t c = 0; c < 3; c++) {
        double layer[3] = {0}, total = 0, held = 0;
        size_t n = 0, top[3] = {0};

        assert_close(report->chance[c], 0.5, 0);
        for (size_t j = 0; j < RANK_NEURONS; j++) {
            double excess = fmax(0, ranking->score[c * RANK_NEURONS + j] - 0.5);

            layer[j / 4] += excess;
            total += excess;
        }
        for (size_t k = 0; k < RANK_NEURONS; k++) {
            size_t j = ranking->order[c * RANK_NEURONS + k];

            top[j / 4] += k < 10;
            if (held < 0.7 * total) {
                held += ranking->score[c * RANK_NEURONS + j] - 0.5;
                n++;
            }
        }
        assert_int_equal(report->n_holding[c], n);
        for (size_t k = 0; k < 3; k++) {
            assert_close(report->layer_mass[c * 3 + k], layer[k] / total, 1e-12);
            assert_int_equal(report->layer_top[c * 3 + k], top[k]);
        }
    }
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    rank_study_free(study);
}

/* What a neuron of noise scores: the mean over many neurons of noise is near it. */
static void
test_chance(void **state)
{
    static const char *const methods[] = {"ap", "auroc", "mi", "mean", "corr"};
    enum { N = 3000 };
    rank_study_t *study = rank_study(4, 1);
    uint64_t random = 99;
    double *x = malloc(N * RANK_TOKENS * sizeof *x);
    size_t *columns = malloc(N * sizeof *columns), *zeros = calloc(N, sizeof *zeros);

    (void) state;
    assert_non_null(x);
    assert_non_null(columns);
    assert_non_null(zeros);
    for (size_t i = 0; i < N * RANK_TOKENS; i++) {
        x[i] = test_normal(&random);
    }
    for (size_t j = 0; j < N; j++) {
        columns[j] = j;
    }
    ba_source_close(study->activations.source);
    assert_int_equal(ba_source_from_memory(x, RANK_TOKENS, N, RANK_TOKENS, "noise",
                         &study->activations.source),
        0);
    study->activations.neurons.n_neurons = N;
    study->activations.neurons.layer = zeros;
    study->activations.neurons.component = zeros;
    study->activations.neurons.unit = study->activations.file_column = columns;
    for (size_t k = 0; k < 5; k++) {
        ba_rank_opts_t opts = rank_plain(methods[k]);
        ba_rank_report_t *report;
        ba_ranking_t *ranking = rank_must(study, &opts, &report);

        for (size_t r = 0; r < ranking->n_concepts; r++) {
            double mean = 0, scatter = 0;

            for (size_t j = 0; j < N; j++) {
                mean += ranking->score[r * N + j] / N;
            }
            for (size_t j = 0; j < N; j++) {
                scatter += pow(ranking->score[r * N + j] - mean, 2) / N;
            }
            /* 5 standard errors, and the terms that the formulas leave out: about 1 / P. */
            assert_close(mean, report->chance[r],
                5 * sqrt(scatter / N) + (k == 0 ? 0.03 : 0) + (k == 2 ? 0.02 : 0));
        }
        ba_ranking_free(ranking);
        ba_rank_report_free(report);
    }
    free(x);
    free(columns);
    free(zeros);
    rank_study_free(study);
}

static void
test_experts(void **state)
{
    rank_study_t *study = rank_study(5, 0);
    ba_rank_opts_t opts = rank_plain("expert");
    ba_rank_report_t *report;
    ba_ranking_t *ranking;

    (void) state;
    for (size_t i = 0; i < RANK_TOKENS; i++) {
        study->x[i] = rank_has(study, i, 0) ? 1 : 0; /* AP 1: not above the last step */
    }
    ranking = rank_must(study, &opts, &report);
    for (size_t k = 0; k < BA_EXPERT_STEPS; k += 100) {
        size_t n = 0;

        for (size_t j = 0; j < RANK_NEURONS; j++) {
            n += ranking->score[j] > 0.5 + (double) k / 1000;
        }
        assert_int_equal(report->n_experts[k], n);
    }
    assert_int_equal(report->n_experts[BA_EXPERT_STEPS - 2], 1);
    assert_int_equal(report->n_experts[BA_EXPERT_STEPS - 1], 0);
    assert_close(report->on_p50[0], 1, 0);
    assert_close(report->off_mean[0], 0, 0);
    ba_ranking_free(ranking);
    ba_rank_report_free(report);
    rank_study_free(study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_chance),
        cmocka_unit_test(test_experts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
