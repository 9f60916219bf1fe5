/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rankings by weight: shares sum to 1, planted neurons first. */
#include "tests/probelib.h"

#include "neurons/lca.h"

enum { N = 200, P = 10, C = 3 };

static void
test_scores(void **state)
{
    probe_study_t study = probe_study(N, P, C, 1);
    ba_probe_data_t data = probe_study_data(&study);
    ba_probe_trainer_t trainer = {.fit = ba_probe_opts_default()};
    double score[(C + 1) * P], stability[(C + 1) * P];
    uint32_t group[N];
    ba_probe_bootstrap_t bootstrap = {group, N, 6, 3};
    ba_probe_t *probe;

    (void) state;
    for (uint32_t i = 0; i < N; i++) {
        group[i] = i;
    }
    trainer.fit.l1 = 0.03;
    assert_int_equal(
        ba_lca_scores(NULL, &data, &trainer, &bootstrap, score, stability, &probe),
        BA_OK);
    for (size_t c = 0; c < C; c++) {
        double sum = 0;

        for (size_t j = 0; j < P; j++) {
            sum += score[j + c * P];
            assert_true(score[c + c * P] >= score[j + c * P]);
            assert_int_equal(score[j + c * P] > 0, fabs(probe->weights[j + c * P]) > 0);
        }
        assert_close(sum, 1, 1e-12);
        assert_close(score[c + C * P], 1, 0);
        assert_close(stability[c + C * P], 1, 1e-12);
    }
    for (size_t j = C; j < P; j++) {
        assert_true(score[j + C * P] < 1);
    }
    ba_probe_free(probe);
    probe_study_free(&study);
}

/* A class without weights has no shares. */
static void
test_no_weights(void **state)
{
    probe_study_t study = probe_study(N, P, C, 2);
    ba_probe_data_t data = probe_study_data(&study);
    ba_probe_trainer_t trainer = {.fit = ba_probe_opts_default()};
    double score[(C + 1) * P];

    (void) state;
    trainer.fit.l1 = 10;
    assert_int_equal(
        ba_lca_scores(NULL, &data, &trainer, NULL, score, NULL, NULL), BA_OK);
    assert_true(isnan(score[0]));
    assert_close(score[C * P], 0, 0);
    probe_study_free(&study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores), cmocka_unit_test(test_no_weights)};

    return cmocka_run_group_tests_name("lca", tests, NULL, NULL);
}
