/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must not change a bit of a probe, and two ways to one. */
#include "tests/probelib.h"

enum { N = 3000, P = 900, C = 8 };

static ba_probe_t *
fit(const ba_ctx_t *ctx, const ba_probe_data_t *data, const ba_probe_opts_t *opts)
{
    ba_probe_t *probe;

    if (ba_probe_fit(ctx, data, opts, NULL, &probe) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    return probe;
}

/* Enough numbers for every loop to be shared out. */
static void
test_threads(void **state)
{
    probe_study_t study = probe_study(N, P, C, 1);
    ba_probe_data_t data = probe_study_data(&study);
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_t *probes[3];

    (void) state;
    opts.l1 = 0.01;
    opts.l2 = 0.01;
    for (int i = 0; i < 3; i++) {
        ba_ctx_t ctx = ba_ctx_default();

        ctx.n_threads = i + 1;
        probes[i] = fit(&ctx, &data, &opts);
        assert_true(probes[i]->is_converged);
        assert_memory_equal(
            probes[0]->weights, probes[i]->weights, P * C * sizeof(double));
        assert_memory_equal(probes[0]->bias, probes[i]->bias, C * sizeof(double));
        assert_memory_equal(&probes[0]->gap, &probes[i]->gap, sizeof(double));
    }
    for (int i = 0; i < 3; i++) {
        ba_probe_free(probes[i]);
    }
    probe_study_free(&study);
}

/* The gap is below what was asked for at every step of a path, for all forms. */
static void
test_gaps(void **state)
{
    probe_study_t study = probe_study(400, 60, 5, 2);
    ba_probe_data_t data = probe_study_data(&study);

    (void) state;
    for (size_t i = 0; i < 24; i++) {
        ba_probe_opts_t opts = ba_probe_opts_default();
        ba_probe_t *probe;

        opts.kind = (ba_probe_kind_t) (i % 3);
        opts.penalty = (ba_penalty_t) (i / 3 % 2);
        opts.l1 = opts.l2 = 0.1 / pow(4, (double) (i / 6));
        opts.gap = 1e-8;
        probe = fit(NULL, &data, &opts);
        assert_true(probe->is_converged && probe->gap <= 1e-8 * probe->objective);
        ba_probe_free(probe);
    }
    probe_study_free(&study);
}

/* Probes that stand by themselves do not see one another. */
static void
test_one_by_one(void **state)
{
    probe_study_t study = probe_study(300, 20, 4, 3);
    ba_probe_data_t data = probe_study_data(&study), one;
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_t *all, *alone;

    (void) state;
    data.label = NULL;
    data.target = study.target;
    one = data;
    one.n_classes = 1;
    opts.gap = 1e-12;
    opts.kkt = 1e-10;
    opts.l1 = 0.02;
    opts.l2 = 0.03;
    for (int kind = 1; kind < 3; kind++) {
        opts.kind = (ba_probe_kind_t) kind;
        all = fit(NULL, &data, &opts);
        for (size_t c = 0; c < 4; c++) {
            one.target = study.target + c * 300;
            alone = fit(NULL, &one, &opts);
            assert_all_close(alone->weights, all->weights + c * 20, 20, 1e-8);
            assert_close(alone->bias[0], all->bias[c], 1e-8);
            ba_probe_free(alone);
        }
        ba_probe_free(all);
    }
    probe_study_free(&study);
}

/* Neurons in another order carry the same weights; a shift of a neuron moves the bias
 * alone. */
static void
test_order_and_shift(void **state)
{
    probe_study_t study = probe_study(300, 10, 3, 4), moved = probe_study(300, 10, 3, 4);
    ba_probe_data_t data = probe_study_data(&study), other = probe_study_data(&moved);
    ba_probe_opts_t opts = ba_probe_opts_default();
    size_t columns[10];
    ba_probe_t *probe, *changed;

    (void) state;
    opts.gap = 1e-12;
    opts.kkt = 1e-10;
    opts.l1 = opts.l2 = 0.02;
    for (size_t j = 0; j < 10; j++) {
        columns[j] = 9 - j;
        for (size_t i = 0; i < 300; i++) {
            moved.x[i + j * 300] += 16;
        }
    }
    other.columns = columns;
    probe = fit(NULL, &data, &opts);
    changed = fit(NULL, &other, &opts);
    /* The shifted values are rounded to float32 at 16: 1e-6 of a deviation each. */
    for (size_t c = 0; c < 3; c++) {
        for (size_t j = 0; j < 10; j++) {
            assert_close(
                probe->weights[j + c * 10], changed->weights[9 - j + c * 10], 1e-5);
        }
    }
    ba_probe_free(probe);
    ba_probe_free(changed);
    probe_study_free(&study);
    probe_study_free(&moved);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads),
        cmocka_unit_test(test_gaps), cmocka_unit_test(test_one_by_one),
        cmocka_unit_test(test_order_and_shift)};

    return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
