/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Probes against scikit-learn, torch and NeuroX. */
#include "tests/golden/probe_data.h"

#include <time.h>

#define DATA "data/tinylm_streusle/tinylm_streusle.h5"
#define LCA "golden/neurons/n1_lca.h5"

typedef struct {
    char file[TEST_PATH_SIZE], source[TEST_PATH_SIZE];
    probe_data_t train, test;
} study_t;

static void
open_study(study_t *study)
{
    golden_t x, rows, labels;

    assert_true(test_data_path(study->file, sizeof study->file, LCA));
    assert_true(test_data_path(study->source, sizeof study->source, DATA));
    x = golden_read(study->source, "/activations/residual");
    rows = golden_read(study->file, "/row_train");
    labels = golden_read(study->file, "/label_train");
    study->train = probe_data_take(&x, &rows, 384, 0, &labels);
    golden_free(&rows);
    golden_free(&labels);
    rows = golden_read(study->file, "/row_test");
    labels = golden_read(study->file, "/label_test");
    study->test = probe_data_take(&x, &rows, 384, 0, &labels);
    golden_free(&rows);
    golden_free(&labels);
    golden_free(&x);
}

static void
close_study(study_t *study)
{
    probe_data_free(&study->train);
    probe_data_free(&study->test);
}

static size_t
count_correct(const ba_probe_t *probe, const ba_probe_data_t *data)
{
    double *logits = malloc(data->x.n_rows * data->n_classes * sizeof *logits);
    ba_probe_score_t *score;
    size_t n;

    assert_int_equal(
        ba_probe_logits(NULL, probe, data, NULL, BA_REST_ZERO, NULL, logits), BA_OK);
    assert_int_equal(
        ba_probe_score(logits, data->x.n_rows, data->n_classes, data->label, &score),
        BA_OK);
    n = score->n_correct;
    ba_probe_score_free(score);
    free(logits);
    return n;
}

/* Largest differences of one convex case. */
static void
check_case(study_t *study, ba_probe_data_t *data, size_t number)
{
    static const ba_penalty_t forms[] = {BA_PENALTY_NEUROX, BA_PENALTY_NEUROX,
        BA_PENALTY_NEUROX, BA_PENALTY_NEUROX, BA_PENALTY_SQUARED, BA_PENALTY_SQUARED,
        BA_PENALTY_SQUARED, BA_PENALTY_SQUARED};
    char group[32];
    ba_probe_opts_t opts = ba_probe_opts_default();
    ba_probe_t *probe;
    golden_t w, b;
    double worst = 0, worst_b = 0;
    size_t zeros = 0;
    clock_t start = clock();

    snprintf(group, sizeof group, "/convex/%zu", number);
    opts.penalty = forms[number];
    opts.l1 = probe_attr(study->file, group, "l1");
    opts.l2 = probe_attr(study->file, group, "l2");
    opts.gap = 1e-9;
    opts.kkt = 1e-9;
    if (ba_probe_fit(NULL, data, &opts, NULL, &probe) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    w = golden_read_in(study->file, group, "W");
    b = golden_read_in(study->file, group, "b");
    for (size_t c = 0; c < 17; c++) {
        for (size_t j = 0; j < 384; j++) {
            double found = probe->weights[j + c * 384], wanted = w.data[c * 384 + j];

            worst = fmax(worst, fabs(found - wanted));
            zeros += (fabs(found) > 0) != (fabs(wanted) > 0);
        }
        worst_b = fmax(worst_b, fabs(probe->bias[c] - b.data[c]));
    }
    print_message("%zu: objective %.15g off %.2g, W %.2g, b %.2g, zeros %zu, gap %.2g, "
                  "kkt %.2g, %zu its, %.2f s cpu\n",
        number, probe->objective,
        probe->objective - probe_attr(study->file, group, "objective"), worst, worst_b,
        zeros, probe->gap, probe->kkt, probe->n_iterations,
        (double) (clock() - start) / CLOCKS_PER_SEC);
    golden_free(&w);
    golden_free(&b);
    ba_probe_free(probe);
}

static void
test_convex(void **state)
{
    study_t study;
    ba_probe_data_t data;

    (void) state;
    open_study(&study);
    data = probe_data_view(&study.train, 17);
    assert_int_equal(
        ba_probe_scale(NULL, &data, study.train.center, study.train.scale, NULL), BA_OK);
    data.center = study.train.center;
    data.scale = study.train.scale;
    for (size_t i = 0; i < 8; i++) {
        if (getenv("ONE") && (size_t) atoi(getenv("ONE")) != i) continue;
        check_case(&study, &data, i);
    }
    (void) count_correct;
    close_study(&study);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_convex)};

    return cmocka_run_group_tests_name("golden: probe", tests, NULL, NULL);
}
