/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rankings by the weights of a probe are those of the probe fitted by itself. */
#include "tests/ranklib.h"

#include "neurons/lca.h"

/* The training tokens by hand, z-scored by the probe. */
static void
fit_by_hand(const rank_study_t *study, double *score)
{
    static float x[RANK_TOKENS * RANK_NEURONS];
    static uint32_t label[RANK_TOKENS];
    static double target[RANK_TOKENS * RANK_CONCEPTS];
    double center[RANK_NEURONS], scale[RANK_NEURONS];
    size_t n = study->split.n_train;
    ba_probe_trainer_t trainer = {.fit = ba_probe_opts_default()};
    ba_probe_data_t data = {.x = {x, n, RANK_NEURONS, n},
        .n_neurons = RANK_NEURONS,
        .n_classes = study->concepts.n_concepts};

    memset(target, 0, sizeof target);
    for (size_t i = 0; i < n; i++) {
        size_t token = study->train[i];

        for (size_t j = 0; j < RANK_NEURONS; j++) {
            x[i + j * n] = (float) study->x[token + j * RANK_TOKENS];
        }
        label[i] = study->concept[study->first[token]];
        for (size_t c = 0; c < data.n_classes; c++) {
            target[i + c * n] = rank_has(study, token, c);
        }
    }
    assert_int_equal(ba_probe_scale(NULL, &data, center, scale, NULL), BA_OK);
    data.center = center;
    data.scale = scale;
    trainer.fit.kind =
        study->concepts.is_exclusive ? BA_PROBE_SOFTMAX : BA_PROBE_ONE_VS_REST;
    data.label = study->concepts.is_exclusive ? label : NULL;
    data.target = study->concepts.is_exclusive ? NULL : target;
    trainer.fit.l1 = trainer.fit.l2 = 1e-3;
    assert_int_equal(
        ba_lca_scores(NULL, &data, &trainer, NULL, score, NULL, NULL), BA_OK);
}

static void
check_study(int exclusive)
{
    rank_study_t *study = rank_study(5, exclusive);
    ba_rank_opts_t opts = rank_plain("lca");
    double expected[(RANK_CONCEPTS + 1) * RANK_NEURONS];
    size_t n_rows;
    ba_ranking_t *ranking;

    /* Without labels of their own, tokens leave the last concept empty. */
    study->concepts.n_concepts -= !exclusive;
    n_rows = study->concepts.n_concepts + 1;
    opts.zscore = 1;
    opts.n_bootstrap = 4;
    ranking = rank_must(study, &opts, NULL);
    fit_by_hand(study, expected);
    assert_int_equal(ranking->n_concepts, n_rows);
    assert_all_close(ranking->score, expected, n_rows * RANK_NEURONS, 1e-6);
    for (size_t k = 0; k < n_rows * RANK_NEURONS; k++) {
        double share = 4 * ranking->stability[k];

        assert_true(share >= 0 && share <= 4);
        assert_close(share, rint(share), 1e-12);
    }
    for (size_t c = 0; c < n_rows; c++) {
        size_t best = ranking->order[c * RANK_NEURONS];

        for (size_t j = 0; j < RANK_NEURONS; j++) {
            assert_true(ranking->score[best + c * RANK_NEURONS] >=
                        ranking->score[j + c * RANK_NEURONS]);
        }
    }
    ba_ranking_free(ranking);
    rank_study_free(study);
}

static void
test_softmax(void **state)
{
    (void) state;
    check_study(1);
}

static void
test_one_vs_rest(void **state)
{
    (void) state;
    check_study(0);
}

static void
test_refused(void **state)
{
    rank_study_t *study = rank_study(6, 1);
    ba_rank_opts_t opts = rank_plain("lca");
    ba_ranking_t *ranking = NULL;

    (void) state;
    opts.n_permutations = 9;
    assert_int_equal(
        ba_neurons_rank(NULL, &study->data, &opts, &ranking, NULL), BA_VALUE);
    assert_contains(ba_error_message(), "method lca: cannot be tested");
    rank_study_free(study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_one_vs_rest),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
